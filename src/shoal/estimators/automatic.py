"""What "auto" means: from settings, and what is known of the rows, to numbers."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from shoal.compute.engine import engine
from shoal.compute.steps import Rule
from shoal.kinds import EVIDENCE
from shoal.network.architecture import Architecture
from shoal.settings import FULL_BATCH, MINI_BATCH, Settings
from shoal.training.lbfgs import GRADIENT_TOLERANCE
from shoal.training.lm import SMALLEST_GAIN
from shoal.training.loop import Plan

PLATEAU_RATES = (
    1.0,
    0.3,
    0.09,
)  # shares of the rate: what they bring is in docs/measured/practice.md
# By solver, and by the curvature of the loss: half squares are far steeper than cross-entropy.
# (lbfgs and lm find the length of each step by themselves.)
LEARNING_RATES = {"adam": 0.005, "sgd": 0.03, "gd": 0.25, "lbfgs": 1.0, "lm": 1.0}
SQUARES_LEARNING_RATES = {"adam": 0.005, "sgd": 0.003, "gd": 0.025, "lbfgs": 1.0, "lm": 1.0}
# The slope, or the gain as a share of the cost, from which a solver has converged.
CONVERGED = {"lbfgs": GRADIENT_TOLERANCE, "lm": SMALLEST_GAIN}
BETA2 = 0.95  # adam's memory of squared gradients: some 20 steps, less than an epoch
EARLY_STOPPING_ROWS = 50  # from here on some rows can be held out
# Number of hidden units, and more of them for many classes or targets (docs/measured/practice.md).
HIDDEN, MANY_OUTPUTS, HIDDEN_FOR_MANY = 64, 9, 128
# The time of a step of lm grows with the cube of the parameters: few units, and numbers without bins.
HIDDEN_FOR_LM = 10  # as in MATLAB's fitnet
# Ensemble size below a number of rows. Members cost time, and gain less the more rows there are.
MEMBERS = ((2_000, 8), (20_000, 6), (100_000, 4))
MOST_ROWS_MEMBERS = 2
# Epochs without improvement: six, but of few rows these are few steps. Where none are held out, more
# would only learn the noise (docs/measured/practice.md).
PATIENCE, PATIENCE_STEPS = 6, 150
# Of very many rows an epoch is a thousand steps: larger batches are less noisy, and less
# patience is enough (docs/measured/speed.md).
VERY_MANY_ROWS, PATIENCE_OF_VERY_MANY = 1 << 19, 2
LARGEST_BATCH, BATCH_OF_VERY_MANY = 256, 512
# Bins of a number; fewer for few rows or many columns, and none for very many columns.
MOST_BINS = 32
FEW_ROWS, FEW_ROWS_BINS = 1000, 8
MOST_BINS_IN_ALL, LEAST_BINS, MOST_COLUMNS = 512, 4, 1024

# Purposes of the keys that are made from a member's seed.
DRAW, ORDER, SPLIT, MEMBER = 1, 2, 3, 1000


def bins_of(s: Settings, m: int, columns: int) -> int:
    """The largest number of bins of a number, for m rows."""
    if s.bins != "auto":
        return s.bins
    if s.solver == "lm":
        return 0
    most = FEW_ROWS_BINS if m < FEW_ROWS else MOST_BINS
    if columns > MOST_COLUMNS:
        return 0
    return max(LEAST_BINS, min(most, MOST_BINS_IN_ALL // max(columns, 1)))


def members_of(s: Settings, m: int) -> int:
    """The ensemble size for m rows, if neither `init` nor an earlier fit says another."""
    if s.members != "auto":
        return s.members
    return next((n for rows, n in MEMBERS if m < rows), MOST_ROWS_MEMBERS)


def stops_early(s: Settings, m: int) -> bool:
    """Whether a part of m rows is held out to stop by."""
    if s.alpha == EVIDENCE:
        return False
    return m >= EARLY_STOPPING_ROWS if s.early_stopping == "auto" else bool(s.early_stopping)


def architecture_of(s: Settings, n_x: int, n_y: int, output: str) -> Architecture:
    """The network's shapes and functions."""
    n_h = s.hidden
    if n_h == "auto" and s.solver == "lm":
        n_h = HIDDEN_FOR_LM
    elif n_h == "auto":
        n_h = HIDDEN if n_y < MANY_OUTPUTS else HIDDEN_FOR_MANY
    return Architecture(n_x, n_h, n_y, s.activation, output)


def rate_of(s: Settings, output: str) -> float:
    """The learning rate."""
    if s.learning_rate == "auto" or s.solver in CONVERGED:
        return usual_rate_of(s.solver, output)
    return s.learning_rate


def usual_rate_of(solver: str, output: str) -> float:
    """What learning_rate="auto" means."""
    return (SQUARES_LEARNING_RATES if output == "identity" else LEARNING_RATES)[solver]


def plan_of(s: Settings, output: str, m: int, seed: int, *, held: bool = False) -> Plan:
    """How to train a member on m rows, and when to stop; `held`: by rows held out."""
    rule = Rule(
        s.solver,
        rate_of(s, output),
        momentum=s.momentum if s.solver == "sgd" else 0.0,
        beta2=BETA2,
        alpha=0.0 if isinstance(s.alpha, str) else s.alpha,
        evidence=s.alpha == EVIDENCE,
        batch_size=batch_of(s, m),
        key=engine.child(seed, ORDER),
        shuffle_rows=s.shuffle_rows,
        decay=s.weight_decay,
        horizon=s.max_iter if s.schedule == "cosine" else 0,
        dropout=s.dropout,
    )
    falls = s.schedule == "plateau" and s.solver in MINI_BATCH
    return Plan(
        rule,
        s.max_iter,
        tol=s.tol,
        n_iter_no_change=patience_of(s, m, held),
        converged=min(CONVERGED[s.solver], s.tol) if s.solver in CONVERGED else -1.0,
        rates=PLATEAU_RATES if falls else (1.0,),
    )


def patience_of(s: Settings, m: int, held: bool) -> int:
    """After how many epochs without improvement a training on m rows stops; `held`: by others."""
    if s.n_iter_no_change != "auto":
        return s.n_iter_no_change
    if s.solver not in MINI_BATCH or not held:
        return PATIENCE
    if m >= VERY_MANY_ROWS:
        return PATIENCE_OF_VERY_MANY
    return max(PATIENCE, -(-PATIENCE_STEPS // -(-m // auto_batch(m))))


def batch_of(s: Settings, m: int) -> int:
    """Rows of a step; 0 for all of them."""
    if s.solver in FULL_BATCH:
        return 0
    return min(auto_batch(m) if s.batch_size == "auto" else s.batch_size, m)


def auto_batch(m: int) -> int:
    """Some 50 steps an epoch, in batches from 32 to 256 rows; of very many rows 512."""
    if m >= VERY_MANY_ROWS:
        return BATCH_OF_VERY_MANY
    return int(min(max(1 << max(m // 50, 1).bit_length() - 1, 32), LARGEST_BATCH))


def seed_of(random_state: Any) -> int:
    """A seed from an int, a RandomState, or None (which draws one)."""
    if isinstance(random_state, int | np.integer):
        return int(random_state) % (1 << 64)
    return int(check_random_state(random_state).randint(1 << 31))

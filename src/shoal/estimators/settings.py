"""What an estimator may be asked for, and what "auto" means: every setting checked, once."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from shoal.compute.steps import Rule
from shoal.errors import SettingError
from shoal.network.activations import ACTIVATIONS
from shoal.network.architecture import Architecture
from shoal.network.draws import child
from shoal.training.lbfgs import STEEP
from shoal.training.loop import Plan
from shoal.training.network import check_choice, check_positive, check_whole

if TYPE_CHECKING:
    from shoal.estimators.base import ShoalBase

MINI_BATCH = ("adam", "sgd")
SOLVERS = ("adam", "sgd", "gd", "lbfgs")
FULL_BATCH = ("gd", "lbfgs")  # all rows at every step
SCHEDULES = ("plateau", "constant", "cosine")
PLATEAU_RATES = (1.0, 0.3, 0.09)  # shares of the rate: what they bring is in docs/practice.md
# By solver, and by the curvature of the loss: half squares are far steeper than cross-entropy.
# (lbfgs finds the length of each step by itself.)
LEARNING_RATES = {"adam": 0.005, "sgd": 0.03, "gd": 0.25, "lbfgs": 1.0}
SQUARES_LEARNING_RATES = {"adam": 0.005, "sgd": 0.003, "gd": 0.025, "lbfgs": 1.0}
BETA2 = 0.95  # adam's memory of squared gradients: some 20 steps, less than an epoch
MAX_ITER = 1000  # far more than are needed as a rule: the stopping rules end a training
SHUFFLE_ROWS = 1 << 20  # hundreds of MB as a rule, and far more rows than a step has
EARLY_STOPPING_ROWS = 50  # "auto": from here on some rows can be spared
# "auto": so many units, and more of them for many classes or targets (docs/practice.md).
HIDDEN, MANY_OUTPUTS, HIDDEN_FOR_MANY = 64, 9, 128
# "auto": so many members up to so many rows. They cost time, and gain less the more rows there are.
MEMBERS = ((2_000, 8), (20_000, 6), (100_000, 4))
MOST_ROWS_MEMBERS = 2
# "auto": the bins of a number; fewer for few rows or many columns, and none for very many.
MOST_BINS = 32
FEW_ROWS, FEW_ROWS_BINS = 1000, 8
MOST_BINS_IN_ALL, LEAST_BINS, MOST_COLUMNS = 512, 4, 1024

UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
UNITS |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}

# Purposes of the keys that are made from a member's seed.
DRAW, ORDER, SPLIT, MEMBER = 1, 2, 3, 1000


def check_settings(model: "ShoalBase") -> None:
    """Raise SettingError for a setting that cannot be."""
    if model.hidden != "auto":
        check_whole("hidden", model.hidden, least=0)
    check_choice("activation", model.activation, ACTIVATIONS)
    check_choice("solver", model.solver, SOLVERS)
    if model.learning_rate != "auto":
        check_positive("learning_rate", model.learning_rate)
    check_positive("momentum", model.momentum, or_zero=True)
    if model.momentum >= 1:
        raise SettingError(f"momentum={model.momentum!r}: expected a number from 0 to below 1.")
    if model.batch_size != "auto":
        check_whole("batch_size", model.batch_size, least=1)
    check_whole("shuffle_rows", model.shuffle_rows, least=1)
    size_in_bytes(model.memory)
    check_whole("max_iter", model.max_iter, least=1)
    check_choice("schedule", model.schedule, SCHEDULES)
    check_positive("alpha", model.alpha, or_zero=True)
    check_positive("weight_decay", model.weight_decay, or_zero=True)
    check_positive("dropout", model.dropout, or_zero=True)
    if model.dropout >= 1:
        raise SettingError(f"dropout={model.dropout!r}: expected a number from 0 to below 1.")
    if model.dropout and model.solver not in ("adam", "sgd"):
        raise SettingError(
            f'dropout={model.dropout!r} with solver="{model.solver}": dropout needs steps on small '
            'batches. Use solver="adam" or "sgd", or dropout=0.'
        )
    if model.members != "auto":
        check_whole("members", model.members, least=1)
    if model.bins != "auto":
        check_whole("bins", model.bins, least=0)
    if model.early_stopping not in (True, False, "auto"):
        raise SettingError(
            f'early_stopping={model.early_stopping!r}: expected True, False or "auto".'
        )
    check_positive("validation_fraction", model.validation_fraction)
    if model.validation_fraction >= 1:
        raise SettingError(
            f"validation_fraction={model.validation_fraction!r}: expected a number between 0 and 1."
        )
    check_whole("n_iter_no_change", model.n_iter_no_change, least=1)
    check_positive("tol", model.tol, or_zero=True)
    if model.encode not in ("auto", None):
        raise SettingError(f'encode={model.encode!r}: expected "auto" or None.')
    if model.n_jobs is not None:
        check_whole("n_jobs", model.n_jobs, least=-(1 << 20))
    check_whole("replicas", model.replicas, least=1)
    if model.replicas > 1 and model.solver not in MINI_BATCH:
        raise SettingError(
            f"replicas={model.replicas} with solver={model.solver!r}: expected solver='adam' or "
            "'sgd'. Whoever takes all rows at every step needs no replicas."
        )
    if model.local_steps is not None:
        check_whole("local_steps", model.local_steps, least=1)
    if model.engine is not None:
        from shoal.cluster.connect import check_engine

        check_engine(model.engine)
        if model.solver in MINI_BATCH and model.replicas == 1:
            raise SettingError(
                f"solver={model.solver!r} on a cluster: its steps follow one another, and nobody "
                "can share them out. Use replicas=8 (or as many as you like), which train side by "
                "side and meet in their mean, or solver='lbfgs'."
            )
    if model.checkpoint and model.warm_start:
        raise SettingError(
            "checkpoint and warm_start=True: a checkpoint goes on with a fit that was cut "
            "short, warm_start with one that ended. Choose one."
        )
    try:
        good = np.dtype(model.dtype) in (np.float32, np.float64)
    except TypeError:
        good = False
    if not good:
        raise SettingError(f'dtype={model.dtype!r}: expected "float32" or "float64".')


def size_in_bytes(memory: Any) -> int | None:
    """The bytes of "2GiB", "500 MB" or a whole number; None stays None."""
    if memory is None:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", str(memory))
    size = float(found[1]) * UNITS.get(found[2].lower(), 0) if found else 0
    if size < 1:
        raise SettingError(
            f'memory={memory!r}: expected a size such as "2GiB" or "500MB", or a number of bytes.'
        )
    return int(size)


def bins_of(model: "ShoalBase", m: int, columns: int) -> int:
    """In how many bins a number is placed, at the most."""
    if model.bins != "auto":
        return int(model.bins)
    most = FEW_ROWS_BINS if m < FEW_ROWS else MOST_BINS
    if columns > MOST_COLUMNS:
        return 0
    return max(LEAST_BINS, min(most, MOST_BINS_IN_ALL // max(columns, 1)))


def plan_of(model: "ShoalBase", m: int, seed: int) -> Plan:
    """How to train a member on m rows, and when to stop."""
    batch = (
        0
        if model.solver in FULL_BATCH
        else auto_batch(m)
        if model.batch_size == "auto"
        else model.batch_size
    )
    rule = Rule(
        model.solver,
        rate_of(model),
        float(model.momentum) if model.solver == "sgd" else 0.0,
        beta2=BETA2,
        alpha=float(model.alpha),
        batch_size=min(batch, m),
        key=child(seed, ORDER),
        shuffle_rows=model.shuffle_rows,
        decay=float(model.weight_decay),
        horizon=model.max_iter if model.schedule == "cosine" else 0,
        dropout=float(model.dropout),
    )
    converged = min(STEEP, float(model.tol)) if model.solver == "lbfgs" else -1.0
    falls = model.schedule == "plateau" and model.solver in ("adam", "sgd")
    return Plan(
        rule,
        model.max_iter,
        float(model.tol),
        model.n_iter_no_change,
        converged,
        PLATEAU_RATES if falls else (1.0,),
    )


def architecture_of(model: "ShoalBase", n_x: int) -> Architecture:
    """The network's shapes and functions, once the targets are known."""
    n_h, n_y = model.hidden, model.n_outputs_
    if n_h == "auto":
        n_h = HIDDEN if n_y < MANY_OUTPUTS else HIDDEN_FOR_MANY
    return Architecture(n_x, n_h, n_y, model.activation, model.out_activation_)


def replicas_of(model: "ShoalBase") -> tuple[int, int]:
    """How many replicas there are, and after how many steps they meet; 0 is an epoch."""
    return model.replicas, model.local_steps or 0


def rate_of(model: "ShoalBase") -> float:
    """The learning rate."""
    auto = model.learning_rate == "auto" or model.solver == "lbfgs"
    return usual_rate_of(model) if auto else float(model.learning_rate)


def usual_rate_of(model: "ShoalBase") -> float:
    """What learning_rate="auto" means."""
    squares = model.out_activation_ == "identity"
    return (SQUARES_LEARNING_RATES if squares else LEARNING_RATES)[model.solver]


def seed_of(random_state: Any) -> int:
    """A seed from an int, a RandomState, or None (which draws one)."""
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        if random_state < 0:
            raise SettingError(f"random_state={random_state}: expected a whole number from 0 on.")
        return int(random_state) % (1 << 64)
    return int(check_random_state(random_state).randint(1 << 31))


def auto_batch(m: int) -> int:
    """Some 50 steps an epoch, in batches from 32 to 256 rows."""
    return int(min(max(1 << max(m // 50, 1).bit_length() - 1, 32), 256))

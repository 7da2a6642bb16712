"""Four starts side by side from the same data: zeros, too small, fitting, too large.

Each is trained by full-batch descent, as in the lecture; how often it learns is decided by
`init_study`'s trials over many seeds.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from shoal.compute.engine import engine
from shoal.compute.steps import Budget, Rule, Vector, start
from shoal.data.rows.examples import Examples, dense, rows_of
from shoal.diagnosis.case import sample_of
from shoal.diagnosis.study import study_of
from shoal.diagnosis.trials import Descent
from shoal.diagnosis.units import LARGEST_SLOPE, twins_of
from shoal.errors import SettingError
from shoal.lab.training import Ready
from shoal.lab.units import histogram, range_of
from shoal.network.initialisers import Init, initialise

KINDS: tuple[tuple[str, Init], ...] = (
    ("Zeros", "zeros"), ("Too small", 1e-4), ("Fitting", "auto"), ("Too large", 10.0),
)  # fmt: skip
SEEDS = 100
ROWS = 300
# This many multiply-adds in all: a few seconds on one core, the small steps counted dearly.
WORK = 3e9
STEP_COST = 3000  # multiply-adds that a step costs in addition to those of its rows
LEAST, MOST = 60, 1500  # iterations


def starts(ready: Ready, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """What becomes of four starts. Raises SettingError where there is no hidden layer."""
    if ready.linear:
        raise SettingError("hidden=0: without a hidden layer zeros are a fine start. Add a unit.")
    some = _few(ready.examples)
    steps = iterations_of(ready, some.m)
    rate = _rate(ready)
    kinds = [
        {"title": title, "init": init, **_one(ready, some, init, rate, steps)}
        for title, init in KINDS
    ]
    descent = Descent(ready.shape, some, rate, steps)
    study = study_of(descent, schemes=[init for _, init in KINDS], seeds=SEEDS, progress=progress)
    for kind, scheme in zip(kinds, study.schemes, strict=False):
        kind |= {
            "learnt": round(scheme.learnt * scheme.trials),
            "trials": scheme.trials,
            "until": scheme.until,
        }
    return {
        "kinds": kinds, "goal": study.goal, "constant": study.constant, "iterations": steps,
        "learning_rate": rate, "rows": some.m,
    }  # fmt: skip


def iterations_of(ready: Ready, m: int) -> int:
    """As many as four schemes and all seeds may cost."""
    step = STEP_COST + 3 * m * ready.shape.n_parameters
    return int(np.clip(WORK / (len(KINDS) * SEEDS * step), LEAST, MOST))


def _few(examples: Examples) -> Examples:
    some = sample_of(examples, ROWS)
    if some.rows is None:
        return some
    return Examples(
        np.ascontiguousarray(dense(rows_of(some.X, some.rows))),
        None if some.Y is None else np.ascontiguousarray(some.Y[some.rows]),
        None if some.labels is None else np.ascontiguousarray(some.labels[some.rows]),
    )


def _rate(ready: Ready) -> float:
    """The experiment's own if it descends; else the usual one for descent."""
    if ready.rule.solver == "gd":
        return float(ready.rule.learning_rate)
    return 0.5 if ready.question.classes else 0.05


def _one(ready: Ready, some: Examples, init: Init, rate: float, steps: int) -> dict[str, Any]:
    """One training from the experiment's own seed: curve, units, histograms."""
    shape = ready.shape
    drawn = initialise(
        *shape[:3], key=ready.experiment.seed, init=init, activation=shape.activation
    )
    first = shape.flatten(drawn, some.X.dtype)
    outcome = engine.train(shape, Rule("gd", rate), Budget(0, steps), some, start(first, "gd"), 1)
    ended = outcome.ending != "finished"
    last = outcome.state.best if ended else outcome.state.parameters
    losses = outcome.losses
    at = np.unique(np.geomspace(1, len(losses), 80).round().astype(int)) - 1
    return {
        "curve": [[int(i), float(losses[i])] for i in at if np.isfinite(losses[i])],
        "distinct": shape.n_h - sum(len(g) - 1 for g in twins_of(shape.unflatten(last))),
        "begin": _histograms(ready, some, first),
        "end": _histograms(ready, some, last),
    }


def _histograms(ready: Ready, some: Examples, vector: Vector) -> dict[str, Any]:
    """Of activations A1, and of slopes g'(Z1) as a share of the largest."""
    shape = ready.shape
    A1 = engine.forward(shape, vector, some.X, 1)[1].astype(np.float64)
    low, high = range_of(shape.activation, A1)
    slope = shape.g.slope(A1) / LARGEST_SLOPE.get(shape.activation, 1.0)
    return {
        "activations": histogram(A1, low, high),
        "range": [low, high],
        "slopes": histogram(slope, 0.0, 1.0),
    }

"""`init_study`: how often, and how fast, each initialisation learns.

Each scheme (how the weights are drawn) is tried with the same seeds: seed i gives every
scheme the same standard normal numbers, which the scheme only scales.
"""

import importlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.checks import check_choice, check_number, check_whole
from shoal.compute.engine import threads
from shoal.compute.memory import refuse_if_too_large
from shoal.data.rows.examples import Examples
from shoal.diagnosis.case import NOTHING_LEARNT, baseline_of
from shoal.diagnosis.trials import Descent, Draw, Progress, Trained, train_draws
from shoal.errors import DataError, SettingError
from shoal.kinds import check_init
from shoal.network.architecture import Architecture
from shoal.network.initialisers import LECTURE, Init
from shoal.training.network import architecture as architecture_of
from shoal.warn import warn

DEFAULT = "auto"  # what an estimator draws unless it is told otherwise
# From no randomness over the lecture's to far too much, the two with a theory, and the default.
SCHEMES: tuple[Init, ...] = (
    "zeros", 1e-4, 1e-3, "lecture", 0.1, 0.3, 1.0, 3.0, 10.0, "glorot", "he", DEFAULT,
)  # fmt: skip
CLASSES_AT_MOST = 20  # whole numbers with more values than this are numbers to predict
# The lecture's; half squares are steeper than cross-entropy.
LEARNING_RATE, SQUARES_LEARNING_RATE = 1.2, 0.05
POINTS = 200  # of a curve that is kept
# Of an advice: so many seeds choose a scheme and as many others confirm it, by a cost that is lower
# by a share in so many of them.
FEWEST_SEEDS, LOWER_BY, MOSTLY = 4, 0.02, 0.75


class Trial(NamedTuple):
    """One training of a study."""

    scheme: str
    seed: int
    start_cost: float
    final_cost: float  # infinite if it diverged
    learnt: bool  # whether the final cost is at most the goal
    until: int | None  # iterations until the cost was first at most the goal
    distinct: int  # hidden units at the end, twins counted once
    saturated_start: float  # share of (unit, example) pairs
    saturated_end: float
    held_cost: float | None = None  # of rows that no training sees, if there are some


class Scheme(NamedTuple):
    """What the trials of one scheme have in common; medians and quartiles are trials' values."""

    scheme: str
    trials: int
    learnt: float  # share of the trials
    until: int | None  # median iterations to the goal; None when fewer than half reach it
    distinct: float  # median
    saturated_start: float  # mean
    saturated_end: float
    cost_lower: float  # lower quartile of the final costs
    cost: float  # median
    cost_upper: float
    held_cost: float | None = None  # median, on rows that no training sees


class Curves(NamedTuple):
    """Costs of the trials of one scheme over the iterations: median and quartiles."""

    iterations: NDArray[np.int64]
    lower: NDArray[np.float64]
    median: NDArray[np.float64]
    upper: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InitStudy:
    """The result of `init_study`: prints as a table, and is one for `frame()` and JSON."""

    schemes: tuple[Scheme, ...]
    trials: tuple[Trial, ...]
    curves: dict[str, Curves]
    goal: float
    constant: float  # the cost of the best constant answer
    settings: dict[str, Any]
    seconds: float
    interruption: BaseException | None = None

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    def __repr__(self) -> str:
        return str(self)

    @property
    def advice(self) -> str:
        """Which scheme to use, by the training cost alone; the default unless another clearly wins.

        Every second seed chooses a scheme, and the others, which had no part in the choice, have to
        confirm that it beats the default.
        """
        usual = label(DEFAULT)
        costs = {
            row.scheme: np.array([t.final_cost for t in self.trials if t.scheme == row.scheme])
            for row in self.schemes
        }
        if usual not in costs:
            return f'advice: none, as the default, init="{DEFAULT}", is not among the schemes.'
        m = min(len(one) for one in costs.values())
        if m < 2 * FEWEST_SEEDS:
            return (
                f"advice: none, as {m} seeds are too few: at least {2 * FEWEST_SEEDS} are needed."
            )
        best = min(costs, key=lambda name: float(np.median(costs[name][0:m:2])))
        won = costs[best][1:m:2] < (1 - LOWER_BY) * costs[usual][1:m:2]
        on_held = {row.scheme: row.held_cost for row in self.schemes}
        if best == usual or np.mean(won) < MOSTLY:
            return (
                f'advice: keep the default, init="{DEFAULT}": no scheme has a clearly lower training '
                "cost on seeds that had no part in the choice."
            )
        shown = next(s for s in self.settings["schemes"] if label(s) == best)
        found = (
            f"init={shown!r}, whose training cost is lower than the default's on {won.sum()} of "
            f"{len(won)} seeds that had no part in the choice"
        )
        own, other = on_held[best], on_held[usual]
        if own is None or other is None:
            return (
                f"advice: {found}. This is about training cost with full-batch descent, not about new "
                "rows."
            )
        on_rows = (
            f"on rows held out the median costs are {own:.4f} and, of the default, {other:.4f}"
        )
        if own > other:
            return f'advice: keep the default, init="{DEFAULT}". There is {found}, but {on_rows}.'
        return f"advice: {found}; {on_rows}. This is about full-batch descent."

    def frame(self, *, trials: bool = False) -> Any:
        """A row for each scheme (or each trial), as pandas or polars have it, else pyarrow.

        Whatever is installed serves, in this order.
        """
        rows: Sequence[Any] = self.trials if trials else self.schemes
        columns = {name: [getattr(row, name) for row in rows] for name in rows[0]._fields}
        for library in ("pandas", "polars"):
            try:
                return importlib.import_module(library).DataFrame(columns)
            except ImportError:
                continue
        return importlib.import_module("pyarrow").table(columns)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; an infinite cost is None."""
        return {
            "settings": dict(self.settings),
            "goal": self.goal,
            "constant": self.constant,
            "schemes": [_plain(row) for row in self.schemes],
            "trials": [_plain(row) for row in self.trials],
            "advice": self.advice,
            "seconds": self.seconds,
            "interrupted": self.interruption is not None,
        }


def init_study(
    X: ArrayLike,
    y: ArrayLike,
    *,
    X_val: ArrayLike | None = None,
    y_val: ArrayLike | None = None,
    schemes: Sequence[Init] = SCHEMES,
    seeds: int | Sequence[int] = 50,
    hidden: int = 4,
    activation: str = "tanh",
    learning_rate: float | str = "auto",
    iterations: int = 10_000,
    goal: float | None = None,
    task: str | None = None,
    dtype: str = "float64",
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> InitStudy:
    """Train one network from many draws, and tell how often and how fast each scheme learns.

    Parameters
    ----------
    X : array of shape (rows, n_x)
        Numbers, taken as they are.
    y : array of shape (rows,) or (rows, n_y)
        Classes or numbers; with two dimensions zeros and ones, or numbers.
    X_val, y_val : like X and y, or None
        Rows that no training sees: the table then has the final cost on them as well.
    schemes : list
        Each "zeros", "lecture" (0.01), "glorot", "he" or a standard deviation.
    seeds : int or list
        How many (from 0 on), or which. Seed i gives every scheme the same normal numbers,
        so that only the scale differs.
    hidden : int
        Number of hidden units.
    activation : str
        As of `Network`.
    learning_rate : float or "auto"
        Of full-batch gradient descent. "auto" is the lecture's 1.2, and 0.05 for numbers.
    iterations : int
        Updates of each training.
    goal : number or None
        A training has learnt when its final cost is at most this. None takes the middle
        between the cost of the best constant answer and the lowest final cost of the whole
        study, but at most 98 % of the former: so nothing has learnt where nothing is better
        than a constant.
    task : {"classification", "regression"} or None
        None takes words, booleans, and whole numbers with at most 20 values as classes.
    dtype : {"float64", "float32"}
        As the lecture computes, or faster.
    n_jobs : int or None
        Number of threads; None for all. The result does not depend on it.
    progress : function or None
        Called with (trainings done, trainings in all).

    Returns
    -------
    InitStudy
        Prints as a table with a row for each scheme. `frame()` is a data frame, `schemes`, `trials`
        and `curves` are values. After Ctrl-C it has the trainings that are done, and a warning says so.

    Raises
    ------
    DataError, SettingError
        For what cannot be studied.

    Notes
    -----
    A trial has the bits of `Network.initialise(…, seed=seed, scale=scheme).descend(X.T, …)`.
    A unit is saturated on an example when its slope g' is below 1 % of the largest possible.

    Examples
    --------
    >>> X = np.linspace(-np.pi, np.pi, 40)[:, np.newaxis]
    >>> study = init_study(X, np.sign(np.tan(X[:, 0])), schemes=["zeros", 1.0], seeds=2)
    >>> [scheme.learnt for scheme in study.schemes]
    [0.0, 1.0]
    """
    check_choice("dtype", dtype, ("float64", "float32"))
    if task is not None:
        check_choice("task", task, ("classification", "regression"))
    numbers = _numbers(X, dtype)
    labels, Y, n_y, output = _targets(y, task, dtype)
    if np.shape(y)[0] != len(numbers):
        raise DataError(f"X has {len(numbers)} rows, and y {np.shape(y)[0]}: expected as many.")
    shape = architecture_of(numbers.shape[1], hidden, n_y, activation, output)
    check_whole("iterations", iterations, least=1)
    held = None if X_val is None else _held(X_val, y_val, (y, output), shape, dtype)
    descent = Descent(
        shape, Examples(numbers, Y, labels), rate_of(learning_rate, output), iterations, held
    )
    study = study_of(
        descent, schemes=schemes, seeds=seeds, goal=goal, n_jobs=n_jobs, progress=progress
    )
    if study.interruption:
        warn(f"the study was interrupted: it has the {len(study.trials)} trainings that are done.")
    return study


def rate_of(learning_rate: float | str, output: str) -> float:
    """The learning rate of a study: a number, or the lecture's for "auto"."""
    if learning_rate == "auto":
        return SQUARES_LEARNING_RATE if output == "identity" else LEARNING_RATE
    return check_number("learning_rate", learning_rate, open_at=(0.0,))


def study_of(
    descent: Descent,
    *,
    schemes: Sequence[Init] = SCHEMES,
    seeds: int | Sequence[int] = 50,
    goal: float | None = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> InitStudy:
    """The study of one training on examples that are ready for the kernel; see `init_study`."""
    shape, examples, learning_rate, iterations, held = descent
    schemes, seeds = _checked_schemes(schemes), _checked_seeds(seeds)
    if goal is not None:
        check_number("goal", goal, open_at=(0.0,))
    n = len(schemes) * len(seeds)
    refuse_if_too_large(
        8 * n * (iterations + 1),
        f"the costs of {n:,} trainings of {iterations:,} iterations",
        "Choose fewer seeds, schemes or iterations.",
    )
    began = time.perf_counter()
    # Seed by seed, so that a study which is interrupted has as many of each scheme.
    draws = [Draw(scheme, seed) for seed in seeds for scheme in schemes]
    trained, interruption = train_draws(descent, draws, threads(n_jobs), progress)
    if not trained:
        raise interruption or KeyboardInterrupt
    Y, weights = examples.truth(shape.n_y)
    constant = baseline_of(shape, Y, weights)
    reached = goal if goal is not None else _goal(constant, trained)
    settings = {
        "rows": examples.m,
        "held_rows": 0 if held is None else held.m,
        **shape._asdict(),
        "learning_rate": learning_rate,
        "iterations": iterations,
        "dtype": examples.X.dtype.name,
        "seeds": list(seeds),
        "schemes": list(schemes),
    }
    trials, rows, curves = [], [], {}
    for scheme in schemes:
        of_scheme = [t for t in trained if t.draw.scheme == scheme]
        if not of_scheme:
            continue
        some = [_trial(t, reached) for t in of_scheme]
        trials += some
        rows.append(_summary(some))
        curves[label(scheme)] = _curves(of_scheme)
    return InitStudy(
        tuple(rows), tuple(trials), curves, float(reached), constant, settings,
        time.perf_counter() - began, interruption,
    )  # fmt: skip


def label(scheme: Init) -> str:
    """What a scheme is called in tables and pictures."""
    if scheme == "lecture":
        return f"{LECTURE:g} (lecture)"
    return scheme if isinstance(scheme, str) else f"{float(scheme):g}"


# --- what came of it ------------------------------------------------------------------


def _goal(constant: float, trained: Sequence[Trained]) -> float:
    lowest = min(float(t.costs[-1]) for t in trained)
    # (A study in which all have diverged has an infinite lowest cost.)
    return min((constant + lowest) / 2, NOTHING_LEARNT * constant)


def _trial(trained: Trained, goal: float) -> Trial:
    costs = trained.costs
    below = costs <= goal
    return Trial(
        label(trained.draw.scheme), trained.draw.seed, float(costs[0]), float(costs[-1]),
        bool(below[-1]), int(below.argmax()) if below.any() else None,
        trained.distinct, *trained.saturated,
        None if np.isnan(trained.held_cost) else trained.held_cost,
    )  # fmt: skip


def _summary(trials: Sequence[Trial]) -> Scheme:
    until = np.array([np.inf if t.until is None else t.until for t in trials])
    lower, cost, upper = _quartiles(np.array([t.final_cost for t in trials])).tolist()
    usual = float(_quartiles(until)[1])
    held = [t.held_cost for t in trials if t.held_cost is not None]
    return Scheme(
        trials[0].scheme,
        len(trials),
        float(np.mean([t.learnt for t in trials])),
        int(usual) if np.isfinite(usual) else None,
        float(np.median([t.distinct for t in trials])),
        float(np.mean([t.saturated_start for t in trials])),
        float(np.mean([t.saturated_end for t in trials])),
        lower,
        cost,
        upper,
        float(_quartiles(np.array(held))[1]) if held else None,
    )


def _quartiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    # Values that occur, as there is nothing between a finite and an infinite cost.
    return np.quantile(values, [0.25, 0.5, 0.75], axis=0, method="inverted_cdf")


def _curves(trained: Sequence[Trained]) -> Curves:
    last = len(trained[0].costs) - 1
    spaced = np.geomspace(1, max(last, 1), POINTS).round().astype(np.int64)
    iterations = np.unique(np.concatenate([[0], spaced]))
    costs = np.array([t.costs[iterations] for t in trained])
    return Curves(iterations, *_quartiles(costs))


def _plain(row: Any) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in row._asdict().items()
    }


# --- the table ------------------------------------------------------------------------

HEADINGS = (
    ("scheme", "", "<"),
    ("learnt", "", ">"),
    ("iterations", "to the goal", ">"),
    ("distinct", "units", ">"),
    ("saturated", "at the start", ">"),
    ("saturated", "at the end", ">"),
    ("final cost", "median", ">"),
    ("final cost", "quartiles", ">"),
    ("held-out cost", "median", ">"),
)


def _lines(study: InitStudy) -> Iterator[str]:
    s = study.settings
    yield (
        f"{len(study.trials):,} trainings: {s['rows']:,} rows, {s['n_x']} → {s['n_h']} "
        f"{s['activation']} → {s['n_y']} {s['output']}, {s['iterations']:,} iterations of "
        f"descent at learning rate {s['learning_rate']:g}, {s['dtype']}, {study.seconds:.1f} s"
    )
    if s["held_rows"]:
        yield f"held out: {s['held_rows']:,} rows that no training sees"
    yield (
        f"learnt: final cost at most {study.goal:.4f} (the best constant answer: "
        f"{study.constant:.4f})"
    )
    cells = [_cells(scheme, s["n_h"]) for scheme in study.schemes]
    headings = HEADINGS if s["held_rows"] else HEADINGS[:-1]
    table = [[h[0] for h in headings], [h[1] for h in headings], *cells]
    widths = [max(len(row[j]) for row in table) for j in range(len(headings))]
    for row in table:
        yield "  ".join(
            f"{cell:{HEADINGS[j][2]}{widths[j]}}" for j, cell in enumerate(row)
        ).rstrip()
    yield study.advice


def _cells(scheme: Scheme, n_h: int) -> list[str]:
    held = [] if scheme.held_cost is None else [f"{scheme.held_cost:.4f}"]
    return [
        scheme.scheme,
        f"{round(scheme.learnt * scheme.trials)} of {scheme.trials}",
        "–" if scheme.until is None else f"{scheme.until:,}",
        f"{scheme.distinct:g} of {n_h}",
        f"{100 * scheme.saturated_start:.0f} %",
        f"{100 * scheme.saturated_end:.0f} %",
        f"{scheme.cost:.4f}",
        f"{scheme.cost_lower:.4f} … {scheme.cost_upper:.4f}",
        *held,
    ]


# --- what is asked --------------------------------------------------------------------


def _checked_schemes(schemes: Sequence[Init]) -> list[Init]:
    if isinstance(schemes, str) or not len(schemes):
        raise SettingError.of("schemes", schemes, "expected a list of schemes, at least one.")
    for scheme in schemes:
        check_init("schemes", scheme)
    names = [label(scheme) for scheme in schemes]
    for name in names:
        if names.count(name) > 1:
            raise SettingError.of("schemes", name, "given twice. Name each once.")
    return list(schemes)


def _checked_seeds(seeds: int | Sequence[int]) -> list[int]:
    if isinstance(seeds, int | np.integer):
        check_whole("seeds", seeds, least=1)
        return list(range(int(seeds)))
    for seed in seeds:
        check_whole("seeds", seed, least=0)
    if not len(seeds):
        raise SettingError.of("seeds", [], "expected at least one.")
    return [int(seed) for seed in seeds]


def _numbers(X: ArrayLike, dtype: str) -> NDArray[Any]:
    try:
        numbers = np.ascontiguousarray(X, dtype)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"X must be numbers, but: {error}. `shoal study TABLE` makes numbers of words and holes."
        ) from None
    if np.ndim(X) != 2 or not numbers.size:
        raise DataError(f"X must have shape (rows, n_x), none of them 0, but has {np.shape(X)}.")
    if not np.isfinite(numbers).all():
        raise DataError("X contains NaN or infinity: expected finite numbers.")
    return numbers


def _held(
    X: ArrayLike, y: Any, known: tuple[ArrayLike, str], shape: Architecture, dtype: str
) -> Examples:
    """Rows that are held out, with the classes or numbers that are known of the others."""
    (others, output), numbers = known, _numbers(X, dtype)
    if y is None or np.shape(y)[0] != len(numbers) or numbers.shape[1] != shape.n_x:
        raise DataError(
            f"X_val and y_val: expected the same number of rows, and {shape.n_x} columns as in X."
        )
    values = np.asarray(y)
    if output == "identity" or values.ndim == 2:
        return Examples(numbers, np.ascontiguousarray(values.reshape(len(values), -1), dtype))
    classes = np.unique(np.asarray(others))
    places = np.searchsorted(classes, values).clip(0, len(classes) - 1)
    if (classes[places] != values).any():
        raise DataError("y_val has a class that is not in y: expected the classes of y.")
    return Examples(numbers, None, np.ascontiguousarray(places, np.int32))


Targets = tuple[NDArray[np.int32] | None, NDArray[Any] | None, int, str]  # labels, Y, n_y, output


def _targets(y: ArrayLike, task: str | None, dtype: str) -> Targets:
    values = np.asarray(y)
    if values.ndim not in (1, 2) or not values.size:
        raise DataError(f"y must have shape (rows,) or (rows, n_y), but has {values.shape}.")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise DataError("y contains NaN or infinity: expected finite numbers or classes.")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    classes = _are_classes(values) if task is None else task == "classification"
    if classes and values.ndim == 2:
        return None, np.ascontiguousarray(values, dtype), values.shape[1], "sigmoid"
    if classes:
        names, codes = np.unique(values, return_inverse=True)
        if len(names) < 2:
            raise DataError(f"y has one class only, {names[0]!r}: expected at least two.")
        labels = np.ascontiguousarray(codes, np.int32)
        return (labels, None, 1, "sigmoid") if len(names) == 2 else (
            labels, None, len(names), "softmax",
        )  # fmt: skip
    try:
        Y = np.ascontiguousarray(values.reshape(len(values), -1), dtype)
    except ValueError as error:
        raise DataError(f"y must be numbers for a regression, but: {error}.") from None
    return None, Y, Y.shape[1], "identity"


def _are_classes(values: NDArray[Any]) -> bool:
    if values.dtype.kind not in "iuf":
        return True
    if values.ndim == 2:
        return bool(np.isin(values, (0, 1)).all())
    return bool((values == np.floor(values)).all()) and len(np.unique(values)) <= CLASSES_AT_MOST

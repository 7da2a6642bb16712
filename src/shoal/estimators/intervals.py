"""Intervals, quantiles, deviations and sets: predictions with what rows held out say of their errors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.checks import check_number
from shoal.compute.engine import threads as threads_of
from shoal.data.rows.examples import Numbers
from shoal.errors import Setting, SettingError, wording
from shoal.estimators.calibration import Calibration, Exact
from shoal.estimators.columns import EncodedRows
from shoal.estimators.learnt import Learnt
from shoal.estimators.targets import ClassTargets, NumberTargets
from shoal.settings import POISSON

WITHIN = (0.0, 1.0)  # a coverage, or a level, is between


def quantiles_of(
    fitted: Learnt, X: Any, levels: Sequence[float], n_jobs: int | None
) -> NDArray[np.float64]:
    """The quantiles of each row's target: (rows, levels), or (rows, levels, targets)."""
    numbers, known = _numbers(fitted), calibration_of(fitted)
    A2, widths = _sized(fitted, known, X, n_jobs)
    ends = (A2 + widths * known.at(level)[:, np.newaxis] for level in levels)
    if numbers.loss == POISSON:
        ends = (np.maximum(end, 0) for end in ends)  # no count is below
    return np.stack([numbers.in_units(end) for end in ends], axis=1)


def interval_of(fitted: Learnt, X: Any, coverage: float, n_jobs: int | None) -> NDArray[np.float64]:
    """Its two ends, of tails of equal probability."""
    _numbers(fitted)
    tail = check_coverage(fitted, coverage)
    return quantiles_of(fitted, X, (tail, 1 - tail), n_jobs)


def check_coverage(fitted: Learnt, coverage: float, name: str = "coverage") -> float:
    """The probability of each tail. Raises SettingError for a coverage that the model cannot have."""
    tail = 1 - check_number(name, coverage, most=1.0, open_at=WITHIN)
    targets = fitted.targets
    if isinstance(targets, NumberTargets):
        tail /= 2  # there are two
    elif targets.labels > 1:
        raise SettingError(
            "sets are for one class a row, and this model predicts several labels. Use the "
            "probability of each."
        )
    calibration_of(fitted).check(name, coverage, tail)
    return tail


def checked_levels(fitted: Learnt, quantiles: Any) -> list[float]:
    """The levels of some quantiles. Raises SettingError for one that the rows held out do not tell."""
    if np.ndim(quantiles) != 1 or not len(quantiles):
        raise SettingError.of(
            "quantiles",
            quantiles,
            "expected a list of numbers between 0 and 1, such as [0.1, 0.9].",
        )
    _numbers(fitted)
    levels = [check_number("quantiles", q, most=1.0, open_at=WITHIN) for q in quantiles]
    for level in levels:
        calibration_of(fitted).check("quantiles", level, min(level, 1 - level))
    return levels


def deviation_of(
    fitted: Learnt, X: Any, n_jobs: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The prediction of each row, and the standard deviation of its target."""
    numbers, known = _numbers(fitted), calibration_of(fitted)
    A2, widths = _sized(fitted, known, X, n_jobs)
    spread = np.broadcast_to(widths * known.deviation[:, np.newaxis], A2.shape)
    return numbers.in_units(A2), numbers.spread_in_units(spread)


def set_of(fitted: Learnt, X: Any, coverage: float, n_jobs: int | None) -> NDArray[np.bool_]:
    """Which classes may be the true one: (rows, classes), the predicted one always among them."""
    targets = fitted.targets
    if not isinstance(targets, ClassTargets):
        raise AttributeError("predict_set: the model predicts numbers. Use predict_interval.")
    tail, known = check_coverage(fitted, coverage), calibration_of(fitted)
    A2 = fitted.average(X, n_jobs).astype(np.float64)
    found = targets.probabilities(A2) >= known.at(tail)[0]
    found[np.arange(len(found)), targets.places(A2)] = True
    return found


def members_of(fitted: Learnt, X: Any, n_jobs: int | None) -> Numbers:
    """What each member alone predicts: numbers in their unit, or probabilities."""
    targets = fitted.targets
    if isinstance(targets, ClassTargets):
        return np.stack([targets.probabilities(A2) for A2 in fitted.outputs(X, n_jobs)])
    each = fitted.outputs(X, n_jobs)
    return np.stack([targets.in_units(A2.astype(np.float64)) for A2 in each])


def calibration_of(fitted: Learnt) -> Calibration:
    """What rows held out say of the model. Raises SettingError where there were none."""
    if fitted.calibration is None:
        raise SettingError(
            wording(
                "intervals and sets need rows that some members did not see, and this model has none: "
                "fit it with ", Setting("early_stopping", True), ' (which "auto" is from 50 rows on), '
                "with X_val and y_val, or with ", Setting("alpha", "evidence"), ". After partial_fit, on "
                "files that workers of a cluster read, and in files of earlier versions there are none.",
            )
        )  # fmt: skip
    return fitted.calibration


def _sized(
    fitted: Learnt, known: Calibration, X: Any, n_jobs: int | None
) -> tuple[Exact, Exact | float]:
    """A2 and the widths, (targets, rows), in float64."""
    rows = EncodedRows(fitted.matrix(X))
    A2 = fitted.average(rows, n_jobs).astype(np.float64)
    return A2, known.widths(rows.matrix, threads_of(n_jobs))


def _numbers(fitted: Learnt) -> NumberTargets:
    if not isinstance(fitted.targets, NumberTargets):
        raise AttributeError(
            "the model predicts classes, which have no intervals. Use predict_set."
        )
    return fitted.targets

"""Whether two predictors differ, by their losses on the same rows.

    d     loss of ours minus loss of theirs, row by row; paired, so that rows which are hard for both cancel
    s     standard error of the mean of d; rows of a group count together, as they resemble each other

A difference is shown where the mean is further from 0 than Student's 97.5 % quantile times s. For
numbers the losses are squared errors, and the difference is told in units of the RMSE:
RMSE₁ − RMSE₂ = (MSE₁ − MSE₂) / (RMSE₁ + RMSE₂).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from shoal.cli.scores import Judged

Floats = NDArray[np.float64]

LINEAR, CONSTANT = "linear", "constant"
BETTER, WORSE, NONE = "better", "worse", "no difference"
QUANTILE = 0.975  # of both sides together 5 %: the usual level, and nothing hangs on it


class Comparison(NamedTuple):
    """Our network compared with a simpler predictor."""

    than: str  # LINEAR or CONSTANT
    outcome: str  # BETTER, WORSE or NONE
    loss: str  # the score in whose units the difference is
    difference: float  # ours minus theirs: below 0 ours is better
    standard_error: float | None  # None where one row, or one group, shows nothing
    rows: int

    def plain(self) -> dict[str, Any]:
        """As it is kept in the model file."""
        return self._asdict()


def compared(
    than: str, ours: Judged, theirs: Judged, groups: NDArray[np.integer] | None = None
) -> Comparison:
    """The difference of both, and whether it is shown."""
    mean, error, n = mean_and_error(ours.losses - theirs.losses, groups)
    outcome = NONE
    if error is not None and abs(mean) > stdtrit(n - 1, QUANTILE) * error:
        outcome = BETTER if mean < 0 else WORSE
    loss = next(iter(ours.scores))
    unit = 1.0
    if loss == "rmse":
        unit = float(sum(np.sqrt(one.losses.mean()) for one in (ours, theirs))) or 1.0
    shown = None if error is None else error / unit
    return Comparison(than, outcome, loss, mean / unit, shown, len(ours.losses))


def mean_and_error(
    d: Floats, groups: NDArray[np.integer] | None = None
) -> tuple[float, float | None, int]:
    """The mean, its standard error, and how many independent rows or groups there are."""
    mean = float(d.mean())
    sums = d - mean if groups is None else np.bincount(groups, d - mean)
    n = len(sums)
    if n < 2:
        return mean, None, n
    return mean, float(np.sqrt((sums**2).sum() * n / (n - 1)) / len(d)), n

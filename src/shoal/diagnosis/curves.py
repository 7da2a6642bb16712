"""What a loss curve tells: one loss an epoch, beside the loss of the best constant answer.

All figures are shares of that baseline, so that they mean the same on every data set.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Curve(NamedTuple):
    """Figures of a training's losses."""

    epochs: int
    first: float
    last: float
    lowest: float
    bounce: float  # mean rise between two epochs of the second half, falls counted as 0
    late_fall: float  # by how much the last tenth of the epochs lowered the loss
    late_share: float  # the second half's share of the whole fall
    rise: float  # how far the last loss is above the lowest


def curve_of(losses: Sequence[float], baseline: float) -> Curve:
    """Measure a curve of at least one finite loss."""
    L = np.asarray(losses, np.float64)
    # A loss may be finite, and not so many times the baseline; sums of it are finite, too.
    baseline = max(baseline, 1e-300)
    L = np.minimum(L[np.isfinite(L)], min(1e150 * baseline, 1e300)) / baseline
    n = len(L)
    half, tenth = L[n // 2 :], max(n // 10, 1)
    # Means over a few epochs: one epoch of small batches is noisy.
    few = max(n // 20, 1)
    first, last, lowest = float(L[0]), _mean(L[-few:]), float(L.min())
    middle = _mean(L[max(n // 2 - few, 0) : max(n // 2, 1)])
    fall = first - last
    before = _mean(L[max(n - tenth - few, 0) : max(n - tenth, 1)])
    return Curve(
        n, first, last, lowest,
        _mean(np.maximum(half[1:] - half[:-1], 0)) if len(half) > 1 else 0.0,
        before - last,
        (middle - last) / fall if fall > 1e-6 else 0.0,
        last - lowest,
    )  # fmt: skip


def _mean(L: NDArray[np.float64]) -> float:
    return float(L.sum()) / len(L)  # in a third of the time that L.mean() takes

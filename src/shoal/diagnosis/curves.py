"""What a loss curve tells: one loss an epoch, beside the loss of the best constant answer.

All figures are shares of that baseline, so that they mean the same on every data set.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


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
    first, last = float(L[0]), float(L[-few:].mean())
    middle = float(L[max(n // 2 - few, 0) : max(n // 2, 1)].mean())
    fall = first - last
    before = float(L[max(n - tenth - few, 0) : max(n - tenth, 1)].mean())
    return Curve(
        n, first, last, float(L.min()),
        float(np.maximum(np.diff(half), 0).mean()) if len(half) > 1 else 0.0,
        before - last,
        (middle - last) / fall if fall > 1e-6 else 0.0,
        last - float(L.min()),
    )  # fmt: skip

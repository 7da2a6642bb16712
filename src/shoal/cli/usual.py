"""What a target is like without any column: what a prediction without inputs says."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Usual = float | NDArray[Any]


def usual_of(y: NDArray[Any], classes: NDArray[Any] | None) -> Usual:
    """The distribution of the target: how many rows each class has, or the mean."""
    if classes is None:
        return float(y.mean())
    return np.bincount(np.searchsorted(classes, y), minlength=len(classes))

"""Mean and spread of a column from sums over runs of its rows, along the fixed tree.

The sums are those of differences to the column's first value that has weight, so that one look at
the rows suffices and nothing is lost where the mean is far from 0; see kernel/moments.hpp.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.sums import BLOCK_ROWS, GradientSums, add_in_order

Floats = NDArray[np.float64]
SumsAbout = Callable[[float, Floats, Floats | None], Floats]

# Of the largest weight of its block: a value with less may lie anywhere, and no mean is near it.
HAS_WEIGHT = 1e-6


class Moments(NamedTuple):
    """Weight, mean and variance of the values that are there; the variance is divided by the weight."""

    weight: float
    mean: float
    variance: float


class Running:
    """Moments of a column whose rows come in runs: each aligned, all of one length but the last."""

    def __init__(self, sums_about: SumsAbout) -> None:
        self._sums_about = sums_about
        self._shift: float | None = None
        self._terms: list[GradientSums] = []

    def add(self, x: Floats, weights: Floats | None) -> None:
        """The next run; NaN is a hole."""
        if self._shift is None:
            self._shift = _first(x, weights)
        weight, first, second = self._sums_about(self._shift or 0.0, x, weights)
        self._terms.append(GradientSums(np.array([first, second]), 0.0, float(weight)))

    def moments(self) -> Moments:
        """Of all rows so far."""
        (first, second), _, weight = add_in_order(self._terms)
        if not weight > 0:
            return Moments(0.0, 0.0, 0.0)
        mean = float(first) / weight
        variance = float(second) / weight - mean * mean
        return Moments(weight, (self._shift or 0.0) + mean, 0.0 if variance < 0 else variance)


def _first(x: Floats, weights: Floats | None) -> float | None:
    """The first value that is there and has weight among those of its block."""
    there = np.flatnonzero(~np.isnan(x) if weights is None else ~np.isnan(x) & (weights > 0))
    if not len(there):
        return None
    if weights is not None:
        block = there[there // BLOCK_ROWS == there[0] // BLOCK_ROWS]
        there = block[weights[block] >= HAS_WEIGHT * weights[block].max()]
    return float(x[there[0]])


def moments(x: Floats, weights: Floats | None, sums_about: SumsAbout) -> Moments:
    """Of a column in memory, with the bits of one that came in runs."""
    running = Running(sums_about)
    running.add(x, weights)
    return running.moments()

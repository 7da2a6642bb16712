"""What rows that a model did not see say of its predictions: quantiles of its errors, and their size by row.

    error    target - prediction of a row that was held out, in the unit of the network's outputs
    width    by how much the errors of such a row are larger than others; 1 where it is not known
    value    of a target: error / width; of classes: the probability of the true class, or 1 if it
             is the predicted one

The values are kept in rising order; at the position j they have the level j / (n + 1), which is the
chance that a new value is lower (a new one falls into each of the n + 1 gaps with equal chance).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.data.rows.examples import Matrix
from shoal.errors import SettingError
from shoal.training.network import Network

Exact = NDArray[np.float64]

# Values at most: levels from 0.1 to 99.9 %, in 8 kB of a file for each target.
KEPT = 1023


@dataclass(frozen=True, eq=False)
class Spread:
    """The width of each row: a linear network of the columns says its logarithm."""

    network: Network
    range: Exact  # (2, targets): the lowest and the highest logarithm of the rows held out

    def widths(self, matrix: Matrix, threads: int) -> Exact:
        """Of rows as the networks see them: (targets, rows)."""
        found = engine.predict(self.network.architecture, self.network.vector, matrix, threads)
        low, high = self.range[:, :, np.newaxis]
        return np.asarray(np.exp(np.clip(found.astype(np.float64), low, high)))


@dataclass(frozen=True, eq=False)
class Calibration:
    """What is known of the errors on rows that were not seen."""

    values: Exact  # (targets, n), rising; of classes (1, n)
    deviation: Exact  # (targets,): root of the mean of the squared values
    rows: int  # that were held out
    spread: Spread | None = None

    def at(self, level: float) -> Exact:
        """The value of each target at a level between 0 and 1, (targets,)."""
        n = self.values.shape[1]
        position = level * (n + 1) - 1
        low = int(np.clip(np.floor(position), 0, max(n - 2, 0)))
        share = position - low
        first, second = self.values[:, low], self.values[:, min(low + 1, n - 1)]
        return np.asarray(first + share * (second - first))

    def check(self, name: str, given: Any, tail: float) -> None:
        """Raise SettingError for a level so near to 0 or 1 that the rows say nothing of it."""
        n, needed = self.values.shape[1], int(np.ceil(round(1 / tail - 1, 6)))
        if needed <= n:
            return
        if needed > KEPT:
            raise SettingError.of(
                name, given, f"expected levels from 1/{KEPT + 1:,} to {KEPT:,}/{KEPT + 1:,}: no more "
                "is kept of the errors. Ask for a lower coverage.",
            )  # fmt: skip
        raise SettingError.of(
            name, given, f"at least {needed:,} rows that were held out are needed, and {n:,} are "
            "known. Ask for a lower coverage, or fit with more rows or a larger validation part.",
        )  # fmt: skip

    def widths(self, matrix: Matrix, threads: int) -> Exact | float:
        """The width of each row and target, (targets, rows), or 1."""
        return 1.0 if self.spread is None else self.spread.widths(matrix, threads)


def of_values(values: Exact, weights: Exact | None, spread: Spread | None = None) -> Calibration:
    """From values (targets, rows) in any order. Of many, or of weighted ones, a part is kept."""
    rows = values.shape[1]
    w = np.ones(rows) if weights is None else np.asarray(weights, np.float64)
    deviation = np.sqrt((w * values**2).sum(axis=1) / w.sum())
    n = min(rows if weights is None else int(w.sum() ** 2 / (w * w).sum()), KEPT)
    if weights is None and n == rows:
        return Calibration(np.sort(values, axis=1), deviation, rows, spread)
    kept = [_at_levels(one, w, np.arange(1, n + 1) / (n + 1)) for one in values]
    return Calibration(np.array(kept), deviation, rows, spread)


def _at_levels(values: Exact, weights: Exact, levels: Exact) -> Exact:
    """The values at these levels, where a row counts by its weight."""
    order = np.argsort(values, kind="stable")
    w = weights[order]
    middles = (np.cumsum(w) - w / 2) / w.sum()
    return np.asarray(np.interp(levels, middles, values[order]))

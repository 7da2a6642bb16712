"""Which rows are held out: a random part, the same for the same key on every machine.

Of a class of n rows of which k are held out, each of k equal cells of consecutive rows gives
one, drawn at random (their lengths differ by a row at the most). So the share is exact, and
whoever knows n and which number a row has in its class can say whether it is held out: a file
of any size is cut as a table in memory is. Twin: kernel/choices.hpp.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shoal.network import draws

Rows = NDArray[np.uint32]
Counts = NDArray[np.int64]  # of classes, or of the rows of each


def hold_out(
    m: int, fraction: float, key: int, labels: NDArray[np.integer] | None = None
) -> tuple[Rows, Rows]:
    """Cut rows 0 … m - 1 into (kept, held out), each in ascending order.

    With `labels` every class gives its own share, at least one row where it has two.
    """
    if labels is None:
        labels = np.zeros(m, np.int32)
    split = Split([int(n) for n in np.bincount(labels)], fraction, key)
    mask = split.mask(labels)
    rows = np.arange(m, dtype=np.uint32)
    return rows[~mask], rows[mask]


class Split:
    """Holds out a share of the rows of each class, as the rows come by."""

    def __init__(self, sizes: Sequence[int], fraction: float, key: int) -> None:
        self._sizes, self._key = np.array(sizes, np.int64), key
        self.shares = [_share(n, fraction) for n in sizes]  # rows of each class that are held out
        self._shares = np.array(self.shares, np.int64)
        self._seen = np.zeros(len(sizes), np.int64)

    @property
    def held(self) -> int:
        """How many rows are held out in all."""
        return sum(self.shares)

    def mask(self, labels: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Of the next rows, with these classes, which are held out."""
        mask = np.zeros(len(labels), bool)
        # Stable: the rows of each class in their order, one class behind the other.
        order = np.argsort(labels, kind="stable")
        counts = np.bincount(labels, minlength=len(self._sizes))
        first = self._seen
        self._seen = first + counts
        c = np.flatnonzero((counts > 0) & (self._shares > 0))
        classes, picked = self._picked(c, first, self._seen)
        begins = np.cumsum(counts) - counts
        mask[order[begins[classes] + picked - first[classes]]] = True
        return mask

    def _picked(self, c: Counts, first: Counts, last: Counts) -> tuple[Counts, Counts]:
        """Which of the rows first[c] … last[c] - 1 of these classes are held out, each with its class."""
        from_cell = first[c] * self._shares[c] // self._sizes[c]
        cells_of = (last[c] - 1) * self._shares[c] // self._sizes[c] + 1 - from_cell
        # One call for all classes: of a few cells a call takes longer than the draw.
        c, ends = np.repeat(c, cells_of), np.cumsum(cells_of)
        cells = np.arange(len(c)) + np.repeat(from_cell - (ends - cells_of), cells_of)
        n, k = self._sizes[c], self._shares[c]
        begins, ends = -(-cells * n // k), -(-(cells + 1) * n // k)
        random = draws.philox(self._key, cells.astype(np.uint64), c.astype(np.uint64))[0]
        picked = begins + (random.astype(np.int64) * (ends - begins) >> 32)
        there = (picked >= first[c]) & (picked < last[c])
        return c[there], picked[there]


def _share(n: int, fraction: float) -> int:
    return min(max(round(n * fraction), 1), n - 1) if n > 1 else 0

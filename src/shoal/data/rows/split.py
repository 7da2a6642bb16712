"""Which rows are held out: a random part, the same for the same key on every machine.

Of a class of n rows of which k are held out, each of k equal cells of consecutive rows gives
one, drawn at random (their lengths differ by a row at the most). So the share is exact, and
whoever knows n and which number a row has in its class can say whether it is held out: a file
of any size is cut as a table in memory is.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shoal.network.draws import philox

Rows = NDArray[np.uint32]


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
        self._sizes, self._key = sizes, key
        self.shares = [_share(n, fraction) for n in sizes]  # rows of each class that are held out
        self._seen = [0] * len(sizes)

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
        end = 0
        for c in np.flatnonzero(counts):
            begin, end = end, end + int(counts[c])
            first = self._seen[c]
            self._seen[c] += end - begin
            mask[order[begin + self._picked(int(c), first, self._seen[c]) - first]] = True
        return mask

    def _picked(self, c: int, first: int, last: int) -> NDArray[np.int64]:
        """Which of the rows first … last - 1 of a class are held out."""
        n, k = self._sizes[c], self.shares[c]
        if not k:
            return np.empty(0, np.int64)
        cells = np.arange(first * k // n, (last - 1) * k // n + 1)
        begins, ends = -(-cells * n // k), -(-(cells + 1) * n // k)
        random = philox(self._key, cells.astype(np.uint64), c)[0].astype(np.int64)
        picked = begins + (random * (ends - begins) >> 32)
        return picked[(picked >= first) & (picked < last)]


def _share(n: int, fraction: float) -> int:
    return min(max(round(n * fraction), 1), n - 1) if n > 1 else 0

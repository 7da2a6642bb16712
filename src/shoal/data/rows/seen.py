"""Which rows a network was trained on, as far as a thousand of them tell.

Each row of inputs has a 63-bit hash. Kept are the smallest hashes, without those that several rows
have: of a table with few different rows nearly nothing is kept. Of other rows those can be judged
whose hash is small enough to be kept; what share of them is kept is the share that was trained
on (Broder 1997, "On the resemblance and containment of documents"). Exact up to KEPT rows.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.data.encode.coded import Coded
from shoal.data.rows.examples import Matrix
from shoal.data.rows.sparse import Sparse
from shoal.network.draws import words

Hashes = NDArray[np.uint64]

KEPT = 1024  # 8 kB in a file; the share of other rows is right to 3 % where it is a half
KEY, STREAM = 0x5E31, 0  # of the factors; any would do, but files must agree
RUN = 1 << 13  # rows whose words are in memory at a time


class Seen(NamedTuple):
    """Hashes of some rows."""

    limit: int  # hashes up to this one would have been kept
    hashes: Hashes  # rising

    @property
    def m(self) -> int:
        """How many rows there were, without those that repeat another: to 3 %, of few exactly."""
        return round(len(self.hashes) * ((1 << 63) / (self.limit + 1)))

    def share(self, hashes: Hashes) -> float | None:
        """Of rows with these hashes the share that was trained on; None if none can be judged."""
        judged = hashes[hashes <= self.limit]
        return float(np.isin(judged, self.hashes).mean()) if len(judged) else None


def seen_in(matrices: Iterable[Matrix]) -> Seen | None:
    """Those of a training; None for sparse rows, and where no row is alone."""
    found, counts = np.empty(0, np.uint64), np.empty(0, np.int64)
    limit = (1 << 63) - 1
    for matrix in matrices:
        if isinstance(matrix, Sparse):
            return None
        for first in range(0, len(matrix), RUN):
            new = hashes_of(matrix[first : first + RUN])
            new = new[new <= limit]
            found, counts = _counted(np.concatenate([found, new]), counts)
            if len(found) > KEPT:
                found, counts = found[:KEPT], counts[:KEPT]
                limit = int(found[-1])
    alone = found[counts == 1]
    return Seen(limit, alone) if len(alone) else None


def _counted(hashes: Hashes, counts: NDArray[np.int64]) -> tuple[Hashes, NDArray[np.int64]]:
    """The different hashes, rising, with how often each was there; the first have their counts."""
    distinct, places = np.unique(hashes, return_inverse=True)
    times = np.ones(len(hashes), np.int64)
    times[: len(counts)] = counts
    return distinct, np.bincount(places, times, minlength=len(distinct)).astype(np.int64)


def hashes_of(matrix: Matrix) -> Hashes:
    """A hash of each row: the sum of its 32-bit words times random numbers, then mixed."""
    total = np.zeros(len(matrix), np.uint64)
    arrays: tuple[Any, ...] = (matrix,)
    if isinstance(matrix, Coded):
        arrays = (matrix.numbers, matrix.codes, matrix.places)
    for i, array in enumerate(arrays):
        parts = np.ascontiguousarray(array)
        if parts.dtype.itemsize >= 4:
            parts = parts.view(np.uint32)
        if parts.size:
            factors = _factors(STREAM + i, parts.shape[1])
            # einsum widens a few values at a time: four times as fast as @ on a wide matrix.
            total += np.einsum("ij,j->i", parts, factors, dtype=np.uint64, casting="unsafe")
    return _mixed(total) >> np.uint64(1)


@lru_cache(maxsize=8)
def _factors(stream: int, n: int) -> Hashes:
    return words(KEY, stream, n) | np.uint64(1)


def _mixed(h: Hashes) -> Hashes:
    """The last step of splitmix64 (Steele, Lea and Flood 2014): every bit depends on every bit."""
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))

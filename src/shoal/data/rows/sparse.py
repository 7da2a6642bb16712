"""Rows of which nearly all numbers are 0, and only the others are kept."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from shoal.errors import DataError

Numbers = NDArray[np.floating]


@dataclass(frozen=True)
class Sparse:
    """A matrix by rows: of row i numbers `starts[i]` … `starts[i + 1]`, each with its column."""

    values: Numbers  # of all rows, one behind the other
    columns: NDArray[np.uint32]  # of each value, ascending within a row
    starts: NDArray[np.int64]  # (rows + 1,)
    n_x: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return len(self), self.n_x

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The precision of its numbers."""
        return self.values.dtype

    @property
    def nbytes(self) -> int:
        """The memory it takes."""
        return self.values.nbytes + self.columns.nbytes + self.starts.nbytes

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, part: slice | NDArray[np.integer]) -> "Sparse":
        begins, lengths = self.starts[:-1][part], np.diff(self.starts)[part]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        found = np.repeat(begins - starts[:-1], lengths) + np.arange(starts[-1])
        return Sparse(self.values[found], self.columns[found], starts, self.n_x)

    def dense(self) -> Numbers:
        """The matrix with every zero written out."""
        out = np.zeros(self.shape, self.dtype)
        out[np.repeat(np.arange(len(self)), np.diff(self.starts)), self.columns] = self.values
        return out


def from_scipy(matrix: Any, dtype: DTypeLike) -> Sparse:
    """A matrix or array of scipy.sparse; raises DataError for a number that is not finite."""
    rows = matrix.tocsr()
    if not rows.has_canonical_format:  # each column once a row, in order: so the bits are its own
        rows = rows.copy()
        rows.sum_duplicates()
    with np.errstate(over="ignore"):  # what overflows is infinite, and named below
        values = np.ascontiguousarray(rows.data, dtype)
    starts = np.ascontiguousarray(rows.indptr, np.int64)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        row = int(np.searchsorted(starts, bad[0], side="right")) - 1
        kind = "NaN" if np.isnan(values[bad[0]]) else "infinity"
        raise DataError(
            f"Input X contains {kind}: row {row}, column {rows.indices[bad[0]]} (both counted from "
            "0) of a sparse matrix. Expected finite numbers: fill or leave out such rows."
        )
    return Sparse(values, np.ascontiguousarray(rows.indices, np.uint32), starts, rows.shape[1])

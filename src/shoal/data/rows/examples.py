"""What a network is trained on: rows of numbers, ready for the kernel."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.data.encode.coded import Coded, Part
from shoal.data.rows.sparse import Sparse

Numbers = NDArray[np.floating]
Matrix = Numbers | Coded | Sparse


def rows_of(X: Matrix, part: Part | None) -> Matrix:
    """Some rows of a matrix, ready for the kernel; None means all."""
    if part is None:
        return X
    return X[part] if isinstance(X, Coded | Sparse) else np.ascontiguousarray(X[part])


def dense(X: Matrix) -> Numbers:
    """The matrix as an array, whatever its form."""
    return X.dense() if isinstance(X, Coded | Sparse) else X


def exact(examples: "Examples") -> "Examples":
    """The rows that count, as dense numbers in float64."""
    X, Y, labels, weights, rows = examples
    chosen = slice(None) if rows is None else rows

    def numbers(array: Any) -> Any:
        return None if array is None else np.ascontiguousarray(array[chosen], np.float64)

    labels = labels if labels is None or rows is None else labels[rows]
    dense_rows = np.ascontiguousarray(dense(rows_of(X, rows)), np.float64)
    return Examples(dense_rows, numbers(Y), labels, numbers(weights))


def one_behind_the_other(parts: Sequence["Examples"]) -> "Examples":
    """Rows of several as one; each holds all of its rows."""
    columns = list(zip(*parts, strict=True))

    def joined(arrays: Sequence[Any]) -> Any:
        return None if arrays[0] is None else np.concatenate(arrays)

    X: Any = columns[0]
    if isinstance(X[0], Coded):
        matrix: Matrix = Coded(
            joined([part.numbers for part in X]),
            joined([part.codes for part in X]),
            joined([part.places for part in X]),
            X[0].groups,
        )
    elif isinstance(X[0], Sparse):
        lengths = [np.diff(part.starts) for part in X]
        starts = np.cumsum(np.concatenate([[0], *lengths]))
        values, places = joined([part.values for part in X]), joined([part.columns for part in X])
        matrix = Sparse(values, places, starts, X[0].n_x)
    else:
        matrix = np.concatenate(X)
    return Examples(matrix, *(joined(arrays) for arrays in columns[1:4]))


class Examples(NamedTuple):
    """Rows of X with their targets. One row is one example; all arrays are C-contiguous.

    Exactly one of `Y` and `labels` is given. All floating arrays share one dtype.
    """

    X: Matrix  # (rows, n_x)
    Y: Numbers | None = None  # (rows, n_y)
    labels: NDArray[np.int32] | None = None  # (rows,): the class of each, from 0
    weights: Numbers | None = None  # (rows,), none negative; None means 1 each
    rows: NDArray[np.uint32] | None = None  # which rows count, in this order; None means all

    @property
    def m(self) -> int:
        """How many examples there are."""
        return len(self.X if self.rows is None else self.rows)

    def take(self, part: Part) -> "Examples":
        """The same data, of which only a part counts."""
        if self.rows is None and isinstance(part, np.ndarray) and part.dtype.kind in "ui":
            if len(part) and not (part.min() >= 0 and part.max() < len(self.X)):
                raise IndexError(f"rows {part.min()} to {part.max()} of {len(self.X)}")
            return self._replace(rows=np.ascontiguousarray(part, np.uint32))
        rows = np.arange(len(self.X), dtype=np.uint32) if self.rows is None else self.rows
        return self._replace(rows=np.ascontiguousarray(rows[part]))

    def columns(self, n_y: int) -> tuple[Numbers, Numbers, Numbers | None]:
        """X, Y and w as the equations want them: one column is one example."""
        chosen = slice(None) if self.rows is None else self.rows
        return dense(self.X[chosen]).T, *self.truth(n_y)

    def truth(self, n_y: int) -> tuple[Numbers, Numbers | None]:
        """Y and w alone."""
        chosen = slice(None) if self.rows is None else self.rows
        w = None if self.weights is None else self.weights[chosen][np.newaxis]
        if self.labels is None:
            assert self.Y is not None
            return self.Y[chosen].T, w
        labels = self.labels[chosen]
        if n_y == 1:
            return labels[np.newaxis].astype(self.X.dtype), w
        Y = np.zeros((n_y, len(labels)), self.X.dtype)
        Y[labels, np.arange(len(labels))] = 1
        return Y, w

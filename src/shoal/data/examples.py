"""What a network is trained on: rows of numbers, ready for the kernel."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating]


class Examples(NamedTuple):
    """Rows of X with their targets. One row is one example; all arrays are C-contiguous.

    Exactly one of `Y` and `labels` is given. All floating arrays share one dtype.
    """

    X: Numbers  # (rows, n_x)
    Y: Numbers | None = None  # (rows, n_y)
    labels: NDArray[np.int32] | None = None  # (rows,): the class of each, from 0
    weights: Numbers | None = None  # (rows,), none negative; None means 1 each
    rows: NDArray[np.uint32] | None = None  # which rows count, in this order; None means all

    @property
    def m(self) -> int:
        """How many examples there are."""
        return len(self.X if self.rows is None else self.rows)

    def take(self, part: slice | NDArray[np.integer]) -> "Examples":
        """The same data, of which only a part counts."""
        rows = np.arange(len(self.X), dtype=np.uint32) if self.rows is None else self.rows
        return self._replace(rows=np.ascontiguousarray(rows[part]))

    def columns(self, n_y: int) -> tuple[Numbers, Numbers, Numbers | None]:
        """X, Y and w as the equations want them: one column is one example."""
        chosen = slice(None) if self.rows is None else self.rows
        X = self.X[chosen].T
        w = None if self.weights is None else self.weights[chosen][np.newaxis]
        if self.labels is None:
            assert self.Y is not None
            return X, self.Y[chosen].T, w
        labels = self.labels[chosen]
        if n_y == 1:
            return X, labels[np.newaxis].astype(self.X.dtype), w
        Y = np.zeros((n_y, len(labels)), self.X.dtype)
        Y[labels, np.arange(len(labels))] = 1
        return X, Y, w

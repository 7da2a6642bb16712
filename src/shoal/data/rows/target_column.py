"""The column of targets as numbers for the kernel."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.data.rows.examples import Examples, Matrix
from shoal.data.rows.target import as_numbers, truth_of

Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc


class TargetColumn(NamedTuple):
    """A class of each row, or a number that is standardised."""

    column: str
    classes: NDArray[Any] | None  # rising; None means that a number is predicted
    class_weights: NDArray[np.float64] | None = None  # one a class; None means 1 each
    mean: float = 0.0
    scale: float = 1.0

    def examples(self, X: Matrix, values: Column) -> Examples:
        """The rows of X with their targets. Raises DataError for a class that is unknown."""
        T = X.dtype
        if self.classes is None:
            numbers = (as_numbers(values, self.column) - self.mean) / self.scale
            return Examples(X, np.ascontiguousarray(numbers[:, np.newaxis], T))
        labels = self.labels(values)
        weights = self.class_weights
        return Examples(X, None, labels, None if weights is None else weights[labels].astype(T))

    def labels(self, values: Column) -> NDArray[np.int32]:
        """The number of each row's class, from 0 on."""
        assert self.classes is not None
        truth = truth_of(values, self.classes, self.column)
        if truth.dtype.kind != "O":
            return np.searchsorted(self.classes, truth).astype(np.int32)
        found: Any = pc.index_in(pa.array(truth, pa.string()), value_set=pa.array(self.classes))
        return np.asarray(found.to_numpy(zero_copy_only=False), np.int32)

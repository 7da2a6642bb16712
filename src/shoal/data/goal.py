"""What a network is trained to say: the column of answers as numbers for the kernel."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.data.examples import Examples, Matrix
from shoal.data.target import as_numbers, truth_of

Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc


class Goal(NamedTuple):
    """A class of each row, or a number that is standardised."""

    column: str
    classes: NDArray[Any] | None  # rising; None means that a number is predicted
    class_weights: NDArray[np.float64] | None = None  # one a class; None means 1 each
    mean: float = 0.0
    scale: float = 1.0

    def examples(self, X: Matrix, answers: Column) -> Examples:
        """The rows of X with their answers. Raises DataError for one that is unknown."""
        T = X.dtype
        where = f'the target "{self.column}"'
        if self.classes is None:
            numbers = (as_numbers(answers, where) - self.mean) / self.scale
            return Examples(X, np.ascontiguousarray(numbers[:, np.newaxis], T))
        labels = self.labels(answers)
        weights = self.class_weights
        return Examples(X, None, labels, None if weights is None else weights[labels].astype(T))

    def labels(self, answers: Column) -> NDArray[np.int32]:
        """The number of each row's class, from 0 on."""
        assert self.classes is not None
        truth = truth_of(answers, self.classes, f'the target "{self.column}"')
        if truth.dtype.kind != "O":
            return np.searchsorted(self.classes, truth).astype(np.int32)
        found: Any = pc.index_in(pa.array(truth, pa.string()), value_set=pa.array(self.classes))
        return np.asarray(found.to_numpy(zero_copy_only=False), np.int32)

"""What y means: classes or numbers, learnt once by a fit, and how to get back to them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from shoal.compute.engine import engine
from shoal.data.encode.moments import moments
from shoal.data.rows.examples import Examples, Numbers
from shoal.errors import DataError, SettingError
from shoal.warn import warn

Weights = NDArray[np.float64] | None
PIECE = 1 << 20  # targets that are looked at together


class TargetArrays(NamedTuple):
    """y as the kernel takes it, with the weights of the rows."""

    Y: Numbers | None
    labels: NDArray[np.int32] | None
    weights: Weights

    def __len__(self) -> int:
        return len(self.labels if self.labels is not None else self.Y)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class ClassTargets:
    """Classes, in rising order; or several labels, each of them 0 or 1."""

    classes: NDArray[Any]
    labels: int = 1  # more than one: each row has as many answers

    @classmethod
    def learn(cls, y: Any, weights: Weights = None, classes: Any = None) -> Self:
        """From the targets of a fit, or from all `classes` that there will ever be."""
        y = as_array(y)
        # Of whole numbers scikit-learn need not look at all.
        whole = y.ndim == 1 and y.dtype.kind in "bui"
        if not whole:
            check_classification_targets(y)
        if not whole and type_of_target(y) == "multilabel-indicator":
            return cls(np.arange(y.shape[1]), y.shape[1])
        y = column_or_1d(y, warn=True)
        found = distinct(y if classes is None else as_array(classes))
        if len(found) < 2:
            raise DataError(
                f"y has one class only, {found.tolist()[0]!r}: expected at least two to tell apart."
            )
        return cls(found)

    @property
    def outputs(self) -> tuple[int, str]:
        """How many outputs a network has, and their function."""
        if self.labels > 1:
            return self.labels, "sigmoid"
        return (1, "sigmoid") if len(self.classes) == 2 else (len(self.classes), "softmax")

    def arrays(self, y: Any, weights: Weights = None, class_weight: Any = None) -> TargetArrays:
        """The targets of rows, as these classes."""
        y = as_array(y)
        weights = _with_class_weight(y, weights, class_weight)
        if self.labels > 1:
            if y.ndim != 2 or y.shape[1] != self.labels:
                raise DataError(f"y must have shape (rows, {self.labels}), but has {y.shape}.")
            return TargetArrays(np.asarray(y, np.float64), None, weights)
        y = column_or_1d(y)
        labels = np.empty(len(y), np.int32)
        for piece in _pieces(len(y)):
            labels[piece] = self._labels_of(y[piece])
        return TargetArrays(None, labels, weights)

    def _labels_of(self, y: NDArray[Any]) -> NDArray[np.integer]:
        """The place of each target among the classes."""
        if len(self.classes) == 2:
            labels = (y == self.classes[1]).astype(np.intp)
        else:
            labels = np.minimum(np.searchsorted(self.classes, y), len(self.classes) - 1)
        unknown = self.classes[labels] != y
        if unknown.any():
            raise DataError(
                f"y has the class {y[unknown][:1].tolist()[0]!r}, which was not there in fit. "
                f"Classes: {self.classes[:20].tolist()}."
            )
        return labels

    def back(self, examples: Examples) -> NDArray[Any]:
        """The targets as they were given, of the rows that count."""
        rows = slice(None) if examples.rows is None else examples.rows
        if examples.labels is None:
            assert examples.Y is not None
            return examples.Y[rows].astype(np.int64)
        labels: NDArray[Any] = self.classes[examples.labels[rows]]
        return labels

    def decide(self, A2: Numbers) -> NDArray[Any]:
        """The likeliest class of each row; of several labels a 0 or 1 for each."""
        if self.labels > 1:
            return (A2.T > 0.5).astype(np.int64)
        chosen = (A2[0] > 0.5).astype(np.intp) if len(A2) == 1 else A2.argmax(axis=0)
        labels: NDArray[Any] = self.classes[chosen]
        return labels

    def probabilities(self, A2: Numbers) -> Numbers:
        """Of each class, or of each label: (rows, classes)."""
        if len(A2) > 1 or self.labels > 1:
            return A2.T
        both = np.empty((A2.shape[1], 2), A2.dtype)
        both[:, 1] = A2[0]
        np.subtract(1, A2[0], out=both[:, 0])
        return both


@dataclass(frozen=True, eq=False)
class NumberTargets:
    """Numbers, standardised by their mean and deviation."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    columns: int = 0  # of y; 0 when it has one dimension

    @classmethod
    def learn(cls, y: Any, weights: Weights = None, classes: Any = None) -> Self:
        """From the targets of a fit."""
        numbers = as_numbers(y)
        if numbers.ndim == 2 and numbers.shape[1] == 1:
            warn(
                "A column-vector y was passed when a 1d array was expected. Please change the "
                "shape of y to (n_samples,), for example using ravel().",
                DataConversionWarning,
            )
            numbers = numbers[:, 0]
        if weights is not None and len(weights) != len(numbers):
            raise DataError(f"y has {len(numbers)} rows, and sample_weight {len(weights)}.")
        columns = numbers.reshape(len(numbers), -1).T
        found = [moments(np.ascontiguousarray(c), weights, engine.sums_about) for c in columns]
        return cls.of(
            [one.mean for one in found],
            [one.variance for one in found],
            numbers.shape[1] if numbers.ndim == 2 else 0,
        )

    @classmethod
    def of(cls, means: Sequence[float], variances: Sequence[float], columns: int = 0) -> Self:
        """From the moments of each target."""
        deviations = np.sqrt(variances)
        if not np.isfinite(deviations).all():
            raise DataError("y is too large to be squared: divide it by its size.")
        return cls(np.array(means), np.where(deviations > 0, deviations, 1.0), columns)

    @property
    def outputs(self) -> tuple[int, str]:
        """How many outputs a network has, and their function."""
        return len(self.mean), "identity"

    def arrays(self, y: Any, weights: Weights = None, class_weight: Any = None) -> TargetArrays:
        """The targets of rows, standardised."""
        numbers = as_numbers(y)
        columns = numbers.reshape(len(numbers), -1)
        if columns.shape[1] != len(self.mean):
            raise DataError(f"y must have {len(self.mean)} columns, but has {columns.shape[1]}.")
        return TargetArrays((columns - self.mean) / self.scale, None, weights)

    def back(self, examples: Examples) -> NDArray[Any]:
        """The targets in their own unit, of the rows that count."""
        assert examples.Y is not None
        rows = slice(None) if examples.rows is None else examples.rows
        return self.in_units(examples.Y[rows].T.astype(np.float64))

    def in_units(self, A2: Numbers) -> NDArray[np.float64]:
        """Outputs in the unit of y: (rows,), or (rows, targets) as y was."""
        return self._shaped(A2.T * self.scale + self.mean)

    def spread_in_units(self, spread: Numbers) -> NDArray[np.float64]:
        """Deviations of outputs in the unit of y."""
        return self._shaped(spread.T * self.scale)

    def _shaped(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        return numbers if self.columns else numbers[:, 0]


Targets = ClassTargets | NumberTargets


def _with_class_weight(y: NDArray[Any], weights: Weights, class_weight: Any) -> Weights:
    if class_weight is None:
        return weights
    by_class: NDArray[np.float64] = compute_sample_weight(class_weight, y)
    if not (np.isfinite(by_class) & (by_class >= 0)).all():
        raise SettingError.of("class_weight", class_weight, "expected finite numbers from 0 on.")
    return by_class if weights is None else weights * by_class


def as_numbers(y: Any) -> Numbers:
    """Y as float64, without missing values."""
    numbers: Numbers = check_array(
        y, ensure_2d=False, dtype=np.float64, input_name="y", ensure_min_samples=1
    )
    return numbers


def as_array(y: Any) -> NDArray[Any]:
    """Y as an array of one type, without missing values."""
    values = np.asarray(y)
    if values.dtype.kind == "f":
        missing = np.isnan(values)
    elif values.dtype.kind == "O":
        missing = np.array([_is_missing(v) for v in values.reshape(-1)], bool).reshape(values.shape)
    else:
        return values
    if missing.any():
        row = int(np.argwhere(missing)[0][0])
        raise DataError(
            f"y contains NaN or None (first in row {row}, {int(missing.sum())} in all): expected "
            "a target for every row. Leave such rows out."
        )
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise DataError("y contains infinity: expected finite numbers or labels.")
    return values


def distinct(y: NDArray[Any]) -> NDArray[Any]:
    """`np.unique(y)`; whole numbers that lie close together are counted, which is faster."""
    if y.dtype.kind in "ui" and len(y):
        low, high = int(y.min()), int(y.max())
        if high - low < min(len(y), PIECE) and high < 1 << 62 and low > -(1 << 62):
            there = np.zeros(high - low + 1, bool)
            for piece in _pieces(len(y)):
                there |= np.bincount(y[piece].astype(np.int64) - low, minlength=len(there)) > 0
            return (np.flatnonzero(there) + low).astype(y.dtype)
    return np.unique(y)


def _pieces(m: int) -> Iterator[slice]:
    """Rows 0 … m in pieces, so that what is made of a piece is small."""
    return (slice(begin, begin + PIECE) for begin in range(0, m, PIECE))


def _is_missing(value: object) -> bool:
    # pandas' NA is neither equal to itself nor unequal.
    return value is None or type(value).__name__ == "NAType" or bool(value != value)

"""What y means: classes or numbers, learnt once by a fit, and how to get back to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.data.encode.moments import moments
from shoal.data.rows.examples import Examples, Numbers
from shoal.data.rows.rates import check_rates
from shoal.errors import DataError, DataTypeError, Setting, SettingError
from shoal.estimators.labels import as_array, distinct, listed, pieces, refusing
from shoal.lazily import sparse
from shoal.network.outputs import LARGEST_RATE
from shoal.settings import POISSON
from shoal.warn import warn

Weights = NDArray[np.float64] | None
# A deviation below so many roundings of the mean is none.
SMALLEST_RATE = 1e-9  # from which a training starts, where all targets are 0
ROUNDINGS = 4 * np.finfo(np.float64).eps


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
    threshold: float | None = None  # of two classes: the second is predicted above it

    @classmethod
    def learn(cls, y: Any, weights: Weights = None, classes: Any = None) -> Self:
        """From the targets of a fit, or from all `classes` that there will ever be."""
        from sklearn.utils.multiclass import check_classification_targets
        from sklearn.utils.validation import column_or_1d

        y = as_array(y)
        # Of whole numbers scikit-learn need not look at all.
        whole = y.ndim == 1 and y.dtype.kind in "bui"
        if y.ndim == 2 and y.shape[1] > 1:
            _refuse_other_labels(y)
            return cls(np.arange(y.shape[1]), y.shape[1])
        with refusing():
            if not whole:
                check_classification_targets(y)
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
        from sklearn.utils.validation import column_or_1d

        y = as_array(y)
        if self.labels > 1:
            if y.ndim != 2 or y.shape[1] != self.labels:
                raise DataError(f"y must have shape (rows, {self.labels}), but has {y.shape}.")
            _refuse_other_labels(y)
            by_row = _weights_of_several(y, class_weight)
            return TargetArrays(np.asarray(y, np.float64), None, _product(weights, by_row))
        with refusing():
            y = column_or_1d(y)
        labels = np.empty(len(y), np.int32)
        for piece in pieces(len(y)):
            labels[piece] = self._labels_of(y[piece])
        by_class = self.weights_of(class_weight, np.bincount(labels, minlength=len(self.classes)))
        by_row = None if by_class is None else by_class[labels]
        return TargetArrays(None, labels, _product(weights, by_row))

    def weights_of(self, class_weight: Any, counts: NDArray[np.integer]) -> Weights:
        """The weight of each class; "balanced" by how many rows of each there are."""
        if class_weight is None:
            return None
        if isinstance(class_weight, Mapping):
            known = self.classes.tolist()
            strange = [key for key in class_weight if key not in known]
            if strange and not all(c in class_weight for c in known):
                raise SettingError.of(
                    "class_weight", class_weight,
                    f"y has no class {strange[0]!r}. Expected classes of y: {listed(self.classes)}.",
                )  # fmt: skip
            return np.array([float(class_weight.get(c, 1.0)) for c in known])
        there = np.count_nonzero(counts)
        return np.asarray(counts.sum() / (there * np.maximum(counts, 1.0)), np.float64)

    def _labels_of(self, y: NDArray[Any]) -> NDArray[np.integer]:
        """The place of each target among the classes."""
        if len(self.classes) == 2:
            labels = (y == self.classes[1:]).astype(np.intp)
        else:
            labels = np.minimum(np.searchsorted(self.classes, y), len(self.classes) - 1)
        unknown = self.classes[labels] != y
        if unknown.any():
            raise DataError(
                f"y has the class {y[unknown][:1].tolist()[0]!r}, which was not there in fit. "
                f"Classes: {listed(self.classes)}."
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
        """The class of each row, the likeliest without a threshold; of several labels a 0 or 1 for each."""
        if self.labels > 1:
            return (A2.T > 0.5).astype(np.int64)
        labels: NDArray[Any] = self.classes[self.places(A2)]
        return labels

    def places(self, A2: Numbers) -> NDArray[np.intp]:
        """The same as places among the classes; not for several labels."""
        threshold = 0.5 if self.threshold is None else self.threshold
        return (A2[0] > threshold).astype(np.intp) if len(A2) == 1 else A2.argmax(axis=0)

    answers = decide

    def decide_by(self, probabilities: Numbers) -> NDArray[Any]:
        """The same from what `probabilities` returns."""
        binary = self.outputs == (1, "sigmoid")
        return self.decide(probabilities.T[1:] if binary else probabilities.T)

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
    loss: str = "squared_error"  # or "poisson": rates, which are not standardised

    def by(self, loss: str) -> Self:
        """The same for another loss, as they were learnt."""
        return (
            self if loss == self.loss else replace(self, loss=loss, scale=np.ones_like(self.scale))
        )

    @classmethod
    def learn(cls, y: Any, weights: Weights = None, classes: Any = None) -> Self:
        """From the targets of a fit."""
        numbers = as_numbers(y)
        if numbers.ndim == 2 and numbers.shape[1] == 1:
            from sklearn.exceptions import DataConversionWarning

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
        mean, deviations = np.array(means), np.sqrt(variances)
        if not np.isfinite(deviations).all():
            raise DataError("y is too large to be squared: divide it by its size.")
        constant = ~(deviations > ROUNDINGS * np.abs(mean))
        for j in np.flatnonzero(constant):
            which = f"target {j} of y" if columns else "y"
            warn(
                f"{which} is constant ({mean[j]:g}), or varies by less than its rounding: there is "
                "nothing to learn but this constant."
            )
        return cls(mean, np.where(constant, 0.0, deviations), columns)

    @property
    def outputs(self) -> tuple[int, str]:
        """How many outputs a network has, and their function."""
        return len(self.mean), "poisson" if self.loss == POISSON else "identity"

    @property
    def centre(self) -> NDArray[np.float64]:
        """What is subtracted from each target: its mean, or nothing from rates."""
        return np.zeros_like(self.mean) if self.loss == POISSON else self.mean

    def arrays(self, y: Any, weights: Weights = None, class_weight: Any = None) -> TargetArrays:
        """The targets of rows, standardised."""
        numbers = as_numbers(y)
        columns = numbers.reshape(len(numbers), -1)
        if columns.shape[1] != len(self.mean):
            raise DataError(f"y must have {len(self.mean)} columns, but has {columns.shape[1]}.")
        if self.loss == POISSON:
            check_rates(columns)
        # A constant target has the scale 0, so that exactly its mean is predicted.
        return TargetArrays((columns - self.centre) / self.divisor, None, weights)

    def apart(self, y: Any) -> NDArray[np.float64]:
        """The largest distance of each target of some rows from the mean."""
        columns = as_numbers(y).reshape(len(y), -1)
        return np.asarray(np.abs(columns - self.mean).max(axis=0), np.float64)

    def with_scale(self, apart: NDArray[np.float64]) -> Self:
        """The same; a target that was constant so far, and is `apart` from it now, gets that scale."""
        found = np.where(apart > ROUNDINGS * np.abs(self.mean), apart, 0.0)
        return replace(self, scale=np.where(self.scale > 0, self.scale, found))

    @property
    def divisor(self) -> NDArray[np.float64]:
        """What standardises each target; 1 for a constant one."""
        return np.where(self.scale > 0, self.scale, 1.0)

    def back(self, examples: Examples) -> NDArray[Any]:
        """The targets in their own unit, of the rows that count."""
        assert examples.Y is not None
        rows = slice(None) if examples.rows is None else examples.rows
        return self.in_units(examples.Y[rows].T.astype(np.float64))

    def in_units(self, A2: Numbers) -> NDArray[np.float64]:
        """Outputs in the unit of y: (rows,), or (rows, targets) as y was."""
        with np.errstate(over="ignore"):
            numbers = A2.T * self.scale + self.centre
        return self._shaped(finite(numbers.T).T)

    def answers(self, A2: Numbers) -> NDArray[np.float64]:
        """What `predict` gives of outputs."""
        return self.in_units(A2.astype(np.float64))

    def spread_in_units(self, spread: Numbers) -> NDArray[np.float64]:
        """Deviations of outputs in the unit of y."""
        with np.errstate(over="ignore"):
            spreads = spread.T * self.scale
        return self._shaped(finite(spreads.T).T)

    def _shaped(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        return numbers if self.columns else numbers[:, 0]


Targets = ClassTargets | NumberTargets


def first_biases(targets: Targets) -> NDArray[np.float64] | None:
    """The biases b2 with which a network of rates predicts their means; None for other targets."""
    if not isinstance(targets, NumberTargets) or targets.loss != POISSON:
        return None
    return np.log(np.clip(targets.mean, SMALLEST_RATE, LARGEST_RATE))[:, np.newaxis]


def finite(A: NDArray[Any]) -> NDArray[Any]:
    """What was computed of rows, (outputs, rows). Raises DataError, with the row, for NaN or infinity."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.add.reduce(A, axis=None)
        if total - total == 0:  # which is NaN if any of them is not finite; quick for one row
            return A
    good = np.isfinite(A)
    if not good.all():
        row = int(np.argmin(good.all(axis=0)))
        raise DataError(
            "the network's output is not a finite number: values of this row are too far from "
            "those of the training. Correct them, or leave the row out.",
            row=row + 1,
        )
    return A


def _refuse_other_labels(y: NDArray[Any]) -> None:
    """Raise DataError unless every label of every row is 0 or 1."""
    if y.dtype.kind == "b":
        return
    good = (y == 0) | (y == 1) if y.dtype.kind in "uif" else np.zeros(y.shape, bool)
    if not good.all():
        found = np.unique(y[~good].astype(str))[:5].tolist()
        raise DataError(
            f"y has {y.shape[1]} columns, which are taken as labels, and the values "
            f"{', '.join(found)}: expected 0 or 1 in each. Turn them into 0 and 1, or give y one "
            "column of classes."
        )


def _weights_of_several(y: NDArray[Any], class_weight: Any) -> Weights:
    if class_weight is None:
        return None
    if class_weight != "balanced":
        raise SettingError.of(
            "class_weight", class_weight, "y has several labels: expected ",
            Setting("class_weight", "balanced"), " or None.",
        )  # fmt: skip
    from sklearn.utils.class_weight import compute_sample_weight

    weights: NDArray[np.float64] = compute_sample_weight("balanced", y)
    return weights


def _product(weights: Weights, others: Weights) -> Weights:
    if weights is None or others is None:
        return others if weights is None else weights
    if len(weights) != len(others):
        raise DataError(f"y has {len(others)} rows, and sample_weight {len(weights)}.")
    return weights * others


def are_times(values: Any) -> bool:
    """Whether these are times or durations, which NumPy turns into counts of whatever unit they have."""
    if isinstance(values, list | tuple):
        values = values[:1]
    dtypes = getattr(values, "dtypes", None)
    of_each = dtypes if isinstance(dtypes, Iterable) else [getattr(values, "dtype", None)]
    kinds = {getattr(dtype, "kind", "") for dtype in of_each} - {"", "O"}
    if kinds:
        return bool(kinds & {"M", "m"})
    array = np.asarray(values)
    return array.dtype.kind in "Mm" or isinstance(next(array.flat, None), date | time | timedelta)


def as_numbers(y: Any) -> Numbers:
    """Y as float64, without missing values."""
    from sklearn.utils import check_array

    if sparse.issparse(y):
        y = y.toarray()  # type: ignore[attr-defined]
    if isinstance(y, np.ma.MaskedArray):
        y = as_array(y)
    with refusing():
        if are_times(y):
            raise DataTypeError(
                "y has dates, times or durations: expected numbers. Turn them into numbers of a "
                "unit that you choose, such as days: (y - y.min()) / numpy.timedelta64(1, 'D')."
            )
    try:
        with refusing():
            numbers: Numbers = check_array(
                y, ensure_2d=False, dtype=np.float64, input_name="y", ensure_min_samples=1
            )
    except TypeError as error:
        raise DataTypeError(f"y has values that are no numbers: {error}.") from None
    if numbers.ndim == 2 and not numbers.shape[1]:
        raise DataError("y has no columns: expected at least one target.")
    return numbers

"""From what a user calls X and y to rows of numbers: read, checked, encoded."""

import importlib
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight, validate_data

from shoal.compute.engine import engine
from shoal.compute.memory import refuse_if_too_large
from shoal.compute.steps import not_finite
from shoal.data.encoding import Encoding, SetAside
from shoal.data.examples import Examples, Matrix, Numbers
from shoal.data.learning import learn
from shoal.data.sparse import Sparse, from_scipy
from shoal.data.tables import as_table, from_objects, is_table
from shoal.errors import DataError, SettingError
from shoal.estimators.settings import bins_of

if TYPE_CHECKING:
    from shoal.estimators.base import ShoalBase


Table: TypeAlias = "pa.Table | NDArray[Any] | Sparse"


class Targets(NamedTuple):
    """y as the kernel wants it, with the weights of the rows."""

    Y: Numbers | None
    labels: NDArray[np.int32] | None
    weights: NDArray[np.float64] | None


class Ready(NamedTuple):
    """Rows that an estimator need not read: they are as its networks see them."""

    matrix: Matrix

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns); scikit-learn counts the rows by it."""
        return self.matrix.shape


def computed(*collections: Any) -> list[Any]:
    """Dask's frames and arrays as what they are made of; everything else as it is.

    They are computed together, so that a frame and one of its columns are read once.
    """
    lazy = [one for one in collections if hasattr(one, "__dask_graph__")]
    if not lazy:
        return list(collections)
    compute: Any = importlib.import_module("dask").compute
    found = iter(compute(*lazy))
    return [next(found) if hasattr(one, "__dask_graph__") else one for one in collections]


def read(model: "ShoalBase", X: Any, *, reset: bool) -> Table:
    """X as an Arrow table, or as an array of numbers; names and widths checked."""
    if is_table(X):
        validate_data(model, X, skip_check_array=True, reset=reset)
        if not (len(X) if not isinstance(X, pa.Table) else X.num_rows):
            raise DataError("the table has no rows: expected at least one example.")
        return as_table(X)
    if issparse(X):
        validate_data(model, X, skip_check_array=True, reset=reset)
        rows = from_scipy(X, model.dtype)
        if not len(rows):
            raise DataError("the matrix has no rows: expected at least one example.")
        return rows
    array = check_array(X, dtype=None, ensure_all_finite=False, estimator=model, input_name="X")
    validate_data(model, array, skip_check_array=True, reset=reset)
    # In the byte order of this machine, as Arrow and the kernel want it.
    return np.asarray(array, array.dtype.newbyteorder("="))


def learn_encoding(model: "ShoalBase", table: Table, weights: NDArray[np.float64] | None) -> Matrix:
    """Learn how columns become numbers, and turn the table into them."""
    wanted = overrides(model, sparse=isinstance(table, Sparse))
    if model.encode is None or isinstance(table, Sparse):
        model.encoding_ = None
        return matrix_of(model, table)
    arrow = arrow_of(table)
    bins = bins_of(model, len(arrow), arrow.num_columns)
    model.encoding_ = learn(arrow, weights, engine.sums_about, **wanted, bins=bins)
    check_features(model.encoding_, len(table))
    return matrix_of(model, table)


def overrides(model: "ShoalBase", *, sparse: bool = False) -> dict[str, tuple[str, ...]]:
    """The columns that are named in words, numbers and drop."""
    named = {
        name: () if (value := getattr(model, name)) is None else tuple(value)
        for name in ("words", "numbers", "drop")
    }
    if (model.encode is None or sparse) and any(named.values()):
        raise SettingError('words, numbers and drop need encode="auto", and no sparse matrix.')
    return named


def check_features(encoding: Encoding, m: int) -> None:
    """Raise DataError when nothing of a table can be used."""
    if encoding.features:
        return
    reasons = "; ".join(
        f"{c.name}: {c.reason}" for c in encoding.columns[:5] if isinstance(c, SetAside)
    )
    raise DataError(
        f"no column of X can be used, in {m} sample(s) ({reasons}). Expected at "
        "least one column that varies: add one, or take columns as words or numbers with "
        "words=[…], numbers=[…] (on the command line --words and --numbers)."
    )


def arrow_of(table: "pa.Table | NDArray[Any]") -> pa.Table:
    """An array as an Arrow table, its columns named x0, x1, …"""
    if isinstance(table, pa.Table):
        return table
    names = [f"x{j}" for j in range(table.shape[1])]
    if table.dtype.kind in "OUS":
        return from_objects(table.astype(object), names)
    return pa.table([pa.array(np.ascontiguousarray(table[:, j])) for j in range(len(names))], names)


def matrix_of(model: "ShoalBase", table: Table) -> Matrix:
    """Rows of numbers in the working precision, as the networks see them."""
    if isinstance(table, Sparse):
        if model.encoding_ is not None:
            raise DataError(
                "the model learnt how to encode the columns of a table, and X is a sparse matrix: "
                "expected a table. Use X.toarray(), or fit on a sparse matrix."
            )
        return table
    if model.encoding_ is not None:
        arrow = arrow_of(table)
        refuse_if_too_large(
            arrow.num_rows * model.encoding_.row_bytes(model.dtype),
            f"{arrow.num_rows:,} rows × {len(model.encoding_.features)} encoded columns",
            "Use fewer rows, or drop columns.",
        )
        return model.encoding_.encode(arrow, model.dtype)
    if isinstance(table, pa.Table):
        table = np.column_stack([np.asarray(column) for column in table.columns])
    try:
        with np.errstate(over="ignore"):  # what overflows is infinite, and named below
            matrix = np.ascontiguousarray(table, model.dtype)
    except ValueError as error:
        raise DataError(f'encode=None expects numbers alone: {error}. Use encode="auto".') from None
    bad = first_not_finite(matrix)
    if bad is not None:
        raise not_finite(matrix, bad)
    return matrix


def examples_of(model: "ShoalBase", matrix: Matrix, targets: Targets) -> Examples:
    """Rows with their targets, in the working precision."""
    Y, labels, weights = targets
    T = np.dtype(model.dtype)
    return Examples(
        matrix,
        None if Y is None else np.ascontiguousarray(Y, T),
        labels,
        None if weights is None else np.ascontiguousarray(weights, T),
    )


def validation_of(model: "ShoalBase", X: Any, y: Any, sample_weight: Any) -> Examples:
    """The rows of a table that is not the one in fit."""
    table = read(model, X, reset=False)
    targets = model._targets(y, weights_of(sample_weight, table, "sample_weight_val"))
    check_lengths(len(table), targets, "y_val")
    return examples_of(model, matrix_of(model, table), targets)


def weights_of(
    sample_weight: Any, table: Table, name: str = "sample_weight"
) -> NDArray[np.float64] | None:
    """The weights of the rows, none negative, some positive; None if none are given."""
    if sample_weight is None:
        return None
    weights: NDArray[np.float64] = np.ascontiguousarray(
        _check_sample_weight(sample_weight, table, dtype=np.float64, ensure_non_negative=True)
    )
    if not weights.sum() > 0:
        raise DataError(f"{name} is 0 for every row: nothing is left to learn from.")
    return weights


def check_lengths(m: int, targets: Targets, name: str) -> None:
    """Raise DataError unless there is a target for each row."""
    found = len(targets.labels if targets.labels is not None else targets.Y)  # type: ignore[arg-type]
    if found != m:
        raise DataError(
            f"Found input variables with inconsistent numbers of samples: {[m, found]} (X, {name})."
        )


def first_not_finite(matrix: Numbers) -> int | None:
    """The first row with a NaN or an infinite number, looked for in pieces of a cache's size."""
    rows = 1 + 65_536 // matrix.shape[1]
    for begin in range(0, len(matrix), rows):
        good = np.isfinite(matrix[begin : begin + rows])
        if not good.all():
            return begin + int(np.flatnonzero(~good.all(axis=1))[0])
    return None

"""X in all the forms that it comes in, as an Arrow table, an array or sparse rows."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array

from shoal.data.read.csv_text import distinct
from shoal.data.read.file_options import Files
from shoal.data.read.objects import as_supported, column_of, rows_of_records
from shoal.data.read.spoilt import shortened
from shoal.data.read.tables import as_table, from_objects, is_table
from shoal.data.rows.sparse import Sparse, from_scipy
from shoal.errors import DataError, DataTypeError
from shoal.estimators.labels import refusing

Table: TypeAlias = "pa.Table | NDArray[Any] | Sparse"
Names: TypeAlias = tuple[str, ...] | None


def read(X: Any, who: str, dtype: str) -> Table:
    """X as an Arrow table, an array, or sparse rows; DataError if it has no rows."""
    if is_table(X):
        table = as_table(X)
        if not table.num_columns:
            raise DataError("the table has no columns: expected at least one.")
        if not table.num_rows:
            raise DataError("the table has no rows: expected at least one example.")
        return table
    if issparse(X):
        matrix: Any = X
        if matrix.ndim != 2 or not matrix.shape[1] or matrix.dtype.kind not in "biuf":
            raise DataError(
                f"X is a sparse matrix of shape {matrix.shape} and type {matrix.dtype}: expected "
                "two dimensions, at least one column, and real numbers."
            )
        rows = from_scipy(matrix, dtype)
        if not len(rows):
            raise DataError("the matrix has no rows: expected at least one example.")
        return rows
    with refusing():
        array = check_array(X, dtype=None, ensure_all_finite=False, estimator=who, input_name="X")
    array = as_supported(array)
    # In the byte order of this machine, as Arrow and the kernel want it.
    return np.asarray(array, array.dtype.newbyteorder("="))


def as_given(X: Any) -> Any:
    """X in a form that can be read: whatever Arrow can take, records and dicts become tables."""
    paths = X.paths if isinstance(X, Files) else X
    first = paths[0] if type(paths) in (list, tuple) and paths else paths
    if isinstance(first, str | os.PathLike):
        raise DataError(
            f"X is a path, {shortened(os.fspath(first))}: only `fit` reads files. Read the rows with pandas, "
            "polars or pyarrow, or use the command `shoal predict`."
        )
    if isinstance(X, np.ndarray):
        if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
            raise DataError(
                "X is a masked array with masked values: expected an array that has NaN there. Use "
                "X.astype(float).filled(numpy.nan)."
            )
        if X.dtype.names is None:
            return X
        return _table({name: X[name] for name in X.dtype.names}) if X.ndim == 1 else X
    if issparse(X):  # (one of its forms is a mapping)
        if getattr(X, "ndim", 2) != 2:
            raise DataError(
                f"X is a sparse array with {getattr(X, 'ndim', 2)} dimension(s): expected two."
            )
        return X
    if isinstance(X, list) and X and all(isinstance(row, Mapping) for row in X):
        return rows_of_records(X)
    if _is_data_set(X):
        return pa.table(X.with_format("arrow")[:])
    if isinstance(X, Mapping):
        return _table(X)
    if len(getattr(X, "shape", ())) == 1 and hasattr(X, "to_frame"):
        raise DataError(
            f"X is a {type(X).__name__}, one column or one row: expected a table. Use X.to_frame(), "
            "and X.to_frame().T for a row."
        )
    if isinstance(X, pa.RecordBatch):
        return pa.Table.from_batches([X])
    if hasattr(X, "collect") and not hasattr(X, "shape"):
        raise _not_computed(X, "collect")
    if hasattr(X, "__arrow_c_stream__") and not has_columns(X):
        return _imported(X, pa.table)
    if hasattr(X, "__arrow_c_array__") and not has_columns(X) and not isinstance(X, pa.Array):
        return _imported(X, lambda one: pa.Table.from_batches([pa.record_batch(one)]))
    if isinstance(X, pa.ChunkedArray | pa.Array):
        raise DataError("X is one column: expected a table. Use pyarrow.table({name: X}).")
    return X


def _is_data_set(X: Any) -> bool:
    """Whether X is a data set of Hugging Face. Raises DataError for several, and for a stream."""
    if isinstance(X, Mapping) and X and all(hasattr(v, "with_format") for v in X.values()):
        raise DataError(
            f"X has several data sets ({', '.join(map(str, X))}): expected one. Choose it by its "
            "name."
        )
    if not (hasattr(X, "with_format") and hasattr(X, "features")):
        return False
    if not hasattr(X, "__len__"):  # (columns of one that is streamed can be named, too)
        raise DataError(
            f"X is a {type(X).__name__}, a data set that is not loaded: expected rows. Load it "
            "without streaming."
        )
    return True


def _not_computed(X: Any, method: str) -> DataError:
    return DataError(
        f"X is a {type(X).__name__}, a table that is not computed yet: expected rows. Use "
        f"X.{method}()."
    )


def _imported(X: Any, read: Callable[[Any], pa.Table]) -> pa.Table:
    """What another library gives as Arrow."""
    try:
        return read(X)
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError) as error:
        raise DataError(
            f"X is a {type(X).__name__}, and no table can be made of it ({error}). Turn it into a "
            "table of pyarrow, pandas or polars."
        ) from None


def _table(columns: Mapping[Any, Any]) -> pa.Table:
    """Columns by name, of the same length each."""
    found: dict[str, Any] = {}
    for given, values in columns.items():
        name = str(given)
        if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
            raise DataError(
                f"expected a list or an array of values, found {type(values).__name__}.",
                column=name,
            )
        if name in found:
            raise DataError("two columns have this name: expected different names.", column=name)
        found[name] = column_given(values, name)
    lengths = {name: len(column) for name, column in found.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f'"{name}" {n:,}' for name, n in list(lengths.items())[:5])
        raise DataError(f"the columns of X have different numbers of rows: {shown}.")
    return pa.table(found)


def column_given(values: Any, name: str) -> Any:
    """A column that is given by itself: an array, a list, or a Series of any library."""
    if hasattr(values, "__arrow_c_stream__") or type(values).__module__.startswith("pandas"):
        import narwhals as nw

        if not hasattr(values, "__arrow_c_stream__"):  # an index or an array of pandas
            values = sys.modules["pandas"].Series(values)
        series = nw.from_native(values, series_only=True, pass_through=True)
        if isinstance(series, nw.Series):
            return as_table(series.alias(name).to_frame().to_native()).column(0)
        return pa.chunked_array(values)
    return column_of(values, name)


def has_columns(X: Any) -> bool:
    """Whether X is a table or a sparse matrix, and no array. Raises DataError for equal names."""
    names = getattr(X, "columns", None)
    if names is not None and not isinstance(X, pa.Table) and all(isinstance(n, str) for n in names):
        distinct("X", list(names))
    return issparse(X) or is_table(X)


def columns_of(X: Any) -> tuple[int, Names]:
    """How many columns X has, and their names if it has any: as scikit-learn counts and names them."""
    if isinstance(X, pa.Table):
        return X.num_columns, _distinct(X.column_names)
    names = list(X.columns) if hasattr(X, "columns") and not isinstance(X, Sparse) else []
    texts = [isinstance(name, str) for name in names]
    if any(texts) and not all(texts):
        kinds = sorted({type(name).__name__ for name in names})
        raise DataTypeError(
            "Feature names are only supported if all input features have string names, but your "
            f"input has {kinds} as feature name / column name types. If you want feature names to "
            "be stored and validated, you must convert them all to strings, by using X.columns = "
            "X.columns.astype(str) for example. Otherwise you can remove feature / column names "
            "from your input data, or convert them all to a non-string data type."
        )
    return int(X.shape[1]), _distinct(names) if any(texts) else None


def _distinct(names: list[str]) -> tuple[str, ...]:
    """The names. Raises DataError if two of them are the same."""
    distinct("X", names)
    return tuple(names)


def width_of(table: Table) -> int:
    """How many columns a table has."""
    return table.num_columns if isinstance(table, pa.Table) else table.shape[1]


def arrow_of(table: "pa.Table | NDArray[Any]") -> pa.Table:
    """An array as an Arrow table, its columns named x0, x1, …"""
    if isinstance(table, pa.Table):
        return table
    names = [f"x{j}" for j in range(table.shape[1])]
    if table.dtype.kind in "OUS":
        return from_objects(table.astype(object), names)
    return pa.table([pa.array(np.ascontiguousarray(table[:, j])) for j in range(len(names))], names)

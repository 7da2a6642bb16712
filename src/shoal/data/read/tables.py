"""Any table becomes an Arrow table: pandas, polars, pyarrow, or an array of mixed things."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shoal.data.read.csv_text import distinct
from shoal.data.read.objects import categories, column_of, column_of_objects
from shoal.data.read.texts import fields_like, marked
from shoal.errors import DataError

TEXT = (
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)


def is_words(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text, or bytes that may be text."""
    return pa.types.is_string(kind) or any(is_text(kind) for is_text in TEXT)


def is_table(X: object) -> bool:
    """Whether X is a data frame (of any library that narwhals knows) and not an array."""
    if isinstance(X, np.ndarray):
        return False
    if isinstance(X, pa.Table):
        return True
    import narwhals as nw

    try:
        return isinstance(nw.from_native(X, pass_through=True), nw.DataFrame)
    except nw.exceptions.DuplicateError:
        found: Any = X
        distinct("X", list(map(str, found.columns)))
        raise


def as_table(X: Any) -> pa.Table:
    """The table as Arrow, with text, numbers, booleans or times in its columns."""
    if not isinstance(X, pa.Table):
        import narwhals as nw

        frame = nw.from_native(X, eager_only=True)
        categories_of = (nw.Categorical, nw.Enum)
        # By position: pandas' columns may be named 0, 1, …, which narwhals takes for rows.
        series = [frame[:, place] for place in range(len(frame.columns))]
        named = [str(name) for name in frame.columns]
        columns = [_arrow(one, name) for one, name in zip(series, named, strict=True)]
        fields = [
            _marked(pa.field(name, column.type), isinstance(one.dtype, categories_of))
            for name, one, column in zip(named, series, columns, strict=True)
        ]
        X = pa.table(columns, schema=pa.schema(fields))
    names = X.column_names
    for name in names if len(set(names)) < len(names) else ():
        if names.count(name) > 1:
            # The wording is that of narwhals for other libraries' frames.
            raise DataError(
                f"expected unique column names, found '{name}' {names.count(name)} times. Rename "
                "the columns."
            )
    columns = [plain(column, name) for name, column in zip(names, X.columns, strict=True)]
    fields = [
        _marked(after, pa.types.is_dictionary(before.type))
        for after, before in zip(fields_like(names, columns, X.schema), X.schema, strict=True)
    ]
    return pa.table(columns, schema=pa.schema(fields))


def _marked(field: pa.Field, is_category: bool) -> pa.Field:
    """The field; of categories one that says that they are text, and nothing else."""
    return marked(field) if is_category else field


def from_objects(X: "np.ndarray[Any, Any]", names: Sequence[str]) -> pa.Table:
    """A 2-d array of Python objects, each column with the type that its values share."""
    columns = [column_of_objects(X[:, j], name) for j, name in enumerate(names)]
    return pa.table(columns, list(names))


def _arrow(series: Any, name: str) -> Any:
    """A column of a frame; pandas' columns of Python objects, and its categories, as they are."""
    native = series.to_native()
    kind: Any = getattr(native, "dtype", None)
    if type(kind).__name__ == "CategoricalDtype":  # of pandas
        return categories(kind.categories, native.cat.codes, name)
    if getattr(kind, "kind", None) == "O" and not hasattr(kind, "pyarrow_dtype"):
        return column_of_objects(native.to_numpy(dtype=object), name)
    try:
        column = series.to_arrow()
    except Exception:  # whatever a library raises for a type that Arrow lacks
        return column_of(series.to_list(), name)
    if isinstance(column.type, pa.BaseExtensionType) or str(series.dtype) == "Object":
        return column_of(series.to_list(), name)  # periods and intervals of pandas, say
    return column


def plain(column: Any, name: str) -> Any:
    """The column without dictionaries; text in Arrow's first form.

    Categories are words, of whatever type they are: whoever wrote them said so. Raises DataError for lists and the like, and for bytes that are not text.
    """
    if pa.types.is_dictionary(column.type):
        column = _decoded(column, name)
    if pa.types.is_run_end_encoded(column.type):
        column = pc.run_end_decode(column)
    if isinstance(column.type, pa.BaseExtensionType):
        column = column_of(_values_of(column), name)
    if pa.types.is_nested(column.type) or pa.types.is_interval(column.type):
        raise DataError(
            f"expected numbers, text, booleans or times, found {column.type}. Take it apart into "
            "columns of their own, or leave it out.",
            column=name,
        )
    if any(is_text(column.type) for is_text in TEXT):
        try:
            return pc.cast(column, pa.string())
        except pa.ArrowInvalid:
            raise DataError(
                "expected numbers, text, booleans or times, found bytes that are not text "
                "(UTF-8). Leave it out.",
                column=name,
            ) from None
    return column


def _decoded(column: Any, name: str) -> Any:
    if is_words(column.type.value_type):
        return pc.cast(column, column.type.value_type)
    chunks = [
        categories(_values_of(chunk.dictionary), chunk.indices.cast(pa.int64()).fill_null(-1), name)
        for chunk in (column.chunks if isinstance(column, pa.ChunkedArray) else [column])
    ]
    return pa.chunked_array(chunks, pa.string())


def _values_of(column: Any) -> list[Any]:
    """The values; periods and intervals as pandas has them, of which Arrow knows the numbers only."""
    if str(getattr(column.type, "extension_name", "")).startswith("pandas."):
        return list(column.type.to_pandas_dtype().__from_arrow__(column))
    values: list[Any] = column.to_pylist()
    return values


def joined(tables: Iterable[pa.Table]) -> pa.Table:
    """Tables with the same columns, one after the other; where types differ, in the wider one."""
    parts = list(tables)
    schemas = [part.schema for part in parts]
    if all(schema.equals(schemas[0]) for schema in schemas):
        return pa.concat_tables(parts)
    columns, names = {}, parts[0].column_names
    for name in names:
        wide = _widest([schema.field(name).type for schema in schemas])
        columns[name] = pa.chunked_array(
            [chunk for part in parts for chunk in _as(part[name], wide).chunks], wide
        )
    return pa.table(columns, schema=fields_like(names, list(columns.values()), schemas[0]))


def _widest(kinds: Sequence[pa.DataType]) -> pa.DataType:
    """The type of all values together, of columns that were read as one."""
    found = list(dict.fromkeys(kind for kind in kinds if not pa.types.is_null(kind)))
    if len(found) < 2:
        return found[0] if found else pa.null()
    # Whole numbers and others, or days and times, as columns of CSV are read.
    if any(pa.types.is_floating(kind) for kind in found):
        return pa.float64()
    if any(pa.types.is_timestamp(kind) for kind in found):
        return next(kind for kind in found if pa.types.is_timestamp(kind))
    fields = [pa.schema([("x", kind)]) for kind in found]
    return pa.unify_schemas(fields, promote_options="permissive").field("x").type


def _as(column: Any, kind: pa.DataType) -> Any:
    return column if column.type == kind else pc.cast(column, kind, safe=False)

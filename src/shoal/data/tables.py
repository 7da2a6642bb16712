"""Any table becomes an Arrow table: pandas, polars, pyarrow, or an array of mixed things."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shoal.errors import DataError

TEXT = (
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)


def is_table(X: object) -> bool:
    """Whether X is a data frame (of any library that narwhals knows) and not an array."""
    if isinstance(X, np.ndarray):
        return False
    if isinstance(X, pa.Table):
        return True
    import narwhals as nw

    return isinstance(nw.from_native(X, pass_through=True), nw.DataFrame)


def as_table(X: Any) -> pa.Table:
    """The table as Arrow, with text, numbers, booleans or times in its columns."""
    if not isinstance(X, pa.Table):
        import narwhals as nw

        frame = nw.from_native(X, eager_only=True)
        # By position: pandas' columns may be named 0, 1, …, which narwhals takes for rows.
        X = pa.table(
            [_arrow(series) for series in frame.iter_columns()], [str(c) for c in frame.columns]
        )
    return pa.table(
        [plain(column, name) for name, column in zip(X.column_names, X.columns, strict=True)],
        X.column_names,
    )


def from_objects(X: "np.ndarray[Any, Any]", names: Sequence[str]) -> pa.Table:
    """A 2-d array of Python objects, each column with the type that its values share."""
    return pa.table(
        [_column_of_objects(X[:, j], name) for j, name in enumerate(names)], list(names)
    )


def _arrow(series: Any) -> Any:
    try:
        return series.to_arrow()
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # a pandas column of mixed objects
        return _column_of_objects(series.to_numpy(), series.name)


def _column_of_objects(values: "np.ndarray[Any, Any]", name: str) -> Any:
    for value in values:
        if not (value is None or np.isscalar(value) or _is_time(value)):
            # The wording is what scikit-learn's own checks expect of an estimator.
            raise TypeError(
                f'column "{name}": argument must be a string or a real number, not '
                f"{type(value).__name__!r}"
            )
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if v is None or v != v else str(v) for v in values], pa.string())


def _is_time(value: object) -> bool:
    return hasattr(value, "isoformat")


def plain(column: Any, name: str) -> Any:
    """The column without dictionaries (pandas' and polars' categories); text in Arrow's first form.

    Raises DataError for lists and the like, and for bytes that are no text.
    """
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if pa.types.is_nested(column.type):
        raise DataError(
            f'column "{name}" holds {column.type}: expected numbers, words, booleans or times. '
            "Take it apart into columns of their own, or leave it out."
        )
    if any(is_text(column.type) for is_text in TEXT):
        try:
            return pc.cast(column, pa.string())
        except pa.ArrowInvalid:
            raise DataError(
                f'column "{name}" holds bytes that are no text (UTF-8): expected numbers, words, '
                "booleans or times. Leave it out."
            ) from None
    return column

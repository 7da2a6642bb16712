"""Values as words: one value is one word, whatever type it has in this table or the next.

3, 3.0 and Decimal("3.00") are 3. A truth value is true or false, however a library writes it. A
date, and the same day at 00:00, are 2020-01-01.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Column = Any  # a pyarrow ChunkedArray or Array: the stubs are too narrow for the functions of pc


def as_words(column: Column) -> Column:
    """The column as text; a missing value stays one."""
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_floating(kind):
        values = np.asarray(column.to_numpy() if _is_chunked(column) else column, float)
        return pa.chunked_array([pa.array([word_of(v) for v in values.tolist()], pa.string())])
    if pa.types.is_decimal(kind):
        return _without_zeros(pc.cast(column, pa.string()))
    if pa.types.is_timestamp(kind):
        if kind.tz is not None:
            column = pc.cast(column, pa.timestamp(kind.unit, "UTC"))
        text = _without_zeros(pc.cast(column, pa.string()))
        return text if kind.tz is not None else _replaced(text, " 00:00:00$", "")
    return pc.cast(column, pa.string())


def word_of(value: float) -> str | None:
    """3.0 as 3, and NaN as a missing value."""
    if value != value:
        return None
    if value in (float("inf"), float("-inf")):
        return str(value)
    return str(int(value)) if value == int(value) else repr(value)


def as_truth_values(text: Column) -> Column:
    """True, TRUE and true as one word."""
    return pc.utf8_lower(text)


def are_truth_values(words: tuple[str, ...]) -> bool:
    """Whether words can only be meant as truth values, in one spelling."""
    lowered = {word.lower() for word in words}
    return 0 < len(lowered) == len(words) and lowered <= {"true", "false"}


def _without_zeros(text: Column) -> Column:
    """1.50 as 1.5, and 00:00:00.000 as 00:00:00."""
    shorter = _replaced(text, r"(\.\d*?)0+(Z?)$", r"\1\2")
    return _replaced(shorter, r"\.(Z?)$", r"\1")


def _replaced(text: Column, pattern: str, by: str) -> Column:
    return pc.replace_substring_regex(text, pattern=pattern, replacement=by)


def _is_chunked(column: Column) -> bool:
    return isinstance(column, pa.ChunkedArray)

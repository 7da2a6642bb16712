"""Values as words: one value is one word, whatever type it has in this table or the next.

3, 3.0 and Decimal("3.00") are 3. A truth value is true or false, however a library writes it. A
date, and the same day at 00:00, are 2020-01-01.
"""

from typing import Any

import numpy as np

from shoal.lazily import pa, pc

CLOCK_OF_A_DAY = r"^(\d{4}-\d\d-\d\d)[T ]00:00(?::00(?:\.0+)?)?$"

NUMBER_WITH_ZEROS = r"^(-?(?:0|[1-9]\d*)(?:\.\d*?[1-9])?)\.?0+$"

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


def is_finer(kind: "pa.DataType") -> bool:
    """Whether times are finer than microseconds, which Python's own are not."""
    return pa.types.is_temporal(kind) and getattr(kind, "unit", "") == "ns"


def coarser(column: Column) -> Column:
    """The column with times in microseconds where they were finer: such have a value in Python."""
    kind: Any = column.type
    if not is_finer(kind):
        return column
    if pa.types.is_timestamp(kind):
        return pc.cast(column, pa.timestamp("us", kind.tz), safe=False)
    coarse = pa.duration("us") if pa.types.is_duration(kind) else pa.time64("us")
    return pc.cast(column, coarse, safe=False)


def places_among(text: Column, words: tuple[str, ...]) -> Column:
    """The place of each text among the words, in any spelling of the same value; else missing.

    A file may say 1.0 where a frame says 1, and True where another library says true; 007 is no 7.
    """
    known = pa.array(words, pa.string())
    found = pc.index_in(text, value_set=known)
    if found.null_count == text.null_count:
        return found
    spelt = _in_one_spelling(known)
    if len(pc.unique(spelt)) < len(known):
        return found  # two of the words differ in their spelling alone
    unknown = pc.unique(text.filter(pc.and_(pc.is_valid(text), pc.is_null(found))))
    places = pc.index_in(_in_one_spelling(unknown), value_set=spelt)
    if places.null_count == len(places):
        return found
    return pc.coalesce(found, places.take(pc.index_in(text, value_set=unknown)))


def _in_one_spelling(text: Column) -> Column:
    shorter = _replaced(text, NUMBER_WITH_ZEROS, r"\1")
    whole = pc.match_substring_regex(text, pattern=r"^-?\d+$")
    days = _replaced(pc.if_else(whole, text, shorter), CLOCK_OF_A_DAY, r"\1")
    lowered = pc.utf8_lower(days)
    truth = pc.is_in(lowered, value_set=pa.array(["true", "false"]))
    return pc.if_else(truth, lowered, days)


def _without_zeros(text: Column) -> Column:
    """1.50 as 1.5, and 00:00:00.000 as 00:00:00."""
    shorter = _replaced(text, r"(\.\d*?)0+(Z?)$", r"\1\2")
    return _replaced(shorter, r"\.(Z?)$", r"\1")


def _replaced(text: Column, pattern: str, by: str) -> Column:
    return pc.replace_substring_regex(text, pattern=pattern, replacement=by)


def _is_chunked(column: Column) -> bool:
    return isinstance(column, pa.ChunkedArray)

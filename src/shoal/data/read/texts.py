"""How text is read as numbers, truth values, dates or times.

A reading is a row of `READINGS`: the Arrow types it may end in, the narrowest first, what its texts
look like, and how they are rewritten for Arrow's parser. To read more spellings, add a row, or
rewrite more in `prepare`; `guesses.py` then chooses among the readings of a column.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

Column = Any  # a pyarrow ChunkedArray or Array: its stubs are too narrow for the functions of pc
ColumnTypes = tuple[pa.DataType, ...]

TEXT: ColumnTypes = (pa.string(),)
NUMBERS: ColumnTypes = (pa.int64(), pa.float64())
TRUTH: ColumnTypes = (pa.bool_(),)
DATES: ColumnTypes = (pa.date32(), pa.timestamp("us"))
ZONED: ColumnTypes = (pa.timestamp("us", "UTC"),)

PROBED = 16  # values that are cast before all are

# What Arrow's parser of floats takes; a sign before it is taken away, see `_without_plus`.
NUMBER = r"(?i)^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^-?(inf|infinity|nan)$"
WHOLE = r"^\s*[+-]?\d+\s*$"
LEADING_ZERO = r"^\s*0\d+\s*$"
DAY = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
CLOCK = r"[T ]([01]\d|2[0-3])(:[0-5]\d(:[0-5]\d(\.\d+)?)?)?"
DATE = f"{DAY}({CLOCK})?$"
ZONED_DATE = rf"{DAY}{CLOCK}(Z|[+-]\d\d(:?\d\d)?)$"
PLUS = r"^\+(\d|\.\d)"


def _trimmed(text: Column) -> Column:
    return pc.utf8_trim_whitespace(text)  # " 5" is a number


def _without_plus(text: Column) -> Column:
    """+1 as 1, which Arrow's parsers do not know."""
    text = _trimmed(text)
    if not _has_plus(text):
        return text
    return pc.replace_substring_regex(text, pattern=PLUS, replacement=r"\1")


def _has_plus(text: Column) -> bool:
    return bool(pc.any(pc.starts_with(text, pattern="+"), min_count=0).as_py())


class Reading(NamedTuple):
    """One way to read text."""

    types: ColumnTypes
    pattern: str  # of the texts that may be read so, after they were prepared
    prepare: Callable[[Column], Column]


READINGS = (
    Reading(NUMBERS, NUMBER, _without_plus),
    Reading(TRUTH, r"(?i)^(true|false|0|1)$", _trimmed),
    Reading(DATES, DATE, _trimmed),
    Reading(ZONED, ZONED_DATE, _trimmed),
)


def reading_of(types: ColumnTypes) -> Reading | None:
    """How text becomes one of these types; None if it stays text, or Arrow alone knows it."""
    return next((r for r in READINGS if set(types) <= set(r.types)), None)


def whole(text: Column, types: ColumnTypes) -> Column | None:
    """The column in the first of the types that fits all of it; None if there is none."""
    found = _cast(text, types)
    # (Arrow knows +1 as a float, and not as a whole number.)
    signed = found is not None and types == NUMBERS and found.type != NUMBERS[0] and _has_plus(text)
    if not pa.types.is_string(text.type) or (found is not None and not signed):
        return found
    reading = reading_of(types)
    prepared = reading.prepare(text) if reading else _trimmed(text)
    return None if prepared.equals(text) else _cast(prepared, types)


def some(text: Column, types: ColumnTypes) -> Column:
    """The column in the first of the types, missing where a text cannot be read so."""
    found = whole(text, types)
    if found is not None:
        return found
    reading = reading_of(types)
    prepared = reading.prepare(text) if reading else _trimmed(text)
    if reading:
        like = pc.match_substring_regex(prepared, pattern=reading.pattern)
        if not pc.any(like, min_count=0).as_py():
            return pa.chunked_array([pa.nulls(len(text), types[0])])
        prepared = pc.if_else(like, prepared, pa.scalar(None, pa.string()))
        found = _cast(prepared, types)
    return found if found is not None else _one_by_one(prepared, types)


def misfits(text: Column, read: Column) -> Column:
    """Where there is a text, and nothing was read of it."""
    return pc.and_(pc.is_valid(text), pc.is_null(read))


def _cast(column: Column, types: ColumnTypes) -> Column | None:
    for kind in types:
        # Arrow writes a message for every value that does not fit, not only for the first.
        if len(column) > PROBED and _tried(column[:PROBED], kind) is None:
            continue
        found = _tried(column, kind)
        if found is not None:
            return found
    return None


def _tried(column: Column, kind: pa.DataType) -> Column | None:
    with suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return column.cast(kind)
    return None


def _one_by_one(text: Column, types: ColumnTypes) -> Column:
    """Missing where a text looks right and is not, as 2021-02-29; each text is tried once."""
    values = pc.unique(text).drop_null()
    good = pa.array(_fitting(values, types[-1]), pa.bool_())
    fits: Any = pc.is_in(text, value_set=values.filter(good))
    return _cast(pc.if_else(fits, text, pa.scalar(None, pa.string())), types)


def _fitting(values: Column, kind: pa.DataType) -> list[bool]:
    """Of each value whether it can be cast: halves that cannot be are halved again."""
    if not len(values):
        return []
    if _cast(values, (kind,)) is not None:
        return [True] * len(values)
    if len(values) == 1:
        return [False]
    half = len(values) // 2
    return _fitting(values[:half], kind) + _fitting(values[half:], kind)

"""How text is read as numbers, truth values, dates, times or durations.

A reading is the Arrow types that a column may end in, the narrowest first, and how its values are
written. What Arrow's own parser does not know, `numerals.py` and `days.py` rewrite for it; to read
more spellings, add them there. `guesses.py` chooses the reading of a column.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from shoal.data.read import days, numerals
from shoal.data.read.absent import ALL, MISSING, without
from shoal.data.read.writing import Written

Column = Any  # a pyarrow ChunkedArray or Array: its stubs are too narrow for the functions of pc
ColumnTypes = tuple[pa.DataType, ...]

TEXT: ColumnTypes = (pa.string(),)
NUMBERS: ColumnTypes = (pa.int64(), pa.float64())
TRUTH: ColumnTypes = (pa.bool_(),)
DATES: ColumnTypes = (pa.date32(), pa.timestamp("us"))
ZONED: ColumnTypes = (pa.timestamp("us", "UTC"),)
CLOCKS: ColumnTypes = (pa.time64("us"),)
SPANS: ColumnTypes = (pa.duration("us"),)
KINDS = (TEXT, NUMBERS, TRUTH, DATES, ZONED, CLOCKS, SPANS)

PROBED = 16  # values that are cast before all are
SOME = 1000  # values by which it is told whether they repeat
WORTHWHILE = 4  # values for each different one: then each is rewritten once

TRUTHS = r"(?i)^(true|false|[01](?:\.0+)?)$"  # 1.0 where a library made room for missing values


class Reading(NamedTuple):
    """How the texts of a column are read."""

    types: ColumnTypes
    written: Written = Written()
    missing: tuple[str, ...] = ()  # texts that stand for a missing value, besides the usual ones
    verbatim: bool = False  # of text: only a blank is missing

    @property
    def kind(self) -> ColumnTypes | None:
        """One of `KINDS`; None for types that Arrow alone knows."""
        return next((kind for kind in KINDS if set(self.types) <= set(kind)), None)


PLAIN_TEXT = Reading(TEXT)


def whole(text: Column, types: ColumnTypes) -> Column | None:
    """The column in the first of the types in which Arrow reads all of it; None if there is none."""
    return _cast(text, types)


def some(text: Column, reading: Reading) -> Column:
    """The column in the first of the types, missing where a text cannot be read so."""
    if reading.types == TEXT:
        return _words(text, reading)
    if not pa.types.is_string(text.type):
        text = text.cast(pa.string())
    if reading.missing:
        text = without(text, reading.missing)
    found = direct(text, reading)
    if found is None:
        text = without(text, ALL)
        found = direct(text, reading)
    return _rewritten(text, reading) if found is None else found


def direct(text: Column, reading: Reading) -> Column | None:
    """The column as Arrow's parser reads it, if it knows all of it, and reads it as is meant."""
    types = reading.types
    if reading.kind in (CLOCKS, SPANS):
        return None
    if reading.kind != NUMBERS:
        return _cast(text, types)
    if reading.written.decimal == numerals.COMMA:
        found = _cast(text, NUMBERS[:1])  # 1.234 is a thousand
        return found if found is None else found.cast(types[0])
    found = _cast(text, types)
    if found is None or found.type == NUMBERS[0]:
        return found
    # Arrow knows +1 and NaN as floats; the one may be a whole number, the other is missing.
    is_odd = _has_plus(text) or pc.any(pc.is_nan(found), min_count=0).as_py()
    return None if is_odd else found


def folded(text: Column) -> Column:
    """The text in small letters, each run of blanks as one, and none at the ends."""
    lowered = pc.utf8_trim_whitespace(pc.utf8_lower(text))
    return pc.replace_substring_regex(lowered, pattern=r"\s+", replacement=" ")


def _words(text: Column, reading: Reading) -> Column:
    text = text.cast(pa.string())
    known = text if reading.verbatim else without(text, MISSING)
    return folded(known) if reading.written.fold else known


def _has_plus(text: Column) -> bool:
    return bool(pc.any(pc.starts_with(text, pattern="+"), min_count=0).as_py())


def misfits(text: Column, read: Column) -> Column:
    """Where there is a text that stands for no missing value, and nothing was read of it."""
    return pc.and_(pc.is_valid(text), pc.is_null(read))


def repeats(text: Column) -> bool:
    """Whether values seem to come again and again, so that it is worth to look at each once."""
    some = text[:SOME]
    return len(pc.unique(some)) * WORTHWHILE < len(some)


def shared(text: Column) -> tuple[Column, Column | None]:
    """The different values of a column, where they are few, and the place of each row's."""
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    encoded = pc.dictionary_encode(text)
    few = len(encoded.dictionary) * WORTHWHILE < len(text)
    return (encoded.dictionary, encoded.indices) if few else (text, None)


def _rewritten(text: Column, reading: Reading) -> Column:
    values, places = shared(text)
    found = read_values(values, reading)
    return pa.chunked_array([found if places is None else found.take(places)])


def read_values(text: Column, reading: Reading) -> Column:
    """The same of values that Arrow's parser does not know as they are."""
    types, kind, written = reading.types, reading.kind, reading.written
    text = numerals.seen(text)
    if kind == SPANS:
        return days.span(text).cast(types[0])
    if kind == CLOCKS:
        return _checked(days.clock(text), (pa.timestamp("us"),)).cast(types[0])
    if kind == NUMBERS:
        plain = numerals.taken_apart(text).plain(written.decimal, written.unit)
        return _checked(plain, types)
    if kind == TRUTH:
        trimmed = pc.utf8_trim_whitespace(text)
        like = pc.match_substring_regex(trimmed, pattern=TRUTHS)
        trimmed = pc.replace_substring_regex(trimmed, pattern=r"\.0+$", replacement="")
        return _checked(pc.if_else(like, trimmed, pa.scalar(None, pa.string())), types)
    if kind in (DATES, ZONED):
        return _checked(days.iso(text, written.order, zoned=kind == ZONED), types)
    return _checked(pc.utf8_trim_whitespace(text), types)


def _checked(prepared: Column, types: ColumnTypes) -> Column:
    if prepared.null_count == len(prepared):
        return pa.nulls(len(prepared), types[0])
    found = _cast(prepared, types)
    return found if found is not None else _one_by_one(prepared, types)


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
    found = _cast(pc.if_else(fits, text, pa.scalar(None, pa.string())), types)
    return found if found is not None else pa.nulls(len(text), types[0])


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


# --- how a column was read, at the column itself ------------------------------------------

_MARK = b"shoal.written"


def marked(field: pa.Field, written: Written = Written()) -> pa.Field:  # noqa: B008
    """The field of a column that was read from text, which says how that was written."""
    return field.with_metadata({_MARK: json.dumps(written).encode()})


def written_of(field: pa.Field) -> Written | None:
    """How a column was written that was read from text, or None if it was not."""
    found = (field.metadata or {}).get(_MARK)
    return None if found is None else Written(*json.loads(found))


def fields_like(names: Sequence[str], columns: Sequence[Column], schema: pa.Schema) -> pa.Schema:
    """The schema of columns that take over what an earlier table says of columns of their names."""
    there = {field.name: field.metadata for field in schema}
    return pa.schema(
        [
            pa.field(name, column.type, metadata=there.get(name))
            for name, column in zip(names, columns, strict=True)
        ]
    )

"""The types of a table's columns: guessed or asked for, and then every value must fit.

Column types are a tuple of Arrow types, the narrowest first. A column takes the first type that
fits all its values: whole numbers are integers, and with a 3.5 among them all are floats.
"""

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from shoal.data.read.messages import unknown_column
from shoal.data.read.origin import Origin
from shoal.data.read.tables import plain
from shoal.errors import DataError, Setting, SettingError, wording

Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc
ColumnTypes = tuple[pa.DataType, ...]

TEXT: ColumnTypes = (pa.string(),)
NUMBERS: ColumnTypes = (pa.int64(), pa.float64())
# In this order: 0 and 1 could also be read as truth values.
GUESSES: tuple[ColumnTypes, ...] = (
    NUMBERS,
    (pa.bool_(),),
    (pa.date32(), pa.timestamp("us")),
    (pa.timestamp("us", "UTC"),),
)
# polars, too, guesses from 100. With a larger sample a short column of numbers with one typing
# error would silently become text.
SAMPLE = 100
FINITE = "a finite number"
DECIMAL = "numbers as 1234.5"
COMMAS = r"^\s*[+-]?[\d.,]*\d\s*$"  # 1234,5 is written in Germany, 1,234.5 in America


class Wanted(NamedTuple):
    """What the caller, or a model, wants of the columns."""

    words: frozenset[str] = frozenset()  # read as text
    numbers: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()
    # Of the columns that a model knows: text is read as these, all other columns as text.
    types: Mapping[str, pa.DataType] | None = None

    def kept(self, file: str, names: Sequence[str]) -> list[str]:
        """The names that are left. Raises SettingError for a wish that cannot be granted."""
        for name in sorted((self.words | self.numbers | self.drop).difference(names)):
            raise SettingError(unknown_column(name, names), file=file)
        for name in sorted(self.words & self.numbers):
            raise SettingError(
                wording(
                    "expected one of ", Setting("words", [name]), " and ",
                    Setting("numbers", [name]), ", found both. Choose one.",
                ),
                file=file, column=name,
            )  # fmt: skip
        if names and self.drop.issuperset(names):
            raise SettingError(
                wording(Setting("drop"), " leaves no column. Drop fewer."),
                file=file, setting="drop",
            )  # fmt: skip
        return [name for name in names if name not in self.drop]

    def types_of(self, name: str) -> ColumnTypes | None:
        """The types that are wanted for a column of text, if any."""
        if name in self.words:
            return TEXT
        if name in self.numbers:
            return NUMBERS
        return None if self.types is None else (self.types.get(name, pa.string()),)

    def refused(
        self, origin: Origin, index: int, name: str, expected: str, found: object
    ) -> DataError:
        """The error for one value, with what can be done about it."""
        text = str(found)
        text = json.dumps(text if len(text) <= 40 else f"{text[:40]}…", ensure_ascii=False)
        # As text an infinite number is no better, and a model knows the types of its columns.
        cure = (
            wording("or leave it empty if it is not known.")
            if self.types is not None or expected == FINITE
            else as_text_or_dropped(name)
        )
        message = wording(f"expected {expected}, found {text}. Correct the value, ", cure)
        return origin.error(message, index, name)


def as_text_or_dropped(name: str) -> str:
    """What to do about a column with a value that is not of its type."""
    return wording(
        "or treat the whole column as categorical with ", Setting("words", [name]),
        ", or leave it out with ", Setting("drop", [name]), ".",
    )  # fmt: skip


def guessed(sample: Column) -> ColumnTypes:
    """The types for a column of text by its first values; text if it has none."""
    for types in GUESSES if len(sample) else ():
        if _cast(sample, types) is not None:
            return types
    return TEXT


def has_commas(sample: Column) -> bool:
    """Whether the first values are numbers with commas: as text, each would be its own category."""
    return len(sample) > 0 and bool(pc.all(pc.match_substring_regex(sample, COMMAS)).as_py())


def converted(
    table: pa.Table, types: Mapping[str, ColumnTypes], origin: Origin, wanted: Wanted
) -> pa.Table:
    """The table with its columns cast, those without types as they are, none infinite.

    Raises DataError at the first value that does not fit.
    """
    columns: dict[str, Column] = {}
    for name in table.column_names:
        before: Column = table[name]
        after = _cast(before, types[name]) if name in types else before
        if after is None:
            widest = types[name][-1:]
            # Whether the first n values fit: bisection finds the misfit in a few casts.
            misfit = bisect_left(
                range(len(before)), True, key=lambda n: _cast(before[: n + 1], widest) is None
            )
            expected = _in_words(widest[0])
            raise wanted.refused(origin, misfit, name, expected, before[misfit])
        is_float = pa.types.is_floating(after.type)
        if is_float and not pc.all(pc.is_finite(after), min_count=0).as_py():
            is_infinite: Column = pc.is_inf(after)
            if (infinite := is_infinite.index(True).as_py()) >= 0:
                raise wanted.refused(origin, infinite, name, FINITE, before[infinite])
            after = pc.if_else(pc.is_nan(after), pa.scalar(None, after.type), after)
        columns[name] = after
    return pa.table(columns)


def retyped(table: pa.Table, origin: Origin, wanted: Wanted) -> pa.Table:
    """A table that has types of its own, as the caller or a model wants its columns."""
    columns: dict[str, Column] = {}
    types: dict[str, ColumnTypes] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if wanted.types is not None and name not in wanted.types:
            continue  # it is not used
        try:
            columns[name] = plain(column, name)
        except DataError as error:
            raise error.at(file=origin.file) from None
        kind = NUMBERS[-1] if name in wanted.numbers else (wanted.types or {}).get(name)
        if name in wanted.words:
            types[name] = TEXT
        elif kind is not None and _is_other(columns[name].type, kind):
            types[name] = (kind,)
            columns[name] = columns[name].cast(pa.string())
    after = converted(pa.table(columns), types, origin, wanted)
    found = dict(zip(after.column_names, after.columns, strict=True))
    return pa.table({name: found.get(name, table[name]) for name in table.column_names})


def _is_other(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values must go through text to become what is wanted, or to be refused."""
    if pa.types.is_string(wanted):
        return False  # every value can be read as text
    return pa.types.is_string(kind) or (_is_day(kind) != _is_day(wanted) and not _is_span(kind))


def _is_day(kind: pa.DataType) -> bool:
    return pa.types.is_date(kind) or pa.types.is_timestamp(kind)


def _is_span(kind: pa.DataType) -> bool:
    return pa.types.is_time(kind) or pa.types.is_duration(kind) or pa.types.is_null(kind)


def _cast(column: Column, types: ColumnTypes) -> Column | None:
    """The column in the first of the types that fits all of it; None if there is none."""
    for kind in types:
        with suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return column.cast(kind)
    if pa.types.is_string(column.type):
        trimmed = pc.utf8_trim_whitespace(column)  # " 5" is a number
        return None if trimmed.equals(column) else _cast(trimmed, types)
    return None


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers."""
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(is_kind(kind) for is_kind in kinds)


def _in_words(kind: pa.DataType) -> str:
    if is_number(kind):
        return "a number"
    if pa.types.is_boolean(kind):
        return "true or false"
    return "a date or a time" if pa.types.is_temporal(kind) else f"a value of type {kind}"

"""What the columns of a table hold: guessed, or wished, and then every value of them.

A *ladder* is a tuple of Arrow types, the narrowest first. A column takes the first rung on which
all its values can stand: whole numbers are integers, and with a 3.5 among them all are floats.
"""

import json
import shlex
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from shoal.data.messages import unknown_column
from shoal.data.tables import plain
from shoal.errors import DataError, SettingError

Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc
Ladder = tuple[pa.DataType, ...]

WORDS: Ladder = (pa.string(),)
NUMBERS: Ladder = (pa.int64(), pa.float64())
# In this order: 0 and 1 could also be read as truth values.
GUESSES: tuple[Ladder, ...] = (
    NUMBERS,
    (pa.bool_(),),
    (pa.date32(), pa.timestamp("us")),
    (pa.timestamp("us", "UTC"),),
)
# polars, too, guesses from 100. A larger sample would silently take a short column of numbers
# with one slip in it for words.
SAMPLE = 100
FINITE = "a finite number"
DECIMAL = "numbers as 1234.5"
COMMAS = r"^\s*[+-]?[\d.,]*\d\s*$"  # 1234,5 is Germany's way, 1,234.5 America's


class Choice(NamedTuple):
    """What the caller wants of some columns."""

    words: frozenset[str]
    numbers: frozenset[str]
    drop: frozenset[str]

    def kept(self, file: str, names: Sequence[str]) -> list[str]:
        """The names that are left. Raises SettingError for a wish that cannot be granted."""
        for name in sorted((self.words | self.numbers | self.drop).difference(names)):
            raise SettingError(unknown_column(file, name, names))
        for name in sorted(self.words & self.numbers):
            raise SettingError(
                f'column "{name}" cannot be both: give --words {shlex.quote(name)} or '
                f"--numbers {shlex.quote(name)}."
            )
        if names and self.drop.issuperset(names):
            raise SettingError(f"--drop leaves no column of {file}: drop fewer.")
        return [name for name in names if name not in self.drop]

    def ladder(self, name: str) -> Ladder | None:
        """The ladder that the caller wants for a column, if any."""
        return WORDS if name in self.words else NUMBERS if name in self.numbers else None


class Origin(NamedTuple):
    """Where a table came from, to point at a value of it."""

    file: str
    place: Callable[[int], str]  # of the row with this index
    fixed: bool = False  # by a model: then --words and --drop are no cure

    def refuse(self, name: str, index: int, expected: str, found: object) -> NoReturn:
        """Raise the DataError for one value; words are no cure for an infinite number."""
        text = str(found)
        text = json.dumps(text if len(text) <= 40 else f"{text[:40]}…", ensure_ascii=False)
        other = (
            ", or leave it empty if it is not known"
            if self.fixed or expected == FINITE
            else f", or read the whole column as words with --words {shlex.quote(name)} "
            f"(or leave it out with --drop {shlex.quote(name)})"
        )
        raise DataError(
            f'{self.file}, {self.place(index)}, column "{name}": expected {expected}, '
            f"found {text}. Correct the value{other}."
        )


def guessed(column: Column, name: str, origin: Origin) -> Ladder:
    """The ladder for a column of text; words if it has no values to guess from.

    Raises DataError for numbers with commas: they would be words, each of its own.
    """
    sample = column.drop_null().slice(0, SAMPLE)
    if not len(sample):
        return WORDS
    for ladder in GUESSES:
        if _climb(sample, ladder) is not None:
            return ladder
    comma: Column = pc.match_substring(column, ",")
    numbers: Column = pc.match_substring_regex(sample, COMMAS)
    if pc.all(numbers).as_py() and (index := comma.index(True).as_py()) >= 0:
        origin.refuse(name, index, DECIMAL, column[index])
    return WORDS


def converted(table: pa.Table, ladders: Mapping[str, Ladder], origin: Origin) -> pa.Table:
    """The table with its columns on their ladders, those without one as they are, none infinite.

    Raises DataError at the first value that does not fit.
    """
    columns: dict[str, Column] = {}
    for name in table.column_names:
        before: Column = table[name]
        after = _climb(before, ladders[name]) if name in ladders else before
        if after is None:
            widest = ladders[name][-1:]
            # Whether the first n values fit: bisection finds the misfit in a few casts.
            misfit = bisect_left(
                range(len(before)), True, key=lambda n: _climb(before[: n + 1], widest) is None
            )
            origin.refuse(name, misfit, _expected(widest[0]), before[misfit])
        is_float = pa.types.is_floating(after.type)
        if is_float and not pc.all(pc.is_finite(after), min_count=0).as_py():
            is_infinite: Column = pc.is_inf(after)
            if (infinite := is_infinite.index(True).as_py()) >= 0:
                origin.refuse(name, infinite, FINITE, before[infinite])
            after = pc.if_else(pc.is_nan(after), pa.scalar(None, after.type), after)
        columns[name] = after
    return pa.table(columns)


def read_as(
    table: pa.Table, choice: Choice, types: Mapping[str, pa.DataType] | None, origin: Origin
) -> pa.Table:
    """A table that has types of its own, as the caller or a model wants its columns."""
    columns: dict[str, Column] = {}
    ladders: dict[str, Ladder] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if types is not None and name not in types:
            continue  # nobody will look at it
        try:
            columns[name] = plain(column, name)
        except DataError as error:
            raise DataError(f"{origin.file}: {error}") from None
        wanted = NUMBERS[-1] if name in choice.numbers else (types or {}).get(name)
        if name in choice.words:
            ladders[name] = WORDS
        elif wanted is not None and _is_other(columns[name].type, wanted):
            ladders[name] = (wanted,)
            columns[name] = columns[name].cast(pa.string())
    after = converted(pa.table(columns), ladders, origin)
    found = dict(zip(after.column_names, after.columns, strict=True))
    return pa.table({name: found.get(name, table[name]) for name in table.column_names})


def _is_other(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values must go through text to become what is wanted, or to be refused."""
    if pa.types.is_string(wanted):
        return False  # everything can be taken for a word
    return pa.types.is_string(kind) or (_is_day(kind) != _is_day(wanted) and not _is_span(kind))


def _is_day(kind: pa.DataType) -> bool:
    return pa.types.is_date(kind) or pa.types.is_timestamp(kind)


def _is_span(kind: pa.DataType) -> bool:
    return pa.types.is_time(kind) or pa.types.is_duration(kind) or pa.types.is_null(kind)


def _climb(column: Column, ladder: Ladder) -> Column | None:
    """The column on the first rung that holds all of it; None if there is none."""
    for rung in ladder:
        with suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return column.cast(rung)
    if pa.types.is_string(column.type):
        trimmed = pc.utf8_trim_whitespace(column)  # " 5" is a number
        return None if trimmed.equals(column) else _climb(trimmed, ladder)
    return None


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers."""
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(is_kind(kind) for is_kind in kinds)


def _expected(kind: pa.DataType) -> str:
    if is_number(kind):
        return "a number"
    if pa.types.is_boolean(kind):
        return "true or false"
    return "a date or a time" if pa.types.is_temporal(kind) else f"a value of type {kind}"

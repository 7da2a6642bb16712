"""Cells that cannot be read as the rest of their column: at most one in twenty is missing.

One rule, wherever the cells stand. What was read as missing is reported once, in one line a column.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from shoal.data.read import texts
from shoal.data.read.absent import ALL, without
from shoal.data.read.texts import DATES, NUMBERS, ZONED, ColumnTypes, Reading
from shoal.errors import Setting, wording
from shoal.warn import warn

Column = Any  # a pyarrow ChunkedArray or Array: its stubs are too narrow for the functions of pc

# Of 20 cells one may be spoilt: the share at which typing errors end and another meaning begins.
# (DESIGN.md says so; the figure is a choice.)
SPOILT_IN = 20
MOST_REPORTED = 5  # columns; more are counted
MOST_CHARACTERS = 40  # of a value


class Spoilt(NamedTuple):
    """The cells of a column that were read as missing."""

    column: str
    expected: str  # a number
    cells: int
    of: int  # values of the column that were looked at
    first: str
    place: str  # of the first, or ""
    fitted: bool = False  # a model knows the column's type, so that it can be no other


def few(spoilt: int, values: int) -> bool:
    """Whether this many spoilt cells leave a column what it is."""
    return spoilt * SPOILT_IN <= values


def kind_in_words(types: ColumnTypes) -> str:
    """What a cell of the column should have been."""
    kind = types[-1]
    if pa.types.is_boolean(kind):
        return "true or false"
    if pa.types.is_duration(kind):
        return "a duration"
    if pa.types.is_temporal(kind):
        return "a date or a time"
    return "a number" if is_number(kind) else f"a value of type {kind}"


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers."""
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(is_kind(kind) for is_kind in kinds)


def shortened(value: object) -> str:
    """A value for a message."""
    text = str(value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def place_in_words(file: str, row: int | None, line: int | None) -> str:
    """Row 10,431 (line 10,432) of flights.csv."""
    where = "" if row is None else f"row {row:,}"
    if line is not None:
        where += f" (line {line:,})" if where else f"line {line:,}"
    return f"{where} of {file}" if where and file else where


def listed(parts: Sequence[str], between: str = ", ") -> str:
    """The first of them, and how many more there are."""
    more = len(parts) - MOST_REPORTED
    shown = between.join(parts[:MOST_REPORTED])
    return f"{shown}{between}and {more:,} more" if more > 0 else shown


def report(found: Iterable[Spoilt], *, strict: bool = True) -> None:
    """Warn of the cells that were read as missing; `strict` says that --strict can be named."""
    listed = list(found)
    for one in listed[:MOST_REPORTED]:
        warn(_line(one, strict))
    if more := listed[MOST_REPORTED:]:
        cells = sum(one.cells for one in more)
        warn(
            f"in {len(more):,} more columns {cells:,} cells are read as missing in the same way: "
            f"{', '.join(one.column for one in more[:MOST_REPORTED])}"
            f"{', …' if len(more) > MOST_REPORTED else ''}."
        )


def _line(one: Spoilt, strict: bool) -> str:
    cells = f"{one.cells:,} of {one.of:,} values {'is' if one.cells == 1 else 'are'} not"
    first = f'"{one.first}"' + (f" in {one.place}" if one.place else "")
    cures: list[str | Setting] = []
    if strict:
        cures += [Setting("strict", True), " refuses such values"]
    if not one.fitted:
        cures += ["; " if cures else "", Setting("words", [one.column]), " treats the column as "
                  "categorical"]  # fmt: skip
    end: list[str | Setting] = ([" ", *cures, "."]) if cures else []
    return wording(
        f'column "{one.column}": {cells} {one.expected} and {"is" if one.cells == 1 else "are"} '
        f"read as missing, first {first}.", *end,
    )  # fmt: skip


def read_mixed(values: Sequence[str], name: str) -> Column:
    """Values of several types, given as text: numbers or dates if nearly all are, else words."""
    text: Column = pa.array(values, pa.string())
    for types in (NUMBERS, DATES, ZONED):
        read = texts.some(text, Reading(types))
        bad = texts.misfits(without(text, ALL), read)
        count = int(pc.sum(bad).as_py() or 0)
        if few(count, len(text)):
            if count:
                at = int(pc.index(bad, True).as_py())
                found = Spoilt(
                    name, kind_in_words(types), count, len(text), shortened(values[at]), ""
                )
                report([found], strict=False)
            return read
    return text

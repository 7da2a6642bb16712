"""Columns of text in a table that has types: numbers and dates as people write them are such.

A table in memory is one piece, and a source gives many; what is guessed is the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from shoal.data.read import texts
from shoal.data.read.column_types import Wanted, converted
from shoal.data.read.guesses import Looks
from shoal.data.read.origin import Origin, Piece
from shoal.data.read.source import Part, TableSource
from shoal.data.read.spoilt import listed
from shoal.data.read.texts import TEXT, Reading
from shoal.data.read.writing import Written
from shoal.errors import Setting, wording
from shoal.warn import warn

Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc


def text_read(table: pa.Table, wanted: Wanted) -> pa.Table:
    """The table with numbers and dates in the place of columns of text that are such.

    Other text stays as it is written, so that "NA" may be a category. Raises DataError as a file
    would.
    """
    text, origin = table.select(columns_of_text(table.schema, wanted)), Origin.numbered("")
    readings = _readings([Piece(text, origin)], text.column_names, wanted)
    return _with(table, converted(text, readings, origin, wanted))


class Spelt(NamedTuple):
    """A part of a source with numbers and dates in the place of columns of text that are such."""

    part: Part
    readings: dict[str, Reading]
    wanted: Wanted

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.part.name

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.part.rows

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns."""
        return self.part.columns

    def pieces(self, first: int, last: int, columns: Sequence[str]) -> Iterator[Piece]:
        """Its rows first … last - 1, some at a time."""
        for table, origin in self.part.pieces(first, last, columns):
            names = [name for name in columns if name in self.readings]
            read = converted(table.select(names), self.readings, origin, self.wanted)
            yield Piece(_with(table, read), origin)


def text_in_source(
    source: TableSource, pieces: Iterable[Piece], names: Sequence[str], wanted: Wanted
) -> TableSource:
    """The same of a source: `pieces` are the columns with these names of rows that are learnt from."""
    readings = _readings(pieces, names, wanted)
    return TableSource(tuple(Spelt(part, readings, wanted) for part in source.parts))


def columns_of_text(schema: pa.Schema, wanted: Wanted) -> list[str]:
    """The columns of text that no one has read yet, or that are to be folded."""
    return [
        field.name
        for field in schema
        if pa.types.is_string(field.type)
        and (texts.written_of(field) is None or field.name in wanted.fold)
    ]


def _readings(pieces: Iterable[Piece], names: Sequence[str], wanted: Wanted) -> dict[str, Reading]:
    looks = Looks(wanted, verbatim=True)
    for piece in pieces:
        looks.add(piece)
    readings = looks.readings(names)
    _report([n for n, r in readings.items() if r.types != TEXT and n not in wanted.numbers])
    return readings


def written_in(table: pa.Table) -> dict[str, Written]:
    """How the columns were written that were read from text; that columns are durations, in any case."""
    found = {}
    for field in table.schema:
        written = texts.written_of(field)
        if written is None and pa.types.is_duration(field.type):
            written = Written(kind="span")
        if written is not None:
            found[field.name] = written
    return found


def _with(table: pa.Table, read: pa.Table) -> pa.Table:
    for field, column in zip(read.schema, read.columns, strict=True):
        table = table.set_column(table.column_names.index(field.name), field, column)
    return table


def _report(names: list[str]) -> None:
    if names:
        warn(
            wording(
                f"text that is read as numbers or dates: {listed(names)}. ",
                Setting("words", names[:1]), " treats a column as categorical.",
            )
        )  # fmt: skip

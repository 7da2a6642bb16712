"""Text in a table in memory, read as text in files is: numbers and dates as people write them."""

from typing import Any

import pyarrow as pa

from shoal.data.read import texts
from shoal.data.read.column_types import Wanted, converted
from shoal.data.read.guesses import Looks
from shoal.data.read.origin import Origin, Piece
from shoal.data.read.spoilt import listed
from shoal.data.read.texts import TEXT, Written
from shoal.errors import Setting, wording
from shoal.warn import warn

Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc


def text_read(table: pa.Table, wanted: Wanted) -> pa.Table:
    """The table with numbers and dates in the place of columns of text that are such.

    Other text stays as it is written, so that "NA" may be a category. Raises DataError as a file
    would.
    """
    text = table.select(_of_text(table))
    looks, origin = Looks(wanted), Origin.numbered("")
    looks.add(Piece(text, origin))
    readings = {
        name: reading if reading.types != TEXT else reading._replace(verbatim=True)
        for name, reading in looks.readings(text.column_names).items()
    }
    _report([n for n, r in readings.items() if r.types != TEXT and n not in wanted.numbers])
    return _with(table, converted(text, readings, origin, wanted))


def written_in(table: pa.Table) -> dict[str, Written]:
    """How the columns were written that were read from text."""
    found = {field.name: texts.written_of(field) for field in table.schema}
    return {name: written for name, written in found.items() if written is not None}


def _of_text(table: pa.Table) -> list[str]:
    """The columns of text that nobody has read yet."""
    return [
        field.name
        for field in table.schema
        if pa.types.is_string(field.type) and texts.written_of(field) is None
    ]


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

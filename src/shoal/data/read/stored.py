"""Tables that are read once, kept as text in a temporary file, and then read in any order.

JSON, spreadsheets and SQLite have no rows that can be found again: neither by their place, nor, in
a query, by their order. What they gave once is what a training reads, however often.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from shoal.data.read.column_types import Wanted, converted
from shoal.data.read.guesses import Looks
from shoal.data.read.opening import in_temporary_file
from shoal.data.read.origin import Origin, Piece
from shoal.data.read.texts import Reading


class Segment(NamedTuple):
    """Some consecutive rows: an Arrow stream in the file."""

    begin: int
    end: int
    row: int  # the rows before it
    has_lines: bool  # its last column is the line of each row


class Texts(NamedTuple):
    """The text of a table in a temporary file."""

    name: str
    content: Any  # a pa.Buffer
    segments: tuple[Segment, ...]
    names: tuple[str, ...]
    rows: int

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """The rows, from those of the segment that has row `first`."""
        begin = max(bisect_right(self.segments, first, key=lambda one: one.row) - 1, 0)
        for segment in self.segments[begin:]:
            with pa.ipc.open_stream(self.content[segment.begin : segment.end]) as stream:
                table = stream.read_all()
            origin = Origin.numbered(self.name, segment.row)
            if segment.has_lines:
                last = table.num_columns - 1
                origin = _with_lines(self.name, segment.row, table.column(last))
                table = table.remove_column(last)
            yield Piece(with_columns(table, self.names), origin)


class Stored(NamedTuple):
    """A part of a source: the text of a table, and how its columns are read."""

    texts: Texts
    readings: tuple[tuple[str, Reading], ...]
    wanted: Wanted

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.texts.name

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.texts.rows

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns that are used."""
        return [name for name, _ in self.readings]

    def pieces(self, first: int, last: int, columns: Sequence[str]) -> Iterator[Piece]:
        """Its rows first … last - 1, some at a time."""
        readings = {name: one for name, one in self.readings if name in set(columns)}
        row = None
        for table, origin in self.texts.pieces(first):
            row = origin.place(0)["row"] - 1 if table.num_rows else 0
            if row >= last:
                break
            typed = converted(table.select(list(columns)), readings, origin, self.wanted)
            yield Piece(typed, origin).slice(max(first - row, 0), min(last - row, table.num_rows))


def texts_of(name: str, pieces: Iterable[Piece], folder: str | None) -> Texts:
    """Keep the text of a table; columns that come late are missing in the rows before."""
    segments: list[Segment] = []
    names: dict[str, None] = {}
    rows = 0

    def write(out: Any) -> None:
        nonlocal rows
        for table, origin in pieces:
            names.update(dict.fromkeys(table.column_names))
            if not table.num_rows:
                continue
            begin, whole, has_lines = out.tell(), table, "line" in origin.place(0)
            if has_lines:
                lines = [origin.place(index)["line"] for index in range(table.num_rows)]
                whole = pa.table([*table.columns, pa.array(lines)], [*table.column_names, ""])
            with pa.ipc.new_stream(out, whole.schema) as stream:
                stream.write_table(whole)
            segments.append(Segment(begin, out.tell(), rows, has_lines))
            rows += table.num_rows

    content = in_temporary_file(write, name, folder)
    return Texts(name, content, tuple(segments), tuple(names), rows)


def parts_of(found: Sequence[Texts], wanted: Wanted) -> list[Stored]:
    """The parts of several tables, whose types are guessed from all values together."""
    looks = Looks(wanted)
    found = [texts for texts in found if texts.names] or found[:1]  # an empty array has no columns
    kept = [wanted.kept(texts.name, texts.names) for texts in found]
    for texts, names in zip(found, kept, strict=True):
        for table, origin in texts.pieces():
            looks.add(Piece(table.select(names), origin))
    readings = looks.readings(list(dict.fromkeys(name for names in kept for name in names)))
    return [
        Stored(texts, tuple((name, readings[name]) for name in names), wanted)
        for texts, names in zip(found, kept, strict=True)
    ]


def aligned(pieces: Iterable[Piece], names: Iterable[str] = ()) -> list[Piece]:
    """Pieces in memory, all with the columns of any; of no row, those with these names."""
    held = list(pieces)
    found = list(dict.fromkeys(name for piece in held for name in piece.table.column_names))
    columns = found or list(names)
    return [Piece(with_columns(piece.table, columns), piece.origin) for piece in held]


def as_the_first(pieces: Iterable[Piece], names: Iterable[str] = ()) -> Iterator[Piece]:
    """Pieces that come one by one, with the columns of the first."""
    columns: list[str] | None = None
    for table, origin in pieces:
        columns = table.column_names or list(names) if columns is None else columns
        yield Piece(with_columns(table, columns), origin)


def with_columns(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The table with these columns of text; one that it does not have is missing."""
    if table.column_names == list(names):
        return table
    there = dict(zip(table.column_names, table.columns, strict=True))
    missing = pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
    return pa.table({name: there.get(name, missing) for name in names})


def _with_lines(file: str, row: int, lines: Any) -> Origin:
    return Origin(file, lambda index: {"row": row + index + 1, "line": lines[index].as_py()})

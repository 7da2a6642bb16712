"""A CSV file as a part of a source, and CSV that is read once, from a file or a pipe.

The types of the columns are guessed from all values of all files together.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import pyarrow as pa

from shoal.data.read import csv_text, opening
from shoal.data.read.column_types import Noticed, Wanted, converted
from shoal.data.read.guesses import Looks
from shoal.data.read.messages import changed
from shoal.data.read.opening import File, Stamp, Text, name_of
from shoal.data.read.origin import Origin, Piece
from shoal.data.read.packing import Read
from shoal.data.read.texts import PLAIN_TEXT, Reading

T = TypeVar("T")

# Blocks that are looked at together where all of them are held: threads divide the columns.
MANY = 8


class Csv(NamedTuple):
    """A CSV file: where its pieces begin, and how its columns are read."""

    file: File
    top: csv_text.Header
    starts: tuple[tuple[int, int, int, int], ...]  # first byte, size, first row, its line
    rows: int
    readings: tuple[tuple[str, Reading], ...]
    wanted: Wanted
    stamp: Stamp

    @property
    def name(self) -> str:
        """What messages call it."""
        return name_of(self.file)

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns that are used."""
        return [name for name, _ in self.readings]

    def pieces(self, first: int, last: int, columns: Sequence[str]) -> Iterator[Piece]:
        """Its rows first … last - 1, about a megabyte at a time. DataError if the file changed."""
        self.stamp.check(self.file)
        begin = bisect_right(self.starts, first, key=lambda start: start[2]) - 1
        asked = set(columns)
        readings = {name: reading for name, reading in self.readings if name in asked}
        with opening.opened(self.file) as stream:
            text = Text(stream, self.name, self.wanted.files.encoding)
            text.seek(self.starts[begin][0])
            for number, (_, size, row, line) in enumerate(self.starts[begin:], begin + 1):
                if row >= last:
                    break
                raw = _exactly(text.read, size)
                self.stamp.check(self.file)
                cells, rows = csv_text.parsed(raw, self.name, row + 1, line, self.top, columns)
                end = self.starts[number][2] if number < len(self.starts) else self.rows
                if cells.num_rows != end - row:
                    raise changed(self.name)
                origin = Origin(self.name, rows.place)
                piece = Piece(converted(cells, readings, origin, self.wanted), origin)
                yield piece.slice(max(first - row, 0), min(last - row, cells.num_rows))


def _exactly(read: Read, size: int) -> bytes:
    found = b""
    while len(found) < size and (more := read(size - len(found))):
        found += more
    return found


# --- read once ------------------------------------------------------------------------


def text_of(text: Text, wanted: Wanted) -> Iterator[Piece]:
    """The columns of a CSV file as text; at least one piece, which may have no rows."""
    read, name = text.read, text.name
    top = csv_text.header(read, name, wanted.files.separator)
    kept = wanted.kept(name, top.names)
    empty = pa.table({column: pa.array([], pa.string()) for column in kept})
    yield Piece(empty, Origin.numbered(name))
    blocks = MANY if wanted.types is None else 1
    found = csv_text.pieces(read, name, top, kept, blocks)
    # (A thread that waits for a pipe could not be interrupted.)
    for _, table, rows in ahead(found) if blocks > 1 and text.never_waits else found:
        if table.num_rows:
            yield Piece(table, Origin(name, rows.place))


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, of which the next is made while one is used."""
    with ThreadPoolExecutor(1) as maker:
        try:
            coming = maker.submit(next, items, None)
        except RuntimeError:  # no thread can be started
            yield from items
            return
        while (item := coming.result()) is not None:
            coming = maker.submit(next, items, None)
            yield item


def guessed(pieces: Iterable[Piece], wanted: Wanted) -> Iterator[Piece]:
    """Text with its types, which all of it decides: it is held until then."""
    looks = Looks(wanted)
    held = [(piece, looks.add(piece)) for piece in pieces]
    readings = looks.readings(held[0][0].table.column_names)
    held.reverse()
    while held:
        (table, origin), known = held.pop()
        yield Piece(converted(table, readings, origin, wanted, known=known), origin)


def typed(pieces: Iterable[Piece], wanted: Wanted) -> Iterator[Piece]:
    """Text with the types that a model knows; what does not fit is reported at the end."""
    noticed = Noticed(wanted)
    for table, origin in pieces:
        readings = {name: wanted.reading_of(name) or PLAIN_TEXT for name in table.column_names}
        yield Piece(converted(table, readings, origin, wanted, noticed), origin)
    noticed.report()


# --- read in any order ----------------------------------------------------------------


def parts_of(files: Sequence[File], wanted: Wanted) -> list[Csv]:
    """CSV files with the same columns, each read once to count its rows and to find its pieces."""
    looks = Looks(wanted)
    scans = [_scan(file, wanted, looks) for file in files]
    readings = tuple(looks.readings(scans[0].columns).items())
    return [scan._replace(readings=readings) if _same(scan, scans[0]) else scan for scan in scans]


def _same(scan: Csv, other: Csv) -> bool:
    return set(scan.columns) == set(other.columns)


def _scan(file: File, wanted: Wanted, looks: Looks) -> Csv:
    name, stamp = name_of(file), Stamp.of(file)
    with opening.opened(file) as stream:
        read, came = Text(stream, name, wanted.files.encoding).read, 0

        def counted(size: int) -> bytes:
            nonlocal came
            block = read(size)
            came += len(block)
            return block

        top = csv_text.header(counted, name, wanted.files.separator)
        at, row = came - len(top.rest), 0
        kept = wanted.kept(name, top.names)
        starts = []
        for size, table, rows in csv_text.pieces(counted, name, top, kept):
            starts.append((at, size, row, rows.first_line))
            at, row = at + size, row + table.num_rows
            looks.add(Piece(table, Origin(name, rows.place)))
    stamp.check(file)
    readings = tuple((column, PLAIN_TEXT) for column in kept)
    return Csv(file, top._replace(rest=b""), tuple(starts), row, readings, wanted, stamp)

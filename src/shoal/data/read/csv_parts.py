"""A CSV file as a part of a source, and CSV that is read once, from a file or a pipe.

The types of the columns are guessed from the first values of all files together; every later
value must agree.
"""

import io
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from shoal.data.read import csv_text, opening
from shoal.data.read.column_types import (
    DECIMAL,
    SAMPLE,
    ColumnTypes,
    Wanted,
    converted,
    guessed,
    has_commas,
)
from shoal.data.read.messages import changed
from shoal.data.read.opening import BLOCK, File, Read, Stamp, name_of
from shoal.data.read.origin import Origin, Piece


class Csv(NamedTuple):
    """A CSV file: where its pieces begin, and the types of its columns."""

    file: File
    top: csv_text.Header
    starts: tuple[tuple[int, int, int, int], ...]  # first byte, size, first row, its line
    rows: int
    types: tuple[tuple[str, ColumnTypes], ...]
    wanted: Wanted
    stamp: Stamp

    @property
    def name(self) -> str:
        """What messages call it."""
        return name_of(self.file)

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns that are used."""
        return [name for name, _ in self.types]

    def pieces(self, first: int, last: int, columns: Sequence[str]) -> Iterator[Piece]:
        """Its rows first … last - 1, about a megabyte at a time. DataError if the file changed."""
        self.stamp.check(self.file)
        begin = bisect_right(self.starts, first, key=lambda start: start[2]) - 1
        types = {name: types for name, types in self.types if name in columns}
        with opening.opened(self.file) as stream:
            read = opening.reader(stream, self.name)
            _skip(stream, read, self.starts[begin][0])
            for number, (_, size, row, line) in enumerate(self.starts[begin:], begin + 1):
                if row >= last:
                    break
                raw = _exactly(read, size)
                self.stamp.check(self.file)
                text, rows = csv_text.parsed(raw, self.name, row + 1, line, self.top, columns)
                end = self.starts[number][2] if number < len(self.starts) else self.rows
                if text.num_rows != end - row:
                    raise changed(self.name)
                origin = Origin(self.name, rows.place)
                piece = Piece(converted(text, types, origin, self.wanted), origin)
                yield piece.slice(max(first - row, 0), min(last - row, text.num_rows))


def _skip(stream: io.BufferedReader, read: Read, size: int) -> None:
    """Go to this byte of the text; what is compressed must be decompressed up to there."""
    if opening.is_packed(stream):
        while size > 0:
            size -= len(_exactly(read, min(size, BLOCK)))
    else:
        stream.seek(size)


def _exactly(read: Read, size: int) -> bytes:
    found = b""
    while len(found) < size and (more := read(size - len(found))):
        found += more
    return found


class Sample:
    """The first values of each column of text, from which its types are guessed."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._values: dict[str, pa.StringArray] = {}
        self._commas: dict[str, tuple[Origin, int, str]] = {}  # the first value with one

    def add(self, piece: Piece) -> None:
        """The next rows, of which the first values that are not missing are kept."""
        table, origin = piece
        for name in table.column_names:
            if self._wanted.types_of(name) is not None:
                continue
            known = self._values.get(name, pa.array([], pa.string()))
            if len(known) >= SAMPLE:
                continue
            more = table[name].drop_null().slice(0, SAMPLE - len(known)).combine_chunks()
            self._values[name] = pa.concat_arrays([known, more])
            if name not in self._commas:
                comma = pc.index(pc.match_substring(table[name], ","), True).as_py()
                if comma >= 0:
                    self._commas[name] = origin, comma, table[name][comma].as_py()

    @property
    def is_full(self) -> bool:
        """Whether more rows would change nothing."""
        return all(len(values) >= SAMPLE for values in self._values.values())

    def types(self, names: Sequence[str]) -> dict[str, ColumnTypes]:
        """The types of the columns. Raises DataError for numbers with commas."""
        found = {}
        for name in names:
            types = self._wanted.types_of(name)
            if types is None:
                values = self._values.get(name, pa.array([], pa.string()))
                types = guessed(values)
                if types == (pa.string(),) and has_commas(values) and name in self._commas:
                    origin, index, value = self._commas[name]
                    raise self._wanted.refused(origin, index, name, DECIMAL, value)
            found[name] = types
        return found


# --- read once ------------------------------------------------------------------------


def text_of(stream: io.BufferedReader, name: str, wanted: Wanted) -> Iterator[Piece]:
    """The columns of a CSV file as text; at least one piece, which may have no rows."""
    read = opening.reader(stream, name)
    top = csv_text.header(read, name)
    kept = wanted.kept(name, top.names)
    empty = pa.table({column: pa.array([], pa.string()) for column in kept})
    yield Piece(empty, Origin.numbered(name))
    for _, table, rows in csv_text.pieces(read, name, top, kept):
        if table.num_rows:
            yield Piece(table, Origin(name, rows.place))


def typed(pieces: Iterable[Piece], wanted: Wanted) -> Iterator[Piece]:
    """Text with its types: those before enough values were seen are held until then."""
    rest, held, sample = iter(pieces), list[Piece](), Sample(wanted)
    for piece in rest:
        held.append(piece)
        sample.add(piece)
        if sample.is_full:
            break
    names = held[0].table.column_names
    types = sample.types(names)
    for table, origin in chain(held, rest):
        yield Piece(converted(table, types, origin, wanted), origin)


# --- read in any order ----------------------------------------------------------------


def parts_of(files: Sequence[File], wanted: Wanted) -> list[Csv]:
    """CSV files with the same columns, each read once to count its rows and to find its pieces."""
    sample = Sample(wanted)
    scans = [_scan(file, wanted, sample) for file in files]
    types = tuple(sample.types(scans[0].columns).items())
    return [scan._replace(types=types) if _same(scan, scans[0]) else scan for scan in scans]


def _same(scan: Csv, other: Csv) -> bool:
    return set(scan.columns) == set(other.columns)


def _scan(file: File, wanted: Wanted, sample: Sample) -> Csv:
    name, stamp = name_of(file), Stamp.of(file)
    with opening.opened(file) as stream:
        read, came = opening.reader(stream, name), 0

        def counted(size: int) -> bytes:
            nonlocal came
            block = read(size)
            came += len(block)
            return block

        top = csv_text.header(counted, name)
        at, row = came - len(top.rest), 0
        kept = wanted.kept(name, top.names)
        starts = []
        for size, table, rows in csv_text.pieces(counted, name, top, kept):
            starts.append((at, size, row, rows.first_line))
            at, row = at + size, row + table.num_rows
            sample.add(Piece(table, Origin(name, rows.place)))
    stamp.check(file)
    types = tuple((column, (pa.string(),)) for column in kept)
    return Csv(file, top._replace(rest=b""), tuple(starts), row, types, wanted, stamp)

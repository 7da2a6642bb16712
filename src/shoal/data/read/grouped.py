"""Files that know their types and their rows in groups: Parquet, Arrow (Feather) and ORC.

A format is a class that opens bytes, describes them, and gives the batches of a group; see
`parquet.py`, `arrow.py` and `orc.py`. To add one, name it in `FORMATS`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from shoal.data.read.arrow import ArrowFile, ArrowStream
from shoal.data.read.column_types import Noticed, Wanted, retyped
from shoal.data.read.csv_text import distinct
from shoal.data.read.messages import changed
from shoal.data.read.opening import File, Spooled, Stamp, intact, name_of
from shoal.data.read.orc import Orc
from shoal.data.read.origin import Origin, Piece
from shoal.data.read.parquet import Parquet

BATCH = 65_536  # rows of a table that is read at a time: what is held is small


class Format(Protocol):
    """A file that is open."""

    group: str  # what messages call a group

    def __init__(self, source: Any) -> None: ...

    @property
    def schema(self) -> pa.Schema:
        """The names and types of its columns."""
        ...

    def rows(self) -> list[int]:
        """How many rows each group has."""
        ...

    def batches(self, group: int, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of a group, some at a time."""
        ...


FORMATS: dict[str, type[Format]] = {
    "Parquet": Parquet,
    "Arrow": ArrowFile,
    "an Arrow stream": ArrowStream,
    "ORC": Orc,
}


class Grouped(NamedTuple):
    """A file as a part of a source: its groups of rows, and what is wanted of its columns."""

    file: File
    format: str  # one of FORMATS
    groups: tuple[int, ...]  # rows of each
    schema: pa.Schema
    wanted: Wanted
    stamp: Stamp

    @property
    def name(self) -> str:
        """What messages call it."""
        return name_of(self.file)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(self.groups)

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns that are used."""
        return self.wanted.kept(self.name, self.schema.names)

    def pieces(
        self, first: int, last: int, columns: Sequence[str], noticed: Noticed | None = None
    ) -> Iterator[Piece]:
        """Its rows first … last - 1, from the groups that hold them. DataError if it changed."""
        self.stamp.check(self.file)
        with intact(self.name):
            open_file = _open(self.file, self.format)
        done = 0
        for group, rows in enumerate(self.groups):
            if done < last and done + rows > first:
                for piece in self._of_group(open_file, group, done, first, last, columns):
                    retold = retyped(piece.table, piece.origin, self.wanted, noticed)
                    yield piece._replace(table=retold)
            done += rows

    def _of_group(
        self, open_file: Format, group: int, done: int, first: int, last: int, columns: Sequence[str]
    ) -> Iterator[Piece]:  # fmt: skip
        part = f"{open_file.group} {group + 1} of {len(self.groups)}"
        batches = open_file.batches(group, list(columns), BATCH)
        end = min(done + self.groups[group], last)
        while done < end:
            with intact(self.name, part):
                batch = next(batches, None)
            self.stamp.check(self.file)
            if batch is None:  # fewer rows than were counted
                raise changed(self.name)
            yield from rows_of(batch, done, first, last, columns, self.name)
            done += batch.num_rows


def rows_of(
    batch: pa.RecordBatch, done: int, first: int, last: int, columns: Sequence[str], name: str
) -> Iterator[Piece]:
    """Of a batch that begins with row `done`, the rows from `first` to before `last`."""
    table = pa.Table.from_batches([batch]).select(list(columns))
    begin = max(first - done, 0)
    part = table.slice(begin, last - max(first, done))
    for at in range(0, part.num_rows, BATCH):
        yield Piece(part.slice(at, BATCH), Origin.numbered(name, done + begin + at))


def part_of(file: File, kind: str, wanted: Wanted) -> Grouped:
    """A file of one of `FORMATS`, with its groups counted."""
    name, stamp = name_of(file), Stamp.of(file)
    with intact(name):
        open_file = _open(file, kind)
        schema, groups = open_file.schema, tuple(open_file.rows())
    distinct(name, schema.names)
    return Grouped(file, kind, groups, schema, wanted, stamp)


def _open(file: File, kind: str) -> Format:
    return FORMATS[kind](pa.BufferReader(file.content) if isinstance(file, Spooled) else file)

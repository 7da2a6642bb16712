"""Tables in files: any format, one file or many, a pipe; read in any order, or once.

source_of      rows that are read several times, in any order
stream         the same rows, read once and as they come, from an endless pipe too
read_table     the same rows, all in memory
"""

import glob
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from typing import Any

import pyarrow as pa

from shoal.data.read import csv_parts, dataset
from shoal.data.read.arrow import checked
from shoal.data.read.column_types import Noticed, Wanted, retyped
from shoal.data.read.csv_text import CONTROL, distinct
from shoal.data.read.grouped import BATCH, part_of
from shoal.data.read.messages import nothing_in
from shoal.data.read.opening import (
    File,
    Spooled,
    can_be_opened_again,
    intact,
    name_of,
    opened,
    spooled,
)
from shoal.data.read.origin import Origin, Piece
from shoal.data.read.source import Part, TableSource, source_of_parts, source_of_pieces
from shoal.errors import DataError, FileError

CSV, STREAM = "CSV", "an Arrow stream"
HEADS = {b"PAR1": "Parquet", b"ARROW1": "Arrow", b"\xff\xff\xff\xff": STREAM}
# What the first bytes of an old Feather file say, and those of an ORC file: a CSV file, too, may
# have a column that is called ORC.
OLD_FEATHER, ORC = b"FEA1", b"ORC"


def source_of(
    files: Any, wanted: Wanted = Wanted(), folder: str | None = None  # noqa: B008
) -> TableSource:  # fmt: skip
    """The rows of a file, a folder, a glob, several of them, a pipe, or a pyarrow dataset.

    CSV files are read once: rows are counted, and types guessed from all values of a column. A pipe is kept in a temporary file in `folder`. Raises FileError, DataError or
    SettingError.
    """
    if hasattr(files, "get_fragments"):
        return source_of_parts(dataset.parts_of(files, wanted))
    names = [_kept(file, folder) for file in files_of(files)]
    kind = _kind_of_all(names)
    parts: Sequence[Part] = (
        csv_parts.parts_of(names, wanted)
        if kind == CSV
        else [part_of(name, kind, wanted) for name in names]
    )
    return source_of_parts(parts)


def read_table(
    files: Any, *, words: Sequence[str] = (), numbers: Sequence[str] = (), drop: Sequence[str] = ()
) -> pa.Table:
    """All rows of the same, in memory.

    `words` are read as text, `numbers` as numbers, `drop` is left out. The type of any other column
    of a CSV file is guessed from its values, of which one in twenty may be spoilt. Raises FileError, DataError or SettingError.
    """
    return held(files, Wanted(frozenset(words), frozenset(numbers), frozenset(drop))).table()


def held(files: Any, wanted: Wanted = Wanted()) -> TableSource:  # noqa: B008
    """All rows of the same in memory, as a source that knows where they come from."""
    return source_of_pieces(stream(files, wanted, hold=True))


def stream_tables(files: Any, *, rows: int = BATCH, **wanted: Any) -> Iterator[pa.Table]:
    """The same rows as `stream`, in tables of at most so many; `wanted` as in `Wanted`."""
    words, numbers, drop = (frozenset(wanted.get(n, ())) for n in ("words", "numbers", "drop"))
    for table, _ in stream(files, Wanted(words, numbers, drop, wanted.get("types"))):
        for at in range(0, table.num_rows, rows):
            yield table.slice(at, rows)


def stream(files: Any, wanted: Wanted, *, hold: bool = False) -> Iterator[Piece]:
    """The rows, some at a time: what a pipe has brought is given at once, if types are known.

    There is at least one piece, which may have no rows. With `wanted.types` no value is held.
    Without them CSV is read to its end before its types are known: it is held in memory, or read
    twice; and a table without rows is refused. Nothing is opened before the first piece is asked for.
    """
    rows = 0
    for piece in _pieces_of(files, wanted, hold):
        yield piece
        rows += piece.table.num_rows
    if wanted.types is None and not rows:
        raise nothing_in(piece.origin.file, piece.table.column_names)


def _pieces_of(files: Any, wanted: Wanted, hold: bool) -> Iterator[Piece]:
    if hasattr(files, "get_fragments"):
        yield from source_of(files, wanted).pieces()
        return
    names = files_of(files)
    if not hold and wanted.types is None:
        names = [_kept(file, None) for file in names]
        if _kind_of_all(names) == CSV:
            yield from source_of(names, wanted).pieces()
            return
    if len(names) > 1:
        names = [_kept(file, None) for file in names]
        _kind_of_all(names)
    with ExitStack() as stack:
        first = stack.enter_context(opened(names[0]))
        kind = _kind_of(first, names[0])
        if kind == CSV:
            own = csv_parts.text_of(first, name_of(names[0]), wanted)
            text = chain(own, _text_of(names[1:], wanted))
            read = csv_parts.guessed if wanted.types is None else csv_parts.typed
            yield from read(text, wanted)
            return
        if not can_be_opened_again(names[0]):
            if kind == STREAM:
                yield from _batches(first, name_of(names[0]), wanted)
                return
            names[0] = spooled(first, name_of(names[0]))
    noticed = Noticed(wanted)
    for file in names:
        part = part_of(file, kind, wanted)
        columns = part.columns
        empty = part.schema.empty_table().select(columns)
        yield Piece(retyped(empty, Origin.numbered(part.name), wanted), Origin.numbered(part.name))
        yield from part.pieces(0, part.rows, columns, noticed)
    noticed.report()


def _text_of(files: Iterable[File], wanted: Wanted) -> Iterator[Piece]:
    for file in files:
        with opened(file) as stream:
            yield from csv_parts.text_of(stream, name_of(file), wanted)


def _batches(stream: io.BufferedReader, name: str, wanted: Wanted) -> Iterator[Piece]:
    """The batches of an Arrow stream as a pipe brings them."""
    with intact(name):
        batches = pa.ipc.open_stream(stream)
    distinct(name, batches.schema.names)
    columns, done = wanted.kept(name, batches.schema.names), 0
    noticed = Noticed(wanted)
    batch: Any = batches.schema.empty_table()
    while batch is not None:
        origin = Origin.numbered(name, done)
        table = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
        yield Piece(retyped(table.select(columns), origin, wanted, noticed), origin)
        done += batch.num_rows
        with intact(name, f"the batch after row {done:,}"):
            batch = next(batches, None)
            if batch is not None:
                checked(batch)
    noticed.report()


# --- which files, of which format -----------------------------------------------------


def files_of(given: Any) -> list[File]:
    """The files that are named by a path, a folder, a glob, or several of these."""
    several = [given] if isinstance(given, str | os.PathLike | Spooled) else list(given)
    return [file for one in several for file in _named_by(one)]


def _named_by(given: Any) -> Sequence[File]:
    """The files below a folder, or that fit a glob, sorted by name; a file is itself."""
    if isinstance(given, Spooled):
        return [given]
    source = os.fspath(given)
    if os.path.isdir(source):
        found = glob.iglob("**", root_dir=source, recursive=True)  # passes over .hidden ones
        shown = (name for name in found if not any(p[0] == "_" for p in name.split(os.sep)))
        names = [os.path.join(source, name) for name in shown]
    elif not os.path.exists(source) and any(mark in source for mark in "*?["):
        names = glob.glob(source, recursive=True)
    else:
        return [source]
    there = sorted(name for name in names if os.path.isfile(name))
    if not there:
        none = "the folder holds no file"
        if not os.path.isdir(source):
            none = "the file does not exist, and no file fits the pattern"
        raise FileError(f"{none}. Expected tables (CSV, Parquet, Arrow or ORC).", file=source)
    return there


def _kept(file: File, folder: str | None) -> File:
    """A file that can be opened again and again: of a pipe, its bytes."""
    if can_be_opened_again(file):
        return file
    with opened(file) as stream:
        return spooled(stream, name_of(file), folder)


def _kind_of_all(files: Sequence[File]) -> str:
    """The one format of all files."""
    first = ""
    for file in files:
        with opened(file) as stream:
            kind = _kind_of(stream, file)
        first = first or kind
        if kind != first:
            raise DataError(
                f"expected files of one format, found {kind}, and {name_of(files[0])} is {first}. "
                "Name them with a glob such as 'folder/*.parquet'.",
                file=name_of(file),
            )
    return first


def _kind_of(stream: io.BufferedReader, file: File) -> str:
    """The format of a file, by its first bytes."""
    head = stream.peek(64)[:64]
    if head.startswith(OLD_FEATHER):
        raise DataError(
            "Feather version 1 cannot be read: expected version 2. Write the file again.",
            file=name_of(file),
        )
    if head.startswith(ORC) and CONTROL.search(head):
        return "ORC"
    return next((kind for mark, kind in HEADS.items() if head.startswith(mark)), CSV)

"""Tables in files: any format, one file or many, a pipe; read in any order, or once.

source_of      rows that are read several times, in any order
stream         the same rows, read once and as they come, from an endless pipe too
read_table     the same rows, all in memory
"""

import glob
import io
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from shoal.data.read import csv_parts, dataset, duck, excel, json_text, sqlite, stored
from shoal.data.read.arrow import checked
from shoal.data.read.column_types import Noticed, Wanted, retyped
from shoal.data.read.csv_text import distinct
from shoal.data.read.file_options import FileOptions
from shoal.data.read.formats import (
    ARROW,
    CSV,
    DUCKDB,
    EXCEL,
    JSON,
    OPTIONS,
    READ,
    SQLITE,
    STREAM,
    TEXTS,
)
from shoal.data.read.grouped import BATCH, part_of
from shoal.data.read.messages import nothing_in
from shoal.data.read.opening import (
    File,
    Spooled,
    Text,
    can_be_opened_again,
    intact,
    name_of,
    opened,
    spooled,
    zipped,
)
from shoal.data.read.origin import Origin, Piece
from shoal.data.read.packing import ZIP, packing_of
from shoal.data.read.source import (
    Part,
    TableSource,
    refuse_other_names,
    source_of_parts,
    source_of_pieces,
)
from shoal.data.read.spoilt import listed
from shoal.errors import DataError, FileError
from shoal.warn import warn


def _json(file: File, wanted: Wanted) -> Iterator[Piece]:
    with opened(file) as stream:
        yield from json_text.pieces(Text(stream, name_of(file), wanted.files.encoding), wanted)


# Formats that are read once, as tables of text.
AS_TEXT: dict[str, Callable[[File, Wanted], Iterator[Piece]]] = {
    JSON: _json,
    EXCEL: excel.pieces,
    SQLITE: sqlite.pieces,
}


def source_of(
    files: Any, wanted: Wanted = Wanted(), folder: str | None = None  # noqa: B008
) -> TableSource:  # fmt: skip
    """The rows of a file, a folder, a glob, several of them, a pipe, or a pyarrow dataset.

    CSV files are read once: rows are counted, and types guessed from all values of a column. A pipe is kept in a temporary file in `folder`. Raises FileError, DataError or
    SettingError.
    """
    if hasattr(files, "get_fragments"):
        return source_of_parts(dataset.parts_of(files, wanted))
    wanted = wanted._replace(files=wanted.files.checked())
    names, kind = _recognised(files_of(files), wanted.files, folder)
    parts: Sequence[Part]
    if kind == CSV:
        parts = csv_parts.parts_of(names, wanted)
    elif kind in AS_TEXT:
        parts = stored.parts_of(_texts_of(names, kind, wanted, folder), wanted)
    else:
        parts = [part_of(name, kind, wanted) for name in names]
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
    """The same rows as `stream`, in tables of at most this many; `wanted` as in `Wanted`."""
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
    rows, first = 0, None
    for piece in _pieces_of(files, wanted, hold):
        first = first or piece
        if wanted.types is None:
            names = first.table.column_names, piece.table.column_names
            refuse_other_names(names[0], first.origin.file, names[1], piece.origin.file)
        yield piece
        rows += piece.table.num_rows
    if wanted.types is None and not rows:
        raise nothing_in(piece.origin.file, piece.table.column_names)


def _pieces_of(files: Any, wanted: Wanted, hold: bool) -> Iterator[Piece]:
    if hasattr(files, "get_fragments"):
        yield from source_of(files, wanted).pieces()
        return
    options = wanted.files.checked()
    names, wanted = files_of(files), wanted._replace(files=options)
    if len(names) == 1 and not can_be_opened_again(names[0]) and (hold or wanted.types is not None):
        with opened(names[0]) as first:
            text = None if _is_zip(first) else Text(first, name_of(names[0]), options.encoding)
            if text and (live := _live(first, text, wanted)):
                yield from live
                return
            names = [spooled(text.read if text else first.read, name_of(names[0]))]
    names, kind = _recognised(names, options, None)
    yield from _of_kind(names, kind, wanted, hold)


def _of_kind(names: Sequence[File], kind: str, wanted: Wanted, hold: bool) -> Iterable[Piece]:
    """The rows of files that can be opened again."""
    if kind != CSV and kind not in AS_TEXT:
        return _grouped(names, kind, wanted)
    if not hold and wanted.types is None:
        return source_of(names, wanted).pieces()
    if kind == CSV:
        return _typed(_csv_of(names, wanted), wanted)
    text = _held_text_of if wanted.types is None else _text_of
    return _typed(text(names, kind, wanted), wanted)


def _live(first: io.BufferedReader, text: Text, wanted: Wanted) -> Iterator[Piece] | None:
    """The rows of a pipe as it brings them; None for a format that must be there as a whole."""
    if text.kind == STREAM and not text.has_other_bytes:
        return _batches(first, text.name, wanted)
    if text.kind == CSV and packing_of(text.peek()) is None:
        _check_options(CSV, wanted.files, text.name)
        return _typed(csv_parts.text_of(text, wanted), wanted)
    if text.kind != JSON:
        return None
    _check_options(JSON, wanted.files, text.name)
    pieces = json_text.pieces(text, wanted)
    if wanted.types is None:
        return _typed(_kept(stored.aligned(pieces), wanted), wanted)
    return _typed(stored.as_the_first(pieces, wanted.types), wanted)


def _typed(text: Iterable[Piece], wanted: Wanted) -> Iterator[Piece]:
    """Text with its types: those of a model, or what all of it looks like."""
    return (csv_parts.guessed if wanted.types is None else csv_parts.typed)(text, wanted)


def _grouped(names: Sequence[File], kind: str, wanted: Wanted) -> Iterator[Piece]:
    """The rows of files that know their types."""
    noticed = Noticed(wanted)
    for file in names:
        part = part_of(file, kind, wanted)
        columns = part.columns
        empty = part.schema.empty_table().select(columns)
        yield Piece(retyped(empty, Origin.numbered(part.name), wanted), Origin.numbered(part.name))
        yield from part.pieces(0, part.rows, columns, noticed)
    noticed.report()


def _csv_of(files: Iterable[File], wanted: Wanted) -> Iterator[Piece]:
    for file in files:
        with opened(file) as stream:
            text = Text(stream, name_of(file), wanted.files.encoding)
            yield from csv_parts.text_of(text, wanted)


def _text_of(files: Sequence[File], kind: str, wanted: Wanted) -> Iterable[Piece]:
    """The text of the files, for a model; in a file of JSON a column may come late."""
    if kind != JSON:
        return chain.from_iterable(AS_TEXT[kind](file, wanted) for file in files)
    assert wanted.types is not None
    return chain.from_iterable(
        stored.as_the_first(chain([_no_rows(texts)], texts.pieces()), wanted.types)
        for texts in _texts_of(files, kind, wanted, None)
    )


def _held_text_of(files: Sequence[File], kind: str, wanted: Wanted) -> Iterator[Piece]:
    """The same in memory, to find the types; an empty file of JSON has no columns."""
    found = [stored.aligned(AS_TEXT[kind](file, wanted)) for file in files]
    named = [pieces for pieces in found if pieces[0].table.column_names] or found[:1]
    for piece in chain.from_iterable(named):
        yield from _kept([piece], wanted)


def _no_rows(texts: stored.Texts) -> Piece:
    return Piece(stored.with_columns(pa.table({}), texts.names), Origin.numbered(texts.name))


def _kept(pieces: Iterable[Piece], wanted: Wanted) -> Iterator[Piece]:
    """The columns that are used."""
    for table, origin in pieces:
        yield Piece(table.select(wanted.kept(origin.file, table.column_names)), origin)


def _texts_of(
    files: Sequence[File], kind: str, wanted: Wanted, folder: str | None
) -> list[stored.Texts]:
    read = AS_TEXT[kind]
    return [stored.texts_of(name_of(file), read(file, wanted), folder) for file in files]


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
    files = [file for one in several for file in _named_by(one)]
    _report_twice([file for file in files if isinstance(file, str)])
    return files


def _report_twice(files: Sequence[str]) -> None:
    """Warn of files whose rows are read again. Raises FileError for standard input."""
    if files.count("-") > 1:
        raise FileError("standard input is named twice, and can be read once.", file="-")
    counts = Counter(os.path.realpath(file) for file in files)
    twice = [path for path, count in counts.items() if count > 1]
    if twice:
        shown = [next(f for f in files if os.path.realpath(f) == path) for path in twice]
        warn(
            f"{listed(shown)}: named more than once, and the rows are read as often. Where a model "
            "is tested on such rows, it was trained on them, too."
        )


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
        raise FileError(f"{none}. Expected tables: {READ}.", file=source)
    _report_partitions(there)
    return there


def _report_partitions(files: Sequence[str]) -> None:
    """Warn of folders that are named by the values of a column, as Hive and Spark write them."""
    parts = (part for file in files for part in file.split(os.sep)[:-1])
    named = {name: part for part in parts for name, is_part, _ in [part.partition("=")] if is_part}
    for name, part in named.items():
        warn(
            f'folders are named by values of "{name}", such as {part}: such a column is not read. Write '
            "it into the files if it counts."
        )


def _recognised(
    files: Sequence[File], options: FileOptions, folder: str | None
) -> tuple[list[File], str]:
    """Files that can be opened again and again, and their one format."""
    found = [_recognise(_again(file, folder), options, folder) for file in files]
    first = found[0][1] if found else ""
    for file, kind in found:
        if kind != first:
            raise DataError(
                f"expected files of one format, found {kind}, and {name_of(files[0])} is {first}. "
                "Name them with a glob such as 'folder/*.parquet'.",
                file=name_of(file),
            )
    return [file for file, _ in found], first


def _again(file: File, folder: str | None) -> File:
    """A file that can be opened again and again: of a pipe, its bytes."""
    if can_be_opened_again(file):
        return file
    with opened(file) as stream:
        return spooled(stream.read1, name_of(file), folder)


def _recognise(
    file: File, options: FileOptions, folder: str | None, *, is_unpacked: bool = False
) -> tuple[File, str]:
    """A file and its format; what must be read in any order, decompressed."""
    name = name_of(file)
    with opened(file) as stream:
        kind = zipped(stream, name)
        if kind is None:
            text = Text(stream, name, options.encoding)
            kind = text.kind
            is_binary = kind not in TEXTS or packing_of(text.peek()) is not None
            if text.has_other_bytes and is_binary and not is_unpacked:
                inside = spooled(text.read, name, folder)
                return _recognise(inside, options, folder, is_unpacked=True)
    _check_options(kind, options, name)
    if kind == DUCKDB:
        return duck.as_arrow(file, options, folder), ARROW
    return file, kind


def _check_options(kind: str, options: FileOptions, name: str) -> None:
    options.check_used(kind, OPTIONS.get(kind, ()), name)


def _is_zip(stream: io.BufferedReader) -> bool:
    return packing_of(stream.peek(4)) == ZIP

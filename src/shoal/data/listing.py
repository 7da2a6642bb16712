"""A table in files of any size: how many rows there are, and any run of them.

The files, one behind the other, are one table. Each knows where its rows stand (Parquet says it
itself; of CSV the first byte of about every megabyte of rows is noted), so that a run of rows
is read without what stands before it. A listing is small, can be pickled, and is opened anew
by whoever reads.
"""

import glob
import io
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from shoal.data import csv, opening
from shoal.data.ladders import (
    SAMPLE,
    Choice,
    Ladder,
    Origin,
    converted,
    guessed,
    is_number,
    read_as,
)
from shoal.data.messages import row_name
from shoal.errors import DataError, FileError

# Of so many rows a table is made at a time: what is read holds few of them.
BATCH = 65_536


class Part(Protocol):
    """A file, or a part of one, that can be read by itself."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def rows(self) -> int:
        """How many rows it has."""
        ...

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns that are used."""
        ...

    def tables(self, first: int, last: int, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Its rows first … last - 1, in tables of at most `BATCH` rows."""
        ...


class Listing(NamedTuple):
    """Parts one behind the other, as one table."""

    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        """What messages call it all."""
        first, *others = (part.name for part in self.parts)
        return f"{first} and {len(others):,} more" if others else first

    @property
    def m(self) -> int:
        """How many rows there are."""
        return sum(part.rows for part in self.parts)

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in the order of the first part."""
        return list(self.parts[0].columns)

    def tables(
        self, first: int = 0, last: int | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[pa.Table]:
        """Rows first … last - 1, in their order. Raises DataError for what cannot be read."""
        columns = self.columns if columns is None else columns
        last = self.m if last is None else last
        ends = list(accumulate(part.rows for part in self.parts))
        for part, end in zip(self.parts, ends, strict=True):
            begin = end - part.rows
            if begin < last and end > first:
                yield from part.tables(max(first - begin, 0), min(last, end) - begin, columns)


class Parquet(NamedTuple):
    """A Parquet file and its row groups."""

    name: str
    groups: tuple[int, ...]  # rows of each
    schema: pa.Schema
    choice: Choice

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(self.groups)

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns that are used."""
        return self.choice.kept(self.name, self.schema.names)

    def tables(self, first: int, last: int, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Its rows first … last - 1, from the row groups that hold them."""
        done = 0
        for group, rows in enumerate(self.groups):
            if done < last and done + rows > first:
                yield from self._of_group(group, done, first, last, columns)
            done += rows

    def _of_group(
        self, group: int, done: int, first: int, last: int, columns: Sequence[str]
    ) -> Iterator[pa.Table]:
        place = f"{self.name}, row group {group + 1} of {len(self.groups)}"
        with opening.intact(place):
            file = opening.parquet(self.name)
            batches = file.iter_batches(BATCH, row_groups=[group], columns=list(columns))
        while done < last:
            with opening.intact(place):
                batch = next(batches, None)
            if batch is None:
                return
            yield from _wanted(batch, done, first, last, columns, self.name, self.choice)
            done += batch.num_rows


def _wanted(
    batch: pa.RecordBatch, done: int, first: int, last: int, columns: Sequence[str],
    name: str, choice: Choice,
) -> Iterator[pa.Table]:  # fmt: skip
    """Of a batch that begins with row `done`, the rows from `first` to before `last`."""
    table = pa.Table.from_batches([batch]).select(list(columns))
    part = table.slice(max(first - done, 0), last - max(first, done))
    if part.num_rows:
        origin = Origin(name, partial(row_name, max(first, done) + 1))
        yield read_as(part, choice, None, origin)


class Csv(NamedTuple):
    """A CSV file: where its pieces stand, and what their text is read as."""

    name: str
    top: csv.Header
    pieces: tuple[tuple[int, int, int, int], ...]  # first byte, size, first row, line of it
    rows: int
    ladders: tuple[tuple[str, Ladder], ...]

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns that are used."""
        return [name for name, _ in self.ladders]

    def tables(self, first: int, last: int, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Its rows first … last - 1, from the pieces that hold them."""
        begin = bisect_right(self.pieces, first, key=lambda piece: piece[2]) - 1
        ladders = {name: ladder for name, ladder in self.ladders if name in columns}
        with opening.opened(self.name) as stream:
            read = opening.reader(stream, self.name)
            _skip(stream, read, self.pieces[begin][0])
            for _, size, row, line in self.pieces[begin:]:
                if row >= last:
                    return
                table, where = csv.parsed(
                    _exactly(read, size), self.name, row + 1, line, self.top, columns
                )
                table = converted(table, ladders, Origin(self.name, where.place))
                part = table.slice(max(first - row, 0), last - max(first, row))
                for at in range(0, part.num_rows, BATCH):
                    yield part.slice(at, BATCH)


def _skip(stream: io.BufferedReader, read: csv.Read, size: int) -> None:
    """Pass over so many bytes of text; what is compressed must be unpacked for it."""
    if opening.is_packed(stream):
        while size > 0:
            size -= len(_exactly(read, min(size, csv.BLOCK)))
    else:
        stream.seek(size)


def _exactly(read: csv.Read, size: int) -> bytes:
    found = b""
    while len(found) < size and (more := read(size - len(found))):
        found += more
    return found


class Fragment(NamedTuple):
    """Anything else that pyarrow's dataset reads: a file, or a row group, of a dataset."""

    name: str
    fragment: Any
    rows: int
    schema: pa.Schema
    choice: Choice

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns that are used."""
        return self.choice.kept(self.name, self.schema.names)

    def tables(self, first: int, last: int, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Its rows first … last - 1; what stands before them is read too."""
        done = 0
        with opening.intact(self.name):
            batches = self.fragment.to_batches(
                schema=self.schema, columns=list(columns), batch_size=BATCH,
                batch_readahead=0, fragment_readahead=0, use_threads=False,
            )  # fmt: skip
        while done < last:
            with opening.intact(self.name):
                batch = next(batches)
            yield from _wanted(batch, done, first, last, columns, self.name, self.choice)
            done += batch.num_rows


def listing_of(
    sources: Any,
    *,
    words: Sequence[str] = (),
    numbers: Sequence[str] = (),
    drop: Sequence[str] = (),
) -> Listing:
    """The listing of a file, a folder, a glob, several of them, or a pyarrow dataset.

    CSV files are read once: rows are counted, and types guessed from the first 100 values of a
    column. Raises FileError, DataError or SettingError.
    """
    choice = Choice(frozenset(words), frozenset(numbers), frozenset(drop))
    if hasattr(sources, "get_fragments"):
        return _of_dataset(sources, choice)
    given = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    names = [name for one in given for name in named_by(os.fspath(one))]
    kinds = {name: _kind(name) for name in names}
    if len(set(kinds.values())) > 1:
        other = next(name for name in names if kinds[name] != kinds[names[0]])
        raise DataError(
            f"{names[0]} is {kinds[names[0]]}, and {other} is {kinds[other]}: expected files of "
            "one kind. Name them with a glob such as 'folder/*.parquet'."
        )
    kind = kinds[names[0]]
    if kind in ("parquet", "csv"):
        return (_of_parquet if kind == "parquet" else _of_csv)(names, choice)
    import pyarrow.dataset

    with opening.intact(names[0]):
        return _of_dataset(pyarrow.dataset.dataset(names, format=kind), choice)


def is_one_file(source: str) -> bool:
    """Whether it is neither a folder nor a glob; a file that is not there is one."""
    return not os.path.isdir(source) and (os.path.exists(source) or not _is_glob(source))


def _is_glob(source: str) -> bool:
    return any(mark in source for mark in "*?[")


def named_by(source: str) -> list[str]:
    """The files below a folder, or that fit a glob, sorted by name; a file is itself."""
    if os.path.isdir(source):
        found = glob.iglob("**", root_dir=source, recursive=True)  # passes over .hidden ones
        shown = (name for name in found if not any(p[0] == "_" for p in name.split(os.sep)))
        names = [os.path.join(source, name) for name in shown]
    elif not is_one_file(source):
        names = glob.glob(source, recursive=True)
    else:
        return [source]
    there = sorted(name for name in names if os.path.isfile(name))
    if not there:
        none = "holds no file" if os.path.isdir(source) else "does not exist, and no file fits it"
        raise FileError(f"{source} {none}. Expected CSV or Parquet files: name others.")
    return there


OTHERS = {".feather": "feather", ".arrow": "feather", ".ipc": "feather", ".orc": "orc"}


def _kind(name: str) -> str:
    with opening.opened(name) as stream:
        if opening.is_parquet(stream):
            return "parquet"
    return OTHERS.get(os.path.splitext(name)[1].lower(), "csv")


def _of_parquet(names: Sequence[str], choice: Choice) -> Listing:
    parts: list[Part] = []
    for name in names:
        file = opening.parquet(name)
        csv.distinct(name, file.schema_arrow.names)
        groups = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
        if not (sum(groups) and file.schema_arrow.names):
            raise DataError(f"{name} has no rows or no columns: expected one of each at least.")
        parts.append(Parquet(name, tuple(groups), file.schema_arrow, choice))
        _refuse_other_columns(names[0], file.schema_arrow, name, parts[0].schema)  # type: ignore[attr-defined]
    return Listing(tuple(parts))


def _refuse_other_columns(first: str, found: pa.Schema, name: str, expected: pa.Schema) -> None:
    if set(found.names) != set(expected.names):
        odd = sorted(set(found.names) ^ set(expected.names))[0]
        has, lacks = (name, first) if odd in found.names else (first, name)
        raise DataError(
            f'{has} has a column "{odd}", and {lacks} has none: expected the same columns in all '
            "files. Add it, empty where it is not known, or leave a file out."
        )
    for field in expected:
        kinds = field.type, found.field(field.name).type
        if kinds[0] != kinds[1] and not all(is_number(k) or pa.types.is_null(k) for k in kinds):
            raise DataError(
                f'{name}, column "{field.name}": expected {kinds[0]} as in {first}, found '
                f"{kinds[1]}. Write the files with one type."
            )


def _of_csv(names: Sequence[str], choice: Choice) -> Listing:
    scans = [_scan(name, choice) for name in names]
    for scan in scans[1:]:
        schemas = [pa.schema([(c, pa.string()) for c in s.samples]) for s in (scan, scans[0])]
        _refuse_other_columns(names[0], schemas[0], scan.name, schemas[1])
    ladders: list[tuple[str, Ladder]] = []
    origin = Origin(names[0], lambda _: "among the first values")
    for column in scans[0].samples:
        values = pa.concat_arrays([scan.samples[column] for scan in scans])
        guess = guessed(pa.chunked_array([values.slice(0, SAMPLE)]), column, origin)
        ladders.append((column, choice.ladder(column) or guess))
    return Listing(tuple(Csv(s.name, s.top, s.pieces, s.rows, tuple(ladders)) for s in scans))


class _Scan(NamedTuple):
    """What a first look at a CSV file tells."""

    name: str
    top: csv.Header
    pieces: tuple[tuple[int, int, int, int], ...]
    rows: int
    samples: dict[str, pa.StringArray]  # the first values of each column


def _scan(name: str, choice: Choice) -> _Scan:
    with opening.opened(name) as stream:
        read, came = opening.reader(stream, name), 0

        def counted(size: int) -> bytes:
            nonlocal came
            block = read(size)
            came += len(block)
            return block

        top = csv.header(counted, name)
        at, row = came - len(top.rest), 0
        samples = {column: pa.array([], pa.string()) for column in choice.kept(name, top.names)}
        pieces = []
        for size, table, where in csv.index(counted, name, top, list(samples)):
            pieces.append((at, size, row, where.first_line))
            at, row = at + size, row + table.num_rows
            for column, sample in samples.items():
                if len(sample) < SAMPLE:
                    more = table[column].drop_null().slice(0, SAMPLE).combine_chunks()
                    samples[column] = pa.concat_arrays([sample, more])
    return _Scan(name, top._replace(rest=b""), tuple(pieces), row, samples)


def _of_dataset(dataset: Any, choice: Choice) -> Listing:
    parts: list[Part] = []
    for number, fragment in enumerate(dataset.get_fragments(), 1):
        name = getattr(fragment, "path", f"part {number} of the dataset")
        with opening.intact(name):
            parts += [
                Fragment(name, one, rows, dataset.schema, choice)
                for one, rows in _pieces_of(fragment)
                if rows
            ]
    if not parts or not dataset.schema.names:
        raise DataError("the dataset has no rows or no columns: expected one of each at least.")
    csv.distinct(parts[0].name, dataset.schema.names)
    return Listing(tuple(parts))


def _pieces_of(fragment: Any) -> list[tuple[Any, int]]:
    """Row groups, where it has such, with their rows: what stands before one is not read."""
    if not hasattr(fragment, "split_by_row_group"):
        return [(fragment, fragment.count_rows())]
    # Of a piece, count_rows counts the whole file.
    return [(one, one.row_groups[0].num_rows) for one in fragment.split_by_row_group()]

"""A table from a file or a pipe, CSV or Parquet, with errors that point at the value.

A *ladder* is a tuple of Arrow types, the narrowest first. A column takes the first rung on which
all its values can stand: whole numbers are integers, and with a 3.5 among them all are floats.
"""

import io
import json
import os
import select
import shlex
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from difflib import get_close_matches
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shoal.data import csv
from shoal.data.tables import plain
from shoal.errors import DataError, FileError, SettingError

Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc
Ladder = tuple[pa.DataType, ...]

WORDS: Ladder = (pa.string(),)
NUMBERS: Ladder = (pa.int64(), pa.float64())
# In this order: 0 and 1 could also be read as truth values.
GUESSES: tuple[Ladder, ...] = (
    NUMBERS,
    (pa.bool_(),),
    (pa.date32(), pa.timestamp("us")),
    (pa.timestamp("us", "UTC"),),
)
# polars, too, guesses from 100. A larger sample would silently take a short column of numbers
# with one slip in it for words.
SAMPLE = 100
PACKED = {b"\x1f\x8b": "gzip", b"BZ": "bz2", b"\x28\xb5": "zstd"}  # by the first two bytes
FINITE = "a finite number"
DECIMAL = "numbers as 1234.5"
COMMAS = r"^\s*[+-]?[\d.,]*\d\s*$"  # 1234,5 is Germany's way, 1,234.5 America's
BROKEN = (pa.ArrowException, OSError)


def read_table(
    source: str, *, words: Sequence[str] = (), numbers: Sequence[str] = (), drop: Sequence[str] = ()
) -> pa.Table:
    """The whole table in a CSV or Parquet file, or on standard input if `source` is "-".

    `words` are read as they are written, `numbers` must hold nothing else, `drop` is left out.
    The type of any other column of a CSV file is guessed from its first 100 values, and its
    later values must agree. Raises FileError, DataError or SettingError.
    """
    choice = Choice(frozenset(words), frozenset(numbers), frozenset(drop))
    file = shown(source)
    with opened(source) as stream:
        if is_parquet(stream):
            return pa.concat_tables(_from_parquet(source, stream, choice, None, 65_536))
        read = reader(stream, file)
        top = csv.header(read, file)
        kept = choice.kept(file, top.names)
        tables, rows = zip(*csv.pieces(read, file, top, kept), strict=True)
    table, origin = pa.concat_tables(tables), Origin(file, _places(rows))
    ladders = {name: choice.ladder(name) or guessed(table[name], name, origin) for name in kept}
    return converted(table, ladders, origin)


def stream_tables(
    source: str,
    *,
    types: Mapping[str, pa.DataType] | None = None,
    words: Sequence[str] = (),
    numbers: Sequence[str] = (),
    drop: Sequence[str] = (),
    rows: int = 65_536,
) -> Iterator[pa.Table]:
    """The same table in parts of at most `rows` rows, however long the file or the pipe.

    `types` holds the types of the columns that a model knows: text is read as these, and all
    other columns of a CSV file are words. Without it the guess is made from the first 100 rows, and as a later value may be 3.5, all
    numbers are float64. Nothing is opened before the first part is asked for.
    """
    choice = Choice(frozenset(words), frozenset(numbers), frozenset(drop))
    with opened(source) as stream:
        if is_parquet(stream):
            yield from _from_parquet(source, stream, choice, types, rows)
        else:
            for table in _from_csv(reader(stream, shown(source)), shown(source), choice, types):
                for start in range(0, table.num_rows, rows):
                    yield table.slice(start, rows)


def unknown_column(file: str, name: str, columns: Sequence[str]) -> str:
    """What to say of a column that is not there: the nearest name, and what there is.

    >>> unknown_column("flights.csv", "lat", ["late", "month"])
    'flights.csv has no column "lat". Did you mean "late"? Columns: late, month.'
    """
    lowered = {column.lower(): column for column in columns}
    near = get_close_matches(name.lower(), lowered, n=1)
    hint = f' Did you mean "{lowered[near[0]]}"?' if near else ""
    more = f" and {len(columns) - 20:,} more" if len(columns) > 20 else ""
    listed = ", ".join(columns[:20])
    return f'{shown(file)} has no column "{name}".{hint} Columns: {listed}{more}.'


def shown(source: str) -> str:
    """What messages call a source: its path as it was typed, or "standard input"."""
    return "standard input" if source == "-" else source


class Choice(NamedTuple):
    """What the caller wants of some columns."""

    words: frozenset[str]
    numbers: frozenset[str]
    drop: frozenset[str]

    def kept(self, file: str, names: Sequence[str]) -> list[str]:
        """The names that are left. Raises SettingError for a wish that cannot be granted."""
        for name in sorted((self.words | self.numbers | self.drop).difference(names)):
            raise SettingError(unknown_column(file, name, names))
        for name in sorted(self.words & self.numbers):
            raise SettingError(
                f'column "{name}" cannot be both: give --words {shlex.quote(name)} or '
                f"--numbers {shlex.quote(name)}."
            )
        if names and self.drop.issuperset(names):
            raise SettingError(f"--drop leaves no column of {file}: drop fewer.")
        return [name for name in names if name not in self.drop]

    def ladder(self, name: str) -> Ladder | None:
        """The ladder that the caller wants for a column, if any."""
        return WORDS if name in self.words else NUMBERS if name in self.numbers else None


class Origin(NamedTuple):
    """Where a table came from, to point at a value of it."""

    file: str
    place: Callable[[int], str]  # of the row with this index
    fixed: bool = False  # by a model: then --words and --drop are no cure

    def refuse(self, name: str, index: int, expected: str, found: object) -> NoReturn:
        """Raise the DataError for one value; words are no cure for an infinite number."""
        text = str(found)
        text = json.dumps(text if len(text) <= 40 else f"{text[:40]}…", ensure_ascii=False)
        other = (
            ", or leave it empty if it is not known"
            if self.fixed or expected == FINITE
            else f", or read the whole column as words with --words {shlex.quote(name)} "
            f"(or leave it out with --drop {shlex.quote(name)})"
        )
        raise DataError(
            f'{self.file}, {self.place(index)}, column "{name}": expected {expected}, '
            f"found {text}. Correct the value{other}."
        )


def _from_csv(
    read: csv.Read, file: str, choice: Choice, types: Mapping[str, pa.DataType] | None
) -> Iterator[pa.Table]:
    top = csv.header(read, file)
    kept = choice.kept(file, top.names)
    parts = csv.pieces(read, file, top, kept)
    sample: list[tuple[pa.Table, csv.Rows]] = []
    if types is None:
        for part in parts:
            sample.append(part)
            if sum(table.num_rows for table, _ in sample) >= SAMPLE:
                break
        first = pa.concat_tables([table for table, _ in sample]).slice(0, SAMPLE)
        origin = Origin(file, _places([some for _, some in sample]))
        known = {name: guessed(first[name], name, origin)[-1:] for name in kept}
    else:
        known = {name: (types.get(name, pa.string()),) for name in kept}
    ladders = {name: (choice.ladder(name) or known[name])[-1:] for name in kept}
    for table, some in chain(sample, parts):
        yield converted(table, ladders, Origin(file, some.place, types is not None))


def _from_parquet(
    source: str,
    stream: io.BufferedReader,
    choice: Choice,
    types: Mapping[str, pa.DataType] | None,
    rows: int,
) -> Iterator[pa.Table]:
    file, done = shown(source), 0
    with intact(file):
        # The description stands at the end, so a pipe must be read to its end first.
        on_disk = source != "-" and stream.seekable()
        described = parquet(source if on_disk else pa.BufferReader(stream.read()))
    names = described.schema_arrow.names
    csv.distinct(file, names)
    kept = choice.kept(file, names)
    if not (names and described.metadata.num_rows):
        raise DataError(
            f"{file} has {len(names):,} columns and {described.metadata.num_rows:,} rows: expected "
            "one of each at least."
        )
    batches = described.iter_batches(rows, columns=kept)
    while True:
        with intact(file):
            batch = next(batches, None)
        if batch is None:
            return
        origin = Origin(file, partial(row, done + 1), types is not None)
        yield read_as(pa.Table.from_batches([batch]), choice, types, origin)
        done += batch.num_rows


def _places(rows: Sequence[csv.Rows]) -> Callable[[int], str]:
    """The places in all of these rows together."""
    firsts = [some.first - 1 for some in rows]

    def place(index: int) -> str:
        some = rows[bisect_right(firsts, index) - 1]
        return some.place(index - some.first + 1)

    return place


def row(first: int, index: int) -> str:
    """What messages call a row, `index` after the first one here."""
    return f"row {first + index:,}"


def read_as(
    table: pa.Table, choice: Choice, types: Mapping[str, pa.DataType] | None, origin: Origin
) -> pa.Table:
    """A table that has types of its own, as the caller or a model wants its columns."""
    columns: dict[str, Column] = {}
    ladders: dict[str, Ladder] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if types is not None and name not in types:
            continue  # nobody will look at it
        try:
            columns[name] = plain(column, name)
        except DataError as error:
            raise DataError(f"{origin.file}: {error}") from None
        wanted = NUMBERS[-1] if name in choice.numbers else (types or {}).get(name)
        if name in choice.words:
            ladders[name] = WORDS
        elif wanted is not None and _is_other(columns[name].type, wanted):
            ladders[name] = (wanted,)
            columns[name] = columns[name].cast(pa.string())
    after = converted(pa.table(columns), ladders, origin)
    found = dict(zip(after.column_names, after.columns, strict=True))
    return pa.table({name: found.get(name, table[name]) for name in table.column_names})


def _is_other(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values must go through text to become what is wanted, or to be refused."""
    if pa.types.is_string(wanted):
        return False  # everything can be taken for a word
    return pa.types.is_string(kind) or (_is_day(kind) != _is_day(wanted) and not _is_span(kind))


def _is_day(kind: pa.DataType) -> bool:
    return pa.types.is_date(kind) or pa.types.is_timestamp(kind)


def _is_span(kind: pa.DataType) -> bool:
    return pa.types.is_time(kind) or pa.types.is_duration(kind) or pa.types.is_null(kind)


def guessed(column: Column, name: str, origin: Origin) -> Ladder:
    """The ladder for a column of text; words if it has no values to guess from.

    Raises DataError for numbers with commas: they would be words, each of its own.
    """
    sample = column.drop_null().slice(0, SAMPLE)
    if not len(sample):
        return WORDS
    for ladder in GUESSES:
        if _climb(sample, ladder) is not None:
            return ladder
    comma: Column = pc.match_substring(column, ",")
    numbers: Column = pc.match_substring_regex(sample, COMMAS)
    if pc.all(numbers).as_py() and (index := comma.index(True).as_py()) >= 0:
        origin.refuse(name, index, DECIMAL, column[index])
    return WORDS


def converted(table: pa.Table, ladders: Mapping[str, Ladder], origin: Origin) -> pa.Table:
    """The table with its columns on their ladders, those without one as they are, none infinite.

    Raises DataError at the first value that does not fit.
    """
    columns: dict[str, Column] = {}
    for name in table.column_names:
        before: Column = table[name]
        after = _climb(before, ladders[name]) if name in ladders else before
        if after is None:
            widest = ladders[name][-1:]
            # Whether the first n values fit: bisection finds the misfit in a few casts.
            misfit = bisect_left(
                range(len(before)), True, key=lambda n: _climb(before[: n + 1], widest) is None
            )
            origin.refuse(name, misfit, _expected(widest[0]), before[misfit])
        is_float = pa.types.is_floating(after.type)
        if is_float and not pc.all(pc.is_finite(after), min_count=0).as_py():
            is_infinite: Column = pc.is_inf(after)
            if (infinite := is_infinite.index(True).as_py()) >= 0:
                origin.refuse(name, infinite, FINITE, before[infinite])
            after = pc.if_else(pc.is_nan(after), pa.scalar(None, after.type), after)
        columns[name] = after
    return pa.table(columns)


def _climb(column: Column, ladder: Ladder) -> Column | None:
    """The column on the first rung that holds all of it; None if there is none."""
    for rung in ladder:
        with suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return column.cast(rung)
    if pa.types.is_string(column.type):
        trimmed = pc.utf8_trim_whitespace(column)  # " 5" is a number
        return None if trimmed.equals(column) else _climb(trimmed, ladder)
    return None


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers."""
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(is_kind(kind) for is_kind in kinds)


def _expected(kind: pa.DataType) -> str:
    if is_number(kind):
        return "a number"
    if pa.types.is_boolean(kind):
        return "true or false"
    return "a date or a time" if pa.types.is_temporal(kind) else f"a value of type {kind}"


@contextmanager
def opened(source: str) -> Iterator[io.BufferedReader]:
    """The bytes of a file, or of standard input. Raises FileError."""
    if source == "-":
        stdin: Any = sys.stdin.buffer
        # A test may put a plain buffer there, at which one cannot peek.
        yield stdin if hasattr(stdin, "peek") else io.BufferedReader(stdin)
        return
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(open(source, "rb"))
        except OSError as error:
            raise FileError(_why_not(source, error)) from None
        yield stream


def _why_not(source: str, error: OSError) -> str:
    if os.path.isdir(source):
        return f"{source} is a folder: expected a CSV or Parquet file. Name one in it."
    if isinstance(error, PermissionError):
        return f"{source} may not be read: permission denied. Allow it with chmod u+r."
    if not isinstance(error, FileNotFoundError):
        return f"{source} cannot be read: {error.strerror}."
    folder, name = os.path.split(source)
    if folder and not os.path.isdir(folder):
        return f"{source} does not exist, nor does the folder {folder}."
    with suppress(OSError):
        if near := get_close_matches(name, os.listdir(folder or "."), n=3):
            names = " or ".join(f'"{os.path.join(folder, other)}"' for other in near)
            return f"{source} does not exist. Did you mean {names}?"
    return f"{source} does not exist, nor anything with a name like it in its folder."


def parquet(source: Any) -> pq.ParquetFile:
    """A Parquet file that is read piece by piece.

    Otherwise all of a row group is held, and some files are just one.
    """
    return pq.ParquetFile(source, pre_buffer=False, buffer_size=csv.BLOCK)


def is_parquet(stream: io.BufferedReader) -> bool:
    """Whether it begins as Parquet does."""
    return stream.peek(4)[:4] == b"PAR1"


def is_packed(stream: io.BufferedReader) -> bool:
    """Whether it is compressed text."""
    return stream.peek(2)[:2] in PACKED


def reader(stream: io.BufferedReader, file: str) -> csv.Read:
    """How to read on: what a pipe has and, of what is compressed, what was packed."""
    packing: Any = PACKED.get(stream.peek(2)[:2])
    unpacked = packing and pa.CompressedInputStream(stream, packing)

    def read(size: int) -> bytes:
        with intact(file):
            if unpacked:
                return bytes(unpacked.read(size))
            parts = [stream.read1(size)]
            while parts[-1] and (size := size - len(parts[-1])) > 0 and _has_more(stream):
                parts.append(stream.read1(size))
            return b"".join(parts)

    return read


def _has_more(stream: io.BufferedReader) -> bool:
    """Whether a pipe brings more at once: many small tables are slow, and so is waiting."""
    try:
        return bool(select.select([stream], [], [], 0.01)[0])
    except (OSError, ValueError):  # not a file of the system, or a system without such a question
        return False


@contextmanager
def intact(file: str) -> Iterator[None]:
    """What pyarrow says of broken bytes becomes a DataError that names the file."""
    try:
        yield
    except MemoryError:  # pyarrow's own is a pa.ArrowException, too: the file is whole
        raise
    except BROKEN as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise DataError(
            f"{file} is damaged or cut short ({reason}): copy it again, or write it anew."
        ) from None

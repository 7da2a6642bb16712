"""A table from a file or a pipe, CSV or Parquet, with errors that point at the value."""

import io
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain

import pyarrow as pa

from shoal.data import csv
from shoal.data.ladders import SAMPLE, Choice, Origin, converted, guessed, read_as
from shoal.data.messages import row_name, shown
from shoal.data.opening import intact, is_parquet, opened, parquet, reader
from shoal.errors import DataError


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
        origin = Origin(file, partial(row_name, done + 1), types is not None)
        yield read_as(pa.Table.from_batches([batch]), choice, types, origin)
        done += batch.num_rows


def _places(rows: Sequence[csv.Rows]) -> Callable[[int], str]:
    """The places in all of these rows together."""
    firsts = [some.first - 1 for some in rows]

    def place(index: int) -> str:
        some = rows[bisect_right(firsts, index) - 1]
        return some.place(index - some.first + 1)

    return place

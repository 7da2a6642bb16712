"""Predictions as CSV, Parquet or JSON lines, table after table."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from shoal.data.read.tables import plain
from shoal.data.read.words import coarser, is_finer
from shoal.errors import SettingError
from shoal.files.atomic import atomic_write

Write = Callable[[pa.Table], None]


FORMS = (".csv", ".parquet", ".jsonl")
# What has another name is CSV, but for these, which promise something else.
OTHERS = (
    ".gz", ".bz2", ".zst", ".xz", ".zip", ".xls", ".xlsx", ".ods", ".tsv", ".json", ".feather",
    ".arrow", ".avro", ".orc", ".shoal",
)  # fmt: skip


def check_form(output: str, as_json: bool) -> None:
    """Raise SettingError for a file name that promises another form than is written."""
    form = _form(output)
    if as_json and form in (".csv", ".parquet"):
        raise SettingError(f"--json writes JSON lines, and not {output}. Name a .jsonl file.")
    if form in OTHERS and not (as_json and form == ".json"):
        raise SettingError(f"-o {output}: expected a name that ends in {', '.join(FORMS)}.")


@contextmanager
def writer(output: str, as_json: bool) -> Iterator[Write]:
    """A function that takes table after table; a file appears only when all is written."""
    form = _json_lines if as_json or _form(output) == ".jsonl" else _columns
    make = pyarrow.parquet.ParquetWriter if _form(output) == ".parquet" else pyarrow.csv.CSVWriter
    if output == "-":
        with form(sys.stdout.buffer, make) as write:
            yield write
        sys.stdout.buffer.flush()
        return
    with atomic_write(output) as file, form(file, make) as write:
        yield write


@contextmanager
def _json_lines(sink: BinaryIO, _: Any) -> Iterator[Write]:
    def write(table: pa.Table) -> None:
        rows = pa.table({name: _short(table[name]) for name in table.column_names}).to_pylist()
        for row in rows:
            sink.write(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n")
        sink.flush()

    yield write


@contextmanager
def _columns(sink: BinaryIO, make: Callable[..., Any]) -> Iterator[Write]:
    made: list[Any] = []
    # Arrow closes what it writes to; the file is not ours to close.
    guarded = pa.PythonFile(_Open(sink), mode="w")

    def write(table: pa.Table) -> None:
        if make is pyarrow.csv.CSVWriter:  # which knows neither lists nor every kind of text
            names = table.column_names
            table = pa.table([plain(table[name], name) for name in names], names)
        if not made:
            made.append(make(guarded, table.schema))
        made[0].write_table(table)
        sink.flush()

    yield write
    for each in made:
        each.close()


def _form(output: str) -> str:
    return PurePath(output).suffix.lower()


def _short(column: Any) -> Any:
    """float32 as the float64 with the fewest digits that still means it, as in CSV.

    Times that are finer than Python's as text, durations in microseconds.
    """
    if is_finer(column.type):
        is_span = pa.types.is_duration(column.type)
        return coarser(column) if is_span else pc.cast(column, pa.string())
    if pa.types.is_floating(column.type):  # JSON has no word for what is not finite
        column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    if column.type != pa.float32():
        return column
    return pc.cast(pc.cast(column, pa.string()), pa.float64())


class _Open:
    """A file that is not closed by the one who writes to it."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: Any) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.flush()

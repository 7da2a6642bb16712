"""DuckDB: a table or a query. The database is only read; its types are those of its columns."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import pyarrow as pa

from shoal.data.read.cells import unreadable
from shoal.data.read.databases import failed, not_a_reading, query_of
from shoal.data.read.file_options import FileOptions
from shoal.data.read.opening import File, Spooled, in_temporary_file, name_of
from shoal.errors import SettingError

# No query reads other files, or writes them.
ALONE = {"enable_external_access": "false"}
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY ALL"


def as_arrow(file: File, options: FileOptions, folder: str | None) -> Spooled:
    """The rows in the order of the query, as an Arrow file. Raises DataError or SettingError."""
    duckdb, name = _library(), name_of(file)
    with _path_of(file, folder) as path:
        try:
            database = duckdb.connect(path, read_only=True, config=ALONE)
        except duckdb.Error as error:
            cure = "Close other programs that use it, or export the table as Parquet."
            raise unreadable(name, "the database", error, cure) from None
        with database:
            return Spooled(name, _copied(duckdb, database, options, name, folder))


def _copied(duckdb: Any, database: Any, options: FileOptions, name: str, folder: str | None) -> Any:
    """The rows as an Arrow file."""

    def write(out: BinaryIO) -> None:
        batches = _batches(duckdb, database, options, name)
        with pa.ipc.new_file(out, batches.schema) as file:
            for batch in batches:
                file.write_batch(batch)

    try:
        return in_temporary_file(write, name, folder)
    except (duckdb.Error, pa.ArrowException) as error:
        raise failed(name, error) from None


def _batches(duckdb: Any, database: Any, options: FileOptions, name: str) -> Any:
    try:
        tables = [one for (one,) in database.execute(TABLES).fetchall()]
        query = query_of(options, tables, name)
        statements = duckdb.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise not_a_reading(
                name, "it does something else than read, or it is not one statement"
            )
        return pa.RecordBatchReader.from_stream(database.sql(query))
    except duckdb.Error as error:
        raise failed(name, error) from None


@contextmanager
def _path_of(file: File, folder: str | None) -> Iterator[str]:
    """Where DuckDB finds it."""
    if not isinstance(file, Spooled):
        yield file
        return
    with TemporaryDirectory(dir=folder) as place:
        path = f"{place}/table.duckdb"
        with open(path, "wb") as out:
            out.write(file.content)
        yield path


def _library() -> Any:
    try:
        return importlib.import_module("duckdb")
    except ImportError as error:
        raise SettingError(
            f"a DuckDB database needs duckdb, which cannot be imported ({error}). Install it: "
            "pip install 'shoal[duckdb]'"
        ) from None

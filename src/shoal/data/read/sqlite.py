"""SQLite: a table or a query as tables of text. The database is only read."""

import os
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing
from urllib.parse import quote

from shoal.data.read.cells import text_table, unreadable
from shoal.data.read.column_types import Wanted
from shoal.data.read.csv_text import distinct
from shoal.data.read.databases import failed, not_a_reading, query_of
from shoal.data.read.opening import File, Spooled, name_of, opened
from shoal.data.read.origin import Origin, Piece
from shoal.errors import DataError, ShoalError

HEADER = 100  # bytes
CELLS = 1 << 20  # values that are read at a time
PATIENCE = 2.0  # seconds for another program that writes
READING = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
TABLES = (
    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
    "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"
)
CODES_OF_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR}


def pieces(file: File, wanted: Wanted) -> Iterator[Piece]:
    """The rows in the order of the query; at least one piece, which may have no rows."""
    name = name_of(file)
    try:
        with closing(_connected(file)) as database:
            tables = [one for (one,) in database.execute(TABLES)]
            query = query_of(wanted.files, tables, name)
            yield from _rows(database, query, name, wanted)
    except sqlite3.Error as error:
        raise _error_of(error, wanted, name) from None
    except UnicodeDecodeError as error:  # in the names of tables
        raise unreadable(name, "the database", error, "Copy it again, or repair it.") from None
    except sqlite3.Warning as error:  # more than one statement, before Python 3.12
        raise not_a_reading(name, str(error)) from None


def _connected(file: File) -> sqlite3.Connection:
    if isinstance(file, Spooled):
        database = sqlite3.connect(":memory:")
        raw = file.content.to_pybytes()
        _check_pages(raw[:HEADER], len(raw), file.name)
        database.deserialize(raw)
    else:
        _refuse_cut_short(file)
        path = quote(os.path.abspath(file))
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=PATIENCE)
    database.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY
    )
    return database


def _refuse_cut_short(path: str) -> None:
    if os.path.exists(f"{path}-wal"):  # whose pages may be newer than the header
        return
    with opened(path) as stream:
        _check_pages(stream.read(HEADER), os.path.getsize(path), name_of(path))


def _check_pages(header: bytes, size: int, name: str) -> None:
    """Raise DataError if pages are absent: SQLite reads them as zeros.

    The places are those of https://sqlite.org/fileformat.html, "The Database Header".
    """
    if len(header) < HEADER:
        raise unreadable(name, "the database", f"only {size:,} bytes are there", "Copy it again.")
    page, _, changes, pages, _, valid_for = struct.unpack(">16xH6sII60sI4x", header)
    if changes == valid_for and size < pages * (65_536 if page == 1 else page):
        cut = f"{size:,} of {pages * page:,} bytes are there"
        raise unreadable(name, "the database", cut, "Copy it again.")


def _rows(
    database: sqlite3.Connection, query: str, name: str, wanted: Wanted
) -> Iterator[Piece]:  # fmt: skip
    cursor = database.execute(query)
    if cursor.description is None:
        raise not_a_reading(name, "it gives no rows")
    names = distinct(name, [column[0] for column in cursor.description])
    done, size = 0, max(1, CELLS // len(names))
    rows = cursor.fetchmany(size)
    while True:
        yield _piece(names, rows, Origin.numbered(name, done), wanted)
        done += len(rows)
        if not (rows := cursor.fetchmany(size)):
            break


def _piece(
    names: Sequence[str], rows: list[tuple[object, ...]], origin: Origin, wanted: Wanted
) -> Piece:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return Piece(text_table(names, columns, wanted, origin), origin)


def _error_of(error: sqlite3.Error, wanted: Wanted, name: str) -> ShoalError:
    """What an error of SQLite means. (The low byte of a code is its kind.)"""
    code = getattr(error, "sqlite_errorcode", -1) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DataError(
            "another program is writing to the database. Try again when it is done, or copy the "
            "file.",
            file=name,
        )
    if code in CODES_OF_DAMAGE or "decode" in str(error):
        return unreadable(name, "the database", error, "Copy it again, or repair it.")
    if code in (sqlite3.SQLITE_AUTH, sqlite3.SQLITE_READONLY):
        return not_a_reading(name, str(error))
    if wanted.files.query is None:
        return unreadable(name, "the database", error, "See what sqlite3 says of it.")
    return failed(name, error)

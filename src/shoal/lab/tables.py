"""People's own tables: from a file named on the command line, or from bytes dropped on a page.

A table is known by the first 16 digits of the SHA-256 of its bytes, and a link names it so.
"""

import hashlib
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import pyarrow as pa

from shoal.compute.pool import room_to_read
from shoal.data.read.column_types import Wanted
from shoal.data.read.file_options import FileOptions
from shoal.data.read.files import held, source_of
from shoal.data.read.messages import shown
from shoal.data.read.opening import Spooled, is_packed
from shoal.errors import DataError, SettingError

MOST_BYTES = 32 << 20  # of an upload; a file that is named on the command line may be larger
MOST_CELLS = 8_000_000  # what such a file may hold once it is unpacked
MOST_WIDTH = 10_000  # columns of an upload, which take half a millisecond each to read
MOST_TABLES = 8  # that came from pages; the oldest makes room


class Known(NamedTuple):
    """A table, what it is called, and what its link calls it."""

    name: str
    digest: str
    table: pa.Table
    target: str = ""  # that the command line names


class Tables:
    """The tables that experiments may be about.

    Those that pages bring lie on a shelf elsewhere, by their names; `fetch` gives the bytes of
    one when it is wanted, or nothing.
    """

    def __init__(self) -> None:
        self._given: dict[str, Known] = {}
        self._dropped: dict[str, Known] = {}
        self.shelf: dict[str, str] = {}  # names by digest
        self.fetch: Callable[[str], bytes] | None = None

    def open(
        self,
        source: str,
        target: str = "",
        files: FileOptions = FileOptions(),  # noqa: B008
    ) -> Known:
        """Add a file. Raises FileError, DataError or SettingError."""
        table = held(source, Wanted(files=files)).table()
        name = os.path.basename(shown(source))
        # With options a file is another table.
        is_file = source != "-" and files == FileOptions()
        digest = _digest_of_file(source) if is_file else _digest_of_rows(table)
        known = Known(name, digest, table, target)
        self._given[known.digest] = known
        return known

    def drop(self, name: str, content: bytes) -> Known:
        """Add a table that a page sends. Raises DataError when it is none, or too large."""
        digest = hashlib.sha256(content).hexdigest()[:16]
        if digest in self._given:
            return self._given[digest]
        known = Known(_shortened(name), digest, _table_of(_shortened(name), content))
        while len(self._dropped) >= MOST_TABLES:
            del self._dropped[next(iter(self._dropped))]
        self._dropped[digest] = known
        return known

    def __getitem__(self, digest: str) -> Known:
        known = self._given.get(digest) or self._dropped.get(digest)
        if known is None and self.fetch and digest in self.shelf:
            content = self.fetch(digest)
            known = self.drop(self.shelf[digest], content) if content else None
        if known is None:
            raise SettingError(
                f"the table with hash {digest} is not here: drop its file on the page, or name it: "
                "shoal lab TABLE LINK."
            )
        return known

    def listed(self) -> list[dict[str, Any]]:
        """What a page may choose from, those of the command line first.

        The columns of a table are listed once it was wanted.
        """
        found = [
            {"name": t.name, "table": t.digest, "columns": t.table.column_names, "target": t.target}
            for t in (*self._given.values(), *self._dropped.values())
        ]
        there = {each["table"] for each in found}
        return found + [
            {"name": name, "table": digest, "columns": [], "target": ""}
            for digest, name in self.shelf.items()
            if digest not in there
        ]

    def size(self) -> int:
        """The bytes of those that the command line names."""
        return sum(known.table.nbytes for known in self._given.values())


def _digest_of_file(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _digest_of_rows(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return hashlib.sha256(sink.getvalue()).hexdigest()[:16]


def _shortened(name: str) -> str:
    """A name to show: no folders, no line ends, not long."""
    name = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:80] or "table"


def _width(name: str, content: bytes) -> int:
    """As many columns as the first line of a text may have, whatever separates them."""
    if not name.lower().endswith((".csv", ".tsv", ".txt")):
        return 0
    line = content[: content.find(b"\n") + 1 or None]
    return 1 + max(line.count(mark) for mark in (b",", b";", b"\t", b"|"))


def _refuse_width(name: str, columns: int) -> None:
    if columns > MOST_WIDTH:
        raise DataError(
            f"{columns:,} columns: an upload may have {MOST_WIDTH:,} at most. Keep the columns that "
            f"the question is about, or name the file on the command line: shoal lab {name}.",
            file=name,
        )


def _table_of(name: str, content: bytes) -> pa.Table:
    upload = Spooled(name, pa.py_buffer(content))
    if is_packed(upload):
        raise DataError(
            f"the file is compressed. Decompress it, or name it on the command line: shoal lab {name}.",
            file=name,
        )
    # What is compressed within a file may be far larger than the file: only its description says.
    room_to_read()
    _refuse_width(name, _width(name, content))
    source = source_of(upload)
    _refuse_width(name, len(source.columns))
    if source.m * len(source.columns) > MOST_CELLS:
        raise DataError(
            f"{source.m:,} rows × {len(source.columns):,} columns: an upload may have "
            f"{MOST_CELLS:,} values at most. Name the file on the command line: shoal lab {name}.",
            file=name,
        )
    return source.table()

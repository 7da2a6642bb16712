"""Compressed files: gz, bz2, zst, lz4, xz, and a zip archive with one file in it."""

import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, Any, NamedTuple

import pyarrow as pa

from shoal.errors import DataError

Read = Callable[[int], bytes]

ZIP, XZ = "zip", "xz"
# By their first bytes, all that the formats fix: a CSV file may begin with a column BZ.
PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zXZ\0": XZ,
    b"PK\x03\x04": ZIP,
}
BROKEN = (EOFError, lzma.LZMAError, zipfile.BadZipFile, zlib.error)
MOST_SHOWN = 5  # members of an archive
# Of the programs that write archives, and no tables.
ATTENDANTS = ("__MACOSX/", ".DS_Store", "Thumbs.db")


class Archive(NamedTuple):
    """What is in a zip archive."""

    names: tuple[str, ...]  # of all files in it
    tables: tuple[str, ...]  # of those that may be tables

    @classmethod
    def of(cls, archive: zipfile.ZipFile) -> "Archive":
        """What is in this one."""
        names = tuple(one.filename for one in archive.infolist() if not one.is_dir())
        return cls(names, tuple(name for name in names if not _is_attendant(name)))


def packing_of(head: bytes) -> str | None:
    """How a file with these first bytes is compressed; None if it is not."""
    return next((packing for mark, packing in PACKED.items() if head.startswith(mark)), None)


def unpacked(stream: io.BufferedReader, packing: str, name: str) -> Read:
    """How to read what is in it. Raises DataError for an archive of several files."""
    if packing == XZ:
        return lzma.LZMAFile(stream).read
    if packing == ZIP:
        return _only_member(zipfile.ZipFile(stream), name)
    codec: Any = packing
    found = pa.CompressedInputStream(stream, codec)
    return lambda size: bytes(found.read(size))


def _only_member(archive: zipfile.ZipFile, name: str) -> Read:
    tables = Archive.of(archive).tables
    if len(tables) != 1:
        listed = ", ".join(tables[:MOST_SHOWN]) + (", …" if len(tables) > MOST_SHOWN else "")
        held = f"{len(tables):,} files ({listed})" if tables else "no file"
        raise DataError(
            f"a zip archive with {held}: expected one file in it. Unpack it, and name the files.",
            file=name,
        )
    return member(archive, tables[0]).read


def member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A file of an archive. Raises BadZipFile if it has a password or a rare compression."""
    try:
        return archive.open(name)
    except RuntimeError as error:
        raise zipfile.BadZipFile(str(error)) from None


def _is_attendant(name: str) -> bool:
    return name.startswith(ATTENDANTS[0]) or name.rpartition("/")[2] in ATTENDANTS

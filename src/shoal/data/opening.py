"""The bytes of a file or a pipe: opened, unpacked, and said to be broken if they are."""

import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from difflib import get_close_matches
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shoal.data import csv
from shoal.errors import DataError, FileError

PACKED = {b"\x1f\x8b": "gzip", b"BZ": "bz2", b"\x28\xb5": "zstd"}  # by the first two bytes
BROKEN = (pa.ArrowException, OSError)


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

"""The bytes of a file or a pipe: opened, decompressed, and reported when they are damaged."""

import io
import mmap
import os
import select
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from difflib import get_close_matches
from typing import Any, NamedTuple

import pyarrow as pa

from shoal.data.read.messages import changed, shown
from shoal.errors import DataError, FileError

Read = Callable[[int], bytes]

BLOCK = 1 << 20  # bytes that are read at a time, as pyarrow's own readers do
PACKED = {b"\x1f\x8b": "gzip", b"BZ": "bz2", b"\x28\xb5": "zstd"}  # by the first two bytes
BROKEN = (pa.ArrowException, OSError, UnicodeDecodeError)  # the last one of names in Parquet


class Spooled(NamedTuple):
    """Bytes without a file that can be opened again: those of a pipe, or of an upload."""

    name: str
    content: Any  # a pa.Buffer


File = str | Spooled  # a path, "-" for standard input, or bytes


class Stamp(NamedTuple):
    """By what a file is known again when it is read for another time."""

    size: int = -1  # unknown: of a pipe
    modified: int = 0
    inode: int = 0
    process: int = 0  # Elsewhere only the size is compared: a worker may have a copy of the file.

    @classmethod
    def of(cls, file: File) -> "Stamp":
        """That of a file as it is now."""
        if isinstance(file, Spooled) or file == "-":
            return cls()
        try:
            found = os.stat(file)
        except OSError as error:
            raise _cannot_open(file, error) from None
        return cls(found.st_size, found.st_mtime_ns, found.st_ino, os.getpid())

    def check(self, file: File) -> None:
        """Raise DataError if the file is another one now."""
        if self.size < 0:
            return
        now = Stamp.of(file)
        if now != (self if self.process == now.process else now._replace(size=self.size)):
            raise changed(name_of(file))


def name_of(file: File) -> str:
    """What messages call a file."""
    return file.name if isinstance(file, Spooled) else shown(file)


@contextmanager
def opened(file: File) -> Iterator[io.BufferedReader]:
    """The bytes of a file, or of standard input. Raises FileError."""
    if isinstance(file, Spooled):
        raw: Any = pa.BufferReader(file.content)
        yield io.BufferedReader(raw)
        return
    if file == "-":
        stdin: Any = sys.stdin.buffer
        # A test may put a plain buffer there, at which one cannot peek.
        yield stdin if hasattr(stdin, "peek") else io.BufferedReader(stdin)
        return
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(open(file, "rb"))
        except OSError as error:
            raise _cannot_open(file, error) from None
        yield stream


def _cannot_open(path: str, error: OSError) -> FileError:
    folder, name = os.path.split(path)
    if os.path.isdir(path):
        message = "expected a file, found a folder. Name a file in it."
    elif isinstance(error, PermissionError):
        message = "permission denied. Allow reading with chmod u+r."
    elif not isinstance(error, FileNotFoundError):
        message = f"the file cannot be read: {error.strerror}."
    elif folder and not os.path.isdir(folder):
        message = f"the file does not exist, nor does the folder {folder}."
    else:
        message = "the file does not exist, nor any file with a similar name in its folder."
        with suppress(OSError):
            if near := get_close_matches(name, os.listdir(folder or "."), n=3):
                names = " or ".join(f'"{os.path.join(folder, other)}"' for other in near)
                message = f"the file does not exist. Did you mean {names}?"
    return FileError(message, file=path)


def can_be_opened_again(file: File) -> bool:
    """Whether each opening of it begins with the first byte: not so of a pipe."""
    return isinstance(file, Spooled) or (
        file != "-" and (not os.path.exists(file) or os.path.isfile(file))
    )


def spooled(stream: io.BufferedReader, name: str, folder: str | None = None) -> Spooled:
    """All bytes of a pipe, kept in a temporary file that has no name and ends with its last use."""
    place = folder or tempfile.gettempdir()
    with tempfile.TemporaryFile(dir=folder) as file:
        read = False
        while True:
            with intact(name):
                block = stream.read(BLOCK)
            if not block:
                break
            read = True
            try:
                file.write(block)
                file.flush()
            except OSError as error:
                raise FileError(
                    f"{name} cannot be kept there while it is read: {error.strerror}. Make room, "
                    "or name a file instead.",
                    file=place,
                ) from None
        whole: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if read else b""
    return Spooled(name, pa.py_buffer(whole))


def is_packed(stream: io.BufferedReader) -> bool:
    """Whether it is compressed text."""
    return stream.peek(2)[:2] in PACKED


def reader(stream: io.BufferedReader, name: str) -> Read:
    """How to read on: what a pipe has brought, decompressed if it is compressed."""
    packing: Any = PACKED.get(stream.peek(2)[:2])
    unpacked = packing and pa.CompressedInputStream(stream, packing)

    def read(size: int) -> bytes:
        with intact(name):
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
def intact(name: str, part: str = "the file") -> Iterator[None]:
    """What pyarrow says of damaged bytes becomes a DataError that names the file."""
    try:
        yield
    except MemoryError:  # pyarrow's own is a pa.ArrowException, too: the file is not damaged
        raise
    except BROKEN as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise DataError(
            f"{part} is damaged or cut short ({reason}). Copy it again, or write it again.",
            file=name,
        ) from None

"""The bytes of a file or a pipe: opened, decompressed, decoded, and reported when they are damaged."""

import io
import mmap
import os
import re
import select
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from difflib import get_close_matches
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa

from shoal.data.read import packing
from shoal.data.read.encodings import BLOCK, Decoded, encoding_of
from shoal.data.read.formats import HEAD, TEXTS, kind_of, kind_of_zip
from shoal.data.read.messages import changed, shown
from shoal.data.read.packing import ZIP, Read, packing_of
from shoal.errors import DataError, FileError, ShoalError

# UnicodeDecodeError is one of names in Parquet.
BROKEN = (pa.ArrowException, OSError, UnicodeDecodeError, *packing.BROKEN)


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


_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:/")  # (a drive of Windows is one letter)


def _cannot_open(path: str, error: OSError) -> FileError:
    folder, name = os.path.split(path)
    if os.path.isdir(path):
        message = "expected a file, found a folder. Name a file in it."
    elif isinstance(error, PermissionError):
        message = "permission denied. Allow reading with chmod u+r."
    elif not isinstance(error, FileNotFoundError):
        message = f"the file cannot be read: {error.strerror}."
    elif _ADDRESS.match(path):
        message = "expected a file, found an address. Download it, and name the file."
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


def spooled(read_on: Read, name: str, folder: str | None = None) -> Spooled:
    """All bytes that are still to come, in a temporary file without a name that ends with its use."""

    def write(out: BinaryIO) -> None:
        while True:
            with intact(name):
                block = read_on(BLOCK)
            if not block:
                return
            out.write(block)
            out.flush()

    return Spooled(name, in_temporary_file(write, name, folder))


def in_temporary_file(write: Callable[[BinaryIO], None], name: str, folder: str | None) -> Any:
    """What is written, in a temporary file that has no name and ends with its last use.

    Raises FileError where there is no room.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            write(file)
            file.flush()
        except ShoalError:
            raise
        except OSError as error:
            raise FileError(
                f"{name} cannot be kept there while it is read: {error.strerror}. Make room, "
                "or name a file instead.",
                file=folder or tempfile.gettempdir(),
            ) from None
        whole: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if file.tell() else b""
    return pa.py_buffer(whole)


class Text:
    """The content of an open file: decompressed, and in UTF-8 if it is text."""

    def __init__(self, stream: io.BufferedReader, name: str, encoding: str | None = None) -> None:
        self.name, self._stream, self._head = name, stream, b""
        packed = packing_of(stream.peek(HEAD))
        self._is_plain = packed is None  # byte N of the text is byte N of the file
        with intact(name):
            self._read = packing.unpacked(stream, packed, name) if packed else _arriving(stream)
        self.kind = kind_of(self.peek(), name)
        found = encoding_of(self.peek(), encoding)
        if found is not None and self.kind in TEXTS:
            self._read, self._head = Decoded(self._again(), found, name), b""
            self._is_plain = False
            self.kind = kind_of(self.peek(), name)

    @property
    def never_waits(self) -> bool:
        """Whether all of it is there: a pipe may bring nothing for long."""
        return self._stream.seekable()

    @property
    def has_other_bytes(self) -> bool:
        """Whether the bytes of the file are not those of the text."""
        return not self._is_plain

    def peek(self) -> bytes:
        """The first bytes, before any other was read."""
        if self._is_plain:
            return self._stream.peek(HEAD)[:HEAD]
        if not self._head:
            self._head = self._reported(BLOCK)
        return self._head[:HEAD]

    def read(self, size: int) -> bytes:
        """The next bytes, at most this many: of a pipe what it has brought. None at the end."""
        if self._head:
            found, self._head = self._head[:size], self._head[size:]
            return found
        return self._reported(size)

    def seek(self, size: int) -> None:
        """Go to this byte, before any other was read; what is compressed is read up to there."""
        if self._is_plain:
            self._stream.seek(size)
        while not self._is_plain and size > 0 and (passed := self.read(min(size, BLOCK))):
            size -= len(passed)

    def _reported(self, size: int) -> bytes:
        with intact(self.name):
            return self._read(size)

    def _again(self) -> Read:
        """How to read all of it, after a look at its beginning."""
        head, after = self._head, self._read

        def read(size: int) -> bytes:
            nonlocal head
            found, head = head[:size], head[size:]
            return found or after(size)

        return read


def _arriving(stream: io.BufferedReader) -> Read:
    """How to read what a pipe has brought."""

    def read(size: int) -> bytes:
        parts = [stream.read1(size)]
        while parts[-1] and (size := size - len(parts[-1])) > 0 and _has_more(stream):
            parts.append(stream.read1(size))
        return b"".join(parts)

    return read


def is_packed(file: File) -> bool:
    """Whether it is compressed as a whole, which a spreadsheet is not."""
    with opened(file) as stream:
        packing = packing_of(stream.peek(HEAD))
        return packing is not None and zipped(stream, name_of(file)) is None


def zipped(stream: io.BufferedReader, name: str) -> str | None:
    """The format of a zip archive that is a format, such as .xlsx; None for any other file."""
    if packing_of(stream.peek(HEAD)) != ZIP:
        return None
    with intact(name):
        kind = kind_of_zip(stream, name)
    stream.seek(0)
    return kind


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

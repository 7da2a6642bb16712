"""Files that appear whole or not at all, and file errors told in words.

The new content goes to a temporary file in the same folder (a rename is atomic only within one
file system), is forced to the disk, and takes the name of the old file in one step. A crash
before that step leaves the old file as it was; a crash after it leaves the new one.
"""

import errno
import io
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from shoal.errors import FileError

# What the system calls it: (the reason in words, what to do).
_WORDS = {
    errno.EACCES: ("permission is denied", "Choose another place, or ask for the permission"),
    errno.EPERM: ("permission is denied", "Choose another place, or ask for the permission"),
    errno.EROFS: ("its file system is read-only", "Choose another place"),
    errno.ENOENT: ("its folder does not exist", "Create the folder, or correct the path"),
    errno.ENOTDIR: ("a part of its path is a file, not a folder", "Correct the path"),
    errno.EISDIR: ("it is a folder", "Add a file name to the path"),
    errno.ENOSPC: ("no space is left on the device", "Free some space, or choose another place"),
    errno.EDQUOT: ("your disk quota is used up", "Free some space, or choose another place"),
    errno.EFBIG: ("the file is larger than this place allows", "Choose another place"),
    errno.ENAMETOOLONG: ("its name is too long", "Choose a shorter name"),
    errno.ELOOP: ("its symbolic links run in a circle", "Correct the links, or the path"),
    errno.EMFILE: ("too many files are open", "Close some, or raise the limit (ulimit -n)"),
    errno.ENFILE: ("too many files are open", "Close some programs, and try again"),
    errno.EPIPE: ("its reader has gone", "Keep the reading program open until the end"),
    errno.EIO: ("the device failed", "Check the disk or the network, and try again"),
}


TEMPORARY = ".shoal-{}.tmp"  # what a file is called until it is whole


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file for writing that replaces `path` when the block ends, and only then.

    When anything in the block raises, KeyboardInterrupt too, the temporary file is removed and
    the old file is untouched. A new file gets the usual mode (0666 less the umask), a replaced
    one keeps its mode; a symbolic link stays, and its target is replaced. The block may close
    the file early, but cannot read it. A pipe or a device has no old content to protect: it is
    written straight.

    Raises FileError when `path` cannot be written. What else the block raises passes unchanged.
    """
    name = file_name(path)
    with in_words(name, "written"):
        target, old_mode = _destination(name)
    if old_mode is None or stat.S_ISREG(old_mode):
        with _replacing(name, target, old_mode) as file:
            yield file
    else:
        with in_words(name, "written"):
            descriptor = os.open(name, os.O_WRONLY)
        with _written(name, descriptor) as file:
            yield file


def file_name(path: str | os.PathLike[str]) -> str:
    """Return `path` as a string; raise FileError when no file can have such a name."""
    name = os.fspath(path)
    try:
        possible = b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:  # half a surrogate pair
        possible = False
    if not possible:
        raise FileError(
            "no file can have this name: it has impossible characters. Correct it.", file=repr(name)
        )
    return name


@contextmanager
def in_words(name: str, action: str) -> Iterator[None]:
    """Turn the OSErrors of a block into a FileError: "`name`: the file cannot be `action`: …"."""
    try:
        yield
    except FileError:  # It says so already.
        raise
    except OSError as error:
        raise file_error(name, action, error) from error


def file_error(name: str, action: str, error: OSError) -> FileError:
    """Return the FileError that says why the file `name` cannot be `action`, and what to do."""
    other = (error.strerror or str(error), "Choose another place, or try again")
    reason, cure = _WORDS.get(error.errno or 0, other)
    found = FileError(f"the file cannot be {action}: {reason}. {cure}.", file=name)
    found.errno = error.errno
    return found


@contextmanager
def _replacing(name: str, target: str, old_mode: int | None) -> Iterator[BinaryIO]:
    # The name does not grow with the target's, which may be as long as the system allows.
    temporary = os.path.join(os.path.dirname(target), TEMPORARY.format(secrets.token_hex(8)))
    try:
        with in_words(name, "written"):
            descriptor = _created(temporary, old_mode)
        with _written(name, descriptor, sync=True) as file:
            yield file
        with in_words(name, "written"):
            os.replace(temporary, target)
        _sync_folder(os.path.dirname(target))
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


@contextmanager
def _written(name: str, descriptor: int, *, sync: bool = False) -> Iterator[BinaryIO]:
    try:
        with io.BufferedWriter(_Telling(name, descriptor)) as file:
            yield file
        if sync:
            with in_words(name, "written"):
                os.fsync(descriptor)
    finally:
        with in_words(name, "written"):  # some network file systems tell of a failure only here
            os.close(descriptor)


class _Telling(io.FileIO):
    """A raw file whose failing writes are FileErrors: so other errors of a block stay its own."""

    def __init__(self, path: str, descriptor: int) -> None:
        # Not closed with the file: pyarrow and TextIOWrapper close what they wrote to, and the
        # descriptor must live on to be synced.
        super().__init__(descriptor, "wb", closefd=False)
        self._path = path

    def write(self, data: Any, /) -> int:
        with in_words(self._path, "written"):
            return super().write(data)


def _destination(name: str) -> tuple[str, int | None]:
    """Return the path behind the links, and the mode of what is there (None: nothing is)."""
    if not os.path.basename(name):  # "models/" shall never become a file called "models".
        raise IsADirectoryError(errno.EISDIR, "names a folder", name)
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        return os.path.realpath(name), None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder", name)
    if not os.access(name, os.W_OK):  # A rename would not ask, and a file may be locked by chmod.
        raise PermissionError(errno.EACCES, "may not be written", name)
    return os.path.realpath(name), mode


def _created(temporary: str, old_mode: int | None) -> int:
    """Create an empty file that no one else has, with the mode that the final one shall have."""
    binary = getattr(os, "O_BINARY", 0)  # Windows would translate the ends of lines.
    # 0666 and not 0600 as `tempfile` has it: the system takes the umask off by itself.
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | binary, 0o666)
    try:
        wanted = None if old_mode is None else stat.S_IMODE(old_mode) & 0o777
        # Asked first, as some network file systems refuse every chmod, also one without effect.
        if wanted is not None and stat.S_IMODE(os.fstat(descriptor).st_mode) != wanted:
            os.chmod(temporary, wanted)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _sync_folder(folder: str) -> None:
    """Make the new name survive a power cut, where the system can."""
    # Errors are dropped: the rename has happened, and to raise would claim that it has not.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class _Enough(Exception):
    """Ends a block that only wanted to know."""


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise FileError now when `path` cannot be written later; nothing is left behind."""
    with suppress(_Enough), atomic_write(path):
        raise _Enough

"""Encoded rows in files, in the kernel's layout: written once, then read in any run.

The files have no name, so that they vanish with the process that opened them, however it ends.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.memory import in_words
from shoal.data.encode.coded import Coded, Group
from shoal.data.rows.examples import Examples, Matrix
from shoal.errors import FileError

Arrays = dict[str, NDArray[Any]]
# What a disk says when it is full: no space, a quota, a limit on the size of files.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def usual_folder() -> str:
    """TMPDIR; else /var/tmp, which is made for large files, as /tmp may be memory."""
    named = os.environ.get("TMPDIR")
    return named or ("/var/tmp" if os.path.isdir("/var/tmp") else tempfile.gettempdir())


def refuse_if_full(folder: str, size: int) -> None:
    """Raise FileError unless the folder is there and has room for this many bytes."""
    if not os.path.isdir(folder):
        raise FileError(f"scratch folder {folder}: there is no such folder. Make it first.")
    free = shutil.disk_usage(folder).free
    if size > free:
        raise FileError(_full(folder, size, f"has {in_words(free)} free"))


def _full(folder: str, size: int, why: str) -> str:
    needed = f"{in_words(size)} of scratch space" if size else "scratch space"
    return (
        f"the encoded rows need {needed}, and {folder} {why}. Make room, "
        "or name another folder with --scratch FOLDER (in Python scratch=)."
    )


class _File(NamedTuple):
    """One array, by rows."""

    file: Any
    shape: tuple[int, ...]  # of a row
    dtype: np.dtype[Any]

    @property
    def row_bytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def read(self, first: int, out: NDArray[Any]) -> None:
        """Fill `out`, whole rows, from row `first` on."""
        view, at = _bytes(out), first * self.row_bytes
        while len(view):
            n = os.preadv(self.file.fileno(), [view], at)
            if not n:
                raise FileError("the scratch file is shorter than it was: train again.")
            view, at = view[n:], at + n


class Scratch:
    """Rows that were appended, to be read in runs by any thread."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.m = 0
        self._files: dict[str, _File] = {}
        self._groups: tuple[Group, ...] = ()

    @property
    def row_bytes(self) -> int:
        """The bytes of a row."""
        return sum(file.row_bytes for file in self._files.values())

    @property
    def nbytes(self) -> int:
        """The bytes of all rows."""
        return self.m * self.row_bytes

    def append(self, examples: Examples) -> None:
        """Write rows behind the others. Raises FileError when the disk is full."""
        arrays = _arrays(examples)
        if not self._files:
            self._groups = examples.X.groups if isinstance(examples.X, Coded) else ()
            self._files = {
                name: _File(self._new(), array.shape[1:], array.dtype)
                for name, array in arrays.items()
            }
        for name, array in arrays.items():
            self._write(self._files[name], np.ascontiguousarray(array))
        self.m += examples.m

    def _new(self) -> Any:
        try:
            return tempfile.TemporaryFile(dir=self.folder, prefix="shoal-", buffering=0)
        except OSError as error:
            raise FileError(f"scratch folder {self.folder}: {error.strerror}.") from None

    def _write(self, file: _File, array: NDArray[Any]) -> None:
        view = _bytes(array)
        try:
            while len(view):
                view = view[file.file.write(view) :]
        except OSError as error:
            if error.errno not in FULL:
                raise FileError(f"scratch folder {self.folder}: {error.strerror}.") from None
            raise FileError(_full(self.folder, self.nbytes, "is full")) from None

    def read(self, slices: list[slice], buffer: "Buffer") -> Examples:
        """The rows of these slices, one behind the other."""
        n = sum(s.stop - s.start for s in slices)
        arrays = buffer.room(n, self._files)
        at = 0
        for s in slices:
            to = at + s.stop - s.start
            for name, file in self._files.items():
                file.read(s.start, arrays[name][at:to])
            at = to
        return _examples(arrays, self._groups)

    def runs(self, rows: int) -> Iterator[Examples]:
        """All rows, this many at a time; each is good until the next one."""
        buffer = Buffer()
        for at in range(0, self.m, rows):
            yield self.read([slice(at, min(at + rows, self.m))], buffer)

    def close(self) -> None:
        """Give the space back."""
        for file in self._files.values():
            file.file.close()


class Buffer:
    """Memory for one run of rows at a time, asked for once."""

    def __init__(self) -> None:
        self._arrays: Arrays = {}

    def room(self, n: int, files: dict[str, _File]) -> Arrays:
        """Arrays of n rows; what was in them before is lost."""
        if not self._arrays or len(next(iter(self._arrays.values()))) < n:
            self._arrays = {k: np.empty((n, *f.shape), f.dtype) for k, f in files.items()}
        return {name: array[:n] for name, array in self._arrays.items()}


def _arrays(examples: Examples) -> Arrays:
    X, Y, labels, weights, _ = examples
    parts: dict[str, Any] = {"Y": Y, "labels": labels, "weights": weights}
    if isinstance(X, Coded):
        parts |= {"numbers": X.numbers, "codes": X.codes, "places": X.places}
    else:
        parts["numbers"] = X
    return {name: array for name, array in parts.items() if array is not None}


def _examples(arrays: Arrays, groups: tuple[Group, ...]) -> Examples:
    X: Matrix = arrays["numbers"]
    if groups:
        X = Coded(arrays["numbers"], arrays["codes"], arrays["places"], groups)
    return Examples(X, arrays.get("Y"), arrays.get("labels"), arrays.get("weights"))


def _bytes(array: Any) -> memoryview:
    return memoryview(array.reshape(-1).view(np.uint8))

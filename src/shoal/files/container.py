"""Write and read a `.shoal` file: one document, and tensors. `layout` tells what it looks like."""

import difflib
import errno
import os
import reprlib
import stat
from collections.abc import Mapping
from io import BufferedReader
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.errors import FileError, ModelFileError
from shoal.files.atomic import atomic_write, file_name, in_words
from shoal.files.layout import (
    JSON,
    KINDS,
    LABELS,
    MAX_HEADER,
    MAX_RANK,
    MAX_SIDE,
    MAX_TENSORS,
    OTHER,
    Entry,
    Refused,
    checksum_of,
    dumped,
    flaw_of,
    laid_out,
    preamble_of,
    raw,
    stain_of,
)
from shoal.files.strict import content

_DIVERGED = "A fit that diverged leaves such numbers: train again with a smaller learning rate."


class Container(NamedTuple):
    """What a `.shoal` file holds; the tensors are read-only, aligned and in native byte order."""

    document: dict[str, Any]
    tensors: dict[str, NDArray[Any]]


def write(
    path: str | os.PathLike[str],
    document: Mapping[str, JSON],
    tensors: Mapping[str, NDArray[Any]],
    *,
    finite: bool = True,
) -> None:
    """Write one document and its tensors, so that the same content always gives the same bytes.

    The tensors have at most two dimensions and are float32, float64, int64 or uint8, in any byte
    order; at most 256 of them. The header, with the document in it, takes at most 1 MiB: long
    lists of words belong into byte tensors. Whatever fails, an old file at `path` survives.

    Raises ModelFileError when the content cannot be held (NaN and infinity cannot, but in the
    tensors without `finite`), FileError when the file cannot be written.
    """
    name = file_name(path)
    try:
        text = _document_text(document)
        numbers = _numbers(tensors, finite)
        preamble = preamble_of(text, checksum_of(text, numbers), numbers)
        _check_header_length(len(preamble) - 8)
    except Refused as refused:
        raise ModelFileError(f"it cannot be saved: {refused}", file=name) from None
    with atomic_write(path) as file:
        file.write(preamble)
        for entry in laid_out(numbers):
            file.write(raw(numbers[entry]))


def read(path: str | os.PathLike[str], *, finite: bool = True) -> Container:
    """Read what `write` has written, and nothing else: every byte is checked.

    Raises ModelFileError when the file is damaged or is something else, FileError when there is
    no such file or it cannot be read.
    """
    name = file_name(path)
    try:
        with in_words(name, "read"), _opened(name) as file:
            return Container(*content(file, os.fstat(file.fileno()).st_size, finite))
    except Refused as refused:
        raise ModelFileError(f"the file {refused}", file=name) from None
    except MemoryError:  # A file with a hole can honestly be larger than the memory.
        raise ModelFileError(
            "the file does not fit into memory: expected the few megabytes of a shallow network. "
            f"{OTHER}",
            file=name,
        ) from None


def _document_text(document: Mapping[str, JSON]) -> str:
    flaw = flaw_of(dict(document))
    if flaw:
        raise Refused(f"expected words, finite numbers, lists and dictionaries, but {flaw}.")
    return dumped(dict(document))


def _check_header_length(length: int) -> None:
    if length > MAX_HEADER:
        raise Refused(
            f"expected a header of at most {MAX_HEADER} bytes, but with this document it takes "
            f"{length}. Store long lists (vocabularies, curves) as tensors."
        )


def _numbers(tensors: Mapping[str, NDArray[Any]], finite: bool) -> dict[Entry, NDArray[Any]]:
    """Return little-endian copies of the tensors under the entries that describe them."""
    if len(tensors) > MAX_TENSORS:
        raise Refused(f"expected at most {MAX_TENSORS} tensors, but there are {len(tensors)}.")
    numbers = {}
    for name, array in tensors.items():
        kind = LABELS.get((array.dtype.kind, array.dtype.itemsize))
        if not isinstance(name, str) or name == "__metadata__":
            raise Refused(f"{name!r} cannot name a tensor. Choose another word.")
        if kind is None or array.ndim > MAX_RANK or max(array.shape, default=0) > MAX_SIDE:
            raise Refused(
                f"expected float32, float64, int64 or uint8 and at most {MAX_RANK} dimensions, "
                f"but tensor {reprlib.repr(name)} has {array.dtype} and shape {array.shape}. "
                "Convert it."
            )
        # A copy: no one shall change the numbers between the checksum and the disk.
        copied = np.array(array, dtype=KINDS[kind], order="C")
        stain = stain_of(name, copied)
        if stain and finite:
            raise Refused(f"expected finite numbers, but {stain}. {_DIVERGED}")
        numbers[Entry(name, kind, array.shape)] = copied
    return numbers


def _opened(name: str) -> BufferedReader:
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError as error:
        raise _missing(name) from error
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder", name)
    if not stat.S_ISREG(mode):  # To open a pipe would wait for its writer, perhaps for ever.
        raise FileError(
            "the file cannot be read: a model must be an ordinary file, and this is a pipe or a "
            "device. Save it to a file first.",
            file=name,
        )
    return open(name, "rb")


def _missing(name: str) -> FileError:
    folder, last = os.path.split(name)
    if os.path.islink(name):
        found = f"it is a link to {os.readlink(name)}, which does not exist. Correct the link."
    elif not os.path.isdir(folder or "."):
        found = f"the folder {folder} does not exist. Correct the path."
    else:
        near = difflib.get_close_matches(last, _listed(folder or "."), n=3)
        found = "there is no such file. "
        found += f"Did you mean {' or '.join(near)}?" if near else "Correct the path."
    missing = FileError(f"the file cannot be read: {found}", file=name)
    missing.errno = errno.ENOENT
    return missing


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:  # A folder may be entered but not listed; then we have no suggestion.
        return []

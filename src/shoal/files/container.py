"""The container of a `.shoal` file: the safetensors layout around one JSON document.

    bytes 0 … 7        n, the length of the header: unsigned, little-endian
    bytes 8 … 8+n-1    the header: one JSON object in ASCII, then spaces up to a multiple of 64
    the rest           the numbers: little-endian, row by row, wide types first, then by name

    header   {"W1": {"data_offsets": [begin, end], "dtype": "F32", "shape": [4, 2]}, …,
              "__metadata__": {"checksum": …, "format": "shoal", "shoal": document}}
    checksum SHA-256, in hexadecimal, of: the document; [[name, dtype, shape], …] as JSON, in
             the order of the numbers; the numbers. It finds accidents, not forgers.

Offsets count from the first number. One content has one sequence of bytes: the reader writes
the header of what it has read again and compares, so that no byte of a file is without a check.

Source: the safetensors format, https://github.com/huggingface/safetensors (the code is ours).
"""

import difflib
import errno
import hashlib
import json
import math
import os
import reprlib
import stat
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shoal.errors import FileError, ModelFileError
from shoal.files.atomic import atomic_write, file_error, in_words

JSON: TypeAlias = "None | bool | int | float | str | Sequence[JSON] | Mapping[str, JSON]"

MAX_HEADER = 1 << 20  # bytes; the design's limit, so that no file can make us parse for minutes
MAX_TENSORS = 256  # An ensemble of 50 members with five tensors each fits.
MAX_RANK = 2  # Weights are tables, everything else is a list.
MAX_SIDE = 1 << 40  # No side is longer; NumPy cannot shape (0, 2**62), and nobody needs to.
MAX_DEPTH = 32  # of the document. Far below Python's limit, which varies with the caller.
MAX_BITS = 1024  # of an integer in the document; Python refuses to print 4,300 digits.
ALIGNMENT = 64  # The numbers start where a cache line would, should somebody map the file.

_KINDS = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "I64": np.dtype("<i8"), "U8": np.dtype("u1")}
_LABELS = {(dtype.kind, dtype.itemsize): label for label, dtype in _KINDS.items()}

_AGAIN = "Copy it again from where it was made, or train the model again."
_OTHER = "Give a file that `save` or `shoal train` has written."

# First bytes of files that people mistake for models.
_SIGNATURES = (
    *((bytes([0x80, protocol]), "a Python pickle, which could run code") for protocol in range(2, 6)),
    (b"PK\x03\x04", "a zip archive (as PyTorch, Keras, Excel and np.savez write them)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file (as Keras writes them)"),
    (b"PAR1", "a Parquet table"),
)


class Container(NamedTuple):
    """What a `.shoal` file holds; the tensors are read-only, aligned and in native byte order."""

    document: dict[str, Any]
    tensors: dict[str, NDArray[Any]]


class _Entry(NamedTuple):
    """What the header says of one tensor."""

    name: str
    kind: str  # a key of _KINDS
    shape: tuple[int, ...]

    @property
    def length(self) -> int:
        """Bytes that its numbers take."""
        return math.prod(self.shape) * _KINDS[self.kind].itemsize


class _Refused(Exception):
    """Why a file is no model: a sentence that goes on from the file's name, and its cure."""


def write(
    path: str | os.PathLike[str], document: Mapping[str, JSON], tensors: Mapping[str, NDArray[Any]]
) -> None:
    """Write one document and its tensors, so that the same content always gives the same bytes.

    The tensors have at most two dimensions and are float32, float64, int64 or uint8, in any byte
    order; at most 256 of them. The header, with the document in it, takes at most 1 MiB: long
    lists of words belong into byte tensors. Whatever fails, an old file at `path` survives.

    Raises ModelFileError when the content cannot be held (NaN and infinity cannot, in both
    parts), FileError when the file cannot be written.
    """
    try:
        text = _document_text(document)
        numbers = _numbers(tensors)
        preamble = _preamble(text, _checksum(text, numbers), numbers)
    except _Refused as refused:
        raise ModelFileError(f"{os.fspath(path)} cannot be saved: {refused}") from None
    with atomic_write(path) as file:
        file.write(preamble)
        for entry in _laid_out(numbers):
            file.write(numbers[entry])


def read(path: str | os.PathLike[str]) -> Container:
    """Read what `write` has written, and nothing else: every byte is checked.

    Raises ModelFileError when the file is damaged or is something else, FileError when there is
    no such file or it cannot be read.
    """
    name = os.fspath(path)
    try:
        with in_words(name, "read"), _opened(name) as file:
            return _container(file, os.fstat(file.fileno()).st_size)
    except _Refused as refused:
        raise ModelFileError(f"{name} {refused}") from None
    except MemoryError:  # A file with a hole can honestly be larger than the memory.
        raise ModelFileError(
            f"{name} does not fit into memory: expected a model of a shallow network, which takes "
            f"megabytes; the file has {os.path.getsize(name)} bytes. {_AGAIN}"
        ) from None

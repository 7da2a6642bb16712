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

import hashlib
import json
import math
import reprlib
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

JSON: TypeAlias = "None | bool | int | float | str | Sequence[JSON] | Mapping[str, JSON]"

MAX_HEADER = 1 << 23  # bytes: tens of thousands of columns; parsed within 200 MB
MAX_TENSORS = 256  # An ensemble of 50 members with five tensors each fits.
MAX_RANK = 2  # Weights are tables, everything else is a list.
MAX_SIDE = 1 << 40  # No side is longer; NumPy cannot shape (0, 2**62), and no one needs to.
MAX_DEPTH = 32  # of the document. Far below Python's limit, which varies with the caller.
MAX_BITS = 1024  # of an integer in the document; Python refuses to print 4,300 digits.
ALIGNMENT = 64  # The numbers start where a cache line would, should someone map the file.

KINDS: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "U8": np.dtype("u1"),
}
LABELS = {(dtype.kind, dtype.itemsize): label for label, dtype in KINDS.items()}

OTHER = "Give a file that `save` or `shoal train` has written."


class Entry(NamedTuple):
    """What the header says of one tensor."""

    name: str
    kind: str  # a key of KINDS
    shape: tuple[int, ...]

    @property
    def length(self) -> int:
        """Bytes that its numbers take."""
        return math.prod(self.shape) * int(KINDS[self.kind].itemsize)


class Refused(Exception):
    """Why a file is no model: a sentence that goes on from the file's name, and its cure."""


def laid_out(entries: Iterable[Entry]) -> list[Entry]:
    """In the order of the numbers.

    Wide types first: then every tensor lies at a multiple of its item size without gaps.
    """
    return sorted(entries, key=lambda entry: (-KINDS[entry.kind].itemsize, entry.name))


def placed(entries: Iterable[Entry]) -> Iterator[tuple[Entry, int, int]]:
    """Yield every entry with the offsets of its first number and of the first after it."""
    begin = 0
    for entry in laid_out(entries):
        yield entry, begin, begin + entry.length
        begin += entry.length


def dumped(value: JSON) -> str:
    """The one text of a value."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def preamble_of(text: str, checksum: str, entries: Iterable[Entry]) -> bytes:
    """Return everything before the numbers; writer and reader both come here."""
    header: dict[str, JSON] = {
        entry.name: {"data_offsets": [begin, end], "dtype": entry.kind, "shape": entry.shape}
        for entry, begin, end in placed(entries)
    }
    header["__metadata__"] = {"checksum": checksum, "format": "shoal", "shoal": text}
    line = dumped(header).encode("ascii")
    line += b" " * (-(8 + len(line)) % ALIGNMENT)
    return struct.pack("<Q", len(line)) + line


def checksum_of(text: str, numbers: Mapping[Entry, NDArray[Any]]) -> str:
    """Of a document's text and the numbers."""
    entries = laid_out(numbers)
    # A foreign writer may have left half a surrogate pair in the text; it must not stop us here.
    sha = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    sha.update(dumped([[entry.name, entry.kind, entry.shape] for entry in entries]).encode())
    for entry in entries:
        sha.update(raw(numbers[entry]))
    return sha.hexdigest()


def raw(array: NDArray[Any]) -> memoryview:
    """The bytes of an array.

    Flattened by NumPy, as a memoryview cannot be cast when a side is 0.
    """
    return array.reshape(-1).view(np.uint8).data


def stain_of(name: str, array: NDArray[Any]) -> str | None:
    """Return where a tensor is not finite; None when all of it is."""
    finite = np.isfinite(array)
    if finite.all():
        return None
    place = [int(i) for i in np.argwhere(~finite)[0]]
    return f"tensor {reprlib.repr(name)} has {array[tuple(place)]} at {place}"


def flaw_of(value: object, where: str = "document", depth: int = 0) -> str | None:
    """Return what in a document cannot be saved, and where; None when all can."""
    if depth > MAX_DEPTH:
        return f"{where} is nested deeper than {MAX_DEPTH} levels"
    if value is None or isinstance(value, bool | str):
        return None
    if isinstance(value, int):
        return f"{where} is too long an integer" if value.bit_length() > MAX_BITS else None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{where} is {value}, not a finite number"
    inside: Iterable[tuple[object, object]]
    if isinstance(value, dict):
        # JSON would turn the keys 1 and True into words, and could then have them twice.
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            return f"{where} has the key {reprlib.repr(wrong[0])}, which is not a word"
        inside = value.items()
    elif isinstance(value, list | tuple):
        inside = enumerate(value)
    else:
        return f"{where} is a {type(value).__name__}, which JSON does not have"
    flaws = (flaw_of(item, f"{where}[{reprlib.repr(key)}]", depth + 1) for key, item in inside)
    return next(filter(None, flaws), None)

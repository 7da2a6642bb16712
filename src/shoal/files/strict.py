"""The bytes of a `.shoal` file that anybody may have written: what they hold, or why they do not.

Nothing that a byte says is believed before it is checked, and no byte is left unchecked.
"""

import json
import reprlib
import struct
from collections.abc import Iterable, Mapping
from io import BufferedReader
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from shoal.files.layout import (
    KINDS,
    MAX_DEPTH,
    MAX_HEADER,
    MAX_RANK,
    MAX_SIDE,
    MAX_TENSORS,
    OTHER,
    Entry,
    Refused,
    checksum_of,
    flaw_of,
    laid_out,
    placed,
    preamble_of,
    raw,
    stain_of,
)

_AGAIN = "Copy it again from where it was made, or train the model again."

# First bytes of files that people mistake for models.
_SIGNATURES = (
    *(
        (bytes([0x80, protocol]), "a Python pickle, which could run code")
        for protocol in range(2, 6)
    ),
    (b"PK\x03\x04", "a zip archive (as PyTorch, Keras, Excel and np.savez write them)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file (as Keras writes them)"),
    (b"PAR1", "a Parquet table"),
)


def content(
    file: BufferedReader, size: int, finite: bool
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The document and the tensors of a file of this size. Raises Refused."""
    preamble = _read_preamble(file, size)
    header = _parsed(_decoded(preamble[8:]), "the header")
    text, checksum = _metadata(header.pop("__metadata__", None))
    entries = _entries(header)
    _check_canonical(preamble, preamble_of(text, checksum, entries))
    _check_length(size, len(preamble), entries)
    numbers = {entry: _read_tensor(file, entry) for entry in laid_out(entries)}
    found = checksum_of(text, numbers)
    if found != checksum:
        raise _damaged(f"the checksum {reprlib.repr(checksum)}", f"the content has {found}")
    document = _parsed(text, "the document")
    flaw = flaw_of(document)
    if flaw:
        raise _damaged("words, finite numbers, lists and dictionaries", flaw)
    tensors = {entry.name: _native(entry, numbers[entry], finite) for entry in entries}
    return document, tensors


def _damaged(expected: str, found: str) -> Refused:
    return Refused(f"is damaged: expected {expected}, but {found}. {_AGAIN}")


def _foreign(found: str) -> Refused:
    return Refused(f"is not a shoal model: it {found}. {OTHER}")


def _read_preamble(file: BufferedReader, size: int) -> bytes:
    """Read the length and the header; the length is believed only within the file and 1 MiB."""
    head = file.read(512)
    _check_familiar(head)
    if len(head) < 9:
        raise _damaged("8 bytes of length and a header", f"the file ends at byte {len(head)}")
    (length,) = struct.unpack("<Q", head[:8])
    if head[8:9] != b"{":
        raise _damaged("'{' at byte 8", f"there is {head[8:9]!r}")
    if length > MAX_HEADER:
        limit = f"a header of at most {MAX_HEADER} bytes"
        raise _damaged(limit, f"bytes 0 to 7 say that it has {length}")
    if 8 + length > size:
        raise _damaged(f"a header up to byte {8 + length}", f"the file ends at byte {size}")
    file.seek(0)
    preamble = file.read(8 + length)
    if len(preamble) != 8 + length:
        raise _damaged(f"{8 + length} bytes", "the file became shorter while it was read")
    return preamble


def _check_familiar(head: bytes) -> None:
    """Refuse a file that is clearly something else, by its first bytes.

    No sound model is: its byte 0 is 0x38, 0x78, 0xb8 or 0xf8, and its bytes 3 to 7 are zeros.
    """
    if not head:
        raise _foreign("is empty")
    for signature, what in _SIGNATURES:
        if head.startswith(signature):
            raise _foreign(f"looks like {what}")
    # 0xff fills erased memory, and is in no text that anybody would write today.
    if all(32 <= byte < 255 or byte in b"\t\n\r" for byte in head):
        raise _foreign("looks like text (a table?)")


def _decoded(header: bytes) -> str:
    try:
        return header.decode("utf-8")
    except UnicodeDecodeError as error:
        at = error.start
        raise _damaged("UTF-8 in the header", f"byte {8 + at} is 0x{header[at]:02x}") from None


def _parsed(text: str, what: str) -> dict[str, Any]:
    """Parse one JSON object, without the leniences of Python's parser."""
    try:
        value = json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _damaged(
            f"JSON in {what}", f"at its character {error.pos} it is not ({error.msg})"
        ) from None
    except RecursionError:
        raise _damaged(f"at most {MAX_DEPTH} levels in {what}", "it is nested deeper") from None
    except ValueError:  # Python's own guard: an integer of more than 4,300 digits.
        raise _damaged(f"numbers in {what}", "one has thousands of digits") from None
    if not isinstance(value, dict):
        raise _damaged(f"a JSON object in {what}", f"it is {reprlib.repr(value)}")
    return value


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _damaged("every name once", f"{reprlib.repr(key)} comes twice")
        found[key] = value
    return found


def _no_constant(word: str) -> NoReturn:
    raise _damaged("finite numbers", f"there is {word}")


def _metadata(found: object) -> tuple[str, str]:
    """Return the document's text and the checksum."""
    if not isinstance(found, dict) or found.get("format") != "shoal":
        raise _foreign("is a safetensors file, perhaps, but does not say that it is shoal's")
    if found.keys() != {"checksum", "format", "shoal"}:
        raise _damaged(
            "the metadata checksum, format and shoal", f"it has {reprlib.repr(sorted(found))}"
        )
    text, checksum = found["shoal"], found["checksum"]
    if not isinstance(text, str) or not isinstance(checksum, str):
        raise _damaged("metadata made of strings", f"it is {reprlib.repr(found)}")
    return text, checksum


def _entries(header: Mapping[str, Any]) -> list[Entry]:
    if len(header) > MAX_TENSORS:
        raise _damaged(f"at most {MAX_TENSORS} tensors", f"the header names {len(header)}")
    entries = [_entry(name, found) for name, found in header.items()]
    for entry, begin, end in placed(entries):
        # No gap, no overlap, and as long as the shape implies: there is one right answer.
        offsets = header[entry.name]["data_offsets"]
        if offsets != [begin, end]:
            raise _damaged(
                f"tensor {reprlib.repr(entry.name)} at the offsets {begin} to {end}",
                f"its entry says {reprlib.repr(offsets)}",
            )
    return entries


def _entry(name: str, found: object) -> Entry:
    shown = f"the entry {reprlib.repr(name)}"
    if not isinstance(found, dict) or found.keys() != {"data_offsets", "dtype", "shape"}:
        raise _damaged(f"data_offsets, dtype and shape in {shown}", f"it is {reprlib.repr(found)}")
    kind, shape = found["dtype"], found["shape"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise _damaged(f"F32, F64, I64 or U8 in {shown}", f"its dtype is {reprlib.repr(kind)}")
    # `type`, since True would pass as an int.
    sound = isinstance(shape, list) and all(type(n) is int and 0 <= n <= MAX_SIDE for n in shape)
    if not sound or len(shape) > MAX_RANK:
        raise _damaged(
            f"at most {MAX_RANK} natural numbers in {shown}", f"its shape is {reprlib.repr(shape)}"
        )
    return Entry(name, kind, tuple(shape))


def _check_canonical(found: bytes, expected: bytes) -> None:
    # Spaces, escapes, the order of keys and the padding: nothing else looks at them.
    if found != expected:
        pairs = enumerate(zip(found, expected, strict=False))
        same = next((at for at, (a, b) in pairs if a != b), min(len(found), len(expected)))
        raise _damaged("the header as shoal writes it", f"it differs from byte {same} on")


def _check_length(size: int, start: int, entries: Iterable[Entry]) -> None:
    # Before anything is allocated: the shapes are claims until the file has as many bytes.
    end = start + sum(entry.length for entry in entries)
    if size != end:
        raise _damaged(f"numbers from byte {start} to byte {end}", f"the file ends at byte {size}")


def _read_tensor(file: BufferedReader, entry: Entry) -> NDArray[Any]:
    array = np.empty(entry.shape, dtype=KINDS[entry.kind])
    came = file.readinto(raw(array))
    if came != entry.length:
        raise _damaged(
            f"{entry.length} bytes of tensor {reprlib.repr(entry.name)}",
            f"only {came} came: the file became shorter while it was read",
        )
    return array


def _native(entry: Entry, array: NDArray[Any], finite: bool) -> NDArray[Any]:
    stain = stain_of(entry.name, array)
    if stain and finite:
        raise _damaged("finite numbers", stain)
    native: NDArray[Any] = array.astype(array.dtype.newbyteorder("="), copy=False)
    native.setflags(write=False)
    return native

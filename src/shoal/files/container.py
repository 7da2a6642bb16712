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
from io import BufferedReader
from typing import Any, NamedTuple, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shoal.errors import FileError, ModelFileError
from shoal.files.atomic import atomic_write, file_name, in_words

JSON: TypeAlias = "None | bool | int | float | str | Sequence[JSON] | Mapping[str, JSON]"

MAX_HEADER = 1 << 20  # bytes; the design's limit, so that no file can make us parse for minutes
MAX_TENSORS = 256  # An ensemble of 50 members with five tensors each fits.
MAX_RANK = 2  # Weights are tables, everything else is a list.
MAX_SIDE = 1 << 40  # No side is longer; NumPy cannot shape (0, 2**62), and nobody needs to.
MAX_DEPTH = 32  # of the document. Far below Python's limit, which varies with the caller.
MAX_BITS = 1024  # of an integer in the document; Python refuses to print 4,300 digits.
ALIGNMENT = 64  # The numbers start where a cache line would, should somebody map the file.

_KINDS: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "U8": np.dtype("u1"),
}
_LABELS = {(dtype.kind, dtype.itemsize): label for label, dtype in _KINDS.items()}

_AGAIN = "Copy it again from where it was made, or train the model again."
_DIVERGED = "A fit that diverged leaves such numbers: train again with a smaller learning rate."
_OTHER = "Give a file that `save` or `shoal train` has written."

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
        return math.prod(self.shape) * int(_KINDS[self.kind].itemsize)


class _Refused(Exception):
    """Why a file is no model: a sentence that goes on from the file's name, and its cure."""


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
        preamble = _preamble(text, _checksum(text, numbers), numbers)
        _check_header_length(len(preamble) - 8)
    except _Refused as refused:
        raise ModelFileError(f"{name} cannot be saved: {refused}") from None
    with atomic_write(path) as file:
        file.write(preamble)
        for entry in _laid_out(numbers):
            file.write(_raw(numbers[entry]))


def read(path: str | os.PathLike[str], *, finite: bool = True) -> Container:
    """Read what `write` has written, and nothing else: every byte is checked.

    Raises ModelFileError when the file is damaged or is something else, FileError when there is
    no such file or it cannot be read.
    """
    name = file_name(path)
    try:
        with in_words(name, "read"), _opened(name) as file:
            return _container(file, os.fstat(file.fileno()).st_size, finite)
    except _Refused as refused:
        raise ModelFileError(f"{name} {refused}") from None
    except MemoryError:  # A file with a hole can honestly be larger than the memory.
        raise ModelFileError(
            f"{name} does not fit into memory: expected the few megabytes of a shallow network. "
            f"{_OTHER}"
        ) from None


# ------------------------------------------------------------------ one form, both ways


def _laid_out(entries: Iterable[_Entry]) -> list[_Entry]:
    # Wide types first: then every tensor lies at a multiple of its item size without gaps.
    return sorted(entries, key=lambda entry: (-_KINDS[entry.kind].itemsize, entry.name))


def _placed(entries: Iterable[_Entry]) -> Iterator[tuple[_Entry, int, int]]:
    """Yield every entry with the offsets of its first number and of the first after it."""
    begin = 0
    for entry in _laid_out(entries):
        yield entry, begin, begin + entry.length
        begin += entry.length


def _dumped(value: JSON) -> str:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def _preamble(text: str, checksum: str, entries: Iterable[_Entry]) -> bytes:
    """Return everything before the numbers; writer and reader both come here."""
    header: dict[str, JSON] = {
        entry.name: {"data_offsets": [begin, end], "dtype": entry.kind, "shape": entry.shape}
        for entry, begin, end in _placed(entries)
    }
    header["__metadata__"] = {"checksum": checksum, "format": "shoal", "shoal": text}
    line = _dumped(header).encode("ascii")
    line += b" " * (-(8 + len(line)) % ALIGNMENT)
    return struct.pack("<Q", len(line)) + line


def _checksum(text: str, numbers: Mapping[_Entry, NDArray[Any]]) -> str:
    entries = _laid_out(numbers)
    # A foreign writer may have left half a surrogate pair in the text; it must not stop us here.
    sha = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    sha.update(_dumped([[entry.name, entry.kind, entry.shape] for entry in entries]).encode())
    for entry in entries:
        sha.update(_raw(numbers[entry]))
    return sha.hexdigest()


def _raw(array: NDArray[Any]) -> memoryview:
    # Flattened by NumPy, as a memoryview cannot be cast when a side is 0.
    return array.reshape(-1).view(np.uint8).data


def _stain(name: str, array: NDArray[Any]) -> str | None:
    """Return where a tensor is not finite; None when all of it is."""
    finite = np.isfinite(array)
    if finite.all():
        return None
    place = [int(i) for i in np.argwhere(~finite)[0]]
    return f"tensor {reprlib.repr(name)} has {array[tuple(place)]} at {place}"


def _flaw(value: object, where: str = "document", depth: int = 0) -> str | None:
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
    flaws = (_flaw(item, f"{where}[{reprlib.repr(key)}]", depth + 1) for key, item in inside)
    return next(filter(None, flaws), None)


# ------------------------------------------------------------------ writing


def _document_text(document: Mapping[str, JSON]) -> str:
    flaw = _flaw(dict(document))
    if flaw:
        raise _Refused(f"expected words, finite numbers, lists and dictionaries, but {flaw}.")
    return _dumped(dict(document))


def _check_header_length(length: int) -> None:
    if length > MAX_HEADER:
        raise _Refused(
            f"expected a header of at most {MAX_HEADER} bytes, but with this document it takes "
            f"{length}. Store long lists (vocabularies, curves) as tensors."
        )


def _numbers(tensors: Mapping[str, NDArray[Any]], finite: bool) -> dict[_Entry, NDArray[Any]]:
    """Return little-endian copies of the tensors under the entries that describe them."""
    if len(tensors) > MAX_TENSORS:
        raise _Refused(f"expected at most {MAX_TENSORS} tensors, but there are {len(tensors)}.")
    numbers = {}
    for name, array in tensors.items():
        kind = _LABELS.get((array.dtype.kind, array.dtype.itemsize))
        if not isinstance(name, str) or name == "__metadata__":
            raise _Refused(f"{name!r} cannot name a tensor. Choose another word.")
        if kind is None or array.ndim > MAX_RANK or max(array.shape, default=0) > MAX_SIDE:
            raise _Refused(
                f"expected float32, float64, int64 or uint8 and at most {MAX_RANK} dimensions, "
                f"but tensor {reprlib.repr(name)} has {array.dtype} and shape {array.shape}. "
                "Convert it."
            )
        # A copy: nobody shall change the numbers between the checksum and the disk.
        copied = np.array(array, dtype=_KINDS[kind], order="C")
        stain = _stain(name, copied)
        if stain and finite:
            raise _Refused(f"expected finite numbers, but {stain}. {_DIVERGED}")
        numbers[_Entry(name, kind, array.shape)] = copied
    return numbers


# ------------------------------------------------------------------ reading


def _opened(name: str) -> BufferedReader:
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError as error:
        raise _missing(name) from error
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder", name)
    if not stat.S_ISREG(mode):  # To open a pipe would wait for its writer, perhaps for ever.
        raise FileError(
            f"{name} cannot be read: a model must be an ordinary file, and this is a pipe or a "
            "device. Save it to a file first."
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
    told = FileError(f"{name} cannot be read: {found}")
    told.errno = errno.ENOENT
    return told


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:  # A folder may be entered but not listed; then we have no suggestion.
        return []


def _container(file: BufferedReader, size: int, finite: bool) -> Container:
    preamble = _read_preamble(file, size)
    header = _parsed(_decoded(preamble[8:]), "the header")
    text, checksum = _metadata(header.pop("__metadata__", None))
    entries = _entries(header)
    _check_canonical(preamble, _preamble(text, checksum, entries))
    _check_length(size, len(preamble), entries)
    numbers = {entry: _read_tensor(file, entry) for entry in _laid_out(entries)}
    found = _checksum(text, numbers)
    if found != checksum:
        raise _damaged(f"the checksum {reprlib.repr(checksum)}", f"the content has {found}")
    document = _parsed(text, "the document")
    flaw = _flaw(document)
    if flaw:
        raise _damaged("words, finite numbers, lists and dictionaries", flaw)
    tensors = {entry.name: _native(entry, numbers[entry], finite) for entry in entries}
    return Container(document, tensors)


def _damaged(expected: str, found: str) -> _Refused:
    return _Refused(f"is damaged: expected {expected}, but {found}. {_AGAIN}")


def _foreign(found: str) -> _Refused:
    return _Refused(f"is not a shoal model: it {found}. {_OTHER}")


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


def _metadata(told: object) -> tuple[str, str]:
    """Return the document's text and the checksum."""
    if not isinstance(told, dict) or told.get("format") != "shoal":
        raise _foreign("is a safetensors file, perhaps, but does not say that it is shoal's")
    if told.keys() != {"checksum", "format", "shoal"}:
        raise _damaged(
            "the metadata checksum, format and shoal", f"it has {reprlib.repr(sorted(told))}"
        )
    text, checksum = told["shoal"], told["checksum"]
    if not isinstance(text, str) or not isinstance(checksum, str):
        raise _damaged("metadata made of strings", f"it is {reprlib.repr(told)}")
    return text, checksum


def _entries(header: Mapping[str, Any]) -> list[_Entry]:
    if len(header) > MAX_TENSORS:
        raise _damaged(f"at most {MAX_TENSORS} tensors", f"the header names {len(header)}")
    entries = [_entry(name, told) for name, told in header.items()]
    for entry, begin, end in _placed(entries):
        # No gap, no overlap, and as long as the shape implies: there is one right answer.
        offsets = header[entry.name]["data_offsets"]
        if offsets != [begin, end]:
            raise _damaged(
                f"tensor {reprlib.repr(entry.name)} at the offsets {begin} to {end}",
                f"its entry says {reprlib.repr(offsets)}",
            )
    return entries


def _entry(name: str, told: object) -> _Entry:
    shown = f"the entry {reprlib.repr(name)}"
    if not isinstance(told, dict) or told.keys() != {"data_offsets", "dtype", "shape"}:
        raise _damaged(f"data_offsets, dtype and shape in {shown}", f"it is {reprlib.repr(told)}")
    kind, shape = told["dtype"], told["shape"]
    if not isinstance(kind, str) or kind not in _KINDS:
        raise _damaged(f"F32, F64, I64 or U8 in {shown}", f"its dtype is {reprlib.repr(kind)}")
    # `type`, since True would pass as an int.
    sound = isinstance(shape, list) and all(type(n) is int and 0 <= n <= MAX_SIDE for n in shape)
    if not sound or len(shape) > MAX_RANK:
        raise _damaged(
            f"at most {MAX_RANK} natural numbers in {shown}", f"its shape is {reprlib.repr(shape)}"
        )
    return _Entry(name, kind, tuple(shape))


def _check_canonical(found: bytes, expected: bytes) -> None:
    # Spaces, escapes, the order of keys and the padding: nothing else looks at them.
    if found != expected:
        pairs = enumerate(zip(found, expected, strict=False))
        same = next((at for at, (a, b) in pairs if a != b), min(len(found), len(expected)))
        raise _damaged("the header as shoal writes it", f"it differs from byte {same} on")


def _check_length(size: int, start: int, entries: Iterable[_Entry]) -> None:
    # Before anything is allocated: the shapes are claims until the file has as many bytes.
    end = start + sum(entry.length for entry in entries)
    if size != end:
        raise _damaged(f"numbers from byte {start} to byte {end}", f"the file ends at byte {size}")


def _read_tensor(file: BufferedReader, entry: _Entry) -> NDArray[Any]:
    array = np.empty(entry.shape, dtype=_KINDS[entry.kind])
    came = file.readinto(_raw(array))
    if came != entry.length:
        raise _damaged(
            f"{entry.length} bytes of tensor {reprlib.repr(entry.name)}",
            f"only {came} came: the file became shorter while it was read",
        )
    return array


def _native(entry: _Entry, array: NDArray[Any], finite: bool) -> NDArray[Any]:
    stain = _stain(entry.name, array)
    if stain and finite:
        raise _damaged("finite numbers", stain)
    native: NDArray[Any] = array.astype(array.dtype.newbyteorder("="), copy=False)
    native.setflags(write=False)
    return native

"""JSON: an array of records, or records one after the other, as tables of text.

Python's own parser reads them; this module decides where the bytes may be cut. A number stays the
text that the file has, so that it is read as in CSV, to the last digit.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from shoal.data.read.cells import text_table
from shoal.data.read.column_types import Wanted
from shoal.data.read.csv_text import LONGEST
from shoal.data.read.encodings import BLOCK
from shoal.data.read.opening import Text
from shoal.data.read.origin import Origin, Piece
from shoal.errors import DataError

DEPTH = 16  # of objects and lists within each other


def _nested(depth: int) -> bytes:
    """The pattern of an object or a list: its text must be well formed only as far as brackets."""
    # Each alternative begins with another byte, so nothing is matched in two ways. The outer stars
    # take steps back all the same: Python before 3.11.5 goes astray otherwise, see csv_text.py.
    text = rb'"[^"\\]*+(?:\\.[^"\\]*+)*"'
    inner = rb"|" + _nested(depth - 1) if depth else b""
    return rb'[{\[](?:[^{}\[\]"]++|' + text + inner + rb")*[}\]]"


NEXT = re.compile(rb"(?s)[\s]*+(,?)[\s]*+(" + _nested(DEPTH) + rb")")
RECORDS = "an array of records, [{…}, …], or one record {…} a line"


class Twice(Exception):
    """Two values of a record have one name."""


def _record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise Twice(next(name for name in names if names.count(name) > 1))
    return found


def _constant(name: str) -> str | None:
    return None if name == "NaN" else name.replace("Infinity", "inf")


DECODER = json.JSONDecoder(
    parse_float=str, parse_int=str, parse_constant=_constant, object_pairs_hook=_record
)


class Run(NamedTuple):
    """Some consecutive records, and where they stand."""

    records: list[dict[str, Any]]
    origin: Origin


def pieces(text: Text, wanted: Wanted) -> Iterator[Piece]:
    """The records as tables of text; a name that comes late is a column from there on."""
    for records, origin in _runs(text):
        names, columns = _by_columns(records)
        yield Piece(text_table(names, columns, wanted, origin), origin)
    yield Piece(pa.table({}), Origin.numbered(text.name))


def _by_columns(records: list[dict[str, Any]]) -> tuple[list[str], list[Sequence[Any]]]:
    """The names of all records, and the values of each."""
    orders = dict.fromkeys(map(tuple, records))
    if len(orders) == 1:  # nearly always
        return list(records[0]), list(zip(*(record.values() for record in records), strict=True))
    names = list(dict.fromkeys(chain.from_iterable(orders)))
    return names, [[record.get(name) for record in records] for name in names]


def _runs(text: Text) -> Iterator[Run]:
    """About a megabyte of records at a time, or what a pipe has brought."""
    held, block, row, line, is_array = b"", b"\n", 0, 1, False
    while block:
        block = text.read(BLOCK)
        held += block
        if not row:
            held, is_array = _begun(held, is_array)
        found, end = _cut(held, is_array, first=not row)
        if found:
            lines = _lines(held, found, line)
            origin = _placed(text.name, row, lines)
            yield Run(_parsed([held[a:b] for a, b in found], origin), origin)
            row += len(found)
        line += held.count(b"\n", 0, end)
        held = held[end:]
        if len(held) > LONGEST:
            break
    rest = held.strip()
    line += held.count(b"\n", 0, len(held) - len(held.lstrip(b", \t\r\n")))
    if rest != (b"]" if is_array else b""):
        raise _malformed(rest, is_array, text.name, row + 1, line)


def _begun(held: bytes, is_array: bool) -> tuple[bytes, bool]:
    """What comes after the bracket that begins an array. (Blanks stay: lines are counted.)"""
    start = held.removeprefix(b"\xef\xbb\xbf")
    if is_array or not start.lstrip().startswith(b"["):
        return start, is_array
    return start.replace(b"[", b" ", 1), True


def _cut(held: bytes, is_array: bool, *, first: bool) -> tuple[list[tuple[int, int]], int]:
    """Where the whole records begin and end, and where the last one ends."""
    found: list[tuple[int, int]] = []
    end = 0
    while match := NEXT.match(held, end):
        comma = is_array and not (first and not found)
        if bool(match[1]) != comma or held[match.start(2)] != ord("{"):
            break
        found.append(match.span(2))
        end = match.end()
    return found, end


def _lines(held: bytes, found: list[tuple[int, int]], line: int) -> Any:
    """The line of each record."""
    ends = np.flatnonzero(np.frombuffer(held, np.uint8) == ord("\n"))
    return line + np.searchsorted(ends, [begin for begin, _ in found])


def _placed(file: str, row: int, lines: Any) -> Origin:
    return Origin(file, lambda index: {"row": row + index + 1, "line": int(lines[index])})


def _parsed(records: list[bytes], origin: Origin) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = DECODER.decode(f"[{b','.join(records).decode()}]")
        return found
    except (ValueError, Twice):
        return [_one(record, index, origin) for index, record in enumerate(records)]


def _one(record: bytes, index: int, origin: Origin) -> dict[str, Any]:
    """A record that may be the bad one. Raises DataError."""
    try:
        found: dict[str, Any] = DECODER.decode(record.decode())
        return found
    except Twice as error:
        message = f'a record has two values named "{error}". Rename one, or remove it.'
    except UnicodeDecodeError:
        message = "expected UTF-8, found other bytes. Save the file as UTF-8."
    except json.JSONDecodeError as error:
        message = f"a record is not JSON ({error.msg}, at character {error.pos + 1}). Correct it."
    raise DataError(message).at(file=origin.file, **origin.place(index))


def _malformed(rest: bytes, is_array: bool, file: str, row: int, line: int) -> DataError:
    """The error for what is no record."""
    shown = rest[:40].decode("utf-8", "replace")
    if not rest:
        message = "the array has no end: the file is cut short. Copy it again, or write it again."
    elif rest.lstrip(b", \t\r\n").startswith(b"{"):
        message = (
            "a record has no end, is nested more deeply than "
            f"{DEPTH} objects, or a comma before it is missing or too many. Correct it."
        )
    else:
        message = f'expected {RECORDS}, found "{shown}". Write the table so.'
    return DataError(message, file=file, row=row, line=line)

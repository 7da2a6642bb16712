"""CSV as tables of text, some rows at a time, each row with its line.

pyarrow parses; this module decides where the bytes may be cut, and says where they are wrong.
pyarrow gets bytes, never one of Python's files: it reads those ahead on its own threads, and
Python aborts when it ends while such a thread waits for a pipe.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from shoal.errors import DataError

Read = Callable[[int], bytes]

MISSING = ("", "NA", "N/A", "nan", "NaN", "null", "NULL", "None", "?")
BLOCK = 1 << 20  # as pyarrow's own readers take
# A record longer than this is no record but a quote that somebody forgot to close.
LONGEST = 16 * BLOCK

HEADER = re.compile(rb'[\r\n]*+((?:"[^"]*"|[^"\r\n]++)*+)(\r?\n|\r(?=[^\n]))')
# No text file has these in its header, and hardly any other file has none of them.
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


class Header(NamedTuple):
    """What the first record says, and the bytes that were read beyond it."""

    names: list[str]
    separator: str
    newline: bytes
    first_line: int  # of the data
    rest: bytes


class Rows(NamedTuple):
    """Where some consecutive rows stand in the file."""

    first: int  # the row after the header is 1
    first_line: int
    separator: str
    raw: bytes  # empty if each row is one line: then nobody needs to look

    def place(self, index: int) -> str:
        """What a message calls the row with this index among these."""
        lines = [line for line, _ in records(self.raw.decode(), self.separator)]
        line = self.first_line + (lines[index] if lines else index)
        return f"row {self.first + index:,} (line {line:,})"


def header(read: Read, file: str) -> Header:
    """Read to the end of the first record. Raises DataError if that is not a line of names."""
    head, block, found = b"", b"\n", None
    while block and not found and len(head) < LONGEST:
        block = read(BLOCK)
        head = (head + block).removeprefix(b"\xef\xbb\xbf")  # a byte order mark
        found = HEADER.match(head if block else head + b"\n")
    if not head.strip():
        raise DataError(f"{file} is empty: expected a line of column names, then rows.")
    line = 1 + line_ends(head[: len(head) - len(head.lstrip(b"\r\n"))])
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _not_utf8(file, line, "UTF-16", "utf-16")
    first = found[1] if found else b""
    if b"\0" in head or CONTROL.search(first) or (not found and b'"' not in head):
        raise DataError(
            f"{file} does not look like a CSV file: it holds bytes that are no text. Give a CSV "
            "or Parquet file; of a spreadsheet, the copy that it saves as CSV (UTF-8)."
        )
    if not found:
        raise DataError(f"{file}, line {line}: a quote in the header is never closed. Close it.")
    text = _decoded(first, file, line)
    bare = re.sub('"[^"]*"', "", text)
    separator = "," if "," in bare else max(",;\t|", key=bare.count)
    names = next(csv.reader([text], delimiter=separator))
    newline = b"\n" if b"\n" in head else b"\r"
    after = line + line_ends(first) + 1
    return Header(distinct(file, names), separator, newline, after, head[found.end() :])


def distinct(file: str, names: Sequence[str]) -> list[str]:
    """The names, "column N" where there is none. Raises DataError if two are the same."""
    full = [name or f"column {number}" for number, name in enumerate(names, 1)]
    places: dict[str, list[str]] = {}
    for number, name in enumerate(full, 1):
        places.setdefault(name, []).append(str(number))
    twice = [f'"{name}" (columns {" and ".join(at)})' for name, at in places.items() if at[1:]]
    if twice:
        raise DataError(
            f"{file} has more than one column named {', '.join(twice)}: expected a name of its "
            "own for each. Rename them."
        )
    return full


def pieces(
    read: Read, file: str, top: Header, kept: Sequence[str]
) -> Iterator[tuple[pa.Table, Rows]]:
    """The kept columns as text, about a megabyte of rows at a time, or what a pipe has brought.

    Raises DataError for a line that cannot be parsed, and if there is no row at all.
    """
    for _, table, rows in index(read, file, top, kept):
        if table.num_rows:
            yield table, rows


def index(
    read: Read, file: str, top: Header, kept: Sequence[str]
) -> Iterator[tuple[int, pa.Table, Rows]]:
    """The same with the bytes of each, also of those without a row: so each can be found again."""
    row, line = 1, top.first_line
    for raw in _whole_records(read, file, top):
        table, rows = parsed(raw, file, row, line, top, kept)
        yield len(raw), table, rows
        row, line = row + table.num_rows, line + line_ends(raw)
    if row == 1:
        raise DataError(f"{file} has a header but no rows: expected one at least.")


def records(text: str, separator: str) -> list[tuple[int, list[str]]]:
    """Each record with the number of lines above it: slow, for the places of errors only."""
    limit = csv.field_size_limit(2 * LONGEST)  # the default is too small for an error's sake
    try:
        reader, found, line = csv.reader(io.StringIO(text, ""), delimiter=separator), [], 0
        for fields in reader:
            if fields:  # pyarrow, too, passes over empty lines
                found.append((line, fields))
            line = reader.line_num
        return found
    finally:
        csv.field_size_limit(limit)


def line_ends(raw: bytes) -> int:
    """How many lines end in these bytes: as for pyarrow, with any of the three marks."""
    return raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")


def _whole_records(read: Read, file: str, top: Header) -> Iterator[bytes]:
    record, records_above = _patterns(top)
    held, line, block = top.rest, top.first_line, b"\n"
    while True:
        if cut := _end(records_above, held):
            yield held[:cut]
            line += line_ends(held[:cut])
            held = held[cut:]
        if (not block or len(held) > LONGEST) and (quote := _end(record, held)) < len(held):
            raise DataError(
                f"{file}, line {line + line_ends(held[:quote]):,}: a value opens with a double "
                "quote that is never closed. Close it, or take it away."
            )
        if not block:
            break
        block = read(BLOCK)
        held += block
    if held:
        yield held  # the last line may have no end


def _patterns(top: Header) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """One record without its end of line, and as many with it as there are."""
    newline = top.newline
    inside = b"[^" + re.escape(top.separator.encode()) + rb"\r\n]"
    # A quote counts only at the start of a value, as for pyarrow: 5" is five inches. Nothing
    # here can be matched in two ways, so steps are not taken back (the + after a star). The two
    # outer stars do without: Python before 3.11.5 goes astray there (python/cpython#106052).
    value = rb"(?<!" + inside + rb'")[^"]*+(?:""[^"]*+)*+"'
    plain = rb'[^"' + newline + rb"]*+"
    record = plain + rb'(?:"(?:' + value + rb"|(?<=" + inside + rb'"))' + plain + rb")*"
    return re.compile(record), re.compile(rb"(?:" + record + newline + rb")*")


def _end(pattern: re.Pattern[bytes], text: bytes) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def parsed(
    raw: bytes, file: str, row: int, line: int, top: Header, kept: Sequence[str]
) -> tuple[pa.Table, Rows]:
    """The kept columns of whole records, of which the first is this row on this line."""
    table = _parsed(raw, file, line, top, kept)
    whole = raw if line_ends(raw) != table.num_rows else b""
    return table, Rows(row, line, top.separator, whole)


def _parsed(raw: bytes, file: str, line: int, top: Header, kept: Sequence[str]) -> pa.Table:
    source: Any = pa.BufferReader(raw)  # the stubs know Python's files only
    try:
        table = pyarrow.csv.read_csv(
            source,
            read_options=pyarrow.csv.ReadOptions(
                column_names=top.names, block_size=len(raw), use_threads=False
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=top.separator, newlines_in_values=True
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(kept, pa.string()),
                include_columns=list(kept),
                null_values=list(MISSING),
                strings_can_be_null=True,
            ),
        )
        return pa.table([_with_holes(column) for column in table.columns], table.column_names)
    except pa.ArrowInvalid as error:
        reason = str(error)
    for above, values in records(_decoded(raw, file, line), top.separator):
        if len(values) != len(top.names):
            raise DataError(
                f"{file}, line {line + above:,}: expected {len(top.names):,} values, as in the "
                f"header, found {len(values):,}. {_cure(len(values), top)}"
            )
    raise DataError(f"{file} cannot be read from line {line:,} on: {reason}.")


def _cure(found: int, top: Header) -> str:
    if len(top.names) == 1:
        return "If the first line is a title or a remark, and not the names, take it away."
    if found > len(top.names):
        return f'A value with a "{top.separator}" in it must stand in double quotes.'
    return "A missing value, too, needs its separator."


def _with_holes(column: Any) -> Any:
    """The column without what are holes but for blanks around them: " " and " ?"."""
    trimmed = pc.utf8_trim_whitespace(column)
    if trimmed.equals(column):
        return column
    hole: Any = pc.is_in(trimmed, value_set=pa.array(MISSING))
    return pc.if_else(hole, pa.scalar(None, pa.string()), column)


def _decoded(raw: bytes, file: str, line: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line += line_ends(raw[: error.start])
        raise _not_utf8(file, line, f"the byte 0x{raw[error.start]:02x}") from None


def _not_utf8(file: str, line: int, found: str, encoding: str = "latin1") -> DataError:
    return DataError(
        f"{file}, line {line:,}: expected UTF-8, found {found}. Save the file as UTF-8 (in a "
        f'spreadsheet: "CSV UTF-8"), or convert it: iconv -f {encoding} -t utf-8.'
    )

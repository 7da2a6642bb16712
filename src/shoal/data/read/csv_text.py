"""CSV as tables of text, some rows at a time, each row with its line.

pyarrow parses; this module decides where the bytes may be cut, and says where they are wrong.
pyarrow gets bytes, never one of Python's files: it reads those ahead on its own threads, and
Python aborts when it ends while such a thread waits for a pipe.
"""

import csv
import io
import re
import string
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from shoal.data.read.encodings import BLOCK
from shoal.data.read.formats import CONTROL, READ
from shoal.data.read.packing import Read
from shoal.errors import DataError, Setting, wording

# A record longer than this is not a record but a quote that is not closed.
LONGEST = 16 * BLOCK

HEADER = re.compile(rb'[\r\n]*+((?:"[^"]*"|[^"\r\n]++)*+)(\r?\n|\r(?=[^\n]))')
SEPARATORS = ",;\t|"  # in this order, where several fit
SEPARATOR_LINE = re.compile(
    rb"(?i)\"?sep=([\t -~])\"?(\r?\n|\r)"
)  # which spreadsheets read, and write
RULE = re.compile(
    rb"[ |:+-]*--[ |:+-]*(\r?\n|\r)"
)  # below the names of a table in Markdown, or of psql
DASHES = re.compile(rb"([ ,;\t-]*---[ ,;\t-]*)(\r?\n|\r)")  # the same of SQL Server's sqlcmd
TITLES = 10  # lines at most that are taken for titles above the names
LOOKED_AT = 1 << 12  # characters after the header in which names may stand
SLICE = 1 << 16  # bytes whose quotes are looked at together, in the processor's cache
WEIGHED = 1 << 16  # bytes after the header that are looked at to find the separator

# What no text has, as Unicode gives it no meaning.
SHIELD = "\ufdd0"

# Blanks besides the space: a tab, the space that is not broken, and those of Unicode.
OTHER_BLANKS = ("\t", "\xa0", "\u2007", "\u2009", "\u202f", "\u3000")

# What a name loses at its ends: blanks, and marks as numbers lose them (`numerals.py`).
UNSEEN_OR_BLANK = string.whitespace + "".join(OTHER_BLANKS) + "\xad\u200b\u200e\u200f\u2060\ufeff"

# Blanks before a quote, which then is no longer the first character of its value.
_BLANK_AND_QUOTED = r"(?s)^[ \t]+\"(.*)\"[ \t]*$"
_QUOTED = re.compile(_BLANK_AND_QUOTED)

NAMES_AGAIN = (
    "expected a row, found the names of the columns again, as files have that were joined. Remove "
    "this line, and others like it."
)


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
    raw: bytes  # empty if each row is one line

    def place(self, index: int) -> dict[str, int]:
        """The row with this index among these, and its line."""
        lines = [line for line, _ in records(self.raw.decode(), self.separator)]
        line = self.first_line + (lines[index] if lines else index)
        return {"row": self.first + index, "line": line}


def header(read: Read, file: str, separator: str | None = None) -> Header:
    """Read to the end of the first record. Raises DataError if that is not a line of names."""
    head, block, found = b"", b"\n", None
    while block and not found and len(head) < LONGEST:
        block = read(BLOCK)
        head = (head + block).removeprefix(b"\xef\xbb\xbf")  # a byte order mark
        found = HEADER.match(head if block else head + b"\n")
    if not head.strip():
        raise DataError("the file is empty: expected a line of column names, then rows.", file=file)
    if said := SEPARATOR_LINE.match(head):
        top = header(
            _chained(head[said.end() :], read), file, separator or said[1].decode("latin-1")
        )
        return top._replace(first_line=top.first_line + 1)
    line = 1 + line_ends(head[: len(head) - len(head.lstrip(b"\r\n"))])
    first = found[1] if found else b""
    if b"\0" in head or CONTROL.search(first) or (not found and b'"' not in head):
        raise _no_text(head, file)
    if not found:
        raise DataError("a quote in the header is never closed. Close it.", file=file, line=line)
    text, rest = _decoded(first, file, line), head[found.end() :]
    sample = _sample(rest, is_whole=not block)
    separator = separator or _separator(text, sample)
    found_records = records(text, separator) or [(0, [""])]
    if len(found_records) > 1:
        raise DataError(
            "a line break in the header is between quotes that are not those of a whole name. Put "
            "quotes around the whole name, and write a quote in it twice.",
            file=file, line=line,
        )  # fmt: skip
    names = [named(name) for name in found_records[0][1]]
    below = [values for _, values in records(sample[:LOOKED_AT], separator)]
    check_named(names, below, file, line)
    newline = b"\n" if b"\n" in head else b"\r"
    after = line + line_ends(first) + 1
    rule = RULE.match(rest) if separator == "|" else DASHES.match(rest)
    if rule and (separator == "|" or _is_rule(rule[1].decode(), separator, len(names))):
        rest, after = rest[rule.end() :], after + 1
    return Header(distinct(file, names), separator, newline, after, rest)


def named(text: str) -> str:
    """A name as it is seen: without blanks and unseen marks at its ends, and their quotes."""
    bare = text.strip(UNSEEN_OR_BLANK)
    return bare[1:-1].replace('""', '"') if _QUOTED.match(text) else bare


def _is_rule(line: str, separator: str, width: int) -> bool:
    """Whether dashes stand for each of the values of a line."""
    cells = line.split(separator)
    return len(cells) == width and all(cell.strip(" ").strip("-") == "" != cell for cell in cells)


def _chained(held: bytes, read: Read) -> Read:
    """How to read these bytes, and then on."""

    def read_on(size: int) -> bytes:
        nonlocal held
        found, held = held, b""
        return found or read(size)

    return read_on


def _no_text(head: bytes, file: str) -> DataError:
    zeros = [head[at : at + 512 : 2].count(0) for at in (0, 1)]
    if max(zeros) > 4 * (1 + min(zeros)):
        encoding = "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
        return DataError(
            wording("this looks like UTF-16. Use ", Setting("encoding", encoding), "."), file=file
        )
    return DataError(
        "this does not look like a CSV file: it holds bytes that are not text. Expected "
        f"{READ}; save anything else as CSV (UTF-8).",
        file=file,
    )


def _sample(rest: bytes, *, is_whole: bool) -> str:
    """Whole lines from the beginning of the rows."""
    sample = rest[:WEIGHED]
    if not is_whole or len(rest) > WEIGHED:
        sample = sample[: max(sample.rfind(b"\n"), sample.rfind(b"\r")) + 1]
    return sample.decode("utf-8", "replace")


def _separator(names: str, sample: str) -> str:
    """What stands between the names: where several marks do, that which fits the first rows."""
    bare = re.sub('"[^"]*"', "", names)
    there = [mark for mark in SEPARATORS if mark in bare]
    if len(there) < 2:
        return there[0] if there else ","
    return max(there, key=lambda mark: _fitting(names, sample, mark))


def _fitting(names: str, text: str, separator: str) -> tuple[float, int]:
    """The share of rows with as many values as names, and how many these are."""
    width = len(records(names, separator)[0][1])
    rows = [len(values) for _, values in records(text, separator)]
    # A quote may stand open where the sample ends.
    return (rows.count(width) / len(rows) if rows else 0.0), width if rows else 0


def check_named(names: Sequence[str], below: Sequence[Sequence[str]], file: str, line: int) -> None:
    """Raise DataError for a title in place of the names: mostly blank, and names come below it."""
    blank = sum(not name for name in names[1:])  # row numbers often have no name
    if not blank or 2 * blank < len(names):
        return
    if any(len(row) == len(names) and all(map(_is_name, row)) for row in below[:TITLES]):
        title = next((name for name in names if name), "")
        raise DataError(
            f'expected column names, found "{title[:40]}" and {blank:,} values without a name, '
            "above what looks like the names. Remove the lines above the names, and join names "
            "that stand on several lines.",
            file=file, line=line,
        )  # fmt: skip


def _is_name(value: str) -> bool:
    return bool(value.strip()) and not value.strip()[0].isdigit()


def distinct(file: str, names: Sequence[str]) -> list[str]:
    """The names, "column N" where there is none. Raises DataError if two are the same."""
    full = [name.strip() or f"column {number}" for number, name in enumerate(names, 1)]
    places: dict[str, list[str]] = {}
    for number, name in enumerate(full, 1):
        places.setdefault(name, []).append(str(number))
    twice = [f'"{name}" (columns {" and ".join(at)})' for name, at in places.items() if at[1:]]
    if twice:
        raise DataError(
            f"more than one column is named {', '.join(twice)}: expected different names. Rename "
            "them.",
            file=file,
        )
    return full


def pieces(
    read: Read, file: str, top: Header, kept: Sequence[str], blocks: int = 1
) -> Iterator[tuple[int, pa.Table, Rows]]:
    """The kept columns as text, about this many megabytes of rows at a time, or what a pipe has brought.

    Each with its size in bytes, also those without a row, so that each can be found again. Threads
    parse the megabytes. Raises DataError for a line that cannot be parsed.
    """
    row, line = 1, top.first_line
    cut = _whole_records(read, file, top)
    threads = min(blocks, pa.cpu_count())
    with ThreadPoolExecutor(threads) as pool:
        each = pool.map if threads > 1 else map
        while several := list(islice(cut, blocks)):
            raws, counts = zip(*several, strict=True)
            firsts = accumulate(counts, initial=line)
            found = each(lambda *a: _parsed(file, top, kept, *a), raws, firsts, counts)
            table, lines = pa.concat_tables(found), sum(counts)
            raw = b"".join(raws) if lines != table.num_rows else b""
            yield sum(map(len, raws)), table, Rows(row, line, top.separator, raw)
            row, line = row + table.num_rows, line + lines


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
    if b"\r" not in raw:
        return raw.count(b"\n")
    return raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")


def _whole_records(read: Read, file: str, top: Header) -> Iterator[tuple[bytes, int]]:
    """Records that are whole, and how many lines end in them."""
    record, records_above = _patterns(top)
    held, line, block = top.rest, top.first_line, b"\n"
    while True:
        # Without a quote a record is a line, which is found faster.
        quoted = b'"' in held
        cut = _end_of_quoted(held, top) if quoted else held.rfind(top.newline) + 1
        if cut := _end(records_above, held) if cut is None else cut:
            whole, held = held[:cut], held[cut:]
            lines = line_ends(whole)
            yield whole, lines
            line += lines
        if (not block or len(held) > LONGEST) and (quote := _end(record, held)) < len(held):
            raise DataError(
                "a value opens with a double quote that is never closed. Close it, or remove it.",
                file=file,
                line=line + line_ends(held[:quote]),
            )
        if not block:
            break
        block = read(BLOCK)
        held += block
    if held:
        yield held, line_ends(held)  # the last line may have no end


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


def _end_of_quoted(held: bytes, top: Header) -> int | None:
    """Where the last whole record ends, if each quote opens or closes a value; else None."""
    text, n = np.frombuffer(held, np.uint8), 0
    for at in range(0, len(text), SLICE):
        quotes = np.flatnonzero(text[at : at + SLICE] == ord('"')) + at
        opening, closing = quotes[n % 2 :: 2], quotes[1 - n % 2 :: 2]
        n += len(quotes)
        # At either end of the text a quote is its own neighbour.
        before, after = (np.take(text, i, mode="clip") for i in (opening - 1, closing + 1))
        if not (_are_ends(before, top) and _are_ends(after, top)):
            return None
    cut = held.rfind(top.newline) + 1
    while (n - held.count(b'"', cut)) % 2:  # it is between quotes
        cut = held.rfind(top.newline, 0, held.rfind(b'"', 0, cut)) + 1
    return cut


def _are_ends(marks: NDArray[np.uint8], top: Header) -> bool:
    """Whether all bytes may stand next to a value in quotes, or are one half of a quote in it."""
    found = marks == ord(top.separator)
    for mark in b'\r\n"':
        found |= marks == mark
    return bool(found.all())


def _end(pattern: re.Pattern[bytes], text: bytes) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def parsed(
    raw: bytes, file: str, row: int, line: int, top: Header, kept: Sequence[str]
) -> tuple[pa.Table, Rows]:
    """The kept columns of whole records, of which the first is this row on this line."""
    lines = line_ends(raw)
    table = _parsed(file, top, kept, raw, line, lines)
    whole = raw if lines != table.num_rows else b""
    return table, Rows(row, line, top.separator, whole)


def _parsed(
    file: str, top: Header, kept: Sequence[str], raw: bytes, line: int, lines: int
) -> pa.Table:
    try:
        table = _read(raw, top, kept)
        trimmed = _trim(table, raw, top.separator, lines)
        # Blanks at the ends of a quoted value are meant, those of any other value are not.
        if b'"' in raw and any(map(_differ, trimmed, table.columns)):
            shielded = _read(_shielded(raw, top), top, kept)
            trimmed = _trim(shielded, raw, top.separator, lines)
            trimmed = [pc.replace_substring(column, SHIELD, "") for column in trimmed]
        found = pa.table(trimmed, table.column_names)
    except pa.ArrowInvalid as error:
        reason = str(error)
    else:
        if (row := names_again(found)) >= 0:
            above = records(_decoded(raw, file, line), top.separator)[row][0]
            raise DataError(NAMES_AGAIN, file=file, line=line + above)
        return found
    for above, values in records(_decoded(raw, file, line), top.separator):
        if len(values) != len(top.names):
            raise DataError(
                f"expected {len(top.names):,} values, as in the header, found {len(values):,}. "
                f"{_cure(values, top)}",
                file=file,
                line=line + above,
            )
    raise DataError(f"the file cannot be read from here on: {reason}.", file=file, line=line)


def _read(raw: bytes, top: Header, kept: Sequence[str]) -> pa.Table:
    """Whole records, as one block of pyarrow's, in which values may have line ends."""
    return pyarrow.csv.read_csv(
        pa.BufferReader(raw),
        read_options=pyarrow.csv.ReadOptions(
            column_names=top.names, block_size=len(raw), use_threads=False
        ),
        parse_options=pyarrow.csv.ParseOptions(delimiter=top.separator),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(kept, pa.string()),
            include_columns=list(kept),
            null_values=[""],
            strings_can_be_null=True,
            check_utf8=not raw.isascii(),
        ),
    )


def names_again(table: pa.Table) -> int:
    """The first row that repeats the names of two columns or more, or -1."""
    names = table.column_names
    if len(names) < 2 or pc.index(table[0], names[0]).as_py() < 0:
        return -1
    same = pc.equal(table[0], names[0])
    for name in names[1:]:
        same = pc.and_(same, pc.equal(table[name], name))
    return int(pc.index(same, True).as_py())


def _cure(values: Sequence[str], top: Header) -> str:
    if len(top.names) == 1:
        return "If the first line is a title or a remark instead of the column names, remove it."
    if any(value[:1] in " \t" and value.lstrip().startswith('"') for value in values if value):
        return "Remove the blanks before quotes: they must be the first characters of their values."
    if len(values) == len(top.names) + 1:
        if not values[-1].strip():
            return f'Where each row ends in "{top.separator}", the names must end in it, too.'
        return (
            f'Write a value that contains "{top.separator}" in double quotes. Where each row begins '
            "with a name that the header lacks, as R writes it, give that column a name."
        )
    if len(values) > len(top.names):
        return f'Write a value that contains "{top.separator}" in double quotes.'
    return "A missing value needs its separator, too."


def _trim(table: pa.Table, raw: bytes, separator: str, lines: int) -> list[Any]:
    """The columns without blanks at the ends of their values."""
    blanks = OTHER_BLANKS[:1] if raw.isascii() else OTHER_BLANKS
    columns: list[Any] = table.columns
    # A line that ends within quotes is a blank, too.
    if lines > table.num_rows or any(
        blank.encode() in raw for blank in blanks if blank != separator
    ):
        return [_bare(column) for column in columns]
    if b" " not in raw:
        return columns
    return [_bare(column) if _has_blanks(column) else column for column in columns]


def _bare(column: Any) -> Any:
    """The column without blanks at the ends of its values, and quotes that stand behind blanks."""
    text = trimmed(column)
    quoted = pc.match_substring_regex(column, pattern=_BLANK_AND_QUOTED)
    if not pc.any(quoted, min_count=0).as_py():
        return text
    inside = pc.replace_substring_regex(column, pattern=_BLANK_AND_QUOTED, replacement=r"\1")
    inside = pc.replace_substring(inside, '""', '"')
    there = pc.if_else(pc.equal(pc.binary_length(inside), 0), pa.scalar(None, pa.string()), inside)
    return pc.if_else(quoted, there, text)


def _has_blanks(column: Any) -> bool:
    ends = (pc.starts_with(column, pattern=" "), pc.ends_with(column, pattern=" "))
    return any(pc.any(end, min_count=0).as_py() for end in ends)


def _differ(one: Any, other: Any) -> bool:
    return one is not other and not one.equals(other)


def _shielded(raw: bytes, top: Header) -> bytes:
    """The rows with a shield around the quoted values that have blanks at their ends."""
    sep = re.escape(top.separator.encode())
    value = re.compile(rb"(?<![^\r\n" + sep + rb'])"((?:[^"]|"")*+)"(?=[\r\n' + sep + rb"]|\Z)")
    shield = SHIELD.encode()

    def shown(found: re.Match[bytes]) -> bytes:
        inside = found[1]
        text = inside.decode(errors="replace")
        is_open = text != text.strip() and bool(text.strip())
        return b'"' + shield + inside + shield + b'"' if is_open else found[0]

    return value.sub(shown, raw)


def trimmed(column: Any) -> Any:
    """The column without blanks at the ends of its values; what is nothing but blanks is missing."""
    text = pc.utf8_trim_whitespace(column)
    blank = pc.equal(pc.binary_length(text), 0)
    return pc.if_else(blank, pa.scalar(None, pa.string()), text)


def _decoded(raw: bytes, file: str, line: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line += line_ends(raw[: error.start])
        # Letters of Windows stand where latin-1 has control characters.
        likely = "cp1252" if re.search(rb"[\x80-\x9f]", raw) else "latin-1"
        raise DataError(
            wording(
                f"expected UTF-8, found the byte 0x{raw[error.start]:02x}. Name the encoding, such "
                "as ", Setting("encoding", likely), ", or save the file as UTF-8.",
            ),
            file=file, line=line, setting="encoding",
        ) from None  # fmt: skip

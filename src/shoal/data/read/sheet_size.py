"""How many cells a spreadsheet would have in memory: refused before it is read if too many.

A file of some kilobytes may hold a cell in the last row and column, or text that is repeated
without end, and a reader that makes room for all of it ends the program.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import NamedTuple

from shoal.data.read.packing import member
from shoal.errors import DataError
from shoal.warn import warn

MOST_CELLS = 1 << 26  # in memory 2 GiB; a sheet has at most 2 ** 34
MOST_BYTES = 1 << 31  # of XML
BLOCK = 1 << 20
CELL = re.compile(rb'<c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"')
ERROR = re.compile(rb'<c\b[^>]*?\bt="e"[^>]*')
# Programs that write formulas do not compute them. (Excel writes an empty text so, with t="str".)
FORMULA = re.compile(
    rb'<c\b(?![^>]*\bt="str")[^>]*>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>'
)
ODS = re.compile(rb"<table:(table-row|table-cell|table)\b([^>]*)>")
REPEATED = re.compile(rb'number-(?:rows|columns)-repeated="(\d{1,9})"')


def refuse_too_large(stream: io.BufferedReader, file: str) -> None:
    """Raise DataError for a spreadsheet that is too large; report cells that hold an error."""
    with zipfile.ZipFile(stream) as archive:
        sheets = [one for one in archive.infolist() if one.filename.endswith(".xml")]
        size = sum(one.file_size for one in archive.infolist())
        if size > MOST_BYTES:
            raise _too_large(f"{size:,} bytes of XML", file)
        errors, formulas = Cells(), Cells()
        for sheet in sheets:
            if sheet.filename.startswith("xl/worksheets/"):
                wrong, not_computed = _check_sheet(_blocks(archive, sheet), file)
                errors, formulas = errors.and_those(wrong), formulas.and_those(not_computed)
            if sheet.filename == "content.xml":
                _check_ods(_blocks(archive, sheet), file)
    if n := errors.cells:
        cells = "1 cell with an error is" if n == 1 else f"{n:,} cells with errors are"
        warn(f"{file}: {cells} read as missing (#N/A or the like){errors.first}.")
    if n := formulas.cells:
        cells = "1 cell with a formula has" if n == 1 else f"{n:,} cells with formulas have"
        warn(
            f"{file}: {cells} no value, and {'is' if n == 1 else 'are'} read as missing{formulas.first}. "
            "Open the file in a spreadsheet, which computes them, and save it."
        )


class Cells(NamedTuple):
    """Cells of a kind."""

    cells: int = 0
    first: str = ""  # in words

    def and_those(self, others: "Cells") -> "Cells":
        """These, then the others."""
        return Cells(self.cells + others.cells, self.first or others.first)


def _blocks(archive: zipfile.ZipFile, sheet: zipfile.ZipInfo) -> Iterator[bytes]:
    """The XML, cut between tags."""
    held = b""
    with member(archive, sheet.filename) as stream:
        while block := stream.read(BLOCK):
            held += block
            cut = held.rfind(b"<")
            yield held[:cut]
            held = held[cut:]
    yield held


def _check_sheet(blocks: Iterator[bytes], file: str) -> tuple[Cells, Cells]:
    """The cells that hold an error, and those with a formula and no value."""
    columns, last, errors, formulas = set[bytes](), 0, Cells(), Cells()
    for block in blocks:
        found = CELL.findall(block)
        columns.update(column for column, _ in found)
        last = max(last, int(found[-1][1]) if found else 0)
        errors = errors.and_those(_cells(ERROR, block) if b't="e"' in block else Cells())
        formulas = formulas.and_those(_cells(FORMULA, block) if b"<f" in block else Cells())
    width = max(map(_number, columns), default=0)
    check_cells(last, width, file)
    return errors, formulas


def _cells(kind: re.Pattern[bytes], block: bytes) -> Cells:
    found = kind.findall(block)
    place = CELL.match(found[0]) if found else None
    return Cells(len(found), f", first in cell {(place[1] + place[2]).decode()}" if place else "")


def _number(letters: bytes) -> int:
    """The number of a column: 1 for A, 27 for AA."""
    found = 0
    for letter in letters:
        found = found * 26 + letter - ord("A") + 1
    return found


def _check_ods(blocks: Iterator[bytes], file: str) -> None:
    """The same where rows and cells are written once, with how often they are repeated."""
    rows, width, repeated, place = 0, 0, 1, 0
    for block in blocks:
        for kind, attributes in ODS.findall(block):
            found = REPEATED.search(attributes)
            times = int(found[1]) if found else 1
            if kind == b"table-cell":
                place += times
                if b"value-type" in attributes:
                    width = max(width, place)
                    rows, repeated = rows + repeated, 0  # the row counts, once
            else:
                rows, width = (rows, width) if kind == b"table-row" else (0, 0)
                repeated, place = times, 0
            check_cells(rows, width, file)


def check_cells(rows: int, columns: int, file: str) -> None:
    """Raise DataError for a sheet with too many cells."""
    if rows * columns > MOST_CELLS:
        raise _too_large(f"{rows:,} rows × {columns:,} columns", file)


def _too_large(found: str, file: str) -> DataError:
    return DataError(
        f"the spreadsheet has {found}: expected at most {MOST_CELLS:,} cells. Delete cells far "
        "from the table, or save the sheet as CSV.",
        file=file,
    )

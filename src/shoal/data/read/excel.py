"""Spreadsheets (.xlsx, .xls, .ods) as tables of text, by calamine.

The cells are spelled as a CSV export of the sheet would have them: whole numbers without a point,
dates as 2021-08-11, TRUE as true.
"""

import importlib
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

from shoal.data.read.cells import text_column, text_table, unreadable
from shoal.data.read.column_types import Wanted
from shoal.data.read.compound import refuse_circles
from shoal.data.read.csv_text import TITLES, check_named, distinct, named
from shoal.data.read.messages import nothing_in, unknown
from shoal.data.read.opening import File, intact, name_of, opened
from shoal.data.read.origin import Origin, Piece
from shoal.data.read.sheet_size import check_cells, refuse_too_large
from shoal.errors import Setting, SettingError, wording
from shoal.warn import warn

ROWS = 1 << 14  # of a piece
MOST_SHOWN = 5  # sheets
Row = Sequence[Any]
Range = tuple[tuple[int, int], tuple[int, int]]  # row and column of the first and the last cell


def pieces(file: File, wanted: Wanted) -> Iterator[Piece]:
    """The rows of a sheet below its names; at least one piece, which may have no rows."""
    name, calamine = name_of(file), _library()
    with opened(file) as stream, intact(name):
        if zipfile.is_zipfile(stream):
            refuse_too_large(stream, name)
        stream.seek(0)
        refuse_circles(stream, name)
        stream.seek(0)
        try:
            # By its content: the name of a file may promise another kind of spreadsheet.
            workbook = calamine.CalamineWorkbook.from_filelike(stream)
            sheet = _sheet_of(workbook, wanted.files.sheet, name)
            check_cells(sheet.total_height, sheet.width, name)
            rows, merged = list(sheet.iter_rows()), sheet.merged_cell_ranges
        except BaseException as error:
            if not isinstance(error, calamine.CalamineError) and not _is_panic(error):
                raise
            cure = "Copy it again, or save it in a spreadsheet as .xlsx without a password."
            raise unreadable(name, "the spreadsheet", error, cure) from None
    _report(merged or [], rows, name)
    yield from _below_names(rows, name, wanted)


def _is_panic(error: BaseException) -> bool:
    """Whether calamine failed at what it did not expect: such an error is no Exception."""
    return type(error).__name__ == "PanicException"


def _sheet_of(workbook: Any, wanted: str | None, name: str) -> Any:
    """The sheet that is asked for, or the first one with cells, and a word about the others."""
    if wanted is not None:
        if wanted not in workbook.sheet_names:
            raise SettingError(
                unknown("sheet", wanted, workbook.sheet_names), file=name, setting="sheet"
            )
        return workbook.get_sheet_by_name(wanted)
    filled = [sheet for sheet in _visible(workbook) if sheet.height]
    if not filled:
        raise nothing_in(name, [])
    if others := [sheet.name for sheet in filled[1:]]:
        listed = ", ".join(others[:MOST_SHOWN]) + (", …" if len(others) > MOST_SHOWN else "")
        warn(
            wording(
                f'{name}: the sheet "{filled[0].name}" is read, and not {listed}. ',
                Setting("sheet", others[0]), " chooses another.",
            )
        )  # fmt: skip
    return filled[0]


def _visible(workbook: Any) -> Iterator[Any]:
    for number, sheet in enumerate(workbook.sheets_metadata):
        if str(sheet.typ).endswith(".WorkSheet") and str(sheet.visible).endswith(".Visible"):
            yield workbook.get_sheet_by_index(number)


def _report(merged: Sequence[Range], rows: list[Row], name: str) -> None:
    """Say of merged cells that one of them has the value: below the names, where others are read."""
    top = next((number for number, row in enumerate(rows) if not _is_blank(row)), 0)
    below = sorted(start for start, end in merged if end[0] > top)
    if not below:
        return
    ranges = (
        "1 range of merged cells has" if len(below) == 1 else f"{len(below):,} merged ranges have"
    )
    warn(
        f"{name}: {ranges} a value in the first cell only, and the others are read as missing, "
        f"first in cell {_cell(*below[0])}. Unmerge them, and fill them in."
    )


def _cell(row: int, column: int) -> str:
    """Its name, as C3."""
    letters, number = "", column + 1
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row + 1}"


def _below_names(rows: list[Row], name: str, wanted: Wanted) -> Iterator[Piece]:
    filled = [number for number, row in enumerate(rows) if not _is_blank(row)]
    if not filled:
        raise nothing_in(name, [])
    top, body = filled[0], rows[filled[0] + 1 : filled[-1] + 1]
    names, columns = _named_columns(rows[top], body, name, wanted)
    rows_below = zip(*(column[:TITLES] for column in columns), strict=True)
    below = [["" if v is None else str(v) for v in row] for row in rows_below]
    check_named(names, below, name, top + 1)
    names = distinct(name, names)
    for first in range(0, max(len(body), 1), ROWS):
        origin = _placed(name, first, top + 2)
        part = [column[first : first + ROWS] for column in columns]
        yield Piece(text_table(names, part, wanted, origin), origin)


def _named_columns(
    head: Row, body: list[Row], name: str, wanted: Wanted
) -> tuple[list[str], list[list[Any]]]:
    """The columns that have a name or a value: formatted cells may stand next to the table."""
    spelled = text_column([_value(v) for v in head], "", wanted, Origin.numbered(name))
    names = [named(one or "") for one in spelled.to_pylist()]
    columns = [[_value(row[at]) for row in body] for at in range(len(head))]
    used = [
        at for at, one in enumerate(names) if one or any(v is not None for v in columns[at])
    ]  # fmt: skip
    return [names[at] for at in used], [columns[at] for at in used]


def _value(cell: Any) -> Any:
    return None if cell == "" else cell


def _is_blank(row: Row) -> bool:
    return all(cell == "" or (isinstance(cell, str) and not cell.strip()) for cell in row)


def _placed(file: str, row: int, line: int) -> Origin:
    """The line is the row of the sheet."""
    return Origin(file, lambda index: {"row": row + index + 1, "line": line + row + index})


def _library() -> Any:
    try:
        return importlib.import_module("python_calamine")
    except ImportError as error:
        raise SettingError(
            f"a spreadsheet needs python-calamine, which cannot be imported ({error}). Install it: "
            "pip install 'shoal[excel]', or save the sheet as CSV."
        ) from None

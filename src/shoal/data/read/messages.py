"""Messages about sources and columns that several modules share."""

from collections.abc import Sequence
from difflib import get_close_matches

from shoal.errors import DataError

ALIKE = 0.65  # of difflib, whose 0.6 takes "nope" for "income"


def shown(source: str) -> str:
    """What messages call a source: its path as it was typed, or "standard input"."""
    return "standard input" if source == "-" else source


def unknown_column(name: str, columns: Sequence[str]) -> str:
    """What to say of a column that does not exist: the nearest name, and what there is.

    >>> unknown_column("lat", ["late", "month"])
    'there is no column "lat". Did you mean "late"? Columns: late, month.'
    """
    return unknown("column", name, columns)


def unknown(kind: str, name: str, names: Sequence[str]) -> str:
    """The same of a sheet, or of a table of a database.

    >>> unknown("sheet", "sales", ["Sales", "Notes"])
    'there is no sheet "sales". Did you mean "Sales"? Sheets: Sales, Notes.'
    """
    lowered = {one.lower(): one for one in names}
    near = get_close_matches(name.lower(), lowered, n=1, cutoff=ALIKE)
    hint = f' Did you mean "{lowered[near[0]]}"?' if near else ""
    more = f" and {len(names) - 20:,} more" if len(names) > 20 else ""
    listed = ", ".join(names[:20])
    return f'there is no {kind} "{name}".{hint} {kind.capitalize()}s: {listed}{more}.'


def changed(file: str) -> DataError:
    """The error for a file that is not what it was when it was first read."""
    return DataError(
        "the file changed while it was in use: expected the same rows whenever it is read. Start "
        "again when nothing writes to it.",
        file=file,
    )


def nothing_in(file: str, columns: Sequence[str]) -> DataError:
    """The error for a table without rows, or without columns."""
    found = "column names but no rows" if columns else "no columns"
    return DataError(f"expected at least one column and one row, found {found}.", file=file)

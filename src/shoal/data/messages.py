"""What messages call a source, a row, and a column that is not there."""

from collections.abc import Sequence
from difflib import get_close_matches


def shown(source: str) -> str:
    """What messages call a source: its path as it was typed, or "standard input"."""
    return "standard input" if source == "-" else source


def row_name(first: int, index: int) -> str:
    """What messages call a row, `index` after the first one here."""
    return f"row {first + index:,}"


def unknown_column(file: str, name: str, columns: Sequence[str]) -> str:
    """What to say of a column that is not there: the nearest name, and what there is.

    >>> unknown_column("flights.csv", "lat", ["late", "month"])
    'flights.csv has no column "lat". Did you mean "late"? Columns: late, month.'
    """
    lowered = {column.lower(): column for column in columns}
    near = get_close_matches(name.lower(), lowered, n=1)
    hint = f' Did you mean "{lowered[near[0]]}"?' if near else ""
    more = f" and {len(columns) - 20:,} more" if len(columns) > 20 else ""
    listed = ", ".join(columns[:20])
    return f'{shown(file)} has no column "{name}".{hint} Columns: {listed}{more}.'

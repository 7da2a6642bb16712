"""Values of Python as text, as a CSV export of the same table has them.

Spreadsheets, SQLite and JSON give values one by one, and a column may mix their types. As text
they follow the one rule of CSV: what most of them are decides what the column is.
"""

import datetime
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shoal.data.read.column_types import Wanted
from shoal.data.read.csv_text import NAMES_AGAIN, names_again, trimmed
from shoal.data.read.origin import Origin
from shoal.errors import DataError, Setting, wording

EXACT = 2.0**53  # whole numbers from here on may have lost digits
SURROGATE = re.compile("[\ud800-\udfff]")  # JSON can write one, and no encoding has it
PLAIN = "numbers, text, booleans or times"


def _number(value: float) -> str:
    """3.0 as 3: a spreadsheet has no whole numbers."""
    return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)


def _moment(value: datetime.datetime) -> str:
    return value.isoformat(" ")


EXPONENT = 1e10  # Arrow writes larger numbers as 1e+10


SPELLED: dict[type, Callable[[Any], str]] = {
    str: str,
    int: str,
    float: _number,
    bool: lambda value: "true" if value else "false",
    datetime.date: datetime.date.isoformat,
    datetime.datetime: _moment,
    datetime.time: datetime.time.isoformat,
    datetime.timedelta: str,
}
# Of these, columns that are not used have a text, too, to be copied.
ODD: dict[type, tuple[str, Callable[[Any], str]]] = {
    bytes: ("bytes (a BLOB)", bytes.hex),
    list: ("a list", json.dumps),
    dict: ("an object with values of its own", json.dumps),
}


def text_column(values: Sequence[Any], name: str, wanted: Wanted, origin: Origin) -> Any:
    """The values of a column as text. Raises DataError for one that is no plain value."""
    kinds = set(map(type, values)) - {type(None)}
    column: Any = _spelled_at_once(values, kinds)
    if column is None and kinds - {str}:
        values = _spelled(values, name, wanted, origin)
    try:
        column = pa.chunked_array([pa.array(values, pa.string()) if column is None else column])
    except UnicodeEncodeError:
        raise _half_of_a_character(values, name, origin) from None
    return trimmed(column)


def _spelled_at_once(values: Sequence[Any], kinds: set[type]) -> Any:
    """Numbers of one type as the same text, by Arrow, which is faster; None if it would differ."""
    if kinds not in ({int}, {float}):
        return None
    try:
        numbers = pa.array(values, pa.float64() if kinds == {float} else pa.int64())
    except (pa.ArrowInvalid, OverflowError):  # a whole number beyond 64 bits
        return None
    ends = pc.min_max(numbers).as_py()
    if kinds == {float} and not -EXPONENT < ends["min"] <= ends["max"] < EXPONENT:
        return None
    return numbers.cast(pa.string())


def _spelled(values: Sequence[Any], name: str, wanted: Wanted, origin: Origin) -> list[str | None]:
    found: list[str | None] = []
    for index, value in enumerate(values):
        spell = SPELLED.get(type(value))
        if value is None:
            found.append(None)
        elif spell is None:
            found.append(_odd(value, index, name, wanted, origin))
        else:
            found.append(spell(value))
    return found


def _odd(value: Any, index: int, name: str, wanted: Wanted, origin: Origin) -> str:
    kind, spell = ODD.get(type(value), (type(value).__name__, str))
    if name in wanted.drop or (wanted.types is not None and name not in wanted.types):
        return spell(value)
    drop = (" with ", Setting("drop", [name])) if wanted.types is None else ()
    raise origin.error(
        wording(
            f"expected {PLAIN}, found {kind}. Write its parts as columns of their own, or leave it "
            "out", *drop, ".",
        ),
        index, name,
    )  # fmt: skip


def _half_of_a_character(values: Sequence[Any], name: str, origin: Origin) -> DataError:
    index = next(at for at, value in enumerate(values) if value and SURROGATE.search(value))
    return origin.error(
        "expected text, found half of a character (a surrogate). Correct the value.", index, name
    )


def text_table(
    names: Sequence[str], columns: Sequence[Sequence[Any]], wanted: Wanted, origin: Origin
) -> pa.Table:
    """Columns of values as a table of text. Raises DataError for a row of their names."""
    found = [
        text_column(values, name, wanted, origin)
        for name, values in zip(names, columns, strict=True)
    ]
    table = pa.table(found, list(names)) if found else pa.table({})
    if (row := names_again(table)) >= 0:
        raise DataError(NAMES_AGAIN).at(file=origin.file, **origin.place(row))
    return table


def unreadable(file: str, kind: str, error: object, cure: str) -> DataError:
    """The error for what the library that reads a format says of a file."""
    reason = str(error).partition("\n")[0].rstrip(".")
    return DataError(f"{kind} cannot be read ({reason}). {cure}", file=file)

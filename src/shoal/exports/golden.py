"""Rows of values that visit every branch of an encoding. The same model gets the same rows.

Usual and extreme numbers, edges of bins, frequent and unknown words, times, missing values.
"""

from collections.abc import Mapping, Sequence

from shoal.data.encode.encoding import Constant, Number, SetAside, Time, Words
from shoal.exports.model import Column, Raw, Value

ROWS = 24
UNKNOWN = "a word that was not there in fit"
# Multipliers of Knuth's multiplicative hashing and of a prime near it: any odd numbers would do.
BY_ROW, BY_COLUMN = 2654435761, 2246822519


def golden_rows(columns: Sequence[Column], n: int = ROWS) -> list[dict[str, Value]]:
    """`n` rows for these columns."""
    used = [c for c in columns if not isinstance(c, SetAside | Constant)]
    return [{c.name: _value(c, row, i) for i, c in enumerate(used)} for row in range(n)]


def _drawn(row: int, column: int) -> int:
    x = (row * BY_ROW + (column + 1) * BY_COLUMN) & 0xFFFFFFFF
    return (x ^ x >> 15) * BY_COLUMN >> 7 & 0xFFFFFF


def _value(column: Column, row: int, i: int) -> Value:
    drawn = _drawn(row, i)
    share = 2 * drawn / (1 << 24) - 1
    match column:
        case Raw():
            return round(3 * share, 3)
        case _ if (row + i) % 7 == 6:
            return None
        case Words(_, words):
            return UNKNOWN if (row + i) % 7 == 5 else words[drawn % len(words)]
        case Number(kind="boolean"):
            return float(drawn % 2)
        case Number(_, mean, scale, _, _, edges):
            if edges and (row + i) % 7 < 2:
                return edges[drawn % len(edges)]
            return mean + scale * (30 if (row + i) % 7 == 2 else 2) * share
        case Time(_, mean, scale):
            return float(round(mean + scale * 2 * share))
        case _:
            raise TypeError(column)


def columns_of(rows: Sequence[Mapping[str, Value]]) -> dict[str, list[Value]]:
    """The same values, column by column."""
    return {name: [row[name] for row in rows] for name in rows[0]}

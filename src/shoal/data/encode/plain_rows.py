"""Plain rows: values of Python and NumPy, read without Arrow, to the same numbers that it gives.

Plain is a column whose values are all numbers, all truth values, all text, or all dates or times;
None and NaN are missing. In a column of numbers or dates text is plain in its commonest form alone:
12, -3.5, 2024-02-29, 2024-02-29 18:30:00. Of whatever is not plain nothing is returned, and
the caller reads it through Arrow.
"""

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.data.encode.encoding import MISSING, UNKNOWN, Encoding, Number, Plan, Time, Values, Words
from shoal.data.read.absent import ALL
from shoal.data.read.words import CLOCK_OF_A_DAY, NUMBER_WITH_ZEROS, word_of
from shoal.data.read.writing import Written

Floats = NDArray[np.float64]

FLOATS, WHOLE, TRUTH, TEXT, TIMES, ZONED, NOTHING = [
    "float",
    "whole",
    "truth",
    "text",
    "times",
    "zoned",
    "nothing",
]
EXACT = 1 << 53  # whole numbers that float64 tells apart
MOST = 4096  # rows that are looked at one by one; Arrow is faster from some hundreds on
FEW = 256  # of a frame with text: beyond them Arrow is as fast
TYPES_OF_FRAMES = {"float64", "float32", "int64", "int32", "bool", "object", "str"}
INTEGER = {int, np.int64, np.int32}
REAL = INTEGER | {float, np.float64, np.float32}
KNOWN = REAL | {str, bool, datetime.date, datetime.datetime}
UNITS = ("D", "s", "ms", "us")  # of NumPy's times that microseconds hold

_NUMERAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2})?")
_WITH_ZEROS = re.compile(NUMBER_WITH_ZEROS, re.ASCII)
_CLOCK_OF_A_DAY = re.compile(CLOCK_OF_A_DAY, re.ASCII)
_WHOLE = re.compile(r"-?[0-9]+")
_EPOCH = datetime.datetime(1970, 1, 1)
_ABSENT = frozenset(ALL)


class Column(NamedTuple):
    """The values of a column, all of one kind; text as a list, all others as float64 or int64."""

    kind: str
    values: Any  # times in microseconds since 1970
    missing: NDArray[np.bool_]
    given: Any  # as they came

    def shown(self, row: int) -> str:
        """A value in words."""
        value = self.given[row]
        return str(value.item() if isinstance(value, np.generic) else value)


class PlainTable(NamedTuple):
    """Rows in columns."""

    m: int
    names: tuple[str, ...] | None  # None: they come by position
    columns: tuple[Column, ...]

    def n_missing(self, i: int) -> int:
        """How many values of a column are missing."""
        return int(self.columns[i].missing.sum())

    def valid(self, i: int) -> NDArray[np.bool_]:
        """Where a column has a value."""
        return ~self.columns[i].missing

    def shown(self, i: int, row: int) -> str:
        """A value in words."""
        return self.columns[i].shown(row)

    def completed(self, names: Sequence[str]) -> "PlainTable":
        """The same with all these columns; those that are not there are empty."""
        there = dict(zip(self.names or (), self.columns, strict=True))
        nothing = Column(NOTHING, [None] * self.m, np.ones(self.m, bool), [None] * self.m)
        return PlainTable(self.m, tuple(names), tuple(there.get(name, nothing) for name in names))


def plain_table(X: Any) -> PlainTable | None:
    """X as plain rows: an array, a dict of columns, a list of dicts or a frame of few rows.

    None if it is not plain.
    """
    names: tuple[str, ...] | None = None
    given: Iterable[Any]
    if type(X) is np.ndarray:
        if X.ndim != 2 or not X.size:
            return None
        given = X.T
    elif type(X) is dict:
        names, given = tuple(map(str, X)), X.values()
    elif type(X) is list and X and all(type(row) is dict for row in X):
        keys = dict.fromkeys(name for row in X for name in row)
        names = tuple(map(str, keys))
        given = [[row.get(key) for row in X] for key in keys]
    elif _is_frame(X):
        found = numbers_of(X)
        if found is None:
            texts = _texts_of(X)
            if texts is None:
                return None
            names, given = tuple(texts), texts.values()
        else:
            given, names = found[0].T, found[1]
    else:
        return None
    columns = list[Column]()
    for values in given:
        column = _column(values)
        if column is None:
            return None
        columns.append(column)
    if not columns or (names is not None and len(set(names)) < len(names)):
        return None
    m = len(columns[0].missing)
    if m == 0 or any(len(column.missing) != m for column in columns):
        return None
    return PlainTable(m, names, tuple(columns))


def numbers_of(X: Any) -> tuple[Floats, tuple[str, ...] | None] | None:
    """An array of numbers, or a frame of few rows of them, in float64 with its names."""
    names = None
    if type(X) is not np.ndarray:
        if not _is_frame(X) or len(X) > MOST:
            return None
        names, X = tuple(X.columns), X.to_numpy()
        if not all(type(name) is str for name in names):
            return None
    if X.ndim != 2 or not X.size or X.dtype.kind not in "fiub" or X.dtype.itemsize > 8:
        return None
    return np.ascontiguousarray(X, np.float64), names


def _texts_of(X: Any) -> dict[str, Any] | None:
    """The columns of a frame of few rows, if all are numbers of NumPy, or text and objects."""
    if len(X) > FEW or not X.columns.is_unique:
        return None
    kinds = X.dtypes
    names = [name for name in X.columns if type(name) is str]
    if len(names) < X.shape[1] or any(str(kind) not in TYPES_OF_FRAMES for kind in kinds):
        return None
    return {name: X[name].to_numpy() for name in names}


def _is_frame(X: Any) -> bool:
    """Whether it is a frame of pandas."""
    kind = type(X)
    return kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] == "pandas"


def stacked(table: PlainTable) -> NDArray[Any] | None:
    """The numbers of a table, (rows, columns); None where there is something else."""
    for column in table.columns:
        if column.kind not in (FLOATS, WHOLE) and (column.kind != TRUTH or column.missing.any()):
            return None
    return np.column_stack([column.values for column in table.columns])


def read(
    table: PlainTable, encoding: Encoding, written: Mapping[str, Written], spellings: Sequence[str]
) -> list[Values] | None:
    """What each column's plan reads, by position; None where a column is not plain to its plan.

    `spellings` stand for a missing number or date.
    """
    found = []
    for plan, column in zip(encoding.columns, table.columns, strict=True):
        values = _read(plan, column, written.get(plan.name) or Written(), spellings)
        if values is None and isinstance(plan, Number | Words | Time):
            return None
        found.append(values)
    return found


def _read(plan: Plan, column: Column, written: Written, spellings: Sequence[str]) -> Values | None:
    if isinstance(plan, Words):
        return _places(column, plan.words, fold=written.fold)
    if not isinstance(plan, Number | Time):
        return None
    if column.kind == NOTHING:
        return np.full(len(column.missing), np.nan)
    if column.kind == TEXT:
        is_plain = (
            not spellings and not written.kind and written.decimal == "." and plan.kind != "boolean"
        )
        return _of_text(column.values, plan) if is_plain else None
    if isinstance(plan, Number):
        if column.kind not in (FLOATS, WHOLE, TRUTH) or written.kind == "span":
            return None
        x = np.asarray(column.values, np.float64)
        is_truth = plan.kind != "boolean" or (np.isnan(x) | (x == 0) | (x == 1)).all()
        return x if is_truth else None
    if column.kind != (ZONED if plan.zoned else TIMES):
        return None
    return np.where(column.missing, np.nan, column.values / 1e6)


# --- values of one kind -----------------------------------------------------------------


def _column(given: Any) -> Column | None:
    """The values of a column, if they are plain."""
    if type(given) is np.ndarray and given.dtype.kind != "O":
        return _of_array(given)
    if type(given) not in (list, tuple, np.ndarray) or np.ndim(given) != 1 or len(given) > MOST:
        return None
    values = list(given)
    kinds = set(map(type, values)) - {type(None)}
    if not kinds <= KNOWN:
        return None
    missing = np.array([value is None or value != value for value in values], bool)
    if missing.all():
        return Column(NOTHING, values, missing, given)
    there = [value for value, m in zip(values, missing.tolist(), strict=True) if not m]
    kinds = set(map(type, there))
    if kinds == {str}:
        texts = [value if type(value) is str else None for value in values]
        is_text = all(text is None or text.isascii() or _is_unicode(text) for text in texts)
        return Column(TEXT, texts, missing, given) if is_text else None
    if kinds == {bool}:
        return Column(TRUTH, _with_nan(values, missing), missing, given)
    if kinds <= REAL:
        if any(abs(value) > EXACT for value in there if not isinstance(value, float | np.float32)):
            return None
        return Column(
            WHOLE if kinds <= INTEGER else FLOATS, _with_nan(values, missing), missing, given
        )
    if kinds in ({datetime.date}, {datetime.datetime}):
        return _of_times(values, missing, given)
    return None


def _of_array(given: NDArray[Any]) -> Column | None:
    """A column that NumPy gives a type, in the byte order of this machine."""
    kind, size = given.dtype.kind, given.dtype.itemsize
    if given.ndim != 1 or not given.dtype.isnative or size > 8:
        return None if kind != "U" or given.ndim != 1 else _column(given.tolist())
    if kind == "f":
        values = given.astype(np.float64)
        return Column(FLOATS, values, np.isnan(values), given)
    if kind in "iub":
        return Column(TRUTH if kind == "b" else WHOLE, given, np.zeros(len(given), bool), given)
    if kind == "M" and np.datetime_data(given.dtype) in [(unit, 1) for unit in UNITS]:
        return Column(TIMES, given.astype("M8[us]").astype(np.int64), np.isnat(given), given)
    return _column(given.tolist()) if kind == "U" else None


def _with_nan(values: Sequence[Any], missing: NDArray[np.bool_]) -> Floats:
    return np.array(
        [np.nan if m else value for value, m in zip(values, missing, strict=True)], float
    )


def _is_unicode(text: str) -> bool:
    """Whether no character is half a surrogate pair."""
    return not any("\ud800" <= c <= "\udfff" for c in text)


def _of_times(values: Sequence[Any], missing: NDArray[np.bool_], given: Any) -> Column | None:
    zones = {
        getattr(v, "tzinfo", None) is not None
        for v, m in zip(values, missing, strict=True)
        if not m
    }
    if len(zones) > 1:
        return None
    found = [0 if m else _microseconds(v) for v, m in zip(values, missing, strict=True)]
    return Column(ZONED if zones == {True} else TIMES, np.array(found, np.int64), missing, given)


def _microseconds(value: Any) -> int:
    """Since 1970; of a time with a zone in that of UTC."""
    if type(value) is datetime.date:
        value = datetime.datetime(value.year, value.month, value.day)
    if value.tzinfo is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)
    return int((value - _EPOCH) // datetime.timedelta(microseconds=1))


# --- text ---------------------------------------------------------------------------------


def _of_text(texts: Sequence[str | None], plan: Number | Time) -> Floats | None:
    """Numbers, or seconds, from text; None unless all of it is plain."""
    is_number = isinstance(plan, Number)
    pattern, out = _NUMERAL if is_number else _MOMENT, np.full(len(texts), np.nan)
    if isinstance(plan, Time) and plan.zoned:
        return None
    for row, text in enumerate(texts):
        if text is None or text in _ABSENT:
            continue
        if not pattern.fullmatch(text):
            return None
        try:
            out[row] = (
                float(text)
                if is_number
                else _microseconds(datetime.datetime.fromisoformat(text)) / 1e6
            )
        except ValueError:  # no such day
            return None
    return out


def _places(column: Column, words: tuple[str, ...], *, fold: bool) -> NDArray[np.int32] | None:
    """Of each value its place among the words."""
    texts = _texts(column)
    if texts is None:
        return None
    if fold and column.kind == TEXT:
        if not all(text is None or (text.isascii() and text.isprintable()) for text in texts):
            return None
        texts = [text and " ".join(text.lower().split()) for text in texts]
    known, spelt = _dictionary(words)
    out = np.empty(len(texts), np.int32)
    for row, text in enumerate(texts):
        if text is None:
            out[row] = MISSING
        elif (place := known.get(text)) is not None:
            out[row] = place
        else:
            out[row] = spelt.get(_in_one_spelling(text), UNKNOWN)
    return out


def _texts(column: Column) -> Sequence[str | None] | None:
    """The values as words, as `words.as_words` has them."""
    kind, missing = column.kind, column.missing.tolist()
    if kind == TEXT:
        return list(column.values)
    if kind == NOTHING:
        return [None] * len(missing)
    if kind in (TIMES, ZONED):
        return None
    values = np.asarray(column.values).tolist()
    if kind == FLOATS:
        return [word_of(value) for value in values]
    if kind == TRUTH:
        values = ["true" if value == 1 else "false" for value in values]
    return [
        None if m else value if kind == TRUTH else str(int(value))
        for value, m in zip(values, missing, strict=True)
    ]


@lru_cache(maxsize=256)
def _dictionary(words: tuple[str, ...]) -> tuple[dict[str, int], dict[str, int]]:
    """The place of each word, and of its spelling if no two words have the same."""
    known = {word: place for place, word in enumerate(words)}
    spelt = {_in_one_spelling(word): place for place, word in enumerate(words)}
    return known, spelt if len(spelt) == len(words) else {}


def _in_one_spelling(text: str) -> str:
    """As `words._in_one_spelling` of a column."""
    if not _WHOLE.fullmatch(text) and (found := _WITH_ZEROS.fullmatch(text)):
        text = found[1]
    if found := _CLOCK_OF_A_DAY.fullmatch(text):
        text = found[1]
    lowered = text.lower()
    return lowered if lowered in ("true", "false") else text

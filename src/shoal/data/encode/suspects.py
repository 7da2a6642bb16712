"""Columns that are suspicious: that give the target away, repeat another, or may count the rows.

Such columns are reported and used: whether a column is known when a prediction is wanted, only the
user knows. A leak is shown by what the column does alone: on half of a sample, drawn, it is learnt which
value goes with which target, by a table of its values or between its neighbours, and the other
half is answered by it; then the halves change places.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.data.encode.encoding import as_numbers
from shoal.data.encode.roles import may_count, of_whole_numbers
from shoal.data.read.words import as_words, coarser
from shoal.network.draws import permutation, uniform

Floats = NDArray[np.float64]
Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc

ROWS = 10_000  # of the sample
SAMPLED, HALVES = 1, 2  # the keys of what is drawn
LEAST_ROWS = 40  # fewer prove nothing
# What is left of a constant answer's error. A good feature leaves more; a copy of the target less.
LEFT = 0.01
# Between neighbours in a column, of the difference that chance gives: far more than any leak leaves.
UNLIKE = 0.3
ENDS = 20  # of the values between an end and where the slope beyond it is taken from
LEAST_ERROR = 0.02  # of a constant answer, in classes: below it there is little to give away
VALUES_OF_TEXT = (
    4  # rows for each of its values, on average: else a table of them is learnt by heart
)
NONE = (0.0, 1.0)  # the scores where there is nothing to score


class Leak(NamedTuple):
    """A column that alone answers nearly as well as the target itself."""

    column: str
    right: float  # share of answers, or of the variance
    usual: float  # the same of a constant answer
    rows: int  # that were answered
    classes: bool


class Counter(NamedTuple):
    """A column that is used and may be a row counter or an id."""

    column: str
    rows: int


class Twins(NamedTuple):
    """A column that has the values of an earlier one."""

    column: str
    first: str


def sample(table: pa.Table, *columns: NDArray[Any]) -> tuple[Any, ...]:
    """At most `ROWS` rows of a table and of arrays: one drawn from each of this many equal parts.

    Rows at equal distances would all be of one kind where kinds come by turns.
    """
    m = table.num_rows
    if m <= ROWS:
        return table, *columns
    ends = np.arange(ROWS + 1) * m // ROWS
    lengths = np.diff(ends)
    rows = ends[:-1] + (uniform(SAMPLED, 0, ROWS) * lengths).astype(np.int64)
    return table.take(pa.array(rows)), *(column[rows] for column in columns)


def twins(table: pa.Table) -> list[Twins]:
    """Columns with the same values as an earlier one, in all of these rows."""
    first: dict[Any, list[str]] = {}
    found = []
    for name in table.column_names:
        column = table[name].combine_chunks()
        like = first.setdefault((column.type, column.null_count, _ends(column)), [])
        equal = next(
            (other for other in like if column.equals(table[other].combine_chunks())), None
        )
        if equal is None:
            like.append(name)
        elif column.null_count < len(column):
            found.append(Twins(name, equal))
    return found


def counters(table: pa.Table) -> list[Counter]:
    """Columns of whole numbers, all different, that are not set aside and may count the rows."""
    found = []
    for name in table.column_names:
        there = table[name].drop_null() if pa.types.is_integer(table[name].type) else None
        if there is None or len(there) < LEAST_ROWS:
            continue
        x = as_numbers(there, name)
        is_aside = len(x) == table.num_rows and of_whole_numbers(name, x) is not None
        if not is_aside and may_count(name, x):
            found.append(Counter(name, len(x)))
    return found


def _ends(column: Any) -> tuple[Any, ...]:
    places = [0, len(column) // 2, len(column) - 1] if len(column) else []
    return tuple(coarser(column.take(places)).to_pylist())


def may_leak(X: NDArray[Any], y: NDArray[Any], *, classes: bool) -> NDArray[np.bool_]:
    """Of columns of numbers, X (m, n), those that `leaks` has to look at: a tenth of its time.

    Where a column answers for y, rows with neighbouring values of it have like targets.
    """
    order = np.argsort(np.ascontiguousarray(X.T), axis=1)
    targets = y[order]
    if classes:
        chance = 1 - float(np.square(np.bincount(y) / len(y)).sum())
        differ = (targets[:, 1:] != targets[:, :-1]).mean(axis=1)
    else:
        chance, differ = float(np.var(y)), np.square(np.diff(targets, axis=1)).mean(axis=1) / 2
    return np.asarray(differ <= UNLIKE * chance)


@lru_cache(maxsize=4)
def halves_of(m: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two halves of m rows, drawn."""
    first, second = np.array_split(permutation(HALVES, 0, m), 2)
    return np.sort(first), np.sort(second)


def leaks(
    table: pa.Table, y: NDArray[Any], *, classes: bool, among: Sequence[str] | None = None
) -> list[Leak]:
    """Columns that alone answer for y, numbers of classes or numbers, without most of the error.

    Only columns `among` these names are looked at; None: all of them.
    """
    m = table.num_rows
    if m < LEAST_ROWS or table.num_columns < 2:
        return []
    first, second = halves_of(m)
    found = []
    for name in table.column_names if among is None else among:
        scores = []
        for learnt, asked in ((first, second), (second, first)):
            guess = _answers(table[name], name, y, learnt, asked, classes=classes)
            if guess is None:
                break
            scores.append(_scores(guess, y, learnt, asked, classes=classes))
            if 1 - scores[0][0] > 2 * LEFT:
                break  # too many errors in this half already
        else:
            right, usual = (float(one) for one in np.mean(scores, axis=0))
            if 1 - right <= LEFT * (1 - usual):
                found.append(Leak(name, right, usual, m, classes))
    return found


def _scores(
    guess: NDArray[Any], y: NDArray[Any], learnt: Any, asked: Any, *, classes: bool
) -> tuple[float, float]:
    """How right the answers are, and a constant answer."""
    truth = y[asked]
    if classes:
        usual = np.bincount(y[learnt]).argmax()
        constant = float(np.mean(truth == usual))
        # Where nearly all rows are of one class nothing can be shown.
        return (float(np.mean(guess == truth)), constant) if 1 - constant >= LEAST_ERROR else NONE
    spread = float(np.square(truth - y[learnt].mean()).mean())
    if not spread > 0:
        return NONE
    return 1 - float(np.square(truth - guess).mean()) / spread, 0.0


def _answers(
    column: Column, name: str, y: NDArray[Any], learnt: Any, asked: Any, *, classes: bool
) -> NDArray[Any] | None:
    """What is answered for the rows that are asked, if only this column is known."""
    if pa.types.is_null(column.type):
        return None
    usual = np.bincount(y[learnt]).argmax() if classes else y[learnt].mean()
    if _is_text(column.type):
        codes = _codes(column)
        if int(codes.max()) * VALUES_OF_TEXT > len(codes):
            return None
        return _by_value(codes, y, learnt, usual, classes=classes)[codes[asked]]
    x = as_numbers(column, name)
    missing = np.isnan(x)
    there, wanted = learnt[~missing[learnt]], asked[~missing[asked]]
    guess = np.full(len(asked), usual, y.dtype if classes else float)
    absent = learnt[missing[learnt]]
    if len(absent):
        guess[missing[asked]] = np.bincount(y[absent]).argmax() if classes else y[absent].mean()
    if len(there) and len(wanted):
        guess[~missing[asked]] = _nearby(x[there], y[there], x[wanted], classes=classes)
    return guess


def _is_text(kind: pa.DataType) -> bool:
    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return pa.types.is_dictionary(kind) or any(is_kind(kind) for is_kind in text)


def _codes(column: Column) -> NDArray[np.int64]:
    """A number for each value; missing ones have their own."""
    coded = pc.dictionary_encode(as_words(column), null_encoding="encode")
    return np.asarray(coded.combine_chunks().indices.to_numpy(), np.int64)


def _by_value(
    codes: NDArray[np.int64], y: NDArray[Any], learnt: Any, usual: Any, *, classes: bool
) -> NDArray[Any]:
    """The answer for each value: its most frequent class, or its mean."""
    n, known = int(codes.max()) + 1, codes[learnt]
    counts = np.bincount(known, minlength=n)
    if classes:
        k = int(y.max()) + 1
        table = np.bincount(known * k + y[learnt], minlength=n * k).reshape(n, k)
        return np.where(counts > 0, table.argmax(axis=1), usual)
    sums = np.bincount(known, y[learnt], minlength=n)
    return np.where(counts > 0, sums / np.maximum(counts, 1), usual)


def _nearby(x: Floats, y: NDArray[Any], wanted: Floats, *, classes: bool) -> NDArray[Any]:
    """The answer between the nearest values that were seen: theirs, or on a line through them."""
    values, places = np.unique(x, return_inverse=True)
    if classes:
        answers = _by_value(places, y, slice(None), 0, classes=True)
        nearest = np.searchsorted((values[1:] + values[:-1]) / 2, wanted)
        return np.asarray(answers[nearest])
    guess = np.interp(wanted, values, np.bincount(places, y) / np.bincount(places))
    outside = (wanted < values[0]) | (wanted > values[-1])  # there a line goes on
    if outside.any() and len(values) > 1:
        means, inner = np.bincount(places, y) / np.bincount(places), max(1, len(values) // ENDS)
        for end, next_to_it, there in (
            (0, inner, wanted < values[0]),
            (-1, -1 - inner, wanted > values[-1]),
        ):
            slope = (means[next_to_it] - means[end]) / (values[next_to_it] - values[end])
            guess[there] = means[end] + slope * (wanted[there] - values[end])
    return guess


def lines(found: Sequence[Leak | Twins | Counter]) -> list[str]:
    """What the columns are suspected of, a line each."""
    return [_line(one) for one in found]


def _line(one: Leak | Twins | Counter) -> str:
    if isinstance(one, Counter):
        return (
            f'column "{one.column}" is used, and may be a row counter or an id: its {one.rows:,} whole '
            "numbers are all different. If it is one, leave it out."
        )
    if isinstance(one, Twins):
        return f'column "{one.column}" has the same values as "{one.first}".'
    if one.classes:
        shown = (
            f"{_percent(one.right)} of {one.rows:,} rows right ({_percent(one.usual)} without it)"
        )
    else:
        shown = f"{_percent(one.right)} of the variance of {one.rows:,} rows"
    return (
        f'column "{one.column}" may give the target away: alone it gets {shown}. Is it known when '
        "you predict?"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"

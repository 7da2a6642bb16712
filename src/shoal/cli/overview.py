"""A table before anything is trained: what each column would be taken for, and what is odd.

The columns are learnt by the code that a training uses, so that what is shown is what happens.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.cli.screen.lines import encoded_columns, listed, percent, short
from shoal.compute.engine import engine
from shoal.data.encode.encoding import Number, Plan, SetAside, Time, Words, as_numbers, as_seconds
from shoal.data.encode.learning import learn
from shoal.data.encode.suspects import counters, leaks, lines, sample, twins
from shoal.data.read.words import as_words, coarser
from shoal.data.rows.question import Problem
from shoal.data.rows.target import CLASSIFICATION

MOST_SHOWN = 3  # values of a column
MOST_SUSPECTS = 5
MANY = 10_000  # values, in which few different ones would be seen
MOST_BARS = 40  # of a picture

TAKEN = {
    "number": "number",
    "boolean": "true or false",
    "words": "category",
    "time": "date or time",
    "constant": "not used: constant",
}

Values = NDArray[Any]


class ColumnSeen(NamedTuple):
    """A column."""

    name: str
    kind: str  # number, boolean, words, time, set aside
    taken: str  # for what it would be taken, in a few words
    encoding: str  # the same, in full
    missing: int
    values: str  # what is in it
    parts: tuple[Values, Values] | None  # for a picture: places and counts of its values


class Looked(NamedTuple):
    """A table that was looked at."""

    file: str
    rows: int
    columns: list[ColumnSeen]
    problem: Problem | None  # if the target is known
    suspects: list[str]


def columns_seen(table: pa.Table, words: Sequence[str], numbers: Sequence[str]) -> list[ColumnSeen]:
    """The columns, as a training on these rows would take them."""
    encoding = learn(table, None, engine.sums_about, words=words, numbers=numbers).encoding
    told = [what for _, what in encoded_columns(encoding)]
    return [
        _seen(plan, what, table[plan.name])
        for plan, what in zip(encoding.columns, told, strict=True)
    ]


def _seen(plan: Plan, encoding: str, column: Any) -> ColumnSeen:
    missing = int(pc.sum(pc.is_null(column, nan_is_null=True)).as_py() or 0)
    values, parts = _values(plan, column)
    return ColumnSeen(plan.name, plan.kind, _briefly(plan), encoding, missing, values, parts)


def _briefly(plan: Plan) -> str:
    if isinstance(plan, SetAside):
        return f"not used: {plan.reason.split(' (')[0]}"
    return TAKEN.get(plan.kind, plan.kind)


def _values(plan: Plan, column: Any) -> tuple[str, tuple[Values, Values] | None]:
    if isinstance(plan, Number) and plan.kind == "number":
        x = as_numbers(column, plan.name)
        x = x[~np.isnan(x)]
        return f"{x.min():,.6g} to {x.max():,.6g}, mean {x.mean():,.4g}", _histogram(x)
    if isinstance(plan, Time):
        seconds = as_seconds(column, plan.name)
        ends = pc.min_max(column.cast(pa.string()) if _is_text(column) else coarser(column)).as_py()
        places, counts = _histogram(seconds[~np.isnan(seconds)])
        return f"{ends['min']} to {ends['max']}", (places.astype("datetime64[s]"), counts)
    text = as_words(column) if isinstance(plan, Words) else column.cast(pa.string())
    return _words(text)


def _is_text(column: Any) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _histogram(x: Values) -> tuple[Values, Values]:
    """Places and counts: of each value where there are few, else of parts of the range."""
    if len(np.unique(x[:MANY])) <= MOST_BARS:  # of a million rows sorting takes a while
        values, counts = np.unique(x, return_counts=True)
        if len(values) <= MOST_BARS:
            return values, counts
    counts, edges = np.histogram(x, bins=MOST_BARS)
    return (edges[1:] + edges[:-1]) / 2, counts


def _words(text: Any) -> tuple[str, tuple[Values, Values] | None]:
    """The most frequent values, with their shares."""
    counted = pc.value_counts(text.drop_null())
    names, counts = counted.field("values"), counted.field("counts").to_numpy()
    if not len(counts):
        return "", None
    order = np.argsort(-counts, kind="stable")[:10]
    shares = [
        f"{short(names[int(i)], 20)} {percent(counts[i] / counts.sum())}"
        for i in order[:MOST_SHOWN]
    ]
    if counts.max() == 1:
        shares = [short(names[int(i)], 20) for i in order[:MOST_SHOWN]]
    shown = np.array([short(names[int(i)], 20) for i in order])
    return listed(shares, len(counts)), (shown, counts[order])


def suspects(problem: Problem) -> list[str]:
    """What is suspicious about a table and its target, a line each."""
    classes = problem.task == CLASSIFICATION
    y = np.unique(problem.y, return_inverse=True)[1] if classes else problem.y
    table, y = sample(problem.X, y)
    found = [*leaks(table, y, classes=classes), *_twins(problem.X, table)]
    return _bounded(lines([*found, *_counters(problem.X, table)]))


def suspects_without_target(table: pa.Table) -> list[str]:
    """The same where no one has said which column is the target."""
    part = sample(table)[0]
    return _bounded(lines([*_twins(table, part), *_counters(table, part)]))


def _twins(table: pa.Table, part: pa.Table) -> list[Any]:
    """Columns that are the same in a part of the rows, and then in all."""
    names = {name for found in twins(part) for name in found}
    return twins(table.select([name for name in table.column_names if name in names]))


def _counters(table: pa.Table, part: pa.Table) -> list[Any]:
    """Columns that may count the rows: whole numbers that differ in a part of them, and in all."""
    differ = [
        name for name in part.column_names
        if pa.types.is_integer(part[name].type)
        and len(pc.unique(part[name].drop_null())) == len(part[name]) - part[name].null_count
    ]  # fmt: skip
    return counters(table.select(differ))


def _bounded(told: list[str]) -> list[str]:
    more = len(told) - MOST_SUSPECTS
    return told if more <= 0 else [*told[:MOST_SUSPECTS], f"{more:,} more columns are like these."]

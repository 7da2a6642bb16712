"""Columns that mislead: that give the target away, are noise, or are codes taken as numbers."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.compute.engine import product
from shoal.data.encode.encoding import as_numbers
from shoal.data.encode.suspects import leaks, may_leak, sample
from shoal.data.rows.examples import rows_of
from shoal.data.rows.seen import hashes_of
from shoal.data.rows.sparse import Sparse
from shoal.diagnosis.case import Seen
from shoal.diagnosis.findings import Finding
from shoal.diagnosis.suspect import use
from shoal.wording import wording

GIVES_AWAY = 0.8  # of the variance: a network that explains less has found no leak
FEWEST_COLUMNS = 3  # of fewer one may well be all that counts
REPEATED = 0.97  # of the rows: where fewer are different, each counts once
LOOKED_AT, MOST_COLUMNS, MOST_TARGETS = 1000, 300, 8  # rows, columns and targets of a table
TELLING = 20  # columns of sparse rows
MANY_COLUMNS = 50
SURELY = 3.0  # standard errors of a correlation
# The same of a column's product with another: beyond the largest that chance gives among so many pairs.
SURELY_OF_PAIRS = 2.0
COST_OF_PAIRS = 0.03  # of the fit's work
CODES = (5, 200)  # different values of a column of whole numbers that may be codes
ROWS_OF_A_CODE = 5
CLOSE = 4  # times the rows: whole numbers in so small a range are counted without sorting them
SAID_BY_CODES = 0.1  # of the variance, more than neighbouring numbers say
SURELY_OF_CODES = (
    4.0  # standard errors of what chance says: the most of some tens of columns is below it
)
UNITS = 3  # that may stand beside the numbers of a column; what differs more is a code
# A number with something beside it, which may be m2. A letter right before the digits makes it a code:
# N409AS, K12.
A_NUMBER = re.compile(r"^(\D{0,7}[^\w]|)\d[\d.,' ]*(\D{0,8}|[^\W\d_]{1,4}[23])$")


def leak(seen: Seen) -> Iterator[Finding]:
    """A column that alone answers nearly as well as the target itself."""
    if seen.case.given is None or seen.explained < GIVES_AWAY:
        return
    classes = seen.shape.output not in ("identity", "poisson")
    given = seen.case.given.table
    if isinstance(given, Sparse):
        some = given[_some_rows(seen)]
        found = (
            one for y in _targets(seen)
            for one in leaks(_telling(some, y, classes=classes), y, classes=classes)
        )  # fmt: skip
    else:
        table = _columns(seen)
        if table is None or table.num_columns < FEWEST_COLUMNS:
            return
        targets, copies = _targets(seen), seen.distinct < seen.every.m
        if copies and len(once := _once(seen)) < REPEATED * table.num_rows:
            table, targets = table.take(pa.array(once)), [y[once] for y in targets]
        found = (
            one for y in targets
            for one in leaks(*sample(table, y), classes=classes, among=_likely(seen, table, y))
        )  # fmt: skip
    for one in itertools.islice(found, 1):
        shown = f"{one.right:.1%} of {one.rows:,} rows right, {one.usual:.1%} without it"
        if not classes:
            shown = f"{one.right:.1%} of the variance of {one.rows:,} rows"
        named = seen.case.settings.get("encode") is not None and not isinstance(given, Sparse)
        cure: dict[str, Any] = {"drop": [one.column]} if named else {}
        yield Finding(
            "leak",
            "warning",
            f'column "{one.column}" may give the target away: alone it gets {shown}.',
            wording(
                "Is it known when you predict? If not, leave it out",
                *((": ", *use(cure)) if cure else ()), ".",
            ),
            cure,
            {"column": one.column, "right": one.right, "without": one.usual},
        )  # fmt: skip


def _once(seen: Seen) -> NDArray[np.int64]:
    """Which of the rows that are looked at do not repeat one before: a copy is answered by any column."""
    assert seen.case.given is not None
    rows = rows_of(seen.case.given.examples.X, _some_rows(seen))
    return np.sort(np.unique(hashes_of(rows), return_index=True)[1])


def _likely(seen: Seen, table: pa.Table, y: NDArray[Any]) -> list[str]:
    """The columns that may be leaks: of a table that was given as an array not all of them."""
    assert seen.case.given is not None
    if not isinstance(seen.case.given.table, np.ndarray):
        return list(table.column_names)
    X = np.stack([column.to_numpy() for column in table.columns], axis=1)
    likely = may_leak(X, y, classes=y.dtype == np.int64)
    return [table.column_names[j] for j in np.flatnonzero(likely)]


def _telling(X: Sparse, y: NDArray[Any], *, classes: bool) -> pa.Table:
    """Of sparse rows the columns whose zeros alone leave least of y open: a leak is one of these."""
    columns, places = np.unique(X.columns, return_inverse=True)
    n, lengths = len(columns), np.diff(X.starts)
    if classes:
        there, labels = np.bincount(y), np.repeat(y, lengths)
        zeros = [m - np.bincount(places[labels == c], minlength=n) for c, m in enumerate(there)]
        left = np.sum(zeros, axis=0) - np.max(zeros, axis=0)
    else:
        Y = y - y.mean()
        sums, squares = (
            V.sum() - np.bincount(places, np.repeat(V, lengths), n) for V in (Y, Y * Y)
        )  # fmt: skip
        left = squares - sums**2 / np.maximum(len(X) - np.bincount(places, minlength=n), 1)
    rows, found = np.repeat(np.arange(len(X)), lengths), {}
    for j in np.argsort(left, kind="stable")[:TELLING].tolist():
        column = np.zeros(len(X))
        column[rows[places == j]] = X.values[places == j]
        found[f"x{columns[j]}"] = column
    return pa.table(found)


def _columns(seen: Seen, *, whole: bool = False) -> pa.Table | None:
    """The table as it was given, some of its rows; None where there is none, or one too wide.

    Of an array only columns of whole numbers where `whole`.
    """
    assert seen.case.given is not None
    table = seen.case.given.table
    if isinstance(table, Sparse) or not isinstance(table, pa.Table | np.ndarray):
        return None
    rows, left_out = _some_rows(seen), list(seen.case.settings.get("drop") or ())
    if isinstance(table, pa.Table):
        table = table.drop_columns([name for name in table.column_names if name in left_out])
        if table.num_columns > MOST_COLUMNS:
            return None
        return table if seen.case.given.rows is not None else table.take(pa.array(rows))
    if table.shape[1] > MOST_COLUMNS or table.dtype.kind not in "biuf":
        return None
    names = seen.case.columns or [f"x{j}" for j in range(table.shape[1])]
    if len(names) != table.shape[1]:
        names = [f"x{j}" for j in range(table.shape[1])]
    V = table[rows]
    kept = (np.floor(V) == V).all(axis=0) if whole else np.ones(len(names), bool)
    columns = zip(names, V.T, kept, strict=True)
    return pa.table({n: np.ascontiguousarray(x) for n, x, k in columns if k and n not in left_out})


@lru_cache(maxsize=4)
def rows_to_look_at(m: int) -> NDArray[np.int64]:
    """Which of m rows are looked at as they were given: drawn, as kinds may come by turns."""
    return np.random.default_rng(0).permutation(m)[:LOOKED_AT]


def _some_rows(seen: Seen) -> NDArray[np.int64]:
    given = seen.case.given
    assert given is not None
    return rows_to_look_at(given.examples.m) if given.rows is None else given.rows


def _target(seen: Seen) -> NDArray[Any] | None:
    """The only target."""
    targets = _targets(seen)
    return targets[0] if len(targets) == 1 else None


def _targets(seen: Seen) -> list[NDArray[Any]]:
    """The first targets of the same rows: numbers of classes, or numbers."""
    assert seen.case.given is not None
    examples, rows = seen.case.given.examples, _some_rows(seen)
    if examples.labels is not None:
        return [np.asarray(examples.labels[rows], np.int64)]
    if examples.Y is None or seen.shape.output == "softmax":
        return []
    kind = np.int64 if seen.shape.output == "sigmoid" else np.float64
    return list(np.asarray(examples.Y[rows, :MOST_TARGETS].T, kind))


def noise_columns(seen: Seen) -> Iterator[Finding]:
    """Many columns that have nothing to do with the target, and without which more is learnt."""
    case = seen.case
    if isinstance(seen.learnt.X, Sparse) or case.settings.get("encode", "auto") is not None:
        return
    if seen.shape.n_x < MANY_COLUMNS or case.recipes is None:
        return
    if case.earlier and "noise-columns" in case.earlier.names:
        return  # found on the rows of the training, which are more
    X, Y, _ = seen.learnt.columns(seen.shape.n_y)
    X, Y = (V - V.mean(axis=1, keepdims=True, dtype=np.float64) for V in (X, Y))
    X, Y = (
        (V / np.maximum(V.std(axis=1, keepdims=True), 1e-300)).astype(np.float32) for V in (X, Y)
    )
    keep = (np.abs(product(X, Y)) > SURELY * max(X.shape[1], 1) ** 0.5).any(axis=1)
    some, targets = X[:, :LOOKED_AT], Y[:, :LOOKED_AT]
    affordable = seen.thorough or len(X) * some.size * len(Y) <= COST_OF_PAIRS * case.work
    if keep.sum() <= seen.shape.n_x / 2 and affordable:
        keep |= _in_pairs(some, targets)
    if not 0 < keep.sum() <= seen.shape.n_x / 2:
        return
    tried = seen.tried({}, keep=keep)
    if not (tried and tried.helped_as_expected):  # the columns are not chosen by these rows
        return
    names = [case.columns[j] if j < len(case.columns) else f"x{j}" for j in np.flatnonzero(keep)]
    yield Finding(
        "noise-columns",
        "warning",
        f"{seen.shape.n_x - keep.sum():,} of {seen.shape.n_x:,} columns have nothing to do with the "
        f"target that shows: with the {keep.sum():,} others alone the loss of a short training is "
        f"{tried.after:.3g}, and with all {tried.before:.3g}.",
        f"Keep the columns that count: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}.",
        {},
        {"columns": names, "loss_before": tried.before, "loss_after": tried.after},
    )


def _in_pairs(X: NDArray[np.float32], Y: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which columns say something of a target by their product with another, as in exclusive or."""
    n, m = X.shape
    # The largest of n standard normal numbers is about √(2 log n).
    surely = (2 * np.log(n * (n + 1) / 2 * len(Y))) ** 0.5 + SURELY_OF_PAIRS
    found = np.zeros(n, bool)
    for y in Y:
        found |= (np.abs(product(X * y, X)) > surely * m**0.5).any(axis=1)
    return found


def codes_and_ids(seen: Seen) -> Iterator[Finding]:
    """Columns of codes that are taken as numbers, and of numbers that are taken as text."""
    if seen.case.given is None or seen.explained > GIVES_AWAY:
        return
    table = _columns(seen, whole=True)
    if table is None or not table.num_columns:
        return
    y = _target(seen)
    if y is None:
        return
    for name in table.column_names:
        column = table[name]
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            yield from _code(seen, name, column, y)
        elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            yield from _number_as_text(name, column)


def _code(seen: Seen, name: str, column: Any, y: NDArray[Any]) -> Iterator[Finding]:
    if seen.case.settings.get("encode") is not None and seen.case.settings.get("words") == (name,):
        return
    x = as_numbers(column, name)
    if len(x) < CODES[0] * ROWS_OF_A_CODE or (x != np.floor(x)).any():
        return
    places = _places_of(x)
    counts = np.bincount(places)
    there = np.flatnonzero(counts)
    n = len(there)
    if not CODES[0] <= n <= CODES[1] or len(x) < ROWS_OF_A_CODE * n:
        return
    if seen.shape.output in ("identity", "poisson"):
        Y = np.asarray(y, np.float64) - y.mean()
        sums, squares = np.bincount(places, Y)[:, None], float(np.square(Y).sum())
    else:
        k = int(y.max()) + 1
        sums = np.bincount(places * k + y, minlength=len(counts) * k).reshape(-1, k)
        squares = float(len(y))
    own, near = said(counts[there], sums[there], squares)
    # Of n values that say nothing the standard error of the share is √2n / m.
    chance = SURELY_OF_CODES * (2 * n) ** 0.5 / len(x)
    if own - near < max(SAID_BY_CODES, chance) or own < 2 * near:
        return
    cure: dict[str, Any] = (
        {"encode": "auto"} if seen.case.settings.get("encode") is None
        else {"words": [name]}
    )  # fmt: skip
    yield Finding(
        "codes-as-numbers",
        "warning",
        f'column "{name}" is taken as a number, and its {n} values are codes: each says '
        f"{own:.0%} of the variance by itself, and its neighbours {near:.0%}.",
        wording("Treat it as categorical: ", *use(cure), "."),
        cure,
        {"column": name, "by_value": own, "by_neighbours": near},
    )


def _places_of(x: NDArray[np.float64]) -> NDArray[np.int64]:
    """Of each whole number its place among all; some places may be empty, which saves sorting them."""
    low = x.min()
    if x.max() - low < CLOSE * len(x):
        return (x - low).astype(np.int64)
    return np.asarray(np.unique(x, return_inverse=True)[1], np.int64)


def said(counts: NDArray[np.int64], sums: NDArray[Any], squares: float) -> tuple[float, float]:
    """The share of the variance that a value says by itself, and that the values beside it say.

    `counts` (k,) are of the rows of each value, `sums` (k, n_y) of their targets, and `squares` is the
    sum of the targets' squares.
    """
    k, m = len(counts), int(counts.sum())
    total = squares - float(np.square(sums.sum(axis=0)).sum()) / m
    if k < 3 or m <= k or total <= 1e-12 * squares:
        return 0.0, 0.0
    n, means = counts[:, None].astype(float), sums / counts[:, None]
    noise = max(squares - float((means * sums).sum()), 0.0) / (m - k)
    own = 1 - noise / (total / (m - 1))
    if own < SAID_BY_CODES:
        return own, own  # whatever those beside it say
    before, after, n = n[:-2], n[2:], n[1:-1]
    both = before + after
    beside = (before * means[:-2] + after * means[2:]) / both
    # What chance adds to both squares is taken off; of codes the first is so many times the second.
    apart = 1 + (before**2 + after**2) / both**2
    left = float((n * (means[1:-1] - beside) ** 2 / apart).sum())
    left -= noise * float(((1 + n / both) / apart).sum())
    known = float((n * (means[1:-1] - sums.sum(axis=0) / m) ** 2).sum()) - noise * (k - 2)
    return own, min(max(own * (1 - left / known), 0.0), own) if known > 0 else own


def _number_as_text(name: str, column: Any) -> Iterator[Finding]:
    values = pc.unique(column.drop_null())
    if len(values) < CODES[0] * 4:
        return
    texts = [str(text) for text in values[:200].to_pylist()]
    found = [(match.groups(), text) for text in texts if (match := A_NUMBER.match(text))]
    beside = Counter(one for one, _ in found).most_common(UNITS)
    if sum(n for _, n in beside) < 0.9 * len(texts):
        return
    numbers = [text for _, text in found]
    yield Finding(
        "numbers-as-text",
        "warning",
        f'column "{name}" is text, and {len(numbers)} of {len(texts)} of its values are numbers with '
        f'something beside them, such as "{numbers[0]}": every value is a category of its own.',
        "Take the number out of it before the fit.",
        {},
        {"column": name, "example": numbers[0]},
    )

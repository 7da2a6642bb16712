"""Learn how a table's columns become numbers, from runs of its rows.

One algorithm for a table in memory and for files of any size, so that both give the same
encoding: means and deviations are added along the fixed tree, over all rows; bins and words are
learnt of 100,000 rows, chosen by their numbers; whether there is a hole anywhere is seen in all.
The edges of bins are values of the column itself, so that nothing is rounded.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.data.encode.encoding import (
    MOST_WORDS,
    PARTS,
    Column,
    Encoding,
    Number,
    Plan,
    SetAside,
    Time,
    Words,
    as_numbers,
    as_seconds,
    calendar,
    check_zone,
    infinite,
)
from shoal.data.encode.moments import Floats, Running, SumsAbout
from shoal.data.encode.novelty import Usual
from shoal.data.encode.roles import Role, of_text, of_whole_numbers, report
from shoal.data.read.words import as_words
from shoal.errors import DataError, Setting, SettingError, wording
from shoal.warn import warn


class Learnt(NamedTuple):
    """What was learnt of the columns of a table."""

    encoding: Encoding
    usual: tuple[Usual, ...]  # of each column


Weights = Floats | None
Run = tuple[pa.Table, Weights]

RUN_ROWS = 1 << 16  # of a run: 128 whole blocks, so that its sums are a node of the tree
SAMPLE_ROWS = 100_000  # of this many rows, evenly spread, bins and words are learnt

TOO_CLOSE = (
    "its numbers differ only beyond the 15 digits of float64: name it in words if it is an id"
)
TOO_SMALL = "its numbers are too small to be squared: multiply them by a constant"
SMALL = 1e-150  # whose square float64 rounds to 0, or nearly

# A word is frequent from this weight on: 1 in 1,000 rows, but 2 suffice and 20 always do. Frequent
# words get a column of their own, and all others share one.
RARE_SHARE, RARE_LEAST, RARE_MOST = 1 / 1000, 2, 20
# From the 129th word of a column on, only those of 300 rows and more, unless the column is named in `words`: the
# network overfits to words that say little, and a hundred rows do not prevent it (docs/how-to/estimators.md).
FIRST_WORDS, ROWS_OF_MORE = 128, 300


def learn(
    table: pa.Table,
    weights: Weights,
    sums_about: SumsAbout,
    *,
    words: Sequence[str] = (),
    numbers: Sequence[str] = (),
    drop: Sequence[str] = (),
    bins: int = 0,
    named: bool = True,
) -> Learnt:
    """The encoding of a table in memory; rows of weight 0 count for nothing.

    `words`, `numbers` and `drop` override what is guessed. A number gets at most this many `bins`;
    fewer where values repeat, none for two values. Counters, ids and free text are only looked for
    where columns are `named`.
    """
    check_overrides(table.column_names, words, numbers, drop)
    if weights is not None and (weights == 0).any():
        present = weights > 0
        table, weights = table.filter(pa.array(present)), weights[present]
    wanted = wishes(words, numbers, drop)
    runs = _cut(table, weights)
    return learn_runs(runs, table.num_rows, sums_about, wanted, bins, named=named)


def _cut(table: pa.Table, weights: Weights) -> Iterator[Run]:
    for at in range(0, table.num_rows, RUN_ROWS):
        w = None if weights is None else weights[at : at + RUN_ROWS]
        yield table.slice(at, RUN_ROWS), w


def wishes(words: Sequence[str], numbers: Sequence[str], drop: Sequence[str]) -> dict[str, str]:
    """What the caller wants each named column to be."""
    pairs = (("words", words), ("number", numbers), ("drop", drop))
    return {name: kind for kind, names in pairs for name in names}


def learn_runs(
    runs: Iterable[Run],
    m: int,
    sums_about: SumsAbout,
    wanted: dict[str, str],
    bins: int,
    *,
    named: bool = True,
) -> Learnt:
    """The encoding of m rows that come in runs: each of 2ᵏ whole blocks, but for the last."""
    looks: dict[str, _Look] = {}
    first = 0
    for table, w in runs:
        sample = _sampled(first, first + table.num_rows, m)
        for name in table.column_names:
            look = looks.setdefault(name, _Look(name, wanted.get(name, ""), sums_about))
            look.add(table[name], w, sample, first)
        first += table.num_rows
    plans = [look.plan(bins) for look in looks.values()]
    found = list(looks.values())
    plans = _without_ids(found, plans) if named else plans
    for plan in plans:
        if isinstance(plan, SetAside) and plan.reason in (TOO_CLOSE, TOO_SMALL):
            warn(f'column "{plan.name}" is set aside: {plan.reason}.')
    usual = tuple(look.usual(plan) for look, plan in zip(found, plans, strict=True))
    return Learnt(Encoding(tuple(plans)), usual)


def _without_ids(looks: Sequence["_Look"], plans: list[Plan]) -> list[Plan]:
    """The plans; columns that are no features are set aside and reported, if others are left."""
    found = [look.role() for look in looks]
    if all(role or isinstance(plan, SetAside) for role, plan in zip(found, plans, strict=True)):
        return plans
    report([role for role in found if role])
    return [
        SetAside(plan.name, role.reason) if role else plan
        for role, plan in zip(found, plans, strict=True)
    ]


def _sampled(first: int, last: int, m: int) -> NDArray[np.int64]:
    """Which rows of first … last - 1 are in the sample, counted from `first`."""
    if m <= SAMPLE_ROWS:
        return np.arange(last - first)
    low, high = (-(-row * SAMPLE_ROWS // m) for row in (first, last))
    return np.arange(low, high) * m // SAMPLE_ROWS - first


class _Look:
    """What is seen of a column, run after run."""

    def __init__(self, name: str, wish: str, sums_about: SumsAbout) -> None:
        self.name, self.kind, self.wish = name, "", wish
        self.holes = self.there = self.zoned = False
        self.running = Running(sums_about)
        self.rows = self.missing = 0
        self.low, self.high = np.inf, -np.inf  # of numbers and times
        self.samples: list[Any] = []
        self.weights: list[Floats] = []
        self.ends: dict[str, tuple[int, int]] = {}  # of the parts of the calendar
        self.least: Any = None  # of whole numbers, which float64 may not tell apart
        self.most: Any = None

    def add(self, column: Column, w: Weights, sample: NDArray[np.int64], first: int) -> None:
        """The next run, of which some rows are in the sample; `first` rows came before."""
        if self.wish == "drop":
            return
        self.rows += len(column)
        if w is not None:
            self.weights.append(w[sample])
        if not pa.types.is_null(column.type):
            self.kind = self.kind or _kind(column.type, self.wish)
        if self.kind in ("", "words"):
            absent = pc.is_null(column, nan_is_null=True)
            self._saw(np.asarray(absent.to_numpy()))
            self.samples.append(column.take(pa.array(sample)))
            return
        x = self._values(column, first)
        self._saw(np.isnan(x))
        if self.there:
            self.low = min(self.low, float(np.fmin.reduce(x)))
            self.high = max(self.high, float(np.fmax.reduce(x)))
        self.running.add(x, w)
        self.samples.append(x[sample])

    def _values(self, column: Column, first: int) -> Floats:
        if self.kind == "time":
            zoned = getattr(column.type, "tz", None) is not None
            if self.there:
                check_zone(column, self.name, zoned=self.zoned)
            self.zoned = self.zoned or zoned
            seconds = as_seconds(column, self.name)
            present = seconds[~np.isnan(seconds)]
            for part in PARTS if len(present) else ():
                found = calendar(present, part)
                low, high = self.ends.get(part, (found[0], found[0]))
                self.ends[part] = (min(low, int(found.min())), max(high, int(found.max())))
            return seconds
        if pa.types.is_integer(column.type):
            ends = pc.min_max(column).as_py()
            if ends["min"] is not None:
                self.least = ends["min"] if self.least is None else min(self.least, ends["min"])
                self.most = ends["max"] if self.most is None else max(self.most, ends["max"])
        x = as_numbers(column, self.name, first)
        if np.isinf(x).any():
            raise infinite(self.name, first + int(np.flatnonzero(np.isinf(x))[0]))
        return x

    def _saw(self, absent: NDArray[np.bool_]) -> None:
        self.missing += int(absent.sum())
        self.holes = self.holes or bool(absent.any())
        self.there = self.there or not absent.all()

    def usual(self, plan: Plan) -> Usual:
        """What the column was like, if it is used."""
        if isinstance(plan, SetAside):
            return Usual()
        missing = self.missing / self.rows
        if not isinstance(plan, Words):
            return Usual(missing, self.low, self.high)
        if not plan.rare:
            return Usual(missing)
        texts = self._texts().drop_null()
        known: Any = pc.is_in(texts, value_set=pa.array(plan.words, pa.string()))
        return Usual(missing, rare=(1 - missing) * (1 - float(pc.mean(known).as_py())))

    def role(self) -> Role | None:
        """What the column is, if it is no feature and no one asked for it."""
        if self.wish or not self.there:
            return None
        if self.kind == "words":
            return of_text(self.name, self._texts())
        if self.kind == "number" and self.least is not None and not self.holes:
            return of_whole_numbers(self.name, np.concatenate(self.samples))
        return None

    def _texts(self) -> Any:
        # Empty text has no type in some files.
        chunks = [c.cast(pa.string()) for s in self.samples for c in as_words(s).chunks]
        return pa.concat_arrays(chunks)

    def plan(self, bins: int) -> Plan:
        """What becomes of the column."""
        if self.wish == "drop":
            return SetAside(self.name, "left out, as asked")
        if not self.there:
            return SetAside(self.name, "empty")
        w = np.concatenate(self.weights) if self.weights else None
        if self.kind == "words":
            values = self._texts()
            share = len(values) / self.rows  # of the rows that is in the sample
            return _words(self.name, values, w, self.holes, share, asked=self.wish == "words")
        return self._time() if self.kind == "time" else self._number(w, bins)

    def _time(self) -> Plan:
        _, mean, variance = self.running.moments()
        if not variance > 0:
            if not self.holes:
                return SetAside(self.name, "constant")
            variance = 1.0  # that it is there at all is what it says
        parts = tuple(part for part, (low, high) in self.ends.items() if low < high)
        return Time(self.name, mean, float(np.sqrt(variance)), parts, self.holes, self.zoned)

    def _number(self, w: Weights, bins: int) -> Plan:
        weight, mean, variance = self.running.moments()
        if not weight > 0:
            return SetAside(self.name, "empty")
        if not np.isfinite(variance):
            raise DataError(
                "the numbers are too large to be squared. Divide them by a constant.",
                column=self.name,
            )
        scale = float(np.sqrt(variance))
        if not scale > 4 * np.finfo(float).eps * abs(mean):  # nothing but rounding
            if self._differs():
                small = max(abs(self.low), abs(self.high)) < SMALL
                return SetAside(self.name, TOO_SMALL if small else TOO_CLOSE)
            if not self.holes:
                return SetAside(self.name, "constant")
            scale = 1.0  # that it is there at all is what it says
        if self.kind == "boolean":
            return Number(self.name, mean, scale, self.holes, "boolean")
        edges = _edges(np.concatenate(self.samples), w, bins)
        return Number(self.name, mean, scale, self.holes, "number", edges)

    def _differs(self) -> bool:
        """Whether numbers that float64 can hardly tell apart are not all the same."""
        if self.least is not None:
            return bool(self.least != self.most)
        x = np.concatenate(self.samples)
        x = x[~np.isnan(x)]
        return len(x) > 0 and bool((x != x[0]).any())


def _kind(t: pa.DataType, wish: str) -> str:
    if wish and not (wish == "number" and pa.types.is_boolean(t)):
        return wish
    if pa.types.is_temporal(t) and not pa.types.is_duration(t):
        return "time"
    if pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t):
        return "words"
    return "boolean" if pa.types.is_boolean(t) else "number"


def check_overrides(
    columns: Sequence[str], words: Sequence[str], numbers: Sequence[str], drop: Sequence[str]
) -> None:
    """Raise SettingError for a column that is not there, or is to be two things at once."""
    there = set(columns)
    for option, names in (("words", words), ("numbers", numbers), ("drop", drop)):
        for name in names:
            if name not in there:
                known = ", ".join(columns[:20])
                raise SettingError(
                    wording(
                        Setting(option), f': the table has no column "{name}". Columns: {known}.'
                    ),
                    setting=option,
                )
    for name in set(words) & set(numbers) | set(words) & set(drop) | set(numbers) & set(drop):
        raise SettingError(
            wording(
                f'column "{name}" is named in two of ', Setting("words"), ", ", Setting("numbers"),
                " and ", Setting("drop"), ": choose one.",
            )
        )  # fmt: skip


def _edges(x: Floats, w: Weights, bins: int) -> tuple[float, ...]:
    """Values of x between which equal shares of the weight lie; none if there would be one bin."""
    there = ~np.isnan(x)
    x = x[there]
    if not bins or not len(x):
        return ()
    if w is None:
        x, reached = np.sort(x), np.arange(1.0, len(x) + 1)  # half of the time
    else:
        order = np.argsort(x, kind="stable")
        x, reached = x[order], np.cumsum(w[there][order])
    ends = np.flatnonzero(np.append(x[1:] != x[:-1], True))
    x, each = x[ends], np.diff(reached[ends], prepend=0.0)
    # A value that fills a bin alone (nine of ten are 0, say) leaves the others to the rest.
    reached = np.cumsum(np.minimum(each, reached[-1] / bins))
    inner = x[np.searchsorted(reached, np.arange(1, bins) / bins * reached[-1])]
    edges = np.unique(np.concatenate([x[:1], inner, x[-1:]]))
    # Of two values the standardised number says all.
    return tuple(edges.tolist()) if len(edges) > 2 else ()


def _words(name: str, text: Any, w: Weights, holes: bool, share: float, *, asked: bool) -> Plan:
    coded = pc.dictionary_encode(text)
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    count = np.bincount(
        codes[codes >= 0], None if w is None else w[codes >= 0], len(coded.dictionary)
    )
    total = float(count.sum())
    least = min(max(total * RARE_SHARE, RARE_LEAST), RARE_MOST)
    if asked:  # by all rows, of which the sample has some
        least = min(least, max(RARE_MOST * share, RARE_LEAST))
    of_more = 0.0 if asked else ROWS_OF_MORE * share
    vocabulary = coded.dictionary.to_pylist()
    if len(vocabulary) == 1 and not holes:
        return SetAside(name, "constant")
    ranked = sorted((-count[i], word) for i, word in enumerate(vocabulary) if count[i] >= least)
    more = [(weight, word) for weight, word in ranked[FIRST_WORDS:] if -weight >= of_more]
    kept = tuple(word for _, word in [*ranked[:FIRST_WORDS], *more][:MOST_WORDS])
    if not kept:
        return SetAside(name, "hardly any word comes twice")
    return Words(name, kept, len(kept) < len(vocabulary), holes)

"""What is new in rows that a model has not seen: unknown categories, numbers far outside, missing values.

A fit keeps of every column what was usual (`Usual`). Each time rows are encoded for a prediction,
`Watch` counts what is unusual in them; the counts of several tables can be added.
"""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.data.encode.coded import Coded, Numbers
from shoal.data.encode.encoding import Encoding, Number, Plan, SetAside, Time, Words
from shoal.data.read.words import coarser
from shoal.lazily import pa, pc
from shoal.warn import warn

Counts = NDArray[np.int64]  # for each column

FAR = 1.0  # widths of the range of the training beyond its ends: further out is far,
AT_LEAST = (
    6.0  # if it is this many standard deviations from the mean, too: few rows have a small range
)
SHARES_OF = 20  # rows: of fewer no share is compared
MORE = 0.1  # of the rows, by which a share has grown
SIGMAS = 5.0  # by which it has grown, in its standard errors
MOST_REPORTED = 3  # columns
NONE = -1  # a code that no row has


class Usual(NamedTuple):
    """What a column was like in the training."""

    missing: float = 0.0  # share of the rows
    low: float = 0.0  # of numbers, and of times in seconds; 0 and 0 of other columns
    high: float = 0.0
    rare: float = 0.0  # share of the texts that have no column of their own


class News(NamedTuple):
    """What is new in some rows, for each column."""

    rows: int
    missing: Counts
    outside: Counts
    unknown: Counts  # texts that the training did not have
    rare: Counts  # texts without a column of their own, among which it had some
    examples: dict[int, str]  # the first odd value of a column

    def plus(self, other: "News") -> "News":
        """What is new in both."""
        return News(
            self.rows + other.rows,
            self.missing + other.missing,
            self.outside + other.outside,
            self.unknown + other.unknown,
            self.rare + other.rare,
            other.examples | self.examples,
        )


class Rows(Protocol):
    """Rows that were encoded, column by column."""

    @property
    def m(self) -> int:
        """How many rows there are."""
        ...

    def n_missing(self, i: int) -> int:
        """How many values of a column are missing."""
        ...

    def valid(self, i: int) -> NDArray[np.bool_]:
        """Where a column has a value."""
        ...

    def shown(self, i: int, row: int) -> str:
        """A value in words."""
        ...


class ArrowRows(NamedTuple):
    """The rows of an Arrow table."""

    table: "pa.Table"

    @property
    def m(self) -> int:
        """How many rows there are."""
        return int(self.table.num_rows)

    def n_missing(self, i: int) -> int:
        """How many values of a column are missing."""
        return n_missing(self.table[i])

    def valid(self, i: int) -> NDArray[np.bool_]:
        """Where a column has a value."""
        valid: NDArray[np.bool_] = pc.is_valid(self.table[i]).to_numpy()
        return valid

    def shown(self, i: int, row: int) -> str:
        """A value in words."""
        return str(coarser(self.table[i][row : row + 1])[0].as_py())


class Watch:
    """Where in the encoded rows something new can be seen."""

    def __init__(self, encoding: Encoding, usual: Sequence[Usual]) -> None:
        self.plans, self.usual = encoding.columns, tuple(usual)
        numbers, groups = list[int](), list[int]()
        for binned in (True, False):
            for i, plan in enumerate(self.plans):
                groups += [i for group in plan.groups if bool(group.bins) is binned]
        for i, plan in enumerate(self.plans):
            numbers += [i] * len(plan.numbers)
        self._numbers = numbers
        self._low, self._high = self._bounds(numbers)
        words = [g for g, i in enumerate(groups) if isinstance(self.plans[i], Words)]
        self._words, self._owners = words, [groups[g] for g in words]
        self._unknown = np.array([_unknown_code(self.plans[i]) for i in self._owners])
        self._rare = np.array([_rare_code(self.plans[i]) for i in self._owners])

    @property
    def bounds(self) -> tuple[Numbers, Numbers]:
        """Of each number of the matrix the values beyond which it is far outside."""
        return self._low, self._high

    def has_grown(self, missing: Counts, m: int) -> bool:
        """Whether in one of the columns clearly more is missing than was usual; of few rows never."""
        if m < SHARES_OF:
            return False
        return any(
            _has_grown(self.usual[i].missing, int(missing[i]), m) for i in np.flatnonzero(missing)
        )

    def _bounds(self, numbers: Sequence[int]) -> tuple[Numbers, Numbers]:
        """Of each number the standardised values between which nothing is far outside."""
        low, high = np.full(len(numbers), -np.inf), np.full(len(numbers), np.inf)
        for at, i in enumerate(numbers):
            plan, usual = self.plans[i], self.usual[i]
            if isinstance(plan, Number | Time) and usual.high > usual.low:
                room = FAR * (usual.high - usual.low)
                low[at] = min((usual.low - room - plan.mean) / plan.scale, -AT_LEAST)
                high[at] = max((usual.high + room - plan.mean) / plan.scale, AT_LEAST)
        return low, high

    def news(self, rows: Rows, matrix: Coded | Numbers) -> News:
        """What is new in rows and their encoding."""
        n, m = len(self.plans), rows.m
        missing, outside, unknown, rare = (np.zeros(n, np.int64) for _ in range(4))
        examples: dict[int, str] = {}
        if m >= SHARES_OF:
            used = [i for i, plan in enumerate(self.plans) if not isinstance(plan, SetAside)]
            missing[used] = [rows.n_missing(i) for i in used]
        z = matrix.numbers if isinstance(matrix, Coded) else matrix
        far = (z < self._low) | (z > self._high)
        for at in np.flatnonzero(far.any(axis=0)):
            i = self._numbers[at]
            outside[i] = far[:, at].sum()
            examples[i] = _shown(rows.shown(i, int(np.argmax(far[:, at]))))
        if self._words and isinstance(matrix, Coded):
            codes = matrix.codes[:, self._words]
            odd = codes == self._unknown
            for at in np.flatnonzero(odd.any(axis=0)):
                self._count_unknown(rows, self._owners[at], odd[:, at], unknown, examples)
            if m >= SHARES_OF:
                rare[self._owners] = (codes == self._rare).sum(axis=0)
        return News(m, missing, outside, unknown, rare, examples)

    def _count_unknown(
        self, rows: Rows, i: int, odd: Any, unknown: Counts, examples: dict[int, str]
    ) -> None:
        """Texts without a code, among which may be missing values."""
        there = odd & rows.valid(i)
        unknown[i] = there.sum()
        if unknown[i]:
            examples[i] = _shown(rows.shown(i, int(np.argmax(there))))

    def lines(self, news: News) -> list[str]:
        """What is worth telling, a phrase for each column; the first few."""
        found = [line for i in range(len(self.plans)) if (line := self._line(i, news))]
        more = len(found) - MOST_REPORTED
        return found if more <= 0 else [*found[:MOST_REPORTED], f"{more:,} more columns differ"]

    def _line(self, i: int, news: News) -> str:
        plan, usual, m = self.plans[i], self.usual[i], news.rows
        name, first = f'column "{plan.name}"', f'"{news.examples.get(i, "")}"'
        if news.unknown[i]:
            return f"{name}: {news.unknown[i]:,} of {m:,} texts are unknown, the first {first}"
        if news.outside[i]:
            return (
                f"{name}: {news.outside[i]:,} of {m:,} values are far outside the range of the "
                f"training, the first {first}"
            )
        if _has_grown(usual.missing, int(news.missing[i]), m):
            now = news.missing[i] / m
            return f"{name}: {100 * now:.3g} % of the values are missing, {100 * usual.missing:.3g} % in the training"
        if _has_grown(usual.rare, int(news.rare[i]), m):
            now = news.rare[i] / m
            return f"{name}: {100 * now:.3g} % of the texts are rare or unknown, {100 * usual.rare:.3g} % in the training"
        return ""

    def drift(self, news: News) -> list[dict[str, Any]]:
        """All counts of each used column, with what was usual, for a document."""
        m = max(news.rows, 1)
        return [
            {
                "column": plan.name,
                "missing": int(news.missing[i]) / m, "missing_in_training": self.usual[i].missing,
                "far_outside": int(news.outside[i]) / m, "unknown": int(news.unknown[i]) / m,
                "rare": int(news.rare[i]) / m, "rare_in_training": self.usual[i].rare,
            }
            for i, plan in enumerate(self.plans)
            if not isinstance(plan, SetAside)
        ]  # fmt: skip


def _unknown_code(plan: Plan) -> int:
    return len(plan.words) + plan.holes if isinstance(plan, Words) and not plan.rare else NONE


def _rare_code(plan: Plan) -> int:
    return len(plan.words) if isinstance(plan, Words) and plan.rare else NONE


def n_missing(column: Any) -> int:
    """How many values of a column are missing."""
    if not pa.types.is_floating(column.type):
        return int(column.null_count)
    return int(pc.sum(pc.is_null(column, nan_is_null=True)).as_py() or 0)


def _shown(value: str) -> str:
    text = " ".join(value.split())
    return text if len(text) <= 40 else f"{text[:40]}…"


def _has_grown(share: float, count: int, m: int) -> bool:
    """Whether a share of m rows is clearly larger than it was."""
    if not m:
        return False
    grown, error = count / m - share, np.sqrt(max(share * (1 - share), 1 / m) / m)
    return bool(grown > MORE and grown > SIGMAS * error)


class Told:
    """What was new in the rows of several calls."""

    def __init__(self) -> None:
        self.watch: Watch | None = None
        self.news: News | None = None

    def add(self, watch: Watch, news: News) -> None:
        """The rows of one more call."""
        self.watch, self.news = watch, news if self.news is None else self.news.plus(news)

    @property
    def lines(self) -> list[str]:
        """What is worth telling."""
        return [] if self.watch is None or self.news is None else self.watch.lines(self.news)

    @property
    def drift(self) -> list[dict[str, Any]]:
        """All counts."""
        return [] if self.watch is None or self.news is None else self.watch.drift(self.news)


_collected: ContextVar[Told | None] = ContextVar("collected", default=None)


def is_collecting() -> bool:
    """Whether what is new is collected."""
    return _collected.get() is not None


@contextlib.contextmanager
def collected() -> Iterator[Told]:
    """Collect what would be warned of within the block."""
    told = Told()
    token = _collected.set(told)
    try:
        yield told
    finally:
        _collected.reset(token)


def tell(watch: Watch, rows: Rows, matrix: Coded | Numbers) -> None:
    """Warn of what is new in the rows, in one warning, or collect it."""
    news, told = watch.news(rows, matrix), _collected.get()
    if told is not None:
        told.add(watch, news)
    elif lines := watch.lines(news):
        warn(f"X differs from the rows of the training: {'; '.join(lines)}.")

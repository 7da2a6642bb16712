"""From a table to a matrix: what was learnt of each column, as plain data.

    a number     (x - mean) / standard deviation, then its place in each of some bins; a hole
                 is 0, with a column that marks it
    words        one column for each frequent word, one for all rare and unknown ones,
                 one for holes
    yes or no    as the numbers 1 and 0
    a time       its position as a number, and month, weekday and hour as words
    set aside    constant, empty, or words of which none comes twice

Words and bins are kept as codes (see `Coded`): most of their columns hold 0 or 1.

How it is learnt stands in `learning.py`. Nothing here looks at the target.

In a bin from a to b a number's place is 0 below a, 1 above b, and (x - a) / (b - a) between:
a unit can bend at every edge, which one line in x cannot (Gorishniy, Rubachev, Babenko, "On
embeddings for numerical features in tabular deep learning", NeurIPS 2022, section 3.2). The
bins hold equal shares of the examples, where no value is more frequent than that.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from shoal.data.encode.coded import Coded, Group, Numbers
from shoal.data.read.words import as_words, places_among
from shoal.errors import DataError, Setting, wording
from shoal.lazily import pa, pc

Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc
Values = Any  # of a column, read: see `Plan`
Floats = NDArray[np.float64]

TRUTH = {"true": 1.0, "false": 0.0}
# Dates among numbers: this many deviations away there are none that a date could be.
FAR = 1000
MOST_WORDS = (1 << 16) - 3  # of a column: a code has 16 bits, and two are for other words and holes
UNKNOWN, MISSING = -1, -2  # places of values that are no word of the column

PARTS = {"month": 12, "weekday": 7, "hour": 24}


class Number(NamedTuple):
    """Standardised, with a mark for holes where there were any."""

    name: str
    mean: float
    scale: float
    holes: bool
    kind: str = "number"  # or "boolean"
    edges: tuple[float, ...] = ()  # of the bins, rising; none, or at least three

    @property
    def numbers(self) -> list[str]:
        """The names of the columns that are written out."""
        return [self.name]

    @property
    def groups(self) -> list[Group]:
        """The columns that are kept as codes."""
        bins = max(len(self.edges) - 1, 0)
        return [Group(bins + self.holes, bins)] if bins or self.holes else []

    @property
    def coded(self) -> list[list[str]]:
        """The names of the columns of each group."""
        bins = [f"{self.name} from {a:.4g} to {b:.4g}" for a, b in pairwise(self.edges)]
        names = bins + [f"{self.name} is missing"] * self.holes
        return [names] if names else []

    def read(self, column: Column) -> Floats:
        """The numbers, holes as NaN."""
        x = as_numbers(column, self.name)
        if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
            self._refuse_dates(x)
        return x

    def write(self, x: Floats, out: Coded) -> None:
        """Write the columns of these numbers."""
        missing = np.isnan(x)
        if np.isinf(x).any():
            raise infinite(self.name, int(np.flatnonzero(np.isinf(x))[0]))
        z = out.numbers[:, 0]
        with np.errstate(over="ignore"):  # what overflows is infinite, and named below
            z[:] = np.where(missing, 0.0, (x - self.mean) / self.scale)
        if not np.isfinite(z).all():
            raise self._too_far(x, int(np.argmin(np.isfinite(z))))
        if self.edges:
            code, out.places[:, 0] = self._bin(x)
            # At predict a hole may be the first one: it counts as a value below all bins.
            out.codes[:, 0] = np.where(missing, len(self.edges) - 1 if self.holes else 0, code)
        elif self.holes:
            out.codes[:, 0] = ~missing

    def _bin(self, x: Floats) -> tuple[NDArray[np.intp], Floats]:
        """The bin of each number and its place there; outside, the end of the nearest one."""
        edges = np.array(self.edges)
        code = np.clip(np.searchsorted(edges, x, "right") - 1, 0, len(edges) - 2)
        low, width = edges[code], np.diff(edges)[code]
        with np.errstate(over="ignore"):
            place = (x - low) / width
        return code, np.where(place > 0, np.minimum(place, 1), 0)

    def _refuse_dates(self, x: Floats) -> None:
        """Raise DataError for dates where numbers were learnt; dates may be named in numbers, too."""
        far = np.abs(x - self.mean) > FAR * self.scale
        if far.any():
            raise DataError(
                "expected a number, as in the training, found a date or a time. Give the column the "
                "type that it had.",
                row=int(np.argmax(far)) + 1,
                column=self.name,
            )

    def _too_far(self, x: Floats, row: int) -> DataError:
        return DataError(
            f"expected a number near those of the training (mean {self.mean:.4g}, standard "
            f"deviation {self.scale:.4g}), found {x[row]:g}. Correct the value, or leave it empty "
            "if it is not known.",
            row=row + 1,
            column=self.name,
        )


class Words(NamedTuple):
    """One column a word; rare and unknown words share one, holes have one."""

    name: str
    words: tuple[str, ...]
    rare: bool
    holes: bool
    kind: str = "words"

    @property
    def numbers(self) -> list[str]:
        """Nothing is written out."""
        return []

    @property
    def groups(self) -> list[Group]:
        """The columns that are kept as codes."""
        return [Group(len(self.words) + self.rare + self.holes)]

    @property
    def coded(self) -> list[list[str]]:
        """The names of the columns of each group."""
        others = ["another word"] * self.rare
        missing = [f"{self.name} is missing"] * self.holes
        return [[f"{self.name} = {word}" for word in [*self.words, *others]] + missing]

    def read(self, column: Column) -> NDArray[np.integer]:
        """The place of each value among the words, or UNKNOWN or MISSING."""
        text = as_words(column)
        places = pc.fill_null(places_among(text, self.words), UNKNOWN)
        missing = pc.is_null(text).to_numpy(zero_copy_only=False)
        return np.where(missing, MISSING, places.to_numpy(zero_copy_only=False))

    def write(self, places: NDArray[np.integer], out: Coded) -> None:
        """Write the columns of words at these places."""
        n = len(self.words)
        none = n + self.rare + self.holes  # all columns hold 0
        # An unknown word without a column of its own for such is 0 everywhere.
        codes = np.where(places == UNKNOWN, n if self.rare else none, places)
        missing = n + self.rare if self.holes else none
        out.codes[:, 0] = np.where(places == MISSING, missing, codes)


class Time(NamedTuple):
    """The position in time, and those parts of the calendar that vary."""

    name: str
    mean: float  # seconds since 1970
    scale: float
    parts: tuple[str, ...]
    holes: bool
    zoned: bool  # the values name their time zone; the calendar is that of UTC
    kind: str = "time"

    @property
    def numbers(self) -> list[str]:
        """The names of the columns that are written out."""
        return [self.name]

    @property
    def groups(self) -> list[Group]:
        """The columns that are kept as codes."""
        return [Group(PARTS[part]) for part in self.parts] + [Group(1)] * self.holes

    @property
    def coded(self) -> list[list[str]]:
        """The names of the columns of each group."""
        parts = [[f"{self.name} {part} {i}" for i in range(PARTS[part])] for part in self.parts]
        return parts + [[f"{self.name} is missing"]] * self.holes

    def read(self, column: Column) -> Floats:
        """The seconds since 1970, holes as NaN."""
        if not pa.types.is_temporal(column.type):
            column = _times_in_text(column, self.name, "UTC" if self.zoned else None)
        check_zone(column, self.name, zoned=self.zoned)
        return as_seconds(column, self.name)

    def write(self, seconds: Floats, out: Coded) -> None:
        """Write the columns of these times."""
        Number(self.name, self.mean, self.scale, False).write(seconds, out)
        missing = np.isnan(seconds)
        for i, part in enumerate(self.parts):
            out.codes[:, i] = PARTS[part]
            out.codes[~missing, i] = calendar(seconds[~missing], part)
        if self.holes:
            out.codes[:, -1] = ~missing


class SetAside(NamedTuple):
    """Not used, and why."""

    name: str
    reason: str
    kind: str = "set aside"

    @property
    def numbers(self) -> list[str]:
        """Nothing."""
        return []

    @property
    def groups(self) -> list[Group]:
        """Nothing."""
        return []

    @property
    def coded(self) -> list[list[str]]:
        """Nothing."""
        return []

    def read(self, column: Column) -> None:
        """Nothing."""

    def write(self, values: None, out: Coded) -> None:
        """Write nothing."""


class Constant(NamedTuple):
    """An input that is always 0: what is kept of a table in which no column varies."""

    name: str
    reason: str = "constant"
    kind: str = "constant"

    @property
    def numbers(self) -> list[str]:
        """The name of the only column."""
        return [self.name]

    @property
    def groups(self) -> list[Group]:
        """Nothing."""
        return []

    @property
    def coded(self) -> list[list[str]]:
        """Nothing."""
        return []

    def read(self, column: Column) -> None:
        """Nothing."""

    def write(self, values: None, out: Coded) -> None:
        """Write zeros."""
        out.numbers[:, 0] = 0.0


# What was learnt of a column: `read` takes an Arrow column, and `write` what it has read.
Plan = Number | Words | Time | SetAside | Constant


class Place(NamedTuple):
    """Which columns of the arrays of a `Coded` matrix belong to a column of the table."""

    numbers: slice
    codes: slice
    places: slice

    @classmethod
    def of_number(cls, j: int) -> "Place":
        """That of a matrix of numbers."""
        return cls(slice(j, j + 1), slice(0, 0), slice(0, 0))

    @property
    def is_empty(self) -> bool:
        """Whether there are none."""
        return self.numbers.start == self.numbers.stop and self.codes.start == self.codes.stop

    def of(self, matrix: Coded, groups: tuple[Group, ...]) -> Coded:
        """The part of a matrix."""
        return Coded(
            matrix.numbers[:, self.numbers], matrix.codes[:, self.codes],
            matrix.places[:, self.places], groups,
        )  # fmt: skip

    def shuffled(self, matrix: Coded | Numbers, order: NDArray[np.integer]) -> Coded | Numbers:
        """The matrix in which this column has the values of other rows."""
        if not isinstance(matrix, Coded):
            return _exchanged(matrix, self.numbers, order)
        return Coded(
            _exchanged(matrix.numbers, self.numbers, order),
            _exchanged(matrix.codes, self.codes, order),
            _exchanged(matrix.places, self.places, order),
            matrix.groups,
        )


def _exchanged(array: NDArray[Any], columns: slice, order: NDArray[np.integer]) -> NDArray[Any]:
    out = array.copy()
    out[:, columns] = array[order, columns]
    return out


class Encoding(NamedTuple):
    """What was learnt of every column, in the order of the table.

    The matrix has first the numbers, then the columns of bins, then the words, each in the
    order of the table.
    """

    columns: tuple[Plan, ...]

    @property
    def features(self) -> list[str]:
        """The names of the matrix's columns."""
        names = [name for column in self.columns for name in column.numbers]
        for binned in (True, False):
            for column in self.columns:
                for group, coded in zip(column.groups, column.coded, strict=True):
                    names += coded if bool(group.bins) is binned else []
        return names

    @property
    def width(self) -> int:
        """The number of the matrix's columns."""
        groups = sum(group.columns for column in self.columns for group in column.groups)
        return sum(len(column.numbers) for column in self.columns) + groups

    @property
    def all_groups(self) -> tuple[Group, ...]:
        """The columns that are kept as codes, as a matrix has them."""
        groups = [group for column in self.columns for group in column.groups]
        return tuple(sorted(groups, key=lambda group: not group.bins))

    @property
    def stored(self) -> list["Place"]:
        """Where each column of the table is in a `Coded` matrix."""
        found, number, binned = list[Place](), 0, 0
        word = sum(group.bins > 0 for group in self.all_groups)
        for plan in self.columns:
            own = plan.groups
            n, bins = len(plan.numbers), sum(group.bins > 0 for group in own)
            first = binned if bins else word
            found.append(
                Place(
                    slice(number, number + n),
                    slice(first, first + len(own)),
                    slice(binned, binned + bins),
                )
            )
            number, binned, word = number + n, binned + bins, word + len(own) - bins
        return found

    @property
    def places(self) -> list[NDArray[np.intp]]:
        """Which of the matrix's columns belong to each column of the table."""
        numbers = [i for i, column in enumerate(self.columns) for _ in column.numbers]
        for binned in (True, False):
            for i, column in enumerate(self.columns):
                for group in column.groups:
                    numbers += [i] * group.columns * (bool(group.bins) is binned)
        owners = np.array(numbers)
        return [np.flatnonzero(owners == i) for i in range(len(self.columns))]

    def without_bins(self) -> "Encoding":
        """The same with numbers that have no bins."""
        return Encoding(
            tuple(c._replace(edges=()) if isinstance(c, Number) else c for c in self.columns)
        )

    def row_bytes(self, dtype: DTypeLike) -> int:
        """The memory that an encoded row takes."""
        groups = self.all_groups
        floats = sum(len(column.numbers) for column in self.columns)
        floats += sum(group.bins > 0 for group in groups)
        return floats * np.dtype(dtype).itemsize + 2 * len(groups)

    def empty(self, m: int, dtype: DTypeLike) -> Coded:
        """The matrix of m rows, of which nothing is written yet."""
        groups = self.all_groups
        numbers = sum(len(column.numbers) for column in self.columns)
        binned = sum(group.bins > 0 for group in groups)
        return Coded(
            np.empty((m, numbers), dtype), np.empty((m, len(groups)), np.uint16),
            np.empty((m, binned), dtype), groups,
        )  # fmt: skip

    def encode(self, table: "pa.Table", dtype: DTypeLike) -> Coded | Numbers:
        """The matrix (rows, features) of a table whose columns are matched by name."""
        there = dict(zip(table.column_names, table.columns, strict=True))
        read = (
            plan.read(_column_of(there, plan.name)) if is_used(plan) else None
            for plan in self.columns
        )
        return self.matrix(read, table.num_rows, dtype)

    def matrix(self, read: Iterable[Values], m: int, dtype: DTypeLike) -> Coded | Numbers:
        """The same of the values of m rows, as `read` of each column's plan gives them."""
        out = self.empty(m, dtype)
        for plan, values, place in zip(self.columns, read, self.stored, strict=True):
            if not place.is_empty:
                plan.write(values, place.of(out, tuple(plan.groups)))
        return out if out.groups else out.numbers


def is_used(plan: Plan) -> bool:
    """Whether the column has inputs."""
    return not isinstance(plan, SetAside)


def _column_of(columns: Mapping[str, Column], name: str) -> Column:
    """The column of that name; DataError when there is none."""
    if name not in columns:
        known = ", ".join(list(columns)[:20])
        raise DataError(
            f'there is no column "{name}", which the model was trained with. Columns: {known}.'
        )
    return columns[name]


def calendar(seconds: Floats, part: str) -> NDArray[np.int64]:
    """The month, weekday or hour of each time, from 0 on."""
    days = np.floor(seconds / 86400).astype(np.int64)
    if part == "weekday":
        return (days + 3) % 7  # 1 January 1970 was a Thursday; Monday is 0
    if part == "hour":
        return (np.floor(seconds).astype(np.int64) - days * 86400) // 3600
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12


# --- Arrow to NumPy -------------------------------------------------------------------


def as_numbers(column: Column, name: str, first: int = 0) -> Floats:
    """The column as float64, holes as NaN. DataError names the row that is no number.

    `first` rows stand before those of the column.
    """
    t = column.type
    if pa.types.is_boolean(t):
        column = pc.cast(column, pa.uint8())
    elif pa.types.is_temporal(t):
        return as_seconds(column, name)
    elif not (
        pa.types.is_integer(t)
        or pa.types.is_floating(t)
        or pa.types.is_decimal(t)
        or pa.types.is_null(t)
    ):
        return _numbers_in_text(as_words(column), name, first)
    values = pc.cast(column, pa.float64(), safe=False)
    return np.ascontiguousarray(values.to_numpy(), np.float64)


def _numbers_in_text(text: Column, name: str, first: int) -> Floats:
    out = np.full(len(text), np.nan)
    for row, value in enumerate(text.to_pylist()):
        if value is None:
            continue
        try:
            out[row] = TRUTH[value.lower()] if value.lower() in TRUTH else float(value)
        except ValueError:
            raise DataError(
                wording(
                    f'expected a number, found "{value}". Correct the value, or treat the whole '
                    "column as categorical with ", Setting("words", [name]), ", or leave it out "
                    "with ", Setting("drop", [name]), ".",
                ),
                row=first + row + 1, column=name,
            ) from None  # fmt: skip
    return out


def as_seconds(column: Column, name: str) -> Floats:
    """The column as seconds since 1970 (of the day, for times without a date), holes as NaN."""
    t = column.type
    if not pa.types.is_temporal(t):
        column = _times_in_text(column, name)
    if pa.types.is_duration(t) or pa.types.is_time(t):
        return _spans(column)
    column = pc.cast(column, pa.timestamp("us", getattr(column.type, "tz", None)), safe=False)
    return np.ascontiguousarray(pc.cast(column, pa.int64()).to_numpy(), np.float64) / 1e6


def _spans(column: Column) -> Floats:
    """Durations and times of the day as seconds; finer than microseconds only where they are."""
    kind: Any = pa.duration if pa.types.is_duration(column.type) else pa.time64
    for unit, parts in (("us", 1e6), ("ns", 1e9)):
        try:
            whole = pc.cast(pc.cast(column, kind(unit)), pa.int64())
        except pa.ArrowInvalid:
            continue
        return np.ascontiguousarray(whole.to_numpy(), np.float64) / parts
    raise AssertionError("Arrow has no finer times than nanoseconds")


def check_zone(column: Column, name: str, *, zoned: bool) -> None:
    """Raise DataError for times with a time zone among times without one, and the reverse."""
    t = column.type
    if not (pa.types.is_timestamp(t) or pa.types.is_date(t)):
        return
    found = getattr(t, "tz", None) is not None
    if found != zoned and column.null_count < len(column):
        kinds = ("without a time zone", "with a time zone")
        raise DataError(
            f"expected times {kinds[zoned]}, as in the training, found times {kinds[found]}. "
            f"{'Give them the zone that is meant' if zoned else 'Convert them to the zone of the training and take it away'}.",
            column=name,
        )


def _times_in_text(column: Column, name: str, zone: str | None = None) -> Column:
    try:
        return pc.cast(as_words(column), pa.timestamp("us", zone))
    except pa.ArrowInvalid as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise DataError(
            f"expected dates or times ({reason}). Correct the values, or leave them empty if they "
            "are not known.",
            column=name,
        ) from None


def infinite(name: str, row: int) -> DataError:
    """The error for an infinite number."""
    # scikit-learn's own checks look for the word "infinity".
    return DataError(
        "expected a finite number or a missing value, found infinity. Correct it, or leave the "
        "column out.",
        row=row + 1,
        column=name,
    )


# --- plain data, for the model file ---------------------------------------------------


def to_plain(encoding: Encoding) -> list[dict[str, Any]]:
    """The encoding as lists, numbers and strings; words are kept apart by `vocabularies`."""
    plain = [dict(plan._asdict()) for plan in encoding.columns]
    for column in plain:
        if "words" in column:
            column["words"] = len(column["words"])
    return plain


def vocabularies(encoding: Encoding) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The words of each column that has any, with the column's number."""
    for i, plan in enumerate(encoding.columns):
        if isinstance(plan, Words):
            yield i, plan.words

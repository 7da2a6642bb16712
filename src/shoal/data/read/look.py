"""What is seen of a column of text, piece after piece, wherever its values stand.

Values that can be read in the same ways share a `Likeness`; of each likeness the values are
counted, and the place of the first is kept. So the reading of the column, and the first value that
does not fit it, can be told at the end.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.data.read import days, numerals, texts
from shoal.data.read.absent import ALL, MISSING, are_absent, told_apart
from shoal.data.read.origin import Origin
from shoal.data.read.spoilt import place_in_words
from shoal.data.read.texts import (
    CLOCKS,
    DATES,
    NUMBERS,
    SPANS,
    TEXT,
    TRUTH,
    ZONED,
    ColumnTypes,
    Reading,
)
from shoal.data.read.writing import Written

Column = Any  # a pyarrow ChunkedArray or Array: its stubs are too narrow for the functions of pc

MOST_UNITS = 100  # of a column; with more of them none is a unit
CLASSES_AT_MOST = 20  # of a target with other values, too: its few numbers are names of classes
MOST_KNOWN = 50_000  # values of a column that are looked at once
MOST_WORDS = 10_000  # of a column that are compared for capitals and blanks
# What `Numerals.marks` says of numbers.
CERTAIN_POINT, CERTAIN_COMMA = ".!", ",!"
# Of a value: unit, orders of dates, of dates with a time zone, a time of the day, a duration.
SHAPE = (MOST_UNITS + 1, 1 << len(days.ORDERS), 1 << len(days.ORDERS), 2, 2)
WHOLE = r"^\d+$"
# What has neither a digit nor one of these words is text, which is cheap to find out.
NOT_ALL_TEXT = r"(?i)\d|^\s*[+-]?(inf|infinity|nan)\s*$"


class Place(NamedTuple):
    """A value, and where it stands."""

    number: int  # rows of the column before it
    origin: Origin
    at: int
    value: str

    @property
    def in_words(self) -> str:
        """Its row, line and file."""
        place = self.origin.place(self.at)
        return place_in_words(self.origin.file, place.get("row"), place.get("line"))


class Likeness(NamedTuple):
    """The ways in which a value can be read."""

    unit: str | None = None  # of a number; None if it is none
    dates: int = 0  # the orders of ORDERS in which it is a date, a bit each
    zoned: int = 0  # the same with a time zone
    clock: bool = False
    span: bool = False

    def fits(self, reading: Reading) -> bool:
        """Whether it can be read so."""
        kind, written = reading.types, reading.written
        bit = 1 << days.ORDERS.index(written.order)
        return bool(
            (kind == NUMBERS and self.unit in ("", written.unit))
            or (kind == DATES and self.dates & bit)
            or (kind == ZONED and self.zoned & bit)
            or (kind == CLOCKS and self.clock)
            or (kind == SPANS and self.span)
        )


# What Arrow's own parser reads, a number and a date that begins with its year.
NUMBER = Likeness(unit="")
DATE = Likeness(dates=(1 << len(days.ORDERS)) - 1)


class Look:
    """What was seen of a column of text."""

    def __init__(
        self, name: str, missing: tuple[str, ...] = (), *, is_target: bool = False
    ) -> None:
        self.name = name
        self.rows = self.n = 0  # values that are there, and stand for no missing value
        self.seen: dict[Likeness, tuple[int, Place]] = {}
        self.absent: Counter[str] = Counter()
        self.truths = True  # all of them are true or false
        self.fraction = self.large = False  # a number that is not whole; one beyond 64 bits
        self.zeros = 0  # values such as 007
        self.lengths: set[int] = set()  # of whole numbers, while they may be codes
        self.compact = True  # while all whole numbers of eight digits are dates, as 20110131
        self.marks: set[str] = set()  # of decimals, see `Numerals.marks`
        self.first_either: Place | None = None  # a number that fits with a comma for either
        self.distinct: set[str] | None = set() if is_target else None  # numbers, or None if many
        self.words: set[str] | None = set()  # texts that are no numbers, or None if many
        self._missing = missing
        self._units: list[str] = [""]  # in the order in which they came
        self._many_units = False
        self._likenesses: list[Likeness] = []
        self._known: Column = pa.array([], pa.string())  # values, and the likeness of each
        self._known_codes = np.zeros(0, np.int64)

    def add(self, text: Column, origin: Origin) -> Column | None:
        """The next values; the column as it is likely to be read, if that was found out."""
        given, shared = text, None
        if self._missing:
            text = self._without(text, self._missing)
        found = texts.direct(text, Reading(NUMBERS))
        if found is None:
            shared = texts.shared(text) if texts.repeats(text) else None
            if shared is None or pc.any(are_absent(shared[0], ALL), min_count=0).as_py():
                text, shared = self._without(text, ALL), None
                found = texts.direct(text, Reading(NUMBERS))
        n = len(text) - text.null_count
        self.n += n
        if n and found is not None:
            self._saw_plain(text, found, n, origin)
        elif n:
            found = texts.whole(text, DATES)
            if found is not None:
                self._saw_dates(text, n, origin)
            else:
                self._sort_out(text, origin, shared or texts.shared(text))
        self.rows += len(text)
        return given if found is None and text is given else found

    def _saw_dates(self, text: Column, n: int, origin: Origin) -> None:
        first = pc.index(pc.is_valid(text), True).as_py()
        self._saw(DATE, n, self._place(text, first, origin))
        self.truths = False

    def _without(self, text: Column, spellings: tuple[str, ...]) -> Column:
        after, counts = told_apart(text, spellings)
        self.absent.update(counts)
        return after

    def _place(self, text: Column, at: int, origin: Origin) -> Place:
        return Place(self.rows + at, origin, at, text[at].as_py())

    # --- plain numbers ------------------------------------------------------------------

    def _saw_plain(self, text: Column, numbers: Column, n: int, origin: Origin) -> None:
        first = pc.index(pc.is_valid(text), True).as_py()
        self._saw(NUMBER, n, self._place(text, first, origin))
        if self.truths:
            self.truths = pa.types.is_integer(numbers.type) and _are_truths(text)
        if self.distinct is not None:
            self._saw_classes(text)
        if pa.types.is_floating(numbers.type):
            self._saw_marks(text)
        if self.fraction:
            return
        if pa.types.is_floating(numbers.type):
            if not pc.all(pc.match_substring_regex(text, pattern=r"^-?\d+$"), min_count=0).as_py():
                self.fraction = True
                return
            self.large = True
        self._saw_codes(text)

    def _saw_marks(self, text: Column) -> None:
        """Whether a number that Arrow knows is none with a decimal comma."""
        for part in (text[: texts.PROBED], text):
            if CERTAIN_POINT in self.marks:
                return
            if numerals.only_point(part):
                self.marks.add(CERTAIN_POINT)
        if pc.any(pc.match_substring(text, "."), min_count=0).as_py():
            self.marks.add(".")

    def _saw_codes(self, digits: Column) -> None:
        """Whether whole numbers may be codes."""
        zero = pc.starts_with(digits, pattern="0")
        if pc.any(zero, min_count=0).as_py():
            padded = pc.and_(zero, pc.greater(pc.binary_length(digits), 1))
            self.zeros += int(pc.sum(padded).as_py() or 0)
        if len(self.lengths) < 2:
            ends = pc.min_max(pc.binary_length(digits)).as_py()
            self.lengths |= {ends["min"], ends["max"]} - {None}
        if self.lengths == {8} and self.compact:
            self.compact = pc.all(pc.match_substring_regex(digits, pattern=days.COMPACT)).as_py()

    def _saw_classes(self, text: Column) -> None:
        assert self.distinct is not None
        self.distinct |= set(pc.unique(text).drop_null().to_pylist()[: CLASSES_AT_MOST + 1])
        if len(self.distinct) > CLASSES_AT_MOST:
            self.distinct = None

    # --- everything else ------------------------------------------------------------------

    def _sort_out(self, text: Column, origin: Origin, shared: tuple[Column, Column | None]) -> None:
        values, places = shared
        commas = numerals.COMMA in self.marks
        self.truths = self.truths and _are_truths(values)
        self._saw_words(values)
        codes = self._codes(values)
        if places is not None:
            spread = pc.fill_null(places, len(codes)).to_numpy(zero_copy_only=False)
            codes = np.append(codes, -1)[spread]
        counts = np.bincount(codes[codes >= 0], minlength=len(self._likenesses))
        for code in np.flatnonzero(counts).tolist():
            first = self._place(text, int(np.argmax(codes == code)), origin)
            self._saw(self._likenesses[code], int(counts[code]), first)
        if not commas and numerals.COMMA in self.marks:
            both = numerals.taken_apart(numerals.seen(text)).either(numerals.COMMA)
            self.first_either = self._place(text, pc.index(both, True).as_py(), origin)

    def _saw(self, like: Likeness, count: int, place: Place) -> None:
        before, first = self.seen.get(like, (0, place))
        self.seen[like] = before + count, first

    def _saw_words(self, values: Column) -> None:
        if self.words is None:
            return
        if len(values) > MOST_WORDS:
            self.words = None
            return
        self.words |= set(pc.unique(values).drop_null().to_pylist())
        if len(self.words) > MOST_WORDS:
            self.words = None

    def _codes(self, values: Column) -> NDArray[np.int64]:
        """The likeness of each value, by its place among those seen; -1 for a missing value."""
        at = np.asarray(pc.fill_null(pc.index_in(values, value_set=self._known), -1))
        codes = np.append(self._known_codes, -1)[at]
        new = (at < 0) & np.asarray(pc.is_valid(values))
        if new.any():
            codes[new] = self._new_codes(values.filter(pa.array(new)))
            self._remember(values.filter(pa.array(new)), codes[new])
        return codes

    def _remember(self, values: Column, codes: NDArray[np.int64]) -> None:
        """Keep what was found of new values, as most come again."""
        if len(values) + len(self._known) <= MOST_KNOWN:
            self._known = pa.concat_arrays([self._known, values])
            self._known_codes = np.append(self._known_codes, codes)

    def _new_codes(self, values: Column) -> NDArray[np.int64]:
        values = numerals.seen(values)
        codes = np.full(len(values), self._code(Likeness()))
        told = np.asarray(pc.match_substring_regex(values, pattern=NOT_ALL_TEXT))
        if not told.any():
            return codes
        some = values.filter(pa.array(told))
        columns = [self._unit_of_each(some) + 1, *_times(some)]
        kinds, inverse = np.unique(np.ravel_multi_index(columns, SHAPE), return_inverse=True)
        rows = np.stack(np.unravel_index(kinds, SHAPE), axis=1).tolist()
        codes[told] = np.array([self._code(self._likeness(row)) for row in rows])[inverse]
        return codes

    def _code(self, like: Likeness) -> int:
        if like not in self._likenesses:
            self._likenesses.append(like)
        return self._likenesses.index(like)

    def _likeness(self, row: list[int]) -> Likeness:
        unit, dates, zoned, clock, span = row
        known = None if unit == 0 else self._units[unit - 1]
        return Likeness(known, dates, zoned, bool(clock), bool(span))

    def _unit_of_each(self, values: Column) -> NDArray[np.int64]:
        """Of each value the place of its unit among those seen; -1 for what is no number."""
        out = np.full(len(values), -1)
        like = np.asarray(pc.match_substring_regex(values, pattern=numerals.BEGINNING))
        if like.any():
            out[like] = self._units_of_numbers(values.filter(pa.array(like)))
        return out

    def _units_of_numbers(self, values: Column) -> NDArray[np.int64]:
        """The same of values that begin as numbers do."""
        found = numerals.taken_apart(values)
        fit = np.asarray(found.fit)
        units = found.unit.filter(pa.array(fit))
        if not self._many_units:
            found_units = [*dict.fromkeys([*self._units, *pc.unique(units).to_pylist()])]
            self._many_units = len(found_units) > MOST_UNITS
            self._units = found_units[:MOST_UNITS]
        out = np.full(len(values), -1)
        places = pc.index_in(units, value_set=pa.array(self._units, pa.string()))
        out[fit] = np.asarray(pc.fill_null(places, -1))
        self._saw_written(values, found, fit)
        return out

    def _saw_written(
        self, values: Column, found: numerals.Numerals, fit: NDArray[np.bool_]
    ) -> None:
        if not fit.any():
            return
        self.marks |= found.marks()
        if self.distinct is not None:
            self._saw_classes(values.filter(pa.array(fit)))
        digits = found.digits.filter(pa.array(fit))
        whole = pc.match_substring_regex(digits, pattern=WHOLE)
        if not pc.all(whole).as_py():
            self.fraction = True
        elif not self.fraction:
            self._saw_codes(digits)
            self.large = self.large or texts.whole(digits, NUMBERS[:1]) is None

    # --- what fits ------------------------------------------------------------------------

    def fits(self, reading: Reading) -> int:
        """How many values can be read so."""
        if reading.types == TRUTH:
            return self.n if self.truths and not set(self.absent).difference(MISSING) else 0
        if reading.types == TEXT:
            return self.n
        return sum(count for like, (count, _) in self.seen.items() if like.fits(reading))

    def misfit(self, reading: Reading) -> Place | None:
        """The first value that cannot be read so."""
        if reading.types in (TEXT, TRUTH):  # which all values fit
            return None
        return self._first(like for like in self.seen if not like.fits(reading))

    def _first(self, likenesses: Iterable[Likeness]) -> Place | None:
        places = (self.seen[like][1] for like in likenesses)
        return min(places, default=None, key=lambda place: place.number)

    def units(self) -> Counter[str]:
        """How many numbers have each unit; none but "" where there are too many for a unit."""
        found: Counter[str] = Counter()
        for like, (count, _) in self.seen.items():
            if like.unit is not None:
                found[like.unit] += count
        return Counter({"": found[""]}) if self._many_units else found

    def first_with_unit(self, unit: str) -> Place:
        """The first number that has this unit."""
        found = self._first(like for like in self.seen if like.unit == unit)
        assert found is not None
        return found

    def orders(self, types: ColumnTypes) -> Iterator[tuple[int, Place]]:
        """The orders in which dates can be read, as bits, with the first of them."""
        for like, (_, place) in self.seen.items():
            bits = like.zoned if types == ZONED else like.dates
            if bits:
                yield bits, place

    def absent_as(self, reading: Reading) -> Counter[str]:
        """The texts that are missing values in a column that is read so."""
        if reading.types != TEXT:
            return self.absent
        if reading.verbatim:
            return Counter()
        return Counter({word: count for word, count in self.absent.items() if word in MISSING})

    @property
    def may_be_dates(self) -> bool:
        """Whether all numbers are such as 20110131."""
        return self.compact and self.lengths == {8} and not self.fraction

    @property
    def are_codes(self) -> bool:
        """Whether whole numbers are written as codes: 007, or 20 digits."""
        if self.fraction:
            return False
        padded = self.zeros * 20 >= self.n or len(self.lengths) == 1
        return self.large or (self.zeros > 0 and padded)


def _are_truths(text: Column) -> bool:
    return texts.whole(text, TRUTH) is not None


def _times(values: Column) -> list[NDArray[np.int64]]:
    """Of each value in which orders it is a date, and whether it is a time or a duration."""
    dates, zoned = (np.zeros(len(values), np.int64) for _ in range(2))
    clock, span = (np.zeros(len(values), np.int64) for _ in range(2))
    like = np.asarray(pc.match_substring_regex(values, pattern=days.LIKE))
    if like.any():
        some = values.filter(pa.array(like))
        for bit, order in enumerate(days.ORDERS):
            for out, kind in ((dates, DATES), (zoned, ZONED)):
                read = texts.read_values(some, Reading(kind, Written(order=order)))
                out[like] |= np.asarray(pc.is_valid(read)).astype(np.int64) << bit
    told = np.asarray(pc.match_substring_regex(values, pattern=days.LIKE_CLOCK))
    for out, kind in ((clock, CLOCKS), (span, SPANS)) if told.any() else ():
        read = texts.read_values(values.filter(pa.array(told)), Reading(kind))
        out[told] = np.asarray(pc.is_valid(read))
    return [dates, zoned, clock, span]

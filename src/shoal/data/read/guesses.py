"""What each column of text is: guessed from all its values, wherever they stand.

A column is numeric if at least 95 % of its values are numbers, else true or false if all are, else
a date, a time or a duration if at least 95 % are, else text. Codes stay text: 007, and whole
numbers beyond 64 bits. Of the ways in which numbers and dates are written the column takes the one
that fits; where two fit every value (1,234 or 01/02/2011), the caller is asked.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any

import pyarrow as pa

from shoal.data.read import absent_line, days, numerals, texts
from shoal.data.read.column_types import Wanted
from shoal.data.read.look import CERTAIN_COMMA, CERTAIN_POINT, CLASSES_AT_MOST, Look, Place
from shoal.data.read.origin import Piece
from shoal.data.read.spoilt import (
    MOST_REPORTED,
    Spoilt,
    few,
    kind_in_words,
    listed,
    report,
    shortened,
)
from shoal.data.read.texts import (
    CLOCKS,
    DATES,
    NUMBERS,
    PLAIN_TEXT,
    SPANS,
    TEXT,
    TRUTH,
    ZONED,
    ColumnTypes,
    Reading,
)
from shoal.data.read.writing import Written
from shoal.errors import DataError, Setting, wording
from shoal.warn import warn

Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc

GUESSES = (NUMBERS, TRUTH, DATES, ZONED, CLOCKS, SPANS)  # in this order: 0 and 1 could be truths
WORTH_THREADS = 20_000  # values of a piece; with fewer, a thread costs more than it saves


class Looks:
    """What was seen of all columns of text whose types are not known."""

    def __init__(self, wanted: Wanted, *, verbatim: bool = False) -> None:
        self._wanted = wanted
        self._verbatim = verbatim  # text stays as it is written: "NA" is no missing value in it
        self._looks: dict[str, Look] = {}
        self._pool: ThreadPoolExecutor | None = None

    def add(self, piece: Piece) -> dict[str, Column]:
        """The next rows; of columns that Arrow may have read as is meant, what it read."""
        table, names = piece.table, [n for n in piece.table.column_names if self._is_looked_at(n)]
        looks = [self._look(name) for name in names]
        columns = [table[name] for name in names]
        if table.num_rows * len(names) < WORTH_THREADS:
            found = [look.add(c, piece.origin) for look, c in zip(looks, columns, strict=True)]
        else:
            self._pool = self._pool or ThreadPoolExecutor(pa.cpu_count())
            found = list(self._pool.map(Look.add, looks, columns, repeat(piece.origin)))
        return {name: c for name, c in zip(names, found, strict=True) if c is not None}

    def _is_looked_at(self, name: str) -> bool:
        return self._wanted.types is None and self._wanted.types_of(name) != TEXT

    def _look(self, name: str) -> Look:
        if name not in self._looks:
            asked = self._wanted.types_of(name)
            is_target = name == self._wanted.target and asked is None
            self._looks[name] = Look(name, self._wanted.missing, is_target=is_target)
        return self._looks[name]

    def readings(self, names: Sequence[str]) -> dict[str, Reading]:
        """How the columns are read; what was guessed at a cost is reported.

        Raises DataError where two readings fit, and for spoilt cells under `strict`.
        """
        if self._pool:
            self._pool.shutdown()
        looks = [self._looks[name] for name in names if name in self._looks]
        found = {name: self._wanted.reading_of(name) or PLAIN_TEXT for name in names}
        asked = {look.name for look in looks if self._wanted.types_of(look.name)}
        guessed = {look.name: self._guess(look, asked=look.name in asked) for look in looks}
        found |= self._with_decimals(looks, guessed)
        if self._verbatim:
            found |= {n: r._replace(verbatim=True) for n, r in found.items() if r.types == TEXT}
        for look in looks:
            self._refuse(look, found[look.name], asked=look.name in asked)
        self._report(looks, found)
        return found

    # --- one column ------------------------------------------------------------------------

    def _guess(self, look: Look, *, asked: bool) -> Reading:
        """How a column is read, but for its decimal mark."""
        wanted = self._wanted
        numbers = Reading(NUMBERS, Written(unit=_unit(look)), wanted.missing)
        if asked or look.fits(numbers) == look.n:
            return numbers if asked or not self._stays_text(look, numbers) else PLAIN_TEXT
        if look.fits(Reading(TRUTH)) == look.n:
            return Reading(TRUTH)
        for types in GUESSES:
            reading = numbers if types == NUMBERS else self._of_times(look, types)
            if types == TRUTH or not few(look.n - look.fits(reading), look.n):
                continue
            return PLAIN_TEXT if self._stays_text(look, reading) else reading
        return PLAIN_TEXT

    def _stays_text(self, look: Look, reading: Reading) -> bool:
        """Whether numbers are codes, or names of classes among others."""
        if reading.types != NUMBERS:
            return not look.n
        others = look.n - look.fits(reading)
        return not look.n or look.are_codes or bool(others and look.distinct is not None)

    def _of_times(self, look: Look, types: ColumnTypes) -> Reading:
        if types not in (DATES, ZONED):
            kind = {CLOCKS: "clock", SPANS: "span"}.get(types, "")
            return Reading(types, Written(kind=kind), self._wanted.missing)
        order = self._wanted.date_order or self._order(look, types)
        return Reading(types, Written(order=order), self._wanted.missing)

    def _order(self, look: Look, types: ColumnTypes) -> str:
        """The order in which the dates of a column are written. Raises DataError to ask for it."""
        counts = {order: look.fits(Reading(types, Written(order=order))) for order in days.ORDERS}
        best = max(counts, key=lambda order: (counts[order], order == days.YMD))
        if best == days.YMD or not few(look.n - counts[best], look.n):
            return best
        if _may_be_versions(look, types, best):
            return days.YMD  # in which they are no dates
        day_first, month_first = (1 << days.ORDERS.index(o) for o in (days.DMY, days.MDY))
        places = dict(look.orders(types))
        either = [p for bits, p in places.items() if bits & day_first and bits & month_first
                  and not bits & 1 << days.ORDERS.index(days.YMD)]  # fmt: skip
        only_day = any(bits & day_first and not bits & month_first for bits in places)
        only_month = any(bits & month_first and not bits & day_first for bits in places)
        if either and only_day == only_month:
            raise _asked(look, min(either, key=lambda place: place.number), "a date in a known "
                         "order", "its first number may be the day or the month",
                         Setting("date_order", days.DMY), Setting("date_order", days.MDY))  # fmt: skip
        return best

    # --- decimals, of which one column may tell another ---------------------------------------

    def _with_decimals(
        self, looks: Sequence[Look], guessed: Mapping[str, Reading]
    ) -> dict[str, Reading]:
        numeric = [look for look in looks if guessed[look.name].types == NUMBERS]
        marks = set().union(*(look.marks for look in numeric))
        file_mark = _certain(marks) or ""
        found = dict(guessed)
        for look in numeric:
            decimal = self._wanted.decimal or self._decimal(look, file_mark)
            written = guessed[look.name].written._replace(decimal=decimal)
            found[look.name] = guessed[look.name]._replace(written=written)
        return found

    def _decimal(self, look: Look, file_mark: str) -> str:
        """The decimal mark of a column. Raises DataError to ask for it."""
        certain = _certain(look.marks)
        if certain or (certain is None and numerals.COMMA not in look.marks):
            return certain or numerals.POINT
        if numerals.COMMA not in look.marks or file_mark:
            return file_mark or numerals.POINT
        place = look.first_either
        assert place is not None
        raise _asked(look, place, "a number whose decimal mark is certain",
                     "its comma may begin the decimals, or stand between thousands",
                     Setting("decimal", numerals.COMMA), Setting("decimal", numerals.POINT))  # fmt: skip

    # --- what is refused, and what is reported --------------------------------------------------

    def _refuse(self, look: Look, reading: Reading, *, asked: bool) -> None:
        """Raise DataError for what the caller does not want."""
        first = look.misfit(reading)
        if first is None:
            return
        if self._wanted.strict or (asked and not few(look.n - look.fits(reading), look.n)):
            raise self._wanted.refused(
                first.origin, first.at, look.name, kind_in_words(reading.types), first.value
            )

    def _report(self, looks: Sequence[Look], readings: Mapping[str, Reading]) -> None:
        pairs = [(look, readings[look.name]) for look in looks]
        spoilt = [one for look, reading in pairs if (one := _spoilt(look, reading))]
        report(spoilt, strict=self._wanted.strict is not None)
        absent_line.report({look.name: look.absent_as(reading) for look, reading in pairs})
        notes = [note for look, reading in pairs for note in self._notes(look, reading)]
        for note in notes[:MOST_REPORTED]:
            warn(note)
        if more := notes[MOST_REPORTED:]:
            warn(f"of {len(more):,} more columns such things could be said.")
        _report_alike([look for look, reading in pairs if reading.types == TEXT])

    def _notes(self, look: Look, reading: Reading) -> list[str]:
        """What is said of the reading of a column, if it may cost accuracy."""
        if reading.types == TEXT:
            return [note] if (note := _note_of_text(look)) else []
        if reading.types != NUMBERS:
            return []
        guessed = self._wanted.decimal is None and CERTAIN_COMMA not in look.marks
        if guessed and reading.written.decimal == numerals.COMMA and "." in look.marks:
            return [
                wording(
                    f'column "{look.name}": the points are read as marks of thousands, since '
                    "other columns have decimal commas. ", Setting("decimal", numerals.POINT),
                    " reads them as decimal points.",
                )
            ]  # fmt: skip
        return _notes_of_numbers(look, reading)


def _may_be_versions(look: Look, types: ColumnTypes, order: str) -> bool:
    """Whether dates such as 10.12.13 may be versions: in none of them the first number is a day."""
    places = list(look.orders(types))
    first = min((place for _, place in places), key=lambda place: place.number)
    month_first = 1 << days.ORDERS.index(days.MDY)
    certain = order == days.DMY and any(not bits & month_first for bits, _ in places)
    return days.perhaps_version(first.value) and not certain


def _certain(marks: set[str]) -> str | None:
    """The decimal mark that numbers certainly have; "" for neither, None for both."""
    point, comma = CERTAIN_POINT in marks, CERTAIN_COMMA in marks
    if point and comma:
        return None
    return numerals.POINT if point else numerals.COMMA if comma else ""


def _unit(look: Look) -> str:
    """The unit that most numbers of a column have which have one; "" if that is a spoilt cell."""
    units = look.units()
    del units[""]
    if not units:
        return ""
    unit, count = min(units.items(), key=lambda pair: (-pair[1], pair[0]))
    return "" if few(count, look.n) else unit


def _asked(look: Look, place: Place, expected: str, why: str, *ways: Setting) -> DataError:
    """The error for a value with two readings, which names the option that chooses one."""
    first, second = ways
    return place.origin.error(
        wording(
            f'expected {expected}, found "{shortened(place.value)}": {why}, and the column does not '
            "tell which. Say it with ", first, " or ", second, ", or treat "
            "the column as categorical with ", Setting("words", [look.name]), ".",
        ),
        place.at, look.name,
    )  # fmt: skip


def _spoilt(look: Look, reading: Reading) -> Spoilt | None:
    """The cells that cannot be read so, if there are any."""
    first = look.misfit(reading)
    if first is None:
        return None
    count = look.n - look.fits(reading)
    expected, value = kind_in_words(reading.types), shortened(first.value)
    return Spoilt(look.name, expected, count, look.n, value, first.in_words)


def _note_of_text(look: Look) -> str | None:
    """Why the column is text although most of its values are numbers or dates, if it is."""
    if not look.n or look.distinct is not None:
        return None
    unit = _unit(look)
    counts = {t: max(look.fits(Reading(t, Written(unit=unit, order=o))) for o in days.ORDERS)
              for t in (NUMBERS, DATES, ZONED, CLOCKS, SPANS)}  # fmt: skip
    if few(look.n - counts[NUMBERS], look.n) and look.are_codes:
        why = "are larger than 64 bits" if look.large else "have leading zeros, as codes have"
        return wording(
            f'column "{look.name}" is treated as categorical: its whole numbers {why}. ',
            Setting("numbers", [look.name]), " reads them as numbers.",
        )  # fmt: skip
    types = max(counts, key=lambda t: counts[t])
    if (2 * counts[types] <= look.n or types == NUMBERS) and (form := _of_other_form(look)):
        return f'column "{look.name}" is treated as categorical: {form}'
    if 2 * counts[types] <= look.n:
        return None
    if few(look.n - counts[types], look.n):
        return wording(
            f'column "{look.name}" is treated as categorical: its values may be dates or versions. ',
            Setting("date_order", days.DMY), " reads them as dates.",
        )  # fmt: skip
    return wording(
        f'column "{look.name}" is treated as categorical: only {counts[types]:,} of its '
        f"{look.n:,} values can be read as {kind_in_words(types)}. ",
        Setting("numbers", [look.name]),
        " needs at least 95 %: correct the others, or leave them empty.",
    )


def _of_other_form(look: Look) -> str | None:
    """What the values of a column may be that are not read, and how they are."""
    units = look.units()
    del units[""]
    if len(units) > 1 and few(look.n - look.units().total(), look.n):
        shown = listed([f'"{unit}" ({count:,})' for unit, count in units.most_common()])
        return f"its numbers have several units, {shown}. Convert them to one unit."
    words = look.words or set()
    if len(words) > CLASSES_AT_MOST and all(map(days.perhaps_time, words)):
        return (
            f'its values may be dates, months or weeks, such as "{shortened(min(words))}". Write '
            "2011-01-31 for them."
        )
    return None


def _notes_of_numbers(look: Look, reading: Reading) -> list[str]:
    """Numbers that may be dates, lack a unit, or have both decimal marks."""
    found, units, unit = [], look.units(), reading.written.unit
    if look.may_be_dates:
        found.append(
            f'column "{look.name}": all numbers may be dates, such as 20110131, and are read as '
            "numbers. Write 2011-01-31 for dates."
        )
    if unit and units[""]:
        first = look.first_with_unit("")
        found.append(
            f'column "{look.name}": {units[""]:,} of {look.n:,} values are written without the '
            f'unit "{unit}" and are read as if they had it, first "{shortened(first.value)}" in '
            f"{first.in_words}."
        )
    if {CERTAIN_POINT, CERTAIN_COMMA} <= look.marks:
        found.append(
            f'column "{look.name}": some values have a decimal point, and some a decimal comma. '
            "Each is read as it is written."
        )
    return found


def _report_alike(looks: Sequence[Look]) -> None:
    """One line for all columns with categories that differ in capitals or blanks alone."""
    found = {look.name: pair for look in looks if look.words and (pair := _alike(look.words))}
    if not found:
        return
    shown = [f'{name} ("{a}", "{b}")' for name, (a, b) in found.items()]
    warn(
        wording(
            f"categories that differ in capitals or blanks only are different ones: "
            f"{listed(shown)}. ", Setting("fold", list(found)[:1]), " makes one of them.",
        )
    )  # fmt: skip


def _alike(words: set[str]) -> tuple[str, str] | None:
    """Two words that are the same but for capitals and blanks, if there are any."""
    ordered = pa.array(sorted(words), pa.string())
    first: dict[str, str] = {}
    for word, bare in zip(ordered.to_pylist(), texts.folded(ordered).to_pylist(), strict=True):
        if first.setdefault(bare, word) != word:
            return first[bare], word
    return None

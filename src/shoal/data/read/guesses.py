"""What each column of text is: guessed from all its values, wherever they stand.

`Looks` counts, piece after piece, how many values of a column can be read in each way. A column is
numeric if at least 95 % of its values are numbers, else true or false if all are, else a date if
at least 95 % are, else text. Codes stay text: 007, and whole numbers beyond 64 bits.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from shoal.data.read import texts
from shoal.data.read.column_types import DECIMAL, Wanted
from shoal.data.read.origin import Origin, Piece
from shoal.data.read.spoilt import (
    MOST_REPORTED,
    Spoilt,
    few,
    kind_in_words,
    place_in_words,
    report,
    shortened,
)
from shoal.data.read.texts import DATES, NUMBERS, TEXT, TRUTH, ZONED, ColumnTypes
from shoal.errors import Setting, wording
from shoal.warn import warn

Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc

GUESSES = (NUMBERS, TRUTH, DATES, ZONED)  # in this order: 0 and 1 could be truth values
COMMAS = r"^\s*[+-]?[\d.,]*\d\s*$"  # 1234,5 is written in Germany, 1,234.5 in America
CLASSES_AT_MOST = 20  # of a target with other values, too: its few numbers are names of classes

WORTHWHILE = 4  # values for each different one: then their words are looked at, once each


class Place(NamedTuple):
    """A value, and where it stands."""

    origin: Origin
    at: int
    value: str

    @property
    def in_words(self) -> str:
        """Its row, line and file."""
        place = self.origin.place(self.at)
        return place_in_words(self.origin.file, place.get("row"), place.get("line"))


class Look:
    """What was seen of a column of text."""

    def __init__(self, name: str, *, is_target: bool = False) -> None:
        self.name = name
        self.n = 0  # values that are there
        self.fits = dict.fromkeys(GUESSES, 0)  # how many of them can be read so
        self.first: dict[ColumnTypes, Place] = {}  # that cannot
        self.fraction = self.large = False  # a number that is not whole; one beyond 64 bits
        self.zeros = 0  # values such as 007
        self.lengths: set[int] = set()  # of whole numbers, while they may be codes
        self.commas = 0
        self.first_comma: Place | None = None
        self.distinct: set[str] | None = set() if is_target else None  # numbers, or None if many

    def add(self, text: Column, origin: Origin) -> None:
        """The next values."""
        n = len(text) - text.null_count
        if not n:
            return
        self.n += n
        numbers = texts.whole(text, NUMBERS)
        if numbers is None:
            numbers = self._sorted_out(text, n, origin)
        else:
            self.fits[NUMBERS] += n
            self.commas += n  # (numbers without commas may be among those with them)
            # 0 and 1 are truth values, too, if true comes later; no number is a date.
            if self.fits[TRUTH] == self.n - n and _are_truths(text):
                self.fits[TRUTH] += n
            for types in GUESSES[1:]:
                self._note_first(types, pc.is_valid(text), text, origin)
        self._saw_numbers(text, numbers)

    def _sorted_out(self, text: Column, n: int, origin: Origin) -> Column:
        """Count the readings of values that are not all numbers; those that are."""
        encoded = pc.dictionary_encode(text).combine_chunks()
        # Each different word is looked at once, where there are few.
        few = len(encoded.dictionary) * WORTHWHILE < len(text)
        values = encoded.dictionary if few else text

        def spread(column: Column) -> Column:
            return column.take(encoded.indices) if few else column

        if self.fits[TRUTH] == self.n - n and _are_truths(values):
            self.fits[TRUTH] += n
        left, numbers = n, None
        for types in (NUMBERS, DATES, ZONED):
            # What is a date with a time zone is none without one.
            read = spread(texts.some(values, types)) if left or numbers is None else None
            fitting = 0 if read is None else n - read.null_count + text.null_count
            self.fits[types] += fitting
            if fitting < n and types not in self.first:
                bad = pc.is_valid(text) if read is None else texts.misfits(text, read)
                self._note_first(types, bad, text, origin)
            left -= fitting
            numbers = read if types == NUMBERS else numbers
        like = pc.match_substring_regex(values, pattern=COMMAS)
        self._saw_commas(text, spread(like), origin)
        return numbers

    def _note_first(self, types: ColumnTypes, bad: Column, text: Column, origin: Origin) -> None:
        if types not in self.first:
            index = pc.index(bad, True).as_py()
            self.first[types] = Place(origin, index, text[index].as_py())

    def _saw_numbers(self, text: Column, numbers: Column) -> None:
        """Whether they may be codes, and which they are."""
        there = text if numbers.null_count == text.null_count else text.filter(pc.is_valid(numbers))
        if self.distinct is not None:
            self.distinct |= set(pc.unique(there.drop_null()).to_pylist()[: CLASSES_AT_MOST + 1])
            if len(self.distinct) > CLASSES_AT_MOST:
                self.distinct = None
        if self.fraction or not len(there):
            return
        if pa.types.is_floating(numbers.type):
            whole = pc.match_substring_regex(there, pattern=texts.WHOLE)
            if not pc.all(whole, min_count=0).as_py():
                self.fraction = True
                return
            self.large = True
        if pc.any(pc.starts_with(pc.utf8_ltrim_whitespace(there), pattern="0")).as_py():
            zeros = pc.match_substring_regex(there, pattern=texts.LEADING_ZERO)
            self.zeros += int(pc.sum(zeros).as_py() or 0)
        if len(self.lengths) < 2:
            ends = pc.min_max(pc.binary_length(there)).as_py()
            self.lengths |= {ends["min"], ends["max"]} - {None}

    def _saw_commas(self, text: Column, like: Column, origin: Origin) -> None:
        self.commas += int(pc.sum(like).as_py() or 0)
        if self.first_comma is None and pc.any(like, min_count=0).as_py():
            index = pc.index(pc.and_(like, pc.match_substring(text, pattern=",")), True).as_py()
            if index >= 0:
                self.first_comma = Place(origin, index, text[index].as_py())

    # --- what it is --------------------------------------------------------------------

    @property
    def are_codes(self) -> bool:
        """Whether whole numbers are written as codes: 007, or 20 digits."""
        if self.fraction:
            return False
        padded = self.zeros * 20 >= self.n or len(self.lengths) == 1
        return self.large or (self.zeros > 0 and padded)

    def guess(self) -> ColumnTypes:
        """The types of the column."""
        if self.fits[NUMBERS] < self.n == self.fits[TRUTH]:
            return TRUTH
        for types in GUESSES:
            bad = self.n - self.fits[types]
            if not self.n or not (bad == 0 if types == TRUTH else few(bad, self.n)):
                continue
            if types == NUMBERS and (self.are_codes or (bad and self.distinct is not None)):
                return TEXT
            return types
        return TEXT

    def spoilt(self, types: ColumnTypes) -> Spoilt | None:
        """The cells that cannot be read as these types, if there are any."""
        first = self.first.get(types)
        if types == TEXT or first is None:
            return None
        count = self.n - self.fits[types]
        expected, value = kind_in_words(types), shortened(first.value)
        return Spoilt(self.name, expected, count, self.n, value, first.in_words)

    def note(self, types: ColumnTypes) -> str | None:
        """Why the column is text although most of its values are numbers or dates, if it is."""
        if types != TEXT or not self.n or self.distinct is not None:
            return None
        numbers = self.fits[NUMBERS]
        if few(self.n - numbers, self.n) and self.are_codes:
            why = "are larger than 64 bits" if self.large else "have leading zeros, as codes have"
            return wording(
                f'column "{self.name}" is treated as categorical: its whole numbers {why}. ',
                Setting("numbers", [self.name]), " reads them as numbers.",
            )  # fmt: skip
        most, kind = max((self.fits[t], kind_in_words(t)) for t in (NUMBERS, DATES, ZONED))
        if 2 * most <= self.n:
            return None
        return wording(
            f'column "{self.name}" is treated as categorical: only {most:,} of its {self.n:,} '
            f"values can be read as {kind}. ", Setting("numbers", [self.name]),
            " needs at least 95 %: correct the others, or leave them empty.",
        )  # fmt: skip


def _are_truths(text: Column) -> bool:
    return texts.whole(text, TRUTH) is not None


class Looks:
    """What was seen of all columns of text whose types are not known."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._looks: dict[str, Look] = {}

    def add(self, piece: Piece) -> None:
        """The next rows."""
        for name, column in zip(piece.table.column_names, piece.table.columns, strict=True):
            types = self._wanted.types_of(name)
            if types == TEXT or self._wanted.types is not None:
                continue
            if name not in self._looks:
                is_target = name == self._wanted.target
                self._looks[name] = Look(name, is_target=is_target and types is None)
            self._looks[name].add(column, piece.origin)

    def types(self, names: Sequence[str]) -> dict[str, ColumnTypes]:
        """The types of the columns; what was guessed at a cost is reported.

        Raises DataError for numbers with commas, and for spoilt cells under `strict`.
        """
        found: dict[str, ColumnTypes] = {}
        spoilt: list[Spoilt] = []
        notes: list[str] = []
        for name in names:
            look = self._looks.get(name)
            asked = self._wanted.types_of(name)
            if look is None:
                found[name] = asked or TEXT
                continue
            types = asked or look.guess()
            self._refuse(look, types, asked=asked is not None)
            if one := look.spoilt(types):
                spoilt.append(one)
            if note := look.note(types):
                notes.append(note)
            found[name] = types
        report(spoilt, strict=self._wanted.strict is not None)
        for note in notes[:MOST_REPORTED]:
            warn(note)
        if more := notes[MOST_REPORTED:]:
            warn(f"{len(more):,} more columns are treated as categorical for such reasons.")
        return found

    def _refuse(self, look: Look, types: ColumnTypes, *, asked: bool) -> None:
        """Raise DataError for what the caller does not want, or no rule covers."""
        comma = look.first_comma
        if types == TEXT and comma and few(look.n - look.commas, look.n):
            raise self._wanted.refused(comma.origin, comma.at, look.name, DECIMAL, comma.value)
        first = look.first.get(types)
        if first is None:
            return
        if self._wanted.strict or (asked and not few(look.n - look.fits[types], look.n)):
            raise self._wanted.refused(
                first.origin, first.at, look.name, kind_in_words(types), first.value
            )

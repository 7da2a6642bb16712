"""The types of a table's columns, as the caller, a model or the file itself says.

Column types are a tuple of Arrow types, the narrowest first. A column takes the first type that
fits all its values: whole numbers are integers, and with a 3.5 among them all are floats. What
fits none is missing, and reported (see `spoilt.py`).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from shoal.data.read import numerals, texts
from shoal.data.read.absent import ALL, without
from shoal.data.read.file_options import FileOptions
from shoal.data.read.messages import unknown_column
from shoal.data.read.origin import Origin
from shoal.data.read.spoilt import (
    Spoilt,
    kind_in_words,
    place_in_words,
    report,
    shortened,
)
from shoal.data.read.tables import plain
from shoal.data.read.texts import NUMBERS, TEXT, ColumnTypes, Reading
from shoal.data.read.writing import Written
from shoal.errors import DataError, Setting, SettingError, wording
from shoal.warn import warn

Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc

FINITE = "a finite number"
PROBED = 1000  # values in which another decimal mark is looked for first


class Wanted(NamedTuple):
    """What the caller, or a model, wants of the columns."""

    words: frozenset[str] = frozenset()  # read as text
    numbers: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()
    # Of the columns that a model knows: text is read as these, all other columns as text.
    types: Mapping[str, pa.DataType] | None = None
    target: str | None = None  # a few numbers among its values are names of classes
    verbatim: frozenset[str] = frozenset()  # text of a model in which only blank is missing
    written: Mapping[str, Written] = {}  # how the values of a model's columns were written
    decimal: str | None = None  # the decimal mark of all numbers; None: it is guessed
    date_order: str | None = None  # of day, month and year; None: it is guessed
    missing: tuple[str, ...] = ()  # texts that stand for a missing number or date
    fold: frozenset[str] = frozenset()  # text in which capitals and blanks do not count
    strict: bool | None = None  # refuse spoilt cells; None: there is no such option to name
    files: FileOptions = FileOptions()  # how the files are read

    def kept(self, file: str, names: Sequence[str]) -> list[str]:
        """The names that are left. Raises SettingError for a wish that cannot be granted."""
        named = self.words | self.numbers | self.drop | self.fold
        for name in sorted(named.difference(names)):
            raise SettingError(unknown_column(name, names), file=file)
        for name in sorted(self.words & self.numbers):
            raise SettingError(
                wording(
                    "expected one of ", Setting("words", [name]), " and ",
                    Setting("numbers", [name]), ", found both. Choose one.",
                ),
                file=file, column=name,
            )  # fmt: skip
        if names and self.drop.issuperset(names):
            raise SettingError(
                wording(Setting("drop"), " leaves no column. Drop fewer."),
                file=file, setting="drop",
            )  # fmt: skip
        return [name for name in names if name not in self.drop]

    def types_of(self, name: str) -> ColumnTypes | None:
        """The types that are wanted for a column of text, if any."""
        if name in self.words or name in self.fold:
            return TEXT
        if name in self.numbers:
            return NUMBERS
        return None if self.types is None else (self.types.get(name, pa.string()),)

    def reading_of(self, name: str) -> Reading | None:
        """How a column of text is read of which the types are wanted, if any."""
        types = self.types_of(name)
        if types is None:
            return None
        written = self.written.get(name) or Written(fold=name in self.fold)
        verbatim = name in self.words or name in self.verbatim
        return Reading(types, written, self.missing, verbatim)

    def refused(
        self, origin: Origin, index: int, name: str, expected: str, found: object
    ) -> DataError:
        """The error for one value, with what can be done about it."""
        text = json.dumps(shortened(found), ensure_ascii=False)
        # As text an infinite number is no better, and a model knows the types of its columns.
        cure = (
            wording("or leave it empty if it is not known.")
            if self.types is not None or expected == FINITE
            else as_text_or_dropped(name)
        )
        message = wording(f"expected {expected}, found {text}. Correct the value, ", cure)
        return origin.error(message, index, name)


def as_text_or_dropped(name: str) -> str:
    """What to do about a column with a value that is not of its type."""
    return wording(
        "or treat the whole column as categorical with ", Setting("words", [name]),
        ", or leave it out with ", Setting("drop", [name]), ".",
    )  # fmt: skip


class Noticed:
    """The spoilt cells of columns whose types are known, added up while they are read."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._found: dict[str, Spoilt] = {}
        self._values: dict[str, int] = {}  # of each column that is read from text
        self._marks: dict[str, str] = {}  # of a column what is said of its decimal marks

    def add(self, name: str, reading: Reading, text: Column, read: Column, at: Origin) -> None:
        """The next values of a column, and what was read of them."""
        types, before = reading.types, text.null_count
        if (
            reading.kind == NUMBERS
            and name not in self._marks
            and (said := _of_marks(text, reading))
        ):
            self._marks[name] = said
        if read.null_count > before:
            text = without(without(text, reading.missing), ALL)
        self._values[name] = self._values.get(name, 0) + len(text) - text.null_count
        if read.null_count == text.null_count:
            return
        bad = texts.misfits(text, read)
        count = int(pc.sum(bad).as_py() or 0)
        if not count:
            return
        first = int(pc.index(bad, True).as_py())
        if self._wanted.strict:
            raise self._wanted.refused(at, first, name, kind_in_words(types), text[first])
        _refuse_other_zone(text, types, first, name, at)
        if name not in self._found:
            place = at.place(first)
            self._found[name] = Spoilt(
                name, kind_in_words(types), 0, 0, shortened(text[first]),
                place_in_words(at.file, place.get("row"), place.get("line")), fitted=True,
            )  # fmt: skip
        one = self._found[name]
        self._found[name] = one._replace(cells=one.cells + count)

    def report(self) -> None:
        """Say what was read as missing, and what may have been read wrongly."""
        found = [one._replace(of=self._values[name]) for name, one in self._found.items()]
        report(found, strict=self._wanted.strict is not None)
        for name, said in self._marks.items():
            warn(f'column "{name}": {said}')


def _of_marks(text: Column, reading: Reading) -> str:
    """What is to be said of numbers that show the decimal mark that is not their column's; else nothing.

    How a value is read depends on the model alone, and not on the rows beside it.
    """
    own = reading.written.decimal
    point = own == numerals.POINT
    other, kind = (numerals.COMMA, "comma") if point else (numerals.POINT, "point")
    first = text[:PROBED].cast(pa.string())
    if not pc.any(pc.match_substring(first, other), min_count=0).as_py():
        return ""  # in a column of such numbers most have one
    values = pc.unique(text).drop_null()
    apart = numerals.taken_apart(numerals.seen(values))
    read, as_other = (apart.point, apart.comma) if point else (apart.comma, apart.point)
    certain, against = (
        pc.fill_null(pc.and_not(a, b), False) for a, b in ((as_other, read), (read, as_other))
    )
    sure, either = pc.index(certain, True).as_py(), pc.index(apart.either(other), True).as_py()
    if sure < 0 or either < 0 or pc.any(against, min_count=0).as_py():
        return ""
    number = texts.read_values(values[either : either + 1], reading)[0].as_py()
    return (
        f'"{shortened(values[sure])}" can only be read with a decimal {kind}, and "{shortened(values[either])}" is '
        f"read as {number:g}, as in the training. If all of it has decimal {kind}s, write these as the training did."
    )


def _refuse_other_zone(text: Column, types: ColumnTypes, first: int, name: str, at: Origin) -> None:
    """Raise DataError for a time with a zone where none is expected, and the reverse."""
    if not pa.types.is_timestamp(types[-1]):
        return
    zoned = types[-1].tz is not None
    other = texts.DATES if zoned else texts.ZONED
    if texts.whole(text[first : first + 1], other) is None:
        return
    kinds = ("without a time zone", "with a time zone")
    raise at.error(
        f"expected a time {kinds[zoned]}, as in the training, found "
        f'"{shortened(text[first])}", which is {kinds[not zoned]}. Write all times in one way.',
        first, name,
    )  # fmt: skip


def converted(
    table: pa.Table,
    readings: Mapping[str, Reading],
    origin: Origin,
    wanted: Wanted,
    noticed: Noticed | None = None,
    known: Mapping[str, Column] = {},
) -> pa.Table:
    """The table with its columns read, those without a reading as they are, none infinite.

    What does not fit is missing, and `noticed`. Of some columns it is `known` what Arrow reads.
    Raises DataError for an infinite number.
    """
    columns: list[Column] = []
    fields: list[pa.Field] = []
    for field, before in zip(table.schema, table.columns, strict=True):
        name, after = field.name, before
        if (reading := readings.get(name)) is not None:
            after = _read(before, reading, known.get(name))
            if noticed is not None and reading.types != TEXT:
                noticed.add(name, reading, before, after, origin)
            field = texts.marked(field, reading.written)
        after = _finite(after, before, name, origin, wanted)
        columns.append(after)
        fields.append(field.with_type(after.type))
    return pa.table(columns, schema=pa.schema(fields))


def _read(text: Column, reading: Reading, known: Column | None) -> Column:
    """The column, from what is known of it where that is meant."""
    if known is not None and _is_meant(known.type, reading):
        return known
    return texts.some(text, reading)


def _is_meant(kind: pa.DataType, reading: Reading) -> bool:
    """Whether a column that Arrow read as this type was read as is meant."""
    if pa.types.is_string(kind):
        return reading.types == TEXT and not reading.written.fold
    is_comma = reading.written.decimal == numerals.COMMA
    return kind in reading.types and not (is_comma and pa.types.is_floating(kind))


def _finite(after: Column, before: Column, name: str, origin: Origin, wanted: Wanted) -> Column:
    """The column with NaN as a missing value. Raises DataError for an infinite number."""
    if not pa.types.is_floating(after.type):
        return after
    if pc.all(pc.is_finite(after), min_count=0).as_py():
        return after
    if (infinite := pc.index(pc.is_inf(after), True).as_py()) >= 0:
        raise wanted.refused(origin, infinite, name, FINITE, before[infinite])
    return pc.if_else(pc.is_nan(after), pa.scalar(None, after.type), after)


def retyped(
    table: pa.Table, origin: Origin, wanted: Wanted, noticed: Noticed | None = None
) -> pa.Table:
    """A table that has types of its own, as the caller or a model wants its columns."""
    columns: dict[str, Column] = {}
    readings: dict[str, Reading] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if wanted.types is not None and name not in wanted.types:
            continue  # it is not used
        try:
            columns[name] = plain(column, name)
        except DataError as error:
            raise error.at(file=origin.file) from None
        kind = NUMBERS[-1] if name in wanted.numbers else (wanted.types or {}).get(name)
        if name in wanted.words:
            readings[name] = Reading(TEXT, verbatim=True)
        elif kind is not None and _is_other(columns[name].type, kind):
            written = wanted.written.get(name) or Written()
            readings[name] = Reading((kind,), written, wanted.missing)
            if not pa.types.is_string(columns[name].type):
                _refuse_type(columns[name], kind, origin, wanted, name)
            columns[name] = columns[name].cast(pa.string())
    # Text of such a file was meant as text: that it is a number must hold for all of it.
    strict = Noticed(wanted._replace(strict=True))
    meant = strict if noticed is None or wanted.types is None else noticed
    after = converted(pa.table(columns), readings, origin, wanted, meant)
    fields, arrays = list[pa.Field](), list[Column]()
    for field, column in zip(table.schema, table.columns, strict=True):
        at = after.column_names.index(field.name) if field.name in columns else -1
        fields.append(_kept_as(field, after.schema.field(at)) if at >= 0 else field)
        arrays.append(after.column(at) if at >= 0 else column)
    return pa.table(arrays, schema=pa.schema(fields))


def _kept_as(before: pa.Field, after: pa.Field) -> pa.Field:
    """The field of a column; categories are text, and nothing else."""
    return texts.marked(after) if pa.types.is_dictionary(before.type) else after


def _refuse_type(
    column: Column, kind: pa.DataType, origin: Origin, wanted: Wanted, name: str
) -> None:
    """Raise DataError for numbers where dates are expected, and the reverse: no cell is spoilt."""
    first = pc.index(pc.is_valid(column), True).as_py()
    if first >= 0:
        raise wanted.refused(origin, first, name, kind_in_words((kind,)), column[first])


def _is_other(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values must go through text to become what is wanted, or to be refused."""
    if pa.types.is_string(wanted):
        return False  # every value can be read as text
    return pa.types.is_string(kind) or (_is_day(kind) != _is_day(wanted) and not _is_span(kind))


def _is_day(kind: pa.DataType) -> bool:
    return pa.types.is_date(kind) or pa.types.is_timestamp(kind)


def _is_span(kind: pa.DataType) -> bool:
    return pa.types.is_time(kind) or pa.types.is_duration(kind) or pa.types.is_null(kind)

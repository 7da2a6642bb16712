"""Python objects become an Arrow column: numbers, text, truth values or times.

A column takes the first row of `READINGS` that knows all types of its values. Text among numbers,
or among dates, is read by the rule of `texts.py`: a few spoilt values are missing, and reported.
"""

import datetime
import enum
import ipaddress
import numbers
import uuid
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from shoal.data.read.spoilt import read_mixed
from shoal.data.read.words import as_words, word_of
from shoal.errors import DataError, DataTypeError

Objects: TypeAlias = "np.ndarray[Any, Any]"
Column = Any

NOTHING = ("NAType", "NaTType")  # pandas' NA is neither equal to itself nor unequal
INT64 = range(-(1 << 63), 1 << 63)
UINT64 = range(1 << 64)
# What has a name of its own, and is neither a number nor a time: pandas' types by their names.
NAMED = (uuid.UUID, ipaddress.IPv4Address, ipaddress.IPv6Address)
NAMED_BY_PANDAS = ("Interval",)


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, NaT or pandas' NA."""
    if value is None or type(value).__name__ in NOTHING:
        return True
    if isinstance(value, str):
        return False
    if isinstance(value, Decimal):
        return value.is_nan()  # a signalling NaN cannot be compared
    try:
        different = value != value
    except Exception:  # a type of the caller's: whatever its comparison raises
        return False
    return isinstance(different, bool | np.bool_) and bool(different)


def column_of(values: Any, name: str) -> Column:
    """The column of a list or an array of any type. Raises DataError."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    array = np.ma.asarray(values) if isinstance(values, np.ma.MaskedArray) else as_vector(values)
    if array.ndim != 1:
        raise DataError(
            f"expected one value in each row, found an array of {array.ndim} dimensions. Take it "
            "apart into columns of their own.",
            column=name,
        )
    if isinstance(array, np.ma.MaskedArray):
        return _with_mask(array, name)
    if array.dtype.kind in "OSUV":
        return column_of_objects(array.astype(object), name)
    return pa.array(as_supported(array, name), from_pandas=array.dtype.kind == "M")


def as_vector(values: Any) -> Objects:
    """Values as an array; those of a list keep their types."""
    if hasattr(values, "__array__"):
        return np.asarray(values)
    listed = list(values)
    array = np.empty(len(listed), object)
    for i, value in enumerate(listed):
        array[i] = value
    return array


def as_supported(array: Objects, name: str = "") -> Objects:
    """The array in a type that Arrow has: long floats as float64, dates in seconds at least."""
    array = np.asarray(array, array.dtype.newbyteorder("="))
    kind = array.dtype.kind
    if kind == "c":
        raise DataTypeError("expected real numbers, found complex ones.", column=name or None)
    if kind == "V":
        raise DataTypeError(
            f"expected numbers, text, booleans or times, found bytes of no type ({array.dtype}).",
            column=name or None,
        )
    if kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):  # what overflows is infinite, and refused later
            return array.astype(np.float64)
    unit, count = np.datetime_data(array.dtype) if kind in "mM" else ("", 1)
    if kind in "mM" and (count != 1 or unit not in ("s", "ms", "us", "ns")):
        # Arrow takes units of 25 s for seconds.
        finer = unit if unit in ("ms", "us", "ns") else "s"
        if kind == "M" and unit == "D" and count == 1:
            finer = "D"
        if unit in ("ps", "fs", "as"):
            finer = "ns"
        try:
            return array.astype(f"{kind}8[{finer}]")
        except TypeError:  # months have no length
            raise DataTypeError(
                f"expected durations of a fixed length, found {array.dtype}.", column=name or None
            ) from None
    return array


def _with_mask(array: Any, name: str) -> Column:
    if array.dtype.kind in "OSUV":
        values = array.astype(object).filled(None)
        return column_of_objects(np.asarray(values, object), name)
    return pa.array(as_supported(array.data, name), mask=np.ma.getmaskarray(array))


def column_of_objects(values: Objects, name: str) -> Column:
    """The column of a vector of Python objects. Raises DataError, or DataTypeError by name."""
    there = np.fromiter((not is_missing(v) for v in values), bool, len(values))
    known = values[there]
    if not len(known):
        return pa.nulls(len(values))
    kinds = list(dict.fromkeys(map(type, known)))
    for fits, read in READINGS:
        if all(fits(kind) for kind in kinds):
            return _spread(read(known, name), there)
    strange = next((k for k in kinds if not any(fits(k) for fits, _ in READINGS)), None)
    if strange is None:
        raise DataTypeError(
            f"expected values of one type, found {', '.join(k.__name__ for k in kinds[:5])}. Turn "
            "all of them into text, or leave the column out.",
            column=name,
        )
    # The wording is what scikit-learn's own checks expect of an estimator.
    raise DataTypeError(
        f"argument must be a string or a real number, not {strange.__name__!r}. Turn such values "
        "into text or numbers, or leave the column out.",
        column=name,
    )


def categories(words: Any, codes: Any, name: str) -> Column:
    """A column of categories as words; a code below 0 is a missing value."""
    found = np.asarray(codes)
    texts = words_of(words, name)
    return texts.take(pa.array(found, mask=found < 0))


def words_of(values: Any, name: str) -> Column:
    """Categories of any type as text: of tuples and the like, what Python shows of them."""
    listed = as_vector(values)
    try:
        column = as_words(column_of(listed, name))
    except DataError:
        return pa.array([str(value) for value in listed], pa.string())
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _spread(column: Column, there: Objects) -> Column:
    """The column with missing values between those that are there."""
    if there.all():
        return column
    places = np.cumsum(there) - 1
    return column.take(pa.array(places, mask=~there))


# --- one reading for each kind of values ----------------------------------------------


def _truth(values: Objects, name: str) -> Column:
    return pa.array(values.astype(bool))


def _whole(values: Objects, name: str) -> Column:
    low, high = int(min(values)), int(max(values))
    for limits, kind in ((INT64, np.int64), (UINT64, np.uint64)):
        if low in limits and high in limits:
            return pa.array(values.astype(kind))
    return pa.array([str(int(v)) for v in values], pa.string())  # ids: as numbers many are equal


def _decimal(values: Objects, name: str) -> Column:
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError):  # infinite, or too many digits
        return _number(values, name)


def _number(values: Objects, name: str) -> Column:
    try:
        return pa.array([float(v) for v in values], pa.float64())
    except OverflowError:
        raise DataError(
            "expected numbers up to 1.8e308, found a larger one. Correct it, or leave the column "
            "out.",
            column=name,
        ) from None


def _text(values: Objects, name: str) -> Column:
    try:
        return pa.array([str(v) for v in values], pa.string())
    except UnicodeEncodeError:
        raise DataError(
            "expected text, found half a surrogate pair, which is no character. Correct it, or "
            "leave the column out.",
            column=name,
        ) from None


def _bytes(values: Objects, name: str) -> Column:
    return pa.array([bytes(v) for v in values], pa.binary())


def _day(values: Objects, name: str) -> Column:
    return pa.array(values, pa.date32())


def _instant(values: Objects, name: str) -> Column:
    """Days and times together; to the nanosecond where that is possible."""
    zoned = {getattr(v, "tzinfo", None) is not None for v in values}
    if len(zoned) > 1:
        raise DataError(
            "expected times that all have a time zone, or none, found both. Give each the zone "
            "that it is meant in.",
            column=name,
        )
    try:
        if zoned == {True}:
            nanoseconds = [_since_1970(v) for v in values]
            return pa.array(nanoseconds, pa.int64()).cast(pa.timestamp("us", "UTC"))
        return pa.array(np.array([_as_datetime64(v) for v in values], "M8[us]"))
    except (OverflowError, ValueError) as error:
        raise DataError(f"expected dates and times: {error}.", column=name) from None


def _period(values: Objects, name: str) -> Column:
    """Days, months and years of pandas, by their first moment."""
    try:
        return _instant(np.array([v.start_time for v in values], object), name)
    except ValueError as error:  # pandas counts nanoseconds
        raise DataError(f"expected dates and times: {error}.", column=name) from None


def _since_1970(value: Any) -> int:
    """Microseconds."""
    return int((value - EPOCH) // datetime.timedelta(microseconds=1))


EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def _as_datetime64(value: Any) -> "np.datetime64":
    return np.datetime64(getattr(value, "to_datetime64", lambda: value)(), "us")


def _span(values: Objects, name: str) -> Column:
    try:
        found = [
            np.timedelta64(getattr(v, "to_timedelta64", lambda v=v: v)(), "ns") for v in values
        ]
        return pa.array(np.array(found, "m8[ns]"))
    except (OverflowError, ValueError, TypeError) as error:
        raise DataError(f"expected durations: {error}.", column=name) from None


def _clock(values: Objects, name: str) -> Column:
    return pa.array(values, pa.time64("us"))


def _named(values: Objects, name: str) -> Column:
    return pa.array([str(v.value if isinstance(v, enum.Enum) else v) for v in values], pa.string())


def _mixed(values: Objects, name: str) -> Column:
    """Text among other values: numbers or dates if nearly all are, else words."""
    return read_mixed([_as_text(v) for v in values], name)


def _as_text(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return word_of(float(value)) or ""
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value.value if isinstance(value, enum.Enum) else value)


def _is(*types: type) -> Callable[[type], bool]:
    return lambda kind: issubclass(kind, types)


def _is_number(kind: type) -> bool:
    return issubclass(kind, numbers.Real | Decimal | np.number | np.bool_) and not issubclass(
        kind, np.complexfloating | np.timedelta64
    )


def _is_whole(kind: type) -> bool:
    return issubclass(kind, int | np.integer) and not issubclass(kind, np.timedelta64 | bool)


def _is_period(kind: type) -> bool:
    return kind.__name__ == "Period" and hasattr(kind, "start_time")


def _is_name(kind: type) -> bool:
    return issubclass(kind, (*NAMED, enum.Enum)) or kind.__name__ in NAMED_BY_PANDAS


def _is_any(kind: type) -> bool:
    simple = (str, datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)
    return issubclass(kind, simple) or _is_number(kind) or _is_name(kind)


def _is_day(kind: type) -> bool:
    return issubclass(kind, datetime.date) and not issubclass(kind, datetime.datetime)


Read = Callable[[Any, str], Column]
READINGS: tuple[tuple[Callable[[type], bool], Read], ...] = (
    (_is(str), _text),
    (_is(bool, np.bool_), _truth),
    (_is_whole, _whole),
    (_is(Decimal), _decimal),
    (_is_number, _number),
    (_is_day, _day),
    (_is(datetime.date, np.datetime64), _instant),
    (_is(datetime.timedelta, np.timedelta64), _span),
    (_is(datetime.time), _clock),
    (_is(bytes, bytearray, memoryview), _bytes),
    (_is_period, _period),
    (_is_name, _named),
    (_is_any, _mixed),
)


def rows_of_records(rows: Iterable[dict[Any, Any]]) -> pa.Table:
    """Rows as dicts: the columns are all names that come, missing where a row lacks one."""
    listed = list(rows)
    names = dict.fromkeys(name for row in listed for name in row)
    columns = {str(name): column_of([row.get(name) for row in listed], str(name)) for name in names}
    return pa.table(columns)

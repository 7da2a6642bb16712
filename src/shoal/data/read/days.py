"""Dates and times as people write them, as text that Arrow's parsers know.

31.01.2011, 01/31/2011, 31-Jan-2011, Jan 31, 2011, each with or without 13:45 or 1:45 pm, and
Mon Jan 31 13:45:00 2011 and 20110131T134500Z, which programs write. Which of
two numbers is the day, `order` says ("dmy" or "mdy"); 2011-01-31 and a month's name need no order.
"""

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shoal.data.read import numerals

Column = Any  # a pyarrow ChunkedArray or Array: its stubs are too narrow for the functions of pc

DMY, MDY, YMD = "dmy", "mdy", "ymd"
ORDERS = (DMY, MDY, YMD)

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?P<word>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_WEEKDAY = r"(?:(?:mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun)(?:day|nesday|rsday|urday)?\.?,? +)?"


def _clock_with(mark: str) -> str:
    return (
        rf"(?P<hour>\d{{1,2}})(?:{mark}(?P<minute>\d\d)(?:{mark}(?P<second>\d\d(?:[.,]\d{{1,9}})?))?)?"
        r"(?: ?(?P<half>[ap])\.?m\.?)?"
    )


_CLOCK = _clock_with(":")
# Also GMT+0100, and behind a zone its name, in brackets.
_ZONE = r"(?P<zone> ?(?:z|(?:utc|gmt)?[+-]\d\d(?::?\d\d)?|utc|gmt)(?: ?\([^()]*\)|\[[\w/+-]+\])?)?"
_AT = rf"(?:(?:[ t:]|, ?| at ){_clock_with('[:.]')}{_ZONE})?$"
_YEAR, _SHORT = r"(?P<year>\d{4})", r"(?P<year>\d{4}|\d\d)"
_SEP = r"(?:[-/ ]|, ?|\. ?|-)"
_BY_NAME = (
    rf"{_DAY}(?:{_SEP}|(?: of ))?{_MONTH}{_SEP}?{_SHORT}",
    rf"{_MONTH}{_SEP}?{_DAY}{_SEP}{_SHORT}",
    rf"{_YEAR}{_SEP}{_MONTH}{_SEP}{_DAY}",
)
_YEAR_FIRST = tuple(
    rf"{_YEAR}{sep}(?P<month>\d{{1,2}}){sep}(?P<day>\d{{1,2}})" for sep in ("-", "/", r"\.")
)
# What C, Unix and JavaScript write, and the basic form of ISO 8601, with their time.
_WITH_TIME = (
    rf"{_MONTH} {{1,2}}{_DAY} {_CLOCK}{_ZONE} {_YEAR}$",
    rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)[t ]"
    rf"(?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d(?:[.,]\d{{1,9}})?))?{_ZONE}$",
)
_SEPARATED = (("/", _SHORT), ("-", _SHORT), (r"\. ?", _SHORT), (" ", _YEAR))
_FORMS = {
    YMD: (*_YEAR_FIRST, *_BY_NAME),
    DMY: tuple(rf"(?P<day>\d{{1,2}}){s}(?P<month>\d{{1,2}}){s}{y}" for s, y in _SEPARATED),
    MDY: tuple(rf"(?P<month>\d{{1,2}}){s}(?P<day>\d{{1,2}}){s}{y}" for s, y in _SEPARATED),
}
_PARTS = ("year", "month", "word", "day", "hour", "minute", "second", "half", "zone")
# What has none of this is no date, which is cheaper to find out.
_ANY_MONTH = "|".join(_MONTHS)
LIKE = (
    rf"(?i)^\s*(?:=\"|')?(?:[a-z]{{3,9}}\.?,? +)?(?:\d{{4}}|\d\d?)(?:[-/ ]|\. ?)\d\d?(?:[-/ ]|\. ?)\d|"
    r"^\s*(?:19|20)\d{6}[t ]\d{2}|"
    rf"\d.{{0,6}}(?:{_ANY_MONTH})|(?:{_ANY_MONTH})[a-z]{{0,6}}\W{{0,2}}\d"
)
LIKE_CLOCK = r"(?i)\d:\d\d|\d ?(?:[ap]\.?m|d)"
# A date or a version: 10.12.13 may be either.
_PERHAPS_VERSION = re.compile(r"\s*\d{1,2}\. ?\d{1,2}\. ?\d\d(?!\d)")
# Months, weeks and quarters, and days with the name of a month in a language that is not read.
_PERHAPS_TIME = re.compile(
    r"\s*(?:(?:19|20)\d\d[-/.](?:0\d|1[0-2])|(?:0?\d|1[0-2])[-/](?:19|20)\d\d|"
    r"(?:19|20)\d\d[- ]?(?:W|KW|Q|H) ?\d\d?(?:-?[1-7])?|(?:W|KW|Q|H)\d\d?[-/ ](?:19|20)?\d\d|"
    rf"{_MONTH}[- ]\'?(?:(?:19|20)\d\d|\d\d)|"
    r"\d{1,2}(?:\. ?| |-| de )[^\W\d_]{3,10}(?:\. ?| |-| de )(?:19|20)?\d\d|"
    r"(?:(?:19|20)\d\d-\d\d-\d\d|\d\d?(?P<sep>[./-])\d\d?(?P=sep)(?:19|20)\d\d)\D.*\d.*)\s*",
    re.IGNORECASE,
)
# A whole number that may be a date, which is not read as one.
COMPACT = r"^(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$"
_BLANKS = r"[\x{a0}\x{2007}\x{2009}\x{202f}]"  # JavaScript writes 1:45\u202fPM
_PIVOT = 69  # of years of two digits, as of POSIX: 69 is 1969, and 68 is 2068
_TIME = rf"(?i)^{_CLOCK}$"
_SPAN = (
    r"(?i)^(?P<sign>-?)(?:(?P<days>\d{1,6}) ?(?:d|days?),? ?)?"
    r"(?:(?P<hours>\d{1,6}):(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d(?:[.,]\d{1,9})?))?)?$"
)


def iso(text: Column, order: str, *, zoned: bool) -> Column:
    """The texts as 2011-01-31 13:45:00, missing where they are no such dates.

    Some may yet be none, as 2021-02-29. `zoned` asks for times with a time zone.
    """
    text = numerals.bare(_usual(text))
    found = pa.nulls(len(text), pa.string())
    days = (*_FORMS[YMD], *(_FORMS.get(order, ()) if order != YMD else ()))
    for form in (*(day + _AT for day in days), *_WITH_TIME):
        read = _of_form(text, rf"(?i)^{_WEEKDAY}{form}", zoned=zoned)
        found = pc.coalesce(found, read)
        if not found.null_count:
            break
    return found


def perhaps_version(value: str) -> bool:
    """Whether a value is three numbers with points between them, as 31.01.19 and 10.12.13."""
    return _PERHAPS_VERSION.match(value) is not None


def perhaps_time(value: str) -> bool:
    """Whether a value may be a time that is not read, as 2019-03, 2019-W03 and 3. Mai 2019."""
    return _PERHAPS_TIME.fullmatch(value) is not None


def clock(text: Column) -> Column:
    """Times of the day as 1970-01-01 13:45:00; missing where they are none."""
    part = _extracted(_usual(text), _TIME)
    # 13 is a number, and no time; 1 pm is one.
    told = pc.or_(pc.not_equal(part["minute"], ""), pc.not_equal(part["half"], ""))
    at = pc.if_else(told, _clock_of(part), pa.scalar(None, pa.string()))
    return pc.binary_join_element_wise("1970-01-01", at, " ")


def span(text: Column) -> Column:
    """Durations such as 3 days 04:00:00, or 36:15, in microseconds; missing where they are none."""
    part = _extracted(_usual(text), _SPAN)
    told = pc.or_(pc.not_equal(part["days"], ""), pc.not_equal(part["hours"], ""))
    seconds = pc.replace_substring(_or_zero(part["seconds"]), ",", ".").cast(pa.float64())
    whole = pa.scalar(0, pa.int64())
    for name, each in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        whole = pc.add(whole, pc.multiply(_or_zero(part[name]).cast(pa.int64()), each))
    micro = pc.add(pc.multiply(whole, 1_000_000), pc.round(pc.multiply(seconds, 1e6)).cast("int64"))
    signed = pc.if_else(pc.equal(part["sign"], "-"), pc.negate(micro), micro)
    return pc.if_else(told, signed, pa.scalar(None, pa.int64()))


def _or_zero(text: Column) -> Column:
    return pc.if_else(pc.equal(text, ""), "0", text)


def _of_form(text: Column, pattern: str, *, zoned: bool) -> Column:
    part = _extracted(text, pattern)
    if part["day"].null_count == len(text):
        return part["day"]
    day = pc.binary_join_element_wise(
        _year(part["year"]), _month(part), pc.utf8_lpad(part["day"], 2, "0"), "-"
    )
    is_zoned = pc.not_equal(part["zone"], "")
    at = pc.binary_join_element_wise(day, _clock_of(part), " ")
    whole = pc.if_else(pc.equal(part["hour"], ""), day, at)
    if zoned:
        whole = pc.binary_join_element_wise(whole, _zone(part["zone"]), "")
    return pc.if_else(pc.equal(is_zoned, zoned), whole, pa.scalar(None, pa.string()))


def _extracted(text: Column, pattern: str) -> dict[str, Column]:
    found = pc.extract_regex(text, pattern=pattern)
    there = {name: pc.struct_field(found, [name]) for name in found.type.names}
    any_part = next(iter(there.values()))
    blank = pc.if_else(pc.is_valid(any_part), "", pa.scalar(None, pa.string()))
    return {name: blank for name in _PARTS} | there


def _year(year: Column) -> Column:
    short = pc.equal(pc.binary_length(year), 2)
    old = pc.greater_equal(year, str(_PIVOT))
    century = pc.if_else(short, pc.if_else(old, "19", "20"), "")
    return pc.binary_join_element_wise(century, year, "")


def _month(part: dict[str, Column]) -> Column:
    named = pc.index_in(
        pc.utf8_slice_codeunits(pc.utf8_lower(part["word"]), 0, 3), value_set=pa.array(_MONTHS)
    )
    number = pc.coalesce(pc.add(named, 1).cast(pa.string()), part["month"])
    return pc.utf8_lpad(number, 2, "0")


def _clock_of(part: dict[str, Column]) -> Column:
    """13:45:00; missing where an hour in words, as 13 pm, is none."""
    half = pc.utf8_lower(part["half"])
    hour = _or_zero(part["hour"]).cast(pa.int64())
    late = pc.if_else(pc.equal(half, "p"), 12, 0)
    twelve = pc.add(pc.if_else(pc.equal(hour, 12), 0, hour), late)
    good = pc.and_(pc.greater_equal(hour, 1), pc.less_equal(hour, 12))
    by_half = pc.if_else(good, twelve, pa.scalar(None, pa.int64()))
    found = pc.if_else(pc.equal(half, ""), hour, by_half).cast(pa.string())
    # Times have microseconds here; what is behind them is cut off, as of times that are typed.
    second = pc.utf8_slice_codeunits(pc.replace_substring(_or_zero(part["second"]), ",", "."), 0, 9)
    return pc.binary_join_element_wise(
        pc.utf8_lpad(found, 2, "0"), pc.utf8_lpad(_or_zero(part["minute"]), 2, "0"),
        pc.if_else(pc.equal(second, "0"), "00", second), ":",
    )  # fmt: skip


def _zone(zone: Column) -> Column:
    bare = pc.utf8_upper(pc.utf8_trim_whitespace(zone))
    bare = pc.replace_substring_regex(bare, pattern=r" ?[(\[].*$", replacement="")
    bare = pc.replace_substring_regex(bare, pattern="^(UTC|GMT)$", replacement="Z")
    return pc.replace_substring_regex(bare, pattern="^(UTC|GMT)", replacement="")


def _usual(text: Column) -> Column:
    """The texts without blanks around them, and with no other blanks than usual ones."""
    text = _flat(pc.utf8_trim_whitespace(text))
    if pc.all(pc.string_is_ascii(text), min_count=0).as_py():
        return text
    return pc.replace_substring_regex(text, pattern=_BLANKS, replacement=" ")


def _flat(column: Column) -> Column:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

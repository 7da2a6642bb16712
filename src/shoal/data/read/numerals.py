"""Numbers as people write them: 1,234.50  1.234,50  1'234  $5  12 %  (7)  7-  7.-  +7.

A text is taken apart into its sign, its unit and its digits. The digits may have groups of
thousands; whether a comma or a point begins the decimals is certain (1234,5) or not (1,234).
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Column = Any  # a pyarrow ChunkedArray or Array: its stubs are too narrow for the functions of pc
Mask = NDArray[np.bool_]

POINT, COMMA = ".", ","

# Marks that are not seen, which spreadsheets, browsers and Windows put beside what is copied: for
# the direction of writing and the end of a line, and the byte order mark of a file behind another.
# A soft hyphen is one of them, but at the end of a number, where PDF and old code pages mean a minus.
_SOFT_MINUS = r"^(\s*\(?)\x{ad}|\x{ad}(\s*)$"
_UNSEEN = r"[\x{ad}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2069}\x{feff}]"

# Of each digit those of other scripts, as ٣ and ３; and marks that are as wide as those, or Arabic.
_ZEROS = "０٠۰०০੦૦୦௦౦೦൦๐໐༠၀០"  # the others follow, in each script
_DIGITS = ["".join(chr(ord(zero) + digit) for zero in _ZEROS) for digit in range(10)]
_MARKS = {"．": ".", "٫": ".", "，": ",", "٬": ",", "＋": "+", "－": "-", "／": "/", "：": ":", "％": "%",
          "٪": "%", "（": "(", "）": ")"}  # fmt: skip
_OTHER_SCRIPT = f"[{''.join(_DIGITS)}{''.join(_MARKS)}]"

_DASHES = "−–‐‑‒﹣"  # that stand for a minus: of mathematics, and what programs make of a hyphen
_SPACE = r" \x{a0}\x{2007}\x{2009}\x{202f}"  # also those that a browser does not break at
_QUOTE = r"'’`"
# Before a number stands a sign of a currency, or one of the codes of ISO 4217 that are often
# written; anything else, as in A12, is a code. Behind it stands a unit of at most two words.
_CURRENCY = (
    r"(?:[a-z]{1,3})?\p{Sc}|usd|eur|gbp|chf|jpy|cny|rmb|inr|cad|aud|nzd|sek|nok|dkk|pln|czk|huf|"
    r"brl|mxn|zar|sgd|hkd|krw|rub|try|ils|thb|kr\.?|fr\.|sfr\.?|rs\.?|zł"
)
_UNIT = r"[^\d\s.,+()'\-][^\d\s+()]{0,11}(?:\s[^\d\s.,+()\-]{1,12})?"
_TAKEN_APART = (
    rf"(?i)^(?P<open>\(?)\s*(?P<sign>[+\-]?)\s*(?P<before>{_CURRENCY})?\s*(?P<second>[+\-]?)\s*"
    rf"(?P<digits>[\d.,{_QUOTE}{_SPACE}]*\d[.,]?(?:e[+\-]?\d+)?|inf|infinity|nan)"
    rf"\s*(?P<after>{_UNIT})?\s*(?P<end>[\-)]?)$"
)
# What begins otherwise is no number, which is cheaper to find out.
_SIGN = rf"[+\-{_DASHES}]?\s*"
BEGINNING = rf"(?i)^\s*(?:=\"|')?\(?\s*{_SIGN}(?:{_CURRENCY})?\s*{_SIGN}(?:[.,]?\d|inf|nan)"
_MINUS = rf"^\s*[{_DASHES}]|[{_DASHES}]\s*$"
# A spreadsheet keeps ="12" and '12 as text. A dash in place of cents, as in 12.-, is no minus.
_AS_TEXT, _NO_CENTS = r"^(?:=\"([^\"]*)\"|'(.*))$", r"(\d)[.,](?:--?|[−–—])(\D*)$"
_SELDOM = rf"{_MINUS}|^[=']|[.,][\-−–—]"


def _digits(mark: str, group: str) -> str:
    """What digits look like with this decimal mark, and this mark between thousands."""
    grouped = "|".join(rf"[1-9]\d{{0,2}}(?:[{g}]\d{{3}})+" for g in (group, _QUOTE, _SPACE))
    if group == COMMA:
        grouped += r"|[1-9]\d?(?:,\d{2})+,\d{3}"  # 12,34,567 of India
    return (
        rf"(?i)^(?:(?:\d+|{grouped})(?:[{mark}]\d*)?(?:e[+-]?\d+)?|[{mark}]\d+(?:e[+-]?\d+)?"
        r"|inf|infinity|nan)$"
    )


LIKE = {POINT: _digits(POINT, COMMA), COMMA: _digits(COMMA, POINT)}
_PERHAPS_COMMA = _digits(COMMA, POINT).replace("^", "^-?", 1)
_REMOVED = {POINT: rf"[,{_QUOTE}{_SPACE}]", COMMA: rf"[.{_QUOTE}{_SPACE}]"}


class Numerals(NamedTuple):
    """Texts taken apart; missing where a text is no number."""

    sign: Column  # "-" or ""
    unit: Column  # "" if there is none
    digits: Column
    point: Column  # whether the digits are a number with a decimal point
    comma: Column  # the same with a decimal comma

    @property
    def fit(self) -> Column:
        """Which texts are numbers."""
        return pc.fill_null(pc.or_(self.point, self.comma), False)

    def plain(self, decimal: str, unit: str) -> Column:
        """The numbers as Arrow's parser knows them, missing where the unit is another one.

        What can be read with one decimal mark only is read with that; else `decimal` decides.
        """
        first = self.comma if decimal == COMMA else self.point
        other = POINT if decimal == COMMA else COMMA
        digits = pc.if_else(first, _plain(self.digits, decimal), _plain(self.digits, other))
        known = pc.and_(self.fit, pc.is_in(self.unit, value_set=pa.array(["", unit])))
        text = pc.binary_join_element_wise(self.sign, digits, "")
        return pc.if_else(known, text, pa.scalar(None, pa.string()))

    def marks(self) -> set[str]:
        """Which decimal marks the numbers show: ".!" and ",!" for certain, "." and "," perhaps."""
        point, comma = (np.asarray(pc.fill_null(c, False)) for c in (self.point, self.comma))
        found = {".!"} if (point & ~comma).any() else set()
        found |= {",!"} if (comma & ~point).any() else set()
        found |= {mark for mark in (POINT, COMMA) if pc.any(self.either(mark), min_count=0).as_py()}
        return found

    def either(self, mark: str) -> Column:
        """Which numbers have this mark, which may begin their decimals or not."""
        both = pc.and_(self.point, self.comma)
        return pc.fill_null(pc.and_(both, pc.match_substring(self.digits, mark)), False)


def taken_apart(text: Column) -> Numerals:
    """The texts as numbers."""
    text = _flat(pc.utf8_trim_whitespace(text))
    if pc.any(pc.match_substring_regex(text, pattern=_SELDOM), min_count=0).as_py():
        text = _usual(text)
    found = pc.extract_regex(text, pattern=_TAKEN_APART)
    part = {name: pc.struct_field(found, [name]) for name in found.type.names}
    signs = pc.binary_join_element_wise(part["sign"], part["second"], "")
    is_open = pc.equal(part["open"], "(")
    # A number has one sign at most, and each bracket the other one.
    n_signs = pc.add(pc.binary_length(signs), pc.binary_length(part["end"]))
    good = pc.and_(
        pc.equal(is_open, pc.equal(part["end"], ")")),
        pc.less_equal(n_signs, 1),
    )
    minus = pc.or_(pc.match_substring(signs, "-"), pc.not_equal(part["end"], ""))
    digits = pc.if_else(good, part["digits"], pa.scalar(None, pa.string()))
    return Numerals(
        pc.if_else(minus, "-", ""),
        pc.binary_join_element_wise(part["before"], part["after"], ""),
        digits,
        *(pc.match_substring_regex(digits, pattern=LIKE[mark]) for mark in (POINT, COMMA)),
    )


def seen(text: Column) -> Column:
    """The texts without marks that are not seen, and with the digits that ASCII has."""
    if pc.all(pc.string_is_ascii(text), min_count=0).as_py():
        return text
    text = pc.replace_substring_regex(text, pattern=_SOFT_MINUS, replacement=r"\1-\2")
    text = pc.replace_substring_regex(text, pattern=_UNSEEN, replacement="")
    if pc.any(pc.match_substring_regex(text, pattern=_OTHER_SCRIPT), min_count=0).as_py():
        for digit, others in enumerate(_DIGITS):
            text = pc.replace_substring_regex(text, pattern=f"[{others}]", replacement=str(digit))
        for mark, usual in _MARKS.items():
            text = pc.replace_substring(text, mark, usual)
    return text


def bare(text: Column) -> Column:
    """The values of cells that a spreadsheet is told to keep as text."""
    marked = pc.match_substring_regex(text, pattern="^[=']")
    if not pc.any(marked, min_count=0).as_py():
        return text
    return pc.replace_substring_regex(text, pattern=_AS_TEXT, replacement=r"\1\2")


def _usual(text: Column) -> Column:
    """The same numbers, written in a more usual way."""
    text = pc.replace_substring_regex(bare(text), pattern=_NO_CENTS, replacement=r"\1\2")
    return pc.replace_substring_regex(text, pattern=f"[{_DASHES}]", replacement="-")


def only_point(text: Column) -> bool:
    """Whether one of these numbers, as Arrow knows them, is none with a decimal comma."""
    perhaps = pc.match_substring_regex(text, pattern=_PERHAPS_COMMA)
    return not pc.all(perhaps, min_count=0).as_py()


def _plain(digits: Column, decimal: str) -> Column:
    bare = pc.replace_substring_regex(digits, pattern=_REMOVED[decimal], replacement="")
    return pc.replace_substring(bare, decimal, ".") if decimal == COMMA else bare


def _flat(column: Column) -> Column:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

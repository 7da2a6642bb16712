"""Columns that are no features: counters of rows, ids and free text.

They are told by their values, all different or nearly so, and whole numbers by their name as well:
a number that differs in every row may be a measurement. Never a fraction, never a date.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shoal.data.encode.moments import Floats
from shoal.errors import Setting, wording
from shoal.warn import warn

LEAST_ROWS = 20  # fewer values may differ by chance
NEARLY_ALL = 0.95  # of the texts of an id are different
LONG_TEXT = 40  # characters on average: sentences, not names
# A counter has no larger gaps than a part of a table may have, from which two rows of three were taken.
GAPS = 3

COUNTERS = frozenset(
    [
        "index",
        "idx",
        "row",
        "rowid",
        "rowno",
        "rownum",
        "rownumber",
        "rownames",
        "rowindex",
        "no",
        "nr",
        "n°",
        "#",
        "id",
        "level0",  # of pandas, where there is an "index" already
        "sno",
        "srno",
        "slno",
        "seq",
        "obs",
        "observation",
        "nummer",
    ]
)
ID_WORDS = frozenset(
    [
        *COUNTERS,
        "ids",
        "uuid",
        "guid",
        "identifier",
        "key",
        "pk",
        "record",
        "num",
        "number",
        "serial",
    ]
)
# What pandas, readr of R and our reader of CSV call a column without a name.
_UNNAMED = re.compile(r"\s*(unnamed:? ?[\d.]*|column \d+|\.\.\.\d+)?\s*", re.IGNORECASE)
# What pandas calls an index without a name in Parquet: of a table from which rows were taken.
_INDEX = re.compile(r"__index_level_\d+__")
_WORD = re.compile(r"[A-Z]?[a-zäöüß]+|[A-Z]+(?![a-z])|\d+|[#°]+")

MOST_REPORTED = 3


class Role(NamedTuple):
    """A column that is no feature."""

    name: str
    reason: str  # what it is
    use: str = ""  # the setting by which it can be used all the same


def is_unnamed(name: str) -> bool:
    """Whether a column has no name of its own."""
    return _UNNAMED.fullmatch(name) is not None


def of_whole_numbers(name: str, x: Floats) -> Role | None:
    """What a column of whole numbers without missing values is, if it is no feature."""
    different = np.unique(x)
    if len(x) < 3 or len(different) < len(x):
        return None
    if _INDEX.fullmatch(name):
        return Role(name, "an index of pandas (whole numbers, one for each row)", "numbers")
    words = [word.lower() for word in _WORD.findall(name)]
    if (is_unnamed(name) or "".join(words) in COUNTERS) and _counts(different):
        return Role(name, "a row counter (whole numbers, one for each row)", "numbers")
    if _is_id(words) and len(x) >= LEAST_ROWS:
        return Role(name, f"an id (whole numbers, all {len(x):,} different)", "numbers")
    return None


def may_count(name: str, x: Floats) -> bool:
    """Whether whole numbers that are a feature may yet be a row counter or an id."""
    different = np.unique(x)
    if len(x) < LEAST_ROWS or len(different) < len(x):
        return False
    return _is_id([word.lower() for word in _WORD.findall(name)]) or _counts(different)


def _is_id(words: Sequence[str]) -> bool:
    """Whether the words of a name say that it is an id."""
    return bool(words) and (
        words[-1] in ID_WORDS or words[0] == "id" or words[-1].endswith("nummer")
    )


def _counts(rising: Floats) -> bool:
    """Whether numbers follow each other at one step, but for some that are left out."""
    steps = np.diff(rising)
    step = float(np.gcd.reduce(steps.astype(np.int64)))
    return bool((rising[-1] - rising[0]) / step + 1 <= GAPS * len(rising))


def of_text(name: str, values: pa.Array) -> Role | None:
    """What a column of text is, if it is no feature."""
    there = values.drop_null()
    n, different = len(there), len(pc.unique(there))
    if n < LEAST_ROWS or different < NEARLY_ALL * n:
        return None
    use = "words" if different < n else ""  # of values that never repeat nothing can be learnt
    told = f"{different:,} of {n:,} values are different"
    if (pc.mean(pc.utf8_length(there)).as_py() or 0) > LONG_TEXT:
        reason = f"free text ({told}), which TfidfVectorizer of scikit-learn turns into numbers"
        return Role(name, reason, use)
    return Role(name, f"an id ({told})", use)


def report(found: Sequence[Role]) -> None:
    """Warn of columns that are set aside."""
    for role in found[:MOST_REPORTED]:
        warn(_line(role))
    if more := found[MOST_REPORTED:]:
        names = ", ".join(role.name for role in more[:10]) + (", …" if len(more) > 10 else "")
        warn(f"{len(more):,} more columns are set aside as row counters, ids or text: {names}.")


def _line(role: Role) -> str:
    name = f' "{role.name}"' if role.name.strip() else ""
    told = f"column{name} is set aside: it is {role.reason}."
    if is_unnamed(role.name):
        return f"the unnamed {told} It is used if it is given a name."
    return wording(told, " ", Setting(role.use, [role.name]), " uses it.") if role.use else told

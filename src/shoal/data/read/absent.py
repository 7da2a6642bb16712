"""Texts that stand for a missing value.

In every column a blank and `MISSING` do, except where the caller treats a column as categorical:
there only a blank does. In a column of numbers or dates `OTHERS` do, too, and what the caller adds.
"""

from collections.abc import Iterable
from typing import Any

from shoal.lazily import pa, pc

Column = Any  # a pyarrow ChunkedArray or Array: its stubs are too narrow for the functions of pc

MISSING = ("", "NA", "N/A", "nan", "NaN", "null", "NULL", "None", "?", r"\N")
# Of spreadsheets (in English, German, French, Italian and Spanish), R, pandas, SAS, databases and people;
# the last two are dates of MySQL.
_OTHERS = (
    "n/a", "na", "#n/a", "#na", "#n/a n/a", "nan", "null", "none", "-", "--", "–", "—", ".", "..",
    "?", "n.a.", "<na>", "nat", "#null!", "#div/0!", "#value!", "#ref!", "#num!", "#name?",
    "#nv", "#wert!", "#bezug!", "#zahl!", "#valeur!", "#nombre!", "#nom?", "#n/d", "#n/d!", "#valore!",
    "#rif!", "#nome?", "#¡valor!", "#¡ref!", "#¡num!", "#¡div/0!", "#¿nombre?", "(null)", "[null]", "<null>",
    "0000-00-00", "0000-00-00 00:00:00",
)  # fmt: skip
OTHERS = tuple(
    sorted({form for word in _OTHERS for form in (word, word.upper(), word.capitalize())} | {"NaT"})
)
ALL = (*dict.fromkeys((*MISSING, *OTHERS)),)


def are_absent(text: Column, spellings: Iterable[str]) -> Column:
    """Where one of the spellings stands."""
    found: Column = pc.is_in(text, value_set=pa.array(spellings, pa.string()))
    return found


def without(text: Column, spellings: Iterable[str]) -> Column:
    """The column with missing values in the place of the spellings."""
    return told_apart(text, spellings)[0]


def told_apart(text: Column, spellings: Iterable[str]) -> tuple[Column, dict[str, int]]:
    """The same, and how often each of the spellings stood there, but for blanks."""
    absent = are_absent(text, spellings)
    if not pc.any(absent, min_count=0).as_py():
        return text, {}
    there = text.filter(absent)
    pairs = pc.value_counts(there.combine_chunks() if hasattr(there, "chunks") else there)
    counts = {p["values"].as_py(): p["counts"].as_py() for p in pairs if p["values"].as_py()}
    return pc.if_else(absent, pa.scalar(None, pa.string()), text), counts

"""SQL: what SQLite, DuckDB and PostgreSQL say differently."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from shoal.errors import SettingError
from shoal.exports.names import utf8

Write = Callable[[str], str]

TRUTHS = ("true", "false")  # SQLite takes them for values, in double quotes too


def _small(text: str) -> str:
    """In small letters; SQLite and DuckDB know those of ASCII alone."""
    return "".join(c.lower() if c.isascii() else c for c in text)


class Dialect(NamedTuple):
    """Functions that write an expression, from expressions."""

    lesser: str
    greater: str
    number: Write  # from a column of numbers; NULL where it is missing
    boolean: Write
    seconds: Write  # from a column of times
    text: Write
    figure: Write  # text from numbers, as categories have it: 3, not 3.0
    truth: Write  # text from truth values
    month: Write  # from seconds, from 0 on
    exponent: bool = False  # a number without an exponent would be a decimal
    known_as: Write = _small  # by which a column's name is told from others


def _present(column: str, kind: str) -> str:
    """A number, where the database does not say NULL for one that is missing but NaN."""
    return f"NULLIF(CAST({column} AS {kind}), CAST('NaN' AS {kind}))"


def _text_of_sqlite(column: str) -> str:
    return f"CAST({column} AS TEXT) COLLATE BINARY"


def _figure_of_sqlite(column: str) -> str:
    whole = f"CAST({column} AS INTEGER)"
    # As text SQLite has 1.0e+20, and less digits or more by version.
    return (
        f"CAST(CASE WHEN typeof({column}) <> 'real' THEN {column} WHEN {column} = {whole} "
        f"THEN {whole} ELSE printf('%.15g', {column}) END AS TEXT) COLLATE BINARY"
    )


def _truth_of_sqlite(column: str) -> str:
    """It has no truth values but 0 and 1."""
    return (
        f"CAST(CASE WHEN typeof({column}) <> 'integer' THEN {column} WHEN {column} THEN 'true' "
        "ELSE 'false' END AS TEXT) COLLATE BINARY"
    )


def _figure_of_duckdb(column: str) -> str:
    text = f"CAST({column} AS VARCHAR)"
    bare = f"regexp_replace(regexp_replace({text}, '(\\.\\d*?)0+$', '\\1'), '\\.$', '')"
    return (
        f"CASE WHEN typeof({column}) IN ('DOUBLE', 'FLOAT') OR typeof({column}) LIKE 'DECIMAL%' "
        f"THEN NULLIF({bare}, 'nan') ELSE {text} END"
    )


DIALECTS = {
    "sqlite": Dialect(
        "MIN",
        "MAX",
        lambda c: f"CAST({c} AS REAL)",
        lambda c: f"CAST({c} AS REAL)",
        # Text in ISO 8601, or numbers, which are seconds already.
        lambda c: (
            f"CASE WHEN typeof({c}) IN ('integer', 'real') THEN {c} ELSE strftime('%s', {c}) "
            f"+ strftime('%f', {c}) - strftime('%S', {c}) END"
        ),
        _text_of_sqlite,
        _figure_of_sqlite,
        _truth_of_sqlite,
        lambda s: f"strftime('%m', floor({s}), 'unixepoch') - 1",
    ),
    "duckdb": Dialect(
        "LEAST",
        "GREATEST",
        lambda c: _present(c, "DOUBLE"),
        lambda c: f"CAST({c} AS DOUBLE)",
        lambda c: f"epoch({c})",
        lambda c: f"CAST({c} AS VARCHAR)",
        _figure_of_duckdb,
        lambda c: f"CAST({c} AS VARCHAR)",
        lambda s: f"month(make_timestamp(CAST(floor({s}) * 1000000 AS BIGINT))) - 1",
        exponent=True,
    ),
    "postgres": Dialect(
        "LEAST",
        "GREATEST",
        lambda c: _present(c, "DOUBLE PRECISION"),
        lambda c: f"CAST(CAST({c} AS INTEGER) AS DOUBLE PRECISION)",
        lambda c: f"CAST(EXTRACT(EPOCH FROM {c}) AS DOUBLE PRECISION)",
        lambda c: f"CAST({c} AS TEXT)",
        lambda c: f"CAST({c} AS TEXT)",  # of a double precision it is 3
        lambda c: f"CAST({c} AS TEXT)",
        lambda s: (
            f"CAST(EXTRACT(MONTH FROM to_timestamp(floor({s})) AT TIME ZONE 'UTC') AS INTEGER) - 1"
        ),
        known_as=str,
    ),
}


def dialect_of(name: str) -> Dialect:
    """The dialect of that name. Raises SettingError."""
    if name not in DIALECTS:
        raise SettingError(f"dialect is {name!r}: expected one of {', '.join(DIALECTS)}.")
    return DIALECTS[name]


def literal(text: str, dialect: str) -> str | None:
    """A text; None where the database cannot hold it."""
    if "\0" not in text:
        return "'" + text.replace("'", "''") + "'"
    if dialect == "sqlite":
        return f"CAST(X'{utf8(text).hex()}' AS TEXT)"
    if dialect == "duckdb":
        return " || chr(0) || ".join(str(literal(part, dialect)) for part in text.split("\0"))
    return None


def name(text: str) -> str:
    """A column or a table. Raises SettingError for a name that SQL cannot hold."""
    if "\0" in text or not text or text.lower() in TRUTHS:
        raise SettingError(
            f"the name {text!r} cannot be written in SQL: expected at least one character, no NUL, "
            "and neither true nor false. Rename the column before fit."
        )
    return '"' + text.replace('"', '""') + '"'


def real(x: float, dtype: "np.dtype[np.floating]", exponent: bool) -> str:
    """A number in the digits that its precision has."""
    shown = str(dtype.type(x)).removesuffix(".0")
    if shown.startswith(("0.", "-0.")):
        shown = shown.replace("0.", ".", 1)
    return f"{shown}e0" if exponent and "e" not in shown else shown

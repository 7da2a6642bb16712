"""SQL: the inputs of the first layer, as terms of a sum.

What is a number (also a place in a bin, or the mark of a missing value) is a column with a
weight for each unit. What is a category has a table with a row of weights for each code.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from shoal.data.encode.encoding import PARTS, Number, Time, Words
from shoal.exports.dialects import TRUTHS, Dialect, Write, literal, name
from shoal.exports.model import Model, Placed, Raw


class Term(NamedTuple):
    """A column of numbers, and its column of W."""

    expression: str
    column: int


class Lookup(NamedTuple):
    """A column of codes, and their columns of W: the first, and how many."""

    expression: str  # the code
    first: int
    codes: int
    words: tuple[str, ...] = ()  # of the table that says the code of a text; none: it is known


class Source(NamedTuple):
    """A column of the user's table as a number or a text, and what comes of it."""

    value: str
    terms: list[Term]
    lookups: list[Lookup]


def sources(model: Model, dialect: Dialect) -> Iterator[Source]:
    """Of each column that is used."""
    for i, placed in enumerate(model.placed):
        yield _source(model, placed, dialect, name(placed.plan.name), f"v{i}")


def _source(model: Model, placed: Placed, dialect: Dialect, given: str, v: str) -> Source:
    groups = [model.groups[g] for g in placed.groups]
    plan = placed.plan
    match plan:
        case Raw():
            return Source(dialect.number(given), [Term(v, placed.number)], [])
        case Words(_, words, rare, holes):
            none = len(words) + rare + holes
            unknown, missing = len(words) if rare else none, len(words) + rare if holes else none
            code = f"CASE WHEN {v} IS NULL THEN {missing} ELSE COALESCE({{code}}, {unknown}) END"
            lookup = Lookup(code, groups[0].first, groups[0].columns, words)
            return Source(_text(words, dialect)(given), [], [lookup])
        case Time(_, mean, scale, parts, holes):
            terms = [Term(_standardised(v, mean, scale), placed.number)]
            terms += [Term(_mark(v), groups[-1].first)] * holes
            lookups = [
                Lookup(_part(part, v, dialect), group.first, PARTS[part])
                for part, group in zip(parts, groups, strict=False)
            ]
            return Source(dialect.seconds(given), terms, lookups)
        case Number(_, mean, scale, holes, kind, edges):
            terms = [Term(_standardised(v, mean, scale), placed.number)]
            if edges:
                places = _places(v, edges, dialect)
                terms += [Term(p, groups[0].first + i) for i, p in enumerate(places)]
            if holes:
                terms.append(Term(_mark(v), groups[0].first + groups[0].columns - 1))
            read = dialect.boolean if kind == "boolean" else dialect.number
            return Source(read(given), terms, [])
        case _:
            raise TypeError(plan)


def _text(words: tuple[str, ...], dialect: Dialect) -> Write:
    """What gives the text of a column whose categories are these."""
    if set(words) <= set(TRUTHS):
        return dialect.truth
    numbers = any(word.lstrip("-")[:1].isdecimal() for word in words)
    return dialect.figure if numbers else dialect.text


def _standardised(v: str, mean: float, scale: float) -> str:
    return f"COALESCE(({v} - ({mean!r})) / {scale!r}, 0)"


def _mark(v: str) -> str:
    return f"CASE WHEN {v} IS NULL THEN 1 ELSE 0 END"


def _places(v: str, edges: tuple[float, ...], dialect: Dialect) -> Iterator[str]:
    for a, b in pairwise(edges):
        place = f"({v} - ({a!r})) / ({b!r} - ({a!r}))"
        # Missing is 0. Inside: of NULL and 1, DuckDB and PostgreSQL call 1 the lesser.
        yield f"{dialect.greater}(0, {dialect.lesser}(1, COALESCE({place}, 0)))"


def _part(part: str, v: str, dialect: Dialect) -> str:
    day = f"floor({v} / 86400.0)"
    if part == "month":
        return dialect.month(v)
    if part == "hour":
        return f"floor((floor({v}) - 86400.0 * {day}) / 3600.0)"
    return f"{day} + 3 - 7 * floor(({day} + 3) / 7.0)"


def rows_of_words(words: tuple[str, ...], dialect: str) -> list[str]:
    """The rows (word, code) of a table; a word that the database cannot hold is left out."""
    codes = {word: code for code, word in enumerate(words)}
    for code, word in enumerate(words):
        for other in _numerals(word):
            codes.setdefault(other, code)
    shown = [(literal(word, dialect), code) for word, code in codes.items()]
    return [f"({word},{code})" for word, code in shown if word is not None]


def _numerals(word: str) -> tuple[str, ...]:
    """How databases write the number whose category this is, such as 1e+20; none of a text."""
    try:
        number = float(word)
    except ValueError:
        return ()
    shortest = repr(number).removesuffix(".0")
    if word != shortest and not (number.is_integer() and word == str(int(number))):
        return ()  # 2.50 is a text
    return (shortest, f"{number:.15g}")

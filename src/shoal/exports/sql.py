"""SQL: one SELECT for a table, a common table expression for each step.

    given   the rows, numbered
    x       their values as numbers and text
    i       the inputs: standardised numbers, places in bins, marks of missing values, codes
    s, h    the hidden layer before and after its function, of all members
    t, o    the output layer before and after its function, of all members
    a       the members' mean

Sums are nested, as SQLite limits the depth of an expression; exp gets no argument that overflows,
as PostgreSQL refuses it. Steps are MATERIALIZED: a database that merged them would compute each
input once for every unit.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.errors import SettingError
from shoal.exports.dialects import Dialect, dialect_of, literal, name, real
from shoal.exports.header import title_of
from shoal.exports.model import Classes, Model, Values
from shoal.exports.numerics import LEAK
from shoal.exports.terms import Lookup, rows_of_words, sources
from shoal.network.outputs import LARGEST_LOGARITHM

TOGETHER = 40  # terms of a sum in one pair of brackets
MOST_COLUMNS = 1500  # SQLite allows 2,000 in a table, PostgreSQL 1,600
ROW = "shoal_row"
STEP = re.compile(r"given|[xishtoame]|[kw]\d+")
QUOTED_OR_WORD = re.compile(r""""(?:[^"]|"")*"|'(?:[^']|'')*'|\w+""")


class Query(NamedTuple):
    """What a SELECT is written for."""

    table: str = "input"
    dialect: str = "sqlite"


class Writer:
    """Writes the SELECT of a model for a table."""

    def __init__(self, model: Model, query: Query) -> None:
        self.model, self.query = model, query
        self.dialect: Dialect = dialect_of(query.dialect)
        self.sources = list(sources(model, self.dialect))
        self.terms = list(chain.from_iterable(source.terms for source in self.sources))
        self.lookups = list(chain.from_iterable(source.lookups for source in self.sources))
        self._refuse_names()
        self._refuse_too_wide()

    def _refuse_names(self) -> None:
        """Raise SettingError for columns that would be taken for each other."""
        together: dict[str, list[str]] = {}
        for called in (ROW, *(placed.plan.name for placed in self.model.placed)):
            together.setdefault(self.dialect.known_as(called), []).append(called)
        for names in together.values():
            if len(names) > 1:
                raise SettingError(
                    f"{self.query.dialect} cannot tell these columns apart: {', '.join(names)}. "
                    "Rename one of them before fit."
                )

    def _refuse_too_wide(self) -> None:
        shape, members = self.model.architecture, len(self.model.members)
        width = max(len(self.terms) + len(self.lookups), members * max(shape.n_h, shape.n_y))
        if width > MOST_COLUMNS:
            raise SettingError(
                f"the model needs {width:,} columns in SQL, and databases allow {MOST_COLUMNS:,}. "
                "Use fewer bins, members or hidden units."
            )

    def select(self) -> str:
        """The text of the query."""
        hidden = self._hidden() if self.model.architecture.n_h else ()
        steps = [*self._rows(), *self._inputs(), *hidden, *self._outputs()]
        query = f"WITH\n{f',{chr(10)}'.join(steps)}\n{self._answer()};\n"
        title = f"-- {title_of(self.model)}\n-- For {self.query.dialect}.\n"
        return title + _with_another_step(query, self.query.table.lower())

    # --- the steps ------------------------------------------------------------------------

    def _rows(self) -> Iterator[str]:
        given = f"SELECT row_number() OVER () AS {ROW}, * FROM {name(self.query.table)}"
        yield f"given AS MATERIALIZED ({given})"
        values = [f"{source.value} AS v{i}" for i, source in enumerate(self.sources)]
        yield _step("x", [ROW, *values], "given")

    def _inputs(self) -> Iterator[str]:
        columns, joins = [ROW], []
        columns += [f"{term.expression} AS n{i}" for i, term in enumerate(self.terms)]
        for i, source in enumerate(self.sources):
            for lookup in source.lookups:
                at = self.lookups.index(lookup)
                code = lookup.expression
                if lookup.words:
                    rows = rows_of_words(lookup.words, self.query.dialect) or ["(NULL,0)"]
                    yield f"k{at}(word, code) AS MATERIALIZED (VALUES\n{_lines(rows)})"
                    joins.append(f"LEFT JOIN k{at} ON k{at}.word = v{i}")
                    code = code.format(code=f"k{at}.code")
                columns.append(f"{code} AS c{at}")
        yield _step("i", columns, " ".join(["x", *joins]))
        for at, lookup in enumerate(self.lookups):
            yield self._weights(at, lookup)

    def _weights(self, at: int, lookup: Lookup) -> str:
        """A table with the weights of all units, for each code."""
        own = slice(lookup.first, lookup.first + lookup.codes)
        W = np.concatenate([W[:, own] for W, _ in self.model.first_layer])
        names = ", ".join(["code", *(f"w{j}" for j in range(len(W)))])
        rows = [f"({code},{','.join(map(self._real, w))})" for code, w in enumerate(W.T)]
        return f"w{at}({names}) AS MATERIALIZED (VALUES\n{_lines(rows)})"

    def _first(self, step: str) -> str:
        """The first layer's weighted inputs."""
        W = np.concatenate([W for W, _ in self.model.first_layer])
        b = np.concatenate([b.ravel() for _, b in self.model.first_layer])
        columns = [term.column for term in self.terms]
        names = [f"n{i}" for i in range(len(self.terms))]
        sums = []
        for j in range(len(W)):
            found = [f"COALESCE(w{at}.w{j},0)" for at in range(len(self.lookups))]
            sums.append(self._sum(b[j], W[j, columns], names, found) + f" AS {step}{j}")
        joins = [f"LEFT JOIN w{at} ON w{at}.code = c{at}" for at in range(len(self.lookups))]
        return _step(step, [ROW, *sums], " ".join(["i", *joins]))

    def _hidden(self) -> Iterator[str]:
        yield self._first("s")
        n = len(self.model.members) * self.model.architecture.n_h
        g = self._activation(self.model.architecture.activation)
        yield _step("h", [ROW, *(f"{g(f's{j}')} AS h{j}" for j in range(n))], "s")
        sums = []
        for member, p in enumerate(self.model.members):
            names = [f"h{member * len(p.b1) + j}" for j in range(len(p.b1))]
            for k, w in enumerate(p.W2):
                place = member * len(p.W2) + k
                sums.append(self._sum(p.b2.ravel()[k], w, names) + f" AS t{place}")
        yield _step("t", [ROW, *sums], "h")

    def _outputs(self) -> Iterator[str]:
        shape, members = self.model.architecture, len(self.model.members)
        if not shape.n_h:
            yield self._first("t")
        places = range(members * shape.n_y)
        if shape.output == "softmax":
            tops = [self._top(member) for member in range(members)]
            yield _step("m", ["*", *(f"{top} AS m{i}" for i, top in enumerate(tops))], "t")
            shown = [f"{self._exp(f't{p} - m{p // shape.n_y}')} AS e{p}" for p in places]
            yield _step("e", [ROW, *shown], "m")
            sums = [
                "(" + "+".join(f"e{i * shape.n_y + k}" for k in range(shape.n_y)) + ")"
                for i in range(members)
            ]
            yield _step("o", [ROW, *(f"e{p}/{sums[p // shape.n_y]} AS o{p}" for p in places)], "e")
        else:
            known: dict[str, Callable[[str], str]]
            known = {"sigmoid": self._logistic, "poisson": self._rate, "identity": str}
            f = known[shape.output]
            yield _step("o", [ROW, *(f"{f(f't{p}')} AS o{p}" for p in places)], "t")
        means = []
        for k in range(shape.n_y):
            total = "+".join(f"o{member * shape.n_y + k}" for member in range(members))
            means.append(f"({total})/{members}.0 AS a{k}")
        yield _step("a", [ROW, *means], "o")

    def _top(self, member: int) -> str:
        n = self.model.architecture.n_y
        names = [f"t{member * n + k}" for k in range(n)]
        return _nested(names, lambda few: f"{self.dialect.greater}({', '.join(few)})")

    def _answer(self) -> str:
        match self.model.answer:
            case Values(means, scales):
                pairs = zip(scales, means, strict=True)
                one = len(means) == 1
                shown = [
                    f"a{k} * {scale!r} + ({mean!r}) AS {'prediction' if one else f'prediction_{k}'}"
                    for k, (scale, mean) in enumerate(pairs)
                ]
            case answer:
                shown = self._classes(answer)
        return f"SELECT given.*, {', '.join(shown)}\nFROM a JOIN given ON given.{ROW} = a.{ROW}\nORDER BY a.{ROW}"

    def _classes(self, answer: Classes) -> list[str]:
        said = [literal(text.replace("\0", "\ufffd"), "") for text in answer.names]
        titles = [name(f"probability of {text}".replace("\0", "\ufffd")) for text in answer.names]
        if self.model.architecture.n_y == 1:
            prediction = f"CASE WHEN a0 > {self._real(answer.threshold)} THEN {said[1]} ELSE {said[0]} END AS prediction"
            return [prediction, f"1 - a0 AS {titles[0]}", f"a0 AS {titles[1]}"]
        shown = [f"a{k} AS {title}" for k, title in enumerate(titles)]
        if answer.labels:
            return shown
        n = len(said)
        top = _nested(
            [f"a{k}" for k in range(n)], lambda few: f"{self.dialect.greater}({', '.join(few)})"
        )
        cases = " ".join(f"WHEN a{k} THEN {said[k]}" for k in range(n))
        return [f"CASE {top} {cases} END AS prediction", *shown]

    # --- expressions ------------------------------------------------------------------------

    def _real(self, x: float) -> str:
        return real(x, self.model.dtype, self.dialect.exponent)

    def _sum(self, b: Any, w: NDArray[Any], names: Sequence[str], more: Sequence[str] = ()) -> str:
        products = [f"{self._real(x)}*{n}" for x, n in zip(w, names, strict=True)]
        return _nested([self._real(b), *products, *more], _added)

    def _exp(self, z: str) -> str:
        return f"exp({self.dialect.greater}(-700, {self.dialect.lesser}(700, {z})))"

    def _logistic(self, z: str) -> str:
        return f"1 / (1 + {self._exp(f'-{z}')})"

    def _rate(self, z: str) -> str:
        return self._exp(f"{self.dialect.lesser}({LARGEST_LOGARITHM}, {z})")

    def _activation(self, called: str) -> Callable[[str], str]:
        known: dict[str, Callable[[str], str]] = {
            "tanh": lambda z: f"1 - 2 / (1 + {self._exp(f'2 * {z}')})",
            "relu": lambda z: f"{self.dialect.greater}(0, {z})",
            "sigmoid": self._logistic,
            "identity": str,
            # The larger of two lines.
            "leaky_relu": lambda z: f"{self.dialect.greater}({z}, {LEAK} * {z})",
        }
        return known[called]


def _with_another_step(query: str, table: str) -> str:
    """The query, in which no step has the name of the table that it reads."""
    if not STEP.fullmatch(table):
        return query
    return QUOTED_OR_WORD.sub(
        lambda found: f"{table}_step" if found.group() == table else found.group(), query
    )


def _added(terms: Sequence[str]) -> str:
    text = terms[0]
    for term in terms[1:]:
        text += term if term.startswith("-") else f"+{term}"
    return f"({text})"


def _nested(terms: list[str], together: Callable[[Sequence[str]], str]) -> str:
    """All terms together, some at a time."""
    while len(terms) > 1:
        cut = range(0, len(terms), TOGETHER)
        parts = [terms[i : i + TOGETHER] for i in cut]
        terms = [together(part) if len(part) > 1 else part[0] for part in parts]
    return terms[0]


def _lines(rows: Sequence[str]) -> str:
    return ",\n".join(rows)


def _step(called: str, columns: Sequence[str], origin: str) -> str:
    shown = ",\n".join(columns)
    return f"{called} AS MATERIALIZED (SELECT {shown}\nFROM {origin})"

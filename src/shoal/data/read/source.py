"""Rows of any origin as one table: how many there are, and any run of them.

The parts of a source, one after the other, are the table. A part is a file, a partition of a
Dask DataFrame, or a table in memory; it knows its rows, so that a run of rows is read without
what comes before it. A source is small, can be pickled, and opens its files whenever it is read.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

import pyarrow as pa

from shoal.data.read.messages import nothing_in
from shoal.data.read.origin import Origin, Piece
from shoal.data.read.spoilt import is_number
from shoal.data.read.tables import joined
from shoal.errors import DataError


class Part(Protocol):
    """Rows that can be read by themselves."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def rows(self) -> int:
        """How many rows it has."""
        ...

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns that are used."""
        ...

    def pieces(self, first: int, last: int, columns: Sequence[str]) -> Iterator[Piece]:
        """Its rows first … last - 1, some at a time."""
        ...


class TableSource(NamedTuple):
    """Parts with the same columns, one after the other, as one table."""

    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        """What messages call it."""
        return several(dict.fromkeys(part.name for part in self.parts))

    @property
    def m(self) -> int:
        """How many rows there are."""
        return sum(part.rows for part in self.parts)

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in the order of the first part."""
        return list(self.parts[0].columns)

    def pieces(
        self, first: int = 0, last: int | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[Piece]:
        """Rows first … last - 1, in their order. Raises DataError for what cannot be read."""
        columns = self.columns if columns is None else columns
        last = self.m if last is None else last
        ends = list(accumulate(part.rows for part in self.parts))
        for part, end in zip(self.parts, ends, strict=True):
            begin = end - part.rows
            if begin < last and end > first:
                yield from part.pieces(max(first - begin, 0), min(last, end) - begin, columns)

    def tables(
        self, first: int = 0, last: int | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[pa.Table]:
        """The same without where the rows come from."""
        return (piece.table for piece in self.pieces(first, last, columns))

    def table(self) -> pa.Table:
        """All rows, in memory."""
        return joined(self.tables())


def several(names: Iterable[str]) -> str:
    """What messages call several files."""
    first, *others = names
    return f"{first} and {len(others):,} more" if others else first


class InMemory(NamedTuple):
    """A table in memory as a part of a source."""

    name: str
    table: pa.Table
    origins: tuple[tuple[int, Origin], ...] = ()  # where runs of rows come from, if from files

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.table.num_rows

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns."""
        return self.table.column_names

    def pieces(self, first: int, last: int, columns: Sequence[str]) -> Iterator[Piece]:
        """Its rows first … last - 1, as they were read; nothing is copied."""
        table = self.table.select(list(columns))
        begins = self.origins or ((0, Origin.numbered(self.name)),)
        ends = [*(begin for begin, _ in begins[1:]), self.rows]
        for (begin, origin), end in zip(begins, ends, strict=True):
            low, high = max(begin, first), min(end, last)
            if low < high:
                yield Piece(table.slice(low, high - low), origin.after(low - begin))


def source_of_pieces(pieces: Iterable[Piece]) -> TableSource:
    """Pieces that are read once, held in memory as one table. Raises DataError without rows."""
    names, tables, origins, rows = dict[str, None](), list[pa.Table](), [], 0
    for table, origin in pieces:
        names[origin.file] = None
        tables.append(table)
        if table.num_rows:
            origins.append((rows, origin))
        rows += table.num_rows
    name = several(names)
    whole = joined(tables)
    if not (rows and whole.column_names):
        raise nothing_in(name, whole.column_names)
    return TableSource((InMemory(name, whole, tuple(origins)),))


def source_of_table(table: pa.Table, name: str = "the table") -> TableSource:
    """A table in memory as a source of one part."""
    return TableSource((InMemory(name, table),))


def source_of_parts(parts: Sequence[Part]) -> TableSource:
    """The source of parts that must have the same columns; those without rows are left out.

    Raises DataError for other columns or types, and if no part has a row.
    """
    if not parts:
        raise DataError("the dataset has no files: expected one at least.")
    for part in parts[1:]:
        _refuse_other_columns(parts[0], part)
    filled = tuple(part for part in parts if part.rows)
    if not (filled and parts[0].columns):
        raise nothing_in(TableSource(tuple(parts)).name, parts[0].columns)
    return TableSource(filled)


def refuse_other_names(
    first: Sequence[str], first_name: str, others: Sequence[str], name: str
) -> None:
    """Raise DataError if two files have other columns."""
    odd = sorted(set(first) ^ set(others))
    if odd:
        has, lacks = (name, first_name) if odd[0] in others else (first_name, name)
        raise DataError(
            f'there is no column "{odd[0]}", which {has} has: expected the same columns in '
            "all files. Add it, empty where it is not known, or leave a file out.",
            file=lacks,
        )


def _refuse_other_columns(first: Part, part: Part) -> None:
    refuse_other_names(first.columns, first.name, part.columns, part.name)
    expected, found = (getattr(one, "schema", None) for one in (first, part))
    if expected is None or found is None:
        return
    for name in first.columns:
        kinds = expected.field(name).type, found.field(name).type
        if kinds[0] != kinds[1] and not all(is_number(k) or pa.types.is_null(k) for k in kinds):
            raise DataError(
                f"expected {kinds[0]} as in {first.name}, found {kinds[1]}. Write the files with "
                "one type.",
                file=part.name, column=name,
            )  # fmt: skip

"""Chosen rows of a source, encoded in blocks for whoever adds up their terms.

A block is 512 consecutive rows of those that are *chosen*: rows that are held out or have no
target are not counted. Which rows are chosen is kept in one bit a row.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from shoal.data.encode.encoding import Encoding
from shoal.data.read.source import TableSource
from shoal.data.read.tables import joined
from shoal.data.rows.examples import Examples
from shoal.data.rows.target_column import TargetColumn
from shoal.sums import BLOCK_ROWS

STRIDE = 1 << 16  # rows between two of the counts by which a chosen row is found


class Source(Protocol):
    """Rows of a training, in blocks that anyone who can unpickle this can read."""

    @property
    def m(self) -> int:
        """How many rows there are."""
        ...

    def examples(self, first_block: int, last_block: int) -> Examples:
        """Blocks first … last - 1, as the kernel takes them; the last block may be shorter."""
        ...


class Chosen(NamedTuple):
    """Some rows of a table, in their order."""

    bits: NDArray[np.uint8]  # one a row, as of np.packbits
    counts: NDArray[np.int64]  # how many are chosen before each multiple of STRIDE

    @classmethod
    def of(cls, masks: Iterator[NDArray[np.bool_]]) -> "Chosen":
        """From masks of STRIDE rows each, but for the last one."""
        packed, counts = [np.empty(0, np.uint8)], [0]
        for mask in masks:
            packed.append(np.packbits(mask))
            counts.append(counts[-1] + int(np.count_nonzero(mask)))
        return cls(np.concatenate(packed), np.array(counts))

    @property
    def m(self) -> int:
        """How many there are."""
        return int(self.counts[-1])

    def mask(self, first: int, last: int) -> NDArray[np.bool_]:
        """Of rows first … last - 1, which are chosen."""
        byte = first // 8
        bits = np.unpackbits(self.bits[byte : (last + 7) // 8])
        return bits[first - 8 * byte : last - 8 * byte].view(np.bool_)

    def row(self, number: int) -> int:
        """The row of the table that is chosen as this number (m: after the last one)."""
        if number >= self.m:
            return self._last()
        stride = int(np.searchsorted(self.counts, number, "right")) - 1
        first = stride * STRIDE
        there = np.flatnonzero(self.mask(first, min(first + STRIDE, 8 * len(self.bits))))
        return first + int(there[number - self.counts[stride]])

    def _last(self) -> int:
        return 0 if not self.m else self.row(self.m - 1) + 1


class Rows(NamedTuple):
    """The chosen rows of a source, as tables."""

    source: TableSource
    chosen: Chosen | None = None  # None means all

    @property
    def m(self) -> int:
        """How many there are."""
        return self.source.m if self.chosen is None else self.chosen.m

    def place(self, number: int) -> dict[str, int | str]:
        """File, row and line of the row that is chosen as this number, for messages."""
        row = number if self.chosen is None else self.chosen.row(number)
        for _, origin in self.source.pieces(row, row + 1, self.source.columns[:1]):
            return {"file": origin.file, **origin.place(0)}
        return {"file": self.source.name}

    def tables(
        self, first: int = 0, last: int | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[pa.Table]:
        """Chosen rows first … last - 1, in their order, some at a time."""
        last = self.m if last is None else last
        if self.chosen is None:
            yield from self.source.tables(first, last, columns)
            return
        at = self.chosen.row(first)
        for table in self.source.tables(at, self.chosen.row(last), columns):
            mask = self.chosen.mask(at, at + table.num_rows)
            at += table.num_rows
            yield table.filter(pa.array(mask))

    def runs(self, rows: int, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """All of them in tables of exactly this many rows, but for the last one."""
        held: list[pa.Table] = []
        n = 0
        for table in self.tables(columns=columns):
            held.append(table)
            n += table.num_rows
            while n >= rows:
                together = joined(held)
                yield together.slice(0, rows)
                held, n = [together.slice(rows)], n - rows
        if n:
            yield joined(held)

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All of them, in memory."""
        if not self.m:
            return joined(self.source.tables(0, 1, columns)).slice(0, 0)
        return joined(self.tables(columns=columns))


class Encoded(NamedTuple):
    """Rows that are read and encoded whenever they are asked for."""

    rows: Rows
    encoding: Encoding
    target: TargetColumn
    dtype: DTypeLike

    @property
    def m(self) -> int:
        """How many rows there are."""
        return self.rows.m

    def examples(self, first_block: int, last_block: int) -> Examples:
        """Blocks first … last - 1, encoded."""
        first, last = first_block * BLOCK_ROWS, min(last_block * BLOCK_ROWS, self.m)
        return self.encoded(joined(self.rows.tables(first, last)))

    def encoded(self, table: pa.Table) -> Examples:
        """Any rows with their targets, as the kernel takes them."""
        X = self.encoding.encode(table, self.dtype)
        return self.target.examples(X, table[self.target.column])

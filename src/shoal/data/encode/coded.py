"""A matrix whose last columns, nearly all zeros and ones, are kept as codes."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating]
Part = slice | NDArray[np.integer]


class Group(NamedTuple):
    """Columns of which one code says what they hold, see `Coded`."""

    columns: int
    bins: int = 0


@dataclass(frozen=True)
class Coded:
    """A matrix whose last columns, nearly all zeros and ones, are kept as codes.

    Of each example and group a code says what the group's columns hold:

        code < bins              columns before it hold 1, column `code` its place, the others 0
        bins <= code < columns   column `code` holds 1, the others 0
        code = columns           all hold 0
    """

    numbers: Numbers  # (rows, n): the first columns, as they are
    codes: NDArray[np.uint16]  # (rows, groups)
    places: Numbers  # (rows, groups with bins), from 0 to 1
    groups: tuple[Group, ...]  # those with bins come first

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns), with all columns counted."""
        columns = sum(group.columns for group in self.groups)
        return len(self.numbers), self.numbers.shape[1] + columns

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The precision of its numbers."""
        return self.numbers.dtype

    @property
    def nbytes(self) -> int:
        """The memory it takes."""
        return self.numbers.nbytes + self.codes.nbytes + self.places.nbytes

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, part: Part) -> "Coded":
        return Coded(
            np.ascontiguousarray(self.numbers[part]),
            np.ascontiguousarray(self.codes[part]),
            np.ascontiguousarray(self.places[part]),
            self.groups,
        )

    def dense(self) -> Numbers:
        """The matrix with every column written out."""
        out = np.zeros(self.shape, self.dtype)
        rows, at = np.arange(len(self)), self.numbers.shape[1]
        out[:, :at] = self.numbers
        for g, (columns, bins) in enumerate(self.groups):
            code, own = self.codes[:, g], out[:, at : at + columns]
            binned = code < bins
            if bins:
                own[:, :bins] = binned[:, np.newaxis] & (np.arange(bins) < code[:, np.newaxis])
                own[rows[binned], code[binned]] = self.places[binned, g]
            single = ~binned & (code < columns)
            own[rows[single], code[single]] = 1
            at += columns
        return out

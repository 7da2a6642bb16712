"""The container of .xls: refused if its sectors lead in a circle, which a reader would follow.

The places are those of [MS-CFB], "Compound File Binary File Format", 2.2 and 2.5.
"""

import io

import numpy as np
from numpy.typing import NDArray

from shoal.errors import DataError

HEADER = 512  # bytes
MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SHIFT, MINI, MORE, FIRST = 30, 60, 68, 76  # where the header has them
LARGEST = 0xFFFFFFFA  # numbers from here on are no sectors: the end of a chain, free, and others

Sectors = NDArray[np.uint32]


def refuse_circles(stream: io.BufferedReader, file: str) -> None:
    """Raise DataError if the sectors of a compound file lead in a circle, or are cut short."""
    raw = stream.read()
    if not raw.startswith(MARK):
        return
    shift = int.from_bytes(raw[SHIFT : SHIFT + 2], "little")
    if len(raw) < HEADER or shift not in (9, 12):
        raise _damaged(file)
    sectors = _Sectors(raw, 1 << shift, file)
    table = sectors.joined(sectors.of_table())
    mini = sectors.joined(sectors.chain(sectors.number(MINI), table))
    if has_circle(table) or has_circle(mini):
        raise _damaged(file)


def has_circle(following: Sectors) -> bool:
    """Whether following the numbers from one place to the next may never end."""
    end = len(following)
    ahead = np.append(np.minimum(following, end), end).astype(np.int64)
    for _ in range(end.bit_length()):  # each time twice as many steps ahead
        ahead = ahead[ahead]
    return bool((ahead != end).any())


class _Sectors:
    """The sectors of a file, by their numbers."""

    def __init__(self, raw: bytes, size: int, file: str) -> None:
        self._raw, self._size, self._file = raw, size, file
        self._most = len(raw) // size  # a chain that is longer has a circle

    def number(self, at: int) -> int:
        """A number of the header."""
        return int.from_bytes(self._raw[at : at + 4], "little")

    def sector(self, number: int) -> Sectors:
        """What one holds, as numbers."""
        raw = self._raw[(number + 1) * self._size : (number + 2) * self._size]
        return np.frombuffer(raw[: len(raw) // 4 * 4], "<u4")

    def joined(self, numbers: list[int]) -> Sectors:
        """What several hold, one after the other."""
        return np.concatenate([np.zeros(0, np.uint32), *(self.sector(n) for n in numbers)])

    def of_table(self) -> list[int]:
        """The sectors of the table that has the next sector of each."""
        found = np.frombuffer(self._raw[FIRST:HEADER], "<u4").tolist()
        more, steps = self.number(MORE), 0
        while more < LARGEST:
            numbers = self._checked(self.sector(more), steps).tolist()
            found, more, steps = found + numbers[:-1], numbers[-1], steps + 1
        return [number for number in found if number < LARGEST]

    def chain(self, first: int, table: Sectors) -> list[int]:
        """The sectors from the first to the end."""
        found: list[int] = []
        while first < min(len(table), LARGEST):
            self._checked(table, len(found))
            found.append(first)
            first = int(table[first])
        return found

    def _checked(self, sector: Sectors, steps: int) -> Sectors:
        if steps > self._most or not len(sector):
            raise _damaged(self._file)
        return sector


def _damaged(file: str) -> DataError:
    return DataError(
        "the file is damaged or cut short (its sectors do not follow each other). Copy it again, or "
        "write it again.",
        file=file,
    )

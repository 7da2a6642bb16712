"""Where the rows of a table come from, so that an error can name the file, the row and the line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pyarrow as pa

from shoal.errors import DataError


class Origin(NamedTuple):
    """The file of some consecutive rows, and where each of them is in it."""

    file: str
    place: Callable[[int], dict[str, int]]  # row, and line where it is known, by index

    @classmethod
    def numbered(cls, file: str, first: int = 0) -> "Origin":
        """Rows that are known by their numbers; `first` rows come before them."""
        return cls(file, lambda index: {"row": first + index + 1})

    def after(self, rows: int) -> "Origin":
        """The same without its first rows."""
        return self._replace(place=lambda index: self.place(index + rows)) if rows else self

    def error(self, message: str, index: int, column: str) -> DataError:
        """The error about the value in the row with this index."""
        return DataError(message, column=column).at(file=self.file, **self.place(index))

    @contextmanager
    def placing(self) -> Iterator[None]:
        """DataErrors about these rows, counted from 1, name the file and the row in it."""
        try:
            yield
        except DataError as error:
            if error.file is not None:
                raise
            place: dict[str, Any] = {} if error.row is None else self.place(error.row - 1)
            raise error.at(file=self.file, **place) from None


class Piece(NamedTuple):
    """Some consecutive rows of a source, and where they come from."""

    table: pa.Table
    origin: Origin

    def slice(self, first: int, last: int) -> "Piece":
        """Rows first … last - 1 of these."""
        return Piece(self.table.slice(first, last - first), self.origin.after(first))

"""A pyarrow dataset: whatever it reads, from wherever."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from shoal.data.read.column_types import Wanted, retyped
from shoal.data.read.csv_text import distinct
from shoal.data.read.grouped import BATCH, rows_of
from shoal.data.read.messages import changed
from shoal.data.read.opening import intact
from shoal.data.read.origin import Piece


class Fragment(NamedTuple):
    """A file, or a row group of one, as a part of a source."""

    name: str
    fragment: Any
    rows: int
    schema: pa.Schema
    wanted: Wanted

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns that are used."""
        return self.wanted.kept(self.name, self.schema.names)

    def pieces(self, first: int, last: int, columns: Sequence[str]) -> Iterator[Piece]:
        """Its rows first … last - 1; what comes before them is read too."""
        done = 0
        with intact(self.name):
            batches = self.fragment.to_batches(
                schema=self.schema, columns=list(columns), batch_size=BATCH,
                batch_readahead=0, fragment_readahead=0, use_threads=False,
            )  # fmt: skip
        while done < last:
            with intact(self.name):
                batch = next(batches, None)
            if batch is None:
                raise changed(self.name)
            for table, origin in rows_of(batch, done, first, last, columns, self.name):
                yield Piece(retyped(table, origin, self.wanted), origin)
            done += batch.num_rows


def parts_of(dataset: Any, wanted: Wanted) -> list[Fragment]:
    """The fragments of a dataset, or their row groups, with their rows."""
    parts: list[Fragment] = []
    for number, fragment in enumerate(dataset.get_fragments(), 1):
        name = getattr(fragment, "path", f"part {number} of the dataset")
        distinct(name, dataset.schema.names)
        with intact(name):
            parts += [
                Fragment(name, one, rows, dataset.schema, wanted)
                for one, rows in _pieces_of(fragment)
            ]
    return parts


def _pieces_of(fragment: Any) -> list[tuple[Any, int]]:
    """Row groups, where it has such, with their rows: what comes before one is not read."""
    if not hasattr(fragment, "split_by_row_group"):
        return [(fragment, fragment.count_rows())]
    # Of a piece, count_rows counts the whole file.
    return [(one, one.row_groups[0].num_rows) for one in fragment.split_by_row_group()]

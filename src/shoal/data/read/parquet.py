"""Parquet: the rows of a row group are read some at a time, however large it is."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shoal.data.read.encodings import BLOCK


class Parquet:
    """A Parquet file that is open."""

    group = "row group"

    def __init__(self, source: Any) -> None:
        # Without a buffer size all of a row group is held, and some files are just one.
        self._file = pq.ParquetFile(source, pre_buffer=False, buffer_size=BLOCK)

    @property
    def schema(self) -> pa.Schema:
        """The names and types of its columns."""
        return self._file.schema_arrow

    def rows(self) -> list[int]:
        """How many rows each group has."""
        metadata = self._file.metadata
        return [metadata.row_group(g).num_rows for g in range(self._file.num_row_groups)]

    def batches(self, group: int, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of a group, some at a time."""
        return self._file.iter_batches(rows, row_groups=[group], columns=columns)

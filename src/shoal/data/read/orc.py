"""ORC: the rows of a stripe are read together."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa


class Orc:
    """An ORC file that is open."""

    group = "stripe"

    def __init__(self, source: Any) -> None:
        from pyarrow import orc

        self._file = orc.ORCFile(source)

    @property
    def schema(self) -> pa.Schema:
        """The names and types of its columns."""
        schema: pa.Schema = self._file.schema
        return schema

    def rows(self) -> list[int]:
        """How many rows each group has."""
        first = self.schema.names[:1]
        stripes = range(self._file.nstripes)
        return [self._file.read_stripe(s, columns=first).num_rows for s in stripes]

    def batches(self, group: int, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of a group, all at once."""
        yield self._file.read_stripe(group, columns=columns)

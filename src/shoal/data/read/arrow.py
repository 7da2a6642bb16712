"""Arrow: files (Feather is one of their names), of which any batch can be read, and streams."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

ONE_COLUMN = pa.ipc.IpcReadOptions(included_fields=[0])  # of which the rows are counted


class ArrowFile:
    """An Arrow file that is open."""

    group = "batch"

    def __init__(self, source: Any) -> None:
        self._source = pa.memory_map(source) if isinstance(source, str) else source
        self._file = pa.ipc.open_file(self._source)

    @property
    def schema(self) -> pa.Schema:
        """The names and types of its columns."""
        return self._file.schema

    def rows(self) -> list[int]:
        """How many rows each group has."""
        if not self.schema.names:
            return []
        self._source.seek(0)
        narrow = pa.ipc.open_file(self._source, options=ONE_COLUMN)
        return [narrow.get_batch(g).num_rows for g in range(narrow.num_record_batches)]

    def batches(self, group: int, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of a group, all at once."""
        yield checked(self._file.get_batch(group))


class ArrowStream:
    """An Arrow stream that is open: batches can only be read one after the other."""

    group = "batch"

    def __init__(self, source: Any) -> None:
        self._source = pa.memory_map(source) if isinstance(source, str) else source
        self._stream = pa.ipc.open_stream(self._source)
        self._next = 0

    @property
    def schema(self) -> pa.Schema:
        """The names and types of its columns."""
        return self._stream.schema

    def rows(self) -> list[int]:
        """How many rows each group has."""
        self._source.seek(0)
        return [batch.num_rows for batch in pa.ipc.open_stream(self._source)]

    def batches(self, group: int, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of a group, all at once; groups are asked for in rising order."""
        while self._next <= group:
            batch = self._stream.read_next_batch()
            self._next += 1
        yield checked(batch)


def checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch, whose bytes may be damaged. Raises ArrowInvalid."""
    batch.validate(full=True)
    return batch

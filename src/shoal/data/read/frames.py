"""A Dask DataFrame as a source: a partition is what a file is, read by whoever needs its rows.

Whoever needs a partition computes it, alone and in its own process, from the tasks that make it.
So no one holds the whole, and who dies or hangs while computing holds up no one else. Tasks that
several partitions share (of a shuffle or a join) would be done once for each of them: such a
frame is refused until Dask has persisted it; then its partitions are fetched from the cluster.
"""

import importlib
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import pyarrow as pa

from shoal.data.read.csv_text import distinct
from shoal.data.read.grouped import BATCH
from shoal.data.read.messages import nothing_in, unknown_column
from shoal.data.read.opening import intact
from shoal.data.read.origin import Origin, Piece
from shoal.data.read.source import Part, TableSource
from shoal.data.read.tables import as_table
from shoal.errors import DataError, SettingError


def is_frame(X: Any) -> bool:
    """Whether X is a Dask DataFrame."""
    return all(hasattr(X, name) for name in ("__dask_graph__", "npartitions", "columns"))


class Tasks:
    """The tasks of a partition, with Dask's own pickle: functions may be lambdas."""

    def __init__(self, key: Any, graph: dict[Any, Any]) -> None:
        self._key, self._graph = key, graph

    def __reduce__(self) -> Any:
        import cloudpickle

        return _unpacked, (cloudpickle.dumps((self._key, self._graph)),)

    def result(self) -> Any:
        """What they make, by this thread alone; Dask finishes what it has persisted."""
        import dask

        futures = [task for task in self._graph.values() if _is_future(task)]
        if not futures:
            return dask.get(self._graph, self._key)  # type: ignore[attr-defined]
        with _client_of(futures[0]) as client:
            return client.get(self._graph, self._key)


def _unpacked(packed: bytes) -> Tasks:
    import cloudpickle

    return Tasks(*cloudpickle.loads(packed))


def _is_future(task: Any) -> bool:
    """Whether it is what Dask has persisted; Dask without a cluster knows no such thing."""
    return type(task).__name__ == "Future"


def _client_of(future: Any) -> Any:
    """The client that knows it; a worker gets one, and makes room for what it then waits for."""
    import distributed

    try:
        distributed.get_worker()
    except ValueError:
        return nullcontext(future.client)
    return distributed.worker_client()


class Partition(NamedTuple):
    """A partition of a frame, and of the column of its targets."""

    name: str
    rows: int
    features: tuple[str, ...]
    target: str
    of_features: Tasks
    of_target: Tasks

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns."""
        return (*self.features, self.target)

    def pieces(self, first: int, last: int, columns: Sequence[str]) -> Iterator[Piece]:
        """Its rows first … last - 1, some at a time."""
        found: dict[str, Any] = {}
        if set(columns) - {self.target}:
            found |= self._columns(self.of_features, self.features)
        if self.target in columns:
            found |= self._columns(self.of_target, [self.target])
        table = pa.table({name: found[name] for name in columns})
        for at in range(first, last, BATCH):
            part = table.slice(at, min(BATCH, last - at))
            yield Piece(part, Origin.numbered(self.name, at))

    def _columns(self, tasks: Tasks, names: Sequence[str]) -> dict[str, Any]:
        with intact(self.name, "the partition"):
            frame = tasks.result()
        table = as_table(frame.to_frame() if frame.ndim == 1 else frame)
        if table.num_rows != self.rows:
            raise DataError(
                f"expected as many rows as targets, found {table.num_rows:,} rows and "
                f"{self.rows:,} targets. Take X and y from one frame, whose partitions are always "
                "the same.",
                file=self.name,
            )
        return dict(zip(names, table.columns, strict=True))


def source_of_frame(X: Any, y: Any) -> tuple[TableSource, str]:
    """The partitions of a frame with their targets, and the name of the column that has these.

    `y` is a Series with the same partitions, or the name of a column of X. Its values are computed,
    partition after partition, to count the rows. Raises DataError or SettingError.
    """
    if isinstance(y, str):
        if y not in X.columns:
            raise SettingError(unknown_column(y, [str(c) for c in X.columns]), file="the frame")
        X, y = X.drop(columns=y), X[y]
    features = tuple(str(name) for name in X.columns)
    distinct("the frame", features)
    target = "y" if y.name is None else str(y.name)
    while target in features:
        target += "_"
    if y.npartitions != X.npartitions:
        raise SettingError(
            f"X has {X.npartitions:,} partitions and y {y.npartitions:,}: expected the same rows in "
            "each. Take both from one frame."
        )
    parts: list[Part] = []
    for number, (rows, answers) in enumerate(zip(_tasks(X), _tasks(y), strict=True), 1):
        name = f"partition {number:,} of {X.npartitions:,}"
        with intact(name, "the partition"):
            m = len(answers.result())
        if m:
            parts.append(Partition(name, m, features, target, rows, answers))
    if not (parts and features):
        raise nothing_in("the frame", features)
    return TableSource(tuple(parts)), target


def _tasks(collection: Any) -> list[Tasks]:
    """The tasks of each partition."""
    cull: Any = importlib.import_module("dask.optimization").cull

    lowered = collection.optimize()
    graph = dict(lowered.__dask_graph__())
    found, seen = list[Tasks](), set[Any]()
    for key in lowered.__dask_keys__():
        own, _ = cull(graph, key)
        work = {k for k, task in own.items() if not _is_future(task)}
        if work & seen:
            raise SettingError(
                "partitions of the frame share work (a shuffle, a join), which would be done again "
                "for each of them. Let the cluster do it once: frame = frame.persist()."
            )
        seen |= work
        found.append(Tasks(key, own))
    return found

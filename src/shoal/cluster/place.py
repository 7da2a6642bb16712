"""The one door: a cluster as the place where a fit finds its terms."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shoal.cluster.connect import connected
from shoal.cluster.driver import Workers
from shoal.cluster.terms import OnCluster
from shoal.cluster.worker import Here
from shoal.compute.terms import Terms
from shoal.data.rows.examples import Examples
from shoal.data.rows.selection import Source


@contextmanager
def on_cluster(engine: Any, n_jobs: int | None = None) -> Iterator[Callable[..., Terms]]:
    """What makes terms of rows, as long as the block lasts.

    It is given examples, or a source that the workers can read, and for mini-batches how many replicas there are and their steps.
    `engine` is a Dask client, the address of a scheduler, or "local" for workers of our own
    with `n_jobs` threads in all. Raises SettingError or ClusterError.
    """
    with connected(engine, n_jobs) as client:
        workers, placed = Workers(client), []

        def place(rows: Examples | Source, replicas: int = 1, steps: int = 0) -> Terms:
            source = Here(rows) if isinstance(rows, Examples) else rows
            placed.append(OnCluster(workers, source, replicas, steps))
            return placed[-1]

        try:
            yield place
        finally:
            for terms in placed:
                terms.forget()

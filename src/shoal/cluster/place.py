"""The one door: a cluster as the place where a fit finds its terms."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shoal.cluster.connect import connected
from shoal.cluster.driver import Workers
from shoal.cluster.terms import Here, OnCluster
from shoal.compute.terms import Terms
from shoal.data.examples import Examples


@contextmanager
def on_cluster(engine: Any, n_jobs: int | None = None) -> Iterator[Callable[..., Terms]]:
    """What makes terms of rows that the driver has, as long as the block lasts.

    It is given examples, and for mini-batches how many replicas there are and their steps.
    `engine` is a Dask client, the address of a scheduler, or "local" for workers of our own
    with `n_jobs` threads in all. Raises SettingError or ClusterError.
    """
    with connected(engine, n_jobs) as client:
        workers, placed = Workers(client), []

        def place(examples: Examples, replicas: int = 1, steps: int = 0) -> Terms:
            placed.append(OnCluster(workers, Here(examples), replicas, steps))
            return placed[-1]

        try:
            yield place
        finally:
            for terms in placed:
                terms.forget()

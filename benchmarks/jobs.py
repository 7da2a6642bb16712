"""A job: the whole work of one contender in one case, ready to be timed."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Job(NamedTuple):
    """Everything that is not timed is done when a Job exists: compiling, copying, choosing.

    `run()` does all the work once, waits until it is complete, and returns what it reached;
    `loss` makes a number of that, outside the time.
    """

    run: Callable[[], Any]
    loss: Callable[[Any], float] = lambda _: float("nan")
    note: str = ""
    units: int | None = None  # steps done, where they are not those of the case
    facts: Mapping[str, float] = {}


def seconds_of(run: Callable[[], Any]) -> float:
    """How long one run takes."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def quickest(variants: Mapping[str, Callable[[], Any]], tries: int = 3) -> str:
    """The name of the variant whose best run is the shortest; the first run warms up.

    The tries are interleaved, so that a disturbance meets all variants alike.
    """
    for run in variants.values():
        run()
    best = {name: float("inf") for name in variants}
    for _ in range(tries):
        for name, run in variants.items():
            best[name] = min(best[name], seconds_of(run))
    return min(best, key=best.__getitem__)

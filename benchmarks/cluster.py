"""What a step on a cluster costs, and what a second worker gains.

    python -m benchmarks.cluster            # some minutes, and 3 GB of memory
    python -m benchmarks.cluster --quick    # a tenth of the rows

A scheduler and workers of one thread each are started on loopback. Steps on one and on two
workers take turns, through the same scheduler; of each the fastest and the median are shown. The
terms of a step are measured one by one, and what they come to for more workers is printed.
"""

import argparse
import os
import pickle
import signal
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.tables import table
from shoal.cluster.connect import connected, local
from shoal.cluster.driver import Task, Workers
from shoal.cluster.terms import NOTHING, OnCluster
from shoal.cluster.worker import Here, Question, forget, partials
from shoal.compute.engine import engine
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture
from shoal.network.initialisers import initialise
from shoal.sums import GradientSums, Node, aligned, total

ROWS, FEATURES, HIDDEN = 5_000_000, 28, 100
STEPS = 15
BYTES_A_SECOND = 1.25e8  # of a network of 1 Gbit/s, for what is said on paper
SHAPE = Architecture(FEATURES, HIDDEN, 1, "tanh", "sigmoid")


class Some(Workers):
    """The first few workers of a cluster alone."""

    def __init__(self, client: Any, n: int) -> None:
        super().__init__(client)
        self._n = n

    def ready(self) -> list[str]:
        """The first few that are there."""
        return super().ready()[: self._n]


def made(rows: int) -> Examples:
    draw = np.random.default_rng(0)
    X = draw.standard_normal((rows, FEATURES), np.float32)
    return Examples(X, None, (X[:, 0] * X[:, 1] > 0).astype(np.int32))


def parameters() -> np.ndarray:
    drawn = initialise(*SHAPE[:3], key=1, init="auto", activation="tanh")
    return SHAPE.flatten(drawn, "float32")


def timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def in_turns(calls: Sequence[Callable[[], Any]], times: int) -> list[list[float]]:
    """The seconds of each call, taking turns."""
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(times):
        for call, seconds in zip(calls, found, strict=True):
            seconds.append(timed(call))
    return found


def line(name: str, seconds: Sequence[float]) -> list[str]:
    return [name, f"{1e3 * min(seconds):.1f}", f"{1e3 * statistics.median(seconds):.1f}"]


def overhead(client: Any, n: int) -> list[float]:
    """Seconds of steps on n workers in which there is next to nothing to compute."""
    terms, W = OnCluster(Some(client, n), Here(made(1024))), parameters()
    terms.sums(SHAPE, W, 1)
    seconds = [timed(lambda: terms.sums(SHAPE, W, 1)) for _ in range(4 * STEPS)]
    terms.forget()
    return seconds


def a_task(client: Any) -> float:
    """Seconds that one more task costs a step, with nothing to compute."""
    workers = Workers(client)
    names = workers.ready()
    seconds = {}
    for n in (8, 128):
        tasks = [Task(names[i % len(names)], forget, ("",)) for i in range(n)]
        seconds[n] = min(timed(lambda tasks=tasks: workers.answers(tasks)) for _ in range(5))
    return (seconds[128] - seconds[8]) / 120


def of_the_tree(workers: int, rows: int) -> tuple[float, int]:
    """Seconds in which the driver joins the nodes of so many workers, and their bytes."""
    n_blocks = -(-rows // 512)
    size = SHAPE.n_parameters
    sums = GradientSums(np.zeros(size), 0.0, 1.0)
    cuts = [n_blocks * i // workers for i in range(workers + 1)]
    nodes = [
        Node(*place, sums)
        for first, stop in pairwise(cuts)
        for place in aligned(first, stop, n_blocks)
    ]
    return timed(lambda: total(nodes, n_blocks)), len(nodes) * 8 * (size + 2)


def recovery(rows: int, number: signal.Signals) -> float:
    """By how many seconds the longest step exceeds a usual one, when a worker is struck in it."""
    with local(3) as address, connected(address) as client:
        client.wait_for_workers(3)
        pids = list(client.run(os.getpid).values())
        terms, W = OnCluster(Workers(client), Here(made(rows))), parameters()
        terms.sums(SHAPE, W, 1)
        usual = min(timed(lambda: terms.sums(SHAPE, W, 1)) for _ in range(5))
        threading.Timer(usual / 2, os.kill, (pids[0], number)).start()
        longest = max(timed(lambda: terms.sums(SHAPE, W, 1)) for _ in range(5))
        if number == signal.SIGSTOP:
            os.kill(pids[0], signal.SIGCONT)
        return longest - usual


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    rows = ROWS // 10 if parser.parse_args().quick else ROWS
    examples, W = made(rows), parameters()
    with local(2) as address, connected(address) as client:
        client.wait_for_workers(2)
        print(f"{rows:,} rows, {FEATURES} → {HIDDEN} → 1, full batch; workers of one thread\n")
        empty = [overhead(client, n) for n in (1, 2)]
        one, two = (OnCluster(Some(client, n), Here(examples)) for n in (1, 2))
        sent = timed(lambda: two.sums(SHAPE, W, 1))
        one.sums(SHAPE, W, 1)
        calls = [lambda: one.sums(SHAPE, W, 1), lambda: two.sums(SHAPE, W, 1)]
        calls.append(lambda: engine.sums(SHAPE, W, examples, 1))
        steps = in_turns(calls, STEPS)
        each = a_task(client)
    names = ("no rows, 1 worker", "no rows, 2 workers", "1 worker", "2 workers", "no cluster")
    lines = [line(name, s) for name, s in zip(names, [*empty, *steps], strict=True)]
    print(table(["a step", "fastest ms", "median ms"], lines))
    gains = [min(steps[0]) / min(steps[1])]
    gains.append(statistics.median(steps[0]) / statistics.median(steps[1]))
    print(
        f"\n2 workers are {gains[0]:.2f} (fastest), {gains[1]:.2f} (median) times one: wanted 1.7"
    )
    print(f"overhead of a step on 2 workers: {1e3 * statistics.median(empty[1]):.0f} ms: wanted 60")
    print(f"the first step, in which the rows are sent: {sent:.1f} s")
    print(f"one more task: {1e3 * each:.2f} ms")
    on_paper(rows, min(steps[2]), min(empty[0]), each, W)
    for number in (signal.SIGKILL, signal.SIGSTOP):
        print(f"a worker that gets {number.name} costs {recovery(rows // 10, number):.1f} s")


def on_paper(rows: int, alone: float, fixed: float, each: float, W: np.ndarray) -> None:
    """What the measured terms come to for more workers."""
    question = Question("0" * 32, 7, SHAPE, True)
    up = len(pickle.dumps((partials, (question, W, range(10), NOTHING)), 5))
    lines = []
    for workers in (2, 10, 100, 1000):
        tree, down = of_the_tree(workers, 200 * rows)
        wire = (workers * up + down) / BYTES_A_SECOND
        cost = fixed + (workers - 1) * each + tree + wire
        half = cost * workers / (alone / rows)  # rows for which the work takes as long
        lines.append(
            [f"{workers:,}", f"{workers * up / 1e6:.2f}", f"{down / 1e6:.2f}", f"{1e3 * tree:.1f}",
             f"{1e3 * wire:.0f}", f"{1e3 * ((workers - 1) * each + fixed):.0f}", f"{1e3 * cost:.0f}",
             f"{half / 1e6:,.1f}"]
        )  # fmt: skip
    print("\non paper, of the terms above, and a network of 1 Gbit/s")
    head = ["workers", "MB up", "MB down", "tree ms", "wire ms", "tasks ms", "in all ms"]
    print(table([*head, "half of the time is work from … million rows on"], lines))


if __name__ == "__main__":
    main()

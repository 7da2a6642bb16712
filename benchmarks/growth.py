"""How time a row and memory grow with the number of rows.

Each number of rows gets a process of its own. The time is the kernel's, a row and a pass over
it; what `fit` spends before and after (checks of X, classes of y) stands beside it. Memory is
the most that the process ever held during `fit`, beyond what it held just before it, when X
and y were there.
"""

import contextlib
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import CASES, SEED, Case
from benchmarks.tables import duration, table, tick

ROWS = (10_000, 100_000, 1_000_000, 10_000_000)
PASSES = 20_000_000  # rows times epochs of a measurement, at least
MEMORY_WANTED = 64  # MiB
STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Kind:
    """A way of training, and how much dearer a row may become."""

    name: str
    letter: str  # of the case whose settings it takes
    wanted: float


KINDS = (Kind("full batch", "C", 1.2), Kind("shuffled mini-batches", "A", 1.4))


def run(
    *, quick: bool, show: Callable[[str], None], tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Measure and show both ways of training."""
    values = []
    for kind in KINDS:
        case = next(c for c in CASES if c.letter == kind.letter)
        found = []
        for m in ROWS[:3] if quick else ROWS:
            tell(f"{kind.name}, {m:,} rows")
            found.append(in_process(case, m))
        show(text(kind, found))
        values.append({"kind": kind.name, "wanted": kind.wanted, "rows": found})
    return values


def in_process(case: Case, m: int) -> dict[str, float]:
    """The figures of one number of rows, from a new process."""
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    process = context.Process(target=measure, args=(far, case, m))
    process.start()
    far.close()
    figures: dict[str, float] = near.recv()
    process.join()
    return figures


def measure(pipe: Connection, case: Case, m: int) -> None:
    """Fit m rows, once to warm up and find the peak of memory, then three times by the clock."""
    from benchmarks.with_shoal import classifier

    rng = np.random.default_rng(SEED)
    X = np.empty((m, case.n_x), np.float32)
    rng.standard_normal(out=X, dtype=np.float32)
    y = np.zeros(m, np.int64)
    y[:] = X[:, 0] > 0
    classifier(case, max_iter=1).fit(X[:1000], y[:1000])  # what is imported late counts not
    case = replace(case, m=m, epochs=max(2, PASSES // m))
    forget_peak()
    before = memory("VmRSS")
    classifier(case, max_iter=1).fit(X, y)
    extra = memory("VmHWM") - before
    kernel, door, cores = [], [], []
    for _ in range(3):
        cpu, began = time.process_time(), time.perf_counter()
        model = classifier(case).fit(X, y)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        kernel.append(model.training_seconds_)
        door.append(seconds - model.training_seconds_)
        cores.append(cpu / seconds)
    pipe.send(
        {
            "rows": m,
            "epochs": case.epochs,
            "seconds_a_row": min(kernel) / m / case.epochs,
            "outside_seconds": min(door),
            "extra_mebibytes": extra,
            "processors_busy": max(cores),
        }
    )


def forget_peak() -> None:
    """Begin to look for the peak of this process's memory anew (Linux)."""
    # Where that is not allowed, the peak is the one since the start, which was X itself.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def memory(name: str) -> float:
    """VmRSS or VmHWM of this process in MiB; NaN where the system does not tell."""
    if not STATUS.exists():
        return float("nan")
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def text(kind: Kind, found: list[dict[str, float]]) -> str:
    """A way of training as people read it."""
    first = found[0]["seconds_a_row"]
    rows = [
        (
            f"{f['rows']:,}",
            f"{f['epochs']:,}",
            duration(f["seconds_a_row"]),
            f"{f['seconds_a_row'] / first:.2f}",
            tick(f["seconds_a_row"] / first <= kind.wanted),
            f"{f['extra_mebibytes']:.0f} MiB",
            tick(f["extra_mebibytes"] <= MEMORY_WANTED),
            duration(f["outside_seconds"]),
            f"{f['processors_busy']:.2f}",
        )
        for f in found
    ]
    head = ("rows", "epochs", "a row", f"of first, ≤ {kind.wanted:g}", "",
            f"extra, ≤ {MEMORY_WANTED} MiB", "", "outside the kernel", "cores")  # fmt: skip
    return f"growth, {kind.name} (case {kind.letter})\n{table(head, rows)}"

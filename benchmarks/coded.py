"""A training step on coded columns, beside the same network on the columns written out.

Adult's 14 columns become codes: a word, or a number's bin and its place there (docs/measured/practice.md).
256 tanh units, batches of 256, adam, one thread; 32 bins for a number, as by default, 40 (some 261
columns, for which the ratios are wanted), and 16.

    codes        the kernel, given the codes
    written out  the same kernel, given the float32 matrix that the codes stand for
    PyTorch      eager, the fastest adam, on that matrix

All three take as many steps from the same start, in turns; the two of shoal reach the same loss, PyTorch
draws its own order of the rows. Medians are shown, with the loss over all rows. Beside it stands the
traffic of a step: the lines of W1 that [1] reads, those of dZ1 that [9] reads, and what adam reads and
writes, at the speed with which NumPy copies as much as W1 holds (that lies in L2). A line of units
alone fits into L1, so the gathers can be faster: it is a yardstick, not a bound. At the end stands
what the codes of the flights take in memory.

    python -m benchmarks.coded
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from demo.flights import main as fetch_flights
from pyarrow import csv

from benchmarks.cases import SEED, Case, Data, Start
from benchmarks.jobs import Job, seconds_of
from benchmarks.real import real
from benchmarks.tables import duration, table, tick
from shoal import ShoalClassifier
from shoal.compute.engine import engine
from shoal.compute.steps import Budget, Rule, start
from shoal.data.encode.coded import Coded
from shoal.data.read.tables import as_table
from shoal.data.rows.examples import Examples, dense
from shoal.network.architecture import Architecture
from shoal.network.initialisers import initialise

UNITS, BATCH, EPOCHS, RUNS = 256, 256, 2, 7
RATE = 0.001
OVER_DENSE, OVER_TORCH, MOST_BYTES = 3.0, 8.0, 60e6


def encoded(X: Any, y: Any, bins: int | str) -> tuple[Coded, np.ndarray]:
    """A table as codes, with the number of each row's class."""
    model = ShoalClassifier(hidden=1, members=1, max_iter=1, bins=bins, random_state=SEED)
    model.fit(X, y)
    codes = model.encoding_.encode(as_table(X), np.float32)
    assert isinstance(codes, Coded)
    return codes, np.searchsorted(model.classes_, np.asarray(y))


def of_shoal(X: Any, y: np.ndarray, first: Start) -> Job:
    """Some epochs of the kernel on codes, or on a matrix."""
    shape = Architecture(X.shape[1], UNITS, 1, "tanh", "sigmoid")
    vector = np.concatenate([V.reshape(-1) for V in first]).astype(np.float32)
    rule = Rule("adam", RATE, batch_size=BATCH)
    examples = Examples(X, labels=y.astype(np.int32))

    def run() -> np.ndarray:
        state = start(vector, "adam")
        done = engine.train(shape, rule, Budget(0, EPOCHS), examples, state, 1)
        return done.state.parameters

    return Job(run, lambda vector: float(engine.sums(shape, vector, examples, 1).loss / len(y)))


def of_torch(X: np.ndarray, y: np.ndarray, first: Start) -> Job | None:
    """The same by PyTorch, where it is installed."""
    try:
        import torch

        from benchmarks.with_torch import VARIANTS, Training, best_of
    except ImportError:
        return None
    torch.set_num_threads(1)
    case = Case(
        "", "", "", len(X), X.shape[1], UNITS, 1, (), solver="adam", learning_rate=RATE,
        batch=BATCH, epochs=EPOCHS,
    )  # fmt: skip
    data = Data(X, y.astype(np.int64), first)
    return best_of(case, {name: Training(case, data, name) for name in VARIANTS})


def traffic(X: Coded, bandwidth: float) -> float:
    """Seconds of a step's memory traffic at so many bytes a second."""
    lines = X.codes.shape[1] + X.places.shape[1]  # of the tables, for each example
    numbers = 2 * BATCH * lines * UNITS + 7 * UNITS * X.shape[1]  # adam: 4 read, 3 written
    return 4 * numbers / bandwidth


def near_bandwidth(numbers: int) -> float:
    """Bytes a second that NumPy reads and writes in a copy of so many float32."""
    a, b = np.ones(numbers, np.float32), np.empty(numbers, np.float32)
    best = min(seconds_of(lambda: [np.copyto(b, a) for _ in range(200)]) for _ in range(7))
    return 2 * 4 * numbers * 200 / best


def compare(bins: int) -> None:
    """One line for each contender."""
    adult = real("adult")
    X, y = encoded(adult.X, adult.y, bins)
    matrix = dense(X)
    drawn = initialise(X.shape[1], UNITS, 1, key=SEED, activation="tanh")
    first = Start(*(V.astype(np.float32) for V in drawn))
    jobs = {"codes": of_shoal(X, y, first), "written out": of_shoal(matrix, y, first)}
    torch = of_torch(matrix, y, first)
    if torch:
        jobs["PyTorch"] = torch
    steps = EPOCHS * -(-len(y) // BATCH)
    reached = {name: job.loss(job.run()) for name, job in jobs.items()}  # warms up, too
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(RUNS):
        for name, job in jobs.items():
            times[name].append(seconds_of(job.run) / steps)
    step = {name: float(np.median(found)) for name, found in times.items()}
    wanted = {"codes": 1.0, "written out": OVER_DENSE, "PyTorch": OVER_TORCH}
    rows = []
    for name, seconds in step.items():
        ratio = seconds / step["codes"]
        marks = (
            ("", "") if name == "codes" else (f"{wanted[name]:g} ×", tick(ratio >= wanted[name]))
        )
        spread = max(times[name]) / min(times[name])
        rows.append(
            (
                name,
                duration(seconds),
                f"{ratio:.2f} ×",
                *marks,
                f"{reached[name]:.5f}",
                f"{spread:.2f}",
            )
        )
    print(
        f"Adult, {len(y):,} rows, 14 columns, {bins} bins: {X.shape[1]} encoded → {UNITS} → 1, batches of {BATCH}, adam"
    )
    print(table(("", "a step", "ratio", "wanted", "", "loss", "spread"), rows))
    bandwidth = near_bandwidth(UNITS * X.shape[1])
    least = traffic(X, bandwidth)
    print(
        f"traffic: {duration(least)} at {bandwidth / 1e9:.0f} GB/s; reached {step['codes'] / least:.1f} × of it\n"
    )


def main() -> None:
    """Print the comparisons, and the memory of the demo's flights."""
    for bins in (32, 40, 16):
        compare(bins)
    with TemporaryDirectory() as folder:
        fetch_flights(Path(folder))
        flights = csv.read_csv(Path(folder) / "flights.csv")
    codes, _ = encoded(flights.drop_columns("late"), flights["late"], "auto")
    parts = (codes.numbers, codes.codes, codes.places)
    size = sum(part.nbytes for part in parts)
    a_row = size / len(codes)
    print(
        f"flights: {len(codes):,} rows × {codes.shape[1]:,} encoded columns take "
        f"{size / 1e6:.1f} MB, {a_row:.0f} bytes a row (at most {MOST_BYTES / 1e6:g} MB) "
        f"{tick(size <= MOST_BYTES)}; the matrix would take "
        f"{4e-6 * len(codes) * codes.shape[1]:,.0f} MB"
    )


if __name__ == "__main__":
    main()

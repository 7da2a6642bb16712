"""What a default fit of a small table takes outside the kernel.

`python -m benchmarks.around` fits each table some times on one thread, with a clock of processor time around
every call of the kernel, and prints the shortest fit, the least that was outside of these calls, and its
share of the same fit. Wanted: at most 15 %. Hitters comes out of a package, see `real.py`.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn import datasets

from benchmarks.real import inside
from benchmarks.tables import table
from shoal import ShoalClassifier, ShoalRegressor
from shoal.compute import kernel

CLASSES, NUMBERS = ("iris", "wine", "breast_cancer"), ("diabetes",)


class Small(NamedTuple):
    """A table, and what is fitted to it."""

    name: str
    model: type[ShoalClassifier | ShoalRegressor]
    X: Any
    y: Any


class Clock:
    """Processor time within calls, in nanoseconds."""

    def __init__(self) -> None:
        self.inside = 0

    def around(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        def timed(*given: Any) -> Any:
            began = time.process_time_ns()
            try:
                return run(*given)
            finally:
                self.inside += time.process_time_ns() - began

        return timed


def tables() -> Iterator[Small]:
    """The tables of docs/measured/speed.md."""
    for name in (*CLASSES, *NUMBERS):
        model = ShoalClassifier if name in CLASSES else ShoalRegressor
        yield Small(name, model, *getattr(datasets, f"load_{name}")(return_X_y=True))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 10))
    noisy = X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + 0.5 * rng.normal(size=2000)
    yield Small("2,000 × 10 numbers", ShoalClassifier, X, (noisy > 0).astype(int))
    frame = pd.read_csv(inside("islp==0.6.0", "ISLP/data/Hitters.csv")).dropna()
    yield Small("Hitters", ShoalRegressor, frame.drop(columns="Salary"), frame["Salary"].to_numpy())


def measured(small: Small, clock: Clock, times: int) -> tuple[str, ...]:
    """The row of one table; the first fit, which fills caches, does not count."""
    fits = []
    for _ in range(times + 1):
        clock.inside, began = 0, time.process_time_ns()
        model = small.model(random_state=0, n_jobs=1).fit(small.X, small.y)
        whole = time.process_time_ns() - began
        fits.append((whole, whole - clock.inside))
    whole, outside = (min(values) / 1e6 for values in zip(*fits[1:], strict=True))
    share = min(outside / whole for whole, outside in fits[1:])
    return small.name, f"{whole:.1f}", f"{outside:.1f}", f"{share:.1%}", model.fingerprint_


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=6, help="how often each table is fitted")
    times = parser.parse_args().times
    clock = Clock()
    kernel._run = clock.around(kernel._run)
    head = ("table", "fit, ms", "outside the kernel, ms", "share", "fingerprint")
    print(table(head, [measured(small, clock, times) for small in tables()]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""How fast CSV is read and its types guessed, compared with pyarrow's own reader.

    python -m benchmarks.read [ROWS]

30 columns: 12 of numbers, 10 of whole numbers, 5 of categories, a date, a truth value and a class.
The best of three runs counts.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from shoal.data.read.files import read_table

RUNS = 3


def table(m: int) -> pa.Table:
    """A table that needs no guess which costs accuracy."""
    draw = np.random.default_rng(0)
    columns: dict[str, Any] = {f"f{j}": np.round(draw.normal(size=m) * 100, 3) for j in range(12)}
    columns |= {f"i{j}": draw.integers(0, 10 ** (j % 6 + 1), m) for j in range(10)}
    words = np.array(["alpha", "beta", "gamma", "delta", "epsilon"])
    columns |= {f"w{j}": words[draw.integers(0, 5, m)] for j in range(5)}
    columns["day"] = np.datetime64("2011-01-01") + draw.integers(0, 3000, m)
    columns["truth"] = draw.integers(0, 2, m).astype(bool)
    columns["y"] = np.array(["yes", "no"])[draw.integers(0, 2, m)]
    return pa.table(columns)


def seconds(read: Callable[[str], Any], path: str) -> float:
    """The shortest time of some runs."""
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        read(path)
        times.append(time.perf_counter() - begin)
    return min(times)


def main() -> None:
    """Print both times, and their ratio."""
    m = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "table.csv")
        pyarrow.csv.write_csv(table(m), path)
        theirs, ours = seconds(pyarrow.csv.read_csv, path), seconds(read_table, path)
    print(
        f"{m:,} rows × 30 columns: pyarrow {theirs:.2f} s, shoal {ours:.2f} s, {ours / theirs:.2f} ×"
    )


if __name__ == "__main__":
    main()

"""Training on a file larger than the memory that it may use, beside the same in memory.

    python -m benchmarks.stream FOLDER [ROWS]      50,000,000 rows need 12 GB of disk there

Makes a Parquet file of 28 numbers a row, and trains 28 → 32 → 1 on it by full-batch descent
under --memory 2GiB; beside it, in turns, on its first 2,000,000 rows in memory. Each training is
a process of its own. Printed: time of an iteration per row, ratio, and peak memory.
"""

import json
import os
import resource
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS, COLUMNS, GROUP = 50_000_000, 28, 500_000
IN_MEMORY_ROWS = 2_000_000
ITERATIONS, TURNS = 10, 3
MEMORY = "2GiB"
SETTINGS = {
    "hidden": 32, "solver": "gd", "max_iter": ITERATIONS, "early_stopping": False,
    "members": 1, "bins": 0, "random_state": 0, "tol": 0.0, "n_iter_no_change": ITERATIONS,
}  # fmt: skip


def make(path: str, rows: int) -> None:
    draw = np.random.default_rng(0)
    names = [f"x{j}" for j in range(COLUMNS)]
    schema = pa.schema([(name, pa.float32()) for name in names] + [("y", pa.int8())])
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as out:
        for at in range(0, rows, GROUP):
            n = min(GROUP, rows - at)
            X = draw.standard_normal((n, COLUMNS), np.float32)
            y = X[:, 0] * X[:, 1] + X[:, 2] + draw.standard_normal(n) > 0
            columns = [np.ascontiguousarray(X[:, j]) for j in range(COLUMNS)]
            out.write_table(pa.table([*columns, y.astype(np.int8)], schema=schema))


def streamed(path: str) -> None:
    """One training, its answer as a line of JSON."""
    from shoal import ShoalClassifier

    began = time.perf_counter()
    model = ShoalClassifier(**SETTINGS, memory=MEMORY, scratch=os.path.dirname(path) or ".")
    model.fit(path, "y")
    answer(model, pq.ParquetFile(path).metadata.num_rows, began)


def in_memory(path: str) -> None:
    from shoal import ShoalClassifier

    table = next(pq.ParquetFile(path).iter_batches(IN_MEMORY_ROWS))
    began = time.perf_counter()
    X, y = pa.Table.from_batches([table]).drop_columns(["y"]), table["y"].to_numpy()
    answer(ShoalClassifier(**SETTINGS).fit(X, y), len(y), began)


def answer(model: object, rows: int, began: float) -> None:
    seconds = model.training_seconds_  # type: ignore[attr-defined]
    print(
        json.dumps(
            {
                "ns_a_row": 1e9 * seconds / ITERATIONS / rows,
                "before": time.perf_counter() - began - seconds,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20),
                "fingerprint": model.fingerprint_,  # type: ignore[attr-defined]
            }
        )
    )


def run(what: str, path: str) -> dict[str, float]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.stream", what, path]
    found: dict[str, float] = json.loads(subprocess.check_output(command))
    print(f"{what:<10} {found['ns_a_row']:6.1f} ns a row and iteration, {found['before']:5.0f} s before them, "
          f"peak {found['peak']:.2f} GiB, {found['fingerprint']}", flush=True)  # fmt: skip
    return found


def main(folder: str, rows: int = ROWS) -> None:
    path = os.path.join(folder, f"stream-{rows}.parquet")
    if not os.path.exists(path):
        make(path, rows)
    print(f"{rows:,} rows × {COLUMNS} numbers, {os.path.getsize(path) / 1e9:.1f} GB as Parquet")
    found = [(run("memory", path), run("streamed", path)) for _ in range(TURNS)]
    least = [min(turn[i]["ns_a_row"] for turn in found) for i in (0, 1)]
    print(f"streamed at {least[0] / least[1]:.0%} of the speed in memory")


if __name__ == "__main__":
    if sys.argv[1] in ("memory", "streamed"):
        (in_memory if sys.argv[1] == "memory" else streamed)(sys.argv[2])
    else:
        main(sys.argv[1], *map(int, sys.argv[2:]))

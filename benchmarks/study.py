"""How long a study of initialisations takes: 10 schemes × 50 seeds × 10,000 iterations.

The planar exercise, 400 × 2 → 4 → 1, full-batch descent, on all cores, in both precisions.

    python -m benchmarks.study
"""

import time

from benchmarks.cases import CASES, planar
from shoal import init_study
from shoal.diagnosis.study import SCHEMES

WANTED = 20.0  # seconds on two cores

if __name__ == "__main__":
    X, y = planar(next(case for case in CASES if case.data == "planar"))
    for dtype in ("float64", "float32"):
        began = time.process_time()
        study = init_study(X, y, schemes=SCHEMES[:10], seeds=50, iterations=10_000, dtype=dtype)
        processor = time.process_time() - began
        each = processor / len(study.trials) / 10_000 * 1e6
        print(
            f"{dtype}   {study.seconds:5.1f} s   {processor:5.1f} s of processors   "
            f"{each:.2f} µs an iteration   wanted: {WANTED:.0f} s on two cores",
            flush=True,
        )

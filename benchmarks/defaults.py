"""Why the defaults are what they are: each against its neighbours, on real tables.

Examples:
  python benchmarks/defaults.py                             every neighbour, on all sixteen tables
  python benchmarks/defaults.py --only members --seeds 1    one setting's neighbours, one fit each
  python benchmarks/defaults.py --set adult letter          on some tables

The tables are those of benchmarks/real.py. Test parts are not looked at: a quarter of the training
part stands in for them (`choosing`). A figure is the loss (cross-entropy, or root of the mean
square) beside the default's, geometric mean over the tables. What was found is told in
docs/measured/practice.md; the last look, at the test parts and beside the peers, is benchmarks/practice.py.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if not __package__:  # called by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.practice import geometric, scores
from benchmarks.real import RECIPES, Real, choosing, real
from benchmarks.tables import machine, machine_text, table
from shoal import ShoalClassifier, ShoalRegressor

NEIGHBOURS: dict[str, tuple[Any, ...]] = {
    "bins": (0, 8, 16, 64),
    "members": (1, 2, 4, 12),
    "hidden": (0, 16, 32, 128, 256),
    "activation": ("relu", "leaky_relu", "sigmoid"),
    "init": ("lecture", "he", 1.0),
    "solver": ("sgd",),
    "learning_rate": (0.001, 0.002, 0.01),
    "schedule": ("constant",),
    "batch_size": (32, 128, 512),
    "alpha": (0.0, 0.01, 0.1, 1.0),
    "weight_decay": (0.1, 1.0),
    "dropout": (0.1, 0.2),
    "early_stopping": (False,),
    "n_iter_no_change": (4, 10),
    "validation_fraction": (0.1, 0.25),
}


def fit_and_score(model: Any, data: Real) -> tuple[float, float]:
    """Loss on the part held out, and CPU seconds of the fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        began = time.process_time()
        model.fit(data.X, data.y)
        seconds = time.process_time() - began
        return scores(model, data)["loss"], seconds


def measured(data: Real, settings: dict[str, Any], seeds: int) -> tuple[float, float]:
    """Mean loss, and mean CPU seconds of a fit."""
    kind = ShoalRegressor if data.numbers else ShoalClassifier
    found = [
        fit_and_score(kind(random_state=100 * seed, n_jobs=1, **settings), data)
        for seed in range(seeds)
    ]
    losses, seconds = zip(*found, strict=True)
    return float(np.mean(losses)), float(np.mean(seconds))


def compare(every: list[Real], only: Sequence[str] | None, seeds: int) -> list[dict[str, Any]]:
    """Each neighbour of each default, beside the default."""
    usual = [measured(data, {}, seeds) for data in every]
    rows = []
    for name, values in NEIGHBOURS.items():
        if only and name not in only:
            continue
        for value in values:
            found = [measured(data, {name: value}, seeds) for data in every]
            ratios = [a[0] / b[0] for a, b in zip(found, usual, strict=True)]
            rows.append({
                "setting": f"{name}={value!r}",
                "loss": geometric(ratios),
                "better": sum(r < 0.99 for r in ratios),
                "worse": sum(r > 1.01 for r in ratios),
                "cpu": sum(a[1] for a in found) / sum(b[1] for b in usual),
                "sets": {d.name: round(f[0], 4) for d, f in zip(every, found, strict=True)},
            })  # fmt: skip
            print(_row(rows[-1]), file=sys.stderr, flush=True)
    return rows


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["setting"], f"{row['loss']:.3f}", str(row["better"]), str(row["worse"]),
        f"{row['cpu']:.2f}",
    )  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """Compare, and show; returns the exit code."""
    summary, _, example = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", nargs="+", default=list(RECIPES), choices=RECIPES, metavar="SET")
    parser.add_argument("--only", nargs="+", choices=NEIGHBOURS, help="some settings alone")
    parser.add_argument("--seeds", type=int, default=2, help="fits of each (2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    asked = parser.parse_args(words)
    print(machine_text(machine()), end="\n\n")
    every = [choosing(real(name)) for name in asked.set]
    print(f"{len(every)} sets: {', '.join(data.name for data in every)}\n")
    rows = compare(every, asked.only, asked.seeds)
    header = ("setting, others as they are", "loss, 1 = default", "better", "worse", "CPU")
    print(table(header, [_row(row) for row in rows]))
    if asked.json:
        asked.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

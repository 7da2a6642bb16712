"""Why the defaults are what they are: each against its neighbours, on real tables.

Examples:
  python benchmarks/defaults.py                    sets that come with scikit-learn, and made ones
  python benchmarks/defaults.py --folder TABLES    and the Parquet tables in a folder, which have
                                                   columns __target__ and __split__
  python benchmarks/defaults.py --only members     one setting's neighbours
  python benchmarks/defaults.py --peers --folder TABLES    the last look: test parts, beside peers

The choice is made on a validation part of the training rows (a quarter, at most 6,000 rows to
learn from); the test parts are looked at by --peers alone. A figure is the loss (cross-entropy,
or squared error) as a share of the best constant answer's, geometric mean over the sets.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

if not __package__:  # called by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

from benchmarks.diagnosis import Set, sets, test_loss
from benchmarks.flights import prepared
from benchmarks.tables import machine, machine_text, table
from shoal import ShoalClassifier, ShoalRegressor

ROWS = 6000

NEIGHBOURS: dict[str, tuple[Any, ...]] = {
    "bins": (0, 4, 8, 16, 32),
    "members": (1, 2, 4, 16),
    "hidden": (0, 16, 32, 128, 256),
    "activation": ("relu", "leaky_relu", "sigmoid"),
    "init": ("lecture", "he", 1.0),
    "solver": ("sgd",),
    "learning_rate": (0.001, 0.01, 0.03),
    "batch_size": (32, 128, 512),
    "alpha": (0.0, 0.01, 0.1, 1.0),
    "early_stopping": (False,),
    "n_iter_no_change": (5, 10, 30),
    "validation_fraction": (0.1, 0.25),
}


def tasks(folder: Path | None) -> Iterator[Set]:
    """Real data, and three made sets, with a validation part of the training rows in the test's place."""
    for data in sets(folder):
        if not (data.real or data.name in ("moons", "friedman", "waves")):
            continue
        rows = np.arange(len(data.y))
        a, b = train_test_split(
            rows, test_size=0.25, random_state=1, stratify=None if data.numbers else data.y
        )
        a, b = np.sort(a)[:ROWS], np.sort(b)
        take = (lambda i, X=data.X: X.take(i)) if hasattr(data.X, "take") else data.X.__getitem__
        if isinstance(data.X, np.ndarray):
            take = data.X.__getitem__
        yield data._replace(X=take(a), X_test=take(b), y=data.y[a], y_test=data.y[b])


def measured(data: Set, settings: dict[str, Any], seeds: int) -> tuple[float, float]:
    """Mean loss as a share of the constant answer's, and mean CPU seconds of a fit."""
    losses, seconds = [], []
    kind = ShoalRegressor if data.numbers else ShoalClassifier
    for seed in range(seeds):
        began = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = kind(random_state=100 * seed, **settings).fit(data.X, data.y)
        seconds.append(time.process_time() - began)
        losses.append(test_loss(model, data, data.X_test))
    return float(np.mean(losses)), float(np.mean(seconds))


def geometric(values: Sequence[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


def compare(every: list[Set], only: Sequence[str] | None, seeds: int) -> list[dict[str, Any]]:
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


def contenders(data: Set) -> dict[str, Any]:
    """All models, with their defaults and the preparation that they need."""
    if data.numbers:
        return {
            "ShoalRegressor": ShoalRegressor(random_state=0),
            "linear": make_pipeline(prepared(), Ridge()),
            "MLP, early stopping": make_pipeline(
                prepared(), MLPRegressor(early_stopping=True, random_state=0)
            ),
            "HistGradientBoosting": HistGradientBoostingRegressor(random_state=0),
        }
    return {
        "ShoalClassifier": ShoalClassifier(random_state=0),
        "linear": make_pipeline(prepared(), LogisticRegression(max_iter=1000)),
        "MLP, early stopping": make_pipeline(
            prepared(), MLPClassifier(early_stopping=True, random_state=0)
        ),
        "HistGradientBoosting": HistGradientBoostingClassifier(
            categorical_features="from_dtype", random_state=0
        ),
    }


def as_frame(X: Any) -> Any:
    """A pandas frame, words as categories, as the peers want it."""
    import pandas as pd

    frame = pd.DataFrame(X) if isinstance(X, np.ndarray) else X.to_pandas()
    frame.columns = [str(name) for name in frame.columns]
    return frame


def peers(folder: Path | None) -> list[dict[str, Any]]:
    """The last look: everybody on the test parts."""
    rows = []
    for data in sets(folder):
        if not data.real:
            continue
        X, X_test = as_frame(data.X), as_frame(data.X_test)
        words = [name for name in X if X[name].dtype.kind not in "biuf"]
        for name, model in contenders(data).items():
            A, B = X, X_test
            if name == "HistGradientBoosting":  # one set of categories, 255 at the most
                import pandas as pd

                kept = {w: X[w].value_counts().index[:250] for w in words}
                A = X.assign(**{w: pd.Categorical(X[w], kept[w]) for w in words})
                B = X_test.assign(**{w: pd.Categorical(X_test[w], kept[w]) for w in words})
            began = time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(A, data.y)
            row = {"set": data.name, "model": name, "cpu": time.process_time() - began}
            rows.append(row | scores(model, B, data))
            print(rows[-1], file=sys.stderr, flush=True)
    return rows


def scores(model: Any, X_test: Any, data: Set) -> dict[str, float]:
    """Root of the mean squared error; or log-loss, accuracy and area under the curve."""
    if data.numbers:
        return {"loss": float(np.sqrt(np.mean((model.predict(X_test) - data.y_test) ** 2)))}
    p = model.predict_proba(X_test).astype(np.float64)
    p /= p.sum(axis=1, keepdims=True)
    auc = roc_auc_score(data.y_test, p[:, 1] if p.shape[1] == 2 else p, multi_class="ovr")
    return {
        "loss": log_loss(data.y_test, p, labels=model.classes_),
        "accuracy": accuracy_score(data.y_test, model.classes_[p.argmax(axis=1)]),
        "auc": float(auc),
    }


def show_peers(rows: list[dict[str, Any]]) -> None:
    """Losses by set and model, with CPU seconds, then mean ranks."""
    names = ["ShoalClassifier", "linear", "MLP, early stopping", "HistGradientBoosting"]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        model = names[0] if row["model"].startswith("Shoal") else row["model"]
        found.setdefault(row["set"], {})[model] = row
    lines, ranks = [], []
    for name, by_model in found.items():
        losses = [by_model[m]["loss"] for m in names]
        ranks.append(1 + np.argsort(np.argsort(losses)))
        cells = [f"{by_model[m]['loss']:.4f} ({by_model[m]['cpu']:.1f})" for m in names]
        lines.append((name, *cells))
    lines.append(("mean rank", *(f"{r:.2f}" for r in np.mean(ranks, axis=0))))
    print(table(("test loss (CPU s)", "shoal", *names[1:]), lines))


def main(words: Sequence[str] | None = None) -> int:
    """Compare, and show; returns the exit code."""
    summary, _, example = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="where Parquet tables lie")
    parser.add_argument("--only", nargs="+", choices=NEIGHBOURS, help="some settings alone")
    parser.add_argument("--seeds", type=int, default=2, help="fits of each (2)")
    parser.add_argument("--peers", action="store_true", help="test parts, beside the peers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    asked = parser.parse_args(words)
    print(machine_text(machine()), end="\n\n")
    if asked.peers:
        rows = peers(asked.folder)
        show_peers(rows)
    else:
        every = list(tasks(asked.folder))
        print(f"{len(every)} sets: {', '.join(data.name for data in every)}\n")
        rows = compare(every, asked.only, asked.seeds)
        header = ("setting, others as they are", "loss, 1 = default", "better", "worse", "CPU")
        print(table(header, [_row(row) for row in rows]))
    if asked.json:
        asked.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

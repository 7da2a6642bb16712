"""Defaults against defaults: shoal and its peers on sixteen real tables, on the same splits.

Examples:
  python benchmarks/practice.py                              what has been measured, as tables
  python benchmarks/practice.py --measure shoal              these fits again, three seeds each
  python benchmarks/practice.py --measure LightGBM --set adult letter
  python benchmarks/practice.py --measure TabM --seeds 1     minutes a fit; stopped after ten
  python benchmarks/practice.py --measure MLP --missing      what has not been measured yet
  python benchmarks/practice.py --paired linear --set diabetes   what the test rows say of a difference

The figures are kept in benchmarks/practice.json, so that one contender can be measured again
without the others. The tables, their splits and the seeds are those of benchmarks/real.py: fixed
before the first comparison. Nothing was chosen by these test parts: the defaults were chosen on
parts of the training parts (docs/measured/practice.md).

The linear model and scikit-learn's perceptrons stand behind imputation, scaling and one-hot
encoding; the boosters get words as categories, 250 of a column at most. One thread each, as
processor seconds are compared. RealMLP-TD-S and TabM come from the package pytabkit, on PyTorch's
CPU build, with denormal numbers flushed. A fit that takes more than ten minutes of processor time is
stopped and counts as not done, whatever else the machine was doing.
"""

import argparse
import json
import math
import os
import resource
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if not __package__:  # called by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

from benchmarks.flights import prepared
from benchmarks.real import RECIPES, SEEDS, Real, real
from benchmarks.tables import table
from shoal import ShoalClassifier, ShoalRegressor

KEPT = Path(__file__).with_suffix(".json")
SECONDS = 600  # of a fit, by the processor
WALL_SECONDS = 6 * SECONDS  # by the clock: of a fit that waits for something
MOST = 0.75  # of the sets
Row = dict[str, Any]


# --- contenders -----------------------------------------------------------------------


def linear(numbers: bool, seed: int) -> Any:
    """Ridge or logistic regression."""
    return make_pipeline(prepared(), Ridge() if numbers else LogisticRegression(max_iter=1000))


def perceptron(early: bool) -> Callable[[bool, int], Any]:
    """scikit-learn's, with or without a validation part."""

    def make(numbers: bool, seed: int) -> Any:
        kind = MLPRegressor if numbers else MLPClassifier
        return make_pipeline(prepared(), kind(early_stopping=early, random_state=seed))

    return make


def boosting(numbers: bool, seed: int) -> Any:
    """scikit-learn's boosted trees."""
    kind = HistGradientBoostingRegressor if numbers else HistGradientBoostingClassifier
    return kind(categorical_features="from_dtype", random_state=seed)


def lightgbm(numbers: bool, seed: int) -> Any:
    """LightGBM."""
    import lightgbm as package

    kind = package.LGBMRegressor if numbers else package.LGBMClassifier
    return kind(random_state=seed, n_jobs=1, verbose=-1)


def shoal(numbers: bool, seed: int) -> Any:
    """The defaults that are judged here."""
    return (ShoalRegressor if numbers else ShoalClassifier)(random_state=seed, n_jobs=1)


def tabular(name: str) -> Callable[[bool, int], Any]:
    """A network of the package pytabkit, with its tuned defaults."""

    def make(numbers: bool, seed: int) -> Any:
        import pytabkit
        import torch

        torch.set_flush_denormal(True)
        torch.set_num_threads(1)
        kind = getattr(pytabkit, f"{name}_{'Regressor' if numbers else 'Classifier'}")
        return kind(device="cpu", random_state=seed, n_threads=1, n_cv=1, verbosity=0)

    return make


CONTENDERS: dict[str, Callable[[bool, int], Any]] = {
    "shoal": shoal,
    "linear": linear,
    "MLP": perceptron(early=False),
    "MLP, early stopping": perceptron(early=True),
    "HistGradientBoosting": boosting,
    "LightGBM": lightgbm,
    "RealMLP-TD-S": tabular("RealMLP_TD_S"),
    "TabM": tabular("TabM_D"),
}
TREES = ("HistGradientBoosting", "LightGBM")
WITHOUT_SEED = ("linear", "HistGradientBoosting", "LightGBM")  # their defaults draw nothing


# --- one fit --------------------------------------------------------------------------


def with_categories(data: Real) -> Real:
    """Words as categories, the frequent ones of the training part."""
    X, X_test = data.X.copy(), data.X_test.copy()
    for name in X:
        if X[name].dtype.kind not in "biuf":
            kept = X[name].value_counts().index[:250]
            X[name] = pd.Categorical(X[name], kept)
            X_test[name] = pd.Categorical(X_test[name], kept)
    return data._replace(X=X, X_test=X_test)


def scores(model: Any, data: Real) -> Row:
    """Log-loss, accuracy and area under the curve; or root of the mean square and R²."""
    if data.numbers:
        found = np.asarray(model.predict(data.X_test), float).reshape(-1)
        error = float(np.sqrt(np.mean((found - data.y_test) ** 2)))
        return {"loss": error, "r2": float(r2_score(data.y_test, found))}
    p = np.asarray(model.predict_proba(data.X_test), np.float64)
    p /= p.sum(axis=1, keepdims=True)
    classes = np.asarray(model.classes_)
    return {
        "loss": float(log_loss(data.y_test, p, labels=classes)),
        "accuracy": float(accuracy_score(data.y_test, classes[p.argmax(axis=1)])),
        "auc": float(
            roc_auc_score(data.y_test, p[:, 1] if p.shape[1] == 2 else p, multi_class="ovr")
        ),
    }


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Let the kernel end this process when it has taken so much processor time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + seconds, hard))
    yield
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def fitted(contender: str, name: str, seed: int) -> Row:
    """What one fit cost, and what it is worth on the test part."""
    data = real(name)
    if contender in TREES:
        data = with_categories(data)
    model = CONTENDERS[contender](data.numbers, seed)
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with at_most(SECONDS):
            model.fit(data.X, data.y)
        seconds = time.process_time() - began
        return scores(model, data) | {"cpu": seconds}


def apart(contender: str, name: str, seed: int) -> Row:
    """The same in a process of its own, so that it can be ended."""
    words = [sys.executable, __file__, "--one", contender, name, str(seed)]
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=WALL_SECONDS, env=os.environ | one_thread
        )
    except subprocess.TimeoutExpired:
        return {"failure": f"over {WALL_SECONDS} s by the clock"}
    if done.returncode == -signal.SIGXCPU:
        return {"failure": f"over {SECONDS} s"}
    if done.returncode:
        return {"failure": (done.stderr.strip().splitlines() or ["?"])[-1][:200]}
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row


# --- what is kept ---------------------------------------------------------------------


def kept() -> list[Row]:
    """All that has been measured."""
    return json.loads(KEPT.read_text()) if KEPT.exists() else []


def keep(row: Row) -> None:
    """Add a row, in place of the one that was measured before."""
    key = ("set", "model", "seed")
    rows = [other for other in kept() if any(other[k] != row[k] for k in key)] + [row]
    order = {name: i for i, name in enumerate(RECIPES)}
    places = {name: i for i, name in enumerate(CONTENDERS)}
    rows.sort(key=lambda r: (places[r["model"]], order[r["set"]], r["seed"]))
    KEPT.write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")


def measure(
    contenders: Iterable[str], names: Iterable[str], seeds: Sequence[int], *, missing: bool = False
) -> None:
    """Fit, and keep what was found; `missing`: only where nothing has been kept yet."""
    there = {(row["set"], row["model"], row["seed"]) for row in kept() if missing}
    for name in names:
        for contender in contenders:
            for seed in seeds[:1] if contender in WITHOUT_SEED else seeds:
                if (name, contender, seed) in there:
                    continue
                found = apart(contender, name, seed)
                rounded = {k: float(f"{v:.5g}") if k != "failure" else v for k, v in found.items()}
                keep({"set": name, "model": contender, "seed": seed} | rounded)
                print(name, contender, seed, rounded, file=sys.stderr, flush=True)


# --- how sure it is -------------------------------------------------------------------


def row_losses(contender: str, data: Real, seed: int) -> NDArray[np.float64]:
    """The squared error of each test row; for classes its log-loss."""
    model = CONTENDERS[contender](data.numbers, seed)
    if contender in TREES:
        data = with_categories(data)
    model.fit(data.X, data.y)
    if data.numbers:
        return (np.asarray(model.predict(data.X_test), float).reshape(-1) - data.y_test) ** 2
    p = np.asarray(model.predict_proba(data.X_test), np.float64)
    own = np.searchsorted(model.classes_, data.y_test)
    return -np.log(np.clip(p[np.arange(len(own)), own] / p.sum(axis=1), 1e-15, 1))


def paired(contender: str, names: Iterable[str], draws: int = 20_000) -> None:
    """Print how far shoal is behind, and the standard error of that: test rows drawn anew, in pairs."""
    rng = np.random.default_rng(0)
    lines = []
    for name in names:
        data = real(name)
        ours, theirs = (
            np.mean([row_losses(model, data, seed) for seed in SEEDS], axis=0)
            for model in ("shoal", contender)
        )

        def behind(
            rows: Any, ours: Any = ours, theirs: Any = theirs, root: bool = data.numbers
        ) -> float:
            first, second = float(ours[rows].mean()), float(theirs[rows].mean())
            return math.sqrt(first) - math.sqrt(second) if root else first - second

        n = len(ours)
        drawn = [behind(rng.integers(0, n, n)) for _ in range(draws)]
        whole = behind(slice(None))
        without = behind(np.argsort(ours - theirs)[:-1])
        lines.append(
            (name, f"{n:,}", f"{whole:.4g}", f"{np.std(drawn):.3g}", f"{whole - without:.4g}")
        )
    print(table(("", "rows", f"behind {contender}", "± its error", "by the worst row"), lines))


# --- what it says ---------------------------------------------------------------------


def means(rows: list[Row], figure: str) -> dict[tuple[str, str], float]:
    """Of each set and model, over the seeds; a fit that was not done leaves nothing."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if figure in row:
            found.setdefault((row["set"], row["model"]), []).append(row[figure])
    return {key: float(np.mean(values)) for key, values in found.items()}


def geometric(values: Sequence[float]) -> float:
    """The geometric mean."""
    return float(np.exp(np.mean(np.log(values))))


def ranks(losses: dict[tuple[str, str], float], names: Sequence[str], models: Sequence[str]) -> Any:
    """The place of each model on each set, equal ones sharing; (sets, models)."""
    grid = np.array([[losses[name, model] for model in models] for name in names])
    below = (grid[:, :, None] > grid[:, None, :]).sum(axis=2)
    same = (grid[:, :, None] == grid[:, None, :]).sum(axis=2)
    return below + (same + 1) / 2


def show(rows: list[Row]) -> None:
    """Losses with processor seconds, ranks, and ratios to shoal."""
    losses, seconds = means(rows, "loss"), means(rows, "cpu")
    models = [model for model in CONTENDERS if any(m == model for _, m in losses)]
    names = [name for name in RECIPES if any(n == name for n, _ in losses)]
    lines = []
    for name in names:
        cells = [
            f"{losses[name, m]:.4g} ({seconds[name, m]:.2g})" if (name, m) in losses else "–"
            for m in models
        ]
        lines.append((name, *cells))
    print(table(("test loss (CPU s)", *models), lines), end="\n\n")
    # Ranks are among those measured on most sets, over the sets that all of these share.
    whole = [m for m in models if sum((n, m) in losses for n in names) >= MOST * len(names)]
    names = [n for n in names if all((n, m) in losses for m in whole)]
    places = ranks(losses, names, whole)
    of = {m: [losses[n, m] / losses[n, "shoal"] for n in names] for m in whole}
    cost = {m: [seconds[n, m] / seconds[n, "shoal"] for n in names] for m in whole}
    lines = [
        (
            m, f"{places[:, i].mean():.2f}", str((places[:, i] == 1).sum()),
            f"{geometric(of[m]):.3f}", f"{min(of[m]):.3f}", f"{geometric(cost[m]):.2f}",
        )
        for i, m in enumerate(whole)
    ]  # fmt: skip
    head = (
        f"{len(names)} sets",
        "mean rank",
        "first",
        "loss, shoal = 1",
        "least",
        "CPU, shoal = 1",
    )
    print(table(head, lines))
    for m in [m for m in models if m not in whole]:
        both = [n for n in RECIPES if (n, m) in losses and (n, "shoal") in losses]
        ratio = geometric([losses[n, m] / losses[n, "shoal"] for n in both])
        cpu = geometric([seconds[n, m] / seconds[n, "shoal"] for n in both])
        ahead = sum(losses[n, "shoal"] < losses[n, m] for n in both)
        print(
            f"{m}: on {len(both)} sets, loss {ratio:.3f} × and CPU {cpu:.3g} × shoal's; shoal is "
            f"ahead on {ahead}"
        )


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is asked for, and show everything; returns the exit code."""
    summary, _, example = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measure", nargs="+", default=[], choices=CONTENDERS, metavar="MODEL")
    parser.add_argument("--set", nargs="+", default=list(RECIPES), choices=RECIPES, metavar="SET")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many of the three")
    parser.add_argument("--missing", action="store_true", help="only what nothing is kept of")
    parser.add_argument("--paired", choices=CONTENDERS, metavar="MODEL", help="fits anew")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args(words)
    if asked.one:
        contender, name, seed = asked.one
        print(json.dumps(fitted(contender, name, int(seed))))
        return 0
    if asked.paired:
        paired(asked.paired, asked.set)
        return 0
    measure(asked.measure, asked.set, SEEDS[: asked.seeds], missing=asked.missing)
    show(kept())
    return 0


if __name__ == "__main__":
    sys.exit(main())

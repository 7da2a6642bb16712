"""What `effort` brings: shoal with more effort beside its default, and beside a tuned LightGBM.

Examples:
  python benchmarks/effort.py                                   what has been measured, as tables
  python benchmarks/effort.py --measure "effort 1" "effort 3"   these fits, those that are not there yet
  python benchmarks/effort.py --measure "LightGBM, tuned" --set Boston german --seeds 1

The protocol, committed before the first run. The portfolio of `effort` was learnt on LEARNT alone: every
second small table of benchmarks/small_defaults.py (its half "choose"), and parts of the training parts of
five tables of benchmarks/real.py. The tables reported are others: its half "confirm", of each seed
another quarter held out (random_state 500 + seed), and of six more tables of benchmarks/real.py the test
part as it is there, with at most 5,000 training rows drawn by the seed, and at most 5,000 test rows (the
first ones). The loss is log-loss or the root of the mean square.

LightGBM, tuned: 25 random draws of the eight parameters of RANGES, seeded by the seed, or as many as 150
CPU seconds allow; each is fitted in four folds (stratified by class), at most 2,000 trees, stopped after
50 without progress; the draw with the lowest mean loss is fitted again to all rows, with the mean number
of trees of its folds. Words are categories. RealMLP (D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by
default", NeurIPS 2024) has its tuned defaults, from the package pytabkit, and one fit; for missing numbers it is
given the median of the training part. Each fit has one thread; seconds are of the processor, the search included. Figures are kept in benchmarks/effort.json, so that a run can be continued.

A ratio is of mean losses over the seeds that both have, log-losses below 0.01 counting as that, clipped
to [0.67, 1.5]; means over tables are geometric. The error of a table is the paired one over its test
rows: the standard error of the mean difference of the rows' losses (of the first seed; of at most 1,000 rows, evenly
spread), as a share.
"""

import argparse
import fcntl
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

if not __package__:  # called by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from threadpoolctl import threadpool_limits

from benchmarks.practice import geometric, linear
from benchmarks.real import Real, real
from benchmarks.small import LEAST
from benchmarks.small_defaults import CLIP, HALVES, small
from benchmarks.tables import table
from shoal import ShoalClassifier, ShoalRegressor

KEPT = Path(__file__).with_suffix(".json")
LEARNT = (*HALVES["choose"], "spambase", "satimage", "credit_default", "magic", "bikes")
LARGER = ("phoneme", "adult", "letter", "wage", "diamonds", "flights")
TABLES = (*HALVES["confirm"], *LARGER)
ROWS, FIRST_SPLIT = 5_000, 500
SEEDS = (0, 1, 2)
JUDGED = 1_000  # test rows of which each loss is kept

# LightGBM: the smallest and the largest value, and whether draws are even in the logarithm.
RANGES: dict[str, tuple[float, float, bool]] = {
    "num_leaves": (4, 256, True),
    "learning_rate": (0.01, 0.3, True),
    "min_child_samples": (2, 100, True),
    "feature_fraction": (0.4, 1.0, False),
    "bagging_fraction": (0.5, 1.0, False),
    "lambda_l1": (1e-8, 10.0, True),
    "lambda_l2": (1e-8, 10.0, True),
    "max_bin": (31, 511, True),
}
WHOLE = ("num_leaves", "min_child_samples", "max_bin")
DRAWS, FOLDS, SECONDS, TREES, PATIENCE = 25, 4, 150.0, 2_000, 50
Run = dict[str, Any]
Predict = Callable[[pd.DataFrame], Any]


# --- splits ---------------------------------------------------------------------------


def split(name: str, seed: int) -> Real:
    """A table that is reported, with the test part of the seed."""
    if name in LARGER:
        data = real(name)
        rows = np.random.default_rng(seed).permutation(len(data.X))[:ROWS]
        return data._replace(
            X=data.X.iloc[rows],
            y=data.y[rows],
            X_test=data.X_test[:ROWS],
            y_test=data.y_test[:ROWS],
        )
    data = small(name)
    a, b, c, d = train_test_split(
        data.X, data.y, test_size=0.25, random_state=FIRST_SPLIT + seed,
        stratify=None if data.numbers else data.y,
    )  # fmt: skip
    return data._replace(X=a, y=c, X_test=b, y_test=d)


# --- contenders: each gives what predicts numbers, or the probabilities of the sorted classes -----


def with_effort(effort: int) -> Callable[[Real, int], Predict]:
    """The estimator with this effort, on one thread."""

    def fit(data: Real, seed: int) -> Predict:
        kind = ShoalRegressor if data.numbers else ShoalClassifier
        model = kind(random_state=seed, n_jobs=1, effort=effort).fit(data.X, data.y)
        return model.predict if data.numbers else model.predict_proba

    return fit


def linear_model(data: Real, seed: int) -> Predict:
    """Ridge or logistic regression."""
    model = linear(data.numbers, seed).fit(data.X, data.y)
    found: Predict = model.predict if data.numbers else model.predict_proba
    return found


def tuned(data: Real, seed: int) -> Predict:
    """LightGBM with the best of some draws of its parameters."""
    import lightgbm

    kind = lightgbm.LGBMRegressor if data.numbers else lightgbm.LGBMClassifier
    y = data.y if data.numbers else np.unique(data.y, return_inverse=True)[1]
    X, began, best = categories(data.X, data.X), time.process_time(), (float("inf"), {}, 0)
    folds = list(
        (KFold if data.numbers else StratifiedKFold)(FOLDS, shuffle=True, random_state=seed).split(
            X, y
        )
    )
    for parameters in drawn(seed):
        losses, trees = [], []
        for part, held in folds:
            model = kind(**parameters, n_estimators=TREES, random_state=seed, n_jobs=1, verbose=-1)
            model.fit(
                X.iloc[part], y[part],
                eval_set=[(X.iloc[held], y[held])],
                callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
            )  # fmt: skip
            losses.append(next(iter(model.best_score_["valid_0"].values())))
            trees.append(model.best_iteration_)
        if np.mean(losses) < best[0]:
            best = float(np.mean(losses)), parameters, round(float(np.mean(trees)))
        if time.process_time() - began > SECONDS:
            break
    model = kind(**best[1], n_estimators=max(best[2], 1), random_state=seed, n_jobs=1, verbose=-1)
    model.fit(X, y)
    answer = model.predict if data.numbers else model.predict_proba
    return lambda rows: answer(categories(rows, data.X))


def real_mlp(data: Real, seed: int) -> Predict:
    """RealMLP with its tuned defaults; for log-loss as its documentation wants it, without smoothed labels."""
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    judged = {} if data.numbers else {"val_metric_name": "cross_entropy", "use_ls": False}
    kind = RealMLP_TD_Regressor if data.numbers else RealMLP_TD_Classifier
    model = kind(device="cpu", random_state=seed, n_threads=1, **judged)
    y = data.y if data.numbers else np.unique(data.y, return_inverse=True)[1]
    X = categories(data.X, data.X)
    middle = X.median(numeric_only=True)  # it takes no missing numbers
    model.fit(X.fillna(middle), y)
    answer = model.predict if data.numbers else model.predict_proba
    return lambda rows: np.asarray(answer(categories(rows, data.X).fillna(middle)))


def drawn(seed: int) -> Iterator[dict[str, Any]]:
    """Random draws of LightGBM's parameters."""
    rng = np.random.default_rng(seed)
    for _ in range(DRAWS):
        found: dict[str, Any] = {"bagging_freq": 1}
        for name, (low, high, logarithmic) in RANGES.items():
            value = (
                float(np.exp(rng.uniform(np.log(low), np.log(high))))
                if logarithmic
                else float(rng.uniform(low, high))
            )
            found[name] = round(value) if name in WHOLE else value
        yield found


def categories(X: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Words as the categories of the training part; names that LightGBM takes."""
    out = {}
    for j, name in enumerate(X.columns):
        column = X[name]
        if not pd.api.types.is_numeric_dtype(column):
            words = sorted(known[name].dropna().astype(str).unique())
            column = pd.Categorical(
                column.astype(object).where(column.notna()).map(str, na_action="ignore"), words
            )
        out[f"x{j}"] = column
    return pd.DataFrame(out, index=X.index)


CONTENDERS: dict[str, Callable[[Real, int], Predict]] = {
    "effort 1": with_effort(1),
    "effort 3": with_effort(3),
    "effort 5": with_effort(5),
    "LightGBM, tuned": tuned,
    "RealMLP, tuned defaults": real_mlp,
    "linear": linear_model,
}


# --- measuring ------------------------------------------------------------------------


def losses_of(data: Real, found: Any) -> Any:
    """The loss of each test row: squared errors, or minus the logarithm of the class's probability."""
    if data.numbers:
        return (np.asarray(found, float) - data.y_test) ** 2
    place = np.searchsorted(np.unique(data.y), data.y_test)
    p = np.asarray(found, float)[np.arange(len(place)), place]
    return -np.log(np.clip(p, np.finfo(float).eps, 1))


def measured(contender: str, name: str, seed: int) -> Run:
    """One fit and its losses."""
    data = split(name, seed)
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        began = time.process_time()
        predict = CONTENDERS[contender](data, seed)
        seconds = time.process_time() - began
        each = losses_of(data, predict(data.X_test))
    loss = float(each.mean()) ** (0.5 if data.numbers else 1)
    return {
        "contender": contender, "table": name, "seed": seed, "loss": loss, "seconds": round(seconds, 3),
        "rows": len(data.X), "numbers": data.numbers,
        "each": [float(f"{v:.4g}") for v in each[:: -(-len(each) // JUDGED)]] if seed == SEEDS[0] else None,
    }  # fmt: skip


def kept() -> list[Run]:
    """What has been measured."""
    return json.loads(KEPT.read_text()) if KEPT.exists() else []


def measure(contenders: Sequence[str], names: Sequence[str], seeds: Sequence[int]) -> None:
    """What is not there yet: all tables of a seed, then those of the next."""
    for seed in seeds:
        for name in names:
            for contender in contenders:
                key = contender, name, seed
                if any((r["contender"], r["table"], r["seed"]) == key for r in kept()):
                    continue
                run = measured(*key)
                print(
                    *key,
                    f"{run['loss']:.4g}",
                    f"{run['seconds']:.1f} s",
                    file=sys.stderr,
                    flush=True,
                )
                _keep(run)


def _keep(run: Run) -> None:
    """Add it; several processes may do so."""
    partial = KEPT.with_suffix(".tmp")
    with KEPT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        partial.write_text("[\n" + ",\n".join(json.dumps(r) for r in [*kept(), run]) + "\n]\n")
        partial.replace(KEPT)


# --- showing --------------------------------------------------------------------------


def show(against: str) -> None:
    """The losses, and what they say of each contender beside another."""
    runs = {(r["contender"], r["table"], r["seed"]): r for r in kept()}
    there = [c for c in CONTENDERS if any(key[0] == c for key in runs)]
    rows = []
    for name in TABLES:
        cells = []
        for c in there:
            own = [runs[c, name, s] for s in SEEDS if (c, name, s) in runs]
            mean = np.mean([r["loss"] for r in own]) if own else float("nan")
            seconds = np.mean([r["seconds"] for r in own]) if own else float("nan")
            cells.append(f"{mean:.4g} ({seconds:.1f})" if own else "")
        if any(cells):
            rows.append((name, *cells))
    print(table(("mean loss (CPU s)", *there), rows), end="\n\n")
    rows = [row for c in there if c != against and (row := _beside(runs, c, against))]
    head = ("", "tables", f"loss, {against} = 1", "ahead", "by its error", "behind", "worst", "CPU")
    print(table(head, rows))


def _beside(runs: dict[Any, Run], c: str, against: str) -> tuple[str, ...] | None:
    ratios, cpu, ahead, behind = [], [], 0, 0
    for name in TABLES:
        seeds = [s for s in SEEDS if (c, name, s) in runs and (against, name, s) in runs]
        if not seeds:
            continue
        ours, theirs = ([runs[who, name, s] for s in seeds] for who in (c, against))
        least = 0.0 if ours[0]["numbers"] else LEAST
        a, b = (max(float(np.mean([r["loss"] for r in part])), least) for part in (ours, theirs))
        ratios.append(min(max(a / b, CLIP[0]), CLIP[1]))
        cpu.append(sum(r["seconds"] for r in ours) / sum(r["seconds"] for r in theirs))
        if ours[0]["each"] is not None:
            apart = np.array(ours[0]["each"]) - np.array(theirs[0]["each"])
            error = float(apart.std(ddof=1)) / len(apart) ** 0.5
            ahead += bool(apart.mean() < -error)
            behind += bool(apart.mean() > error)
    if not ratios:
        return None
    return (
        c, str(len(ratios)), f"{geometric(ratios):.3f}", str(sum(r < 1 for r in ratios)), str(ahead),
        str(behind), f"{max(ratios):.3f}", f"{geometric(cpu):.2f}",
    )  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """Measure, or show; returns the exit code."""
    summary, _, example = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measure", nargs="+", choices=CONTENDERS, metavar="CONTENDER")
    parser.add_argument("--set", nargs="+", default=list(TABLES), choices=TABLES, metavar="SET")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many of the three (3)")
    parser.add_argument(
        "--against", default="LightGBM, tuned", choices=CONTENDERS, metavar="CONTENDER"
    )
    asked = parser.parse_args(words)
    if asked.measure:
        measure(asked.measure, asked.set, SEEDS[: asked.seeds])
    else:
        show(asked.against)
    return 0


if __name__ == "__main__":
    sys.exit(main())

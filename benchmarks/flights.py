"""Real data: shoal beside scikit-learn's models on a table of words, numbers and holes.

Examples:
  python benchmarks/flights.py TABLE.parquet --target late
  python benchmarks/flights.py TABLE.parquet --target __target__ --split __split__

Shows log-loss, AUC and accuracy on the test part, and what the fit cost. The test part is
where the column --split says "test"; without such a column, a stratified quarter.
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
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.tables import machine, machine_text, table
from shoal import ShoalClassifier
from shoal.data.read.files import read_table

SEED = 0


def read(path: Path) -> pd.DataFrame:
    """A Parquet or CSV file, times as times."""
    return read_table(str(path)).to_pandas()


def without_times(X: pd.DataFrame) -> pd.DataFrame:
    """Times as words, as the peers' encoder wants them."""
    return X.astype({name: str for name in X if X[name].dtype.kind == "M"})


def parts(frame: pd.DataFrame, target: str, split: str) -> list[Any]:
    """X of train and test, then y of train and test."""
    y = frame[target].astype(str).to_numpy()
    X = frame.drop(columns=[target, split], errors="ignore")
    if split in frame:
        test = (frame[split] == "test").to_numpy()
        return [X[~test], X[test], y[~test], y[test]]
    return train_test_split(X, y, test_size=0.25, stratify=y, random_state=SEED)


def prepared() -> Any:
    """Holes filled, numbers scaled, words as one column each."""
    numbers = make_column_selector(dtype_include="number")
    words = make_column_selector(dtype_exclude="number")
    return make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (
            make_pipeline(
                SimpleImputer(strategy="constant", fill_value="(missing)"),
                OneHotEncoder(handle_unknown="ignore"),
            ),
            words,
        ),
    )


def models() -> dict[str, BaseEstimator]:
    """The contenders, each with its defaults."""
    perceptron = MLPClassifier(early_stopping=True, random_state=SEED)
    return {
        "ShoalClassifier": ShoalClassifier(random_state=SEED),
        "LogisticRegression": make_pipeline(prepared(), LogisticRegression(max_iter=1000)),
        "MLPClassifier, early stopping": make_pipeline(prepared(), perceptron),
    }


def figures(model: BaseEstimator, X: Any, X_test: Any, y: Any, y_test: Any) -> dict[str, float]:
    """Fit, then judge by the test part."""
    if not isinstance(model, ShoalClassifier):
        X, X_test = without_times(X), without_times(X_test)
    wall, cpu = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    began = time.perf_counter()
    answers = model.predict_proba(X_test).astype(np.float64)
    answers /= answers.sum(axis=1, keepdims=True)  # float32 sums are not 1 to the last bit
    return {
        "log_loss": log_loss(y_test, answers, labels=model.classes_),
        "auc": roc_auc_score(
            y_test, answers[:, 1] if answers.shape[1] == 2 else answers, multi_class="ovr"
        ),
        "accuracy": accuracy_score(y_test, model.classes_[answers.argmax(axis=1)]),
        "fit_wall_seconds": wall,
        "fit_cpu_seconds": cpu,
        "predict_seconds": time.perf_counter() - began,
    }


def main(words: Sequence[str] | None = None) -> int:
    """Read, fit, show; returns the exit code."""
    summary, _, example = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path, help="a Parquet or CSV file")
    parser.add_argument("--target", required=True, help="the column that is to be foretold")
    parser.add_argument("--split", default="__split__", help="the column with train and test")
    parser.add_argument("--drop", nargs="+", default=[], help="columns that give the answer away")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    asked = parser.parse_args(words)
    frame = read(asked.table)
    missing = [name for name in [asked.target, *asked.drop] if name not in frame]
    if missing:
        parser.error(f"no column {', '.join(missing)}; there are {', '.join(frame.columns)}")
    X, X_test, y, y_test = parts(frame.drop(columns=asked.drop), asked.target, asked.split)
    print(machine_text(machine()))
    print(f"\n{len(X):,} rows to learn from, {len(X_test):,} to judge by, {X.shape[1]} columns\n")
    found = {name: figures(model, X, X_test, y, y_test) for name, model in models().items()}
    rows = [
        (
            name,
            f"{f['log_loss']:.4f}",
            f"{f['auc']:.4f}",
            f"{f['accuracy']:.4f}",
            f"{f['fit_wall_seconds']:.2f}",
            f"{f['fit_cpu_seconds']:.2f}",
        )
        for name, f in found.items()
    ]
    print(table(("test part", "log-loss", "AUC", "accuracy", "fit, s", "CPU s"), rows))
    if asked.json:
        asked.json.write_text(json.dumps({"machine": machine(), "models": found}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The same data and settings give the bits that they always gave: some fits, pinned.

A pin is recorded again only in a commit that means to change that number, and says why:

    python tests/pins/test_pins.py               records all of them
    python tests/pins/test_pins.py NAME …        those of these names

The numbers hold on every processor that the kernel is built for. The plain equations promise no
bits, so that they are not asked.
"""

import functools
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import scipy.sparse
from pinned import (
    features,
    many_classes,
    numbers,
    numbers_to_learn,
    pin_of,
    pins_of,
    record,
    score,
    several_labels,
    table,
    two_classes,
    wanted,
    whole,
)
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from shoal import Network, ShoalClassifier, ShoalRegressor
from shoal.compute.builds import BUILD
from shoal.compute.stream import Streamed

pytestmark = [
    pytest.mark.skipif(BUILD == "plain", reason="the plain equations promise no bits"),
    # Of trainings that are too short to be healthy.
    pytest.mark.filterwarnings("ignore::shoal.ShoalWarning"),
]

QUICK = {"hidden": 5, "max_iter": 8, "members": 2, "random_state": 11}
TINY = {"hidden": 1, "max_iter": 1, "random_state": 11}


class Fit(NamedTuple):
    """A fit, and the rows that its answers are asked of."""

    kind: type
    settings: dict[str, Any]
    X: Any
    y: Any
    others: Mapping[str, Any] = MappingProxyType({})

    def pin(self):
        model = self.kind(**self.settings).fit(self.X, self.y, **self.others)
        return pin_of(model, self.X[:60])


def later(make):
    """What makes a Fit, so that it only promises to: it is made, fitted and pinned when called."""

    @functools.wraps(make)
    def promise(*args, **settings):
        return lambda: make(*args, **settings).pin()

    return promise


@later
def binary(m=300, columns=5, others=None, **settings):
    X = numbers(m, columns)
    return Fit(ShoalClassifier, QUICK | settings, X, two_classes(X), others or {})


@later
def regression(m=300, columns=5, others=None, **settings):
    X = numbers(m, columns)
    return Fit(ShoalRegressor, QUICK | settings, X, numbers_to_learn(X), others or {})


@later
def tiny(m, columns=2, **settings):
    X = numbers(m, columns)
    return Fit(ShoalClassifier, TINY | {"encode": None} | settings, X, two_classes(X))


@later
def nearly_all_dropped(columns):
    """So many columns that each costs time; those that are left out count as well."""
    names = [f"x{i}" for i in range(2, columns)]
    settings = TINY | {"members": 1, "drop": names}
    X = numbers(60, columns)
    return Fit(ShoalClassifier, settings, X, two_classes(X))


@later
def real(load, kind=ShoalClassifier, rows=slice(None), **settings):
    # (load_diabetes scales by sums of NumPy, unless it is asked not to.)
    more = {"scaled": False} if load is load_diabetes else {}
    X, y = load(return_X_y=True, **more)
    return Fit(kind, QUICK | settings, X[rows], y[rows])


def shares(m=300):
    """Weights of rows: some are 0."""
    return whole(m, 5, 30) / 4


@later
def two_targets(**settings):
    X = numbers(300, 5)
    y = np.stack([1000 * numbers_to_learn(X), 1e-3 * score(X, 51)], axis=1)
    return Fit(ShoalRegressor, QUICK | settings, X, y)


@later
def of_table(target, others=None, **settings):
    rows = table()
    kind = ShoalClassifier if target == "late" else ShoalRegressor
    return Fit(kind, QUICK | settings, features(rows), rows[target], others or {})


@later
def outputs(n, **settings):
    X = numbers(120, 3)
    return Fit(
        ShoalClassifier, TINY | {"hidden": "auto", "members": 1} | settings, X, many_classes(X, n)
    )


@later
def labels(n, m=120, **settings):
    X = numbers(m, 3)
    settings = TINY | {"hidden": "auto", "members": 1} | settings
    return Fit(ShoalClassifier, settings, X, several_labels(X, n))


@later
def sparse(**settings):
    X = numbers(300, 12)
    X = np.where(X > 0.9, np.round(X, 2), 0.0)
    y = (X[:, 0] + X[:, 1] > X[:, 2]).astype(np.int64)
    return Fit(ShoalClassifier, QUICK | settings, scipy.sparse.csr_array(X), y)


@later
def with_validation():
    X = numbers(380, 5)
    y = two_classes(X)
    others = {"X_val": X[300:], "y_val": y[300:], "sample_weight_val": 1 + shares(80)}
    return Fit(
        ShoalClassifier, QUICK | {"max_iter": 40, "learning_rate": 0.1}, X[:300], y[:300], others
    )


@later
def given_networks():
    networks = [Network.initialise(n_x=5, n_h=5, n_y=1, seed=i, scale=0.4) for i in range(2)]
    X = numbers(300, 5)
    return Fit(ShoalClassifier, QUICK | {"init": networks, "encode": None}, X, two_classes(X))


def warm_start():
    X = numbers(300, 5)
    y = two_classes(X)
    model = ShoalClassifier(**QUICK, warm_start=True).fit(X, y)
    first = model.fingerprint_
    return {"first": first, **pin_of(model.fit(X, y), X[:60])}


def partial_fit():
    X = numbers(600, 5)
    y = many_classes(X, 3)
    model = ShoalClassifier(**QUICK | {"schedule": "cosine"})
    for at in (0, 200, 400):
        part = slice(at, at + 200)
        model = model.partial_fit(
            X[part], y[part], classes=[0, 1, 2], sample_weight=1 + shares(200)
        )
    return pin_of(model, X[:60])


def partial_fit_of_numbers():
    X = numbers(400, 5)
    y = numbers_to_learn(X)
    model = ShoalRegressor(**QUICK | {"solver": "sgd"})
    for at in (0, 200):
        model = model.partial_fit(X[at : at + 200], y[at : at + 200])
    return pin_of(model, X[:60])


def the_lecture():
    X = numbers(200, 2)
    return pin_of(ShoalClassifier.classic(max_iter=200).fit(X, two_classes(X)), X[:60])


@functools.cache
def wide_table():
    """A table that a scratch file of 20 MiB holds: so much that a small memory= does not."""
    m, columns = 12_000, 100
    X = whole(m * columns, 1000, 40).reshape(m, columns) / 8
    table = pa.table([pa.array(c) for c in X.T], [f"x{i}" for i in range(columns)])
    number = X[:, 0] - X[:, 1] + X[:, 2] / 4
    classes = np.array(["low", "middle", "high"], object)[np.digitize(number, [-30, 40])]
    return table.append_column("class", pa.array(classes)).append_column("number", pa.array(number))


def streamed(target, name, *, in_memory, **settings):
    """A fit of a file that does not fit into memory=, or does."""
    other = {"class": "number", "number": "class"}[target]
    rows = wide_table().drop_columns([other])
    kind = ShoalClassifier if target == "class" else ShoalRegressor
    settings = TINY | {"hidden": 2, "max_iter": 2, "members": 1, "dtype": "float64"} | settings
    settings |= {"memory": "1GiB" if in_memory else "519MiB"}
    calls, windows = [], Streamed.windows

    def counting(self, wanted):
        calls.append(len(wanted))
        return windows(self, wanted)

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / name
        write = pa.csv.write_csv if name.endswith(".csv") else pa.parquet.write_table
        write(rows, path)
        patch.setattr(Streamed, "windows", counting)
        model = kind(**settings, scratch=folder).fit(str(path), target)
    # All rows are read once to be held, or once an epoch and more.
    assert (sum(calls) <= 2) == in_memory, calls
    return pin_of(model, rows.drop_columns([target])[:60])


FITS = {
    # --- solvers, precisions, outputs ---
    "adam": binary(),
    "adam float64": binary(dtype="float64"),
    "sgd": binary(solver="sgd", batch_size=40),
    "sgd float64": binary(solver="sgd", momentum=0.5, learning_rate=0.1, dtype="float64"),
    "gd": binary(solver="gd", max_iter=30),
    "gd float64 without validation": binary(solver="gd", early_stopping=False, dtype="float64"),
    "lbfgs": binary(solver="lbfgs"),
    "lbfgs of numbers without validation": regression(solver="lbfgs", early_stopping=False),
    "lbfgs float64": regression(solver="lbfgs", dtype="float64", alpha=0.1),
    "lm": binary(solver="lm", hidden=4),
    "lm of three classes": real(load_iris, solver="lm"),
    "lm by the evidence": regression(solver="lm", alpha="evidence", hidden=3, max_iter=30),
    "linear by the evidence": regression(hidden=0, alpha="evidence", dtype="float64"),
    "softmax": real(load_iris),
    "softmax float64": real(load_wine, dtype="float64"),
    "several labels": labels(3, 300, **QUICK),
    "one target": real(load_diabetes, ShoalRegressor),
    "one target by sgd": regression(solver="sgd"),
    "one target by gd": regression(solver="gd", max_iter=20),
    "two targets": two_targets(),
    "two targets float64": two_targets(dtype="float64", encode=None),
    "real columns": real(load_breast_cancer),
    # --- the network ---
    "no hidden layer": binary(hidden=0),
    "no hidden layer, many classes": real(load_wine, hidden=0, dtype="float64"),
    "no hidden layer, drawn": binary(hidden=0, init=0.1, solver="lbfgs"),
    "relu": binary(activation="relu"),
    "leaky relu": binary(activation="leaky_relu"),
    "sigmoid": binary(activation="sigmoid"),
    "identity": binary(activation="identity"),
    "begun as in the lecture": binary(init="lecture"),
    "begun by Glorot": binary(init="glorot"),
    "begun by He": binary(init="he"),
    "begun with zeros": binary(init="zeros"),
    "begun with a deviation": binary(init=0.3),
    "given networks": given_networks(),
    "a seed beyond 32 bits": binary(random_state=(1 << 40) + 5),
    # --- how it is trained ---
    "dropout": binary(dropout=0.3),
    "weight decay": binary(weight_decay=2.0, alpha=0.0),
    "several plateaus": binary(n_iter_no_change=2, tol=0.01, max_iter=60, learning_rate=0.05),
    "a constant rate": binary(schedule="constant", n_iter_no_change=2, tol=0.01, max_iter=60),
    "a cosine": binary(schedule="cosine"),
    "a cosine of sgd": binary(schedule="cosine", solver="sgd"),
    "a cosine of gd": binary(schedule="cosine", solver="gd", max_iter=20),
    "windows": binary(shuffle_rows=90),
    "windows with dropout and a cosine": binary(
        shuffle_rows=90, dropout=0.2, schedule="cosine", weight_decay=0.1, class_weight="balanced"
    ),
    "windows that share a chunk": binary(900, shuffle_rows=300, batch_size=32, max_iter=3),
    "replicas": binary(1300, replicas=2, early_stopping=False, max_iter=3),
    "replicas that meet often": binary(
        1400, replicas=2, local_steps=3, schedule="cosine", dropout=0.2, max_iter=3
    ),
    "early stopping off": binary(early_stopping=False),
    "early stopping by a larger part": binary(validation_fraction=0.4),
    "early stopping by accuracy": binary(scoring="accuracy"),
    "validation rows given": with_validation(),
    "diverged": regression(solver="sgd", learning_rate=1e6, members=1),
    "the lecture": the_lecture,
    "warm start": warm_start,
    "partial fit": partial_fit,
    "partial fit of numbers": partial_fit_of_numbers,
    # --- weights ---
    "weights": binary(others={"sample_weight": shares()}),
    "weights of numbers": regression(others={"sample_weight": shares()}),
    "weights of balanced classes": real(load_iris, rows=slice(0, 130), class_weight="balanced"),
    "weights of named classes": binary(
        class_weight={0: 0.5, 1: 3.0}, others={"sample_weight": shares()}
    ),
    # --- columns ---
    "words, dates and missing values": of_table("late"),
    "words, dates and missing values float64": of_table("delay", dtype="float64"),
    "columns as asked": of_table("late", words=["count", "rare"], numbers=["flag"], drop=["time"]),
    "weighted words and dates": of_table(
        "late", others={"sample_weight": shares(400)}, class_weight="balanced", members=1
    ),
    "no bins": binary(bins=0),
    "five bins": binary(bins=5),
    "values that repeat in bins": real(load_digits, rows=slice(0, 200), max_iter=3),
    "columns as they are": binary(encode=None),
    "columns as they are float64": binary(encode=None, dtype="float64"),
    "sparse": sparse(),
    "sparse float64 by lbfgs": sparse(dtype="float64", solver="lbfgs", hidden=0),
    # --- what "auto" means, on both sides of each boundary ---
    "1,999 rows": tiny(1999),
    "2,000 rows": tiny(2000),
    "19,999 rows": tiny(19_999),
    "20,000 rows": tiny(20_000),
    "99,999 rows": tiny(99_999, 1),
    "100,000 rows": tiny(100_000, 1),
    "49 rows": tiny(49, members=2),
    "50 rows": tiny(50, members=2),
    "bins of 999 rows": tiny(999, members=1, encode="auto"),
    "bins of 1,000 rows": tiny(1000, members=1, encode="auto"),
    "bins of 16 columns": tiny(1000, 16, members=1, encode="auto"),
    "bins of 17 columns": tiny(1000, 17, members=1, encode="auto"),
    "bins of 129 columns": tiny(60, 129, members=1, encode="auto"),
    "bins of 1,024 columns": nearly_all_dropped(1024),
    "bins of 1,025 columns": nearly_all_dropped(1025),
    "batches of 3,199 rows": tiny(3199, members=1, early_stopping=False),
    "batches of 3,200 rows": tiny(3200, members=1, early_stopping=False),
    "batches of 6,399 rows": tiny(6399, members=1, early_stopping=False),
    "batches of 6,400 rows": tiny(6400, members=1, early_stopping=False),
    "batches of 12,799 rows": tiny(12_799, members=1, early_stopping=False),
    "batches of 12,800 rows": tiny(12_800, members=1, early_stopping=False),
    "units for 8 classes": outputs(8),
    "units for 9 classes": outputs(9),
    "units for 8 labels": labels(8),
    "units for 9 labels": labels(9),
    # --- files: in memory or not, they have the same pin ---
    "CSV, streamed": lambda: streamed("class", "rows.csv", in_memory=False, shuffle_rows=700),
    "Parquet, in memory": lambda: streamed(
        "class", "rows.parquet", in_memory=True, shuffle_rows=700
    ),
    "numbers, streamed": lambda: streamed("number", "rows.csv", in_memory=False, solver="gd"),
    "balanced classes, streamed": lambda: streamed(
        "class", "rows.parquet", in_memory=False, class_weight="balanced", solver="lbfgs"
    ),
}


@pytest.mark.parametrize("name", FITS)
def test_a_fit_has_the_bits_that_it_always_had(name):
    assert FITS[name]() == pins_of("fits")[name]


def test_there_is_a_pin_for_each_fit_and_no_other():
    assert list(pins_of("fits")) == sorted(FITS)


def test_files_of_any_form_in_memory_or_not_have_one_fit():
    assert pins_of("fits")["CSV, streamed"] == pins_of("fits")["Parquet, in memory"]


def test_the_automatic_rules_are_pinned_on_both_sides():
    pins = pins_of("fits")
    for a, b, what in (
        ("1,999 rows", "2,000 rows", "members"),
        ("19,999 rows", "20,000 rows", "members"),
        ("99,999 rows", "100,000 rows", "members"),
        ("bins of 999 rows", "bins of 1,000 rows", "shape"),
        ("units for 8 classes", "units for 9 classes", "shape"),
    ):
        assert pins[a][what] != pins[b][what]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    record("fits", {name: FITS[name]() for name in wanted(FITS)})

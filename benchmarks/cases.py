"""The cases: which network, on which data, against whom, and what ratio is wanted.

    m rows, n_x features, n_h hidden units, n_y outputs; X (m, n_x), y (m,) as in scikit-learn.

All contenders of a case get the same numbers and the same first parameters, and run for the
same number of epochs. Data are made up, from fixed seeds: the time of a step does not depend
on what it learns.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SEED = 0
Numbers = NDArray[np.floating]


class Start(NamedTuple):
    """The parameters everybody begins with, in the lecture's shapes."""

    W1: Numbers  # (n_h, n_x)
    b1: Numbers  # (n_h, 1)
    W2: Numbers  # (n_y, n_h)
    b2: Numbers  # (n_y, 1)


class Data(NamedTuple):
    """What a network is trained on, with where it starts."""

    X: Numbers
    y: NDArray[np.int64]
    start: Start


@dataclass(frozen=True)
class Contender:
    """One program in a case: `maker` names a function (case, data) -> Job, as module:function.

    `wanted` is the ratio of its time to shoal's that is to be reached at least; None makes it
    a row for information.
    """

    label: str
    maker: str
    wanted: float | None = None
    dtype: str = "float32"


@dataclass(frozen=True)
class Case:
    """A network, its data, how it is trained, and the contenders; the first one is shoal."""

    letter: str
    title: str
    data: str  # name of a function in this module
    m: int
    n_x: int
    n_h: int
    n_y: int
    contenders: tuple[Contender, ...]
    activation: str = "tanh"
    solver: str = "gd"
    learning_rate: float = 0.5
    momentum: float = 0.0
    batch: int = 0  # rows of a step; 0 means all
    epochs: int = 1
    threads: int = 1
    dtype: str = "float32"
    limit: float | None = None  # a step takes at most this many times its bare products
    unit: str = "step"  # what `units` counts

    @property
    def batches(self) -> int:
        """Steps of one epoch; the last may be a smaller one."""
        return math.ceil(self.m / self.batch) if self.batch else 1

    @property
    def units(self) -> int:
        """Steps (or calls, or networks) in the work that is timed."""
        return self.epochs * self.batches if self.unit == "step" else self.epochs

    def quick(self) -> "Case":
        """The same with a tenth of the epochs, for a first look."""
        return replace(self, epochs=max(1, self.epochs // 10))

    def against(self, labels: Collection[str]) -> "Case":
        """The same, with some of the contenders only."""
        others = tuple(c for c in self.contenders[1:] if c.label in labels)
        return replace(self, contenders=(self.contenders[0], *others))

    def with_dtype(self, dtype: str) -> "Case":
        """The same in another precision."""
        return replace(self, dtype=dtype)


# --- data ----------------------------------------------------------------------------


def teacher(case: Case) -> tuple[Numbers, NDArray[np.int64]]:
    """Normal features; a class drawn with the probability that a random tanh network gives."""
    rng = np.random.default_rng(SEED)
    W1 = rng.standard_normal((case.n_x, 8), dtype=np.float32) * np.float32(2 / math.sqrt(case.n_x))
    W2 = rng.standard_normal(8, dtype=np.float32)
    X = rng.standard_normal((case.m, case.n_x), dtype=np.float32)
    Z = np.tanh(X @ W1) @ W2
    y = rng.random(case.m) < 1 / (1 + np.exp(-2.0 * Z))
    return X, y.astype(np.int64)


def frame(case: Case) -> tuple[Any, NDArray[np.int64]]:
    """The same rows as a frame of pandas, of which the last two columns are texts."""
    import pandas as pd

    X, y = teacher(case)
    table = pd.DataFrame(X.astype(np.float64)).rename(columns=str)
    names = list(table)
    for name, words in zip(names[-2:], (5, 20), strict=True):
        place = (words * (np.tanh(table[name]) + 1) / 2).astype(int).clip(0, words - 1)
        table[name] = "word " + place.astype(str)
    return table, y


def images(case: Case) -> tuple[Numbers, NDArray[np.int64]]:
    """Ten patterns under heavy noise, cut to 0 … 1 as grey values are."""
    rng = np.random.default_rng(SEED)
    patterns = rng.standard_normal((case.n_y, case.n_x), dtype=np.float32)
    y = rng.integers(0, case.n_y, case.m)
    X = rng.standard_normal((case.m, case.n_x), dtype=np.float32)
    X += np.float32(0.1) * patterns[y]
    return np.clip(X, 0, 1, out=X), y


def planar(case: Case) -> tuple[Numbers, NDArray[np.int64]]:
    """The flower of two colours of the planar exercise: Ng's course, week 3."""
    rng, half = np.random.RandomState(1), case.m // 2
    X, y = np.zeros((case.m, 2)), np.repeat([0, 1], half)
    for j in range(2):
        t = np.linspace(j * 3.12, (j + 1) * 3.12, half) + rng.randn(half) * 0.2
        r = 4 * np.sin(4 * t) + rng.randn(half) * 0.2
        X[j * half : (j + 1) * half] = np.c_[r * np.sin(t), r * np.cos(t)]
    return X.astype(np.float32), y


def iris(_: Case) -> tuple[Numbers, NDArray[np.int64]]:
    """Fisher's iris, standardised."""
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    return ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32), y.astype(np.int64)


# --- what was reached ----------------------------------------------------------------


def cost(case: Case, data: Data, parameters: Start, rows: int = 50_000) -> float:
    """J of trained parameters over all rows, in float64: one yardstick for everybody."""
    W1, b1, W2, b2 = (np.asarray(V, np.float64) for V in parameters)
    total = 0.0
    for begin in range(0, len(data.X), rows):
        X, y = data.X[begin : begin + rows].astype(np.float64), data.y[begin : begin + rows]
        Z1 = X @ W1.T + b1[:, 0]
        A1 = np.tanh(Z1) if case.activation == "tanh" else np.maximum(Z1, 0)
        Z2 = A1 @ W2.T + b2[:, 0]
        if case.n_y == 1:
            total += float(np.sum(np.logaddexp(0, Z2[:, 0]) - y * Z2[:, 0]))
        else:
            top = Z2.max(axis=1)
            log_sum = top + np.log(np.exp(Z2 - top[:, np.newaxis]).sum(axis=1))
            total += float(np.sum(log_sum - Z2[np.arange(len(y)), y]))
    return total / len(data.X)


# --- the table -----------------------------------------------------------------------

SHOAL = Contender("shoal", "with_shoal:train")
PRODUCTS = Contender("bare products", "with_numpy:bare_products")


def _torch(wanted: float) -> tuple[Contender, Contender]:
    return (
        Contender("PyTorch", "with_torch:eager", wanted),
        Contender("torch.compile", "with_torch:compiled"),
    )


def _jax(wanted: float) -> Contender:
    return Contender("JAX", "with_jax:train", wanted)


def _sklearn(wanted: float) -> Contender:
    return Contender("scikit-learn", "with_sklearn:train", wanted)


JAX_DRAWS = Contender("JAX, order inside jit", "with_jax:train_with_own_order")
HIGGS = {"data": "teacher", "n_x": 28, "n_y": 1}

CASES = (
    Case(
        "A", "200,000 × 28 → 32 → 1, tanh, batches of 256, sgd with momentum",
        m=200_000, n_h=32, solver="sgd", learning_rate=0.05, momentum=0.9, batch=256, epochs=10,
        limit=2.0, **HIGGS,
        contenders=(
            SHOAL, *_torch(30), _jax(15), JAX_DRAWS, _sklearn(20),
            Contender("NumPy", "with_numpy:train", 10), PRODUCTS,
        ),
    ),
    Case(
        "B", "200,000 × 28 → 100 → 1, tanh, batches of 200, adam",
        m=200_000, n_h=100, solver="adam", learning_rate=0.001, batch=200, epochs=10,
        limit=1.5, **HIGGS,
        contenders=(SHOAL, *_torch(12), _jax(10), JAX_DRAWS, _sklearn(10), PRODUCTS),
    ),
    Case(
        "C", "500,000 × 28 → 32 → 1, tanh, full-batch descent",
        m=500_000, n_h=32, learning_rate=0.5, epochs=30, threads=2, **HIGGS,
        contenders=(SHOAL, *_torch(8), _jax(4), PRODUCTS),
    ),
    Case(
        "D", "400 × 2 → 4 → 1, tanh, the planar exercise: full-batch descent",
        data="planar", m=400, n_x=2, n_h=4, n_y=1, learning_rate=1.2, epochs=10_000,
        contenders=(
            Contender("shoal", "with_shoal:descend"), *_torch(100), _sklearn(100), _jax(4),
            Contender("NumPy", "with_numpy:train"), PRODUCTS,
        ),
    ),
    Case(
        "E", "60,000 × 784 → 128 → 10, relu, softmax, batches of 128, adam",
        data="images", m=60_000, n_x=784, n_h=128, n_y=10, activation="relu",
        solver="adam", learning_rate=0.001, batch=128, epochs=3, threads=2,
        contenders=(SHOAL, *_torch(3), _jax(2), _sklearn(10), PRODUCTS),
    ),
    Case(
        "F", "sixteen networks on case A",
        m=200_000, n_h=32, solver="sgd", learning_rate=0.05, momentum=0.9, batch=256, epochs=3,
        threads=2, **HIGGS,
        contenders=(
            Contender("members=16", "with_shoal:members"),
            Contender("16 fits, 1 thread", "with_shoal:fits", 1.8),
        ),
    ),
    Case(
        "G", "predict_proba of 1,000,000 × 28 → 32 → 1, tanh",
        m=1_000_000, n_h=32, epochs=10, threads=2, unit="call", **HIGGS,
        contenders=(
            Contender("shoal", "with_shoal:predict"),
            Contender("scikit-learn", "with_sklearn:predict", 8), PRODUCTS,
        ),
    ),
    Case(
        "G", "predict_proba of a single row, 28 → 32 → 1, tanh",
        m=1, n_h=32, epochs=5_000, threads=2, unit="call", **HIGGS,
        contenders=(
            Contender("shoal", "with_shoal:predict"),
            Contender("scikit-learn", "with_sklearn:predict", 5),
            Contender("the least call of the kernel", "with_shoal:least_call"),
        ),
    ),
    Case(
        "G", "predict_proba of a single row of 14 numbers, default settings, encoding and all",
        data="teacher", m=1, n_x=14, n_h=64, n_y=1, epochs=2_000, threads=2, unit="call",
        contenders=(
            Contender("ShoalClassifier()", "with_shoal:predict_by_default"),
            Contender("StandardScaler, MLPClassifier", "with_sklearn:predict_scaled", 3),
        ),
    ),
    Case(
        "G", "predict_proba of a single row of 12 numbers and 2 texts, default settings",
        data="teacher", m=1, n_x=14, n_h=64, n_y=1, epochs=500, threads=2, unit="call",
        contenders=(
            Contender("ShoalClassifier()", "with_shoal:predict_texts_by_default"),
            Contender("OneHotEncoder, MLPClassifier", "with_sklearn:predict_one_hot", 1),
        ),
    ),
    Case(
        "H", "fit of iris, 150 × 4 → 64 → 3, tanh, batches of 32, adam, until the loss is 0.05",
        data="iris", m=150, n_x=4, n_h=64, n_y=3, solver="adam", learning_rate=0.003, batch=32,
        epochs=20, unit="fit",
        contenders=(
            Contender("shoal", "with_shoal:fit_to_loss"),
            Contender("scikit-learn", "with_sklearn:fit_to_loss", 20),
        ),
    ),
    Case(
        "I", "JᵀΛJ of 10,000 × 12 → 6 → 1, tanh: the sums of a step of second order",
        data="teacher", m=10_000, n_x=12, n_h=6, n_y=1, epochs=50, dtype="float64", unit="sum",
        contenders=(
            Contender("shoal", "with_shoal:curvature", dtype="float64"),
            Contender("NumPy", "with_numpy:curvature", dtype="float64"),
            Contender(PRODUCTS.label, "with_numpy:bare_curvature", dtype="float64"),
        ),
    ),
)  # fmt: skip


def in_both_precisions(case: Case) -> Case:
    """The same case for shoal alone: float64 beside float32."""
    double = replace(case.contenders[0], label="shoal float64", dtype="float64")
    single = replace(case.contenders[0], label="shoal float32")
    return replace(case, contenders=(single, double), limit=None)

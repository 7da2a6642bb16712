"""Hand-written NumPy: every array is allocated once, every operation works in place.

One example is one row here, as BLAS and NumPy like it. Also the limit: the two large matrix
products of a step alone.
"""

from collections.abc import Callable

import numpy as np

from benchmarks.cases import SEED, Case, Data, Numbers, Start, cost
from benchmarks.floor import bare_operations, parameters, rows
from benchmarks.jobs import Job, quickest, seconds_of

TRIAL_OPERATIONS = 5e8  # of a trial of one layout


class Workspace:
    """The arrays of one step of up to m rows."""

    def __init__(self, m: int, n_x: int, n_h: int, dtype: str) -> None:
        self.X = np.empty((m, n_x), dtype)
        self.A1 = np.empty((m, n_h), dtype)
        self.dZ1 = np.empty((m, n_h), dtype)
        self.A2 = np.empty((m, 1), dtype)
        self.Y = np.empty((m, 1), dtype)
        self.slope = np.empty((m, n_h), dtype)

    def rows(self, m: int) -> "Workspace":
        """The same for fewer rows, in the same memory."""
        fewer = object.__new__(Workspace)
        for name, array in vars(self).items():
            setattr(fewer, name, array[:m])
        return fewer


def gradients(s: Workspace, p: list[Numbers], g: list[Numbers]) -> None:
    """Fill g with dW1, db1, dW2, db2 of the rows in s.X, s.Y (tanh, sigmoid)."""
    W1, b1, W2, b2 = p
    np.matmul(s.X, W1, out=s.A1)  # [1]
    s.A1 += b1
    np.tanh(s.A1, out=s.A1)  # [2]
    np.matmul(s.A1, W2, out=s.A2)  # [3]
    s.A2 += b2
    np.negative(s.A2, out=s.A2)  # [4], and from here on A2 becomes dZ2
    np.exp(s.A2, out=s.A2)
    s.A2 += 1
    np.reciprocal(s.A2, out=s.A2)
    s.A2 -= s.Y  # [5]
    s.A2 /= len(s.X)
    np.matmul(s.A1.T, s.A2, out=g[2])  # [6]
    np.add.reduce(s.A2, axis=0, out=g[3])  # [7]
    np.multiply(s.A1, s.A1, out=s.slope)  # [8]
    np.subtract(1, s.slope, out=s.slope)
    np.multiply(s.A2, W2.T, out=s.dZ1)
    s.dZ1 *= s.slope
    np.matmul(s.X.T, s.dZ1, out=g[0])  # [9]
    np.add.reduce(s.dZ1, axis=0, out=g[1])  # [10]


def train(case: Case, data: Data) -> Job:
    """Descent with momentum in mini-batches, or full-batch descent."""
    Y = data.y[:, np.newaxis].astype(case.dtype)
    batch = case.batch or case.m
    space = Workspace(batch, case.n_x, case.n_h, case.dtype)
    rest = space.rows(case.m % batch or batch)

    def run() -> list[Numbers]:
        W1, b1, W2, b2 = data.start
        p = [W1.T.copy(), b1[:, 0].copy(), W2.T.copy(), b2[:, 0].copy()]
        v, g = [np.zeros_like(V) for V in p], [np.empty_like(V) for V in p]
        rng = np.random.default_rng(SEED)
        if not case.batch:
            space.X, space.Y = data.X, Y
        for _ in range(case.epochs):
            order = rng.permutation(case.m) if case.batch else None
            for begin in range(0, case.m, batch):
                s = space if begin + batch <= case.m else rest
                if order is not None:
                    rows = order[begin : begin + batch]
                    # mode="clip" lets take write to `out` without a copy in between.
                    data.X.take(rows, axis=0, out=s.X, mode="clip")
                    Y.take(rows, axis=0, out=s.Y, mode="clip")
                gradients(s, p, g)
                for W, memory, dW in zip(p, v, g, strict=True):
                    memory *= case.momentum
                    memory += dW
                    np.multiply(memory, case.learning_rate, out=dW)
                    W -= dW
        return p

    def loss(p: list[Numbers]) -> float:
        return cost(case, data, Start(p[0].T, p[1][:, None], p[2].T, p[3][:, None]))

    return Job(run, loss)


def curvature(case: Case, data: Data) -> Job:
    """JᵀΛJ of a network of one output: J written out, then a product by BLAS."""
    W1, b1, W2, b2 = (np.asarray(V, np.float64) for V in data.start)
    X, y = np.ascontiguousarray(data.X, np.float64), data.y
    J = np.empty((case.m, parameters(case)))

    def run() -> float:
        for _ in range(case.epochs):
            A1 = np.tanh(X @ W1.T + b1[:, 0])
            Z2 = A1 @ W2[0] + b2[0, 0]
            through = W2[0] * (1 - A1 * A1)
            n = case.n_h * case.n_x
            J[:, :n] = (through[:, :, np.newaxis] * X[:, np.newaxis]).reshape(case.m, n)
            J[:, n : n + case.n_h] = through
            J[:, n + case.n_h : -1], J[:, -1] = A1, 1
            A2 = 1 / (1 + np.exp(-Z2))
            scaled = J * np.sqrt(A2 * (1 - A2))[:, np.newaxis]
            np.matmul(scaled.T, scaled)
            np.matmul(A2 - y, J)
        return float((np.logaddexp(0, Z2) - y * Z2).mean())

    return Job(run, lambda loss: loss)


def bare_curvature(case: Case, data: Data) -> Job:
    """JᵀJ by BLAS, of a J that is there."""
    J = np.ones((case.m, parameters(case)))

    def run() -> None:
        for _ in range(case.epochs):
            np.matmul(J.T, J)

    return Job(run, facts={"peak": peak(case.dtype), "bandwidth": bandwidth()})


# --- the limit -----------------------------------------------------------------------


def bare_products(case: Case, data: Data) -> Job:
    """Z1 = X W1ᵀ and, in training, dW1 = dZ1ᵀ X by BLAS, once a step.

    Rows are not gathered, so a batch stays in the cache. Each product is taken in that layout
    (rows or columns are examples) which is faster here.
    """
    X = np.ascontiguousarray(data.X[: rows(case)])
    dZ = np.ascontiguousarray(np.tile(data.start.W1[:, 0], (len(X), 1)))
    tries = max(1, min(1000, int(TRIAL_OPERATIONS / bare_operations(case))))
    products = [product({"rows": (X, data.start.W1.T), "columns": (data.start.W1, X.T)}, tries)]
    if case.unit == "step":
        products.append(product({"rows": (X.T, dZ), "columns": (dZ.T, X)}, tries))

    def run() -> None:
        for _ in range(case.units):
            for multiply in products:
                multiply()

    return Job(run, facts={"peak": peak(case.dtype), "bandwidth": bandwidth()})


def product(layouts: dict[str, tuple[Numbers, Numbers]], tries: int) -> Callable[[], object]:
    """The fastest of some ways to write down the same product, its result preallocated."""
    ways = {}
    for name, (A, B) in layouts.items():
        for kind, (a, b) in {
            "views": (A, B),
            "contiguous": (np.ascontiguousarray(A), np.ascontiguousarray(B)),
        }.items():
            out = np.empty((len(a), b.shape[1]), a.dtype)
            ways[f"{name}, {kind}"] = _multiply(a, b, out)
    chosen = quickest({name: _repeat(way, tries) for name, way in ways.items()})
    return ways[chosen]


def _multiply(a: Numbers, b: Numbers, out: Numbers) -> Callable[[], object]:
    matmul = np.matmul
    return lambda: matmul(a, b, out)


def _repeat(f: Callable[[], object], n: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(n):
            f()

    return run


def peak(dtype: str, n: int = 2048, tries: int = 5) -> float:
    """GFLOP/s of a large square product: the best that is known to be possible here."""
    A, B = np.ones((n, n), dtype), np.ones((n, n), dtype)
    out = np.empty_like(A)
    best = min(seconds_of(_multiply(A, B, out)) for _ in range(tries))
    return 2 * n**3 / best / 1e9


def bandwidth(n: int = 1 << 26, tries: int = 5) -> float:
    """GB/s of reading: the dot product of a vector that is larger than any cache."""
    x = np.ones(n, np.float32)
    return x.nbytes / min(seconds_of(lambda: np.dot(x, x)) for _ in range(tries)) / 1e9

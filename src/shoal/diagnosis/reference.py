"""What can be learnt of some rows without a training: by neighbours, and by random features.

Both take a millisecond. They are weaker than a good network on most tables, and stronger than one
that has not learnt, so that they tell when a short training is worth its time.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine, product

Array = NDArray[np.float64]
Singles = NDArray[np.float32]

NEIGHBOURS = 5
FEATURES = 100  # hidden units that are drawn and not trained (Huang et al. 2004)
PENALTY = 0.1  # of the least squares, times the rows
LEARNT, ASKED, INPUTS = 600, 200, 1000  # rows to learn from, rows to ask, and columns: at most


def explained(answers: Array, truth: Array, usual: Array) -> float:
    """The share of the variance about the `usual` answer that the answers explain, (n_y, m) each."""
    spread = float(((truth - usual) ** 2).sum())
    return 1 - float(((truth - answers) ** 2).sum()) / spread if spread > 0 else 0.0


class Reference:
    """The shares of the variance of `truth` that neighbours and random features explain, when asked for.

    X (m, n_x) and Y (m, n_y) are learnt from; `asked` and `truth` are other rows.
    """

    def __init__(self, X: Array, Y: Array, asked: Array, truth: Array) -> None:
        self._nothing = len(X) < 2 * NEIGHBOURS or not len(asked)
        if self._nothing:
            return
        m, mean = len(X), X.mean(axis=0)
        V = np.concatenate([X, asked]) - mean
        deviation = np.sqrt(np.einsum("ij,ij->j", V[:m], V[:m]) / m)
        varying = np.flatnonzero(deviation > 1e-9 * (np.abs(mean) + 1e-300))[:INPUTS]
        self._nothing = not len(varying)
        V = np.minimum(np.maximum(V[:, varying] / deviation[varying], -10), 10).astype(np.float32)
        self._X, self._asked = V[:m], V[m:]  # half the time of float64
        self._Y, self._truth = Y, truth

    @cached_property
    def neighbours(self) -> float:
        """By the nearest rows."""
        return self._explained(_by_neighbours)

    @cached_property
    def best(self) -> float:
        """By these or by random features."""
        return max(self.neighbours, self._explained(_by_features))

    @property
    def known(self) -> float:
        """By what has been asked for: neighbours may have been enough to decide."""
        return float(vars(self).get("best", self.neighbours))

    def reaches(self, share: float) -> bool:
        """Whether more than that can be explained; neighbours are asked first, as they take less time."""
        return self.neighbours > share or self.best > share

    def _explained(self, guess: Callable[[Singles, Array, Singles], Array]) -> float:
        if self._nothing:
            return 0.0
        found = explained(guess(self._X, self._Y, self._asked), self._truth, self._Y.mean(axis=0))
        return found if np.isfinite(found) else 0.0


NOTHING = Reference(*(np.zeros((0, 1)) for _ in range(4)))  # nothing is looked at, or known


def _by_neighbours(X: Singles, Y: Array, asked: Singles) -> Array:
    far = np.einsum("ij,ij->i", X, X) - 2 * product(X, asked).T
    nearest, rows = np.empty((NEIGHBOURS, len(asked)), np.int64), np.arange(len(asked))
    for one in nearest:  # a fifth of the time of argpartition
        far.argmin(axis=1, out=one)
        far[rows, one] = np.inf
    return np.asarray(Y[nearest].sum(axis=0) / NEIGHBOURS)


def _by_features(X: Singles, Y: Array, asked: Singles) -> Array:
    rng = np.random.default_rng(0)
    n = min(FEATURES, len(X) // 3)
    W = (rng.standard_normal((X.shape[1], n)).T * (1.5 / X.shape[1] ** 0.5)).astype(np.float32)
    b = rng.uniform(-1.5, 1.5, n).astype(np.float32)
    A, asked = (np.tanh(product(V, W) + b) for V in (X, asked))
    mean, usual = A.mean(axis=0), Y.mean(axis=0)
    A = np.ascontiguousarray((A - mean).T)
    slope = product(A, A).astype(np.float64)
    penalty = np.full(n, PENALTY + 1e-3 * np.trace(slope) / n)
    factor = engine.factor(slope[np.tri(n, dtype=bool)], penalty)
    if factor is None:
        return np.broadcast_to(usual, (len(asked), len(usual)))
    pulls = product((Y - usual).T.astype(np.float32), A).astype(np.float64)
    found = np.array([engine.solve(factor, np.ascontiguousarray(one)) for one in pulls])
    return np.asarray(usual + product(asked - mean, found.astype(np.float32)), np.float64)

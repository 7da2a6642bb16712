"""The seam: what a trainer knows of whoever computes, and who computes here."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from shoal.compute import kernel, plain
from shoal.compute.builds import BUILD, Stop
from shoal.compute.coalitions import Background
from shoal.compute.steps import Budget, Judge, Judged, Outcome, Rule, State, Vector
from shoal.data.encode.coded import Coded, Group
from shoal.data.encode.encoding import Encoding, Place
from shoal.data.rows.examples import Examples, Matrix, Numbers
from shoal.errors import SettingError
from shoal.network.architecture import Architecture
from shoal.sums import GradientSums


class Engine(Protocol):
    """Sums of gradients, epochs, predictions: `kernel` and `plain` are two."""

    def sums(
        self,
        architecture: Architecture,
        parameters: Vector,
        examples: Examples,
        threads: int,
        *,
        gradients: bool = True,
        stop: Stop | None = None,
    ) -> GradientSums:
        """Loss, weight and gradients, added along the fixed tree."""
        ...

    def sums_of_shuffled(
        self,
        architecture: Architecture,
        parameters: Vector,
        examples: Examples,
        places: Sequence[Place],
        orders: NDArray[np.int64],
        threads: int,
    ) -> NDArray[np.float64]:
        """Loss and weight, (places, 2), where the columns at each place have the values of other rows."""
        ...

    def curvature(
        self,
        architecture: Architecture,
        parameters: Vector,
        examples: Examples,
        threads: int,
        *,
        stop: Stop | None = None,
    ) -> GradientSums:
        """The sums with the triangle of the Gauss–Newton matrix before the gradient; float64, dense."""
        ...

    def factor(
        self, triangle: NDArray[np.float64], diagonal: NDArray[np.float64]
    ) -> NDArray[np.float64] | None:
        """Cholesky's L of a triangle with this added to its diagonal; None if not positive."""
        ...

    def solve(self, factor: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        """X of L Lᵀ x = b."""
        ...

    def inverse_diagonal(
        self, factor: NDArray[np.float64], n: int
    ) -> tuple[NDArray[np.float64], float]:
        """The diagonal of the inverse of A = L Lᵀ, and log det A."""
        ...

    def train(
        self,
        architecture: Architecture,
        rule: Rule,
        budget: Budget,
        examples: Examples,
        state: State,
        threads: int,
        stop: Stop | None = None,
    ) -> Outcome:
        """Epochs, or iterations of full-batch descent."""
        ...

    def train_judged(
        self,
        architecture: Architecture,
        rule: Rule,
        budget: Budget,
        parts: tuple[Examples, Examples],
        state: State,
        threads: int,
        judge: Judge,
        stop: Stop | None = None,
    ) -> Judged:
        """The same on the first part, each epoch judged by its loss on the other, which is held out."""
        ...

    def step(
        self, architecture: Architecture, rule: Rule, total: GradientSums, state: State
    ) -> State:
        """One step of the optimiser, from sums that someone else has added up."""
        ...

    def forward(
        self, architecture: Architecture, parameters: Vector, X: Matrix, threads: int
    ) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Z1, A1, Z2, A2 of rows of X, in the lecture's shapes."""
        ...

    def predict(
        self, architecture: Architecture, parameters: Vector, X: Matrix, threads: int
    ) -> Numbers:
        """A2 of rows of X, (n_y, m); DataError for what is not finite."""
        ...

    def ready(
        self, architecture: Architecture, vectors: Sequence[Vector], groups: tuple[Group, ...]
    ) -> "kernel.Ensemble | None":
        """The networks made ready for predictions again and again; None where there is no such form."""
        ...

    def encoded(
        self, encoding: Encoding, rows: Callable[[slice], NDArray[Any]], m: int, dtype: DTypeLike
    ) -> Coded | Numbers | None:
        """The matrix of m rows of numbers, of which `rows` gives some; None where they need another way."""
        ...

    def means_of_coalitions(
        self,
        architecture: Architecture,
        vectors: Sequence[Vector],
        background: Background,
        P: NDArray[Any],
        moves: NDArray[np.int32],
        threads: int,
        *,
        log_odds: bool,
    ) -> NDArray[np.float64]:
        """Of each row the mean prediction over the background after each move, (rows, moves, n_y)."""
        ...

    def child(self, key: int, index: int) -> int:
        """A key of its own for member, split or purpose `index` of whatever has `key`."""
        ...

    def hold_out(
        self, m: int, fraction: float, key: int, labels: NDArray[np.int32] | None = None
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Rows 0 … m - 1 as (kept, held out), each in ascending order; of each class of `labels` its share."""
        ...

    def shuffles(self, key: int, n: int, m: int) -> NDArray[np.int64]:
        """Rows 0 … m - 1 in n random orders, (n, m)."""
        ...

    def normals(self, key: int, *sizes: int) -> list[NDArray[np.float64]]:
        """The first numbers of streams 0, 1, … from the standard normal distribution, so many of each."""
        ...

    def order(self, m: int, key: int, epoch: int) -> NDArray[np.uint32]:
        """The order in which an epoch takes m rows."""
        ...

    def sums_about(
        self, shift: float, x: NDArray[np.float64], weights: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """Σ w, Σ w d and Σ w d² of d = x - shift, over the values that are not NaN."""
        ...

    def dot(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
        """xᵀy, added in one order."""
        ...


_modules: dict[bool, Any] = {True: plain, False: kernel}
engine: Engine = _modules[BUILD == "plain"]


def product(A: Numbers, B: Numbers) -> Numbers:
    """A Bᵀ of A (m, k) and B (n, k) of the same precision, on one thread.

    The threads of BLAS wait for each other busily, which takes longer than a small product itself.
    """
    shape = Architecture(A.shape[1], 0, len(B), output="identity")
    vector = np.concatenate([B.reshape(-1), np.zeros(len(B), B.dtype)])
    return engine.forward(shape, vector, np.ascontiguousarray(A), 1)[2].T


MOST_THREADS = 1 << 16  # more than any machine has; the kernel counts them in 32 bits


def threads(n_jobs: int | None = None) -> int:
    """How many threads to use: `n_jobs`, or SHOAL_THREADS, or all that this process may use.

    As in joblib, -1 means all and -2 all but one. OMP_NUM_THREADS limits what is used unasked:
    by it joblib tells its worker processes what share of the machine each of them has.
    """
    if n_jobs is not None and n_jobs > 0:
        return min(n_jobs, MOST_THREADS)
    if n_jobs == 0:
        raise SettingError("n_jobs=0: expected a number of threads from 1 on, or -1 for all.")
    available = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    if n_jobs is not None:
        return max(1, available + 1 + n_jobs)
    share = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]  # a list: "4,2" is 4 at first
    if share.isdigit() and int(share) > 0:
        available = min(available, int(share))
    text = os.environ.get("SHOAL_THREADS") or str(available)
    if not text.isdigit() or int(text) < 1:
        raise SettingError(f"SHOAL_THREADS={text}: expected a whole number from 1 on.")
    return min(int(text), MOST_THREADS)

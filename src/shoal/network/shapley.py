"""Shapley values: how a prediction is shared out among the columns it was made from.

    v(S)     the prediction when the columns of S are known
    φ_c      Σ over S without c of |S|! (d - |S| - 1)! / d! · (v(S ∪ c) - v(S)),   Σ φ_c = v(all) - v(none)

A coalition S is a row of zeros and ones, one for each of d columns; coalition k of `all_coalitions`
is the number k in binary.

Sources: Shapley, "A value for n-person games", 1953. Lundberg, Lee, "A unified approach to
interpreting model predictions", NeurIPS 2017. By permutations: Castro, Gómez, Tejada,
"Polynomial calculation of the Shapley value based on sampling", Computers & Operations Research
36 (2009); each is taken forwards and backwards (Mitchell, Cooper, Frank, Holmes, "Sampling
permutations for Shapley value estimation", JMLR 23 (2022)).
"""

from math import factorial

import numpy as np
from numpy.typing import NDArray

from shoal.network.draws import permutation

Array = NDArray[np.float64]
Moves = NDArray[
    np.int32
]  # (n, 3): from a place to a place, by a column; at place 0 is no column known

EDGE = 1e-15  # probabilities nearer to 0 or 1 than this have the log-odds of it


def bounded(p: NDArray[np.floating]) -> Array:
    """Probabilities that have log-odds."""
    return np.clip(np.asarray(p, np.float64), EDGE, 1 - EDGE)


def log_odds(p: NDArray[np.floating]) -> Array:
    """Log p/(1 - p)."""
    return np.asarray(np.log(bounded(p)) - np.log1p(-bounded(p)), np.float64)


def all_coalitions(d: int) -> Array:
    """Every coalition of d columns, (2^d, d)."""
    return np.asarray(np.arange(1 << d)[:, np.newaxis] >> np.arange(d) & 1, np.float64)


def exact_weights(d: int) -> Array:
    """The matrix (d, 2^d) that turns v of all coalitions into φ."""
    members = all_coalitions(d)
    sizes = members.sum(axis=1).astype(int)
    share = [factorial(s) * factorial(d - s - 1) / factorial(d) for s in range(d)]
    joined = np.array([0.0, *share])[sizes]  # of a coalition with the column
    apart = np.array([*share, 0.0])[sizes]
    return np.where(members.T == 1, joined, -apart)


def growing(d: int) -> tuple[Moves, NDArray[np.int64]]:
    """Every coalition but the first and the last, by a move from one with a column less: moves, numbers.

    A coalition of n columns is kept at place n until what grows from it is done.
    """
    moves, numbers, last = list[tuple[int, int, int]](), list[int](), (1 << d) - 1

    def grow(coalition: int, n: int, first: int) -> None:
        for column in range(first, d):
            larger = coalition | 1 << column
            if larger != last:
                moves.append((n, n + 1, column))
                numbers.append(larger)
                grow(larger, n + 1, column + 1)

    grow(0, 0, 0)
    return np.array(moves, np.int32).reshape(-1, 3), np.array(numbers, np.int64)


def walking(orders: NDArray[np.int64]) -> Moves:
    """The moves along orders of d columns, from none to all but the last: d - 1 for each."""
    columns = orders[:, :-1]
    begins = np.broadcast_to(np.arange(columns.shape[1]) > 0, columns.shape)
    moves = np.stack([begins, np.ones_like(columns), columns], axis=-1)
    return np.ascontiguousarray(moves.reshape(-1, 3), np.int32)


def orders(d: int, n: int, key: int) -> NDArray[np.int64]:
    """The columns in 2n orders, (2n, d), each second one the reverse of the one before."""
    drawn = [permutation(key, i, d) for i in range(n)]
    return np.array([order for one in drawn for order in (one, one[::-1])])


def along(orders: NDArray[np.int64], v: Array) -> Array:
    """φ by each pair of orders, (n, d, …), from v on their ways, (2n, d + 1, …)."""
    gains = np.diff(v, axis=1)
    each = np.empty_like(gains)
    for order, gain, out in zip(orders, gains, each, strict=True):
        out[order] = gain
    return np.asarray((each[0::2] + each[1::2]) / 2)

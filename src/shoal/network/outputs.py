"""How the last layer speaks: A2 = σ(Z2), with the loss that makes dZ2 = A2 - Y.

    sigmoid    each row a yes or no of its own     L = Σ log(1 + exp Z) - Y Z
    softmax    one of n_y classes                  L = log Σ exp Z - Σ Y Z
    identity   any numbers                         L = ½ Σ (Z - Y)²
    poisson    counts and rates, from 0 on         L = Σ exp Z - Y - Y (Z - log Y), half the deviance

The first two are cross-entropies, -Σ Y log A2 …, written with Z2 so that they stay finite. The last
is bounded: beyond LARGEST_LOGARITHM exp Z, and so the slope of L, stays as it is there.
Sums run over the n_y rows; a loss has shape (1, m).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.lazily import special

Array = NDArray[np.floating]

LARGEST_LOGARITHM = 30.0  # of a rate: 1e13, whose square float32 still holds
LARGEST_RATE = float(np.exp(LARGEST_LOGARITHM))


class Output(NamedTuple):
    """A last layer and its loss."""

    name: str
    of: Callable[[Array], Array]
    loss: Callable[[Array, Array], Array]


def _sum(losses: Array) -> Array:
    return losses.sum(axis=0, keepdims=True)


def _binary_cross_entropy(Z2: Array, Y: Array) -> Array:
    # The bracket is exact for Y = 0 or 1, where log(1 + exp Z) - Y Z would cancel.
    return _sum((np.maximum(Z2, 0) - Y * Z2) + np.log1p(np.exp(-np.abs(Z2))))


def _cross_entropy(Z2: Array, Y: Array) -> Array:
    below = Z2 - Z2.max(axis=0, keepdims=True)
    return np.asarray(special.logsumexp(below, axis=0, keepdims=True) - _sum(Y * below))


def _rate(Z2: Array) -> Array:
    return np.asarray(np.exp(np.minimum(Z2, LARGEST_LOGARITHM)))


def _half_deviance(Z2: Array, Y: Array) -> Array:
    beyond = np.maximum(Z2 - LARGEST_LOGARITHM, 0) * LARGEST_RATE
    logarithm = np.log(np.maximum(Y, np.finfo(Y.dtype).tiny if Y.dtype.kind == "f" else 1))
    return _sum((_rate(Z2) - Y) + Y * (logarithm - Z2) + beyond)


OUTPUTS = {
    output.name: output
    for output in (
        Output("sigmoid", lambda Z2: special.expit(Z2), _binary_cross_entropy),
        Output("softmax", lambda Z2: np.asarray(special.softmax(Z2, axis=0)), _cross_entropy),
        Output("identity", lambda Z2: Z2, lambda Z2, Y: _sum(0.5 * (Z2 - Y) ** 2)),
        Output("poisson", _rate, _half_deviance),
    )
}

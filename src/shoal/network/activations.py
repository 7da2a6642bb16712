"""What a hidden unit does to its input: A = g(Z), and the slope g'(Z) known from A alone."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.lazily import special

Array = NDArray[np.floating]

LEAK = 0.01  # slope of leaky_relu below 0: Maas, Hannun, Ng, ICML 2013


class Activation(NamedTuple):
    """A function g of one number, applied to every entry."""

    name: str
    of: Callable[[Array], Array]
    slope: Callable[[Array], Array]  # g'(Z), as a function of A = g(Z)


def _relu(Z: Array) -> Array:
    return np.where(Z < 0, 0, Z).astype(Z.dtype)  # keeps a NaN, as the kernel does


def _leaky_relu(Z: Array) -> Array:
    return np.where(Z < 0, Z.dtype.type(LEAK) * Z, Z)


def _step(A: Array, below: float) -> Array:
    return np.where(A > 0, 1, below).astype(A.dtype)


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("tanh", np.tanh, lambda A: 1 - A**2),
        Activation("relu", _relu, lambda A: _step(A, 0)),  # at the kink itself: 0
        Activation("leaky_relu", _leaky_relu, lambda A: _step(A, LEAK)),
        Activation("sigmoid", lambda Z: special.expit(Z), lambda A: A * (1 - A)),
        Activation("identity", lambda Z: Z, np.ones_like),
    )
}

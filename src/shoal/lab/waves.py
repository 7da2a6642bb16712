"""Sine, cosine and counts from + - * / alone: the same bits on every machine, as a library's are not.

An angle is brought into [-π/4, π/4] by subtracting multiples of π/2 in two parts (Cody and
Waite, *Software Manual for the Elementary Functions*, 1980, chapter 8); there the Taylor
series is exact to about 1e-16. Good for angles up to some thousands.
"""

from math import factorial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST_COUNTED = 60
TURN = 2 * 3.141592653589793
# π/2, cut after 33 bits so that whole multiples of it are exact, and the rest.
HIGH, LOW = 1.5707963267341256, 6.077100506506192e-11


def sine(x: Array) -> Array:
    """The sine of angles in radians."""
    return _quarter(x, 0)


def cosine(x: Array) -> Array:
    """The cosine of angles in radians."""
    return _quarter(x, 1)


def counted(rate: Array, uniform: Array) -> Array:
    """Counts of these rates (at most some tens), as many of each as Poisson's distribution has.

    By inversion: the smallest k with e^-rate Σ rateⁱ / i! above `uniform`, the sum from i = 0 to k.
    """
    term = _decay(rate)
    below, k = term.copy(), np.zeros_like(rate)
    for i in range(1, MOST_COUNTED):
        k += below <= uniform
        term = term * rate / i
        below = below + term
    return k


def _decay(x: Array) -> Array:
    """e^-x for x from 0 to some tens: 1 / (Taylor's series of e^(x / 64))^64."""
    y, value = x / 64, np.ones_like(x)
    for k in reversed(range(1, 12)):
        value = 1 + value * y / k
    for _ in range(6):
        value = value * value
    return 1 / value


def _quarter(x: Array, ahead: int) -> Array:
    turns = np.rint(x * (4 / TURN))
    r = (x - turns * HIGH) - turns * LOW
    quarter = (turns.astype(np.int64) + ahead) % 4
    odd = r * _series(r * r, 1)
    even = _series(r * r, 0)
    value = np.where(quarter % 2 == 0, odd, even)
    return np.where(quarter >= 2, -value, value)


def _series(square: Array, first: int) -> Array:
    """Σ (-1)ᵏ squareᵏ / (2k + first)!"""
    value = np.zeros_like(square)
    for k in reversed(range(9)):
        value = value * square + (-1) ** k / factorial(2 * k + first)
    return value

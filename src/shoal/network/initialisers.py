"""Where descent begins: how the weights are drawn, and that the biases may be zero.

Two hidden units with equal weights in (W1, b1) and out (W2) receive equal gradients by
[8]-[10] and stay twins for ever: only a random draw tells them apart. It is small because
tanh and sigmoid are flat, and learning slow, far from zero. The biases may be zero, as
units that differ in their weights are no twins.

    "lecture"   standard deviation 0.01 (Ng, week 3)
    "glorot"    √(2 / (fan_in + fan_out)): Glorot and Bengio, AISTATS 2010; for tanh, sigmoid
    "he"        √(2 / fan_in): He et al., ICCV 2015; for relu and leaky_relu
    "zeros"     all weights 0: the lecture's example of what must not be done
    a number    that standard deviation
    "auto"      weights by "he" for relu and leaky_relu, else by "glorot", and b1 is drawn too

All are normal draws. A standard deviation belongs to one matrix: fan_in is the number of
its columns, fan_out of its rows.

A unit bends where W1 x + b1 = 0, at the distance |b1| / ‖W1‖ from the origin. With b1 = 0 all
units bend in the middle of the data; with "auto" they do so all over inputs of the size of 1, as
b1 has the deviation that ‖W1‖ is expected to have. It pays on real tables (docs/measured/practice.md).
"""

import math
from collections.abc import Callable

import numpy as np

from shoal.network import draws
from shoal.network.equations import Parameters

LECTURE = 0.01
SCHEMES = ("auto", "lecture", "glorot", "he", "zeros")
Init = str | float


def standard_deviation(init: Init, activation: str, fan_in: int, fan_out: int) -> float:
    """The standard deviation of a weight in a matrix of fan_out rows, fan_in columns."""
    if not isinstance(init, str):
        return float(init)
    if init == "auto":
        init = "he" if activation in ("relu", "leaky_relu") else "glorot"
    return {
        "lecture": LECTURE,
        "glorot": math.sqrt(2 / (fan_in + fan_out)),
        "he": math.sqrt(2 / fan_in),
        "zeros": 0.0,
    }[init]


def initialise(
    n_x: int, n_h: int, n_y: int, *, key: int, init: Init = "auto", activation: str = "tanh",
    normals: Callable[..., list[draws.Array]] = draws.normals,
) -> Parameters:  # fmt: skip
    """Draw the weights, and b1 with init="auto"; all other biases are zero. In float64.

    `normals` draws them: `draws.normals`, or what gives the same numbers sooner.

    With n_h = 0 the only layer goes from the inputs to the outputs; its W2 is zero unless
    `init` is a number or "lecture", as a linear network has no symmetry to break.
    """
    n_in = n_h or n_x
    first = standard_deviation(init, activation, n_x, max(n_h, 1))
    second = standard_deviation(init, "identity", n_in, n_y)
    if n_h == 0 and init in ("auto", "glorot", "he"):
        second = 0.0
    # 0 × a negative number is -0, which adding 0 turns into the one and only 0.
    w1, w2, *b = normals(key, n_h * n_x, n_y * n_in, *([n_h] if init == "auto" else []))
    W1 = first * w1.reshape(n_h, n_x) + 0.0
    W2 = second * w2.reshape(n_y, n_in) + 0.0
    b1 = np.zeros((n_h, 1))
    if init == "auto":
        b1 = first * math.sqrt(n_x) * b[0].reshape(n_h, 1) + 0.0
    return Parameters(W1, b1, W2, np.zeros((n_y, 1)))

"""A neural network with one hidden layer: the ten equations, as in the lecture.

    forward   [1]  Z1 = W1 X + b1          backward  [5]  dZ2 = A2 - Y
              [2]  A1 = g(Z1)                        [6]  dW2 = dZ2 A1ᵀ / m
              [3]  Z2 = W2 A1 + b2                   [7]  db2 = Σ dZ2 / m
              [4]  A2 = σ(Z2)                        [8]  dZ1 = W2ᵀ dZ2 ∗ g'(Z1)
                                                     [9]  dW1 = dZ1 Xᵀ / m
                                                     [10] db1 = Σ dZ1 / m

Throughout this file one column is one example, and we have:

    X   (n_x, m)     m examples of n_x features
    Y   (n_y, m)     their targets: 0 or 1, a column with a single 1, or any numbers
    w   (1, m)       weights of the examples, none negative; absent means 1 each
    W1  (n_h, n_x)   weights into the hidden layer;    b1  (n_h, 1)  its biases
    W2  (n_y, n_h)   weights into the output layer;    b2  (n_y, 1)  its biases
    A1  (n_h, m)     activations of the hidden layer;  Z1  (n_h, m)  before g
    A2  (n_y, m)     what the network says of Y;       Z2  (n_y, m)  before σ
    J                the cost: mean loss of the examples, in nats (or half squared units)
    dW, db           ∂J/∂W, ∂J/∂b: means over the examples, hence the 1/m
    dZ               ∂L/∂Z of each example's own loss L, hence no 1/m

With weights, dZ2 is w ∗ (A2 - Y) and m is Σ w. With no hidden layer (n_h = 0) the input
takes the place of A1, W2 is (n_y, n_x), and [1] [2] [8] [9] [10] have nothing to compute:
what is left is logistic, softmax or linear regression.

This file is the specification, written to be read. The kernel (`kernel/equations.hpp` in
the source) computes the same ten equations fused and in parallel; `tests/twins` holds the
two together.

Source: A. Ng, *Neural Networks and Deep Learning*, week 3.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.network.activations import Activation
from shoal.network.outputs import Output

Array = NDArray[np.floating]


class Parameters(NamedTuple):
    """What the network learns: the weights and biases of its two layers.

    Without a hidden layer W1 and b1 have no rows, and W2 has the shape (n_y, n_x).

    Attributes
    ----------
    W1, b1 : arrays of shape (n_h, n_x) and (n_h, 1)
        Of the hidden layer.
    W2, b2 : arrays of shape (n_y, n_h) and (n_y, 1)
        Of the output layer.

    Examples
    --------
    >>> import shoal
    >>> given = shoal.Parameters(np.eye(2), np.zeros((2, 1)), np.ones((1, 2)), np.zeros((1, 1)))
    >>> shoal.Network(*given).parameters.W2
    array([[1., 1.]])
    """

    W1: Array
    b1: Array
    W2: Array
    b2: Array


class Gradients(NamedTuple):
    """The slopes of the cost, and of each example's own loss."""

    dW1: Array
    db1: Array
    dW2: Array
    db2: Array
    dZ1: Array
    dZ2: Array


class Activations(NamedTuple):
    """What `forward` leaves for `cost` and `backward`."""

    Z1: Array
    A1: Array
    Z2: Array
    A2: Array


def forward(parameters: Parameters, X: Array, g: Activation, sigma: Output) -> Activations:
    """Compute [1]-[4], from the examples to what the network says of them.

    Raises ValueError when the rows of X are not the features that W1 expects.
    """
    W1, b1, W2, b2 = parameters
    if X.ndim != 2 or X.shape[0] != W1.shape[1]:
        raise ValueError(
            f"X must have shape ({W1.shape[1]}, m), one column per example, but has "
            f"shape {X.shape}. If your examples are rows, pass X.T."
        )
    Z1 = W1 @ X + b1  # [1]
    A1 = g.of(Z1) if len(W1) else X  # [2]
    Z2 = W2 @ A1 + b2  # [3]
    A2 = sigma.of(Z2)  # [4]
    return Activations(Z1, A1, Z2, A2)


def cost(activations: Activations, Y: Array, sigma: Output, w: Array | None = None) -> float:
    """Compute J, the mean of the loss over the examples.

    We use Z2 in place of A2: the loss is the same number, and stays finite when A2 rounds
    to 1 (from Z2 = 37 on, in float64) and log(1 - A2) does not.
    """
    losses = sigma.loss(activations.Z2, Y)
    if w is None:
        return float(losses.sum() / losses.size)
    return float((w * losses).sum() / w.sum())


def backward(
    parameters: Parameters,
    activations: Activations,
    X: Array,
    Y: Array,
    g: Activation,
    w: Array | None = None,
) -> Gradients:
    """Compute [5]-[10], the gradients of the cost.

    [5] holds because every σ here comes with its matching loss: σ' cancels against ∂L/∂A2.
    """
    A1, A2 = activations.A1, activations.A2
    m = X.shape[1] if w is None else w.sum()
    dZ2 = A2 - Y if w is None else w * (A2 - Y)  # [5]
    dW2 = dZ2 @ A1.T / m  # [6]
    db2 = dZ2.sum(axis=1, keepdims=True) / m  # [7]
    if not len(parameters.W1):
        return Gradients(
            parameters.W1, parameters.b1, dW2, db2, activations.Z1, dZ2
        )  # the first two are empty
    dZ1 = (parameters.W2.T @ dZ2) * g.slope(A1)  # [8]
    dW1 = dZ1 @ X.T / m  # [9]
    db1 = dZ1.sum(axis=1, keepdims=True) / m  # [10]
    return Gradients(dW1, db1, dW2, db2, dZ1, dZ2)


def update(parameters: Parameters, gradients: Gradients, learning_rate: float) -> Parameters:
    """Take one step downhill: each V becomes V - learning_rate · dV."""
    pairs = zip(parameters, gradients[:4], strict=True)
    return Parameters(*(V - learning_rate * dV for V, dV in pairs))

"""The shape of a network, and its parameters as one vector."""

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from shoal.network.activations import ACTIVATIONS, Activation
from shoal.network.equations import Parameters
from shoal.network.outputs import OUTPUTS, Output

Vector = NDArray[np.floating]


class Architecture(NamedTuple):
    """How many features, hidden units and outputs, and the functions between them."""

    n_x: int
    n_h: int
    n_y: int
    activation: str = "tanh"
    output: str = "sigmoid"

    @property
    def g(self) -> Activation:
        """The hidden layer's function."""
        return ACTIVATIONS[self.activation]

    @property
    def sigma(self) -> Output:
        """The output layer's function, with its loss."""
        return OUTPUTS[self.output]

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """The shapes of W1, b1, W2, b2."""
        n_in = self.n_h or self.n_x
        return (self.n_h, self.n_x), (self.n_h, 1), (self.n_y, n_in), (self.n_y, 1)

    @property
    def n_parameters(self) -> int:
        """How many numbers the network learns."""
        return self.n_h * (self.n_x + 1) + self.n_y * ((self.n_h or self.n_x) + 1)

    def flatten(self, parameters: Parameters, dtype: DTypeLike) -> Vector:
        """Put W1, b1, W2, b2 one behind the other, each by rows."""
        return np.concatenate([np.asarray(V, dtype).reshape(-1) for V in parameters])

    def unflatten(self, vector: Vector) -> Parameters:
        """Cut the vector up again; the matrices are views of it."""
        matrices, start = [], 0
        for rows, columns in self.shapes:
            end = start + rows * columns
            matrices.append(vector[start:end].reshape(rows, columns))
            start = end
        return Parameters(*matrices)

"""`Network`: the lecture's objects, computed by the kernel.

    X (n_x, m), Y (n_y, m)      one column is one example
    W1 (n_h, n_x)  b1 (n_h, 1)  W2 (n_y, n_h)  b2 (n_y, 1)

A network is a value: nothing changes it, and training returns another one.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from shoal.checks import check_choice, check_number, check_whole
from shoal.compute.engine import engine, threads
from shoal.compute.steps import Budget, Rule, start
from shoal.data.rows.examples import Examples
from shoal.data.rows.rates import check_rates
from shoal.errors import DataError, SettingError
from shoal.kinds import check_init
from shoal.network.activations import ACTIVATIONS
from shoal.network.architecture import Architecture
from shoal.network.equations import Gradients, Parameters
from shoal.network.initialisers import LECTURE, initialise
from shoal.network.outputs import OUTPUTS
from shoal.warn import warn

Array = NDArray[np.floating]


class Forward(NamedTuple):
    """Equations [1] to [4] of every example: Z1, A1 (n_h, m) and Z2, A2 (n_y, m)."""

    Z1: Array
    A1: Array
    Z2: Array
    A2: Array

    def __str__(self) -> str:
        marks = (
            "[1] Z1 = W1 X + b1 ",
            "[2] A1 = g(Z1)     ",
            "[3] Z2 = W2 A1 + b2",
            "[4] A2 = σ(Z2)     ",
        )
        return "\n".join(f"{mark}  {_summary(V)}" for mark, V in zip(marks, self, strict=True))


def _summary(V: Array, most: int = 4) -> str:
    numbers = " ".join(f"{v:9.4g}" for v in V.reshape(-1)[:most])
    return f"{V.shape!s:<12} {numbers}{' …' if V.size > most else ''}"


class Network:
    """One hidden layer with its four matrices, and everything the lecture does with them.

    A network is a value: nothing changes it, and training returns another one.

    Parameters
    ----------
    W1, b1, W2, b2 : arrays of shape (n_h, n_x), (n_h, 1), (n_y, n_h), (n_y, 1)
        Finite numbers. With n_h = 0, W1 is (0, n_x), b1 is (0, 1) and W2 is (n_y, n_x). It computes
        in float32 if all four are float32, else in float64.
    activation : {"tanh", "relu", "leaky_relu", "sigmoid", "identity"}
        g, of the hidden layer.
    output : {"sigmoid", "softmax", "identity", "poisson"}
        σ, of the output layer; it brings its loss, so that dZ2 = A2 - Y.

    Raises
    ------
    SettingError
        When the shapes do not fit each other, or a number is not finite.

    See Also
    --------
    ShoalClassifier, ShoalRegressor : Estimators, which take rows and encode them.
    gradient_check : Compares each equation with differences of the cost.

    References
    ----------
    A. Ng, "Neural Networks and Deep Learning", week 3: "Shallow neural networks".

    Examples
    --------
    >>> net = Network.initialise(n_x=2, n_h=4, n_y=1, seed=3)
    >>> net
    Network(n_x=2, n_h=4, n_y=1, tanh → sigmoid, 17 parameters, float64)
    """

    def __init__(
        self,
        W1: ArrayLike,
        b1: ArrayLike,
        W2: ArrayLike,
        b2: ArrayLike,
        *,
        activation: str = "tanh",
        output: str = "sigmoid",
    ) -> None:
        matrices = [np.asarray(V) for V in (W1, b1, W2, b2)]
        if any(V.ndim != 2 for V in matrices):
            shapes = ", ".join(str(V.shape) for V in matrices)
            raise SettingError(
                f"W1, b1, W2, b2 must be (n_h, n_x), (n_h, 1), (n_y, n_h), (n_y, 1), but are {shapes}."
            )
        dtype = np.float32 if all(V.dtype == np.float32 for V in matrices) else np.float64
        (n_h, n_x), n_y = matrices[0].shape, len(matrices[2])
        self.architecture = architecture(n_x, n_h, n_y, activation, output)
        for name, V, shape in zip(
            Parameters._fields, matrices, self.architecture.shapes, strict=True
        ):
            if V.shape != shape:
                raise SettingError(f"{name} must have shape {shape}, but has {V.shape}.")
            if not np.isfinite(V).all():
                raise SettingError(f"{name} contains NaN or infinity: expected finite numbers.")
        self._vector = self.architecture.flatten(Parameters(*matrices), dtype)
        self._vector.flags.writeable = False

    @classmethod
    def initialise(
        cls,
        n_x: int,
        n_h: int,
        n_y: int = 1,
        *,
        seed: int = 0,
        scale: float | str = LECTURE,
        activation: str = "tanh",
        output: str = "sigmoid",
        dtype: DTypeLike = np.float64,
    ) -> "Network":
        """Draw the weights: `scale` × a standard normal, the biases zero.

        Parameters
        ----------
        n_x, n_h, n_y : int
            Numbers of features, of hidden units (0: none) and of outputs.
        seed : int
            Of the draw, which is the same on every machine.
        scale : float or {"lecture", "glorot", "he", "zeros", "auto"}
            Standard deviation of the weights, or a scheme; "lecture" is 0.01. "auto" draws b1 too.
        activation, output : str
            As of the class.
        dtype : {float64, float32}
            Precision.

        Returns
        -------
        Network

        Raises
        ------
        SettingError
            For a size or a scale that is not allowed.
        """
        shape = architecture(n_x, n_h, n_y, activation, output)
        check_init("scale", scale)
        drawn = initialise(n_x, n_h, n_y, key=seed, init=scale, activation=activation)
        return cls._of(shape, shape.flatten(drawn, dtype))

    @classmethod
    def _of(cls, shape: Architecture, vector: Array) -> "Network":
        network = cls.__new__(cls)
        network.architecture = shape
        network._vector = vector
        network._vector.flags.writeable = False
        return network

    @property
    def parameters(self) -> Parameters:
        """W1, b1, W2, b2 as read-only views."""
        return self.architecture.unflatten(self._vector)

    @property
    def W1(self) -> Array:
        """Weights into the hidden layer, (n_h, n_x)."""
        return self.parameters.W1

    @property
    def b1(self) -> Array:
        """Biases of the hidden layer, (n_h, 1)."""
        return self.parameters.b1

    @property
    def W2(self) -> Array:
        """Weights into the output layer, (n_y, n_h)."""
        return self.parameters.W2

    @property
    def b2(self) -> Array:
        """Biases of the output layer, (n_y, 1)."""
        return self.parameters.b2

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64: the precision of all that this network computes."""
        return self._vector.dtype

    @property
    def vector(self) -> Array:
        """All parameters as one read-only vector: W1, b1, W2, b2, each by rows."""
        return self._vector

    def forward(self, X: ArrayLike) -> Forward:
        """Compute [1] to [4].

        Parameters
        ----------
        X : array of shape (n_x, m)
            One column is one example.

        Returns
        -------
        Forward
            Z1, A1 of shape (n_h, m), and Z2, A2 of shape (n_y, m); it prints as a table.

        Raises
        ------
        DataError
            When X has another shape.
        """
        rows = self._rows(X)
        return Forward(*engine.forward(self.architecture, self._vector, rows, threads()))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """What the network decides for each example.

        Parameters
        ----------
        X : array of shape (n_x, m)
            One column is one example.

        Returns
        -------
        array
            sigmoid: 1 where A2 > 0.5, else 0, shape (n_y, m); softmax: the number of the class,
            shape (1, m); identity and poisson: A2 itself, shape (n_y, m).
        """
        A2 = engine.predict(self.architecture, self._vector, self._rows(X), threads())
        if self.architecture.output == "sigmoid":
            return (A2 > 0.5).astype(np.int64)
        if self.architecture.output == "softmax":
            return A2.argmax(axis=0)[np.newaxis]
        return A2

    def cost(self, X: ArrayLike, Y: ArrayLike, weights: ArrayLike | None = None) -> float:
        """J, the mean loss over the examples.

        Parameters
        ----------
        X, Y : arrays of shape (n_x, m) and (n_y, m)
            Examples and their targets.
        weights : array of m numbers, optional
            From 0 on, not all 0; 1 each by default.

        Returns
        -------
        float
            In nats, or half squared units for identity; finite also for a confident mistake.

        Raises
        ------
        DataError
            When an array has another shape, or a number that is not finite.
        """
        examples = self._examples(X, Y, weights)
        total = engine.sums(self.architecture, self._vector, examples, threads(), gradients=False)
        return total.loss / total.weight

    def gradients(self, X: ArrayLike, Y: ArrayLike, weights: ArrayLike | None = None) -> Gradients:
        """Compute [5] to [10]: dW1, db1, dW2, db2 of the cost; dZ1, dZ2 of each example.

        The four sums are the kernel's, which keeps no dZ; these two are made from its A1, A2.

        Parameters
        ----------
        X, Y, weights : as of `cost`
            Examples, their targets and weights.

        Returns
        -------
        Gradients
            With the fields dW1, db1, dW2, db2, of the shapes of the parameters, and dZ1 (n_h, m),
            dZ2 (n_y, m).

        Raises
        ------
        DataError
            As of `cost`.
        """
        examples = self._examples(X, Y, weights)
        total = engine.sums(self.architecture, self._vector, examples, threads())
        mean = self.architecture.unflatten((total.gradient / total.weight).astype(self.dtype))
        _, columns_Y, w = examples.columns(self.architecture.n_y)
        step = self.forward(X)
        dZ2 = (step.A2 - columns_Y) if w is None else w * (step.A2 - columns_Y)  # [5]
        dZ1 = step.Z1
        if self.architecture.n_h:
            dZ1 = (self.W2.T @ dZ2) * self.architecture.g.slope(step.A1)  # [8]
        return Gradients(*mean, dZ1=dZ1, dZ2=dZ2)

    def descend(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        *,
        learning_rate: float = 1.2,
        iterations: int = 10_000,
        tol: float | None = None,
        weights: ArrayLike | None = None,
    ) -> tuple["Network", NDArray[np.float64]]:
        """Full-batch gradient descent: forward, backward, update, `iterations` times.

        Parameters
        ----------
        X, Y, weights : as of `cost`
            Examples, their targets and weights.
        learning_rate : float
            α, above 0.
        iterations : int
            Number of updates, from 0 on.
        tol : float, optional
            End as soon as an iteration moves no parameter by more than this.

        Returns
        -------
        network : Network
            The trained network. If the cost stops being a number, or the call is interrupted, a
            warning says so, and it is the best network seen.
        costs : array
            The cost before each update.

        Raises
        ------
        DataError, SettingError
            For examples or settings that are not allowed.

        Examples
        --------
        >>> X, Y = np.array([[0.0, 0, 1, 1], [0, 1, 0, 1]]), np.array([[0.0, 1, 1, 0]])
        >>> net = Network.initialise(n_x=2, n_h=4, n_y=1, seed=3, scale=1.0)
        >>> trained, costs = net.descend(X, Y, learning_rate=1.2, iterations=2000)
        >>> trained.predict(X)
        array([[0, 1, 1, 0]])
        """
        check_number("learning_rate", learning_rate, open_at=(0.0,))
        check_whole("iterations", iterations, least=0)
        if tol is not None and not tol >= 0:
            raise SettingError(f"tol={tol}: expected None, or a number from 0 on.")
        budget = Budget(0, iterations, converged=-1.0 if tol is None else tol)
        rule = Rule("gd", learning_rate)
        outcome = engine.train(
            self.architecture, rule, budget, self._examples(X, Y, weights),
            start(self._vector, "gd"), threads(),
        )  # fmt: skip
        if outcome.ending in ("diverged", "interrupted"):
            why = {
                "diverged": f"the cost is no longer a number. Try learning_rate={learning_rate / 10:g}",
                "interrupted": "the call was interrupted",
            }[outcome.ending]
            warn(
                f"descent ended after {len(outcome.losses):,} of {iterations:,} iterations: {why}. "
                "The best network seen is returned."
            )
            return self._of(self.architecture, outcome.state.best), outcome.losses
        return self._of(self.architecture, outcome.state.parameters), outcome.losses

    def _rows(self, X: ArrayLike) -> Array:
        columns = np.asarray(X, self.dtype)
        n_x = self.architecture.n_x
        if columns.ndim != 2 or len(columns) != n_x:
            raise DataError(
                f"X must have shape ({n_x}, m), one column per example, but has shape "
                f"{columns.shape}. If your examples are rows, pass X.T."
            )
        return np.ascontiguousarray(columns.T)

    def _examples(self, X: ArrayLike, Y: ArrayLike, weights: ArrayLike | None) -> Examples:
        rows, targets = self._rows(X), np.asarray(Y, self.dtype)
        expected = (self.architecture.n_y, len(rows))
        if targets.shape != expected:
            raise DataError(f"Y must have shape {expected}, but has {targets.shape}.")
        if not len(rows):
            raise DataError("X has no columns: expected at least one example.")
        for name, array in (("X", rows), ("Y", targets)):
            if not np.isfinite(array).all():
                raise DataError(f"{name} contains NaN or infinity: expected finite numbers.")
        if self.architecture.output == "poisson":
            check_rates(targets.T)
        if (
            self.architecture.output in ("sigmoid", "softmax")
            and not ((targets >= 0) & (targets <= 1)).all()
        ):
            raise DataError(f"Y must have numbers from 0 to 1 for {self.architecture.output}.")
        w = None if weights is None else np.asarray(weights, self.dtype).reshape(-1)
        if w is not None and (
            len(w) != len(rows) or not (w >= 0).all() or not np.isfinite(w).all() or not w.sum() > 0
        ):
            raise DataError(f"weights must be {len(rows)} numbers from 0 on, not all 0.")
        return Examples(rows, np.ascontiguousarray(targets.T), None, w)

    def __repr__(self) -> str:
        a = self.architecture
        return (
            f"Network(n_x={a.n_x}, n_h={a.n_h}, n_y={a.n_y}, {a.activation} → {a.output}, "
            f"{a.n_parameters:,} parameters, {self.dtype})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Network):
            return NotImplemented
        return self.architecture == other.architecture and np.array_equal(
            self._vector, other._vector
        )

    def __hash__(self) -> int:
        return hash((self.architecture, self._vector.tobytes()))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._vector.flags.writeable = False  # pickle forgets it


def architecture(n_x: int, n_h: int, n_y: int, activation: str, output: str) -> Architecture:
    """The architecture, if there can be such a one. Raises SettingError if not."""
    check_whole("n_x", n_x, least=1)
    check_whole("n_h", n_h, least=0)
    check_whole("n_y", n_y, least=1)
    check_choice("activation", activation, ACTIVATIONS)
    check_choice("output", output, OUTPUTS)
    if output == "softmax" and n_y == 1:
        raise SettingError('output="softmax" with n_y=1 would always say 1. Use output="sigmoid".')
    return Architecture(int(n_x), int(n_h), int(n_y), activation, output)

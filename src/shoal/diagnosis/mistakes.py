"""The classic mistakes in [5] to [10] and in the step, each as the wrong formula that it is.

Of every equation the first formula is the right one. A mistake is a wrong formula, a wrong factor
(a sign, a 1/m), or both. The numbers of `PROBLEMS` are such that any two of them give different
arrays; tests/laws/test_tutor.py holds every pair apart.

Letters as in `network/equations.py`, with g = tanh and σ = sigmoid; V is a parameter, dV its gradient.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.network.activations import ACTIVATIONS
from shoal.network.draws import normal, uniform
from shoal.network.equations import Activations, Gradients, Parameters, backward, forward
from shoal.network.outputs import OUTPUTS

Array = NDArray[np.floating]

TANH, SIGMOID = ACTIVATIONS["tanh"], OUTPUTS["sigmoid"]


class Problem(NamedTuple):
    """What a learner's function is given, and what it should find."""

    title: str
    parameters: Parameters
    cache: Activations
    X: Array
    Y: Array
    truth: Gradients


class Operands(NamedTuple):
    """What [5] to [10] are computed from: a problem, with the dZ2 and dZ1 that somebody found."""

    W1: Array
    b1: Array
    W2: Array
    b2: Array
    Z1: Array
    A1: Array
    Z2: Array
    A2: Array
    X: Array
    Y: Array
    dZ2: Array
    dZ1: Array

    @property
    def m(self) -> int:
        """The number of examples."""
        return self.X.shape[1]


class StepOperands(NamedTuple):
    """What the step of one parameter is computed from."""

    V: Array
    dV: Array
    learning_rate: float


class Formula(NamedTuple):
    """A way to compute an array; unless it is the right one, with a name and what is wrong."""

    name: str
    says: str
    of: Callable[[Any], Array]


class Candidate(NamedTuple):
    """A formula times a factor: the names of its mistakes, what is wrong, and the array."""

    mistakes: tuple[str, ...]
    says: str
    of: Callable[[Any], Array]


def _right(of: Callable[[Any], Array]) -> Formula:
    return Formula("", "", of)


def _sum(V: Array) -> Array:
    return np.sum(V, axis=1, keepdims=True)


def _slope(c: Operands) -> Array:
    return TANH.slope(c.A1)


def _weights(dZ: str, A: str) -> tuple[Formula, ...]:
    """[6] or [9]: dZ Aᵀ / m."""
    other, wrong = ("dZ1", "X") if A == "A1" else ("dZ2", "A1")

    def pair(c: Operands, left: str = dZ, right: str = A) -> tuple[Array, Array]:
        return getattr(c, left), getattr(c, right)

    def product(c: Operands, left: str = dZ, right: str = A) -> Array:
        U, V = pair(c, left, right)
        return U @ V.T / c.m

    return (
        _right(product),
        Formula(f"{wrong}-for-{A}", f"{wrong} stands in place of {A}", lambda c: product(c, dZ, wrong)),
        Formula(f"Z1-for-{A}", f"Z1 stands in place of {A}", lambda c: product(c, dZ, "Z1")),
        Formula(f"{other}-for-{dZ}", f"{other} stands in place of {dZ}", lambda c: product(c, other, A)),
        Formula(f"A{dZ[-1]}-for-{dZ}", f"A{dZ[-1]} stands in place of {dZ}", lambda c: product(c, f"A{dZ[-1]}", A)),
        Formula(
            "transposed", f"the result is transposed: {dZ} comes first, then {A}ᵀ",
            lambda c: product(c).T,
        ),
        Formula("not-transposed", f"{A} is not transposed", lambda c: pair(c)[0] @ pair(c)[1] / c.m),
        Formula("wrong-one-transposed", f"{dZ} is transposed in place of {A}", lambda c: pair(c)[0].T @ pair(c)[1] / c.m),
        Formula(
            "elementwise-for-product", f"* stands where the matrix product belongs: {dZ} @ {A}.T adds up the examples",
            lambda c: pair(c)[0] * pair(c)[1] / c.m,
        ),
        Formula("first-example-only", "only the first example enters", lambda c: pair(c)[0][:, :1] @ pair(c)[1][:, :1].T / c.m),
        Formula("last-example-only", "only the last example enters", lambda c: pair(c)[0][:, -1:] @ pair(c)[1][:, -1:].T / c.m),
    )  # fmt: skip


def _biases(dZ: str) -> tuple[Formula, ...]:
    """[7] or [10]: Σ dZ / m over the examples, which are the columns."""
    other = "dZ1" if dZ == "dZ2" else "dZ2"

    def own(c: Operands) -> Array:
        V: Array = getattr(c, dZ)
        return V

    cure = f"np.sum({dZ}, axis=1, keepdims=True)"
    return (
        _right(lambda c: _sum(own(c)) / c.m),
        Formula(
            "keepdims-lost", f"its shape is (n,), not (n, 1): NumPy would spread it over other axes. Write {cure}",
            lambda c: np.sum(own(c), axis=1) / c.m,
        ),
        Formula("wrong-axis", f"the sum goes over axis 0, the units. The examples are axis 1: {cure}", lambda c: np.sum(own(c), axis=0, keepdims=True) / c.m),
        Formula("wrong-axis", f"the sum goes over axis 0, the units, and loses it. The examples are axis 1: {cure}", lambda c: np.sum(own(c), axis=0) / c.m),
        Formula("sum-over-everything", f"the sum goes over the units as well. Write {cure}", lambda c: np.sum(own(c)) / c.m),
        Formula("sum-over-everything", f"the sum goes over the units as well. Write {cure}", lambda c: np.sum(own(c), keepdims=True) / c.m),
        Formula("not-summed", f"{dZ} is not summed over the examples. Write {cure}", lambda c: own(c) / c.m),
        Formula("transposed", f"it lies on its side, (1, n) in place of (n, 1). Write {cure}", lambda c: _sum(own(c)).T / c.m),
        Formula(f"{other}-for-{dZ}", f"{other} stands in place of {dZ}", lambda c: _sum(getattr(c, other)) / c.m),
        Formula(f"A{dZ[-1]}-for-{dZ}", f"A{dZ[-1]} stands in place of {dZ}", lambda c: _sum(getattr(c, f"A{dZ[-1]}")) / c.m),
        Formula("first-example-only", "only the first example enters", lambda c: own(c)[:, :1] / c.m),
        Formula("last-example-only", "only the last example enters", lambda c: own(c)[:, -1:] / c.m),
    )  # fmt: skip


FORMULAS: dict[str, tuple[Formula, ...]] = {
    "dZ2": (
        _right(lambda c: c.A2 - c.Y),  # [5]
        Formula("output-slope", "it is multiplied by σ'(Z2), which has cancelled against the slope of the loss. Leave it out", lambda c: (c.A2 - c.Y) * c.A2 * (1 - c.A2)),
        Formula("slope-by-A2", "this is the slope of the loss by A2. By Z2 it is A2 - Y", lambda c: (c.A2 - c.Y) / (c.A2 * (1 - c.A2))),
        Formula("hidden-slope", "it is multiplied by g', which belongs in [8]", lambda c: (c.A2 - c.Y) * (1 - c.A2**2)),
        Formula("no-target", "Y is not subtracted", lambda c: c.A2),
        Formula("target-added", "Y is added, not subtracted", lambda c: c.A2 + c.Y),
        Formula("Z2-for-A2", "Z2 stands in place of A2", lambda c: c.Z2 - c.Y),
        Formula("rounded-answer", "A2 is rounded to 0 or 1 first", lambda c: (c.A2 > 0.5) - c.Y),
        Formula("squared", "the difference is squared, as in a loss. Its slope is A2 - Y", lambda c: (c.A2 - c.Y) ** 2),
        Formula("absolute", "the sign is lost: A2 - Y is negative where A2 is too small", lambda c: np.abs(c.A2 - c.Y)),
        Formula("loss-for-slope", "this is the loss. Its slope is A2 - Y", lambda c: SIGMOID.loss(c.Z2, c.Y) + np.zeros_like(c.Y)),
    ),
    "dW2": (  # [6]
        *_weights("dZ2", "A1"),
        Formula("axis-lost", "an axis is lost: keep both, also where there is one output", lambda c: np.squeeze(c.dZ2 @ c.A1.T / c.m)),
    ),
    "db2": _biases("dZ2"),  # [7]
    "dZ1": (
        _right(lambda c: (c.W2.T @ c.dZ2) * _slope(c)),  # [8]
        Formula("W2-not-transposed", "W2 stands where W2ᵀ belongs: each unit adds up what it did to every output", lambda c: (c.W2 @ c.dZ2) * _slope(c)),
        Formula("product-for-elementwise", "a matrix product stands where * belongs: each entry has its own slope", lambda c: (c.W2.T @ c.dZ2) @ _slope(c)),
        Formula("product-for-elementwise", "a matrix product stands where * belongs: each entry has its own slope", lambda c: (c.W2.T @ c.dZ2) @ _slope(c).T),
        Formula("elementwise-for-product", "* stands where the matrix product W2.T @ dZ2 belongs, which adds up the outputs", lambda c: c.W2.T * c.dZ2 * _slope(c)),
        Formula("slope-of-Z1", "1 - Z1² stands in place of g'(Z1). It is 1 - A1², as A1 = tanh(Z1)", lambda c: (c.W2.T @ c.dZ2) * (1 - c.Z1**2)),
        Formula("no-slope", "the factor g'(Z1) = 1 - A1² is missing", lambda c: c.W2.T @ c.dZ2),
        Formula("not-squared", "1 - A1 stands in place of 1 - A1²", lambda c: (c.W2.T @ c.dZ2) * (1 - c.A1)),
        Formula("activation-for-slope", "A1 stands in place of its slope 1 - A1²", lambda c: (c.W2.T @ c.dZ2) * c.A1),
        Formula("square-for-slope", "A1² stands in place of 1 - A1²", lambda c: (c.W2.T @ c.dZ2) * c.A1**2),
        Formula("plus-in-slope", "1 + A1² stands in place of 1 - A1²", lambda c: (c.W2.T @ c.dZ2) * (1 + c.A1**2)),
        Formula("tanh-twice", "tanh is applied twice: A1 is tanh(Z1) already, and g'(Z1) is 1 - A1²", lambda c: (c.W2.T @ c.dZ2) * (1 - np.tanh(c.A1) ** 2)),
        Formula("slope-twice", "g'(Z1) enters twice", lambda c: (c.W2.T @ c.dZ2) * _slope(c) ** 2),
        Formula("sigmoid-slope", "A1 (1 - A1) is the slope of sigmoid. Of tanh it is 1 - A1²", lambda c: (c.W2.T @ c.dZ2) * c.A1 * (1 - c.A1)),
        Formula("relu-slope", "this is the slope of relu. Of tanh it is 1 - A1²", lambda c: (c.W2.T @ c.dZ2) * (c.Z1 > 0)),
        Formula("slope-of-A2", "the slope is taken of A2. It is that of the hidden layer, 1 - A1²", lambda c: (c.W2.T @ c.dZ2) * (1 - c.A2**2)),
        Formula("A2-for-dZ2", "A2 stands in place of dZ2", lambda c: (c.W2.T @ c.A2) * _slope(c)),
        Formula("W1-for-W2", "W1 stands in place of W2", lambda c: (c.W1.T @ c.dZ2) * _slope(c)),
        Formula("W1-for-W2", "W1 stands in place of W2ᵀ", lambda c: (c.W1 @ c.dZ2) * _slope(c)),
        Formula("no-W2", "the factor W2ᵀ is missing", lambda c: c.dZ2 * _slope(c)),
    ),
    "dW1": _weights("dZ1", "X"),  # [9]
    "db1": _biases("dZ1"),  # [10]
}  # fmt: skip

STEP: tuple[Formula, ...] = (
    _right(lambda c: c.V - c.learning_rate * c.dV),
    Formula("not-updated", "it comes back as it was given", lambda c: c.V),
    Formula("plus-for-minus", "the step goes uphill: subtract, do not add", lambda c: c.V + c.learning_rate * c.dV),
    Formula("no-learning-rate", "the learning rate is missing", lambda c: c.V - c.dV),
    Formula("updated-twice", "the step is taken twice: it was updated in place before it was used", lambda c: c.V - 2 * c.learning_rate * c.dV),
    Formula("step-alone", "this is the step itself: subtract it from the old value", lambda c: c.learning_rate * c.dV),
    Formula("step-alone", "this is the step itself: add it to the old value", lambda c: -c.learning_rate * c.dV),
    Formula("gradient-alone", "this is the gradient itself", lambda c: c.dV),
    Formula("rate-on-everything", "the learning rate multiplies the old value too", lambda c: c.learning_rate * (c.V - c.dV)),
    Formula("divided-by-rate", "the gradient is divided by the learning rate", lambda c: c.V - c.dV / c.learning_rate),
    Formula("own-value-for-gradient", "its own value stands in place of its gradient", lambda c: c.V - c.learning_rate * c.V),
    Formula("transposed", "it is transposed", lambda c: (c.V - c.learning_rate * c.dV).T),
)  # fmt: skip

Factor = tuple[str, str, Callable[[Operands], float]]
_SIGNS: tuple[Factor, ...] = (
    ("", "", lambda c: 1.0),
    ("wrong-sign", "the sign is reversed", lambda c: -1.0),
)
# A mean over the examples may be divided by something else.
_SIZES: tuple[Factor, ...] = (
    ("", "", lambda c: 1.0),
    ("not-divided-by-m", "1/m is missing: a gradient is the mean over the examples", lambda c: c.m),
    ("divided-by-m-twice", "1/m enters twice", lambda c: 1 / c.m),
    ("divided-by-n_x", "it is divided by n_x, the number of features, not by m. The examples are columns: m = X.shape[1]", lambda c: c.m / len(c.X)),
    ("divided-by-n_h", "it is divided by n_h, the number of units, not by m. The examples are columns: m = X.shape[1]", lambda c: c.m / len(c.A1)),
    ("divided-by-n_y", "it is divided by n_y, the number of outputs, not by m. The examples are columns: m = X.shape[1]", lambda c: c.m / len(c.Y)),
    ("divided-by-m-minus-1", "it is divided by m - 1, not by m", lambda c: c.m / (c.m - 1)),
    ("doubled", "it is twice as large", lambda c: 2.0),
    ("halved", "it is half as large", lambda c: 0.5),
)  # fmt: skip
# A dZ belongs to one example.
_SIZES_OF_DZ: tuple[Factor, ...] = (
    ("", "", lambda c: 1.0),
    ("divided-by-m", "it is divided by m. That belongs in the means that follow: dZ is of one example", lambda c: 1 / c.m),
    ("doubled", "it is twice as large", lambda c: 2.0),
)  # fmt: skip


@cache
def candidates(name: str) -> tuple[Candidate, ...]:
    """What an array may have been computed by: the right way, then those with most right in them."""
    sizes = _SIZES_OF_DZ if name.startswith("dZ") else _SIZES
    found = [
        Candidate(*_told([formula[:2], sign[:2], size[:2]]), _scaled(formula.of, sign[2], size[2]))
        for formula in FORMULAS[name]
        for sign in _SIGNS
        for size in sizes
    ]
    return tuple(sorted(found, key=lambda each: len(each.mistakes)))


def step_candidates() -> list[Candidate]:
    """The same of a parameter after the step."""
    return [Candidate(*_told([formula[:2]]), formula.of) for formula in STEP]


def _told(parts: list[tuple[str, str]]) -> tuple[tuple[str, ...], str]:
    wrong = [(name, says) for name, says in parts if name]
    return tuple(name for name, _ in wrong), "; and ".join(says for _, says in wrong)


def _scaled(of: Callable[[Any], Array], *factors: Callable[[Operands], float]) -> Callable[[Any], Array]:  # fmt: skip
    return lambda c: np.asarray(of(c) * np.prod([factor(c) for factor in factors]))


# --- the numbers ----------------------------------------------------------------------------

# One output; three; and as many of everything, where wrong products have shapes that fit. The
# first two differ in all four sizes, and no quotient of m by another is a factor of its own.
SIZES = (
    ("one output", (2, 4, 1, 7)),
    ("three outputs", (2, 4, 3, 7)),
    ("as many features, units, outputs and examples", (3, 3, 3, 3)),
)
KEY = 28  # of the draw: any, as long as the test finds every pair apart


@cache
def problems() -> tuple[Problem, ...]:
    """The problems that a learner's function is called with."""
    return tuple(_problem(title, sizes, KEY + i) for i, (title, sizes) in enumerate(SIZES))


def _problem(title: str, sizes: tuple[int, int, int, int], key: int) -> Problem:
    n_x, n_h, n_y, m = sizes
    shapes = ((n_h, n_x), (n_h, 1), (n_y, n_h), (n_y, 1))
    parameters = Parameters(
        *(normal(key, i, int(np.prod(shape))).reshape(shape) for i, shape in enumerate(shapes))
    )
    X = normal(key, 4, n_x * m).reshape(n_x, m)
    Y = (uniform(key, 5, n_y * m).reshape(n_y, m) > 0.5).astype(np.float64)
    cache = forward(parameters, X, TANH, SIGMOID)
    return Problem(title, parameters, cache, X, Y, backward(parameters, cache, X, Y, TANH))


def operands(problem: Problem, dZ2: Array, dZ1: Array) -> Operands:
    """A problem's numbers, with these in the place of [5] and [8]."""
    return Operands(*problem.parameters, *problem.cache, problem.X, problem.Y, dZ2, dZ1)


def steps(problem: Problem, learning_rate: float) -> Iterator[tuple[str, StepOperands]]:
    """The name of each parameter, and what its step is computed from."""
    for name, V, dV in zip(Parameters._fields, problem.parameters, problem.truth[:4], strict=True):
        yield name, StepOperands(V, dV, learning_rate)

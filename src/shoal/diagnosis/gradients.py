"""The gradient check: each of the ten equations against the cost, by finite differences.

    [1]-[4]   the kernel's Z1, A1, Z2, A2 against the plain equations, each from the kernel's
              own quantity before it, so that a fault in one is not seen in the next
    [6] [7] [9] [10]   dW2, db2, dW1, db1: the means over all examples that training uses
    [5] [8]   dZ2, dZ1: the kernel keeps neither. But with one example alone, db2 is its dZ2,
              and dW2 is dZ2 A1ᵀ; so each is shown through what it enters, by two witnesses,
              and is faulty when both say so. dZ1 likewise, through db1 and dW1.

The truth is a central difference of fourth order of the cost,

    ∂J/∂θ ≈ (8 J(θ+h) - 8 J(θ-h) - J(θ+2h) + J(θ-2h)) / 12h

always from the plain equations in float64, at the very parameters and numbers that the
kernel was given. h is such that no Z moves by more than `STEP`. Where a step takes an
example over the kink of relu, the difference says nothing: such entries are counted and
set aside.

An error is the largest difference in an array, relative to the largest entry of the truth
(or, where the terms of a sum cancel, to a hundredth of what they add up to without sign).
Source of the formula: Abramowitz and Stegun, 25.3.21 (first derivative, five points).
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.compute.engine import Engine
from shoal.compute.engine import engine as this_engine
from shoal.data.rows.examples import Examples, dense
from shoal.network.architecture import Architecture
from shoal.network.equations import Parameters, forward
from shoal.training.network import Network

Array = NDArray[np.floating]

STEP = {"smooth": 1e-3, "kinked": 1e-5}  # of Z: (1e-3)⁴ and rounding / 1e-3 are both ≈ 1e-12
KINKED = ("relu", "leaky_relu")
TOLERANCES = {"float64": 1e-6, "float32": 1e-3}
EXAMPLES = 600  # of many, so many are used: two blocks of the tree
ALONE = 16  # of them, so many are also looked at one by one
ENTRIES = 24  # of each matrix
CANCELLED = 1e-2  # of the sum without signs: below it, rounding is what is left of a sum
NOTHING = 1e-4  # a gradient as small as this, per unit of Z, counts as none

EQUATIONS = {
    "Z1": ("[1]", "Z1 = W1 X + b1"),
    "A1": ("[2]", "A1 = g(Z1)"),
    "Z2": ("[3]", "Z2 = W2 A1 + b2"),
    "A2": ("[4]", "A2 = σ(Z2)"),
    "J": ("", "J = Σ L(A2, Y) / m"),
    "dZ2": ("[5]", "dZ2 = A2 - Y"),
    "dW2": ("[6]", "dW2 = dZ2 A1ᵀ / m"),
    "db2": ("[7]", "db2 = Σ dZ2 / m"),
    "dZ1": ("[8]", "dZ1 = W2ᵀ dZ2 ∗ g'(Z1)"),
    "dW1": ("[9]", "dW1 = dZ1 Xᵀ / m"),
    "db1": ("[10]", "db1 = Σ dZ1 / m"),
}


class Entry(NamedTuple):
    """One number of an array: where it is, what the kernel says, what the difference says."""

    at: tuple[int, int]  # row and column, from 0; of dZ the column is the example
    kernel: float
    truth: float


class Checked(NamedTuple):
    """How one equation fared in one precision."""

    name: str
    dtype: str
    error: float  # relative, as told at the top of this file
    worst: Entry
    entries: int  # that were compared
    aside: int  # entries whose step crossed a kink

    @property
    def passed(self) -> bool:
        """Whether the error is one of rounding."""
        return self.error <= TOLERANCES[self.dtype]  # a NaN is not


class GradientCheck(NamedTuple):
    """What `gradient_check` found: a line for each equation and precision."""

    lines: tuple[Checked, ...]
    n_examples: int

    @property
    def passed(self) -> bool:
        """Whether every equation holds in every precision."""
        return all(line.passed for line in self.lines)

    @property
    def first_faulty(self) -> str | None:
        """The first equation that does not hold, such as "[8] dZ1 = …"; None if all do."""
        for name, (mark, formula) in EQUATIONS.items():
            if any(line.name == name and not line.passed for line in self.lines):
                return f"{mark} {formula}".strip()
        return None

    @property
    def worst(self) -> Checked:
        """The line with the largest error beside its tolerance."""
        return max(self.lines, key=lambda line: _nan_last(line.error / TOLERANCES[line.dtype]))

    @property
    def aside(self) -> int:
        """How many entries were set aside because their step crossed a kink."""
        return sum(line.aside for line in self.lines)

    def __str__(self) -> str:
        dtypes = list(dict.fromkeys(line.dtype for line in self.lines))
        rows = [f"{'':31}{''.join(f'{dtype:>14}' for dtype in dtypes)}"]
        for name, (mark, formula) in EQUATIONS.items():
            cells = [
                f"{line.error:>12.1e} {'✓' if line.passed else '✗'}"
                for line in self.lines
                if line.name == name
            ]
            if cells:
                rows.append(f"{mark:>4} {formula:<26}{''.join(cells)}")
        worst = self.worst
        rows.append(
            f"{self.n_examples} examples; worst: {worst.name}{list(worst.worst.at)} in {worst.dtype}, "
            f"{worst.worst.kernel:.9g} where the cost says {worst.worst.truth:.9g}"
        )
        if self.aside:
            rows.append(f"{self.aside} entries set aside: their step crosses a kink")
        faulty = self.first_faulty
        rows.append("all equations hold" if faulty is None else f"first faulty equation: {faulty}")
        return "\n".join(rows)

    def __repr__(self) -> str:
        return str(self)


def gradient_check(
    network: Network,
    X: ArrayLike,
    Y: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    engine: Engine = this_engine,
) -> GradientCheck:
    """Compare the kernel that trains, equation by equation, with differences of the cost.

    Both precisions are checked, each at its own rounded parameters.

    Parameters
    ----------
    network : Network
        Its activation, output and parameters are those checked.
    X, Y : arrays of shape (n_x, m) and (n_y, m)
        Examples and their targets; of many examples 600, evenly spread, are used, and of a large
        matrix 24 entries.
    weights : array of m numbers, optional
        Weights of the examples.
    engine : Engine
        Who computes; by default the engine that trains.

    Returns
    -------
    GradientCheck
        Prints as a table with a line for each equation and the relative error in each precision;
        `passed`, `first_faulty` and `worst` are for programs.

    Raises
    ------
    DataError
        When X or Y do not fit the network.

    Examples
    --------
    >>> net = Network.initialise(n_x=2, n_h=3, n_y=1, seed=3, scale=0.5)
    >>> check = gradient_check(net, [[0.1, 0.7, -1.0], [0.3, -0.2, 0.4]], [[0, 1, 1]])
    >>> check.passed, check.first_faulty
    (True, None)
    """
    some = network._examples(X, Y, weights)
    if some.m > EXAMPLES:
        rows = np.linspace(0, some.m - 1, EXAMPLES).astype(np.uint32)
        some = _converted(some, lambda V: np.ascontiguousarray(V[rows]))
    lines = [
        line
        for dtype in ("float64", "float32")
        for line in _Check(network.architecture, network.vector, some, dtype, engine).lines()
    ]
    return GradientCheck(tuple(lines), some.m)


class _Check:
    """The check in one precision. Capital letters are float64 twins of what the kernel got."""

    def __init__(
        self, shape: Architecture, vector: Array, examples: Examples, dtype: str, engine: Engine
    ) -> None:
        self.shape, self.dtype, self.engine = shape, dtype, engine
        self.vector = vector.astype(dtype)
        self.examples = _converted(examples, lambda V: np.ascontiguousarray(V, dtype))
        self.parameters = Parameters(*(V.astype(np.float64) for V in shape.unflatten(self.vector)))
        X, Y, w = self.examples.columns(shape.n_y)
        self.X, self.Y = X.astype(np.float64), Y.astype(np.float64)
        self.w = np.ones((1, X.shape[1])) if w is None else w.astype(np.float64)
        self.step = STEP["kinked" if shape.activation in KINKED else "smooth"]
        self.plain = forward(self.parameters, self.X, shape.g, shape.sigma)
        # What dZ2 and dZ1 are differences of: their rounding is in proportion to it.
        sizes = self.w * (np.abs(self.plain.A2) + np.abs(self.Y))
        self.size_dZ2 = float(sizes.max())
        self.size_dZ1 = float((np.abs(self.parameters.W2).T @ sizes).max())

    def lines(self) -> Iterable[Checked]:
        yield from self.forward()
        total = self.engine.sums(self.shape, self.vector, self.examples, 1)
        yield self.line("J", [((0, 0), total.loss / total.weight, self.cost(self.parameters))], 1.0)
        mean = self.shape.unflatten(total.gradient / total.weight)
        each = self.one_by_one()
        yield self.dZ2(each)
        yield self.slope("dW2", 2, mean)
        yield self.slope("db2", 3, mean)
        if self.shape.n_h:
            yield self.dZ1(each)
            yield self.slope("dW1", 0, mean)
            yield self.slope("db1", 1, mean)

    def line(
        self,
        name: str,
        compared: list[tuple[tuple[int, int], float, float]],
        scale: float,
        aside: int = 0,
    ) -> Checked:
        """The worst of the entries (place, kernel's, truth)."""
        if not compared:
            return Checked(name, self.dtype, 0.0, Entry((0, 0), 0.0, 0.0), 0, aside)
        ours, truth = (np.array(V) for V in list(zip(*compared, strict=True))[1:])
        difference = np.abs(ours - truth)
        at = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
        scale = max(float(np.abs(truth).max()), scale)
        return Checked(
            name, self.dtype, float(difference[at] / scale), Entry(*compared[at]), len(compared), aside
        )  # fmt: skip

    # --- [1] to [4] -------------------------------------------------------------------

    def forward(self) -> Iterable[Checked]:
        Z1, A1, Z2, A2 = (
            V.astype(np.float64)
            for V in self.engine.forward(self.shape, self.vector, self.examples.X, 1)
        )
        W1, b1, W2, b2 = self.parameters
        if self.shape.n_h:
            sizes = np.abs(W1) @ np.abs(self.X) + np.abs(b1)
            yield self.whole("Z1", Z1, W1 @ self.X + b1, float(sizes.max()))
            yield self.whole("A1", A1, self.shape.g.of(Z1), 1e-30)
        else:
            A1 = self.X
        sizes = np.abs(W2) @ np.abs(A1) + np.abs(b2)
        yield self.whole("Z2", Z2, W2 @ A1 + b2, float(sizes.max()))
        yield self.whole("A2", A2, self.shape.sigma.of(Z2), 1e-30)

    def whole(self, name: str, ours: Array, truth: Array, scale: float) -> Checked:
        at = np.unravel_index(int(np.argmax(_worst_first(ours, truth))), truth.shape)
        error = float(np.abs(ours[at] - truth[at])) / max(
            float(np.abs(truth).max()), CANCELLED * scale, 1e-300
        )
        place = (int(at[0]), int(at[1]))
        return Checked(
            name, self.dtype, error, Entry(place, float(ours[at]), float(truth[at])), truth.size, 0
        )

    # --- the cost, and its differences -------------------------------------------------

    def cost(self, parameters: Parameters) -> float:
        Z2 = forward(parameters, self.X, self.shape.g, self.shape.sigma).Z2
        return float((self.w * self.shape.sigma.loss(Z2, self.Y)).sum() / self.w.sum())

    def slope(self, name: str, which: int, mean: Parameters) -> Checked:
        """dW2, db2, dW1 or db1: entries of the mean gradient against differences of J."""
        V, ours = self.parameters[which], mean[which]
        layer_in = np.abs(self.X if which < 2 or not self.shape.n_h else self.plain.A1)
        compared, aside = [], 0
        for at in _some_entries(V.shape):
            reach = 1.0 if which in (1, 3) else max(float(layer_in[at[1]].max()), 1e-6)
            h = self.step / reach
            if which < 2 and self.crosses(which, at, h):
                aside += 1
                continue

            def moved(by: float, V: Array = V, at: tuple[int, int] = at) -> float:
                other = V.copy()
                other[at] += by
                return self.cost(self.parameters._replace(**{Parameters._fields[which]: other}))

            compared.append((at, float(ours[at]), float(_difference(moved, h))))
        size = self.size_dZ1 if which < 2 else self.size_dZ2
        reach = float(layer_in.max()) if which in (0, 2) else 1.0
        least = NOTHING * max(1.0, self.cost(self.parameters)) * max(1.0, reach)
        return self.line(name, compared, max(CANCELLED * size * reach, least), aside)

    def crosses(self, which: int, at: tuple[int, int], h: float) -> bool:
        """Whether a step of 2h in W1 or b1 takes an example over a kink."""
        if self.shape.activation not in KINKED:
            return False
        reach = 2 * h * (np.abs(self.X[at[1]]) if which == 0 else 1.0)
        return bool((np.abs(self.plain.Z1[at[0]]) <= reach).any())

    # --- [5] and [8], through what they enter ------------------------------------------

    def one_by_one(self) -> list[tuple[int, Parameters]]:
        """The sums of some examples, each alone: (its number, dW1, db1, dW2, db2)."""
        chosen = np.unique(np.linspace(0, self.examples.m - 1, ALONE).astype(np.uint32))
        chosen = chosen[self.w[0, chosen] > 0]
        return [
            (int(i), self.shape.unflatten(
                self.engine.sums(self.shape, self.vector, self.examples.take(chosen[k : k + 1]), 1).gradient
            ))
            for k, i in enumerate(chosen)
        ]  # fmt: skip

    def dZ2(self, each: list[tuple[int, Parameters]]) -> Checked:
        A1 = self.plain.A1
        shape = self.shape

        def losses(k: int, by: float) -> Array:
            Z2 = self.plain.Z2.copy()
            Z2[k] += by
            return self.w * shape.sigma.loss(Z2, self.Y)

        truth = np.vstack(
            [_difference(partial(losses, k), STEP["smooth"]) for k in range(shape.n_y)]
        )
        return self.witnessed(
            "dZ2", each, truth, (3, 2), A1, np.zeros_like(truth, bool), self.size_dZ2
        )

    def dZ1(self, each: list[tuple[int, Parameters]]) -> Checked:
        W2, b2, shape = self.parameters.W2, self.parameters.b2, self.shape

        def losses(j: int, by: float) -> Array:
            Z1 = self.plain.Z1.copy()
            Z1[j] += by
            return self.w * shape.sigma.loss(W2 @ shape.g.of(Z1) + b2, self.Y)

        units = range(min(shape.n_h, ENTRIES))
        truth = np.vstack([_difference(partial(losses, j), self.step) for j in units])
        Z1 = self.plain.Z1[: len(truth)]
        kinks = (np.abs(Z1) <= 2 * self.step) & (shape.activation in KINKED)
        return self.witnessed("dZ1", each, truth, (1, 0), self.X, kinks, self.size_dZ1)

    def witnessed(
        self, name: str, each: list[tuple[int, Parameters]], truth: Array,
        which: tuple[int, int], inputs: Array, kinks: NDArray[np.bool_], size: float,
    ) -> Checked:  # fmt: skip
        """The better of two lines: dZ as db tells it, and as dW = dZ inputᵀ tells it."""
        rows = len(truth)
        by_b, by_W, aside = [], [], 0
        for i, sums in each:
            x = inputs[:, i]
            for k in range(rows):
                if kinks[k, i]:
                    aside += 1
                    continue
                by_b.append(((k, i), float(sums[which[0]][k, 0]), float(truth[k, i])))
                if x @ x > 0:
                    by_W.append(
                        ((k, i), float(sums[which[1]][k] @ x / (x @ x)), float(truth[k, i]))
                    )
        largest = float(self.shape.sigma.loss(self.plain.Z2, self.Y).max())
        scale = max(CANCELLED * size, NOTHING * max(1.0, largest))
        lines = [self.line(name, by_b, scale, aside)]
        if len(by_W) == len(by_b):
            lines.append(self.line(name, by_W, scale, aside))
        return min(lines, key=lambda line: _nan_last(line.error))


def _converted(examples: Examples, f: Callable[[Array], Array]) -> Examples:
    X, Y, _, weights, _ = examples
    return Examples(
        f(dense(X)), None if Y is None else f(Y), None, None if weights is None else f(weights)
    )


def _difference(f: Callable[[float], Any], h: float) -> Any:
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def _some_entries(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """All entries of a matrix, or `ENTRIES` of them, spread over its rows and columns."""
    rows, columns = shape
    size = rows * columns
    # A stride near the golden section visits rows and columns evenly.
    stride = max(1, round(size * 0.618034)) if size > ENTRIES else 1
    chosen = dict.fromkeys(k * stride % size for k in range(min(size, ENTRIES)))
    return [divmod(k, columns) for k in chosen]


def _worst_first(ours: Array, truth: Array) -> Array:
    difference = np.abs(ours - truth)
    return np.where(np.isnan(difference), np.inf, difference)


def _nan_last(error: float) -> float:
    return error if error == error else float("inf")

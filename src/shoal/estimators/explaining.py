"""Why a prediction: Shapley values, slopes, interactions and partial dependence, from low ranks.

A column c of the table owns some inputs of the network, and [1] is a sum over columns:

    Z1 = b1 + Σ_c P_c,    P_c = W1[:, inputs of c] · X[inputs of c]

So a row in which some columns have other values costs a sum of vectors of n_h numbers, whatever the
width of the encoding is. With no hidden layer Z2 is that sum. All of it is computed in float64,
and the outputs of the members are averaged as in a prediction. What Shapley values are made of, the
kernel counts (kernel/coalitions.hpp).

Below, n is n_h or, without a hidden layer, n_y; one row is one example.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.checks import check_choice, check_whole
from shoal.compute.coalitions import Background
from shoal.compute.engine import engine
from shoal.compute.engine import threads as threads_of
from shoal.data.encode.encoding import UNKNOWN, Encoding, Number, SetAside, Time, Words
from shoal.data.rows.examples import Matrix, dense, rows_of
from shoal.errors import DataError, SettingError
from shoal.estimators.explanation import Explanation, PartialDependence, Slopes
from shoal.estimators.learnt import Learnt
from shoal.estimators.targets import ClassTargets
from shoal.network import shapley
from shoal.network.activations import ACTIVATIONS
from shoal.network.architecture import Architecture
from shoal.network.draws import child
from shoal.network.outputs import OUTPUTS
from shoal.training.network import Network

Array = NDArray[Any]  # float64, but what the engine gets for values that are drawn

MOST_EXACT = 10  # columns: 1,024 coalitions
MOST_BACKGROUND = 100  # rows, if none are given: shap takes as many
PERMUTATIONS = 10  # pairs of orders; shap draws as many
AT_A_TIME = 1 << 22  # numbers of P, 32 MB
STEP = 0.1  # standard deviations, to both sides: the difference that stands for a slope over bins
POINTS = 40  # of a grid
HOUR, DAY = 3600, 24 * 3600  # seconds


# --- the network, column by column ------------------------------------------------------


class Member(NamedTuple):
    """A network in float64: its first layer by columns, and what follows."""

    shape: Architecture
    first: Array  # (n, n_x)
    bias: Array  # (n,)
    W2: Array  # (n_y, n_h)
    b2: Array  # (n_y,)

    @classmethod
    def of(cls, network: Network) -> "Member":
        """A member of a fitted model."""
        W1, b1, W2, b2 = (np.asarray(V, np.float64) for V in network.parameters)
        first = (W1, b1[:, 0]) if len(W1) else (W2, b2[:, 0])
        return cls(network.architecture, *first, W2, b2[:, 0])

    def parts(self, X: Array, places: Sequence[NDArray[np.intp]]) -> Array:
        """P of rows, (rows, columns, n)."""
        return np.stack([X[:, at] @ self.first[:, at].T for at in places], axis=1)

    def activations(self, Z: Array) -> Array:
        """A1; with no hidden layer Z itself."""
        return _g(self.shape.activation, Z) if self.has_hidden else Z

    @property
    def has_hidden(self) -> bool:
        """Whether there is a hidden layer."""
        return bool(self.shape.n_h)

    def second(self, A: Array) -> Array:
        """W2 A, or A itself where no hidden layer is."""
        return A @ self.W2.T if self.has_hidden else A

    def outputs(self, Z: Array) -> Array:
        """A2, (…, n_y), of Z, (…, n)."""
        Z2 = self.second(self.activations(Z))
        return _sigma(self.shape.output, Z2 + self.b2 if self.has_hidden else Z2)


def _g(name: str, Z: Array) -> Array:
    return _logistic(Z) if name == "sigmoid" else ACTIVATIONS[name].of(Z)


def _logistic(Z: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * Z)))


def _sigma(name: str, Z2: Array) -> Array:
    if name == "sigmoid":
        return _logistic(Z2)
    if name == "softmax":
        e = np.exp(Z2 - Z2.max(axis=-1, keepdims=True))
        return np.asarray(e / e.sum(axis=-1, keepdims=True))
    return OUTPUTS[name].of(Z2)


class Rows(NamedTuple):
    """Rows as each member sees them: P of each column."""

    X: Array  # (rows, n_x)
    parts: list[Array]  # of each member (rows, columns, n)

    def __len__(self) -> int:
        return len(self.X)


class Space(NamedTuple):
    """The unit of what is explained, from the members' mean of A2."""

    name: str
    targets: Any

    def of(self, A2: Array) -> Array:
        """Outputs in this unit."""
        if self.name == "log-odds":
            return shapley.log_odds(A2)
        if self.name == "target":
            return np.asarray(A2 * self.targets.scale + self.targets.centre, np.float64)
        return A2

    def slope(self, A2: Array, first: Array) -> Array:
        """The derivative in this unit, of that of A2."""
        if self.name == "log-odds":
            p = shapley.bounded(A2)
            return np.asarray(first / (p * (1 - p)), np.float64)
        return (
            np.asarray(first * self.targets.scale, np.float64) if self.name == "target" else first
        )

    def curvature(self, A2: Array, first: Array, other: Array, second: Array) -> Array:
        """The second derivative in this unit, of those of A2."""
        if self.name == "log-odds":
            p = shapley.bounded(A2)
            q = p * (1 - p)
            return np.asarray(second / q - (1 - 2 * p) * first * other / q**2, np.float64)
        return self.slope(A2, second)


class Explainer:
    """A fitted model, ready to be explained."""

    def __init__(self, fitted: Learnt, space: str | None) -> None:
        inputs, self.targets = fitted.inputs, fitted.targets
        is_classes = isinstance(self.targets, ClassTargets)
        allowed = ("probability", "log-odds") if is_classes else ("target",)
        if space is not None:
            check_choice("space", space, allowed)
        self.fitted, self.space = fitted, Space(space or allowed[0], self.targets)
        self.encoding: Encoding | None = inputs.encoding
        names = (
            [c.name for c in self.encoding.columns] if self.encoding else list(inputs.names or ())
        )
        self.columns = tuple(names or [f"x{j}" for j in range(inputs.n)])
        self.places = (
            self.encoding.places if self.encoding else [np.array([j]) for j in range(inputs.n)]
        )
        self.used = [j for j, at in enumerate(self.places) if len(at)]
        self.members = [Member.of(network) for network in fitted.networks]
        if isinstance(self.targets, ClassTargets):
            classes = [str(name) for name in self.targets.classes.tolist()]
            self.outputs = tuple(classes[-fitted.architecture.n_y :])
        else:
            n = fitted.architecture.n_y
            self.outputs = tuple(f"target {j}" for j in range(n)) if n > 1 else ("target",)

    def rows(self, X: Any) -> Rows:
        """Rows of a table, as `predict` takes them."""
        return self.seen(self.fitted.matrix(X))

    def seen(self, matrix: Matrix) -> Rows:
        """Rows as the networks see them."""
        X = np.asarray(dense(matrix), np.float64)
        return Rows(
            X, [member.parts(X, [self.places[j] for j in self.used]) for member in self.members]
        )

    def answers(self, Z: Sequence[Array]) -> Array:
        """In the unit of the space what follows from each member's Z, (…, outputs)."""
        total = sum(member.outputs(z) for member, z in zip(self.members, Z, strict=True))
        return self.space.of(np.asarray(total / len(self.members), np.float64))

    def predictions(self, rows: Rows) -> Array:
        """Of rows as they are, (rows, outputs)."""
        return self.answers(self.weighted(rows))

    def weighted(self, rows: Rows) -> list[Array]:
        """Each member's Z of rows, (rows, n)."""
        return [P.sum(axis=1) + one.bias for P, one in zip(rows.parts, self.members, strict=True)]

    def shaped(self, values: Array) -> Array:
        """The same without the axis of the outputs, if there is only one."""
        return values[..., 0] if len(self.outputs) == 1 else values

    def spread(self, values: Array) -> Array:
        """Values of the used columns, (rows, used, outputs), with zeros for the others."""
        out = np.zeros((len(values), len(self.columns), *values.shape[2:]))
        out[:, self.used] = values
        return out


def explain(
    fitted: Learnt,
    X: Any,
    background: Any = None,
    space: str | None = None,
    permutations: int | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
) -> Explanation:
    """The Shapley values of rows, see `ShoalBase.explain`."""
    if permutations is not None:
        check_whole("permutations", permutations, least=2)
    explainer = Explainer(fitted, space)
    matrix = fitted.matrix(X)
    others = explainer.seen(_background(fitted, matrix, background))
    d = len(explainer.used)
    is_exact = permutations is None and d <= MOST_EXACT
    game = _Exact(d) if is_exact else _Drawn(d, permutations or PERMUTATIONS, child(seed, 0))
    base, predictions = explainer.predictions(others).mean(axis=0), list[Array]()
    values, errors = list[Array](), list[Array]()
    some = max(1, AT_A_TIME // sum(P[0].size for P in others.parts))
    for first in range(0, len(matrix), some):
        rows = explainer.seen(rows_of(matrix, slice(first, first + some)))
        own = explainer.predictions(rows)
        predictions.append(own)
        for means, prediction in zip(
            _means(explainer, rows, others, game, n_jobs), own, strict=True
        ):
            value, error = game.values(base, means, prediction)
            values.append(value)
            errors.append(error)
    shaped, spread = explainer.shaped, explainer.spread
    return Explanation(
        shaped(spread(np.array(values))), shaped(base), shaped(np.concatenate(predictions)),
        explainer.columns, explainer.outputs, explainer.space.name, game.name, len(others),
        None if is_exact else shaped(spread(np.array(errors))),
    )  # fmt: skip


def _background(fitted: Learnt, matrix: Matrix, given: Any) -> Matrix:
    """The rows that others are compared with: those that were given, or some of these."""
    if given is not None:
        return fitted.matrix(given)
    if len(matrix) < 2:
        raise SettingError(
            "one row has no background: expected the rows that it is compared with, for example "
            "100 rows of the training. Use background=table."
        )
    chosen = np.linspace(0, len(matrix) - 1, min(len(matrix), MOST_BACKGROUND))
    return rows_of(matrix, np.unique(chosen.astype(int)))


class _Exact:
    """All coalitions of d columns."""

    name, dtype = "exact", np.float64

    def __init__(self, d: int) -> None:
        self.moves, self._numbers = shapley.growing(d)
        self._weights = shapley.exact_weights(d)

    def values(self, base: Array, means: Array, prediction: Array) -> tuple[Array, Array]:
        """φ of a row from v after each move, and no error."""
        v = np.empty((self._weights.shape[1], len(base)))
        v[self._numbers], v[0], v[-1] = means, base, prediction
        return np.tensordot(self._weights, v, 1), np.zeros(())


class _Drawn:
    """Some orders of d columns."""

    # The rounding is far below the error of drawing.
    name, dtype = "permutations", np.float32

    def __init__(self, d: int, n: int, key: int) -> None:
        self._orders = shapley.orders(d, n, key)
        self.moves = shapley.walking(self._orders)

    def values(self, base: Array, means: Array, prediction: Array) -> tuple[Array, Array]:
        """φ of a row from v after each move, and the standard errors."""
        n, d = self._orders.shape
        v = np.empty((n, d + 1, len(base)))
        v[:, 1:d] = means.reshape(n, d - 1, len(base))
        v[:, 0], v[:, d] = base, prediction
        each = shapley.along(self._orders, v)
        return each.mean(axis=0), each.std(axis=0, ddof=1) / np.sqrt(len(each))


def _means(
    explainer: "Explainer", rows: Rows, others: Rows, game: _Exact | _Drawn, n_jobs: int | None
) -> Array:
    """Of each row v after each move, (rows, moves, outputs)."""
    space, networks = explainer.space, explainer.fitted.networks
    # The log-odds of probabilities near 1 need more digits than float32 has.
    dtype = np.float64 if space.name == "log-odds" else game.dtype
    found = engine.means_of_coalitions(
        networks[0].architecture, [network.vector.astype(dtype) for network in networks],
        Background(_stacked(explainer.weighted(others), dtype), _stacked(others.parts, dtype)),
        _stacked(rows.parts, dtype), game.moves, threads_of(n_jobs),
        log_odds=space.name == "log-odds",
    )  # fmt: skip
    return found if space.name == "log-odds" else space.of(found)


def _stacked(of_members: Sequence[Array], dtype: type) -> Array:
    return np.stack([np.asarray(one, dtype) for one in of_members])


# --- slopes and interactions ------------------------------------------------------------


class Direction(NamedTuple):
    """A way to go along a column: a derivative, or a step to both sides."""

    step: float  # 0: a derivative
    first: list[Array]  # of each member ∂Z/∂x, (n,); or what a step up adds to Z, (rows, n)
    down: list[Array]  # what a step down adds
    known: NDArray[np.bool_]  # (rows,): where the column has a number


def slopes(fitted: Learnt, X: Any, space: str | None = None) -> Slopes:
    """How the predictions change with each number, see `ShoalBase.slopes`."""
    explainer = Explainer(fitted, space)
    rows, directions = _directions(explainer, X)
    Z = explainer.weighted(rows)
    out = np.full((len(rows), len(explainer.columns), len(explainer.outputs)), np.nan)
    steps = np.full(len(explainer.columns), np.nan)
    for j, one in directions.items():
        steps[j] = one.step
        out[:, j] = np.where(one.known[:, np.newaxis], _slope(explainer, Z, one), np.nan)
    return Slopes(
        explainer.shaped(out), steps, explainer.columns, explainer.outputs, explainer.space.name
    )


def interactions(fitted: Learnt, X: Any, space: str | None = None) -> Slopes:
    """How the slope along one number changes with another, see `ShoalBase.interactions`."""
    explainer = Explainer(fitted, space)
    rows, directions = _directions(explainer, X)
    Z = explainer.weighted(rows)
    n = len(explainer.columns)
    out = np.full((len(rows), n, n, len(explainer.outputs)), np.nan)
    steps = np.full(n, np.nan)
    for i, one in directions.items():
        steps[i] = one.step
        for j, other in directions.items():
            if j < i:
                continue
            known = (one.known & other.known)[:, np.newaxis]
            out[:, i, j] = out[:, j, i] = np.where(known, _mixed(explainer, Z, one, other), np.nan)
    return Slopes(
        explainer.shaped(out), steps, explainer.columns, explainer.outputs, explainer.space.name
    )


def _directions(explainer: Explainer, X: Any) -> tuple[Rows, dict[int, Direction]]:
    """The rows, and a direction for each column that is a number."""
    rows, found = explainer.rows(X), dict[int, Direction]()
    if explainer.encoding is None:
        known = np.ones(len(rows), bool)
        for j, at in enumerate(explainer.places):
            found[j] = Direction(0.0, [m.first[:, at[0]] for m in explainer.members], [], known)
        return rows, found
    for j, plan in enumerate(explainer.encoding.columns):
        if not isinstance(plan, Number) or plan.kind != "number":
            continue
        at, x = explainer.places[j], rows.X[:, explainer.places[j][0]]
        known = rows.X[:, at[-1]] == 0 if plan.holes else np.ones(len(rows), bool)
        if not plan.edges:
            slope = [m.first[:, at[0]] / plan.scale for m in explainer.members]
            found[j] = Direction(0.0, slope, [], known)
            continue
        h, value = STEP * plan.scale, x * plan.scale + plan.mean
        here = [rows.parts[k][:, explainer.used.index(j)] for k in range(len(explainer.members))]
        moved = [
            [P - Q for P, Q in zip(_parts_of(explainer, j, value + side * h), here, strict=True)]
            for side in (1, -1)
        ]
        found[j] = Direction(h, moved[0], moved[1], known)
    return rows, found


def _parts_of(explainer: Explainer, j: int, values: NDArray[Any]) -> list[Array]:
    """Each member's P of column j at these values, (values, n)."""
    at = explainer.places[j]
    if explainer.encoding is None:
        X = np.asarray(values, np.float64)[:, np.newaxis]
    else:
        alone = Encoding((explainer.encoding.columns[j],))
        X = np.asarray(
            dense(alone.matrix([values], len(values), explainer.fitted.inputs.dtype)), np.float64
        )
    return [X @ member.first[:, at].T for member in explainer.members]


def _slope(explainer: Explainer, Z: list[Array], one: Direction) -> Array:
    if one.step:
        up, down = (
            explainer.answers([z + d for z, d in zip(Z, side, strict=True)])
            for side in (one.first, one.down)
        )
        return np.asarray((up - down) / (2 * one.step), np.float64)
    A2, (first,), _ = _derivatives(explainer, Z, [one.first])
    return explainer.space.slope(A2, first)


def _mixed(explainer: Explainer, Z: list[Array], one: Direction, other: Direction) -> Array:
    """The second derivative, or what differences say of it."""
    if not one.step and not other.step:
        A2, (first, second), both = _derivatives(explainer, Z, [one.first, other.first])
        return explainer.space.curvature(A2, first, second, both)
    if not other.step:
        one, other = other, one
    up, down = (
        _slope(explainer, [z + d for z, d in zip(Z, side, strict=True)], one)
        for side in (other.first, other.down)
    )
    return np.asarray((up - down) / (2 * other.step), np.float64)


def _derivatives(
    explainer: Explainer, Z: list[Array], ways: list[list[Array]]
) -> tuple[Array, list[Array], Array]:
    """The members' mean of A2, of its derivative along each way, and along the first and the last."""
    A2, both = np.array(0.0), np.array(0.0)
    first = [A2 for _ in ways]
    n = len(explainer.members)
    for k, member in enumerate(explainer.members):
        shape, w = member.shape, [way[k] for way in ways]
        a = member.activations(Z[k])
        g1, g2 = (
            _slopes_of(shape.activation, a)
            if member.has_hidden
            else (np.ones_like(a), np.zeros_like(a))
        )
        z = [member.second(g1 * v) for v in w]  # ∂Z2
        zz = member.second(g2 * w[0] * w[-1])  # ∂∂Z2
        p = member.outputs(Z[k])
        if shape.output == "sigmoid":
            q = p * (1 - p)
            d, dd = [q * v for v in z], q * ((1 - 2 * p) * z[0] * z[-1] + zz)
        elif shape.output == "softmax":
            c = [v - (p * v).sum(axis=-1, keepdims=True) for v in z]
            cc = zz - (p * zz).sum(axis=-1, keepdims=True)
            both_ways = c[0] * c[-1]
            d, dd = (
                [p * v for v in c],
                p * (both_ways - (p * both_ways).sum(axis=-1, keepdims=True) + cc),
            )
        elif shape.output == "poisson":
            d, dd = [p * v for v in z], p * (z[0] * z[-1] + zz)
        elif shape.output == "identity":
            d, dd = z, zz
        else:
            raise SettingError(f"slopes of a network with the output {shape.output} are not known.")
        A2, both = A2 + p / n, both + dd / n
        first = [f + v / n for f, v in zip(first, d, strict=True)]
    return np.asarray(A2), [np.asarray(f) for f in first], np.asarray(both)


def _slopes_of(name: str, A: Array) -> tuple[Array, Array]:
    """G' and g'', from A = g(Z)."""
    g1 = np.asarray(ACTIVATIONS[name].slope(A), np.float64)
    if name == "tanh":
        return g1, -2 * A * g1
    return g1, (1 - 2 * A) * g1 if name == "sigmoid" else np.zeros_like(A)


# --- partial dependence -----------------------------------------------------------------


def partial_dependence(
    fitted: Learnt, X: Any, column: str | int, grid: Any = None, space: str | None = None
) -> PartialDependence:
    """Predictions of the rows with other values of one column, see `ShoalBase.partial_dependence`."""
    explainer = Explainer(fitted, space)
    names = explainer.columns
    j = (
        column
        if isinstance(column, int | np.integer)
        else names.index(column)
        if column in names
        else -1
    )
    if not 0 <= j < len(names):
        known = ", ".join(names[:20])
        raise SettingError(f"there is no column {column!r}. Columns: {known}.")
    plan = explainer.encoding.columns[j] if explainer.encoding else None
    if isinstance(plan, SetAside):
        raise SettingError(f'the column "{plan.name}" is not used ({plan.reason}). Choose another.')
    rows = explainer.rows(X)
    points, values = _grid(plan, grid, rows.X[:, explainer.places[j][0]])
    at = explainer.used.index(j)
    there = _parts_of(explainer, int(j), values)

    curves = explainer.answers(
        [
            (z - P[:, at])[:, np.newaxis] + Q
            for z, P, Q in zip(explainer.weighted(rows), rows.parts, there, strict=True)
        ]
    )
    return PartialDependence(
        names[j], points, explainer.shaped(curves), explainer.outputs, explainer.space.name,
        times=isinstance(plan, Time),
    )  # fmt: skip


def _grid(plan: Any, grid: Any, x: Array) -> tuple[NDArray[Any], NDArray[Any]]:
    """The points of a grid, and as a plan reads them; x are the column's values, standardised."""
    if isinstance(plan, Words):
        words = [str(w) for w in grid] if grid is not None else list(plan.words[:POINTS])
        known = {word: place for place, word in enumerate(plan.words)}
        return np.array(words, object), np.array([known.get(w, UNKNOWN) for w in words])
    if grid is None and isinstance(plan, Time):
        grid = _times(plan, x * plan.scale + plan.mean)
    if grid is None:
        values = x if plan is None else x * getattr(plan, "scale", 1.0) + getattr(plan, "mean", 0.0)
        found = np.unique(values)
        grid = (
            found
            if len(found) <= POINTS
            else np.linspace(np.quantile(values, 0.01), np.quantile(values, 0.99), POINTS)
        )
    try:
        points = np.asarray(grid, np.float64).reshape(-1)
    except (TypeError, ValueError):
        points = np.array([np.nan])
    if not len(points) or not np.isfinite(points).all():
        raise DataError("grid: expected finite numbers.")
    return points, points


def _times(plan: Time, seconds: Array) -> Array:
    """Points in time between which the calendar does not jump: the hours of a day, or whole weeks.

    At other distances the curve would show now this hour or weekday and now that.
    """
    if "hour" in plan.parts:
        return np.asarray(np.median(seconds) // DAY * DAY + HOUR * np.arange(24), np.float64)
    low, high = np.quantile(seconds, [0.01, 0.99])
    apart = 7 * DAY * max(1, np.ceil((high - low) / (7 * DAY) / (POINTS - 1)))
    return np.arange(low, high + 1, DAY if high - low < POINTS * DAY else apart)

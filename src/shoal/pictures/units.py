"""`UnitsDisplay`: what each hidden unit responds to, and whether it works.

Z1 = W1 X + b1, A1 = g(Z1), (n_h, m), of m examples; one unit is one row
"""

from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.data.rows.examples import dense
from shoal.diagnosis.units import Units, states_of
from shoal.errors import SettingError
from shoal.estimators.fitted import Fitted
from shoal.pictures import canvas
from shoal.training.network import Network

COLOURS = {
    "healthy": canvas.BLUE,
    "saturated": canvas.ORANGE,
    "twin": canvas.PURPLE,
    "dead": canvas.RED,
    "idle": canvas.GREY,
}
SOUND = ("healthy", "idle")  # an idle unit can be removed, and does no harm
SHOWN, INPUTS, BINS, POINTS, GRID, ROWS = 12, 3, 24, 400, 160, 2000


class Unit(NamedTuple):
    """One hidden unit on some examples."""

    number: int  # from 0
    state: str  # a key of COLOURS
    activations: NDArray[np.floating]  # (m,)
    inputs: tuple[tuple[str, float], ...]  # the strongest: weight × the input's deviation


class Plane(NamedTuple):
    """A model of two columns: what it answers, and its examples, in the columns' own units."""

    names: tuple[str, str]
    edges: tuple[NDArray[np.float64], NDArray[np.float64]]  # of the grid
    answers: NDArray[np.floating]  # (n_y, GRID, GRID)
    points: NDArray[np.float64]  # (m, 2)
    kinds: NDArray[np.int64] | None  # (m,): the class of each, if it is known
    Z1: NDArray[np.floating]  # (units shown, GRID, GRID)
    output: str


class UnitsDisplay:
    """What each hidden unit responds to, how its activations spread, and whether it works.

    Made by `from_estimator`, or without a drawing by `measured`. A unit is healthy, dead (relu that never answers), saturated (its
    slope is below 1 % of the largest on 95 % of the examples, and the diagnosis of the fit has found
    that saturated units stand in the way), a duplicate of another ("twin"), or idle
    (what it adds hardly varies: it can be removed, and does no harm). For a model of two columns of numbers the answers are drawn
    over the plane, with the line on which each unit's Z1 is 0.

    Parameters
    ----------
    units : tuple of Unit
        What is shown: `number`, `state`, `activations` and the strongest `inputs` of each.
    n_units : int
        Number of hidden units in all.
    activation : str
        Function of the units.
    plane : Plane, optional
        Predictions over the plane of two columns.

    Attributes
    ----------
    ax_, axes_, figure_ :
        Of matplotlib, after `plot`: `ax_` is the plane's, or the first unit's.
    """

    def __init__(
        self, units: tuple[Unit, ...], *, n_units: int, activation: str, plane: Plane | None = None
    ) -> None:
        self.units = units
        self.n_units = n_units
        self.activation = activation
        self.plane = plane

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        member: int = 0,
        units: int = SHOWN,
        columns: int | None = None,
        ax: Any = None,
    ) -> Self:
        """Look at the hidden units of a fitted estimator on rows of X, and draw them.

        Parameters
        ----------
        estimator, X, y, member, units :
            As of `measured`.
        columns, ax :
            As of `plot`.

        Returns
        -------
        UnitsDisplay
        """
        return cls.measured(estimator, X, y, member=member, units=units).plot(
            columns=columns, ax=ax
        )

    @classmethod
    def measured(
        cls, estimator: Any, X: Any, y: Any = None, *, member: int = 0, units: int = SHOWN
    ) -> Self:
        """Look at the hidden units of a fitted estimator on rows of X, without a drawing.

        Parameters
        ----------
        estimator : ShoalClassifier or ShoalRegressor
            Fitted.
        X : like X of `fit`, in memory
            The rows.
        y : array, optional
            Their targets, which colour the points of the plane.
        member : int
            Which of the networks, from 0 on.
        units : int
            At most that many are shown: faulty ones first, then those that move the prediction most.

        Returns
        -------
        UnitsDisplay

        Raises
        ------
        SettingError
            When there is no hidden layer or no such member.
        NotFittedError
            Before a fit.
        """
        known: Fitted = estimator.fitted_
        if not 0 <= member < len(estimator.networks_):
            raise SettingError(
                f"member={member!r}: expected a number from 0 to {len(estimator.networks_) - 1}."
            )
        network: Network = estimator.networks_[member]
        shape = network.architecture
        if not shape.n_h:
            raise SettingError("the model has no hidden layer (hidden=0): there are no units.")
        table = known.inputs.read(X)
        some = np.arange(0, len(table), 1 + (len(table) - 1) // ROWS)
        table = table.take(some) if isinstance(table, pa.Table) else table[some]
        matrix = dense(known.inputs.matrix(table))
        shown = _units(network, matrix, _names(estimator, shape.n_x), units, known.diagnosis.names)
        plane = None
        if (points := _pairs(table)) is not None:
            kinds = None if y is None else np.asarray(y)[some]
            plane = _plane(estimator, network, points, kinds, shown)
        return cls(shown, n_units=shape.n_h, activation=shape.activation, plane=plane)

    def plot(self, *, columns: int | None = None, ax: Any = None) -> Self:
        """Draw the units.

        Parameters
        ----------
        columns : int, optional
            Number of units next to each other.
        ax : axes of matplotlib, optional
            Whose place is taken; by default a figure of its own.

        Returns
        -------
        self
        """
        columns = min(columns or (2 if len(self.units) > 1 else 1), len(self.units))
        rows = -(-len(self.units) // columns)
        tall = 0 if self.plane is None else 3.2
        heights = [tall, *[0.85] * rows] if tall else [0.85] * rows
        if ax is None:
            plt = canvas.library("matplotlib.pyplot")
            self.figure_ = plt.figure(
                figsize=(1.2 + 3.2 * columns, sum(heights) + 0.4), layout="constrained"
            )
            grid = self.figure_.add_gridspec(len(heights), 2 * columns, height_ratios=heights)
        else:
            self.figure_ = ax.figure
            ax.set_axis_off()
            place = ax.get_subplotspec()
            if place is None:
                raise SettingError("ax has no place in a grid: make it with subplots.")
            grid = place.subgridspec(len(heights), 2 * columns, height_ratios=heights)
        drawn = []
        if self.plane is not None:
            drawn.append(self.figure_.add_subplot(grid[0, :]))
            _draw_plane(drawn[0], self.plane, self.units)
        for i, unit in enumerate(self.units):
            row, column = i // columns + bool(tall), 2 * (i % columns)
            left = self.figure_.add_subplot(grid[row, column])
            right = self.figure_.add_subplot(grid[row, column + 1])
            _draw_inputs(left, unit)
            _draw_activations(right, unit, self.activation)
            if i < columns:
                canvas.heading(right, f"{self.activation} on the rows")
            drawn += [left, right]
        self.axes_ = np.array(drawn, object)
        self.ax_ = drawn[0]
        return self


# --- what is measured -----------------------------------------------------------------


def _names(estimator: Any, n_x: int) -> list[str]:
    encoding = estimator.encoding_
    names = encoding.features if encoding else getattr(estimator, "feature_names_in_", None)
    return [str(name) for name in names] if names is not None else [f"x{j}" for j in range(n_x)]


def _units(
    network: Network, matrix: NDArray[Any], names: list[str], most: int, findings: tuple[str, ...]
) -> tuple[Unit, ...]:
    shape, p = network.architecture, network.parameters
    Z1, A1, _, _ = engine.forward(shape, network.vector, matrix, 1)
    states = states_of(Units(shape, p, Z1, A1), findings)
    pull = p.W1 * matrix.std(axis=0)
    adds = A1.std(axis=1) * np.abs(p.W2).max(axis=0)
    order = sorted(range(shape.n_h), key=lambda j: (states[j] in SOUND, -float(adds[j])))
    return tuple(
        Unit(
            j,
            states[j],
            A1[j],
            tuple(
                (names[i], float(pull[j, i]))
                for i in np.argsort(-np.abs(pull[j]), kind="stable")[:INPUTS]
            ),
        )
        for j in sorted(order[:most])
    )


def _pairs(table: Any) -> NDArray[np.float64] | None:
    """Rows of a table of two columns of numbers; None for other tables."""
    if not isinstance(table, pa.Table):
        return (
            table.astype(np.float64) if table.shape[1] == 2 and table.dtype.kind in "iuf" else None
        )
    kinds = table.schema.types
    if len(kinds) != 2 or not all(pa.types.is_integer(k) or pa.types.is_floating(k) for k in kinds):
        return None
    return np.column_stack([column.cast(pa.float64()).to_numpy() for column in table.columns])


def _plane(
    estimator: Any,
    network: Network,
    points: NDArray[np.float64],
    y: NDArray[Any] | None,
    shown: tuple[Unit, ...],
) -> Plane | None:
    whole = np.isfinite(points).all(axis=1)
    points = points[whole]
    if not len(points):
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.06 * np.where(high > low, high - low, 1.0)
    across, up = (np.linspace(low[i] - margin[i], high[i] + margin[i], GRID) for i in (0, 1))
    grid = np.stack([V.ravel() for V in np.meshgrid(across, up)], axis=1)
    names = [str(name) for name in getattr(estimator, "feature_names_in_", ("x0", "x1"))]
    matrix = estimator.fitted_.inputs.matrix(pa.table(list(grid.T.copy()), names))
    shape = network.architecture
    answers = np.mean(
        [engine.predict(shape, net.vector, matrix, 1) for net in estimator.networks_], axis=0
    )
    if shape.output == "identity":
        answers = answers * np.reshape(estimator.target_scale_, (-1, 1)) + np.reshape(
            estimator.target_mean_, (-1, 1)
        )
    Z1, _, _, _ = engine.forward(shape, network.vector, matrix, 1)
    some = np.linspace(0, len(points) - 1, min(len(points), POINTS)).astype(int)
    kinds = None
    if y is not None and y.ndim == 1 and shape.output in ("sigmoid", "softmax"):
        kinds = np.searchsorted(estimator.classes_, y[whole])[some]
    return Plane(
        (names[0], names[1]),
        (across, up),
        answers.reshape(shape.n_y, GRID, GRID),
        points[some],
        kinds,
        Z1[[unit.number for unit in shown]].reshape(-1, GRID, GRID),
        shape.output,
    )


# --- how it is drawn ------------------------------------------------------------------


def _draw_inputs(ax: Any, unit: Unit) -> None:
    names = [name if len(name) <= 14 else f"{name[:13]}…" for name, _ in unit.inputs]
    # A file may hold weights of 1e150, and no picture needs longer bars than these.
    pulls = np.clip(np.nan_to_num([pull for _, pull in unit.inputs]), -1e100, 1e100).tolist()
    ax.barh(range(len(names)), pulls, color=COLOURS[unit.state], height=0.6)
    ax.axvline(0, color=canvas.GREY, linewidth=0.6)
    far = max(map(abs, pulls), default=0) or 1
    ax.set_xlim(-1.1 * far, 1.1 * far)
    ax.set_yticks(range(len(names)), names, parse_math=False)
    ax.set_ylim(INPUTS - 0.5, -0.5)
    ax.set_xticks([])
    canvas.heading(ax, f"unit {unit.number + 1}: {unit.state}")
    canvas.calm(ax, grid="")
    ax.tick_params(axis="y", length=0, labelsize=canvas.SMALL - 1)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def _draw_activations(ax: Any, unit: Unit, activation: str) -> None:
    low, high = float(unit.activations.min()), float(unit.activations.max())
    ends = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}.get(activation, (min(low, 0.0), high))
    if not ends[1] > ends[0]:
        ends = (ends[0] - 1, ends[0] + 1)
    ax.hist(unit.activations, bins=BINS, range=ends, color=COLOURS[unit.state])
    ax.set_yticks([])
    ax.set_xticks(ends, [f"{end:.3g}" for end in ends])
    canvas.calm(ax, grid="")
    ax.spines["left"].set_visible(False)
    ax.tick_params(labelsize=canvas.SMALL - 1)


def _draw_plane(ax: Any, plane: Plane, units: tuple[Unit, ...]) -> None:
    across, up = plane.edges
    answers = plane.answers
    if plane.output == "softmax":
        kinds = answers.argmax(axis=0)
        n = len(answers)
        ax.contourf(
            across, up, kinds, levels=np.arange(n + 1) - 0.5, alpha=0.3,
            colors=[canvas.CYCLE[k % len(canvas.CYCLE)] for k in range(n)],
        )  # fmt: skip
    elif plane.output == "sigmoid":
        ax.contourf(
            across, up, answers[0], levels=np.linspace(0, 1, 11), alpha=0.35,
            cmap=_between(canvas.BLUE, canvas.RED),
        )  # fmt: skip
        if answers[0].min() < 0.5 < answers[0].max():
            ax.contour(across, up, answers[0], levels=[0.5], colors=canvas.INK, linewidths=1.4)
    else:
        ax.contourf(across, up, answers[0], levels=12, alpha=0.7, cmap="cividis")
    _draw_points(ax, plane)
    for unit, Z1 in zip(units, plane.Z1, strict=True):
        if Z1.min() < 0 < Z1.max():
            _draw_line(ax, plane, Z1, unit.number + 1)
    ax.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    ax.set_xlabel(plane.names[0], parse_math=False)
    ax.set_ylabel(plane.names[1], parse_math=False)
    canvas.calm(ax, grid="")


def _draw_points(ax: Any, plane: Plane) -> None:
    marks = "os^Dvx"
    kinds = np.zeros(len(plane.points), int) if plane.kinds is None else plane.kinds
    for kind in np.unique(kinds):
        colour = canvas.INK if plane.kinds is None else canvas.CYCLE[kind % len(canvas.CYCLE)]
        x, y = plane.points[kinds == kind].T
        ax.plot(x, y, marks[kind % len(marks)], color=colour, ms=2.6, mew=0, alpha=0.8)


def _draw_line(ax: Any, plane: Plane, Z1: NDArray[np.floating], number: int) -> None:
    lines = ax.contour(
        *plane.edges, Z1, levels=[0], colors=canvas.INK, linewidths=0.8, linestyles="dashed"
    )
    longest = max(lines.allsegs[0], key=len)
    # The numbers stand at different places along the lines, so that they do not meet.
    x, y = longest[int(len(longest) * (0.12 + 0.76 * ((number * 0.618) % 1)))]
    ax.annotate(
        str(number), (x, y), fontsize=canvas.SMALL, ha="center", va="center", color="#111111",
        bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": canvas.GREY, "lw": 0.6},
    )  # fmt: skip


def _between(one: str, other: str) -> Any:
    colours = canvas.library("matplotlib.colors")
    return colours.LinearSegmentedColormap.from_list("between", [one, "#ffffff", other])

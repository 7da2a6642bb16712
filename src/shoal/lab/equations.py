"""The ten equations with a network's own numbers, for one example, and a lamp for each.

    X, Y              what the next step takes: all rows (gd, lbfgs, lm), or one mini-batch (sgd, adam)
    [1] … [5], [8]    one example's column of each array, which is (rows, m)
    [6] [7] [9] [10]  the means over these m examples: the very slopes that the next step follows

What just changed is marked by the page: each array comes with its values one call earlier, for
the same examples.
The lamps are `gradient_check`'s, on the kernel that trains.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.data.rows.examples import Examples
from shoal.diagnosis.gradients import EQUATIONS, TOLERANCES, gradient_check
from shoal.lab.frames import rounded
from shoal.lab.session import View
from shoal.lab.steps import batch_of, steps_at
from shoal.lab.takeaway import link_of
from shoal.lab.training import Ready
from shoal.training.network import Network

Array = NDArray[np.floating]

MOST_ROWS, MOST_COLUMNS = 16, 16  # of an array that is written out
MOST_CHECKED = 200  # examples


class Symbol(NamedTuple):
    """An array of the lecture: its shape, some of its values, and what they were before."""

    name: str
    shape: tuple[int, int]
    values: list[list[float | None]]
    before: list[list[float | None]]
    column: bool  # whether one example's column of it is shown


FORWARD = ("Z1", "A1", "Z2", "A2")
STEP = {
    "Z1": ("W1", "X", "b1"), "A1": ("Z1",), "Z2": ("W2", "A1", "b2"), "A2": ("Z2",),
    "dZ2": ("A2", "Y"), "dW2": ("dZ2", "A1"), "db2": ("dZ2",),
    "dZ1": ("W2", "dZ2", "Z1"), "dW1": ("dZ1", "X"), "db1": ("dZ1",),
}  # fmt: skip


def equations(view: View, example: int, name: str = "") -> dict[str, Any]:
    """All that the page shows of the equations, for the example with this number.

    `name` is what the table is called, if it is about one.
    """
    ready = view.ready
    batch = batch_of(ready, view.position.place)
    X, Y, _ = batch.columns(ready.shape.n_y)
    example = min(example, batch.m - 1)
    network = ready.network(view.position.state.parameters)
    now = _arrays(ready, network, X, Y)
    before = _arrays(ready, ready.network(view.before.state.parameters), X, Y)
    symbols = {name: _symbol(name, now[name], before[name], example)._asdict() for name in now}
    return {
        "version": view.version,
        "done": steps_at(ready, view.position.place),
        "before": steps_at(ready, view.before.place),
        "epoch": view.position.epoch,
        "step": view.position.step,
        "steps": ready.steps,
        "example": example,
        "row": example if batch.rows is None else int(batch.rows[example]),
        "m": batch.m,
        "rows": ready.examples.m,
        "cost": _cost(network, X, Y),
        "learning_rate": ready.rule.learning_rate,
        "penalty": ready.rule.alpha,
        "evidence": ready.rule.evidence,
        "solver": ready.rule.solver,
        "equations": [
            {"name": name, "mark": mark, "formula": formula, "uses": STEP[name]}
            for name, (mark, formula) in EQUATIONS.items()
            if name in STEP and not (ready.linear and name in ("Z1", "A1", "dZ1", "dW1", "db1"))
        ],
        "symbols": symbols,
        "lamps": lamps(ready, view, batch),
        "python": two_lines(view, name),
    }


def lamps(ready: Ready, view: View, some: Examples) -> dict[str, Any]:
    """Of each equation its error against finite differences, and whether that is rounding."""
    if some.m > MOST_CHECKED:
        some = some.take(np.linspace(0, some.m - 1, MOST_CHECKED).astype(np.uint32))
    X, Y, _ = some.columns(ready.shape.n_y)
    with np.errstate(all="ignore"):
        check = gradient_check(ready.network(view.position.state.parameters), X, Y)
    return {
        line.name: {
            "error": float(f"{line.error:.2g}") if np.isfinite(line.error) else None,
            "tolerance": TOLERANCES[line.dtype],
            "passed": line.passed,
        }
        for line in check.lines
        if line.dtype == "float64"
    }


def two_lines(view: View, name: str) -> str:
    """The same in two lines of Python."""
    link = link_of(view.ready, view.position)
    table = f", {name!r}" if name else ""
    return (
        f"import shoal.lab; net, X, Y = shoal.lab.lecture({link!r}{table})\n"
        "print(net.forward(X), net.gradients(X, Y), shoal.gradient_check(net, X, Y), sep='\\n')"
    )


def _cost(network: Network, X: Array, Y: Array) -> float | None:
    with np.errstate(all="ignore"):
        cost = float(network.cost(X, Y))
    return cost if np.isfinite(cost) else None


def _arrays(ready: Ready, network: Network, X: Array, Y: Array) -> dict[str, Array]:
    with np.errstate(all="ignore"):
        forward, gradients = network.forward(X), network.gradients(X, Y)
    p = network.parameters
    arrays = {"X": X, "Y": Y, "W2": p.W2, "b2": p.b2, "Z2": forward.Z2, "A2": forward.A2}
    arrays |= {"dZ2": gradients.dZ2, "dW2": gradients.dW2, "db2": gradients.db2}
    arrays["A1"] = forward.A1 if not ready.linear else X
    if not ready.linear:
        arrays |= {"W1": p.W1, "b1": p.b1, "Z1": forward.Z1}
        arrays |= {"dZ1": gradients.dZ1, "dW1": gradients.dW1, "db1": gradients.db1}
    return arrays


def _symbol(name: str, V: Array, before: Array, example: int) -> Symbol:
    column = name in ("X", "Y", "Z1", "A1", "Z2", "A2", "dZ1", "dZ2")
    part = slice(example, example + 1) if column else slice(MOST_COLUMNS)
    rows = slice(MOST_ROWS)
    shape = (int(V.shape[0]), int(V.shape[1]))
    return Symbol(name, shape, rounded(V[rows, part]), rounded(before[rows, part]), column)

"""What the page draws of one moment: a JSON head with numbers, then planes of bytes.

    4 bytes        length of the head, little-endian
    head           JSON: epoch, losses, weights, …, and the sizes of the planes
    planes         each SIDE × SIDE bytes, rows from the top: the surface, its certainty if there
                   are more than two classes; then MAP × MAP bytes for each hidden unit

A byte is 0 … 255 for the least to the largest value: of the surface A2 from 0 to 1 (several
classes: the number of the likeliest, and its A2; a number: from -2.5 to 2.5 standard
deviations; a rate: from minus the top of its range to the top), of a unit's map A1 over the range of its activation, relu's up to its maximum.
"""

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.compute.terms import InMemory
from shoal.data.rows.examples import Examples, Matrix, rows_of
from shoal.diagnosis.case import sample_of
from shoal.estimators.scores import explained_deviance
from shoal.estimators.targets import NumberTargets
from shoal.lab.experiment import TABLE
from shoal.lab.session import View
from shoal.lab.training import MAP, SIDE, Ready
from shoal.training.lm import evidence_of

SPREAD = 2.5  # standard deviations, for a number
MOST_SHOWN = 600  # points that are drawn
MOST_INPUTS = 24  # whose weights are drawn
LOOKED_AT = 2000  # examples that accuracy is counted over
MOST_LIVE = 5e8  # multiply-adds of the evidence, while a network trains

Bytes = NDArray[np.uint8]


def scene(ready: Ready) -> dict[str, Any]:
    """What stays the same while a network trains."""
    question, shape = ready.question, ready.shape
    plane = question.plane
    return {
        "experiment": ready.experiment.plain(),
        "fragment": ready.experiment.fragment,
        "task": question.task,
        "classes": question.classes,
        "output": shape.output,
        "shape": [shape.n_x, shape.n_h, shape.n_y],
        "inputs": ready.inputs[:MOST_INPUTS],
        "axes": plane.axes,
        "x1": plane.x1,
        "x2": plane.x2,
        "held": [held._asdict() for held in plane.held],
        "choices": plane.choices,
        "columns": question.columns,
        "used": list(question.X.column_names)
        if ready.experiment.data == TABLE
        else list(ready.inputs),
        "total": question.total,
        "target": question.asked.target if question.asked else "",
        "left_out": question.asked.left_out if question.asked else 0,
        "rows": [ready.examples.m, 0 if ready.validation is None else ready.validation.m],
        "batch": ready.rule.batch_size or ready.examples.m,
        "steps": ready.steps,
        "learning_rate": ready.rule.learning_rate,
        "range": ends_of(ready),
        "counts": shape.output == "poisson",
        "points": _points(question.points, ready.examples, ready),
        "points_val": _points(question.points_val, ready.validation, ready),
        "side": SIDE,
        "map": MAP,
    }


def frame(view: View, more: Mapping[str, Any]) -> bytes:
    """One moment, ready to be sent; `more` is what else its head says."""
    ready, position = view.ready, view.position
    vector = position.state.parameters
    planes = surface(ready, vector, ready.surface)
    maps = unit_maps(ready, vector, ready.maps)
    p = ready.shape.unflatten(vector)
    mark = view.curve[-1]
    head = {
        "version": view.version,
        "shape": [*ready.shape[:3]],
        "epoch": position.epoch,
        "step": position.step,
        "playing": view.playing,
        "ending": position.ending,
        "rate": round(view.rate, 1),
        "loss": mark.loss,
        "validation": mark.validation,
        "W1": rounded(p.W1[:, :MOST_INPUTS]),
        "b1": rounded(p.b1),
        "W2": rounded(p.W2 if ready.shape.n_h else p.W2[:, :MOST_INPUTS]),
        "b2": rounded(p.b2),
        "planes": len(planes),
        "maps": len(maps),
        **more,
    }
    text = json.dumps(head, separators=(",", ":"), allow_nan=False).encode()
    return b"".join(
        [struct.pack("<I", len(text)), text, *(p.tobytes() for p in planes), maps.tobytes()]
    )


def figures(view: View) -> dict[str, Any]:
    """What a page's figures and curve say of a moment."""
    ready, position = view.ready, view.position
    vector = position.state.parameters
    here = {"epoch": position.epoch, "step": position.step}
    return {
        "fragment": ready.experiment.changed(here).fragment,
        "accuracy": accuracy(ready, vector, ready.examples),
        "accuracy_val": accuracy(ready, vector, ready.validation),
        "evidence": _evidence(view),
        "curve": [[short(m.epoch, 9), short(m.loss), short(m.validation)] for m in view.curve],
    }


def _evidence(view: View) -> dict[str, Any] | None:
    """What the data say of the fit: how many parameters they determine, and the penalties."""
    ready, state = view.ready, view.position.state
    n = ready.shape.n_parameters
    costly = n * n * ready.examples.m > MOST_LIVE and view.playing
    if not ready.rule.evidence or costly:
        return None
    with np.errstate(all="ignore"):
        found = evidence_of(ready.shape, InMemory(ready.examples), state, 1)
    if found is None:
        return None
    return {
        "gamma": short(found.gamma),
        "of": n - ready.shape.n_y,  # the last biases are free, and not counted
        "alpha": [short(value) for value in found.alpha],
        "log": short(found.log_evidence),
    }


def surface(ready: Ready, vector: Any, rows: Matrix) -> list[Bytes]:
    """What the network says everywhere in the plane."""
    A2 = engine.predict(ready.shape, vector, rows, 1)
    if not ready.question.classes:
        return [_byte((1 + share(ready, A2[0])) / 2)]
    if len(A2) == 1:
        return [_byte(A2[0])]
    return [A2.argmax(axis=0).astype(np.uint8), _byte(A2.max(axis=0))]


def unit_maps(ready: Ready, vector: Any, rows: Matrix) -> Bytes:
    """What each hidden unit says everywhere in the plane, (n_h, MAP²)."""
    if ready.linear:
        return np.zeros((0, MAP * MAP), np.uint8)
    A1 = engine.forward(ready.shape, vector, rows, 1)[1]
    activation = ready.shape.activation
    if activation == "tanh":
        return _byte((A1 + 1) / 2)
    if activation == "sigmoid":
        return _byte(A1)
    most = np.maximum(np.abs(A1).max(axis=1, keepdims=True), 1e-12)
    return _byte((A1 / most + 1) / 2)


def accuracy(ready: Ready, vector: Any, examples: Examples | None) -> float | None:
    """The share of examples that are classified rightly; of a number R², of a rate D²."""
    if examples is None or not examples.m:
        return None
    some = sample_of(examples, LOOKED_AT)
    A2 = engine.predict(ready.shape, vector, rows_of(some.X, some.rows), 1)
    _, Y, _ = some.columns(ready.shape.n_y)
    if ready.shape.output == "identity":
        around = float(((Y - Y.mean()) ** 2).sum())
        return 1 - float(((Y - A2) ** 2).sum()) / around if around else None
    if ready.shape.output == "poisson":
        return explained_deviance(Y[0].astype(np.float64), A2[0].astype(np.float64))
    if len(A2) == 1:
        return float(((A2 > 0.5) == (Y > 0.5)).mean())
    return float((A2.argmax(axis=0) == Y.argmax(axis=0)).mean())


def largest(ready: Ready) -> float:
    """What ends the range in which a number is shown, as the network has it; it begins at minus that."""
    if ready.shape.output == "identity":
        return SPREAD
    Y = ready.examples.Y
    assert Y is not None
    return max(float(Y.mean() + SPREAD * Y.std()), 1e-12)


def share(ready: Ready, values: NDArray[Any]) -> NDArray[Any]:
    """Numbers as the network has them as a share of their range, from -1 to 1."""
    return np.asarray(values / largest(ready))


def ends_of(ready: Ready) -> list[float] | None:
    """The range in which a number is shown, in its own unit; None for classes."""
    targets = ready.learnt.targets
    if not isinstance(targets, NumberTargets):
        return None
    top = largest(ready)
    low = 0.0 if ready.shape.output == "poisson" else -top
    return [float(end) for end in targets.in_units(np.array([[low, top]]))]


def answers(ready: Ready, examples: Examples) -> NDArray[Any]:
    """Of each example its class, or its number as a share of the range."""
    _, Y, _ = examples.columns(ready.shape.n_y)
    if not ready.question.classes:
        return share(ready, Y[0])
    return np.asarray(Y.argmax(axis=0) if len(Y) > 1 else Y[0])


def rounded(V: NDArray[Any]) -> list[list[float | None]]:
    """A matrix for JSON; a number that is none is null."""
    return [[short(float(v)) for v in row] for row in V]


def short(value: float | None, digits: int = 6) -> float | None:
    """A number for JSON; one that is none is null."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{digits}g}")


def _byte(share: NDArray[Any]) -> Bytes:
    return (np.clip(np.nan_to_num(share, nan=0.5), 0, 1) * 255 + 0.5).astype(np.uint8)


def _points(places: Any, examples: Examples | None, ready: Ready) -> list[list[float | None]]:
    """x1, x2, class or share, and the number of the example, of points that can be drawn."""
    if examples is None:
        return []
    y = answers(ready, examples)
    chosen = np.unique(np.linspace(0, len(places) - 1, min(MOST_SHOWN, len(places))).astype(int))
    return [
        [short(float(places[i, 0])), short(float(places[i, 1])), short(float(y[i])), int(i)]
        for i in chosen
        if np.isfinite(places[i]).all()
    ]

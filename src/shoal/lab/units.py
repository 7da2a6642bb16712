"""What each hidden unit does on the training rows, and what the diagnosis says of them."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.data.rows.examples import rows_of
from shoal.diagnosis.case import Case, Seen, sample_of
from shoal.diagnosis.diagnose import findings_of
from shoal.diagnosis.findings import Finding
from shoal.diagnosis.rules.rows import new_rows
from shoal.diagnosis.units import Units, states_of
from shoal.estimators.automatic import architecture_of
from shoal.lab.experiment import FIELDS, MOST_UNITS
from shoal.lab.frames import MOST_SHOWN, answers, rounded
from shoal.lab.session import MOST_MARKS, Mark, View
from shoal.lab.training import Ready

BINS = 24  # of a histogram
FEWEST = 10  # validation rows: of fewer a loss says nothing
SMALLER = 0.1  # a start that no toy saturates
CONSTANT = 1e-3  # of the range of its answers: a unit that varies by less says the same to all


def units(view: View, pair: tuple[int, ...]) -> dict[str, Any]:
    """Each unit's state, line and histogram; the data as two of them see it; the diagnosis."""
    ready, vector = view.ready, view.position.state.parameters
    some = sample_of(ready.examples, MOST_SHOWN)
    listed: list[dict[str, Any]] = []
    places: list[list[float | None]] = []
    found = findings(view)
    if not ready.linear:
        Z1, A1, _, _ = engine.forward(ready.shape, vector, rows_of(some.X, some.rows), 1)
        low, high = range_of(ready.shape.activation, A1)
        states = unit_states(ready, vector, Z1, A1, [finding["name"] for finding in found])
        parameters = ready.shape.unflatten(vector)
        for j, state in enumerate(states):
            listed.append(
                {
                    **state,
                    "histogram": histogram(A1[j], low, high),
                    "line": _line(ready, parameters.W1[j], float(parameters.b1[j, 0])),
                    "weight": float(np.abs(parameters.W2[:, j]).max()),
                }
            )
        i, j = (min(k, ready.shape.n_h - 1) for k in pair)
        places = rounded(np.column_stack([A1[i], A1[j], answers(ready, some)]))
    else:
        low, high = -1.0, 1.0
    return {
        "version": view.version,
        "epoch": view.position.epoch,
        "range": [low, high],
        "units": listed,
        "hidden": places,
        "pair": [min(k, max(ready.shape.n_h - 1, 0)) for k in pair],
        "findings": found,
    }


def unit_states(
    ready: Ready, vector: Any, Z1: NDArray[Any], A1: NDArray[Any], names: Collection[str]
) -> list[dict[str, Any]]:
    """Of each unit its state, as the findings have it, and which units are its twins."""
    seen = Units(ready.shape, ready.shape.unflatten(vector), Z1, A1)
    twins = {unit: [k for k in group if k != unit] for group in seen.twins for unit in group}
    reach = range_of(ready.shape.activation, A1)
    constant = np.ptp(A1, axis=1) <= CONSTANT * (reach[1] - reach[0])
    states = [
        ("constant" if same else "healthy") if state in ("healthy", "idle") else state
        for state, same in zip(states_of(seen, names), constant, strict=True)
    ]
    return [
        {"state": state, "twins": twins.get(j, []), "flat": seen.flat[j]}
        for j, state in enumerate(states)
    ]


def range_of(activation: str, A1: NDArray[Any]) -> tuple[float, float]:
    """From where to where histograms of activations go."""
    if activation == "tanh":
        return -1.0, 1.0
    if activation == "sigmoid":
        return 0.0, 1.0
    low, high = float(np.nanmin(A1, initial=0.0)), float(np.nanmax(A1, initial=0.0))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def histogram(values: NDArray[Any], low: float, high: float) -> list[float]:
    """The share of the values in each of some bins."""
    found = np.histogram(np.clip(np.nan_to_num(values), low, high), BINS, (low, high))[0]
    return [round(float(n) / max(values.size, 1), 4) for n in found]


def findings(view: View) -> list[dict[str, Any]]:
    """What the diagnosis says, with the cures as fields of the experiment."""
    ready = view.ready
    losses, epochs = _losses(view.curve), max(view.position.epoch, 1)
    s = ready.learnt.settings.replaced(max_iter=epochs, n_iter_no_change=epochs)
    network = ready.network(view.position.state.parameters)
    case = ready.learnt.replaced(settings=s, networks=(network,)).case(ready.examples)
    case = case._replace(
        losses=losses, ending=view.position.ending, best_epoch=len(losses), columns=ready.inputs,
        starts=(ready.network(ready.first.parameters),),
    )  # fmt: skip
    with np.errstate(all="ignore"):
        diagnosis = findings_of(case)
        listed = [*diagnosis.findings, *_overfitting(case, ready)]
    found = []
    for finding in listed:
        cure = _cure(finding, ready)
        advice = finding.advice
        if finding.name == "saturated-units" and not cure:  # drawn as usual, for larger inputs
            cure, advice = {"init": SMALLER}, f"Draw smaller weights: init={SMALLER}."
        found.append({**finding._asdict(), "cure": cure, "advice": advice, "evidence": None})
    return found


def _cure(finding: Finding, ready: Ready) -> dict[str, Any]:
    """The cure as fields of the experiment, which has a number of units and never "auto"."""
    now = ready.experiment.plain()
    cure = {k: v for k, v in finding.cure.items() if k in FIELDS}
    if cure.get("hidden") == "auto":
        usual = ready.learnt.settings.replaced(hidden="auto")
        n_h = architecture_of(usual, ready.shape.n_x, ready.shape.n_y, ready.shape.output).n_h
        cure["hidden"] = min(n_h, MOST_UNITS)
    return {k: v for k, v in cure.items() if v != now[k]}


def cure_of(view: View) -> dict[str, Any]:
    """What repairs the units that are on the screen: other weights, and only else another network."""
    cure: dict[str, Any] = next(
        (finding["cure"] for finding in findings(view) if finding["cure"]), {}
    )
    weights = {name: cure[name] for name in ("init",) if name in cure}
    if view.ready.experiment.edits:  # the fault may have come by hand
        weights["edits"] = []
    return weights or cure


def _overfitting(case: Case, ready: Ready) -> list[Finding]:
    """What only rows show that were not trained on."""
    if ready.validation is None or ready.validation.m < FEWEST:
        return []
    later = Seen(case._replace(examples=ready.validation, new=True), None, thorough=False)
    return [finding for finding in new_rows(later) if finding.name == "overfitting"]


def _losses(curve: tuple[Mark, ...]) -> tuple[float, ...]:
    """The losses at even steps of epochs, as a fit has them, from marks that are not even."""
    known = [(m.epoch, m.loss) for m in curve if m.loss is not None]
    if not known or known[-1][0] < 1:
        return ()
    epochs, losses = np.array(known).T
    n = min(int(epochs[-1]), MOST_MARKS)
    return tuple(np.interp(np.linspace(0, epochs[-1], n + 1)[1:], epochs, losses).tolist())


def _line(ready: Ready, w: NDArray[Any], b: float) -> list[float] | None:
    """Where w · x + b = 0 in the plane, as [w1, w2, b]; None if other inputs enter."""
    names, axes = list(ready.inputs), ready.question.plane.axes
    at = [names.index(axis) if axis in names else -1 for axis in axes]
    others = [k for k in range(len(names)) if k not in at]
    if ready.experiment.data == "table" and not others:
        return _line_of_table(ready, w, b, at)
    if others or not any(k >= 0 for k in at):
        return None
    w1, w2 = (float(w[k]) if k >= 0 else 0.0 for k in at)
    return [w1, w2, b]


def _line_of_table(ready: Ready, w: NDArray[Any], b: float, at: list[int]) -> list[float]:
    """The same in the table's own units, from the standardised ones."""
    encoding = ready.learnt.inputs.encoding
    assert encoding is not None
    plans: dict[str, Any] = {plan.name: plan for plan in encoding.columns}
    line = [0.0, 0.0]
    for side, k in enumerate(at):
        if k >= 0:
            plan = plans[ready.inputs[k]]
            line[side] = float(w[k]) / plan.scale
            b -= float(w[k]) * plan.mean / plan.scale
    return [*line, b]

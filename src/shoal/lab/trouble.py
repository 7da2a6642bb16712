"""What is wrong with the network on the screen, in one line; the view Units tells more."""

import numpy as np

from shoal.compute.engine import engine
from shoal.data.rows.examples import Examples, rows_of
from shoal.diagnosis.case import baseline_of, sample_of
from shoal.diagnosis.units import SATURATED
from shoal.lab.session import View
from shoal.lab.units import unit_states

LOOKED_AT = 200  # examples
LEARNT = 0.5  # of a constant answer's loss: below it flat units do not stand in the way

MEANINGS = {
    "twin": "have the same weights in and out: they stay the same, and do the work of one.",
    "dead": "say 0 to every example: no gradient reaches them.",
    "saturated": "are flat on nearly all examples: hardly any gradient reaches them.",
    "constant": "say the same to every example.",
}


def trouble(view: View) -> str:
    """A sentence, or nothing."""
    ready, vector = view.ready, view.position.state.parameters
    if view.position.ending == "diverged":
        return "The loss is no longer a number: the learning rate is too large."
    if ready.linear:
        return ""
    parameters = ready.shape.unflatten(vector)
    if not parameters.W1.any() and not parameters.W2.any():
        return "All weights are zero: all units say the same, and will say the same for ever."
    some = sample_of(ready.examples, LOOKED_AT)
    with np.errstate(all="ignore"):
        Z1, A1, _, _ = engine.forward(ready.shape, vector, rows_of(some.X, some.rows), 1)
        flat = (SATURATED,) if _learns_little(view, some) else ()
        states = [each["state"] for each in unit_states(ready, vector, Z1, A1, flat)]
    for state, meaning in MEANINGS.items():
        n = states.count(state)
        if n:
            return f"{n} of {len(states)} units {meaning}"
    return ""


def _learns_little(view: View, some: Examples) -> bool:
    loss, shape = view.curve[-1].loss, view.ready.shape
    return loss is None or loss > LEARNT * baseline_of(shape, *some.columns(shape.n_y)[1:])

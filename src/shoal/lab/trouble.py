"""What is wrong with the network on the screen, in one line; the view Units tells more."""

import numpy as np

from shoal.compute.engine import engine
from shoal.data.rows.examples import rows_of
from shoal.diagnosis.case import sample_of
from shoal.lab.session import View
from shoal.lab.units import states_of

LOOKED_AT = 200  # examples

TOLD = {
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
        A1 = engine.forward(ready.shape, vector, rows_of(some.X, some.rows), 1)[1]
        states = [each["state"] for each in states_of(ready, vector, A1)]
    for state, told in TOLD.items():
        n = states.count(state)
        if n:
            return f"{n} of {len(states)} units {told}"
    return ""

"""What holds the weights, or the units, back: penalty, decay, dropout."""

from collections.abc import Iterator

import numpy as np

from shoal.diagnosis.case import NOTHING_LEARNT, Seen
from shoal.diagnosis.suspect import Suspect

OUTWEIGHS = 0.2  # of what the network has gained over a constant answer, added by the penalty
STRONG = 0.001  # alpha for each row: worth a try
HARSH = 0.01  # where nothing is learnt, so much is the reason
OVERSHOOTS = 2.0
DECAYS, DECAYS_FAST = 0.05, 1.0
DROPS, DROPS_MOST = 0.5, 0.9


def strong_penalty(seen: Seen) -> Iterator[Suspect]:
    """A penalty that weighs as much as what is learnt; or so much that nothing is."""
    alpha, weight = seen.case.alpha, seen.case.weight or float(seen.case.m)
    if not (alpha and weight) or alpha / weight < STRONG:
        return
    # A step of descent on the penalty alone, w − rate · alpha / weight · w, grows beyond this.
    overshoots = seen.case.settings.get("solver") in ("gd", "sgd") and (
        seen.case.rate * alpha / weight > OVERSHOOTS
    )
    if seen.case.ending == "diverged" and not overshoots:
        return
    p = seen.case.networks[0].parameters
    squares = float((p.W1.astype(np.float64) ** 2).sum() + (p.W2.astype(np.float64) ** 2).sum())
    penalty, gain = 0.5 * alpha * squares / weight, seen.baseline - seen.loss
    nothing = alpha / weight > HARSH and gain < (1 - NOTHING_LEARNT) * seen.baseline
    rows = max(seen.case.m or seen.case.examples.m, 1)
    small = weight < rows / 10  # then the weights of the rows are the reason
    usual = float(f"{1e-4 * weight / rows:.1g}") if small else 1e-4
    also = (
        " The weights of the rows are small: scale sample_weight to a mean of 1." if small else ""
    )
    yield Suspect(
        "penalty-outweighs-loss",
        f"the penalty alpha={alpha:g}, divided by the sum of the weights ({weight:.3g}), adds "
        f"{penalty:.3g} to a loss of {seen.loss:.3g}, of which training has gained {gain:.3g}: the "
        f"weights are held near 0.{also}",
        {"alpha": usual},
        {"penalty": penalty, "gain": gain, "weight": weight},
        sure=nothing or penalty >= OUTWEIGHS * max(gain, 0.0),
    )


def fast_decay(seen: Seen) -> Iterator[Suspect]:
    """Decoupled decay that takes a large share off the weights."""
    decay = float(seen.case.settings.get("weight_decay", 0.0))
    if decay < DECAYS:
        return
    share = min(decay * seen.case.rate, 1.0)
    yield Suspect(
        "weight-decay-too-strong",
        f"weight_decay={decay:g} takes {share:.2g} of every weight off at each step: the weights are "
        "held near 0.",
        {"weight_decay": 0.0},
        {"weight_decay": decay, "share_of_a_step": share},
        sure=decay >= DECAYS_FAST,
    )


def much_dropout(seen: Seen) -> Iterator[Suspect]:
    """Dropout that leaves too few units at a time."""
    dropout = float(seen.case.settings.get("dropout", 0.0))
    if dropout < DROPS:
        return
    left = (1 - dropout) * seen.shape.n_h
    yield Suspect(
        "dropout-too-high",
        f"dropout={dropout:g} leaves {left:.2g} of {seen.shape.n_h} hidden units at each step.",
        {"dropout": 0.0},
        {"dropout": dropout, "units_left": left},
        sure=dropout >= DROPS_MOST,
    )

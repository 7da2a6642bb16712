"""Networks that cannot say what is in the data, and networks that could be simpler."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from shoal.compute.engine import engine
from shoal.diagnosis.case import GOOD, NOTHING_LEARNT, SOMETHING, Seen, Tried
from shoal.diagnosis.findings import CONSTANT, Finding
from shoal.diagnosis.rules.stepping import STILL_FALLING
from shoal.diagnosis.suspect import Suspect, use
from shoal.diagnosis.trial import work_of
from shoal.diagnosis.units import SAME_ANSWERS, enough_units
from shoal.wording import wording

NARROW, NARROW_IF_POOR = 2, 7  # hidden units
SPARE_SHARE = 0.5  # of the units
WORSE_BY = 0.02  # of the baseline: the linear network may be this much worse and still be enough
BY_CHANCE, MOST_BY_CHANCE = 2.0, 0.05  # standard errors, and of the baseline: a gain that is none
SMALL_COST = 0.01  # of the fit: what a remark may cost after it
MATRICES = (
    100  # multiply-adds of the kernel that take as long as one of a decomposition, and their number
)
LINEAR_STEPS = (
    10  # of a network without hidden layer, and many inputs, a step costs so many times its work
)
LINEAR_EPOCHS = 60  # of the short training without hidden layer
# What is tried, one after another, when a network has learnt far less than neighbours could say.
MORE: tuple[dict[str, Any], ...] = (
    {"hidden": "auto", "activation": "tanh", "init": "auto", "solver": "adam", "learning_rate": "auto",
     "alpha": 1e-4, "batch_size": "auto"},
    {"n_iter_no_change": 50, "tol": 1e-5, "max_iter": 5000},
    {"solver": "lbfgs", "learning_rate": "auto", "schedule": "plateau", "dropout": 0.0, "max_iter": 1000},
)  # fmt: skip


def too_narrow(seen: Seen) -> Iterator[Suspect]:
    """One or two hidden units, or a few where more is known to be in the data."""
    n_h, s = seen.shape.n_h, seen.case.settings
    if n_h > (NARROW_IF_POOR if s else NARROW) or (s and isinstance(s.get("hidden", "auto"), str)):
        return
    if not (
        0 < n_h <= NARROW
        or (n_h == 0 and (seen.below or (seen.thorough and seen.explained <= GOOD)))
        or seen.behind
    ):
        return
    if seen.case.few_epochs and n_h > NARROW:
        return
    layer = f"{n_h} hidden unit{'s' * (n_h > 1)}" if n_h else "no hidden layer"
    yield Suspect(
        "underfitting",
        f"{layer} can say too little: the network explains {max(seen.explained, 0):.0%} of the "
        "variance"
        + (
            f", neighbouring rows {seen.reference.known:.0%}." if seen.behind or seen.below else "."
        ),
        {"hidden": "auto"},
        {"hidden": n_h, "explained": seen.explained},
        sure=seen.poor or (n_h <= NARROW and seen.below) or (seen.behind and _at_rest(seen)),
    )


def _at_rest(seen: Seen) -> bool:
    """Whether the training ended by itself, or with a loss that had stopped falling."""
    curve = seen.validation or seen.curve
    if seen.case.ending == "finished" and curve is not None:
        return curve.late_fall < STILL_FALLING
    return seen.case.ending == "plateau" and not seen.case.impatient


def linear_activation(seen: Seen) -> Iterator[Suspect]:
    """Hidden units that are linear: by choice, or as they have not left the straight part."""
    n = _all_in_the_straight_part(seen)
    if not n:
        return
    by_choice = seen.shape.activation == "identity"
    if seen.case.few_epochs and not by_choice:
        return
    cure: dict[str, Any] = {"activation": "tanh"} if by_choice else {"init": "auto"}
    if not by_choice and seen.case.ending == "finished" and seen.case.settings:
        cure |= {"max_iter": 5 * int(seen.case.settings.get("max_iter", 200))}
    yield Suspect(
        "still-linear",
        f"all {n} hidden units lie in the straight part of {seen.shape.activation}: the hidden "
        "layer adds nothing to what a linear network can say.",
        cure,
        {"units": n},
        sure=seen.poor or (by_choice and seen.behind),
    )


def _all_in_the_straight_part(seen: Seen) -> int:
    """How many units there are, if all are linear, and not for being dead or duplicates; else 0."""
    n = sum(units.n for units in seen.units)
    known = sum(len(u.dead) + sum(len(group) for group in u.twins) for u in seen.units)
    straight = sum(units.straight for units in seen.units)
    return n if straight == n and known < n else 0


def underfitting(seen: Seen) -> Iterator[Finding]:
    """A network that explains less than half of what neighbours or random features explain."""
    if not seen.behind or seen.case.ending == "interrupted":
        return
    best: tuple[dict[str, Any], Tried] | None = None
    for changes in MORE if seen.case.recipes else ():
        cure = {k: v for k, v in changes.items() if seen.case.settings.get(k) != v}
        tried = seen.tried(cure) if cure else None
        if tried and tried.helped and (best is None or tried.after < best[1].after):
            best = cure, tried
    if not (seen.poor or best):
        return
    evidence: dict[str, Any] = {"explained": seen.explained, "reachable": seen.reference.known}
    advice = wording(
        "No other settings that were tried help. Look at the columns: ratios, distances or bins of "
        "them may say more, and more members or a longer training a little."
    )
    if best:
        cure, tried = best
        evidence |= {"loss_before": tried.before, "loss_after": tried.after}
        advice = wording(
            "Use ", *use(cure), f": in a short training the loss went from {tried.before:.3g} to "
            f"{tried.after:.3g} with it.",
        )  # fmt: skip
    yield Finding(
        "underfitting",
        "warning",
        f"the network explains {max(seen.explained, 0):.0%} of the variance, and neighbouring rows "
        f"or random features {seen.reference.known:.0%}: it has not learnt what is there.",
        advice,
        best[0] if best else {},
        evidence,
    )


# --- remarks ------------------------------------------------------------------------------


def all_straight(seen: Seen) -> Iterator[Finding]:
    """Hidden units that are all linear, where that costs nothing."""
    n = _all_in_the_straight_part(seen)
    if n:
        yield Finding(
            "still-linear",
            "remark",
            f"all {n} hidden units lie in the straight part of {seen.shape.activation}: a linear "
            "network would say the same.",
            "",
            {},
            {"units": n},
        )


def constant_answer(seen: Seen) -> Iterator[Finding]:
    """Members of which nothing has been kept, as it was not better than a constant."""
    if _is_constant(seen):
        yield Finding(
            CONSTANT,
            "remark",
            "every row gets the same answer, as nothing that was learnt is clearly better on other rows.",
            "Look at the columns, or train on more rows.",
            {},
            {},
        )


def nothing_to_learn(seen: Seen) -> Iterator[Finding]:
    """A network no better than a constant answer, where neighbours and random features are not either."""
    if _is_constant(seen) or not _nothing_is_known(seen):
        return
    yield Finding(
        "nothing-to-learn",
        "remark",
        f"the loss on rows that were not trained on is {seen.share:.0%} of a constant answer's, and "
        f"neighbouring rows or random features explain {max(seen.reference.known, 0):.0%} of the variance: the "
        "columns say next to nothing of the target.",
        "Look whether each row has its own target, as a column may have been sorted or shuffled by itself; "
        "or look for other columns.",
        {},
        {"loss": seen.share, "reachable": seen.reference.known},
    )


def _nothing_is_known(seen: Seen) -> bool:
    known = (seen.held_out or seen.case.new) and seen.looked_at and seen.explained < SOMETHING
    if not known or not seen.share < np.inf or not seen.comparable:
        return False
    if (seen.Y[:, :1] == seen.Y).all():  # of a constant target there is nothing to know
        return False
    # Rows that say when to stop flatter the network a little.
    gain, error = seen.over_constant
    chance = min(BY_CHANCE * error, MOST_BY_CHANCE * seen.baseline)
    little = gain < max((1 - NOTHING_LEARNT) * seen.baseline, chance)
    return little and not seen.reference.reaches(SOMETHING)


def _says_nothing(seen: Seen) -> bool:
    return _is_constant(seen) or _nothing_is_known(seen)


def _is_constant(seen: Seen) -> bool:
    return not any(network.parameters.W2.any() for network in seen.case.networks)


def too_wide(seen: Seen) -> Iterator[Finding]:
    """Units that say the same as others."""
    if _says_nothing(seen):
        return
    n = sum(units.n for units in seen.units)
    spare = sum(
        len(units.idle) + len(units.dead) + sum(len(g) - 1 for g in units.twins)
        for units in seen.units
    )
    width = seen.shape.n_h
    enough = max(1, -(-(n - spare) // max(len(seen.units), 1)))
    cost = MATRICES * seen.some.m * width**2
    if width >= 4 and (seen.thorough or SMALL_COST * seen.case.work > cost):
        X = np.ascontiguousarray(seen.X.T)
        _, A1, Z2, _ = engine.forward(seen.shape, seen.case.networks[0].vector, X, 1)
        enough = min(enough, enough_units(A1, Z2))
    if width < 4 or enough > (1 - SPARE_SHARE) * width:
        return
    yield Finding(
        "too-wide",
        "remark",
        f"{width - enough} of {width} hidden units can be removed or merged: the others say the "
        f"same, to {SAME_ANSWERS:.0%}.",
        wording(*use({"hidden": enough}), " is enough."),
        {"hidden": enough},
        {"enough": enough, "units": width},
    )


def linear_is_enough(seen: Seen) -> Iterator[Finding]:
    """A short training without hidden layer that is as good."""
    work = LINEAR_EPOCHS * work_of(seen.shape._replace(n_h=0), seen.learnt.m, seen.case.batch)
    affordable = seen.held_out and SMALL_COST * seen.case.work > LINEAR_STEPS * work
    if not seen.shape.n_h or not (seen.thorough or affordable) or _says_nothing(seen):
        return
    # A network that has learnt little is equalled by a linear one, and neither is enough.
    if seen.behind:
        return
    tried = seen.tried({"hidden": 0}, epochs=LINEAR_EPOCHS)
    if not tried or tried.after > tried.before + WORSE_BY * seen.baseline:
        return
    yield Finding(
        "linear-is-enough",
        "remark",
        f"a network without hidden layer has loss {tried.after:.4g} on these rows, this one "
        f"{tried.before:.4g}.",
        wording("The simpler one is nearly as good: ", *use({"hidden": 0}), "."),
        {"hidden": 0},
        {"linear": tried.after, "network": tried.before},
    )

"""Steps that are too long or too short, and the rows that one takes."""

import math
from collections.abc import Iterator
from typing import Any

from shoal.diagnosis.case import FAR_DOWN, NOTHING_LEARNT, Case, Seen
from shoal.diagnosis.curves import Curve
from shoal.diagnosis.suspect import Suspect, times
from shoal.diagnosis.trial import FEWEST_STEPS

# Shares of the baseline, the loss of the best constant answer.
BOUNCES = 0.03  # rises of this size between epochs: the steps are too long
SMOOTH = 1e-3  # smaller rises are none
STILL_FALLING = 0.005  # in the last tenth of the epochs
STEADY = 0.3  # of the whole fall in the second half: no bend in the curve
# Times the usual rate: worth a try, and far.
HIGH, FAR_HIGH = 3.0, 30.0
LOW, FAR_LOW = 0.3, 0.01
FEWEST_EPOCHS = 5  # of a curve that tells how a loss falls
MOMENTUM, MOST_MOMENTUM, USUAL_MOMENTUM = 0.98, 0.995, 0.9
FINDS_ITS_STEPS = ("lbfgs", "lm")
LARGE_BATCH, SMALL_BATCH = 0.5, 4  # of the rows, and in rows


def diverged(seen: Seen) -> Iterator[Suspect]:
    """A loss that grew, or was no number."""
    if seen.case.ending != "diverged":
        return
    n, rate = len(seen.case.losses), seen.case.rate
    yield Suspect(
        "diverged",
        f"the loss grew instead of falling, and training ended after {n} epochs at learning rate "
        f"{rate:g}; the best network seen is kept.",
        {"learning_rate": lower_rate(seen.case)},
        {"epochs": n, "learning_rate": rate},
        fact=True,
        severity="error",
    )


def lower_rate(case: Case) -> float:
    """A tenth of the learning rate, or the solver's usual one where that is lower still."""
    far_above = case.usual_rate and case.rate > 2 * case.usual_rate
    return min(case.rate / 10, case.usual_rate) if far_above else case.rate / 10


def high_momentum(seen: Seen) -> Iterator[Suspect]:
    """Momentum that adds up hundreds of steps."""
    momentum = float(seen.case.settings.get("momentum", USUAL_MOMENTUM))
    if seen.case.settings.get("solver") != "sgd" or momentum < MOMENTUM:
        return
    yield Suspect(
        "momentum-too-high",
        f"momentum={momentum:g} adds up some {1 / (1 - momentum):,.0f} steps: they overshoot.",
        {"momentum": USUAL_MOMENTUM},
        {"momentum": momentum},
        sure=momentum >= MOST_MOMENTUM or seen.share > NOTHING_LEARNT,
    )


def rate_too_high(seen: Seen) -> Iterator[Suspect]:
    """A rate far above the usual one, or a loss that jumps up again and again."""
    curve, rate, usual = seen.curve, seen.case.rate, seen.case.usual_rate
    if curve is None or curve.epochs < 2 or seen.case.settings.get("solver") in FINDS_ITS_STEPS:
        return
    ratio = rate / usual if usual else 0.0
    bounces = curve.bounce > BOUNCES and curve.epochs >= FEWEST_EPOCHS and ratio >= 1 / HIGH
    if ratio < HIGH and not bounces:
        return
    if seen.case.settings.get("solver") == "gd" and ratio < FAR_HIGH and _descends(curve):
        return
    told = []
    if ratio >= HIGH:
        told.append(f"{times(ratio)} the usual {usual:g}")
    if bounces:
        told.append(f"and between two epochs the loss rises by {_of_constant(curve.bounce)}")
    yield Suspect(
        "learning-rate-too-high",
        f"the learning rate is {rate:g}, {', '.join(told)}: steps overshoot."
        if ratio >= HIGH
        else f"at learning rate {rate:g} the loss rises by {_of_constant(curve.bounce)} between two "
        "epochs, on average: steps overshoot.",
        {"learning_rate": lower_rate(seen.case)},
        {"bounce": curve.bounce, "times_usual": ratio, "learning_rate": rate},
        sure=ratio >= FAR_HIGH,
    )


def _descends(curve: Curve) -> bool:
    """Whether full-batch steps have led far down without overshooting."""
    return curve.bounce < SMOOTH and curve.last < FAR_DOWN


def _of_constant(share: float) -> str:
    """A share of a constant answer's loss."""
    if share < 1:
        return f"{share:.0%} of a constant answer's loss"
    return f"{times(share)} a constant answer's loss"


def rate_too_low(seen: Seen) -> Iterator[Suspect]:
    """A rate far below the usual one, where the loss has still to fall."""
    curve, rate, usual = seen.curve, seen.case.rate, seen.case.usual_rate
    if curve is None or curve.epochs < FEWEST_EPOCHS or not usual or rate > LOW * usual:
        return
    if seen.case.settings.get("solver") in FINDS_ITS_STEPS:
        return
    fall = curve.first - curve.last
    creeps = curve.last > NOTHING_LEARNT * min(curve.first, 1.0)
    yield Suspect(
        "learning-rate-too-low",
        f"the learning rate is {rate:g}, {times(usual / rate)} below the usual {usual:g}: in "
        f"{curve.epochs} epochs the loss fell by {fall:.1%} of a constant answer's"
        + (f", {max(curve.late_share, 0):.0%} of that in the second half." if fall > 0 else "."),
        {"learning_rate": usual},
        {"fall": fall, "late_share": curve.late_share, "learning_rate": rate},
        sure=creeps or rate <= FAR_LOW * usual or curve.late_share > STEADY,
    )


def odd_batch(seen: Seen) -> Iterator[Suspect]:
    """A batch of so many rows that an epoch has a step or two, or of so few that steps are noise."""
    batch, m = seen.case.settings.get("batch_size", "auto"), seen.case.m
    if isinstance(batch, str) or not m or seen.case.settings.get("solver") not in ("adam", "sgd"):
        return
    steps = math.ceil(m / batch)
    changes: dict[str, Any] = {"batch_size": "auto"}
    if batch >= LARGE_BATCH * m and steps <= 2:
        what = (
            f"a batch of {batch:,} of {m:,} rows makes {steps} step{'s' * (steps > 1)} of an epoch"
        )
        yield Suspect(
            "batch-too-large", f"{what}: few steps were made in {len(seen.case.losses)} epochs.",
            changes, {"batch_size": batch, "steps": steps},
            sure=steps * len(seen.case.losses) < FEWEST_STEPS, harmless=True,
        )  # fmt: skip
    elif batch <= SMALL_BATCH:
        yield Suspect(
            "batch-too-small",
            f"a batch of {batch} row{'s' * (batch > 1)}: each step follows the noise of so few.",
            changes, {"batch_size": batch}, sure=batch == 1, harmless=True,
        )  # fmt: skip

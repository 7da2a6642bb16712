"""How the weights were drawn, and what became of the hidden units."""

from collections.abc import Collection, Iterator
from typing import Any

from shoal.diagnosis.case import FAR_DOWN, NOTHING_LEARNT, Seen
from shoal.diagnosis.findings import Finding
from shoal.diagnosis.rules.stepping import lower_rate
from shoal.diagnosis.suspect import Suspect, times, use
from shoal.diagnosis.units import SATURATED, Units
from shoal.network.initialisers import standard_deviation
from shoal.wording import wording

# Of the (unit, example) pairs.
SATURATED_SHARE, SATURATED_AT_FIRST, NEARLY_ALL = 0.5, 0.25, 0.9
# Of the units.
DEAD_SHARE, DEAD_AT_FIRST, TWINS = 0.5, 1 / 3, 0.1
LARGE, SMALL = 5.0, 0.1  # times the usual deviation of a draw
STRAIGHT = 0.1  # the largest deviation of Z1 in units that were drawn near 0
KINKED = ("relu", "leaky_relu")
CONFIDENT = 5.0  # of the baseline: the loss of a network that is sure, and wrong


def symmetric_units(seen: Seen) -> Iterator[Suspect]:
    """Hidden units with equal weights in and out."""
    twins = [len(group) for units in seen.units for group in units.twins]
    n = sum(units.n for units in seen.units)
    if sum(twins) <= TWINS * n:
        return
    yield Suspect(
        "symmetric-units",
        f"{sum(twins)} of {n} hidden units are duplicates, with equal weights in and out: equal "
        "gradients keep them equal for ever, and they do the work of "
        f"{'one' if len(twins) == 1 else len(twins)}.",
        {"init": "auto"},
        {"twins": [list(group) for units in seen.units for group in units.twins], "units": n},
        fact=True,
        severity="error" if sum(twins) == n else "warning",
    )


def large_draw(seen: Seen) -> Iterator[Suspect]:
    """Weights drawn so large that units are flat, or the first answers confident and wrong."""
    ratio = _times_usual(seen)
    if ratio is not None and ratio <= 1 and seen.inputs_usual:
        return
    if seen.units and seen.shape.activation in ("tanh", "sigmoid"):
        yield from _saturated(seen, ratio)
    elif ratio is not None and ratio >= LARGE:
        yield Suspect(
            "initial-weights-too-large",
            f"the weights were drawn {times(ratio)} as large as usual: the first answers are "
            "confident and wrong, and most steps go into taking them back.",
            {"init": "auto"},
            {"times_usual": ratio},
            sure=seen.share > CONFIDENT,
        )


def _times_usual(seen: Seen) -> float | None:
    """The deviation of the draw, in those of the usual one; None where it is not a number."""
    init, shape = seen.case.settings.get("init", "auto"), seen.shape
    if isinstance(init, bool) or not isinstance(init, int | float | str):
        return None
    fans = (shape.n_x, max(shape.n_h, 1))
    usual = standard_deviation("auto", shape.activation, *fans)
    return standard_deviation(init, shape.activation, *fans) / usual


def _saturated(seen: Seen, ratio: float | None) -> Iterator[Suspect]:
    known = bool(seen.starts)
    first = _saturated_share(seen.starts or seen.units)
    # Units that good steps have led to the flat part are as they should be. Of a network whose
    # start is not known only one that is hardly better than a constant answer is faulty.
    if first < SATURATED_AT_FIRST or (
        not known and (first < SATURATED_SHARE or seen.share < GAINED)
    ):
        return
    share = _saturated_share(seen.units)
    began = f", and {first:.0%} before the first step" if known else ""
    large = ""
    if ratio is not None and ratio > 1:
        large = f" The weights were drawn {times(ratio)} as large as usual."
    yield Suspect(
        SATURATED,
        f"{share:.0%} of the hidden activations lie where the slope is below 1 % of its largest"
        f"{began}: little is learnt there.{large}",
        {"init": "auto"},
        {"share": share, "share_at_start": first},
        sure=not known or share > SATURATED_SHARE or first > NEARLY_ALL,
    )


def _saturated_share(looked: Collection[Units]) -> float:
    return sum(units.saturated for units in looked) / len(looked)


GAINED = 0.7  # of the baseline is left, by a network that has hardly learnt


def dead_units(seen: Seen) -> Iterator[Suspect]:
    """Units of relu that answer 0 to every example, because they began so or were driven there."""
    dead, n = sum(len(units.dead) for units in seen.units), sum(units.n for units in seen.units)
    if not dead or dead < DEAD_SHARE * n:
        return
    first = sum(len(units.dead) for units in seen.starts)
    # Units that good steps have made inactive were not needed.
    if seen.starts and first < DEAD_AT_FIRST * n and not long_steps(seen) and dead < n:
        return
    began = f", {first} of them before the first step" if first else ""
    zeros = first == n and _times_usual(seen) == 0  # there no activation has a gradient
    asleep = first >= DEAD_AT_FIRST * n
    init = seen.case.settings.get("init", "auto")
    chosen = not (isinstance(init, str) and init == "auto")
    cure: dict[str, Any] = {"activation": "leaky_relu"}
    if zeros or (asleep and chosen):
        cure = {"init": "auto"}
    elif not asleep and long_steps(seen):  # these drove them there, and would drive others anywhere
        cure = {"learning_rate": lower_rate(seen.case)}
    yield Suspect(
        "dead-units",
        f"{dead} of {n} hidden units answer 0 to every example{began}: their slope is 0 too, and "
        "they will not come back." + (" All weights were drawn as 0." if zeros else ""),
        cure,
        {"dead": [list(units.dead) for units in seen.units], "units": n},
        sure=asleep,
        fact=dead == n,
        severity="error" if dead == n else "",
    )


def long_steps(seen: Seen) -> bool:
    """Whether the rate is more than twice the usual one."""
    return bool(seen.case.usual_rate) and seen.case.rate > 2 * seen.case.usual_rate


def small_draw(seen: Seen) -> Iterator[Suspect]:
    """Weights drawn so near to 0 that the gradient of the hidden layer is next to nothing."""
    ratio = _times_usual(seen)
    if not seen.shape.n_h or ratio is None or ratio > SMALL or ratio == 0 or seen.curve is None:
        return
    if seen.case.few_epochs or seen.shape.activation == "identity" or not drawn_tiny(seen):
        return
    if seen.curve.last < FAR_DOWN:  # the plateau is behind it
        return
    changes: dict[str, Any] = {"init": "auto"}
    if seen.case.settings.get("solver", "adam") in ("sgd", "gd"):
        changes |= {"solver": "adam", "learning_rate": "auto"}
    yield Suspect(
        "stuck-on-plateau",
        f"the weights were drawn {times(1 / ratio)} smaller than usual, where the gradient is next to "
        f"nothing: after {seen.curve.epochs} epochs the loss is {seen.share:.0%} of a constant "
        "answer's.",
        changes,
        {"loss": seen.share, "times_usual": ratio},
        sure=seen.share > NOTHING_LEARNT or (seen.share > GAINED and _straight(seen.units)),
    )


def _straight(looked: Collection[Units]) -> bool:
    return all(units.straight == units.n for units in looked)


def drawn_tiny(seen: Seen) -> bool:
    """Whether every unit began so near to zero that g is straight there, or has its kink there."""
    kinked = seen.shape.activation in KINKED
    return (
        bool(seen.starts)
        and (kinked or _straight(seen.starts))
        and all(units.spread < STRAIGHT for units in seen.starts)
    )


# --- remarks ------------------------------------------------------------------------------


def some_dead_units(seen: Seen) -> Iterator[Finding]:
    """Units of relu that answer 0 to every example."""
    dead, n = sum(len(units.dead) for units in seen.units), sum(units.n for units in seen.units)
    if dead:
        yield Finding(
            "dead-units",
            "remark",
            f"{dead} of {n} hidden units answer 0 to every example: their slope is 0 too, and they "
            "will not come back.",
            wording(
                "A network without them would do, or ", *use({"activation": "leaky_relu"}), "."
            ),
            {},
            {"dead": [list(units.dead) for units in seen.units], "units": n},
        )


def some_twins(seen: Seen) -> Iterator[Finding]:
    """A few units with equal weights."""
    twins = sum(len(group) for units in seen.units for group in units.twins)
    n = sum(units.n for units in seen.units)
    if twins:
        yield Finding(
            "symmetric-units",
            "remark",
            f"{twins} of {n} hidden units are duplicates, with equal weights in and out.",
            "",
            {},
            {"twins": [list(group) for units in seen.units for group in units.twins], "units": n},
        )

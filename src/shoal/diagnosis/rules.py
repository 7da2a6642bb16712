"""The rules of the diagnosis: each is a function from what was seen to findings.

The order of `RULES` is the order of causes: what is explained by an earlier finding is not told
again. Thresholds were chosen on one half of the data sets of `benchmarks/diagnosis.py` and are
measured on the other (docs/reference/diagnosis.md).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from shoal.data.rows.sparse import Sparse
from shoal.diagnosis.case import Case, Seen
from shoal.diagnosis.findings import Finding
from shoal.diagnosis.units import SAME_ANSWERS
from shoal.wording import Setting, wording

# Shares of the baseline, the loss of the best constant answer.
BOUNCES = 0.03  # rises of this size between epochs: the steps are too long
ABOVE = 0.05  # an end this far above the lowest loss
STILL_FALLING = 0.005  # in the last tenth of the epochs
STEADY = 0.3  # of the whole fall in the second half: no bend in the curve
NOTHING_LEARNT = 0.98  # of the baseline: no better than a constant answer
BETTER = 0.9  # of the loss: another start reaches clearly less
GAP = 0.2  # the loss on new rows above that on the training rows
OUTWEIGHS = 0.2  # of what the network has gained over a constant answer, added by the penalty
WORSE_BY = 0.02  # the linear network may be this much worse and still be enough
# Of the units, or of (unit, example) pairs.
DEAD_SHARE = 0.5
DEAD_AT_FIRST = 1 / 3
SATURATED_SHARE = 0.5
SATURATED_AT_FIRST = 0.25
NEARLY_ALL = 0.9
SPARE_SHARE = 0.5
# Of the inputs: in standard deviations, or from one column to another.
FAR = 10.0
UNEQUAL = 30.0
SEVERAL = 30  # examples: below it, chance explains much
RARE = 0.05  # a class this rare may well be never the likeliest
SLOW = 0.2  # of the usual learning rate
FEWEST_EPOCHS = 5  # of a curve that tells how a loss falls


def _diverged(seen: Seen) -> Iterator[Finding]:
    if seen.case.ending != "diverged":
        return
    rate = seen.case.rate
    lower = _lower(seen.case)
    yield Finding(
        "diverged",
        "error",
        f"the loss grew instead of falling, and training ended after {len(seen.case.losses)} "
        f"epochs at learning rate {rate:g}; the best network seen is kept.",
        wording("Use a lower learning rate: ", *_use({"learning_rate": lower}), "."),
        {"learning_rate": lower},
        {"epochs": len(seen.case.losses), "learning_rate": rate},
    )


def _symmetric(seen: Seen) -> Iterator[Finding]:
    twins = [len(group) for units in seen.units for group in units.twins]
    n = sum(units.n for units in seen.units)
    if not twins:
        return
    everyone = sum(twins) == n
    yield Finding(
        "symmetric-units",
        "error" if everyone else "warning" if sum(twins) > 0.1 * n else "remark",
        f"{sum(twins)} of {n} hidden units are twins, with equal weights in and out: equal "
        "gradients keep them equal for ever, and they do the work of "
        f"{'one' if len(twins) == 1 else len(twins)}.",
        wording("Draw W at random: ", *_use({"init": "auto"}), "."),
        {"init": "auto"},
        {"twins": [list(group) for units in seen.units for group in units.twins], "units": n},
    )


def _unscaled(seen: Seen) -> Iterator[Finding]:
    if isinstance(seen.case.examples.X, Sparse):  # sizes there are counts of something rare
        return
    if seen.case.settings.get("encode", "auto") is not None and seen.case.settings:
        return
    X = seen.X.astype(np.float64)
    spread, mean = X.std(axis=1), np.abs(X.mean(axis=1))
    varying = spread > 1e-12 * np.maximum(mean, 1e-300)
    if not varying.any():
        return
    spread, mean = spread[varying], mean[varying]
    high, low = float(spread.max()), float(spread.min())
    away = float((mean / spread).max())
    if high < UNEQUAL and high / low < UNEQUAL * UNEQUAL and (away < FAR or mean.max() < FAR):
        return
    yield Finding(
        "unscaled-inputs",
        "warning",
        f"the inputs differ in size: standard deviations from {low:.3g} to {high:.3g}, means up "
        f"to {float(mean.max()):.3g}. A step that suits one column is too long or too short for "
        "another.",
        wording("Standardise them: ", *_use({"encode": "auto"}), "."),
        {"encode": "auto"},
        {"smallest": low, "largest": high, "largest_mean": float(mean.max())},
    )


def _too_high(seen: Seen) -> Iterator[Finding]:
    curve, rate, usual = seen.curve, seen.case.rate, seen.case.usual_rate
    if curve is None or curve.epochs < FEWEST_EPOCHS or seen.X.shape[1] < SEVERAL:
        return
    high = curve.bounce > BOUNCES or (curve.rise > ABOVE and curve.bounce > BOUNCES / 3)
    lost = curve.last > 1 + ABOVE and rate > usual
    driven = False  # into the flat part, from a start that was not
    if seen.units and seen.starts and rate > 2 * usual > 0:
        first, last = (np.mean([u.saturated for u in us]) for us in (seen.starts, seen.units))
        driven = bool(first < SATURATED_AT_FIRST and last > SATURATED_SHARE)
    if not (high or lost or driven):
        return
    lower = _lower(seen.case)
    yield Finding(
        "learning-rate-too-high",
        "error" if lost else "warning",
        f"the loss jumps up by {curve.bounce:.0%} of its scale from epoch to epoch and ends "
        f"{curve.rise:.0%} above its lowest: steps at learning rate {rate:g} overshoot.",
        wording("Use a lower learning rate: ", *_use({"learning_rate": lower}), "."),
        {"learning_rate": lower},
        {"bounce": curve.bounce, "rise": curve.rise, "learning_rate": rate},
    )


def _saturated(seen: Seen) -> Iterator[Finding]:
    if not seen.units or seen.shape.activation not in ("tanh", "sigmoid"):
        return
    share = float(np.mean([units.saturated for units in seen.units]))
    first = float(np.mean([units.saturated for units in seen.starts])) if seen.starts else 0.0
    # Units that good steps have led to the flat part are as they should be.
    led = bool(seen.starts) and seen.case.rate <= 2 * seen.case.usual_rate
    if first < SATURATED_AT_FIRST and (led or share < SATURATED_SHARE):
        return
    drawn_so = first >= SATURATED_AT_FIRST or not seen.starts
    began = f", and {first:.0%} at the start" if seen.starts else ""
    cure: dict[str, Any] = {"init": "auto"}
    if not drawn_so:  # the steps have driven them there
        cure = {"learning_rate": _lower(seen.case), "alpha": 0.001}
    yield Finding(
        "saturated-units",
        "error" if share > NEARLY_ALL and drawn_so else "warning",
        f"{share:.0%} of the hidden activations lie where the slope is below 1 % of its largest"
        f"{began}: little is learnt there.",
        wording("Try ", *_use(cure), "."),
        cure,
        {"share": share, "share_at_start": first},
    )


def _lower(case: Case) -> float:
    """A tenth of the learning rate, or the solver's usual one where that is lower still."""
    far_above = case.usual_rate and case.rate > 2 * case.usual_rate
    return min(case.rate / 10, case.usual_rate) if far_above else case.rate / 10


def _dead(seen: Seen) -> Iterator[Finding]:
    dead, n = sum(len(units.dead) for units in seen.units), sum(units.n for units in seen.units)
    if not dead:
        return
    first = sum(len(units.dead) for units in seen.starts)
    # Units that good steps have put to sleep were not needed.
    led = bool(seen.starts) and first < DEAD_AT_FIRST * n and not _lower_if_high(seen)
    many = dead >= DEAD_SHARE * n and not led
    yield Finding(
        "dead-units",
        "error" if dead == n else "warning" if many else "remark",
        f"{dead} of {n} hidden units answer 0 to every example: their slope is 0 too, and they "
        "will not come back.",
        wording("Use ", *_use({"activation": "leaky_relu"}), ", or a lower learning rate."),
        {"activation": "leaky_relu"} | _lower_if_high(seen),
        {"dead": [list(units.dead) for units in seen.units], "units": n},
    )


def _lower_if_high(seen: Seen) -> dict[str, Any]:
    rate, usual = seen.case.rate, seen.case.usual_rate
    return {"learning_rate": usual} if usual and rate > 2 * usual else {}


def _too_low(seen: Seen) -> Iterator[Finding]:
    curve, rate, usual = seen.curve, seen.case.rate, seen.case.usual_rate
    if curve is None or curve.epochs < FEWEST_EPOCHS or rate > SLOW * usual or _drawn_tiny(seen):
        return
    if seen.case.ending not in ("finished", "plateau"):
        return
    falling = curve.late_share > STEADY or curve.late_fall > STILL_FALLING
    creeping = curve.last > NOTHING_LEARNT * min(curve.first, 1.0)
    behind = seen.usual_loss is not None and seen.usual_loss < BETTER * seen.loss
    if not (falling or creeping or behind):
        return
    yield Finding(
        "learning-rate-too-low",
        "error" if creeping else "warning",
        f"the loss fell by {curve.first - curve.last:.1%} of its scale in {curve.epochs} epochs, "
        f"{max(curve.late_share, 0):.0%} of it in the second half: steps at learning rate {rate:g} "
        "are too short.",
        wording("Use a higher one: ", *_use({"learning_rate": usual}), "."),
        {"learning_rate": usual},
        {"fall": curve.first - curve.last, "late_share": curve.late_share, "learning_rate": rate},
    )


def _drawn_tiny(seen: Seen) -> bool:
    """Whether every unit began so near to zero that g is straight there."""
    return bool(seen.starts) and all(u.straight == u.n and u.spread < 0.1 for u in seen.starts)


def _plateau(seen: Seen) -> Iterator[Finding]:
    if not seen.shape.n_h or seen.curve is None or seen.curve.epochs < FEWEST_EPOCHS:
        return
    usual, loss = seen.usual_loss, seen.loss / max(seen.baseline, 1e-300)
    if usual is None or usual > BETTER * min(seen.loss, seen.curve.last * seen.baseline):
        return
    if loss > 1 + GAP or seen.curve.late_fall > STILL_FALLING or seen.case.few_epochs:
        return
    cure: dict[str, Any] = {}
    if seen.case.settings.get("init", "auto") != "auto" or not seen.case.settings:
        cure["init"] = "auto"
    if seen.case.settings.get("solver", "adam") != "adam":
        cure |= {"solver": "adam", "learning_rate": "auto"}
    if seen.case.ending == "plateau" or not cure:  # patience, where nothing else is unusual
        cure |= {
            "n_iter_no_change": 5 * seen.case.patience,
            "max_iter": 5 * int(seen.case.settings.get("max_iter", 200)),
        }
    yield Finding(
        "stuck-on-plateau",
        "error",
        f"after {seen.curve.epochs} epochs the loss is {loss:.0%} of a constant answer's, where "
        f"the same network from another start reaches {usual / seen.baseline:.0%}: it sits where "
        "the gradient is next to nothing.",
        wording("Try ", *_use(cure), "."),
        cure,
        {"loss": loss, "reachable": usual / seen.baseline},
    )


def _still_linear(seen: Seen) -> Iterator[Finding]:
    straight = sum(units.straight for units in seen.units)
    n = sum(units.n for units in seen.units)
    if not n or straight < n:
        return
    by_choice = seen.shape.activation == "identity"
    cure: dict[str, Any] = {"activation": "tanh"} if by_choice else {"init": "auto"}
    if not by_choice and seen.case.ending == "finished" and seen.case.settings:
        cure |= {"max_iter": 5 * int(seen.case.settings.get("max_iter", 200))}
    yield Finding(
        "still-linear",
        "warning",
        f"all {n} hidden units lie in the straight part of {seen.shape.activation}: the hidden "
        "layer adds nothing yet to what a linear network can say.",
        wording("Try ", *_use(cure), "."),
        cure,
        {"units": n},
    )


def _use(cure: Mapping[str, Any]) -> list[str | Setting]:
    """The settings of a cure in a row; numbers with six digits."""
    parts: list[str | Setting] = []
    for name, value in cure.items():
        shown = float(f"{value:g}") if isinstance(value, float) else value
        parts += [", ", Setting(name, shown)] if parts else [Setting(name, shown)]
    return parts


def _not_converged(seen: Seen) -> Iterator[Finding]:
    curve = seen.validation or seen.curve
    if curve is None or seen.case.ending != "finished":
        return
    short = seen.case.few_epochs and (seen.usual_loss or np.inf) < BETTER * seen.loss
    if not short and (curve.late_fall < STILL_FALLING or curve.epochs < 2):
        return
    reached = "" if seen.usual_loss is None else f" ({seen.usual_loss:.3g} can be reached here)"
    more = 10 * int(seen.case.settings.get("max_iter", curve.epochs))
    yield Finding(
        "not-converged",
        "warning",
        f"the budget of {curve.epochs} epochs ended at loss {seen.loss:.3g}{reached}, which fell by "
        f"{curve.late_fall:.1%} of its scale in the last tenth of them.",
        wording("Train longer: ", *_use({"max_iter": more}), "."),
        {"max_iter": more},
        {"late_fall": curve.late_fall, "epochs": curve.epochs},
    )


def _one_class(seen: Seen) -> Iterator[Finding]:
    if seen.shape.output in ("identity", "poisson") or (
        seen.shape.n_y > 1 and seen.shape.output == "sigmoid"
    ):
        return
    if seen.shape.n_y == 1:
        said, true = (seen.A2[0] > 0.5).astype(int), seen.Y[0].astype(int)
    else:
        said, true = seen.A2.argmax(axis=0), seen.Y.argmax(axis=0)
    counts = np.bincount(true, minlength=max(seen.shape.n_y, 2)) / len(true)
    others = float(counts.sum() - counts.max())
    if len(np.unique(said)) > 1 or others < RARE or len(true) < SEVERAL:
        return
    yield Finding(
        "one-class-predicted",
        "warning",
        f"every one of {len(said)} examples gets the same answer, though {others:.0%} of them "
        "belong to other classes.",
        wording("Give the rare classes more weight: ", *_use({"class_weight": "balanced"}), "."),
        {"class_weight": "balanced"},
        {"share_of_others": others},
    )


def _overfitting(seen: Seen) -> Iterator[Finding]:
    if not (seen.case.new and seen.curve):
        return
    gap = seen.loss / seen.baseline - min(seen.curve.last, seen.curve.first)
    if gap < GAP or seen.case.ending == "diverged":
        return
    alpha = max(10 * seen.case.alpha, 0.01)
    cure: dict[str, Any] = {"early_stopping": True, "alpha": alpha}
    yield Finding(
        "overfitting",
        "warning",
        f"the loss on these rows is {seen.loss / seen.baseline:.0%} of a constant answer's, on the "
        f"training rows {seen.curve.last:.0%}: the network overfits.",
        wording("Stop by validation, with a penalty: ", *_use(cure), "."),
        cure,
        {"gap": gap},
    )


def _useless_columns(seen: Seen) -> Iterator[Finding]:
    if isinstance(seen.case.examples.X, Sparse) or seen.case.settings.get(
        "encode"
    ):  # which sets constant columns aside, and says so
        return
    spread = seen.X.std(axis=1)
    constant = np.flatnonzero(spread <= 1e-6 * np.abs(seen.X).max(axis=1))
    names = [seen.case.columns[j] if j < len(seen.case.columns) else f"x{j}" for j in constant]
    if not names:
        return
    yield Finding(
        "useless-columns",
        "remark",
        f"{len(names)} of {len(seen.X)} inputs never vary on the rows looked at: "
        f"{', '.join(names[:5])}{' …' if len(names) > 5 else ''}.",
        wording(*_use({"encode": "auto"}), " leaves constant columns out."),
        {"encode": "auto"},
        {"columns": names},
    )


def _too_wide(seen: Seen) -> Iterator[Finding]:
    n = sum(units.n for units in seen.units)
    spare = sum(
        len(units.idle) + len(units.dead) + sum(len(g) - 1 for g in units.twins)
        for units in seen.units
    )
    enough = max(1, -(-(n - spare) // max(len(seen.units), 1)))
    if seen.enough is not None and seen.enough < enough:
        enough = seen.enough
    width = seen.shape.n_h
    if width < 4 or enough > (1 - SPARE_SHARE) * width:
        return
    yield Finding(
        "too-wide",
        "remark",
        f"{width - enough} of {width} hidden units can be removed or merged: the others say the "
        f"same, to {SAME_ANSWERS:.0%}.",
        wording(*_use({"hidden": enough}), " is enough."),
        {"hidden": enough},
        {"enough": enough, "units": width},
    )


def _linear_is_enough(seen: Seen) -> Iterator[Finding]:
    linear = seen.linear_loss
    if not seen.shape.n_h or linear is None or linear > seen.loss + WORSE_BY * seen.baseline:
        return
    yield Finding(
        "linear-is-enough",
        "remark",
        f"a network without hidden layer has loss {linear:.4g} on these rows, this one {seen.loss:.4g}.",
        wording("The simpler one is enough: ", *_use({"hidden": 0}), "."),
        {"hidden": 0},
        {"linear": linear, "network": seen.loss},
    )


def _penalty(seen: Seen) -> Iterator[Finding]:
    alpha, weight = seen.case.alpha, seen.case.weight
    if not (alpha and weight and seen.shape.n_h) or seen.case.ending == "diverged":
        return
    p = seen.case.networks[0].parameters
    squares = float((p.W1.astype(np.float64) ** 2).sum() + (p.W2.astype(np.float64) ** 2).sum())
    penalty, gain = 0.5 * alpha * squares / weight, seen.baseline - seen.loss
    # As strong as what is learnt; or so strong that nothing is learnt at all.
    nothing = alpha / weight > 0.01 and gain < (1 - NOTHING_LEARNT) * seen.baseline
    if not nothing and penalty < OUTWEIGHS * max(gain, 0.0):
        return
    if not nothing and alpha / weight < 0.001:
        return
    small = weight < seen.case.examples.m / 10  # then the weights of the rows are the reason
    cure: dict[str, Any] = {"alpha": float(f"{1e-4 * weight / max(seen.case.examples.m, 1):.1g}")}
    weights = "; or scale sample_weight so that its mean is about 1" if small else ""
    yield Finding(
        "penalty-outweighs-loss",
        "warning",
        f"the penalty alpha={alpha:g}, divided by the sum of the weights ({weight:.3g}), adds "
        f"{penalty:.3g} to a loss of {seen.loss:.3g}, of which training has gained {gain:.3g}: the "
        "weights are held near 0.",
        wording("Use a smaller penalty: ", *_use(cure), f"{weights}."),
        cure,
        {"penalty": penalty, "gain": gain, "weight": weight},
    )


# The rules in the order of causes, each with the findings that explain what it would say.
RULES: tuple[tuple[Callable[[Seen], Iterator[Finding]], tuple[str, ...]], ...] = (
    (_diverged, ()),
    (_penalty, ("diverged",)),
    (_symmetric, ()),
    (_unscaled, ()),
    (_too_high, ("diverged",)),
    (_saturated, ("diverged", "symmetric-units")),
    (_dead, ("diverged",)),
    (_too_low, ("diverged", "symmetric-units")),
    (_plateau, ("diverged", "symmetric-units", "learning-rate-too-high", "learning-rate-too-low", "saturated-units", "dead-units", "penalty-outweighs-loss")),
    (_still_linear, ("diverged", "symmetric-units", "stuck-on-plateau", "learning-rate-too-low", "unscaled-inputs")),
    (_not_converged, ("diverged", "symmetric-units", "learning-rate-too-low", "stuck-on-plateau", "learning-rate-too-high", "still-linear")),
    (_one_class, ("diverged", "symmetric-units", "learning-rate-too-low", "stuck-on-plateau", "learning-rate-too-high", "unscaled-inputs", "not-converged")),
    (_overfitting, ("diverged",)),
    (_useless_columns, ()),
    (_too_wide, ("diverged", "symmetric-units", "dead-units", "still-linear")),
    (_linear_is_enough, ("diverged", "symmetric-units", "stuck-on-plateau", "learning-rate-too-low", "not-converged", "dead-units")),
)  # fmt: skip

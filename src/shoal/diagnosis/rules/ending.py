"""Trainings that ended too early, or by the wrong rows, or went on for too long."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from shoal.diagnosis.case import NOTHING_LEARNT, Seen
from shoal.diagnosis.rules.stepping import STILL_FALLING
from shoal.diagnosis.suspect import Suspect, times
from shoal.diagnosis.trial import FEWEST_STEPS
from shoal.settings import MAX_ITER

TOL = 1e-3  # a coarser tolerance is worth a try
USUAL: dict[str, Any] = {"n_iter_no_change": "auto", "tol": 1e-4, "validation_fraction": 0.15}
MORE_PATIENCE, MORE_EPOCHS = 50, 10
SLOPE = 0.01  # of the baseline, by which the loss fell in the last tenth: no plateau
FEWEST_HELD = 10  # rows, of a validation part that says something
MOST_HELD = 0.5  # of the rows
# A class that is missed in a validation part: its share of the rows, or so many rows that chance would give.
LARGE_CLASS, EXPECTED = 0.05, 5.0
GAP = 0.2  # of the baseline: the loss on new rows above that on the training rows


def not_converged(seen: Seen) -> Iterator[Suspect]:
    """A budget of epochs that ended while the loss was falling."""
    curve, case = seen.validation or seen.curve, seen.case
    if curve is None or seen.curve is None or case.ending != "finished":
        return
    few = case.few_epochs and len(case.losses) < int(case.settings.get("max_iter", 0) or 0) + 1
    if curve.late_fall < STILL_FALLING and not (few or seen.behind):
        return
    fell = f", which fell by {curve.late_fall:.1%} of the baseline's in the last tenth of them"
    yield Suspect(
        "not-converged",
        f"the budget of {curve.epochs} epoch{'s' * (curve.epochs > 1)} ended at loss {seen.loss:.3g}"
        + (f"{fell}." if curve.epochs > 1 and curve.late_fall > 0 else "."),
        {"max_iter": max(MORE_EPOCHS * int(case.settings.get("max_iter", curve.epochs)), MAX_ITER)},
        {"late_fall": curve.late_fall, "epochs": curve.epochs},
        sure=curve.late_fall >= SLOPE or few,
        harmless=True,
    )


def stopped_too_early(seen: Seen) -> Iterator[Suspect]:
    """A training that a short patience, or a coarse tolerance, ended on a slope."""
    s, case = seen.case.settings, seen.case
    if case.ending != "plateau" or seen.curve is None:
        return
    patience, tol = seen.case.patience, float(s.get("tol", 1e-4))
    odd = case.impatient or tol > TOL
    # The training loss goes on falling when a network begins to overfit.
    sloping = (seen.validation or seen.curve).late_fall > SLOPE and seen.share > 0.5
    if not (odd or sloping or seen.behind):
        return
    changes: dict[str, Any] = {}
    if case.impatient:
        changes["n_iter_no_change"] = USUAL["n_iter_no_change"]
    if tol > TOL:
        changes["tol"] = USUAL["tol"]
    # A few steps of descent, one an epoch, show nothing: not even that nothing can be learnt.
    hardly_begun = seen.behind and 0 < seen.case.steps < FEWEST_STEPS
    budget = int(s.get("max_iter", MAX_ITER))
    if not changes:
        changes["n_iter_no_change"] = MORE_PATIENCE
        if hardly_begun and s.get("solver") == "gd":  # it would stay there for long
            changes |= {"solver": "adam", "learning_rate": "auto"}
        if budget <= seen.curve.epochs + MORE_PATIENCE:  # it would end the training first
            changes["max_iter"] = max(MORE_EPOCHS * budget, MAX_ITER)
    yield Suspect(
        "stopped-too-early",
        f"training ended after {seen.curve.epochs} epochs, when {patience} in a row were not better by "
        f"{tol:g}, at {times(seen.share)} a constant answer's loss: that was no plateau.",
        changes,
        {"epochs": seen.curve.epochs, "patience": patience, "tol": tol, "loss": seen.share},
        sure=odd or hardly_begun or (seen.behind and seen.share < NOTHING_LEARNT),
    )


def validation_part(seen: Seen) -> Iterator[Suspect]:
    """A validation part that takes most of the rows, or has too few of them or not every class."""
    case = seen.case
    if case.new or not seen.held_out or not case.m:
        return
    held, changes = case.held, {"validation_fraction": USUAL["validation_fraction"]}
    given = bool(case.given and case.given.validated)
    chosen = case.settings.get("validation_fraction", 0.15) != USUAL["validation_fraction"]
    if held > MOST_HELD * (held + case.m) and chosen:
        yield Suspect(
            "validation-part-too-large",
            f"{held:,} of {held + case.m:,} rows are held out to stop by: only {case.m:,} are "
            "trained on.",
            changes, {"held_out": held, "rows": case.m}, fact=True,
        )  # fmt: skip
    elif held < FEWEST_HELD and (chosen or given):
        yield Suspect(
            "validation-part-too-small",
            f"{held} row{'s' * (held > 1)} of {held + case.m:,} are held out to stop by: when "
            "training ends is a matter of chance.",
            {} if given else changes,
            {"held_out": held, "rows": case.m}, fact=True,
        )  # fmt: skip
    elif case.examples.labels is not None and given:
        yield from _lacks_a_class(seen)


def _lacks_a_class(seen: Seen) -> Iterator[Suspect]:
    there, held = (
        np.bincount(_labels(some), minlength=max(seen.shape.n_y, 2))
        for some in (seen.learnt, seen.judged)
    )
    expected = there / there.sum() * held.sum()
    large = (there >= LARGE_CLASS * there.sum()) | (expected >= EXPECTED)
    lacking = np.flatnonzero(large & (held == 0))
    if not len(lacking):
        return
    share = float(there[lacking].sum() / there.sum())
    yield Suspect(
        "validation-part-lacks-a-class",
        f"{len(lacking)} of {len(there)} classes are not in the validation part, though {share:.0%} of "
        "the training rows belong to them: training stops by the others. Give X_val rows of every "
        "class, or leave it out.",
        {}, {"classes": lacking.tolist(), "share": share}, fact=True,
    )  # fmt: skip


def _labels(examples: Any) -> Any:
    return examples.labels if examples.rows is None else examples.labels[examples.rows]


def no_early_stopping(seen: Seen) -> Iterator[Suspect]:
    """A network of many parameters, trained to the end on few rows with nothing held out."""
    case = seen.case
    if not case.unwatched or seen.curve is None or seen.curve.last > 0.5 or seen.held_out:
        return
    cure = {"early_stopping": True}
    known = "whether that holds for other rows is not known."
    if seen.by_heart:
        known = (
            f"the network explains {seen.explained:.0%} of their variance, and neighbouring rows or "
            f"random features {max(seen.reference.known, 0):.0%}."
        )
    yield Suspect(
        "overfitting",
        f"{seen.shape.n_parameters:,} parameters learn {case.m:,} rows, to "
        f"{seen.curve.last:.0%} of a constant answer's loss, and nothing is held out: {known}",
        cure,
        {"parameters": seen.shape.n_parameters, "rows": case.m, "training_loss": seen.curve.last},
        sure=seen.by_heart,
        fact=seen.by_heart and seen.tried(cure) is None,
        least=GAP,
    )

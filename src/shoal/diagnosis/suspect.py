"""What may be wrong, until a short training says whether it is: from suspects to the one cause."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from shoal.diagnosis.case import FAR_DOWN, GOOD, NOTHING_LEARNT, Seen, Tried
from shoal.diagnosis.findings import Finding
from shoal.wording import Setting, Wording, wording

AS_GOOD = 0.7  # of the largest gain: an earlier cause that brings so much is the cause
FAR_BETTER = 0.9  # of the loss: more settings are changed when that brings so much less
GREAT = 0.2  # of the baseline: a gain that makes an error of having learnt nothing


class Suspect(NamedTuple):
    """A possible cause, with the settings that would remove it."""

    name: str
    what: str  # a sentence with the figures of what fired
    changes: dict[str, Any]  # what is tried, and the cure
    evidence: dict[str, Any]
    sure: bool = False  # what fired proves it where it cannot be tried
    severity: str = ""  # empty: by the loss that is at stake
    fact: bool = False  # true and worth a warning even where the cure did not help
    harmless: bool = False  # the cure costs next to nothing but time at worst
    least: float = 0.0  # of the baseline: a smaller gain is none


class Judged(NamedTuple):
    """A suspect, and what a short training said."""

    suspect: Suspect
    tried: Tried | None

    @property
    def gain(self) -> float:
        """By how much the loss is lower."""
        return self.tried.before - self.tried.after if self.tried else 0.0

    @property
    def helped(self) -> bool:
        """Whether the cure was clearly better; what is far from usual needs fewer rows to show it."""
        if self.tried is None:
            return False
        return self.tried.helped_as_expected if self.suspect.sure else self.tried.helped


def cause_of(seen: Seen, suspects: Iterable[Suspect]) -> Iterator[Finding]:
    """The finding on the one cause, if any; the suspects come in the order of causes.

    A suspect is the cause when its cure has been tried and helped, or when nothing could be tried
    and the figures are proof. The first is the cause among those that bring nearly as much as the best.
    """
    judged: list[Judged] = []
    helped: list[Judged] = []
    s = seen.case.settings
    for suspect in suspects:
        if s and suspect.changes and all(s.get(k) == v for k, v in suspect.changes.items()):
            continue  # it is set so
        if any(one.suspect.sure for one in helped) and not (suspect.sure or suspect.fact):
            continue  # to try it would cost more than it could tell
        one = Judged(suspect, seen.tried(suspect.changes))
        judged.append(one)
        if one.helped and one.gain >= suspect.least * seen.baseline:
            helped.append(one)
    if not helped:
        # Of classes the variance is small where a few answers are sure, and wrong; the loss is not.
        poor = seen.explained < GOOD or seen.share > FAR_DOWN
        untried = [one.suspect for one in judged if one.suspect.sure and not one.tried]
        for suspect, tried in judged:
            if suspect.fact or (suspect in untried and poor):
                # With it goes what costs time at worst, and what keeps a training that now works in bounds:
                # one that diverged has not shown that it would learn its rows by heart.
                for other in untried if suspect.changes and not tried else ():
                    if other.harmless:
                        suspect = suspect._replace(changes=other.changes | suspect.changes)
                bounded = seen.case.unwatched and seen.case.ending != "diverged"
                if suspect.changes and not tried and bounded:
                    suspect = suspect._replace(changes=suspect.changes | {"early_stopping": True})
                yield finding_of(seen, suspect, tried)
                return
        sure = [one for one in judged if one.suspect.sure]
        yield from (remark_of(*one) for one in sure[:1])
        return
    best = max(one.gain for one in helped)
    first = next(one for one in helped if one.gain >= AS_GOOD * best)
    yield finding_of(seen, *_completed(seen, first, helped))


def _completed(seen: Seen, first: Judged, helped: list[Judged]) -> tuple[Suspect, Tried | None]:
    """The cause with a cure to which others are added that bring far more together with it."""
    suspect, tried = first
    for other, _ in helped:
        more = other.changes | suspect.changes
        if more == suspect.changes:
            continue
        both = seen.tried(more)
        if both and tried and both.helped and both.after < FAR_BETTER * tried.after:
            suspect, tried = suspect._replace(changes=more), both
    return suspect, tried


def finding_of(seen: Seen, suspect: Suspect, tried: Tried | None) -> Finding:
    """The finding, with what came of trying the cure."""
    evidence = dict(suspect.evidence)
    advice: Wording = wording("Use ", *use(suspect.changes), ".")
    if tried and tried.clear:
        evidence |= {"loss_before": tried.before, "loss_after": tried.after}
        advice = wording(
            "Use ", *use(suspect.changes), f": in a short training the loss went from "
            f"{tried.before:.3g} to {tried.after:.3g} with it.",
        )  # fmt: skip
    elif not suspect.changes:
        advice = wording("")
    elif not tried and not suspect.fact:
        advice = wording(
            "Use ", *use(suspect.changes), ". (It was not tried, as that costs too much beside the fit.)"
        )  # fmt: skip
    severity = suspect.severity or "warning"
    if not suspect.severity and tried and seen.share > NOTHING_LEARNT:
        stake = tried.before - tried.after
        severity = "error" if stake > GREAT * seen.baseline else "warning"
    return Finding(suspect.name, severity, suspect.what, advice, suspect.changes, evidence)


def remark_of(suspect: Suspect, tried: Tried | None) -> Finding:
    """Of what is far from usual, and costs little or nothing: the cure where it is no worse."""
    if tried is None:
        cure = suspect.changes if suspect.harmless else {}
        advice = wording(
            "The network is good all the same. The usual: ", *use(suspect.changes), "."
        )
    else:
        cure = suspect.changes if tried.after <= tried.before else {}
        advice = wording(
            "It costs little: in a short training with ", *use(suspect.changes), " the loss went from "
            f"{tried.before:.3g} to {tried.after:.3g}.",
        )  # fmt: skip
    return Finding(suspect.name, "remark", suspect.what, advice, cure, suspect.evidence)


def use(cure: Mapping[str, Any]) -> list[str | Setting]:
    """The settings of a cure in a row; numbers with six digits."""
    parts: list[str | Setting] = []
    for name, value in cure.items():
        shown = float(f"{value:g}") if isinstance(value, float) else value
        parts += [", ", Setting(name, shown)] if parts else [Setting(name, shown)]
    return parts


def times(ratio: float) -> str:
    """How many times as large: "1,376 times", "3.2 times"."""
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.2g} times"

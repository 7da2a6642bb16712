"""Which candidates of a search are mixed, and whether that pays: see `effort.py`."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.data.rows.ties import Groups
from shoal.estimators.answers import (
    LEAST_GAIN,
    Answers,
    Deviations,
    Exact,
    excess_of,
    greedy,
    mixture,
    pooled,
)
from shoal.estimators.entrants import Entrant, Ground, luck_of, minus_scores, predict_work_of
from shoal.estimators.noise import ERRORS
from shoal.estimators.rows import InMemoryRows

# Of each effort: the members of the result, as a multiple of those without a search.
MEMBERS = {2: 1, 3: 2, 4: 3, 5: 4}
# Standard errors by which a mixture must be better, and a choice that has nothing of the fit without a search in it.
SURE, SURER = 0.5, 2.0
LARGEST_LOSS = 1e100  # what a loss that is no number counts as

Mask = NDArray[np.bool_]  # which rows, or members, judge
Choose = Callable[[Mask], list[int]]  # by these, how often each finalist counts
Judge = Callable[[list[int], Mask], Exact]  # the losses of these, if each counts so often


class Part(NamedTuple):
    """An entrant of a mixture, and how many of its members are in it."""

    entrant: Entrant
    members: int


class Verdict(NamedTuple):
    """What rows that were left out of a choice say of it."""

    loss: float
    usual_loss: float
    error: float  # the standard error of the difference

    def pays(self, sure: float) -> bool:
        """Whether what the halves choose is better, by more than so many standard errors."""
        return self.usual_loss - self.loss > sure * self.error


def chosen(ground: Ground, finalists: list[Entrant], n: int) -> tuple[list[Part], Verdict]:
    """A mixture, or the first finalist alone where no mixture pays, and what is to be said of it."""
    scored = ground.asked.scoring is not None
    choose, judge, w = (_by_scores if scored else _by_losses)(ground, finalists, n)
    first, every = [1] + [0] * (len(finalists) - 1), np.ones(len(w), bool)
    usual = judge(first, every)
    apart = usual.copy()
    for own in _halves(ground, finalists[0], n):
        usual[~own] = judge(first, ~own)
        apart[~own] = judge(choose(own), ~own)
    verdict = verdict_of(apart, usual, w)
    counts = choose(every)
    # Nothing is taken for better than a constant answer by less than it would be without a search.
    sure = ERRORS if finalists[0].is_constant else SURE if counts[0] else SURER
    parts = zip(finalists, counts if verdict.pays(sure) else first, strict=True)
    return [Part(one, count) for one, count in parts if count], verdict


def _by_losses(ground: Ground, finalists: list[Entrant], n: int) -> tuple[Choose, Judge, Exact]:
    """Rows choose, and judge."""
    answers = [pooled(one.answers[:n]) for one in finalists]
    rows, output = answers[0], finalists[0].shape.output
    apart = Deviations.of([one.answers[:n] for one in finalists])
    luck = np.array([luck_of(one, n) for one in finalists])

    def excess(part: Mask) -> Exact:
        lucky = (luck[:, np.newaxis] + luck) / 2  # the shares of a mixture add up to 1
        if output == "identity":
            return apart.excess(part, len(finalists[0].trained)) - lucky
        # Of other losses too little is known of the rest, see docs/measured/effort.md.
        return -lucky

    def choose(part: Mask) -> list[int]:
        return _mixed(ground, finalists, [one.take(part) for one in answers], excess(part))

    def judge(counts: list[int], part: Mask) -> Exact:
        losses = rows.losses(output, mixture([one.A2 for one in answers], counts))
        return losses[part] - excess_of(excess(part), counts)

    return choose, judge, rows.w


def _by_scores(ground: Ground, finalists: list[Entrant], n: int) -> tuple[Choose, Judge, Exact]:
    """The scores of members on their rows choose one finalist; a score of a mixture is not known."""
    losses = [minus_scores(one, n) for one in finalists]
    allowed = [_most_members([one], finalists[0], ground) > 0 for one in finalists]

    def choose(part: Mask) -> list[int]:
        means = [
            float(one[part].mean()) if may else np.inf
            for one, may in zip(losses, allowed, strict=True)
        ]
        best = int(np.argmin(means))
        return [int(k == best) for k in range(len(finalists))]

    def judge(counts: list[int], part: Mask) -> Exact:
        return losses[counts.index(1)][part]

    return choose, judge, np.ones(n)


def _halves(ground: Ground, base: Entrant, n: int) -> list[Mask]:
    """Two halves of what is judged: rows, of which those of a group are together, or members."""
    if ground.asked.scoring is not None:
        odd = np.arange(n) % 2 == 1
    else:
        numbers = pooled(base.answers[:n]).numbers
        ties = base.rows.ties if isinstance(base.rows, InMemoryRows) else None
        places = ties.codes[numbers] if isinstance(ties, Groups) else np.arange(len(numbers))
        odd = places % 2 == 1
    return [odd, ~odd] if odd.any() and not odd.all() else []


def verdict_of(apart: Exact, usual: Exact, w: Exact) -> Verdict:
    """Their weighted means, and the standard error of the difference."""
    apart, usual = (
        np.nan_to_num(each, nan=LARGEST_LOSS, posinf=LARGEST_LOSS) for each in (apart, usual)
    )
    gain = usual - apart
    mean = float((gain * w).sum() / w.sum())
    error = float(np.sqrt(((w * (gain - mean)) ** 2).sum()) / w.sum())
    loss, usual_loss = (float((values * w).sum() / w.sum()) for values in (apart, usual))
    return Verdict(loss, usual_loss, error)


def _mixed(ground: Ground, finalists: list[Entrant], answers: list[Answers], C: Exact) -> list[int]:
    """How often each finalist is in the best mixture of one kind of networks; losses count less by C."""
    best, found = np.inf, [1] + [0] * (len(finalists) - 1)
    output = finalists[0].shape.output
    for of_kind in _kinds(finalists):
        room = _most_members([finalists[k] for k in of_kind], finalists[0], ground)
        if not room:
            continue
        parts, less = [answers[k] for k in of_kind], C[np.ix_(of_kind, of_kind)]
        # Where it can be, half of a mixture is the fit without a search: what is chosen by few rows errs less so.
        own = greedy(parts, output, room, less, first=room // 2 if of_kind[0] == 0 else 0)
        if not sum(own):  # no loss is a number
            continue
        losses = parts[0].losses(output, mixture([one.A2 for one in parts], own))
        mean = parts[0].mean(losses) - excess_of(less, own)
        if mean < best - LEAST_GAIN * abs(mean):
            best, found = mean, [0] * len(finalists)
            for k, count in zip(of_kind, own, strict=True):
                found[k] = count
    return found


def _kinds(finalists: list[Entrant]) -> list[list[int]]:
    """Which of them may be in one model, for each activation; a constant answer is in none."""
    found = list[list[int]]()
    for activation in dict.fromkeys(one.activation for one in finalists):
        alike = [one for one in finalists if one.activation == activation]
        places = [k for k, one in enumerate(finalists) if one.joins(alike) and not one.is_constant]
        if places:
            found.append(places)
    return found


def _most_members(parts: Sequence[Entrant], base: Entrant, ground: Ground) -> int:
    """How many members the result may have, if they are as wide as the widest of these."""
    allowed = ground.asked.max_predict_cost * predict_work_of([base]) * len(base.trained)
    most = MEMBERS[ground.asked.effort] * len(base.trained)
    return min(most, int(allowed / predict_work_of(parts)))


def filled(parts: list[Part], base: Entrant, ground: Ground, left: float) -> list[Part]:
    """The same shares of as many members as a prediction, and the work that is left, allow.

    As many as without a search there are in any case, if a prediction allows it. The widest networks come first.
    """
    if parts[0].entrant.is_constant:  # more members would not be
        return [Part(base, len(base.trained))]
    n, usual = sum(part.members for part in parts), len(base.trained)
    room = _most_members([part.entrant for part in parts], base, ground)
    for times in range(max(room // n, 1), 0, -1):
        found = [part._replace(members=part.members * times) for part in parts]
        if sum(_needed(part) for part in found) <= max(left, 0.0) or n * times <= usual:
            break
    return sorted(found, key=lambda part: (-part.entrant.shape.n_h, -part.members))


def _needed(part: Part) -> float:
    """The work of the members that are still to be trained."""
    one, known = part.entrant, len(part.entrant.trained)
    return max(part.members - known, 0) * one.work / known

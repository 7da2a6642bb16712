"""A search for a better model: candidates side by side, the weaker stop early, the others are mixed.

    entrant    a candidate with the members that it has trained so far
    rung       every entrant that is left trains as many members; the better half goes on
    judging    members of the same number have the same seed and hold the same rows out, whatever their
               settings: on these rows entrants are compared, and mixed
    mixture    of entrants with one activation, and of linear ones, so that one ordinary model comes out: numbers
               get the bins of all, narrow networks units that add nothing, and linear models units that bend
               nothing (`lifting.py`); a weight is a number of members

A mixture replaces the fit without a search only where the choice pays on rows that it did not see: what
one half of the rows chooses is judged by the other half. Half of a mixture is the fit without a search, if it is
of its kind. From losses the luck is taken that comes of the best epoch, see `luck_of`. Work is counted in multiply-adds, from shapes,
rows and epochs, so that nothing depends on the speed or the load of a machine.

Sources: K. Jamieson and A. Talwalkar, "Non-stochastic best arm identification" (AISTATS 2016) for successive
halving; for mixtures see `answers.py`.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice

import numpy as np

from shoal.diagnosis.findings import Diagnosis
from shoal.errors import Setting, wording
from shoal.estimators.answers import pooled
from shoal.estimators.choice import Part, Verdict, chosen, filled, verdict_of
from shoal.estimators.entrants import (
    Entrant,
    Ground,
    Provided,
    base_of,
    entrants_of,
    luck_of,
    mean_loss,
    minus_scores,
    predict_work_of,
    with_members,
)
from shoal.estimators.fitted import Fitted
from shoal.estimators.held_out import with_calibration
from shoal.estimators.host import Host
from shoal.estimators.importance import importance_of
from shoal.estimators.learnt import History
from shoal.estimators.lifting import joined, lifted
from shoal.estimators.portfolio import changes_of
from shoal.estimators.prepare import Feed, Prepared
from shoal.estimators.rows import Place, RowProvider
from shoal.estimators.search import Search, Tried
from shoal.estimators.small import ROWS
from shoal.estimators.threshold import with_threshold
from shoal.estimators.train import (
    diagnosis_of,
    first_states,
    fitted_of,
    seed_of_member,
)
from shoal.settings import Settings
from shoal.training.network import Network
from shoal.warn import warn

# Of each effort: the most work, as a multiple of that without a search.
BUDGETS = {2: 6.0, 3: 20.0, 4: 60.0, 5: 160.0}
SHARE = 0.5  # of the work that is left: what a rung may take
# Members of the first rung; one of a table that is not small, as so many rows judge it as two of a small one.
FIRST = 2
# Candidates beside the fit without a search, and how many of them train all members. Few: what is best of many by few rows
# is so by chance, and what is mixed must differ (docs/measured/effort.md).
CANDIDATES = {2: 3, 3: 9, 4: 16, 5: 27}
FINALISTS = {2: 3, 3: 3, 4: 6, 5: 8}
FILLED = 4  # from this effort on there are more members than a choice needs, as far as there is work left


def in_time(asked: Settings, usual: Fitted) -> Settings:
    """The same with the most effort that is expected to fit into `time_budget`, by the seconds of `usual`.

    A search that is repeated with this effort has the same bits.
    """
    if asked.time_budget is None:
        return asked
    seconds = usual.history.seconds
    fitting = [e for e, times in BUDGETS.items() if times * seconds <= asked.time_budget]
    effort = max(fitting, default=1)
    if effort == 1:
        least = f"{BUDGETS[2] * seconds:.2g} seconds"
        budget = Setting("time_budget", asked.time_budget)
        warn(wording(budget, f" is too short for a search, which would take up to {least}."))
    return asked.replaced(effort=effort, time_budget=None)


def searched(
    asked: Settings, usual: Fitted, prepared: Prepared, rows: RowProvider, feed: Feed, host: Host,
    place: Place,
) -> Fitted:  # fmt: skip
    """What a search finds, with the effort that was asked for; `usual` is the fit without one."""
    if asked.effort == 1 or set(usual.history.endings) & {"interrupted", "stopped"}:
        return usual
    if rows.shown(usual.history.seeds[0])[1] is None:
        because = "no rows are held out, by which candidates could be compared: "
        warn(wording(because, Setting("effort", asked.effort), " has changed nothing."))
        return usual
    began = time.perf_counter() - usual.history.seconds
    with ExitStack() as stack:
        provided = Provided(prepared, rows, feed, stack)
        ground = Ground(asked, usual, prepared, host, place, provided, began)
        try:
            found = _search(ground)
        except KeyboardInterrupt as signal:  # between two rounds
            found = _interrupted(usual, signal)
    seconds = time.perf_counter() - began
    return found.replaced(history=found.history._replace(seconds=seconds))


def _search(ground: Ground) -> Fitted:
    """Rungs, the choice, and the members of the result."""
    base = base_of(ground)
    budget, wanted = BUDGETS[ground.asked.effort] * base.work, len(base.trained)
    every = {repr(base.changes): base}
    effort = ground.asked.effort
    running = list(islice(entrants_of(ground, base), CANDIDATES[effort]))
    judged, interruption = 0, None

    def left() -> float:
        return budget - sum(one.work for one in every.values())

    for n in _rungs(wanted, 1 if base.rows.m >= ROWS else FIRST):
        able = _within(running, n, base, SHARE * left())
        if not able:  # those that are left have used up the work
            break
        running, interruption = with_members(ground, able, [n] * len(able))
        if interruption:
            break
        judged = n
        every |= {repr(one.changes): one for one in running}
        running = _better(running, max(FINALISTS[effort], -(-len(running) // 2)), n)
    finalists = [base, *(one for one in running if judged and len(one.trained) >= judged)]
    found, verdict = chosen(ground, finalists, judged or wanted)
    parts = filled(found, base, ground, left() if effort >= FILLED else 0.0)
    if not interruption:
        members = [part.members for part in parts]
        whole, interruption = with_members(ground, [part.entrant for part in parts], members)
        parts = [part._replace(entrant=one) for part, one in zip(parts, whole, strict=True)]
    every |= {repr(part.entrant.changes): part.entrant for part in parts}
    parts = [part._replace(members=min(part.members, len(part.entrant.trained))) for part in parts]
    return _result(ground, parts, _told(base, list(every.values()), parts, verdict), interruption)


# --- rungs ----------------------------------------------------------------------------------


def _rungs(members: int, first: int) -> list[int]:
    """Members that each rung ends with: so many, twice as many, … and all."""
    found = [min(first, members)]
    while found[-1] < members:
        found.append(min(2 * found[-1], members))
    return found


def _within(running: Sequence[Entrant], n: int, base: Entrant, room: float) -> list[Entrant]:
    """The first of them that can train n members with this work; one of which nothing is known is
    taken to need as many epochs as the fit without a search.
    """
    usual, found = base.work / base.epoch_work / len(base.trained), list[Entrant]()
    for one in running:
        known = len(one.trained)
        epochs = one.work / one.epoch_work / known if known else usual
        needed = (n - known) * epochs * one.epoch_work
        if needed <= room:
            room -= needed
            found.append(one)
    return found


def _better(running: list[Entrant], most: int, n: int) -> list[Entrant]:
    """Those with the lowest loss, the best first."""
    return sorted(running, key=lambda one: mean_loss(one, n))[:most]


# --- the result -----------------------------------------------------------------------------


def _told(base: Entrant, every: list[Entrant], parts: list[Part], verdict: Verdict) -> Search:
    """What is to be said of the search; the first of all is the fit without one, maybe with more members."""
    n = sum(part.members for part in parts)
    shares = {repr(part.entrant.changes): part.members / n for part in parts}
    tried = [_tried(one, base, shares.get(repr(one.changes), 0.0)) for one in every]
    kind = [repr(one.changes) for one in every].index(repr(parts[0].entrant.changes))
    each, usual = (predict_work_of(of) for of in ([part.entrant for part in parts], [base]))
    cost = n * each / (usual * len(base.trained))
    return Search(tuple(tried), *verdict, cost, base.work, kind, parts[0].members)


def _tried(one: Entrant, base: Entrant, weight: float) -> Tried:
    n = min(len(one.trained), len(base.trained))
    if one.prepared.settings.scoring is not None:
        own, usual, w = minus_scores(one, n), minus_scores(base, n), np.ones(n)
    else:
        answers = [pooled(each.answers[:n]) for each in (one, base)]
        own, usual = (
            rows.losses(one.shape.output) + luck_of(each, n)
            for each, rows in zip((one, base), answers, strict=True)
        )
        w = answers[0].w
    verdict = verdict_of(own, usual, w)
    return Tried(
        dict(one.changes), len(one.trained), verdict.loss, verdict.loss - verdict.usual_loss,
        verdict.error, len(own), weight, one.work,
    )  # fmt: skip


def _result(
    ground: Ground, parts: list[Part], search: Search, interruption: BaseException | None
) -> Fitted:
    """One ordinary model."""
    usual = ground.usual
    if len(parts) == 1 and parts[0].members == len(usual.networks) and search.kind == 0:
        found = usual.replaced(search=search)
    else:
        found = _of_parts(ground, parts, search)
    return found if interruption is None else _interrupted(found, interruption)


def _interrupted(found: Fitted, interruption: BaseException) -> Fitted:
    """The same with the signal that ended the search."""
    endings = ("interrupted",) * len(found.networks)
    history = found.history._replace(endings=endings, interruption=interruption)
    return found.replaced(history=history)


def _of_parts(ground: Ground, parts: list[Part], search: Search) -> Fitted:
    """The members of all parts, with the columns of all."""
    p = ground.prepared
    inputs = joined([part.entrant.prepared.inputs for part in parts])
    shape = parts[0].entrant.shape._replace(n_x=inputs.width)
    trained = [t for part in parts for t in part.entrant.trained[: part.members]]
    networks = (
        lifted(Network._of(one.shape, t.parameters.copy()), one.prepared.inputs, inputs, shape)
        for one, members in parts
        for t in one.trained[:members]
    )
    seeds = [seed_of_member(ground.seed, i) for part in parts for i in range(part.members)]
    history = History.of(trained, seeds)
    if not all(t.evidence for t in trained):
        history = history._replace(evidence=())
    fitted = Fitted(p.settings, inputs, p.targets, tuple(networks), history, search=search)
    rows = ground.provided.rows(inputs)
    judged = with_threshold(fitted, rows, p.settings.n_jobs)
    fitted = with_calibration(judged, rows, ground.place, p.settings.n_jobs)
    fitted = fitted.replaced(diagnosis=_diagnosis(ground, parts[0]), seen=rows.seen())
    return fitted.replaced(importance=importance_of(fitted, rows, ground.threads))


def _diagnosis(ground: Ground, part: Part) -> Diagnosis:
    """That of the first members alone, with their own columns."""
    one = part.entrant
    if one.changes == changes_of(ground.asked, ground.usual.settings):
        return ground.usual.diagnosis
    s = one.prepared.settings.replaced(members=len(one.trained))
    starts = first_states(one.prepared._replace(settings=s), one.rows.m)
    fitted = fitted_of(one.prepared, list(one.trained), starts.seeds)
    return diagnosis_of(fitted, one.rows, starts, ground.threads)

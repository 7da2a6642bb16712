"""A search for a better model: candidates side by side, the weaker stop early, the others are mixed.

    entrant    a candidate with the members that it has trained so far
    rung       every entrant that is left trains as many members; the better half goes on
    judging    members of the same number have the same seed and hold the same rows out, whatever their
               settings: on these rows entrants are compared, and mixed
    mixture    of entrants with one activation, so that one ordinary model comes out: numbers get the bins of
               all, and narrow networks units that add nothing (`lifting.py`); a weight is a number of members

A mixture replaces the fit without a search only where the choice pays on rows that it did not see: what
one half of the rows chooses is judged by the other half. Work is counted in multiply-adds, from shapes,
rows and epochs, so that nothing depends on the speed or the load of a machine.

Sources: K. Jamieson and A. Talwalkar, "Non-stochastic best arm identification" (AISTATS 2016) for successive
halving; for mixtures see `answers.py`.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.builds import Stop
from shoal.compute.engine import threads as threads_of
from shoal.data.rows.ties import Groups
from shoal.diagnosis.findings import Diagnosis
from shoal.diagnosis.trial import work_of
from shoal.errors import Setting, ShoalError, wording
from shoal.estimators.answers import (
    LEAST_GAIN,
    Answers,
    Deviations,
    Exact,
    answers_of,
    excess_of,
    greedy,
    mixture,
    pooled,
)
from shoal.estimators.automatic import architecture_of, batch_of, bins_of
from shoal.estimators.columns import Inputs
from shoal.estimators.fitted import Fitted, History
from shoal.estimators.held_out import with_calibration
from shoal.estimators.host import Host
from shoal.estimators.importance import importance_of
from shoal.estimators.lifting import joined, lifted
from shoal.estimators.portfolio import Changes, candidates, changes_of
from shoal.estimators.prepare import Feed, Prepared
from shoal.estimators.rows import InMemoryRows, Place, RowProvider
from shoal.estimators.search import Search, Tried
from shoal.estimators.small import PARAMETERS, ROWS
from shoal.estimators.threshold import with_threshold
from shoal.estimators.train import (
    Members,
    diagnosis_of,
    first_states,
    fitted_of,
    place_of,
    progress_of,
    seed_of_member,
)  # fmt: skip
from shoal.network.architecture import Architecture
from shoal.settings import EVIDENCE, Settings
from shoal.training.loop import Report, Trained
from shoal.training.members import train_all
from shoal.training.network import Network
from shoal.warn import warn

# Of each effort: the most work, as a multiple of that without a search, and the members of the result.
BUDGETS = {2: 6.0, 3: 20.0, 4: 60.0, 5: 160.0}
MEMBERS = {2: 1, 3: 2, 4: 3, 5: 4}
SHARE = 0.5  # of the work that is left: what a rung may take
FIRST = 2  # members of the first rung
LARGEST_LOSS = 1e100  # what a loss that is no number counts as
# Candidates beside the fit without a search, and how many of them train all members. Few: what is best of many by few rows
# is so by chance, and what is mixed must differ (docs/measured/effort.md).
CANDIDATES = {2: 3, 3: 9, 4: 16, 5: 27}
FINALISTS = {2: 3, 3: 6, 4: 8, 5: 10}


class Entrant(NamedTuple):
    """A candidate, and the members that it has trained."""

    changes: Changes
    prepared: Prepared
    rows: RowProvider
    trained: tuple[Trained, ...] = ()
    answers: tuple[Answers, ...] = ()

    @property
    def shape(self) -> Architecture:
        """Of each member."""
        return self.prepared.architecture

    @property
    def kind(self) -> tuple[str, bool]:
        """What the networks of one model share."""
        return self.shape.activation if self.shape.n_h else "", self.shape.n_h > 0

    @property
    def epoch_work(self) -> float:
        """Multiply-adds of an epoch."""
        s, m = self.prepared.settings, self.rows.m
        if s.solver == "lm":  # a matrix of all parameters, and its factor
            n = float(self.shape.n_parameters)
            return n * n * (m * self.shape.n_y / 2 + n / 3)
        return work_of(self._seen, m, batch_of(s, m))

    @property
    def work(self) -> float:
        """Multiply-adds of all its members."""
        return sum(one.epochs for one in self.trained) * self.epoch_work

    @property
    def predict_work(self) -> float:
        """Multiply-adds of a member's prediction."""
        shape = self._seen
        return float(shape.n_h * (shape.n_x + shape.n_y) or shape.n_x * shape.n_y)

    @property
    def _seen(self) -> Architecture:
        """The shape, with as many inputs as a row has that are not 0."""
        return self.shape._replace(n_x=inputs_of_a_row(self.prepared.inputs))


def inputs_of_a_row(inputs: Inputs) -> int:
    """Numbers, and two weights for each code: those of the bin, and of all below it together."""
    if inputs.encoding is None:
        return inputs.width
    groups = inputs.encoding.all_groups
    numbers = inputs.width - sum(group.columns for group in groups)
    return numbers + sum(1 + (group.bins > 0) for group in groups)


class Ground(NamedTuple):
    """What all entrants share."""

    asked: Settings
    usual: Fitted
    prepared: Prepared
    host: Host
    provided: "Provided"
    began: float  # by the clock, for reports

    @property
    def seed(self) -> int:
        """That of the first member."""
        return self.usual.history.seeds[0]

    @property
    def threads(self) -> int:
        """How many may work."""
        return threads_of(self.asked.n_jobs)


class Provided:
    """The columns and the rows for each number of bins, made when they are first needed."""

    def __init__(self, prepared: Prepared, rows: RowProvider, feed: Feed, stack: ExitStack) -> None:
        self._prepared, self._feed, self._stack = prepared, feed, stack
        self._known: dict[int | str, Inputs] = {prepared.settings.bins: prepared.inputs}
        self._rows: list[tuple[Inputs, RowProvider]] = [(prepared.inputs, rows)]

    def inputs(self, bins: int | str) -> Inputs:
        """What was learnt of the columns, with so many bins."""
        if bins not in self._known:
            s, who = self._prepared.settings.replaced(bins=bins), self._prepared.inputs.who
            self._known[bins] = self._feed.inputs(s, who)
        return self._known[bins]

    def rows(self, inputs: Inputs) -> RowProvider:
        """The rows, encoded by them; they are held out as without a search."""
        for known, rows in self._rows:
            if known.encoding == inputs.encoding:
                return rows
        p = self._prepared
        made = self._feed.rows(p.settings, inputs, p.targets, p.architecture)
        self._rows.append((inputs, self._stack.enter_context(made)))
        return self._rows[-1][1]


class Part(NamedTuple):
    """An entrant of a mixture, and how many of its members are in it."""

    entrant: Entrant
    members: int


class Verdict(NamedTuple):
    """What rows that were left out of a choice say of it."""

    loss: float
    usual_loss: float
    error: float  # the standard error of the difference

    @property
    def pays(self) -> bool:
        """Whether what the halves choose is better."""
        return self.loss < self.usual_loss


def searched(
    asked: Settings, usual: Fitted, prepared: Prepared, rows: RowProvider, feed: Feed, host: Host
) -> Fitted:
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
        ground = Ground(asked, usual, prepared, host, provided, began)
        found = _search(ground)
    seconds = time.perf_counter() - began
    return found.replaced(history=found.history._replace(seconds=seconds))


def _search(ground: Ground) -> Fitted:
    """Rungs, the choice, and the members of the result."""
    base = _base(ground)
    budget, wanted = BUDGETS[ground.asked.effort] * base.work, len(base.trained)
    every = {repr(base.changes): base}
    effort = ground.asked.effort
    running = list(islice(_entrants(ground, base), CANDIDATES[effort]))
    judged, interruption = 0, None

    def left() -> float:
        return budget - sum(one.work for one in every.values())

    for n in _rungs(wanted):
        running = _within(running, n, base, SHARE * left())
        running, interruption = _with_members(ground, running, [n] * len(running))
        if interruption:
            break
        judged = n
        every |= {repr(one.changes): one for one in running}
        running = _better(running, max(FINALISTS[effort], -(-len(running) // 2)), n)
    finalists = [base, *(one for one in running if judged and len(one.trained) >= judged)]
    chosen, verdict = _chosen(ground, finalists, judged or wanted)
    parts = _filled(chosen, base, ground, left())
    if not interruption:
        members = [part.members for part in parts]
        whole, interruption = _with_members(ground, [part.entrant for part in parts], members)
        parts = [part._replace(entrant=one) for part, one in zip(parts, whole, strict=True)]
    every |= {repr(part.entrant.changes): part.entrant for part in parts}
    parts = [part._replace(members=min(part.members, len(part.entrant.trained))) for part in parts]
    return _result(ground, parts, _told(list(every.values()), parts, verdict), interruption)


# --- entrants -------------------------------------------------------------------------------


def _base(ground: Ground) -> Entrant:
    """The fit without a search as an entrant: it has trained all its members."""
    usual, provided = ground.usual, ground.provided
    h, prepared = usual.history, Prepared(
        usual.settings, usual.inputs, usual.targets, usual.architecture
    )  # fmt: skip
    nothing = ((),) * len(usual.networks)
    trained = tuple(
        Trained(
            network.vector, state, losses, held, ending, h.best_epoch, h.seconds,
            validation_scores=scores, evidence=evidence,
        )
        for network, state, losses, held, scores, ending, evidence in zip(
            usual.networks, h.states, h.losses, h.validation_losses or nothing,
            h.validation_scores or nothing, h.endings, h.evidence or (None,) * len(usual.networks),
            strict=True,
        )
    )  # fmt: skip
    base = Entrant(changes_of(ground.asked, usual.settings), prepared, provided.rows(usual.inputs))
    return _answering(ground, base, trained)


def _entrants(ground: Ground, base: Entrant) -> Iterator[Entrant]:
    """All other candidates, without members."""
    asked, usual, m = ground.asked, ground.prepared, base.rows.m
    for changes in candidates(asked, numbers=usual.architecture.output == "identity"):
        if changes == base.changes:
            continue
        try:
            s = usual.settings.replaced(**changes, effort=1, random_state=ground.seed)
        except ShoalError:  # settings that exclude each other, or a wish
            continue
        if "bins" in changes and changes["bins"] >= bins_of(Settings(), m, usual.inputs.n):
            continue
        inputs = ground.provided.inputs(s.bins)
        if "bins" in changes and inputs.encoding == usual.inputs.encoding:  # no column has bins
            continue
        shape = architecture_of(s, inputs.width, *usual.targets.outputs)
        if s.alpha == EVIDENCE and (m >= ROWS or shape.n_parameters > PARAMETERS):
            continue
        prepared = Prepared(s, inputs, usual.targets, shape)
        yield Entrant(changes, prepared, ground.provided.rows(inputs))


def _rungs(members: int) -> list[int]:
    """Members that each rung ends with: 2, 4, … and all."""
    found = [min(FIRST, members)]
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
    return sorted(running, key=lambda one: _mean_loss(one, n))[:most]


def _mean_loss(one: Entrant, n: int) -> float:
    """On the rows that the first n members hold out; minus the score where one is asked for."""
    if one.prepared.settings.scoring is not None:
        found = float(np.mean(_minus_scores(one, n)))
    else:
        rows = pooled(one.answers[:n])
        found = rows.mean(rows.losses(one.shape.output))
    return found if np.isfinite(found) else float("inf")


def _minus_scores(one: Entrant, n: int) -> Exact:
    """Of each member the best score, below 0."""
    return np.array([-max(t.validation_scores, default=-np.inf) for t in one.trained[:n]])


# --- training -------------------------------------------------------------------------------


def _with_members(
    ground: Ground, entrants: Sequence[Entrant], members: Sequence[int]
) -> tuple[list[Entrant], BaseException | None]:
    """The same with so many members each, and what interrupted that: then they are as they were."""
    jobs, owners = list[Callable[..., Trained]](), list[int]()
    counter = _Counter(ground)
    with place_of(ground.prepared.settings) as place:
        for k, (one, n) in enumerate(zip(entrants, members, strict=True)):
            if len(one.trained) < n:
                team = _team(ground, one, n, place)
                for i in range(len(one.trained), n):
                    jobs.append(counter.counted(lambda *a, team=team, i=i: team.train(i, *a)))
                    owners.append(k)
        counter.jobs = len(jobs)
        trained = train_all(jobs, ground.threads) if jobs else []
    if any(one.ending == "interrupted" for one in trained):
        signals = (one.interruption for one in trained if one.interruption)
        return list(entrants), next(signals, KeyboardInterrupt())
    new = [
        [t for own, t in zip(owners, trained, strict=True) if own == k]
        for k in range(len(entrants))
    ]
    return [_answering(ground, one, each) for one, each in zip(entrants, new, strict=True)], None


def _team(ground: Ground, one: Entrant, n: int, place: Place) -> Members:
    """Its first n members, as trainings."""
    s = one.prepared.settings.replaced(members=n, random_state=ground.seed, checkpoint=None)
    prepared = one.prepared._replace(settings=s)
    starts = first_states(prepared, one.rows.m)
    return Members(prepared, one.rows, ground.host, starts, place, None, None)


def _answering(ground: Ground, one: Entrant, new: Sequence[Trained]) -> Entrant:
    """The entrant with more members, and with what they say of the rows that they hold out."""
    answers, shape = list(one.answers), one.shape
    for i, trained in enumerate(new, len(one.trained)):
        network = Network._of(shape, trained.parameters.copy())
        seed = seed_of_member(ground.seed, i)
        answers.append(answers_of(network, one.rows, seed, ground.threads))
    return one._replace(trained=(*one.trained, *new), answers=tuple(answers))


class _Counter:
    """Reports how many members of a rung are trained."""

    def __init__(self, ground: Ground) -> None:
        self._report, self._began = progress_of(ground.asked.verbose, 0), ground.began
        self._lock, self._done, self.jobs = threading.Lock(), 0, 0

    def counted(self, job: Callable[..., Trained]) -> Callable[..., Trained]:
        """The same job, reported when it is done."""

        def run(threads: int, stop: Stop, _: object) -> Trained:
            trained = job(threads, stop, None)
            with self._lock:
                self._done += 1
                if self._report and trained.losses:
                    held = trained.validation_losses[-1] if trained.validation_losses else None
                    note = f"search, network {self._done} of {self.jobs} of this round"
                    self._report(Report(
                        trained.epochs, trained.losses[-1], held, time.perf_counter() - self._began, note=note
                    ))  # fmt: skip
            return trained

        return run


# --- the choice -----------------------------------------------------------------------------

Choose = Callable[
    [NDArray[np.bool_]], list[int]
]  # from a part of what is judged, how often each counts
# The losses of a part of what is judged, if each counts so often.
Judge = Callable[[list[int], NDArray[np.bool_]], Exact]


def _chosen(ground: Ground, finalists: list[Entrant], n: int) -> tuple[list[Part], Verdict]:
    """A mixture, or the first finalist alone where no mixture pays, and what is to be said of it."""
    scored = ground.asked.scoring is not None
    choose, judge, w = (_by_scores if scored else _by_losses)(ground, finalists, n)
    first, every = [1] + [0] * (len(finalists) - 1), np.ones(len(w), bool)
    usual = judge(first, every)
    apart = usual.copy()
    for own in _halves(ground, finalists[0], n):
        usual[~own] = judge(first, ~own)
        apart[~own] = judge(choose(own), ~own)
    verdict = _verdict(apart, usual, w)
    counts = choose(every) if verdict.pays else first
    parts = zip(finalists, counts, strict=True)
    return [Part(one, count) for one, count in parts if count], verdict


def _by_losses(ground: Ground, finalists: list[Entrant], n: int) -> tuple[Choose, Judge, Exact]:
    """Rows choose, and judge."""
    answers = [pooled(one.answers[:n]) for one in finalists]
    rows, output = answers[0], finalists[0].shape.output
    apart = Deviations.of([one.answers[:n] for one in finalists])

    def excess(part: NDArray[np.bool_]) -> Exact:
        if (
            output != "identity"
        ):  # of other losses too little is known of it (docs/measured/effort.md)
            return np.zeros((len(finalists), len(finalists)))
        return apart.excess(part, len(finalists[0].trained))

    def choose(part: NDArray[np.bool_]) -> list[int]:
        return _mixed(ground, finalists, [one.take(part) for one in answers], excess(part))

    def judge(counts: list[int], part: NDArray[np.bool_]) -> Exact:
        losses = rows.losses(output, mixture([one.A2 for one in answers], counts))
        return losses[part] - excess_of(excess(part), counts)

    return choose, judge, rows.w


def _by_scores(ground: Ground, finalists: list[Entrant], n: int) -> tuple[Choose, Judge, Exact]:
    """The scores of members on their rows choose one finalist; a score of a mixture is not known."""
    losses = [_minus_scores(one, n) for one in finalists]
    allowed = [_most_members([one], finalists[0], ground) > 0 for one in finalists]

    def choose(part: NDArray[np.bool_]) -> list[int]:
        means = [
            float(one[part].mean()) if may else np.inf
            for one, may in zip(losses, allowed, strict=True)
        ]
        best = int(np.argmin(means))
        return [int(k == best) for k in range(len(finalists))]

    def judge(counts: list[int], part: NDArray[np.bool_]) -> Exact:
        return losses[counts.index(1)][part]

    return choose, judge, np.ones(n)


def _halves(ground: Ground, base: Entrant, n: int) -> list[NDArray[np.bool_]]:
    """Two halves of what is judged: rows, of which those of a group are together, or members."""
    if ground.asked.scoring is not None:
        odd = np.arange(n) % 2 == 1
    else:
        numbers = pooled(base.answers[:n]).numbers
        ties = base.rows.ties if isinstance(base.rows, InMemoryRows) else None
        places = ties.codes[numbers] if isinstance(ties, Groups) else np.arange(len(numbers))
        odd = places % 2 == 1
    return [odd, ~odd] if odd.any() and not odd.all() else []


def _verdict(apart: Exact, usual: Exact, w: Exact) -> Verdict:
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
    for kind in dict.fromkeys(one.kind for one in finalists):
        of_kind = [k for k, one in enumerate(finalists) if one.kind == kind]
        room = _most_members([finalists[k] for k in of_kind], finalists[0], ground)
        if not room:
            continue
        parts, less = [answers[k] for k in of_kind], C[np.ix_(of_kind, of_kind)]
        own = greedy(parts, output, room, less)
        if not sum(own):  # no loss is a number
            continue
        losses = parts[0].losses(output, mixture([one.A2 for one in parts], own))
        mean = parts[0].mean(losses) - excess_of(less, own)
        if mean < best - LEAST_GAIN * abs(mean):
            best, found = mean, [0] * len(finalists)
            for k, count in zip(of_kind, own, strict=True):
                found[k] = count
    return found


def _most_members(parts: Sequence[Entrant], base: Entrant, ground: Ground) -> int:
    """How many members the result may have, if they are as wide as the widest of these."""
    allowed = ground.asked.max_predict_cost * base.predict_work * len(base.trained)
    most = MEMBERS[ground.asked.effort] * len(base.trained)
    return min(most, int(allowed / max(one.predict_work for one in parts)))


def _filled(parts: list[Part], base: Entrant, ground: Ground, left: float) -> list[Part]:
    """The same shares of as many members as a prediction, and the work that is left, allow.

    As many as without a search there are in any case, if a prediction allows it. The widest networks come first.
    """
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


# --- the result -----------------------------------------------------------------------------


def _told(every: list[Entrant], parts: list[Part], verdict: Verdict) -> Search:
    """What is to be said of the search; the first entrant is the fit without one."""
    base, n = every[0], sum(part.members for part in parts)
    shares = {repr(part.entrant.changes): part.members / n for part in parts}
    width = parts[0].entrant.shape.n_h
    wide = sum(
        part.members * part.entrant.predict_work * max(width, 1) / max(part.entrant.shape.n_h, 1)
        for part in parts
    )
    tried = [_tried(one, base, shares.get(repr(one.changes), 0.0)) for one in every]
    kind = [repr(one.changes) for one in every].index(repr(parts[0].entrant.changes))
    cost = wide / (base.predict_work * len(base.trained))
    return Search(tuple(tried), *verdict, cost, kind, parts[0].members)


def _tried(one: Entrant, base: Entrant, weight: float) -> Tried:
    n = min(len(one.trained), len(base.trained))
    if one.prepared.settings.scoring is not None:
        own, usual, w = _minus_scores(one, n), _minus_scores(base, n), np.ones(n)
    else:
        answers = [pooled(each.answers[:n]) for each in (one, base)]
        own, usual = (each.losses(one.shape.output) for each in answers)
        w = answers[0].w
    verdict = _verdict(own, usual, w)
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
    if interruption is None:
        return found
    endings = ("interrupted",) * len(found.networks)
    history = found.history._replace(endings=endings, interruption=interruption)
    return found.replaced(history=history)


def _of_parts(ground: Ground, parts: list[Part], search: Search) -> Fitted:
    """The members of all parts, with the columns of all."""
    p = ground.prepared
    inputs = joined([part.entrant.prepared.inputs for part in parts])
    n_h = parts[0].entrant.shape.n_h
    trained = [t for part in parts for t in part.entrant.trained[: part.members]]
    networks = (
        lifted(Network._of(one.shape, t.parameters.copy()), one.prepared.inputs, inputs, n_h)
        for one, members in parts
        for t in one.trained[:members]
    )
    seeds = [seed_of_member(ground.seed, i) for part in parts for i in range(part.members)]
    history = History.of(trained, seeds)
    if len(history.evidence) < len(trained):
        history = history._replace(evidence=())
    fitted = Fitted(p.settings, inputs, p.targets, tuple(networks), history, search=search)
    rows = ground.provided.rows(inputs)
    with place_of(p.settings) as place:
        judged = with_threshold(fitted, rows, p.settings.n_jobs)
        fitted = with_calibration(judged, rows, place, p.settings.n_jobs)
    fitted = fitted.replaced(diagnosis=_diagnosis(ground, parts[0]), seen=rows.seen())
    return fitted.replaced(importance=importance_of(fitted, rows, ground.threads))


def _diagnosis(ground: Ground, part: Part) -> Diagnosis:
    """That of the first members alone, with their own columns."""
    one = part.entrant
    if one.changes == changes_of(ground.asked, ground.usual.settings):
        return ground.usual.diagnosis
    trained, seeds = (
        list(one.trained),
        [seed_of_member(ground.seed, i) for i in range(len(one.trained))],
    )
    s = one.prepared.settings.replaced(members=len(trained))
    starts = first_states(one.prepared._replace(settings=s), one.rows.m)
    return diagnosis_of(fitted_of(one.prepared, trained, seeds), one.rows, starts)

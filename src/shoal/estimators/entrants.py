"""The candidates of a search, with the members that they have trained: see `effort.py`."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np

from shoal.compute.builds import Stop
from shoal.compute.engine import threads as threads_of
from shoal.diagnosis.trial import work_of
from shoal.errors import ShoalError
from shoal.estimators.answers import Answers, Exact, answers_of, pooled
from shoal.estimators.automatic import architecture_of, batch_of, bins_of
from shoal.estimators.columns import Inputs
from shoal.estimators.fitted import Fitted
from shoal.estimators.host import Host
from shoal.estimators.lifting import UNITS
from shoal.estimators.portfolio import Changes, candidates, changes_of
from shoal.estimators.prepare import Feed, Prepared, refuse_what_cannot_fit
from shoal.estimators.rows import Place, RowProvider
from shoal.estimators.search import name_of
from shoal.estimators.small import PARAMETERS, ROWS
from shoal.estimators.train import (
    Members,
    Starts,
    checkpoint_of,
    first_state,
    progress_of,
    seed_of_member,
)
from shoal.kinds import EVIDENCE
from shoal.network.architecture import Architecture
from shoal.settings import Settings
from shoal.training.loop import Report, Trained
from shoal.training.members import train_all
from shoal.training.network import Network

AROUND = 1  # epochs on either side of the best one, see docs/measured/effort.md


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
    def activation(self) -> str:
        """Of its hidden units; "" where it is linear."""
        return self.shape.activation if self.shape.n_h else ""

    def joins(self, others: Sequence["Entrant"]) -> bool:
        """Whether it may be in one model with any of these, which have one activation."""
        activation, own = others[0].activation, self.shape
        if self.activation == activation:
            return True
        units = UNITS.get(activation, 0) * own.n_y
        return not own.n_h and 0 < units <= min(other.shape.n_h for other in others)

    @property
    def epoch_work(self) -> float:
        """Multiply-adds of an epoch."""
        s, m = self.prepared.settings, self.rows.m
        if s.solver == "lm":  # a matrix of all parameters, and its factor
            n = float(self.shape.n_parameters)
            return n * n * (m * self.shape.n_y / 2 + n / 3)
        return work_of(self.seen, m, batch_of(s, m))

    @property
    def work(self) -> float:
        """Multiply-adds of all its members."""
        return sum(one.epochs for one in self.trained) * self.epoch_work

    @property
    def is_constant(self) -> bool:
        """Whether it answers the same to every row, as what was learnt seemed to be noise: see `noise.py`."""
        members = (self.shape.unflatten(one.parameters) for one in self.trained)
        return bool(self.trained) and not any(one.W2.any() for one in members)

    @property
    def seen(self) -> Architecture:
        """The shape, with as many inputs as a row has that are not 0."""
        return self.shape._replace(n_x=inputs_of_a_row(self.prepared.inputs))


def predict_work_of(entrants: Sequence[Entrant]) -> float:
    """Multiply-adds of the prediction of a member that is as wide as the widest, with the inputs of all."""
    shapes = [one.seen for one in entrants]
    n_x, n_h = max(one.n_x for one in shapes), max(one.n_h for one in shapes)
    n_y = shapes[0].n_y
    return float(n_h * (n_x + n_y) or n_x * n_y)


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
    place: Place
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


def base_of(ground: Ground) -> Entrant:
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


def entrants_of(ground: Ground, base: Entrant) -> Iterator[Entrant]:
    """All other candidates, without members."""
    asked, usual, m = ground.asked, ground.prepared, base.rows.m
    for changes in candidates(asked, numbers=usual.architecture.output == "identity"):
        if changes == base.changes:
            continue
        try:
            s = usual.settings.replaced(
                **changes, effort=1, time_budget=None, random_state=ground.seed
            )
        except ShoalError:  # settings that exclude each other, or a wish
            continue
        if "bins" in changes and changes["bins"] >= bins_of(Settings(), m, usual.inputs.n):
            continue
        inputs = ground.provided.inputs(s.bins)
        if "bins" in changes and inputs.encoding == usual.inputs.encoding:  # no column has bins
            continue
        shape = architecture_of(s, inputs.width, *usual.targets.outputs)
        try:
            refuse_what_cannot_fit(s, shape, len(base.trained), m)
        except ShoalError:  # it needs more memory than there is
            continue
        if s.alpha == EVIDENCE and (m >= ROWS or shape.n_parameters > PARAMETERS):
            continue
        prepared = Prepared(s, inputs, usual.targets, shape)
        yield Entrant(changes, prepared, ground.provided.rows(inputs))


# --- training -------------------------------------------------------------------------------


def with_members(
    ground: Ground, entrants: Sequence[Entrant], members: Sequence[int]
) -> tuple[list[Entrant], BaseException | None]:
    """The same with so many members each, and what interrupted that: then they are as they were."""
    try:
        trained = _trained(ground, entrants, members)
        for one in (one for new in trained for one in new):
            if one.ending == "interrupted":
                return list(entrants), one.interruption or KeyboardInterrupt()
        pairs = zip(entrants, trained, strict=True)
        return [_answering(ground, one, new) for one, new in pairs], None
    except KeyboardInterrupt as signal:  # before or after the trainings
        return list(entrants), signal


def _trained(
    ground: Ground, entrants: Sequence[Entrant], members: Sequence[int]
) -> list[list[Trained]]:
    """Of each the members that it lacks; after an interruption one is of that ending."""
    jobs, owners = list[Callable[..., Trained]](), list[int]()
    counter = _Counter(ground)
    for k, (one, n) in enumerate(zip(entrants, members, strict=True)):
        if len(one.trained) < n:
            team = _team(ground, one, n)
            for i in range(len(one.trained), n):
                jobs.append(counter.counted(lambda *a, team=team, i=i: team.train(i, *a)))
                owners.append(k)
    counter.jobs = len(jobs)
    trained = train_all(jobs, ground.threads) if jobs else []
    found: list[list[Trained]] = [[] for _ in entrants]
    for k, done in zip(owners, trained, strict=False):  # some may be missing after an interruption
        found[k].append(done)
    return found


def _team(ground: Ground, one: Entrant, n: int) -> Members:
    """Its first n members, as trainings."""
    folder = ground.asked.checkpoint and os.path.join(ground.asked.checkpoint, name_of(one.changes))
    s = one.prepared.settings.replaced(random_state=ground.seed, checkpoint=folder)
    prepared = one.prepared._replace(settings=s)
    seeds, known = [seed_of_member(ground.seed, i) for i in range(n)], len(one.trained)
    states = [done.state for done in one.trained]  # of members that are not trained again
    states += [first_state(prepared, i, seeds[i]) for i in range(known, n)]
    kept = checkpoint_of(prepared, one.rows)
    return Members(prepared, one.rows, ground.host, Starts(seeds, states), ground.place, kept, None)


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


# --- losses ---------------------------------------------------------------------------------


def mean_loss(one: Entrant, n: int) -> float:
    """On the rows that the first n members hold out; minus the score where one is asked for."""
    if one.prepared.settings.scoring is not None:
        found = float(np.mean(minus_scores(one, n)))
    else:
        rows = pooled(one.answers[:n])
        found = rows.mean(rows.losses(one.shape.output)) + luck_of(one, n)
    return found if np.isfinite(found) else float("inf")


def luck_of(one: Entrant, n: int) -> float:
    """By how much the losses of the first n members are too low, as each has kept its best epoch.

    A member keeps the epoch with the lowest loss on the rows that judge it. The more its losses go up and down
    from epoch to epoch, the more of that is chance: about what the epochs around lie above the lowest.
    """
    return float(np.mean([_above_lowest(trained.validation_losses) for trained in one.trained[:n]]))


def _above_lowest(losses: Sequence[float]) -> float:
    """By how much the mean of the losses around the lowest is higher; 0 where no rows stop the training."""
    curve = np.array(losses)[np.isfinite(losses)]
    if not curve.size:
        return 0.0
    best = int(np.argmin(curve))
    return float(curve[max(best - AROUND, 0) : best + AROUND + 1].mean() - curve[best])


def minus_scores(one: Entrant, n: int) -> Exact:
    """Of each member the best score, below 0."""
    return np.array([-max(t.validation_scores, default=-np.inf) for t in one.trained[:n]])

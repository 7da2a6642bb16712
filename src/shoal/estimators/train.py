"""The members of a fit: each with its seed, its start, its part of the rows, its checkpoint."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from shoal.compute.builds import BUILD, NUMERICS_VERSION, Stop
from shoal.compute.engine import engine
from shoal.compute.engine import threads as threads_of
from shoal.compute.replicas import Replicated
from shoal.compute.steps import State
from shoal.compute.terms import InMemory
from shoal.data.rows.examples import Examples
from shoal.diagnosis.diagnose import findings_of
from shoal.diagnosis.findings import Diagnosis
from shoal.errors import Setting, SettingError, wording
from shoal.estimators.answers import Answers, answers_of, pooled
from shoal.estimators.automatic import MEMBER, patience_of, plan_of, seed_of, stops_early
from shoal.estimators.callbacks import EpochTasks
from shoal.estimators.fitted import Fitted
from shoal.estimators.held_out import with_calibration
from shoal.estimators.host import Host
from shoal.estimators.importance import importance_of
from shoal.estimators.learnt import History
from shoal.estimators.plain import plain_settings
from shoal.estimators.prepare import Prepared, ensemble_size
from shoal.estimators.rows import Place, RowProvider
from shoal.estimators.scores import score_of
from shoal.estimators.starts import begin, name_of, parameters_of
from shoal.estimators.targets import first_biases
from shoal.estimators.threshold import check_held, is_chosen, with_threshold
from shoal.files.checkpoint import Checkpoint
from shoal.settings import FIELDS, POISSON, Settings
from shoal.training.loop import Job, Plan, Report, Trained, TrainingState, train
from shoal.training.members import train_all
from shoal.training.network import Network
from shoal.warn import warn


class Starts(NamedTuple):
    """The members' seeds, and where each of them begins."""

    seeds: list[int]
    states: list[State]


@dataclass(frozen=True, eq=False)
class Learnt:
    """What members have learnt of some rows, before it is examined."""

    fitted: Fitted
    trained: list[Trained]
    starts: Starts
    rows: RowProvider

    @cached_property
    def unseen(self) -> Answers:
        """The rows that are held out, and what the members say of them that did not see them."""
        members = zip(self.fitted.networks, self.starts.seeds, strict=True)
        return pooled([answers_of(network, self.rows, seed, 1) for network, seed in members])


def train_members(
    prepared: Prepared, rows: RowProvider, host: Host, place: Place, *,
    earlier: Sequence[Trained] = (), told: bool = True,
) -> Learnt:  # fmt: skip
    """Train every member but those that were trained `earlier`. Callbacks hear of it where `told`."""
    s = prepared.settings
    checkpoint = checkpoint_of(prepared, rows)
    # The seed that was drawn, if none was given.
    starts = first_states(prepared, rows.m, checkpoint.seed if checkpoint else None)
    check_held(s, rows, given=rows.shown(starts.seeds[0])[1] is not None if is_chosen(s) else True)
    tasks = EpochTasks.of(host, prepared, starts.states[0]) if told else None
    began_at = time.perf_counter()
    members = Members(prepared, rows, host, starts, place, checkpoint, tasks)
    new = _side_by_side(s, members, len(earlier), rows.side_by_side, first_alone=tasks is not None)
    trained = [*earlier, *new]
    fitted = fitted_of(prepared, trained, starts.seeds)
    # Of all members, which wait for each other; a member that was resumed counts its earlier epochs.
    seconds = max(time.perf_counter() - began_at, fitted.history.seconds)
    fitted = fitted.replaced(history=fitted.history._replace(seconds=seconds))
    return Learnt(fitted, trained, starts, rows)


def examined(learnt: Learnt, place: Place, n_jobs: int | None) -> Fitted:
    """What members have learnt, with all that the rows say of it: threshold, errors, diagnosis, importance."""
    fitted, rows = learnt.fitted, learnt.rows
    fitted = with_calibration(with_threshold(fitted, rows, n_jobs), rows, place, n_jobs)
    threads = threads_of(n_jobs)
    fitted = fitted.replaced(
        diagnosis=diagnosis_of(fitted, rows, learnt.starts, threads), seen=rows.seen()
    )
    return fitted.replaced(importance=importance_of(fitted, rows, threads))


def diagnosis_of(fitted: Fitted, rows: RowProvider, starts: Starts, threads: int) -> Diagnosis:
    """What is wrong with members that have just been trained, from these starts."""
    part, held = rows.shown(starts.seeds[0])
    shape = fitted.architecture
    began = tuple(Network._of(shape, state.parameters.copy()) for state in starts.states)
    case = fitted.case(part, _trained_on(part, held, rows))._replace(
        starts=began, weight=_weight_of(part, rows), given=rows.given(), held=held.m if held else 0
    )
    return findings_of(case, held, thorough=False, threads=threads)


def _trained_on(part: Examples, held: Examples | None, rows: RowProvider) -> int:
    """How many rows a member is trained on; of what is not held, as far as it is shown."""
    if held is None:
        return rows.m
    given = rows.given()
    are_shown = given is not None and given.examples.m == rows.m
    return part.m if are_shown else round(rows.m * part.m / (part.m + held.m))


def _weight_of(part: Examples, rows: RowProvider) -> float:
    """The weight of the rows that a member is trained on, as far as they are shown."""
    if part.weights is None:
        return float(rows.m)
    weights = part.weights if part.rows is None else part.weights[part.rows]
    return float(weights.sum(dtype=np.float64)) * rows.m / max(part.m, 1)


def fitted_of(prepared: Prepared, trained: list[Trained], seeds: list[int]) -> Fitted:
    """What the members have learnt, without a diagnosis."""
    networks = (Network._of(prepared.architecture, t.parameters.copy()) for t in trained)
    return Fitted(
        prepared.settings.without_machine(), prepared.inputs, prepared.targets, tuple(networks),
        History.of(trained, seeds),
    )  # fmt: skip


class Members:
    """The trainings of a fit, one for each member, as jobs that threads can run."""

    def __init__(
        self, prepared: Prepared, rows: RowProvider, host: Host, starts: Starts, place: Place,
        checkpoint: Checkpoint | None, tasks: EpochTasks | None,
    ) -> None:  # fmt: skip
        self._prepared, self._rows, self._host = prepared, rows, host
        self._starts, self._place = starts, place
        self._checkpoint, self._tasks = checkpoint, tasks
        self.max_iter = prepared.settings.max_iter

    def __len__(self) -> int:
        return len(self._starts.states)

    def train(
        self, i: int, threads: int, stop: Stop, report: Callable[[Report], None] | None
    ) -> Trained:
        """Train one member."""
        prepared, seed = self._prepared, self._starts.seeds[i]
        s, architecture = prepared.settings, prepared.architecture
        part, held = self._rows.terms(seed, self._place)
        scored = self._rows.scored(seed) if s.scoring is not None else None
        plan = plan_of(s, architecture.output, part.m, seed, held=held is not None)
        plan = plan._replace(max_iter=self.max_iter)
        if plan.rule.evidence and architecture.output == "identity":
            held = None  # it judges, see small.py, and does not stop
        job = Job(
            architecture, plan, part, held, score_of(prepared, self._host, scored, threads),
            threads, stop,
        )  # fmt: skip
        kept = self._checkpoint
        keep = kept.keeper(i, self._starts.seeds[0]) if kept else None
        return train(
            job, self._begun(i, plan), report=report, keep=keep, each=None if i else self._tasks
        )

    def _begun(self, i: int, plan: Plan) -> TrainingState:
        first = self._starts.states[i]
        state = first._replace(best_loss=float("inf"), waited=0, best=first.parameters)
        begun = TrainingState(state, state.parameters)
        return (self._checkpoint and self._checkpoint.state_of(i, begun, plan)) or begun


def _side_by_side(
    s: Settings, members: Members, first: int, most: int | None, *, first_alone: bool
) -> list[Trained]:
    """Train members from `first` on; with callbacks one alone, as they may stop the others with it."""
    report = progress_of(s.verbose, s.max_iter)
    # On a cluster one member after another has all workers.
    threads = threads_of(s.n_jobs) if s.engine is None else 1
    jobs = [lambda *a, i=i: members.train(i, *a) for i in range(first, len(members))]
    if not first_alone:
        return train_all(jobs, threads, report, most)
    trained = train_all(jobs[:1], threads, report, most)
    if trained[0].ending == "stopped":
        members.max_iter = trained[0].epochs
    if jobs[1:] and trained[0].ending != "interrupted":
        trained += train_all(jobs[1:], threads, report, most)
    return trained


@contextmanager
def place_of(s: Settings) -> Iterator[Place]:
    """Where the terms come from: this machine's threads, or a cluster."""
    if s.engine is None:
        yield (
            lambda examples, replicas=1, steps=0: (
                InMemory(examples) if replicas == 1 else Replicated(examples, replicas, steps)
            )
        )
        return
    from shoal.cluster.place import on_cluster

    with on_cluster(s.engine, s.n_jobs) as place:
        yield place


def first_states(prepared: Prepared, m: int, drawn: int | None = None) -> Starts:
    """The members' seeds, and where each begins: after a previous fit from its networks."""
    s, previous = prepared.settings, prepared.previous
    seed = seed_of(s.random_state) if drawn is None else drawn
    members = ensemble_size(s, m, previous)
    seeds = [seed_of_member(seed, i) for i in range(members)]
    states = continued(prepared)[:members]
    states += [first_state(prepared, i, seeds[i]) for i in range(len(states), members)]
    return Starts(seeds, states)


def first_state(prepared: Prepared, i: int, seed: int) -> State:
    """Where the i-th member begins, drawn from its seed or given."""
    s, b2 = prepared.settings, first_biases(prepared.targets)
    return begin(parameters_of(s, prepared.architecture, i, seed, b2), s.solver)


def seed_of_member(seed: int, i: int) -> int:
    """The seed of the i-th member of a fit with this seed."""
    return seed if i == 0 else engine.child(seed, MEMBER + i)


def continued(prepared: Prepared) -> list[State]:
    """Where each member continues a previous fit; none without one.

    Always with the network that is there. The optimiser remembers its steps if they led to it and
    are the same solver's; a network from an earlier epoch, or from a file, begins without.
    """
    previous, wanted, s = prepared.previous, prepared.architecture, prepared.settings
    if previous is None:
        return []
    there, dtype = previous.architecture, previous.networks[0].dtype
    if there != wanted or dtype != s.dtype:
        raise SettingError(
            wording(
                Setting("warm_start", True), " and partial_fit continue with the fitted network, "
                f"but the data or the settings need another one: {there} in {dtype} is fitted, "
                f"{wanted} in {s.dtype} is needed. Use ", Setting("warm_start", False), " and fit.",
            )
        )  # fmt: skip
    if previous.mixes_linear:
        raise SettingError(
            wording(
                "a search has put linear models among these networks, as units of very large weights, which "
                "no further training keeps: ", Setting("warm_start", True), " and partial_fit cannot continue. "
                "Use ", Setting("warm_start", False), " and fit.",
            )
        )  # fmt: skip
    fresh = [begin(network.vector.copy(), s.solver) for network in previous.networks]
    return [
        state
        if len(state.memory) == len(anew.memory)
        and np.array_equal(state.parameters, anew.parameters)
        else anew
        for state, anew in zip(previous.history.states or fresh, fresh, strict=True)
    ]


def checkpoint_of(prepared: Prepared, rows: RowProvider) -> Checkpoint | None:
    """The folder that keeps the training with these settings on these rows, if one was given."""
    s = prepared.settings
    if not s.checkpoint:
        return None
    asked = {name: value for name, value in plain_settings(s).items() if FIELDS[name].result}
    if s.loss != POISSON:
        del asked["loss"]  # as in checkpoints of versions that had no other
    for name in ("effort", "time_budget", "max_predict_cost"):  # of a search, and of no training
        del asked[name]
    question = {
        **asked,
        "init": name_of(s.init),
        "n_iter_no_change": patience_of(s, rows.m, held=stops_early(s, rows.m)),
        "scoring": getattr(s.scoring, "__qualname__", str(s.scoring)),
        "examples": rows.m,
        "inputs": prepared.architecture.n_x,
        **rows.digests(),
        "numerics_version": NUMERICS_VERSION,
        "equations": "plain" if BUILD == "plain" else "kernel",
    }
    return Checkpoint(s.checkpoint, question)


def progress_of(verbose: Any, max_iter: int) -> Callable[[Report], None] | None:
    """What `verbose` asks for: nothing, lines on standard output, or a function to call."""
    if callable(verbose):
        called: Callable[[Report], None] = verbose
        return called
    if not verbose:
        return None

    def show(report: Report) -> None:
        validation = (
            "" if report.validation_loss is None else f", validation {report.validation_loss:.6f}"
        )
        if report.note:
            print(f"{report.note}: loss {report.loss:.6f}{validation}")
            return
        print(f"epoch {report.epoch} of {max_iter}: loss {report.loss:.6f}{validation}")

    return show


def warn_of(fitted: Fitted) -> None:
    """Warn of an interruption, or of the most severe finding."""
    history = fitted.history
    if any(ending == "interrupted" for ending in history.endings):
        warn(
            f"training was interrupted after {len(history.losses[0])} epochs: the best network so "
            f"far (epoch {history.best_epoch}) is kept."
        )
        return
    severe = [f for f in fitted.diagnosis.findings if f.severity == "error"]
    if severe:
        warn(severe[0].wording)

"""The members of a fit: each with its seed, its start, its parts of the rows, its checkpoint."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from shoal.compute.builds import BUILD, Stop
from shoal.compute.engine import threads as threads_of
from shoal.compute.memory import refuse_if_too_large
from shoal.compute.replicas import Replicated
from shoal.compute.steps import State
from shoal.compute.terms import InMemory, Terms
from shoal.data.digest import digest
from shoal.data.examples import Examples
from shoal.data.split import hold_out
from shoal.diagnosis.diagnose import findings_of
from shoal.errors import DataError, SettingError
from shoal.estimators.callbacks import Tasks, has_callbacks
from shoal.estimators.fitted import case_of, keep, progress_of, warn
from shoal.estimators.scores import score_of
from shoal.estimators.settings import (
    EARLY_STOPPING_ROWS,
    MEMBER,
    MEMBERS,
    MOST_ROWS_MEMBERS,
    SPLIT,
    plan_of,
    replicas_of,
    seed_of,
)
from shoal.estimators.starts import begin, name_of, parameters_of, starts_given
from shoal.files.checkpoint import Checkpoint
from shoal.network.architecture import Architecture
from shoal.network.draws import child
from shoal.training import lbfgs
from shoal.training.loop import Report, Standing, Trained, train
from shoal.training.members import train_all
from shoal.training.network import Network

if TYPE_CHECKING:
    from shoal.estimators.base import ShoalBase

Place = Callable[..., Terms]
NUMERICS_VERSION = 6  # changes when the same data and settings give other bits than before
# Settings that no bit of a result depends on.
BITLESS = ("n_jobs", "verbose", "warm_start", "checkpoint", "engine", "memory", "scratch")


class Material(Protocol):
    """The rows of a fit, wherever they are, and how each member parts them."""

    @property
    def m(self) -> int:
        """How many rows there are."""
        ...

    @property
    def side_by_side(self) -> int | None:
        """How many members can be trained at a time; None for any number."""
        ...

    def terms(self, seed: int, place: Place) -> tuple[Terms, Terms | None]:
        """What a member of this seed is trained on, and what is held out of it.

        Rows that are held in memory are computed on in this place.
        """
        ...

    def shown(self, seed: int) -> tuple[Examples, Examples | None]:
        """As much of both as a diagnosis looks at."""
        ...

    def scored(self, seed: int) -> Examples | None:
        """What is held out of it, for a scorer."""
        ...

    def digests(self) -> dict[str, str | None]:
        """Names of the rows, for checkpoints."""
        ...


class Held(NamedTuple):
    """Rows in memory, with a validation part of their own or not."""

    model: "ShoalBase"
    examples: Examples
    validation: Examples | None

    @property
    def m(self) -> int:
        """How many rows there are."""
        return self.examples.m

    @property
    def side_by_side(self) -> int | None:
        """Any number of members can be trained at a time."""
        return None

    def terms(self, seed: int, place: Place) -> tuple[Terms, Terms | None]:
        """What a member of this seed is trained on, and what is held out of it."""
        part, held = self.shown(seed)
        return place(part, *replicas_of(self.model)), None if held is None else place(held)

    def shown(self, seed: int) -> tuple[Examples, Examples | None]:
        """The same rows."""
        return parts(self.model, self.examples, self.validation, seed)

    def scored(self, seed: int) -> Examples | None:
        """What is held out of it, for a scorer."""
        return self.shown(seed)[1]

    def digests(self) -> dict[str, str | None]:
        """Names of the rows and of the validation part."""
        held = {} if self.validation is None else digest([self.validation])
        return {
            **digest([self.examples]),
            **{f"{name}_val": value for name, value in held.items()},
        }


def train_members(
    model: "ShoalBase", architecture: Architecture, material: Material, given: dict[str, Any]
) -> None:
    """Train every member, keep what they learnt, and say what is wrong with it.

    `given` is what the callbacks are told of the data.
    """
    checkpoint = _checkpoint(model, architecture, material) if model.checkpoint else None
    # The seed that was drawn, if none was given.
    drawn = checkpoint.seed if checkpoint else None
    seeds, states = first_states(model, architecture, material.m, drawn)
    members = len(states)

    def job(
        place: Place, i: int, threads: int, stop: Stop, report: Callable[[Report], None] | None
    ) -> Trained:
        part, held = material.terms(seeds[i], place)
        scored = material.scored(seeds[i]) if model.scoring is not None else None
        state = states[i]._replace(best_loss=float("inf"), waited=0, best=states[i].parameters)
        begun = Standing(state, state.parameters)
        if checkpoint:
            begun = checkpoint.standing(i, begun) or begun
        plan = plan_of(model, part.m, seeds[i])
        if trained and trained[0].ending == "stopped":
            plan = plan._replace(max_iter=trained[0].epochs)
        return train(
            architecture, plan, part, begun, validation=held,
            score=score_of(model, architecture, scored, threads),
            threads=threads, stop=stop, report=report,
            keep=checkpoint.keeper(i, seeds[0]) if checkpoint else None,
            each=None if i else tasks,
        )  # fmt: skip

    report = progress_of(model.verbose, model.max_iter)
    # On a cluster one member after another has all workers.
    threads = threads_of(model.n_jobs) if model.engine is None else 1
    tasks = (
        Tasks(model, architecture, Standing(states[0], states[0].parameters), given)
        if has_callbacks(model)
        else None
    )
    trained: list[Trained] = []
    with _place_of(model) as place:
        jobs = [lambda *a, i=i: job(place, i, *a) for i in range(members)]
        at_a_time = material.side_by_side
        if tasks:  # by the first member alone they may stop all
            trained += train_all(jobs[:1], threads, report, at_a_time)
        if not trained or (jobs[1:] and trained[0].ending != "interrupted"):
            trained += train_all(jobs[len(trained) :], threads, report, at_a_time)
    model.member_seeds_ = seeds[: len(trained)]
    keep(model, architecture, trained)
    began = [Network._of(architecture, state.parameters.copy()) for state in states]
    part, held = material.shown(seeds[0])
    case = case_of(model, part)._replace(starts=tuple(began))
    model.diagnosis_ = findings_of(case, held, thorough=False)
    if tasks:
        tasks.end()
    warn(model, trained)


@contextmanager
def _place_of(model: "ShoalBase") -> Iterator[Place]:
    """Where the terms come from: this machine's threads, or a cluster."""
    if model.engine is None:
        yield (
            lambda examples, replicas=1, steps=0: (
                InMemory(examples) if replicas == 1 else Replicated(examples, replicas, steps)
            )
        )
        return
    from shoal.cluster.place import on_cluster

    with on_cluster(model.engine, model.n_jobs) as place:
        yield place


def first_states(
    model: "ShoalBase", architecture: Architecture, m: int, drawn: int | None = None
) -> tuple[list[int], list[State]]:
    """The members' seeds, and where each begins: with `warm_start` where its last fit ended."""
    seed = seed_of(model.random_state) if drawn is None else drawn
    members = members_of(model, m)
    seeds = [seed if i == 0 else child(seed, MEMBER + i) for i in range(members)]
    states = go_on(model, architecture)[:members] if model.warm_start else []
    for i in range(len(states), members):
        states.append(begin(parameters_of(model, architecture, i, seeds[i]), model.solver))
    return seeds, states


def members_of(model: "ShoalBase", m: int) -> int:
    """How many networks to train on m rows."""
    if model.members != "auto":
        return int(model.members)
    if model.warm_start and hasattr(model, "networks_"):
        return len(model.networks_)
    if given := starts_given(model.init):
        return len(given)
    return next((n for rows, n in MEMBERS if m < rows), MOST_ROWS_MEMBERS)


def bytes_of(model: "ShoalBase", architecture: Architecture) -> int:
    """What a member's training holds beside its rows."""
    size = np.dtype(model.dtype).itemsize
    # Parameters, best, gradient, two of adam, and the float64 sums of the tree.
    each = architecture.n_parameters * (5 * size + 8)
    if model.solver == "lbfgs":
        each += lbfgs.memory_bytes(architecture.n_parameters)
    return each


def refuse_what_cannot_fit(model: "ShoalBase", architecture: Architecture, members: int) -> None:
    """Raise MemoryRefused for more parameters than memory can hold."""
    each = bytes_of(model, architecture)
    refuse_if_too_large(
        each * members,
        f"hidden={architecture.n_h:,} with {architecture.n_x} inputs and {members} member(s)",
        "Choose a smaller hidden.",
    )


def _checkpoint(model: "ShoalBase", architecture: Architecture, material: Material) -> Checkpoint:
    """The folder that keeps the training with these settings on these rows."""
    from shoal.estimators.saving import plain_settings

    question = {
        **{k: v for k, v in plain_settings(model).items() if k not in BITLESS},
        "init": name_of(model.init),
        "scoring": getattr(model.scoring, "__qualname__", str(model.scoring)),
        "examples": material.m,
        "inputs": architecture.n_x,
        **material.digests(),
        "numerics_version": NUMERICS_VERSION,
        "equations": "plain" if BUILD == "plain" else "kernel",
    }
    return Checkpoint(model.checkpoint, question)


def go_on(model: "ShoalBase", architecture: Architecture) -> list[State]:
    """Where each member's last fit ended, for `warm_start`; none before the first."""
    if not hasattr(model, "networks_"):
        return []
    if model.networks_[0].architecture != architecture:
        raise SettingError(
            "warm_start=True and partial_fit go on with the network that is there, but the data "
            f"or the settings want another one: {model.networks_[0].architecture} there, "
            f"{architecture} wanted. Use warm_start=False and fit."
        )
    fresh = [begin(network.vector.copy(), model.solver) for network in model.networks_]
    states: list[State] = getattr(model, "_states", fresh)  # a loaded model has no memory
    same_solver = all(len(a.memory) == len(b.memory) for a, b in zip(states, fresh, strict=True))
    return states if same_solver else fresh


def parts(
    model: "ShoalBase", examples: Examples, validation: Examples | None, seed: int
) -> tuple[Examples, Examples | None]:
    """The rows that a member of this seed is trained on, and those held out."""
    if validation is not None or not stops_early(model, examples.m):
        return examples, validation
    rows, held = hold_out(
        examples.m, model.validation_fraction, child(seed, SPLIT), examples.labels
    )
    refuse_too_few(len(held), examples.m)
    part, kept = examples.take(rows), examples.take(held)
    if kept.weights is not None and not kept.weights[kept.rows].sum() > 0:
        raise DataError(
            "all rows held out for early stopping have weight 0. Use another random_state, a "
            "larger validation_fraction, or early_stopping=False."
        )
    return part, kept


def stops_early(model: "ShoalBase", m: int) -> bool:
    """Whether a part of m rows is held out to stop by."""
    early = model.early_stopping
    return m >= EARLY_STOPPING_ROWS if early == "auto" else bool(early)


def refuse_too_few(held: int, m: int) -> None:
    """Raise DataError unless some rows of m are held out, and some are left."""
    if 0 < held < m:
        return
    if m == 1:
        raise DataError(
            "1 row is too few to hold one out and stop early. Use early_stopping=False."
        )
    raise DataError(  # of every class a row is left
        f"no row of {m:,} could be held out to stop early, as each has a class of its own. "
        "Choose another target, or use early_stopping=False."
    )

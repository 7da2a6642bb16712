"""The members of a fit: each with its seed, its start, its parts of the rows, its checkpoint."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

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
NUMERICS_VERSION = 4  # changes when the same data and settings give other bits than before
# Settings that no bit of a result depends on.
BITLESS = ("n_jobs", "verbose", "warm_start", "checkpoint", "engine")


def train_members(
    model: "ShoalBase",
    architecture: Architecture,
    examples: Examples,
    validation: Examples | None,
    given: dict[str, Any],
) -> None:
    """Train every member, keep what they learnt, and say what is wrong with it.

    `given` is what the callbacks are told of the data.
    """
    checkpoint = _checkpoint(model, examples, validation) if model.checkpoint else None
    # The seed that was drawn, if none was given.
    drawn = checkpoint.seed if checkpoint else None
    seeds, states = first_states(model, architecture, examples.m, drawn)
    members = len(states)

    def job(
        place: Place, i: int, threads: int, stop: Stop, report: Callable[[Report], None] | None
    ) -> Trained:
        part, held = parts(model, examples, validation, seeds[i])
        state = states[i]._replace(best_loss=float("inf"), waited=0, best=states[i].parameters)
        begun = Standing(state, state.parameters)
        if checkpoint:
            begun = checkpoint.standing(i, begun) or begun
        plan = plan_of(model, part.m, seeds[i])
        if trained and trained[0].ending == "stopped":
            plan = plan._replace(max_iter=trained[0].epochs)
        return train(
            architecture, plan, place(part, *replicas_of(model)), begun,
            validation=None if held is None else place(held),
            score=score_of(model, architecture, held, threads),
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
        if tasks:  # by the first member alone they may stop all
            trained += train_all(jobs[:1], threads, report)
        if not trained or (jobs[1:] and trained[0].ending != "interrupted"):
            trained += train_all(jobs[len(trained) :], threads, report)
    model.member_seeds_ = seeds[: len(trained)]
    keep(model, architecture, trained)
    began = [Network._of(architecture, state.parameters.copy()) for state in states]
    part, held = parts(model, examples, validation, seeds[0])
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


def refuse_what_cannot_fit(model: "ShoalBase", architecture: Architecture, members: int) -> None:
    """Raise MemoryRefused for more parameters than memory can hold."""
    size = np.dtype(model.dtype).itemsize
    # Parameters, best, gradient, two of adam, and the float64 sums of the tree.
    each = architecture.n_parameters * (5 * size + 8)
    if model.solver == "lbfgs":
        each += lbfgs.memory_bytes(architecture.n_parameters)
    refuse_if_too_large(
        each * members,
        f"hidden={model.hidden:,} with {architecture.n_x} inputs and {members} member(s)",
        "Choose a smaller hidden.",
    )


def _checkpoint(model: "ShoalBase", examples: Examples, validation: Examples | None) -> Checkpoint:
    """The folder that keeps the training with these settings on these rows."""
    from shoal.estimators.saving import plain_settings

    held = {} if validation is None else digest(validation)
    question = {
        **{k: v for k, v in plain_settings(model).items() if k not in BITLESS},
        "init": name_of(model.init),
        "scoring": getattr(model.scoring, "__qualname__", str(model.scoring)),
        "examples": examples.m,
        "inputs": examples.X.shape[1],
        **digest(examples),
        **{f"{name}_val": value for name, value in held.items()},
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
    early = model.early_stopping
    if early == "auto":
        early = examples.m >= EARLY_STOPPING_ROWS
    if validation is not None or not early:
        return examples, validation
    rows, held = hold_out(
        examples.m, model.validation_fraction, child(seed, SPLIT), examples.labels
    )
    if not len(held) or not len(rows):
        raise DataError(
            f"{examples.m} rows are too few for early stopping: no row could be held out. "
            "Use early_stopping=False."
        )
    part, kept = examples.take(rows), examples.take(held)
    if kept.weights is not None and not kept.weights[kept.rows].sum() > 0:
        raise DataError(
            "all rows held out for early stopping have weight 0. Use another random_state, a "
            "larger validation_fraction, or early_stopping=False."
        )
    return part, kept

"""Mini-batches on many machines: local SGD, replicas that are averaged every K steps.

    R    replicas, a parameter of the model: where they are computed changes no bit
    K    steps of a replica between two averages; 0 means an epoch over its rows
    B    rows of a step

Steps of mini-batches depend on each other and cannot be distributed. Replicas can be:
each has a share of the rows, and after K steps all continue from the mean of their parameters and
of the optimiser's memory (local SGD: Stich, "Local SGD converges fast and communicates
little", ICLR 2019). It is another training than that of one network, and has other bits.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from shoal.compute.builds import Stop
from shoal.compute.engine import engine
from shoal.compute.pool import Pool
from shoal.compute.steps import Budget, Outcome, Rule, State, Vector, judge
from shoal.compute.terms import ExactInMemory, ExactTerms
from shoal.data.rows.examples import Examples, exact
from shoal.errors import SettingError
from shoal.network.architecture import Architecture
from shoal.network.draws import child
from shoal.sums import BLOCK_ROWS, GradientSums

# A share has this many stripes of the table, so that a table in some order serves as well.
STRIPES = 16
REPLICA = 10_000  # purpose of the keys that are made from that of the order


class ReplicaTask(NamedTuple):
    """The next steps of one replica."""

    replica: int
    epoch: int
    turn: int  # of the epoch, which has this many
    turns: int
    steps: int  # 0 means all
    rule: Rule
    state: State


class ReplicaResult(NamedTuple):
    """Where a replica is after its steps, and how it went."""

    state: State
    loss: float  # the sum over the rows
    weight: float
    ending: str
    interruption: BaseException | None = None


RunTasks = Callable[[Sequence[ReplicaTask]], list[ReplicaResult]]


def stripe_level(m: int, replicas: int) -> int:
    """Stripe s, blocks s · 2**level and so on, belongs to replica s mod R.

    Raises SettingError when there are fewer blocks than replicas.
    """
    n_blocks = -(-m // BLOCK_ROWS)
    if n_blocks < replicas:
        raise SettingError(
            f"replicas={replicas} on {m:,} rows: expected {BLOCK_ROWS} rows or more for each. "
            f"Use replicas={n_blocks} at the most, or more rows."
        )
    return max((n_blocks // (STRIPES * replicas)).bit_length() - 1, 0)


def share(m: int, replicas: int, replica: int) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """The rows of a replica, in ascending order."""
    length = BLOCK_ROWS << stripe_level(m, replicas)
    return np.concatenate(
        [
            np.arange(first, min(first + length, m), dtype=np.uint32)
            for first in range(replica * length, m, replicas * length)
        ]
    )


def run_task(
    architecture: Architecture,
    examples: Examples,
    task: ReplicaTask,
    threads: int,
    stop: Stop | None = None,
) -> ReplicaResult:
    """Take the steps of a task over a replica's rows."""
    key = child(task.rule.key, REPLICA + task.replica) if task.replica else task.rule.key
    # A turn is an epoch to the engine, so that rates fall and units drop out from turn to turn.
    rule = task.rule._replace(key=key, horizon=task.rule.horizon * task.turns)
    if task.steps:
        n = task.steps * rule.batch_size
        order = engine.order(examples.m, key, task.epoch)[task.turn * n : (task.turn + 1) * n]
        if not len(order):
            return ReplicaResult(task.state, 0.0, 0.0, "finished")
        examples = examples.take(order)
    rule = rule._replace(batch_size=min(rule.batch_size, examples.m))
    state = task.state._replace(best=task.state.parameters)
    budget = Budget(task.epoch * task.turns + task.turn, 1)
    outcome = engine.train(architecture, rule, budget, examples, state, threads, stop)
    loss = float(outcome.losses[0]) if len(outcome.losses) else float("nan")
    weight = _weight(examples)
    after = outcome.state._replace(best=outcome.state.parameters)  # of one replica no one asks
    return ReplicaResult(after, loss * weight, weight, outcome.ending, outcome.interruption)


def _weight(examples: Examples) -> float:
    if examples.weights is None:
        return float(examples.m)
    chosen = examples.weights if examples.rows is None else examples.weights[examples.rows]
    weight = engine.sums_about(0.0, np.zeros(len(chosen)), chosen.astype(np.float64))[0]
    return weight


def train_replicas(
    replicas: int, turns: int, steps: int, run: RunTasks, rule: Rule, budget: Budget, state: State
) -> Outcome:
    """Epochs of that many turns each, after which the replicas are averaged."""
    losses: list[float] = []
    before = state
    try:
        for epoch in range(budget.first_epoch, budget.first_epoch + budget.n_epochs):
            before, loss, weight = state, 0.0, 0.0
            for turn in range(turns):
                results = run(
                    [
                        ReplicaTask(i, epoch, turn, turns, steps, rule, state)
                        for i in range(replicas)
                    ]
                )
                for one in results:
                    if one.ending == "interrupted":
                        return Outcome(before, np.array(losses), "interrupted", one.interruption)
                    loss, weight = loss + one.loss, weight + one.weight
                state = _mean(state, [one.state for one in results])
            losses.append(loss / weight if weight else float("nan"))
            if not np.isfinite(losses[-1]):
                return Outcome(state, np.array(losses), "diverged")
            state = judge(state, state.parameters, losses[-1], budget.tol)
            if budget.patience and state.waited >= budget.patience:
                return Outcome(state, np.array(losses), "plateau")
    except KeyboardInterrupt as interruption:
        return Outcome(before, np.array(losses), "interrupted", interruption)
    return Outcome(state, np.array(losses), "finished")


def turns_of(m: int, replicas: int, steps: int, batch_size: int) -> int:
    """How often the replicas are averaged in an epoch: by the rows of the first, which has most."""
    return -(-len(share(m, replicas, 0)) // (steps * batch_size)) if steps else 1


def _mean(before: State, states: Sequence[State]) -> State:
    """The mean of the replicas; added in their order, whichever finished first."""
    return before._replace(
        parameters=_mean_of([state.parameters for state in states]),
        memory=_mean_of([state.memory for state in states]),
        power1=states[0].power1,
        power2=states[0].power2,
    )


def _mean_of(vectors: Sequence[Vector]) -> Vector:
    if len(vectors) == 1:
        return vectors[0]
    total = vectors[0].astype(np.float64)
    for vector in vectors[1:]:
        total = total + vector
    return (total / len(vectors)).astype(vectors[0].dtype)


class Replicated(NamedTuple):
    """All rows are here; replicas train on their shares, as many at once as there are threads."""

    examples: Examples
    replicas: int
    steps: int

    @property
    def m(self) -> int:
        """How many rows there are."""
        return self.examples.m

    def sums(
        self,
        architecture: Architecture,
        parameters: Vector,
        threads: int,
        *,
        gradients: bool = True,
        stop: Stop | None = None,
    ) -> GradientSums:
        """Loss, weight and gradients over all rows, added along the fixed tree."""
        return engine.sums(
            architecture, parameters, self.examples, threads, gradients=gradients, stop=stop
        )

    def exact(self) -> ExactTerms:
        """The same rows in float64, of which there is the curvature as well."""
        return ExactInMemory(exact(self.examples))

    def train(
        self,
        architecture: Architecture,
        rule: Rule,
        budget: Budget,
        state: State,
        threads: int,
        stop: Stop | None = None,
    ) -> Outcome:
        """Epochs of the replicas."""
        stop = stop or Stop()
        stripe_level(self.m, self.replicas)
        shares = [self.examples.take(share(self.m, self.replicas, i)) for i in range(self.replicas)]

        def one(task: ReplicaTask) -> ReplicaResult:
            return run_task(architecture, shares[task.replica], task, 1, stop)

        turns = turns_of(self.m, self.replicas, self.steps, rule.batch_size)
        with Pool(min(threads, self.replicas) if threads > 1 else 0, "shoal-replica") as pool:

            def all_of(tasks: Sequence[ReplicaTask]) -> list[ReplicaResult]:
                try:
                    futures = [pool.submit(one, task) for task in tasks]
                    return [future.result() for future in futures]
                except KeyboardInterrupt:
                    stop.request()
                    raise

            return train_replicas(self.replicas, turns, self.steps, all_of, rule, budget, state)

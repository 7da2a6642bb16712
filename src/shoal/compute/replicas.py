"""Mini-batches on many machines: replicas that walk alone for some steps, and meet in their mean.

    R    replicas, a setting of the model: who computes them changes no bit
    K    steps that each takes between two meetings; 0 means an epoch over its rows
    B    rows of a step

Steps of mini-batches follow one another, so that nobody can share them out. Replicas can be:
each has a share of the rows, and after K steps all go on from the mean of their parameters and
of what the optimiser remembers (local SGD: Stich, "Local SGD converges fast and communicates
little", ICLR 2019). It is another training than that of one network, and has other bits.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from shoal.compute.builds import Stop
from shoal.compute.engine import engine
from shoal.compute.steps import Budget, Outcome, Rule, State, Vector, judge
from shoal.data.rows.examples import Examples
from shoal.errors import SettingError
from shoal.network.architecture import Architecture
from shoal.network.draws import child
from shoal.sums import BLOCK_ROWS, GradientSums

# A share has so many stripes of the table, so that a table in some order serves as well.
STRIPES = 16
REPLICA = 10_000  # purpose of the keys that are made from that of the order


class Leg(NamedTuple):
    """The next steps of one replica."""

    replica: int
    epoch: int
    turn: int  # of the epoch, which has so many
    turns: int
    steps: int  # 0 means all
    rule: Rule
    state: State


class Walked(NamedTuple):
    """Where a replica is after its steps, and how it went."""

    state: State
    loss: float  # the sum over the rows
    weight: float
    ending: str
    interruption: BaseException | None = None


Walk = Callable[[Sequence[Leg]], list[Walked]]


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


def walk(
    architecture: Architecture, examples: Examples, leg: Leg, threads: int, stop: Stop | None = None
) -> Walked:
    """Take the steps of a leg over a replica's rows."""
    key = child(leg.rule.key, REPLICA + leg.replica) if leg.replica else leg.rule.key
    # A turn is an epoch to the engine, so that rates fall and units drop out from turn to turn.
    rule = leg.rule._replace(key=key, horizon=leg.rule.horizon * leg.turns)
    if leg.steps:
        n = leg.steps * rule.batch_size
        order = engine.order(examples.m, key, leg.epoch)[leg.turn * n : (leg.turn + 1) * n]
        if not len(order):
            return Walked(leg.state, 0.0, 0.0, "finished")
        examples = examples.take(order)
    rule = rule._replace(batch_size=min(rule.batch_size, examples.m))
    state = leg.state._replace(best=leg.state.parameters)
    budget = Budget(leg.epoch * leg.turns + leg.turn, 1)
    outcome = engine.train(architecture, rule, budget, examples, state, threads, stop)
    loss = float(outcome.losses[0]) if len(outcome.losses) else float("nan")
    weight = _weight(examples)
    after = outcome.state._replace(best=outcome.state.parameters)  # of one replica nobody asks
    return Walked(after, loss * weight, weight, outcome.ending, outcome.interruption)


def _weight(examples: Examples) -> float:
    if examples.weights is None:
        return float(examples.m)
    chosen = examples.weights if examples.rows is None else examples.weights[examples.rows]
    weight = engine.sums_about(0.0, np.zeros(len(chosen)), chosen.astype(np.float64))[0]
    return weight


def train_replicas(
    replicas: int, turns: int, steps: int, walk: Walk, rule: Rule, budget: Budget, state: State
) -> Outcome:
    """Epochs of so many turns each, after which the replicas meet."""
    losses: list[float] = []
    before = state
    try:
        for epoch in range(budget.first_epoch, budget.first_epoch + budget.n_epochs):
            before, loss, weight = state, 0.0, 0.0
            for turn in range(turns):
                walked = walk(
                    [Leg(i, epoch, turn, turns, steps, rule, state) for i in range(replicas)]
                )
                for one in walked:
                    if one.ending == "interrupted":
                        return Outcome(before, np.array(losses), "interrupted", one.interruption)
                    loss, weight = loss + one.loss, weight + one.weight
                state = _mean(state, [one.state for one in walked])
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
    """How often the replicas meet in an epoch: as often as the first one, who has most rows."""
    return -(-len(share(m, replicas, 0)) // (steps * batch_size)) if steps else 1


def _mean(before: State, states: Sequence[State]) -> State:
    """Where the replicas meet; added in their order, whoever came first."""
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
    """All rows are here, and replicas walk over them, as many at once as there are threads."""

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

        def one(leg: Leg) -> Walked:
            return walk(architecture, shares[leg.replica], leg, 1, stop)

        turns = turns_of(self.m, self.replicas, self.steps, rule.batch_size)
        with ThreadPoolExecutor(min(threads, self.replicas), "shoal-replica") as pool:

            def all_of(legs: Sequence[Leg]) -> list[Walked]:
                if threads == 1:
                    return [one(leg) for leg in legs]
                try:
                    return list(pool.map(one, legs))
                except KeyboardInterrupt:
                    stop.request()
                    raise

            return train_replicas(self.replicas, turns, self.steps, all_of, rule, budget, state)

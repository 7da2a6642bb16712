"""Rows on a cluster, as the trainer knows them: their sums, and the way downhill."""

import uuid
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.cluster.driver import TRIES, Task, Workers
from shoal.cluster.pieces import PIECE_BYTES, count, deal, level_of
from shoal.cluster.worker import (
    Given,
    Here,
    Question,
    fed,
    forget,
    partials,
    replica_results,
    size_of,
)
from shoal.compute.builds import Stop
from shoal.compute.descent import descend
from shoal.compute.levenberg import descend as descend_by
from shoal.compute.points import Descent, Limits
from shoal.compute.replicas import (
    ReplicaResult,
    ReplicaTask,
    stripe_level,
    train_replicas,
    turns_of,
)
from shoal.compute.steps import Budget, Outcome, Rule, State, Vector
from shoal.compute.terms import sums_of
from shoal.data.rows.selection import Source
from shoal.errors import ClusterError
from shoal.network.architecture import Architecture
from shoal.sums import BLOCK_ROWS, GradientSums, Node, total

# Pieces that workers lack: this many a worker are under way at once, as the scheduler holds them.
AT_ONCE = 4
NOTHING = Given(None, {})


class Share(NamedTuple):
    """The part of a worker in a step."""

    worker: str
    pieces: Sequence[int]
    given: Given


class OnCluster:
    """The rows of a training or of its validation part, dealt out to workers."""

    def __init__(self, workers: Workers, source: Source, replicas: int = 1, steps: int = 0) -> None:
        self._workers, self._source = workers, source
        self._replicas, self._steps = replicas, steps
        self._name = uuid.uuid4().hex
        self._held: dict[str, tuple[int, ...]] = {}  # pieces by worker
        self._placed: dict[str, tuple[int, ...]] = {}  # replicas by worker
        first = source.examples(0, 1)
        row_bytes = -(-size_of(first) // first.m)
        self._level = level_of(self.m, row_bytes, len(workers.ready()))
        # A stripe is a whole number of pieces.
        self._level = min(self._level, stripe_level(self.m, replicas))
        self._piece_bytes = (row_bytes * BLOCK_ROWS) << self._level

    @property
    def m(self) -> int:
        """How many rows there are."""
        return self._source.m

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
        question = self.question(architecture, gradients)
        return self.asked(question, parameters, stop)

    def exact(self) -> "ExactOnCluster":
        """The same rows in float64, of which there is the curvature as well."""
        return ExactOnCluster(self)

    def asked(self, question: Question, parameters: Vector, stop: Stop | None) -> GradientSums:
        """What the workers answer, added along the fixed tree."""
        ready = self._workers.ready()
        dealt = deal(count(self.m, self._level), ready, self._held)
        self._held |= dealt
        nodes: list[Node] = []
        shares = iter([Share(w, pieces, NOTHING) for w, pieces in dealt.items() if pieces])
        while some := list(islice(shares, AT_ONCE * len(ready))):
            tasks = [Task(s.worker, partials, (question, parameters, *s[1:])) for s in some]
            answers = self._workers.answers(tasks, stop)
            nodes += (node for _, answer in answers for node in answer.nodes)
            lacking = [(worker, answer.missing) for worker, answer in answers]
            shares = chain(self._with_rows(lacking), shares)
        return total(nodes, -(-self.m // BLOCK_ROWS))

    def question(self, architecture: Architecture, gradients: bool) -> Question:
        """What is asked of the workers about these rows."""
        return Question(self._name, self._level, architecture, gradients)

    def _with_rows(self, lacking: Sequence[tuple[str, Sequence[int]]]) -> Iterator["Share"]:
        """The pieces that workers lack, with their rows or with the way to them."""
        size = max(PIECE_BYTES // self._piece_bytes, 1)
        for worker, pieces in lacking:
            if pieces and not isinstance(self._source, Here):
                yield Share(worker, pieces, Given(self._source, {}))
                continue
            for first in range(0, len(pieces), size):
                some = pieces[first : first + size]
                rows = {piece: self._source.examples(*self._blocks(piece)) for piece in some}
                yield Share(worker, some, Given(None, rows))

    def _pieces(self, replica: int) -> tuple[int, ...]:
        """The pieces of a replica's stripes."""
        shift = stripe_level(self.m, self._replicas) - self._level
        pieces = range(count(self.m, self._level))
        return tuple(p for p in pieces if (p >> shift) % self._replicas == replica)

    def _blocks(self, piece: int) -> tuple[int, int]:
        n_blocks = -(-self.m // BLOCK_ROWS)
        return piece << self._level, min(piece + 1 << self._level, n_blocks)

    def forget(self) -> None:
        """Let the workers forget the rows; no one waits for it."""
        for worker in self._held:
            self._workers.tell(worker, forget, self._name)

    def train(
        self,
        architecture: Architecture,
        rule: Rule,
        budget: Budget,
        state: State,
        threads: int,
        stop: Stop | None = None,
    ) -> Outcome:
        """Iterations of full-batch descent, or epochs of the replicas."""
        if rule.batch_size == 0:
            return descend(architecture, rule, budget, self, state, threads, stop)
        run = partial(self._run_tasks, architecture, stop)
        turns = turns_of(self.m, self._replicas, self._steps, rule.batch_size)
        return train_replicas(self._replicas, turns, self._steps, run, rule, budget, state)

    def _run_tasks(
        self, architecture: Architecture, stop: Stop | None, tasks: Sequence[ReplicaTask]
    ) -> list[ReplicaResult]:
        """The tasks of all replicas, each on the worker that has its rows."""
        question = Question(self._name, self._level, architecture, False)
        done: dict[int, ReplicaResult] = {}
        for _ in range(TRIES):
            ready = self._workers.ready()
            dealt = deal(len(tasks), ready, self._placed)
            self._placed |= dealt
            left = [(w, i) for w, replicas in dealt.items() for i in replicas if i not in done]
            asked = [
                Task(worker, replica_results, (question, tasks[i], self._pieces(i), NOTHING))
                for worker, i in left
            ]
            lacking = []
            for (_, i), (worker, found) in zip(
                left, self._workers.answers(asked, stop), strict=True
            ):
                if isinstance(found, ReplicaResult):
                    done[i] = found
                else:
                    lacking.append((worker, found))
            if not lacking:
                return [done[i] for i in range(len(tasks))]
            shares = self._with_rows(lacking)
            while some := list(islice(shares, AT_ONCE * len(ready))):
                self._workers.answers([Task(s.worker, fed, (question, *s[1:])) for s in some], stop)
        raise ClusterError(
            "workers cannot keep the rows of a replica. Give them more memory, start more of "
            "them, or use more replicas."
        )


class ExactOnCluster(NamedTuple):
    """The rows of workers, which compute with them in float64."""

    rows: OnCluster

    def sums(
        self,
        architecture: Architecture,
        parameters: Vector,
        threads: int,
        *,
        gradients: bool = True,
        curvature: bool = False,
        stop: Stop | None = None,
    ) -> GradientSums:
        """Loss, weight and gradients; with `curvature` the triangle of JᵀΛJ before the gradient."""
        question = self.rows.question(architecture, gradients)
        question = question._replace(exact=True, curvature=curvature)
        return self.rows.asked(question, parameters, stop)

    def descend(
        self,
        architecture: Architecture,
        a: NDArray[np.float64],
        limits: Limits,
        start: Descent,
        threads: int,
        stop: Stop | None = None,
    ) -> Descent:
        """Levenberg and Marquardt's descent with a penalty of each parameter."""
        return descend_by(sums_of(self, architecture, threads, stop), a, limits, start)

"""Rows on a cluster, as the trainer knows them: their sums, and the way downhill."""

import uuid
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from shoal.cluster.driver import Task, Workers
from shoal.cluster.pieces import PIECE_BYTES, count, deal, level_of
from shoal.cluster.worker import Given, Question, Source, forget, partials, size_of
from shoal.compute.builds import Stop
from shoal.compute.descent import descend
from shoal.compute.steps import Budget, Outcome, Rule, State, Vector
from shoal.data.examples import Examples, rows_of
from shoal.network.architecture import Architecture
from shoal.sums import BLOCK_ROWS, GradientSums, Node, total

# Pieces that workers lack: so many a worker are under way at once, as the scheduler holds them.
AT_ONCE = 4
NOTHING = Given(None, {})


class Here(NamedTuple):
    """A source of rows that only the driver has."""

    all: Examples

    @property
    def m(self) -> int:
        """How many rows there are."""
        return self.all.m

    def examples(self, first_block: int, last_block: int) -> Examples:
        """Blocks first … last - 1."""
        part = slice(first_block * BLOCK_ROWS, last_block * BLOCK_ROWS)
        X, Y, labels, weights, rows = self.all
        chosen = part if rows is None else rows[part]
        return Examples(
            rows_of(X, chosen),
            None if Y is None else np.ascontiguousarray(Y[chosen]),
            None if labels is None else np.ascontiguousarray(labels[chosen]),
            None if weights is None else np.ascontiguousarray(weights[chosen]),
        )


class Share(NamedTuple):
    """The part of a worker in a step."""

    worker: str
    pieces: Sequence[int]
    given: Given


class OnCluster:
    """The rows of a training or of its validation part, dealt out to workers."""

    def __init__(self, workers: Workers, source: Source) -> None:
        self._workers, self._source = workers, source
        self._name = uuid.uuid4().hex
        self._held: dict[str, tuple[int, ...]] = {}
        first = source.examples(0, 1)
        row_bytes = -(-size_of(first) // first.m)
        self._level = level_of(self.m, row_bytes, len(workers.ready()))
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
        question = Question(self._name, self._level, architecture, gradients)
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

    def _blocks(self, piece: int) -> tuple[int, int]:
        n_blocks = -(-self.m // BLOCK_ROWS)
        return piece << self._level, min(piece + 1 << self._level, n_blocks)

    def forget(self) -> None:
        """Let the workers forget the rows; nobody waits for it."""
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
        """Iterations of full-batch descent."""
        return descend(architecture, rule, budget, self, state, threads, stop)

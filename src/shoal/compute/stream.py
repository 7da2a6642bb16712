"""Terms of rows in a scratch file: read in runs, by a thread that is one run ahead of the kernel.

A run is a node of the tree of block sums, so the sums are those of the rows in memory, bit for
bit, whatever the length of the runs.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.builds import Stop
from shoal.compute.descent import descend
from shoal.compute.engine import engine
from shoal.compute.levenberg import descend as descend_by
from shoal.compute.points import Descent, Limits
from shoal.compute.pool import Pool
from shoal.compute.scratch import Buffer, Scratch
from shoal.compute.steps import Budget, Outcome, Rule, State, Vector
from shoal.compute.terms import ExactTerms, exact_sums, sums_of, windowed
from shoal.compute.windows import Windows, train_in_windows
from shoal.data.rows.examples import Examples, exact
from shoal.data.rows.selection import Chosen
from shoal.network.architecture import Architecture
from shoal.sums import BLOCK_ROWS, GradientSums, Node, join, total

# A longer run is no faster, as measured by benchmarks/stream.py.
RUN_BYTES = 32 << 20


class Streamed:
    """The chosen rows of a scratch file. `run_bytes` is what a run may take; two are held."""

    def __init__(
        self, scratch: Scratch, chosen: Chosen | None = None, run_bytes: int = RUN_BYTES
    ) -> None:
        self._scratch, self._chosen = scratch, chosen
        rows = min(run_bytes, RUN_BYTES) // (scratch.row_bytes * BLOCK_ROWS)
        self._level = max(rows.bit_length() - 1, 0)  # a run is 2ᵏ blocks

    @property
    def m(self) -> int:
        """How many rows there are."""
        return self._scratch.m if self._chosen is None else self._chosen.m

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
        return self.added(
            lambda run: engine.sums(
                architecture, parameters, run, threads, gradients=gradients, stop=stop
            )
        )

    def added(self, sums: Callable[[Examples], GradientSums]) -> GradientSums:
        """The sums of all runs, added along the fixed tree."""
        rows, nodes = BLOCK_ROWS << self._level, list[Node]()
        runs = [[slice(at, min(at + rows, self.m))] for at in range(0, self.m, rows)]
        for place, run in enumerate(self.windows(runs)):
            nodes = join([*nodes, Node(self._level, place, sums(run))])
        return total(nodes, -(-self.m // BLOCK_ROWS))

    def exact(self) -> ExactTerms:
        """The same rows in float64, of which there is the curvature as well."""
        return ExactStreamed(self)

    def train(
        self,
        architecture: Architecture,
        rule: Rule,
        budget: Budget,
        state: State,
        threads: int,
        stop: Stop | None = None,
    ) -> Outcome:
        """Epochs through windows, or iterations of full-batch descent."""
        if rule.batch_size == 0:
            return descend(architecture, rule, budget, self, state, threads, stop)
        if not windowed(rule, self.m):
            return engine.train(architecture, rule, budget, self.loaded(), state, threads, stop)
        cut = Windows(self.m, rule.shuffle_rows)
        return train_in_windows(architecture, rule, budget, cut, self, state, threads, stop)

    def windows(self, windows: Sequence[list[slice]]) -> Iterator[Examples]:
        """The rows of each window; good until the next one is asked for."""
        return _ahead([partial(self._read, window) for window in windows])

    def loaded(self) -> Examples:
        """All rows, to be held."""
        return self._read([slice(0, self.m)], Buffer())

    def _read(self, slices: list[slice], buffer: Buffer) -> Examples:
        """Chosen rows by their numbers; those between them are read as well, and do not count."""
        chosen = self._chosen
        if chosen is None:
            return self._scratch.read(slices, buffer)
        spans = [slice(chosen.row(s.start), chosen.row(s.stop)) for s in slices]
        examples = self._scratch.read(spans, buffer)
        mask = np.concatenate([chosen.mask(s.start, s.stop) for s in spans])
        return examples._replace(rows=np.flatnonzero(mask).astype(np.uint32))


class ExactStreamed(NamedTuple):
    """The rows of a scratch file, of which each run becomes float64 as it is read."""

    rows: Streamed

    def sums(
        self, architecture: Architecture, parameters: Vector, threads: int, **wanted: Any
    ) -> GradientSums:
        """Loss, weight and gradients; with `curvature` the triangle of JᵀΛJ before the gradient."""
        return self.rows.added(
            lambda run: exact_sums(architecture, parameters, exact(run), threads, **wanted)
        )

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


def _ahead(jobs: Sequence[Callable[[Buffer], Examples]]) -> Iterator[Examples]:
    """The results in their order, each made in one of two buffers while the last one is used."""
    with Pool(1, "shoal-read") as reader:
        buffers = Buffer(), Buffer()
        coming = [reader.submit(job, buffers[0]) for job in jobs[:1]]
        for number in range(1, len(jobs) + 1):
            here = coming.pop().result()
            if number < len(jobs):
                coming.append(reader.submit(jobs[number], buffers[number % 2]))
            yield here

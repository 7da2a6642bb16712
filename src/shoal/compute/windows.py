"""Epochs that shuffle within windows, for more rows than shall be held at once.

The rows are cut into chunks. In each epoch the chunks are shuffled, and `CHUNKS` of them
make a window; within a window the kernel shuffles the rows. All orders follow from key and
epoch, so a window is the same whoever reads it, and from where. If one window holds all rows,
there is nothing to do here: the kernel's own epoch is that.
"""

from collections.abc import Iterator
from math import fsum
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.compute.builds import Stop
from shoal.compute.engine import engine
from shoal.compute.steps import Budget, Outcome, Rule, State, judge
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture
from shoal.network.draws import permutation

# A window of this many chunks mixes rows from all over a sorted file, and a chunk of the default
# window is still large enough to be read at the speed of one long read.
CHUNKS = 128


class Windows(NamedTuple):
    """How m rows are cut."""

    m: int
    rows: int  # of a window, at the most

    @property
    def chunk(self) -> int:
        """Rows of a chunk."""
        return max(self.rows // CHUNKS, 1)

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-self.m // self.chunk)

    @property
    def n(self) -> int:
        """How many windows there are."""
        return -(-self.chunks // (self.rows // self.chunk))

    def of(self, key: int, epoch: int) -> list[NDArray[np.int64]]:
        """The chunks of each window of an epoch, in the order of the rows."""
        order = permutation(key, 1 + epoch, self.chunks)  # stream 0 is the kernel's
        size = self.rows // self.chunk
        return [np.sort(order[at : at + size]) for at in range(0, self.chunks, size)]

    def slices(self, chunks: NDArray[np.int64]) -> list[slice]:
        """The rows of some chunks; neighbours are one slice."""
        joined: list[slice] = []
        for c in chunks.tolist():
            first, last = c * self.chunk, min((c + 1) * self.chunk, self.m)
            if joined and joined[-1].stop == first:
                joined[-1] = slice(joined[-1].start, last)
            else:
                joined.append(slice(first, last))
        return joined


class Reader(Protocol):
    """Whoever can give the rows of windows, one window after another."""

    def windows(self, windows: list[list[slice]]) -> Iterator[Examples]:
        """The rows of each window: those of its slices, one behind the other."""
        ...


def train_in_windows(
    architecture: Architecture,
    rule: Rule,
    budget: Budget,
    cut: Windows,
    reader: Reader,
    state: State,
    threads: int,
    stop: Stop | None = None,
) -> Outcome:
    """Epochs over windows; each is judged as a whole, as the kernel judges its own."""
    losses: list[float] = []
    # For the kernel, which counts steps from the first epoch on, a window is an epoch.
    rule = rule._replace(horizon=rule.horizon * cut.n)
    for epoch in range(budget.first_epoch, budget.first_epoch + budget.n_epochs):
        wanted = [cut.slices(chunks) for chunks in cut.of(rule.key, epoch)]
        now, parts, weights = state, [], []
        try:
            for number, window in enumerate(reader.windows(wanted)):
                one = Budget(epoch * cut.n + number, 1)
                outcome = engine.train(architecture, rule, one, window, now, threads, stop)
                if outcome.ending == "interrupted":
                    return Outcome(state, np.array(losses), "interrupted", outcome.interruption)
                weights.append(_weight(window))
                parts.append(float(outcome.losses[0]) * weights[-1])
                now = outcome.state
        except KeyboardInterrupt as interruption:
            return Outcome(state, np.array(losses), "interrupted", interruption)
        # fsum rounds once, so the result depends on no order.
        loss = fsum(parts) / fsum(weights) if np.isfinite(parts).all() else float("nan")
        losses.append(loss)
        now = now._replace(best=state.best, best_loss=state.best_loss, waited=state.waited)
        if not np.isfinite(loss):
            return Outcome(now, np.array(losses), "diverged")
        state = judge(now, now.parameters, loss, budget.tol)
        if budget.patience and state.waited >= budget.patience:
            return Outcome(state, np.array(losses), "plateau")
    return Outcome(state, np.array(losses), "finished")


def _weight(window: Examples) -> float:
    if window.weights is None:
        return float(window.m)
    return fsum((window.weights if window.rows is None else window.weights[window.rows]).tolist())

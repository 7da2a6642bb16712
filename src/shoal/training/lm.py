"""Levenberg–Marquardt: steps of second order, for up to some 2,000 parameters.

The cost is (Σ loss + ½ Σ a W²) / m. A step is that of `compute/levenberg.py`; its matrix is a sum
over rows, so that whoever adds up the terms, the bits are the same. With alpha="evidence" the
penalties a change whenever the fit has settled: see `evidence.py`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.builds import Stop
from shoal.compute.levenberg import Sums, judged, step
from shoal.compute.points import Descent, Limits, Point
from shoal.compute.steps import Budget, Outcome, Rule, State, Vector
from shoal.compute.terms import Terms, sums_of
from shoal.network.architecture import Architecture
from shoal.sums import BLOCK_ROWS, GradientSums
from shoal.training import evidence
from shoal.training.evidence import Evidence, Triple

Exact = NDArray[np.float64]

SMALLEST_GAIN = 1e-9  # of the cost: a step that gains and promises less has converged
SETTLED = 1e-3  # of the cost: after a step that gains less the penalties may change
OF_PENALTIES = 100  # times the same share of a penalty: its order of magnitude is what counts
HEAD = 11  # numbers before the vectors of the memory; odd, so that no other solver's is as long


class Memory(NamedTuple):
    """What is remembered between two steps; in `State` it is one vector, see `_packed`."""

    point: Point
    a: Triple  # penalties of W1, b1 and W2
    settled: bool = False
    moved: float = float("inf")  # by what share a penalty changed last, at the most


def start(parameters: Vector) -> State:
    """The state before the first step."""
    memory = Memory(Point(parameters.astype(np.float64)), (0.0, 0.0, 0.0))
    return State(parameters, _packed(memory), parameters)


def memory_bytes(n_parameters: int, rows: int, *, evidence: bool = False) -> int:
    """What a member needs in addition to its parameters: triangles of the matrix.

    One for the result, one for its factor, one for the sums of a block, and those of the tree;
    for the evidence an inverse as well, which is a square.
    """
    triangle = 8 * (n_parameters * (n_parameters + 1) // 2)
    blocks = -(-rows // BLOCK_ROWS)
    return triangle * (3 + (blocks.bit_length() + 1 if blocks > 1 else 0) + 3 * evidence)


def evidence_of(
    architecture: Architecture, terms: Terms, state: State, threads: int
) -> Evidence | None:
    """What the data say of a fit; None where the matrix has no inverse."""
    memory = _unpacked(state.memory, len(state.parameters))
    sums = sums_of(terms.exact(), architecture, threads, None)
    curved, a = sums(memory.point.x, curvature=True), memory.a
    if not any(a) or not np.isfinite(curved.loss):
        return None
    better = evidence.improved(architecture, memory.point.x, a, curved)
    return None if better is None else better.found


def iterate(
    architecture: Architecture,
    rule: Rule,
    budget: Budget,
    terms: Terms,
    state: State,
    threads: int,
    stop: Stop | None = None,
) -> Outcome:
    """Run this many iterations, each a step downhill; ends "converged" where there is none.

    An iteration's loss is that of the parameters behind its step.
    """
    memory = _unpacked(state.memory, len(state.parameters))
    if budget.first_epoch == 0:  # the rows may be new, and the fit far from them
        memory = memory._replace(settled=False)
    limits = Limits(budget.n_epochs, budget.converged, budget.tol, budget.patience)
    start = Descent(memory.point, state.best.astype(np.float64), state.best_loss, state.waited)
    rows = terms.exact()
    if rule.evidence:
        chosen = _Chosen(architecture, sums_of(rows, architecture, threads, stop), limits)
        memory, after = chosen.descend(memory, start)
    else:
        memory = memory._replace(a=(rule.alpha, 0.0, rule.alpha))
        a = evidence.spread(architecture, memory.a)  # biases are not penalised
        after = rows.descend(architecture, a, limits, start, threads, stop)
    # The kernel keeps what a signal raised; a cluster lets it through.
    interruption = stop.exception if stop and stop.requested else after.interruption
    dtype = state.parameters.dtype
    state = state._replace(
        parameters=after.point.x.astype(dtype), memory=_packed(memory._replace(point=after.point)),
        best=after.best.astype(dtype), best_loss=after.best_cost, waited=after.waited,
    )  # fmt: skip
    return Outcome(state, np.array(after.losses), after.ending, interruption)


class _Chosen(NamedTuple):
    """A descent with penalties by the evidence."""

    architecture: Architecture
    sums: Sums
    limits: Limits

    def descend(self, memory: Memory, start: Descent) -> tuple[Memory, Descent]:
        """Steps, and now and then other penalties, until the limits end them."""
        after = start
        try:
            while after.ending == "finished" and len(after.losses) < self.limits.steps:
                memory = self._next(memory)
                after = self._judged(after, memory)
        except KeyboardInterrupt as signal:
            after = after._replace(ending="interrupted", interruption=signal)
        return memory, after

    def _next(self, memory: Memory) -> Memory:
        """The memory one step later."""
        curved = None
        if not any(memory.a):
            memory = memory._replace(a=(evidence.FIRST,) * 3)
        if memory.settled:
            curved = self.sums(memory.point.x, curvature=True)
            memory = self._anew(memory, curved)
        a = evidence.spread(self.architecture, memory.a)
        point = step(self.sums, a, memory.point, curved)
        settled = memory.settled or not point.fell > SETTLED * abs(point.f)
        return memory._replace(point=point, settled=settled)

    def _anew(self, memory: Memory, curved: GradientSums) -> Memory:
        """The same with penalties by the evidence."""
        better = evidence.improved(self.architecture, memory.point.x, memory.a, curved)
        if better is None:
            return memory._replace(moved=0.0)
        pairs = zip(better.a, memory.a, strict=True)
        moved = max(max(new / old, old / new) - 1 for new, old in pairs if new and old)
        return memory._replace(a=better.a, moved=moved)

    def _judged(self, before: Descent, memory: Memory) -> Descent:
        """The descent one step later. Costs with other penalties cannot be compared: the last is best."""
        point, tol = memory.point, self.limits.tol
        still = memory.moved <= OF_PENALTIES * tol and not point.fell > tol * abs(point.f)
        after = judged(before._replace(best_cost=np.inf), point, self.limits)
        waited = before.waited + 1 if still else 0
        ending = self._ending(memory, waited) if after.ending != "diverged" else after.ending
        return after._replace(waited=waited, ending=ending)

    def _ending(self, memory: Memory, waited: int) -> str:
        point, limits = memory.point, self.limits
        gain = max(point.fell, point.promise)
        if gain <= limits.converged * point.f and memory.moved <= OF_PENALTIES * limits.converged:
            return "converged"
        return "plateau" if limits.patience and waited >= limits.patience else "finished"


# --- one vector -----------------------------------------------------------------------


def _packed(memory: Memory) -> Exact:
    """The numbers of the memory, then x and a second vector that is 0."""
    point = memory.point
    out = np.zeros(HEAD + 2 * len(point.x))
    numbers = (*point[1:], *memory.a)
    out[: len(numbers)] = numbers
    out[HEAD - 1] = memory.moved if memory.settled else -1.0
    out[HEAD : HEAD + len(point.x)] = point.x
    return out


def _unpacked(vector: Vector, n: int) -> Memory:
    exact = vector.astype(np.float64, copy=False)
    head = exact[:HEAD].tolist()
    point = Point(exact[HEAD : HEAD + n], *head[:6])
    settled = head[-1] >= 0
    moved = head[-1] if settled else float("inf")
    return Memory(point, (head[6], head[7], head[8]), settled, moved)

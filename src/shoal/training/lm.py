"""Levenberg–Marquardt: steps of second order, for up to some 2,000 parameters.

The cost is (Σ loss + ½ Σ a W²) / m. A step is that of `compute/levenberg.py`; its matrix is a sum
over rows, so that whoever adds up the terms, the bits are the same. With alpha="evidence" the
penalties a change whenever the fit has settled: see `evidence.py`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.builds import Stop
from shoal.compute.levenberg import Point, step
from shoal.compute.steps import Budget, Outcome, Rule, State, Vector
from shoal.compute.terms import ExactTerms, Terms
from shoal.network.architecture import Architecture
from shoal.sums import BLOCK_ROWS, GradientSums
from shoal.training import evidence
from shoal.training.evidence import Evidence, Triple

Exact = NDArray[np.float64]

SMALLEST_GAIN = 1e-9  # of the cost: a step that gains and promises less has converged
SETTLED = 1e-3  # of the cost: after a step that gains less the penalties may change
HEAD = 17  # numbers before the vectors of the memory; odd, so that no other solver's is as long


class Memory(NamedTuple):
    """What is remembered between two steps; in `State` it is one vector, see `_packed`."""

    point: Point
    a: Triple  # penalties of W1, b1 and W2
    found: Evidence
    settled: bool = False
    moved: float = float("inf")  # by how much the penalties changed last: max |log a' / a|


NOTHING = Evidence((0.0, 0.0, 0.0), 0.0, 0.0, float("nan"))


def start(parameters: Vector) -> State:
    """The state before the first step."""
    memory = Memory(Point(parameters.astype(np.float64)), (0.0, 0.0, 0.0), NOTHING)
    return State(parameters, _packed(memory), parameters)


def memory_bytes(n_parameters: int, rows: int) -> int:
    """What a member needs beside its parameters: triangles of the matrix.

    One for the result, one for its factor, one for the sums of a block, and those of the tree.
    """
    triangle = 8 * (n_parameters * (n_parameters + 1) // 2)
    blocks = -(-rows // BLOCK_ROWS)
    return triangle * (3 + (blocks.bit_length() + 1 if blocks > 1 else 0))


def evidence_of(state: State) -> Evidence | None:
    """What the data say of the fit; None where no penalties were chosen."""
    found = _unpacked(state.memory, len(state.parameters)).found
    return found if found.beta > 0 else None


def iterate(
    architecture: Architecture,
    rule: Rule,
    budget: Budget,
    terms: Terms,
    state: State,
    threads: int,
    stop: Stop | None = None,
) -> Outcome:
    """Run so many iterations, each a step downhill; ends "converged" where there is none.

    An iteration's loss is that of the parameters behind its step.
    """
    descent = _Descent(architecture, rule, budget, terms.exact(), threads, stop)
    memory = _unpacked(state.memory, len(state.parameters))
    losses: list[float] = []
    ending, interruption = "finished", None
    try:
        for _ in range(budget.n_epochs):
            memory = descent.next(memory, first=budget.first_epoch == 0 and not losses)
            point = memory.point
            losses.append(point.loss / point.weight if point.weight else float("nan"))
            state = descent.judged(state, memory)
            ending = descent.ending(memory, state)
            if ending != "finished":
                break
    except KeyboardInterrupt as signal:
        # The kernel keeps what a signal raised; a cluster lets it through.
        ending, interruption = "interrupted", stop.exception if stop and stop.requested else signal
    rounded = memory.point.x.astype(state.parameters.dtype)
    state = state._replace(parameters=rounded, memory=_packed(memory))
    return Outcome(state, np.array(losses), ending, interruption)


class _Descent(NamedTuple):
    """What stays the same from step to step."""

    architecture: Architecture
    rule: Rule
    budget: Budget
    terms: ExactTerms
    threads: int
    stop: Stop | None

    def sums(self, x: Exact, *, curvature: bool) -> GradientSums:
        """The sums of the rows."""
        return self.terms.sums(
            self.architecture, x, self.threads, gradients=False, curvature=curvature, stop=self.stop
        )

    def next(self, memory: Memory, first: bool) -> Memory:
        """The memory one step later. Of a first step nothing is known: the rows may be new."""
        if first:
            memory = memory._replace(point=Point(memory.point.x), settled=False)
        if not self.rule.evidence:
            memory = memory._replace(a=(self.rule.alpha, 0.0, self.rule.alpha), found=NOTHING)
        elif not any(memory.a):
            memory = memory._replace(a=(evidence.FIRST,) * 3)
        curved = None
        if self.rule.evidence and memory.settled:
            curved = self.sums(memory.point.x, curvature=True)
            memory = self._chosen_anew(memory, curved)
        a = evidence.spread(self.architecture, memory.a)
        point = step(self.sums, a, memory.point, curved)
        settled = memory.settled or not point.fell > SETTLED * abs(point.f)
        return memory._replace(point=point, settled=settled)

    def _chosen_anew(self, memory: Memory, curved: GradientSums) -> Memory:
        """The same with penalties by the evidence."""
        better = evidence.improved(self.architecture, memory.point.x, memory.a, curved)
        if better is None:
            return memory
        pairs = zip(better.a, memory.a, strict=True)
        moved = max(abs(float(np.log(new / old))) for new, old in pairs if old)
        return memory._replace(a=better.a, found=better.found, moved=moved)

    def judged(self, state: State, memory: Memory) -> State:
        """The state, when one more step is judged by its cost, as a share of that."""
        point, tol = memory.point, self.budget.tol
        cost = point.f / point.weight if point.weight else float("nan")
        if self.rule.evidence:  # a cost with other penalties is another cost
            better = point.fell > tol * abs(point.f) or memory.moved > max(tol, 1e-12)
        else:
            better = cost < state.best_loss * (1 - tol)
        waited = 0 if better else state.waited + 1
        if cost < state.best_loss or self.rule.evidence:
            best = point.x.astype(state.parameters.dtype)
            state = state._replace(best_loss=cost, best=best)
        return state._replace(waited=waited)

    def ending(self, memory: Memory, state: State) -> str:
        """Why the descent ends here; "finished" when it may go on."""
        point, budget = memory.point, self.budget
        if not np.isfinite(point.f) or not point.weight:
            return "diverged"
        gain = max(point.fell, point.promise)
        chosen = not self.rule.evidence or memory.moved <= budget.converged
        if chosen and gain <= max(budget.converged, 0.0) * point.f:
            return "converged"
        if budget.patience and state.waited >= budget.patience:
            return "plateau"
        return "finished"


# --- one vector -----------------------------------------------------------------------


def _packed(memory: Memory) -> Exact:
    """The numbers of the memory, then x and a second vector that is 0."""
    point = memory.point
    out = np.zeros(HEAD + 2 * len(point.x))
    numbers = (*point[1:], *memory.a, *memory.found.alpha, *memory.found[1:])
    out[: len(numbers)] = numbers
    out[HEAD - 1] = memory.moved if memory.settled else -1.0
    out[HEAD : HEAD + len(point.x)] = point.x
    return out


def _unpacked(vector: Vector, n: int) -> Memory:
    exact = vector.astype(np.float64, copy=False)
    head = exact[:HEAD].tolist()
    point = Point(exact[HEAD : HEAD + n], *head[:7])
    found = Evidence((head[10], head[11], head[12]), *head[13:16])
    settled, moved = head[16] >= 0, head[16] if head[16] >= 0 else float("inf")
    return Memory(point, (head[7], head[8], head[9]), found, settled, moved)

"""Levenberg–Marquardt: steps of second order, for up to some 2,000 parameters.

The cost is (Σ loss + ½ Σ a W²) / m. A step is that of `compute/levenberg.py`; its matrix is a sum
over rows, so that whoever adds up the terms, the bits are the same. With alpha="evidence" the
penalties a change whenever the fit has settled: see `evidence.py`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute import kernel
from shoal.compute.builds import BUILD, Stop
from shoal.compute.levenberg import Sums, judged, step
from shoal.compute.points import Descent, Limits, Penalties, Point
from shoal.compute.steps import Budget, HeldOut, Judged, Outcome, Rule, State, Vector
from shoal.compute.terms import ExactInMemory, InMemory, Terms, sums_of
from shoal.data.rows.examples import exact
from shoal.network.architecture import Architecture
from shoal.sums import BLOCK_ROWS, GradientSums
from shoal.training import evidence
from shoal.training.evidence import Evidence

Exact = NDArray[np.float64]

SMALLEST_GAIN = 1e-9  # of the cost: a step that gains and promises less has converged
SETTLED = 1e-3  # of the cost: after a step that gains less the penalties may change
OF_PENALTIES = 100  # times the same share of a penalty: its order of magnitude is what counts
HEAD = 11  # numbers before the vectors of the memory; odd, so that no other solver's is as long


class Memory(NamedTuple):
    """What is remembered between two steps; in `State` it is one vector, see `_packed`."""

    point: Point
    penalties: Penalties


def start(parameters: Vector) -> State:
    """The state before the first step."""
    memory = Memory(Point(parameters.astype(np.float64)), Penalties())
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
    point, penalties = _unpacked(state.memory, len(state.parameters))
    rows, x, a = terms.exact(), point.x, penalties.a
    if not any(a):
        return None
    if isinstance(rows, ExactInMemory) and BUILD != "plain":
        known = kernel.evidence(architecture, x, a, rows.examples, threads)
    else:
        curved = sums_of(rows, architecture, threads, None)(x, curvature=True)
        finite = np.isfinite(curved.loss)
        known = evidence.known_of(architecture, x, a, curved) if finite else None
    return None if known is None else evidence.of_known(architecture, a, known)


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
    start, limits = _begun(rule, budget, state)
    rows, a = terms.exact(), _fixed(architecture, rule)
    if not rule.evidence:
        after = rows.descend(architecture, a, limits, start, threads, stop)
    elif isinstance(rows, ExactInMemory) and BUILD != "plain":
        after = kernel.levenberg(architecture, a, limits, rows.examples, start, threads, stop)
    else:
        chosen = _Chosen(architecture, sums_of(rows, architecture, threads, stop), limits)
        after = chosen.descend(start)
    return _outcome(rule, state, after, stop)


def iterate_judged(
    architecture: Architecture,
    rule: Rule,
    budget: Budget,
    terms: InMemory,
    state: State,
    threads: int,
    held: HeldOut,
    stop: Stop | None = None,
) -> Judged:
    """The same in the kernel, each step judged by its loss on rows that are held out."""
    start, limits = _begun(rule, budget, state)
    after = kernel.levenberg(
        architecture, _fixed(architecture, rule), limits, exact(terms.examples), start, threads, stop, held
    )  # fmt: skip
    assert after.judgement is not None
    return Judged(_outcome(rule, state, after, stop), after.judgement)


def _begun(rule: Rule, budget: Budget, state: State) -> tuple[Descent, Limits]:
    """Where a call begins, and when it ends."""
    point, penalties = _unpacked(state.memory, len(state.parameters))
    if budget.first_epoch == 0:  # the rows may be new, and the fit far from them
        penalties = penalties._replace(settled=False)
    start = Descent(
        point, state.best.astype(np.float64), state.best_loss, state.waited,
        penalties=penalties if rule.evidence else None,
    )  # fmt: skip
    return start, Limits(budget.n_epochs, budget.converged, budget.tol, budget.patience)


def _fixed(architecture: Architecture, rule: Rule) -> Exact:
    """The penalty of each parameter, where the evidence does not choose it; biases have none."""
    return evidence.spread(architecture, (rule.alpha, 0.0, rule.alpha))


def _outcome(rule: Rule, state: State, after: Descent, stop: Stop | None) -> Outcome:
    """What a call achieved."""
    penalties = after.penalties or Penalties((rule.alpha, 0.0, rule.alpha))
    # The kernel keeps what a signal raised; a cluster lets it through.
    interruption = stop.exception if stop and stop.requested else after.interruption
    dtype = state.parameters.dtype
    state = state._replace(
        parameters=after.point.x.astype(dtype), memory=_packed(Memory(after.point, penalties)),
        best=after.best.astype(dtype), best_loss=after.best_cost, waited=after.waited,
    )  # fmt: skip
    return Outcome(state, np.array(after.losses), after.ending, interruption)


class _Chosen(NamedTuple):
    """A descent with penalties by the evidence: kernel/levenberg.hpp, for sums from anywhere."""

    architecture: Architecture
    sums: Sums
    limits: Limits

    def descend(self, start: Descent) -> Descent:
        """Steps, and now and then other penalties, until the limits end them."""
        after = start
        try:
            while after.ending == "finished" and len(after.losses) < self.limits.steps:
                after = self._judged(after, *self._next(after.point, after.penalties))
        except KeyboardInterrupt as signal:
            after = after._replace(ending="interrupted", interruption=signal)
        return after

    def _next(self, point: Point, chosen: Penalties | None) -> Memory:
        """The memory one step later."""
        curved, chosen = None, chosen or Penalties()
        if not any(chosen.a):
            chosen = chosen._replace(a=(evidence.FIRST,) * 3)
        if chosen.settled:
            curved = self.sums(point.x, curvature=True)
            chosen = self._anew(point, chosen, curved)
        a = evidence.spread(self.architecture, chosen.a)
        point = step(self.sums, a, point, curved)
        settled = chosen.settled or not point.fell > SETTLED * abs(point.f)
        return Memory(point, chosen._replace(settled=settled))

    def _anew(self, point: Point, chosen: Penalties, curved: GradientSums) -> Penalties:
        """The same with penalties by the evidence."""
        better = evidence.improved(self.architecture, point.x, chosen.a, curved)
        if better is None:
            return chosen._replace(moved=0.0)
        pairs = zip(better.a, chosen.a, strict=True)
        moved = max(max(new / old, old / new) - 1 for new, old in pairs if new and old)
        return chosen._replace(a=better.a, moved=moved)

    def _judged(self, before: Descent, point: Point, chosen: Penalties) -> Descent:
        """The descent one step later. Costs with other penalties cannot be compared: the last is best."""
        tol = self.limits.tol
        still = chosen.moved <= OF_PENALTIES * tol and not point.fell > tol * abs(point.f)
        after = judged(before._replace(best_cost=np.inf), point, self.limits)
        waited = before.waited + 1 if still else 0
        ending = self._ending(point, chosen, waited) if after.ending != "diverged" else after.ending
        return after._replace(waited=waited, ending=ending, penalties=chosen)

    def _ending(self, point: Point, chosen: Penalties, waited: int) -> str:
        limits = self.limits
        gain = max(point.fell, point.promise)
        if gain <= limits.converged * point.f and chosen.moved <= OF_PENALTIES * limits.converged:
            return "converged"
        return "plateau" if limits.patience and waited >= limits.patience else "finished"


# --- one vector -----------------------------------------------------------------------


def _packed(memory: Memory) -> Exact:
    """The numbers of the memory, then x and a second vector that is 0."""
    point, (a, settled, moved) = memory
    out = np.zeros(HEAD + 2 * len(point.x))
    numbers = (*point[1:], *a)
    out[: len(numbers)] = numbers
    out[HEAD - 1] = moved if settled else -1.0
    out[HEAD : HEAD + len(point.x)] = point.x
    return out


def _unpacked(vector: Vector, n: int) -> Memory:
    exact = vector.astype(np.float64, copy=False)
    head = exact[:HEAD].tolist()
    point = Point(exact[HEAD : HEAD + n], *head[:6])
    settled = head[-1] >= 0
    moved = head[-1] if settled else float("inf")
    return Memory(point, Penalties((head[6], head[7], head[8]), settled, moved))

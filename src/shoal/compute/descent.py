"""Full-batch descent over terms that are obtained elsewhere: a file, a cluster.

The loop of kernel/training.hpp with batch_size 0, step for step: each iteration asks for the
sums, judges the loss of the parameters they belong to, and only then updates. So it ends with
the kernel's bits, whoever added up the terms; tests/laws/test_descent.py binds the two.
"""

import numpy as np

from shoal.compute.builds import Stop
from shoal.compute.engine import engine
from shoal.compute.steps import Budget, Outcome, Rule, State, judge
from shoal.compute.terms import Terms
from shoal.network.architecture import Architecture


def descend(
    architecture: Architecture,
    rule: Rule,
    budget: Budget,
    terms: Terms,
    state: State,
    threads: int,
    stop: Stop | None = None,
) -> Outcome:
    """Iterations of full-batch descent, with the bits of `engine.train`."""
    stop = stop or Stop()
    losses: list[float] = []
    for epoch in range(budget.first_epoch, budget.first_epoch + budget.n_epochs):
        try:
            total = terms.sums(architecture, state.parameters, threads, stop=stop)
        except KeyboardInterrupt as interruption:
            return Outcome(state, np.array(losses), "interrupted", interruption)
        if stop.requested:
            return Outcome(state, np.array(losses), "interrupted", stop.exception)
        loss = total.loss / total.weight if total.weight else float("nan")
        losses.append(loss)
        if not np.isfinite(loss):
            return Outcome(state, np.array(losses), "diverged")
        state = judge(state, state.parameters, loss, budget.tol)
        if budget.patience and state.waited >= budget.patience:
            return Outcome(state, np.array(losses), "plateau")
        before, state = state, engine.step(architecture, rule.at(epoch, 1), total, state)
        if budget.converged >= 0 and _moved(before, state) <= budget.converged:
            return Outcome(state, np.array(losses), "converged")
    return Outcome(state, np.array(losses), "finished")


def _moved(before: State, after: State) -> float:
    """How far the parameter went that went farthest; NaN, which is no less than anything, if any is."""
    steps = np.subtract(after.parameters, before.parameters, dtype=np.float64)
    return float(np.abs(steps).max())

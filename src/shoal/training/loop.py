"""Train one network: epochs, the validation part, when to stop, which parameters to keep.

training ends with    parameters kept
"finished"            the last ones: the budget of epochs is used up
"plateau"             the loss stood still for n_iter_no_change epochs: best epoch by
                      validation, or without a validation part the last ones
"converged"           no parameter moved any more: the last ones
"diverged"            the loss grew, or was no number: the best seen
"interrupted"         by a signal, or by another thread: the best seen
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from shoal.compute.builds import Stop
from shoal.compute.engine import engine
from shoal.compute.steps import Budget, Rule, State, Vector
from shoal.data.examples import Examples
from shoal.network.architecture import Architecture

# A training whose last loss is this many times its first one has gone uphill.
UPHILL = 2.0
# Seconds between two calls of `report`. The kernel looks for signals by itself.
REPORT_EVERY = 0.1


class Plan(NamedTuple):
    """How to train, and when to stop."""

    rule: Rule
    max_iter: int
    tol: float = 1e-4
    n_iter_no_change: int = 10
    converged: float = -1.0


class Report(NamedTuple):
    """What is told while a training runs."""

    epoch: int  # epochs done
    loss: float
    validation_loss: float | None
    seconds: float


class Trained(NamedTuple):
    """A trained network, and how it went."""

    parameters: Vector
    state: State
    losses: tuple[float, ...]
    validation_losses: tuple[float, ...]
    ending: str
    best_epoch: int  # counted from 1; the epoch whose parameters were kept
    seconds: float
    interruption: BaseException | None = None

    @property
    def epochs(self) -> int:
        """How many epochs were run to their end."""
        return len(self.losses)


def train(
    architecture: Architecture,
    plan: Plan,
    examples: Examples,
    state: State,
    *,
    validation: Examples | None = None,
    threads: int = 1,
    stop: Stop | None = None,
    report: Callable[[Report], None] | None = None,
) -> Trained:
    """Run epochs until the plan is fulfilled. The result depends on threads in no bit."""
    run = _with_validation if validation is not None else _without_validation
    began = time.perf_counter()
    told = began

    def tell(losses: list[float], validation_losses: list[float]) -> None:
        nonlocal told
        now = time.perf_counter()
        if report and losses and now - told >= REPORT_EVERY:
            told = now
            last = validation_losses[-1] if validation_losses else None
            report(Report(len(losses), losses[-1], last, now - began))

    trained = run(
        architecture, plan, examples, state, validation, threads, stop, tell if report else None
    )
    return trained._replace(seconds=time.perf_counter() - began)


Tell = Callable[[list[float], list[float]], None]


def _without_validation(
    architecture: Architecture,
    plan: Plan,
    examples: Examples,
    state: State,
    _: Examples | None,
    threads: int,
    stop: Stop | None,
    tell: Tell | None,
) -> Trained:
    losses: list[float] = []
    ending: str = "finished"
    interruption: BaseException | None = None
    size = 1 if tell else plan.max_iter  # epochs of one call: grows until a call takes a moment
    try:
        while len(losses) < plan.max_iter and ending == "finished":
            n = min(size, plan.max_iter - len(losses))
            budget = Budget(len(losses), n, plan.tol, plan.n_iter_no_change, plan.converged)
            began = time.perf_counter()
            outcome = engine.train(architecture, plan.rule, budget, examples, state, threads, stop)
            if time.perf_counter() - began < REPORT_EVERY / 2:
                size *= 2
            state, ending, interruption = outcome.state, outcome.ending, outcome.interruption
            losses.extend(outcome.losses.tolist())
            if tell:
                tell(losses, [])
    except KeyboardInterrupt as signal:  # between two calls of the kernel
        ending, interruption = "interrupted", signal
    if ending in ("finished", "plateau") and _uphill(losses):
        ending = "diverged"
    if ending in ("diverged", "interrupted"):
        finite = [loss if np.isfinite(loss) else np.inf for loss in losses]
        best = int(np.argmin(finite)) + 1 if any(np.isfinite(losses)) else 0
        return Trained(state.best, state, tuple(losses), (), ending, best, 0.0, interruption)
    return Trained(state.parameters, state, tuple(losses), (), ending, len(losses), 0.0)


def _with_validation(
    architecture: Architecture,
    plan: Plan,
    examples: Examples,
    state: State,
    validation: Examples | None,
    threads: int,
    stop: Stop | None,
    tell: Tell | None,
) -> Trained:
    assert validation is not None
    losses: list[float] = []
    validation_losses: list[float] = []
    # The start is a candidate as well: a first step may already lead astray.
    best, best_epoch, waited, lowest = state.parameters, 0, 0, float("inf")
    total = engine.sums(architecture, best, validation, threads, gradients=False)
    best_loss = total.loss / total.weight
    ending: str = "finished"
    interruption: BaseException | None = None
    try:
        while len(losses) < plan.max_iter:
            budget = Budget(len(losses), 1)
            outcome = engine.train(architecture, plan.rule, budget, examples, state, threads, stop)
            state = outcome.state
            losses.extend(outcome.losses.tolist())
            if outcome.ending != "finished":
                ending, interruption = outcome.ending, outcome.interruption
                break
            total = engine.sums(
                architecture, state.parameters, validation, threads, gradients=False
            )
            loss = total.loss / total.weight
            validation_losses.append(loss)
            waited = 0 if loss < lowest - plan.tol else waited + 1
            lowest = min(lowest, loss)
            if loss < best_loss:
                best, best_loss, best_epoch = state.parameters, loss, len(losses)
            if tell:
                tell(losses, validation_losses)
            if plan.n_iter_no_change and waited >= plan.n_iter_no_change:
                ending = "plateau"
                break
    except KeyboardInterrupt as signal:  # between two calls of the kernel
        ending, interruption = "interrupted", signal
    if ending in ("finished", "plateau") and _uphill(losses):
        ending = "diverged"
    return Trained(
        best, state, tuple(losses), tuple(validation_losses), ending, best_epoch, 0.0, interruption
    )


def _uphill(losses: list[float]) -> bool:
    return len(losses) > 1 and losses[-1] > UPHILL * losses[0] and losses[-1] > UPHILL * min(losses)

"""Many trainings of one network side by side, from different draws.

Full-batch gradient descent, one thread each, so that every training has the bits of
`Network.initialise(…, seed=seed, scale=scheme).descend(…)` whatever runs beside it.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, as_completed
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.builds import Stop
from shoal.compute.engine import engine
from shoal.compute.pool import Pool
from shoal.compute.steps import Budget, Rule, Vector, start
from shoal.data.rows.examples import Examples, rows_of
from shoal.diagnosis.units import FLAT, LARGEST_SLOPE, twins_of
from shoal.network.architecture import Architecture
from shoal.network.initialisers import Init, initialise

# Saturation is a share of (unit, example) pairs: so many examples tell it to some 1 %.
LOOKED_AT = 2000


class Descent(NamedTuple):
    """What all trainings have in common."""

    architecture: Architecture
    examples: Examples
    learning_rate: float
    iterations: int
    held: Examples | None = None  # rows that no training sees


class Draw(NamedTuple):
    """Where one training begins."""

    scheme: Init
    seed: int


class Trained(NamedTuple):
    """One training: its costs, and what became of its hidden units."""

    draw: Draw
    costs: NDArray[np.float64]  # after 0 … iterations steps; infinite once it has diverged
    distinct: int  # hidden units at the end, twins counted once
    saturated: tuple[float, float]  # share of (unit, example) pairs at the start, at the end
    held_cost: float = np.nan  # at the end, on the rows held out; NaN without such


Progress = Callable[[int, int], None]  # trainings done, trainings in all


def train_draws(
    descent: Descent, draws: Sequence[Draw], threads: int, progress: Progress | None = None
) -> tuple[list[Trained], BaseException | None]:
    """Train from every draw; the results are in the order of the draws.

    KeyboardInterrupt ends it: those that are done come back, with the exception.
    """
    stop = Stop()
    interruption: BaseException | None = None
    each = max(1, threads // len(draws))  # no bit depends on it
    futures: list[Future[Trained | None]] = []
    with Pool(min(threads, len(draws)), "shoal") as pool:
        try:
            futures += [pool.submit(_trained, descent, draw, each, stop) for draw in draws]
            for n_done, future in enumerate(as_completed(futures), 1):
                future.result()
                if progress:
                    progress(n_done, len(draws))
        except BaseException as signal:
            stop.request()
            for future in futures:
                future.cancel()
            if not isinstance(signal, KeyboardInterrupt):
                raise
            interruption = signal
    # Without a thread the trainings ran here, and a signal went to the kernel.
    interruption = interruption or stop.exception
    done = [future.result() for future in futures if not future.cancelled()]
    return [trained for trained in done if trained is not None], interruption


def _trained(descent: Descent, draw: Draw, threads: int, stop: Stop) -> Trained | None:
    """One training; None if it was stopped on the way."""
    shape, examples, learning_rate, iterations, held = descent
    drawn = initialise(*shape[:3], key=draw.seed, init=draw.scheme, activation=shape.activation)
    first = shape.flatten(drawn, examples.X.dtype)
    costs = np.full(iterations + 1, np.inf)
    with np.errstate(over="ignore", invalid="ignore"):  # the plain equations, when they diverge
        outcome = engine.train(
            shape, Rule("gd", learning_rate), Budget(0, iterations), examples,
            start(first, "gd"), threads, stop,
        )  # fmt: skip
    if outcome.ending == "interrupted":
        stop.request()
        return None
    last = outcome.state.parameters
    costs[: len(outcome.losses)] = outcome.losses
    if outcome.ending == "diverged":
        last = outcome.state.best
    else:
        total = engine.sums(shape, last, examples, threads, gradients=False)
        costs[-1] = total.loss / total.weight
    costs[~np.isfinite(costs)] = np.inf
    held_cost = np.nan
    if held is not None:
        total = engine.sums(shape, last, held, threads, gradients=False)
        held_cost = total.loss / total.weight if np.isfinite(costs[-1]) else np.inf
    twins = twins_of(shape.unflatten(last))
    return Trained(
        draw,
        costs,
        shape.n_h - sum(len(group) - 1 for group in twins),
        (saturated(shape, first, examples), saturated(shape, last, examples)),
        held_cost,
    )


def saturated(shape: Architecture, parameters: Vector, examples: Examples) -> float:
    """The share of (unit, example) pairs whose slope g' is below 1 % of the largest."""
    if shape.activation not in LARGEST_SLOPE or not shape.n_h:
        return 0.0
    apart = 1 + (examples.m - 1) // LOOKED_AT
    rows = rows_of(rows_of(examples.X, examples.rows), slice(None, None, apart))
    _, A1, _, _ = engine.forward(shape, parameters, rows, 1)
    slope = shape.g.slope(A1.astype(np.float64))
    return float((slope < FLAT * LARGEST_SLOPE[shape.activation]).mean())

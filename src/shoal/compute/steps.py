"""What an engine is given, and what it returns: values, never changed in place."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.data.rows.examples import Examples
from shoal.errors import DataError

Vector = NDArray[np.floating]


class Rule(NamedTuple):
    """How a gradient becomes a step.

    `solver` is "gd" (all rows in their order, no momentum), "sgd" (momentum) or "adam"
    (Kingma and Ba, ICLR 2015). `alpha` is the penalty's: ½ α Σ W² / m is added to the cost.
    `decay` is decoupled from the gradient: every step takes (rate · decay) W off W.
    """

    solver: str
    learning_rate: float
    momentum: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    alpha: float = 0.0
    batch_size: int = 0  # rows of a step; 0 means all, in their order
    key: int = 0  # of the order in which an epoch takes the rows, and of dropout
    shuffle_rows: int = 0  # rows of a window in which they are shuffled; 0 means all
    decay: float = 0.0
    horizon: int = 0  # the rate falls to 0 over this many epochs, like half a cosine; 0: it stays
    evidence: bool = False  # the penalties are chosen by the data, not by `alpha`
    dropout: float = 0.0  # the chance of a hidden unit to count as 0, for each example and step

    def at(self, step: int, steps_of_epoch: int) -> "Rule":
        """The rule of one step, with its own rate: they are counted from the first epoch on."""
        if not self.horizon:
            return self
        share = half_cosine(float(step) / float(self.horizon * steps_of_epoch))
        return self._replace(learning_rate=self.learning_rate * share, horizon=0)


def half_cosine(u: float) -> float:
    """½ (1 + cos πu) for u ≥ 0, and 0 from 1 on: see kernel/optimisers.hpp, whose twin it is."""
    if u >= 1:
        return 0.0
    x, series = 3.141592653589793 * (0.5 - u), 1.0
    for n in range(9, 0, -1):
        series = 1 - x * x / (2 * n * (2 * n + 1)) * series
    return 0.5 * (1 + x * series)


class Budget(NamedTuple):
    """How long to go on, and when to end earlier."""

    first_epoch: int
    n_epochs: int
    tol: float = 0.0  # an epoch is better when its loss is lower by more than this
    patience: int = 0  # this many epochs in a row that are not better end it; 0 means never
    converged: float = -1.0  # full batch: ends when no parameter moves by more; < 0: never


class State(NamedTuple):
    """Where a training stands; `start` makes a new one, every call returns the next."""

    parameters: Vector
    memory: Vector  # the optimiser's: one vector of their size, or two for adam
    best: Vector  # the parameters that had the lowest training loss so far
    best_loss: float = float("inf")
    waited: int = 0  # epochs since the loss was better
    power1: float = 1.0  # β1ᵗ and β2ᵗ after t steps, for adam's corrections
    power2: float = 1.0


class Outcome(NamedTuple):
    """What a call achieved before it ended, and why it ended.

    `ending` is "finished" (the budget is used up), "plateau", "converged", "diverged"
    (the loss was not finite) or "interrupted" (with the exception of the signal).
    `losses` has one entry an epoch: the mean loss while it ran (full batch: before its step).
    """

    state: State
    losses: NDArray[np.float64]
    ending: str
    interruption: BaseException | None = None


class Judge(NamedTuple):
    """What rows that are held out have said of a training so far, and when they end it."""

    best: Vector  # the parameters with the lowest of their losses, which may be the start
    lowest: float = float("inf")  # of their losses after an epoch
    best_loss: float = float("inf")  # that of the best parameters; NaN: of the start, not known yet
    tol: float = 0.0  # an epoch is better when its loss is lower by more than this
    waited: int = 0  # epochs since one was better
    patience: int = 0  # this many epochs in a row that are not better are a plateau; 0 means never
    # Each plateau is answered by the next of these rates, from the best parameters on; the last one ends it.
    lower: tuple[float, ...] = ()


class HeldOut(NamedTuple):
    """Rows that are held out, and what they have said so far; they judge parameters rounded to the dtype of its best."""

    examples: Examples
    judge: Judge


class Judgement(NamedTuple):
    """What rows that are held out say of the epochs of a call."""

    losses: NDArray[np.float64]  # on them, after each epoch
    judge: Judge  # of the next call
    best_epoch: int  # which of these epochs has the best parameters, from 1; 0 if none has
    plateaus: int = 0  # that a lower rate has answered


class Judged(NamedTuple):
    """What a call achieved whose epochs were judged; it may end before the last one is.

    The ending "plateau" is that of the judge. In the last epoch none is answered by a lower rate.
    """

    outcome: Outcome
    judgement: Judgement


def start(parameters: Vector, solver: str) -> State:
    """The state before the first step."""
    size = len(parameters) * (2 if solver == "adam" else 1)
    return State(parameters, np.zeros(size, parameters.dtype), parameters)


def judge(state: State, parameters: Vector, loss: float, tol: float) -> State:
    """The state when an epoch's loss is known: is it the best, and how long has there been none?

    `parameters` are those that had this loss.
    """
    waited = 0 if loss < state.best_loss - tol else state.waited + 1
    if loss < state.best_loss:
        state = state._replace(best_loss=loss, best=parameters)
    return state._replace(waited=waited)


def not_finite(X: Vector, row: int) -> DataError:
    """The error for a row that holds NaN or an infinite number."""
    column = int(np.flatnonzero(~np.isfinite(X[row]))[0])
    kind = "NaN" if np.isnan(X[row, column]) else "infinity"
    return DataError(
        f"Input X contains {kind}: row {row}, column {column} (both counted from 0). Expected "
        "finite numbers: fill or leave out such rows, or let encode='auto' fill missing ones."
    )

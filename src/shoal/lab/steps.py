"""Where a training stands, and how it goes on: in whole epochs, or step by step.

A step is one update: an iteration over all rows (gd, lbfgs, lm), or one mini-batch (sgd, adam). The
last step of an epoch leads where the kernel's own epoch leads, to the bit: the same batches in
the same order, the same sums, the same rule, the same judgement.
"""

from typing import NamedTuple

import numpy as np

from shoal.compute.builds import Stop
from shoal.compute.engine import engine, threads
from shoal.compute.steps import Budget, State, judge
from shoal.compute.terms import InMemory
from shoal.data.rows.examples import Examples
from shoal.estimators.starts import begin
from shoal.lab.experiment import MOST_EPOCHS, Place
from shoal.lab.training import Ready
from shoal.training.loop import SECOND_ORDER


class Position(NamedTuple):
    """Where a training stands."""

    epoch: int
    state: State
    ending: str = ""  # "diverged", "converged" or "failed" when there is nothing to go on with
    step: int = 0  # steps of the next epoch that are done
    loss: float = 0.0  # their sums, as the epoch will be judged by them
    weight: float = 0.0

    @property
    def place(self) -> Place:
        """Epochs that are done, and steps of the next one."""
        return self.epoch, self.step


def beginning(ready: Ready) -> Position:
    """Where every training of this experiment begins, to the bit."""
    return edited(ready, Position(0, ready.first))


def place_after(ready: Ready, steps: int) -> Place:
    """The place after this many steps from the start."""
    epoch, step = divmod(steps, ready.steps)
    return epoch, step


def steps_at(ready: Ready, place: Place) -> int:
    """How many steps lead from the start to a place."""
    return place[0] * ready.steps + place[1]


def reached(ready: Ready, place: Place) -> Position:
    """Where the training stands at a place, or where it ended before."""
    position = beginning(ready)
    while position.place < place and not position.ending:
        position = advance(ready, position, place)
    return position


def advance(
    ready: Ready,
    position: Position,
    goal: Place,
    epochs: int = MOST_EPOCHS,
    stop: Stop | None = None,
) -> Position:
    """Where it stands nearer to the goal, this many epochs later at most.

    The next edit ends the call, and so does the end of an epoch that was under way.
    Interrupted by `stop`, it stands where it stood.
    """
    edits = [edit.place for edit in ready.experiment.edits if edit.place > position.place]
    epoch, step = min([goal, *edits])
    n = min(epochs, epoch - position.epoch)
    if position.step or not n:
        after = _steps(ready, position, ready.steps if n else step, stop)
    else:
        after = _epochs(ready, position, n, stop)
    return after if after is position else edited(ready, after)


def batch_of(ready: Ready, place: Place) -> Examples:
    """The rows that the step from a place takes, in its order."""
    examples, rule = ready.examples, ready.rule
    if not rule.batch_size:
        return examples
    order = engine.order(examples.m, rule.key, place[0])
    first = place[1] * rule.batch_size
    return examples.take(order[first : first + rule.batch_size])


def _epochs(ready: Ready, position: Position, n: int, stop: Stop | None) -> Position:
    terms, state = InMemory(ready.examples), position.state
    # These end where no step leads down; the others go on for ever, as in a fit with tol=0.
    descends = SECOND_ORDER.get(ready.rule.solver)
    budget = Budget(position.epoch, n, converged=0.0 if descends else -1.0)
    call = (ready.shape, ready.rule, budget)
    if descends:
        outcome = descends(*call, terms, state, threads(), stop)
    else:
        outcome = terms.train(*call, state, threads(), stop)
    if outcome.ending == "interrupted":
        return position
    done = position.epoch + len(outcome.losses)
    if outcome.ending == "diverged":
        return _diverged(done, outcome.state)
    return Position(done, outcome.state, outcome.ending.replace("finished", ""))


def _steps(ready: Ready, position: Position, until: int, stop: Stop | None) -> Position:
    """One mini-batch after another, as the kernel's own loop takes them: see kernel/training.hpp."""
    epoch, state, loss, weight = position.epoch, position.state, position.loss, position.weight
    shape, rule, examples = ready.shape, ready.rule, ready.examples
    order = engine.order(examples.m, rule.key, epoch)
    for step in range(position.step, until):
        if stop is not None and stop.requested:
            return position
        batch = examples.take(order[step * rule.batch_size :][: rule.batch_size])
        total = engine.sums(shape, state.parameters, batch, threads())
        loss, weight = loss + total.loss, weight + total.weight
        if not np.isfinite(loss):  # the whole epoch's will be no number either
            return _diverged(epoch + 1, state)
        now = rule.at(epoch * ready.steps + step, ready.steps)
        state = engine.step(shape, now, total, state)
    if until < ready.steps:
        return Position(epoch, state, "", until, loss, weight)
    return Position(epoch + 1, judge(state, state.parameters, loss / weight, 0.0))


def _diverged(epoch: int, state: State) -> Position:
    return Position(epoch, state._replace(parameters=state.best), "diverged")


def edited(ready: Ready, position: Position) -> Position:
    """The same with the weights that were changed by hand at this place.

    The solver's memory starts anew from them, as it belongs to the way that led elsewhere; and
    where the training had ended it goes on.
    """
    edits = [edit for edit in ready.experiment.edits if edit.place == position.place]
    if not edits:
        return position
    vector = position.state.parameters.copy()
    parameters = ready.shape.unflatten(vector)
    for edit in edits:
        getattr(parameters, edit.matrix)[edit.row, edit.column] = edit.value
    return position._replace(state=begin(vector, ready.learnt.settings.solver), ending="")

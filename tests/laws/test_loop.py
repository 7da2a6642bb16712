"""The loop over epochs: what it keeps, when it ends and how it goes on, by scripted trainings.

A training here has one parameter p, which an epoch raises by the learning rate, so that p tells
which epochs led to it.
"""

import numpy as np
import pytest

from shoal.compute.steps import Outcome, Rule, State
from shoal.network.architecture import Architecture
from shoal.sums import GradientSums
from shoal.training import loop
from shoal.training.loop import Job, Plan, TrainingState

LINEAR = Architecture(1, 0, 1)
START = State(np.array([0.0]), np.array([0.0]), np.array([0.0]))
BEGIN = TrainingState(START, START.parameters)


class Training:
    """Terms whose epochs have these losses, one after another."""

    m = 1

    def __init__(self, losses, ending="finished"):
        self.losses, self.ending = losses, ending
        self.begun = []  # p and the rate at the start of each epoch

    def train(self, architecture, rule, budget, state, threads, stop=None):
        told = []
        for epoch in range(budget.first_epoch, budget.first_epoch + budget.n_epochs):
            self.begun.append((state.parameters[0], rule.learning_rate))
            state = state._replace(parameters=state.parameters + rule.learning_rate)
            told.append(self.losses[epoch])
            if told[-1] < state.best_loss:
                state = state._replace(best=state.parameters, best_loss=told[-1])
            if epoch + 1 == len(self.losses):
                return Outcome(state, np.array(told), self.ending)
        return Outcome(state, np.array(told), "finished")


class Validation:
    """Terms whose loss is a function of p."""

    m = 1

    def __init__(self, loss):
        self.loss = loss

    def sums(self, architecture, parameters, threads, *, gradients=True, stop=None):
        return GradientSums(np.empty(0), self.loss(parameters[0]), 1.0)


def trained(terms, loss=None, epochs=20, **more):
    names = ("rates", "tol", "n_iter_no_change")
    plan = Plan(Rule("sgd", 1.0), epochs, **{k: more.pop(k) for k in names if k in more})
    validation = None if loss is None else Validation(loss)
    job = Job(LINEAR, plan, terms, validation, more.pop("score", None), stop=more.pop("stop", None))
    return loop.train(job, BEGIN, **more)


def test_a_plateau_is_answered_by_the_next_rate_from_the_best_epoch_on():
    terms = Training([1.0] * 20)
    found = trained(terms, lambda p: abs(p - 1.5), n_iter_no_change=2, rates=(1.0, 0.5))
    assert [p for p, _ in terms.begun] == [0, 1, 2, 1, 1.5, 2]
    assert [rate for _, rate in terms.begun] == [1, 1, 1, 0.5, 0.5, 0.5]
    assert (found.ending, found.best_epoch, found.parameters[0]) == ("plateau", 4, 1.5)


def test_what_is_better_by_less_than_tol_is_kept_but_is_no_progress():
    found = trained(Training([1.0] * 20), lambda p: 1 - 0.01 * p, tol=0.05, n_iter_no_change=3)
    assert (found.ending, found.epochs, found.best_epoch) == ("plateau", 4, 4)


def test_the_best_epoch_is_that_of_the_highest_score_whatever_the_loss_says():
    found = trained(Training([1.0] * 6), lambda p: p, epochs=6, score=lambda V: -abs(V[0] - 4))
    assert (found.best_epoch, found.parameters[0]) == (4, 4)
    assert found.validation_scores == (-3, -2, -1, 0, -1, -2)
    assert found.validation_losses == (1, 2, 3, 4, 5, 6)


def test_a_score_that_is_no_number_is_never_the_best():
    def score(V):
        return float("nan") if V[0] == 3 else V[0]

    assert trained(Training([1.0] * 3), lambda p: 1.0, epochs=3, score=score).best_epoch == 2


@pytest.mark.parametrize("score", [None, lambda V: -V[0]])
def test_the_start_is_kept_where_no_epoch_is_better(score):
    found = trained(Training([1.0] * 4), lambda p: 1 + p, epochs=4, score=score)
    assert (found.best_epoch, found.parameters[0]) == (0, 0)


def test_the_epoch_in_which_it_converges_is_judged_too():
    found = trained(Training([1.0] * 3, "converged"), lambda p: 1 / (1 + p))
    assert found.ending == "converged"
    assert (len(found.validation_losses), found.best_epoch, found.parameters[0]) == (3, 3, 3)


@pytest.mark.parametrize(
    ("losses", "ending", "best_epoch"),
    [
        ([1.0, 0.1, 0.5], "finished", 3),  # above twice the lowest, but not the first
        ([1.0, 0.4, 1.9], "finished", 3),
        ([1.0, 0.4, 2.1], "diverged", 2),
        ([3.0, 9.0], "diverged", 1),
    ],
)
def test_a_training_that_has_gone_uphill_keeps_the_best_seen(losses, ending, best_epoch):
    found = trained(Training(losses), epochs=len(losses))
    assert (found.ending, found.best_epoch, found.parameters[0]) == (ending, best_epoch, best_epoch)


def test_the_end_is_kept_at_once():
    kept = []
    trained(
        Training([1.0] * 5),
        epochs=5,
        keep=lambda training, *, now=False: kept.append((len(training.losses), now)),
    )
    assert kept[-1] == (5, True)
    assert not any(now for _, now in kept[:-1])


def test_who_is_told_of_every_epoch_can_stop_it():
    found = trained(Training([1.0] * 9), each=lambda training: len(training.losses) == 3)
    assert (found.ending, found.epochs, found.parameters[0]) == ("stopped", 3, 3)

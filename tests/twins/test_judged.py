"""Epochs that the engine judges by rows held out are those of one call each, judged afterwards, to the bit."""

from unittest.mock import patch

import numpy as np
import pytest

from shoal.compute import kernel, plain
from shoal.compute.builds import BUILD, Stop
from shoal.compute.engine import engine
from shoal.compute.steps import Budget, HeldOut, Judge, Rule, start
from shoal.compute.terms import InMemory
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture
from shoal.training import lm
from shoal.training.loop import Job, Plan, TrainingState, train

ARCHITECTURE = Architecture(5, 7, 1, "tanh", "sigmoid")
needs_kernel = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")


def rows(m, seed, dtype="float32", weights=False):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, 5)).astype(dtype)
    labels = (X[:, 0] * X[:, 1] + rng.standard_normal(m) > 0).astype(np.int32)
    w = rng.random(m).astype(dtype) if weights else None
    return Examples(X, labels=labels, weights=w)


def first(solver, dtype="float32"):
    drawn = np.random.default_rng(3).standard_normal(ARCHITECTURE.n_parameters)
    return start((0.3 * drawn).astype(dtype), solver)


def judge(solver, dtype="float32", **said):
    """What is said of a training before its first epoch, or of its first ones."""
    return Judge(first(solver, dtype).parameters, **said)


def one_by_one(rule, budget, parts, state, judge):
    """What `train_judged` stands for: calls of `train` and `sums`."""
    with patch.multiple(plain, train=kernel.train, sums=kernel.sums):
        return plain.train_judged(ARCHITECTURE, rule, budget, parts, state, 1, judge)


def assert_same(found, expected):
    for ours, theirs in zip(found.outcome.state, expected.outcome.state, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(found.outcome.losses, expected.outcome.losses)
    assert found.outcome.ending == expected.outcome.ending
    ours, theirs = found.judgement, expected.judgement
    np.testing.assert_array_equal(ours.losses, theirs.losses)
    np.testing.assert_array_equal(ours.judge.best, theirs.judge.best)
    assert ours.judge[1:] == theirs.judge[1:]
    assert ours[2:] == theirs[2:]


@needs_kernel
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("rule", "budget", "m"),
    [
        (Rule("adam", 0.05, batch_size=32), Budget(3, 12), 200),
        (Rule("sgd", 0.2, momentum=0.9, batch_size=100, dropout=0.3, horizon=40), Budget(0, 9), 777),
        (Rule("gd", 0.5), Budget(0, 20), 300),
        (Rule("gd", 0.5), Budget(7, 5), 1300),
        (Rule("gd", 1e-12), Budget(0, 20, converged=1e-6), 300),
    ],
)  # fmt: skip
def test_judged_epochs_are_those_of_one_call_each(dtype, rule, budget, m):
    parts = rows(m, 0, dtype, weights=True), rows(m // 4, 1, dtype)
    for threads in (1, 2):
        for said in (
            {},
            {"lowest": 0.7, "best_loss": 0.68, "tol": 0.001, "waited": 1, "patience": 3},
            {"best_loss": np.nan, "patience": 3},
            {"patience": 1, "tol": 1e9},
        ):
            before = judge(rule.solver, dtype, **said)
            given = (rule, budget, parts, first(rule.solver, dtype), before)
            expected = one_by_one(*given)
            assert_same(kernel.train_judged(ARCHITECTURE, *given[:4], threads, before), expected)
    assert expected.outcome.ending == ("converged" if budget.converged > 0 else "plateau")


@needs_kernel
@pytest.mark.parametrize("rate", [0.01, 50.0])
def test_a_start_of_which_nothing_is_known_is_judged(rate):
    parts, begun = (rows(200, 0), rows(50, 1)), first("gd")
    before = judge("gd", best_loss=np.nan)
    call = (Rule("gd", rate), Budget(0, 3), parts, begun)
    found = kernel.train_judged(ARCHITECTURE, *call, 1, before).judgement
    start = kernel.sums(ARCHITECTURE, begun.parameters, parts[1], 1, gradients=False)
    lowest = min(start.loss / start.weight, *found.losses)
    assert found.judge.best_loss == lowest
    assert (found.best_epoch == 0) == (rate == 50.0)  # long steps lead uphill
    second = lm.start(begun.parameters)
    given = Rule("lm", 1.0, alpha=1e9), Budget(0, 3), InMemory(parts[0]), second
    found = lm.iterate_judged(ARCHITECTURE, *given, 1, HeldOut(parts[1], before)).judgement
    assert found.judge.best_loss == min(start.loss / start.weight, *found.losses)


@needs_kernel
@pytest.mark.parametrize("n_epochs", range(1, 12))
def test_a_plateau_is_answered_by_a_lower_rate_but_in_the_last_epoch(n_epochs):
    parts, rule = (rows(200, 0), rows(50, 1)), Rule("adam", 0.05, batch_size=32)
    before = judge("adam", lowest=0.0, patience=2, lower=(0.02, 0.01, 0.002))
    given = (rule, Budget(2, n_epochs), parts, first("adam"), before)
    found = kernel.train_judged(ARCHITECTURE, *given[:4], 1, before)
    assert_same(found, one_by_one(*given))
    assert len(found.judgement.losses) == min(n_epochs, 8)
    assert found.judgement.plateaus == min((n_epochs - 1) // 2, 3)
    assert found.outcome.ending == ("plateau" if n_epochs >= 8 else "finished")


@needs_kernel
def test_a_training_that_diverges_is_not_judged_after_it():
    parts = rows(100, 0), rows(50, 1)
    given = (Rule("gd", 3e38), Budget(0, 9), parts, first("gd"), judge("gd"))
    found = kernel.train_judged(ARCHITECTURE, *given[:4], 1, judge("gd"))
    assert_same(found, one_by_one(*given))
    assert found.outcome.ending == "diverged"
    assert len(found.judgement.losses) < len(found.outcome.losses)


@needs_kernel
def test_a_stop_ends_it():
    stop = Stop()
    stop.request()
    parts = rows(100, 0), rows(50, 1)
    given = (Rule("gd", 0.1), Budget(0, 9), parts, first("gd"), 1, judge("gd"))
    found = kernel.train_judged(ARCHITECTURE, *given, stop)
    assert found.outcome.ending == "interrupted"
    assert len(found.judgement.losses) == 0


@pytest.mark.parametrize("rates", [(1.0,), (1.0, 0.3, 0.1)])
@pytest.mark.parametrize("max_iter", [7, 200])
def test_a_training_is_the_same_when_each_epoch_is_looked_at(rates, max_iter):
    rule = Rule("adam", 0.1, batch_size=32)
    plan = Plan(rule, max_iter, tol=1e-4, n_iter_no_change=4, rates=rates)
    job = Job(ARCHITECTURE, plan, InMemory(rows(200, 0)), InMemory(rows(60, 1)))
    assert job.judged_by_engine
    state = first("adam")
    begun = TrainingState(state, state.parameters)
    looked = []
    expected = train(job, begun, each=lambda training: looked.append(training) or False)
    found = train(job, begun)
    assert len(looked) == len(expected.losses)
    for name in ("losses", "validation_losses", "ending", "best_epoch"):
        assert getattr(found, name) == getattr(expected, name), name
    np.testing.assert_array_equal(found.parameters, expected.parameters)
    for ours, theirs in zip(found.state, expected.state, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert found.ending == ("finished" if max_iter == 7 else "plateau")


@needs_kernel
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", ["sigmoid", "softmax", "identity"])
@pytest.mark.parametrize(
    ("evidence", "converged", "patience", "max_iter"),
    [(True, 1e-9, 5, 300), (False, -1.0, 5, 300), (True, 1e-2, 0, 300), (False, 1e-3, 0, 300), (True, -1.0, 0, 9)],
)  # fmt: skip
def test_steps_of_second_order_are_the_same_when_each_is_looked_at(
    dtype, output, evidence, converged, patience, max_iter
):
    shape = Architecture(5, 4, 3 if output == "softmax" else 1, "tanh", output)
    parts = []
    for m, seed in ((200, 0), (60, 1)):
        given = rows(m, seed, dtype, weights=seed == 0)
        if output == "identity":
            Y = (given.labels[:, None] + given.X[:, :1]).astype(dtype)
            given = given._replace(Y=Y, labels=None)
        parts.append(InMemory(given))
    plan = Plan(Rule("lm", 1.0, alpha=0.01, evidence=evidence), max_iter, 1e-4, patience, converged)
    job = Job(shape, plan, *parts)
    assert job.judged_by_engine
    state = lm.start((0.3 * np.random.default_rng(3).standard_normal(shape.n_parameters)).astype(dtype))  # fmt: skip
    begun = TrainingState(state, state.parameters)
    with patch.object(Job, "judged_by_engine", False):  # a call for each step, and one to judge it
        expected = train(job, begun)
    found = train(job, begun)
    for name in ("losses", "validation_losses", "ending", "best_epoch", "evidence"):
        assert getattr(found, name) == getattr(expected, name), name
    np.testing.assert_array_equal(found.parameters, expected.parameters)
    for ours, theirs in zip(found.state, expected.state, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    wanted = "plateau" if patience else "converged" if converged > 0 else "finished"
    assert found.ending == wanted


@needs_kernel
def test_a_stop_ends_steps_of_second_order():
    stop = Stop()
    stop.request()
    state, terms = lm.start(first("gd", "float64").parameters), InMemory(rows(600, 1, "float64"))
    held = HeldOut(rows(50, 1, "float64"), judge("gd", "float64"))
    rule, budget = Rule("lm", 1.0, evidence=True), Budget(0, 9)
    found = lm.iterate_judged(ARCHITECTURE, rule, budget, terms, state, 1, held, stop)
    assert (found.outcome.ending, len(found.judgement.losses)) == ("interrupted", 0)
    np.testing.assert_array_equal(found.outcome.state.parameters, state.parameters)


def test_the_engines_judge_alike():
    rule, budget = Rule("sgd", 0.1, batch_size=50), Budget(0, 6)
    said = judge("sgd", "float64", lowest=0.6, best_loss=0.6, patience=4)
    parts, state = (rows(120, 0, "float64"), rows(40, 1, "float64")), first("sgd", "float64")
    call = (ARCHITECTURE, rule, budget, parts, state, 1, said)
    found, expected = engine.train_judged(*call), plain.train_judged(*call)
    np.testing.assert_allclose(found.judgement.losses, expected.judgement.losses, rtol=1e-9)
    assert found.outcome.ending == expected.outcome.ending

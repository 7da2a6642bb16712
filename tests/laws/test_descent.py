"""Full-batch descent over sums is the kernel's descent, bit for bit, however it ends."""

import numpy as np
import pytest

from shoal.compute import plain
from shoal.compute.builds import BUILD, Stop
from shoal.compute.descent import descend
from shoal.compute.engine import engine
from shoal.compute.steps import Budget, Rule, start
from shoal.compute.terms import InMemory
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture
from shoal.network.initialisers import initialise

M, N_X = 1700, 5  # three blocks and a part of one: a tree with an odd leaf


def problem(n_h, dtype, weighted, m=M):
    draw = np.random.default_rng(1)
    X = draw.normal(size=(m, N_X)).astype(dtype)
    labels = (X[:, 0] * X[:, 1] + 0.3 * X[:, 2] > 0).astype(np.int32)
    weights = draw.integers(0, 3, m).astype(dtype) if weighted else None
    architecture = Architecture(N_X, n_h, 1, "tanh", "sigmoid")
    parameters = architecture.flatten(
        initialise(*architecture[:3], key=3, init="auto", activation="tanh"), dtype
    )
    return architecture, Examples(X, None, labels, weights), start(parameters, "gd")


def assert_same(found, expected):
    assert found.ending == expected.ending
    np.testing.assert_array_equal(found.losses, expected.losses)
    for name, a, b in zip(found.state._fields, found.state, expected.state, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.skipif(BUILD == "plain", reason="the plain loop ends with another memory at a plateau")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_h", [0, 7])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("m", [M, 300])
@pytest.mark.parametrize(
    ("rate", "budget", "ending"),
    [
        (0.5, Budget(0, 25), "finished"),
        (0.5, Budget(0, 60, tol=1e-2, patience=3), "plateau"),
        (0.5, Budget(0, 60, converged=2e-2), "converged"),
        (1e200, Budget(0, 60), "diverged"),
    ],
)
def test_the_loop_over_sums_has_the_kernels_bits(dtype, n_h, weighted, m, rate, budget, ending):
    architecture, examples, state = problem(n_h, dtype, weighted, m)
    rule = Rule("gd", rate, alpha=0.3)
    expected = engine.train(architecture, rule, budget, examples, state, 2)
    found = descend(architecture, rule, budget, InMemory(examples), state, 1)
    if rate < 1:
        assert expected.ending == ending
    assert_same(found, expected)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_the_other_rules_step_alike(solver):
    architecture, examples, _ = problem(7, "float32", weighted=False)
    rule = Rule(solver, 0.05, momentum=0.9 if solver == "sgd" else 0.0, alpha=0.3)
    state = start(problem(7, "float32", weighted=False)[2].parameters, solver)
    expected = engine.train(architecture, rule, Budget(0, 20), examples, state, 1)
    assert_same(descend(architecture, rule, Budget(0, 20), InMemory(examples), state, 1), expected)


def test_a_stop_that_was_asked_for_ends_it_before_the_next_step():
    architecture, examples, state = problem(7, "float32", weighted=False)
    stop = Stop()
    stop.request()
    outcome = descend(
        architecture, Rule("gd", 0.5), Budget(0, 9), InMemory(examples), state, 1, stop
    )
    assert outcome.ending == "interrupted"
    assert not len(outcome.losses)
    np.testing.assert_array_equal(outcome.state.parameters, state.parameters)


@pytest.mark.parametrize("budget", [Budget(0, 10), Budget(3, 5)])
def test_a_rate_that_falls_over_a_horizon_falls_alike(budget):
    architecture, examples, state = problem(7, "float64", weighted=False)
    rule = Rule("gd", 0.5, horizon=7)
    expected = engine.train(architecture, rule, budget, examples, state, 1)
    assert_same(descend(architecture, rule, budget, InMemory(examples), state, 1), expected)


@pytest.mark.parametrize("train", [engine.train, plain.train])
def test_only_what_moves_no_farther_than_it_may_has_converged(train):
    architecture, examples, state = problem(3, "float64", weighted=False)

    def ending(rate, converged, batch_size=0):
        rule, budget = Rule("gd", rate, batch_size=batch_size), Budget(0, 3, converged=converged)
        found = train(architecture, rule, budget, examples, state, 1)
        if not batch_size:
            other = descend(architecture, rule, budget, InMemory(examples), state, 1)
            assert (other.ending, len(other.losses)) == (found.ending, len(found.losses))
        return found.ending, len(found.losses)

    assert ending(0.0, 0.0) == ("converged", 1)
    assert ending(0.0, -1.0) == ("finished", 3)
    assert ending(0.1, 0.0) == ("finished", 3)
    assert ending(0.0, 0.0, batch_size=64) == ("finished", 3)  # chance moves batches, or not

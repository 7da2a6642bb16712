"""Epochs through windows: every row once, judged as a whole, at the rate that the steps have."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.compute.engine import engine
from shoal.compute.replicas import Replicated, share
from shoal.compute.steps import Budget, Rule, start
from shoal.compute.terms import InMemory
from shoal.compute.windows import Windows
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture
from shoal.network.draws import permutation
from shoal.network.initialisers import initialise

RNG = np.random.default_rng(4)
M, ROWS = 3000, 700
X = RNG.normal(size=(M, 4))
LABELS = (X[:, 0] * X[:, 1] > 0).astype(np.int32)
WEIGHTS = RNG.uniform(0.1, 2, M)
SHAPE = Architecture(4, 5, 1)
EXAMPLES = Examples(X, None, LABELS, WEIGHTS)
PARAMETERS = SHAPE.flatten(initialise(4, 5, 1, key=1, init=0.5), "float64")
RULE = Rule("sgd", 0.1, batch_size=64, key=9, shuffle_rows=ROWS)


def trained(rule, first_epoch=0, epochs=1, state=None, examples=EXAMPLES):
    budget = Budget(first_epoch, epochs)
    return InMemory(examples).train(SHAPE, rule, budget, state or start(PARAMETERS, "sgd"), 1)


@given(st.integers(1, 20_000), st.integers(1, 5000), st.integers(0, 5))
def test_the_windows_of_an_epoch_hold_every_row_once(m, rows, epoch):
    cut = Windows(m, rows)
    windows = [cut.slices(chunks) for chunks in cut.of(3, epoch)]
    assert len(windows) == cut.n
    held = np.concatenate([np.arange(s.start, s.stop) for window in windows for s in window])
    np.testing.assert_array_equal(np.sort(held), np.arange(m))
    for window in windows:
        assert sum(s.stop - s.start for s in window) <= rows
        assert all(a.stop < b.start for a, b in pairwise(window))


def test_a_window_mixes_128_chunks_of_which_every_epoch_has_an_order_of_its_own():
    cut = Windows(1_000_000, 12_800)
    assert cut.chunk == 100
    for epoch in range(3):
        order = np.split(permutation(5, 1 + epoch, 10_000), range(128, 10_000, 128))
        for found, expected in zip(cut.of(5, epoch), order, strict=True):
            np.testing.assert_array_equal(found, np.sort(expected))


@pytest.mark.parametrize("chosen", [None, np.arange(0, M, 3, dtype=np.uint32)])
def test_the_loss_of_an_epoch_is_the_mean_over_the_weights_of_its_rows(chosen):
    examples = EXAMPLES if chosen is None else EXAMPLES.take(chosen)
    total = engine.sums(SHAPE, PARAMETERS, examples, 1, gradients=False)
    found = trained(RULE._replace(learning_rate=0.0, shuffle_rows=250), examples=examples)
    assert found.losses[0] == pytest.approx(total.loss / total.weight, rel=1e-12)


def test_an_epoch_is_judged_as_a_whole():
    states = [trained(RULE._replace(learning_rate=3.0), epochs=n) for n in range(1, 9)]
    losses = states[-1].losses
    best = int(np.argmin(losses))
    assert 0 < best < 7, "a curve whose best epoch is neither the first nor the last"
    for n, one in enumerate(states, 1):
        lowest = int(np.argmin(losses[:n]))
        assert one.state.best_loss == losses[lowest]
        np.testing.assert_array_equal(one.state.best, states[lowest].state.parameters)
        assert one.state.waited == n - 1 - lowest


TERMS = {
    "windows": (InMemory(EXAMPLES), RULE),
    "replicas": (Replicated(EXAMPLES, 2, 3), RULE._replace(shuffle_rows=0)),
    "in memory": (InMemory(EXAMPLES), RULE._replace(shuffle_rows=0)),
    "full batch": (InMemory(EXAMPLES), Rule("gd", 0.1)),
}


@pytest.mark.parametrize("case", TERMS)
def test_the_rate_falls_to_nothing_at_the_end_of_its_horizon_and_not_before(case):
    terms, rule = TERMS[case]
    rule, begun = rule._replace(horizon=4), start(PARAMETERS, "sgd")
    moved = [
        np.abs(terms.train(SHAPE, rule, Budget(n, 1), begun, 1).state.parameters - PARAMETERS).max()
        for n in range(6)
    ]
    assert moved == sorted(moved, reverse=True)
    assert moved[0] > 5 * moved[3] > 0
    assert moved[4:] == [0, 0]


def test_a_replicas_rows_come_from_all_over_the_table():
    for m in (100_000, 327_346, 1_000_000):
        rows = share(m, 3, 1).astype(int)
        assert 16 <= 1 + np.count_nonzero(np.diff(rows) > 1) <= 33  # stripes, of 2ᵏ blocks each
        assert np.bincount(rows * 8 // m, minlength=8).min() > len(rows) / 16

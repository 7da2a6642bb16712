"""What the second lesson says of the draw: each statement as a law.

The symmetry of zeros is in `test_twins_in_the_kernel.py` and `test_equations.py`, and so are
the first step from W2 = 0, the shape of db2, dZ2 = A2 - Y, and the loop over the examples.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from benchmarks.cases import planar

from shoal import Network

SCALES = (1.0, 3.0, 10.0, 30.0)
SEEDS = range(15)
FLAT = {"tanh": 0.01, "sigmoid": 0.01 * 0.25, "relu": 0.0}  # 1 % of the largest slope


def flower():
    """The planar exercise, in the lecture's columns."""
    X, y = planar(SimpleNamespace(m=400))
    return X.T.astype(float), y[np.newaxis].astype(float)


def standardised():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((10, 300))
    return X, (X[:1] * X[1:2] > 0).astype(float)


DATA = {"planar": flower, "standardised": standardised}


def drawn(n_x, activation, seed, scale):
    return Network.initialise(n_x, 8, 1, seed=seed, scale=scale, activation=activation)


def slopes(network, X):
    return network.architecture.g.slope(network.forward(X).A1)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_the_larger_the_draw_the_flatter_the_units(activation, data):
    X, _ = DATA[data]()
    found = [
        [slopes(drawn(len(X), activation, seed, scale), X) for seed in SEEDS] for scale in SCALES
    ]
    saturated = [np.mean([s < FLAT[activation] for s in each]) for each in found]
    mean_slope = [np.mean(each) for each in found]
    assert (np.diff(saturated) > 0).all(), saturated
    assert (np.diff(mean_slope) < 0).all(), mean_slope
    assert saturated[-1] > 0.7


@pytest.mark.parametrize("data", DATA)
def test_relu_does_not_saturate(data):
    X, _ = DATA[data]()
    for scale in SCALES:
        on = slopes(drawn(len(X), "relu", 0, scale), X)
        assert set(np.unique(on)) == {0.0, 1.0}
        assert on.mean() == slopes(drawn(len(X), "relu", 0, 1.0), X).mean()  # as before


@pytest.mark.parametrize("iterations", [100, 2000])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("data", DATA)
def test_the_larger_the_draw_the_higher_the_cost_later(data, activation, iterations):
    X, Y = DATA[data]()
    medians = []
    for scale in (1.0, 30.0):
        costs = [
            drawn(len(X), activation, seed, scale)
            .descend(X, Y, learning_rate=0.5, iterations=iterations)[0]
            .cost(X, Y)
            for seed in SEEDS
        ]
        medians.append(np.median(costs))
    assert medians[0] < medians[1], medians


def test_a_large_draw_begins_with_a_large_cost():
    X, Y = flower()
    costs = [
        np.median([drawn(2, "tanh", seed, scale).cost(X, Y) for seed in SEEDS])
        for scale in (0.01, *SCALES)
    ]
    assert (np.diff(costs) > 0).all()
    assert costs[0] == pytest.approx(np.log(2), rel=1e-3)  # next to nothing is said
    assert costs[-1] > 10  # confident, and wrong for half of the examples


def test_logistic_regression_learns_from_zeros():
    X, _ = standardised()
    Y = (X[:1] + 0.5 * X[1:2] > 0).astype(float)
    zeros = Network.initialise(10, 0, 1, scale="zeros")
    assert zeros.cost(X, Y) == pytest.approx(np.log(2))
    trained, _ = zeros.descend(X, Y, learning_rate=1.0, iterations=500)
    assert trained.cost(X, Y) < 0.1
    assert (trained.predict(X) == Y).mean() > 0.97


def test_with_a_hidden_layer_zeros_learn_nothing_but_the_share_of_the_classes():
    X, Y = flower()
    zeros = Network.initialise(2, 4, 1, scale="zeros")
    trained, _ = zeros.descend(X, Y, learning_rate=1.2, iterations=1000)
    assert trained.cost(X, Y) == pytest.approx(np.log(2), abs=1e-12)
    drawn_small, _ = Network.initialise(2, 4, 1, seed=3).descend(X, Y, iterations=10_000)
    assert drawn_small.cost(X, Y) < 0.35

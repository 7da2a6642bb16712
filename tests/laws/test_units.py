"""What is said of hidden units, by networks that were made so."""

import numpy as np
import pytest

from shoal.diagnosis.units import Units, twins_of
from shoal.network.architecture import Architecture
from shoal.network.equations import Parameters

W1 = np.array([[1.0, 2.0], [1.0, 2.0], [-0.5, 0.3]])
B1 = np.array([[0.1], [0.1], [0.2]])
W2 = np.array([[0.7, 0.7, -1.0]])
SAME = Parameters(W1, B1, W2, np.zeros((1, 1)))


def changed(name, by):
    V = getattr(SAME, name).copy()
    V[(0, 1) if name == "W2" else (1, 0)] += by
    return SAME._replace(**{name: V})


def test_twins_have_the_same_weights_in_and_out_to_rounding():
    assert twins_of(SAME) == ((0, 1),)
    for name in ("W1", "b1", "W2"):
        assert twins_of(changed(name, 1e-7)) == ((0, 1),)
        assert twins_of(changed(name, 1e-4)) == ()


@pytest.mark.parametrize(
    ("activation", "slope_at", "edge"),
    [("tanh", lambda a: 1 - a**2, 0.01), ("sigmoid", lambda a: a * (1 - a), 0.0025)],
)
def test_a_unit_is_saturated_where_its_slope_is_below_a_hundredth_of_the_largest(
    activation, slope_at, edge
):
    shape = Architecture(2, 3, 1, activation)
    Z1 = np.linspace(0, 8, 801)[np.newaxis].repeat(3, axis=0)
    A1 = shape.g.of(Z1)
    found = Units(shape, changed("W1", 1.0), Z1, A1)
    assert found.saturated == pytest.approx(np.mean(slope_at(A1) < edge))
    assert 0.1 < found.saturated < 0.9


def test_a_unit_that_always_answers_0_is_dead_and_one_that_hardly_adds_is_idle():
    shape = Architecture(2, 3, 1, "relu")
    Z1 = np.array([[-1.0, -2.0, 0.0], [1.0, 2.0, 3.0], [1.0, 1.0, 1.0001]])
    found = Units(shape, changed("W1", 1.0), Z1, shape.g.of(Z1))
    assert (found.dead, found.idle, found.twins) == ((0,), (2,), ())

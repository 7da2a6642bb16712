"""Draws of the kernel have the bits of NumPy's."""

import numpy as np
import pytest

from shoal.compute import kernel
from shoal.compute.builds import BUILD
from shoal.data.rows.split import hold_out
from shoal.network import draws
from shoal.network.initialisers import initialise

pytestmark = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")


@pytest.mark.parametrize("n", [0, 1, 2, 511, 512, 513, 200_001])
def test_normal_numbers(n):
    for key, stream in ((7, 0), (2**64 - 1, 2**64 - 2), (n, 2)):
        assert kernel.normal(key, stream, n).tobytes() == draws.normal(key, stream, n).tobytes()


def test_normal_numbers_of_the_far_tail(monkeypatch):
    """Beyond r = 5 is one number in 10¹¹: as none can be drawn, NumPy's formula is asked for the nearest."""
    monkeypatch.setattr(draws, "uniform", lambda *_: np.array([2.0**-53, 0.5, 1 - 2.0**-53]))
    low, centre, high = draws.normal(0, 0, 3)
    assert low < -8
    assert centre == 0
    assert high > 8
    drawn = kernel.normal(3, 1, 1_000_000)
    assert low < drawn.min() < -4.5
    assert 4.5 < drawn.max() < high


@pytest.mark.parametrize("m", [0, 1, 2, 3, 10, 333, 5000])
@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.5, 0.97])
def test_rows_that_are_held_out(m, fraction):
    rng = np.random.default_rng(m)
    # Classes of one row, of two, and of none.
    rare = np.repeat([0, 2, 3, 900], [m // 2, 1, 2, m])[:m]
    for labels in (None, rng.integers(0, 4, m), rng.permutation(rare)):
        given = None if labels is None else labels.astype(np.int32)
        for key in (0, 5, 2**64 - 1):
            plain = hold_out(m, fraction, key, given)
            for own, other in zip(kernel.hold_out(m, fraction, key, given), plain, strict=True):
                np.testing.assert_array_equal(own, other)


def test_rows_of_a_class_below_0_are_refused():
    with pytest.raises(ValueError, match="labels: expected numbers from 0 on"):
        kernel.hold_out(2, 0.5, 0, np.array([0, -1], np.int32))


def test_keys_of_children():
    for key, index in ((0, 0), (7, 1), (2**64 - 1, 2**63 - 1), (5, 1 << 40)):
        assert kernel.child(key, index) == draws.child(key, index)


@pytest.mark.parametrize(("n", "m"), [(1, 0), (1, 1), (3, 2), (4, 301)])
def test_orders_of_rows(n, m):
    for key in (0, 2**64 - 1):
        expected = draws.permutation(draws.children(key, n), 0, m)
        np.testing.assert_array_equal(kernel.shuffles(key, n, m), expected)


def test_weights_that_are_drawn():
    drawn = initialise(3, 40, 2, key=5, normals=kernel.normals)
    for own, other in zip(drawn, initialise(3, 40, 2, key=5), strict=True):
        assert own.tobytes() == other.tobytes()

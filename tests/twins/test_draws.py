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


@pytest.mark.parametrize("n", [0, 1, 300])
def test_words(n):
    rng = np.random.default_rng(n)
    low, high = rng.integers(0, 2**63, (2, n)).astype(np.uint64) * np.uint64(2)
    for key in (0, 2**64 - 1):
        np.testing.assert_array_equal(kernel.philox(key, low, high), draws.philox(key, low, high))


def test_what_is_drawn_with_them_is_the_same():
    labels = np.random.default_rng(0).integers(0, 4, 333).astype(np.int32)
    for given in (None, labels):
        plain = hold_out(333, 0.1, 5, given)
        for own, other in zip(plain, hold_out(333, 0.1, 5, given, kernel.philox), strict=True):
            np.testing.assert_array_equal(own, other)
    drawn = initialise(3, 40, 2, key=5, normals=kernel.normals)
    for own, other in zip(drawn, initialise(3, 40, 2, key=5), strict=True):
        assert own.tobytes() == other.tobytes()

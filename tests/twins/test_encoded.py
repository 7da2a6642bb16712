"""Rows of numbers that the kernel encodes have the bits of `Encoding.encode`."""

import dataclasses

import numpy as np
import pytest

from shoal import ShoalClassifier
from shoal.compute.builds import BUILD
from shoal.compute.engine import engine
from shoal.data.encode.coded import Coded
from shoal.errors import DataError
from shoal.estimators.given import arrow_of

pytestmark = pytest.mark.skipif(BUILD == "plain", reason="there is no kernel")


@pytest.fixture(scope="module")
def table():
    """Holes, few values, a constant, two values with holes, many zeros, and more than one piece of rows."""
    X = np.random.default_rng(3).standard_normal((20_001, 8)).astype(np.float32)
    X[::7, 1], X[:, 2], X[:, 3], X[:, 4], X[::5, 5] = np.nan, np.round(X[:, 2]), 1, X[:, 4] > 0, 0
    X[::9, 4] = np.nan
    return X


@pytest.fixture(scope="module", params=["auto", 0, 200])
def inputs(request, table):
    model = ShoalClassifier(bins=request.param, max_iter=1, members=1, random_state=0)
    return model.fit(table[:9000], table[:9000, 0] > 0).fitted_.inputs


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", [np.float32, np.float64, np.asfortranarray, arrow_of])
def test_the_kernel_writes_the_same_bits(table, inputs, form, dtype):
    inputs = dataclasses.replace(inputs, dtype=dtype)
    given = form(table)
    twin = inputs.encoding.encode(arrow_of(table), dtype)
    found = inputs._of_numbers(given, len(table))
    assert isinstance(found, Coded)
    for name in ("numbers", "codes", "places"):
        own, other = getattr(found, name), getattr(twin, name)
        assert own.dtype == other.dtype
        assert own.shape == other.shape
        assert own.tobytes() == other.tobytes()
    assert inputs.matrix(given).numbers.tobytes() == twin.numbers.tobytes()


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 1e300])
def test_a_number_that_cannot_be_written_is_left_to_the_twin(table, inputs, bad):
    X = table.astype(np.float64)
    X[17_123, 0] = bad
    assert engine.encoded(inputs.encoding, lambda part: X[part], len(X), "float32") is None
    with pytest.raises(DataError) as error:
        inputs.matrix(X)
    assert error.value.row == 17_124

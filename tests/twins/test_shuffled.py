"""The loss of rows in which one column is shuffled: what the kernel says of all columns is what it says of each."""

import numpy as np
import pytest

from shoal.compute import kernel, plain
from shoal.compute.builds import BUILD
from shoal.data.encode.coded import Coded, Group
from shoal.data.encode.encoding import Place
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture

pytestmark = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")

# Two numbers; a number with five bins and one for missing; a word with three categories.
GROUPS = (Group(6, 5), Group(3, 0))
PLACES = [
    Place(slice(0, 1), slice(0, 0), slice(0, 0)), Place(slice(1, 2), slice(0, 0), slice(0, 0)),
    Place(slice(2, 3), slice(0, 1), slice(0, 1)), Place(slice(0, 0), slice(1, 2), slice(0, 0)),
    Place(slice(0, 3), slice(0, 2), slice(0, 1)),
]  # fmt: skip


def examples(m, dtype, coded):
    rng = np.random.default_rng(m)
    X = rng.normal(size=(m, 3)).astype(dtype)
    if coded:
        codes = np.stack([rng.integers(0, 7, m), rng.integers(0, 4, m)], axis=1).astype(np.uint16)
        X = Coded(X, codes, rng.uniform(size=(m, 1)).astype(dtype), GROUPS)
    return Examples(X, labels=rng.integers(0, 2, m).astype(np.int32), weights=rng.uniform(0, 2, m).astype(dtype))  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("m", [1, 40, 1300])
def test_the_sums_are_those_of_each_matrix_by_itself(dtype, coded, m):
    rows, places = examples(m, dtype, coded), PLACES if coded else PLACES[:2]
    shape = Architecture(12 if coded else 3, 5, 1, "tanh", "sigmoid")
    rng = np.random.default_rng(1)
    W = rng.normal(size=shape.n_parameters).astype(dtype)
    orders = np.stack([rng.permutation(m) for _ in places])
    found = [kernel.sums_of_shuffled(shape, W, rows, places, orders, n) for n in (1, 3)]
    np.testing.assert_array_equal(*found)
    for own, place, order in zip(found[0], places, orders, strict=True):
        X = place.shuffled(rows.X, order)
        one = kernel.sums(shape, W, rows._replace(X=X), 1, gradients=False)
        assert tuple(own) == (one.loss, one.weight)
    slow = plain.sums_of_shuffled(shape, W, rows, places, orders)
    np.testing.assert_allclose(found[0], slow, rtol=1e-4 if dtype == "float32" else 1e-12)


def test_what_lies_outside_is_refused():
    rows, shape = examples(9, "float32", False), Architecture(3, 2, 1, "tanh", "sigmoid")
    W, orders = np.zeros(shape.n_parameters, np.float32), np.arange(9)[np.newaxis]
    outside = Place(slice(2, 4), slice(0, 0), slice(0, 0))
    for place, order, named in ((outside, orders, "columns"), (PLACES[0], orders + 1, "orders")):
        with pytest.raises(ValueError, match=named):
            kernel.sums_of_shuffled(shape, W, rows, [place], order, 1)

"""The algebra of block sums: one tree, whoever computes the terms."""

import math

import numpy as np
import pytest

from shoal.compute import kernel
from shoal.compute.builds import BUILD
from shoal.data.examples import Examples
from shoal.network.architecture import Architecture
from shoal.network.initialisers import initialise
from shoal.sums import BLOCK_ROWS, GradientSums, add_in_order, blocks


def terms(n, size=3):
    """Terms of very different sizes, so that every other order of adding shows."""
    rng = np.random.default_rng(n)
    values = rng.standard_normal((n, size + 1)) * 10.0 ** rng.integers(-8, 8, (n, 1))
    return [GradientSums(v[:-1], float(v[-1]), float(i + 1)) for i, v in enumerate(values)]


def same(a, b):
    return a.gradient.tobytes() == b.gradient.tobytes() and a[1:] == b[1:]


@pytest.mark.parametrize("m", [0, 1, 511, 512, 513, 1024, 100_000])
def test_blocks_cover_every_example_once(m):
    parts = list(blocks(m))
    rows = [row for part in parts for row in range(part.start, part.stop)]
    assert rows == list(range(m))
    assert all(part.start % BLOCK_ROWS == 0 for part in parts)
    assert all(part.stop - part.start == BLOCK_ROWS for part in parts[:-1])


def test_the_blocks_have_a_length_that_files_and_clusters_rely_on():
    assert BLOCK_ROWS == 512


def test_the_first_blocks_do_not_depend_on_how_many_follow():
    assert list(blocks(5000))[:9] == list(blocks(9000))[:9]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 100])
def test_the_sum_is_a_sum(n):
    parts = terms(n)
    total = add_in_order(parts)
    for j in range(3):
        exact = math.fsum(part.gradient[j] for part in parts)
        scale = math.fsum(abs(part.gradient[j]) for part in parts)
        assert abs(total.gradient[j] - exact) <= 1e-15 * n * scale
    assert total.weight == n * (n + 1) / 2


def test_nothing_that_was_given_is_changed():
    parts = terms(9)
    before = [part.gradient.copy() for part in parts]
    add_in_order(parts)
    for part, gradient in zip(parts, before, strict=True):
        np.testing.assert_array_equal(part.gradient, gradient)
    assert len(parts) == 9


@pytest.mark.parametrize("n", range(1, 40))
def test_an_aligned_run_is_a_subtree(n):
    # A worker may add its own blocks first if it holds 2ᵏ of them from a multiple of 2ᵏ on.
    parts = terms(n)
    whole = add_in_order(parts)
    for run in (1, 2, 4, 8, 16, 32):
        subtrees = [add_in_order(parts[i : i + run]) for i in range(0, n, run)]
        assert same(add_in_order(subtrees), whole)


def test_another_order_has_other_bits():
    # Without this the tests above could not fail.
    parts = terms(33)
    whole = add_in_order(parts)
    shifted = [parts[0], *(add_in_order(parts[i : i + 2]) for i in range(1, 33, 2))]
    assert not same(add_in_order(shifted), whole)
    assert not same(add_in_order(parts[::-1]), whole)
    one_by_one = parts[0]
    for part in parts[1:]:
        one_by_one = add_in_order([one_by_one, part])
    assert not same(one_by_one, whole)


def test_no_block_is_no_sum():
    with pytest.raises(ValueError, match="no rows"):
        add_in_order([])


@pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", [0, 6])
@pytest.mark.parametrize("m", [100, 512, 513, 3000, 512 * 37 + 5, 512 * 128])
def test_the_kernel_adds_its_blocks_in_this_order(m, hidden, dtype):
    architecture = Architecture(9, hidden, 2, "tanh", "sigmoid")
    rng = np.random.default_rng(m)
    X = rng.standard_normal((m, 9)).astype(dtype)
    Y = (rng.random((m, 2)) < 0.5).astype(dtype)
    w = rng.random(m).astype(dtype)
    drawn = initialise(9, hidden, 2, key=1, init=0.5)
    parameters = architecture.flatten(drawn, dtype)

    def sums(part, threads=1):
        examples = Examples(X[part], Y[part], None, w[part])
        return kernel.sums(architecture, parameters, examples, threads)

    of_blocks = add_in_order([sums(part) for part in blocks(m)])
    assert same(of_blocks, sums(slice(None)))
    assert same(of_blocks, sums(slice(None), threads=3))
    assert of_blocks.weight == pytest.approx(w.sum(dtype=np.float64), rel=1e-6)

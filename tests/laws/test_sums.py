"""The algebra of block sums: one tree, whoever computes the terms."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.compute import kernel
from shoal.compute.builds import BUILD
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture
from shoal.network.initialisers import initialise
from shoal.sums import (
    BLOCK_ROWS,
    GradientSums,
    Node,
    add_in_order,
    aligned,
    blocks,
    join,
    rows_of,
    total,
)


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


# --- nodes: whoever computes which of them --------------------------------------------


@st.composite
def divisions(draw):
    """How many blocks there are, and the ranges in which they are dealt out."""
    n = draw(st.integers(1, 300))
    cuts = draw(st.sets(st.integers(1, n), max_size=12)) | {0, n}
    return n, draw(st.permutations(list(pairwise(sorted(cuts)))))


def nodes_of(parts, first, stop):
    return [
        Node(level, place, add_in_order(parts[place << level : (place + 1) << level]))
        for level, place in aligned(first, stop, len(parts))
    ]


@given(divisions())
def test_any_division_of_the_blocks_has_the_same_bits(division):
    n, ranges = division
    parts = terms(n)
    dealt = [join(nodes_of(parts, *part)) for part in ranges]  # each has joined its own
    found = total([node for nodes in dealt for node in nodes], n)
    assert same(found, add_in_order(parts))


@given(divisions())
def test_aligned_nodes_hold_every_block_of_a_range_once_and_are_as_few_as_can_be(division):
    n, ranges = division
    for first, stop in ranges:
        found = list(aligned(first, stop, n))
        held = [
            block
            for level, place in found
            for block in range(place << level, min(place + 1 << level, n))
        ]
        assert held == list(range(first, stop))
        none = GradientSums(np.zeros(1), 0.0, 1.0)
        assert len(join(Node(*place, none) for place in found)) == len(found)
        assert len(found) <= 2 * max(n.bit_length(), 1)


@given(divisions(), st.data())
def test_a_block_that_is_missing_or_there_twice_is_told(division, data):
    n, ranges = division
    nodes = [node for part in ranges for node in nodes_of(terms(n), *part)]
    chosen = data.draw(st.sampled_from(nodes))
    with pytest.raises(ValueError, match="each of"):
        total([node for node in nodes if node is not chosen], n)
    with pytest.raises(ValueError, match="each of"):
        total([*nodes, chosen], n)
    with pytest.raises(ValueError, match="each of"):
        total(nodes, 2 * n + 1)


@pytest.mark.parametrize("m", [1, 512, 513, 5000])
def test_the_rows_of_nodes(m):
    n = len(list(blocks(m)))
    slices = [rows_of(*place, m) for place in aligned(0, n // 2, n)]
    slices += [rows_of(*place, m) for place in aligned(n // 2, n, n)]
    assert [row for part in slices for row in range(part.start, part.stop)] == list(range(m))


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
    n = len(list(blocks(m)))
    for cuts in ([0, n], [0, n // 3, n // 2, n]):
        places = [place for a, b in pairwise(cuts) for place in aligned(a, b, n)]
        nodes = [Node(*place, sums(rows_of(*place, m), threads=2)) for place in places]
        assert same(total(nodes, n), of_blocks)
    assert same(of_blocks, sums(slice(None)))
    assert same(of_blocks, sums(slice(None), threads=3))
    assert of_blocks.weight == pytest.approx(w.sum(dtype=np.float64), rel=1e-6)


@pytest.mark.parametrize("n", [*range(1, 70), 1000, 1025])
def test_all_blocks_are_one_node_also_where_the_tree_is_not_full(n):
    ((level, place),) = aligned(0, n, n_blocks=n)
    assert place == 0
    assert 1 << level >= n > (1 << level) // 2
    half = (1 << level) // 2  # a full subtree; what is behind it is one node too
    assert len(list(aligned(half, n, n_blocks=n))) == 1

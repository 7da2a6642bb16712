"""The Gauss–Newton matrix and Cholesky's factor: the kernel gives what the plain equations say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.compute import kernel, levenberg, plain
from shoal.compute.builds import BUILD, Stop
from shoal.compute.points import Descent, Limits, Penalties, Point
from shoal.compute.terms import ExactInMemory, sums_of
from shoal.data.rows.examples import Examples
from shoal.network.activations import ACTIVATIONS
from shoal.network.architecture import Architecture
from shoal.network.outputs import OUTPUTS
from shoal.training import evidence, lm

pytestmark = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")


def rows(shape, m, seed=0, weighted=True):
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(m, shape.n_x)), rng.uniform(0, 2, m) if weighted else None
    if shape.output == "softmax":
        return Examples(X, None, rng.integers(0, max(shape.n_y, 2), m).astype(np.int32) % shape.n_y, w)  # fmt: skip
    return Examples(X, rng.uniform(size=(m, shape.n_y)), None, w)


def drawn(shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape.n_parameters)


@given(
    st.integers(1, 13), st.integers(0, 9), st.integers(1, 4), st.sampled_from([1, 7, 512, 1300]),
    st.sampled_from(list(ACTIVATIONS)), st.sampled_from(list(OUTPUTS)), st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_the_matrix_is_that_of_the_plain_equations(n_x, n_h, n_y, m, activation, output, weighted):
    shape = Architecture(n_x, n_h, n_y, activation, output)
    examples, W, P = rows(shape, m, weighted=weighted), drawn(shape), shape.n_parameters
    fast, slow = (side.curvature(shape, W, examples, 1) for side in (kernel, plain))
    bound = 1e-12 * np.abs(slow.gradient[:-P]).max() + 1e-300
    np.testing.assert_allclose(fast.gradient[:-P], slow.gradient[:-P], rtol=0, atol=bound)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("m", [300, 512, 513, 5000])
def test_no_bit_depends_on_threads_and_the_gradient_is_that_of_the_sums(output, m):
    shape = Architecture(6, 17, 3, "tanh", output)
    examples, W = rows(shape, m), drawn(shape)
    found = [kernel.curvature(shape, W, examples, threads) for threads in (1, 2, 3, 5)]
    assert len({one.gradient.tobytes() for one in found}) == 1
    known = kernel.sums(shape, W, examples, 1)
    np.testing.assert_array_equal(found[0].gradient[-shape.n_parameters :], known.gradient)
    assert found[0][1:] == known[1:]


@pytest.mark.parametrize("n", [1, 2, 7, 15, 16, 17, 33, 64, 131])
def test_factor_solution_inverse_and_determinant(n):
    rng = np.random.default_rng(n)
    J = rng.normal(size=(n + 3, n))
    triangle, more, b = (J.T @ J)[np.tril_indices(n)], rng.uniform(0.1, 1, n), rng.normal(size=n)
    fast, slow = kernel.factor(triangle, more), plain.factor(triangle, more)
    np.testing.assert_allclose(fast, slow, rtol=1e-9, atol=1e-9)
    A = J.T @ J + np.diag(more)
    np.testing.assert_allclose(A @ kernel.solve(fast, b), b, atol=1e-8)
    for side, factor in ((kernel, fast), (plain, slow)):
        inverse, determinant = side.inverse_diagonal(factor, n)
        np.testing.assert_allclose(inverse, np.diag(np.linalg.inv(A)), rtol=1e-8)
        assert determinant == pytest.approx(np.linalg.slogdet(A)[1], abs=1e-9 * n)


@pytest.mark.parametrize("side", [kernel, plain], ids=["kernel", "plain"])
@pytest.mark.parametrize("bad", [-1.0, 0.0, np.nan, np.inf])
def test_a_matrix_that_is_not_positive_has_no_factor(side, bad):
    triangle = np.eye(5)[np.tril_indices(5)]
    triangle[-1] = bad
    assert side.factor(triangle, np.zeros(5)) is None
    assert side.factor(np.abs(np.nan_to_num(triangle, posinf=1)), np.ones(5)) is not None


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("m", [100, 1100])
def test_twin_the_descent_has_the_same_bits_in_the_kernel_and_from_sums(output, m):
    shape = Architecture(4, 5, 2, "tanh", output)
    examples = rows(shape, m)
    a = np.full(shape.n_parameters, 1e-3)
    begin = Descent(Point(0.5 * drawn(shape)), np.zeros(shape.n_parameters))
    for limits in (Limits(40, -1.0, 0.0, 0), Limits(300, 1e-9, 1e-4, 3), Limits(300, 1e-6, 0.0, 0)):
        fast = kernel.levenberg(shape, a, limits, examples, begin, 2)
        sums = sums_of(ExactInMemory(examples), shape, 1, None)
        slow = levenberg.descend(sums, a, limits, begin)
        assert fast.losses == slow.losses
        assert (fast.ending, fast.waited, fast.best_cost) == (slow.ending, slow.waited, slow.best_cost)  # fmt: skip
        assert fast.point[1:] == slow.point[1:]
        np.testing.assert_array_equal(fast.point.x, slow.point.x)
        np.testing.assert_array_equal(fast.best, slow.best)


def assert_same(fast, slow):
    np.testing.assert_array_equal(fast.losses, slow.losses)  # of which the last may be no number
    assert (fast.ending, fast.waited, fast.best_cost) == (slow.ending, slow.waited, slow.best_cost)
    np.testing.assert_array_equal(fast.point[1:], slow.point[1:])
    np.testing.assert_array_equal(fast.point.x, slow.point.x)
    np.testing.assert_array_equal(fast.best, slow.best)
    assert fast.penalties == slow.penalties


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize(("n_h", "m"), [(3, 100), (0, 150), (2, 1100)])
def test_twin_penalties_by_the_evidence_have_the_same_bits_in_the_kernel_and_from_sums(output, n_h, m):  # fmt: skip
    shape = Architecture(4, n_h, 3, "tanh", output)
    examples, endings = rows(shape, m), set()
    begin = Descent(Point(0.5 * drawn(shape)), np.zeros(shape.n_parameters))
    for before in (Penalties(), Penalties((0.3, 0.02, 1e-8), True, 0.4)):
        begin = begin._replace(penalties=before)
        for limits in (Limits(30, -1.0, 0.0, 0), Limits(90, 1e-6, 0.0, 0), Limits(90, -1.0, 0.02, 2)):  # fmt: skip
            none = np.zeros(shape.n_parameters)
            fast = kernel.levenberg(shape, none, limits, examples, begin, 2)
            sums = sums_of(ExactInMemory(examples), shape, 1, None)
            slow = lm._Chosen(shape, sums, limits).descend(begin)
            assert_same(fast, slow)
            assert fast.penalties != before
            endings.add(fast.ending)
    assert {"finished", "plateau"} <= endings


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize(("n_h", "m"), [(3, 100), (0, 150), (2, 1100)])
def test_twin_what_the_evidence_is_made_of_has_the_same_bits(output, n_h, m):
    shape = Architecture(4, n_h, 3, "tanh", output)
    examples, x = rows(shape, m), 0.5 * drawn(shape)
    curved = sums_of(ExactInMemory(examples), shape, 1, None)(x, curvature=True)
    for a in ((0.3, 0.02, 0.1), (1e-8, 0.0, 1e6)):
        found = kernel.evidence(shape, x, a, examples, 2)
        assert found is not None
        assert found == evidence.known_of(shape, x, a, curved)
    assert kernel.evidence(shape, np.full_like(x, np.nan), a, examples, 1) is None


def test_twin_a_descent_by_the_evidence_diverges_alike():
    shape = Architecture(4, 5, 2, "tanh", "identity")
    examples = rows(shape, 100)
    examples.Y[3] = 1e200
    begin = Descent(Point(drawn(shape)), np.zeros(shape.n_parameters), penalties=Penalties())
    limits, none = Limits(30, -1.0, 0.0, 0), np.zeros(shape.n_parameters)
    fast = kernel.levenberg(shape, none, limits, examples, begin, 1)
    sums = sums_of(ExactInMemory(examples), shape, 1, None)
    with np.errstate(all="ignore"):
        assert_same(fast, lm._Chosen(shape, sums, limits).descend(begin))
    assert fast.ending == "diverged"


def test_by_the_evidence_what_was_stopped_stands_where_it_did():
    shape, stop = Architecture(4, 5, 2, "tanh", "identity"), Stop()
    stop.request()
    before = Penalties((0.3, 0.02, 0.1), True, 0.4)
    begin = Descent(Point(drawn(shape)), np.zeros(shape.n_parameters), penalties=before)
    limits, none = Limits(30, -1.0, 0.0, 0), np.zeros(shape.n_parameters)
    found = kernel.levenberg(shape, none, limits, rows(shape, 600), begin, 1, stop)
    assert (found.ending, found.losses, found.penalties) == ("interrupted", (), before)
    np.testing.assert_array_equal(found.point.x, begin.point.x)

"""Sparse rows are the rows written out: for any shape, output and dtype."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.compute import kernel, plain
from shoal.compute.builds import BUILD
from shoal.compute.steps import Budget, Rule, start
from shoal.data.examples import Examples
from shoal.data.sparse import from_scipy
from shoal.errors import DataError
from shoal.network.architecture import Architecture
from shoal.network.equations import Parameters

needs_kernel = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")
BOUND = {"float32": 1e-5, "float64": 1e-12}


def problem(m, n_x, n_h, n_y, activation, output, dtype, seed, weighted=False, density=0.1):
    rng = np.random.default_rng(seed)
    X = from_scipy(scipy.sparse.random_array((m, n_x), density=density, rng=rng), dtype)
    shape = Architecture(n_x, n_h, n_y, activation, output)
    matrices = Parameters(*(rng.standard_normal(s) / np.sqrt(max(s[1], 1)) for s in shape.shapes))
    labels = rng.integers(n_y if output == "softmax" else 2, size=m).astype(np.int32)
    labelled = output == "softmax" or (output == "sigmoid" and n_y == 1)
    Y = None if labelled else (rng.random((m, n_y)) < 0.8).astype(dtype)
    w = (0.1 + rng.random(m)).astype(dtype) if weighted else None
    examples = Examples(X, Y, labels if labelled else None, w)
    return shape, shape.flatten(matrices, dtype), examples


def written_out(examples):
    wide = [
        V.astype(np.float64) if V is not None and V.dtype.kind == "f" else V for V in examples[1:]
    ]
    return Examples(examples.X.dense().astype(np.float64), *wide)


def close(found, expected, dtype):
    scale = np.abs(expected).max(initial=0) or 1
    return np.abs(found - expected).max(initial=0) <= BOUND[dtype] * scale


@st.composite
def problems(draw):
    output = draw(st.sampled_from(["sigmoid", "softmax", "identity"]))
    dtype = draw(st.sampled_from(["float32", "float64"]))
    return dtype, problem(
        m=draw(st.one_of(st.integers(1, 100), st.integers(500, 1600))),
        n_x=draw(st.one_of(st.integers(1, 40), st.integers(100, 400))),
        n_h=draw(st.one_of(st.integers(0, 20), st.integers(21, 90))),
        n_y=draw(st.integers(2 if output == "softmax" else 1, 5)),
        activation=draw(st.sampled_from(["tanh", "sigmoid", "identity"])),
        output=output,
        dtype=dtype,
        seed=draw(st.integers(0, 10**6)),
        weighted=draw(st.booleans()),
        density=draw(st.sampled_from([0.0, 0.02, 0.3, 1.0])),
    )


@needs_kernel
@settings(derandomize=True, deadline=None, max_examples=80, database=None)
@given(drawn=problems())
def test_sums_and_answers(drawn):
    dtype, (shape, parameters, examples) = drawn
    wide, exact = parameters.astype(np.float64), written_out(examples)
    found = kernel.sums(shape, parameters, examples, 2)
    expected = plain.sums(shape, wide, exact)
    assert close(found.loss, expected.loss, dtype)
    # What cancels in a sum has no digits left: the terms' size is the measure.
    sizes = np.abs(exact.X).sum(axis=0).max() if dtype == "float32" else 0
    for dV, dV_exact in zip(
        shape.unflatten(found.gradient), shape.unflatten(expected.gradient), strict=True
    ):
        bound = BOUND[dtype] * max(np.abs(dV_exact).max(initial=0), 0.02 * sizes, 1)
        assert np.abs(dV - dV_exact).max(initial=0) <= bound
    for V, V_exact in zip(
        (
            *kernel.forward(shape, parameters, examples.X, 1),
            kernel.predict(shape, parameters, examples.X, 2),
        ),
        (*plain.forward(shape, wide, exact.X), plain.predict(shape, wide, exact.X)),
        strict=True,
    ):
        assert V.shape == V_exact.shape
        assert close(V, V_exact, dtype)
    again = plain.sums(shape, wide, examples._replace(X=examples.X))
    assert close(again.gradient, expected.gradient, dtype)  # the plain engine takes them too


@needs_kernel
@pytest.mark.parametrize(("solver", "batch_size"), [("adam", 50), ("sgd", 64), ("gd", 0)])
@pytest.mark.parametrize("n_h", [0, 5, 40])
def test_training_takes_the_same_steps(solver, batch_size, n_h):
    shape, parameters, examples = problem(
        700, 90, n_h, 3, "tanh", "softmax", "float64", 1, weighted=True
    )
    rule = Rule(solver, 0.01, momentum=0.9, alpha=0.1, batch_size=batch_size, key=5)
    state = start(parameters, solver)
    found = kernel.train(shape, rule, Budget(0, 3), examples, state, 1)
    expected = plain.train(shape, rule, Budget(0, 3), written_out(examples), state)
    assert np.allclose(found.losses, expected.losses, rtol=1e-11, atol=0)
    assert close(found.state.parameters, expected.state.parameters, "float64")


@needs_kernel
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("solver", "batch_size"), [("adam", 300), ("sgd", 1500), ("gd", 0)])
@pytest.mark.parametrize("n_h", [0, 100])
def test_the_same_bits_for_any_number_of_threads(dtype, solver, batch_size, n_h):
    shape, parameters, examples = problem(3000, 200, n_h, 3, "relu", "softmax", dtype, 2)
    rule = Rule(solver, 0.01, momentum=0.9, batch_size=batch_size, key=5)
    outcomes = [
        kernel.train(shape, rule, Budget(0, 2), examples, start(parameters, solver), threads)
        for threads in (1, 2, 3, 8)
    ]
    for outcome in outcomes[1:]:
        assert outcome.state.parameters.tobytes() == outcomes[0].state.parameters.tobytes()
        assert outcome.losses.tobytes() == outcomes[0].losses.tobytes()
    after = outcomes[0].state.parameters
    alone = kernel.predict(shape, after, examples.X[1234:1235], 1)
    assert alone.tobytes() == kernel.predict(shape, after, examples.X, 3)[:, 1234:1235].tobytes()


def test_rows_are_taken_and_written_out():
    matrix = scipy.sparse.random_array((50, 9), density=0.3, rng=np.random.default_rng(0)).tocsr()
    X = from_scipy(matrix, "float64")
    for part in (slice(3, 20, 2), np.array([7, 7, 0, 49]), slice(0, 0)):
        np.testing.assert_array_equal(X[part].dense(), matrix.toarray()[part])


def test_numbers_of_one_place_are_added_and_zeros_kept():
    twice = scipy.sparse.coo_array(([1.0, 2.0, 0.0], ([0, 0, 1], [2, 2, 0])), shape=(2, 3))
    np.testing.assert_array_equal(from_scipy(twice, "float32").dense(), [[0, 0, 3], [0, 0, 0]])
    unsorted = scipy.sparse.csr_array(([1.0, 2.0], [2, 0], [0, 2]), shape=(1, 3))
    assert from_scipy(unsorted, "float32").columns.tolist() == [0, 2]
    assert unsorted.indices.tolist() == [2, 0]  # what was given stays as it was


@pytest.mark.parametrize(
    ("value", "told"), [(np.nan, "NaN"), (np.inf, "infinity"), (1e300, "infinity")]
)
def test_what_is_not_finite_is_named(value, told):
    matrix = scipy.sparse.csr_array(([1.0, value], ([0, 3], [4, 5])), shape=(6, 7))
    with pytest.raises(DataError, match=f"contains {told}: row 3, column 5"):
        from_scipy(matrix, "float32")

"""Sparse rows are the rows written out: for any shape, output and dtype."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from written_out import (
    close,
    problem_of,
    same_bits_for_threads,
    same_steps,
    same_sums_and_answers,
    written_out,
)

from shoal.compute import plain
from shoal.compute.builds import BUILD
from shoal.data.rows.sparse import from_scipy
from shoal.errors import DataError

needs_kernel = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")


def problem(m, n_x, n_h, n_y, activation, output, dtype, seed, weighted=False, density=0.1):
    rng = np.random.default_rng(seed)
    X = from_scipy(scipy.sparse.random_array((m, n_x), density=density, rng=rng), dtype)
    return problem_of(X, n_h, n_y, activation, output, rng, weighted)


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
    same_sums_and_answers(dtype, shape, parameters, examples)
    wide = parameters.astype(np.float64)
    again = plain.sums(shape, wide, examples)  # the plain engine takes them too
    assert close(again.gradient, plain.sums(shape, wide, written_out(examples)).gradient, dtype)


@needs_kernel
@pytest.mark.parametrize(("solver", "batch_size"), [("adam", 50), ("sgd", 64), ("gd", 0)])
@pytest.mark.parametrize("n_h", [0, 5, 40])
def test_training_takes_the_same_steps(solver, batch_size, n_h):
    drawn = problem(700, 90, n_h, 3, "tanh", "softmax", "float64", 1, weighted=True)
    same_steps(*drawn, solver, batch_size)


@needs_kernel
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("solver", "batch_size"), [("adam", 300), ("sgd", 1500), ("gd", 0)])
@pytest.mark.parametrize("n_h", [0, 100])
def test_the_same_bits_for_any_number_of_threads(dtype, solver, batch_size, n_h):
    drawn = problem(3000, 200, n_h, 3, "relu", "softmax", dtype, 2)
    same_bits_for_threads(*drawn, solver, batch_size)


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

"""Coded columns are the columns written out: for any groups, shape, output and dtype."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_out import (
    problem_of,
    same_bits_for_threads,
    same_steps,
    same_sums_and_answers,
)

from shoal.compute import kernel, plain
from shoal.compute.builds import BUILD
from shoal.data.encode.coded import Coded, Group

pytestmark = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")

GROUPS = [
    (Group(9, 8),),
    (Group(9, 9), Group(4, 3), Group(1)),
    (Group(17, 16), Group(2, 1), Group(70), Group(3)),
    (Group(1),),
    (Group(1000),),
    (Group(24), Group(7), Group(12)),
    (Group(13, 12),) * 21 + (Group(45),) * 6,  # more than the first cache holds: in several spans
]


def coded(m, n_numbers, groups, dtype, rng):
    codes = np.column_stack([rng.integers(0, g.columns + 1, m) for g in groups]).astype(np.uint16)
    binned = sum(g.bins > 0 for g in groups)
    numbers = rng.standard_normal((m, n_numbers)).astype(dtype)
    return Coded(numbers, codes, rng.random((m, binned)).astype(dtype), groups)


def problem(m, n_numbers, groups, n_h, n_y, activation, output, dtype, seed, weighted=False):
    rng = np.random.default_rng(seed)
    X = coded(m, n_numbers, groups, dtype, rng)
    return problem_of(X, n_h, n_y, activation, output, rng, weighted)


@st.composite
def problems(draw):
    output = draw(st.sampled_from(["sigmoid", "softmax", "identity"]))
    dtype = draw(st.sampled_from(["float32", "float64"]))
    return dtype, problem(
        m=draw(st.one_of(st.integers(1, 100), st.integers(500, 1600))),
        n_numbers=draw(st.integers(0, 20)),
        groups=draw(st.sampled_from(GROUPS)),
        n_h=draw(st.one_of(st.integers(0, 20), st.integers(21, 90))),
        n_y=draw(st.one_of(st.integers(2 if output == "softmax" else 1, 5), st.integers(6, 40))),
        activation=draw(st.sampled_from(["tanh", "sigmoid", "identity"])),
        output=output,
        dtype=dtype,
        seed=draw(st.integers(0, 10**6)),
        weighted=draw(st.booleans()),
    )


@settings(derandomize=True, deadline=None, max_examples=150, database=None)
@given(drawn=problems())
def test_sums_and_answers(drawn):
    dtype, problem = drawn
    same_sums_and_answers(dtype, *problem)


@pytest.mark.parametrize("groups", GROUPS, ids=lambda groups: f"{len(groups)}-groups")
@pytest.mark.parametrize(("solver", "batch_size"), [("adam", 50), ("sgd", 64), ("gd", 0)])
@pytest.mark.parametrize("n_h", [0, 5, 40])
def test_training_takes_the_same_steps(groups, solver, batch_size, n_h):
    drawn = problem(700, 3, groups, n_h, 3, "tanh", "softmax", "float64", 1, weighted=True)
    same_steps(*drawn, solver, batch_size)


@pytest.mark.parametrize("n_y", [1, 3])
@pytest.mark.parametrize("n_h", [5, 8, 40])
@pytest.mark.parametrize("batch_size", [60, 600])  # a block, and several
def test_dropout_takes_the_same_steps(batch_size, n_h, n_y):
    output = "sigmoid" if n_y == 1 else "softmax"
    drawn = problem(700, 3, GROUPS[1], n_h, n_y, "tanh", output, "float64", 4, weighted=True)
    same_steps(*drawn, "sgd", batch_size, dropout=0.3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("solver", "batch_size"), [("adam", 300), ("sgd", 1500), ("gd", 0)])
@pytest.mark.parametrize("n_h", [0, 100])
def test_the_same_bits_for_any_number_of_threads(dtype, solver, batch_size, n_h):
    drawn = problem(3000, 4, GROUPS[2], n_h, 3, "relu", "softmax", dtype, 2)
    same_bits_for_threads(*drawn, solver, batch_size)


def test_codes_beyond_the_columns_count_as_none():
    shape, parameters, examples = problem(
        40, 2, (Group(5, 4), Group(3)), 6, 1, "tanh", "sigmoid", "float64", 3
    )
    X = examples.X
    none = np.broadcast_to(np.uint16([5, 3]), X.codes.shape).copy()
    wild = np.full_like(X.codes, 65535)
    first, second = (
        kernel.predict(shape, parameters, Coded(X.numbers, codes, X.places, X.groups), 1)
        for codes in (none, wild)
    )
    assert first.tobytes() == second.tobytes()
    assert np.allclose(first, plain.predict(shape, parameters, np.pad(X.numbers, ((0, 0), (0, 8)))))

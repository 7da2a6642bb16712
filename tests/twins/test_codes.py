"""Coded columns are the columns written out: for any groups, shape, output and dtype."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.compute import kernel, plain
from shoal.compute.builds import BUILD
from shoal.compute.steps import Budget, Rule, start
from shoal.data.examples import Coded, Examples, Group
from shoal.network.architecture import Architecture
from shoal.network.equations import Parameters

pytestmark = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")

BOUND = {"float32": 1e-5, "float64": 1e-12}
GROUPS = [
    (Group(9, 8),),
    (Group(9, 9), Group(4, 3), Group(1)),
    (Group(17, 16), Group(2, 1), Group(70), Group(3)),
    (Group(1),),
    (Group(1000),),
    (Group(24), Group(7), Group(12)),
]


def coded(m, n_numbers, groups, dtype, rng):
    codes = np.column_stack([rng.integers(0, g.columns + 1, m) for g in groups]).astype(np.uint16)
    binned = sum(g.bins > 0 for g in groups)
    numbers = rng.standard_normal((m, n_numbers)).astype(dtype)
    return Coded(numbers, codes, rng.random((m, binned)).astype(dtype), groups)


def problem(m, n_numbers, groups, n_h, n_y, activation, output, dtype, seed, weighted=False):
    rng = np.random.default_rng(seed)
    X = coded(m, n_numbers, groups, dtype, rng)
    shape = Architecture(X.shape[1], n_h, n_y, activation, output)
    matrices = Parameters(*(rng.standard_normal(s) / np.sqrt(max(s[1], 1)) for s in shape.shapes))
    labels = rng.integers(n_y if output == "softmax" else 2, size=m).astype(np.int32)
    labelled = output == "softmax" or (output == "sigmoid" and n_y == 1)
    Y = None if labelled else (rng.random((m, n_y)) < 0.8).astype(dtype)
    w = (0.1 + rng.random(m)).astype(dtype) if weighted else None
    examples = Examples(X, Y, labels if labelled else None, w)
    return shape, shape.flatten(matrices, dtype), examples


def written_out(examples):
    """The same numbers in float64, with every column."""
    wide = [
        V.astype(np.float64) if V is not None and V.dtype.kind == "f" else V for V in examples[1:]
    ]
    return Examples(examples.X.dense().astype(np.float64), *wide)


def close(found, expected, dtype):
    scale = np.abs(expected).max() or 1
    return np.abs(found - expected).max() <= BOUND[dtype] * scale


@st.composite
def problems(draw):
    output = draw(st.sampled_from(["sigmoid", "softmax", "identity"]))
    dtype = draw(st.sampled_from(["float32", "float64"]))
    return dtype, problem(
        m=draw(st.one_of(st.integers(1, 100), st.integers(500, 1600))),
        n_numbers=draw(st.integers(0, 20)),
        groups=draw(st.sampled_from(GROUPS)),
        n_h=draw(st.one_of(st.integers(0, 20), st.integers(21, 90))),
        n_y=draw(st.integers(2 if output == "softmax" else 1, 5)),
        activation=draw(st.sampled_from(["tanh", "sigmoid", "identity"])),
        output=output,
        dtype=dtype,
        seed=draw(st.integers(0, 10**6)),
        weighted=draw(st.booleans()),
    )


@settings(derandomize=True, deadline=None, max_examples=150, database=None)
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
        bound = BOUND[dtype] * max(np.abs(dV_exact).max(initial=0), 0.02 * sizes)
        assert np.abs(dV - dV_exact).max(initial=0) <= bound
    A2 = kernel.predict(shape, parameters, examples.X, 2)
    assert close(A2, plain.predict(shape, wide, exact.X), dtype)
    for V, V_exact in zip(
        kernel.forward(shape, parameters, examples.X, 1),
        plain.forward(shape, wide, exact.X),
        strict=True,
    ):
        assert V.shape == V_exact.shape
        assert not V.size or close(V, V_exact, dtype)


@pytest.mark.parametrize("groups", GROUPS, ids=str)
@pytest.mark.parametrize(("solver", "batch_size"), [("adam", 50), ("sgd", 64), ("gd", 0)])
@pytest.mark.parametrize("n_h", [0, 5, 40])
def test_training_takes_the_same_steps(groups, solver, batch_size, n_h):
    shape, parameters, examples = problem(
        700, 3, groups, n_h, 3, "tanh", "softmax", "float64", 1, weighted=True
    )
    rule = Rule(solver, 0.01, momentum=0.9, alpha=0.1, batch_size=batch_size, key=5)
    state = start(parameters, solver)
    found = kernel.train(shape, rule, Budget(0, 3), examples, state, 1)
    expected = plain.train(shape, rule, Budget(0, 3), written_out(examples), state)
    assert np.allclose(found.losses, expected.losses, rtol=1e-11, atol=0)
    # (adam divides by the root of squares: where these are tiny, so are the digits left)
    assert close(found.state.parameters, expected.state.parameters, "float64")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("solver", "batch_size"), [("adam", 300), ("sgd", 1500), ("gd", 0)])
@pytest.mark.parametrize("n_h", [0, 100])
def test_the_same_bits_for_any_number_of_threads(dtype, solver, batch_size, n_h):
    shape, parameters, examples = problem(3000, 4, GROUPS[2], n_h, 3, "relu", "softmax", dtype, 2)
    rule = Rule(solver, 0.01, momentum=0.9, batch_size=batch_size, key=5)
    outcomes = [
        kernel.train(shape, rule, Budget(0, 2), examples, start(parameters, solver), threads)
        for threads in (1, 2, 3, 8)
    ]
    for outcome in outcomes[1:]:
        assert outcome.state.parameters.tobytes() == outcomes[0].state.parameters.tobytes()
        assert outcome.losses.tobytes() == outcomes[0].losses.tobytes()
    after = outcomes[0].state.parameters
    answers = [kernel.predict(shape, after, examples.X, threads).tobytes() for threads in (1, 3)]
    assert answers[0] == answers[1]
    alone = kernel.predict(shape, after, examples.X[1234:1235], 1)
    assert alone.tobytes() == kernel.predict(shape, after, examples.X, 1)[:, 1234:1235].tobytes()


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

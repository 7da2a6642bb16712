"""What coded columns and sparse rows have to show: they are the columns written out."""

import numpy as np

from shoal.compute import kernel, plain
from shoal.compute.steps import Budget, Rule, start
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture
from shoal.network.equations import Parameters

BOUND = {"float32": 1e-5, "float64": 1e-12}


def problem_of(X, n_h, n_y, activation, output, rng, weighted=False):
    """A network for these rows, its parameters, and the rows with targets."""
    m, dtype = len(X), X.dtype
    shape = Architecture(X.shape[1], n_h, n_y, activation, output)
    matrices = Parameters(*(rng.standard_normal(s) / np.sqrt(max(s[1], 1)) for s in shape.shapes))
    labels = rng.integers(n_y if output == "softmax" else 2, size=m).astype(np.int32)
    labelled = output == "softmax" or (output == "sigmoid" and n_y == 1)
    Y = None if labelled else (rng.random((m, n_y)) < 0.8).astype(dtype)
    w = (0.1 + rng.random(m)).astype(dtype) if weighted else None
    return shape, shape.flatten(matrices, dtype), Examples(X, Y, labels if labelled else None, w)


def written_out(examples):
    """The same numbers in float64, with every column."""
    wide = [
        V.astype(np.float64) if V is not None and V.dtype.kind == "f" else V for V in examples[1:]
    ]
    return Examples(examples.X.dense().astype(np.float64), *wide)


def close(found, expected, dtype):
    scale = np.abs(expected).max(initial=0) or 1
    return np.abs(found - expected).max(initial=0) <= BOUND[dtype] * scale


def same_sums_and_answers(dtype, shape, parameters, examples):
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
        # A column that is 0 in every row has a slope of 0, where nothing is left to compare with.
        assert np.abs(dV - dV_exact).max(initial=0) <= max(bound, 1e-300)
    A2 = kernel.predict(shape, parameters, examples.X, 2)
    assert close(A2, plain.predict(shape, wide, exact.X), dtype)
    for V, V_exact in zip(
        kernel.forward(shape, parameters, examples.X, 1),
        plain.forward(shape, wide, exact.X),
        strict=True,
    ):
        assert V.shape == V_exact.shape
        assert close(V, V_exact, dtype)


def same_steps(shape, parameters, examples, solver, batch_size, **others):
    rule = Rule(solver, 0.01, momentum=0.9, alpha=0.1, batch_size=batch_size, key=5, **others)
    state = start(parameters, solver)
    found = kernel.train(shape, rule, Budget(0, 3), examples, state, 1)
    expected = plain.train(shape, rule, Budget(0, 3), written_out(examples), state)
    assert np.allclose(found.losses, expected.losses, rtol=1e-11, atol=0)
    # (adam divides by the root of squares: where these are tiny, so are the digits left)
    assert close(found.state.parameters, expected.state.parameters, "float64")


def same_bits_for_threads(shape, parameters, examples, solver, batch_size):
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

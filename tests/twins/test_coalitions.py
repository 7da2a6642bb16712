"""Means of coalitions: the kernel agrees with the plain equations, and with predictions of mixed rows."""

import numpy as np
import pytest

from shoal.compute import plain
from shoal.compute.builds import BUILD
from shoal.compute.coalitions import Background
from shoal.compute.engine import engine
from shoal.network import shapley
from shoal.network.activations import ACTIVATIONS
from shoal.network.architecture import Architecture
from shoal.network.outputs import OUTPUTS

MEMBERS, COLUMNS, M, ROWS = 3, 4, 21, 5  # of the background 21: a rest of lanes, in both precisions
MOVES = shapley.growing(COLUMNS)[0]
SHAPES = {"single": (7, 1), "several": (8, 3), "linear": (0, 2)}


def drawn(architecture, dtype, scale=1.0):
    """Members, a background and rows, of which each column is an input."""
    rng = np.random.default_rng(3)
    units = architecture.n_h or architecture.n_y
    size = architecture.n_parameters
    vectors = [rng.normal(size=size).astype(dtype) for _ in range(MEMBERS)]
    Q = (scale * rng.normal(size=(MEMBERS, M, COLUMNS, units))).astype(dtype)
    P = (scale * rng.normal(size=(MEMBERS, ROWS, COLUMNS, units))).astype(dtype)
    return vectors, Background(Q.sum(axis=2), Q), P


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_kernel_agrees_with_the_plain_equations(shape, activation, output, dtype):
    n_h, n_y = SHAPES[shape]
    architecture = Architecture(COLUMNS, n_h, n_y, activation, output)
    # Without a bound on Z1 a move is a sum, and with one a product; a rate would overflow.
    for scale in (0.4,) if output == "poisson" else (0.4, 300.0):
        given = drawn(architecture, dtype, scale)
        # (Log-odds of probabilities near 0 and 1 say most about rounding.)
        has_odds = output in ("sigmoid", "softmax") and scale < 1 and dtype == "float64"
        for log_odds in (False, True) if has_odds else (False,):
            found, expected = (
                one.means_of_coalitions(architecture, *given, MOVES, 2, log_odds=log_odds)
                for one in (engine, plain)
            )
            assert found.shape == (ROWS, len(MOVES), n_y)
            size = max(1.0, np.abs(expected).max())
            apart = {"float64": 1e-11, "float32": 2e-5}[dtype] * size
            np.testing.assert_allclose(found, expected, atol=apart, rtol=0)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_a_mean_is_that_of_predictions_of_mixed_rows(scale):
    architecture = Architecture(COLUMNS, 6, 1, "tanh", "sigmoid")
    rng = np.random.default_rng(0)
    background, row = scale * rng.normal(size=(M, COLUMNS)), scale * rng.normal(size=COLUMNS)
    vectors = [rng.normal(size=architecture.n_parameters) for _ in range(MEMBERS)]
    W = [architecture.unflatten(vector) for vector in vectors]
    Q = np.stack([background[:, :, np.newaxis] * one.W1.T for one in W])
    P = np.stack([row[np.newaxis, :, np.newaxis] * one.W1.T for one in W])
    Z1 = Q.sum(axis=2) + np.stack([one.b1.T for one in W])
    moves, numbers = shapley.growing(COLUMNS)
    found = engine.means_of_coalitions(
        architecture, vectors, Background(Z1, Q), P, moves, 1, log_odds=False
    )[0, :, 0]
    assert sorted(numbers) == list(range(1, (1 << COLUMNS) - 1))
    for mean, number in zip(found, numbers, strict=True):
        known = number >> np.arange(COLUMNS) & 1 == 1
        mixed = np.where(known, row, background)
        answers = [engine.predict(architecture, vector, mixed, 1) for vector in vectors]
        assert mean == pytest.approx(np.mean(answers), abs=1e-13)


@pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")
def test_threads_and_other_rows_change_no_bit():
    architecture = Architecture(COLUMNS, 7, 2, "sigmoid", "softmax")
    vectors, background, P = drawn(architecture, "float32")
    whole = engine.means_of_coalitions(
        architecture, vectors, background, P, MOVES, 1, log_odds=False
    )
    for threads in (2, 5):
        again = engine.means_of_coalitions(
            architecture, vectors, background, P, MOVES, threads, log_odds=False
        )
        assert np.array_equal(again, whole)
    alone = engine.means_of_coalitions(
        architecture, vectors, background, P[:, 2:3], MOVES, 1, log_odds=False
    )
    assert np.array_equal(alone[0], whole[2])


REFUSED = {
    "a column that is not there": (np.array([[0, 1, COLUMNS]], np.int32), "moves"),
    "a place that is not there": (np.array([[0, COLUMNS + 1, 0]], np.int32), "moves"),
    "the background as a place to go to": (np.array([[0, 0, 0]], np.int32), "moves"),
    "moves of two numbers": (np.array([[0, 1]], np.int32), "moves"),
}


@pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")
@pytest.mark.parametrize("case", REFUSED)
def test_moves_that_lead_outside_are_refused(case):
    moves, message = REFUSED[case]
    architecture = Architecture(COLUMNS, 3, 1)
    with pytest.raises(ValueError, match=message):
        engine.means_of_coalitions(
            architecture, *drawn(architecture, "float64"), moves, 1, log_odds=False
        )


@pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")
def test_arrays_of_other_sizes_are_refused():
    architecture = Architecture(COLUMNS, 3, 1)
    vectors, (Z1, Q), P = drawn(architecture, "float64")
    for others in ((Z1[:, 1:], Q), (Z1, Q[:, 1:])):
        with pytest.raises(ValueError, match="expected"):
            engine.means_of_coalitions(
                architecture, vectors, Background(*others), P, MOVES, 1, log_odds=False
            )
    with pytest.raises(ValueError, match="P"):
        engine.means_of_coalitions(
            architecture, vectors, Background(Z1, Q), P[:, :, :3], MOVES, 1, log_odds=False
        )

"""Units that start equal stay equal in the kernel: to the last bit, and for ever.

The plain equations keep twins to rounding only, as a matrix product may round its rows
differently. The kernel computes every unit by the same operations in the same order.
"""

import numpy as np
import pytest

from shoal.compute import kernel
from shoal.compute.builds import BUILD
from shoal.compute.steps import Budget, Rule, start
from shoal.data.rows.examples import Examples
from shoal.network.activations import ACTIVATIONS
from shoal.network.architecture import Architecture
from shoal.network.equations import Parameters
from shoal.network.initialisers import initialise
from shoal.network.outputs import OUTPUTS

pytestmark = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")

SOLVERS = ("gd", "sgd", "adam")
WIDTHS = (2, 7, 33)  # none is a multiple of the kernel's tiles


def examples(architecture, dtype, m=600):
    rng = np.random.default_rng(11)
    Y = rng.standard_normal((m, architecture.n_y))
    if architecture.output != "identity":
        Y = (Y.max(axis=1, keepdims=True) == Y) if architecture.n_y > 1 else Y > 0
    X = rng.standard_normal((m, architecture.n_x))
    return Examples(X.astype(dtype), Y.astype(dtype))


def trained(architecture, parameters, solver, dtype, epochs=12, m=600, threads=2):
    """The matrices after some epochs in the kernel."""
    rate = 0.1 if solver == "gd" else 0.01
    if architecture.output == "poisson":  # whose slope has no bound
        rate /= 2
    rule = Rule(
        solver,
        learning_rate=rate,
        momentum=0.9 if solver == "sgd" else 0.0,
        alpha=1e-3,
        batch_size=0 if solver == "gd" else 64,
        key=5,
    )
    state = start(architecture.flatten(parameters, dtype), solver)
    data = examples(architecture, dtype, m)
    outcome = kernel.train(architecture, rule, Budget(0, epochs), data, state, threads)
    assert outcome.ending == "finished"
    return architecture.unflatten(outcome.state.parameters)


def bits(unit, parameters):
    """All that makes a hidden unit what it is."""
    W1, b1, W2, _ = parameters
    return W1[unit].tobytes() + b1[unit].tobytes() + W2[:, unit].tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_from_zeros_all_units_stay_one_unit(activation, solver, dtype):
    for n_h in WIDTHS:
        architecture = Architecture(3, n_h, 1, activation, "sigmoid")
        zeros = Parameters(*(np.zeros(shape) for shape in architecture.shapes))
        after = trained(architecture, zeros, solver, dtype)
        assert len({bits(unit, after) for unit in range(n_h)}) == 1
        assert after.b2 != 0  # something was learnt, by the one unit that there is
        # g(0) = 0 hides W2 from the gradient; only the sigmoid's 0.5 shows it.
        assert (after.W2 != 0).all() == (activation == "sigmoid")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_units_that_start_equal_stay_equal(activation, solver, output, dtype):
    for n_h in WIDTHS:
        architecture = Architecture(5, n_h, 3, activation, output)
        W1, b1, W2, b2 = initialise(5, n_h, 3, key=2, init=0.5)
        W2 *= 0.2 if output == "poisson" else 1.0  # so that no rate is huge
        twins = [0, n_h // 2, n_h - 1]
        W1[twins], W2[:, twins] = W1[0], W2[:, :1]
        after = trained(architecture, Parameters(W1, b1, W2, b2), solver, dtype)
        assert len({bits(unit, after) for unit in twins}) == 1
        assert not np.allclose(after.W1[0], W1[0], rtol=1e-3), "nothing was learnt"
        # The others were drawn on their own, and stay on their own.
        assert len({bits(unit, after) for unit in range(n_h)}) == n_h - len(set(twins)) + 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_units_that_start_equal_stay_equal_when_threads_share_them_out(dtype):
    # 512 rows of 200 features and 67 units: enough work for a team on one block.
    architecture = Architecture(200, 67, 2, "tanh", "sigmoid")
    W1, b1, W2, b2 = initialise(200, 67, 2, key=2, init=0.05)
    W1[:], W2[:] = W1[0], W2[:, :1]
    start_equal = Parameters(W1, b1, W2, b2)
    for m in (512, 3000):
        after = trained(architecture, start_equal, "gd", dtype, epochs=5, m=m, threads=3)
        assert len({bits(unit, after) for unit in range(67)}) == 1


@pytest.mark.parametrize("init", ["lecture", "glorot", "he", 1e-3])
def test_a_random_draw_breaks_the_symmetry(init):
    architecture = Architecture(3, 33, 1)
    drawn = initialise(3, 33, 1, key=3, init=init)
    for solver in SOLVERS:
        after = trained(architecture, drawn, solver, "float32")
        assert len({bits(unit, after) for unit in range(33)}) == 33


def test_a_drawn_W1_is_enough():
    W1, b1, W2, b2 = initialise(3, 7, 1, key=3, init=0.1)
    after = trained(Architecture(3, 7, 1), Parameters(W1, b1, 0 * W2, b2), "gd", "float64")
    assert len({bits(unit, after) for unit in range(7)}) == 7

"""Laws that the ten equations obey, whatever the numbers."""

import math
from typing import NamedTuple

import numpy as np
import pytest

from shoal.network.activations import ACTIVATIONS, Activation
from shoal.network.equations import Gradients, Parameters, backward, cost, forward, update
from shoal.network.initialisers import initialise
from shoal.network.outputs import OUTPUTS, Output

TANH, SIGMOID = ACTIVATIONS["tanh"], OUTPUTS["sigmoid"]


class Problem(NamedTuple):
    """A network and 30 examples, in general position: no Z1 near a kink, no bias zero."""

    parameters: Parameters
    X: np.ndarray
    Y: np.ndarray
    w: np.ndarray | None
    g: Activation
    sigma: Output

    @property
    def cost(self) -> float:
        """J."""
        passed = forward(self.parameters, self.X, self.g, self.sigma)
        return cost(passed, self.Y, self.sigma, self.w)

    @property
    def gradients(self) -> Gradients:
        """Its slopes."""
        passed = forward(self.parameters, self.X, self.g, self.sigma)
        return backward(self.parameters, passed, self.X, self.Y, self.g, self.w)

    def at(self, *parameters: np.ndarray) -> "Problem":
        """The same examples, seen by another network."""
        return self._replace(parameters=Parameters(*parameters))

    def of(self, columns: object) -> "Problem":
        """The same network, which sees only some of the examples."""
        w = None if self.w is None else self.w[:, columns]
        return self._replace(X=self.X[:, columns], Y=self.Y[:, columns], w=w)


def make(activation="tanh", output="sigmoid", hidden=4, weighted=False, m=30):
    rng = np.random.default_rng(20240601)
    n_x, n_y = 5, 3
    shapes = (hidden, n_x), (hidden, 1), (n_y, hidden or n_x), (n_y, 1)
    parameters = Parameters(*(0.7 * rng.standard_normal(shape) for shape in shapes))
    X = rng.standard_normal((n_x, m))
    Y = {
        "sigmoid": lambda: (rng.random((n_y, m)) < 0.5).astype(float),
        "softmax": lambda: np.eye(n_y)[rng.integers(n_y, size=m)].T,
        "identity": lambda: rng.standard_normal((n_y, m)),
        "poisson": lambda: rng.poisson(2.0, (n_y, m)).astype(float),
    }[output]()
    w = rng.integers(0, 4, (1, m)).astype(float) if weighted else None
    return Problem(parameters, X, Y, w, ACTIVATIONS[activation], OUTPUTS[output])


@pytest.fixture(
    params=[(g, s, n, w) for g in ACTIVATIONS for s in OUTPUTS for n in (0, 4) for w in (0, 1)],
    ids=lambda p: f"{p[0]}-{p[1]}-hidden={p[2]}-{'weighted' if p[3] else 'plain'}",
)
def problem(request):
    return make(*request.param)


def close(found, expected, rtol=1e-12):
    for dV, expected_dV in zip(found, expected, strict=True):
        np.testing.assert_allclose(dV, expected_dV, rtol=rtol, atol=1e-14)


def test_gradients_are_the_slopes_of_the_cost(problem):
    rng = np.random.default_rng(1)
    direction = [rng.standard_normal(V.shape) for V in problem.parameters]
    h = 1e-6  # error of a central difference: about h², and eps/h from rounding

    def cost_at(t):
        moved = (V + t * D for V, D in zip(problem.parameters, direction, strict=True))
        return problem.at(*moved).cost

    slope = (cost_at(h) - cost_at(-h)) / (2 * h)
    pairs = zip(problem.gradients[:4], direction, strict=True)
    assert slope == pytest.approx(sum(np.vdot(dV, D) for dV, D in pairs), rel=1e-7)


def test_every_single_gradient_is_a_slope():
    # One direction could miss a mistake that another one shows; 43 directions cannot.
    problem, h = make(weighted=True), 1e-6
    for i, dV in enumerate(problem.gradients[:4]):
        for at in np.ndindex(dV.shape):

            def cost_at(t, i=i, at=at):
                moved = [V.copy() for V in problem.parameters]
                moved[i][at] += t
                return problem.at(*moved).cost

            slope = (cost_at(h) - cost_at(-h)) / (2 * h)
            assert slope == pytest.approx(dV[at], rel=1e-6, abs=1e-9)


def test_blocks_of_examples_add_up(problem):
    whole = problem.gradients
    first, last = problem.of(slice(0, 11)), problem.of(slice(11, 30))
    m1, m2 = (p.X.shape[1] if p.w is None else p.w.sum() for p in (first, last))
    pairs = zip(first.gradients[:4], last.gradients[:4], strict=True)
    close([(m1 * a + m2 * b) / (m1 + m2) for a, b in pairs], whole[:4])


def test_seeing_every_example_twice_changes_nothing(problem):
    twice = problem.of(np.repeat(np.arange(30), 2))
    close(twice.gradients[:4], problem.gradients[:4])
    assert twice.cost == pytest.approx(problem.cost, rel=1e-12)


def test_a_weight_is_a_number_of_rows(problem):
    # Weight 2 is a row twice, and weight 0 is a row left out.
    w = np.arange(30)[np.newaxis] % 4.0
    weighted = problem._replace(w=w)
    repeated = problem._replace(w=None).of(np.repeat(np.arange(30), w[0].astype(int)))
    close(weighted.gradients[:4], repeated.gradients[:4])
    assert weighted.cost == pytest.approx(repeated.cost, rel=1e-12)


def test_an_example_of_weight_zero_is_not_there():
    problem = make(weighted=True)
    assert (problem.w == 0).any()
    strange = problem._replace(X=np.where(problem.w == 0, 1e6, problem.X))
    close(strange.gradients[:4], problem.gradients[:4])


def test_a_gradient_belongs_to_one_example_or_to_all_of_them():
    problem = make(m=30)
    found = problem.gradients
    shapes = [dV.shape for dV in found]
    assert shapes == [(4, 5), (4, 1), (3, 4), (3, 1), (4, 30), (3, 30)]
    # dZ of an example does not know of the others, so there is no 1/m in it.
    close(problem.of(slice(7, 8)).gradients[4:], [dZ[:, 7:8] for dZ in found[4:]])


@pytest.mark.parametrize("output", OUTPUTS)
def test_dZ2_is_A2_minus_Y_for_every_matching_pair(output):
    problem = make(output=output)
    A2 = forward(problem.parameters, problem.X, problem.g, problem.sigma).A2
    np.testing.assert_array_equal(problem.gradients.dZ2, A2 - problem.Y)

    # And this is the slope of an example's own loss by its own Z2.
    Z2, h = forward(problem.parameters, problem.X, problem.g, problem.sigma).Z2, 1e-6
    for k in range(len(Z2)):
        step = np.zeros_like(Z2)
        step[k] = h
        above, below = (problem.sigma.loss(Z2 + s, problem.Y) for s in (step, -step))
        slope = ((above - below) / (2 * h))[0]
        np.testing.assert_allclose(slope, problem.gradients.dZ2[k], rtol=1e-6, atol=1e-8)


def test_a_loop_over_examples_and_units_gives_the_same_numbers():
    problem = make()
    W1, b1, W2, b2 = (V.tolist() for V in problem.parameters)
    X, Y, m = problem.X.tolist(), problem.Y.tolist(), 30
    n_x, n_h, n_y = 5, 4, 3
    J = 0.0
    dW1, db1 = np.zeros((n_h, n_x)), np.zeros((n_h, 1))
    dW2, db2 = np.zeros((n_y, n_h)), np.zeros((n_y, 1))
    for i in range(m):
        z1 = [sum(W1[j][f] * X[f][i] for f in range(n_x)) + b1[j][0] for j in range(n_h)]  # [1]
        a1 = [math.tanh(z) for z in z1]  # [2]
        z2 = [sum(W2[k][j] * a1[j] for j in range(n_h)) + b2[k][0] for k in range(n_y)]  # [3]
        a2 = [1 / (1 + math.exp(-z)) for z in z2]  # [4]
        J -= sum(math.log(a if Y[k][i] else 1 - a) for k, a in enumerate(a2)) / m
        dz2 = [a2[k] - Y[k][i] for k in range(n_y)]  # [5]
        for k in range(n_y):
            for j in range(n_h):
                dW2[k, j] += dz2[k] * a1[j] / m  # [6]
            db2[k, 0] += dz2[k] / m  # [7]
        for j in range(n_h):
            dz1 = sum(W2[k][j] * dz2[k] for k in range(n_y)) * (1 - a1[j] ** 2)  # [8]
            for f in range(n_x):
                dW1[j, f] += dz1 * X[f][i] / m  # [9]
            db1[j, 0] += dz1 / m  # [10]
    close(problem.gradients[:4], (dW1, db1, dW2, db2))
    assert problem.cost == pytest.approx(J, rel=1e-12)


def test_db2_keeps_its_shape_and_so_does_b2():
    # (n_y,) would broadcast against (n_y, 1) into (n_y, n_y) at the first update.
    problem = make()
    assert problem.gradients.db2.shape == (3, 1)
    moved = update(problem.parameters, problem.gradients, 0.1)
    assert [V.shape for V in moved] == [V.shape for V in problem.parameters]


def test_an_update_goes_downhill_by_the_learning_rate(problem):
    moved = update(problem.parameters, problem.gradients, 0.01)
    close(
        moved,
        [V - 0.01 * dV for V, dV in zip(problem.parameters, problem.gradients[:4], strict=True)],
    )
    assert problem.at(*moved).cost < problem.cost


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_twin_units_stay_twins(activation):
    problem = make(activation)
    W1, b1, W2, b2 = (V.copy() for V in problem.parameters)
    W1[1], b1[1], W2[:, 1] = W1[0], b1[0], W2[:, 0]
    twins = problem.at(W1, b1, W2, b2)
    for _ in range(50):
        twins = twins.at(*update(twins.parameters, twins.gradients, 0.1))
    # Not to the last bit: a matrix product may round its rows differently.
    np.testing.assert_allclose(twins.parameters.W1[1], twins.parameters.W1[0], rtol=1e-9)
    assert not np.allclose(twins.parameters.W1[1], W1[1], rtol=1e-3), "nothing was learnt"


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hidden_units_have_no_order(activation, output):
    problem = make(activation, output)
    order = [2, 0, 3, 1]
    W1, b1, W2, b2 = problem.parameters
    shuffled = problem.at(W1[order], b1[order], W2[:, order], b2)
    dW1, db1, dW2, db2 = problem.gradients[:4]
    close(shuffled.gradients[:4], (dW1[order], db1[order], dW2[:, order], db2), rtol=1e-11)
    assert shuffled.cost == pytest.approx(problem.cost, rel=1e-12)


@pytest.mark.parametrize("z", [40.0, 800.0, -800.0, 1e300])
def test_cost_of_a_confident_mistake_is_finite(z):
    wrong = np.array([[0.0 if z > 0 else 1.0]])
    zero = np.zeros((1, 1))
    network = Parameters(zero, zero, zero, np.full((1, 1), z))
    assert cost(forward(network, zero, TANH, SIGMOID), wrong, SIGMOID) == pytest.approx(abs(z))


@pytest.mark.parametrize("z", [40.0, 800.0, 1e300])
def test_cost_of_a_confident_mistake_among_classes_is_finite(z):
    zero = np.zeros((1, 1))
    network = Parameters(zero, zero, np.zeros((3, 1)), np.array([[z], [0.0], [0.0]]))
    wrong, softmax = np.array([[0.0], [1.0], [0.0]]), OUTPUTS["softmax"]
    assert cost(forward(network, zero, TANH, softmax), wrong, softmax) == pytest.approx(z)


@pytest.mark.parametrize("shape", [(30, 5), (5,), (4, 30)])
def test_rows_and_columns_confused(shape):
    problem = make()
    with pytest.raises(ValueError, match=r"must have shape \(5, m\).*pass X\.T"):
        forward(problem.parameters, np.zeros(shape), TANH, SIGMOID)


def test_learns_xor():
    X, Y = np.array([[0.0, 0, 1, 1], [0, 1, 0, 1]]), np.array([[0.0, 1, 1, 0]])
    problem = Problem(initialise(2, 4, 1, key=0, init=1.0), X, Y, None, TANH, SIGMOID)
    for _ in range(2000):
        problem = problem.at(*update(problem.parameters, problem.gradients, 1.0))
    assert ((forward(problem.parameters, X, TANH, SIGMOID).A2 > 0.5) == Y).all()
    assert problem.cost < 0.05


def test_no_hidden_layer_cannot_learn_xor():
    X, Y = np.array([[0.0, 0, 1, 1], [0, 1, 0, 1]]), np.array([[0.0, 1, 1, 0]])
    problem = Problem(initialise(2, 0, 1, key=0, init=1.0), X, Y, None, TANH, SIGMOID)
    for _ in range(2000):
        problem = problem.at(*update(problem.parameters, problem.gradients, 1.0))
    assert problem.cost == pytest.approx(math.log(2), abs=1e-6)  # a coin is as good


def test_with_W2_zero_the_first_step_leaves_W1_where_it_is():
    problem = make()
    W1, b1, W2, b2 = problem.parameters
    one = problem.at(W1, b1, np.zeros_like(W2), b2)
    one = one.at(*update(one.parameters, one.gradients, 0.1))
    np.testing.assert_array_equal(one.parameters.W1, W1)
    np.testing.assert_array_equal(one.parameters.b1, b1)
    assert (one.parameters.W2 != 0).all()
    two = update(one.parameters, one.gradients, 0.1)
    assert (two.W1 != W1).all()


def test_the_softmax_loss_has_all_its_digits_wherever_its_numbers_lie():
    rng = np.random.default_rng(4)
    Z2 = rng.integers(-200, 200, (3, 50)) / 64  # so that the sums below are exact
    Y = np.eye(3)[:, rng.integers(3, size=50)]
    expected = OUTPUTS["softmax"].loss(Z2, Y)
    np.testing.assert_allclose(OUTPUTS["softmax"].loss(Z2 + 2.0**40, Y), expected, rtol=1e-12)
    np.testing.assert_allclose(OUTPUTS["softmax"].loss(Z2 - 2.0**40, Y), expected, rtol=1e-12)

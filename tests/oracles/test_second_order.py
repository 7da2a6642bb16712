"""Curvature and evidence beside programs that share no line with us: dual numbers, and mpmath."""

import itertools

import mpmath
import numpy as np
import pytest
from sklearn.linear_model import BayesianRidge

from shoal import ShoalRegressor
from shoal.compute.engine import engine
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture
from shoal.training import evidence

RNG = np.random.default_rng(3)


class Dual:
    """A number and its derivative: forward differentiation."""

    def __init__(self, x, dx):
        self.x, self.dx = x, dx

    def __add__(self, other):
        return Dual(self.x + other.x, self.dx + other.dx)

    def __mul__(self, other):
        return Dual(self.x * other.x, self.x * other.dx + self.dx * other.x)

    def tanh(self):
        t = mpmath.tanh(self.x)
        return Dual(t, (1 - t * t) * self.dx)


def outputs(shape, theta, x):
    """Z2 of one example, unit after unit, from parameters that may be of any kind."""
    W1, b1, W2, b2 = shape.unflatten(np.array(theta, object))
    inner = [sum((W1[j, i] * v for i, v in enumerate(x)), b1[j, 0]).tanh() for j in range(shape.n_h)]  # fmt: skip
    inner = inner or list(x)
    return [sum((W2[k, j] * a for j, a in enumerate(inner)), b2[k, 0]) for k in range(shape.n_y)]


def jacobian(shape, theta, x):
    """∂Z2/∂θ of one example, (n_y, parameters), and Z2 itself."""
    constants = [Dual(mpmath.mpf(float(v)), mpmath.mpf(0)) for v in x]
    columns = []
    for p in range(len(theta)):
        moving = [Dual(mpmath.mpf(float(v)), mpmath.mpf(int(q == p))) for q, v in enumerate(theta)]
        columns.append(outputs(shape, moving, constants))
    J = mpmath.matrix([[one[k].dx for one in columns] for k in range(shape.n_y)])
    return J, [z.x for z in columns[0]]


def curved_by(output, z):
    """∂²L/∂Z2² by its definition."""
    n = len(z)
    if output == "softmax":
        total = sum(mpmath.exp(v) for v in z)
        p = [mpmath.exp(v) / total for v in z]
        return mpmath.matrix(n, n) + mpmath.matrix([[(p[i] if i == j else 0) - p[i] * p[j] for j in range(n)] for i in range(n)])  # fmt: skip
    if output == "poisson":
        return mpmath.diag([mpmath.exp(v) for v in z])
    p = [1 / (1 + mpmath.exp(-v)) for v in z]
    return mpmath.diag([v * (1 - v) if output == "sigmoid" else mpmath.mpf(1) for v in p])


def matrix_of(shape, theta, X, w):
    G = mpmath.zeros(len(theta), len(theta))
    for x, weight in zip(X, w, strict=True):
        J, z = jacobian(shape, theta, x)
        G += mpmath.mpf(float(weight)) * (J.T * curved_by(shape.output, z) * J)
    return G


@pytest.mark.parametrize("output", ["identity", "sigmoid", "softmax", "poisson"])
@pytest.mark.parametrize("n_h", [0, 3])
def test_the_gauss_newton_matrix_is_that_of_automatic_differentiation(output, n_h):
    shape = Architecture(2, n_h, 3, "tanh", output)
    X, w, theta = RNG.normal(size=(6, 2)), RNG.uniform(0, 2, 6), RNG.normal(size=shape.n_parameters)
    if output == "softmax":
        examples = Examples(X, None, np.arange(6, dtype=np.int32) % 3, w)
    else:
        examples = Examples(X, RNG.uniform(size=(6, 3)), None, w)
    found = engine.curvature(shape, theta, examples, 1).gradient[: -len(theta)]
    G = matrix_of(shape, theta, X, w)
    expected = [float(G[p, q]) for p in range(len(theta)) for q in range(p + 1)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * np.abs(expected).max())


def priors(groups, theta, alpha):
    """log of the normal densities of the groups."""
    log = mpmath.mpf(0)
    for group, a in zip(groups, alpha, strict=True):
        for v in theta[group]:
            log += (mpmath.log(a / (2 * mpmath.pi)) - a * mpmath.mpf(float(v)) ** 2) / 2
    return log


@pytest.mark.parametrize("output", ["identity", "sigmoid", "softmax"])
def test_the_log_evidence_of_a_tiny_network_is_mpmaths(output):
    """Laplace's approximation around any point, term by term, in 30 digits."""
    n_y = 2 if output == "softmax" else 1
    shape = Architecture(1, 1, n_y, "tanh", output)
    n = shape.n_parameters
    X, theta, labels = RNG.normal(size=(7, 1)), RNG.normal(size=n), np.arange(7, dtype=np.int32) % 2
    Y = RNG.normal(size=(7, 1))
    examples = Examples(X, Y) if output == "identity" else Examples(X, None, labels)
    a = (0.3, 0.7, 1.1)
    curved = engine.curvature(shape, theta, examples, 1)
    found = evidence.improved(shape, theta, a, curved).found
    with mpmath.workdps(30):
        beta = mpmath.mpf(found.beta)
        alpha = [mpmath.mpf(v) * beta for v in a]
        groups = evidence.groups_of(shape)
        data = mpmath.mpf(0)
        for x, y, label in zip(X, Y[:, 0], labels, strict=True):
            z = jacobian(shape, theta, x)[1]
            if output == "identity":
                data += (mpmath.log(beta / (2 * mpmath.pi)) - beta * (z[0] - y) ** 2) / 2
                continue
            z = z if output == "softmax" else [mpmath.mpf(0), z[0]]
            data += z[label] - mpmath.log(sum(mpmath.exp(v) for v in z))
        A = beta * matrix_of(shape, theta, X, np.ones(7))
        for group, value in zip(groups, alpha, strict=True):
            for p in range(group.start, group.stop):
                A[p, p] += value
        # Softmax does not change when both biases move: that direction has no volume.
        curvatures, directions = mpmath.eigsy(A)
        seen = [i for i in range(n) if curvatures[i] > 1e-15]
        assert len(seen) == n - (output == "softmax")
        volume = mpmath.log(2 * mpmath.pi) * len(seen) / 2
        volume -= sum(mpmath.log(curvatures[i]) for i in seen) / 2
        expected = data + priors(groups, theta, alpha) + volume
        gamma = mpmath.mpf(0)
        for g, value in zip(groups, alpha, strict=True):
            for p in range(g.start, g.stop):
                gamma += 1 - value * sum(directions[p, i] ** 2 / curvatures[i] for i in seen)
    assert found.log_evidence == pytest.approx(float(expected), rel=1e-12)
    assert found.gamma == pytest.approx(float(gamma), rel=1e-10)


@pytest.mark.slow
def test_the_evidence_of_a_linear_model_is_the_integral():
    """Of a straight line the approximation is exact; mpmath integrates over slope and intercept."""
    x, y = np.array([-1.0, 0.2, 0.8, 1.5]), np.array([-0.9, 0.4, 0.5, 1.8])
    model = ShoalRegressor(hidden=0, alpha="evidence", encode=None, tol=1e-10, members=1, dtype="float64")  # fmt: skip
    model.fit(x[:, None], y)
    alpha, beta = model.evidence_.alpha[0, 2], model.evidence_.beta[0]
    targets = (y - model.target_mean_) / model.target_scale_

    def density(slope, intercept):
        squares = sum((slope * u + intercept - v) ** 2 for u, v in zip(x, targets, strict=True))
        return mpmath.exp(-(beta * squares + alpha * slope**2) / 2)

    W, b = model.coefs_[0][0, 0], model.intercepts_[0][0]
    around = [[W - 3, W, W + 3], [b - 3, b, b + 3]]
    integral = mpmath.quad(density, *around)
    log = 2 * mpmath.log(beta / (2 * mpmath.pi)) + mpmath.log(alpha / (2 * mpmath.pi)) / 2
    assert model.evidence_.log_evidence[0] == pytest.approx(float(log + mpmath.log(integral)), rel=1e-6)  # fmt: skip


@pytest.mark.parametrize(("noise", "seed"), list(itertools.product([0.1, 1.0, 5.0], range(3))))
def test_a_linear_model_by_evidence_is_bayesian_ridge(noise, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(80, 6)) * [1, 2, 0.5, 1, 3, 1] + 1
    y = X @ [1, -2, 0, 0.5, 0, 1] + noise * rng.normal(size=80) + 3
    ridge = BayesianRidge(tol=1e-12, max_iter=10_000, alpha_1=0, alpha_2=0, lambda_1=0, lambda_2=0)
    ridge.fit(X, y)
    model = ShoalRegressor(hidden=0, alpha="evidence", encode=None, tol=1e-12, members=1, dtype="float64", max_iter=10_000)  # fmt: skip
    model.fit(X, y)
    found, scale = model.evidence_, model.target_scale_[0]
    np.testing.assert_allclose(model.predict(X), ridge.predict(X), rtol=1e-6, atol=1e-6 * scale)
    np.testing.assert_allclose(found.beta / scale**2, ridge.alpha_, rtol=1e-6)
    np.testing.assert_allclose(found.alpha[:, 2] / scale**2, ridge.lambda_, rtol=1e-6)

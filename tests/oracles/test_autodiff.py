"""Gradients beside those of automatic differentiation, by programs that share no line with us."""

import numpy as np
import pytest

from shoal import Network
from shoal.network.activations import ACTIVATIONS
from shoal.network.equations import backward, forward
from shoal.network.outputs import OUTPUTS

KINDS = [(g, s, n, w) for g in ACTIVATIONS for s in OUTPUTS for n in (0, 7) for w in (False, True)]
REASON = "{} is not installed: it is in the extra `bench`"


def problems():
    """Every kind of network, with 700 examples: more than a block."""
    for activation, output, n_h, weighted in KINDS:
        rng = np.random.default_rng(5)
        n_x, n_y, m = 6, 3, 700
        shapes = (n_h, n_x), (n_h, 1), (n_y, n_h or n_x), (n_y, 1)
        matrices = [rng.standard_normal(shape) for shape in shapes]
        X = rng.standard_normal((n_x, m))
        Y = {
            "sigmoid": (rng.random((n_y, m)) < 0.5).astype(float),
            "softmax": np.eye(n_y)[rng.integers(n_y, size=m)].T,
            "identity": rng.standard_normal((n_y, m)),
            "poisson": rng.poisson(2.0, (n_y, m)).astype(float),
        }[output]
        w = rng.random((1, m)) if weighted else None
        yield Network(*matrices, activation=activation, output=output), X, Y, w


def agree(net, X, Y, w, cost, gradients):
    """The kernel's gradients and those of the plain equations are the expected ones."""
    assert net.cost(X, Y, w) == pytest.approx(cost, rel=1e-12), net
    g, sigma = net.architecture.g, net.architecture.sigma
    plain = backward(net.parameters, forward(net.parameters, X, g, sigma), X, Y, g, w)
    fast = net.gradients(X, Y, w)
    for i, dV in enumerate(gradients):
        if dV.size:
            bound = 1e-12 * np.abs(dV).max()
            np.testing.assert_allclose(plain[i], dV, rtol=0, atol=bound, err_msg=str(net))
            np.testing.assert_allclose(fast[i], dV, rtol=0, atol=bound, err_msg=str(net))


def test_pytorch():
    torch = pytest.importorskip("torch", reason=REASON.format("PyTorch"))
    for problem in problems():
        agree(*problem, *by_pytorch(torch, *problem))


def by_pytorch(torch, net, X, Y, w):
    """The cost and its gradients."""
    F = torch.nn.functional
    W1, b1, W2, b2 = (torch.tensor(V.copy(), requires_grad=True) for V in net.parameters)
    g = {
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky_relu": lambda Z: F.leaky_relu(Z, 0.01),
        "sigmoid": torch.sigmoid,
        "identity": lambda Z: Z,
    }[net.architecture.activation]
    x, y = torch.tensor(X), torch.tensor(Y)
    Z2 = W2 @ (g(W1 @ x + b1) if len(W1) else x) + b2
    losses = {
        "sigmoid": lambda: F.binary_cross_entropy_with_logits(Z2, y, reduction="none").sum(0),
        "softmax": lambda: F.cross_entropy(Z2.T, y.T, reduction="none"),
        "identity": lambda: 0.5 * F.mse_loss(Z2, y, reduction="none").sum(0),
        "poisson": lambda: (torch.exp(Z2) - y - y * Z2 + torch.xlogy(y, y)).sum(0),
    }[net.architecture.output]()
    weights = torch.ones(X.shape[1], dtype=torch.float64) if w is None else torch.tensor(w[0])
    J = (weights * losses).sum() / weights.sum()
    J.backward()
    pairs = zip((W1, b1, W2, b2), net.parameters, strict=True)
    return J.item(), [np.zeros_like(V) if T.grad is None else T.grad.numpy() for T, V in pairs]


def test_jax():
    jax = pytest.importorskip("jax", reason=REASON.format("JAX"))
    jax.config.update("jax_enable_x64", True)
    for problem in problems():
        agree(*problem, *by_jax(jax, *problem))


def by_jax(jax, net, X, Y, w):
    """The cost and its gradients."""
    np_ = jax.numpy
    g = {
        "tanh": np_.tanh,
        "relu": jax.nn.relu,
        "leaky_relu": lambda Z: jax.nn.leaky_relu(Z, 0.01),
        "sigmoid": jax.nn.sigmoid,
        "identity": lambda Z: Z,
    }[net.architecture.activation]
    loss = {
        "sigmoid": lambda Z: (jax.nn.softplus(Z) - Y * Z).sum(0),
        "softmax": lambda Z: -(Y * jax.nn.log_softmax(Z, axis=0)).sum(0),
        "identity": lambda Z: 0.5 * ((Z - Y) ** 2).sum(0),
        "poisson": lambda Z: (np_.exp(Z) - Y - Y * Z + jax.scipy.special.xlogy(Y, Y)).sum(0),
    }[net.architecture.output]
    weights = np.ones(X.shape[1]) if w is None else w[0]

    def J(parameters):
        W1, b1, W2, b2 = parameters
        A1 = g(W1 @ X + b1) if len(W1) else X
        return (weights * loss(W2 @ A1 + b2)).sum() / weights.sum()

    value, gradients = jax.value_and_grad(J)(tuple(map(np_.asarray, net.parameters)))
    return float(value), [np.asarray(dV) for dV in gradients]

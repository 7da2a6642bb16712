"""The gradient check: it passes what is right, and names the equation in which a fault was planted."""

import numpy as np
import pytest

import shoal
from shoal import Network, gradient_check
from shoal.compute import plain
from shoal.diagnosis import gradients
from shoal.network import equations
from shoal.network.activations import ACTIVATIONS
from shoal.network.outputs import OUTPUTS

M = 600


def network(activation="tanh", output="softmax", n_x=5, n_h=7, n_y=3):
    rng = np.random.default_rng(1)
    shapes = (n_h, n_x), (n_h, 1), (n_y, n_h or n_x), (n_y, 1)
    matrices = (0.7 * rng.standard_normal(shape) for shape in shapes)
    return Network(*matrices, activation=activation, output=output)


def examples(output="softmax", n_x=5, n_y=3, m=M):
    rng = np.random.default_rng(2)
    X = rng.standard_normal((n_x, m))
    if output == "softmax":
        return X, np.eye(n_y)[rng.integers(0, n_y, m)].T
    return X, rng.integers(0, 2, (n_y, m)) + (0.3 if output == "identity" else 0)


@pytest.mark.parametrize("hidden", [0, 7])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_kernel_passes(activation, output, weighted, hidden):
    X, Y = examples(output)
    weights = np.random.default_rng(3).random(M) if weighted else None
    check = gradient_check(network(activation, output, n_h=hidden), X, Y, weights)
    assert check.passed, str(check)
    assert check.first_faulty is None
    expected = {"Z2", "A2", "J", "dZ2", "dW2", "db2"}
    assert {line.name for line in check.lines} - expected == (
        {"Z1", "A1", "dZ1", "dW1", "db1"} if hidden else set()
    )
    assert {line.dtype for line in check.lines} == {"float64", "float32"}


def forward_with(fault):
    def forward(parameters, X, g, sigma):
        W1, b1, W2, b2 = parameters
        Z1 = W1 @ X + b1
        Z1 = Z1 * 1.001 if fault == "[1]" else Z1
        A1 = g.of(Z1)
        A1 = A1 + 1e-3 if fault == "[2]" else A1
        Z2 = W2 @ A1 + (0 if fault == "[3]" else b2)
        A2 = sigma.of(Z2)
        A2 = A2**1.01 if fault == "[4]" else A2
        return equations.Activations(Z1, A1, Z2, A2)

    return forward


def backward_with(fault):
    def backward(parameters, A, X, Y, g, w=None):
        m = X.shape[1] if w is None else w.sum()
        dZ2 = (A.A2 - Y) * (1 if w is None else w)
        if fault == "[5]":
            dZ2 = dZ2 * A.A2 * (1 - A.A2)  # the squared error's, a common mistake
        dW2 = dZ2 @ A.A1.T / m
        if fault == "[6]":
            dW2 = dW2 * 1.0001
        db2 = dZ2.sum(axis=1, keepdims=True) / m
        if fault == "[7]":
            db2 = np.full_like(db2, db2.sum())  # as for n_y = 1: the shape that NumPy forgives
        slope = g.slope(A.A1)
        if fault == "[8]":
            slope = np.ones_like(slope)  # g' forgotten
        dZ1 = (parameters.W2.T @ dZ2) * slope
        dW1 = dZ1 @ X.T / m
        if fault == "[9]":
            dW1 = dW1[::-1]  # another unit's
        db1 = dZ1.sum(axis=1, keepdims=True) / m
        if fault == "[10]":
            db1 = db1 * 0
        return equations.Gradients(dW1, db1, dW2, db2, dZ1, dZ2)

    return backward


@pytest.mark.parametrize("equation", [f"[{i}]" for i in range(1, 11)])
def test_a_planted_fault_is_found_and_named(equation, monkeypatch):
    X, Y = examples()
    monkeypatch.setattr(plain, "_forward", forward_with(None))
    monkeypatch.setattr(plain, "backward", backward_with(None))
    assert gradient_check(network(), X, Y, engine=plain).passed
    monkeypatch.setattr(plain, "_forward", forward_with(equation))
    monkeypatch.setattr(plain, "backward", backward_with(equation))
    check = gradient_check(network(), X, Y, engine=plain)
    assert not check.passed
    assert check.first_faulty.startswith(f"{equation} ")
    assert f"first faulty equation: {equation}" in str(check)


def test_a_backward_fault_touches_no_line_above_it(monkeypatch):
    X, Y = examples()
    monkeypatch.setattr(plain, "backward", backward_with("[8]"))
    check = gradient_check(network(), X, Y, engine=plain)
    assert {line.name for line in check.lines if not line.passed} == {"dZ1", "dW1", "db1"}


def test_steps_over_a_kink_are_counted_and_set_aside():
    net = network("relu")
    X, Y = examples(m=50)
    onto_the_kink = np.linalg.solve(net.W1[:5], -net.b1[:5])  # Z1 = 0 for five units
    X[:, :1] = onto_the_kink
    check = gradient_check(net, X, Y)
    assert check.passed, str(check)
    assert check.aside > 0
    assert "set aside" in str(check)


def test_huge_and_tiny_numbers_pass():
    for scale in (1e-6, 1e4):
        X, Y = examples()
        assert gradient_check(network(), scale * X, Y).passed


def test_a_nan_is_a_fault(monkeypatch):
    X, Y = examples()

    def backward(*arguments):
        good = equations.backward(*arguments)
        return good._replace(db1=good.db1 * np.nan)

    monkeypatch.setattr(plain, "backward", backward)
    check = gradient_check(network(), X, Y, engine=plain)
    assert check.first_faulty.startswith("[10]")
    assert check.worst.name == "db1"


def test_what_does_not_fit_is_refused():
    X, Y = examples()
    with pytest.raises(shoal.DataError, match=r"pass X\.T"):
        gradient_check(network(), X.T, Y)


@pytest.mark.parametrize("shape", [(40, 50), (3, 300), (300, 3), (1, 100), (1000, 1000)])
def test_of_a_large_matrix_entries_from_all_over_are_looked_at(shape):
    entries = gradients._some_entries(shape)
    assert len(set(entries)) == len(entries) == gradients.ENTRIES
    for places, length in zip(zip(*entries, strict=True), shape, strict=True):
        assert len(set(places)) >= min(length, 8)
        assert min(places) <= length // 4
        assert max(places) >= 3 * length // 4 - 1
    assert sorted(gradients._some_entries((4, 5))) == [(i, j) for i in range(4) for j in range(5)]


def test_of_many_examples_some_from_all_over_are_looked_at():
    seen = []

    class Looking:
        sums = staticmethod(plain.sums)

        @staticmethod
        def forward(shape, parameters, X, threads):
            seen.append(X[:, 0].tolist())
            return plain.forward(shape, parameters, X, threads)

    m = 5000
    X = np.vstack([np.arange(m) / m, np.ones(m)])
    net = Network.initialise(n_x=2, n_h=3, n_y=1, seed=3, scale=0.5)
    check = gradient_check(net, X, np.ones((1, m)), engine=Looking)
    assert check.n_examples == gradients.EXAMPLES
    for numbers in seen:
        assert len(numbers) == gradients.EXAMPLES
        assert (numbers[0], numbers[-1]) == pytest.approx((0, 1 - 1 / m))
        assert np.diff(numbers).max() < 2 / gradients.EXAMPLES

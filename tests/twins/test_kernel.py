"""The kernel computes what the plain equations say, for any shape.

The plain twin runs in float64 on the very numbers that the kernel is given, so the bounds
are errors of the kernel alone. They are those of DESIGN.md: 1e-12 in float64 and 1e-5 in
float32, relative to the largest entry of each gradient.
"""

import signal
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shoal.compute import kernel, plain
from shoal.compute.builds import BUILD
from shoal.compute.steps import Budget, Rule, start
from shoal.data.rows.examples import Examples
from shoal.errors import DataError
from shoal.network import equations
from shoal.network.activations import ACTIVATIONS
from shoal.network.architecture import Architecture
from shoal.network.equations import Parameters
from shoal.network.outputs import OUTPUTS
from shoal.sums import GradientSums

pytestmark = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")

BOUND = {"float32": 1e-5, "float64": 1e-12}
KINKED = ("relu", "leaky_relu")
# Z1 is a sum of at most 41 terms of size 1; its rounding errors stay below these.
KINK = {"float32": 1e-4, "float64": 1e-12}


class Case(NamedTuple):
    """A network and examples in the precision of the kernel."""

    architecture: Architecture
    parameters: np.ndarray
    examples: Examples
    dtype: str

    @property
    def exact(self) -> tuple[Architecture, np.ndarray, Examples]:
        """The same numbers in float64."""
        wide = [
            V.astype(np.float64) if V is not None and V.dtype.kind == "f" else V
            for V in self.examples
        ]
        return self.architecture, self.parameters.astype(np.float64), Examples(*wide)


def make(
    n_x, n_h, n_y, m, activation, output, weighting, dtype, seed, *, labelled=False, chosen=False
):
    rng = np.random.default_rng(seed)
    architecture = Architecture(n_x, n_h, n_y, activation, output)
    shapes = architecture.shapes
    # Z1 and Z2 are of size 1: nothing saturates, and nothing but rounding is small.
    matrices = Parameters(
        *(rng.standard_normal(shape) / np.sqrt(max(shape[1], 1)) for shape in shapes)
    )
    if output == "poisson":  # the exponents of rates, whose errors are those of Z2 times as large
        matrices = matrices._replace(W2=0.2 * matrices.W2, b2=0.2 * matrices.b2)
    parameters = architecture.flatten(matrices, dtype)
    # Means away from 0, as a sum that cancels has no digits left to compare.
    X = (0.5 + rng.standard_normal((m, n_x))).astype(dtype)
    if activation in KINKED and n_h:
        Z1 = matrices.W1 @ X.T.astype(float) + matrices.b1
        X = X[(np.abs(Z1) > KINK[dtype]).all(axis=0)]
        m = len(X)
    classes = np.where(rng.random(m) < 0.7, 0, rng.integers(n_y, size=m))
    Y, labels = None, None
    if output == "identity":
        Y = (2 + rng.standard_normal((m, n_y))).astype(dtype)
    elif labelled and (output == "softmax" or n_y == 1):
        labels = (classes if output == "softmax" else rng.random(m) < 0.9).astype(np.int32)
    elif output == "softmax":
        Y = np.eye(n_y, dtype=dtype)[classes]
    else:
        Y = (rng.random((m, n_y)) < 0.9).astype(dtype)
    w = {
        "none": lambda: None,
        "fractions": lambda: (0.1 + rng.random(m)).astype(dtype),
        "counts": lambda: rng.integers(0, 4, m).astype(dtype),
    }[weighting]()
    rows = np.sort(rng.permutation(m)[: (m + 1) // 2]).astype(np.uint32) if chosen else None
    return Case(architecture, parameters, Examples(X, Y, labels, w, rows), dtype)


@st.composite
def cases(draw):
    output = draw(st.sampled_from(sorted(OUTPUTS)))
    case = make(
        n_x=draw(st.integers(1, 40)),
        n_h=draw(st.one_of(st.integers(0, 40), st.integers(41, 300))),
        n_y=draw(st.integers(2 if output == "softmax" else 1, 7)),
        m=draw(st.one_of(st.integers(1, 100), st.integers(101, 1100))),
        activation=draw(st.sampled_from(sorted(ACTIVATIONS))),
        output=output,
        weighting=draw(st.sampled_from(["none", "fractions", "counts"])),
        dtype=draw(st.sampled_from(["float32", "float64"])),
        seed=draw(st.integers(0, 10**6)),
        labelled=draw(st.booleans()),
        chosen=draw(st.booleans()),
    )
    chosen = slice(None) if case.examples.rows is None else case.examples.rows
    w = case.examples.weights
    assume(case.examples.m > 0 and (w is None or w[chosen].sum() > 0))
    return case


fixed = settings(derandomize=True, deadline=None, max_examples=250, database=None)


def share_left(case):
    """How much of each gradient's terms is left in their sum: little, where they cancel."""
    architecture, parameters, examples = case.exact
    matrices = architecture.unflatten(parameters)
    X, Y, w = examples.columns(architecture.n_y)
    passed = equations.forward(matrices, X, architecture.g, architecture.sigma)
    gradients = equations.backward(matrices, passed, X, Y, architecture.g, w)
    terms2 = np.abs(gradients.dZ2)
    if architecture.output in ("identity", "poisson"):  # a number near its target: [5] cancels too
        sizes, apart = np.abs(passed.A2) + np.abs(Y), np.abs(passed.A2 - Y)
        terms2 = terms2 * sizes / np.maximum(apart, np.finfo(float).tiny)
    terms = [terms2 @ np.abs(passed.A1.T), terms2.sum(axis=1)]
    sums = [gradients.dW2, gradients.db2]
    if architecture.n_h:
        terms1 = (np.abs(matrices.W2.T) @ terms2) * np.abs(architecture.g.slope(passed.A1))
        terms += [terms1 @ np.abs(X.T), terms1.sum(axis=1)]
        sums += [gradients.dW1, gradients.db1]
    m = len(X.T) if w is None else w.sum()
    return min(m * np.abs(s).max() / (t.max() or 1) for s, t in zip(sums, terms, strict=True))


@fixed
@given(case=cases())
def test_sums_of_gradients(case):
    # Where 50 parts of terms leave one part of a sum, two of float32's seven digits are gone.
    assume(case.dtype == "float64" or share_left(case) > 0.02)
    found = kernel.sums(case.architecture, case.parameters, case.examples, 2)
    expected = plain.sums(*case.exact)
    bound = BOUND[case.dtype]
    names = Parameters._fields
    matrices = (case.architecture.unflatten(total.gradient) for total in (found, expected))
    for name, dV, exact in zip(names, *matrices, strict=True):
        if exact.size:
            error = np.abs(dV - exact).max() / (np.abs(exact).max() or 1)
            assert error <= bound, f"d{name}: {error:.2g}"
    assert found.loss == pytest.approx(expected.loss, rel=bound)
    assert found.weight == pytest.approx(expected.weight, rel=bound)


@fixed
@given(case=cases())
def test_the_loss_alone(case):
    whole = kernel.sums(case.architecture, case.parameters, case.examples, 1)
    alone = kernel.sums(case.architecture, case.parameters, case.examples, 1, gradients=False)
    assert (alone.loss, alone.weight) == (whole.loss, whole.weight)
    assert alone.gradient.size == 0


@fixed
@given(case=cases())
def test_forward(case):
    X = case.examples.X
    found = kernel.forward(case.architecture, case.parameters, X, 2)
    architecture, parameters, examples = case.exact
    matrices = architecture.unflatten(parameters)
    expected = equations.forward(matrices, examples.X.T, architecture.g, architecture.sigma)
    if not architecture.n_h:  # X takes the place of A1, which the kernel does not copy
        assert found[0].shape == found[1].shape == (0, len(X))
        found, expected = found[2:], expected[2:]
    for V, exact in zip(found, expected, strict=True):
        assert V.dtype == case.dtype
        np.testing.assert_allclose(V, exact, rtol=0, atol=BOUND[case.dtype] * np.abs(exact).max())
    A2 = kernel.predict(case.architecture, case.parameters, X, 2)
    np.testing.assert_array_equal(A2, found[-1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_h", [*range(1, 40), 63, 64, 65, 127, 128, 129, 255, 256, 257, 299, 300])
def test_sums_of_gradients_at_every_width(n_h, dtype):
    case = make(7, n_h, 3, 65, "tanh", "softmax", "fractions", dtype, n_h)
    found = kernel.sums(case.architecture, case.parameters, case.examples, 1)
    expected = plain.sums(*case.exact)
    pairs = [case.architecture.unflatten(total.gradient) for total in (found, expected)]
    for dV, exact in zip(*pairs, strict=True):
        np.testing.assert_allclose(dV, exact, rtol=0, atol=BOUND[dtype] * np.abs(exact).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_x", [*range(1, 70), 127, 128, 129, 1000])
def test_sums_of_gradients_for_any_number_of_features(n_x, dtype):
    case = make(n_x, 5, 2, 70, "sigmoid", "sigmoid", "none", dtype, n_x)
    found = kernel.sums(case.architecture, case.parameters, case.examples, 1)
    expected = plain.sums(*case.exact)
    pairs = [case.architecture.unflatten(total.gradient) for total in (found, expected)]
    for dV, exact in zip(*pairs, strict=True):
        np.testing.assert_allclose(dV, exact, rtol=0, atol=BOUND[dtype] * np.abs(exact).max())


# --- training -------------------------------------------------------------------------


def rule_of(solver, *, alpha=0.05, batch_size=60):
    """Sixty rows a step, that is five steps an epoch of the 271 rows below."""
    if solver == "gd":
        return Rule("gd", 0.05, alpha=alpha)
    if solver == "sgd":
        return Rule("sgd", 0.05, 0.9, alpha=alpha, batch_size=batch_size, key=3)
    return Rule("adam", 0.01, alpha=alpha, batch_size=batch_size, key=3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [0, 13])
@pytest.mark.parametrize("solver", ["gd", "sgd", "adam"])
def test_ten_steps_of_training(solver, hidden, activation, output, dtype):
    if dtype == "float32" and activation in KINKED:
        activation = "tanh" if hidden else "identity"  # a step moves some Z1 onto the kink
    weighting = "counts" if output == "softmax" else "none"
    case = make(6, hidden, 3, 271, activation, output, weighting, dtype, 8)
    rule = rule_of(solver)
    budget = Budget(2, 10 if solver == "gd" else 2)
    state = start(case.parameters, solver)
    found = kernel.train(case.architecture, rule, budget, case.examples, state, 2)
    architecture, parameters, examples = case.exact
    state = start(parameters, solver)
    expected = plain.train(architecture, rule, budget, examples, state)

    # The gradients are of size 1 and agree to BOUND; ten small steps on a smooth cost add
    # these errors up, and hardly amplify them. Adam divides a gradient by its own size, so
    # an entry 100 times smaller than the largest is 100 times less exact, but moves by 0.01
    # a step.
    bound = 10 * BOUND[dtype]
    np.testing.assert_allclose(found.losses, expected.losses, rtol=bound)
    np.testing.assert_allclose(
        found.state.parameters, expected.state.parameters, rtol=0, atol=bound
    )
    np.testing.assert_allclose(found.state.memory, expected.state.memory, rtol=0, atol=bound)
    np.testing.assert_allclose(found.state.best, expected.state.best, rtol=0, atol=bound)
    assert found.state.best_loss == pytest.approx(expected.state.best_loss, rel=bound)
    assert found.state.waited == expected.state.waited
    assert found.state[5:] == expected.state[5:]
    assert found.ending == expected.ending == "finished"
    moved = np.abs(found.state.parameters - case.parameters).max()
    assert moved > 0.02, "nothing was learnt"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("batch_size", [60, 600])  # a block, and several
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_dropout_decay_and_a_falling_rate(solver, batch_size, activation, dtype):
    if dtype == "float32" and activation in KINKED:
        activation = "tanh"  # a step moves some Z1 onto the kink
    case = make(6, 13, 3, 1271, activation, "softmax", "counts", dtype, 8)
    more = {"decay": 0.5, "horizon": 4, "dropout": 0.3, "key": 3 << 40 | 7}
    rule = rule_of(solver, batch_size=batch_size)._replace(**more)
    budget = Budget(2, 1)
    state = start(case.parameters, solver)
    teams = [kernel.train(case.architecture, rule, budget, case.examples, state, n) for n in (1, 2)]
    for a, b in zip(*(team.state[:3] for team in teams), strict=True):
        np.testing.assert_array_equal(a, b)
    architecture, parameters, examples = case.exact
    expected = plain.train(architecture, rule, budget, examples, start(parameters, solver))
    bound = 20 * BOUND[dtype]
    found = teams[0]
    np.testing.assert_allclose(found.losses, expected.losses, rtol=bound)
    np.testing.assert_allclose(
        found.state.parameters, expected.state.parameters, rtol=0, atol=bound
    )
    for name in ("decay", "horizon", "dropout"):  # each is felt, well above the bound
        without = rule._replace(**{name: Rule._field_defaults[name]})
        other = plain.train(architecture, without, budget, examples, start(parameters, solver))
        felt = np.abs(other.state.parameters - expected.state.parameters).max()
        assert felt > 5 * bound, name


def test_a_block_of_weight_zero_adds_nothing():
    case = make(6, 5, 1, 1200, "tanh", "sigmoid", "fractions", "float64", 8)
    case.examples.weights[512:1024] = 0
    found = kernel.sums(case.architecture, case.parameters, case.examples, 1)
    expected = plain.sums(case.architecture, case.parameters, case.examples)
    assert np.isfinite(found.gradient).all()
    np.testing.assert_allclose(found.gradient, expected.gradient, rtol=1e-10)
    assert found[1:] == pytest.approx(expected[1:], rel=1e-12)


@pytest.mark.parametrize("epoch", range(20))
def test_the_rate_falls_like_a_cosine_in_its_last_digits(epoch):
    # From zeros a linear network's first step is the rate times the gradient, and nothing cancels.
    case = make(3, 0, 1, 128, "identity", "identity", "none", "float64", 8)
    state, rule = start(np.zeros_like(case.parameters), "gd"), Rule("gd", 0.5)
    steps = [
        kernel.train(
            case.architecture, each, Budget(epoch, 1), case.examples, state, 1
        ).state.parameters
        for each in (rule._replace(horizon=20), rule)
    ]
    wanted = (1 + np.cos(np.pi * epoch / 20)) / 2
    np.testing.assert_allclose(steps[0] / steps[1], wanted, rtol=1e-13)


@pytest.mark.parametrize("solver", ["gd", "sgd", "adam"])
def test_a_step_of_weight_zero_says_nothing(solver):
    case = make(6, 5, 1, 128, "tanh", "sigmoid", "none", "float64", 8)
    weights = np.zeros(128)
    weights[5] = 1.0  # one row in one of the four batches
    case = case._replace(examples=case.examples._replace(weights=weights))
    rule, budget = rule_of(solver, batch_size=32), Budget(0, 3)
    state = start(case.parameters, solver)
    found = kernel.train(case.architecture, rule, budget, case.examples, state, 1)
    expected = plain.train(case.architecture, rule, budget, case.examples, state)
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-11)
    np.testing.assert_allclose(found.state.parameters, expected.state.parameters, atol=1e-11)
    np.testing.assert_allclose(found.state.memory, expected.state.memory, atol=1e-11)


@pytest.mark.parametrize(
    ("solver", "budget", "learning_rate", "ending"),
    [
        ("gd", Budget(0, 400, 1e-3, 10), 0.05, "plateau"),
        ("adam", Budget(0, 400, 1e-3, 3), 0.05, "plateau"),
        ("gd", Budget(0, 4000, converged=1e-3), 0.05, "converged"),
        ("gd", Budget(0, 5, converged=0.0), 0.05, "finished"),
        ("gd", Budget(0, 400), 1e200, "diverged"),
        ("sgd", Budget(0, 400), 1e200, "diverged"),
        ("adam", Budget(7, 0), 0.01, "finished"),
        ("adam", Budget(0, 6), 0.2, "finished"),  # the fourth epoch is the best
        ("sgd", Budget(0, 20), 0.5, "finished"),  # the twelfth
    ],
)
def test_they_end_at_the_same_epoch_for_the_same_reason(solver, budget, learning_rate, ending):
    case = make(4, 5, 2, 150, "tanh", "identity", "none", "float64", 8)
    rule = rule_of(solver)._replace(learning_rate=learning_rate)
    state = start(case.parameters, solver)
    with np.errstate(all="ignore"):  # the plain twin warns when it diverges
        expected = plain.train(case.architecture, rule, budget, case.examples, state)
    found = kernel.train(case.architecture, rule, budget, case.examples, state, 1)
    assert found.ending == expected.ending == ending
    assert len(found.losses) == len(expected.losses)
    np.testing.assert_array_equal(np.isfinite(found.losses), np.isfinite(expected.losses))
    finite = np.isfinite(found.losses)
    np.testing.assert_allclose(found.losses[finite], expected.losses[finite], rtol=1e-6)
    np.testing.assert_allclose(found.state.best, expected.state.best, atol=1e-6)
    assert found.state.waited == expected.state.waited
    if ending != "diverged":
        np.testing.assert_allclose(found.state.parameters, expected.state.parameters, atol=1e-6)


# --- moments, and what cannot be predicted --------------------------------------------


@settings(fixed, max_examples=100)
@given(
    n=st.one_of(st.integers(0, 40), st.integers(500, 3000)),
    share=st.sampled_from([0, 0.3, 1]),
    weighted=st.booleans(),
    mean=st.sampled_from([0.0, 1e6, -3.0]),
    seed=st.integers(0, 1000),
)
def test_sums_about_a_shift(n, share, weighted, mean, seed):
    rng = np.random.default_rng(seed)
    x = mean + rng.standard_normal(n)
    x[rng.random(n) < share] = np.nan
    weights = rng.integers(0, 3, n).astype(float) if weighted else None
    found, expected = (e.sums_about(mean, x, weights) for e in (kernel, plain))
    assert found[0] == expected[0]
    # Sums of 3,000 numbers of size 1.
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * n)


@pytest.mark.parametrize("kind", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 31, 599, 699])
@pytest.mark.parametrize("column", range(6))
def test_both_name_the_first_number_that_is_none(kind, row, column):
    case = make(6, 5, 1, 700, "tanh", "sigmoid", "none", "float32", 8)
    X = case.examples.X.copy()
    X[row:, column] = kind
    messages = []
    for engine in (kernel, plain):
        with pytest.raises(DataError, match=f"row {row}, column {column}") as caught:
            engine.predict(case.architecture, case.parameters, X, 2)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_a_signal_ends_a_call_and_keeps_its_epochs():
    case = make(20, 100, 1, 700, "tanh", "sigmoid", "none", "float32", 8)
    rule, epochs = rule_of("sgd", batch_size=64), 100_000  # half a minute
    state = start(case.parameters, "sgd")

    def interrupt(*_):
        raise KeyboardInterrupt

    earlier = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        found = kernel.train(
            case.architecture, rule, Budget(0, epochs), case.examples, state, threads=2
        )
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
    assert found.ending == "interrupted"
    assert isinstance(found.interruption, KeyboardInterrupt)
    done = len(found.losses)
    assert done < epochs
    whole = kernel.train(case.architecture, rule, Budget(0, done), case.examples, state, threads=1)
    np.testing.assert_array_equal(found.losses, whole.losses)


def test_both_predict_nothing_for_no_rows():
    case = make(6, 5, 3, 10, "tanh", "sigmoid", "none", "float32", 8)
    nothing = np.empty((0, 6), np.float32)
    for engine in (kernel, plain):
        A2 = engine.predict(case.architecture, case.parameters, nothing, 2)
        assert A2.shape == (3, 0)
        assert A2.dtype == np.float32


def test_arrays_of_another_precision_are_refused():
    shape = Architecture(3, 4, 1, "tanh", "sigmoid")
    narrow = np.zeros(shape.n_parameters, np.float32)
    wide = Examples(np.ones((5, 3)), labels=np.zeros(5, np.int32))
    calls = [
        lambda: kernel.predict(shape, narrow, wide.X, 1),
        lambda: kernel.sums(shape, narrow, wide, 1),
        lambda: kernel.train(
            shape, Rule("gd", 0.1), Budget(0, 1), wide, start(narrow, "gd"), 1
        ),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(TypeError, match="expected C-contiguous arrays"):
            call()


@pytest.mark.parametrize("who", [kernel, plain])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_memory_below_1e_30_counts_as_0_and_no_other(who, solver):
    architecture, n = Architecture(3, 0, 1), 4
    rule = Rule(solver, 0.1, momentum=0.5, beta1=0.5, beta2=0.5)
    state = start(np.zeros(n), solver)
    total = GradientSums(np.zeros(n), 0.0, 1.0)
    for memory, left in ((4e-25, 2e-25), (3e-30, 1.5e-30), (1.5e-30, 0.0), (-1e-31, 0.0)):
        begun = state._replace(memory=np.full_like(state.memory, memory))
        after = who.step(architecture, rule, total, begun)
        np.testing.assert_allclose(after.memory, left, rtol=1e-12, atol=0)

"""Levenberg–Marquardt: it goes down, ends where nothing is lower, and never depends on who adds up."""

import numpy as np
import pytest
from scipy.optimize import least_squares
from sklearn.linear_model import LogisticRegression, Ridge

import shoal
from shoal import ShoalClassifier, ShoalRegressor
from shoal.compute import levenberg, memory
from shoal.compute.builds import Stop
from shoal.compute.engine import engine
from shoal.compute.points import Descent, Limits, Point
from shoal.compute.steps import Budget, Rule
from shoal.compute.terms import InMemory
from shoal.data.rows.examples import Examples
from shoal.errors import MemoryRefused, SettingError
from shoal.network.architecture import Architecture
from shoal.network.initialisers import initialise
from shoal.sums import GradientSums
from shoal.training import lbfgs, lm, loop

RNG = np.random.default_rng(8)
X = RNG.standard_normal((700, 4))
Y = np.tanh(X @ [1.0, -1.0, 0.5, 0.0]) + 0.1 * RNG.standard_normal(700)
LABELS = (X[:, 0] * X[:, 1] > 0).astype(np.int32)
SETTINGS = {"solver": "lm", "encode": None, "members": 1, "random_state": 0, "early_stopping": False}  # fmt: skip


def begun(shape, dtype, seed=1):
    return shape.flatten(initialise(*shape[:3], key=seed), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("evidence", [False, True])
def test_one_result_for_threads_and_for_calls_of_any_length(dtype, evidence):
    shape = Architecture(4, 5, 1)
    terms, found = InMemory(Examples(X.astype(dtype), None, LABELS)), set()
    for threads, size in ((1, 24), (2, 24), (3, 1), (1, 5)):
        state, done, losses = lm.start(begun(shape, dtype)), 0, []
        while done < 24:
            n = min(size, 24 - done)
            rule = Rule("lm", 1.0, alpha=0.1, evidence=evidence)
            outcome = lm.iterate(shape, rule, Budget(done, n), terms, state, threads)
            state, done = outcome.state, done + n
            losses += outcome.losses.tolist()
        found.add((state.parameters.tobytes(), state.memory.tobytes(), state.best_loss, *losses))
    assert len(found) == 1


@pytest.mark.parametrize("alpha", [1e-4, "evidence"])
def test_one_fingerprint_for_any_number_of_threads(alpha):
    settings = SETTINGS | {"hidden": 3, "members": 3, "alpha": alpha, "max_iter": 12}
    fits = [ShoalClassifier(n_jobs=n, **settings).fit(X, LABELS) for n in (1, 2, 5)]
    assert len({model.fingerprint_ for model in fits}) == 1


def test_every_step_leads_down():
    shape = Architecture(4, 6, 1)
    terms = InMemory(Examples(X, None, LABELS))
    outcome = lm.iterate(shape, Rule("lm", 1.0), Budget(0, 60), terms, lm.start(begun(shape, "float64")), 1)  # fmt: skip
    assert (np.diff(outcome.losses) < 0).all()


def test_its_memory_has_the_length_of_no_other_solvers():
    """By its length a fit that continues knows whose memory it is."""
    for n in range(1, 200):
        own = len(lm.start(np.zeros(n)).memory)
        assert own not in (n, 2 * n, len(lbfgs.start(np.zeros(n)).memory))


def test_the_lowest_cost_is_that_of_least_squares():
    shape = Architecture(4, 1, 1, "tanh", "identity")
    terms, first = InMemory(Examples(X, Y[:, None])), begun(shape, "float64")
    budget = Budget(0, 500, converged=1e-14)
    found = lm.iterate(shape, Rule("lm", 1.0), budget, terms, lm.start(first), 1)

    def residuals(x):
        W1, b1, W2, b2 = shape.unflatten(x)
        return (np.tanh(X @ W1.T + b1.T) @ W2.T + b2.T)[:, 0] - Y

    expected = least_squares(residuals, first, method="lm", xtol=1e-12, ftol=1e-12).cost
    assert found.ending == "converged"
    assert found.losses[-1] * len(X) == pytest.approx(expected, rel=1e-8)


def test_weights_have_the_penalty_and_biases_none():
    shape, alpha = Architecture(4, 2, 1, "tanh", "identity"), 5.0
    examples, first = Examples(X, Y[:, None]), begun(shape, "float64")
    found = lm.iterate(
        shape, Rule("lm", 1.0, alpha=alpha), Budget(0, 300), InMemory(examples), lm.start(first), 1
    )
    W = found.state.parameters
    penalty = np.zeros_like(W)
    views = shape.unflatten(penalty)
    views.W1[:] = views.W2[:] = alpha
    slope = engine.sums(shape, W, examples, 1).gradient + penalty * W
    np.testing.assert_allclose(slope, 0, atol=1e-6)


def test_a_linear_model_is_found_in_a_few_steps():
    model = ShoalRegressor(hidden=0, alpha=3.0, dtype="float64", tol=1e-12, **SETTINGS).fit(X, Y)
    # Ours standardises the targets, which changes no predictions of a ridge.
    np.testing.assert_allclose(model.predict(X), Ridge(alpha=3.0).fit(X, Y).predict(X), rtol=1e-7)
    assert model.n_iter_ < 15


def test_a_logistic_regression_is_found_in_a_few_steps():
    y = (Y + X[:, 3] > 0).astype(int)
    model = ShoalClassifier(hidden=0, alpha=1.0, dtype="float64", tol=1e-14, **SETTINGS).fit(X, y)
    known = LogisticRegression(tol=1e-12, max_iter=5000).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), known.predict_proba(X), rtol=1e-5)
    assert model.n_iter_ < 25


@pytest.mark.parametrize("kind", ["classes", "labels", "targets"])
def test_several_outputs_learn(kind):
    shared = SETTINGS | {"hidden": 8}
    if kind == "classes":
        y = LABELS + (X[:, 2] > 1)
        assert ShoalClassifier(**shared).fit(X, y).score(X, y) > 0.97
    elif kind == "labels":
        y = np.column_stack([LABELS, X[:, 3] > X[:, 2]])
        assert ShoalClassifier(**shared).fit(X, y).score(X, y) > 0.95
    else:
        y = np.column_stack([X[:, 0] * X[:, 1], X[:, 2] ** 2])
        assert ShoalRegressor(**shared).fit(X, y).score(X, y) > 0.98


def test_a_float32_model_is_the_float64_model_rounded():
    """Both see the same numbers, as these have few digits."""
    short = np.round(X * 64) / 64
    fits = [
        ShoalClassifier(hidden=3, dtype=dtype, max_iter=9, init=begun_network(3), **SETTINGS).fit(
            short, LABELS
        )
        for dtype in ("float32", "float64")
    ]
    single, double = (model.networks_[0].vector for model in fits)
    np.testing.assert_array_equal(single, double.astype(np.float32))
    assert fits[0].loss_curve_ == fits[1].loss_curve_


def begun_network(n_h):
    shape = Architecture(4, n_h, 1)
    return shoal.Network(*shape.unflatten(begun(shape, "float32").astype("float64")))


def test_the_tolerance_is_a_share_of_the_cost():
    """Targets of any size, and losses near 0, are followed as far."""
    x = np.linspace(-1, 1, 94)[:, None]
    y = np.sin(3 * x[:, 0]) + 0.5 * np.cos(9 * x[:, 0])
    model = ShoalRegressor(hidden=10, **SETTINGS).fit(x, y)
    assert ((model.predict(x) - y) ** 2).mean() < 1e-4 * y.var()


def test_where_no_step_leads_down_it_has_converged():
    class Flat:
        def __call__(self, x, *, curvature):
            return GradientSums(np.array([1.0, 0.0, 1.0, 0.0, 0.0]), 3.0, 1.0)

    begin = Descent(Point(np.ones(2)), np.ones(2))
    found = levenberg.descend(Flat(), np.zeros(2), Limits(5, 1e-9, 0.0, 0), begin)
    assert (found.ending, found.losses) == ("converged", (3.0,))
    np.testing.assert_array_equal(found.point.x, 1.0)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_loss_that_is_no_number_ends_as_diverged(bad):
    class Bad:
        def __call__(self, x, *, curvature):
            return GradientSums(np.array([1.0, 0.0]), bad, 1.0)

    begin = Descent(Point(np.ones(1)), np.ones(1))
    found = levenberg.descend(Bad(), np.zeros(1), Limits(5, 1e-9, 0.0, 0), begin)
    assert found.ending == "diverged"


def test_a_stop_ends_it_and_keeps_what_was_reached():
    stop = Stop()
    shape = Architecture(4, 5, 1)
    first = lm.start(begun(shape, "float64"))
    stop.request()
    terms = InMemory(Examples(X, None, LABELS))
    outcome = lm.iterate(shape, Rule("lm", 1.0), Budget(0, 50), terms, first, 1, stop)
    assert outcome.ending == "interrupted"
    np.testing.assert_array_equal(outcome.state.parameters, first.parameters)


def test_it_is_called_by_the_loop():
    shape = Architecture(4, 2, 1)
    terms = InMemory(Examples(X, None, LABELS))
    plan = loop.Plan(Rule("lm", 1.0), 4)
    state = lm.start(begun(shape, "float64"))
    trained = loop.train(loop.Job(shape, plan, terms), loop.TrainingState(state, state.parameters))
    assert (trained.epochs, trained.ending) == (4, "finished")


# --- what it refuses ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"dropout": 0.1}, "dropout"),
        ({"replicas": 2}, "replicas"),
        ({"weight_decay": 0.1}, "weight_decay"),
        ({"alpha": "evidence", "early_stopping": True}, "alpha"),
        ({"alpha": "evidence", "solver": "adam", "hidden": 3}, "alpha"),
        ({"alpha": "proof"}, "alpha"),
    ],
)
def test_what_it_cannot_do_is_refused(settings, named):
    with pytest.raises(SettingError) as raised:
        ShoalClassifier(**({"solver": "lm"} | settings)).fit(X, LABELS)
    assert raised.value.setting == named


def test_rows_to_stop_by_are_refused_with_the_evidence():
    model = ShoalRegressor(solver="lm", alpha="evidence")
    with pytest.raises(SettingError, match="X_val") as raised:
        model.fit(X, Y, X_val=X, y_val=Y)
    assert raised.value.setting == "alpha"


def test_the_memory_of_the_matrix_is_asked_for_first(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    model = ShoalClassifier(solver="lm", hidden=4000, encode=None)
    with pytest.raises(MemoryRefused, match="lm"):
        model.fit(X, LABELS)
    assert lm.memory_bytes(2000, 512) == 3 * 8 * 2000 * 2001 // 2
    assert lm.memory_bytes(2000, 512, evidence=True) == 2 * lm.memory_bytes(2000, 512)
    assert lm.memory_bytes(2000, 1025) == (3 + 3) * 8 * 2000 * 2001 // 2

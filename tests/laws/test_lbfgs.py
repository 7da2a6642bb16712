"""L-BFGS: it goes down, ends where nothing is lower, and never depends on who adds up."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from shoal import ShoalClassifier, ShoalRegressor, ShoalWarning
from shoal.compute import kernel, plain
from shoal.compute.builds import BUILD
from shoal.compute.engine import engine
from shoal.compute.steps import Budget, Rule
from shoal.compute.terms import InMemory
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture
from shoal.network.initialisers import initialise
from shoal.sums import GradientSums
from shoal.training import lbfgs, loop

needs_kernel = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")
RNG = np.random.default_rng(8)
X = RNG.standard_normal((1500, 6))
LABELS = (X[:, 0] * X[:, 1] + 0.3 * RNG.standard_normal(1500) > 0).astype(np.int32)
LINEAR = Architecture(9, 0, 1, output="identity")


@needs_kernel
@pytest.mark.parametrize("n", [*range(1, 70), 1000])
def test_twin_the_kernel_adds_products_in_the_order_that_is_told(n):
    x, y = RNG.standard_normal((2, n)) * 10.0 ** RNG.integers(-8, 8, (2, n))
    assert kernel.dot(x, y) == plain.dot(x, y)
    np.testing.assert_allclose(kernel.dot(x, x), np.sum(x * x), rtol=1e-14)


class Bowl:
    """Terms whose cost is ½ (x - c)ᵀ A (x - c), as if there was one row."""

    m = 1

    def __init__(self, A, c):
        self.A, self.c = A, c

    def sums(self, architecture, parameters, threads, *, gradients=True, stop=None):
        away = parameters - self.c
        return GradientSums(self.A @ away, float(away @ self.A @ away / 2), 1.0)


def bowl(condition):
    Q, _ = np.linalg.qr(RNG.standard_normal((10, 10)))
    return Bowl(Q * np.geomspace(1, condition, 10) @ Q.T, RNG.standard_normal(10))


@pytest.mark.parametrize("condition", [1, 1e2, 1e4])
def test_a_bowl_is_followed_to_its_bottom(condition):
    terms = bowl(condition)
    budget = Budget(0, 300, converged=1e-9)
    outcome = lbfgs.iterate(LINEAR, Rule("lbfgs", 1.0), budget, terms, lbfgs.start(np.zeros(10)), 1)
    assert outcome.ending == "converged"
    np.testing.assert_allclose(outcome.state.parameters, terms.c, atol=1e-7)
    assert (np.diff(outcome.losses) < 0).all()


def test_what_is_not_convex_still_goes_down():
    class Waves(Bowl):
        def sums(self, architecture, x, threads, *, gradients=True, stop=None):
            return GradientSums(np.sin(x) + 0.02 * x, float((1 - np.cos(x) + 0.01 * x**2).sum()), 1)

    begin = lbfgs.start(np.linspace(2.0, 11.0, 10))
    outcome = lbfgs.iterate(LINEAR, Rule("lbfgs", 1.0), Budget(0, 200), Waves(0, 0), begin, 1)
    assert (np.diff(outcome.losses) < 1e-12).all()
    assert np.abs(np.sin(outcome.state.parameters) + 0.02 * outcome.state.parameters).max() < 1e-6


def test_the_search_ends_at_what_both_conditions_allow():
    def trial_of(power):
        def trial(a):
            return lbfgs.Point(a, abs(a - 3) ** power, np.sign(a - 3) * power * abs(a - 3) ** (power - 1), a, a, 0)  # fmt: skip

        return trial

    for power in (1.5, 2, 4):
        trial = trial_of(power)
        for first in (1e-6, 0.5, 5.0, 5.9, 1e6):
            start = trial(0.0)
            found = lbfgs.search(trial, start, first)
            assert found.f <= start.f + lbfgs.WOLFE_C1 * found.a * start.slope
            assert abs(found.slope) <= lbfgs.WOLFE_C2 * abs(start.slope)
    assert lbfgs.search(lambda a: start._replace(a=a, f=start.f + 1), start, 1.0) is None


def begun(architecture, dtype, seed=1):
    return architecture.flatten(initialise(*architecture[:3], key=seed), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_result_for_threads_and_for_calls_of_any_length(dtype):
    shape = Architecture(6, 7, 1)
    terms = InMemory(Examples(X.astype(dtype), None, LABELS))
    found = set()
    for threads, size in ((1, 24), (2, 24), (3, 1), (1, 5)):
        state, done = lbfgs.start(begun(shape, dtype)), 0
        while done < 24:
            n = min(size, 24 - done)
            rule = Rule("lbfgs", 1.0, alpha=0.1)
            state = lbfgs.iterate(shape, rule, Budget(done, n), terms, state, threads).state
            done += n
        found.add((state.parameters.tobytes(), state.memory.tobytes(), state.best_loss))
    assert len(found) == 1


def test_oracle_the_lowest_cost_of_logistic_regression():
    model = ShoalClassifier(
        hidden=0, solver="lbfgs", alpha=2.0, dtype="float64", encode=None, early_stopping=False,
        tol=0, max_iter=300, members=1,
    ).fit(X, LABELS)  # fmt: skip
    other = LogisticRegression(C=0.5, tol=1e-10, max_iter=1000).fit(X, LABELS)
    np.testing.assert_allclose(model.coefs_[0][:, 0], other.coef_[0], atol=1e-6)
    np.testing.assert_allclose(model.intercepts_[0], other.intercept_, atol=1e-6)
    assert model.endings_[0] in ("converged", "plateau")


def test_oracle_scipy_from_the_same_start():
    shape = Architecture(6, 7, 1)
    examples = Examples(X, None, LABELS)

    def cost(x):
        total = engine.sums(shape, x, examples, 1)
        return total.loss / total.weight, total.gradient / total.weight

    first = begun(shape, "float64", 3)
    theirs = minimize(cost, first, jac=True, method="L-BFGS-B", options={"maxiter": 60})
    ours = lbfgs.iterate(
        shape, Rule("lbfgs", 1.0), Budget(0, 60), InMemory(examples), lbfgs.start(first), 1
    )
    assert ours.losses[-1] < 1.05 * theirs.fun < 0.9 * ours.losses[0]


SETTINGS = {"solver": "lbfgs", "hidden": 7, "random_state": 0, "max_iter": 25, "members": 2}


def test_with_a_validation_part_the_best_epoch_is_kept():
    model = ShoalClassifier(**SETTINGS).fit(X, LABELS)
    curve = model.validation_loss_curve_
    assert model.score(X, LABELS) > 0.8
    assert len(curve) == len(model.loss_curve_)
    assert model.n_iter_ == max(map(len, model.loss_curves_))
    assert model.best_epoch_ == 1 + int(np.argmin(curve))


@pytest.mark.parametrize("activation", ["tanh", "relu", "leaky_relu", "sigmoid", "identity"])
def test_every_activation(activation):
    model = ShoalRegressor(**SETTINGS, activation=activation, early_stopping=False)
    model.fit(X, 1e6 * X[:, :2] ** 2)
    assert np.isfinite(model.predict(X)).all()
    assert model.loss_curve_[-1] < model.loss_curve_[0]


def test_going_on_is_as_if_it_had_not_stopped():
    settings = SETTINGS | {"early_stopping": False, "tol": 0.0}
    whole = ShoalClassifier(**settings).fit(X, LABELS)
    parts = ShoalClassifier(**settings | {"max_iter": 10}, warm_start=True).fit(X, LABELS)
    parts.set_params(max_iter=15).fit(X, LABELS)
    assert parts.fingerprint_ == whole.fingerprint_


def test_on_other_rows_it_goes_on_from_its_parameters():
    settings = SETTINGS | {"early_stopping": False, "members": 1}
    model = ShoalClassifier(**settings, warm_start=True).fit(X[:900], LABELS[:900])
    last = model.loss_curve_[-1]
    model.set_params(max_iter=1).fit(X[900:], LABELS[900:])
    assert model.loss_curve_[0] < last + 0.2
    fresh = ShoalClassifier(**settings | {"max_iter": 1}).fit(X[900:], LABELS[900:])
    assert model.loss_curve_[0] < fresh.loss_curve_[0]


def test_it_ends_when_no_step_leads_down():
    model = ShoalRegressor(
        **SETTINGS | {"hidden": 0, "tol": 0.0, "max_iter": 1000}, early_stopping=False, encode=None
    ).fit(X, X @ np.arange(6.0))
    assert set(model.endings_) <= {"converged", "plateau"}
    assert model.n_iter_ < 100
    np.testing.assert_allclose(model.predict(X), X @ np.arange(6.0), atol=1e-4)


def test_an_interruption_keeps_the_best_and_says_so(monkeypatch):
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)

    def stop(report):
        raise KeyboardInterrupt

    with pytest.warns(ShoalWarning, match="interrupted"):
        model = ShoalClassifier(**SETTINGS | {"max_iter": 10_000}, verbose=stop, tol=0).fit(
            X, LABELS
        )
    assert np.isfinite(model.predict_proba(X)).all()


def test_the_cost_and_its_slope_belong_together():
    shape, rule = Architecture(6, 3, 1), Rule("lbfgs", 1.0, alpha=40.0)
    terms = InMemory(Examples(X, None, LABELS))
    cost = lbfgs._cost_of(shape, rule, terms, np.dtype(np.float64), 1, None)
    x, h = begun(shape, "float64"), 1e-5
    slope = [(cost(x + h * e).f - cost(x - h * e).f) / (2 * h) for e in np.eye(len(x))]
    np.testing.assert_allclose(cost(x).g, slope, atol=1e-8)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_most_steps_look_at_the_cost_but_once_whatever_its_unit(size):
    looks = []

    class Counted(Bowl):
        def sums(self, *arguments, **options):
            looks.append(1)
            total = super().sums(*arguments, **options)
            return GradientSums(size * total.gradient, size * total.loss, 1.0)

    terms = Counted(np.diag(np.geomspace(1, 1e3, 10)), np.arange(1.0, 11.0))
    outcome = lbfgs.iterate(
        LINEAR, Rule("lbfgs", 1.0), Budget(0, 40), terms, lbfgs.start(np.zeros(10)), 1
    )
    assert len(looks) < 1.6 * len(outcome.losses) + 5


def test_what_is_remembered_of_the_cost_is_not_trusted_when_a_training_begins():
    rule, old, new = Rule("lbfgs", 1.0), bowl(10), bowl(10)
    budget = Budget(0, 40, converged=1e-9)
    state = lbfgs.iterate(LINEAR, rule, budget, old, lbfgs.start(np.zeros(10)), 1).state
    here = new.sums(LINEAR, state.parameters, 1).loss  # and next to 0 at the bottom of the old one
    outcome = lbfgs.iterate(LINEAR, rule, Budget(0, 3), new, state, 1)
    assert len(outcome.losses) == 3
    assert (np.diff([here, *outcome.losses]) < 0).all()

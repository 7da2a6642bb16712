"""Penalties by the evidence: what they are where they settle, and what may not change them."""

import numpy as np
import pytest

import shoal
from shoal import ShoalClassifier, ShoalRegressor
from shoal.compute.engine import engine
from shoal.compute.steps import Budget, Rule
from shoal.compute.terms import InMemory
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture
from shoal.training import evidence, lm

RNG = np.random.default_rng(5)
X = RNG.uniform(-1, 1, (150, 3))
Y = np.sin(3 * X[:, 0] + 1) + X[:, 1] + 0.2 * RNG.standard_normal(150)
SETTINGS = {"solver": "lm", "alpha": "evidence", "hidden": 4, "encode": None, "members": 1, "dtype": "float64", "random_state": 1}  # fmt: skip


def settled(**more):
    return ShoalRegressor(**(SETTINGS | {"tol": 1e-7, "max_iter": 3000} | more)).fit(X, Y)


def test_where_it_settles_the_formulas_hold():
    model = settled()
    shape, W = model.networks_[0].architecture, model.networks_[0].vector
    t = (Y - model.target_mean_) / model.target_scale_
    curved = engine.curvature(shape, W, Examples(X, t[:, None]), 1)
    G = np.zeros((shape.n_parameters,) * 2)
    G[np.tril_indices(len(G))] = curved.gradient[: -len(G)]
    G = G + np.tril(G, -1).T
    alpha, beta, gamma, _ = (column[0] for column in model.evidence_)
    penalties = evidence.spread(shape, tuple(alpha))
    inverse = np.diag(np.linalg.inv(beta * G + np.diag(penalties)))
    found = []
    for group, a in zip(evidence.groups_of(shape), alpha, strict=True):
        found.append(inverse[group].size - a * inverse[group].sum())
        assert a == pytest.approx(found[-1] / (W[group] ** 2).sum(), rel=1e-3)
    assert gamma == pytest.approx(sum(found), rel=1e-4)
    assert beta == pytest.approx((150 - gamma) / (2 * curved.loss), rel=1e-4)


def test_the_noise_is_found():
    model = settled()
    noise = 1 / np.sqrt(model.evidence_.beta[0]) * model.target_scale_[0]
    assert 0.16 < noise < 0.24


def test_without_a_law_the_parameters_are_few():
    y = RNG.standard_normal(150)
    model = ShoalRegressor(**SETTINGS | {"hidden": 0}).fit(X, y)
    assert model.evidence_.gamma[0] < 2
    assert np.abs(model.predict(X) - y.mean()).max() < 0.5


def test_a_weight_is_a_number_of_rows():
    w = np.arange(150) % 3
    rows = np.repeat(np.arange(150), w)
    # (Longer, and what rounds differently is seen.)
    weighted = ShoalRegressor(**SETTINGS, max_iter=25).fit(X, Y, w)
    repeated = ShoalRegressor(**SETTINGS, max_iter=25).fit(X[rows], Y[rows])
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-5)
    for one, other in zip(weighted.evidence_, repeated.evidence_, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_of_new_rows_the_fit_settles_before_penalties_move():
    shape, rule = Architecture(3, 4, 1, "tanh", "identity"), Rule("lm", 1.0, evidence=True)
    drawn = RNG.standard_normal(shape.n_parameters)
    old, new = (InMemory(Examples(X, t[:, None])) for t in (Y, np.roll(Y, 75)))
    state = lm.iterate(shape, rule, Budget(0, 60), old, lm.start(drawn), 1).state
    n = shape.n_parameters
    before, settled, _ = lm._unpacked(state.memory, n).penalties
    assert settled
    again = lm.iterate(shape, rule, Budget(0, 1), new, state, 1).state
    assert lm._unpacked(again.memory, n).penalties.a == before
    further = lm.iterate(shape, rule, Budget(60, 1), new, state, 1).state
    assert lm._unpacked(further.memory, n).penalties.a != before


def test_no_rows_are_held_out():
    model = ShoalRegressor(**SETTINGS).fit(X, Y)
    assert model.validation_loss_curve_ is None


def test_a_linear_model_needs_no_solver_named():
    chosen = SETTINGS | {"hidden": 0}
    named = ShoalRegressor(**chosen).fit(X, Y)
    unnamed = ShoalRegressor(**chosen | {"solver": "adam"}).fit(X, Y)
    assert named.fingerprint_ == unnamed.fingerprint_
    assert unnamed.get_params()["solver"] == "adam"


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_have_an_evidence_by_laplace(classes):
    y = np.digitize(Y, np.quantile(Y, np.arange(1, classes) / classes))
    model = ShoalClassifier(**SETTINGS | {"members": 2}).fit(X, y)
    found = model.evidence_
    assert found.alpha.shape == (2, 3)
    assert (found.beta == 1).all()
    assert ((found.gamma > 1) & (found.gamma < model.networks_[0].vector.size)).all()
    assert (found.log_evidence < 0).all()
    assert model.score(X, y) > 0.85


def test_a_file_keeps_the_evidence(tmp_path):
    model = ShoalRegressor(**SETTINGS | {"members": 2}).fit(X, Y)
    model.save(tmp_path / "m.shoal")
    again = shoal.load(tmp_path / "m.shoal")
    for one, other in zip(again.evidence_, model.evidence_, strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.get_params()["alpha"] == "evidence"


def test_without_it_there_is_no_evidence():
    model = ShoalRegressor(**SETTINGS | {"alpha": 0.1}).fit(X, Y)
    assert not hasattr(model, "evidence_")


def test_symmetries_are_counted():
    assert evidence.symmetries(Architecture(2, 3, 1)) == pytest.approx(np.log(6 * 8))
    assert evidence.symmetries(Architecture(2, 3, 1, "relu")) == pytest.approx(np.log(6))
    assert evidence.symmetries(Architecture(2, 0, 1)) == 0

"""loss="poisson": counts and rates, from a table to predictions, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import PoissonRegressor

import shoal
from shoal import Network, ShoalRegressor
from shoal.errors import DataError, SettingError
from shoal.network.outputs import LARGEST_LOGARITHM, OUTPUTS

EXACT = {"loss": "poisson", "encode": None, "hidden": 0, "members": 1, "dtype": "float64",
         "early_stopping": False, "random_state": 0}  # fmt: skip


def counts(m=1500, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (m, 3))
    return X, rng.poisson(scale * np.exp(1 + np.sin(3 * X[:, 0]) + X[:, 1])).astype(float)


@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_without_a_hidden_layer_it_is_scikit_learns(solver, alpha):
    X, y = counts(400)
    w = np.random.default_rng(1).uniform(0.5, 2, 400)
    theirs = PoissonRegressor(alpha=alpha, tol=1e-10, max_iter=1000).fit(X, y, w)
    # Ours is of the mean loss too, and divides the penalty by the sum of the weights.
    ours = ShoalRegressor(**EXACT, solver=solver, alpha=alpha * w.sum(), tol=1e-14, max_iter=500)
    ours.fit(X, y, sample_weight=w)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)
    assert ours.score(X, y, w) == pytest.approx(theirs.score(X, y, w), rel=1e-7)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_a_network_learns_what_a_linear_model_cannot(scale):
    X, y = counts(scale=scale)
    if scale < 1:
        y = np.random.default_rng(3).gamma(5, counts()[1] * scale / 5)  # rates
    model = ShoalRegressor(loss="poisson", random_state=0, hidden=16).fit(X, y)
    assert model.out_activation_ == "poisson"
    assert (model.predict(X) > 0).all()
    assert model.predict(X).mean() == pytest.approx(y.mean(), rel=0.05)
    linear = PoissonRegressor(alpha=0).fit(X, y)
    assert model.score(X, y) > linear.score(X, y) + 0.05


def test_by_the_evidence():
    X, y = counts(300)
    model = ShoalRegressor(loss="poisson", solver="lm", alpha="evidence", hidden=4, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.5
    assert (model.evidence_.beta == 1).all()


def test_files_weights_and_several_targets(tmp_path):
    X, y = counts()
    model = ShoalRegressor(loss="poisson", random_state=0, hidden=8, max_iter=20)
    model.fit(X, np.column_stack([y, 100 * y]), sample_weight=np.ones(len(X)))
    model.save(tmp_path / "m.shoal")
    again = shoal.load(tmp_path / "m.shoal")
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.get_params()["loss"] == "poisson"
    assert again.score(X, np.column_stack([y, 100 * y])) > 0.3


def test_intervals_of_counts_are_not_below_0():
    X, y = counts()
    model = ShoalRegressor(loss="poisson", random_state=0, hidden=16).fit(X, y)
    new, truth = counts(3000, seed=5)
    low, high = model.predict_interval(new).T
    assert low.min() == 0
    assert 0.86 < ((low <= truth) & (truth <= high)).mean() < 0.97
    rate = model.predict(new)
    assert (high - low)[rate > 8].mean() > 1.5 * (high - low)[rate < 3].mean()


def test_a_streamed_fit_is_that_of_the_table(tmp_path):
    X, y = counts()
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=y)
    frame.to_parquet(tmp_path / "t.parquet")
    settings = {"loss": "poisson", "random_state": 0, "hidden": 4, "max_iter": 3}
    known = ShoalRegressor(**settings).fit(frame.drop(columns="y"), y)
    model = ShoalRegressor(**settings).fit(str(tmp_path / "t.parquet"), "y")
    assert model.fingerprint_ == known.fingerprint_


def test_what_is_no_count_or_rate_is_refused_with_its_row(tmp_path):
    X, y = counts(100)
    for value in (-1.0, 1e14):
        wrong = y.copy()
        wrong[41] = value
        with pytest.raises(
            DataError, match=r"expected counts or rates from 0.*squared_error"
        ) as caught:
            ShoalRegressor(loss="poisson").fit(X, wrong)
        assert caught.value.row == 42
    frame = pd.DataFrame(X).rename(columns=str).assign(y=np.where(np.arange(100) == 7, -2, y))
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=r"t\.csv.*-2") as caught:
        ShoalRegressor(loss="poisson").fit(str(tmp_path / "t.csv"), "y")
    assert caught.value.row == 8
    net = Network.initialise(n_x=3, n_h=2, output="poisson")
    with pytest.raises(DataError, match="counts or rates"):
        net.cost(X.T, wrong[np.newaxis])


def test_a_fit_does_not_go_on_by_another_loss():
    X, y = counts(100)
    model = ShoalRegressor(random_state=0, warm_start=True, max_iter=2).fit(X, y)
    with pytest.raises(SettingError, match=r"loss=.*squared_error"):
        model.set_params(loss="poisson").fit(X, y)


def test_the_loss_is_finite_and_its_slope_is_that_of_5_beyond_the_bound():
    Z = np.array([[-800.0, 0, LARGEST_LOGARITHM - 1, LARGEST_LOGARITHM + 1, 500]])
    for Y in (np.zeros((1, 5)), np.full((1, 5), 3.0)):
        output, h = OUTPUTS["poisson"], 1e-6
        slope = (output.loss(Z + h, Y) - output.loss(Z - h, Y)) / (2 * h)
        np.testing.assert_allclose(slope, (output.of(Z) - Y)[0:1], rtol=1e-3, atol=1e-6)
        net = Network(np.empty((0, 1)), np.empty((0, 1)), [[1.0]], [[0.0]], output="poisson")
        assert net.cost(Z, Y) == pytest.approx(output.loss(Z, Y).mean(), rel=1e-12)
        np.testing.assert_allclose(net.forward(Z).A2, output.of(Z), rtol=1e-13, atol=1e-300)

"""Starting from given parameters, and going on with what is there."""

import numpy as np
import pytest
from sklearn.base import clone

import shoal
from shoal import Network, SettingError, ShoalClassifier, ShoalRegressor

RNG = np.random.default_rng(2)
X = RNG.standard_normal((300, 4))
y = (X[:, 0] * X[:, 1] > 0).astype(int)
QUICK = {"hidden": 5, "encode": None, "random_state": 0, "members": 2, "dtype": "float64"}
# Steps so short that they move nothing: what comes out is what was put in.
STILL = QUICK | {"solver": "sgd", "learning_rate": 1e-300, "max_iter": 1}
GIVEN = [Network.initialise(4, 5, 1, seed=s, scale=0.5) for s in (1, 2)]


def test_networks_parameters_and_estimators_are_starts():
    for init in (GIVEN, tuple(GIVEN), [network.parameters for network in GIVEN]):
        assert ShoalClassifier(**STILL, init=init).fit(X, y).networks_ == GIVEN
    one = ShoalClassifier(**STILL, init=GIVEN[0]).fit(X, y)
    assert one.networks_ == [GIVEN[0]] * 2
    again = ShoalClassifier(**STILL, init=ShoalClassifier(**STILL, init=GIVEN).fit(X, y))
    assert again.fit(X, y).networks_ == GIVEN


def test_members_follow_from_what_is_given():
    model = ShoalClassifier(**STILL | {"members": "auto"}, init=GIVEN).fit(X, y)
    assert model.networks_ == GIVEN


@pytest.mark.parametrize("solver", ["adam", "sgd", "gd", "lbfgs", "lm"])
def test_training_goes_on_from_there(solver):
    settings = QUICK | {"solver": solver, "max_iter": 30, "members": 1, "early_stopping": False}
    if solver == "gd":  # thirty steps are few: long enough to leave the plateau at the start
        settings |= {"learning_rate": 3.0, "max_iter": 200}
    first = ShoalClassifier(**settings).fit(X, y)
    next_ = ShoalClassifier(**settings | {"max_iter": 1}, init=first.networks_).fit(X, y)
    fresh = ShoalClassifier(**settings | {"max_iter": 1}).fit(X, y)
    assert next_.loss_curve_[0] < fresh.loss_curve_[0]
    assert next_.loss_curve_[0] < first.loss_curve_[-1] + 0.05


def test_what_is_given_is_not_changed_and_cloned_with_the_estimator():
    before = GIVEN[0].vector.copy()
    model = ShoalClassifier(**QUICK, init=GIVEN, max_iter=3)
    assert clone(model).fit(X, y).fingerprint_ == model.fit(X, y).fingerprint_
    np.testing.assert_array_equal(GIVEN[0].vector, before)


def test_a_file_does_not_hold_the_start(tmp_path):
    model = ShoalClassifier(**QUICK, init=GIVEN, max_iter=3).fit(X, y)
    model.save(tmp_path / "m.shoal")
    loaded = shoal.load(tmp_path / "m.shoal")
    assert loaded.init == "auto"
    assert loaded.fingerprint_ == model.fingerprint_


def test_a_checkpoint_belongs_to_its_start(tmp_path):
    ShoalClassifier(**QUICK, init=GIVEN, max_iter=3, checkpoint=tmp_path).fit(X, y)
    with pytest.raises(SettingError, match="init differs"):
        ShoalClassifier(**QUICK, init=GIVEN[::-1], max_iter=3, checkpoint=tmp_path).fit(X, y)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"init": GIVEN * 2}, "init gives 4 networks, and members=2"),
        ({"init": GIVEN, "hidden": 6}, r"5 hidden units .* want 4, 6 and 1"),
        ({"init": GIVEN, "activation": "relu"}, r"\(tanh, sigmoid\), but .* \(relu, sigmoid\)"),
        ({"init": [1, 2]}, r"a list of Network or of Parameters.*\['int', 'int'\]"),
        ({"init": []}, "expected a list of Network"),
        ({"init": ShoalClassifier()}, "this estimator is not fitted"),
        ({"init": np.zeros(3)}, "expected one of"),
    ],
)
def test_what_does_not_fit_is_refused(changed, told):
    with pytest.raises(SettingError, match=told):
        ShoalClassifier(**QUICK | changed).fit(X, y)


def test_a_regressor_wants_another_output():
    with pytest.raises(SettingError, match=r"\(tanh, sigmoid\), but .* \(tanh, identity\)"):
        ShoalRegressor(**QUICK, init=GIVEN).fit(X, X[:, 0])

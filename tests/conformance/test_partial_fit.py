"""`partial_fit` means it: the same optimiser goes on, in an order that is known."""

import numpy as np
import polars as pl
import pytest

import shoal
from shoal import DataError, SettingError, ShoalClassifier, ShoalRegressor, ShoalWarning

RNG = np.random.default_rng(4)
X = RNG.standard_normal((600, 4))
y = (X[:, 0] * X[:, 1] > 0).astype(int)
PARTS = np.array_split(np.arange(600), 3)
QUICK = {"hidden": 8, "random_state": 0, "members": 2}
# A fit that stops for no reason but its budget of epochs.
WHOLE = QUICK | {"early_stopping": False, "tol": 0.0, "n_iter_no_change": 10_000}


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("kind", [ShoalClassifier, ShoalRegressor])
def test_calls_with_all_rows_are_the_epochs_of_a_fit(kind, solver):
    target = y if kind is ShoalClassifier else 1e6 * X[:, :2] ** 2
    settings = WHOLE | {"solver": solver}
    whole = kind(**settings, max_iter=4).fit(X, target)
    model = kind(**settings)
    for _ in range(4):
        classes = {"classes": [0, 1]} if kind is ShoalClassifier else {}
        model.partial_fit(X, target, **classes)
    assert model.fingerprint_ == whole.fingerprint_
    assert model.loss_curves_ == whole.loss_curves_
    assert model.n_iter_ == 4


def test_it_goes_on_after_a_fit_and_after_itself():
    settings = WHOLE | {"max_iter": 3}
    whole = ShoalClassifier(**settings | {"max_iter": 4}).fit(X, y)
    model = ShoalClassifier(**settings).fit(X, y).partial_fit(X, y)
    assert model.fingerprint_ == whole.fingerprint_


def test_it_goes_on_after_members_that_stopped_early():
    model = ShoalClassifier(**QUICK, max_iter=200).fit(X, y)
    epochs = [len(curve) for curve in model.loss_curves_]
    model.partial_fit(X, y)
    assert [len(curve) for curve in model.loss_curves_] == [n + 1 for n in epochs]
    assert model.n_iter_ == max(epochs) + 1


def test_parts_teach_what_the_whole_teaches():
    model = ShoalClassifier(**QUICK)
    for _ in range(40):
        for part in PARTS:
            model.partial_fit(X[part], y[part], classes=[0, 1])
    assert model.score(X, y) > 0.9
    assert len(model.loss_curve_) == model.n_iter_ == 120


def test_the_encoding_is_of_the_first_call():
    first = pl.DataFrame({"word": ["a", "b"] * 50, "x": RNG.standard_normal(100)})
    later = pl.DataFrame({"word": ["a", "c"] * 50, "x": RNG.standard_normal(100) + 9})
    target = np.array(["no", "yes"] * 50)
    model = ShoalClassifier(**QUICK).partial_fit(first, target, classes=["no", "yes", "never"])
    features = model.encoding_.features
    model.partial_fit(later, target)
    assert model.encoding_.features == features
    assert model.predict_proba(later).shape == (100, 3)
    with pytest.raises(ValueError, match="now missing"):
        model.partial_fit(later.drop("word"), target)


def test_the_size_of_targets_is_of_the_first_call():
    model = ShoalRegressor(**QUICK).partial_fit(X, 1e6 + X[:, 0])
    scale = model.target_scale_.copy()
    model.partial_fit(X, 2e6 + 5 * X[:, 0])
    np.testing.assert_array_equal(model.target_scale_, scale)


def test_several_labels():
    Y = (X[:, :3] > 0).astype(int)
    model = ShoalClassifier(**QUICK)
    for _ in range(60):
        model.partial_fit(X, Y)
    assert (model.predict(X) == Y).mean() > 0.95


def test_weights_count_and_none_for_a_row_leaves_it_out():
    w = np.where(np.arange(600) < 300, 1.0, 0.0)
    settings = QUICK | {"solver": "sgd", "batch_size": 600, "encode": None, "dtype": "float64"}
    weighted = ShoalClassifier(**settings).partial_fit(X, y, [0, 1], w)
    fewer = ShoalClassifier(**settings).partial_fit(X[:300], y[:300], [0, 1])
    np.testing.assert_allclose(weighted.predict_proba(X), fewer.predict_proba(X), rtol=1e-10)


def test_it_goes_on_after_a_file(tmp_path):
    model = ShoalClassifier(**QUICK).partial_fit(X, y, classes=[0, 1])
    model.save(tmp_path / "m.shoal")
    loaded = shoal.load(tmp_path / "m.shoal").partial_fit(X, y)
    assert loaded.n_iter_ == 2
    assert loaded.fingerprint_ != model.fingerprint_


def test_one_fingerprint_for_any_number_of_threads():
    found = set()
    for n in (1, 2, 3):
        model = ShoalClassifier(**QUICK, n_jobs=n)
        for part in PARTS:
            model.partial_fit(X[part], y[part], classes=[0, 1])
        found.add(model.fingerprint_)
    assert len(found) == 1


def test_a_loss_that_is_no_number_leaves_the_network_as_it_was():
    model = ShoalRegressor(**QUICK, solver="sgd").partial_fit(X, X[:, 0])
    before = model.fingerprint_
    model.set_params(learning_rate=1e30)
    with pytest.warns(ShoalWarning, match="the loss was not finite"):
        model.partial_fit(X, X[:, 0])
    assert model.fingerprint_ == before
    model.set_params(learning_rate="auto").partial_fit(X, X[:, 0])
    assert np.isfinite(model.predict(X)).all()


def test_a_fit_begins_anew():
    model = ShoalClassifier(**WHOLE, max_iter=3).partial_fit(X, y, classes=[0, 1])
    fresh = ShoalClassifier(**WHOLE, max_iter=3).fit(X, y)
    assert model.fit(X, y).fingerprint_ == fresh.fingerprint_


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"early_stopping": True}, "expected early_stopping"),
        ({"scoring": "accuracy"}, "and scoring=None"),
        ({"class_weight": "balanced"}, "by themselves"),
    ],
)
def test_what_needs_all_rows_is_refused(settings, told):
    with pytest.raises(SettingError, match=told):
        ShoalClassifier(**QUICK, **settings).partial_fit(X, y, classes=[0, 1])


def test_what_cannot_be_is_told():
    model = ShoalClassifier(**QUICK)
    with pytest.raises(DataError, match="needs classes="):
        model.partial_fit(X, y)
    model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(DataError, match="differ from those of the first call"):
        model.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(DataError, match="was not there in fit"):
        model.partial_fit(X, y + 1)
    model.set_params(hidden=9)
    with pytest.raises(SettingError, match="partial_fit continue with the fitted network"):
        model.partial_fit(X, y)
    assert not hasattr(ShoalClassifier(solver="lbfgs"), "partial_fit")
    assert not hasattr(ShoalClassifier(solver="lm"), "partial_fit")
    assert not hasattr(ShoalClassifier(hidden=0, alpha="evidence"), "partial_fit")

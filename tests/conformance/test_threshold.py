"""`threshold=`: what predict decides, how validation rows choose it, and that it is kept."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import confusion_matrix, f1_score, get_scorer

import shoal
from shoal import SettingError, ShoalClassifier, ShoalRegressor
from shoal.estimators.threshold import best

RNG = np.random.default_rng(0)
M = 1200
X = RNG.normal(size=(M, 3))
Y = np.where(X[:, 0] + RNG.normal(size=M) > 1.5, "yes", "no")
QUICK = {"hidden": 4, "members": 2, "max_iter": 15, "random_state": 0}


def costs(truth, predicted):
    (_, wrongly), (missed, _) = confusion_matrix(truth, predicted)
    return (wrongly + 5 * missed) / len(truth)


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.8])
def test_the_second_class_is_predicted_above_the_threshold(threshold):
    model = ShoalClassifier(**QUICK, threshold=threshold).fit(X, Y)
    p = model.predict_proba(X)[:, 1]
    np.testing.assert_array_equal(model.predict(X) == "yes", p > np.float32(threshold))
    assert model.threshold_ == pytest.approx(threshold)


def test_without_one_the_likeliest_class_is_predicted():
    model = ShoalClassifier(**QUICK).fit(X, Y)
    assert model.threshold_ is None
    likeliest = model.classes_[model.predict_proba(X).argmax(axis=1)]
    np.testing.assert_array_equal(model.predict(X), likeliest)


def test_the_networks_are_those_without_a_threshold():
    plain = ShoalClassifier(**QUICK).fit(X, Y)
    for threshold in (0.3, "f1", {"yes": 5.0}):
        model = clone(plain).set_params(threshold=threshold).fit(X, Y)
        assert model.fingerprint_ == plain.fingerprint_


@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "matthews_corrcoef", "jaccard"])
def test_the_threshold_is_the_best_of_the_validation_rows(name):
    cut = 900
    model = ShoalClassifier(**QUICK | {"members": 1}, threshold=name)
    model.fit(X[:cut], Y[:cut], X_val=X[cut:], y_val=Y[cut:])
    p, truth = model.predict_proba(X[cut:])[:, 1], (Y[cut:] == "yes").astype(int)
    score = get_scorer(name)._score_func
    found = score(truth, (model.predict(X[cut:]) == "yes").astype(int))
    others = [score(truth, (p > t).astype(int)) for t in np.linspace(0.02, 0.9, 60)]
    assert found >= max(others) - 0.01
    assert found > score(truth, (p > 0.5).astype(int))


def test_costs_are_those_of_the_confusion_matrix():
    cut = 900
    model = ShoalClassifier(**QUICK | {"members": 1}, threshold={"yes": 5.0})
    model.fit(X[:cut], Y[:cut], X_val=X[cut:], y_val=Y[cut:])
    p = model.predict_proba(X[cut:])[:, 1]
    found = costs(Y[cut:], model.predict(X[cut:]))
    others = [costs(Y[cut:], np.where(p > t, "yes", "no")) for t in np.linspace(0.02, 0.9, 60)]
    assert found <= min(others) + 0.01
    assert model.threshold_ < 0.35


def test_equal_scores_choose_the_threshold_nearest_to_a_half():
    p = np.array([0.1, 0.2, 0.5, 0.9])
    assert best(p, np.array([0, 0, 0, 1]), lambda truth, said: 1.0) == pytest.approx(0.35)
    assert best(np.full(4, 0.2), np.array([0, 0, 1, 1]), f1_score) == 0.5


def test_a_file_keeps_it_and_streaming_chooses_the_same(tmp_path):
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=Y)
    frame.to_parquet(tmp_path / "t.parquet")
    held = ShoalClassifier(**QUICK, threshold="f1").fit(frame[["a", "b", "c"]], Y)
    streamed = ShoalClassifier(**QUICK, threshold="f1").fit(tmp_path / "t.parquet", "y")
    assert held.threshold_ == streamed.threshold_ != 0.5
    held.save(tmp_path / "m.shoal")
    loaded = shoal.load(tmp_path / "m.shoal")
    assert (loaded.threshold, loaded.threshold_) == ("f1", held.threshold_)
    np.testing.assert_array_equal(
        loaded.predict(frame[["a", "b", "c"]]), held.predict(frame[["a", "b", "c"]])
    )


def test_setting_it_after_the_fit_changes_nothing():
    model = ShoalClassifier(**QUICK, threshold=0.1).fit(X, Y)
    before = model.predict(X)
    model.set_params(threshold=0.9)
    np.testing.assert_array_equal(model.predict(X), before)


def test_partial_fit_takes_a_number():
    model = ShoalClassifier(hidden=3, random_state=0, threshold=0.2)
    model.partial_fit(X, Y, classes=["no", "yes"])
    assert model.threshold_ == pytest.approx(0.2)
    with pytest.raises(SettingError, match="partial_fit holds no rows out"):
        ShoalClassifier(threshold="f1").partial_fit(X, Y, classes=["no", "yes"])


@pytest.mark.parametrize(
    ("threshold", "y", "said"),
    [
        (1.5, Y, "above 0 and below 1"),
        ("nonsense", Y, "expected one of"),
        ("roc_auc", Y, "does not depend on the threshold"),
        ({"maybe": 2.0}, Y, "has no class 'maybe'"),
        ({"yes": -1.0}, Y, "finite number"),
        ([0.3], Y, "the name of a score"),
        (0.3, RNG.integers(0, 3, M), "y has not two classes"),
        (0.3, RNG.integers(0, 2, (M, 2)), "y has not two classes"),
    ],
)
def test_what_is_no_threshold_is_refused(threshold, y, said):
    with pytest.raises(SettingError, match=said):
        ShoalClassifier(**QUICK, threshold=threshold).fit(X, y)


def test_a_score_needs_validation_rows():
    model = ShoalClassifier(**QUICK, threshold="f1", early_stopping=False)
    with pytest.raises(SettingError, match="chosen on validation rows"):
        model.fit(X, Y)


def test_a_regressor_has_none():
    with pytest.raises(TypeError, match="threshold"):
        ShoalRegressor(threshold=0.5)

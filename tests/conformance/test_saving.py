"""A model comes back from its file with the same bits, whatever kind it is."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import shoal
from shoal import ShoalClassifier, ShoalRegressor, ShoalWarning

RNG = np.random.default_rng(0)
X = RNG.standard_normal((240, 4))
SIGN = (X[:, 0] * X[:, 1] > 0).astype(int)
QUICK = {"random_state": 0, "max_iter": 4}
MANY = [f"word {i:05d}" for i in range(10_000)]


def mixed():
    words = RNG.choice(["Rome", "Oslo", "Bern", "São Paulo", ""], 240)
    days = np.datetime64("2024-01-01") + RNG.integers(0, 700, 240)
    sizes = [None if i % 9 == 0 else float(x) for i, x in enumerate(X[:, 0])]
    columns = {"city": words, "day": days, "size": sizes, "yes": SIGN > 0, "always": [1] * 240}
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def diverged():
    model = ShoalRegressor(solver="sgd", learning_rate=1e6, random_state=0)
    with pytest.warns(ShoalWarning, match="diverged"):
        return model.fit(X, X[:, 0]), X


def validated():
    model = ShoalClassifier(**QUICK | {"max_iter": 30})
    return model.fit(X[:120], SIGN[:120], X_val=X[120:], y_val=SIGN[120:]), X


def ten_thousand():
    rows = np.random.default_rng(1).standard_normal((10_000, 3))
    model = ShoalClassifier(hidden=3, max_iter=1, random_state=0, early_stopping=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes")  # of newer scikit-learn
        return model.fit(rows, MANY), rows[:50]


def classifier(y, **settings):
    return lambda: (ShoalClassifier(**QUICK | settings).fit(X, y), X)


def regressor(y, **settings):
    return lambda: (ShoalRegressor(**QUICK | settings).fit(X, y), X)


def of_a_table():
    return ShoalClassifier(**QUICK, drop=["always"], words=["yes"]).fit(t := mixed(), SIGN), t


THREE = np.digitize(X[:, 2], [-0.5, 0.5])
KINDS = {
    "two classes": classifier(SIGN),
    "booleans": classifier(SIGN > 0),
    "words": classifier(np.where(SIGN, "yes", "no")),
    "words as objects": classifier(np.where(SIGN, "ja", "nein").astype(object)),
    "numbers as classes": classifier(2.0 * SIGN - 1),
    "small integers": classifier(SIGN.astype(np.int8) * 100),
    "three classes": classifier(THREE),
    "ten thousand classes": ten_thousand,
    "several labels": classifier((X[:, :3] > 0).astype(int)),
    "no hidden layer": classifier(THREE, hidden=0),
    "members": classifier(SIGN, members=3),
    "float64": classifier(SIGN, dtype="float64", activation="relu", solver="gd"),
    "no encoding": classifier(SIGN, encode=None),
    "class weights": classifier(np.where(SIGN, "yes", "no"), class_weight={"yes": 2, "no": 1}),
    "a number": regressor(X[:, 0] ** 2),
    "several numbers": regressor(X[:, :2] * [1, 1e6]),
    "one column of numbers, whole": regressor(np.arange(240)),
    "a table": of_a_table,
    "validation": validated,
    "a fit that diverged": diverged,
}


@pytest.fixture(scope="module", params=KINDS)
def saved(request, tmp_path_factory):
    """A fitted model, rows for it, and the model that came back from its file."""
    model, rows = KINDS[request.param]()
    path = tmp_path_factory.mktemp("models") / "model.shoal"
    model.save(path)
    return model, rows, path, shoal.load(path)


def test_it_predicts_the_same_bits(saved):
    model, rows, _, loaded = saved
    assert type(loaded) is type(model)
    assert loaded.fingerprint_ == model.fingerprint_
    assert loaded.predict(rows).tolist() == model.predict(rows).tolist()
    if isinstance(model, ShoalClassifier):
        assert loaded.predict_proba(rows).tobytes() == model.predict_proba(rows).tobytes()
    else:
        assert loaded.predict(rows).tobytes() == model.predict(rows).tobytes()


def test_it_remembers_what_was_learnt(saved):
    model, _, _, loaded = saved
    for name in ("n_features_in_", "n_outputs_", "n_layers_", "n_iter_", "out_activation_"):
        assert getattr(loaded, name) == getattr(model, name), name
    assert loaded.networks_ == model.networks_
    assert loaded.encoding_ == model.encoding_
    assert loaded.validation_loss_curve_ == model.validation_loss_curve_
    assert loaded.member_seeds_ == model.member_seeds_
    assert loaded.endings_ == model.endings_
    assert loaded.loss_curve_ == [loss for loss in model.loss_curve_ if np.isfinite(loss)]
    if isinstance(model, ShoalClassifier):
        assert loaded.classes_.tolist() == model.classes_.tolist()
    if hasattr(model, "feature_names_in_"):
        assert loaded.feature_names_in_.tolist() == model.feature_names_in_.tolist()


def test_it_keeps_its_settings(saved):
    model, _, _, loaded = saved
    assert loaded.get_params() == model.get_params()


def test_saved_again_it_is_the_same_file(saved, tmp_path):
    _, _, path, loaded = saved
    loaded.save(tmp_path / "again.shoal")
    assert (tmp_path / "again.shoal").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("kind", ["words", "members", "class weights"])
def test_it_can_learn_again(kind, tmp_path):
    model, _ = KINDS[kind]()
    model.save(tmp_path / "m.shoal")
    loaded = shoal.load(tmp_path / "m.shoal")
    y = model.classes_[SIGN]
    assert loaded.fit(X, y).fingerprint_ == model.fingerprint_


@pytest.mark.slow
def test_ten_thousand_words_are_in_the_file(tmp_path):
    model, rows = ten_thousand()
    model.save(tmp_path / "m.shoal")
    loaded = shoal.load(tmp_path / "m.shoal")
    assert loaded.classes_.tolist() == MANY
    assert set(loaded.predict(rows)) <= set(MANY)


@pytest.mark.slow
def test_ten_thousand_columns_and_very_long_names_are_in_the_file(tmp_path):
    numbers = np.random.default_rng(0).normal(size=(20, 10_000))
    X = pd.DataFrame(numbers, columns=["a" * 100_000, *(f"measurement {i}" for i in range(9_999))])
    model = shoal.ShoalClassifier(members=1, hidden=2, max_iter=1, random_state=0)
    with warnings.catch_warnings(action="ignore"):
        model.fit(X, [0, 1] * 10)
    model.save(tmp_path / "m.shoal")
    loaded = shoal.load(tmp_path / "m.shoal")
    assert (loaded.predict_proba(X) == model.predict_proba(X)).all()


def test_a_path_may_be_a_string(tmp_path):
    model, rows = KINDS["two classes"]()
    model.save(str(tmp_path / "m.shoal"))
    assert (shoal.load(str(tmp_path / "m.shoal")).predict(rows) == model.predict(rows)).all()


def test_a_generator_as_seed_is_kept_as_the_seed_it_gave(tmp_path):
    model = ShoalClassifier(random_state=np.random.RandomState(4), max_iter=2).fit(X, SIGN)
    model.save(tmp_path / "m.shoal")
    loaded = shoal.load(tmp_path / "m.shoal")
    assert loaded.fingerprint_ == model.fingerprint_
    assert loaded.fit(X, SIGN).fingerprint_ == model.fingerprint_


def test_classes_that_a_file_cannot_hold_are_refused_with_the_cure(tmp_path):
    dates = np.array(["2024-01-01", "2024-01-02"], "datetime64[D]")[SIGN]
    model = ShoalClassifier(**QUICK).fit(X, dates)
    with pytest.raises(ValueError, match=r"classes.*Turn y into one of these|neither words"):
        model.save(tmp_path / "m.shoal")
    assert not list(tmp_path.iterdir())


def test_what_a_prediction_makes_ready_is_not_pickled():
    X = np.random.default_rng(0).normal(size=(80, 3))
    model = ShoalClassifier(random_state=0, members=1, hidden=3, max_iter=2).fit(X, X[:, 0] > 0)
    before = pickle.dumps(model)
    expected = model.predict_proba(X)
    assert pickle.dumps(model) == before
    assert np.array_equal(pickle.loads(before).predict_proba(X), expected)

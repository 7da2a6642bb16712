"""What cannot be is refused: before anything is touched, with what was expected and what came."""

import pickle

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from shoal import (
    DataError,
    MemoryRefused,
    SettingError,
    ShoalClassifier,
    ShoalError,
    ShoalRegressor,
)
from shoal.compute import memory
from shoal.data.rows.split import hold_out
from shoal.estimators import starts
from shoal.estimators.automatic import SPLIT
from shoal.network.draws import child

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3))
Y = (X[:, 0] > 0).astype(int)


@pytest.mark.parametrize("kind", [ShoalClassifier, ShoalRegressor])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden", -1),
        ("hidden", 4.0),
        ("hidden", True),
        ("activation", "swish"),
        ("init", "xavier"),
        ("init", -0.1),
        ("init", float("nan")),
        ("solver", "newton"),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("learning_rate", 0),
        ("learning_rate", "fast"),
        ("momentum", 1.0),
        ("momentum", -0.5),
        ("batch_size", 0),
        ("batch_size", 2.5),
        ("max_iter", 0),
        ("schedule", "sudden"),
        ("alpha", -1e-4),
        ("weight_decay", -0.1),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("members", 0),
        ("early_stopping", "often"),
        ("validation_fraction", 0),
        ("validation_fraction", 1.0),
        ("n_iter_no_change", 0),
        ("tol", -1),
        ("encode", "some"),
        ("dtype", "float16"),
        ("dtype", "nonsense"),
        ("n_jobs", 0),
        ("n_jobs", 1.5),
        ("checkpoint", 3),
        ("scratch", True),
        ("random_state", -1),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_what_was_expected(kind, name, value):
    shown = f'"{value}"' if isinstance(value, str) else value
    with pytest.raises(SettingError, match=rf"^{name}={shown}: expected ") as caught:
        kind(**{name: value}).fit(X, Y)
    assert caught.value.setting == name


@pytest.mark.parametrize("hidden", [10**9, 10**12])
@pytest.mark.parametrize("kind", [ShoalClassifier, ShoalRegressor])
def test_more_memory_than_there_is_is_refused_before_anything_is_drawn(monkeypatch, kind, hidden):
    monkeypatch.setattr(memory, "available", lambda: 8 * 10**9)
    monkeypatch.setattr(starts, "initialise", lambda *_, **__: pytest.fail("weights were drawn"))
    with pytest.raises(MemoryRefused) as caught:
        kind(hidden=hidden, members=1, bins=0).fit(X, Y)
    message = str(caught.value)
    assert f"hidden={hidden} with" in message
    assert ("140.0 GB" if hidden == 10**9 else "140.0 TB") in message
    assert "8.0 GB are available" in message
    assert "smaller hidden" in message
    assert isinstance(caught.value, MemoryError)


def test_a_width_that_no_float_holds_is_refused():
    with pytest.raises(MemoryRefused, match="are available"):
        ShoalClassifier(hidden=10**400, members=1).fit(X, Y)


def test_what_fits_is_not_refused(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 8 * 10**9)
    assert ShoalClassifier(hidden=1000, max_iter=1).fit(X, Y).n_iter_ == 1


def test_the_memory_that_there_is_is_known():
    assert 10**6 < memory.available() < 1 << 62


@pytest.mark.parametrize(
    ("value", "kind"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
def test_without_an_encoding_every_number_must_be_one(value, kind):
    bad = X.copy()
    bad[7, 1] = value
    model = ShoalClassifier(encode=None, max_iter=1)
    with pytest.raises(DataError, match=f"contains {kind}: row 7, column 1"):
        model.fit(bad, Y)
    model.fit(X, Y)
    with pytest.raises(DataError, match=f"contains {kind}: row 7, column 1"):
        model.predict(bad)


def test_without_an_encoding_words_are_refused():
    with pytest.raises(DataError, match=r'encode=None expects numbers only.*encode="auto"'):
        ShoalClassifier(encode=None).fit(np.array([["a"], ["b"]]), [0, 1])


def test_a_number_too_large_for_float32_is_refused():
    with pytest.raises(DataError, match=r"too large|infinity"):
        ShoalClassifier(encode=None).fit(1e39 * X, Y)


def test_numbers_too_large_to_be_squared_are_refused():
    with pytest.raises(DataError, match=r'column "x0".*too large to be squared'):
        ShoalClassifier().fit(1e300 * X, Y)
    with pytest.raises(DataError, match="y is too large to be squared"):
        ShoalRegressor().fit(X, 1e300 * X[:, 0])


def test_one_class_is_not_enough():
    for y in (np.zeros(60), ["only"] * 60, np.ones(60, bool)):
        with pytest.raises(DataError, match="y has one class only"):
            ShoalClassifier().fit(X, y)


@pytest.mark.parametrize("hole", [None, np.nan])
def test_a_target_with_a_hole_names_its_row(hole):
    y = Y.astype(object)
    y[[5, 9]] = hole
    with pytest.raises(DataError, match=r"row 6: y contains NaN or None \(2 in all\)") as said:
        ShoalClassifier().fit(X, y)
    assert said.value.row == 6


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_target_that_is_no_number_is_refused(value):
    y = X[:, 0].copy()
    y[5] = value
    with pytest.raises(ValueError, match="y contains"):
        ShoalRegressor().fit(X, y)


def test_every_row_needs_a_target_and_every_target_a_row():
    with pytest.raises(ValueError, match=r"\[60, 59\]"):
        ShoalClassifier().fit(X, Y[:-1])
    with pytest.raises(ValueError, match=r"\[60, 59\]"):
        ShoalClassifier().fit(X, Y, X_val=X, y_val=Y[:-1])
    with pytest.raises(ValueError, match="sample_weight"):
        ShoalClassifier().fit(X, Y, np.ones(59))


@pytest.mark.parametrize("weights", [-np.ones(60), np.zeros(60), np.full(60, np.nan)])
@pytest.mark.parametrize("kind", [ShoalClassifier, ShoalRegressor])
def test_weights_that_mean_nothing_are_refused(kind, weights):
    with pytest.raises(ValueError, match=r"(?i)sample.weight"):
        kind().fit(X, Y, weights)


@pytest.mark.parametrize("only", [{"X_val": X}, {"y_val": Y}])
def test_validation_rows_come_with_targets(only):
    with pytest.raises(SettingError, match="expected both or none"):
        ShoalClassifier(max_iter=1).fit(X, Y, **only)


def test_a_class_that_was_not_there_is_named():
    with pytest.raises(DataError, match=r"y has the class .*5.*not there in fit"):
        ShoalClassifier(max_iter=1).fit(X, Y, X_val=X, y_val=np.full(60, 5))


@pytest.mark.filterwarnings("ignore:The number of unique classes")
@pytest.mark.parametrize("rows", [2, 60])
def test_rows_of_which_each_has_a_class_of_its_own(rows):
    with pytest.raises(DataError, match=rf"no row of {rows} could be held out.*another target"):
        ShoalClassifier(early_stopping=True).fit(X[:rows], np.arange(rows))


@pytest.mark.filterwarnings("ignore:y is constant:shoal.ShoalWarning")
def test_one_row_cannot_be_held_out():
    with pytest.raises(DataError, match=r"1 row is too few.*early_stopping=False"):
        ShoalRegressor(early_stopping=True, encode=None).fit(np.ones((1, 3)), [2.0])


def test_held_out_rows_without_weight_are_refused():
    _, held = hold_out(60, 0.15, child(0, SPLIT), Y)
    weights = np.ones(60)
    weights[held] = 0
    model = ShoalClassifier(early_stopping=True, random_state=0, max_iter=1, members=1)
    with pytest.raises(DataError, match="held out for early stopping have weight 0"):
        model.fit(X, Y, weights)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "save", "fingerprint_", "score"])
def test_before_fit_there_is_nothing_to_use(method, tmp_path):
    model = ShoalClassifier()
    arguments = {"save": (tmp_path / "m.shoal",), "score": (X, Y)}.get(method, (X,))
    with pytest.raises(NotFittedError):
        getattr(model, method)(*arguments)
    assert not list(tmp_path.iterdir())


def test_a_refused_fit_leaves_the_fitted_model_as_it_was():
    model = ShoalClassifier(random_state=0, max_iter=2).fit(X, Y)
    before = model.predict_proba(X)
    for settings, data in (({"hidden": -1}, X), ({"hidden": 64}, X[:0]), ({"hidden": 10**15}, X)):
        with pytest.raises(ValueError, match=r"expected|Found|memory"):
            model.set_params(**settings).fit(data, Y[: len(data)])
        np.testing.assert_array_equal(model.predict_proba(X), before)


def test_errors_can_be_pickled_for_other_processes():
    for kind in (SettingError, DataError, MemoryRefused):
        error = pickle.loads(pickle.dumps(kind("what came")))
        assert isinstance(error, ShoalError)
        assert str(error) == "what came"

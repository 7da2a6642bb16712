"""Intervals, quantiles and sets: what they hold, how they are kept, and when they are refused."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import make_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import shoal
from shoal import ShoalClassifier, ShoalRegressor
from shoal.errors import SettingError, ShoalWarning
from shoal.estimators import streamed
from shoal.estimators.calibration import KEPT, Calibration, of_values
from shoal.estimators.held_out import _held_out
from shoal.estimators.rows import InMemoryRows

QUICK = {"random_state": 0, "hidden": 8, "max_iter": 40, "members": 4}


def numbers(m=600, seed=0):
    """Noise whose size grows with the second column."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (m, 3))
    return X, 1000 + 50 * (np.sin(3 * X[:, 0]) + 0.3 * np.exp(1.5 * X[:, 1]) * rng.normal(size=m))


def classes(m=800, n=3, new=False):
    """The first m of 5,000 rows, or the last 3,000."""
    X, y = make_classification(5000, 6, n_informative=4, n_classes=n, flip_y=0.3, random_state=0)
    part = slice(-3000, None) if new else slice(m)
    return X[part], y[part]


def covered(ends, y):
    return ((ends[:, 0] <= y) & (y <= ends[:, 1])).mean()


@pytest.fixture(scope="module")
def regressor():
    return ShoalRegressor(**QUICK).fit(*numbers())


@pytest.fixture(scope="module")
def classifier():
    return ShoalClassifier(**QUICK).fit(*classes())


# --- what they hold -----------------------------------------------------------------------


def test_intervals_cover_new_rows_and_follow_the_noise(regressor):
    X, y = numbers(4000, seed=1)
    for coverage in (0.5, 0.8, 0.9):
        ends = regressor.predict_interval(X, coverage)
        assert ends.shape == (4000, 2)
        assert abs(covered(ends, y) - coverage) < 0.06  # two errors of the level of 285 rows
    width = np.ptp(ends, axis=1)
    calm, loud = X[:, 1] < -0.5, X[:, 1] > 0.5
    assert width[loud].mean() > 2 * width[calm].mean()  # the noise is 4.5 times as large
    assert min(covered(ends[part], y[part]) for part in (calm, loud)) > 0.8


def test_far_outside_no_width_is_beyond_those_of_the_rows_held_out(regressor):
    X, _ = numbers(300, seed=3)
    fitted = regressor.fitted_
    spread = fitted.calibration.spread
    with pytest.warns(ShoalWarning, match="far outside"):
        widths = spread.widths(fitted.matrix(40 * X), 1)
    low, high = np.exp(spread.range[:, 0])
    assert (widths >= low * (1 - 1e-12)).all()
    assert (widths <= high * (1 + 1e-12)).all()


def test_quantiles_rise_with_their_levels_and_give_the_interval(regressor):
    X, y = numbers(300, seed=2)
    levels = [0.95, 0.05, 0.5, 0.25, 0.75]
    found = regressor.predict_quantiles(X, levels)
    assert found.shape == (300, 5)
    assert (np.diff(found[:, np.argsort(levels)], axis=1) > 0).all()
    np.testing.assert_allclose(found[:, [1, 0]], regressor.predict_interval(X, 0.9), rtol=1e-12)
    assert 0.4 < (y < found[:, 2]).mean() < 0.6


def test_the_deviation_is_that_of_the_target_around_the_prediction(regressor):
    X, y = numbers(4000, seed=3)
    mean, deviation = regressor.predict(X, return_std=True)
    np.testing.assert_array_equal(mean, regressor.predict(X))
    z = (y - mean) / deviation
    assert 0.9 < np.sqrt((z**2).mean()) < 1.1
    assert 0.85 < (np.abs(z) < 1.645).mean() < 0.95


def test_several_targets_have_each_their_own(regressor):
    X, y = numbers()
    calm = np.random.default_rng(5).normal(X[:, 0], 0.01)
    model = ShoalRegressor(**QUICK).fit(X, np.column_stack([y, calm]))
    ends = model.predict_interval(X, 0.8)
    assert ends.shape == (600, 2, 2)
    assert model.predict_quantiles(X, [0.1, 0.5, 0.9]).shape == (600, 3, 2)
    widths = np.ptp(ends, axis=1).mean(axis=0)
    assert widths[0] > 10
    assert widths[1] < 0.5


def test_sets_cover_new_rows_and_none_is_empty(classifier):
    X, y = classes(new=True)
    for coverage in (0.5, 0.85, 0.95):
        sets = classifier.predict_set(X, coverage)
        assert sets.shape == (3000, 3)
        assert sets.dtype == bool
        assert sets.any(axis=1).all()
        assert sets[np.arange(3000), classifier.predict(X)].all()
        assert sets[np.arange(3000), y].mean() > coverage - 0.06
    assert 1 < sets.sum(axis=1).mean() < 3


def test_a_set_has_the_predicted_class_also_by_a_threshold():
    X, y = classes(n=2)
    model = ShoalClassifier(**QUICK, threshold=0.2).fit(X, y)
    sets = model.predict_set(X, 0.7)
    assert sets[np.arange(len(X)), model.predict(X)].all()
    assert (model.predict(X) != (model.predict_proba(X)[:, 1] > 0.5)).any()


def test_each_members_predictions_have_the_mean_of_the_ensemble(regressor, classifier):
    X, _ = numbers(50)
    each = regressor.predict_members(X)
    assert each.shape == (4, 50)
    np.testing.assert_allclose(each.mean(axis=0), regressor.predict(X), rtol=1e-6)
    assert each.std(axis=0).min() > 0
    X, _ = classes(50)
    each = classifier.predict_members(X)
    assert each.shape == (4, 50, 3)
    np.testing.assert_allclose(each.mean(axis=0), classifier.predict_proba(X), rtol=1e-5)


def test_one_row_has_the_bits_of_many(regressor, classifier):
    X, _ = numbers(20, seed=4)
    many = regressor.predict_interval(X)
    for i in range(20):
        np.testing.assert_array_equal(regressor.predict_interval(X[i : i + 1])[0], many[i])


def test_no_bit_depends_on_threads():
    X, y = numbers()
    found = [ShoalRegressor(**QUICK, n_jobs=n).fit(X, y).predict_interval(X) for n in (1, 3)]
    np.testing.assert_array_equal(*found)


# --- by the evidence ------------------------------------------------------------------------


def test_without_rows_held_out_the_evidence_leaves_each_row_out_by_a_step():
    X, y = numbers(300)
    model = ShoalRegressor(
        solver="lm", alpha="evidence", hidden=4, members=2, random_state=0, dtype="float64"
    ).fit(X, y)
    assert model.fitted_.calibration.rows == 300
    new, truth = numbers(3000, seed=9)
    assert 0.86 < covered(model.predict_interval(new), truth) < 0.94


def test_a_row_left_out_by_a_step_is_left_out_exactly_in_a_linear_model():
    X, y = numbers(40)
    settings = {"hidden": 0, "alpha": "evidence", "encode": None, "members": 1, "dtype": "float64", "tol": 1e-12}  # fmt: skip
    model = ShoalRegressor(**settings).fit(X, y)
    evidence = model.evidence_
    penalty = (evidence.alpha[0, 2] / evidence.beta[0]) * np.diag([1.0, 1, 1, 0])
    t = (y - model.target_mean_) / model.target_scale_
    ones = np.column_stack([X, np.ones(40)])
    errors = []
    for i in range(40):
        A, b = np.delete(ones, i, 0), np.delete(t, i)
        errors.append(t[i] - ones[i] @ np.linalg.solve(A.T @ A + penalty, A.T @ b))
    np.testing.assert_allclose(model.fitted_.calibration.values[0], np.sort(errors), rtol=1e-6)


def test_sets_by_the_evidence():
    X, y = classes(400)
    model = ShoalClassifier(hidden=0, alpha="evidence", encode=None, random_state=0).fit(X, y)
    new, truth = classes(new=True)
    assert model.predict_set(new, 0.9)[np.arange(3000), truth].mean() > 0.85


# --- weights, groups, rows of other kinds -----------------------------------------------------


def test_a_row_of_weight_2_counts_as_two_rows():
    values = np.random.default_rng(0).normal(size=(1, 400))
    w = np.random.default_rng(1).integers(1, 4, 400).astype(float)
    weighted = of_values(values, w)
    repeated = of_values(np.repeat(values, w.astype(int), axis=1), None)
    for level in (0.1, 0.5, 0.9):
        assert abs(weighted.at(level) - repeated.at(level)) < 0.05
    np.testing.assert_allclose(weighted.deviation, repeated.deviation, rtol=1e-12)


def test_rows_of_weight_0_say_nothing():
    X, y = numbers(1200)
    noise = np.where(np.arange(1200) % 2, 0, 1e4 * np.random.default_rng(3).normal(size=1200))
    w = (np.arange(1200) % 2).astype(float)
    model = ShoalRegressor(**QUICK).fit(X, y + noise, sample_weight=w)
    new, truth = numbers(2000, seed=8)
    assert 0.84 < covered(model.predict_interval(new), truth) < 0.96


def test_rows_of_a_group_are_unseen_together():
    X, y = numbers(600)
    apart = ShoalRegressor(**QUICK).fit(X, y, groups=np.repeat(np.arange(60), 10))
    assert apart.fitted_.calibration.rows % 10 == 0
    assert 100 < apart.fitted_.calibration.rows < 500


def test_the_latest_rows_calibrate_where_times_are_given():
    X, y = numbers(600)
    model = ShoalRegressor(**QUICK).fit(X, y, times=np.arange(600))
    assert model.fitted_.calibration.rows == 90
    A2 = model.predict(X[510:])
    errors = np.abs((y[510:] - A2) / model.target_scale_)
    known = model.fitted_.calibration
    if known.spread is None:
        np.testing.assert_allclose(np.sort(errors), np.sort(np.abs(known.values[0])), rtol=1e-4)


def test_given_validation_rows_calibrate(regressor):
    X, y = numbers(seed=6)
    model = ShoalRegressor(**QUICK).fit(X[:400], y[:400], X_val=X[400:], y_val=y[400:])
    assert model.fitted_.calibration.rows == 200


def test_text_missing_values_and_pipelines():
    X, y = numbers()
    frame = pd.DataFrame(X.copy(), columns=["a", "b", "c"])
    frame["word"] = np.where(X[:, 1] > 0, "loud", "calm")
    frame.loc[::7, "a"] = None
    model = ShoalRegressor(**QUICK).fit(frame, y)
    width = np.ptp(model.predict_interval(frame), axis=1)
    loud = frame["word"] == "loud"
    assert width[loud].mean() > 1.3 * width[~loud].mean()
    plain = make_pipeline(StandardScaler(), ShoalRegressor(**QUICK, encode=None)).fit(X, y)
    assert 0.8 < covered(plain[-1].predict_interval(plain[0].transform(X)), y) < 1


def test_sparse_rows():
    X, y = numbers()
    model = ShoalRegressor(**QUICK).fit(csr_array(X), y)
    assert model.fitted_.calibration.spread is None
    assert 0.8 < covered(model.predict_interval(csr_array(X)), y) < 1


def test_a_streamed_fit_has_the_intervals_of_the_table(tmp_path, monkeypatch):
    X, y = numbers(12_000)
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=y)
    frame.to_parquet(tmp_path / "t.parquet")
    settings = {**QUICK, "max_iter": 3, "shuffle_rows": 1000, "n_jobs": 1}
    known = ShoalRegressor(**settings).fit(frame.drop(columns="y"), y)
    monkeypatch.setattr(streamed, "BASE", 0)
    monkeypatch.setattr(streamed, "LEAST_RUN", 0)
    monkeypatch.delattr(streamed, "InMemoryRows")  # which has all rows in memory
    model = ShoalRegressor(**settings, memory="290kB").fit(str(tmp_path / "t.parquet"), "y")
    assert model.fingerprint_ == known.fingerprint_
    found = [one.predict_interval(frame.drop(columns="y")) for one in (model, known)]
    np.testing.assert_array_equal(*found)


# --- kept ----------------------------------------------------------------------------------


def test_files_and_pickles_keep_them(regressor, classifier, tmp_path):
    X, _ = numbers(50)
    regressor.save(tmp_path / "r.shoal")
    assert regressor.fitted_.calibration.spread is not None
    for again in (shoal.load(tmp_path / "r.shoal"), pickle.loads(pickle.dumps(regressor))):
        np.testing.assert_array_equal(again.predict_interval(X), regressor.predict_interval(X))
        for one, other in zip(again.predict(X, True), regressor.predict(X, True), strict=True):
            np.testing.assert_array_equal(one, other)
    X, _ = classes(50)
    classifier.save(tmp_path / "c.shoal")
    again = shoal.load(tmp_path / "c.shoal")
    np.testing.assert_array_equal(again.predict_set(X), classifier.predict_set(X))


def test_of_many_rows_a_bounded_number_is_kept():
    many = of_values(np.random.default_rng(0).normal(size=(2, 50_000)), None)
    assert many.values.shape == (2, KEPT)
    assert abs(many.at(0.95) - 1.645).max() < 0.05
    assert many.rows == 50_000


def test_a_level_has_the_chance_that_a_new_value_is_lower():
    known = Calibration(np.arange(1.0, 20)[np.newaxis], np.ones(1), 19)
    np.testing.assert_allclose([known.at(q)[0] for q in (0.05, 0.5, 0.95)], [1, 10, 19])
    assert known.at(0.525)[0] == pytest.approx(10.5)
    known.check("coverage", 0.9, (1 - 0.9) / 2)


# --- refused ----------------------------------------------------------------------------------


def test_models_without_rows_held_out_name_the_cure():
    X, y = numbers(200)
    fits = [
        ShoalRegressor(**QUICK, early_stopping=False).fit(X, y),
        ShoalRegressor(**QUICK).fit(X[:40], y[:40]),
        ShoalRegressor(random_state=0).partial_fit(X, y),
    ]
    for model in fits:
        for call in (model.predict_interval, lambda X, m=model: m.predict(X, return_std=True)):
            with pytest.raises(SettingError, match="early_stopping=True"):
                call(X)
        assert model.predict_members(X).shape[1:] == (200,)
    with pytest.raises(SettingError, match="early_stopping=True"):
        ShoalClassifier.classic(max_iter=5).fit(X, X[:, 0] > 0).predict_set(X)


def test_partial_fit_drops_what_an_earlier_fit_knew():
    X, y = numbers(200)
    model = ShoalRegressor(**QUICK).fit(X, y)
    assert model.fitted_.calibration is not None
    model.partial_fit(X, y)
    assert model.fitted_.calibration is None


def test_levels_that_the_rows_cannot_tell_are_refused(regressor):
    X, _ = numbers(3)
    with pytest.raises(
        SettingError, match=r"coverage=0.99: at least 199 rows .* and 1\d\d are known"
    ):
        ShoalRegressor(**QUICK).fit(*numbers(250)).predict_interval(X, 0.99)
    with pytest.raises(SettingError, match=r"coverage=0.9999: expected levels from 1/1,024"):
        regressor.predict_interval(X, 0.9999)
    for coverage in (0, 1, -0.5, "high", None, np.nan):
        with pytest.raises(SettingError, match=r"^coverage="):
            regressor.predict_interval(X, coverage)
    for quantiles in ([], 0.5, [[0.5]], [0.5, 1.0], ["a"]):
        with pytest.raises(SettingError, match=r"^quantiles="):
            regressor.predict_quantiles(X, quantiles)


def test_several_labels_have_no_sets():
    X, _ = numbers(200)
    model = ShoalClassifier(**QUICK).fit(X, X > 0)
    with pytest.raises(SettingError, match="several labels"):
        model.predict_set(X)


# --- the pieces -------------------------------------------------------------------------------


def test_rows_held_out_are_each_predicted_by_members_that_did_not_see_them():
    X, y = numbers(200)
    model = ShoalRegressor(**QUICK, encode=None, dtype="float64").fit(X, y)
    fitted = model.fitted_
    rows = InMemoryRows(fitted.settings, fitted.examples(X, y), None)
    held = _held_out(fitted, rows, 1)
    each = np.array(list(fitted.outputs(X, 1)))[:, 0]
    unseen = np.zeros((4, 200), bool)
    for mask, seed in zip(unseen, fitted.history.seeds, strict=True):
        mask[rows.shown(seed)[1].rows] = True
    there = np.flatnonzero(unseen.any(axis=0))
    expected = [each[unseen[:, i], i].mean() for i in there]
    np.testing.assert_allclose(held.A2[0], expected, rtol=1e-12)
    np.testing.assert_array_equal(held.members, unseen[:, there].sum(axis=0))
    np.testing.assert_array_equal(held.examples.X, X[there])


# --- the fitted value of a file -----------------------------------------------------------


def test_the_fitted_value_of_a_file_gives_the_same_intervals_and_quantiles(regressor, tmp_path):
    regressor.save(tmp_path / "m.shoal")
    fitted, X = shoal.load_fitted(tmp_path / "m.shoal"), numbers(50, seed=2)[0]
    for coverage in (0.5, 0.9):
        assert np.array_equal(
            fitted.predict_interval(X, coverage), regressor.predict_interval(X, coverage)
        )
    levels = [0.1, 0.5, 0.8]
    found = fitted.predict_quantiles(X, levels, n_jobs=1)
    assert found.shape == (50, 3)
    assert np.array_equal(found, regressor.predict_quantiles(X, levels))
    assert (np.diff(found, axis=1) >= 0).all()
    with pytest.raises(SettingError, match="coverage"):
        fitted.predict_interval(X, 1.5)
    with pytest.raises(AttributeError, match="predict_interval"):
        fitted.predict_set(X)


def test_the_fitted_value_of_a_file_gives_the_same_sets(classifier, tmp_path):
    classifier.save(tmp_path / "m.shoal")
    fitted, X = shoal.load_fitted(tmp_path / "m.shoal"), classes(60)[0]
    sets = fitted.predict_set(X, 0.8)
    assert sets.shape == (60, 3)
    assert np.array_equal(sets, classifier.predict_set(X, 0.8))
    assert np.array_equal(fitted.predict_set(X[:7], 0.8), sets[:7])
    with pytest.raises(AttributeError, match="predict_set"):
        fitted.predict_interval(X)

"""What `make fuzz` has found, one case of each kind: see tests/fuzz."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shoal import (
    DataError,
    ModelFileError,
    SettingError,
    ShoalClassifier,
    ShoalRegressor,
    ShoalWarning,
    load,
)
from shoal.data.read.files import read_table
from shoal.diagnosis.curves import curve_of
from shoal.files.container import read, write

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 2))
HALF = np.arange(40) % 2
QUICK = {"hidden": 3, "members": 1, "max_iter": 3, "random_state": 0}


@pytest.mark.parametrize(
    "setting",
    [
        {"hidden": 10**400},
        {"encode": np.zeros(3)},
        {"encode": ["auto"]},
        {"dropout": 1.0},
        {"dropout": 0.999999},
    ],
)
def test_an_absurd_setting_is_refused(setting):
    with pytest.raises(SettingError):
        ShoalClassifier(**QUICK | setting).fit(X, HALF)


def test_the_largest_dropout_trains():
    ShoalClassifier(**QUICK, dropout=1 - 2**-16).fit(X, HALF)


def test_a_file_of_very_many_labels_asks_for_no_memory(tmp_path):
    path = tmp_path / "m.shoal"
    ShoalClassifier(**QUICK).fit(X, (X > 0).astype(int)).save(path)
    document, tensors = read(path)
    write(path, {**document, "labels": 10**12}, tensors)
    with pytest.raises(ModelFileError, match="as the classes of"):
        load(path)


@pytest.mark.parametrize("kind", [ShoalClassifier, ShoalRegressor])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_targets_and_weights_that_are_not_finite_are_refused(kind, odd):
    numbers = np.where(np.arange(40) == 7, odd, 1.0)
    with pytest.raises(DataError):
        kind(**QUICK).fit(X, numbers)
    with pytest.raises(DataError):
        kind(**QUICK).fit(X, HALF, sample_weight=numbers)


def test_targets_between_the_classes_are_refused():
    with pytest.raises(DataError, match="Unknown label type"):
        ShoalClassifier(**QUICK).fit(X, X[:, 0])
    with pytest.raises(DataError, match="Unknown label type"):
        ShoalClassifier(**QUICK).fit(X, X[:, 0] * 1e300)


def test_weights_whose_sum_overflows_are_refused():
    with pytest.raises(DataError, match="too large"):
        ShoalRegressor(**QUICK).fit(X, X[:, 0], sample_weight=np.full(40, 1e308))
    with pytest.raises(SettingError, match=r"class_weight\[1\]=1e\+308: expected"):
        ShoalClassifier(**QUICK, class_weight={0: 1.0, 1: 1e308}).fit(X, HALF)


def test_what_float32_cannot_hold_is_refused():
    y, weights = np.zeros(40), np.ones(40)
    y[7], weights[7] = 1e100, 1e-300
    y[1] = 1.0
    with pytest.raises(DataError, match="float64"):
        ShoalRegressor(**QUICK).fit(X, y, sample_weight=weights)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("size", [1e-300, 1e150, 1e300])
def test_numbers_of_any_size_leak_no_warning(solver, size):
    model = ShoalClassifier(**QUICK, solver=solver, encode=None, dtype="float64")
    try:
        model.fit(X * size, HALF)
        assert np.isfinite(model.predict_proba(X * size)).all()
    except (DataError, ShoalWarning):
        pass  # pytest turns every warning into an error; one of NumPy's would get here


def test_the_loss_is_finite_where_the_start_is_kept():
    model = ShoalRegressor(**QUICK, solver="sgd", learning_rate=0.3, early_stopping=True)
    model.fit(X, RNG.standard_normal(40), X_val=X, y_val=np.full(40, 1e-9))
    assert np.isfinite(model.loss_)


def test_a_curve_of_huge_losses_is_measured():
    curve = curve_of([1e300, 1e307], 1e-9)
    assert curve.epochs == 2
    assert np.isfinite(curve.last)


def test_a_quote_within_a_name_and_a_line_break_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'a,b"x\ry"\n1,2\n3,4\n')
    with pytest.raises(DataError, match="line break in the header"):
        read_table(path)


def test_a_name_of_any_length_is_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a" * 200_000 + ",b\n1,2\n3,4\n", encoding="utf-8")
    assert read_table(path).num_rows == 2


def test_parquet_with_a_spoilt_name_is_damaged(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"quite unusual": [1, 2, 3]}), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"unusual", b"unus\xff\xfel"))
    with pytest.raises(DataError, match="damaged"):
        read_table(path)


def test_times_finer_than_a_microsecond_are_encoded():
    times = pa.array([i * 1_000_001 for i in range(40)], pa.time64("ns"))
    ShoalClassifier(**QUICK).fit(pa.table({"at": times, "x": X[:, 0]}), HALF)


@pytest.mark.parametrize("n_jobs", [2**31, 2**32 - 1])
def test_more_threads_than_any_machine_has_are_those_that_there_are(n_jobs):
    X, y = np.arange(80.0)[:, None], np.arange(80) % 2
    for settings in ({}, {"solver": "lm", "hidden": 2}):
        how = {"members": 2, "max_iter": 3, "random_state": 0, **settings}
        many, one = (ShoalClassifier(**how, n_jobs=n).fit(X, y) for n in (n_jobs, 1))
        assert many.fingerprint_ == one.fingerprint_
        np.testing.assert_array_equal(many.predict_proba(X), one.predict_proba(X))


@pytest.mark.parametrize("name", ["checkpoint", "scratch"])
def test_an_array_is_no_folder(name):
    with pytest.raises(SettingError, match=f"{name}=.*expected a folder"):
        ShoalClassifier(**QUICK, **{name: np.array([])}).fit(X, HALF)

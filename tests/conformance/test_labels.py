"""What y and its weights may be: taken rightly, or refused by name."""

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

import shoal
from shoal import DataError, SettingError, ShoalClassifier, ShoalRegressor, ShoalWarning
from shoal.errors import DataTypeError, ModelFileError
from shoal.files.container import read, write

RNG = np.random.default_rng(0)
N = 200
X = RNG.normal(size=(N, 2))
YES = X[:, 0] > 0
THREE = np.digitize(X[:, 0], [-0.5, 0.5])
SEVERAL = np.column_stack([YES, X[:, 1] > 0])
QUICK = {"hidden": 4, "members": 1, "max_iter": 60, "random_state": 0}


@pytest.mark.parametrize("Y", [SEVERAL + 1, SEVERAL * 2 - 1, SEVERAL * 0.5, SEVERAL.astype(str)])
def test_a_label_is_0_or_1(Y):
    with pytest.raises(DataError, match="expected 0 or 1"):
        ShoalClassifier(**QUICK).fit(X, Y)
    model = ShoalClassifier(**QUICK).fit(X, SEVERAL.astype(int))
    with pytest.raises(DataError, match="expected 0 or 1"):
        model.partial_fit(X, Y)
    with pytest.raises(DataError, match="expected 0 or 1"):
        ShoalClassifier(**QUICK).fit(X, SEVERAL, X_val=X, y_val=Y)


@pytest.mark.parametrize("form", [sp.csr_matrix, sp.coo_array, lambda Y: Y.astype(float), bool])
def test_several_labels_in_other_forms_are_the_same_labels(form):
    Y = SEVERAL if form is bool else form(SEVERAL.astype(int))
    expected = ShoalClassifier(**QUICK).fit(X, SEVERAL.astype(int))
    assert ShoalClassifier(**QUICK).fit(X, Y).fingerprint_ == expected.fingerprint_


@pytest.mark.parametrize(
    "form",
    [
        lambda y: pd.Series(y).astype(object),
        lambda y: pd.array(y, dtype="Int64"),
        lambda y: pa.chunked_array([pa.array(y)]),
        lambda y: y.astype(np.int8),
        lambda y: y.astype(float),
        lambda y: y.tolist(),
    ],
)
def test_whole_numbers_in_other_forms_are_the_same_classes(form):
    expected = ShoalClassifier(**QUICK).fit(X, THREE)
    model = ShoalClassifier(**QUICK).fit(X, form(THREE))
    assert model.fingerprint_ == expected.fingerprint_
    assert model.predict(X).tolist() == expected.predict(X).tolist()


@pytest.mark.parametrize("form", [list, lambda y: np.array(y, object), lambda y: pd.Series(y)])
def test_classes_may_differ_in_a_nul(form, tmp_path):
    y = ["a\0" if yes else "a" for yes in YES]
    model = ShoalClassifier(**QUICK).fit(X, form(y))
    assert model.classes_.tolist() == ["a", "a\0"]
    assert model.score(X, np.array(y, object)) > 0.9
    model.save(tmp_path / "m.shoal")
    assert shoal.load(tmp_path / "m.shoal").predict(X).tolist() == model.predict(X).tolist()


@pytest.mark.parametrize("dtype", ["U3", object, bool, "i1", "u8", "f4"])
def test_a_file_keeps_the_type_of_the_classes(dtype, tmp_path):
    y = np.where(YES, "yes", "no") if dtype in ("U3", object) else YES
    model = ShoalClassifier(**QUICK).fit(X, y.astype(dtype))
    model.save(tmp_path / "m.shoal")
    again = shoal.load(tmp_path / "m.shoal")
    assert again.classes_.dtype == model.classes_.dtype == np.dtype(dtype)
    assert again.predict(X).dtype == model.predict(X).dtype
    assert again.predict(X).tolist() == model.predict(X).tolist()


@pytest.mark.parametrize(
    ("classes", "why"), [(["a", "b\0"], "leaves out"), (["a", "b" * 10_000_000], "too long")]
)
def test_classes_that_are_no_text_of_numpys_are_refused(classes, why, tmp_path):
    model = ShoalClassifier(**QUICK).fit(X, np.array(classes, object)[YES.astype(int)])
    model.save(tmp_path / "m.shoal")
    content = read(tmp_path / "m.shoal")
    write(tmp_path / "m.shoal", {**content.document, "class_type": "text"}, content.tensors)
    with pytest.raises(ModelFileError, match=why):
        shoal.load(tmp_path / "m.shoal")


@pytest.mark.parametrize("y", [["a", 3], [1, None], [2**70, 1], [(1, 2), (3, 4)]])
def test_targets_of_several_types_are_refused(y):
    with pytest.raises((DataError, ValueError)):
        ShoalClassifier(**QUICK).fit(X[:2], np.array(y, object) if y[0] != (1, 2) else y)


def test_a_constant_target_is_predicted_exactly():
    with pytest.warns(ShoalWarning, match=r"y is constant \(1e-06\)"):
        model = ShoalRegressor(**QUICK).fit(X, np.full(N, 1e-6))
    assert (model.predict(X) == 1e-6).all()
    with pytest.warns(ShoalWarning, match=r"target 1 of y is constant \(3\)"):
        model = ShoalRegressor(**QUICK).fit(X, np.column_stack([X[:, 0], np.full(N, 3.0)]))
    assert (model.predict(X)[:, 1] == 3.0).all()
    assert np.corrcoef(model.predict(X)[:, 0], X[:, 0])[0, 1] > 0.9


def test_columns_that_never_vary_give_the_constant_answer():
    with pytest.warns(ShoalWarning, match="no column of X varies") as caught:
        model = ShoalClassifier(**QUICK).fit(np.ones((N, 2)), YES)
    assert caught[0].filename == __file__  # it points at the caller
    assert len(np.unique(model.predict_proba(RNG.normal(size=(9, 2))), axis=0)) == 1
    table = pd.DataFrame({"a": ["x"] * N, "b": [2.5] * N})
    with pytest.warns(ShoalWarning, match=r"a: constant; b: constant"):
        assert ShoalRegressor(**QUICK).fit(table, X[:, 0]).predict(table).std() < 1e-15


def test_class_weights_are_looked_up_by_class():
    weights, few = {0: 1.0, 2: 3.0}, THREE < 2
    plain = QUICK | {"encode": None}  # the encoding is learnt with the rows' own weights
    model = ShoalClassifier(**plain, class_weight=weights)
    model.fit(X, THREE, X_val=X[few], y_val=THREE[few])
    by_row = np.array([1.0, 1.0, 3.0])[THREE]
    same = ShoalClassifier(**plain).fit(
        X, THREE, by_row, X_val=X[few], y_val=THREE[few], sample_weight_val=by_row[few]
    )
    assert model.fingerprint_ == same.fingerprint_
    with pytest.raises(SettingError, match="y has no class 7"):
        ShoalClassifier(**QUICK, class_weight={0: 1.0, 7: 3.0}).fit(X, THREE)
    # A class that these rows lack is no error as long as every class of y has its weight.
    ShoalClassifier(**QUICK, class_weight={0: 1.0, 1: 1.0, 2: 2.0, 3: 2.0}).fit(X, THREE)


@pytest.mark.parametrize("scale", [1e-3, 8.0, 1e20])
def test_weights_of_another_scale_change_the_penalty_alone(scale):
    settings = QUICK | {"alpha": 0.0}
    one = ShoalClassifier(**settings).fit(X, YES, np.ones(N)).predict_proba(X)
    other = ShoalClassifier(**settings).fit(X, YES, np.full(N, scale)).predict_proba(X)
    np.testing.assert_allclose(other, one, atol=1e-3)


def _decimals(y):
    return [Decimal(int(v)) for v in y]


@pytest.mark.parametrize(
    "form",
    [
        lambda y: np.array([f"{v}" for v in y], np.dtypes.StringDType()),
        _decimals,
        lambda y: pd.Series(_decimals(y), dtype=pd.ArrowDtype(pa.decimal128(5, 1))),
        lambda y: pd.Series(y).astype(float).astype(object),
        lambda y: pd.array(y, dtype="Int64"),
        lambda y: pa.chunked_array([pa.array(y)]),
        lambda y: sp.csr_matrix(np.column_stack([y > 0, y > 1]).astype(int)),
    ],
)
def test_what_fit_takes_score_takes_too(form):
    model = ShoalClassifier(**QUICK).fit(X, form(THREE))
    assert 0.7 < model.score(X, form(THREE)) == model.score(X, form(THREE), np.ones(N))
    assert model.fingerprint_ == ShoalClassifier(**QUICK).fit(X, form(THREE)).fingerprint_


TIMES = pd.date_range("2020-01-01", periods=N)
NO_TARGETS = {
    "bytes": ([b"a", b"b"] * (N // 2), TypeError, "bytes"),
    "bytes of NumPy": (np.array([b"a", b"b"] * (N // 2)), TypeError, "bytes"),
    "fields": (np.array([(1,)] * N, [("y", int)]), TypeError, "fields"),
    "periods": (pd.period_range("2020", periods=N), TypeError, "type Period"),
    "zoned times": (TIMES.tz_localize("UTC"), TypeError, "type Timestamp"),
    "days": (TIMES.date, TypeError, "type date"),
    "a missing time": (TIMES.where(np.arange(N) > 0), ValueError, "row 1: y contains NaN"),
    "nothing": ([], ValueError, "y has no values"),
    "a number": (1, ValueError, "y is a int: expected a list or an array"),
    "lists of labels": ([["a"], ["a", "b"]] * (N // 2), ValueError, "MultiLabelBinarizer"),
    "a column of lists": (pd.Series([["a"], ["a", "b"]] * (N // 2)), ValueError, "MultiLabelBinar"),
    "a generator": ((v for v in YES), ValueError, "y is a generator"),
}


@pytest.mark.parametrize("name", NO_TARGETS)
def test_what_is_no_class_is_refused_by_name(name):
    y, error, said = NO_TARGETS[name]
    with pytest.raises(DataError, match=said) as refused:
        ShoalClassifier(**QUICK).fit(X, y)
    assert isinstance(refused.value, error)


def test_lists_of_labels_are_refused_everywhere():
    """NumPy's words, of inhomogeneous shapes, say nothing of what to do."""
    lists = [["a"], ["a", "b"]] * (N // 2)
    model = ShoalClassifier(**QUICK).fit(X, YES)
    with pytest.raises(DataError, match="y has a list for each row"):
        model.score(X, pd.Series(lists))
    with pytest.raises(DataError, match="found a list"):
        ShoalClassifier(**QUICK).partial_fit(X, lists, classes=["a", "b"])
    with pytest.raises(DataError, match="found a list"):
        ShoalRegressor(**QUICK).fit(X, lists)


@pytest.mark.parametrize(
    "y",
    [
        TIMES, TIMES.tz_localize("UTC"), TIMES.to_numpy(), TIMES - TIMES[0], pa.array(TIMES), list(TIMES.to_numpy()),
        pd.DataFrame({"a": TIMES, "b": TIMES - TIMES[0]}), pd.Series(TIMES).astype("timestamp[us][pyarrow]"),
        TIMES.to_pydatetime().tolist(), pd.Series(TIMES.date), (TIMES - TIMES[0]).to_pytimedelta(),
    ],
)  # fmt: skip
def test_times_are_no_numbers_to_predict(y):
    """Their numbers would depend on the unit in which they are kept."""
    with pytest.raises(DataTypeError, match="y has dates, times or durations"):
        ShoalRegressor(**QUICK).fit(X, y)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (np.ma.array(np.ones(N), mask=np.arange(N) == 3), "masked values"),
        (TIMES, "has times"),
        ((TIMES - TIMES[0]).to_numpy(), "has times"),
        ({0: 1.0, 1: 2.0}, "dict"),
        (sp.csr_matrix(np.ones(N)), "[Ss]parse"),
    ],
)
def test_weights_are_numbers(weights, said):
    for model, y in ((ShoalClassifier(**QUICK), YES), (ShoalRegressor(**QUICK), X[:, 0])):
        with pytest.raises(DataError, match=said):
            model.fit(X, y, sample_weight=weights)


def test_scores_refuse_as_fits_do():
    model = ShoalClassifier(**QUICK).fit(X, THREE)
    with pytest.raises(DataError, match="y has text, and the classes of the fit are numbers"):
        model.score(X, THREE.astype(str))
    with pytest.raises(DataError, match="row 1: y contains NaN"):
        model.score(X, np.where(np.arange(N) > 0, THREE, np.nan))
    with pytest.raises(DataError, match="inconsistent numbers"):
        model.score(X, THREE[:5])
    numbers = ShoalRegressor(**QUICK).fit(X, X[:, 0])
    with pytest.raises(DataError, match="inconsistent numbers"):
        numbers.score(X, X[:5, 0])
    with pytest.raises(DataError, match="contains NaN"):
        numbers.score(X, pd.Series([None, *X[1:, 0]], dtype="Float64"))
    with pytest.raises(DataTypeError, match="y has dates"):
        numbers.score(X, TIMES)


def test_a_series_is_no_table():
    table = pd.DataFrame(X, columns=["a", "b"])
    model = ShoalClassifier(**QUICK).fit(table, YES)
    for wrong in (table["a"], table.iloc[0], pl.Series("a", X[:, 0])):
        with pytest.raises(DataError, match=r"X is a Series, .*to_frame\(\)"):
            model.predict(wrong)
    assert model.predict(table.iloc[0].to_frame().T) == model.predict(table[:1])


@pytest.mark.parametrize(("scale", "word"), [(1e-40, "small"), (1e38, "large")])
def test_weights_beyond_all_measure_are_refused_with_the_reason(scale, word):
    with pytest.raises(DataError, match=f"sample_weight is too {word}.*mean is about 1"):
        ShoalClassifier(**QUICK).fit(X, YES, np.full(N, scale))


def test_a_penalty_that_outweighs_the_loss_is_found():
    usual = {"random_state": 0, "members": 1}
    model = ShoalClassifier(**usual).fit(X, YES, np.full(N, 1e-6))
    assert model.diagnosis_.names[0] == "penalty-outweighs-loss"
    assert "sample_weight" in str(model.diagnosis_)
    cured = model.diagnosis_.cured(model).fit(X, YES, np.full(N, 1e-6))
    assert cured.score(X, YES) > 0.95
    assert ShoalClassifier(**usual).fit(X, YES).diagnosis_.healthy


def test_a_score_that_is_undefined_on_the_validation_part_is_refused():
    with pytest.raises(DataError, match=r'scoring="r2" is undefined on the 1 row'):
        ShoalRegressor(**QUICK, scoring="r2", validation_fraction=0.005).fit(X, X[:, 0])
    y = THREE.copy()
    y[0] = 7
    with pytest.raises(SettingError, match="validation part lacks: 7"):
        ShoalClassifier(**QUICK, scoring="neg_log_loss").fit(X, y)


def test_a_frame_and_an_array_match_by_position():
    frame = pd.DataFrame(X, columns=["age", "height"])
    named, plain = ShoalClassifier(**QUICK).fit(frame, YES), ShoalClassifier(**QUICK).fit(X, YES)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        assert (named.predict_proba(X) == named.predict_proba(frame)).all()
    with pytest.warns(UserWarning, match="X has feature names"):
        assert (plain.predict_proba(frame) == plain.predict_proba(X)).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unnamed = ShoalClassifier(**QUICK).fit(pd.DataFrame(X), YES)
        assert (unnamed.predict(X) == plain.predict(pd.DataFrame(X))).all()
    assert not hasattr(unnamed, "feature_names_in_")
    with pytest.raises(DataError, match="same order as they were in fit"):
        named.predict(frame[["height", "age"]])


def test_what_arrow_can_take_is_a_table():
    expected = ShoalClassifier(**QUICK).fit(pa.table({"a": X[:, 0], "b": X[:, 1]}), YES)
    forms = [
        {"a": X[:, 0], "b": X[:, 1].tolist()},
        [{"a": float(a), "b": float(b)} for a, b in X],
        np.rec.fromarrays([X[:, 0], X[:, 1]], names="a,b"),
        pa.record_batch({"a": X[:, 0], "b": X[:, 1]}),
    ]
    for form in forms:
        model = ShoalClassifier(**QUICK).fit(form, YES)
        assert model.feature_names_in_.tolist() == ["a", "b"]
        assert model.fingerprint_ == expected.fingerprint_
        assert (model.predict(form) == expected.predict(forms[0])).all()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (sp.csr_matrix((N, 0)), "at least one column"),
        (sp.coo_array(X[:, 0]), "expected two"),
        (sp.csr_matrix(X + 1j), "real numbers"),
        (np.ma.masked_array(X, X > 1), "masked"),
        (pa.table({}), "no columns"),
    ],
)
def test_what_is_no_table_is_refused_by_name(bad, said):
    with pytest.raises(DataError, match=said):
        ShoalClassifier(**QUICK).fit(bad, YES)

"""Estimators take scipy's sparse matrices, of any format, and never write the zeros out."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

import shoal
from shoal import DataError, SettingError, ShoalClassifier, ShoalRegressor

RNG = np.random.default_rng(5)
X = scipy.sparse.random_array((500, 60), density=0.1, rng=RNG).tocsr()
SCORE = X @ RNG.standard_normal(60)
Y = (np.median(SCORE) < SCORE).astype(int)
QUICK = {"hidden": 8, "max_iter": 15, "members": 2, "random_state": 0}


@pytest.mark.parametrize("format_", ["csr", "csc", "coo", "lil", "dok", "bsr"])
@pytest.mark.parametrize("encode", ["auto", None])
def test_every_format_gives_one_result(format_, encode):
    model = ShoalClassifier(**QUICK, encode=encode).fit(X.asformat(format_), Y)
    assert model.fingerprint_ == ShoalClassifier(**QUICK).fit(X, Y).fingerprint_
    other = scipy.sparse.csr_matrix(X).asformat(format_)
    np.testing.assert_array_equal(model.predict_proba(other), model.predict_proba(X))


@pytest.mark.parametrize("solver", ["adam", "sgd", "gd", "lbfgs", "lm"])
@pytest.mark.parametrize("hidden", [0, 8])
def test_sparse_is_dense_to_rounding(solver, hidden):
    settings = QUICK | {"solver": solver, "hidden": hidden, "dtype": "float64", "encode": None}
    sparse = ShoalClassifier(**settings).fit(X, Y)
    dense = ShoalClassifier(**settings).fit(X.toarray(), Y)
    np.testing.assert_allclose(sparse.predict_proba(X), dense.predict_proba(X.toarray()), rtol=1e-6)
    np.testing.assert_allclose(
        sparse.predict_proba(X), sparse.predict_proba(X.toarray()), rtol=1e-9
    )
    np.testing.assert_allclose(sparse.transform(X), dense.transform(X.toarray()), atol=1e-6)


def test_regression_weights_and_own_validation_rows():
    w = RNG.random(500)
    model = ShoalRegressor(**QUICK | {"max_iter": 200}).fit(
        X, SCORE, w, X_val=X[:90], y_val=SCORE[:90]
    )
    assert model.score(X, SCORE) > 0.8
    assert len(model.validation_loss_curve_) == len(model.loss_curve_)


def test_a_saved_model_answers_the_same(tmp_path):
    model = ShoalClassifier(**QUICK).fit(X, Y)
    model.save(tmp_path / "m.shoal")
    np.testing.assert_array_equal(
        shoal.load(tmp_path / "m.shoal").predict_proba(X), model.predict_proba(X)
    )


def test_a_checkpoint_knows_its_rows(tmp_path):
    whole = ShoalClassifier(**QUICK).fit(X, Y)
    assert (
        ShoalClassifier(**QUICK, checkpoint=tmp_path).fit(X, Y).fingerprint_ == whole.fingerprint_
    )
    with pytest.raises(SettingError, match="X differs"):
        ShoalClassifier(**QUICK, checkpoint=tmp_path).fit(2 * X, Y)


def test_words_of_texts():
    texts = ["red fish", "blue fish", "red boat", "blue boat", "red sea", "blue sea"] * 20
    model = make_pipeline(TfidfVectorizer(), ShoalClassifier(**QUICK | {"max_iter": 100}))
    model.fit(texts, ["warm", "cold"] * 60)
    assert model.predict(["a red thing", "a blue one"]).tolist() == ["warm", "cold"]


def test_memory_is_that_of_the_numbers_that_are_there():
    m, n_x = 20_000, 5000  # 400 MB written out
    wide = scipy.sparse.random_array((m, n_x), density=0.001, rng=RNG, dtype=np.float32).tocsr()
    y = (
        np.asarray(wide[:, :2500].sum(axis=1)).ravel()
        > np.asarray(wide[:, 2500:].sum(axis=1)).ravel()
    )
    tracemalloc.start()
    model = ShoalClassifier(hidden=4, members=1, max_iter=2, random_state=0).fit(wide, y)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 60e6
    assert model.score(wide, y) > 0.6


def test_what_does_not_fit_together_is_told():
    table = ShoalClassifier(**QUICK).fit(X.toarray(), Y)
    with pytest.raises(DataError, match="expected a table"):
        table.predict(X)
    with pytest.raises(SettingError, match="no sparse matrix"):
        ShoalClassifier(**QUICK, drop=[0]).fit(X, Y)
    with pytest.raises(ValueError, match="features"):
        ShoalClassifier(**QUICK).fit(X, Y).predict(X[:, :7])
    with pytest.raises(DataError, match="no rows"):
        ShoalClassifier(**QUICK).fit(X[:0], Y[:0])

"""scikit-learn's tools around a shoal estimator: activations, routing, searches, processes."""

import os

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shoal import ShoalClassifier, ShoalRegressor
from shoal.compute.engine import threads
from shoal.data.rows.examples import dense

X, Y = load_iris(return_X_y=True)
FRAME = pd.DataFrame(X, columns=["a", "b", "c", "d"])
QUICK = {"hidden": 5, "max_iter": 15, "members": 2, "random_state": 0}


@pytest.mark.parametrize("encode", ["auto", None])
def test_transform_gives_the_hidden_activations_of_all_members(encode):
    model = ShoalClassifier(**QUICK, encode=encode).fit(X, Y)
    rows = dense(model.fitted_.matrix(X))
    expected = np.hstack([network.forward(rows.T).A1.T for network in model.networks_])
    np.testing.assert_allclose(model.transform(X), expected, rtol=1e-5, atol=1e-6)
    assert model.transform(X).shape == (150, 10)
    assert model.get_feature_names_out()[[0, 5]].tolist() == ["member0_unit0", "member1_unit0"]
    np.testing.assert_array_equal(model.transform(X)[7:8], model.transform(X[7:8]))


def test_without_a_hidden_layer_transform_gives_the_columns():
    model = ShoalRegressor(**QUICK | {"hidden": 0}, bins=0).fit(FRAME, Y)
    assert model.transform(FRAME).shape == (150, 4)
    np.testing.assert_allclose(model.transform(FRAME).mean(axis=0), 0, atol=1e-6)
    assert model.get_feature_names_out().tolist() == list(model.encoding_.features)


def test_set_output_names_the_activations():
    model = ShoalClassifier(**QUICK).set_output(transform="pandas").fit(FRAME, Y)
    out = model.transform(FRAME.set_index(np.arange(150) + 7))
    assert out.columns.tolist() == model.get_feature_names_out().tolist()
    assert out.index[0] == 7
    with pytest.raises(ValueError, match="input_features"):
        model.get_feature_names_out(["a", "b"])


def test_activations_feed_another_model():
    pipeline = make_pipeline(ShoalClassifier(**QUICK), LogisticRegression()).fit(FRAME, Y)
    assert pipeline.score(FRAME, Y) > 0.9


def test_routing_brings_weights_and_own_validation_rows():
    w = np.where(Y == 2, 0.0, 1.0)
    scaled = StandardScaler().fit(X)
    with config_context(enable_metadata_routing=True):
        model = ShoalClassifier(**QUICK, encode=None)
        model.set_fit_request(sample_weight=True, X_val=True, y_val=True)
        pipeline = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False), model, transform_input=["X_val"]
        )
        routed = pipeline.fit(X, Y, sample_weight=w, X_val=X[::3], y_val=Y[::3])[-1]
    by_hand = ShoalClassifier(**QUICK, encode=None).fit(
        scaled.transform(X), Y, w, X_val=scaled.transform(X[::3]), y_val=Y[::3]
    )
    assert routed.fingerprint_ == by_hand.fingerprint_
    plain = ShoalClassifier(**QUICK, encode=None).fit(scaled.transform(X), Y)
    assert routed.fingerprint_ != plain.fingerprint_


def test_routing_in_cross_validation_and_partial_fit():
    w = np.ones(150)
    with config_context(enable_metadata_routing=True):
        model = ShoalClassifier(**QUICK).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        model.set_partial_fit_request(classes=True, sample_weight=True)
        scores = cross_val_score(model, X, Y, params={"sample_weight": w})
    assert scores.mean() > 0.8


@pytest.mark.slow
def test_a_search_over_a_pipeline():
    search = GridSearchCV(
        make_pipeline(StandardScaler(), ShoalClassifier(**QUICK)),
        {"shoalclassifier__hidden": [0, 5], "shoalclassifier__solver": ["adam", "lbfgs"]},
        n_jobs=2,
    ).fit(X, Y)
    assert search.best_score_ > 0.9


def test_calibration():
    model = CalibratedClassifierCV(ShoalClassifier(**QUICK), cv=3).fit(FRAME, Y)
    np.testing.assert_allclose(model.predict_proba(FRAME).sum(axis=1), 1)
    assert model.score(FRAME, Y) > 0.9


def _threads_there(model, X, y):
    return threads()


def test_processes_side_by_side_share_the_machine():
    found = cross_val_score(ShoalClassifier(**QUICK), X, Y, cv=2, n_jobs=2, scoring=_threads_there)
    # joblib hands a set OMP_NUM_THREADS on to each process: whoever sets it has decided.
    share = threads() if "OMP_NUM_THREADS" in os.environ else max(1, threads() // 2)
    assert (found <= share).all()


def test_processes_give_the_bits_of_one():
    one = cross_val_score(ShoalClassifier(**QUICK), X, Y, cv=3, scoring="neg_log_loss")
    two = cross_val_score(ShoalClassifier(**QUICK), X, Y, cv=3, scoring="neg_log_loss", n_jobs=2)
    np.testing.assert_array_equal(one, two)

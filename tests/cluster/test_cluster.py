"""A cluster computes what one machine does, to the last bit."""

import pickle

import dask.dataframe
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone

import shoal
from shoal import ClusterError, SettingError, ShoalClassifier, ShoalRegressor
from shoal.cluster.connect import check_engine

RNG = np.random.default_rng(6)
X = RNG.normal(size=(9000, 5))
SIGN = (X[:, 0] * X[:, 1] + 0.3 * RNG.normal(size=9000) > 0).astype(int)
GD = {"solver": "gd", "hidden": 6, "max_iter": 12, "members": 1, "random_state": 4}
WORDS = pl.DataFrame(
    {"a": X[:, 0], "b": X[:, 1], "c": RNG.choice(["red", "blue", "green"], 9000)}
).with_columns(a=pl.when(pl.col("a") > 1.5).then(None).otherwise(pl.col("a")))

CASES = {
    "validation": (ShoalClassifier, X, SIGN, {}),
    "no validation, two members": (
        ShoalClassifier, X, SIGN, {"early_stopping": False, "members": 2}
    ),
    "words, bins and holes": (ShoalClassifier, WORDS, SIGN, {"class_weight": "balanced"}),
    "linear": (ShoalClassifier, X, SIGN, {"hidden": 0}),
    "many classes": (ShoalClassifier, X, (X[:, 2] * 3).astype(int), {"encode": None}),
    "plateau": (ShoalClassifier, X, SIGN, {"n_iter_no_change": 2, "tol": 0.5}),
    "numbers": (ShoalRegressor, X, X[:, :2] ** 2, {"dtype": "float64"}),
    "replicas": (ShoalClassifier, WORDS, SIGN, {"solver": "adam", "replicas": 3}),
    "replicas that meet after two steps": (
        ShoalClassifier, X, SIGN,
        {"solver": "sgd", "replicas": 5, "local_steps": 2, "max_iter": 2, "class_weight": "balanced"},
    ),
    "replicas of sparse rows": (
        ShoalClassifier, sparse.csr_array(X * (X > 0.5)), SIGN,
        {"solver": "adam", "replicas": 3, "encode": None},
    ),
    "lbfgs": (ShoalClassifier, X, SIGN, {"solver": "lbfgs"}),
    "lm": (ShoalClassifier, X, SIGN, {"solver": "lm", "hidden": 3}),
    "evidence": (ShoalRegressor, WORDS, X[:, 0], {"solver": "lm", "alpha": "evidence", "hidden": 2}),
    "one block": (ShoalClassifier, X[:300], SIGN[:300], {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")
def test_the_result_is_that_of_one_machine(case, cluster):
    kind, table, y, settings = CASES[case]
    alone = kind(**GD | settings).fit(table, y)
    together = kind(**GD | settings, engine=cluster.client).fit(table, y)
    assert together.fingerprint_ == alone.fingerprint_
    assert together.loss_curves_ == alone.loss_curves_
    assert together.validation_loss_curves_ == alone.validation_loss_curves_
    assert together.endings_ == alone.endings_
    assert str(together.diagnosis_) == str(alone.diagnosis_)


def test_a_dask_frame_is_a_table(cluster):
    frame = pd.DataFrame(X, columns=list("abcde")).assign(y=SIGN)
    lazy = dask.dataframe.from_pandas(frame, npartitions=3)
    model = ShoalClassifier(**GD, engine=cluster.client).fit(lazy.drop(columns="y"), lazy["y"])
    alone = ShoalClassifier(**GD).fit(frame.drop(columns="y"), frame["y"])
    assert model.fingerprint_ == alone.fingerprint_


def test_an_address_is_enough_and_nothing_of_the_cluster_stays(cluster, tmp_path):
    model = ShoalClassifier(**GD, engine=cluster.address).fit(X, SIGN)
    model.save(tmp_path / "m.shoal")
    loaded = shoal.load(tmp_path / "m.shoal")
    assert loaded.engine is None
    assert loaded.fingerprint_ == model.fingerprint_


def test_a_clone_shares_the_client_and_a_pickle_keeps_its_address(cluster):
    model = ShoalClassifier(**GD, engine=cluster.client).fit(X, SIGN)
    assert clone(model).engine is cluster.client
    kept = pickle.loads(pickle.dumps(model))
    assert kept.engine == cluster.address
    assert kept.fingerprint_ == model.fingerprint_
    assert clone(kept).fit(X, SIGN).fingerprint_ == model.fingerprint_


def test_a_checkpoint_of_the_cluster_is_one_of_the_machine(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("shoal.training.loop.REPORT_EVERY", 0.0)

    def stop(report):
        if report.epoch == 3:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted after"):
        ShoalClassifier(**GD, engine=cluster.client, checkpoint=tmp_path, verbose=stop).fit(X, SIGN)
    resumed = ShoalClassifier(**GD, checkpoint=tmp_path).fit(X, SIGN)
    assert resumed.fingerprint_ == ShoalClassifier(**GD).fit(X, SIGN).fingerprint_


@pytest.mark.parametrize(
    ("engine", "match"),
    [
        ("somewhere", "expected an address such as tcp://127.0.0.1:8786"),
        ("tcp://10.0.0.1:8786", "without TLS lets everybody"),
        (7, "expected None, a Dask client"),
    ],
)
def test_what_is_no_cluster_is_refused_before_it_is_tried(engine, match):
    with pytest.raises(SettingError, match=match):
        ShoalClassifier(engine=engine).fit(X, SIGN)


def test_loopback_and_tls_are_welcome():
    for engine in (None, "local", "tcp://127.0.0.1:1", "tcp://localhost:1", "tls://10.0.0.1:1"):
        check_engine(engine)


def test_where_nobody_answers_it_is_said(monkeypatch):
    monkeypatch.setattr("shoal.cluster.connect.CONNECT_SECONDS", 0.2)
    with pytest.raises(ClusterError, match=r"no scheduler answers at tcp://127.0.0.1:1 .*Start"):
        ShoalClassifier(**GD, engine="tcp://127.0.0.1:1").fit(X, SIGN)


def test_without_dask_the_way_to_it_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(SettingError, match=r"pip install 'shoal\[cluster\]'"):
        ShoalClassifier(engine=7).fit(X, SIGN)

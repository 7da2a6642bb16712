"""A Dask DataFrame: its partitions are computed where their rows are needed, and nowhere together."""

import os

import dask
import dask.dataframe as dd
import pytest
from cluster_sources import STARTS, partition

from shoal import DataError, SettingError, ShoalClassifier, ShoalRegressor

GD = {"solver": "gd", "hidden": 6, "max_iter": 6, "members": 2, "random_state": 4}
WHOLE = partition(0, 9000, "")


def frame_of(log=""):
    """Partitions of odd sizes; that of a lambda, which plain pickle refuses."""
    firsts, lasts = STARTS[:-1], STARTS[1:]
    made = dd.from_map(
        lambda first, last: partition(first, last, log), firsts, lasts, meta=WHOLE.iloc[:0]
    )
    return made.assign(n=made["n"] + 1)


@pytest.fixture(scope="module")
def alone():
    table = WHOLE.assign(n=WHOLE["n"] + 1)
    return ShoalClassifier(**GD).fit(table.drop(columns="y"), table["y"])


def refused(*_, **__):
    raise AssertionError("the whole frame was computed")


@pytest.mark.parametrize("by_name", [True, False])
def test_the_driver_never_holds_the_whole(by_name, alone, cluster, tmp_path, monkeypatch):
    frame = frame_of(str(tmp_path))
    monkeypatch.setattr(dask, "compute", refused)
    monkeypatch.setattr(type(frame), "compute", refused)
    X, y = (frame, "y") if by_name else (frame.drop(columns="y"), frame["y"])
    model = ShoalClassifier(**GD, engine=cluster.client).fit(X, y)
    assert model.fingerprint_ == alone.fingerprint_
    assert model.validation_loss_curves_ == alone.validation_loss_curves_
    assert list(model.feature_names_in_) == ["x", "n", "word"]
    held = {int(file.name): max(map(int, file.read_text().split())) for file in tmp_path.iterdir()}
    assert held[os.getpid()] <= 2  # of six: one, and the one before it
    assert len(held) == 3  # the workers compute their own


def test_the_partitions_are_streamed_without_a_cluster_too(alone, tmp_path):
    model = ShoalClassifier(**GD, memory="1GiB", scratch=tmp_path).fit(frame_of(), "y")
    assert model.fingerprint_ == alone.fingerprint_


def test_replicas_numbers_and_a_worker_that_is_killed(cluster, monkeypatch):
    monkeypatch.setattr("shoal.training.loop.REPORT_EVERY", 0.0)
    settings = GD | {"solver": "adam", "replicas": 4}
    one = ShoalRegressor(**settings).fit(WHOLE.drop(columns="x"), WHOLE["n"] + 1)
    name, _ = cluster.running()[0]

    def kill(report):
        if report.epoch == 3:
            cluster.kill(name)

    # The answers are a feature as well: their column gets another name.
    frame = frame_of()
    X = frame.drop(columns="x").assign(n=frame["n"] - 1)
    model = ShoalRegressor(**settings, engine=cluster.client, verbose=kill).fit(X, frame["n"])
    assert model.fingerprint_ == one.fingerprint_


def test_a_frame_that_is_shuffled_is_persisted_first(cluster):
    with cluster.client.as_current():
        shuffled = frame_of().shuffle("n", npartitions=4)
        with pytest.raises(SettingError, match=r"share work .*frame\.persist\(\)"):
            ShoalClassifier(**GD, engine=cluster.client).fit(shuffled, "y")
        there = shuffled.persist()
        table = there.compute()
    model = ShoalClassifier(**GD, engine=cluster.client).fit(there, "y")
    one = ShoalClassifier(**GD).fit(table.drop(columns="y"), table["y"])
    assert model.fingerprint_ == one.fingerprint_


def test_what_does_not_fit_together_is_refused():
    model = ShoalClassifier(**GD, engine="local")
    frame = frame_of()
    with pytest.raises(SettingError, match="a Dask Series from the same frame"):
        model.fit(frame, WHOLE["y"])
    with pytest.raises(SettingError, match="X has 6 partitions and y 2"):
        model.fit(frame, frame["y"].repartition(npartitions=2))
    with pytest.raises(SettingError, match='the frame: there is no column "z"'):
        model.fit(frame, "z")
    with pytest.raises(SettingError, match="the partitions of a Dask DataFrame"):
        model.fit(frame, "y", sample_weight=frame["n"])
    with pytest.raises(DataError, match=r"partition 1 of 6: .*found 6\d\d rows and 700 targets"):
        model.fit(frame[frame["x"] == frame["x"]], frame["y"])

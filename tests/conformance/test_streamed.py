"""Files larger than memory: the fingerprint of the table in memory, whatever the files are like."""

import warnings

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from shoal import ShoalClassifier, ShoalRegressor
from shoal.compute import stream
from shoal.errors import DataError, FileError, MemoryRefused, SettingError
from shoal.estimators import streamed

M = 9000
FAST = {"random_state": 0, "hidden": 6, "max_iter": 4, "members": 2}


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """So little is the program's own share that a small table does not fit, and has many runs."""
    monkeypatch.setattr(streamed, "BASE", 0)
    monkeypatch.setattr(streamed, "bytes_of", lambda *_: 0)
    monkeypatch.setattr(streamed, "LEAST_RUN", 1 << 15)
    monkeypatch.setattr("shoal.data.encode.learning.SAMPLE_ROWS", 5000)
    monkeypatch.setattr(streamed, "RUN_ROWS", 1024)
    warnings.simplefilter("ignore")  # of trainings that are too short to be healthy


@pytest.fixture
def reads(monkeypatch):
    """How often rows were read from scratch, run after run."""
    counted, windows = [], stream.Streamed.windows

    def counting(self, wanted):
        counted.append(len(wanted))
        return windows(self, wanted)

    monkeypatch.setattr(stream.Streamed, "windows", counting)
    return counted


def table():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(M, 3)).round(4)
    words = draw.choice(["red", "green", "blue"], M)
    day = np.datetime64("2020-01-01") + draw.integers(0, 700, M)
    number = x[:, 0] * x[:, 1] + (words == "red") + draw.normal(size=M)
    return pa.table(
        {
            "a": x[:, 0],
            "b": pa.array(x[:, 1], mask=draw.random(M) < 0.1),
            "c": 1e7 + x[:, 2],
            "colour": pa.array(words, mask=draw.random(M) < 0.05),
            "rare": [f"w{i}" for i in draw.integers(0, 300, M)],
            "flag": draw.random(M) < 0.3,
            "day": pa.array(day),
            "number": number.round(3),
            "answer": np.where(number > 0.5, "yes", "no"),
        }
    )


CLASSES, NUMBERS = (ShoalClassifier, "answer", "number"), (ShoalRegressor, "number", "answer")


def in_memory(estimator, y, other, **settings):
    whole = table().drop_columns([other])
    answers = whole[y].to_numpy() if y == "number" else np.array(whole[y].to_pylist(), object)
    return estimator(**(FAST | settings)).fit(whole.drop_columns([y]), answers)


def in_files(folder, estimator, y, other, memory, form="parquet", **settings):
    whole, path = table().drop_columns([other]), folder / "t"
    path.mkdir(exist_ok=True)
    if form == "csv":
        pyarrow.csv.write_csv(whole.slice(0, 4444), path / "a.csv")
        pyarrow.csv.write_csv(whole.slice(4444), path / "b.csv")
    else:
        pq.write_table(whole.slice(0, 1234), path / "a.parquet", row_group_size=321)
        pq.write_table(whole.slice(1234), path / "b.parquet", compression="zstd")
    source = pyarrow.dataset.dataset(path) if form == "dataset" else path
    return estimator(**(FAST | settings), memory=memory, scratch=folder).fit(source, y)


def assert_same(found, expected):
    assert found.encoding_ == expected.encoding_
    assert found.loss_curves_ == expected.loss_curves_
    assert found.validation_loss_curves_ == expected.validation_loss_curves_
    assert found.fingerprint_ == expected.fingerprint_


@pytest.mark.parametrize("settings", [{"early_stopping": True}, {"alpha": "evidence"}], ids=str)
@pytest.mark.parametrize("kind", [CLASSES, NUMBERS], ids=["classes", "numbers"])
def test_a_fit_of_second_order_reads_in_runs(tmp_path, reads, kind, settings):
    settings = {"solver": "lm", "hidden": 1, "max_iter": 9, "members": 1} | settings
    expected = in_memory(*kind, **settings)
    assert_same(in_files(tmp_path, *kind, "160kB", n_jobs=2, **settings), expected)
    assert max(reads) > 1


@pytest.mark.parametrize("kind", [CLASSES, NUMBERS], ids=["classes", "numbers"])
@pytest.mark.parametrize("form", ["parquet", "csv", "dataset"])
def test_the_fingerprint_is_that_of_the_table_in_memory(tmp_path, reads, kind, form):
    expected = in_memory(*kind, solver="gd")
    # With two threads two members share the memory; one member alone would have longer runs.
    found = in_files(tmp_path, *kind, "400kB", form, solver="gd", n_jobs=2)
    assert_same(found, expected)
    assert max(reads) > 8  # it did not fit
    assert_same(in_files(tmp_path, *kind, None, form, solver="gd"), expected)


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "gd", "early_stopping": False},
        {"solver": "lbfgs", "max_iter": 3},
        {"max_iter": 2, "solver": "adam", "shuffle_rows": 1500},
        {
            "max_iter": 2,
            "solver": "sgd",
            "shuffle_rows": 1000,
            "class_weight": "balanced",
            "batch_size": 100,
        },
        {
            "max_iter": 2,
            "solver": "adam",
            "shuffle_rows": 700,
            "early_stopping": False,
            "dtype": "float64",
        },
    ],
    ids=str,
)
@pytest.mark.slow
def test_with_any_solver_memory_and_threads(tmp_path, reads, settings):
    expected = in_memory(*CLASSES, **settings)
    for memory, threads in (("420kB", 1), ("480kB", 2)):
        found = in_files(tmp_path, *CLASSES, memory, n_jobs=threads, **settings)
        assert_same(found, expected)
    assert reads


@pytest.mark.parametrize("kind", [CLASSES, NUMBERS], ids=["classes", "numbers"])
def test_warm_start_goes_on_with_files_as_with_tables(tmp_path, kind):
    estimator, y, other = kind
    whole = table().drop_columns([other])
    half = whole.filter(pa.array(np.array(whole["colour"]) != "red"))  # other words come first
    pq.write_table(whole, tmp_path / "whole.parquet")
    pq.write_table(half, tmp_path / "half.parquet")
    settings = FAST | {"warm_start": True, "memory": "700kB", "scratch": tmp_path}
    found = estimator(**settings)
    for name in ("whole", "half"):
        found.fit(tmp_path / f"{name}.parquet", y)
    expected = estimator(**settings)
    for rows in (whole, half):
        answers = np.array(rows[y].to_pylist(), object if y == "answer" else float)
        expected.fit(rows.drop_columns([y]), answers)
    assert_same(found, expected)


def test_the_window_is_a_setting_of_the_model(tmp_path):
    some, more = (in_memory(*CLASSES, shuffle_rows=rows) for rows in (1000, 2000))
    whole, beyond = (in_memory(*CLASSES, shuffle_rows=rows) for rows in (M, 10 * M))
    assert some.fingerprint_ != more.fingerprint_ != whole.fingerprint_
    assert whole.fingerprint_ == beyond.fingerprint_


def test_each_epoch_takes_each_row_once_and_from_all_over():
    from shoal.compute.windows import Windows

    cut = Windows(100_003, 10_000)
    for epoch in range(3):
        windows = [cut.slices(chunks) for chunks in cut.of(5, epoch)]
        assert len(windows) == cut.n == 11
        rows = np.concatenate([np.arange(s.start, s.stop) for w in windows for s in w])
        np.testing.assert_array_equal(np.sort(rows), np.arange(100_003))
        first = np.concatenate([np.arange(s.start, s.stop) for s in windows[0]])
        assert len(first) <= 10_000
        assert np.histogram(first, 10, (0, 100_003))[0].min() > 300  # of 1,000 in a tenth
    assert [c.tolist() for c in cut.of(5, 0)] != [c.tolist() for c in cut.of(5, 1)]
    assert [c.tolist() for c in cut.of(5, 0)] != [c.tolist() for c in cut.of(6, 0)]


def test_a_checkpoint_of_one_is_gone_on_with_by_the_other(tmp_path, monkeypatch):
    monkeypatch.setattr("shoal.training.loop.REPORT_EVERY", 0.0)
    settings = {"solver": "sgd", "shuffle_rows": 1000}
    expected = in_memory(*CLASSES, **settings)
    cut = in_memory(*CLASSES, **settings, checkpoint=tmp_path / "kept", verbose=_interrupt)
    assert len(cut.loss_curve_) == 2
    more = settings | {"checkpoint": tmp_path / "kept"}
    cut = in_files(tmp_path, *CLASSES, "400kB", **more, verbose=_interrupt)
    assert len(cut.loss_curve_) == 3
    assert_same(in_files(tmp_path, *CLASSES, "400kB", **more), expected)


def _interrupt(report):
    if report.epoch >= 2:
        raise KeyboardInterrupt


def test_too_little_memory_for_the_window_is_refused(tmp_path):
    with pytest.raises(MemoryRefused, match=r"too little: .* for windows of shuffle_rows=8000"):
        in_files(tmp_path, *CLASSES, "400kB", shuffle_rows=8000)
    with pytest.raises(SettingError, match=r'memory=.2 elephants.: expected a size such as "2GiB"'):
        in_files(tmp_path, *CLASSES, "2 elephants")


def test_what_goes_with_tables_alone_is_refused(tmp_path):
    pq.write_table(table(), tmp_path / "t.parquet")
    model = ShoalClassifier(**FAST)
    with pytest.raises(SettingError, match="belong to tables in memory"):
        model.fit(tmp_path / "t.parquet", "answer", np.ones(M))
    with pytest.raises(SettingError, match=r'there is no column "anser". Did you mean "answer"'):
        model.fit(tmp_path / "t.parquet", "anser")
    with pytest.raises(FileError, match="does not exist"):
        model.fit(tmp_path / "u.parquet", "answer")


def test_holes_in_the_target_are_refused(tmp_path):
    for estimator, values in (
        (ShoalClassifier, ["a", None, "b"]),
        (ShoalRegressor, [1.0, None, 2.0]),
    ):
        pq.write_table(pa.table({"x": [1.0, 2.0, 3.0], "y": values}), tmp_path / "t.parquet")
        with pytest.raises(DataError, match=r't.parquet, row 2, column "y": y contains NaN or \w+'):
            estimator(**FAST).fit(tmp_path / "t.parquet", "y")


def test_a_full_disk_says_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(FileError, match=r"scratch space, and .* has 1 kB free. Make room"):
        in_files(tmp_path, *CLASSES, "400kB", solver="gd")
    assert [p.name for p in tmp_path.iterdir()] == ["t"]


@pytest.mark.parametrize("tie", [{"groups": "rare"}, {"times": "day"}, {}], ids=str)
def test_ties_thresholds_and_known_rows_are_those_of_the_table_in_memory(tmp_path, reads, tie):
    asked = FAST | {"solver": "gd", "threshold": "f1", "n_jobs": 2}
    whole = table().drop_columns(["number"])
    answers = np.array(whole["answer"].to_pylist(), object)
    expected = ShoalClassifier(**asked).fit(whole.drop_columns(["answer"]), answers, **tie)
    pq.write_table(whole, tmp_path / "t.parquet")
    model = ShoalClassifier(**asked, memory="400kB", scratch=tmp_path)
    found = model.fit(tmp_path / "t.parquet", "answer", **tie)
    assert max(reads) > 4  # it did not fit
    assert_same(found, expected)
    assert found.threshold_ == expected.threshold_
    np.testing.assert_array_equal(found.fitted_.seen.hashes, expected.fitted_.seen.hashes)


@pytest.mark.parametrize("memory", ["450kB", None])
def test_columns_of_files_are_looked_at_as_those_of_tables(tmp_path, reads, memory):
    whole = table().drop_columns(["rare"])
    copy = np.asarray(whole["flag"]) + np.random.default_rng(1).normal(0, 0.01, M)
    source = whole.append_column("afterwards", pa.array(copy))
    pq.write_table(source, tmp_path / "rows.parquet")
    how = {"random_state": 0, "members": 1, "hidden": 4, "max_iter": 12, "shuffle_rows": 1024}
    files = ShoalClassifier(**how, memory=memory, scratch=tmp_path)
    model = files.fit(tmp_path / "rows.parquet", "flag")
    assert (len(reads) > 3) == (memory is not None)  # streamed, or held
    found = {f.name: f for f in model.diagnosis_.findings}
    assert found["leak"].evidence["column"] == "afterwards"
    X, y = source.drop_columns(["flag"]), np.asarray(source["flag"])
    same = ShoalClassifier(**how).fit(X, y)
    assert same.fingerprint_ == model.fingerprint_
    assert same.diagnosis_.names[0] == model.diagnosis_.names[0] == "leak"

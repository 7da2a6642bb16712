"""Files that workers read by themselves: the same bits, and an error that names the place."""

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from shoal import ShoalClassifier, ShoalRegressor
from shoal.errors import ShoalError

M = 9000
DRAW = np.random.default_rng(3)
TABLE = pa.table(
    {
        "x": pa.array(DRAW.normal(size=M).round(3), mask=DRAW.random(M) < 0.1),
        "n": DRAW.integers(0, 9, M),
        "word": DRAW.choice(["red", "blue", "green"], M),
        "y": DRAW.choice(["no", "yes"], M),
    }
)
GD = {"solver": "gd", "hidden": 6, "max_iter": 6, "members": 2, "random_state": 4}


@pytest.fixture
def file(tmp_path, monkeypatch):
    for name in ("t.parquet", "same.parquet"):
        pq.write_table(TABLE, tmp_path / name, row_group_size=1000, compression="snappy")
    pyarrow.csv.write_csv(TABLE, tmp_path / "t.csv")
    monkeypatch.chdir(tmp_path)  # workers run in another folder
    return "t.parquet"


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", ["t.parquet", "same.parquet"]])
def test_the_result_is_that_of_the_table_in_memory(name, file, cluster):
    table = TABLE if isinstance(name, str) else pa.concat_tables([TABLE, TABLE])
    alone = ShoalClassifier(**GD).fit(table.drop_columns(["y"]), table["y"].to_numpy())
    model = ShoalClassifier(**GD, engine=cluster.client).fit(name, "y")
    assert model.fingerprint_ == alone.fingerprint_
    assert model.validation_loss_curves_ == alone.validation_loss_curves_
    assert model.diagnosis_ is not None


def test_a_column_that_gives_the_answer_away_is_found_in_files_too(cluster, tmp_path):
    told = np.where(np.asarray(TABLE["y"]) == "yes", 3.0, 1.0) + DRAW.normal(0, 0.01, M)
    pq.write_table(TABLE.append_column("afterwards", pa.array(told)), tmp_path / "leaking.parquet")
    settings = GD | {"max_iter": 60, "learning_rate": 1.0, "members": 1}
    model = ShoalClassifier(**settings, engine=cluster.client).fit(
        tmp_path / "leaking.parquet", "y"
    )
    found = {f.name: f for f in model.diagnosis_.findings}
    assert found["leak"].evidence["column"] == "afterwards", str(model.diagnosis_)


def test_replicas_numbers_and_a_worker_that_is_killed(file, cluster, monkeypatch):
    monkeypatch.setattr("shoal.training.loop.REPORT_EVERY", 0.0)
    settings = GD | {"solver": "adam", "replicas": 4}
    alone = ShoalRegressor(**settings).fit(TABLE.drop_columns(["n"]), TABLE["n"].to_numpy())
    name, _ = cluster.running()[0]

    def kill(report):
        if report.epoch == 3:
            cluster.kill(name)

    model = ShoalRegressor(**settings, engine=cluster.client, verbose=kill).fit(file, "n")
    assert model.fingerprint_ == alone.fingerprint_


def test_a_checkpoint_knows_the_rows_wherever_they_are(file, cluster, tmp_path):
    settings = GD | {"checkpoint": tmp_path / "kept"}
    model = ShoalClassifier(**settings, engine=cluster.client).fit(file, "y")
    again = ShoalClassifier(**settings).fit(TABLE.drop_columns(["y"]), TABLE["y"].to_numpy())
    assert again.fingerprint_ == model.fingerprint_


def test_a_row_group_that_cannot_be_read_is_named(file, cluster, tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    sound = path.read_bytes()
    place = pq.ParquetFile(path).metadata.row_group(8).column(0)
    first = place.dictionary_page_offset or place.data_page_offset
    monkeypatch.setattr("shoal.training.loop.REPORT_EVERY", 0.0)

    def damage(*_):
        damaged = bytearray(sound)
        damaged[first : first + place.total_compressed_size] = b"\xff" * place.total_compressed_size
        path.write_bytes(damaged)

    # After the looks of the driver, and before the workers read.
    monkeypatch.setattr("shoal.estimators.prepare.refuse_what_cannot_fit", damage)
    with pytest.raises(ShoalError, match=r"t\.parquet: (row group 9 of 9|the file changed)"):
        ShoalClassifier(**GD | {"early_stopping": False}, engine=cluster.client).fit(file, "y")

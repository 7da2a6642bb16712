"""A file that changes between two passes is an error that names it, never a model."""

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shoal import DataError, ShoalClassifier
from shoal.data.read.files import source_of

RNG = np.random.default_rng(0)
TABLE = pa.table(
    {"x": RNG.normal(size=3000).round(3), "late": np.where(RNG.random(3000) < 0.5, "yes", "no")}
)


def write(path, table):
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=500)
    else:
        path.write_bytes(b"x,late\n" + b"".join(_lines(table)))


def _lines(table):
    return (f"{x},{y}\n".encode() for x, y in zip(*table.to_pydict().values(), strict=True))


CHANGES = {
    "fewer rows": lambda path: write(path, TABLE.slice(0, 2000)),
    "more rows": lambda path: write(path, pa.concat_tables([TABLE, TABLE])),
    "other values": lambda path: write(path, TABLE.set_column(0, "x", TABLE["x"].combine_chunks()[::-1])),
    "another target": lambda path: write(path, TABLE.set_column(1, "late", pa.array(["no"] * 3000))),
    "removed": os.remove,
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_source_that_changed_is_refused(tmp_path, form, change):
    path = tmp_path / f"t.{form}"
    write(path, TABLE)
    source = source_of(str(path))
    assert source.table().num_rows == 3000
    CHANGES[change](path)
    with pytest.raises((DataError, OSError), match=f"t.{form}: the file (changed|does not exist)"):
        source.table()


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_file_that_changes_in_a_fit_makes_no_model(tmp_path, form, monkeypatch):
    path = tmp_path / f"t.{form}"
    write(path, TABLE)
    model = ShoalClassifier(memory="2GiB", scratch=tmp_path, max_iter=2)
    from shoal.estimators import streamed

    inputs = streamed.FileFeed.inputs

    def changing(self, *args):
        found = inputs(self, *args)
        write(path, TABLE.slice(0, 2900))
        return found

    monkeypatch.setattr(streamed.FileFeed, "inputs", changing)
    with pytest.raises(DataError, match=f"t.{form}: the file changed"):
        model.fit(str(path), "late")
    assert not hasattr(model, "classes_")

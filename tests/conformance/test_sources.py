"""Rows of files in any run, however the files are cut: the same as the table in memory."""

import pickle

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet as pq
import pytest

from shoal.compute.engine import engine
from shoal.data.encode.learning import learn
from shoal.data.read.csv_parts import ahead
from shoal.data.read.files import source_of
from shoal.data.rows.selection import STRIDE, Chosen, Encoded, Rows
from shoal.data.rows.target_column import TargetColumn
from shoal.errors import DataError, FileError, ShoalWarning
from shoal.sums import BLOCK_ROWS

M = 5000


def table():
    draw = np.random.default_rng(0)
    hole = draw.random(M) < 0.1
    return pa.table(
        {
            "x": pa.array(draw.normal(size=M).round(3), mask=hole),
            "n": draw.integers(0, 9, M),
            "word": draw.choice(["red", "blue", 'with "quotes", and\nlines'], M),
            "y": draw.choice(["no", "yes"], M),
        }
    )


def written(folder, form):
    """The path, or the dataset, that holds the table in this form."""
    whole, half = table(), 2345
    if form == "parquet":
        pq.write_table(whole, folder / "t.parquet", row_group_size=777, compression="zstd")
    elif form == "csv":
        pyarrow.csv.write_csv(whole, folder / "t.csv")
    elif form == "csv.gz":
        with pa.CompressedOutputStream(str(folder / "t.csv.gz"), "gzip") as out:
            pyarrow.csv.write_csv(whole, out)
    elif form == "feather":
        pyarrow.feather.write_feather(whole, folder / "t.feather", chunksize=999)
    elif form == "orc":
        pyarrow.orc.write_table(whole, folder / "t.orc", stripe_size=1 << 14, batch_size=500)
    elif form == "arrow stream":
        with pa.ipc.new_stream(folder / "t.arrows", whole.schema) as out:
            out.write_table(whole, max_chunksize=999)
    elif form == "dataset":
        pq.write_table(whole, folder / "t.parquet", row_group_size=777)
        return pyarrow.dataset.dataset(folder)
    else:
        kind = form.rpartition(" ")[2]
        for name, part in (("a", whole.slice(0, half)), ("b", whole.slice(half))):
            write = pq.write_table if kind == "parquet" else pyarrow.csv.write_csv
            write(part, folder / f"{name}.{kind}")
        return folder if form.startswith("folder") else f"{folder}/*.{kind}"
    return next(folder.iterdir())


FORMS = [
    "parquet",
    "csv",
    "csv.gz",
    "feather",
    "orc",
    "arrow stream",
    "dataset",
    "folder of parquet",
    "glob of csv",
]


@pytest.mark.parametrize("form", FORMS)
def test_any_run_of_rows_is_that_of_the_table(tmp_path, monkeypatch, form):
    monkeypatch.setattr("shoal.data.read.csv_text.BLOCK", 1 << 13)  # many pieces
    expected, source = table(), pickle.loads(pickle.dumps(source_of(written(tmp_path, form))))
    assert source.m == M
    assert source.columns == expected.column_names
    for first, last in [(0, M), (0, 1), (2344, 2347), (4999, M), (776, 3333), (40, 40)]:
        found = list(source.tables(first, last))
        assert sum(part.num_rows for part in found) == last - first
        if found:
            assert (
                pa.concat_tables(found).to_pylist()
                == expected.slice(first, last - first).to_pylist()
            )
    some = pa.concat_tables(source.tables(100, 200, ["y", "x"]))
    assert some.column_names == ["y", "x"]
    assert some["y"].to_pylist() == expected["y"].slice(100, 100).to_pylist()


@pytest.mark.parametrize("form", FORMS)
def test_encoded_blocks_are_those_of_the_rows_in_memory(tmp_path, form):
    whole, keep = table(), np.random.default_rng(1).random(M) < 0.7
    chosen = Chosen.of(iter([keep]))
    known = whole.filter(pa.array(keep))
    encoding = learn(known.drop_columns(["y"]), None, engine.sums_about, bins=4).encoding
    source = Encoded(
        Rows(source_of(written(tmp_path, form)), chosen),
        encoding, TargetColumn("y", np.array(["no", "yes"], object)), "float32",
    )  # fmt: skip
    assert source.m == int(keep.sum())
    expected = encoding.encode(known, "float32")
    labels = (known["y"].to_numpy() == "yes").astype(np.int32)
    n_blocks = -(-source.m // BLOCK_ROWS)
    for first, last in [(0, 1), (2, 5), (n_blocks - 1, n_blocks), (0, n_blocks)]:
        part = slice(first * BLOCK_ROWS, last * BLOCK_ROWS)
        found = pickle.loads(pickle.dumps(source)).examples(first, last)
        np.testing.assert_array_equal(found.X.dense(), expected[part].dense())
        np.testing.assert_array_equal(found.labels, labels[part])


def test_chosen_rows_are_found_by_number():
    m = 3 * STRIDE + 1000
    keep = np.random.default_rng(2).random(m) < 0.3
    keep[STRIDE : 2 * STRIDE] = False
    chosen = Chosen.of(keep[at : at + STRIDE] for at in range(0, m, STRIDE))
    rows = np.flatnonzero(keep)
    assert chosen.m == len(rows)
    for number in [0, 1, 19_000, len(rows) // 2, len(rows) - 1]:
        assert chosen.row(number) == rows[number]
    assert chosen.row(len(rows)) == rows[-1] + 1
    np.testing.assert_array_equal(chosen.mask(12_345, 23_456), keep[12_345:23_456])


def test_runs_have_exactly_so_many_rows(tmp_path):
    rows = Rows(source_of(written(tmp_path, "parquet")))
    assert [run.num_rows for run in rows.runs(1024)] == [1024] * 4 + [M - 4096]


def test_what_does_not_fit_together_is_named(tmp_path):
    with pytest.raises(FileError, match="no file"):
        source_of(f"{tmp_path}/*.parquet")
    pq.write_table(table(), tmp_path / "a.parquet")
    pq.write_table(table().drop_columns(["n"]), tmp_path / "b.parquet")
    with pytest.raises(
        DataError, match=r'b.parquet: there is no column "n", which .*a.parquet has'
    ):
        source_of(tmp_path)
    pq.write_table(table().set_column(1, "n", pa.array(["1"] * M)), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r'b.parquet, column "n": expected int64 as in .*a.parquet'):
        source_of(tmp_path)
    pyarrow.csv.write_csv(table(), tmp_path / "b.parquet")
    with pytest.raises(
        DataError,
        match=r"b.parquet: expected files of one format, found CSV, and .*a.parquet is Parquet",
    ):
        source_of(tmp_path)


def test_a_damaged_row_group_is_named(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": np.arange(9000.0), "y": np.arange(9000)}), path, row_group_size=3000, compression="none", use_dictionary=False)  # fmt: skip
    at = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    raw = bytearray(path.read_bytes())
    raw[at : at + 40] = b"\xff" * 40
    path.write_bytes(raw)
    with pytest.raises(DataError, match=r"t.parquet: row group 2 of 3 is damaged"):
        list(source_of(path).tables())


def test_letters_among_numbers_are_missing_and_named_by_file_and_row(tmp_path):
    lines = [f"{i},{i % 2}" for i in range(4000)]
    (tmp_path / "a.csv").write_text("x,y\n" + "\n".join(lines) + "\n")
    lines[3210] = "oops,1"
    (tmp_path / "b.csv").write_text("x,y\n" + "\n".join(lines) + "\n")
    with pytest.warns(ShoalWarning, match=r'"x": 1 of 8,000 .*"oops" in row 3,211 .*b.csv'):
        table = source_of(f"{tmp_path}/*.csv").table()
    assert table["x"].null_count == 1
    assert table["x"][7210].as_py() is None


def test_what_is_read_ahead_is_the_same_with_a_thread_and_without(monkeypatch):
    assert list(ahead(iter(range(5)))) == [0, 1, 2, 3, 4]

    def refused(self, *given):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor.submit", refused)
    assert list(ahead(iter(range(5)))) == [0, 1, 2, 3, 4]


def test_an_error_ahead_comes_where_it_belongs():
    def items():
        yield 1
        raise DataError("the second")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(DataError, match="the second"):
        next(found)

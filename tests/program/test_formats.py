"""One path for rows: every format, for every command, in memory or streamed, says the same."""

import bz2
import contextlib
import gzip
import io
import json
import lzma
import shutil
import sqlite3
import sys
import zipfile

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet as pq
import pytest

from shoal import DataError, ShoalClassifier
from shoal.cli import main
from shoal.data.read.files import read_table, source_of, stream_tables

M = 3000
FAST = ["--hidden", "3", "--members", "1", "--max-iter", "2"]
FORMS = [
    "csv",
    "csv.gz",
    "parquet",
    "feather",
    "arrows",
    "orc",
    "jsonl",
    "json",
    "xlsx",
    "ods",
    "sqlite",
    "duckdb",
]
PACKED = ["csv.xz", "csv.bz2", "csv.zst", "csv.zip", "jsonl.gz", "parquet.gz", "xlsx.zip"]


def table():
    draw = np.random.default_rng(0)
    x = draw.normal(size=M).round(3)
    return pa.table(
        {
            "x": pa.array(x, mask=draw.random(M) < 0.1),
            "n": draw.integers(0, 9, M),
            "colour": pa.array(draw.choice(["red", "green"], M), mask=draw.random(M) < 0.1),
            "late": pa.array(np.where(x > draw.normal(size=M), "yes", "no"), mask=draw.random(M) < 0.1),
        }
    )  # fmt: skip


def write(whole, path):
    """Write a table in the format that the name says."""
    form = path.name.partition(".")[2]
    inner, _, packing = form.rpartition(".")
    if inner:
        plain = write(whole, path.with_name(f"plain.{inner}"))
        path.write_bytes(packed(plain.read_bytes(), packing))
        plain.unlink()
    elif form == "csv":
        pyarrow.csv.write_csv(whole, path)
    elif form in ("json", "jsonl"):
        records = [json.dumps(record) for record in whole.to_pylist()]
        path.write_text("\n".join(records) if form == "jsonl" else f"[{','.join(records)}]")
    elif form in ("xlsx", "ods"):
        whole.to_pandas().to_excel(str(path), index=False)  # by the suffix of text only
    elif form in ("sqlite", "duckdb"):
        write_database(whole, path)
    elif form == "parquet":
        pq.write_table(whole, path, row_group_size=700)
    elif form == "feather":
        pyarrow.feather.write_feather(whole, path, chunksize=700)
    elif form == "orc":
        pyarrow.orc.write_table(whole, path)
    else:
        with pa.ipc.new_stream(path, whole.schema) as out:
            out.write_table(whole, max_chunksize=700)
    return path


def packed(raw, packing):
    """Bytes, compressed."""
    if packing == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("t", raw)
        return out.getvalue()
    if packing == "zst":
        return pa.compress(raw, "zstd", asbytes=True)
    return {"gz": gzip, "bz2": bz2, "xz": lzma}[packing].compress(raw)


def write_database(whole, path):
    """The table "t" of a new database."""
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path)) as database:
            database.sql("CREATE TABLE t AS SELECT * FROM whole")
        return
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (x REAL, n INTEGER, colour TEXT, late TEXT)")
        rows = [tuple(record.values()) for record in whole.to_pylist()]
        database.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
        database.commit()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The table in each format, and half of it in two files of each."""
    folder = tmp_path_factory.mktemp("formats")
    for form in [*FORMS, *PACKED]:
        write(table(), folder / f"t.{form}")
        for number, (first, rows) in enumerate([(0, 1000), (1000, 0), (1000, 2000)]):
            (folder / form).mkdir(exist_ok=True)
            write(table().slice(first, rows), folder / form / f"{number}.{form}")
    return folder


def run(capsys, *arguments):
    code = main([*map(str, arguments)])
    out, err = capsys.readouterr()
    assert code == 0, err
    return out


def trained(capsys, source, *more):
    return json.loads(run(capsys, "train", source, "--target", "late", *FAST, *more, "--json"))


@pytest.fixture(scope="module")
def model(folder):
    path = folder / "m.shoal"
    assert main(["train", str(folder / "t.csv"), "--target", "late", *FAST, "-o", str(path)]) == 0
    return path


@pytest.fixture
def piped(monkeypatch):
    """Give standard input the bytes of a file."""

    def give(path):
        stream = io.TextIOWrapper(io.BytesIO(path.read_bytes()))
        monkeypatch.setattr(sys, "stdin", stream)
        return "-"

    return give


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.slow
def test_every_format_trains_the_same_network(form, folder, capsys, piped):
    path, memory = folder / f"t.{form}", ["--memory", "1GiB"]
    expected = trained(capsys, folder / "t.csv")
    for source in (path, folder / form, "-"):
        for more in ([], memory):
            given = piped(path) if source == "-" else source
            found = trained(capsys, given, *more)
            for key in ("fingerprint", "rows", "test_rows", "task", "reason", "columns"):
                assert found[key] == expected[key], (source, more, key)
    other = folder / form / f"2.{form}"
    tested = trained(capsys, path, "--test", other)
    assert tested["scores"]["shoal"] == pytest.approx(
        trained(capsys, path, "--test", other, *memory)["scores"]["shoal"]
    )


@pytest.mark.parametrize("form", PACKED)
def test_every_packing_is_read(form, folder, model, capsys, piped):
    expected = read_table(str(folder / "t.csv"))
    path = folder / f"t.{form}"
    assert read_table(str(path)).equals(expected)
    assert source_of(str(path)).table().equals(expected)
    answers = run(capsys, "predict", model, folder / "t.csv", "-o", "-")
    for given in (path, piped(path)):
        assert run(capsys, "predict", model, given, "-o", "-") == answers


@pytest.mark.parametrize("form", FORMS)
def test_every_format_is_predicted_and_evaluated(form, folder, model, capsys, piped):
    answers = run(capsys, "predict", model, folder / "t.csv", "-o", "-")
    scores = json.loads(run(capsys, "evaluate", model, folder / "t.csv", "--json"))
    for source in (folder / f"t.{form}", folder / form, "-"):
        for command in ("predict", "evaluate"):
            given = piped(folder / f"t.{form}") if source == "-" else source
            if command == "predict":
                assert run(capsys, "predict", model, given, "-o", "-") == answers
            else:
                assert json.loads(run(capsys, "evaluate", model, given, "--json")) == scores


@pytest.mark.parametrize("form", FORMS)
def test_every_format_is_fitted(form, folder, tmp_path):
    known = table().filter(pa.array([late is not None for late in table()["late"].to_pylist()]))
    path = write(known, tmp_path / f"t.{form}")
    settings = {"hidden": 3, "members": 1, "max_iter": 2, "random_state": 0}
    y = np.array(known["late"].to_pylist(), object)
    expected = ShoalClassifier(**settings).fit(known.drop_columns(["late"]), y)
    found = ShoalClassifier(**settings).fit(path, "late")
    assert found.fingerprint_ == expected.fingerprint_


@pytest.mark.parametrize("form", FORMS)
def test_the_lab_and_the_study_read_every_format(form, folder, capsys):
    from shoal.lab.tables import Tables

    known = Tables().open(str(folder / f"t.{form}"))
    assert known.table.num_rows == M
    if form != "csv.gz":
        dropped = Tables().drop(f"t.{form}", (folder / f"t.{form}").read_bytes())
        assert dropped.table.equals(known.table)
    call = [
        "--target",
        "late",
        "--seeds",
        "1",
        "--iterations",
        "5",
        "--rows",
        "100",
        "--init",
        "he",
    ]
    found = [
        json.loads(run(capsys, "study", folder / f"t.{f}", *call, "--json")) for f in (form, "csv")
    ]
    assert found[0]["schemes"] == found[1]["schemes"]


# --- what is said ---------------------------------------------------------------------------


def told(capsys, *arguments):
    code = main([*map(str, arguments)])
    return code, capsys.readouterr().err.partition("error:")[2]


def damaged(path):
    """The file cut short, or with bytes changed in its middle."""
    raw = bytearray(path.read_bytes())
    half = path.with_name(f"half.{path.name}")
    half.write_bytes(raw[: len(raw) * 2 // 3])
    spoilt = path.with_name(f"spoilt.{path.name}")
    middle = len(raw) // 2
    raw[middle : middle + 200] = b"\xff" * 200
    spoilt.write_bytes(raw)
    return half, spoilt


@pytest.mark.parametrize("form", ["csv.gz", "parquet", "feather", "orc"])
def test_damage_is_told_the_same_by_all(form, folder, model, tmp_path, capsys):
    path = shutil.copy(folder / f"t.{form}", tmp_path / f"t.{form}")
    for broken in damaged(path):
        calls = (
            ["train", broken, "--target", "late", *FAST],
            ["train", broken, "--target", "late", *FAST, "--memory", "1GiB"],
            ["predict", model, broken, "-o", "-"],
            ["evaluate", model, broken],
            ["study", broken, "--target", "late"],
        )
        found = {told(capsys, *call) for call in calls}
        assert len(found) == 1, found
        ((code, message),) = found
        assert code == 1
        assert "is damaged or cut short (" in message
        assert str(broken) in message
        for read in (read_table, lambda f: list(stream_tables(f)), lambda f: source_of(f).table()):
            with pytest.raises(DataError) as error:
                read(str(broken))
            assert error.value.file == str(broken)


def test_a_spoilt_value_is_told_the_same_by_all(folder, model, tmp_path, capsys):
    lines = (folder / "t.csv").read_text().splitlines()
    lines[2001] = 'many,3,"red","yes"'
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    train = ("train", path, "--target", "late", *FAST)
    calls = (
        train,
        (*train, "--memory", "1GiB"),
        ("study", path, "--target", "late", "--seeds", "1", "--iterations", "1"),
        ("predict", model, path, "-o", tmp_path / "answers.csv"),
        ("evaluate", model, path),
    )
    place = f'"many" in row 2,001 (line 2,002) of {path}. --strict refuses such values'
    for call in calls:
        assert main([*map(str, call)]) == 0
        assert place in capsys.readouterr().err
        code, message = told(capsys, *call, "--strict")
        assert code == 1
        at = f'{path}, row 2,001 (line 2,002), column "x": expected a number, found "many"'
        assert at in message


@pytest.mark.parametrize("form", FORMS)
def test_a_table_without_rows(form, model, tmp_path, capsys):
    path = write(table().slice(0, 0), tmp_path / f"t.{form}")
    for more in ([], ["--memory", "1GiB"]):
        code, message = told(capsys, "train", path, "--target", "late", *FAST, *more)
        assert code == 1
        assert f"{path}: expected at least one column and one row" in message
    answers = run(capsys, "predict", model, path, "-o", "-", "--keep", "n")
    assert answers.splitlines() == ['"n","late","probability of no","probability of yes"']
    assert told(capsys, "evaluate", model, path)[0] == 1


def test_times_and_large_numbers_that_come_late(tmp_path):
    rows = ["2013-01-01,9007199254740993"] * 60_000 + ["2013-01-02 06:00,3.5"]
    (tmp_path / "t.csv").write_text("day,n\n" + "\n".join(rows) + "\n")
    path = str(tmp_path / "t.csv")
    whole = read_table(path)
    assert [str(field.type) for field in whole.schema] == ["timestamp[us]", "double"]
    assert source_of(path).table().equals(whole)
    assert whole["n"][0].as_py() == float(9007199254740993)


def test_gzip_of_several_files_and_types_from_all_of_them(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n,x\n,y\n"))
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"a,b\n7,x\n7.5,z\n"))
    whole = read_table(tmp_path)
    assert whole["a"].to_pylist() == [None, None, 7.0, 7.5]
    assert source_of(tmp_path).table().equals(whole)


def test_a_file_that_is_named_twice_is_reported(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i},{'ab'[i % 2]}\n" for i in range(60))
    for name in ("t.csv", "u.csv"):
        (tmp_path / name).write_text("x,y\n" + rows)
    train = ["-t", "y", "--max-iter", "2", "--members", "1", "-o", "m.shoal"]
    assert main(["train", "t.csv", "u.csv", *train]) == 0
    assert "named more than once" not in capsys.readouterr().err
    assert main(["train", "t.csv", "[tu].csv", *train]) == 0
    assert "note: t.csv: named more than once" in capsys.readouterr().err
    assert main(["predict", "m.shoal", "-", "-"]) == 1
    assert "standard input is named twice" in capsys.readouterr().err

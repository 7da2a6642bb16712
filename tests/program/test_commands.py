"""The commands on small tables: what they answer, and that nothing is lost when they refuse."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

import shoal
from shoal.cli.app import app

COMMANDS = ("train", "predict", "evaluate", "inspect")


def run(*arguments, stdin=None):
    return CliRunner().invoke(app, [str(a) for a in arguments], input=stdin)


def table_of(rows=400):
    rng = np.random.default_rng(7)
    x = rng.normal(size=rows).round(4)
    town = rng.choice(["Bonn", "Ulm", "Jena"], rows)
    late = np.where((np.abs(x) > 0.7) ^ (town == "Ulm"), "yes", "no")
    holes = [
        None if i % 11 == 0 else float(v) for i, v in enumerate(rng.normal(size=rows).round(3))
    ]
    return pa.table({"x": x, "town": town, "holes": holes, "late": late})


@pytest.fixture
def trips(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pyarrow.csv.write_csv(table_of(), "trips.csv")
    return tmp_path


@pytest.fixture
def model(trips):
    answer = run("train", "trips.csv", "--target", "late", "-o", "m.shoal", "--max-iter", 30)
    assert answer.exit_code == 0, answer.output
    return trips / "m.shoal"


def test_train_says_what_it_did_and_saves(trips):
    answer = run("train", "trips.csv", "--target", "late", "-o", "m.shoal", "--max-iter", 30)
    assert answer.exit_code == 0
    for said in ("400 rows", "classification", "linear", "always", "log-loss", "fingerprint"):
        assert said in answer.output
    assert shoal.load("m.shoal").fingerprint_ in answer.output


def test_train_twice_gives_one_fingerprint(trips):
    arguments = (
        "train",
        "trips.csv",
        "--target",
        "late",
        "--max-iter",
        20,
        "--json",
        "-o",
        "m.shoal",
    )
    first, second = (json.loads(run(*arguments).stdout) for _ in range(2))
    assert first["fingerprint"] == second["fingerprint"]
    assert run(*arguments, "--seed", 1).stdout != run(*arguments).stdout


def test_a_number_is_regression(trips):
    answer = run("train", "trips.csv", "--target", "x", "--max-iter", 5, "-o", "m.shoal")
    assert answer.exit_code == 0
    assert "regression" in answer.output
    assert "RMSE" in answer.output


def test_predict_matches_columns_by_name_in_any_order(model):
    table = pyarrow.csv.read_csv("trips.csv")
    pyarrow.csv.write_csv(table.select(["late", "holes", "town", "x"]), "other.csv")
    one, other = run("predict", model, "trips.csv"), run("predict", model, "other.csv")
    assert one.exit_code == other.exit_code == 0
    assert one.stdout == other.stdout
    assert one.stdout.count("\n") == 401


def test_predict_gives_the_bits_of_the_library(model):
    run("predict", model, "trips.csv", "-o", "answers.parquet")
    answers = pyarrow.parquet.read_table("answers.parquet")
    X = pyarrow.csv.read_csv("trips.csv").select(["x", "town", "holes"])
    expected = shoal.load(model).predict_proba(X)
    np.testing.assert_array_equal(answers["probability of no"].to_numpy(), expected[:, 0])


def test_predict_reads_a_pipe_and_speaks_json(model):
    answer = run("predict", model, "-", "--json", stdin=Path("trips.csv").read_text())
    rows = [json.loads(line) for line in answer.stdout.splitlines()]
    assert answer.exit_code == 0
    assert len(rows) == 400
    assert all(set(row) == {"late", "probability of no", "probability of yes"} for row in rows)


def test_evaluate_and_inspect(model):
    scores = json.loads(run("evaluate", model, "trips.csv", "--json").stdout)["scores"]
    assert scores["accuracy"] > 0.7
    seen = json.loads(run("inspect", model, "--json").stdout)
    assert seen["fingerprint"] == shoal.load(model).fingerprint_
    assert run("inspect", model).exit_code == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command):
    answer = run(command, "--help")
    assert answer.exit_code == 0
    assert f"shoal {command}" in answer.output.replace("\n", " ")


# --- mistakes -------------------------------------------------------------------------

HEADER = "x,town,holes,late\n"
LINE = "1.5,Bonn,2,yes\n0.5,Ulm,1,no\n"
MISTAKES = {
    "file missing": (None, [], 1, ["t.csv"]),
    "empty file": ("", [], 1, ["t.csv"]),
    "header only": (HEADER, [], 1, ["t.csv"]),
    "binary junk": ("\0\1\2\0junk\0", [], 1, ["t.csv"]),
    "target absent": (HEADER + LINE * 50, ["--target", "lat"], 2, ["t.csv", '"late"', '"lat"']),
    "target all missing": (HEADER + "1,Ulm,2,\n" * 50, [], 1, ["late", "missing"]),
    "one class": (HEADER + "1.5,Bonn,2,yes\n2.5,Ulm,2,yes\n" * 50, [], 1, ["late", "one class"]),
    "infinite": (HEADER + LINE * 150 + "inf,Ulm,1,no\n", [], 1, ["row 301", '"x"']),
    "letters late": (
        HEADER + LINE * 300 + "abc,Ulm,1,no\n", [], 1,
        ["t.csv", "row 601", '"x"', '"abc"', "--words x"],
    ),
    "duplicate columns": ("x,x,late\n" + "1,2,yes\n2,1,no\n" * 50, [], 1, ['"x"']),
    "hidden -1": (HEADER + LINE * 50, ["--hidden", "-1"], 2, ["hidden"]),
    "rate nan": (HEADER + LINE * 50, ["--learning-rate", "nan"], 2, ["learning"]),
    "too wide": (HEADER + LINE * 50, ["--hidden", "1000000000"], 2, ["memory", "GB"]),
    "no such folder": (HEADER + LINE * 50, ["-o", "nowhere/m.shoal"], 1, ["nowhere/m.shoal"]),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_answered_kindly_and_costs_nothing(mistake, tmp_path, monkeypatch):
    text, options, code, said = MISTAKES[mistake]
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "t.csv").write_text(text)
    (tmp_path / "m.shoal").write_bytes(b"old")
    answer = run("train", "t.csv", "--target", "late", "-o", "m.shoal", *options)
    assert answer.exit_code == code, answer.output
    assert "Traceback" not in answer.output
    for word in said:
        assert word in answer.output
    assert (tmp_path / "m.shoal").read_bytes() == b"old"
    assert {p.name for p in tmp_path.iterdir()} <= {"t.csv", "m.shoal"}


def test_a_column_absent_at_predict(model):
    pyarrow.csv.write_csv(pyarrow.csv.read_csv("trips.csv").drop_columns(["town"]), "less.csv")
    answer = run("predict", model, "less.csv", "-o", "answers.csv")
    assert answer.exit_code == 1
    assert "less.csv" in answer.output
    assert '"town"' in answer.output
    assert not os.path.exists("answers.csv")


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_model(model, damage):
    data = bytearray(model.read_bytes())
    if damage == "cut":
        data = data[:-100]
    else:
        data[len(data) // 2] ^= 1
    model.write_bytes(data)
    answer = run("predict", model, "trips.csv")
    assert answer.exit_code == 1
    assert "m.shoal" in answer.output
    assert "Traceback" not in answer.output


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_keeps_the_best_network(name, code, trips):
    # A hundred million tanh an epoch, and at least six epochs: nobody is done before we signal.
    wide = ["--hidden", "8000", "--dtype", "float64", "--threads", "1"]
    pyarrow.csv.write_csv(table_of(20_000), "big.csv")
    shoal_here = [sys.executable, "-c", "import sys; from shoal.cli import main; sys.exit(main())"]
    process = subprocess.Popen(
        [*shoal_here, "train", "big.csv", "--target", "late", "-o", "m.shoal", *wide],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stderr is not None
    told = ""
    while "epoch" not in told:
        line = process.stderr.readline()
        assert line, f"ended before it trained: {told}"
        told += line
    process.send_signal(getattr(signal, name))
    _, rest = process.communicate(timeout=60)
    assert process.returncode == code, told + rest
    assert "m.shoal" in rest
    assert shoal.load(trips / "m.shoal").endings_ == ["interrupted"]

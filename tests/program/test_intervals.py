"""`shoal predict --interval`, and `--loss poisson`, on small tables."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from typer.testing import CliRunner

import shoal
from shoal.cli.app import app

QUICK = ("--max-iter", "20", "--hidden", "8", "--members", "4")


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(600, 2)).round(4)
    price = (5 * x[:, 0] + rng.normal(size=600)).round(4)
    calls = rng.poisson(np.exp(0.5 * x[:, 0]))
    kind = np.where(x[:, 1] + 0.5 * rng.normal(size=600) > 0, "yes", "no")
    columns = {"a": x[:, 0], "b": x[:, 1], "price": price, "calls": calls, "kind": kind}
    found = pa.table(columns)
    pyarrow.csv.write_csv(found, "t.csv")
    return found


def predictions(*arguments):
    answer = run("predict", *arguments)
    assert answer.exit_code == 0, answer.output
    return pyarrow.csv.read_csv(io.BytesIO(answer.stdout_bytes))


def test_ends_of_intervals_are_columns_and_in_the_report(table):
    answer = run(
        "train", "t.csv", "--target", "price", "-o", "m.shoal", "--report", "r.html", *QUICK
    )
    assert answer.exit_code == 0, answer.output
    found = predictions("m.shoal", "t.csv", "--interval", "0.8", "--keep", "price")
    names = ["price", "predicted price", "price lower", "price upper"]
    assert found.column_names == names
    y, _, low, high = (found[name].to_numpy() for name in names)
    assert 0.7 < ((low <= y) & (y <= high)).mean() < 0.95
    X = table.drop_columns(["price"])
    np.testing.assert_allclose(low, shoal.load("m.shoal").predict_interval(X, 0.8)[:, 0])
    assert "Intervals for 90" in Path("r.html").read_text(encoding="utf-8")


def test_sets_are_a_column_for_each_class(table):
    assert run("train", "t.csv", "--target", "kind", "-o", "m.shoal", *QUICK).exit_code == 0
    found = predictions("m.shoal", "t.csv", "--interval", "0.95")
    assert found.column_names[-2:] == ["set has no", "set has yes"]
    sets = np.column_stack([found[name].to_numpy() for name in found.column_names[-2:]])
    assert sets.any(axis=1).all()
    assert sets.all(axis=1).any()


@pytest.mark.parametrize(("coverage", "said"), [
    ("0.9999", "--interval 0.9999"), ("2", "--interval 2"), ("high", "value for '--interval'"),
])  # fmt: skip
def test_a_coverage_that_cannot_be_is_refused_before_a_row_is_read(coverage, said, table, capsys):
    assert run("train", "t.csv", "--target", "price", "-o", "m.shoal", *QUICK).exit_code == 0
    from shoal.cli import main

    assert main(["predict", "m.shoal", "missing.csv", "--interval", coverage]) == 2
    assert said in capsys.readouterr().err


def test_counts_are_compared_by_their_deviance(table):
    answer = run(
        "train",
        "t.csv",
        "--target",
        "calls",
        "--loss",
        "poisson",
        "-o",
        "m.shoal",
        "--json",
        *QUICK,
    )
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert {"deviance", "rmse", "r2"} == set(told["scores"]["shoal"])
    model = shoal.load("m.shoal")
    assert model.loss == "poisson"
    assert model.record_["verdicts"][0]["loss"] == "deviance"
    found = predictions("m.shoal", "t.csv", "--interval", "0.9")
    assert found["calls lower"].to_numpy().min() >= 0
    answer = run("evaluate", "m.shoal", "t.csv", "--json")
    assert json.loads(answer.stdout)["scores"]["deviance"] > 0

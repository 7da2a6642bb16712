"""`shoal explain`, and what a model keeps of its columns' importance."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from typer.testing import CliRunner

import shoal
from shoal.cli.app import app


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explain")
    rng = np.random.default_rng(7)
    x, town = rng.normal(size=300), rng.choice(["Bonn", "Ulm"], 300)
    noise = rng.normal(size=300)
    late = np.where((x > 0) & (town == "Ulm"), "yes", "no")
    table = pa.table({"x": x, "town": town, "noise": noise, "late": late})
    pa.csv.write_csv(table, folder / "t.csv")
    pa.csv.write_csv(table.slice(0, 1), folder / "one.csv")
    settings = ["--members", "2", "--max-iter", "20", "--hidden", "8"]
    done = run("train", folder / "t.csv", "--target", "late", "-o", folder / "m.shoal", *settings)
    assert done.exit_code == 0, done.output
    return folder


def test_explain_shows_the_columns_the_most_important_first(folder):
    done = run("explain", folder / "m.shoal", folder / "t.csv", "--rows", 20)
    assert done.exit_code == 0, done.output
    assert "20 rows, compared with 20 rows of themselves" in done.output
    assert "exact Shapley values of the probability" in done.output
    order = [line.split()[0] for line in done.output.splitlines() if line.startswith("  ")]
    assert order[0] == "column"
    assert set(order[1:3]) == {"x", "town"}
    assert order[3] == "noise"


def test_json_has_the_values_of_each_row(folder):
    done = run(
        "explain",
        folder / "m.shoal",
        folder / "one.csv",
        "--background",
        folder / "t.csv",
        "--json",
        "--space",
        "log-odds",
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    model = shoal.load(folder / "m.shoal")
    assert (found["space"], found["background"], found["columns"]) == (
        "log-odds",
        100,
        ["x", "town", "noise"],
    )
    assert found["fingerprint"] == model.fingerprint_
    total = found["base_value"] + np.sum(found["values"], axis=1)
    np.testing.assert_allclose(total, found["predictions"])


def test_orders_are_drawn_on_request(folder):
    done = run("explain", folder / "m.shoal", folder / "t.csv", "--rows", 3, "--permutations", 5)
    assert done.exit_code == 0, done.output
    assert "permutations Shapley values" in done.output
    assert "±" in done.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["one.csv"], 2, "--background"),
        (["t.csv", "--space", "target"], 2, "--space"),
        (["t.csv", "--permutations", "1"], 2, "--permutations"),
        (["no.csv"], 1, "no.csv"),
    ],
)
def test_refusals(folder, monkeypatch, capsys, arguments, code, message):
    from shoal.cli import main

    monkeypatch.chdir(folder)
    assert main(["explain", "m.shoal", *arguments]) == code
    assert message in capsys.readouterr().err


def test_inspect_and_evaluate_show_the_importance(folder):
    model = shoal.load(folder / "m.shoal")
    worth = model.fitted_.importance
    assert len(worth) == 3
    assert min(worth[0].mean, worth[1].mean) > worth[2].mean
    for command in (
        ["inspect", folder / "m.shoal"],
        ["evaluate", folder / "m.shoal", folder / "t.csv"],
    ):
        shown = run(*command).output
        assert "loss added by shuffling a column of the rows held out in training" in shown
        found = json.loads(run(*command, "--json").stdout)["importance"]
        assert [one["column"] for one in found][-1] == "noise"
        assert found[0]["loss_added"] == max(one.mean for one in worth)


def test_importance_is_the_same_on_any_number_of_threads_and_absent_without_rows_held_out():
    X = np.random.default_rng(1).normal(size=(200, 3))
    how = {"random_state": 0, "members": 2, "max_iter": 5, "hidden": 4}
    y = X[:, 0] > 0
    one, two = (shoal.ShoalClassifier(**how, n_jobs=n).fit(X, y).fitted_.importance for n in (1, 2))
    assert one == two
    assert one[0].mean > max(one[1].mean, one[2].mean)
    assert shoal.ShoalClassifier(**how, early_stopping=False).fit(X, y).fitted_.importance == ()
    plain = (
        shoal.ShoalClassifier(**how | {"max_iter": 40}, encode=None).fit(X, y).fitted_.importance
    )
    assert plain[0].mean > max(plain[1].mean, plain[2].mean)


def test_a_column_that_adds_nothing_is_worth_nothing():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 2))
    y = np.cos(2 * X[:, 0]) + 0.5 * rng.normal(size=400) > 0  # so that the loss itself is no gain
    model = shoal.ShoalClassifier(random_state=0, max_iter=60).fit(X, y)
    useful, useless = (one.mean for one in model.fitted_.importance)
    assert useful > 0.2  # nats
    assert abs(useless) < useful / 10

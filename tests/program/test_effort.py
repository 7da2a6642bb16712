"""`shoal train --effort`: what is shown, kept and refused."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from typer.testing import CliRunner

import shoal
from shoal.cli.app import app
from shoal.cli.screen.search import MOST, search_lines
from shoal.estimators import effort

QUICK = ("--max-iter", "12", "--members", "4", "--effort", "2")


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table and a model of it, with what was printed."""
    folder = tmp_path_factory.mktemp("effort")
    x = np.random.default_rng(3).normal(size=(200, 3)).round(3)
    y = (np.floor(2 * x[:, 0]) % 2 + 0.2 * x[:, 1]).round(3)
    columns = {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y}
    pyarrow.csv.write_csv(pa.table(columns), folder / "t.csv")
    answer = run("train", folder / "t.csv", "--target", "y", "-o", folder / "m.shoal", *QUICK)
    assert answer.exit_code == 0, answer.output
    (folder / "screen.txt").write_text(answer.stdout)
    return folder


def test_the_search_is_shown_after_the_training_and_by_inspect(folder):
    search = shoal.load(folder / "m.shoal").fitted_.search
    lines = search_lines(search)
    assert f"{len(search.tried)} candidates" in lines[0]
    assert len(lines) <= MOST + 4
    for text in ((folder / "screen.txt").read_text(), run("inspect", folder / "m.shoal").stdout):
        assert all(line.strip() in text for line in lines)


def test_json_has_every_candidate(folder):
    answer = run("inspect", folder / "m.shoal", "--json")
    found = json.loads(answer.stdout)["search"]
    model = shoal.load(folder / "m.shoal")
    assert found["candidates"] == model.search_results_
    assert found["work"] == sum(one["work"] for one in found["candidates"])
    assert found["usual_work"] == found["candidates"][0]["work"]
    assert found["predict_cost"] <= 8


def test_the_same_command_gives_the_same_model(folder):
    command = ("train", folder / "t.csv", "--target", "y", "--json", "--threads", "1", *QUICK)
    found = json.loads(run(*command).stdout)
    assert found["fingerprint"] == shoal.load(folder / "m.shoal").fingerprint_
    assert found["search"]["candidates"][0]["candidate"] == "default"


def test_without_a_search_there_is_nothing_to_tell(folder):
    command = ("train", folder / "t.csv", "--target", "y", "--json", "--hidden", "2")
    found = json.loads(run(*command, "--max-iter", "2", "--members", "1").stdout)
    assert found["search"] is None


def test_seconds_are_translated_into_an_effort_once_and_this_is_told(folder, monkeypatch):
    monkeypatch.setattr(effort, "BUDGETS", {2: effort.BUDGETS[2]})
    command = ("train", folder / "t.csv", "--target", "y", "-o", folder / "by_time.shoal")
    answer = run(*command, *QUICK[:-2], "--time-budget", "1e6")
    assert answer.exit_code == 0, answer.output
    assert "--time-budget 1e+06 is --effort 2, which gives the same model again" in answer.stdout
    found, wanted = (shoal.load(folder / f"{name}.shoal") for name in ("by_time", "m"))
    assert found.fingerprint_ == wanted.fingerprint_
    assert found.effort == 2


def test_an_interrupted_search_is_resumed(folder):
    command = ("train", folder / "t.csv", "--target", "y", *QUICK, "--checkpoint", folder / "kept")
    for more in ((), ("--resume",)):
        found = json.loads(run(*command, "--json", *more).stdout)
        assert found["fingerprint"] == shoal.load(folder / "m.shoal").fingerprint_
    assert run(*command).exit_code == 2


@pytest.mark.parametrize("other", [("--memory", "1GiB"), ("--cluster", "local")], ids=str)
def test_what_a_search_cannot_have_is_refused_before_the_table_is_read(other):
    answer = run("train", "nowhere.csv", "--target", "y", "--effort", "3", *other)
    assert answer.exit_code == 2
    assert "--effort 3" in answer.stderr

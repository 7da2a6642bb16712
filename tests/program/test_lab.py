"""`shoal lab`: what it prints, what it saves, and what it refuses."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import shoal
from shoal.cli import main
from shoal.lab import repeat


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{i},{i * i % 7},{'yes' if i % 3 else 'no'}" for i in range(40)]
    Path("trips.csv").write_text("\n".join(["a,b,late", *rows, ""]))


def test_a_link_is_repeated_and_saved(capsys):
    assert main(["lab", "#data=xor&epoch=50", "-o", "m.shoal", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["epochs"] == 50
    assert shoal.load("m.shoal").fingerprint_ == told["fingerprint"]


def test_a_link_may_lead_into_an_epoch(capsys):
    link = "#solver=adam&batch-size=50&epoch=3&step=2"
    assert main(["lab", link, "-o", "m.shoal"]) == 0
    assert "3 epochs and 2 of 6 steps" in capsys.readouterr().out
    assert shoal.load("m.shoal").fingerprint_ == repeat(link).fingerprint_


def test_a_table_and_a_link(capsys):
    assert main(["lab", "trips.csv", "#epoch=5&hidden=4", "--target", "late", "-o", "m.shoal"]) == 0
    assert "fingerprint" in capsys.readouterr().out
    model = shoal.load("m.shoal")
    assert model.classes_.tolist() == ["no", "yes"]
    assert (model.hidden, model.solver) == (4, "adam")  # as the link says; else what suits a table


MISTAKES = {
    "no table": (["none.csv"], 1, ["none.csv"]),
    "no target": (["trips.csv", "-t", "lat"], 2, ['"lat"', '"late"']),
    "a bad link": (["#hidden=many"], 2, ["hidden", "many"]),
    "no such step": (["#solver=adam&batch-size=50&step=6"], 2, ["step", "steps of an epoch"]),
    "two links": (["#", "#hidden=2"], 2, ["LINK"]),
    "a target of nothing": (["--target", "late"], 2, ["--target", "TABLE"]),
    "no port": (["--port", "70000"], 2, ["--port 70000"]),
    "a table of another machine": (
        ["#data=table&table=0123456789abcdef", "-o", "m.shoal"],
        2,
        ["hash", "TABLE"],
    ),
    "over the table": (["trips.csv", "-o", "trips.csv"], 2, ["trips.csv"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line(mistake, capsys):
    arguments, code, said = MISTAKES[mistake]
    assert main(["lab", *arguments]) == code
    told = capsys.readouterr().err
    assert len(told.strip().splitlines()) == 1
    for word in said:
        assert word in told


def test_without_the_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "shoal.lab.server", raising=False)
    assert main(["lab"]) == 2
    assert "pip install 'shoal[lab]'" in capsys.readouterr().err


@pytest.mark.slow
def test_import_shoal_needs_none_of_it():
    script = "import shoal, shoal.lab, sys; print([m for m in ('starlette', 'uvicorn') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.slow
def test_it_says_where_it_is_and_ends_with_ctrl_c():
    run = subprocess.Popen(
        [sys.executable, "-c", "import sys; from shoal.cli import main; sys.exit(main())", "lab", "--no-browser", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    address = ""
    while "address" not in address:
        address = run.stdout.readline()
        assert address
    assert "http://127.0.0.1:" in address
    assert "token=" in address
    os.kill(run.pid, signal.SIGINT)
    _, told = run.communicate(timeout=60)
    assert run.returncode == 0  # there is no other end of it
    assert "Traceback" not in told


def test_a_model_of_a_table_knows_its_target(capsys):
    assert main(["lab", "trips.csv", "#epoch=5&hidden=4", "-o", "m.shoal"]) == 0
    assert main(["evaluate", "m.shoal", "trips.csv", "--json"]) == 0
    assert '"target": "late"' in capsys.readouterr().out
    assert main(["inspect", "m.shoal"]) == 0
    assert "shoal lab trips.csv" in capsys.readouterr().out


def test_a_name_that_is_far_from_all_columns_suggests_none(capsys):
    Path("people.csv").write_text("income,age\n" + "".join(f"{i},{i % 7}\n" for i in range(20)))
    assert main(["lab", "people.csv", "--target", "nope"]) == 2
    told = capsys.readouterr().err
    assert "Did you mean" not in told
    assert "Columns: income, age." in told


STORIES = {
    "no JSON": ("{'steps'", ["lesson.json", "not JSON"]),
    "no title": ('{"steps": [{"say": "S"}]}', ["lesson.json", "title"]),
    "no steps": ('{"title": "T", "steps": []}', ["lesson.json", "steps"]),
    "an unknown name": ('{"title": "T", "steps": [{"say": "S", "text": 1}]}', ["text"]),
    "a number": ('{"title": "T", "steps": [{"say": "S"}, {"say": 7}]}', ["steps 2.say"]),
    "a bad link": ('{"title": "T", "steps": [{"say": "S"}, {"say": "S", "link": "hidden=x"}]}', ["step 2", "hidden"]),
    "a place": ('{"title": "T", "steps": [{"say": "S", "look": ["moon"]}]}', ["step 1", "look", "moon"]),
    "a table": ('{"title": "T", "steps": [{"say": "S", "table": "../x.csv"}]}', ["step 1", "table"]),
    "a story in a story": ('{"title": "T", "steps": [{"say": "S", "link": "story=t"}]}', ["step 1", "without story"]),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_a_wrong_story_is_told_in_one_line(story, capsys):
    text, said = STORIES[story]
    Path("lesson.json").write_text(text if '"steps"' in text else text.replace("'", '"'))
    assert main(["lab", "lesson.json"]) == 2
    told = capsys.readouterr().err
    assert len(told.strip().splitlines()) == 1
    for word in said:
        assert word in told


def test_a_table_in_json_is_no_story(capsys):
    Path("rows.json").write_text(json.dumps([{"a": i, "steps": i % 3} for i in range(20)]))
    assert main(["lab", "rows.json", "#epoch=1&data=table&hidden=2", "-o", "m.shoal"]) == 0

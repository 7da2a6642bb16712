"""`shoal study`: tables of initialisations, pictures, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from shoal.cli import main
from shoal.cli.commands import study as command

FEW = ["--iterations", "30", "--seeds", "2", "--init", "zeros", "--init", "0.5"]


@pytest.fixture(autouse=True)
def trips(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(7)
    x = rng.normal(size=300).round(4)
    town = rng.choice(["Bonn", "Ulm", "Jena"], 300)
    late = np.where((x > 0.7) ^ (town == "Ulm"), "yes", "no")
    pyarrow.csv.write_csv(pa.table({"x": x, "town": town, "late": late}), "trips.csv")


def test_a_study_is_a_table(capsys):
    assert main(["study", "trips.csv", "--target", "late", *FEW]) == 0
    told = capsys.readouterr().out
    for said in ("300 rows", "classification", "4 trainings", "learnt", "zeros", "0 of 2"):
        assert said in told
    assert max(map(len, told.splitlines())) < 150


def test_the_same_numbers_with_any_threads(capsys):
    found = []
    for n in ("1", "3"):
        assert main(["study", "trips.csv", "-t", "late", *FEW, "--json", "--threads", n]) == 0
        found.append(json.loads(capsys.readouterr().out))
        del found[-1]["seconds"]
    assert found[0] == found[1]
    assert found[0]["table"] == "trips.csv"
    assert [s["scheme"] for s in found[0]["schemes"]] == ["zeros", "0.5"]
    assert found[0]["settings"]["n_x"] >= 4  # a number and three towns


def test_a_part_of_the_table_and_a_number(capsys):
    arguments = ["study", "trips.csv", "-t", "x", *FEW, "--rows", "50", "--hidden", "3", "--json"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["settings"]["rows"], found["settings"]["output"]) == (50, "identity")
    assert found["settings"]["held_rows"] == 50  # as many others
    assert all(scheme["held_cost"] > 0 for scheme in found["schemes"])
    assert found["constant"] == pytest.approx(0.5, abs=0.01)  # the target is standardised


@pytest.mark.parametrize(("name", "magic"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml")])
def test_a_picture(name, magic, capsys):
    pytest.importorskip("matplotlib")
    assert main(["study", "trips.csv", "-t", "late", *FEW, "--plot", name]) == 0
    assert Path(name).read_bytes().startswith(magic)
    assert name in capsys.readouterr().out


def test_an_interruption_shows_what_is_there(capsys, monkeypatch):
    real = command.study_of

    def study_of(*arguments, progress, **options):
        def impatient(done, n):
            progress(done, n)
            if done == 3:
                raise KeyboardInterrupt

        return real(*arguments, progress=impatient, **options)

    monkeypatch.setattr(command, "study_of", study_of)
    code = main(["study", "trips.csv", "-t", "late", *FEW, "--seeds", "20", "--threads", "1"])
    told = capsys.readouterr()
    assert code == 130
    assert "trainings were done" in told.err
    assert "zeros" in told.out


MISTAKES = {
    "no table": (["none.csv"], 1, ["none.csv"]),
    "no target": (["trips.csv", "-t", "lat"], 2, ['"lat"', '"late"']),
    "no scheme": (["trips.csv", "--init", "xavier"], 2, ["--init", "xavier", "glorot"]),
    "twice": (["trips.csv", "--init", "1", "--init", "1.0"], 2, ["--init", "twice"]),
    "no seeds": (["trips.csv", "--seeds", "0"], 2, ["--seeds 0"]),
    "no iterations": (["trips.csv", "--iterations", "0"], 2, ["--iterations 0"]),
    "one row": (["trips.csv", "--rows", "1"], 2, ["--rows 1"]),
    "no goal": (["trips.csv", "--goal", "-1"], 2, ["--goal -1"]),
    "no rate": (["trips.csv", "--learning-rate", "0"], 2, ["--learning-rate 0"]),
    "too long": (["trips.csv", "--iterations", "1000000000000"], 2, ["memory"]),
    "no picture": (["trips.csv", "--plot", "a.doc"], 2, ["--plot a.doc", ".png"]),
    "no folder": (["trips.csv", "--plot", "no/a.png"], 1, ["no/a.png", "folder"]),
    "too few": (["trips.csv", "-t", "late", "--drop", "x", "--drop", "town"], 1, ["column"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line(mistake, capsys):
    if mistake.startswith("no ") and "--plot" in MISTAKES[mistake][0]:
        pytest.importorskip("matplotlib")
    options, code, said = MISTAKES[mistake]
    target = [] if "-t" in options else ["-t", "late"]
    before = sorted(path.name for path in Path().iterdir())
    assert main(["study", *options, *target]) == code
    told = capsys.readouterr().err
    assert "Traceback" not in told
    for word in said:
        assert word in told
    assert sorted(path.name for path in Path().iterdir()) == before


def test_a_picture_without_matplotlib(monkeypatch, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["study", "trips.csv", "-t", "late", "--plot", "a.png"]) == 2
    assert "pip install 'shoal[plot]'" in capsys.readouterr().err

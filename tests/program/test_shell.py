"""The command line as people use it: help that fits a screen, completion, files of options, tables."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shoal.cli import main

QUICK = ["--hidden", "4", "--members", "2", "--max-iter", "10"]


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": range(900), "x": rng.normal(size=900), "z": rng.normal(size=900)})
    frame["late"] = np.where(frame.x + rng.normal(size=900) > 0, "yes", "no")
    frame[:600].to_csv("old.csv", index=False)
    frame[600:700].to_csv("new.csv", index=False)
    frame[700:].to_csv("newer.csv", index=False)
    return tmp_path


TRAIN = ["train", "old.csv", "-t", "late", "--drop", "id", *QUICK]


def answer(capsys, *arguments, code=0):
    found = main([*map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    assert found == code, err
    return json.loads(out) if code == 0 else err


def helped(capsys, monkeypatch, *arguments):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


# --- help and completion --------------------------------------------------------------------


def test_the_help_of_train_fits_one_screen(capsys, monkeypatch):
    lines = helped(capsys, monkeypatch, "train", "--help").rstrip().splitlines()
    assert len(lines) <= 50
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("command", ["train", "study"])
def test_help_all_has_the_rare_options_too(capsys, monkeypatch, command):
    usual = helped(capsys, monkeypatch, command, "--help")
    whole = helped(capsys, monkeypatch, command, "--help-all")
    assert "--help-all" in usual
    assert "--activation" in whole
    assert "--activation" not in usual
    assert helped(capsys, monkeypatch, command, "--help") == usual  # and not from then on


@pytest.mark.parametrize("command", [[], ["train"], ["predict"], ["evaluate"], ["study"], ["lab"]])
def test_help_has_no_types_of_python(capsys, monkeypatch, command):
    said = helped(capsys, monkeypatch, *command, "--help")
    for word in ("<bool>", "list[", "<str>", "TEXT", "None"):
        assert word not in said


@pytest.mark.parametrize(
    ("words", "expected"), [("shoal tr", "train"), ("shoal train --thres", "--threshold")]
)
def test_the_shell_completes_commands_and_options(words, expected):
    asked = {"_SHOAL_COMPLETE": "complete_bash", "COMP_WORDS": words}
    asked["COMP_CWORD"] = str(len(words.split()) - 1)
    program = [sys.executable, "-c", "from shoal.cli import main; raise SystemExit(main())"]
    done = subprocess.run(program, env=os.environ | asked, capture_output=True, text=True)
    assert done.stdout.split() == [expected], done.stderr


def test_a_long_list_of_choices_is_cut(table, capsys):
    err = answer(capsys, *TRAIN, "--scoring", "f2", code=2)
    assert "f1" in err
    assert " more." in err
    assert len(err) < 400


def test_a_call_without_a_table_is_answered_in_one_sentence(table, capsys):
    err = answer(capsys, "train", "-t", "late", code=2)
    assert "Missing argument 'TABLE'. See: shoal train --help" in err


# --- a file of options ------------------------------------------------------------------------


def test_a_saved_configuration_trains_the_same(table, capsys):
    options = ["--threshold", "yes=3", "--learning-rate", "0.01", "--strict", "--seed", "7"]
    first = answer(capsys, *TRAIN, *options, "--save-config", "train.toml")
    saved = tomllib.loads(Path("train.toml").read_text())
    assert saved["tables"] == ["old.csv"]
    assert saved["learning-rate"] == 0.01
    assert saved["strict"] is True
    again = answer(capsys, "train", "--config", "train.toml")
    for key in ("fingerprint", "threshold", "command", "scores"):
        assert again[key] == first[key], key


def test_the_command_line_replaces_what_the_file_says(table, capsys):
    Path("t.toml").write_text(
        'tables = "old.csv"\ntarget = "x"\ndrop = "id"\nhidden = 3\nmax-iter = 5'
    )
    found = answer(capsys, "train", "--config", "t.toml", "-t", "late", "--members", "1")
    command = found["command"]
    assert command[command.index("--target") + 1] == "late"
    assert command[command.index("--hidden") + 1] == "3"
    assert found["task"] == "classification"


@pytest.mark.parametrize("name", ['späte "Züge"', "a\\b", "tab\there", "del\x7f"])
def test_any_name_of_a_column_survives_the_file(table, capsys, name):
    frame = pd.read_csv("old.csv").rename(columns={"x": name})
    frame.to_parquet("old.parquet")
    call = ["train", "old.parquet", "-t", "late", "--drop", name, *QUICK]
    first = answer(capsys, *call, "--save-config", "t.toml")
    assert answer(capsys, "train", "--config", "t.toml")["command"] == first["command"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lerning-rate = 1", 'no option "lerning-rate". Did you mean learning-rate?'),
        ("target = late", "this is not TOML"),
        ("hidden = [1, 2]", "expected one value"),
        ("strict = 1", "expected true or false"),
        ("[target]\na = 1", "expected text, a number, or a list"),
        ("resume = true", 'no option "resume"'),
        ('hidden = "many"', "expected a whole number"),
    ],
)
def test_a_file_that_says_nothing_useful_is_refused(table, capsys, text, said):
    Path("t.toml").write_text(text)
    err = answer(capsys, *TRAIN[:4], "--config", "t.toml", code=2)
    assert said in err
    assert "t.toml" in err or "--hidden" in err


def test_a_configuration_does_not_overwrite_the_table(table, capsys):
    before = Path("old.csv").read_bytes()
    err = answer(capsys, *TRAIN, "--save-config", "old.csv", code=2)
    assert "--save-config old.csv: that is the file which is read" in err
    assert Path("old.csv").read_bytes() == before


# --- several tables, and rows that are known ----------------------------------------------------


def test_predictions_of_several_tables_follow_each_other(table, capsys):
    answer(capsys, *TRAIN, "-o", "m.shoal")
    for name in ("new", "newer"):
        assert main(["predict", "m.shoal", f"{name}.csv", "-o", f"{name}-p.csv"]) == 0
    assert main(["predict", "m.shoal", "new.csv", "newer.csv", "-o", "both.csv"]) == 0
    parts = [pd.read_csv(f"{name}-p.csv") for name in ("new", "newer")]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), pd.read_csv("both.csv"))
    err = answer(capsys, "predict", "m.shoal", "new.csv", "newer.csv", "-o", "newer.csv", code=2)
    assert "it would be lost" in err


def test_keep_all_copies_every_column(table, capsys):
    answer(capsys, *TRAIN, "-o", "m.shoal")
    assert main(["predict", "m.shoal", "new.csv", "--keep", "all", "-o", "p.csv"]) == 0
    found = pd.read_csv("p.csv")
    assert list(found.columns[:5]) == ["id", "x", "z", "late", "predicted late"]
    pd.testing.assert_frame_equal(found[["id", "x", "z", "late"]], pd.read_csv("new.csv"))


def test_evaluate_takes_several_tables(table, capsys):
    answer(capsys, *TRAIN, "-o", "m.shoal")
    parts = [answer(capsys, "evaluate", "m.shoal", f"{name}.csv") for name in ("new", "newer")]
    both = answer(capsys, "evaluate", "m.shoal", "new.csv", "newer.csv")
    assert both["rows"] == 300
    mean = sum(one["scores"]["log_loss"] * one["rows"] for one in parts) / 300
    assert both["scores"]["log_loss"] == pytest.approx(mean)


@pytest.mark.parametrize("memory", [[], ["--memory", "1GiB"]])
def test_evaluate_says_when_rows_were_trained_on(table, capsys, memory):
    answer(capsys, *TRAIN, "--test-part", "0", "-o", "m.shoal", *memory)
    assert main(["evaluate", "m.shoal", "old.csv"]) == 0
    assert "the model was trained on these rows (about 100.0 % of them)" in capsys.readouterr().err
    assert main(["evaluate", "m.shoal", "new.csv"]) == 0
    assert "trained on" not in capsys.readouterr().err
    assert answer(capsys, "evaluate", "m.shoal", "new.csv")["trained_on"] == 0
    pd.concat([pd.read_csv("old.csv")[:20], pd.read_csv("newer.csv")]).to_csv("mixed.csv")
    found = answer(capsys, "evaluate", "m.shoal", "mixed.csv")
    assert found["trained_on"] == pytest.approx(20 / 220)


# --- pandas, which the program does without -----------------------------------------------------

CALLS = """
import sys

from shoal.cli import main

codes, train = [], ["train", "fine.parquet", "-t", "late", "--max-iter", "2", "-o", "m.shoal"]
for call in (
    ["look", "fine.parquet", "-t", "late"],
    [*train, "--group", "when"],
    train,
    ["predict", "m.shoal", "fine.parquet", "--keep", "all", "-o", "found.jsonl"],
):
    sys.argv = ["shoal", *call]
    codes.append(main())
print(codes, "pandas" in sys.modules, file=sys.stderr)
"""


def test_the_program_imports_no_pandas_and_reads_times_finer_than_pythons(tmp_path):
    x, steps = np.random.default_rng(0).normal(size=60), np.arange(60)
    frame = pd.DataFrame({"when": pd.to_datetime(1_500_000_000_000_000_001 + steps * 10**15)})
    frame["took"] = pd.to_timedelta(1 + steps * 10**12)
    frame.assign(x=x, late=np.where(x > 0, "yes", "no")).to_parquet(tmp_path / "fine.parquet")
    done = subprocess.run(
        [sys.executable, "-c", CALLS], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1] == "[0, 0, 0, 0] False", done.stderr
    kept = json.loads((tmp_path / "found.jsonl").read_text().splitlines()[1])
    assert kept["when"] == "2017-07-25 16:26:40.000000001"
    assert kept["took"] == "0:16:40"

"""What is printed: options in place of parameters, no control characters, help without types."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

import shoal
from shoal.cli import main
from shoal.cli.app import app
from shoal.cli.options import STUDIED, TRAINED
from shoal.cli.screen.printing import printable
from shoal.cli.typed import OPTIONS, as_option
from shoal.errors import Setting, SettingError, wording
from shoal.settings import FIELDS

COMMANDS = tuple(command.callback.__name__ for command in app.registered_commands)
CLEAR = "\x1b[2J"
TRAIN = ["train", "t.parquet", "--target", "late", "--max-iter", "1", "-o", "m.shoal"]


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A table whose names hold what a terminal would obey."""
    monkeypatch.chdir(tmp_path)
    late = [("no", f"yes{CLEAR}", "per\x9b")[i % 3] for i in range(90)]
    columns = {f"x{CLEAR}": range(90), "evil\u202ename": [i % 3 for i in range(90)]}
    pyarrow.parquet.write_table(pa.table({**columns, "late": late}), "t.parquet")


def shown(capsys):
    told = capsys.readouterr()
    for text in told:
        assert not [c for c in text if c in "\x1b\x9b\u202e\r\x07"]
    return told.out + told.err


@pytest.mark.parametrize("more", [["--explain"], ["--memory", "1GiB"]])
def test_control_characters_of_a_table_are_made_visible(hostile, capsys, more):
    assert main([*TRAIN, *more]) == 0
    told = shown(capsys)
    assert r"yes\x1b[2J" in told
    assert r"per\x9b" in told
    assert ("--memory" in more) or r"x\x1b[2J" in told


def test_control_characters_of_a_model_are_made_visible(hostile, capsys):
    assert main(TRAIN) == 0
    for arguments in (["inspect", "m.shoal"], ["evaluate", "m.shoal", "t.parquet"]):
        assert main(arguments) == 0
    assert r"x\x1b[2J" in shown(capsys)
    assert main(["inspect", "m.shoal", "--json"]) == 0
    columns = json.loads(capsys.readouterr().out)["columns"]
    assert columns[0]["column"] == f"x{CLEAR}"


def test_json_holds_no_control_character(hostile, capsys):
    assert main([*TRAIN, "--json"]) == 0
    assert r"x\u001b[2J" in shown(capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "t.parquet", "--target", f"la{CLEAR}te"],
        ["train", f"no{CLEAR}.csv", "--target", "late"],
        ["train", "t.parquet", "--target", "late", "--hidden", f"3{CLEAR}"],
        ["train", "t.parquet", "--target", "late", f"--hid{CLEAR}"],
        ["inspect", f"no{CLEAR}.shoal"],
    ],
)
def test_control_characters_of_an_error_are_made_visible(hostile, capsys, arguments):
    assert main(arguments) in (1, 2)
    assert r"\x1b[2J" in shown(capsys)


def test_a_line_break_in_a_name_does_not_begin_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i},{'yes' if i % 3 else 'no'}\n" for i in range(60))
    Path("t.csv").write_text('"x\nsaved            all",late\n' + rows)
    assert main(["train", "t.csv", *TRAIN[2:], "--explain"]) == 0
    assert not [line for line in capsys.readouterr().out.splitlines() if line.endswith("  all")]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (Setting("learning_rate", 0.01), "--learning-rate 0.01"),
        (Setting("random_state", 3), "--seed 3"),
        (Setting("words", ["city", "day of week"]), "--words city --words 'day of week'"),
        (Setting("solver", "adam"), "--solver adam"),
        (Setting("memory"), "--memory"),
        (Setting("resume", True), "--resume"),
        (Setting("schemes", "xavier"), "--init xavier"),
        (Setting("early_stopping", False), "early_stopping=False (in Python)"),
        (Setting("momentum", 0.5), "momentum=0.5 (in Python)"),
        (Setting("scoring", None), "scoring=None (in Python)"),
    ],
)
def test_a_parameter_is_printed_as_its_option(setting, words):
    assert as_option(setting) == words


def test_only_parameters_are_reworded():
    error = SettingError.of("hidden", -1, "expected more, in rows=1.csv.")
    assert printable(error.wording) == "--hidden -1: expected more, in rows=1.csv."
    assert printable(wording("x ", Setting("members", 2))) == "x --members 2"
    assert len(printable(wording(Setting("solver", "x" * 10_000)))) < 200


def test_a_file_called_like_a_parameter(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "rows=1.csv", "--target", "late"]) == 1
    assert "error: rows=1.csv: the file does not exist" in capsys.readouterr().err


def test_every_option_of_a_parameter_is_one_of_train():
    (train,) = [c for c in app.registered_commands if c.callback.__name__ == "train"]
    there = set(train.callback.__annotations__)
    assert there >= {name for name, field in FIELDS.items() if field.option}
    assert set(STUDIED) < set(TRAINED) | {"words", "numbers", "drop"}
    assert OPTIONS["test_part"] == "--test-part"


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_fits_80_columns_and_names_no_type(command):
    told = CliRunner().invoke(app, [*filter(None, [command]), "--help"], env={"COLUMNS": "80"})
    assert told.exit_code == 0
    for line in told.output.splitlines():
        assert len(line) <= 80
    assert "<" not in told.output


def test_train_and_inspect_show_one_time(hostile, capsys):
    assert main([*TRAIN, "--json"]) == 0
    seconds = json.loads(capsys.readouterr().out)["seconds"]
    assert seconds == shoal.load("m.shoal").training_seconds_
    assert main(["inspect", "m.shoal"]) == 0
    assert f"{seconds:.1f} s" in capsys.readouterr().out


def test_version(capsys):
    assert main(["-V"]) == main(["--version"]) == 0
    assert capsys.readouterr().out == f"shoal {shoal.__version__}\n" * 2


def test_as_a_module():
    here = [sys.executable, "-m", "shoal", "-V"]
    run = subprocess.run(here, capture_output=True, text=True, check=True, env=dict(os.environ))
    assert run.stdout == f"shoal {shoal.__version__}\n"


def test_a_long_list_of_columns_is_cut_in_a_message():
    said = as_option(Setting("words", [f"c{i}" for i in range(500)]))
    assert said.startswith("--words c0 --words c1 ")
    assert said.endswith(" …")
    assert len(said) < 200

"""The commands on small tables: what they answer, and that nothing is lost when they refuse."""

import io
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
from shoal.cli import main
from shoal.cli.app import app
from shoal.cli.commands import predict
from shoal.cli.signals import Terminated
from shoal.data.rows import question

COMMANDS = tuple(command.callback.__name__ for command in app.registered_commands)


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


ASIDE = {
    "one value": ("7", "constant"),
    "no value": ("", "empty"),
    "an id": ("K-{i}", "an id"),
}


@pytest.mark.parametrize("kind", ASIDE)
def test_train_names_the_columns_that_are_not_used(kind, tmp_path, monkeypatch, capsys):
    cell, why = ASIDE[kind]
    monkeypatch.chdir(tmp_path)
    rows = [f"{cell.format(i=i)},{i * 7 % 50},{'ab'[i % 2]}" for i in range(80)]
    Path("t.csv").write_text("extra,x,y\n" + "\n".join(rows) + "\n")
    told = "train t.csv --target y --hidden 2 --members 1 --max-iter 2 -o m.shoal"
    assert main(told.split()) == 0
    assert f"1 set aside: extra ({why})\n" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command):
    answer = run(command, "--help")
    assert answer.exit_code == 0
    assert f"shoal {command}" in answer.output.replace("\n", " ")


# --- mistakes -------------------------------------------------------------------------

HEADER = "x,town,holes,late\n"
LINE = "1.5,Bonn,2,yes\n0.5,Ulm,1,no\n"
GOOD = HEADER + LINE * 50
PARQUET = io.BytesIO()
pyarrow.parquet.write_table(pa.table({"late": ["yes", "no"]}), PARQUET)
PARQUET = PARQUET.getvalue()
MISTAKES = {
    "blanks between values": ("a b late\n1 2 3\n", [], 2, ["--separator space"]),
    "a rare separator": ('"a"~"late"\n1~2\n', [], 2, ["--separator '~'"]),
    "a part of a name": ("latest\n1\n", [], 2, ['there is no column "late"']),
    "file missing": (None, [], 1, ["t.csv"]),
    "empty file": ("", [], 1, ["t.csv"]),
    "header only": (HEADER, [], 1, ["t.csv"]),
    "binary junk": ("\0\1\2\0junk\0", [], 1, ["t.csv"]),
    "target absent": (GOOD, ["--target", "lat"], 2, ["t.csv", '"late"', '"lat"']),
    "target all missing": (HEADER + "1,Ulm,2,\n" * 50, [], 1, ["late", "missing"]),
    "one class": (HEADER + "1.5,Bonn,2,yes\n2.5,Ulm,2,yes\n" * 50, [], 1, ["late", "one class"]),
    "infinite": (HEADER + LINE * 150 + "inf,Ulm,1,no\n", [], 1, ["row 301", '"x"']),
    "letters late": (
        HEADER + LINE * 300 + "abc,Ulm,1,no\n", ["--strict"], 1,
        ["t.csv", "row 601", '"x"', '"abc"', "--words x"],
    ),
    "duplicate columns": ("x,x,late\n" + "1,2,yes\n2,1,no\n" * 50, [], 1, ['"x"']),
    "hidden -1": (GOOD, ["--hidden", "-1"], 2, ["hidden"]),
    "rate nan": (GOOD, ["--learning-rate", "nan"], 2, ["learning"]),
    "too wide": (GOOD, ["--hidden", "1000000000"], 2, ["memory", "GB"]),
    "no such folder": (GOOD, ["-o", "nowhere/m.shoal"], 1, ["nowhere/m.shoal"]),
    "a folder as output": (GOOD, ["-o", "."], 1, [".: the file cannot be written", "folder"]),
    "a full disk": (GOOD, ["-o", "/dev/full"], 1, ["/dev/full", "no space"]),
    "a table as output": (GOOD, ["-o", "u.csv"], 2, ["-o u.csv", "model.shoal"]),
    "the table as output": (GOOD, ["--test", "m.shoal"], 2, ["-o m.shoal", "another name"]),
    "no name as output": (GOOD, ["-o", ""], 2, ["-o", "name of a file"]),
    "one row": (HEADER + "1.5,Bonn,2,yes\n", [], 1, ["t.csv", "one class", "only row"]),
    "one class beside NA": (HEADER + LINE.replace("no", "NA") * 9, [], 1, ['"yes"', "9 more", "NA"]),
    "only the target": ("late\nyes\nno\n", [], 1, ["t.csv", "only column"]),
    "UTF-16 without a mark": (GOOD.encode("utf-16-le"), [], 1, ["t.csv: this looks like UTF-16", "--encoding utf-16-le"]),
    "latin-1": (GOOD.replace("Ulm", "Köln").encode("latin1"), [], 1, ["line 3", "0xf6", "UTF-8"]),
    "truncated parquet": (PARQUET[:-9], [], 1, ["t.csv: the file is damaged or cut short"]),
    "either mark": ("x;late\n" + "1,234;no\n7;yes\n" * 9, [], 1, ["row 1", '"1,234"', "--decimal ,"]),
    "either order": ("x,late\n03/02/2011,no\n01/01/2011,yes\n", [], 1, ['"x"', "--date-order dmy"]),
    "no such order": ("x,late\n" + "13/02/2011,no\n14/02/2011,yes\n" * 9, ["--date-order", "DMY"], 2, ["--date-order DMY", '"dmy"']),
    "no such mark": (GOOD, ["--decimal", "point"], 2, ["--decimal point", '"."']),
    "infinite target": ("x,late\n" + "1,2.5\n" * 9 + "2,inf\n", [], 1, ["row 10", '"late"', "inf"]),
    "regression of words": (GOOD, ["--task", "regression"], 1, ["t.csv", '"late"', "--task"]),
    "unknown task": (GOOD, ["--task", "rank"], 2, ["--task rank", "classification"]),
    "test part 2": (GOOD, ["--test-part", "2"], 2, ["--test-part 2", "0.2"]),
    "test on the table": (GOOD, ["--test", "t.csv"], 2, ["--test t.csv", "tests nothing"]),
    "two tests": (GOOD, ["--test", "u.csv", "--test-part", "0.1"], 2, ["--test-part", "Choose one"]),
    "test missing": (GOOD, ["--test", "u.csv"], 1, ["u.csv: the file does not exist"]),
    "no name of a test": (GOOD, ["--test", ""], 2, ["--test", "name of a file"]),
    "target dropped": (GOOD, ["--drop", "late"], 2, ["--drop late", "--target"]),
    "words absent": (GOOD, ["--words", "twon"], 2, ["t.csv", '"twon"', '"town"']),
    "unknown option": (GOOD, ["--hiden", "3"], 2, ["--hiden", "--hidden"]),
    "no number": (GOOD, ["--hidden", "many"], 2, ["--hidden", '"many"']),
}  # fmt: skip


def test_a_table_in_which_no_column_varies_gives_the_constant_answer(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("x,late\n" + "1,yes\n1,no\n1,no\n" * 30)
    assert main(["train", "t.csv", "-t", "late", "-o", "m.shoal"]) == 0
    told = capsys.readouterr()
    assert told.err.count("no column of X varies (x: constant)") == 1
    assert "no difference can be shown on 18 rows" in told.out
    assert main(["predict", "m.shoal", "t.csv"]) == 0
    predicted = capsys.readouterr().out.splitlines()[1:]
    assert {line.split(",")[0] for line in predicted} == {'"no"'}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_answered_kindly_and_costs_nothing(mistake, tmp_path, monkeypatch, capsys):
    text, options, code, said = MISTAKES[mistake]
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "m.shoal").write_bytes(b"old")
    refused(capsys, ["train", "t.csv", "--target", "late", "-o", "m.shoal", *options], code, said)


def refused(capsys, arguments, code, said):
    """Run the program, which shall end with the code, say this, and touch nothing."""
    if "/dev/full" in arguments and not os.path.exists("/dev/full"):
        pytest.skip("a device of Linux")
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    assert main([str(a) for a in arguments]) == code
    told = capsys.readouterr().err
    assert "Traceback" not in told
    for word in said:
        assert word in told
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before


NEW = "late,holes,town,x\n"
ROW = ",1,Ulm,0.5\n"
# Of predict and evaluate alike: the table, and what is said of it.
ROWS = {
    "empty": ("", ["new.csv: the file is empty"]),
    "no text": ("\0\1\2", ["new.csv: this does not look like a CSV file"]),
    "letters": (NEW + ROW + "no,1,Ulm,abc\n", ["new.csv, row 2 (line 3)", '"x"', '"abc"']),
    "infinite": (NEW + ROW + "no,1,Ulm,inf\n", ["new.csv, row 2 (line 3)", '"x"', '"inf"']),
    "beyond float32": (
        NEW + ROW + "no,1,Ulm,1e300\n",
        ["new.csv, row 2 (line 3), ", '"x"', "1e+300"],
    ),
    "far down": (
        NEW + ROW * 99_998 + "no,1,Ulm,1e300\n",
        ["new.csv, row 99,999 (line 100,000), ", '"x"'],
    ),
    "a column absent": ("late,holes,x\nno,1,2\n", ["new.csv", '"town"', "Columns"]),
    "names in capitals": (NEW.replace("x", "X") + ROW, ["new.csv", 'Did you mean "X"?']),
    "a column twice": (NEW.replace("town", "x") + ROW, ["new.csv", '"x" (columns 3 and 4)']),
    "a model": (PARQUET[:4] + b"junk", ["new.csv: the file is damaged or cut short"]),
}


@pytest.mark.parametrize("command", [["predict", "-o", "answers.csv"], ["evaluate"]])
@pytest.mark.parametrize("mistake", ROWS)
def test_rows_that_no_model_can_answer(mistake, command, model, capsys):
    table, said = ROWS[mistake]
    Path("new.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    refused(capsys, [command[0], model, "new.csv", "--strict", *command[1:]], 1, said)


CALLS = {
    "answers over the table": (["m.shoal", "trips.csv", "-o", "trips.csv"], 2, ["be lost"]),
    "answers over the model": (["m.shoal", "trips.csv", "-o", "m.shoal"], 2, ["be lost"]),
    "answers into a folder": (["m.shoal", "trips.csv", "-o", "."], 1, ["it is a folder"]),
    "no such folder": (["m.shoal", "trips.csv", "-o", "no/a.csv"], 1, ["no/a.csv", "folder"]),
    "a full disk": (["m.shoal", "trips.csv", "-o", "/dev/full"], 1, ["/dev/full", "no space"]),
    "another form": (["m.shoal", "trips.csv", "-o", "a.csv.gz"], 2, ["a.csv.gz", ".parquet"]),
    "two forms": (["m.shoal", "trips.csv", "-o", "a.csv", "--json"], 2, ["--json", "a.csv"]),
    "to keep what is not there": (["m.shoal", "trips.csv", "--keep", "lat"], 2, ['"late"']),
    "the model missing": (["n.shoal", "trips.csv"], 1, ["n.shoal", "Did you mean m.shoal"]),
    "table and model swapped": (
        ["trips.csv", "m.shoal"],
        1,
        ["trips.csv: the file is not a shoal model"],
    ),
    "a model as table": (["m.shoal", "m.shoal"], 1, ["looks like a model file"]),
    "no name of a model": (["", "trips.csv"], 2, ["MODEL", "name of a file"]),
    "no name of a table": (["m.shoal", ""], 2, ["TABLE", "name of a file"]),
}


@pytest.mark.parametrize("mistake", CALLS)
def test_calls_of_predict_that_can_only_fail(mistake, model, capsys):
    arguments, code, said = CALLS[mistake]
    refused(capsys, ["predict", *arguments], code, said)


def test_true_answers_that_a_model_does_not_know(model, capsys):
    Path("new.csv").write_text(NEW + "perhaps" + ROW)
    refused(capsys, ["evaluate", model, "new.csv"], 1, ["new.csv", '"perhaps"', '"no", "yes"'])
    Path("new.csv").write_text(NEW + ROW)
    refused(
        capsys,
        ["evaluate", model, "new.csv"],
        1,
        ["new.csv", 'column "late": the target is missing'],
    )


@pytest.mark.parametrize("kind", [shoal.ShoalClassifier, shoal.ShoalRegressor])
def test_a_model_of_several_answers_is_not_compared_with_one_column(kind, trips, capsys):
    table = pyarrow.csv.read_csv("trips.csv")
    x = (table["x"].to_numpy() > 0).astype(int)
    model = kind(hidden=2, max_iter=1, random_state=0).fit(table, np.c_[x, 1 - x])
    model.save("m.shoal")
    arguments = ["evaluate", "m.shoal", "trips.csv", "--target", "x"]
    refused(capsys, arguments, 2, ["2 answers a row", "one column", "Python"])


def test_columns_are_kept_as_far_as_the_form_can_hold_them(model, capsys):
    more = {"list": [[1], None], "view": pa.array(["a", "b"]).cast(pa.string_view())}
    more["gap"] = [float("nan"), float("inf")]
    table = table_of(2)
    for name, column in more.items():
        table = table.append_column(name, pa.array(column))
    pyarrow.parquet.write_table(table, "new.parquet")
    keep = [x for name in more for x in ("--keep", name)]
    assert main(["predict", str(model), "new.parquet", "-o", "a.jsonl", *keep]) == 0
    lines = Path("a.jsonl").read_text().splitlines()
    rows = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    assert [[row[name] for name in more] for row in rows] == [[[1], "a", None], [None, "b", None]]
    assert main(["predict", str(model), "new.parquet", "-o", "a.PARQUET", *keep]) == 0
    assert pyarrow.parquet.read_table("a.PARQUET")["list"].to_pylist() == [[1], None]
    assert main(["predict", str(model), "new.parquet", "--keep", "view"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith('"a","')
    arguments = ["predict", model, "new.parquet", "-o", "a.csv", *keep]
    refused(
        capsys,
        arguments,
        1,
        ['new.parquet, column "list": expected numbers, text, booleans or times, found list'],
    )


@pytest.mark.parametrize("command", ["predict", "train"])
def test_a_limit_of_file_size(command, model, capsys):
    resource = pytest.importorskip("resource")
    arguments = {"predict": [model], "train": ["--target", "late", "--max-iter", 1]}[command]
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, usual[1]))
    try:
        said = ["old.file: the file cannot be written: the file is larger"]
        Path("old.file").write_bytes(b"old")
        refused(capsys, [command, *arguments, "trips.csv", "-o", "old.file"], 1, said)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@pytest.mark.parametrize(("kind", "code"), [(KeyboardInterrupt, 130), (Terminated, 143)])
def test_interrupted_answers_leave_no_half_of_a_file(kind, code, model, capsys, monkeypatch):
    whole, done = predict.answers, []

    def answers(*args):
        done.append(whole(*args))
        if len(done) == 2:
            raise kind
        return done[-1]

    monkeypatch.setattr(predict, "answers", answers)
    Path("new.csv").write_text(NEW + ROW * 200_000)
    Path("answers.csv").write_bytes(b"old")
    refused(capsys, ["predict", model, "new.csv", "-o", "answers.csv"], code, ["no file was"])
    assert len(done) == 2


def test_a_row_that_cannot_be_tested_costs_no_network(trips, capsys):
    Path("test.csv").write_text(NEW + "no,1,Ulm,1e300\n")
    arguments = ["train", "trips.csv", "--target", "late", "--max-iter", "1", "-o", "m.shoal"]
    assert main([*arguments, "--test", "test.csv"]) == 0
    assert (
        'there is no test: test.csv, column "x": expected a number near those of the training'
        in capsys.readouterr().err
    )
    assert shoal.load("m.shoal").record_["scores"] == []


def test_the_largest_whole_numbers_are_classes(trips):
    ids = pa.array([2**63 + i % 2 for i in range(100)], pa.uint64())
    pyarrow.parquet.write_table(pa.table({"x": range(100), "id": ids}), "t.parquet")
    assert main(["train", "t.parquet", "--target", "id", "--max-iter", "1", "-o", "m.shoal"]) == 0
    assert shoal.load("m.shoal").classes_.tolist() == [str(2**63), str(2**63 + 1)]


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


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 143)])
@pytest.mark.slow
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
    _, rest = process.communicate()
    assert process.returncode == code, told + rest
    assert "m.shoal" in rest
    assert shoal.load(trips / "m.shoal").endings_ == ["interrupted"]


def prices(path, words, rows=60):
    """A table whose target is a number, but for the first rows."""
    target = [*words, *(f"{2.5 * i}" for i in range(len(words), rows))]
    pyarrow.csv.write_csv(pa.table({"x": range(rows), "price": target}), path)


@pytest.mark.parametrize("memory", [[], ["--memory", "1GiB"]])
def test_a_number_to_predict_that_a_word_has_spoilt(tmp_path, monkeypatch, memory):
    monkeypatch.chdir(tmp_path)
    prices("prices.csv", ["1", "unknown", "no"], 35)
    train = ("train", "prices.csv", "--target", "price", "-o", "m.shoal", *memory)
    answer = run(*train)
    assert answer.exit_code == 1
    place = 'prices.csv, row 2 (line 3), column "price"'
    assert f'{place}: the target is a number except for "unknown", "no". Correct' in answer.output
    answer = run(*train, "--task", "regression")
    assert answer.exit_code == 1
    assert 'regression, found "unknown", "no"' in answer.output
    assert list(tmp_path.iterdir()) == [tmp_path / "prices.csv"]
    asked = [*train, "--max-iter", 1, "--words", "price"]
    assert "classification" in run(*asked).output, "words were asked for"
    prices("more.csv", [], 40)
    answer = run(*train, "more.csv", "--max-iter", 1)
    assert answer.exit_code == 0, "2 of 75 values"
    assert (
        '2 of 75 values are not a number and are read as missing, first "unknown"' in answer.output
    )
    assert "2 rows without it are left out" in answer.output


def test_a_spoilt_number_with_more_values_than_are_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(question, "MOST_VALUES", 30)
    prices("prices.csv", ["unknown", "no"], 35)
    train = ("train", "prices.csv", "--target", "price", "-o", "m.shoal", "--memory", "1GiB")
    assert 'is a number except for "unknown"' in run(*train).output
    assert 'regression, found "unknown"' in run(*train, "--task", "regression").output
    assert "more than 30 classes" in run(*train, "--task", "classification").output


SPELLINGS = {
    "007": ["007", "012", "100"],
    "+1": ["+1", "-1"],
    "1.0": ["1.0", "0.0", "", ""],
    "NA": ["NA", "ZA", "None"],
    "ids": ["12345678901234567890", "12345678901234567891"],
    "ids of 17 digits": ["90071992547409931", "90071992547409932"],
    "one word": ["1", "2", "3", "unknown"],
}


@pytest.mark.parametrize("memory", [[], ["--memory", "1GiB"]])
@pytest.mark.parametrize("name", SPELLINGS)
def test_classes_are_predicted_as_they_are_written(tmp_path, monkeypatch, name, memory):
    monkeypatch.chdir(tmp_path)
    classes = SPELLINGS[name]
    rows = [(i, classes[i % len(classes)] if i % 40 else classes[-1]) for i in range(400)]
    if name == "one word":  # 1 row of 40
        rows = [(i, classes[i % 3] if i % 40 else "unknown") for i in range(400)]
    Path("t.csv").write_text("x,y\n" + "".join(f"{i},{y}\n" for i, y in rows))
    words = ["--words", "y"] if name == "NA" else []
    answer = run(
        "train", "t.csv", "--target", "y", "-o", "m.shoal", "--max-iter", 2, *words, *memory
    )
    assert answer.exit_code == 0, answer.output
    known = {float(c) if name in ("1.0", "+1") else c for c in classes if c}
    found = {str(c) for c in shoal.load("m.shoal").classes_.tolist()}
    assert found == {str(int(c)) if isinstance(c, float) else c for c in known}
    assert run("predict", "m.shoal", "t.csv", "-o", "a.csv").exit_code == 0
    assert set(first_column("a.csv")) <= found
    answer = run("evaluate", "m.shoal", "t.csv")
    assert answer.exit_code == 0, answer.output


def first_column(path):
    return [line.split(",")[0].strip('"') for line in Path(path).read_text().splitlines()[1:]]


def test_words_that_are_mostly_numbers_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sizes = ["36", "38.5", "40", "-42e0", "one size"]
    table = {"x": range(60), "size": [sizes[i % 5] for i in range(60)]}
    pyarrow.csv.write_csv(pa.table(table), "shirts.csv")
    answer = run("train", "shirts.csv", "--target", "size", "-o", "m.shoal", "--max-iter", 2)
    assert answer.exit_code == 0
    assert 'though 4 of its 5 values are numbers ("one size" is not)' in answer.output

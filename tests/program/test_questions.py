"""`shoal train` with groups, times and folds: which rows are on which side, and what is said of it."""

import json

import numpy as np
import pandas as pd
import pytest

from shoal.cli import main

QUICK = ["--hidden", "4", "--members", "2", "--max-iter", "10"]


def visits(rows=600, seed=0):
    """Rows of sixty patients, hour by hour."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.normal(size=rows),
            "dose": rng.normal(size=rows),
            "patient": [f"p{i}" for i in rng.integers(0, 60, rows)],
            "at": pd.date_range("2020-01-01", periods=rows, freq="h"),
        }
    )
    ill = frame.age + rng.normal(size=rows) > 0
    frame["ill"] = np.where(ill, "yes", "no")
    frame["cost"] = 2 * frame.age + rng.normal(size=rows)
    return frame


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    visits().to_csv("visits.csv", index=False)
    return tmp_path


def answer(capsys, *arguments, code=0):
    found = main([*map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    assert found == code, err
    return (json.loads(out), err) if code == 0 else (None, err)


TRAIN = ["train", "visits.csv", "--target", "ill", "--drop", "cost", *QUICK]


@pytest.mark.parametrize("split", [["--group", "patient"], ["--time", "at"], ["--time", "dose"]])
def test_a_tied_split_is_the_same_in_memory_and_streamed(table, capsys, split):
    held, _ = answer(capsys, *TRAIN, *split)
    streamed, _ = answer(capsys, *TRAIN, *split, "--memory", "1GiB")
    plain, _ = answer(capsys, *TRAIN)
    for key in ("fingerprint", "rows", "test_rows", "scores", "command"):
        assert held[key] == streamed[key], key
    assert held["fingerprint"] != plain["fingerprint"]


def test_a_group_is_no_input_and_the_test_has_whole_groups(table, capsys):
    found, err = answer(capsys, *TRAIN, "--group", "patient")
    columns = {one["column"]: one["encoding"] for one in found["columns"]}
    assert columns["patient"].startswith("set aside")
    assert " of 60 groups by patient: " in err
    assert found["rows"] + found["test_rows"] == 600


def test_a_dropped_time_still_orders_the_rows(table, capsys):
    found, err = answer(capsys, *TRAIN, "--time", "at", "--drop", "at")
    columns = {one["column"]: one["encoding"] for one in found["columns"]}
    assert columns["at"].startswith("set aside")
    assert "the latest by at: 120" in err
    used, _ = answer(capsys, *TRAIN, "--time", "at")
    assert used["inputs"] > found["inputs"]


def test_new_rows_and_a_test_file_need_no_group(table, capsys):
    visits(seed=1).drop(columns="patient").to_csv("new.csv", index=False)
    answer(capsys, *TRAIN, "--group", "patient", "--test", "new.csv", "-o", "m.shoal")
    assert main(["predict", "m.shoal", "new.csv", "-o", "predictions.csv"]) == 0
    assert len(pd.read_csv("predictions.csv")) == 600


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--group", "patient", "--time", "at"], "--group and --time"),
        (["--group", "ill"], "that is the target"),
        (["--group", "pateint"], 'there is no column "pateint"'),
    ],
)
def test_splits_that_cannot_be_are_refused(table, capsys, options, said):
    _, err = answer(capsys, *TRAIN, *options, code=2)
    assert said in err


def test_text_is_no_order_in_time(table, capsys):
    _, err = answer(capsys, *TRAIN, "--time", "patient", code=1)
    assert 'column "patient": the times are string' in err


def test_rows_without_a_group_are_reported(table, capsys):
    frame = visits()
    frame.loc[::50, "patient"] = None
    frame.to_csv("visits.csv", index=False)
    _, err = answer(capsys, *TRAIN, "--group", "patient", "--test-part", "0")
    assert "the group is missing in 12 rows: they are treated as one group" in err


def test_a_class_of_the_latest_rows_alone_is_refused(table, capsys):
    frame = visits()
    frame.loc[590:, "ill"] = "perhaps"
    frame.to_csv("visits.csv", index=False)
    _, err = answer(capsys, *TRAIN, "--time", "at", code=1)
    assert 'the class "perhaps" is found in the latest rows alone' in err
    assert "--test-part" in err

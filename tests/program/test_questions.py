"""`shoal train` with groups, times and folds: which rows are on which side, and what is said of it."""

import html
import json
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
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
    assert "is an input too" not in err
    used, err = answer(capsys, *TRAIN, "--time", "at")
    assert used["inputs"] > found["inputs"]
    assert "at is an input too" in err
    assert "Compare with --drop at" in err


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
        (["--group", "patient", "--words", "patient"], "the column of --group is no input"),
        (["--group", "pateint"], 'there is no column "pateint"'),
    ],
)
def test_splits_that_cannot_be_are_refused(table, capsys, options, said):
    _, err = answer(capsys, *TRAIN, *options, code=2)
    assert said in err


def test_text_is_no_order_in_time(table, capsys):
    _, err = answer(capsys, *TRAIN, "--time", "patient", code=1)
    assert 'column "patient": expected dates, times or numbers in each row, found text' in err


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


# --- cross-validation, and the margin of a verdict ----------------------------------------


@pytest.mark.parametrize("split", [[], ["--group", "patient"], ["--time", "at"]])
def test_folds_are_the_same_in_memory_and_streamed(table, capsys, split):
    held, _ = answer(capsys, *TRAIN, "--cv", "3", *split)
    streamed, _ = answer(capsys, *TRAIN, "--cv", "3", *split, "--memory", "1GiB")
    for key in ("fingerprint", "scores", "standard_errors", "verdicts", "rows", "test_rows"):
        assert held[key] == streamed[key], key
    assert held["folds"] == 3
    assert held["rows"] == 600
    assert held["test_rows"] == (450 if "--time" in split else 600)
    assert set(held["standard_errors"]) == {"shoal", "linear", "constant"}
    assert 0 < held["standard_errors"]["shoal"]["log_loss"] < 0.3


def test_the_network_that_is_kept_learns_from_all_rows(table, capsys):
    folds, _ = answer(capsys, *TRAIN, "--cv", "3")
    whole, _ = answer(capsys, *TRAIN, "--test-part", "0")
    assert folds["fingerprint"] == whole["fingerprint"]


def test_scores_of_folds_are_those_of_scikit_learn(table, capsys):
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    from shoal import ShoalClassifier

    call = ["train", "visits.csv", "-t", "ill", "--drop", "cost", "--drop", "at", *QUICK]
    found, _ = answer(capsys, *call, "--cv", "4")
    frame = pd.read_csv("visits.csv")
    model = ShoalClassifier(hidden=4, members=2, max_iter=10, random_state=0)
    cv = StratifiedKFold(4, shuffle=True, random_state=0)
    X = frame[["age", "dose", "patient"]]
    scores = -cross_val_score(model, X, frame.ill, cv=cv, scoring="neg_log_loss")
    assert found["scores"]["shoal"]["log_loss"] == pytest.approx(scores.mean())
    error = scores.std(ddof=1) / 2
    assert found["standard_errors"]["shoal"]["log_loss"] == pytest.approx(error)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--cv", "1"], 2, "expected 2 folds at least"),
        (["--cv", "3", "--test", "other.csv"], 2, "every row is tested in turn"),
        (["--cv", "3", "--test-part", "0.5"], 2, "every row is tested in turn"),
        (["--cv", "5000"], 1, "Choose fewer folds"),
        (["--cv", "61", "--group", "patient"], 1, "Choose fewer folds"),
    ],
)
def test_folds_that_cannot_be_are_refused(table, capsys, options, code, said):
    visits(seed=2).to_csv("other.csv", index=False)
    _, err = answer(capsys, *TRAIN, *options, code=code)
    assert said in err


def test_the_verdict_has_a_margin_everywhere(table, capsys):
    found, err = answer(capsys, *TRAIN, "-o", "m.shoal", "--report", "r.html")
    linear, constant = found["verdicts"]
    assert [linear["than"], constant["than"]] == ["linear", "constant"]
    assert constant["outcome"] == "better"
    assert constant["difference"] < -2 * constant["standard_error"] < 0
    scores = found["scores"]
    difference = scores["shoal"]["log_loss"] - scores["linear"]["log_loss"]
    assert linear["difference"] == pytest.approx(difference)
    verdict = next(line for line in err.splitlines() if line.startswith("verdict"))
    said = " ".join(verdict.split()[1:])
    assert "on 120 rows" in said
    assert f"standard error {linear['standard_error']:.2g}" in said
    assert said in html.unescape(Path("r.html").read_text(encoding="utf-8"))
    kept, _ = answer(capsys, "inspect", "m.shoal")
    assert kept["record"]["verdicts"] == found["verdicts"]
    assert main(["inspect", "m.shoal"]) == 0
    assert said in " ".join(capsys.readouterr().out.split())


def test_noise_shows_no_difference(table, capsys):
    frame = visits()
    frame["ill"] = np.random.default_rng(5).choice(["yes", "no"], 600)
    frame.head(265).to_csv("visits.csv", index=False)
    found, err = answer(capsys, *TRAIN, "--drop", "patient", "--drop", "at")
    assert found["verdicts"][-1]["outcome"] == "no difference"
    assert "no difference can be shown on 53 rows: log-loss" in err


def test_evaluate_has_the_verdict_too(table, capsys):
    answer(capsys, *TRAIN, "-o", "m.shoal")
    visits(seed=1).to_csv("new.csv", index=False)
    found, _ = answer(capsys, "evaluate", "m.shoal", "new.csv")
    (constant,) = found["verdicts"]
    assert constant["outcome"] == "better"
    assert constant["rows"] == 600


# --- class weights and a threshold ------------------------------------------------------------


def test_a_threshold_is_kept_and_applied_by_every_command(table, capsys):
    found, err = answer(capsys, *TRAIN, "--threshold", "recall", "-o", "m.shoal")
    assert found["threshold"] < 0.4
    assert f'"yes" is predicted above {found["threshold"]:.4g}, the best for recall' in err
    assert main(["predict", "m.shoal", "visits.csv", "-o", "p.csv"]) == 0
    said = pd.read_csv("p.csv")
    expected = np.where(said["probability of yes"] > found["threshold"], "yes", "no")
    assert (said.ill == expected).all()
    assert (said.ill != np.where(said["probability of yes"] > 0.5, "yes", "no")).any()
    judged, _ = answer(capsys, "evaluate", "m.shoal", "visits.csv")
    assert judged["scores"]["accuracy"] == pytest.approx((said.ill == visits().ill).mean())
    inspected, _ = answer(capsys, "inspect", "m.shoal")
    assert inspected["threshold"] == found["threshold"]


def test_exports_decide_by_the_threshold(table, capsys):
    answer(capsys, *TRAIN, "--threshold", "yes=9", "-o", "m.shoal")
    assert main(["export", "m.shoal", "-o", "m.sql"]) == 0
    assert main(["export", "m.shoal", "-o", "m.c"]) == 0
    capsys.readouterr()
    threshold = answer(capsys, "inspect", "m.shoal")[0]["threshold"]
    assert float(Path("m.sql").read_text().split("CASE WHEN a0 > ")[1].split()[0]) == (
        pytest.approx(threshold)
    )
    written = re.search(r"#define THRESHOLD (\S+?)f?\n", Path("m.c").read_text())[1]
    assert float.fromhex(written) == threshold


def test_costs_and_weights_name_the_classes_as_the_table_does(table, capsys):
    frame = visits()
    frame["ill"] = (frame.ill == "yes").astype(int)
    frame.to_csv("visits.csv", index=False)
    found, err = answer(capsys, *TRAIN, "--threshold", "1=8", "--class-weight", "1=2")
    assert "--class-weight shifts the probabilities" in err
    plain, _ = answer(capsys, *TRAIN)
    assert found["threshold"] < 0.4
    assert found["fingerprint"] != plain["fingerprint"]
    assert found["scores"]["shoal"]["recall"] > 0.9


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--threshold", "1.5"], "--threshold 1.5: expected a finite number"),
        (["--threshold", "maybe=2"], 'no class "maybe". Classes: no, yes'),
        (["--threshold", "yes=much"], "expected CLASS=NUMBER"),
        (["--class-weight", "3"], "expected balanced, or CLASS=WEIGHT"),
        (["--class-weight", "1=3,0=1"], "Repeat the option for each class"),
        (["--class-weight", "yes=-3"], "--class-weight yes=-3: expected a number from 0 to 1e+30"),
        (["--threshold", "yes=nan"], "--threshold yes=nan: expected a number from 0 to 1e+30"),
        (
            ["--class-weight", "no=1", "--class-weight", "no=2"],
            'no=2: the class "no" was given before',
        ),
        (["--threshold", "roc_auc"], "does not depend on the threshold"),
    ],
)
def test_thresholds_and_weights_that_mean_nothing_are_refused(table, capsys, options, said):
    _, err = answer(capsys, *TRAIN, *options, code=2)
    assert said in err


def test_a_number_to_predict_has_no_threshold(table, capsys):
    call = ["train", "visits.csv", "-t", "cost", *QUICK, "--threshold", "0.3"]
    _, err = answer(capsys, *call, code=2)
    assert "the target is a number, and has no classes" in err


@pytest.mark.slow
def test_a_report_of_folds_and_a_threshold_says_what_was_done(table, capsys):
    call = [*TRAIN, "--cv", "3", "--threshold", "f1", "--group", "patient", "--report", "r.html"]
    found, _ = answer(capsys, *call)
    page = html.unescape(Path("r.html").read_text(encoding="utf-8"))
    assert "Scores on 600 rows held out in turn, in 3 folds" in page
    assert "Tested on rows held out in turn, in 3 folds" in page
    assert "these are the rows that the model was trained on" in page
    error = found["standard_errors"]["shoal"]["log_loss"]
    assert f"{found['scores']['shoal']['log_loss']:.4f} ± {error:.4f}" in page
    assert "share of the rows of the second class that are predicted as such" in page


def test_folds_in_time_are_later_than_all_they_learn_from():
    from shoal.cli.folds import _in_time
    from shoal.data.rows.ties import times_of

    values = np.random.default_rng(0).integers(0, 40, 500)
    folds = list(_in_time(4, times_of([pa.array(values)])))
    assert len(folds) == 4
    for kept, test in folds:
        assert values[kept].max() < values[test].min()
    tested = np.concatenate([test for _, test in folds])
    assert len(np.unique(tested)) == len(tested) == 400


@pytest.mark.parametrize(
    ("value", "name", "same"),
    [
        (True, "true", True), (False, "true", False), (1, "1.0", True), (1.0, "1", True),
        (1, "2", False), ("yes", "yes", True), ("yes", "Yes", False), ("1", "1", True), (1, "one", False),
    ],
)  # fmt: skip
def test_a_class_is_named_as_people_type_it(value, name, same):
    from shoal.cli.classes import _is_called

    assert _is_called(value, name) == same


# --- the kind of the target ----------------------------------------------------------------------


def test_a_number_that_is_different_in_each_row_is_no_class(tmp_path, monkeypatch, capsys):
    # As in Longley's 16 rows of the economy, of which the target is a whole number.
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"year": range(1947, 1963), "jobs": 60_000 + 623 * np.arange(16)})
    frame["price"] = np.random.default_rng(0).normal(size=16)
    frame.to_csv("jobs.csv", index=False)
    call = ["train", "jobs.csv", "-t", "jobs", *QUICK]
    assert main(call) == 0
    assert "regression, as the target is a number that is different in each row" in (
        capsys.readouterr().out
    )
    # As classes none of them can be held out.
    assert main([*call, "--task", "classification"]) == 0
    assert "test part        none" in capsys.readouterr().out
    frame.loc[1, "jobs"] = frame.loc[0, "jobs"]
    frame.to_csv("jobs.csv", index=False)
    assert main(call) == 0
    assert "classification, as the target is a whole number with 15 values" in (
        capsys.readouterr().out
    )


def _table_of(y: pa.Array) -> pa.Table:
    return pa.table({"x": np.arange(len(y)) * 0.37 % 1, "y": y})


WHOLE = [i % 2 for i in range(60)]
TYPED = {
    "decimals": (pa.array(map(Decimal, WHOLE), pa.decimal128(4, 1)), "0 50.0 %, 1 50.0 %"),
    "whole decimals": (pa.array(map(Decimal, WHOLE), pa.decimal128(18, 0)), "0 50.0 %, 1 50.0 %"),
    "decimals to predict": (
        pa.array([Decimal(i) + Decimal("0.25") for i in range(60)], pa.decimal128(9, 2)), r"from 0.25 to 59.25, mean 29.75"
    ),
    "beyond 63 bits": (pa.array([2**63 + i for i in WHOLE], pa.uint64()), "9223372036854775808 50.0 %"),
    "short floats": (pa.array(np.array(WHOLE, np.float16)), "0 50.0 %, 1 50.0 %"),
    "durations in nanoseconds": (pa.array([v * 10**9 + 1 for v in WHOLE], pa.duration("ns")), "50.0 %"),
    "times in nanoseconds": (pa.array([v * 10**9 + 1 for v in WHOLE], pa.timestamp("ns")), "50.0 %"),
    "two zeros": (pa.array([-0.0, 0.5, 0.0] * 20), "0 66.7 %, 0.5 33.3 %"),
}  # fmt: skip


FINE = ("durations in nanoseconds", "times in nanoseconds")


@pytest.mark.parametrize("memory", [[], ["--memory", "1GiB"]])
@pytest.mark.parametrize("name", TYPED)
def test_a_typed_target_is_what_its_values_are(name, memory, tmp_path, monkeypatch, capsys):
    """In memory and streamed; and the model is tested on it, and evaluated."""
    monkeypatch.chdir(tmp_path)
    y, told = TYPED[name]
    pq.write_table(_table_of(y), "t.parquet")
    task = ["--task", "classification"] if name in ("two zeros", *FINE) else []
    small = ["--hidden", "2", "--members", "1", "--max-iter", "2"]
    assert (
        main(["train", "t.parquet", "--target", "y", "-o", "m.shoal", *small, *task, *memory]) == 0
    )
    assert re.search(told, capsys.readouterr().out)
    assert main(["evaluate", "m.shoal", "t.parquet"]) == 0

"""What is new at predict is told once: unknown categories, numbers far outside, more missing values."""

import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest

import shoal
from shoal import ShoalClassifier
from shoal.cli import main
from shoal.data.encode.novelty import Usual, collected

M = 200
rng = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "age": rng.uniform(18, 90, M),
        "town": rng.choice(["Oslo", "Lyon"], M),
        "shop": [f"s{i % 40}" if i % 4 == 0 else "main" for i in range(M)],
        "day": pd.date_range("2020-01-01", periods=M),
        "part": np.where(np.arange(M) % 10 == 0, np.nan, rng.normal(size=M)),
    }
)
y = (TABLE["age"] > 50).to_numpy().astype(int)
QUICK = {"max_iter": 3, "members": 1, "random_state": 0}


@pytest.fixture(scope="module")
def model():
    return ShoalClassifier(**QUICK).fit(TABLE, y)


def told_of(model, table):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.predict(table)
    return [str(w.message) for w in caught]


CASES = {
    "an unknown category": ({"town": "Rome"}, r'"town": 200 of 200 texts are unknown, .* "Rome"'),
    "one number far outside": ({"age": [900.0, *TABLE["age"][1:]]}, r'"age": 1 of 200 .* "900.0"'),
    "dates of another century": ({"day": pd.Timestamp("1890-01-01")}, r'"day": 200 of 200'),
    "many missing values": (
        {"part": np.where(np.arange(M) % 2, np.nan, 0.0)},
        r'"part": 50 % of the values are missing, 10 % in the training',
    ),
    "missing where nothing was": ({"age": np.nan}, r'"age": 100 % of the values are missing, 0 %'),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_new_is_one_warning(case, model):
    changed, told = CASES[case]
    found = told_of(model, TABLE.assign(**changed))
    assert len(found) == 1
    assert re.search(told, found[0])


def test_rows_of_the_training_and_near_ones_are_nothing_new(model):
    assert told_of(model, TABLE) == []
    assert told_of(model, TABLE.iloc[:1]) == []
    assert told_of(model, TABLE.assign(age=TABLE["age"] + 30)) == []
    assert told_of(model, TABLE.iloc[:60].assign(part=TABLE["part"][:60])) == []


def test_of_few_rows_no_share_is_compared(model):
    few = TABLE.iloc[:5].assign(part=np.nan)
    assert told_of(model, few) == []
    assert len(told_of(model, few.assign(town="Rome"))) == 1


def test_all_columns_are_told_in_one_warning(model):
    found = told_of(model, TABLE.assign(town="Rome", age=1e4, part=np.nan, day=pd.NaT))
    assert len(found) == 1
    assert "1 more columns differ" in found[0]


def test_what_was_usual_is_kept_in_the_file(model, tmp_path):
    model.save(tmp_path / "m.shoal")
    again = shoal.load(tmp_path / "m.shoal")
    assert again.fitted_.inputs.usual == model.fitted_.inputs.usual
    age = again.fitted_.inputs.usual[0]
    assert age == Usual(0.0, TABLE["age"].min(), TABLE["age"].max())
    assert again.fitted_.inputs.usual[4].missing == 0.1
    assert len(told_of(again, TABLE.assign(town="Rome"))) == 1


def test_counts_of_several_calls_are_added(model):
    with collected() as told:
        model.predict(TABLE.iloc[:100].assign(town="Rome"))
        model.predict(TABLE.iloc[100:])
    assert told.news.rows == M
    assert [line for line in told.lines if "100 of 200 texts" in line]
    drift = {one["column"]: one for one in told.drift}
    assert (drift["town"]["unknown"], drift["part"]["missing_in_training"]) == (0.5, 0.1)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TABLE.assign(late=y).to_csv("t.csv", index=False)
    TABLE.assign(town="Rome", late=y).to_csv("new.csv", index=False)
    call = ["train", "t.csv", "--target", "late", "-o", "m.shoal", "--max-iter", "2"]
    assert main([*call, "--members", "1"]) == 0


def test_the_command_line_says_it_on_standard_error(files, capsys):
    capsys.readouterr()
    assert main(["predict", "m.shoal", "new.csv"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == M + 1
    assert 'column "town": 200 of 200 texts are unknown, the first "Rome"' in err
    assert main(["predict", "m.shoal", "t.csv"]) == 0
    assert "differ" not in capsys.readouterr().err


def test_strict_refuses_what_is_new(files, capsys):
    assert main(["predict", "m.shoal", "new.csv", "--strict", "-o", "p.csv"]) == 1
    assert "texts are unknown" in capsys.readouterr().err


def test_evaluate_has_the_drift_of_each_column_in_its_document(files, capsys):
    capsys.readouterr()
    assert main(["evaluate", "m.shoal", "new.csv", "--json"]) == 0
    drift = {one["column"]: one for one in json.loads(capsys.readouterr().out)["drift"]}
    assert drift["town"]["unknown"] == 1.0
    assert drift["age"]["far_outside"] == 0.0

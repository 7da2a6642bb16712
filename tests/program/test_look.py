"""`shoal look`: what a table is, before anything is trained."""

import json

import numpy as np
import pandas as pd
import pytest

from shoal.cli import main

M = 300
rng = np.random.default_rng(0)


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    price = rng.uniform(1, 9, M).round(2)
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(M) * 7,
            "price": price,
            "also": price,
            "town": rng.choice(["Oslo", "Łódź", "<b>"], M),
            "day": pd.date_range("2020-01-01", periods=M).strftime("%Y-%m-%d"),
            "note": 1,
            "sold": np.where(price > rng.uniform(1, 9, M), "yes", "no"),
        }
    )
    frame["paid"] = np.where(frame["sold"] == "yes", 1.5, np.nan)
    frame.loc[3, "sold"] = None
    frame.to_csv("t.csv", index=False)
    return frame


def test_each_column_is_shown_as_a_training_would_take_it(table, capsys):
    assert main(["look", "t.csv", "--target", "sold"]) == 0
    out, err = capsys.readouterr()
    assert "300 rows, 7 columns and the target" in out
    assert "1 rows without it are left out" in out
    shown = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "not used: an id" in shown["customer_id"]
    assert "number" in shown["price"]
    assert "category" in shown["town"]
    assert "date or time" in shown["day"]
    assert "2020-01-01 to 2020-10-26" in shown["day"]
    assert "not used: constant" in shown["note"]
    assert 'column "paid" may give the target away' in err
    assert 'column "also" has the same values as "price"' in err
    assert 'column "customer_id" is set aside' in err


def test_training_says_the_same_unasked(table, capsys):
    assert main(["look", "t.csv", "--target", "sold"]) == 0
    looked = capsys.readouterr().err.splitlines()
    assert main(["train", "t.csv", "--target", "sold", "--max-iter", "2", "--test-part", "0"]) == 0
    trained = capsys.readouterr().err
    suspected = [line for line in looked if "give the target away" in line or "same values" in line]
    assert len(suspected) == 2
    assert all(line in trained for line in suspected)


def test_columns_that_are_left_out_are_not_suspected(table, capsys):
    call = ["look", "t.csv", "--target", "sold", "--drop", "paid", "--drop", "also"]
    assert main(call) == 0
    err = capsys.readouterr().err
    assert "give the target away" not in err
    assert "same values" not in err


def test_a_document_has_all_of_it(table, capsys):
    assert main(["look", "t.csv", "--target", "sold", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["task"]) == (M, "classification")
    assert found["rows_without_target"] == 1
    kinds = {column["column"]: column["kind"] for column in found["columns"]}
    assert kinds["customer_id"] == kinds["note"] == "set aside"
    assert kinds["town"] == "words"
    paid = next(column for column in found["columns"] if column["column"] == "paid")
    assert paid["missing"] == int(table.loc[table["sold"].notna(), "paid"].isna().sum())
    assert any("paid" in line for line in found["suspects"])


def test_without_a_target_it_says_what_it_can(table, capsys):
    assert main(["look", "t.csv"]) == 0
    out = capsys.readouterr().out
    assert "--target COLUMN shows more" in out
    assert "sold" in out


def test_a_page_has_a_picture_of_each_column_and_nothing_of_a_table_is_html(table, capsys):
    assert main(["look", "t.csv", "--target", "sold", "--report", "t.html"]) == 0
    with open("t.html", encoding="utf-8") as file:
        page = file.read()
    assert page.count("<figure>") == 7
    assert "<b>" not in page
    assert "may give the target away" in page


@pytest.mark.parametrize(
    ("call", "told", "code"),
    [
        (["nope.csv"], "does not exist", 1),
        (["t.csv", "--target", "sould"], 'Did you mean "sold"', 2),
        (["t.csv", "--drop", "nothing"], 'no column "nothing"', 2),
        (["t.csv", "--report", "t.csv"], "that is the file which is read", 2),
        (["t.csv", "--report", "t.pdf"], "expected a name that ends with .html", 2),
    ],
)
def test_what_cannot_be_is_refused(call, told, code, table, capsys):
    assert main(["look", *call]) == code
    assert told in capsys.readouterr().err


def test_it_reads_as_a_training_does(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    days = [f"{i % 12 + 1:02}/{i % 11 + 1:02}/2020" for i in range(60)]
    frame = pd.DataFrame({"day": days, "x": ["1,5", "gone"] * 30})
    frame.to_csv("t.csv", index=False)
    assert main(["look", "t.csv"]) == 1
    assert "--date-order" in capsys.readouterr().err
    assert (
        main(["look", "t.csv", "--date-order", "dmy", "--decimal", ",", "--missing", "gone"]) == 0
    )
    out = capsys.readouterr().out
    assert "2020-01-01 to 2020-11-11" in out
    assert "50.0 %" in out

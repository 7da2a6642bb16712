"""Programs: `shoal export`, and the C program that it writes."""

import io
import json
import subprocess

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import shoal
from shoal import ShoalClassifier, ShoalRegressor
from shoal.cli import main
from shoal.errors import SettingError
from shoal.exports.names import comment, identifiers

pytestmark = pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")
SETTINGS = dict(max_iter=2, hidden=6, random_state=1, n_jobs=1, early_stopping=False)
NASTY = [
    "*/ int x;",
    "??/",
    "a\\",
    "😀",
    "--",
    "</script>",
    "%s%n",
    "${x}",
    "`x`",
    'q"q',
    "q'q",
    "\n",
    "nul\0nul",
]


def table(m=200):
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "distance": np.where(rng.random(m) < 0.1, np.nan, rng.normal(700, 200, m)),
            "carrier": rng.choice(["UA", "AA", 'D"L', "a,b"], m),
            "when": pd.Timestamp("2020-02-27") + pd.to_timedelta(rng.integers(0, 10**8, m), "s"),
            "ok": rng.random(m) < 0.5,
        }
    )


def compiled(folder, *flags):
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    done = subprocess.run(
        ["gcc", *strict, *flags, "-o", "m", "m.c"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return str(folder / "m")


@pytest.mark.parametrize("kind", ["classes", "labels", "numbers"])
def test_the_program_predicts_what_shoal_predicts(tmp_path, kind):
    X = table()
    y = {
        "classes": np.where(X["ok"], "yes", 'n"o'),
        "labels": np.column_stack([X["ok"], X["distance"] > 700]).astype(int),
        "numbers": X["distance"].fillna(1).to_numpy(),
    }[kind]
    X.insert(0, "unused", range(len(X)))
    X.to_csv(tmp_path / "t.csv", index=False)
    estimator = (ShoalRegressor if kind == "numbers" else ShoalClassifier)(
        drop=["unused"], **SETTINGS
    )
    estimator.fit(X, y).export(tmp_path / "m.c", main=True)
    program = compiled(tmp_path)
    assert subprocess.run([program, "--selftest"], capture_output=True).returncode == 0
    text = (tmp_path / "t.csv").read_text()
    run = subprocess.run([program], input=text, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found = pd.read_csv(io.StringIO(run.stdout), dtype=str)  # numbers are read by Python, exactly
    if kind == "numbers":
        numbers = found["prediction"].to_numpy(object).astype(float)
        assert numbers.tobytes() == estimator.predict(X).tobytes()
        return
    if kind == "classes":
        assert (found.pop("prediction") == estimator.predict(X)).all()
    assert (
        found.to_numpy(object).astype(float).astype("float32") == estimator.predict_proba(X)
    ).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a header"),
        ("distance,ok,carrier\n1,true,UA\n", "there is no such column: when"),
        (
            "distance,ok,carrier,when\nx,true,UA,2020-01-01\n",
            "row 1: the value cannot be read, column: distance",
        ),
        ("distance,ok,carrier,when\n1e999,true,UA,2020-01-01\n", "row 1: the value is infinite"),
        ("distance,ok,carrier,when\n1,true\n", "row 1: there is no value for the column: carrier"),
    ],
)
def test_the_program_says_what_is_wrong(tmp_path, text, said):
    X = table()
    ShoalClassifier(**SETTINGS).fit(X, X["ok"]).export(tmp_path / "m.c", main=True)
    run = subprocess.run([compiled(tmp_path)], input=text, capture_output=True, text=True)
    assert run.returncode == 1
    assert said in run.stderr


CELLS = [  # of w, x, ok and when
    "Rome,1,true,2020-02-03",
    " Rome , 1 ,True,2020-02-03",
    '" Rome",1,FALSE,2020-02-29',
    "NA,NA,NA,NA",
    r"\N,\N,\N,\N",
    "?,,0,2020-02-03 23:59:59.5",
]


@pytest.mark.parametrize(
    "words", [["Rome", "NA", "Oslo", "Lyon"], ["Rome", "Bonn", "Oslo", "Lyon"]]
)
def test_the_program_takes_cells_for_what_the_command_takes_them(
    tmp_path, monkeypatch, capsys, words
):
    """NA in text is a category of a model that was trained on it, and missing elsewhere."""
    monkeypatch.chdir(tmp_path)
    X = table()[["distance", "ok", "when"]].rename(columns={"distance": "x"})
    X.insert(0, "w", [words[i % 4] if i % 9 else None for i in range(len(X))])
    y = (X["w"] == words[1]) ^ X["ok"]
    model = ShoalClassifier(**{**SETTINGS, "max_iter": 30}).fit(X, y)
    model.save("m.shoal")
    model.export("m.c", main=True)
    (tmp_path / "t.csv").write_text("\n".join(["w,x,ok,when", *CELLS, ""]))
    assert main(["predict", "m.shoal", "t.csv"]) == 0
    wanted = pd.read_csv(io.StringIO(capsys.readouterr().out))
    with open("t.csv") as file:
        run = subprocess.run([compiled(tmp_path)], stdin=file, capture_output=True, text=True)
    found = pd.read_csv(io.StringIO(run.stdout))
    assert np.allclose(found.iloc[:, -1], wanted.iloc[:, -1], atol=1e-7)


@pytest.mark.parametrize(
    "cells", ["x,1,tile,", "x,1,,2020-02-30", "x,1,,2020-13-01", "x,1,,2020-01-01 24:10", "x,0x1,,"]
)
def test_the_program_refuses_what_is_no_value(tmp_path, cells):
    X = table()
    ShoalClassifier(**SETTINGS).fit(X, X["ok"]).export(tmp_path / "m.c", main=True)
    text = f"carrier,distance,ok,when\n{cells}\n"
    run = subprocess.run([compiled(tmp_path)], input=text, capture_output=True, text=True)
    assert run.returncode == 1
    assert "row 1: the value cannot be read" in run.stderr


def test_the_command_writes_runs_and_reports(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X = table()
    ShoalClassifier(**SETTINGS).fit(X, X["ok"]).save("late.shoal")
    assert main(["export", "late.shoal", "-o", "late.c", "--main", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["files"] == ["late.c", "late.h"]
    assert report["check"]["same_bits"]
    assert report["check"]["difference"] == 0
    assert main(["export", "late.shoal", "-o", "late.c"]) == 0
    assert "the same bits for 24 rows" in capsys.readouterr().out
    monkeypatch.setenv("CC", "no-such-compiler")
    assert main(["export", "late.shoal", "-o", "late.c"]) == 0
    assert "not run here: there is no C compiler" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["m.xyz"], "the format of"),
        (["m.c", "--to", "cobol"], "expected one of"),
        (["m.h", "--to", "c"], "would be the header"),
    ],
)
def test_a_format_that_is_not_known_is_refused(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    X = table()
    model = ShoalClassifier(**SETTINGS).fit(X, X["ok"])
    model.save("late.shoal")
    assert main(["export", "late.shoal", "-o", *arguments]) == 2
    assert said in capsys.readouterr().err
    with pytest.raises(SettingError, match=said):
        model.export(arguments[0], *arguments[2:])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["late.shoal"]


@pytest.mark.parametrize("name", ['a"b.c', "a\nb.c", "int.c", "3.c", "日本.c", "a b.c", "a\\.c"])
def test_any_file_name(tmp_path, name):
    X = table()
    files = ShoalClassifier(**SETTINGS).fit(X, X["ok"]).export(tmp_path / name)
    done = subprocess.run(
        ["gcc", "-c", "-Wall", "-Werror", str(files[0]), "-o", "x.o"],
        cwd=tmp_path,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr


# --- anything in names, classes and words ---------------------------------------------------

ANYTHING = st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12
) | st.sampled_from(NASTY)


@given(st.lists(ANYTHING, min_size=1, max_size=8))
def test_identifiers_are_identifiers_and_differ(names):
    found = identifiers(names)
    assert len(set(found)) == len(names)
    assert all(word.isidentifier() and word.isascii() for word in found)


@given(ANYTHING)
def test_a_comment_ends_where_it_should(text):
    shown = comment(text)
    assert shown.isascii()
    assert not set(shown) & set("*/\\?\n\r'\"`-$")


@given(
    names=st.lists(ANYTHING, min_size=2, max_size=4, unique=True),
    words=st.lists(ANYTHING, min_size=2, max_size=5, unique=True),
    classes=st.lists(ANYTHING, min_size=2, max_size=3, unique=True),
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_in_a_table_is_executed(in_c, names, words, classes):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({name: rng.choice(words, 60) for name in names})
    model = ShoalClassifier(words=names, **SETTINGS)
    y = np.array([classes[i % len(classes)] for i in range(60)], object)
    compiled = in_c(
        model.fit(X, y),
        flags=["-O0", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-trigraphs", "-Wno-trigraphs"],
    )
    values = compiled.values(100)
    assert (
        compiled.predict(values).tobytes()
        == np.ascontiguousarray(compiled.predicted(values)).tobytes()
    )
    assert compiled.classes() == [str(c) for c in model.classes_]


def test_a_saved_model_exports_the_same(tmp_path):
    X = table()
    model = ShoalClassifier(**SETTINGS).fit(X, X["ok"])
    model.save(tmp_path / "m.shoal")
    model.export(tmp_path / "a.c")
    first = (tmp_path / "a.c").read_bytes()
    shoal.load(tmp_path / "m.shoal").export(tmp_path / "a.c")
    assert (tmp_path / "a.c").read_bytes() == first

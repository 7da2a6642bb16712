"""Law: the SELECT of a model gives its predictions, to rounding."""

import contextlib
import sqlite3

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoal import ShoalClassifier, ShoalRegressor
from shoal.errors import SettingError
from shoal.exports.databases import unusable
from shoal.exports.dialects import DIALECTS, TRUTHS, literal, name
from shoal.network.activations import ACTIVATIONS

pytestmark = [
    pytest.mark.filterwarnings("ignore::shoal.ShoalWarning"),
    pytest.mark.skipif(bool(unusable()), reason=unusable()),
]
TOLERANCE = {"float32": 1e-5, "float64": 1e-9}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", ["two", "three", "labels", "numbers", "rates"])
def test_every_kind_of_model(check_of, a_table, fitted, dtype, activation, kind):
    X = a_table()
    model = fitted(kind, X, activation=activation, hidden=9, members=2, dtype=dtype)
    scale = {"numbers": X["class"].std() * 2, "rates": 40}.get(kind, 1)
    assert check_of(model, "sql").difference <= TOLERANCE[dtype] * scale


@pytest.mark.parametrize("kind", ["two", "three", "number"])
@pytest.mark.parametrize("bins", ["auto", 0])
def test_without_a_hidden_layer(check_of, a_table, fitted, kind, bins):
    model = fitted(kind, a_table(), hidden=0, bins=bins, dtype="float64")
    assert check_of(model, "sql").difference <= 1e-9


def test_numbers_without_an_encoding(check_of):
    X = np.random.default_rng(0).normal(size=(300, 7))
    model = ShoalClassifier(encode=None, hidden=5, dtype="float64", max_iter=3, random_state=0)
    assert check_of(model.fit(X, X[:, 0] > 0), "sql").difference <= 1e-12


def test_dates_as_text_and_the_columns_of_the_table(a_table, fitted, tmp_path):
    X = a_table().rename(columns=lambda c: c.replace("\n", ""))
    words = 'a "quoted" */ name'
    X[words] = X[words].str.replace("\0", "")
    model = fitted("three", X, hidden=5, dtype="float64")
    model.export(tmp_path / "m.sql", table='my "rows"; --')
    connection = sqlite3.connect(":memory:")
    X.assign(when=X["when"].astype(str).replace("NaT", None)).to_sql(
        'my "rows"; --', connection, index=False
    )
    cursor = connection.execute((tmp_path / "m.sql").read_text("utf-8"))
    titles = [column[0] for column in cursor.description]
    rows = cursor.fetchall()
    connection.close()
    assert titles[-4:] == [
        "prediction",
        "probability of *\u002f",
        "probability of q'q",
        "probability of x",
    ]
    assert [row[1] for row in rows] == X["age"].replace({np.nan: None}).tolist()
    assert [row[-4] for row in rows] == model.predict(X).tolist()
    assert np.abs(np.array([row[-3:] for row in rows]) - model.predict_proba(X)).max() < 1e-9


def test_extreme_numbers_do_not_overflow(check_of):
    X = pd.DataFrame({"x": np.arange(100.0)})
    model = ShoalClassifier.classic(hidden=2, learning_rate=50, max_iter=300).fit(X, X["x"] > 50)
    assert check_of(model, "sql").difference <= 1e-5


def test_one_network_of_64_units_on_14_numbers_is_small(tmp_path):
    X = np.random.default_rng(0).normal(size=(200, 14))
    model = ShoalRegressor(hidden=64, members=1, bins=0, max_iter=2, dtype="float64")
    (file,) = model.fit(X, X[:, 0]).export(tmp_path / "m.sql")
    assert file.stat().st_size < 300_000
    weights = sum(W.size for W in model.coefs_)
    assert file.stat().st_size < 25 * weights + 100_000


@pytest.mark.parametrize("column", ["a\0b", "", "False", "TRUE"])
def test_names_that_sql_cannot_hold_are_refused(tmp_path, column):
    X = pd.DataFrame({column: np.arange(50.0) / 3, "c": np.arange(50.0) % 7})
    model = ShoalRegressor(max_iter=2, hidden=3).fit(X, X["c"])
    with pytest.raises(SettingError, match="cannot be written in SQL"):
        model.export(tmp_path / "m.sql")


def test_what_sql_cannot_hold_is_refused(tmp_path):
    X = pd.DataFrame({"ab": np.arange(50.0), "c": np.arange(50.0) % 7})
    model = ShoalRegressor(max_iter=2, hidden=3).fit(X, X["c"])
    with pytest.raises(SettingError, match="expected one of sqlite"):
        model.export(tmp_path / "m.sql", dialect="cobol")
    wide = ShoalRegressor(max_iter=1, hidden=800, members=2).fit(X[["c"]], X["c"])
    with pytest.raises(SettingError, match="needs 1,600 columns"):
        wide.export(tmp_path / "m.sql")
    assert not list(tmp_path.iterdir())


ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(ANYTHING)
def test_a_literal_is_its_text(text):
    connection = sqlite3.connect(":memory:")
    (found,) = connection.execute(f"SELECT {literal(text, 'sqlite')}").fetchone()
    connection.close()
    assert found == text


@given(ANYTHING.filter(lambda text: "\0" not in text and text.lower() not in TRUTHS))
def test_a_name_is_its_text(text):
    connection = sqlite3.connect(":memory:")
    cursor = connection.execute(f"SELECT 1 AS {name(text)}")
    found = cursor.description[0][0]
    connection.close()
    assert found == text


@given(
    names=st.lists(
        ANYTHING.filter(lambda text: "\0" not in text and text.lower() not in TRUTHS),
        min_size=2,
        max_size=4,
        unique_by=str.lower,
    ),
    words=st.lists(ANYTHING, min_size=2, max_size=5, unique=True),
    classes=st.lists(ANYTHING, min_size=2, max_size=3, unique=True),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.slow
def test_nothing_in_a_table_is_executed(check_of, names, words, classes):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({each: rng.choice(np.array(words, object), 60) for each in names})
    y = np.array([classes[i % len(classes)] for i in range(60)], object)
    model = ShoalClassifier(words=names, hidden=3, max_iter=2, dtype="float64").fit(X, y)
    assert check_of(model, "sql").difference <= 1e-9


@pytest.mark.parametrize("dialect", sorted(set(DIALECTS) - {"sqlite"}))
def test_other_databases_are_not_run(check_of, a_table, fitted, dialect):
    X = a_table().drop(columns='a "quoted" */ name\n')
    check = check_of(fitted("two", X), "sql", dialect=dialect)
    assert check.difference is None
    assert "another database" in str(check)


def in_sqlite(frame, query):
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        frame.to_sql("input", connection, index=False)
        return pd.read_sql(query, connection)


def in_duckdb(frame, query):
    with pytest.importorskip("duckdb").connect() as connection:
        connection.register("input", frame)
        return connection.execute(query).df()


@pytest.mark.parametrize(("dialect", "run"), [("sqlite", in_sqlite), ("duckdb", in_duckdb)])
def test_numbers_and_truth_values_are_the_categories_that_they_were(dialect, run, tmp_path):
    """3.0 of a database is the category 3, and its 1 of a truth value is true."""
    draw = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "whole": draw.choice([1, 2, 30], 200),
            "real": draw.choice([1.0, -2.0, 2.5, 300.0, np.nan], 200),
            "code": draw.choice(["1.0", "2.50", "x"], 200),  # text stays as it is
            "truth": draw.choice([True, False], 200),
        }
    )
    y = (X["real"].fillna(0) > 1) ^ X["truth"]
    model = ShoalClassifier(hidden=4, words=["whole", "real", "truth", "code"], dtype="float64", max_iter=9,
                            random_state=0).fit(X, y)  # fmt: skip
    model.export(tmp_path / "m.sql", dialect=dialect)
    found = run(X, (tmp_path / "m.sql").read_text("utf-8")).iloc[:, -1].astype(float)
    assert np.abs(found - model.predict_proba(X)[:, 1]).max() < 1e-9


@pytest.mark.parametrize(("dialect", "run"), [("sqlite", in_sqlite), ("duckdb", in_duckdb)])
def test_numbers_that_databases_write_otherwise_are_their_categories(dialect, run, tmp_path):
    """1e+20 is 100000000000000000000 as a category, and 0.1 + 0.2 has 17 digits."""
    draw = np.random.default_rng(0)
    X = pd.DataFrame({"n": draw.choice([1e20, -3e20, 1e16, 2e-7, 0.1 + 0.2, 1e15 + 0.5], 200)})
    y = X["n"] > 0.2
    settings = dict(hidden=4, words=["n"], dtype="float64", max_iter=9, random_state=0)
    model = ShoalClassifier(**settings).fit(X, y)
    model.export(tmp_path / "m.sql", dialect=dialect)
    found = run(X, (tmp_path / "m.sql").read_text("utf-8")).iloc[:, -1].astype(float)
    assert np.abs(found - model.predict_proba(X)[:, 1]).max() < 1e-9


@pytest.mark.parametrize("table", ["given", "x", "T", "o", "m", "k0", "w0", "prediction", "code"])
@pytest.mark.parametrize("dialect", ["sqlite", "duckdb"])
def test_a_table_may_have_any_name(dialect, table, tmp_path):
    """Also that of a step of the query, which SQLite calls a circular reference."""
    draw = np.random.default_rng(0)
    X = pd.DataFrame({"n": draw.normal(size=90), "w": draw.choice(["u", "v"], 90)})
    model = ShoalClassifier(hidden=2, max_iter=3, random_state=0).fit(X, draw.integers(0, 3, 90))
    model.export(tmp_path / "m.sql", dialect=dialect, table=table)
    query = (tmp_path / "m.sql").read_text("utf-8")
    if dialect == "sqlite":
        with contextlib.closing(sqlite3.connect(":memory:")) as connection:
            X.to_sql(table, connection, index=False)
            found = pd.read_sql(query, connection)
    else:
        with pytest.importorskip("duckdb").connect() as connection:
            connection.register(table, X)
            found = connection.execute(query).df()
    assert found.columns[3] == "prediction"
    assert np.abs(found.iloc[:, -3:].to_numpy(float) - model.predict_proba(X)).max() < 1e-5


@pytest.mark.parametrize("names", [["a", "A"], ["a", "Shoal_Row"]])
def test_columns_that_a_database_takes_for_each_other_are_refused(names, tmp_path):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=names)
    model = ShoalRegressor(hidden=2, max_iter=3, random_state=0).fit(X, X["a"])
    for dialect in ("sqlite", "duckdb"):
        with pytest.raises(SettingError, match=f"{dialect} cannot tell these columns apart"):
            model.export(tmp_path / "m.sql", dialect=dialect)
    model.export(tmp_path / "m.sql", dialect="postgres")

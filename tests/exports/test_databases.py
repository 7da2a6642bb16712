"""Law: in DuckDB and PostgreSQL as in SQLite, the SELECT of a model gives its predictions.

PostgreSQL is asked where SHOAL_POSTGRES is a connection string (`make test-exports`).
"""

import os

import numpy as np
import pytest

from shoal.network.activations import ACTIVATIONS

pytestmark = pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")
TOLERANCE = {"float32": 1e-5, "float64": 1e-9}
TABLE = 'my "rows"; --'
NAMES = {'a "quoted" */ name\n': "words; --'"}
KINDS = {"age": "double precision", "class": "double precision", "words; --'": "text",
         "when": "timestamp", "ok": "boolean"}  # fmt: skip


def duckdb_rows(frame, query):
    """The answers of DuckDB, which takes the frame as it is."""
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        connection.register(TABLE, frame)
        return connection.execute(query).fetchall()


def postgres_rows(frame, query):
    """The answers of a PostgreSQL server, in a session whose clock is not UTC."""
    if not os.environ.get("SHOAL_POSTGRES"):
        pytest.skip("SHOAL_POSTGRES names no server")
    psycopg = pytest.importorskip("psycopg")
    quoted = lambda name: '"' + name.replace('"', '""') + '"'  # noqa: E731
    columns = ", ".join(f"{quoted(name)} {KINDS[name]}" for name in frame)
    rows = frame.astype(object).where(frame.notna(), None)
    with psycopg.connect(os.environ["SHOAL_POSTGRES"]) as connection, connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'America/New_York'")
        cursor.execute(f"CREATE TEMPORARY TABLE {quoted(TABLE)} ({columns})")
        cursor.executemany(
            f"INSERT INTO {quoted(TABLE)} VALUES ({', '.join(['%s'] * len(frame.columns))})",
            [tuple(getattr(v, "to_pydatetime", lambda v=v: v)() for v in row)
             for row in rows.itertuples(index=False)],
        )  # fmt: skip
        answers = cursor.execute(query).fetchall()
        connection.rollback()
        return answers


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kind", ["two", "three", "labels", "numbers"])
@pytest.mark.parametrize("database", [duckdb_rows, postgres_rows])
def test_the_answers_are_those_of_the_model(a_table, fitted, tmp_path, database, kind, dtype):
    X = a_table().rename(columns=NAMES)
    X["words; --'"] = X["words; --'"].str.replace("\0", "")
    for activation in ACTIVATIONS:
        model = fitted(kind, X, activation=activation, hidden=9, members=2, dtype=dtype)
        dialect = database.__name__.removesuffix("_rows")
        (file,) = model.export(tmp_path / "m.sql", dialect=dialect, table=TABLE)
        expected = model.predict(X) if kind == "numbers" else model.predict_proba(X)
        rows = database(X, file.read_text("utf-8"))
        place = {size: i for i, size in enumerate(X["class"])}  # a database has no order of rows
        found = np.empty_like(expected)
        for row in rows:
            found[place[row[2]]] = row[-expected.shape[1] :]
        scale = expected.std(axis=0) if kind == "numbers" else 1
        assert (np.abs(found - expected) / scale).max() <= TOLERANCE[dtype]

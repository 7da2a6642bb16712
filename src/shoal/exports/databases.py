"""SQL: the export run in Python's SQLite on its golden rows."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.data.encode.encoding import Words
from shoal.exports.dialects import name
from shoal.exports.model import Model

OLDEST = (3, 35, 0)  # MATERIALIZED, and mathematical functions


def unusable() -> str:
    """Why Python's SQLite cannot run an export; empty when it can."""
    if sqlite3.sqlite_version_info < OLDEST:
        return f"SQLite is {sqlite3.sqlite_version}, and 3.35 is needed"
    try:
        sqlite3.connect(":memory:").execute("SELECT exp(1.0), floor(1.0)").close()
    except sqlite3.OperationalError:
        return "SQLite was compiled without mathematical functions"
    return ""


def golden_of_sql(model: Model, texts: Mapping[Path, bytes]) -> NDArray[np.float64]:
    """The predictions for the golden rows. Raises RuntimeError when the query fails."""
    (query,) = texts.values()
    n = model.golden.answers.shape[1]
    connection = sqlite3.connect(":memory:")
    try:
        fill(connection, model, "input")
        found = [row[-n:] for row in connection.execute(query.decode())]
    except sqlite3.Error as error:
        raise RuntimeError(str(error)) from None
    finally:
        connection.close()
    return np.array(found, np.float64)


def fill(connection: sqlite3.Connection, model: Model, table: str) -> None:
    """A table with the golden rows; times are seconds in it."""
    columns = [placed.plan for placed in model.placed]
    kinds = [f"{name(c.name)} {'TEXT' if isinstance(c, Words) else 'REAL'}" for c in columns]
    connection.execute(f"CREATE TABLE {name(table)} ({', '.join(kinds) or 'unused'})")
    for row in model.golden.rows:
        cells = [row[column.name] for column in columns] or [None]
        connection.execute(
            f"INSERT INTO {name(table)} VALUES ({', '.join('?' * len(cells))})", cells
        )

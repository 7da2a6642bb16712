"""What SQLite and DuckDB share: which table is read, and how a query is quoted."""

from collections.abc import Sequence

from shoal.data.read.file_options import FileOptions
from shoal.data.read.messages import unknown
from shoal.errors import DataError, Setting, SettingError, wording

MOST_SHOWN = 10  # tables


def query_of(options: FileOptions, tables: Sequence[str], file: str) -> str:
    """The query that is asked for, or that of all rows of a table. Raises DataError or SettingError."""
    if options.query is not None:
        return options.query
    name = options.table_name or _only(tables, file)
    if name not in tables:
        raise SettingError(unknown("table", name, tables), file=file, setting="table_name")
    quoted = name.replace('"', '""')
    return f'SELECT * FROM "{quoted}"'


def _only(tables: Sequence[str], file: str) -> str:
    if not tables:
        raise DataError(
            wording(
                "the database has no table, unless in a schema with a name. ", Setting("query"),
                " reads from any.",
            ),
            file=file,
        )  # fmt: skip
    if len(tables) > 1:
        listed = ", ".join(tables[:MOST_SHOWN]) + (", …" if len(tables) > MOST_SHOWN else "")
        raise SettingError(
            wording(
                f"the database has {len(tables):,} tables: {listed}. Choose one with ",
                Setting("table_name", tables[0]), ", or give a ", Setting("query"), ".",
            ),
            file=file, setting="table_name",
        )  # fmt: skip
    return tables[0]


def not_a_reading(file: str, found: str) -> SettingError:
    """The error for a query that does something else than read."""
    return SettingError(
        wording(Setting("query"), f": {found}. Expected one SELECT: the database is only read."),
        file=file, setting="query",
    )  # fmt: skip


def failed(file: str, error: Exception) -> SettingError:
    """The error for a query that the database refuses."""
    reason = str(error).partition("\n")[0].rstrip(".")
    return SettingError(
        wording(Setting("query"), f": the database says: {reason}. Correct the query."),
        file=file, setting="query",
    )  # fmt: skip

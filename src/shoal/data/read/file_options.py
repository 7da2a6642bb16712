"""How files are to be read, where the caller knows better than what their bytes show."""

import codecs
import io
from dataclasses import dataclass
from typing import Any, NamedTuple

from shoal.errors import Setting, SettingError, wording

OF_NAMES = ("idna", "punycode")  # encodings of the names of hosts, and of no text
NAMED = {"tab": "\t", "\\t": "\t", "space": " "}  # separators that are hard to type in a shell


class FileOptions(NamedTuple):
    """What the caller says of the files; None is decided from their content."""

    separator: str | None = None  # between the values of CSV: one character
    encoding: str | None = None  # of CSV and JSON: a name that Python knows
    sheet: str | None = None  # of a spreadsheet: its name
    table_name: str | None = None  # of a database
    query: str | None = None  # of a database: SQL that reads

    def checked(self) -> "FileOptions":
        """The same, with a separator by name as its character. Raises SettingError."""
        separator = None if self.separator is None else _separator(self.separator)
        if self.encoding is not None:
            _check_encoding(self.encoding)
        if self.table_name is not None and self.query is not None:
            raise SettingError(
                wording("expected one of ", Setting("table_name"), " and ", Setting("query"),
                        ", found both. Choose one."),
                setting="query",
            )  # fmt: skip
        return self._replace(separator=separator)

    def check_used(self, kind: str, used: tuple[str, ...], file: str) -> None:
        """Raise SettingError for an option that files of this format do not have."""
        for name, value in zip(self._fields, self, strict=True):
            if value is not None and name not in used:
                raise SettingError(
                    wording(Setting(name, value), f": the file is {kind}, which has no such ",
                            "option. Leave it out."),
                    file=file, setting=name,
                )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Options:
    """The options of `Files`, which are those of the command line."""

    separator: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    table_name: str | None = None
    query: str | None = None


@dataclass(frozen=True)
class Files(_Options):
    """Files for `fit`, with how they are read where their content does not show it.

    Parameters
    ----------
    paths : str or path-like, or a list of these
        A file, several, a folder, or a glob.
    separator : str, optional
        What stands between the values of CSV: one character. Found in the first rows by default.
    encoding : str, optional
        The encoding of CSV and JSON, such as "latin-1". UTF-8 by default, or what a byte order mark
        says.
    sheet : str, optional
        The sheet of a spreadsheet. The first that is not empty by default.
    table_name : str, optional
        The table of a database (SQLite, DuckDB). The only one by default.
    query : str, optional
        A SELECT of a database, in place of `table_name`. Its order is the order of the rows.

    Examples
    --------
    >>> import shoal
    >>> files = shoal.Files("sales.xlsx", sheet="2019")  # model.fit(files, "sold")
    >>> files.options.sheet
    '2019'
    """

    paths: Any

    @property
    def options(self) -> FileOptions:
        """The options without the paths."""
        return FileOptions(*(getattr(self, name) for name in FileOptions._fields))


def _separator(given: str) -> str:
    separator = NAMED.get(given, given)
    if len(separator) != 1 or not separator.isascii() or separator in '"\r\n\0':
        raise SettingError.of(
            "separator", given, 'expected one ASCII character such as ";", or "tab" or "space".'
        )
    return separator


def _check_encoding(name: str) -> None:
    try:
        io.TextIOWrapper(io.BytesIO(), name)  # which takes encodings of text alone
        if codecs.lookup(name).name in OF_NAMES:
            raise LookupError
    except (LookupError, ValueError):  # (a name with a null character is a ValueError)
        raise SettingError.of(
            "encoding", name, "expected the name of an encoding, such as latin-1, cp1252 or utf-16."
        ) from None

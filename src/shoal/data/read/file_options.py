"""How files are to be read, where the caller knows better than what their bytes show."""

from typing import NamedTuple

from shoal.errors import Setting, SettingError, wording

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


def _separator(given: str) -> str:
    separator = NAMED.get(given, given)
    if len(separator) != 1 or not separator.isascii() or separator in '"\r\n\0':
        raise SettingError.of(
            "separator", given, 'expected one ASCII character such as ";", or "tab" or "space".'
        )
    return separator


def _check_encoding(name: str) -> None:
    try:
        b"".decode(name)
    except (LookupError, ValueError):  # (a name with a null character is a ValueError)
        raise SettingError.of(
            "encoding", name, "expected the name of an encoding, such as latin-1, cp1252 or utf-16."
        ) from None

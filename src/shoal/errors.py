"""The errors that shoal raises, and its warning.

    ShoalError
    ├── SettingError      (ValueError)   a parameter or an option has a value that is not allowed
    │   └── MemoryRefused (MemoryError)  … because it would need more memory than is available
    ├── DataError         (ValueError)   a table, a column or an array cannot be used
    │   └── DataTypeError (TypeError)    … because a value is of a type that no column can have
    ├── ModelFileError    (ValueError)   a .shoal file is damaged, or was written by something else
    ├── FileError         (OSError)      a file cannot be read or written
    └── ClusterError      (RuntimeError) a cluster has no scheduler, no worker, or no memory

    ShoalWarning          (UserWarning)  the call ended, but not as expected

Every message says what was expected, what was found, and what to do. Where it is about a place
in a file, or about a parameter, the error carries these as attributes; `str(error)` puts the place
in front of the message. A message that names parameters is a `Wording` (see `wording.py`), so
that the command line can print them as options. The command line ends with 2 after a SettingError (the
call is wrong) and with 1 after all others (the data or the model is).
"""

from typing import Any, Self

from shoal.wording import Setting, Wording, wording

PLACES = ("file", "row", "line", "column")


class ShoalError(Exception):
    """The parent of every error that shoal raises on purpose.

    Parameters
    ----------
    message : str
        What was expected, what was found, and what to do; without the place.
    file : str, optional
        The file, as the caller named it.
    row : int, optional
        The row of the table, counted from 1 without the header.
    line : int, optional
        The line of the file, counted from 1.
    column : str, optional
        The name of the column.
    setting : str, optional
        The parameter that the error is about.
    """

    def __init__(
        self,
        message: str = "",
        *,
        file: str | None = None,
        row: int | None = None,
        line: int | None = None,
        column: str | None = None,
        setting: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file, self.row, self.line, self.column = file, row, line, column
        self.setting = setting

    def __str__(self) -> str:
        return self.wording

    @property
    def wording(self) -> str:
        """The place, then the message; a `Wording` if the message is one."""
        place = ", ".join(part for part in self._place() if part)
        return wording(f"{place}: ", self.message) if place else self.message

    def _place(self) -> list[str]:
        row = "" if self.row is None else f"row {self.row:,}"
        if row and self.line is not None:
            row += f" (line {self.line:,})"
        elif self.line is not None:
            row = f"line {self.line:,}"
        return [self.file or "", row, "" if self.column is None else f'column "{self.column}"']

    def at(self, **place: Any) -> Self:
        """The same error at another place: `file`, `row`, `line` or `column` are replaced."""
        kept = {name: getattr(self, name) for name in (*PLACES, "setting")}
        moved = type(self)(self.message, **(kept | place))
        moved.__cause__, moved.__suppress_context__ = self.__cause__, True
        return moved


class SettingError(ShoalError, ValueError):
    """A parameter or an option has a value that is not allowed."""

    @classmethod
    def of(cls, name: str, value: Any, *expected: str | Setting) -> Self:
        """The error for one parameter: its name and value, then what was expected."""
        return cls(wording(Setting(name, value), ": ", *expected), setting=name)


class MemoryRefused(SettingError, MemoryError):
    """A setting would need more memory than is available; nothing was allocated."""


class DataError(ShoalError, ValueError):
    """A table, a column or an array cannot be used."""


class DataTypeError(DataError, TypeError):
    """A value is of a type that no column can have."""


class ModelFileError(ShoalError, ValueError):
    """A model file is damaged, or was written by something else."""


class FileError(ShoalError, OSError):
    """A file cannot be read or written."""


class ClusterError(ShoalError, RuntimeError):
    """A cluster cannot go on: no scheduler, no worker, or no worker with enough memory."""


class ShoalWarning(UserWarning):
    """The call ended, but not as expected: the message says why and what to change."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.wording = message


__all__ = [
    "ClusterError",
    "DataError",
    "DataTypeError",
    "FileError",
    "MemoryRefused",
    "ModelFileError",
    "Setting",
    "SettingError",
    "ShoalError",
    "ShoalWarning",
    "Wording",
    "wording",
]

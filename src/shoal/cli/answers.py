"""How every command ends: its exit code, its errors, its interruption.

0 done   1 the data or the model is bad   2 the call is bad   130 interrupted   143 terminated
"""

import functools
import json
import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import typer
from rich.console import Console

from shoal.errors import SettingError, ShoalError, ShoalWarning

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

F = TypeVar("F", bound=Callable[..., Any])


class Terminated(KeyboardInterrupt):
    """SIGTERM came: like Ctrl-C, but from a program."""


def answering(command: F) -> F:
    """Give a command the exit codes above; an error is one line, and no traceback."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        signal.signal(signal.SIGTERM, _terminate)
        warnings.showwarning = _show_warning
        try:
            return command(*args, **kwargs)
        except ShoalError as error:
            fail(str(error), 2 if isinstance(error, SettingError) else 1)
        except MemoryError:
            fail("there is not enough memory for this. Use fewer rows, or a smaller --hidden.", 1)
        except KeyboardInterrupt as interruption:
            fail("interrupted: nothing was written.", exit_code(interruption))
        except BrokenPipeError:  # the reader of our output has gone: nobody is left to tell
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None

    return run  # type: ignore[return-value]


def exit_code(interruption: BaseException | None) -> int:
    """130 after Ctrl-C, 143 after SIGTERM, 0 when there was no interruption."""
    if interruption is None:
        return 0
    return 143 if isinstance(interruption, Terminated) else 130


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong on standard error, and end."""
    err.print("[bold red]error[/]", end=" ")
    err.print(message, markup=False)
    raise typer.Exit(code)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=_plain, allow_nan=False))


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def _terminate(*_: Any) -> None:
    raise Terminated


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, ShoalWarning):
        err.print("[bold yellow]note[/]", end=" ")
        err.print(str(message), markup=False)

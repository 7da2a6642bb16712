"""How a command ends: its exit code, and the last message on standard error."""

import functools
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, ParamSpec, TypeVar

import typer

from shoal.cli.screen.printing import note, say
from shoal.cli.signals import Terminated
from shoal.errors import SettingError, ShoalError, ShoalWarning

BAD_DATA, BAD_CALL, INTERRUPTED, TERMINATED = 1, 2, 130, 143

P = ParamSpec("P")
R = TypeVar("R")


def ending(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command these exit codes; an error is one message, without a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with _warnings():
                result = command(*args, **kwargs)
                sys.stdout.flush()  # a failure can still be reported here
                return result
        except ShoalError as error:
            fail(error.wording, BAD_CALL if isinstance(error, SettingError) else BAD_DATA)
        except MemoryError:
            fail("there is not enough memory for this. Use fewer rows, or a smaller --hidden.")
        except KeyboardInterrupt as interruption:
            end(interruption, "no file was written.")
        except OSError as error:
            raise typer.Exit(not_written(error)) from None

    return run


def exit_code(interruption: BaseException | None) -> int:
    """130 after Ctrl-C, 143 after SIGTERM or SIGHUP, 0 when there was no interruption."""
    if interruption is None:
        return 0
    return TERMINATED if isinstance(interruption, Terminated) else INTERRUPTED


def fail(message: str, code: int = BAD_DATA) -> NoReturn:
    """Print what is wrong on standard error, and end."""
    say("error:", "bold red", message)
    raise typer.Exit(code)


def end(interruption: BaseException, message: str) -> NoReturn:
    """Print on standard error what was done before an interruption, and end."""
    word = "terminated:" if isinstance(interruption, Terminated) else "interrupted:"
    say(word, "bold yellow", message)
    raise typer.Exit(exit_code(interruption))


def bad_call(error: Any) -> int:
    """Print an error of typer's on standard error, with where to find help."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "shoal"
    message = f"{error.format_message().rstrip('.')}.".replace("?.", "?")
    say("error:", "bold red", f"{message} See: {path} --help")
    return BAD_CALL


def not_written(error: OSError) -> int:
    """The exit code when standard output failed; no message if its reader has closed it."""
    if not isinstance(error, BrokenPipeError):
        reason = error.strerror or str(error)
        say("error:", "bold red", f"standard output cannot be written: {reason}.")
    return BAD_DATA


@contextmanager
def _warnings() -> Iterator[None]:
    """Print shoal's warnings as notes, each once, and ignore those of libraries."""
    printed: set[str] = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        if str(message) not in printed:
            printed.add(str(message))
            note(getattr(message, "wording", str(message)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ShoalWarning)
        # The command reports it too, and where the network is.
        warnings.filterwarnings("ignore", "training was interrupted", ShoalWarning)
        warnings.showwarning = show
        yield

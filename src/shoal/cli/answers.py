"""How the program ends: its exit code, its errors, its interruptions.

0 done   1 the data or the model is bad   2 the call is bad   130 interrupted   143 terminated
"""

import functools
import io
import json
import math
import os
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, ParamSpec, TypeVar

import typer
from rich.console import Console

from shoal.errors import SettingError, ShoalError, ShoalWarning

BAD_DATA, BAD_CALL, INTERRUPTED, TERMINATED = 1, 2, 130, 143

# Who presses Ctrl-C once may press it twice: for so many seconds the second one is not heard.
PATIENCE = 2.0

P = ParamSpec("P")
R = TypeVar("R")


class _Told:
    """Standard error, whoever it is now; when it cannot be written, the work goes on."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


_told: Any = _Told()
# A file may be called "[red].csv" or "a:x:b.csv": nothing is markup, nothing an emoji.
err = Console(file=_told, markup=False, emoji=False, highlight=False, soft_wrap=True)


class Terminated(KeyboardInterrupt):
    """SIGTERM came: like Ctrl-C, but from a program."""


def answered(arguments: Sequence[str] | None) -> int:
    """Run the program: every way in which it can end becomes an exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with _signals(for_good=arguments is None), _streams():
        try:
            from shoal.cli.app import app

            code = app(given or ["--help"], prog_name="shoal", standalone_mode=False) or 0
            return int(code) if given else BAD_CALL
        except KeyboardInterrupt as interruption:
            return exit_code(interruption)
        except OSError as error:  # of --help: a command answers for itself
            return _unheard(error)
        except Exception as error:
            if not hasattr(error, "format_message"):  # typer's own, of a call that is bad
                raise
            return _bad_call(error)


def answering(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command the exit codes above; an error is one line, and no traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with _warnings():
                result = command(*args, **kwargs)
                sys.stdout.flush()  # here it can still be told that nobody got it
                return result
        except ShoalError as error:
            bad_call = isinstance(error, SettingError)
            fail(in_options(str(error)) if bad_call else str(error), 1 + bad_call)
        except MemoryError:
            fail("there is not enough memory for this. Use fewer rows, or a smaller --hidden.")
        except KeyboardInterrupt as interruption:
            end(interruption, "no file was written.")
        except OSError as error:
            raise typer.Exit(_unheard(error)) from None

    return run


def exit_code(interruption: BaseException | None) -> int:
    """130 after Ctrl-C, 143 after SIGTERM, 0 when there was no interruption."""
    if interruption is None:
        return 0
    return TERMINATED if isinstance(interruption, Terminated) else INTERRUPTED


def fail(message: str, code: int = BAD_DATA) -> NoReturn:
    """Say what is wrong on standard error, and end."""
    _tell("error:", "bold red", message)
    raise typer.Exit(code)


def end(interruption: BaseException, message: str) -> NoReturn:
    """Say on standard error how far it came, and end."""
    word = "terminated:" if isinstance(interruption, Terminated) else "interrupted:"
    _tell(word, "bold yellow", message)
    raise typer.Exit(exit_code(interruption))


def note(message: str) -> None:
    """Say on standard error what somebody should know."""
    _tell("note:", "bold yellow", message)


def print_json(value: Any) -> None:
    """One JSON document on standard output; what is no finite number is null."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(_finite(value), indent=2, ensure_ascii=not unicode, allow_nan=False)
    sys.stdout.write(text + "\n")


def in_options(message: str) -> str:
    """The message with the names of options in place of Python's parameters.

    >>> in_options("hidden=-1: expected a whole number from 0 on.")
    '--hidden -1: expected a whole number from 0 on.'
    """
    from shoal.cli.settings import OPTIONS

    names = "|".join(OPTIONS)
    return re.sub(rf"\b({names})=", lambda found: f"{OPTIONS[found[1]]} ", message)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let nobody interrupt for a moment."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


@contextmanager
def _signals(for_good: bool = False) -> Iterator[None]:
    """Raise for Ctrl-C and SIGTERM, but not twice while the first is being answered.

    `for_good`: the program ends with the block, and from there on a signal just ends it.
    """
    latest = -PATIENCE

    def interrupt(number: int, _: Any) -> None:
        nonlocal latest
        if time.monotonic() - latest >= PATIENCE:
            latest = time.monotonic()
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

    def again(dropped: Any) -> None:
        # Python drops what is raised in a callback, such as those of its own imports.
        nonlocal latest
        if not isinstance(dropped.exc_value, KeyboardInterrupt):
            return hook(dropped)
        latest = -PATIENCE
        number = signal.SIGTERM if isinstance(dropped.exc_value, Terminated) else signal.SIGINT
        later = threading.Timer(0.01, os.kill, (os.getpid(), number))
        later.daemon = True
        later.start()

    hook, sys.unraisablehook = sys.unraisablehook, again
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # as for a job in the background
                signal.signal(number, interrupt)
        yield
    finally:
        for number, handler in before.items():
            ends = for_good and handler is not signal.SIG_IGN
            signal.signal(number, signal.SIG_DFL if ends else handler or signal.SIG_DFL)
        sys.unraisablehook = hook


@contextmanager
def _streams() -> Iterator[None]:
    """Any text can be printed, and a reader who has gone is not told so at the end."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # the caller has closed it
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        except OSError:  # what Python would say of it when it ends helps nobody
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ShoalWarning)
        # The command says it too, and where the network is.
        warnings.filterwarnings("ignore", "training was interrupted", ShoalWarning)
        warnings.showwarning = lambda message, *_: note(in_options(str(message)))
        yield


def _bad_call(error: Any) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "shoal"
    message = re.sub(r"\.?$", ".", error.format_message()).replace("?.", "?")
    _tell("error:", "bold red", f"{message} See: {path} --help")
    return BAD_CALL


def _unheard(error: OSError) -> int:
    """The exit code when standard output failed. A reader who has gone is not missed."""
    if not isinstance(error, BrokenPipeError):
        reason = error.strerror or str(error)
        _tell("error:", "bold red", f"standard output cannot be written: {reason}.")
    return BAD_DATA


def _tell(word: str, style: str, message: str) -> None:
    err.print(word, style=style, end=" ")
    err.print(message)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "item"):  # NumPy's
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""Signals that end the program, as exceptions: Ctrl-C, SIGTERM and SIGHUP."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# SIGHUP (the terminal was closed) is handled like SIGTERM. Windows does not have it.
HANDLED = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
# Ctrl-C is often pressed twice: a second signal within this many seconds is ignored.
PATIENCE = 2.0


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP was received: like Ctrl-C, but sent by a program."""


@contextmanager
def raised(for_good: bool = False) -> Iterator[None]:
    """Raise KeyboardInterrupt for Ctrl-C and Terminated for the others, once in `PATIENCE`.

    `for_good`: the program ends with the block; afterwards a signal simply ends it.
    """
    latest = -PATIENCE

    def interrupt(number: int, _: Any) -> None:
        nonlocal latest
        if time.monotonic() - latest >= PATIENCE:
            latest = time.monotonic()
            raise KeyboardInterrupt if number == signal.SIGINT else Terminated

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
    before = {number: signal.getsignal(number) for number in HANDLED}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # as for a job in the background, or with nohup
                signal.signal(number, interrupt)
        yield
    finally:
        for number, handler in before.items():
            ends = for_good and handler is not signal.SIG_IGN
            signal.signal(number, signal.SIG_DFL if ends else handler or signal.SIG_DFL)
        sys.unraisablehook = hook


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore these signals for a moment."""
    before = {number: signal.getsignal(number) for number in HANDLED}
    try:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)

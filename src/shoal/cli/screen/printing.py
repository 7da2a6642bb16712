"""The printing edge: every text for people passes `printable` on its way out."""

import json
import math
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from rich.console import Console

from shoal.cli.typed import as_option
from shoal.wording import reworded

# Control characters but \n and \t, and those that change the direction of text. A name in a table
# or a model file may hold them, and a terminal would obey.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class _StandardError:
    """Standard error as it is at the moment; the work goes on when it cannot be written."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


_stream: Any = _StandardError()
# A file may be called "[red].csv" or "a:x:b.csv": nothing is markup, nothing an emoji.
err = Console(file=_stream, markup=False, emoji=False, highlight=False, soft_wrap=True)


def printable(message: str) -> str:
    r"""The message with options in place of parameters, and control characters made visible.

    >>> from shoal.wording import Setting, wording
    >>> print(printable(wording("Use ", Setting("learning_rate", 0.01), " for \x1b[2J")))
    Use --learning-rate 0.01 for \x1b[2J
    """
    return _CONTROL.sub(_escaped, reworded(message, as_option))


def one_line(message: str) -> str:
    """The same for a text without line breaks: a name with one must not look like another line."""
    return printable(message).replace("\n", "\\n")


def say(word: str, style: str, message: str) -> None:
    """A word in colour and a message, on standard error."""
    err.print(word, style=style, end=" ")
    err.print(printable(message))


def note(message: str) -> None:
    """What the caller should know, on standard error."""
    say("note:", "bold yellow", message)


def report_news(lines: Sequence[str]) -> None:
    """What is new in rows that a model has not seen."""
    for line in lines:
        note(f"the rows differ from those of the training: {line}.")


def print_json(value: Any) -> None:
    """One JSON document on standard output; a number that is not finite is null."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(_finite(value), indent=2, ensure_ascii=not unicode, allow_nan=False)
    # JSON escapes most control characters, and allows that the others are.
    sys.stdout.write(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "item"):  # NumPy's
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""Messages that name parameters: the same message for Python and for the command line.

    >>> message = wording("Use ", Setting("learning_rate", 0.01), ", or drop the column.")
    >>> print(message)
    Use learning_rate=0.01, or drop the column.
    >>> reworded(message, lambda s: f"--{s.name.replace('_', '-')} {s.value}")
    'Use --learning-rate 0.01, or drop the column.'

A `Wording` is a str in Python's words. Whoever prints it elsewhere chooses other words for its
parameters; the rest of the text is never searched or changed.
"""

import reprlib
from collections.abc import Callable
from typing import Any, NamedTuple

NOTHING: Any = object()  # no value: the parameter itself is meant


class Setting(NamedTuple):
    """A parameter, or a parameter with a value, in a message."""

    name: str
    value: Any = NOTHING

    def __str__(self) -> str:
        if self.value is NOTHING:
            return self.name
        return f"{self.name}={shown(self.value)}"


class Wording(str):
    """A message in Python's words that knows which of its parts are parameters."""

    parts: tuple[str | Setting, ...]

    def __reduce__(self) -> Any:
        return wording, self.parts


def wording(*parts: str | Setting) -> Wording:
    """Join text and parameters to a message; a part may be a message itself."""
    flat: list[str | Setting] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Wording) else [part])
    whole = Wording("".join(str(part) for part in flat))
    whole.parts = tuple(flat)
    return whole


def parts_of(message: str) -> list[Any]:
    """The parts as plain data: text, and parameters as [name] or [name, value]."""
    parts = message.parts if isinstance(message, Wording) else (message,)
    return [
        part if isinstance(part, str)
        else [part.name] if part.value is NOTHING
        else [part.name, part.value]
        for part in parts
    ]  # fmt: skip


def from_parts(parts: list[Any]) -> Wording:
    """The inverse of `parts_of`."""
    return wording(*(part if isinstance(part, str) else Setting(*part) for part in parts))


def reworded(message: str, shown_as: Callable[[Setting], str]) -> str:
    """The message with its parameters in other words."""
    parts = message.parts if isinstance(message, Wording) else (message,)
    return "".join(shown_as(part) if isinstance(part, Setting) else part for part in parts)


def shown(value: Any) -> str:
    """A value as Python would write it, text in double quotes, cut when it is long."""
    if isinstance(value, str):
        text = value if len(value) <= MOST else f"{value[:MOST]}…"
        return f'"{text}"' if '"' not in text else repr(text)
    if hasattr(value, "item") and not getattr(value, "shape", (1,)):
        value = value.item()  # a number of NumPy's, without its type
    return _short.repr(value)


MOST = 80  # characters of a value
_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = MOST

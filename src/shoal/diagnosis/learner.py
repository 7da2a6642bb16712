"""A learner's own function: how it is called, how its answer is read, what became of what it was given.

It is given dictionaries, as in the lecture's exercises, whose entries are attributes too. A function
that takes them apart like tuples is given shoal's own named tuples. Whatever it raises is its own.
"""

import linecache
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

_ASSIGNED = re.compile(r"""\b(d[ZW][12]|db[12]|[WbZA][12])\b["'\])]*\s*[-+*/@]?=(?!=)""")


class Raised(NamedTuple):
    """What a learner's function raised, and where."""

    kind: str  # the name of the exception's class
    text: str
    line: int  # in the learner's file; 0 if it was not in the function
    source: str  # that line
    assigns: str  # the array that the line computes; "" if unknown


class Located(Exception):
    """What a function raises that is read and not run by Python: it knows its line itself."""

    def __init__(self, raised: Raised) -> None:
        super().__init__(raised.text)
        self.raised = raised


class Called(NamedTuple):
    """One call: the arrays that were found, and all that was unusual."""

    found: dict[str, Array]
    names: tuple[str, ...] | None  # what the answer has; None if it was None
    no_numbers: tuple[str, ...]  # entries that are no arrays of numbers
    changed: dict[str, Array]  # what it was given and changed in place, as it left it
    raised: Raised | None


class Entries(dict[str, Any]):
    """A dictionary whose entries are attributes too, and which knows that it was taken apart."""

    taken_apart = False

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __iter__(self) -> Any:
        self.taken_apart = True
        return super().__iter__()


def call(
    function: Callable[..., Any],
    given: Mapping[str, Any],
    fields: Sequence[str],
    truth: Sequence[Array],
) -> Called:
    """Call it with copies of `given` (named tuples, arrays, numbers); look for `fields` in the answer."""
    arguments = {name: _entries(value) for name, value in given.items()}
    called = _call(function, given, arguments, fields, truth)
    apart = {n for n, V in arguments.items() if isinstance(V, Entries) and V.taken_apart}
    if called.raised is None or not apart:
        return called
    others = {n: _copied(V) if n in apart else _entries(V) for n, V in given.items()}
    again = _call(function, given, others, fields, truth)
    further = again.raised is None or again.raised.line > called.raised.line
    return again if further else called


def _call(
    function: Callable[..., Any],
    given: Mapping[str, Any],
    arguments: Mapping[str, Any],
    fields: Sequence[str],
    truth: Sequence[Array],
) -> Called:
    try:
        with np.errstate(all="ignore"):  # numbers that are none are reported below
            answer = function(*arguments.values())
    except Exception as error:
        return Called({}, None, (), {}, _raised(error, function))
    changed = _changed(given, arguments)
    named = _named(answer, fields, truth)
    found: dict[str, Array] = {}
    no_numbers = []
    for name, value in named.items():
        if name in fields and value is not None:
            try:
                found[name] = np.asarray(value, np.float64)
            except (TypeError, ValueError):
                no_numbers.append(name)
    names = None if answer is None else tuple(map(str, named))
    return Called(found, names, tuple(no_numbers), changed, None)


def _entries(value: Any) -> Any:
    if isinstance(value, tuple):
        return Entries(_copied(value)._asdict())
    return _copied(value)


def _copied(value: Any) -> Any:
    if isinstance(value, tuple):
        return type(value)(*map(np.copy, value))
    return np.copy(value) if isinstance(value, np.ndarray) else value


def _changed(given: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Array]:
    """The arrays that are not what they were."""
    changed = {}
    for name, before in given.items():
        after = arguments[name]
        if isinstance(before, tuple):
            pairs = [
                (field, getattr(before, field), _get(after, field)) for field in before._fields  # type: ignore[attr-defined]
            ]  # fmt: skip
        else:
            pairs = [(name, before, after)]
        for field, V, W in pairs:
            if isinstance(V, np.ndarray) and not (
                isinstance(W, np.ndarray) and np.array_equal(V, W)
            ):
                changed[field] = W
    return changed


def _get(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, dict) else getattr(holder, name)


def _named(answer: Any, fields: Sequence[str], truth: Sequence[Array]) -> dict[str, Any]:
    """The entries of an answer by their names: of a mapping, of attributes, or in order."""
    if answer is None:
        return {}
    if isinstance(answer, Mapping):
        return dict(answer)
    there = [name for name in fields if hasattr(answer, name)]
    if there:
        return {name: getattr(answer, name) for name in there}
    if not isinstance(answer, tuple | list):
        return {}
    # Six gradients may come in the order in which they are computed.
    orders: list[tuple[str, ...]] = [tuple(fields[: len(answer)])]
    if len(fields) == 6 and len(answer) == 6:
        orders.append(("dZ2", "dW2", "db2", "dZ1", "dW1", "db1"))
    shapes = dict(zip(fields, [V.shape for V in truth], strict=False))

    def fitting(order: tuple[str, ...]) -> int:
        return sum(np.shape(V) == shapes[n] for n, V in zip(order, answer, strict=False))

    best = orders[0] if len(orders) == 1 or fitting(orders[0]) >= fitting(orders[1]) else orders[1]
    return dict(zip(best, answer, strict=False))


def assigned_in(source: str) -> str:
    """The array that a line computes; "" if unknown."""
    assigned = _ASSIGNED.search(source)
    return assigned[1] if assigned else ""


def _raised(error: Exception, function: Callable[..., Any]) -> Raised:
    if isinstance(error, Located):
        return error.raised
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    frames = traceback.extract_tb(error.__traceback__)[1:]  # without the one that calls
    own = [frame for frame in frames if frame.filename == file] if file else frames[:1]
    text = str(error).partition("\n")[0]
    if not own:
        return Raised(type(error).__name__, text, 0, "", "")
    line = own[-1].lineno or 0
    source = linecache.getline(own[-1].filename, line).strip()
    return Raised(type(error).__name__, text, line, source, assigned_in(source))

"""Options as they are typed: in messages, and in the command that repeats a training."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import PurePath
from typing import Annotated, Any, get_args, get_origin

from shoal.checks import MOST_LISTED
from shoal.cli.options import TRAINED, Interval, Order, Reasons, Study
from shoal.data.read.messages import shown as shown_file
from shoal.data.read.source import several
from shoal.settings import FIELDS
from shoal.wording import MOST, NOTHING, Setting, shown


def _options() -> dict[str, str]:
    """Of what a message may name, the option."""
    named = {name: field.option for name, field in FIELDS.items() if field.option}
    named["interval"] = str(get_args(Interval)[1].default)  # of `shoal predict`
    for field in (*fields(Order), *fields(Study), *fields(Reasons)):
        if field.name not in named and get_origin(field.type) is Annotated:
            option = str(get_args(field.type)[1].default)  # where typer keeps the first name
            named |= {field.name: option} if option.startswith("--") else {}
    return named


OPTIONS = _options()
# What says where the training ran, not what was asked for.
_LOCAL = {"tables", "output", "report", "explain", "save_config", "as_json", "resume"}
_LOCAL |= {name for name, field in FIELDS.items() if not field.kept}


def as_option(setting: Setting) -> str:
    """A parameter of a message as the command line has it.

    >>> as_option(Setting("learning_rate", 0.01)), as_option(Setting("words", ["city", "day"]))
    ('--learning-rate 0.01', '--words city --words day')
    >>> as_option(Setting("early_stopping", False))
    'early_stopping=False (in Python)'
    """
    name, value = setting
    if name not in OPTIONS or value is None or value is False:
        return f"{setting} (in Python)"
    if value is NOTHING or value is True:
        return OPTIONS[name]
    several = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
    more = " …" if len(several) > MOST_LISTED else ""
    return " ".join(f"{OPTIONS[name]} {_typed(one)}" for one in several[:MOST_LISTED]) + more


def _typed(value: Any) -> str:
    """A value as it is typed in a shell, cut when it is long."""
    if not isinstance(value, str):
        return shown(value)
    return shlex.quote(value if len(value) <= MOST else f"{value[:MOST]}…")


def arguments(order: Order, parameters: Mapping[str, Any]) -> list[str]:
    """The arguments that ask for the same again, without folders: how to repeat a training.

    >>> order = Order(tables=("data/flights.csv",), target="late")
    >>> arguments(order, TRAINED | {"hidden": 8})
    ['flights.csv', '--target', 'late', '--hidden', '8', '--seed', '0']
    """
    given = [file_name(table) or "-" for table in order.tables]
    usual = {field.name: field.default for field in fields(order)} | TRAINED
    for name, value in (vars(order) | dict(parameters)).items():
        if name in _LOCAL or (value == usual[name] and name != "random_state"):
            continue
        if value is True:
            given.append(OPTIONS[name])
            continue
        for one in value if isinstance(value, tuple) else (value,):
            given += [OPTIONS[name], file_name(one) if name == "test" else str(one)]
    return given


def named(tables: Sequence[str]) -> str:
    """What messages call several tables."""
    return several(shown_file(table) for table in tables)


def file_name(path: str) -> str:
    """The name without its folders; "" for standard input."""
    return "" if path == "-" else PurePath(path).name

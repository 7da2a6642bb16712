"""The options of a training as a TOML file: `--config train.toml`, written by `--save-config`.

    tables = ["flights.csv"]
    target = "late"
    learning-rate = 0.01
    drop = ["flight", "tailnum"]

Names are those of the options without hyphens in front; `tables` are the arguments. What stands on
the command line replaces what the file says.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from shoal.cli.options import TRAINED, Order
from shoal.cli.typed import OPTIONS
from shoal.errors import FileError, SettingError
from shoal.files.atomic import atomic_write
from shoal.wording import shown

TABLES = "tables"
# What belongs to one run, and the options of this module themselves.
_OF_ONE_RUN = {"as_json", "resume", "save_config"}
NAMES = {TABLES: TABLES} | {
    OPTIONS[name].removeprefix("--"): name
    for name in (*(field.name for field in fields(Order)), *TRAINED)
    if name in OPTIONS and name not in _OF_ONE_RUN
}
_FLAGS = {field.name for field in fields(Order) if field.default is False}


def defaults_of(path: str) -> dict[str, Any]:
    """The options of a file, by the names of an order's fields and of the parameters.

    Raises FileError for a file that cannot be read, SettingError for what it may not say.
    """
    try:
        with open(path, "rb") as file:
            found = tomllib.load(file)
    except OSError as error:
        raise FileError(f"it cannot be read: {error.strerror}.", file=path) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"this is not TOML: {error}.", file=path) from None
    return {_name(key, path): _value(key, value, path) for key, value in found.items()}


def _name(key: str, path: str) -> str:
    if key not in NAMES:
        near = get_close_matches(key, NAMES, 1)
        hint = f"Did you mean {near[0]}?" if near else "shoal train --help-all lists them."
        raise SettingError(f"there is no option {shown(key)}. {hint}", file=path)
    return NAMES[key]


def _value(key: str, value: Any, path: str) -> Any:
    """A value as the command line would have it: text, several texts, or true."""
    flag = NAMES[key] in _FLAGS
    if flag and isinstance(value, bool):
        return value
    several = value if isinstance(value, list) else [value]
    if flag or not all(type(one) in (str, int, float) for one in several):
        expected = "true or false" if flag else "text, a number, or a list of these"
        raise SettingError(f"{key} = {shown(value)}: expected {expected}.", file=path)
    repeated = isinstance(getattr(Order, NAMES[key], None), tuple) or key == TABLES
    if isinstance(value, list) and not repeated:
        raise SettingError(f"{key} = {shown(value)}: expected one value.", file=path)
    return [str(one) for one in several] if repeated else str(value)


def save_config(path: str, order: Order, parameters: Mapping[str, Any]) -> None:
    """Write what was asked for where it differs from the defaults, and the seed. Raises FileError."""
    usual = {field.name: field.default for field in fields(order)} | TRAINED
    asked = vars(order) | dict(parameters)
    lines = [
        f"{key} = {_toml(asked[name])}\n"
        for key, name in NAMES.items()
        if asked[name] != usual[name] or name == "random_state"
    ]
    with atomic_write(path) as file:
        file.write("".join(["# For shoal train --config.\n", *lines]).encode())


def _toml(value: Any) -> str:
    """The value in TOML; its texts are written as JSON's are, but for DEL."""
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else repr(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")

"""Checks of single values, shared by `Network`, the settings of the estimators, and the commands.

Each returns the value as a plain Python object, or raises SettingError with the name, the value
and what was expected. A NumPy number counts as a number, True and False do not.
"""

import math
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import numpy as np

from shoal.errors import SettingError
from shoal.wording import Setting

MOST_LISTED = 12  # of more choices the nearest are listed
LONGEST_NAME = 80  # of a value that may be a name with another spelling
_JOINTS = str.maketrans("", "", "-_ ")

# What other libraries call it: our name. Lower case, without hyphens, underscores and spaces.
ELSEWHERE = {
    "logistic": "sigmoid",
    "linear": "identity",
    "lbfgsb": "lbfgs",
    "levenbergmarquardt": "lm",
    "trainlm": "lm",
    "gradientdescent": "gd",
    "stochasticgradientdescent": "sgd",
    "xavier": "glorot",
    "xaviernormal": "glorot",
    "glorotnormal": "glorot",
    "kaiming": "he",
    "kaimingnormal": "he",
    "henormal": "he",
    "adaptive": "plateau",
    "reducelronplateau": "plateau",
}


def check_choice(name: str, value: object, choices: Iterable[str]) -> str:
    """The value, if it is one of the choices."""
    allowed = list(choices)
    if isinstance(value, str) and value in allowed:
        return str(value)
    meant = meant_by(value, allowed)
    use = () if meant is None else (" Use ", Setting(name, meant), ".")
    if len(allowed) > MOST_LISTED:
        near = get_close_matches(str(value)[:LONGEST_NAME], allowed, MOST_LISTED, 0)
        allowed = [*near[:-1], f"{near[-1]} and {len(allowed) - len(near):,} more"]
    raise SettingError.of(name, value, f"expected one of {', '.join(allowed)}.", *use)


def meant_by(value: object, choices: Iterable[str]) -> str | None:
    """The choice that is only spelt otherwise, or has this name in another library."""
    if not isinstance(value, str):
        return None
    plain = {_plain(choice): choice for choice in choices}
    key = _plain(value[:LONGEST_NAME])
    return plain.get(key) or plain.get(_plain(ELSEWHERE.get(key, "")))


def _plain(name: str) -> str:
    return name.lower().translate(_JOINTS)


def check_whole(name: str, value: object, *, least: int, most: int | None = None) -> int:
    """The value, if it is a whole number from `least` to `most`."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        whole = int(value)
        if whole >= least and (most is None or whole <= most):
            return whole
    limit = "on" if most is None else f"to {most:,}"
    raise SettingError.of(name, value, f"expected a whole number from {least} {limit}.")


def check_number(
    name: str,
    value: object,
    *,
    least: float = 0.0,
    most: float = math.inf,
    open_at: tuple[float, ...] = (),
) -> float:
    """The value, if it is a finite number from `least` to `most`, and none of `open_at`."""
    if is_number(value):
        try:
            number = float(value)  # type: ignore[arg-type]
        except OverflowError:
            number = math.inf
        if math.isfinite(number) and least <= number <= most and number not in open_at:
            return number
    lower = f"above {least:g}" if least in open_at else f"from {least:g}"
    upper = (
        " on" if most == math.inf and least not in open_at
        else "" if most == math.inf
        else f" and below {most:g}" if most in open_at and least in open_at
        else f" to below {most:g}" if most in open_at
        else f" to {most:g}"
    )  # fmt: skip
    raise SettingError.of(name, value, f"expected a finite number {lower}{upper}.")


def is_number(value: Any) -> bool:
    """Whether the value is a real number of Python or NumPy, and no truth value."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)

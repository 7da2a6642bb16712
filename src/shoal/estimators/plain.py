"""Settings as plain data, as JSON holds them: for model files and checkpoints."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from shoal.settings import FIELDS, Settings

# An empty selection of columns is written as null, as None is.
_COLUMNS = ("words", "numbers", "drop", "missing", "fold")
_BY_CLASS = ("class_weight", "threshold")


def plain_settings(s: Settings, seed: int | None = None) -> dict[str, Any]:
    """The parameters as JSON can hold them; those that no file keeps as their defaults.

    `seed` stands for a random state that is no number.
    """
    from shoal.estimators.starts import starts_given

    values = {name: getattr(s, name) if f.kept else f.default for name, f in FIELDS.items()}
    if starts_given(values["init"]):
        values["init"] = "auto"  # a file holds what was learnt, not what it was learnt from
    if callable(values["scoring"]):
        values["scoring"] = None
    for name in _COLUMNS:
        values[name] = list(values[name]) or None
    if not isinstance(values["random_state"], int | np.integer):
        values["random_state"] = seed
    for name in _BY_CLASS:
        if isinstance(values[name], dict):  # JSON has no keys but strings
            values[name] = [[_plain(k), _plain(v)] for k, v in values[name].items()]
    return {name: _plain(value) for name, value in values.items()}


def settings_again(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an estimator from plain data; what no file keeps is left out."""
    values = {
        name: value for name, value in plain.items() if name not in FIELDS or FIELDS[name].kept
    }
    for name in _BY_CLASS:
        if isinstance(values.get(name), list):
            values[name] = {k: v for k, v in values[name]}
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return [_plain(v) for v in value]
    return value

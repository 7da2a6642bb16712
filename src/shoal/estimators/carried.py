"""What of a fitted model the exports carry. Everything else is refused by name, here alone.

A field that is added to one of these values later is refused as long as its value is not its
default; it is listed here once the exports carry it, or where no prediction depends on it.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from shoal.data.encode.encoding import Constant, Number, SetAside, Time, Words
from shoal.errors import SettingError
from shoal.estimators.columns import Inputs
from shoal.estimators.fitted import Fitted
from shoal.estimators.targets import ClassTargets, NumberTargets
from shoal.exports.model import ACTIVATIONS, OUTPUTS

CARRIED: Mapping[type, set[str]] = {
    Fitted: {
        "settings",
        "inputs",
        "targets",
        "networks",
        "history",
        "diagnosis",
        "record",
        "seen",
        "importance",
        "calibration",
        "search",
    },
    # `written` and `missing` say how text is read: an export takes numbers and times as such.
    Inputs: {"who", "n", "names", "encoding", "dtype", "written", "missing", "usual", "labels"},
    ClassTargets: {"classes", "labels", "threshold"},
    NumberTargets: {"mean", "scale", "columns", "loss"},
    Number: {"name", "mean", "scale", "holes", "kind", "edges"},
    Words: {"name", "words", "rare", "holes", "kind"},
    Time: {"name", "mean", "scale", "parts", "holes", "zoned", "kind"},
    SetAside: {"name", "reason", "kind"},
    Constant: {"name", "reason", "kind"},
}


def refuse_what_is_not_carried(fitted: Fitted) -> None:
    """Raise SettingError where an export would predict something else than the model."""
    plans = fitted.inputs.encoding.columns if fitted.inputs.encoding else ()
    for value in (fitted, fitted.inputs, fitted.targets, *plans):
        where = f' of the column "{value.name}"' if value in plans else ""
        for name in _others(value):
            raise _refused(f"{name}{where}")
    shape = fitted.architecture
    if shape.activation not in ACTIVATIONS or shape.output not in OUTPUTS:
        raise _refused(f"{shape.activation} with {shape.output}")
    for name, how in getattr(fitted.inputs, "written", {}).items():
        if getattr(how, "fold", False):
            raise _refused(f'fold of the column "{name}"')


def _others(value: Any) -> Iterator[str]:
    """The fields that are not carried and have another value than their default."""
    known = CARRIED.get(type(value))
    if known is None:
        yield type(value).__name__
        return
    for name, default in _defaults(value):
        if name not in known and not _same(getattr(value, name), default):
            yield name


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def _defaults(value: Any) -> Iterator[tuple[str, Any]]:
    """Each field and its default; of one without a default something that no value is."""
    if not dataclasses.is_dataclass(value):
        for name in value._fields:
            yield name, value._field_defaults.get(name, dataclasses.MISSING)
        return
    for field in dataclasses.fields(value):
        made = field.default_factory
        yield field.name, field.default if made is dataclasses.MISSING else made()


def _refused(what: str) -> SettingError:
    return SettingError(
        f"the model depends on {what}, which exports do not carry: their predictions would differ. "
        "Fit a model without it, or predict with shoal."
    )

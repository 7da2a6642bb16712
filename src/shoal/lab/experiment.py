"""An experiment: the whole state of a screen as one value, and as the fragment of a link.

    #data=xor&hidden=8&activation=relu&epoch=200

Only what differs from the usual stands in a fragment, always in the same order, so that one
experiment has one link. Whatever comes from a link or from the page is checked here, field by
field; SettingError says which one, what was expected, and what came.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from shoal.errors import SettingError
from shoal.kinds import EVIDENCE
from shoal.lab.toys import TOYS
from shoal.network.activations import ACTIVATIONS
from shoal.network.initialisers import SCHEMES
from shoal.settings import POISSON

TABLE = "table"  # the data are someone's own
LOSSES = ("auto", "squared_error", POISSON)  # of a number; auto: poisson for a toy of counts
SOLVERS = ("gd", "sgd", "adam", "lbfgs", "lm")
VIEWS = ("train", "equations", "initialise", "units", "tutor", "take-away")
# What a link can hide from a class.
STORY = ("story", "at")
CONTROLS = ("data", "features", "network", "initialisation", "training", "edits", "keys", "tabs")
SHOWN = ("points", "validation", "decisions")
MATRICES = ("W1", "b1", "W2", "b2")
MOST_POINTS, MOST_EDITS, MOST_FRAGMENT = 200, 50, 16_000
MOST_UNITS, MOST_EPOCHS, MOST_ROWS = 64, 10_000_000, 20_000
# What suits a table better than a toy's.
OF_TABLES: dict[str, Any] = {"data": TABLE, "rows": 5000, "hidden": 8, "solver": "adam"}
LARGEST = 1e6  # of a number that comes from a page
MOST_TEXT = 200
MOST_NAME, MOST_STEPS = 40, 30  # of a story


class Point(NamedTuple):
    """A point that was added by hand: where, and its class or number."""

    x1: float
    x2: float
    y: float


Place = tuple[int, int]  # in a training: epochs that are done, and steps of the next one


class Edit(NamedTuple):
    """A weight that was changed by hand, when this many epochs and steps of the next were done."""

    epoch: int
    matrix: str
    row: int
    column: int
    value: float
    step: int = 0

    @property
    def place(self) -> Place:
        """When it was changed."""
        return self.epoch, self.step


@dataclass(frozen=True)
class Experiment:
    """All that decides what is on the screen."""

    data: str = "circle"
    rows: int = 300  # of a toy for training; of a table at most this many in all
    noise: int = 5  # per cent
    data_seed: int = 0
    validation: int = 30  # per cent
    points: tuple[Point, ...] = ()
    table: str = ""  # the first 16 digits of the hash of a table
    target: str = ""
    loss: str = "auto"  # of a number
    features: tuple[str, ...] = ()  # none: x1 and x2 of a toy, the columns of a table
    axes: tuple[str, ...] = ()  # of a table: the two columns that span the plane
    held: tuple[tuple[str, str], ...] = ()  # of a table: at what the others are held
    hidden: int = 4
    activation: str = "tanh"
    init: str | float = "auto"
    seed: int = 3
    solver: str = "gd"
    learning_rate: str | float = "auto"
    batch_size: str | int = "auto"
    alpha: str | float = 0.0
    edits: tuple[Edit, ...] = ()
    epoch: int = 0
    step: int = 0  # of the next epoch, that are done too
    pace: int = 100  # epochs a second; 0 is as fast as can be
    view: str = "train"
    example: int = 0
    pair: tuple[int, ...] = (0, 1)  # the units that span the hidden plane
    show: tuple[str, ...] = ("points",)  # on the surface
    hide: tuple[str, ...] = ()
    story: str = ""  # the lesson that is under way
    at: int = 0  # its step, from 0

    def changed(self, changes: Mapping[str, Any]) -> "Experiment":
        """The same with some fields as a page gives them, in JSON. Raises SettingError."""
        return replace(self, **{name: _checked(name, value) for name, value in changes.items()})

    @property
    def fragment(self) -> str:
        """The one link of this experiment, without its #."""
        parts = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                text = quote(_text(value), safe=",;:* ").replace(" ", "%20")
                parts.append(f"{field.name.replace('_', '-')}={text}")
        return "&".join(parts)

    @classmethod
    def of(cls, fragment: str, usual: Mapping[str, Any] | None = None) -> "Experiment":
        """The experiment of a fragment, or of a whole link. Raises SettingError.

        `usual` is what stands for fields that the fragment does not name.

        >>> Experiment.of("#data=xor&hidden=8").fragment
        'data=xor&hidden=8'
        """
        fragment = fragment.partition("#")[2] if "#" in fragment else fragment
        if len(fragment) > MOST_FRAGMENT:
            raise SettingError(f"the link is longer than {MOST_FRAGMENT:,} characters.")
        given = {}
        for part in filter(None, fragment.split("&")):
            name, equals, text = part.partition("=")
            name = name.replace("-", "_")
            if not equals or name not in FIELDS or name in given:
                raise SettingError(
                    f'the link says "{part[:40]}": expected NAME=VALUE, each name once, of '
                    f"{', '.join(n.replace('_', '-') for n in FIELDS)}."
                )
            given[name] = _value(name, unquote(text))
        return cls().changed({**(usual or {}), **given})

    @classmethod
    def about(cls, link: str, digest: str) -> "Experiment":
        """The experiment of a link that is about a table, whether or not it names one."""
        experiment = cls.of(link)
        return experiment if experiment.table else cls.of(link, OF_TABLES | {"table": digest})

    def plain(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self) | {
            "points": [list(p) for p in self.points],
            "edits": [list(e) for e in self.edits],
        }

    @property
    def counts(self) -> bool:
        """Whether a count or a rate is predicted, by the loss of Poisson."""
        toy = TOYS.get(self.data)
        return self.loss == POISSON or (self.loss == "auto" and toy is not None and toy.counts)

    @property
    def place(self) -> Place:
        """How far it is to be trained."""
        return self.epoch, self.step

    @property
    def start(self) -> "Experiment":
        """What decides how the training goes: without what is only shown."""
        usual = Experiment()
        return replace(
            self, edits=(), epoch=0, step=0, pace=usual.pace, view=usual.view, example=0,
            pair=usual.pair, show=usual.show, hide=(), axes=(), held=(), story="", at=0,
        )  # fmt: skip


# --- checks -----------------------------------------------------------------------------

Check = Callable[[str, Any], Any]


def _whole(low: int, high: int) -> Check:
    def check(name: str, value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is not int or not low <= value <= high:
            raise _refused(name, value, f"a whole number from {low:,} to {high:,}")
        return value

    return check


def _number(low: float, high: float) -> Check:
    def check(name: str, value: Any) -> float:
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not low <= value <= high:  # nor is NaN
            raise _refused(name, value, f"a number from {low:g} to {high:g}")
        return float(value)

    return check


def _choice(*choices: str) -> Check:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise _refused(name, value, f"one of {', '.join(choices)}")
        return value

    return check


def _either(words: tuple[str, ...], number: Check) -> Check:
    def check(name: str, value: Any) -> Any:
        return value if isinstance(value, str) and value in words else number(name, value)

    return check


def _words(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > MOST_TEXT:
        raise _refused(name, value, f"a text of at most {MOST_TEXT} characters")
    return value


def _hash(name: str, value: Any) -> str:
    text = _words(name, value)
    if text and (len(text) != 16 or set(text) - set("0123456789abcdef")):
        raise _refused(name, value, "16 hexadecimal digits")
    return text


def _name(name: str, value: Any) -> str:
    text = _words(name, value)
    if set(text) - set("abcdefghijklmnopqrstuvwxyz0123456789-") or len(text) > MOST_NAME:
        raise _refused(name, value, f"at most {MOST_NAME} letters a-z, digits and hyphens")
    return text


def _several(check: Check, most: int, *, least: int = 0, once: bool = True) -> Check:
    def checked(name: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or not least <= len(value) <= most:
            raise _refused(name, value, f"a list of {least} to {most} entries")
        found = tuple(check(name, item) for item in value)
        if once and len(set(found)) < len(found):
            raise _refused(name, value, "each entry once")
        return found

    return checked


def _record(kind: Callable[..., Any], *checks: Check, optional: int = 0) -> Check:
    least = len(checks) - optional

    def check(name: str, value: Any) -> Any:
        if not isinstance(value, list | tuple) or not least <= len(value) <= len(checks):
            raise _refused(name, value, f"{least} entries")
        return kind(*(each(name, item) for each, item in zip(checks, value, strict=False)))

    return check


def _pair(*values: Any) -> tuple[Any, ...]:
    return values


_coordinate = _number(-LARGEST, LARGEST)
_seed = _whole(0, 2**31 - 1)
FIELDS: dict[str, Check] = {
    "data": _choice(*TOYS, TABLE),
    "rows": _whole(10, MOST_ROWS),
    "noise": _whole(0, 50),
    "data_seed": _seed,
    "validation": _whole(0, 80),
    "points": _several(
        _record(Point, _coordinate, _coordinate, _coordinate), MOST_POINTS, once=False
    ),
    "table": _hash,
    "target": _words,
    "loss": _choice(*LOSSES),
    "features": _several(_words, 200),
    "axes": _several(_words, 2),
    "held": _several(_record(_pair, _words, _words), 200),
    "hidden": _whole(0, MOST_UNITS),
    "activation": _choice(*ACTIVATIONS),
    "init": _either(SCHEMES, _number(0, 1000)),
    "seed": _seed,
    "solver": _choice(*SOLVERS),
    "learning_rate": _either(("auto",), _number(1e-9, 1000)),
    "batch_size": _either(("auto",), _whole(1, MOST_ROWS)),
    "alpha": _either((EVIDENCE,), _number(0, 1000)),
    "edits": _several(
        _record(
            Edit, _whole(0, MOST_EPOCHS), _choice(*MATRICES), _whole(0, 100_000),
            _whole(0, 100_000), _coordinate, _whole(0, MOST_ROWS), optional=1,
        ),
        MOST_EDITS,
    ),
    "epoch": _whole(0, MOST_EPOCHS),
    "step": _whole(0, MOST_ROWS),
    "pace": _whole(0, 10_000),
    "view": _choice(*VIEWS),
    "example": _whole(0, MOST_ROWS),
    "pair": _several(_whole(0, MOST_UNITS - 1), 2, least=2, once=False),
    "show": _several(_choice(*SHOWN), len(SHOWN)),
    "hide": _several(_choice(*CONTROLS), len(CONTROLS)),
    "story": _name,
    "at": _whole(0, MOST_STEPS - 1),
}  # fmt: skip


def _checked(name: str, value: Any) -> Any:
    if name not in FIELDS:
        raise SettingError(f'"{name[:40]}": expected one of {", ".join(FIELDS)}.')
    return FIELDS[name](name, value)


def _refused(name: str, value: Any, expected: str) -> SettingError:
    return SettingError(
        f"{name.replace('_', '-')}: expected {expected}, found {str(value)[:40]!r}."
    )


# --- as text: lists by commas, records by semicolons --------------------------------------

LISTS = ("points", "features", "axes", "held", "edits", "pair", "show", "hide")
RECORDS = ("points", "held", "edits")


def _text(value: Any) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return ";".join(_text(item) for item in value)
    if isinstance(value, Edit) and not value.step:
        value = value[:-1]
    if isinstance(value, tuple):
        return ",".join(_escaped(item) for item in value)
    return _number_text(value)


def _number_text(value: Any) -> str:
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _escaped(value: Any) -> str:
    text = _number_text(value)
    # A comma or semicolon of a column's name must not look like ours.
    return text.replace("%", "%25").replace(",", "%2C").replace(";", "%3B")


def _value(name: str, text: str) -> Any:
    if name in RECORDS:
        return [_items(part, words=name == "held") for part in text.split(";") if part]
    if name in LISTS:
        return _items(text, words=name in ("features", "axes", "show", "hide"))
    return _scalar(text) if name not in ("table", "target", "story") else text


def _items(text: str, *, words: bool = False) -> list[Any]:
    parts = [unquote(part) for part in text.split(",")] if text else []
    return parts if words else [_scalar(part) for part in parts]


def _scalar(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text

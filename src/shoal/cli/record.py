"""What a model file says about its training, so that the training can be shown and repeated."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from shoal.cli.paired import Comparison
from shoal.cli.scores import Scores

Compared = Sequence[
    tuple[str, Scores]
]  # the network, a linear model (but for --hidden 0), a constant


class Record(NamedTuple):
    """The command of a training, and its test. Without folders, which are private."""

    target: str
    task: str
    reason: str
    table: str  # "" for standard input
    rows: int
    test_rows: int
    command: tuple[str, ...]
    scores: Compared
    verdicts: tuple[Comparison, ...] = ()
    standard_errors: Compared = ()  # of the scores, over the folds
    folds: int = 0

    @classmethod
    def of(cls, model: Any) -> Self | None:
        """The record of a model, whose file was checked; None if it was trained in Python."""
        plain = model.record_
        if not plain:
            return None
        lists = {name: _pairs(plain.get(name, ())) for name in ("scores", "standard_errors")}
        verdicts = tuple(Comparison(**one) for one in plain.get("verdicts", ()))
        return cls(**plain | lists | {"command": tuple(plain["command"]), "verdicts": verdicts})

    def plain(self) -> dict[str, Any]:
        """As it is kept in the model file."""
        verdicts = [one.plain() for one in self.verdicts]
        lists = {
            name: list(getattr(self, name)) for name in ("scores", "standard_errors", "command")
        }
        return self._asdict() | lists | {"verdicts": verdicts}


def _pairs(scores: Sequence[Any]) -> Compared:
    return [(who, found) for who, found in scores]


def by_role(scores: Sequence[tuple[str, Scores]]) -> dict[str, Scores]:
    """The scores under names that do not vary: shoal, linear, constant."""
    roles = ("shoal", "linear", "constant") if len(scores) == 3 else ("shoal", "constant")
    return {role: found for role, (_, found) in zip(roles, scores, strict=False)}


def target_of(model: Any) -> str | None:
    """The name of what a model predicts, if its file knows it."""
    target: str | None = model.record_.get("target")
    return target

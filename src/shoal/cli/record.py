"""What a model file says about its training, so that the training can be shown and repeated."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from shoal.cli.scores import Scores

Compared = list[tuple[str, Scores]]  # the network, a linear model (but for --hidden 0), a constant


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

    @classmethod
    def of(cls, model: Any) -> Self | None:
        """The record of a model, whose file was checked; None if it was trained in Python."""
        plain = model.record_
        if not plain:
            return None
        scores = [(who, found) for who, found in plain["scores"]]
        return cls(**plain | {"command": tuple(plain["command"]), "scores": scores})

    def plain(self) -> dict[str, Any]:
        """As it is kept in the model file."""
        return self._asdict() | {"command": list(self.command)}


def by_role(scores: Sequence[tuple[str, Scores]]) -> dict[str, Scores]:
    """The scores under names that do not vary: shoal, linear, constant."""
    roles = ("shoal", "linear", "constant") if len(scores) == 3 else ("shoal", "constant")
    return {role: found for role, (_, found) in zip(roles, scores, strict=False)}


def target_of(model: Any) -> str | None:
    """The name of what a model predicts, if its file knows it."""
    target: str | None = model.record_.get("target")
    return target

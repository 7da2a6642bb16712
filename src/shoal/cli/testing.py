"""A network tested against a linear model and a constant: on rows held out, or in folds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.cli.paired import CONSTANT, LINEAR, Comparison, compared
from shoal.cli.record import Compared
from shoal.cli.scores import Judged, Scores, answers_of, constant, judged
from shoal.data.rows.selection import Rows
from shoal.data.rows.ties import groups_of

OURS, NO_HIDDEN_LAYER = "shoal", "linear (no hidden layer)"


class Tested(NamedTuple):
    """The scores of all, and what they show of the network."""

    scores: Compared = ()
    verdicts: tuple[Comparison, ...] = ()
    rows: int = 0
    errors: Compared = ()  # standard errors over the folds
    folds: int = 0

    def fields(self) -> dict[str, Any]:
        """The same by the names of a `Record`."""
        return {
            "scores": self.scores, "verdicts": self.verdicts,
            "standard_errors": self.errors, "folds": self.folds,
        }  # fmt: skip


class Part(NamedTuple):
    """Rows that were not trained on."""

    X: Any
    y: NDArray[Any]
    usual: Any  # the distribution of the targets that were trained on
    groups: NDArray[np.integer] | None = None


def groups_in(X: Any, column: str | None) -> NDArray[np.integer] | None:
    """The group of each row."""
    if column is None or column not in _names(X):
        return None
    parts = X.tables(columns=[column]) if isinstance(X, Rows) else [X]
    return groups_of(part[column] for part in parts if len(part)).codes


def _names(X: Any) -> Sequence[str]:
    return X.source.columns if isinstance(X, Rows) else X.column_names


def judgements(models: Mapping[str, Any], part: Part) -> list[Judged]:
    """Each model on the part, then the constant."""
    first = next(iter(models.values()))
    classes, rates = getattr(first, "classes_", None), of_rates(first)
    found = [
        judged(who, answers_of(model, part.X), part.y, classes, threshold_of(model), rates=rates)
        for who, model in models.items()
    ]
    return [*found, constant(part.usual, part.y, classes, rates=rates)]


def threshold_of(model: Any) -> float | None:
    """The probability above which the second class is predicted; None for the likeliest class."""
    return getattr(model, "threshold_", None)


def of_rates(model: Any) -> bool:
    """Whether the model predicts counts or rates, which are judged by their deviance."""
    return model.out_activation_ == "poisson"


def tested(found: Sequence[Judged], groups: NDArray[np.integer] | None) -> Tested:
    """What the judgements show of the first."""
    ours, *others = found
    roles = (LINEAR, CONSTANT)[-len(others) :]
    verdicts = (compared(role, ours, one, groups) for role, one in zip(roles, others, strict=True))
    scores = [(one.who, one.scores) for one in found]
    return Tested(scores, tuple(verdicts), len(ours.losses))


def tested_in_folds(folds: Sequence[tuple[list[Judged], Part]]) -> Tested:
    """The means of the folds with their standard errors; what all their rows show."""
    parts = list(zip(*(found for found, _ in folds), strict=True))
    last = [one.who for one in folds[-1][0]]
    whole = [_together(who, each) for who, each in zip(last, parts, strict=True)]
    groups = _numbered([part.groups for _, part in folds])
    errors = [(who, _errors(each)) for who, each in zip(last, parts, strict=True)]
    return tested(whole, groups)._replace(errors=errors, folds=len(folds))


def _together(who: str, parts: Sequence[Judged]) -> Judged:
    means = {name: _mean(values) for name, values in _by_name(parts)}
    return Judged(who, means, np.concatenate([one.losses for one in parts]))


def _errors(parts: Sequence[Judged]) -> Scores:
    return {name: _error(values) for name, values in _by_name(parts)}


def _by_name(parts: Sequence[Judged]) -> Iterator[tuple[str, list[float]]]:
    for name in parts[0].scores:
        found = [one.scores[name] for one in parts]
        yield name, [value for value in found if value is not None]


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _error(values: list[float]) -> float | None:
    n = len(values)
    return float(np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else None


def _numbered(parts: Sequence[NDArray[np.integer] | None]) -> NDArray[np.integer] | None:
    """Groups of all folds: those of different folds are different groups."""
    found, first = list[NDArray[np.integer]](), 0
    for part in parts:
        if part is None:
            return None
        found.append(part + first)
        first += int(part.max()) + 1
    return np.concatenate(found)

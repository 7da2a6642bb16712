"""What a search has tried, as values: see `effort.py`, which searches."""

from collections.abc import Mapping
from typing import Any, NamedTuple


def name_of(changes: Mapping[str, Any]) -> str:
    """activation=relu, hidden=256; "default" for what is fitted without a search."""
    return ", ".join(f"{k}={value}" for k, value in sorted(changes.items())) or "default"


class Tried(NamedTuple):
    """A candidate: the settings in which it differs from what was asked, and how it was judged."""

    settings: Mapping[str, Any]
    members: int  # that were trained
    loss: float  # on the rows held out of its first `judged` members
    difference: float  # from the loss of the fit without a search, on the same rows
    error: float  # the standard error of that
    judged: int
    weight: float  # its share of the result's members
    work: float  # multiply-adds of its training

    @property
    def name(self) -> str:
        """See `name_of`."""
        return name_of(self.settings)


class Search(NamedTuple):
    """A search and what it has found."""

    tried: tuple[Tried, ...]  # the first one is what is fitted without a search
    # On rows that were left out of the choice, in two halves: the loss of what was chosen by the other
    # half, that of the fit without a search, and the standard error of their difference.
    loss: float
    usual_loss: float
    error: float
    predict_cost: float  # of a prediction, as a multiple of what it takes without a search
    usual_work: float  # multiply-adds of the fit without a search
    kind: int = 0  # which of `tried` the first members of the result are
    first_members: int = 1  # how many these are

    @property
    def first(self) -> Tried:
        """What the first members of the result are; none of the others has more units."""
        return self.tried[self.kind]

    @property
    def work(self) -> float:
        """Multiply-adds of all trainings."""
        return sum(one.work for one in self.tried)

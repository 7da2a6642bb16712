"""What is exported: plain values, from the columns of a table to the meaning of the outputs.

    columns   →   numbers, codes, places   →   A2 of each member   →   their mean   →   answer

The layout is that of `Encoding`: first the numbers, then the groups with bins, then the others,
each in the order of the table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.data.encode.coded import Group
from shoal.data.encode.encoding import Constant, Plan, SetAside
from shoal.network.architecture import Architecture
from shoal.network.equations import Parameters

ACTIVATIONS = ("tanh", "relu", "leaky_relu", "sigmoid", "identity")  # that every export has
OUTPUTS = ("sigmoid", "softmax", "identity", "poisson")

Value = float | str | None  # of a cell: a number, text, or missing


class Raw(NamedTuple):
    """A number that the network takes as it is."""

    name: str
    kind: str = "raw"

    @property
    def numbers(self) -> list[str]:
        """The name of its only column."""
        return [self.name]

    @property
    def groups(self) -> list[Group]:
        """Nothing is coded."""
        return []


Column = Plan | Raw


class Placed(NamedTuple):
    """A column of the table, and where its inputs are."""

    plan: Column
    number: int  # the first of its numbers
    groups: tuple[int, ...]  # its groups with bins, then its others


class PlacedGroup(NamedTuple):
    """Columns that one code describes, and the first of them in W1."""

    first: int
    columns: int
    bins: int


class Classes(NamedTuple):
    """The outputs are probabilities of classes; or of labels, each of them 0 or 1."""

    names: tuple[str, ...]
    labels: bool
    threshold: float = 0.5  # of two classes: the second is predicted above it

    def threshold_in(self, dtype: np.dtype[Any]) -> float:
        """The threshold in the precision of the probabilities, in which both are compared."""
        return float(dtype.type(self.threshold))


class Values(NamedTuple):
    """The outputs are numbers, standardised."""

    means: tuple[float, ...]
    scales: tuple[float, ...]


class Golden(NamedTuple):
    """Rows of values, and what the model predicts for them."""

    rows: Sequence[Mapping[str, Value]]
    answers: NDArray[np.floating]  # (rows, probabilities or values)


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted model as the exports see it."""

    columns: tuple[Column, ...]
    architecture: Architecture
    members: tuple[Parameters, ...]
    answer: Classes | Values
    fingerprint: str
    golden: Golden
    integer: int | None = (
        None  # bits of each weight, where they are whole numbers times a power of two
    )
    note: str = ""  # on how the weights were rounded

    @property
    def dtype(self) -> np.dtype[Any]:
        """The precision of the networks."""
        return self.members[0].W2.dtype

    @cached_property
    def groups(self) -> tuple[PlacedGroup, ...]:
        """The coded columns, those with bins first."""
        found, first = [], self.n_numbers
        for _, group in self._ordered:
            found.append(PlacedGroup(first, *group))
            first += group.columns
        return tuple(found)

    @property
    def n_numbers(self) -> int:
        """The inputs that are not coded."""
        return sum(len(column.numbers) for column in self.columns)

    @property
    def n_binned(self) -> int:
        """The groups with bins."""
        return sum(group.bins > 0 for group in self.groups)

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """The columns that a prediction needs."""
        found, number = [], 0
        for i, column in enumerate(self.columns):
            own = tuple(at for at, (j, _) in enumerate(self._ordered) if j == i)
            if not isinstance(column, SetAside | Constant):
                found.append(Placed(column, number, own))
            number += len(column.numbers)
        return tuple(found)

    @cached_property
    def _ordered(self) -> list[tuple[int, Group]]:
        """Each group with the number of its column, in the order of the matrix."""
        groups = [(i, group) for i, c in enumerate(self.columns) for group in c.groups]
        return sorted(groups, key=lambda one: not one[1].bins)

    @property
    def first_layer(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """The weights and biases that see the inputs, of each member."""
        hidden = self.architecture.n_h > 0
        return [(p.W1, p.b1) if hidden else (p.W2, p.b2) for p in self.members]

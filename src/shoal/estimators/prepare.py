"""From X and y to what a training needs: the one sequence for all ways to give rows.

feed      the rows as they were given: in memory (`ArrayFeed`) or in files (`streamed.py`)
targets   what y means: learnt, or as an earlier fit has learnt it
inputs    how columns become a matrix: learnt, or as an earlier fit has learnt it
shape     the network's architecture, and whether it fits into memory
rows      the encoded rows, for the members to divide
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from shoal.compute.memory import refuse_if_too_large
from shoal.data.read.messages import unknown_column
from shoal.data.rows.examples import Examples, Numbers
from shoal.data.rows.ties import Ties, groups_of, times_of
from shoal.errors import DataError, Setting, SettingError, wording
from shoal.estimators.automatic import architecture_of, members_of
from shoal.estimators.columns import Inputs, labels_of
from shoal.estimators.fitted import Fitted
from shoal.estimators.given import as_given, column_given, columns_of, has_columns, read
from shoal.estimators.inputs import (
    check_lengths,
    examples_of,
    learn_inputs,
    weights_of,
    with_text_read,
)
from shoal.estimators.rows import InMemoryRows, RowProvider, warn_of_unknown
from shoal.estimators.starts import starts_given
from shoal.estimators.targets import NumberTargets, Targets
from shoal.estimators.threshold import check_threshold
from shoal.kinds import EVIDENCE
from shoal.network.architecture import Architecture
from shoal.settings import Settings
from shoal.training import lbfgs, lm

MOST_ROWS = 1 << 32  # in memory: a row's number has 32 bits


class Feed(Protocol):
    """Rows of which nothing has been learnt yet."""

    @property
    def m(self) -> int:
        """How many rows there are."""
        ...

    def targets(self, kind: type[Targets], known: Targets | None) -> Targets:
        """What y means; if it is `known` already, y is held against it."""
        ...

    def inputs(self, s: Settings, who: str) -> Inputs:
        """How the columns become a matrix."""
        ...

    def rows(
        self, s: Settings, inputs: Inputs, targets: Targets, architecture: Architecture
    ) -> AbstractContextManager[RowProvider]:
        """The rows, encoded."""
        ...


class Prepared(NamedTuple):
    """What was learnt before the first epoch."""

    settings: Settings
    inputs: Inputs
    targets: Targets
    architecture: Architecture
    previous: Fitted | None = None  # with which a training continues


def prepare(
    s: Settings, feed: Feed, kind: type[Targets], who: str, previous: Fitted | None = None
) -> Prepared:
    """Learn targets and inputs, or take those of the previous fit; check that all fits into memory."""
    targets = feed.targets(kind, previous.targets if previous else None)
    check_threshold(s, targets)
    _check_same_loss(s, targets)
    inputs = previous.inputs if previous else feed.inputs(s, who)
    architecture = architecture_of(s, inputs.width, *targets.outputs)
    if previous and s.hidden == "auto":
        architecture = architecture._replace(n_h=previous.architecture.n_h)
    refuse_what_cannot_fit(s, architecture, ensemble_size(s, feed.m, previous), feed.m)
    return Prepared(s, inputs, targets, architecture, previous)


class ArrayFeed:
    """A table, array or matrix in memory, with y and weights beside it."""

    def __init__(
        self, X: Any, y: Any, sample_weight: Any, s: Settings, who: str,
        previous: Fitted | None = None, classes: Any = None,
    ) -> None:  # fmt: skip
        if y is None:
            raise DataError(f"{who} requires y to be passed, but the target y is None.")
        if isinstance(y, str):
            raise DataError(
                f'y="{y}" is the name of a column, which stands for the target where X names files. '
                "Give the targets themselves, and X without them."
            )
        X = as_given(X)
        self._y, self._classes, self._class_weight = y, classes, s.class_weight
        self._holds_out, self._loss = s.alpha != EVIDENCE, s.loss
        self._labels = previous.inputs.labels if previous else labels_of(X)
        if previous:
            self._names = previous.inputs.names
            self._table = previous.inputs.read(X)
        else:
            self._names = columns_of(X)[1] if has_columns(X) else None
            self._table = read(X, who, s.dtype)
        if self.m >= MOST_ROWS:
            raise DataError(f"{self.m:,} rows: expected fewer than {MOST_ROWS:,} in memory.")
        self._weights = weights_of(sample_weight, self._table)
        self._validation: tuple[Any, Any, Any] | None = None
        self._ties: Ties | None = None

    def tied_by(self, groups: Any, times: Any) -> "ArrayFeed":
        """The same with the group, or the time, of each row; or with the name of such a column."""
        for name, given, learnt in (("groups", groups, groups_of), ("times", times, times_of)):
            if given is not None:
                if self._validation is not None:
                    raise SettingError(
                        f"{name} chooses the rows that are held out, and X_val gives them: leave one "
                        "of them out."
                    )
                self._ties = learnt([self._column(name, given)])
        warn_of_unknown(self._ties)
        return self

    def _column(self, name: str, given: Any) -> Any:
        """Groups or times as a column of as many rows as X."""
        if isinstance(given, str):
            if given not in (self._names or ()):
                raise SettingError(unknown_column(given, self._names or ()), setting=name)
            assert isinstance(self._table, pa.Table)
            return self._table[given]
        column = column_given(given, name)
        if len(column) != self.m:
            raise DataError(
                "Found input variables with inconsistent numbers of samples: "
                f"{[self.m, len(column)]} (X, {name})."
            )
        return column

    def validated_by(self, X: Any, y: Any, sample_weight: Any) -> "ArrayFeed":
        """The same with these rows as the validation part, if there are any."""
        if (X is None) != (y is None):
            raise SettingError("X_val and y_val belong together: expected both or none.")
        if X is not None and not self._holds_out:
            raise SettingError(
                wording(
                    "X_val with ", Setting("alpha", EVIDENCE), ": the evidence holds no rows out. "
                    "Leave X_val out, or give ", Setting("alpha"), " as a number.",
                ),
                setting="alpha",
            )  # fmt: skip
        self._validation = None if X is None else (X, y, sample_weight)
        return self

    @property
    def m(self) -> int:
        """How many rows there are."""
        return len(self._table)

    def targets(self, kind: type[Targets], known: Targets | None) -> Targets:
        """What y means; if it is `known` already, y is held against it."""
        found = known or by_loss(kind.learn(self._y, self._weights, self._classes), self._loss)
        self._arrays = found.arrays(self._y, self._weights, self._class_weight)
        check_lengths(self.m, self._arrays, "y")
        if isinstance(known, NumberTargets) and not known.scale.all():
            found = known.with_scale(known.apart(self._y))
            self._arrays = found.arrays(self._y, self._weights)
        return found

    def inputs(self, s: Settings, who: str) -> Inputs:
        """How the columns become a matrix."""
        self._table = with_text_read(self._table, s)
        found = learn_inputs(self._table, self._names, s, self._weights, who)
        return replace(found, labels=self._labels)

    def examples(self, inputs: Inputs) -> Examples:
        """The rows, encoded, with their targets."""
        matrix = inputs.matrix(self._table)
        if inputs.encoding is None and isinstance(matrix, np.ndarray):
            _refuse_huge(matrix)
        return examples_of(matrix, self._arrays)

    @contextmanager
    def rows(
        self, s: Settings, inputs: Inputs, targets: Targets, architecture: Architecture
    ) -> Iterator[RowProvider]:
        """The rows, encoded, and the validation part if one was given."""
        examples, validation = self.examples(inputs), None
        if self._validation is not None:
            own = Fitted(s, inputs, targets, ())
            validation = own.examples(*self._validation, names=("y_val", "sample_weight_val"))
        yield InMemoryRows(s, examples, validation, self._ties, self._table)


def ensemble_size(s: Settings, m: int, previous: Fitted | None = None) -> int:
    """How many networks to train on m rows."""
    if s.members == "auto":
        if previous is not None:
            return len(previous.networks)
        if given := starts_given(s.init):
            return len(given)
    return members_of(s, m)


def by_loss(targets: Targets, loss: str) -> Targets:
    """What y means, where numbers have this loss."""
    return targets.by(loss) if isinstance(targets, NumberTargets) else targets


def _check_same_loss(s: Settings, targets: Targets) -> None:
    """Raise SettingError where a fit would continue by another loss."""
    if isinstance(targets, NumberTargets) and targets.loss != s.loss:
        raise SettingError.of(
            "loss", s.loss, "the fitted network, with which warm_start and partial_fit continue, was "
            "trained with another. Use ", Setting("loss", targets.loss), ", or a new estimator.",
        )  # fmt: skip


def bytes_of(s: Settings, architecture: Architecture, m: int) -> int:
    """What a member's training on m rows holds besides them."""
    size = np.dtype(s.dtype).itemsize
    # Parameters, best, gradient, two of adam, and the float64 sums of the tree.
    each = architecture.n_parameters * (5 * size + 8)
    if s.solver == "lbfgs":
        each += lbfgs.memory_bytes(architecture.n_parameters)
    if s.solver == "lm":
        each += lm.memory_bytes(architecture.n_parameters, m, evidence=s.alpha == EVIDENCE)
    return each


def refuse_what_cannot_fit(s: Settings, architecture: Architecture, members: int, m: int) -> None:
    """Raise MemoryRefused for more parameters than memory can hold."""
    refuse_if_too_large(
        bytes_of(s, architecture, m) * members,
        wording(
            Setting("hidden", architecture.n_h),
            f" with {architecture.n_x} inputs and {members} member(s)",
            *((" by ", Setting("solver", "lm")) if s.solver == "lm" else ()),
        ),
        wording(
            "Choose a smaller ",
            Setting("hidden"),
            *((", or ", Setting("solver", "lbfgs")) if s.solver == "lm" else ()),
            ".",
        ),
    )


def _refuse_huge(matrix: Numbers) -> None:
    """Raise DataError for numbers, taken as they are, that have no square."""
    largest = np.sqrt(np.finfo(matrix.dtype).max)
    if matrix.max() <= largest and matrix.min() >= -largest:
        return
    j = int(np.argmax(np.abs(matrix).max(axis=0)))
    raise DataError(
        wording(
            f"column {j} of X (counted from 0): the numbers are too large to be squared in "
            f"{matrix.dtype}. Divide them by a constant, or use ", Setting("encode", "auto"), ".",
        )
    )  # fmt: skip

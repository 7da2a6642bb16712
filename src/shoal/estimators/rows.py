"""The rows of a training, wherever they are, and how each member divides them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.compute.terms import Terms
from shoal.data.rows.digest import digest
from shoal.data.rows.examples import Examples
from shoal.data.rows.seen import Seen, seen_in
from shoal.data.rows.split import Split
from shoal.data.rows.ties import Groups, HeldOut, Ties, Times
from shoal.diagnosis.case import Given
from shoal.errors import DataError, Setting, wording
from shoal.estimators.automatic import SPLIT, stops_early
from shoal.settings import Settings
from shoal.warn import warn

Place = Callable[..., Terms]
Numbers = NDArray[np.int64]  # of rows, from 0


class RowProvider(Protocol):
    """The rows of a fit, and of each member which of them are held out."""

    @property
    def m(self) -> int:
        """How many rows there are."""
        ...

    @property
    def side_by_side(self) -> int | None:
        """How many members can be trained at a time; None for any number."""
        ...

    def terms(self, seed: int, place: Place) -> tuple[Terms, Terms | None]:
        """What a member of this seed is trained on, and what is held out of it.

        Rows that are held in memory are computed on in this place.
        """
        ...

    def shown(self, seed: int) -> tuple[Examples, Examples | None]:
        """As much of both as a diagnosis looks at."""
        ...

    def given(self) -> Given | None:
        """The rows as they were given, for a diagnosis; None where no one holds them."""
        ...

    def scored(self, seed: int) -> Examples | None:
        """What is held out of it, for a scorer."""
        ...

    def held(self, seed: int) -> Iterable[Examples]:
        """All that is held out of it, some at a time."""
        ...

    def held_rows(self, seed: int, most: int) -> Iterable[tuple[Numbers, Examples]]:
        """Of about `most` rows, evenly spread over all, those that are held out of it, with their numbers."""
        ...

    def seen(self) -> Seen | None:
        """Hashes of some rows, by which they are known again."""
        ...

    def digests(self) -> dict[str, str | None]:
        """Names of the rows, for checkpoints."""
        ...


Parted = tuple[Examples, Examples | None]  # rows of a training, and those held out of it
REMEMBERED = 1 << 16  # rows, of which it is remembered how each member divides them: 2 MB for eight


@dataclass(frozen=True, eq=False)
class InMemoryRows:
    """Rows in memory, with a validation part of their own or not."""

    settings: Settings
    examples: Examples
    validation: Examples | None
    ties: Ties | None = None  # of the rows, by which the validation part is chosen
    table: Any = None  # the rows as they were given
    tabled: NDArray[np.int64] | None = None  # which rows the table has; None: all of them
    _parted: dict[int, Parted] = field(default_factory=dict)  # by the member's seed

    @property
    def m(self) -> int:
        """How many rows there are."""
        return self.examples.m

    @property
    def side_by_side(self) -> int | None:
        """Any number of members can be trained at a time."""
        return None

    def terms(self, seed: int, place: Place) -> tuple[Terms, Terms | None]:
        """What a member of this seed is trained on, and what is held out of it."""
        part, held = self.shown(seed)
        kept = place(part, *replicas_of(self.settings))
        return kept, None if held is None else place(held)

    def shown(self, seed: int) -> Parted:
        """The same rows."""
        if self.validation is not None or not stops_early(self.settings, self.m):
            return self.examples, self.validation
        found = self._parted.get(seed) or self._divided(key_of(seed))
        if self.m <= REMEMBERED:
            self._parted[seed] = found
        return found

    def _divided(self, key: int) -> Parted:
        s, m = self.settings, self.m
        if self.ties is None:
            rows, held = engine.hold_out(m, s.validation_fraction, key, self.examples.labels)
        else:
            mask = self.ties.held_out(s.validation_fraction, key)
            rows, held = (np.flatnonzero(part).astype(np.uint32) for part in (~mask, mask))
        refuse_too_few(len(held), m, self.ties)
        part, kept = self.examples.take(rows), self.examples.take(held)
        if kept.weights is not None and not kept.weights[kept.rows].sum() > 0:
            raise DataError(
                wording(
                    "all rows held out for early stopping have weight 0. Use another ",
                    Setting("random_state"), ", a larger ", Setting("validation_fraction"),
                    ", or ", Setting("early_stopping", False), ".",
                )
            )  # fmt: skip
        return part, kept

    def given(self) -> Given | None:
        """The table, or some rows of it, with the encoded rows."""
        return Given(self.table, self.examples, self.validation is not None, self.tabled)

    def scored(self, seed: int) -> Examples | None:
        """What is held out of it, for a scorer."""
        return self.shown(seed)[1]

    def held(self, seed: int) -> Iterable[Examples]:
        """All that is held out of it."""
        held = self.shown(seed)[1]
        return () if held is None else (held,)

    def held_rows(self, seed: int, most: int) -> Iterable[tuple[Numbers, Examples]]:
        """Of about `most` rows, evenly spread over all, those that are held out of it, with their numbers."""
        held = self.shown(seed)[1]
        if held is None:
            return
        numbers = np.arange(held.m) if held.rows is None else held.rows.astype(np.int64)
        stride = stride_of(self.m if self.validation is None else held.m, most)
        if stride == 1:
            yield numbers, held
            return
        chosen = np.flatnonzero(numbers % stride == 0)
        yield numbers[chosen], held.take(chosen)

    def seen(self) -> Seen | None:
        """Hashes of some rows, by which they are known again."""
        return seen_in([self.examples.X])

    def digests(self) -> dict[str, str | None]:
        """Names of the rows and of the validation part."""
        held = {} if self.validation is None else digest([self.validation])
        return {
            **digest([self.examples]),
            **{f"{name}_val": value for name, value in held.items()},
            **name_of_ties(self.ties),
        }


def replicas_of(s: Settings) -> tuple[int, int]:
    """How many replicas there are, and after how many steps they are averaged; 0 is an epoch."""
    return s.replicas, s.local_steps or 0


def stride_of(rows: int, most: int) -> int:
    """Every how many rows one is looked at, for at most so many."""
    return max(1, -(-rows // most))


def key_of(seed: int) -> int:
    """What chooses the validation part of the member of this seed."""
    return engine.child(seed, SPLIT)


def split_of(
    s: Settings, seed: int, m: int, sizes: Sequence[int], ties: Ties | None
) -> Split | HeldOut:
    """Which of m rows are held out of the member of this seed, as the rows come by."""
    key = key_of(seed)
    if ties is None:
        split: Split | HeldOut = Split(sizes, s.validation_fraction, key)
    else:
        split = HeldOut(ties.held_out(s.validation_fraction, key))
    refuse_too_few(split.held, m, ties)
    return split


def warn_of_unknown(ties: Ties | None) -> None:
    """Report rows without a group."""
    if isinstance(ties, Groups) and ties.unknown:
        warn(f"the group is missing in {ties.unknown:,} rows: they are treated as one group.")


def name_of_ties(ties: Ties | None) -> dict[str, str | None]:
    """What a checkpoint keeps of them; nothing where there are none."""
    return {} if ties is None else {type(ties).__name__.lower(): ties.name}


def refuse_too_few(held: int, m: int, ties: Ties | None = None) -> None:
    """Raise DataError unless some rows of m are held out, and some are left."""
    if 0 < held < m:
        return
    off = Setting("early_stopping", False)
    if ties is not None:
        same = "have the same time" if isinstance(ties, Times) else "are of one group"
        raise DataError(
            wording(
                f"all {m:,} rows {same}, so none can be held out to stop early. Use another column "
                "for the split, or ", off, ".",
            )
        )  # fmt: skip
    if m == 1:
        raise DataError(wording("1 row is too few to hold one out and stop early. Use ", off, "."))
    raise DataError(  # of every class a row is left
        wording(
            f"no row of {m:,} could be held out to stop early, as each has a class of its own. "
            "Choose another target, or use ", off, ".",
        )
    )  # fmt: skip

"""Rows in files that the workers of a cluster read by themselves; no one else holds them."""

import os
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from shoal.compute.terms import Terms
from shoal.data.encode.encoding import Encoding
from shoal.data.read.in_memory import Spelt
from shoal.data.read.source import TableSource
from shoal.data.read.tables import joined
from shoal.data.rows.digest import RUN, digest
from shoal.data.rows.examples import Examples, one_behind_the_other
from shoal.data.rows.seen import Seen
from shoal.data.rows.selection import STRIDE, Chosen, Encoded, Rows
from shoal.data.rows.split import Split
from shoal.data.rows.target_column import TargetColumn
from shoal.data.rows.ties import HeldOut, Ties
from shoal.diagnosis.case import Given
from shoal.diagnosis.rules.table import rows_to_look_at
from shoal.errors import Setting, SettingError, wording
from shoal.estimators.automatic import stops_early
from shoal.estimators.rows import Numbers, Place, name_of_ties, replicas_of, split_of
from shoal.settings import Settings
from shoal.sums import BLOCK_ROWS

SHOWN_BLOCKS = 16  # that a diagnosis looks at, evenly spread


class FileRows:
    """The rows of a fit in files, and of each member which of them are held out."""

    side_by_side: int | None = None

    def __init__(
        self, s: Settings, encoding: Encoding, rows: Rows, target: TargetColumn, sizes: list[int],
        ties: Ties | None = None,
    ) -> None:  # fmt: skip
        self._settings, self._sizes, self._ties = s, sizes, ties
        # Workers may run in another folder.
        source = TableSource(tuple(_absolute(part) for part in rows.source.parts))
        self._all = Encoded(rows._replace(source=source), encoding, target, s.dtype)
        self._held: dict[int, tuple[Encoded, Encoded]] = {}

    @property
    def m(self) -> int:
        """How many rows there are."""
        return self._all.m

    def terms(self, seed: int, place: Place) -> tuple[Terms, Terms | None]:
        """What a member of this seed is trained on, and what is held out of it."""
        kept, held = self._parted(seed)
        return place(kept, *replicas_of(self._settings)), None if held is None else place(held)

    def _parted(self, seed: int) -> tuple[Encoded, Encoded | None]:
        if not stops_early(self._settings, self.m):
            return self._all, None
        if seed not in self._held:
            split = split_of(self._settings, seed, self.m, self._sizes, self._ties)
            masks = list(self._masks(split))
            kept = Chosen.of(there & ~held for there, held in masks)
            self._held[seed] = (
                self._some(kept), self._some(Chosen.of(held for _, held in masks))
            )  # fmt: skip
        return self._held[seed]

    def _masks(self, split: Split | HeldOut) -> Iterator[tuple[Any, Any]]:
        """Of all rows of the files, a stride at a time: which are there, and which held out."""
        target, (source, chosen) = self._all.target, self._all.rows
        first = 0
        for run in Rows(source).runs(STRIDE, [target.column]):
            last = first + run.num_rows
            there = np.ones(run.num_rows, bool) if chosen is None else chosen.mask(first, last)
            column = run[target.column].filter(there)
            labels = (
                np.zeros(len(column), np.int32) if target.classes is None else target.labels(column)
            )
            held = np.zeros(run.num_rows, bool)
            held[np.flatnonzero(there)[split.mask(labels)]] = True
            yield there, held
            first = last

    def _some(self, chosen: Chosen) -> Encoded:
        return self._all._replace(rows=self._all.rows._replace(chosen=chosen))

    def shown(self, seed: int) -> tuple[Examples, Examples | None]:
        """As much of both as a diagnosis looks at."""
        kept, held = self._parted(seed)
        return _sample(kept), None if held is None else _sample(held)

    def given(self) -> Given:
        """Some rows, of the blocks that are shown."""
        return self._looked_at

    @cached_property
    def _looked_at(self) -> Given:
        runs = ((b * BLOCK_ROWS, min((b + 1) * BLOCK_ROWS, self.m)) for b in _shown(self.m))
        table = joined(one for run in runs for one in self._all.rows.tables(*run))
        table = table.take(pa.array(np.sort(rows_to_look_at(len(table)))))
        examples = self._all.encoded(table)
        return Given(
            table.drop_columns([self._all.target.column]), examples, rows=np.arange(len(table))
        )

    def scored(self, seed: int) -> Examples | None:
        """What is held out of it, for a scorer: no process holds it."""
        raise SettingError(
            wording(
                Setting("scoring"), " looks at the whole validation part at once, which no one "
                "holds when workers read the files. Leave it out, so that the loss is used, or "
                "read the table first.",
            ),
            setting="scoring",
        )  # fmt: skip

    def held(self, seed: int) -> Iterator[Examples]:
        """All that is held out of it, a run at a time."""
        held = self._parted(seed)[1]
        n_blocks, run = (0 if held is None else -(-held.m // BLOCK_ROWS)), RUN // BLOCK_ROWS
        for first in range(0, n_blocks, run):
            assert held is not None
            yield held.examples(first, min(first + run, n_blocks))

    def held_rows(self, seed: int, most: int) -> Iterator[tuple[Numbers, Examples]]:
        """None: to read them all again takes the driver as long as an epoch takes the workers."""
        yield from ()

    def seen(self) -> Seen | None:
        """None: only the workers hold the rows."""
        return None

    def digests(self) -> dict[str, str | None]:
        """Names of the rows, for checkpoints: those of the same rows in memory."""
        run, n_blocks = RUN // BLOCK_ROWS, -(-self.m // BLOCK_ROWS)
        names = digest(
            self._all.examples(first, min(first + run, n_blocks))
            for first in range(0, n_blocks, run)
        )
        return names | name_of_ties(self._ties)


def _absolute(part: Any) -> Any:
    if isinstance(part, Spelt):
        return part._replace(part=_absolute(part.part))
    path = getattr(part, "file", None)
    return part._replace(file=os.path.abspath(path)) if isinstance(path, str) else part


def _sample(source: Encoded) -> Examples:
    return one_behind_the_other([source.examples(b, b + 1) for b in _shown(source.m)])


def _shown(m: int) -> list[int]:
    """The blocks of m rows that a diagnosis looks at."""
    numbers: list[int] = np.linspace(0, -(-m // BLOCK_ROWS) - 1, SHOWN_BLOCKS).astype(int).tolist()
    return sorted({*numbers})

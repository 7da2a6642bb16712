"""Learn from files of any size: looked at, encoded once into a scratch file, then streamed.

    memory budget = BASE + the members' parameters + what is held of the rows

What is held: all encoded rows if they fit; else of each member that is trained side by side two
windows (two runs for full-batch descent) and two runs of its validation part. None of this changes
a bit of the result.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.compute.engine import threads as threads_of
from shoal.compute.memory import available, in_words
from shoal.compute.pool import room_to_read
from shoal.compute.scratch import Scratch, refuse_if_full, usual_folder
from shoal.compute.stream import Streamed
from shoal.compute.terms import Terms
from shoal.data.encode.learning import RUN_ROWS, check_overrides, learn_runs, wishes
from shoal.data.encode.moments import Running
from shoal.data.encode.novelty import Usual
from shoal.data.read.file_options import FileOptions, Files
from shoal.data.read.files import source_of
from shoal.data.read.frames import source_of_frame
from shoal.data.read.in_memory import columns_of_text, text_in_source, written_in
from shoal.data.read.messages import nothing_in, unknown_column
from shoal.data.read.origin import Origin, Piece
from shoal.data.read.words import coarser
from shoal.data.rows import target
from shoal.data.rows.digest import RUN, digest
from shoal.data.rows.examples import Examples, one_behind_the_other, rows_of
from shoal.data.rows.rates import check_rates
from shoal.data.rows.seen import Seen, seen_in
from shoal.data.rows.selection import STRIDE, Chosen, Rows
from shoal.data.rows.target_column import TargetColumn
from shoal.data.rows.ties import Ties, ties_of
from shoal.diagnosis.case import SAMPLE, Given
from shoal.diagnosis.rules.table import rows_to_look_at
from shoal.errors import DataError, MemoryRefused, Setting, SettingError, wording
from shoal.estimators.automatic import bins_of, stops_early
from shoal.estimators.clustered import FileRows
from shoal.estimators.columns import Inputs
from shoal.estimators.fitted import Fitted
from shoal.estimators.given import columns_of
from shoal.estimators.inputs import overrides, wanted_of, with_an_input
from shoal.estimators.prepare import bytes_of, ensemble_size
from shoal.estimators.rows import (
    InMemoryRows,
    Place,
    RowProvider,
    name_of_ties,
    split_of,
    stride_of,
    warn_of_unknown,
)
from shoal.estimators.targets import ClassTargets, NumberTargets, Targets
from shoal.network.architecture import Architecture
from shoal.settings import FULL_BATCH, POISSON, Settings
from shoal.sums import BLOCK_ROWS

# Python with its libraries, and a batch of rows on its way from a file to the scratch file:
# measured by benchmarks/stream.py.
BASE = 500 << 20
LEAST_RUN = 4 << 20  # bytes that are read at a time: with fewer, each costs more than its rows
MOST_CLASSES = 100_000  # a target with more values is a number


def is_source(X: Any) -> bool:
    """Whether X names files, or is a pyarrow dataset."""
    if type(X) in (list, tuple):
        return bool(X) and all(isinstance(one, str | os.PathLike) for one in X)
    return isinstance(X, str | os.PathLike | Rows | Files) or hasattr(X, "get_fragments")


def rows_of_frame(X: Any, y: Any) -> tuple[Rows, str]:
    """The partitions of a Dask DataFrame, and the name of the column of their targets."""
    if not (isinstance(y, str) or (getattr(y, "ndim", 0) == 1 and hasattr(y, "npartitions"))):
        raise SettingError(
            f"y={type(y).__name__} with a Dask DataFrame: expected a Dask Series from the same "
            "frame, or the name of a column."
        )
    source, target = source_of_frame(X, y)
    return Rows(source), target


class FileFeed:
    """Rows of files or of a dataset, of which column y is the target."""

    def __init__(self, X: Any, y: Any, s: Settings, previous: Fitted | None = None) -> None:
        self.folder = os.fspath(s.scratch or usual_folder())
        if s.engine is None:
            refuse_if_full(self.folder, 0)
        elif s.encode is None:
            raise SettingError(
                wording(
                    Setting("engine"), " with files and ", Setting("encode", None),
                    ": expected ", Setting("encode", "auto"), ", or a table in memory.",
                )
            )  # fmt: skip
        self._given = X if isinstance(X, Rows) else _rows(s, X, y, self.folder)
        columns = self._given.source.columns
        if not isinstance(y, str):
            raise SettingError(
                f"y={type(y).__name__} with files: expected the name of the column of the target.",
                file=self._given.source.name,
            )
        if y not in columns:
            raise SettingError(unknown_column(y, columns), file=self._given.source.name)
        self._y, self._class_weight, self._loss = y, s.class_weight, s.loss
        self._features = [name for name in columns if name != y]
        self._previous = previous
        if s.encode is not None and not previous:
            self._given = _spelt(self._given, self._features, s, y)
        first = self._first()
        if previous:
            previous.inputs.check_columns(*columns_of(first))
        self.scratch: tuple[str, int] | None = None  # the folder, and the bytes that were used
        self._sample: Given | None = None  # some rows as they were given
        self._ties: Ties | None = None

    def tied_by(self, groups: Any, times: Any) -> "FileFeed":
        """The same with a column of groups, or of times, by which validation rows are chosen."""
        for name, column in (("groups", groups), ("times", times)):
            if column is not None and not isinstance(column, str):
                raise SettingError(
                    f"{name}={type(column).__name__}: expected the name of a column of the files."
                )
        self._ties = ties_of(self._given, groups, times)
        warn_of_unknown(self._ties)
        return self

    def _first(self) -> pa.Table:
        if not self._features:
            raise DataError(
                "the target is the only column. Expected at least one more.",
                file=self._given.source.name, column=self._y,
            )  # fmt: skip
        first = next(self._given.tables(0, 1, self._features), None)
        if first is None:
            raise nothing_in(self._given.source.name, self._features)
        return first

    @property
    def m(self) -> int:
        """How many rows there are."""
        return self._given.m

    # --- what is learnt ----------------------------------------------------------------

    def targets(self, kind: type[Targets], known: Targets | None) -> Targets:
        """What y means, from one look at its column."""
        with self._placing():
            if issubclass(kind, ClassTargets):
                assert known is None or isinstance(known, ClassTargets)
                return self._classes(known)
            assert known is None or isinstance(known, NumberTargets)
            return self._numbers(known)

    def _numbers(self, known: NumberTargets | None) -> NumberTargets:
        """Numbers, of which the moments are added run after run."""
        running, m, apart = Running(engine.sums_about), 0, np.zeros(1)
        for run in self._given.runs(RUN_ROWS, [self._y]):
            numbers = target.as_numbers(run[self._y], self._y)
            if not np.isfinite(numbers).all():
                row = m + int(np.argmin(np.isfinite(numbers)))
                raise _no_target("NaN or infinity", row, self._y)
            if self._loss == POISSON:
                check_rates(numbers, m)
            if known:
                known.arrays(numbers)  # as many as there were
                apart = np.maximum(apart, known.apart(numbers))
            else:
                running.add(numbers, None)
            m += run.num_rows
        if known is None:
            _, mean, variance = running.moments()
            known = NumberTargets.of([mean], [variance]).by(self._loss)
        else:
            known = known.with_scale(apart)
        self._sizes = [m]
        mean, scale = float(known.centre[0]), float(known.divisor[0])
        self._target = TargetColumn(self._y, None, mean=mean, scale=scale)
        return known

    def _classes(self, known: ClassTargets | None) -> ClassTargets:
        """Classes, and how many rows each of them has."""
        counted, kind = self._counted()
        values = target.as_classes(pa.chunked_array([pa.array(list(counted), kind)]))
        if known:
            known.arrays(values)  # of which it knows the classes
        else:
            known = ClassTargets.learn(values)
        sizes = [0] * len(known.classes)
        places = np.searchsorted(known.classes, values)
        for number, count in zip(places, counted.values(), strict=True):
            sizes[number] += count
        weights = known.weights_of(self._class_weight, np.array(sizes))
        self._sizes, self._target = sizes, TargetColumn(self._y, known.classes, weights)
        return known

    def _counted(self) -> tuple[dict[Any, int], pa.DataType]:
        """The values of the target, with how many rows each has, and their type."""
        counted: dict[Any, int] = {}
        first, kind = 0, pa.null()
        for table in self._given.tables(columns=[self._y]):
            absent = pc.is_null(table[self._y], nan_is_null=True)
            if pc.any(absent).as_py():
                row = first + int(np.argmax(absent.to_numpy()))
                raise _no_target("NaN or None", row, self._y)
            column = target.as_counted(coarser(table[self._y]))
            kind = column.type
            for pair in pc.value_counts(column.combine_chunks()):
                value = pair["values"].as_py()
                counted[value] = counted.get(value, 0) + pair["counts"].as_py()
            if len(counted) > MOST_CLASSES:
                raise DataError(
                    f"the target has more than {MOST_CLASSES:,} classes: expected a few. For a "
                    "number use ShoalRegressor.",
                    file=self._given.source.name, column=self._y,
                )  # fmt: skip
            first += table.num_rows
        return counted, kind

    def inputs(self, s: Settings, who: str) -> Inputs:
        """How the columns become a matrix, from one look at the rows."""
        wanted, names = overrides(s), self._features
        encoding, usual = None, tuple[Usual, ...]()
        if s.encode is not None:
            check_overrides(names, **wanted)
            bins = bins_of(s, self.m, len(names))
            runs = ((run, None) for run in self._given.runs(_run_rows(len(names)), names))
            with self._placing():
                learnt = learn_runs(runs, self.m, engine.sums_about, wishes(**wanted), bins)
            encoding, usual = with_an_input(learnt.encoding, self.m), learnt.usual
        written = written_in(self._first())
        return Inputs(who, len(names), tuple(names), encoding, s.dtype, written, s.missing, usual)

    # --- the rows ----------------------------------------------------------------------

    @contextmanager
    def rows(
        self, s: Settings, inputs: Inputs, targets: Targets, architecture: Architecture
    ) -> Iterator[RowProvider]:
        """The rows: read by the workers of a cluster, or encoded into a scratch file."""
        if s.engine is not None:
            assert inputs.encoding is not None
            encoding = inputs.encoding
            yield FileRows(s, encoding, self._given, self._target, self._sizes, self._ties)
            return
        with closing(Scratch(self.folder)) as scratch:
            self._write(s, inputs, scratch)
            self.scratch = self.folder, scratch.nbytes
            with self._held(s, architecture, scratch) as rows:
                yield rows

    def _write(self, s: Settings, inputs: Inputs, scratch: Scratch) -> None:
        done, size = 0, _run_rows(len(self._features))
        wanted, tables, parts = np.sort(rows_to_look_at(self.m)), list[pa.Table](), list[Examples]()
        for run in self._given.runs(size):
            with self._placing(done):
                X = inputs.matrix(run.select(self._features))
                examples = self._target.examples(X, run[self._target.column])
                scratch.append(examples)
            here = wanted[(wanted >= done) & (wanted < done + run.num_rows)] - done
            tables.append(run.select(self._features).take(pa.array(here)))
            parts.append(_some(examples, here))
            if not done:
                # The rows once, and the part of each member that is held out.
                held = ensemble_size(s, self.m, self._previous) * s.validation_fraction
                refuse_if_full(scratch.folder, int(self.m * scratch.row_bytes * (1 + held)))
            done += run.num_rows
        table = pa.concat_tables(tables, promote_options="permissive")
        self._sample = Given(table, one_behind_the_other(parts), rows=wanted)

    @contextmanager
    def _placing(self, rows_before: int = 0) -> Iterator[None]:
        """DataErrors about rows, counted from 1 after some, name the file and the row in it."""
        try:
            yield
        except DataError as error:
            if error.file is not None:
                raise
            place: dict[str, Any] = {"file": self._given.source.name}
            if error.row is not None:
                place = self._given.place(rows_before + error.row - 1)
            raise error.at(**place) from None

    @contextmanager
    def _held(
        self, s: Settings, architecture: Architecture, scratch: Scratch
    ) -> Iterator[RowProvider]:
        budget = s.memory or available() // 2
        members = ensemble_size(s, scratch.m, self._previous)
        spare = budget - BASE - members * bytes_of(s, architecture, scratch.m)
        if scratch.nbytes <= spare:
            assert self._sample is not None
            table, _, _, numbers = self._sample
            yield InMemoryRows(s, Streamed(scratch).loaded(), None, self._ties, table, numbers)
            return
        if s.replicas > 1:
            raise SettingError(
                wording(
                    Setting("replicas", s.replicas), " and a table that ",
                    Setting("memory", in_words(budget)), " cannot hold: expected one that fits "
                    "into the memory of this machine, or a cluster whose workers have enough (",
                    Setting("engine"), "). Give more memory, or leave ", Setting("replicas"), " out.",
                ),
                setting="replicas",
            )  # fmt: skip
        windows = _windows_bytes(s, scratch)
        least = windows + 4 * max(LEAST_RUN, BLOCK_ROWS * scratch.row_bytes)
        side_by_side = min(members, threads_of(s.n_jobs), int(spare // least))
        if side_by_side < 1:
            raise _too_little(s, budget, budget - spare + least)
        run_bytes = (spare // side_by_side - windows) // 4
        limits = run_bytes, side_by_side
        with closing(ScratchRows(s, scratch, self._sizes, limits, self._ties)) as rows:
            rows.sample = self._sample and self._sample._replace(
                rows=np.arange(len(self._sample.table))
            )
            yield rows


def _rows(s: Settings, X: Any, y: Any, folder: str) -> Rows:
    overrides(s)
    room_to_read()
    paths, options = (X.paths, X.options) if isinstance(X, Files) else (X, FileOptions())
    wanted = wanted_of(s, y if isinstance(y, str) else None)
    return Rows(source_of(paths, wanted._replace(files=options), folder))


def _spelt(given: Rows, features: list[str], s: Settings, y: str) -> Rows:
    """The rows with the text of files that have types read as that of other files is."""
    wanted = wanted_of(s, y)
    first = next(given.tables(0, 1, features), None) if features else None
    names = [] if first is None else columns_of_text(first.schema, wanted)
    if not names:
        return given

    def pieces() -> Iterator[Piece]:
        row = 0
        for table in given.tables(columns=names):
            yield Piece(table, Origin(given.source.name, partial(_place, given, row)))
            row += table.num_rows

    source = text_in_source(given.source, pieces(), names, wanted)
    return given._replace(source=source)


def _place(given: Rows, first: int, index: int) -> dict[str, Any]:
    return {name: at for name, at in given.place(first + index).items() if name != "file"}


def _no_target(what: str, row: int, column: str) -> DataError:
    message = f"y contains {what}: expected a target for every row. Leave such rows out."
    return DataError(message, row=row + 1, column=column)


def _run_rows(columns: int) -> int:
    """Rows that are looked at together: fewer where there are many columns."""
    rows = RUN_ROWS
    while rows * columns > RUN_ROWS * 64 and rows > 512:
        rows //= 2
    return rows


def _windows_bytes(s: Settings, scratch: Scratch) -> int:
    """Bytes of the windows that a member holds: one is read while another is trained on."""
    if s.solver in FULL_BATCH:
        return 0
    # Between the rows of a member stand those that are held out of it: they are read as well.
    share = 1 - s.validation_fraction if stops_early(s, scratch.m) else 1
    rows = min(int(s.shuffle_rows / share), scratch.m)
    return (1 if rows == scratch.m else 2) * rows * scratch.row_bytes


def _too_little(s: Settings, budget: int, needed: int) -> MemoryRefused:
    windows: list[str | Setting] = []
    fewer = ""
    if s.solver not in FULL_BATCH:
        windows = [" for windows of ", Setting("shuffle_rows", s.shuffle_rows), " rows"]
        fewer = ", or choose smaller windows"
    return MemoryRefused(
        wording(
            Setting("memory", in_words(budget)), f" is too little: {in_words(needed)} are needed",
            *windows, f" and for the program itself. Give more{fewer}.",
        ),
        setting="memory",
    )  # fmt: skip


class ScratchRows:
    """The rows of a fit in a scratch file, and the held out part of each member in another."""

    def __init__(
        self, s: Settings, scratch: Scratch, sizes: list[int], limits: tuple[int, int],
        ties: Ties | None = None,
    ) -> None:  # fmt: skip
        self._settings, self._scratch, self._sizes, self._ties = s, scratch, sizes, ties
        self._run_bytes, most = limits  # bytes of a run, and members side by side
        self._held: dict[int, tuple[Chosen, Scratch]] = {}
        self.side_by_side: int | None = most
        self.sample: Given | None = None  # some rows as they were given

    @property
    def m(self) -> int:
        """How many rows there are."""
        return self._scratch.m

    def terms(self, seed: int, place: Place) -> tuple[Terms, Terms | None]:
        """What a member of this seed is trained on, and what is held out of it."""
        if not stops_early(self._settings, self.m):
            return Streamed(self._scratch, None, self._run_bytes), None
        chosen, held = self._parted(seed)
        rows = Streamed(self._scratch, chosen, self._run_bytes)
        return rows, Streamed(held, None, self._run_bytes)

    def _parted(self, seed: int) -> tuple[Chosen, Scratch]:
        if seed in self._held:
            return self._held[seed]
        split = split_of(self._settings, seed, self.m, self._sizes, self._ties)
        held = Scratch(self._scratch.folder)
        kept: list[NDArray[np.bool_]] = []
        for run in self._scratch.runs(STRIDE):
            labels = np.zeros(run.m, np.int32) if run.labels is None else run.labels
            mask = split.mask(labels)
            kept.append(~mask)
            if mask.any():
                held.append(_some(run, np.flatnonzero(mask)))
        self._held[seed] = Chosen.of(iter(kept)), held
        return self._held[seed]

    def shown(self, seed: int) -> tuple[Examples, Examples | None]:
        """As much of both as a diagnosis looks at."""
        if not stops_early(self._settings, self.m):
            return _sample(Streamed(self._scratch)), None
        chosen, held = self._parted(seed)
        return _sample(Streamed(self._scratch, chosen)), _sample(Streamed(held))

    def given(self) -> Given | None:
        """Some rows: not all of them are in memory."""
        return self.sample

    def scored(self, seed: int) -> Examples | None:
        """What is held out of it, for a scorer: that would have to be held in memory."""
        raise SettingError(
            wording(
                Setting("scoring"), " looks at the whole validation part at once, which ",
                Setting("memory"), " does not allow for this table. Leave it out, so that the loss "
                "is used, or give more memory.",
            ),
            setting="scoring",
        )  # fmt: skip

    def held(self, seed: int) -> Iterable[Examples]:
        """All that is held out of it, a run at a time."""
        return self._parted(seed)[1].runs(STRIDE)

    def held_rows(self, seed: int, most: int) -> Iterator[tuple[NDArray[np.int64], Examples]]:
        """Of about `most` rows, evenly spread over all, those that are held out of it, with their numbers."""
        if not stops_early(self._settings, self.m):
            return
        (chosen, held), stride = self._parted(seed), stride_of(self.m, most)
        places, numbers, before = list[NDArray[np.int64]](), list[NDArray[np.int64]](), 0
        for first in range(0, self.m, STRIDE):
            out = first + np.flatnonzero(~chosen.mask(first, min(first + STRIDE, self.m)))
            wanted = np.flatnonzero(out % stride == 0)
            places.append(before + wanted)
            numbers.append(out[wanted])
            before += len(out)
        place, number = np.concatenate(places), np.concatenate(numbers)
        for i, run in enumerate(held.runs(STRIDE)):
            here = np.flatnonzero(place // STRIDE == i)
            if len(here):
                yield number[here], _some(run, place[here] - i * STRIDE)

    def seen(self) -> Seen | None:
        """Hashes of some rows, by which they are known again."""
        return seen_in(run.X for run in self._scratch.runs(RUN))

    def digests(self) -> dict[str, str | None]:
        """Names of the rows, for checkpoints."""
        return digest(self._scratch.runs(RUN)) | name_of_ties(self._ties)

    def close(self) -> None:
        """Give the space of the held out parts back."""
        for _, scratch in self._held.values():
            scratch.close()


def _some(examples: Examples, rows: NDArray[np.integer]) -> Examples:
    X, Y, labels, weights, _ = examples
    parts = (None if part is None else part[rows] for part in (Y, labels, weights))
    return Examples(rows_of(X, rows), *parts)


def _sample(rows: Streamed) -> Examples:
    numbers = np.unique(np.linspace(0, rows.m - 1, SAMPLE).astype(np.int64))
    return next(rows.windows([[slice(int(n), int(n) + 1) for n in numbers]]))

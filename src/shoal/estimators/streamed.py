"""Learn from files of any size: looked at, encoded once into a scratch file, then streamed.

    memory budget = BASE + the members' parameters + what is held of the rows

What is held: all encoded rows if they fit; else of each member that is trained side by side two
windows (two runs for full-batch descent) and two runs of its validation part. Nothing of this
shows in a bit of the result.
"""

import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.utils import compute_sample_weight
from sklearn.utils.validation import validate_data

from shoal.compute.engine import engine
from shoal.compute.engine import threads as threads_of
from shoal.compute.memory import available, in_words
from shoal.compute.scratch import Buffer, Scratch, refuse_if_full, usual_folder
from shoal.compute.stream import Streamed
from shoal.compute.terms import Terms
from shoal.data import target
from shoal.data.digest import RUN, digest
from shoal.data.examples import Examples, rows_of
from shoal.data.frames import listing_of_frame
from shoal.data.goal import Goal
from shoal.data.learning import RUN_ROWS, check_overrides, learn_runs, wishes
from shoal.data.listing import listing_of
from shoal.data.messages import unknown_column
from shoal.data.moments import Running
from shoal.data.sources import STRIDE, Chosen, Rows
from shoal.data.split import Split
from shoal.diagnosis.case import SAMPLE
from shoal.errors import DataError, MemoryRefused, SettingError
from shoal.estimators.clustered import InFiles
from shoal.estimators.members import (
    Held,
    Material,
    Place,
    bytes_of,
    members_of,
    refuse_too_few,
    refuse_what_cannot_fit,
    stops_early,
    train_members,
)
from shoal.estimators.reading import check_features, matrix_of, overrides
from shoal.estimators.settings import FULL_BATCH, SPLIT, architecture_of, bins_of, size_in_bytes
from shoal.network.architecture import Architecture
from shoal.network.draws import child
from shoal.sums import BLOCK_ROWS

if TYPE_CHECKING:
    from shoal.estimators.base import ShoalBase

# Python with its libraries, and a batch of rows on its way from a file to the scratch file:
# measured by benchmarks/stream.py.
BASE = 500 << 20
LEAST_RUN = 4 << 20  # bytes that are read at a time: with fewer, each costs more than its rows
MOST_CLASSES = 100_000  # a target with more values is a number


def is_source(X: Any) -> bool:
    """Whether X names files, or is a pyarrow dataset."""
    if type(X) in (list, tuple):
        return bool(X) and all(isinstance(one, str | os.PathLike) for one in X)
    return isinstance(X, str | os.PathLike | Rows) or hasattr(X, "get_fragments")


def rows_of_frame(X: Any, y: Any) -> tuple[Rows, str]:
    """The partitions of a Dask DataFrame, and the name of the column of their answers."""
    if not (isinstance(y, str) or (getattr(y, "ndim", 0) == 1 and hasattr(y, "npartitions"))):
        raise SettingError(
            f"y={type(y).__name__} with a Dask DataFrame: expected a Dask Series from the same "
            "frame, or the name of a column."
        )
    listing, target = listing_of_frame(X, y)
    return Rows(listing), target


def fit_streamed(model: "ShoalBase", X: Any, y: Any) -> None:
    """Learn from the rows of X, files or a dataset, to say what stands in column y."""
    folder = os.fspath(model.scratch or usual_folder())
    if model.engine is None:
        refuse_if_full(folder, 0)
    elif model.encode is None:
        raise SettingError(
            'engine= with files and encode=None: expected encode="auto", or a table in memory.'
        )
    rows = X if isinstance(X, Rows) else _rows(model, X, y)
    if not isinstance(y, str) or y not in rows.listing.columns:
        raise SettingError(unknown_column(rows.listing.name, str(y), rows.listing.columns))
    features = [name for name in rows.listing.columns if name != y]
    _name_features(model, rows, features)
    goal, sizes = _learn_goal(model, rows, y)
    _learn_encoding(model, rows, features)
    model.n_outputs_, model.out_activation_ = model._outputs()
    given = {"X": X, "y": y, "metadata": None}
    if model.engine is not None:
        architecture = _architecture(model, len(model.encoding_.features), rows)
        train_members(model, architecture, InFiles(model, rows, goal, sizes), given)
        return
    with closing(Scratch(folder)) as scratch:
        _write(model, rows, features, goal, scratch)
        n_x = scratch.read([slice(0, 1)], Buffer()).X.shape[1]
        architecture = _architecture(model, n_x, rows)
        with _material(model, architecture, scratch, sizes) as material:
            train_members(model, architecture, material, given)
        model.scratch_ = folder, scratch.nbytes


def _architecture(model: "ShoalBase", n_x: int, rows: Rows) -> Architecture:
    architecture = architecture_of(model, n_x)
    refuse_what_cannot_fit(model, architecture, members_of(model, rows.m))
    return architecture


def _rows(model: "ShoalBase", X: Any, y: Any) -> Rows:
    named = {name: [c for c in columns if c != y] for name, columns in overrides(model).items()}
    return Rows(listing_of(X, words=named["words"], numbers=named["numbers"]))


def _name_features(model: "ShoalBase", rows: Rows, features: list[str]) -> None:
    if not features:
        raise DataError("the target is the only column. Expected at least one more.")
    first = next(rows.tables(0, 1, features), None)
    if first is None:
        raise DataError("the table has no rows: expected at least one example.")
    validate_data(model, first.slice(0, 0), skip_check_array=True, reset=True)


# --- what is asked --------------------------------------------------------------------


def _learn_goal(model: "ShoalBase", rows: Rows, y: str) -> tuple[Goal, list[int]]:
    """How answers become numbers, and how many rows each class has (one for a number)."""
    if hasattr(model, "class_weight"):
        return _learn_classes(model, rows, y)
    where, running, m = f'the target "{y}"', Running(engine.sums_about), 0
    for run in rows.runs(RUN_ROWS, [y]):
        numbers = target.as_numbers(run[y], where)
        if not np.isfinite(numbers).all():
            row = m + int(np.argmin(np.isfinite(numbers)))
            raise DataError(
                f"y contains NaN or infinity (first in row {row}): expected a target for every "
                "row. Leave such rows out."
            )
        running.add(numbers, None)
        m += run.num_rows
    _, mean, variance = running.moments()
    model._columns_ = 0  # one target
    model._learn_scale([mean], [variance])
    return Goal(y, None, mean=mean, scale=float(model.target_scale_[0])), [m]


def _learn_classes(model: Any, rows: Rows, y: str) -> tuple[Goal, list[int]]:
    counted: dict[Any, int] = {}
    first = 0
    for table in rows.tables(columns=[y]):
        absent = pc.is_null(table[y], nan_is_null=True)
        if pc.any(absent).as_py():
            row = first + int(np.argmax(absent.to_numpy()))
            raise DataError(
                f"y contains NaN or None (first in row {row}): expected a target for every row. "
                "Leave such rows out."
            )
        for pair in pc.value_counts(table[y].combine_chunks()):
            value = pair["values"].as_py()
            counted[value] = counted.get(value, 0) + pair["counts"].as_py()
        if len(counted) > MOST_CLASSES:
            raise DataError(
                f'the target "{y}" has more than {MOST_CLASSES:,} classes: expected a few. Is it a '
                "number? Use ShoalRegressor (on the command line --task regression)."
            )
        first += table.num_rows
    values = target.as_classes(pa.chunked_array([pa.array(list(counted))]))
    model._learn_targets(values, None)
    sizes = [0] * model.n_classes_
    for number, count in zip(
        np.searchsorted(model.classes_, values), counted.values(), strict=True
    ):
        sizes[number] += count
    weights = None
    if model.class_weight == "balanced":
        weights = sum(sizes) / (len(sizes) * np.array(sizes, np.float64))
    elif model.class_weight is not None:
        weights = compute_sample_weight(model.class_weight, model.classes_)
    return Goal(y, model.classes_, weights), sizes


# --- the encoding, and the scratch file -----------------------------------------------


def _learn_encoding(model: "ShoalBase", rows: Rows, features: list[str]) -> None:
    wanted = overrides(model)
    model.encoding_ = None
    if model.encode is None:
        return
    check_overrides(features, **wanted)
    bins = bins_of(model, rows.m, len(features))
    runs = ((run, None) for run in rows.runs(_run_rows(len(features)), features))
    model.encoding_ = learn_runs(runs, rows.m, engine.sums_about, wishes(**wanted), bins)
    check_features(model.encoding_, rows.m)


def _run_rows(columns: int) -> int:
    """Rows that are looked at together: fewer where there are many columns."""
    rows = RUN_ROWS
    while rows * columns > RUN_ROWS * 64 and rows > 512:
        rows //= 2
    return rows


def _write(
    model: "ShoalBase", rows: Rows, features: list[str], goal: Goal, scratch: Scratch
) -> None:
    done, size = 0, _run_rows(len(features))
    for run in rows.runs(size):
        try:
            X = matrix_of(model, run.select(features))
            scratch.append(goal.examples(X, run[goal.column]))
        except DataError as error:
            raise _placed(error, rows, done) from None
        if not done:
            # The rows once, and the part of each member that is held out.
            held = members_of(model, rows.m) * model.validation_fraction
            refuse_if_full(scratch.folder, int(rows.m * scratch.row_bytes * (1 + held)))
        done += run.num_rows


def _placed(error: DataError, rows: Rows, done: int) -> DataError:
    """The error with the file in front, and its row counted from the first one of all."""
    text = str(error)
    if row := re.match(r"row ([\d,]+)", text):
        text = f"row {int(row[1].replace(',', '')) + done:,}{text[row.end() :]}"
    return DataError(f"{rows.listing.name}, {text}")


# --- what is held ---------------------------------------------------------------------


@contextmanager
def _material(
    model: "ShoalBase", architecture: Architecture, scratch: Scratch, sizes: list[int]
) -> Iterator[Material]:
    budget = size_in_bytes(model.memory) or available() // 2
    members = members_of(model, scratch.m)
    spare = budget - BASE - members * bytes_of(model, architecture)
    if scratch.nbytes <= spare:
        yield Held(model, Streamed(scratch).loaded(), None)
        return
    if model.replicas > 1:
        raise SettingError(
            f"replicas={model.replicas} and a table that memory={in_words(budget)} cannot hold: "
            "expected one that this machine holds, or a cluster whose workers do (engine=). Give "
            "more memory, or leave replicas out."
        )
    windows = _windows_bytes(model, scratch)
    least = windows + 4 * max(LEAST_RUN, BLOCK_ROWS * scratch.row_bytes)
    side_by_side = min(members, threads_of(model.n_jobs), int(spare // least))
    if side_by_side < 1:
        raise MemoryRefused(_too_little(model, budget, budget - spare + least))
    run_bytes = (spare // side_by_side - windows) // 4
    material = InScratch(model, scratch, sizes, run_bytes, side_by_side)
    with closing(material):
        yield material


def _windows_bytes(model: "ShoalBase", scratch: Scratch) -> int:
    """Bytes of the windows that a member holds: one is read while another is trained on."""
    if model.solver in FULL_BATCH:
        return 0
    # Between the rows of a member stand those that are held out of it: they are read as well.
    share = 1 - model.validation_fraction if stops_early(model, scratch.m) else 1
    rows = min(int(model.shuffle_rows / share), scratch.m)
    return (1 if rows == scratch.m else 2) * rows * scratch.row_bytes


def _too_little(model: "ShoalBase", budget: int, needed: int) -> str:
    window = (
        ""
        if model.solver in FULL_BATCH
        else f" for windows of shuffle_rows={model.shuffle_rows:,} rows"
    )
    fewer = ", or choose smaller windows" if window else ""
    return (
        f"memory={in_words(budget)} is too little: {in_words(needed)} are needed{window} and for "
        f"the program itself. Give more{fewer}."
    )


class InScratch:
    """The rows of a fit in a scratch file, and the held out part of each member in another."""

    def __init__(
        self, model: "ShoalBase", scratch: Scratch, sizes: list[int], run_bytes: int, most: int
    ) -> None:
        self._model, self._scratch, self._sizes = model, scratch, sizes
        self._run_bytes = run_bytes
        self._held: dict[int, tuple[Chosen, Scratch]] = {}
        self.side_by_side: int | None = most

    @property
    def m(self) -> int:
        """How many rows there are."""
        return self._scratch.m

    def terms(self, seed: int, place: Place) -> tuple[Terms, Terms | None]:
        """What a member of this seed is trained on, and what is held out of it."""
        if not stops_early(self._model, self.m):
            return Streamed(self._scratch, None, self._run_bytes), None
        chosen, held = self._parted(seed)
        rows = Streamed(self._scratch, chosen, self._run_bytes)
        return rows, Streamed(held, None, self._run_bytes)

    def _parted(self, seed: int) -> tuple[Chosen, Scratch]:
        if seed in self._held:
            return self._held[seed]
        split = Split(self._sizes, self._model.validation_fraction, child(seed, SPLIT))
        refuse_too_few(split.held, self.m)
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
        if not stops_early(self._model, self.m):
            return _sample(Streamed(self._scratch)), None
        chosen, held = self._parted(seed)
        return _sample(Streamed(self._scratch, chosen)), _sample(Streamed(held))

    def scored(self, seed: int) -> Examples | None:
        """What is held out of it, for a scorer: that would have to be held in memory."""
        raise SettingError(
            "scoring= looks at the whole validation part at once, which memory= does not allow for "
            "this table. Leave scoring out, so that the loss judges, or give more memory."
        )

    def digests(self) -> dict[str, str | None]:
        """Names of the rows, for checkpoints."""
        return digest(self._scratch.runs(RUN))

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

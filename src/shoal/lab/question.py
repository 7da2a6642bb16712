"""The data of an experiment as an estimator takes them, and the plane in which they are shown.

X, y        for training: rows are examples, as in every estimator
X_val ...   for validation; None where there are none
points      where the training rows lie in the plane (rows, 2)
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.data.read.in_memory import written_in
from shoal.data.rows.question import problem_of
from shoal.data.rows.split import hold_out
from shoal.data.rows.target import CLASSIFICATION, REGRESSION
from shoal.errors import DataError, SettingError
from shoal.lab import toys
from shoal.lab.experiment import TABLE, Experiment
from shoal.lab.tables import Tables

Array = NDArray[np.float64]
Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc

MOST_CLASSES = 30  # of more no one sees which is which
MOST_COLUMNS = 60  # that a network is shown; of more the first ones, unless others are chosen
MARGIN = 0.06  # of a column's range, around it
MOST_WORDS = 40  # that a column is offered to be held at


class Held(NamedTuple):
    """A column that the plane does not show, and at what it is held."""

    name: str
    value: str
    low: float = 0.0  # of a number
    high: float = 0.0
    words: tuple[str, ...] = ()  # of anything else: what it may be


class Plane(NamedTuple):
    """What is shown: two columns, their ranges, and the others."""

    axes: tuple[str, str]
    x1: tuple[float, float]
    x2: tuple[float, float]
    held: tuple[Held, ...] = ()
    choices: tuple[str, ...] = ()  # what may be an axis


class Asked(NamedTuple):
    """What a table was asked, and how."""

    table: str  # the name of its file
    target: str
    reason: str  # why its target is a class, or a number
    left_out: int  # rows whose target is missing
    written: Mapping[str, Any]  # how the target was written, if it was text


class Question(NamedTuple):
    """What an estimator is given, and what of it is shown."""

    X: Any
    y: NDArray[Any]
    X_val: Any
    y_val: NDArray[Any] | None
    task: str
    classes: tuple[str, ...]  # none for a number
    points: Array
    points_val: Array
    plane: Plane
    columns: tuple[str, ...]  # what may be a feature
    used: tuple[str, ...]  # what is one
    total: int  # rows that the table has, with a target
    asked: Asked | None = None  # of a table

    def rows_at(self, x1: Array, x2: Array, experiment: Experiment) -> Any:
        """Rows as an estimator takes them, for places in the plane."""
        if experiment.data != TABLE:
            return toys.features(np.column_stack([x1, x2]), self.used)
        columns = {}
        for name, values in zip(self.plane.axes, (x1, x2), strict=True):
            if name:
                columns[name] = pa.array(values)
        for held in self.plane.held:
            kind = self.X.schema.field(held.name).type
            columns[held.name] = pa.repeat(_scalar(held.value, kind), len(x1))
        return pa.table({name: columns[name] for name in self.X.column_names})


def question_of(experiment: Experiment, tables: Tables) -> Question:
    """The data of an experiment. Raises DataError or SettingError when there are none."""
    return _own(experiment, tables) if experiment.data == TABLE else _toy(experiment)


# --- toys -------------------------------------------------------------------------------


def _toy(experiment: Experiment) -> Question:
    names = experiment.features or toys.USUAL
    unknown = [name for name in names if name not in toys.FEATURES]
    if unknown:
        raise SettingError(
            f'features: expected some of {", ".join(toys.FEATURES)}, found "{unknown[0]}".'
        )
    toy = toys.TOYS[experiment.data]
    if toy.classes and experiment.counts:
        raise SettingError(
            f"loss=poisson is for counts and rates, and {experiment.data} has classes."
        )
    noise, seed = experiment.noise / 100, experiment.data_seed
    plane, y = toys.points(experiment.data, experiment.rows, noise, seed)
    if experiment.points:
        added = np.array(experiment.points, np.float64)
        plane = np.vstack([plane, added[:, :2]])
        y = np.concatenate([y, _labels(added[:, 2], toy.classes)])
    n = round(experiment.rows * experiment.validation / 100)
    plane_val, y_val = toys.points(experiment.data, n, noise, seed, validation=True)
    reach = (-toys.PLANE, toys.PLANE)
    return Question(
        toys.features(plane, names), y,
        toys.features(plane_val, names) if n else None, y_val if n else None,
        CLASSIFICATION if toy.classes else REGRESSION,
        tuple(str(k) for k in range(toy.classes)),
        plane, plane_val, Plane(("x1", "x2"), reach, reach), tuple(toys.FEATURES), tuple(names),
        len(y) + n,
    )  # fmt: skip


def _labels(values: Array, classes: int) -> NDArray[Any]:
    if not classes:
        return values
    labels = values.astype(np.int64)
    if not ((labels == values) & (labels >= 0) & (labels < classes)).all():
        raise SettingError(f"points: expected classes from 0 to {classes - 1}.")
    return labels


# --- own tables ---------------------------------------------------------------------------


def _own(experiment: Experiment, tables: Tables) -> Question:
    if experiment.points:
        raise SettingError("points: can be added to toy data only.")
    known = tables[experiment.table]
    names = list(known.table.column_names)
    target = experiment.target or known.target or names[-1]
    task = REGRESSION if experiment.counts else None  # else counts of few values were classes
    problem = problem_of(known.table, known.name, target, task)
    labels: NDArray[Any] | None = None
    if problem.task == CLASSIFICATION:
        found, labels = np.unique(problem.y, return_inverse=True)
        if len(found) > MOST_CLASSES:
            raise DataError(
                f'{known.name}: the target "{target}" has {len(found):,} classes, and the '
                f"laboratory shows {MOST_CLASSES} at most. Choose another target, or use shoal train."
            )
    columns = tuple(problem.X.column_names)
    chosen = [name for name in columns if name in _chosen(experiment, columns)]
    X, y = problem.X.select(chosen), problem.y
    if len(y) > experiment.rows:
        _, drawn = hold_out(len(y), experiment.rows / len(y), experiment.data_seed, labels)
        X, y, labels = X.take(drawn), y[drawn], None if labels is None else labels[drawn]
    kept = np.arange(len(y), dtype=np.uint32)
    held = kept[:0]
    if experiment.validation and len(y) > 1:
        kept, held = hold_out(len(y), experiment.validation / 100, experiment.data_seed, labels)
    plane = _plane_of(X, experiment)
    # A rare class may be in none of the rows that were drawn.
    classes = () if labels is None else tuple(str(name) for name in np.unique(y[kept]))
    return Question(
        X.take(kept), y[kept], X.take(held) if len(held) else None, y[held] if len(held) else None,
        problem.task, classes, _places(X.take(kept), plane), _places(X.take(held), plane),
        plane, columns, tuple(chosen), len(problem.y),
        Asked(
            known.name, target, problem.reason, problem.left_out,
            written_in(known.table.select([target])),
        ),
    )  # fmt: skip


def _chosen(experiment: Experiment, columns: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in experiment.features if name not in columns]
    if unknown:
        raise SettingError(f'features: the table has no column "{unknown[0]}".')
    if len(experiment.features) > MOST_COLUMNS:
        raise SettingError(f"features: expected at most {MOST_COLUMNS} columns.")
    return experiment.features or columns[:MOST_COLUMNS]


def _plane_of(X: pa.Table, experiment: Experiment) -> Plane:
    numeric = tuple(
        name
        for name in X.column_names
        if name and _is_number(X.schema.field(name).type) and _varies(X[name])
    )
    if not numeric:
        raise DataError("none of these columns is a number that varies: the plane needs one.")
    axes = tuple(name for name in experiment.axes if name in numeric)[:2]
    axes += tuple(name for name in numeric if name not in axes)[: 2 - len(axes)]
    pair = (axes[0], axes[1] if len(axes) > 1 else "")
    wanted = dict(experiment.held)
    held = tuple(_held(X[n], n, wanted.get(n)) for n in X.column_names if n not in axes)
    return Plane(
        pair, _range(X[pair[0]]), _range(X[pair[1]]) if pair[1] else (-1.0, 1.0), held, numeric
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _varies(column: Column) -> bool:
    low, high = _ends(column)
    return high > low


def _ends(column: Column) -> tuple[float, float]:
    values = np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), np.float64)
    values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)


def _range(column: Column) -> tuple[float, float]:
    low, high = _ends(column)
    margin = MARGIN * (high - low)
    return low - margin, high + margin


def _held(column: Column, name: str, wanted: str | None) -> Held:
    kind = column.type
    if _is_number(kind):
        low, high = _ends(column)
        usual = pc.quantile(pc.cast(column, pa.float64(), safe=False), 0.5)[0].as_py()
        value = usual if wanted is None else _as_number(wanted, name)
        return Held(name, repr(float(value or 0.0)), low, high)
    text = pc.cast(column, pa.string())
    counted = pc.value_counts(text.drop_null().combine_chunks())
    pairs = sorted(counted.to_pylist(), key=lambda pair: (-pair["counts"], pair["values"]))
    words = tuple(pair["values"] for pair in pairs[:MOST_WORDS])
    usual_word = words[0] if words else ""
    return Held(name, wanted if wanted in words and wanted else usual_word, words=words)


def _as_number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise SettingError(f'held: expected a number for "{name}", found {text[:40]!r}.')
    return value


def _scalar(text: str, kind: pa.DataType) -> Any:
    if not text:
        return pa.scalar(None, kind)
    if _is_number(kind):
        return pa.scalar(float(text), pa.float64())
    return pa.scalar(text).cast(kind)


def _places(X: pa.Table, plane: Plane) -> Array:
    """Where rows lie; a hole lies nowhere."""
    places = [
        np.asarray(pc.cast(X[name], pa.float64(), safe=False).to_numpy(), np.float64)
        if name
        else np.zeros(X.num_rows)
        for name in plane.axes
    ]
    return np.column_stack(places)

"""What the commands do with tables: the target, the task, the columns that a model needs."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.data.encoding import Encoding, Number, Time, Words
from shoal.data.files import shown, unknown_column
from shoal.errors import DataError, SettingError

CLASSES_AT_MOST = 20  # integers with more values than this are numbers to predict


class Problem(NamedTuple):
    """A table taken apart: what is known, what is asked."""

    X: pa.Table
    y: NDArray[Any]
    task: str  # "classification" or "regression"
    reason: str
    left_out: int  # rows without a target


def rows_with_target(table: pa.Table, file: str, target: str) -> tuple[pa.Table, int]:
    """The rows whose target is known, and how many others were left out."""
    if target not in table.column_names:
        raise SettingError(unknown_column(file, target, table.column_names))
    column = table[target]
    present = pc.is_valid(column)
    if pa.types.is_floating(column.type):
        present = pc.and_(present, pc.invert(pc.fill_null(pc.is_nan(column), True)))
    n = pc.sum(present).as_py() or 0
    return (table if n == table.num_rows else table.filter(present)), table.num_rows - n


def split_target(table: pa.Table, file: str, target: str, task: str | None = None) -> Problem:
    """Take the target out of the table, and find out what kind of question it asks."""
    known, left_out = rows_with_target(table, file, target)
    n = known.num_rows
    if not n:
        raise DataError(
            f'{shown(file)}: every value of the target "{target}" is missing. Expected at least some.'
        )
    if len(table.column_names) == 1:
        raise DataError(
            f'{shown(file)} has no column but the target "{target}": nothing to learn from.'
        )
    found, reason = _task_of(known[target])
    if task is not None and task != found:
        found, reason = task, "as asked with --task"
    y = target_values(known[target], found, f'{shown(file)}, target "{target}"')
    if found == "classification" and len(np.unique(y)) < 2:
        raise DataError(
            f'{shown(file)}: the target "{target}" has one class only, {y[0]!r}, in all {n:,} rows. '
            "Expected at least two to tell apart."
        )
    return Problem(known.drop_columns([target]), y, found, reason, left_out)


def target_values(column: Any, task: str, where: str) -> NDArray[Any]:
    """The target as an array: words, whole numbers or booleans for classes, else floats."""
    t = column.type
    if pa.types.is_dictionary(t):
        column = pc.cast(column, t.value_type)
        t = column.type
    if task == "regression":
        try:
            values = np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), np.float64)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise DataError(
                f"{where}: expected numbers for regression, found {t}. Use --task classification."
            ) from None
        return values
    if pa.types.is_boolean(t):
        return np.asarray(column.to_numpy(), bool)
    if pa.types.is_integer(t):
        return np.asarray(column.to_numpy(), np.int64)
    if pa.types.is_floating(t):
        values = column.to_numpy()
        if (values == np.floor(values)).all():
            return values.astype(np.int64)
    return np.array(pc.cast(column, pa.string()).to_pylist(), object)


def _task_of(column: Any) -> tuple[str, str]:
    t = column.type
    if pa.types.is_dictionary(t):
        t = t.value_type
    if pa.types.is_string(t) or pa.types.is_large_string(t):
        return "classification", "the target is words"
    if pa.types.is_boolean(t):
        return "classification", "the target is yes or no"
    if pa.types.is_integer(t):
        n = len(pc.unique(column))
        if n <= CLASSES_AT_MOST:
            return "classification", f"the target is a whole number with {n} values"
        return "regression", f"the target is a number with {n:,} values"
    return "regression", "the target is a number"


def model_types(
    encoding: Encoding, target: str | None = None, classes: Any = None
) -> dict[str, pa.DataType]:
    """The types in which a CSV file's columns are read for a model."""
    types: dict[str, pa.DataType] = {}
    for plan in encoding.columns:
        if isinstance(plan, Words):
            types[plan.name] = pa.string()
        elif isinstance(plan, Time):
            types[plan.name] = pa.timestamp("us", "UTC" if plan.zoned else None)
        elif isinstance(plan, Number):
            types[plan.name] = pa.bool_() if plan.kind == "boolean" else pa.float64()
    if target is not None:
        kind = "f" if classes is None else classes.dtype.kind
        types[target] = {"b": pa.bool_(), "i": pa.int64(), "f": pa.float64()}.get(kind, pa.string())
    return types


def needed_columns(table: pa.Table, names: list[str], file: str) -> pa.Table:
    """The model's columns by name, in the model's order. DataError when one is absent."""
    for name in names:
        if name not in table.column_names:
            raise DataError(
                unknown_column(file, name, table.column_names) + " The model was trained with it."
            )
    return table.select(names)

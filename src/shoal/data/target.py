"""The question: which column is asked for, of what kind it is, and which rows know the answer."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.data.messages import shown, unknown_column
from shoal.errors import DataError, SettingError

Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc
Values = NDArray[Any]

CLASSIFICATION, REGRESSION = "classification", "regression"
CLASSES_AT_MOST = 20  # whole numbers with more values than this are a number to predict
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"


class Problem(NamedTuple):
    """A table taken apart: what is known, and what is asked."""

    X: pa.Table
    y: Values
    task: str  # CLASSIFICATION or REGRESSION
    reason: str  # why it is that
    left_out: int  # rows without a target


def problem_of(table: pa.Table, file: str, target: str, task: str | None) -> Problem:
    """Take the target out of a table, and find out what kind of question it asks."""
    known, left_out = with_target(table, file, target)
    where = f'{shown(file)}: the target "{target}"'
    refuse_nothing(known.num_rows, len(table.column_names), where)
    found, reason = task_of(known[target])
    if task is not None and task != found:
        found, reason = task, "--task says so"
    if found == REGRESSION:
        y = as_numbers(known[target], where)
    else:
        y = as_classes(known[target])
        if (y == y[0]).all():
            raise one_class(y[0], len(y), where, left_out)
    return Problem(known.drop_columns([target]), y, found, reason, left_out)


def with_target(table: pa.Table, file: str, target: str) -> tuple[pa.Table, int]:
    """The rows whose target is known, and how many others there are."""
    known = has_target(table, file, target)
    left_out = int((~known).sum())
    return (table.filter(pa.array(known)) if left_out else table), left_out


def has_target(table: pa.Table, file: str, target: str) -> NDArray[np.bool_]:
    """Of each row, whether its target is known."""
    if target not in table.column_names:
        raise SettingError(unknown_column(file, target, table.column_names))
    return ~pc.is_null(table[target], nan_is_null=True).to_numpy()


def task_of(column: Column) -> tuple[str, str]:
    """Which task a target asks for, and why."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if _is_words(kind):
        numbers, others = _sorted_out(column)
        reason = "the target is words"
        if numbers > len(others) > 0:
            n = numbers + len(others)
            other = _listed(others[:1], 1)
            reason += f", though {numbers:,} of its {n:,} values are numbers ({other} is not)"
        return CLASSIFICATION, reason
    if pa.types.is_boolean(kind):
        return CLASSIFICATION, "the target is true or false"
    if not pa.types.is_integer(kind):
        return REGRESSION, "the target is a number"
    n = pc.count_distinct(column).as_py()
    if n <= CLASSES_AT_MOST:
        return CLASSIFICATION, f"the target is a whole number with {n} values"
    return REGRESSION, f"the target is a whole number with {n:,} values"


def refuse_spoilt_numbers(column: Column, where: str, *, rows: bool) -> None:
    """Raise DataError for a number to predict that a few words have made words of.

    With `rows` the first of them is named by its row: the column is that of one file.
    """
    if not _are_words(column):
        return
    numbers, others = _sorted_out(column)
    if others and numbers > max(CLASSES_AT_MOST, 9 * len(others)):
        row = pc.index(pc.cast(column, pa.string()), others[0]).as_py() + 1
        place = f" (first in row {row:,})" if rows else ""
        raise DataError(
            f"{where} is a number but for {_listed(others, 3)}{place}. Correct this, or leave it "
            "empty (such rows are left out), to predict a number; for words: --task classification."
        )


def _sorted_out(column: Column) -> tuple[int, list[str]]:
    """Of the values of a column of words: how many are numbers, and those that are not."""
    values = pc.cast(pc.unique(pc.drop_null(column)), pa.string())
    are_numbers = pc.match_substring_regex(values, _NUMBER)
    others = values.filter(pc.invert(are_numbers)).to_pylist()
    return len(values) - len(others), others


def as_numbers(column: Column, where: str) -> Values:
    """A target to predict, as float64."""
    try:
        return np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        others = _sorted_out(column)[1] if _are_words(column) else []
        held = _listed(others, 3) if others else column.type
        raise DataError(
            f"{where} holds {held}: expected numbers for a regression. Use --task "
            "classification, or another target."
        ) from None


def as_classes(column: Column) -> Values:
    """A target to classify: booleans, whole numbers, or words."""
    kind = column.type
    if pa.types.is_boolean(kind):
        return np.asarray(column.to_numpy(), bool)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = np.asarray(column.to_numpy())
        largest = max(abs(float(values.min())), abs(float(values.max())))
        if largest < 2**63 and (values == np.floor(values)).all():
            return values.astype(np.int64)
    return np.array(pc.cast(column, pa.string()).to_pylist(), object)


def truth_of(column: Column, classes: Values | None, where: str) -> Values:
    """The true answers of rows, to compare with a model's. `classes` is None for regression."""
    if classes is None:
        return as_numbers(column, where)
    if classes.dtype.kind == "O":
        truth = np.array(pc.cast(column, pa.string()).to_pylist(), object)
    else:
        truth = as_classes(column)
    known = np.isin(truth, classes) if truth.dtype.kind != "O" else _among(truth, classes)
    if not known.all():
        strange = _listed(np.unique(truth[~known].astype(str)), 5)
        raise DataError(
            f"{where} has answers that the model does not know: {strange}. It was trained on "
            f"{_listed(classes, 20)}. Take these rows out, or train on such rows too."
        )
    return truth


def _among(truth: Values, classes: Values) -> NDArray[np.bool_]:
    known = set(classes.tolist())
    return np.array([value in known for value in truth.tolist()], bool)


def _listed(values: Sequence[Any] | Values, most: int) -> str:
    more = f" and {len(values) - most:,} more" if len(values) > most else ""
    return ", ".join(f'"{_short(value)}"' for value in values[:most]) + more


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def refuse_nothing(known: int, columns: int, where: str) -> None:
    """Raise DataError when there is nothing to learn, or nothing to learn from."""
    if not known:
        raise DataError(
            f"{where} is missing in every row. Expected a value in some: choose another column."
        )
    if columns == 1:
        raise DataError(f"{where} is the only column. Expected at least one more, to learn from.")


def one_class(value: object, rows: int, where: str, left_out: int) -> DataError:
    """The error for a target that is the same in all rows."""
    more = f"; {left_out:,} more have no value (nothing, NA, ? and the like)"
    everywhere = f"in all {rows:,} rows" if rows > 1 else "in the only row"
    return DataError(
        f'{where} has one class only, "{value}", {everywhere}{more if left_out else ""}. '
        "Expected at least two classes to tell apart."
    )


def _are_words(column: Column) -> bool:
    kind = column.type
    return _is_words(kind.value_type if pa.types.is_dictionary(kind) else kind)


def _is_words(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )

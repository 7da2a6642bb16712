"""The values of a target: of which kind they are, as numbers or as classes, and which are missing."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.data.read.messages import unknown_column
from shoal.data.read.spoilt import shortened
from shoal.errors import DataError, Setting, SettingError, wording

Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc
Values = NDArray[Any]

CLASSIFICATION, REGRESSION = "classification", "regression"
DIGITS = 18  # of a Decimal that fits into 64 bits
CLASSES_AT_MOST = 20  # whole numbers with more values than this are a number to predict
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"


def check_target(target: str, columns: Sequence[str], file: str) -> None:
    """Raise SettingError if there is no such column."""
    if target in columns:
        return
    if len(columns) == 1 and (found := _between(target, columns[0])):
        raise SettingError(
            wording(
                f'the only column is called "{shortened(columns[0])}". If "{target}" is a column of '
                "its own, name what separates the values: ", Setting("separator", found), ".",
            ),
            file=file,
        )  # fmt: skip
    raise SettingError(unknown_column(target, columns), file=file)


def _between(target: str, names: str) -> str | None:
    """What seems to stand between names, of which this is one; None if nothing does."""
    found = re.search(rf"(?:^|([^\w\"']))[\"']?{re.escape(target)}[\"']?(?:$|([^\w\"']))", names)
    mark = found and (found[1] or found[2])
    return {" ": "space"}.get(mark, mark) if mark else None


def has_target(table: pa.Table, target: str) -> NDArray[np.bool_]:
    """Of each row, whether its target is known."""
    return ~pc.is_null(table[target], nan_is_null=True).to_numpy()


def as_counted(column: Column) -> Column:
    """The values so that those that are equal are the same: -0.0 is 0.0, and Decimals are numbers."""
    kind = column.type
    if pa.types.is_decimal(kind):
        whole = kind.scale == 0 and kind.precision <= DIGITS
        return pc.cast(column, pa.int64() if whole else pa.float64(), safe=False)
    if pa.types.is_float16(kind):
        column, kind = pc.cast(column, pa.float32()), pa.float32()
    return pc.add(column, pa.scalar(0.0, kind)) if pa.types.is_floating(kind) else column


def task_of(column: Column) -> tuple[str, str]:
    """Which task a target asks for, and why."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if _is_text(kind):
        numbers, others = _sorted_out(column)
        reason = "the target is text"
        if numbers > len(others) > 0:
            n = numbers + len(others)
            other = _listed(others[:1], 1)
            reason += f", though {numbers:,} of its {n:,} values are numbers ({other} is not)"
        return CLASSIFICATION, reason
    if pa.types.is_boolean(kind):
        return CLASSIFICATION, "the target is true or false"
    if pa.types.is_floating(kind):
        # Whole numbers are written as 1.0 where some are missing.
        if not len(column) or not pc.all(pc.equal(column, pc.floor(column))).as_py():
            return REGRESSION, "the target is a number"
    elif not pa.types.is_integer(kind):
        return REGRESSION, "the target is a number"
    n = pc.count_distinct(column).as_py()
    if n <= CLASSES_AT_MOST:
        return CLASSIFICATION, f"the target is a whole number with {n} values"
    return REGRESSION, f"the target is a whole number with {n:,} values"


def spoilt_numbers(column: Column) -> list[str]:
    """Of a number to predict that a few values of text have made text of: these values."""
    if not _is_text_column(column):
        return []
    numbers, others = _sorted_out(column)
    return others if numbers > max(CLASSES_AT_MOST, 9 * len(others)) else []


def spoilt(others: Sequence[str], target: str) -> DataError:
    """The error for such a target."""
    return DataError(
        wording(
            f"the target is a number except for {_listed(others, 3)}. Correct this, or leave it "
            "empty (such rows are left out), to predict a number; to predict classes, use ",
            Setting("task", CLASSIFICATION), ".",
        ),
        column=target,
    )  # fmt: skip


def _sorted_out(column: Column) -> tuple[int, list[str]]:
    """Of the values of a column of text: how many are numbers, and those that are not."""
    values = pc.cast(pc.unique(pc.drop_null(column)), pa.string())
    are_numbers = pc.match_substring_regex(values, _NUMBER)
    others = values.filter(pc.invert(are_numbers)).to_pylist()
    return len(values) - len(others), others


def as_numbers(column: Column, target: str) -> Values:
    """A target to predict, as float64."""
    try:
        return np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        others = _sorted_out(column)[1] if _is_text_column(column) else []
        found = _listed(others, 3) if others else column.type
        raise DataError(
            wording(
                f"expected numbers as the target of a regression, found {found}. Use ",
                Setting("task", CLASSIFICATION), ", or another target.",
            ),
            column=target,
        ) from None  # fmt: skip


def as_classes(column: Column) -> Values:
    """A target to classify: booleans, whole numbers, or text."""
    column = as_counted(column)
    kind = column.type
    if pa.types.is_boolean(kind):
        return np.asarray(column.to_numpy(), bool)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = np.asarray(column.to_numpy())
        largest = float(np.abs(values.astype(np.float64)).max(initial=0))
        if largest < 2**63 and (values == np.floor(values)).all():
            return values.astype(np.int64)
    return np.array(pc.cast(column, pa.string()).to_pylist(), object)


def truth_of(column: Column, classes: Values | None, target: str) -> Values:
    """The true targets of rows, to compare with a model's. `classes` is None for regression."""
    if classes is None:
        return as_numbers(column, target)
    if classes.dtype.kind == "O":
        truth = np.array(pc.cast(as_counted(column), pa.string()).to_pylist(), object)
    else:
        truth = as_classes(column)
    known = np.isin(truth, classes) if truth.dtype.kind != "O" else _among(truth, classes)
    if not known.all():
        strange = _listed(np.unique(truth[~known].astype(str)), 5)
        raise DataError(
            f"the target has classes that the model does not know: {strange}. It was trained on "
            f"{_listed(classes, 20)}. Leave these rows out, or train on such rows too.",
            column=target,
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


def refuse_nothing(known: int, columns: int, target: str) -> None:
    """Raise DataError when there is nothing to learn, or nothing to learn from."""
    if not known:
        raise DataError(
            "the target is missing in every row. Expected a value in some: choose another column.",
            column=target,
        )
    if columns == 1:
        raise DataError(
            "the target is the only column. Expected at least one more, to learn from.",
            column=target,
        )


def one_class(value: object, rows: int, target: str, left_out: int) -> DataError:
    """The error for a target that is the same in all rows."""
    more = f"; {left_out:,} more have no value (nothing, NA, ? and the like)"
    everywhere = f"in all {rows:,} rows" if rows > 1 else "in the only row"
    return DataError(
        f'the target has one class only, "{value}", {everywhere}{more if left_out else ""}. '
        "Expected at least two classes.",
        column=target,
    )


def _is_text_column(column: Column) -> bool:
    kind = column.type
    return _is_text(kind.value_type if pa.types.is_dictionary(kind) else kind)


def _is_text(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )

"""What a table is asked: its target's task, its classes or range, and which rows have a target.

One look at the target's column tells all of it, of a table in memory and of files of any size.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.data.read.source import TableSource, source_of_table
from shoal.data.read.words import coarser
from shoal.data.rows.selection import STRIDE, Chosen, Rows
from shoal.data.rows.target import (
    CLASSIFICATION,
    REGRESSION,
    Values,
    as_classes,
    as_counted,
    as_numbers,
    check_target,
    has_target,
    one_class,
    refuse_nothing,
    spoilt,
    spoilt_numbers,
    task_of,
    truth_of,
)
from shoal.errors import DataError, Setting, wording

MOST_VALUES = 100_000  # of a target that are counted; one with more is a number


class Question(NamedTuple):
    """What a source is asked."""

    source: TableSource
    target: str
    known: Chosen  # the rows whose target is known
    task: str  # CLASSIFICATION or REGRESSION
    reason: str  # why it is that
    classes: Values | None  # rising; None for a number
    counts: list[int]  # rows of each class, or of all
    low: float  # of a number
    high: float
    mean: float

    @property
    def left_out(self) -> int:
        """How many rows have no target."""
        return self.source.m - self.known.m

    @property
    def rows(self) -> Rows:
        """The rows whose target is known."""
        return Rows(self.source, self.known)


class Problem(NamedTuple):
    """The rows of a table in memory that have a target, and their targets."""

    X: pa.Table
    y: Values
    task: str
    reason: str
    left_out: int  # rows without a target


def question_of(
    source: TableSource, target: str, task: str | None = None, *, is_text: bool = False
) -> Question:
    """Read the target's column, and find out what is asked.

    `is_text` says that the target is text on purpose. Raises DataError or SettingError, also for
    numbers of which a few values are spoilt.
    """
    check_target(target, source.columns, source.name)
    try:
        return _looked_at(source, target, task, is_text)
    except DataError as error:
        raise error if error.file else error.at(file=source.name) from None


def problem_of(table: pa.Table, file: str, target: str, task: str | None) -> Problem:
    """The same of a table in memory, taken apart."""
    found = question_of(source_of_table(table, file), target, task, is_text=True)
    return held(found, found.rows)


def held(question: Question, rows: Rows) -> Problem:
    """Some of the rows, in memory."""
    table, classes = rows.table(), question.classes
    y = truth_of(table[question.target], classes, question.target)
    X = table.drop_columns([question.target])
    return Problem(X, y, question.task, question.reason, question.left_out)


def _looked_at(source: TableSource, target: str, task: str | None, is_text: bool) -> Question:
    seen = _Seen(target, every_value=task == CLASSIFICATION)
    known = Chosen.of(_masks(seen, source, target))
    refuse_nothing(known.m, len(source.columns), target)
    if task is None and not is_text and (others := spoilt_numbers(seen.column())):
        raise _placed(spoilt(others, target), source, target, others[0])
    found, reason = seen.task()
    if task is not None and task != found:
        found, reason = task, "it was asked for"
    if found == REGRESSION:
        low, high, mean = seen.range()
        return Question(source, target, known, found, reason, None, [known.m], low, high, mean)
    values = as_classes(seen.values())
    classes = np.unique(values)
    if len(classes) == 1:
        raise one_class(classes[0], known.m, target, source.m - known.m)
    counts = np.zeros(len(classes), np.int64)
    np.add.at(counts, np.searchsorted(classes, values), list(seen.counted.values()))
    return Question(source, target, known, found, reason, classes, counts.tolist(), 0.0, 0.0, 0.0)


def _masks(seen: "_Seen", source: TableSource, target: str) -> Iterator[NDArray[np.bool_]]:
    for run in Rows(source).runs(STRIDE, [target]):
        mask = has_target(run, target)
        seen.add(run[target].filter(pa.array(mask)))
        yield mask


def _placed(error: DataError, source: TableSource, target: str, value: str) -> DataError:
    """The error at the first row whose target is this value."""
    for table, origin in source.pieces(columns=[target]):
        index = pc.index(pc.cast(table[target], pa.string()), value).as_py()
        if index >= 0:
            return error.at(file=origin.file, **origin.place(index))
    return error


class _Seen:
    """Of a target the values that it takes, with how often; of a number its range too."""

    def __init__(self, target: str, *, every_value: bool) -> None:
        self.target, self.every_value = target, every_value
        self.counted: dict[Any, int] = {}
        self.many = self.fraction = False
        self.kind: pa.DataType | None = None
        self.low, self.high, self.sum, self.m = np.inf, -np.inf, 0.0, 0

    def add(self, column: Any) -> None:
        """The next known targets."""
        if not len(column):
            return
        column = as_counted(coarser(column))
        kind = column.type
        # A column of a CSV file may be whole numbers for long.
        self.kind = kind if self.kind is None or pa.types.is_floating(kind) else self.kind
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
            numbers = as_numbers(column, self.target)
            self.low, self.high = min(self.low, numbers.min()), max(self.high, numbers.max())
            self.sum, self.m = self.sum + float(numbers.sum()), self.m + len(numbers)
        if pa.types.is_floating(kind) and not self.every_value:
            self.fraction = self.fraction or bool((numbers != np.floor(numbers)).any())
            if self.fraction:
                return
        if self.many:
            return
        for pair in pc.value_counts(column.combine_chunks()):
            value = pair["values"].as_py()
            self.counted[value] = self.counted.get(value, 0) + pair["counts"].as_py()
        self.many = len(self.counted) > MOST_VALUES

    def values(self) -> Any:
        """The values as a column."""
        if self.many:
            raise DataError(
                wording(
                    f"the target has more than {MOST_VALUES:,} classes: expected a few. Choose "
                    "another column, or for a number ", Setting("task", REGRESSION), ".",
                ),
                column=self.target,
            )  # fmt: skip
        return self.column()

    def column(self) -> Any:
        """The values, or as many of them as were counted."""
        return pa.chunked_array([pa.array(list(self.counted), self.kind)])

    def task(self) -> tuple[str, str]:
        """Which task it asks for, and why."""
        assert self.kind is not None
        if self.many and pa.types.is_integer(self.kind):
            return REGRESSION, f"the target is a whole number with over {MOST_VALUES:,} values"
        if pa.types.is_floating(self.kind) and (self.many or self.fraction):
            return task_of(pa.chunked_array([], self.kind))
        task, reason = task_of(self.column())
        is_number = pa.types.is_integer(self.kind) or pa.types.is_floating(self.kind)
        if is_number and len(self.counted) > 2 and max(self.counted.values()) == 1:
            return REGRESSION, "the target is a number that is different in each row"
        return task, reason

    def range(self) -> tuple[float, float, float]:
        """Least, greatest and mean."""
        if not self.m:
            as_numbers(self.column(), self.target)  # says what it holds instead
        return self.low, self.high, self.sum / max(self.m, 1)

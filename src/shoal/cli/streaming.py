"""`shoal train --memory`: a table of any size, of which little is held at a time.

The target's column is read first: which rows know the answer, and how the answers are spread.
Which rows are held out follows from their numbers; what is kept of a row is a bit.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.cli.options import Order
from shoal.cli.screen.lines import classes_line, numbers_line
from shoal.cli.split import Parts, held_out_told, share_of, with_file
from shoal.data.goal import Goal
from shoal.data.listing import Listing, listing_of
from shoal.data.sources import STRIDE, Chosen, Rows
from shoal.data.split import Split
from shoal.data.target import (
    REGRESSION,
    Problem,
    as_classes,
    as_numbers,
    has_target,
    one_class,
    refuse_nothing,
    refuse_spoilt_numbers,
    task_of,
    truth_of,
)
from shoal.errors import DataError, SettingError

Values = NDArray[Any]
REPORT_ROWS = 100_000  # its pictures show no more
MOST_VALUES = 100_000  # of a target that are counted; one with more is a number


class Look(NamedTuple):
    """What a first look at the target's column tells."""

    listing: Listing
    known: Chosen  # the rows whose target is known
    task: str
    reason: str
    told: str  # how the answers are spread
    classes: Values | None  # None for a number
    counts: list[int]  # rows of each class, or of all
    mean: float  # of a number

    @property
    def left_out(self) -> int:
        """How many rows have no target."""
        return self.listing.m - self.known.m


def listing(order: Order) -> Listing:
    """The files that were named."""
    if "-" in (order.table, *order.more):
        raise SettingError(
            "--memory: standard input can be read but once, and a training reads it several "
            "times. Name files."
        )
    return listing_of(
        [order.table, *order.more], words=order.words, numbers=order.numbers, drop=order.drop
    )


def look(order: Order) -> Look:
    """Read the target's column, and find out what kind of question it asks."""
    files = listing(order)
    seen = _Seen(files.name, order.target)
    known = Chosen.of(_masks(seen, files, order.target))
    where = f'{files.name}: the target "{order.target}"'
    refuse_nothing(known.m, len(files.columns), where)
    if order.task is None and order.target not in order.words:
        refuse_spoilt_numbers(seen.column(), where, rows=False)
    task, reason = seen.task()
    if order.task is not None and order.task != task:
        task, reason = order.task, "--task says so"
    left = files.m - known.m
    if task == REGRESSION:
        low, high, mean = seen.spread(where)
        told = numbers_line(low, high, mean, left, order.target)
        return Look(files, known, task, reason, told, None, [known.m], mean)
    values = as_classes(seen.values(where))
    classes = np.unique(values)
    if len(classes) == 1:
        raise one_class(classes[0], known.m, where, left)
    counts = np.zeros(len(classes), np.int64)
    np.add.at(counts, np.searchsorted(classes, values), list(seen.counted.values()))
    told = classes_line(classes, counts, left, order.target)
    return Look(files, known, task, reason, told, classes, counts.tolist(), 0.0)


def _masks(seen: "_Seen", files: Listing, target: str) -> Iterator[NDArray[np.bool_]]:
    if target not in files.columns:
        has_target(pa.table({name: [] for name in files.columns}), files.name, target)
    for run in Rows(files).runs(STRIDE, [target]):
        mask = has_target(run, files.name, target)
        seen.add(run[target].filter(pa.array(mask)))
        yield mask


class _Seen:
    """Of a target the values that it takes, with how often; of a number its range too."""

    def __init__(self, file: str, target: str) -> None:
        self.file, self.target = file, target
        self.counted: dict[Any, int] = {}
        self.many = False
        self.kind: pa.DataType | None = None
        self.low, self.high, self.sum, self.m = np.inf, -np.inf, 0.0, 0

    def add(self, column: Any) -> None:
        """The next known answers."""
        if not len(column):
            return
        kind = column.type
        # A column of a CSV file may be whole numbers for long.
        self.kind = kind if self.kind is None or pa.types.is_floating(kind) else self.kind
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
            numbers = as_numbers(column, f'{self.file}: the target "{self.target}"')
            self.low, self.high = min(self.low, numbers.min()), max(self.high, numbers.max())
            self.sum, self.m = self.sum + float(numbers.sum()), self.m + len(numbers)
        if self.many:
            return
        for pair in pc.value_counts(column.combine_chunks()):
            value = pair["values"].as_py()
            self.counted[value] = self.counted.get(value, 0) + pair["counts"].as_py()
        self.many = len(self.counted) > MOST_VALUES

    def values(self, where: str) -> Any:
        """The values as a column."""
        if self.many:
            raise DataError(
                f"{where} has more than {MOST_VALUES:,} classes: expected a few. Choose another "
                "column, or --task regression for a number."
            )
        return self.column()

    def column(self) -> Any:
        """The values, or as many of them as were counted."""
        return pa.chunked_array([pa.array(list(self.counted))])

    def task(self) -> tuple[str, str]:
        """Which task it asks for, and why."""
        assert self.kind is not None
        if self.many and pa.types.is_integer(self.kind):
            return REGRESSION, f"the target is a whole number with over {MOST_VALUES:,} values"
        if pa.types.is_floating(self.kind):
            return task_of(pa.chunked_array([], self.kind))
        return task_of(self.column())

    def spread(self, where: str) -> tuple[float, float, float]:
        """Least, greatest and mean."""
        if not self.m:
            as_numbers(self.column(), where)  # says what it holds instead
        return self.low, self.high, self.sum / max(self.m, 1)


def parts_of(order: Order, found: Look, seed: int) -> Parts:
    """All rows and the test file, if there is one; else the rows in two."""
    train = Rows(found.listing, found.known)
    counts: Any = found.mean if found.classes is None else np.array(found.counts)
    parts = Parts(
        train, order.target, train.m, counts, Rows(found.listing, _none(found)), np.empty(0),
        found.listing.name, "none",
    )  # fmt: skip
    if order.test is not None:
        answers = np.empty(0) if found.classes is None else found.classes
        example = pa.concat_tables(found.listing.tables(0, 1)).drop_columns([order.target])
        problem = Problem(example, answers, found.task, found.reason, 0)
        tested = with_file(order, order.test, problem)
        return parts._replace(
            X_test=tested.X_test, y_test=tested.y_test, file=tested.file, told=tested.told
        )
    split = Split(found.counts, share_of(order.test_part, train.m), seed)
    if order.test_part == 0 or not split.held:
        told = "none" if order.test_part == 0 else held_out_told(0, train.m)
        return parts._replace(told=told)
    truth: list[Values] = []
    kept, held = _parted(found, split, order.target, truth)
    answers = np.concatenate(truth)
    usual: Any = np.array(found.counts) - np.array(split.shares)
    if found.classes is None:
        usual = (found.mean * train.m - float(answers.sum())) / kept.m
    return parts._replace(
        X=Rows(found.listing, kept), rows=kept.m, usual=usual,
        X_test=Rows(found.listing, held), y_test=answers,
        told=held_out_told(held.m, train.m),
    )  # fmt: skip


def _none(found: Look) -> Chosen:
    return found.known._replace(counts=np.zeros(1, np.int64))


def _parted(found: Look, split: Split, target: str, truth: list[Values]) -> tuple[Chosen, Chosen]:
    """The rows to learn from and those held out, whose answers go to `truth`."""
    kept: list[NDArray[np.bool_]] = []
    held: list[NDArray[np.bool_]] = []
    first, goal = 0, Goal(target, found.classes)
    for run in Rows(found.listing).runs(STRIDE, [target]):
        known = found.known.mask(first, first + run.num_rows)
        first += run.num_rows
        column = run[target].filter(pa.array(known))
        if goal.classes is None:
            labels, answers = np.zeros(len(column), np.int32), as_numbers(column, target)
        else:
            labels = goal.labels(column)
            answers = goal.classes[labels]
        picked = split.mask(labels)
        truth.append(answers[picked])
        mask = np.zeros(run.num_rows, bool)
        mask[np.flatnonzero(known)[picked]] = True
        held.append(mask)
        kept.append(known & ~mask)
    return Chosen.of(iter(kept)), Chosen.of(iter(held))


def first_rows(rows: Rows, target: str, model: Any) -> tuple[pa.Table, Values]:
    """As many rows as a report looks at, with their answers."""
    table = pa.concat_tables(rows.tables(0, min(rows.m, REPORT_ROWS)), promote_options="permissive")
    where = f'the target "{target}"'
    y = truth_of(table[target], getattr(model, "classes_", None), where)
    return table.drop_columns([target]), y

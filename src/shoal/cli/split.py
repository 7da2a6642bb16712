"""The table of a training: held in memory or streamed, its question, and its test part.

The same rows are held out, and the same network is trained, either way: `--memory` only decides
what is held.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shoal.cli.columns import chosen, type_of_target, types_like, verbatim_target
from shoal.cli.options import Order
from shoal.cli.scores import Usual
from shoal.cli.screen.lines import classes_line, count, numbers_line
from shoal.compute.pool import room_to_read
from shoal.data.read.column_types import Wanted
from shoal.data.read.files import held as held_source
from shoal.data.read.files import source_of
from shoal.data.read.in_memory import written_in
from shoal.data.read.source import TableSource
from shoal.data.read.tables import joined
from shoal.data.rows.question import Question, held, question_of
from shoal.data.rows.selection import STRIDE, Chosen, Rows
from shoal.data.rows.split import Split
from shoal.data.rows.target import as_numbers, check_target, has_target, truth_of
from shoal.data.rows.target_column import TargetColumn
from shoal.errors import DataError

Values = NDArray[Any]
# Scores of more rows than these say nothing more of a network, and their answers must be held.
TEST_ROWS = 1_000_000
REPORT_ROWS = 100_000  # the pictures of a report show no more


class Parts(NamedTuple):
    """A table in two parts, and where the second comes from."""

    X: pa.Table | Rows
    y: Values | str  # the targets, or the name of their column
    rows: int  # of X
    usual: Usual  # of y
    X_test: pa.Table | Rows
    y_test: Values
    file: str  # of the second
    told: str


def source_for(order: Order, folder: str | None, *, in_memory: bool) -> TableSource:
    """The rows of the files that were named."""
    files = [order.table, *order.more]
    wanted = Wanted(
        frozenset(order.words), frozenset(order.numbers), frozenset(order.drop),
        target=order.target, strict=order.strict, decimal=order.decimal,
        date_order=order.date_order, missing=tuple(order.missing), fold=frozenset(order.fold),
    )  # fmt: skip
    room_to_read()
    if not in_memory:
        return source_of(files, wanted, folder)
    return held_source(files, wanted)


def question_for(order: Order, source: TableSource) -> Question:
    """What is asked of them."""
    is_text = order.target in order.words
    return question_of(source, order.target, order.task, is_text=is_text)


def target_line_of(found: Question) -> str:
    """What the screen says of the target."""
    if found.classes is None:
        return numbers_line(found.low, found.high, found.mean, found.left_out, found.target)
    return classes_line(found.classes, np.array(found.counts), found.left_out, found.target)


def parts_of(order: Order, found: Question, seed: int, *, in_memory: bool) -> Parts:
    """All rows and the test file, if there is one; else the rows in two."""
    if order.test is not None:
        parts = _with_file(order, order.test, found)
    else:
        parts = _held_out(order.test_part, found, seed)
    if in_memory and isinstance(parts.X, Rows):
        train = held(found, parts.X)
        parts = parts._replace(X=train.X, y=train.y)
    if in_memory and isinstance(parts.X_test, Rows):
        parts = parts._replace(X_test=held(found, parts.X_test).X)
    return parts


def _whole(found: Question, told: str) -> Parts:
    """All rows to train on, and none to test."""
    usual: Any = found.mean if found.classes is None else np.array(found.counts)
    nothing = Rows(found.source, Chosen.of(iter([])))
    name = found.source.name
    return Parts(found.rows, found.target, found.known.m, usual, nothing, np.empty(0), name, told)


def _with_file(order: Order, file: str, found: Question) -> Parts:
    """All rows, and those of the test file."""
    target, names = found.target, [c for c in found.source.columns if c != found.target]
    first = next(found.source.tables(0, 1))
    types = types_like(first.select(names)) | {target: type_of_target(found.classes)}
    wanted = Wanted(
        types=types, verbatim=frozenset(order.words) | verbatim_target(target, found.classes),
        written=written_in(first), missing=tuple(order.missing), strict=order.strict,
    )  # fmt: skip
    source = held_source(file, wanted)
    name, table = source.name, source.table()
    check_target(target, table.column_names, name)
    is_known = has_target(table, target)
    known = table.filter(pa.array(is_known))
    if not known.num_rows:
        raise DataError(
            "the target is missing in every row, so nothing can be tested.",
            file=name, column=target,
        )  # fmt: skip
    try:
        y = truth_of(known[target], found.classes, target)
    except DataError as error:
        raise error.at(file=name) from None
    left_out = table.num_rows - known.num_rows
    left = f"; {left_out:,} without the target are left out" if left_out else ""
    told = f"{name}: {count(len(y), 'row')}{left}"
    return _whole(found, told)._replace(X_test=chosen(known, names, name), y_test=y, file=name)


def _held_out(share: float, found: Question, seed: int) -> Parts:
    """The rows to train on, and those held out; of each class its share."""
    if share == 0:
        return _whole(found, "none")
    m = found.known.m
    split = Split(found.counts, min(share, TEST_ROWS / m), seed)
    if not split.held:
        return _whole(found, "none: there are too few rows to hold some out")
    kept, test, truth = _split(found, split)
    usual: Any = np.array(found.counts) - np.array(split.shares)
    if found.classes is None:
        usual = (found.mean * m - float(truth.sum())) / kept.m
    told = f"{100 * test.m / m:.3g} % of the rows, held out: {test.m:,}"
    return Parts(
        Rows(found.source, kept), found.target, kept.m, usual,
        Rows(found.source, test), truth, found.source.name, told,
    )  # fmt: skip


def _split(found: Question, split: Split) -> tuple[Chosen, Chosen, Values]:
    """The rows to train on and those held out, with the targets of the latter."""
    kept, test, truth = list[Any](), list[Any](), list[Values]()
    first, target = 0, TargetColumn(found.target, found.classes)
    for run in Rows(found.source).runs(STRIDE, [target.column]):
        known = found.known.mask(first, first + run.num_rows)
        first += run.num_rows
        labels, values = _labels(target, run[target.column].filter(pa.array(known)))
        picked = split.mask(labels)
        truth.append(values[picked])
        mask = np.zeros(run.num_rows, bool)
        mask[np.flatnonzero(known)[picked]] = True
        test.append(mask)
        kept.append(known & ~mask)
    return Chosen.of(iter(kept)), Chosen.of(iter(test)), np.concatenate(truth)


def _labels(target: TargetColumn, column: Any) -> tuple[NDArray[np.int32], Values]:
    """The class of each row (0 for a number), and its target."""
    if target.classes is None:
        return np.zeros(len(column), np.int32), as_numbers(column, target.column)
    labels = target.labels(column)
    return labels, target.classes[labels]


def first_rows(rows: Rows, target: str, model: Any) -> tuple[pa.Table, Values]:
    """As many rows as a report looks at, with their targets."""
    table = joined(rows.tables(0, min(rows.m, REPORT_ROWS)))
    y = truth_of(table[target], getattr(model, "classes_", None), target)
    return table.drop_columns([target]), y

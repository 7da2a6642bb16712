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
from shoal.cli.screen.lines import classes_line, count, numbers_line, short
from shoal.cli.usual import Usual, usual_of
from shoal.compute.pool import room_to_read
from shoal.data.read.column_types import Wanted
from shoal.data.read.files import held as held_source
from shoal.data.read.files import source_of
from shoal.data.read.in_memory import written_in
from shoal.data.read.source import TableSource
from shoal.data.read.tables import joined
from shoal.data.rows.question import Problem, Question, held, question_of
from shoal.data.rows.selection import STRIDE, Chosen, Rows
from shoal.data.rows.split import Split
from shoal.data.rows.target import as_numbers, check_target, has_target, truth_of
from shoal.data.rows.target_column import TargetColumn
from shoal.data.rows.ties import HeldOut, Ties, Times, ties_of
from shoal.errors import DataError, Setting, wording
from shoal.settings import FIELDS

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
    for name in ("decimal", "date_order"):  # by which the table is read
        FIELDS[name].kind.check(name, getattr(order, name))
    read = {order.group, order.time}  # which a split needs, even if they are no inputs
    wanted = Wanted(
        frozenset(order.words), frozenset(order.numbers), frozenset(order.drop) - read,
        target=order.target, strict=order.strict, decimal=order.decimal, files=order.files,
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
    parts = _with_file(order, found) if order.test else _held_out(order, found, seed)
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


def _with_file(order: Order, found: Question) -> Parts:
    """All rows, and those of the test file."""
    assert order.test is not None
    file, words = order.test, order.words
    target, names = found.target, [c for c in found.source.columns if c != found.target]
    first = next(found.source.tables(0, 1))
    types = types_like(first.select(names)) | {target: type_of_target(found.classes)}
    wanted = Wanted(
        types=types, verbatim=frozenset(words) | verbatim_target(target, found.classes),
        written=written_in(first), missing=tuple(order.missing), strict=order.strict,
        files=order.files,
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
    X_test = chosen(known, names, name, not_inputs(order))
    return _whole(found, told)._replace(X_test=X_test, y_test=y, file=name)


def not_inputs(order: Order) -> frozenset[str]:
    """Columns that a split needs, and the network does not see."""
    aside = {order.group, order.time if order.time in order.drop else None}
    return frozenset(column for column in aside if column is not None)


def ties(order: Order) -> dict[str, str | None]:
    """How the estimators choose validation rows."""
    return {"groups": order.group, "times": order.time}


def _held_out(order: Order, found: Question, seed: int) -> Parts:
    """The rows to train on, and those held out; of each class its share."""
    if order.cv is not None:
        return _whole(
            found, f"{order.cv} folds in turn; the network that is kept learns from all rows"
        )
    if order.test_part == 0:
        return _whole(found, "none")
    m = found.known.m
    share = min(order.test_part, TEST_ROWS / m)
    tied = ties_of(found.rows, order.group, order.time)
    if tied is None:
        split: Split | HeldOut = Split(found.counts, share, seed)
        how = "" if split.held else "there are too few rows to hold some out"
    else:
        mask = _tied(tied, found, share, seed)
        split, how = HeldOut(mask), _how(tied, mask, order.group or order.time)
    if not split.held:
        return _whole(found, f"none: {how}")
    kept, test, truth = _split(found, split)
    if found.classes is None:
        usual: Any = (found.mean * m - float(truth.sum())) / kept.m
    else:
        usual = np.array(found.counts) - usual_of(truth, found.classes)
    told = f"{100 * test.m / m:.3g} % of the rows, held out{how}: {test.m:,}"
    return Parts(
        Rows(found.source, kept), found.target, kept.m, usual,
        Rows(found.source, test), truth, found.source.name, told,
    )  # fmt: skip


def _tied(ties: Ties, found: Question, share: float, seed: int) -> NDArray[np.bool_]:
    """Which rows are held out: groups at random, or the latest rows."""
    labels, _ = targets_of(found)
    mask = ties.held_out(share, seed, labels)
    new = np.setdiff1d(labels, labels[~mask])
    if found.classes is None or not len(new):
        return mask
    raise DataError(
        wording(
            f'the class "{short(found.classes[new[0]])}" is found in the latest rows alone, so no '
            "network can learn it. Hold out fewer rows with ", Setting("test_part"),
            ", or leave these rows out.",
        ),
        file=found.source.name, column=found.target,
    )  # fmt: skip


def _how(ties: Ties, test: NDArray[np.bool_], column: str | None) -> str:
    """Which rows are held out, or why none."""
    if isinstance(ties, Times):
        return f", the latest by {column}" if test.any() else "all rows have the same time"
    if not test.any():
        return "no group can be held out so that others of its classes are left"
    return f", {ties.among(test):,} of {ties.among(test | True):,} groups by {column}"


def targets_of(found: Question) -> tuple[NDArray[np.int32], Values]:
    """The class of each row with a target (0 for a number), and the targets."""
    target = TargetColumn(found.target, found.classes)
    runs = [_labels(target, run[target.column]) for run in found.rows.runs(STRIDE, [target.column])]
    labels, values = zip(*runs, strict=True)
    return np.concatenate(labels), np.concatenate(values)


def _split(found: Question, split: Split | HeldOut) -> tuple[Chosen, Chosen, Values]:
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


def first_problem(parts: Parts, found: Question) -> Problem:
    """The rows to train on, or as many of the first as a report looks at, in memory."""
    X, y = parts.X, parts.y
    if isinstance(X, Rows):
        X = joined(X.tables(0, min(X.m, REPORT_ROWS)))
        y = truth_of(X[found.target], found.classes, found.target)
        X = X.drop_columns([found.target])
    assert not isinstance(y, str)
    return Problem(X, y, found.task, found.reason, 0)


def first_rows(rows: Rows, target: str, model: Any) -> tuple[pa.Table, Values]:
    """As many rows as a report looks at, with their targets."""
    table = joined(rows.tables(0, min(rows.m, REPORT_ROWS)))
    y = truth_of(table[target], getattr(model, "classes_", None), target)
    return table.drop_columns([target]), y

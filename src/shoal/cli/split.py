"""The rows to learn from, and the rows to be tested on."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shoal.cli.columns import chosen, type_of_target, types_like
from shoal.cli.options import Order
from shoal.cli.scores import Usual, usual_of
from shoal.cli.screen.lines import count
from shoal.data.files import stream_tables
from shoal.data.messages import shown
from shoal.data.sources import Rows
from shoal.data.split import hold_out
from shoal.data.target import CLASSIFICATION, Problem, truth_of, with_target
from shoal.errors import DataError

Values = NDArray[Any]
# More rows than these tell nothing more of a network, and their answers must be held.
TEST_ROWS = 1_000_000


class Parts(NamedTuple):
    """A table in two parts, and where the second comes from."""

    X: pa.Table | Rows
    y: Values | str  # the answers, or the name of their column
    rows: int  # of X
    usual: Usual  # of y
    X_test: pa.Table | Rows
    y_test: Values
    file: str  # of the second
    told: str


def parts_of(order: Order, problem: Problem, seed: int) -> Parts:
    """The whole table and the test file, if there is one; else the table in two."""
    if order.test is not None:
        return with_file(order, order.test, problem)
    return _held_out(problem, order.table, order.test_part, seed)


def with_file(order: Order, file: str, problem: Problem) -> Parts:
    """The whole table, and the test file."""
    classes = np.unique(problem.y) if problem.task == CLASSIFICATION else None
    types = types_like(problem.X) | {order.target: type_of_target(classes)}
    table = pa.concat_tables(stream_tables(file, types=types))
    known, left_out = with_target(table, file, order.target)
    where = f'{shown(file)}: the target "{order.target}"'
    if not known.num_rows:
        raise DataError(f"{where} is missing in every row, so nothing can be tested.")
    y = truth_of(known[order.target], classes, where)
    X = chosen(known, problem.X.column_names, file)
    left = f"; {left_out:,} without the target are left out" if left_out else ""
    told = f"{shown(file)}: {count(len(y), 'row')}{left}"
    return _parts(problem.X, problem.y, X, y, file, told, classes)


def _held_out(problem: Problem, file: str, share: float, seed: int) -> Parts:
    X, y = problem.X, problem.y
    classes, labels = None, None
    if problem.task == CLASSIFICATION:
        classes, labels = np.unique(y, return_inverse=True)
    nothing = _parts(X, y, X.slice(0, 0), y[:0], file, "none", classes)
    if share == 0:
        return nothing
    rows, held = hold_out(len(y), share_of(share, len(y)), seed, labels)
    told = held_out_told(len(held), len(y))
    if not len(held):
        return nothing._replace(told=told)
    return _parts(X.take(rows), y[rows], X.take(held), y[held], file, told, classes)


def _parts(
    X: pa.Table, y: Values, X_test: pa.Table, y_test: Values, file: str, told: str,
    classes: Values | None,
) -> Parts:  # fmt: skip
    return Parts(X, y, len(y), usual_of(y, classes) if len(y) else 0.0, X_test, y_test, file, told)


def share_of(share: float, m: int) -> float:
    """The share of m rows that is held out."""
    return min(share, TEST_ROWS / m)


def held_out_told(held: int, m: int) -> str:
    """What the screen says of rows that are held out."""
    if not held:
        return "none: there are too few rows to hold some out"
    return f"{100 * held / m:.3g} % of the rows, held out: {held:,}"

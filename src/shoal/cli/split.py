"""The rows to learn from, and the rows to be tested on."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shoal.cli.columns import chosen, type_of_target, types_like
from shoal.cli.settings import Order
from shoal.cli.show import count
from shoal.data.files import shown, stream_tables
from shoal.data.split import hold_out
from shoal.data.target import CLASSIFICATION, Problem, truth_of, with_target
from shoal.errors import DataError

Values = NDArray[Any]


class Parts(NamedTuple):
    """A table in two parts, and where the second comes from."""

    X: pa.Table
    y: Values
    X_test: pa.Table
    y_test: Values
    file: str  # of the second
    told: str


def parts_of(order: Order, problem: Problem, seed: int) -> Parts:
    """The whole table and the test file, if there is one; else the table in two."""
    if order.test is not None:
        return _with_file(order, order.test, problem)
    return _held_out(problem, order.table, order.test_part, seed)


def _with_file(order: Order, file: str, problem: Problem) -> Parts:
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
    return Parts(problem.X, problem.y, X, y, file, f"{shown(file)}: {count(len(y), 'row')}{left}")


def _held_out(problem: Problem, file: str, share: float, seed: int) -> Parts:
    X, y = problem.X, problem.y
    nothing = Parts(X, y, X.slice(0, 0), y[:0], file, "none")
    if share == 0:
        return nothing
    labels = np.unique(y, return_inverse=True)[1] if problem.task == CLASSIFICATION else None
    rows, held = hold_out(len(y), share, seed, labels)
    if not len(held):
        return nothing._replace(told="none: there are too few rows to hold some out")
    told = f"{100 * share:.3g} % of the rows, held out: {len(held):,}"
    return Parts(X.take(rows), y[rows], X.take(held), y[held], file, told)

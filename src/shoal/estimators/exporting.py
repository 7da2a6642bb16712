"""A fitted model as `shoal.exports` sees it, with rows and their predictions to test it by."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shoal.data.encode.encoding import Time, Words
from shoal.data.rows.examples import Matrix
from shoal.errors import DataError, Setting, SettingError, wording
from shoal.estimators.fitted import Fitted
from shoal.estimators.inputs import EncodedRows
from shoal.estimators.targets import ClassTargets
from shoal.exports.golden import golden_rows
from shoal.exports.model import Classes, Column, Golden, Model, Raw, Value, Values

Rows = Sequence[dict[str, Value]]


def exported(fitted: Fitted) -> Model:
    """What is exported of a fitted model."""
    inputs, targets = fitted.inputs, fitted.targets
    folded = [name for name, written in inputs.written.items() if written.fold]
    if folded:
        raise SettingError(
            wording(
                Setting("fold", folded[:1]), ": an exported program compares categories as they "
                "are written. Train again without it, on categories in small letters.",
            ),
            setting="fold",
        )  # fmt: skip
    columns: tuple[Column, ...]
    if inputs.encoding is None:
        columns = tuple(map(Raw, inputs.names or [f"x{i}" for i in range(inputs.n)]))
    else:
        columns = inputs.encoding.columns
    answer: Classes | Values
    if isinstance(targets, ClassTargets):
        answer = Classes(tuple(map(str, targets.classes.tolist())), targets.labels > 1)
    else:
        answer = Values(tuple(targets.mean.tolist()), tuple(targets.scale.tolist()))
    return Model(
        columns, fitted.architecture, tuple(network.parameters for network in fitted.networks),
        answer, fitted.fingerprint, _golden(fitted, columns),
    )  # fmt: skip


def _golden(fitted: Fitted, columns: tuple[Column, ...]) -> Golden:
    """The rows for which the model has a finite prediction."""
    rows, answers = [], []
    for row in golden_rows(columns):
        try:
            answers.append(predicted(fitted, [row], columns)[0])
        except DataError:  # an extreme value, which the export refuses as well
            continue
        rows.append(row)
    return Golden(rows, np.stack(answers))


def predicted(fitted: Fitted, rows: Rows, columns: tuple[Column, ...]) -> NDArray[Any]:
    """The probabilities or values of such rows, (rows, outputs)."""
    A2 = fitted.average(EncodedRows(_matrix(fitted, rows, columns)), 1)
    if isinstance(fitted.targets, ClassTargets):
        return fitted.targets.probabilities(A2)
    return fitted.targets.in_units(A2.astype(np.float64)).reshape(len(rows), -1)


def _matrix(fitted: Fitted, rows: Rows, columns: tuple[Column, ...]) -> Matrix:
    inputs = fitted.inputs
    if inputs.encoding is None:
        cells: Any = [[row[column.name] for column in columns] for row in rows]
        return inputs.matrix(np.array(cells, np.float64))
    table = {column.name: _cells(column, rows) for column in columns}
    return inputs.encoding.encode(pa.table(table), inputs.dtype)


def _cells(column: Column, rows: Rows) -> "pa.Array":
    cells: list[Any] = [row.get(column.name) for row in rows]
    if isinstance(column, Words):
        return pa.array(cells, pa.string())
    if isinstance(column, Time):
        microseconds = [None if cell is None else round(cell * 1e6) for cell in cells]
        return pa.array(microseconds, pa.timestamp("us"))
    return pa.array(cells, pa.float64())

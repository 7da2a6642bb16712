"""A fitted model as `shoal.exports` sees it, with rows and their predictions to test it by."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shoal.data.encode.encoding import Time, Words
from shoal.data.rows.examples import Matrix
from shoal.errors import DataError, Setting, SettingError
from shoal.estimators.carried import refuse_what_is_not_carried
from shoal.estimators.columns import EncodedRows
from shoal.estimators.fitted import Fitted
from shoal.estimators.targets import ClassTargets
from shoal.exports.golden import golden_rows
from shoal.exports.integers import rounded
from shoal.exports.model import Classes, Column, Golden, Model, Raw, Value, Values
from shoal.training.network import Network

Rows = Sequence[dict[str, Value]]


def described(fitted: Fitted, integer: int | None = None, rows: Any = None) -> Model:
    """What is exported: of the model itself, or with weights of so many bits, measured on rows.

    Raises SettingError where exports do not carry the model, or rows are missing.
    """
    if integer is None and rows is not None:
        raise SettingError("rows measure what integer costs: expected integer as well, 8 or 16.")
    if integer is None:
        return exported(fitted)
    if rows is None:
        raise SettingError.of(
            "integer", integer, "expected rows, to measure how far predictions change: use ",
            Setting("rows", "X"), ".",
        )  # fmt: skip
    note = str(measured(fitted, rows, integer))
    return replace(exported(with_whole_weights(fitted, integer)), integer=integer, note=note,
                   fingerprint=fitted.fingerprint)  # fmt: skip


def exported(fitted: Fitted) -> Model:
    """What is exported of a fitted model. Raises SettingError where exports do not carry all of it."""
    refuse_what_is_not_carried(fitted)
    inputs, targets = fitted.inputs, fitted.targets
    columns: tuple[Column, ...]
    if inputs.encoding is None:
        columns = tuple(map(Raw, inputs.names or [f"x{i}" for i in range(inputs.n)]))
    else:
        columns = inputs.encoding.columns
    answer: Classes | Values
    if isinstance(targets, ClassTargets):
        answer = Classes(
            tuple(map(str, targets.classes.tolist())), targets.labels > 1, targets.threshold or 0.5
        )
    else:
        answer = Values(tuple(targets.centre.tolist()), tuple(targets.scale.tolist()))
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
    if not rows:
        raise SettingError(
            "the model cannot be exported: it predicts no finite number. Train it again."
        )
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


# --- weights as whole numbers ---------------------------------------------------------------


class Rounding(NamedTuple):
    """How predictions change when the weights are rounded, measured on some rows."""

    bits: int
    rows: int
    largest: float
    mean: float
    others: int | None = None  # rows with another class; None: numbers are predicted
    deviation: float = 1.0  # of the target

    def __str__(self) -> str:
        said = f"Weights are whole numbers of {self.bits} bits: on {self.rows:,} rows"
        if self.others is not None:
            return (
                f"{said} probabilities differ by at most {self.largest:.2g} ({self.mean:.2g} on "
                f"average), and the class in {self.others:,}."
            )
        return (
            f"{said} predictions differ by at most {self.largest:.2g} ({self.mean:.2g} on average; "
            f"the target's standard deviation is {self.deviation:.2g})."
        )


def with_whole_weights(fitted: Fitted, bits: int) -> Fitted:
    """The model with weights of so many bits."""
    shape, groups = fitted.architecture, exported(fitted).groups
    networks = tuple(
        Network._of(shape, shape.flatten(rounded(network.parameters, bits, groups), network.dtype))
        for network in fitted.networks
    )
    return fitted.replaced(networks=networks)


def measured(fitted: Fitted, X: Any, bits: int) -> Rounding:
    """How far the predictions of the model with such weights are from its own."""
    matrix = EncodedRows(fitted.matrix(X))
    both = [each.average(matrix, None) for each in (fitted, with_whole_weights(fitted, bits))]
    targets, m = fitted.targets, both[0].shape[1]
    if isinstance(targets, ClassTargets):
        decided = [targets.decide(A2).reshape(m, -1) for A2 in both]
        apart = np.abs(targets.probabilities(both[0]) - targets.probabilities(both[1]))
        others = int((decided[0] != decided[1]).any(axis=1).sum())
        return Rounding(bits, m, float(apart.max()), float(apart.mean()), others)
    values = [targets.in_units(A2.astype(np.float64)) for A2 in both]
    apart = np.abs(values[0] - values[1])
    scale = float(np.max(targets.scale))
    return Rounding(bits, m, float(apart.max()), float(apart.mean()), None, scale)

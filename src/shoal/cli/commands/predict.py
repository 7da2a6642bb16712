"""`shoal predict`: answers for new rows, however many there are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from shoal import load
from shoal.cli.columns import needed, placed, types_of
from shoal.cli.record import target_of
from shoal.cli.refuse import refuse_output
from shoal.cli.screen.lines import count
from shoal.cli.screen.printing import err, printable
from shoal.cli.writers import check_form, writer
from shoal.data.files import stream_tables
from shoal.data.messages import unknown_column
from shoal.errors import DataError, SettingError


def predict(model: str, table: str, output: str, keep: Sequence[str], *, as_json: bool) -> None:
    """Stream a table through a model: what is in memory does not grow with the table."""
    if output != "-":
        refuse_output(output, (model, table))
    check_form(output, as_json)
    fitted = load(model)
    rows = 0
    with writer(output, as_json) as write:
        for part in stream_tables(table, types=types_of(fitted)):
            try:
                write(answers(fitted, part, table, keep))
            except DataError as error:
                raise placed(error, table, rows) from None
            rows += part.num_rows
    if output != "-":
        err.print(printable(f"{output}: {count(rows, 'prediction')}"))


def answers(model: Any, part: pa.Table, file: str, keep: Sequence[str]) -> pa.Table:
    """The model's answers for a part of a table, with the columns to keep in front."""
    for name in keep:
        if name not in part.column_names:
            raise SettingError(unknown_column(file, name, part.column_names))
    columns = {name: part[name] for name in keep}
    for name, values in _answers(model, needed(model, part, file)):
        columns[_free(name, columns)] = pa.array(values)
    return pa.table(columns)


def _answers(model: Any, X: pa.Table) -> list[tuple[str, Any]]:
    """Each column of answers with its name: numbers, or the class and all probabilities."""
    target = target_of(model) or "prediction"
    if not hasattr(model, "classes_"):
        return _each(target, model.predict(X))
    probability = model.predict_proba(X)
    if model.fitted_.targets.labels > 1:
        found = _each(target, (probability > 0.5).astype(np.int64))
    else:
        found = [(target, model.classes_[probability.argmax(axis=1)])]
    names = [f"probability of {name}" for name in model.classes_]
    return [*found, *zip(names, probability.T, strict=True)]


def _each(name: str, values: Any) -> list[tuple[str, Any]]:
    if values.ndim == 1:
        return [(name, values)]
    return [(f"{name} {i}", column) for i, column in enumerate(values.T)]


def _free(name: str, taken: dict[str, Any]) -> str:
    """The name, or another one if the table has a column of that name which is kept."""
    while name in taken:
        name = f"predicted {name}"
    return name

"""`shoal predict`: answers for new rows, however many there are."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from shoal import load
from shoal.cli.columns import needed, wanted_by
from shoal.cli.record import target_of
from shoal.cli.refuse import refuse_output
from shoal.cli.screen.lines import count
from shoal.cli.screen.printing import err, printable, report_news
from shoal.cli.typed import named
from shoal.cli.writers import check_form, writer
from shoal.compute.pool import room_to_read
from shoal.data.encode.novelty import collected
from shoal.data.read.file_options import FileOptions
from shoal.data.read.files import stream
from shoal.data.read.messages import unknown_column
from shoal.errors import DataError, SettingError
from shoal.estimators.columns import EncodedRows
from shoal.estimators.intervals import check_coverage

ALL = "all"  # of --keep


def predict(
    model: str,
    tables: Sequence[str],
    output: str,
    keep: Sequence[str],
    *,
    as_json: bool,
    interval: float | None = None,
    strict: bool = False,
    files: FileOptions = FileOptions(),  # noqa: B008
) -> None:
    """Stream tables through a model: what is in memory does not grow with them."""
    if output != "-":
        refuse_output(output, (model, *tables))
    check_form(output, as_json)
    fitted = load(model)
    if interval is not None:
        check_coverage(fitted.fitted_, interval, "interval")
    wanted = wanted_by(fitted, strict=strict, files=files)
    rows = 0
    with collected() as told, writer(output, as_json) as write:
        empty: pa.Table | None = None
        room_to_read()
        for piece in stream(tables, wanted):
            if not piece.table.num_rows:
                empty = piece.table
                continue
            with piece.origin.placing():
                found = answers(fitted, piece.table, piece.origin.file, keep, interval)
                if strict and told.lines:
                    differ = "; ".join(told.lines)
                    raise DataError(f"the rows differ from those of the training: {differ}.")
                write(found)
            rows += piece.table.num_rows
        if not rows and empty is not None:
            write(_no_answers(fitted, empty, named(tables), keep, interval))
    report_news(told.lines)
    if output != "-":
        err.print(printable(f"{output}: {count(rows, 'prediction')}"))


def answers(
    model: Any, part: pa.Table, file: str, keep: Sequence[str], interval: float | None = None
) -> pa.Table:
    """The model's answers for a part of a table, with the columns to keep in front."""
    keep = part.column_names if ALL in keep else keep
    for name in keep:
        if name not in part.column_names:
            raise SettingError(unknown_column(name, part.column_names), file=file)
    columns = {name: part[name] for name in keep}
    rows = needed(model, part, file)
    if interval is not None:  # encoded once, for all that is asked
        rows = EncodedRows(model.fitted_.matrix(rows))
    found = _answers(model, rows)
    if interval is not None:
        found += _uncertain(model, rows, interval)
    for name, values in found:
        columns[_free(name, columns)] = pa.array(values)
    return pa.table(columns)


def _no_answers(
    model: Any, part: pa.Table, file: str, keep: Sequence[str], interval: float | None
) -> pa.Table:
    """The columns of the answers, for a table without rows."""
    row = {field.name: pa.nulls(1, field.type) for field in part.schema}
    return answers(model, pa.table(row), file, keep, interval).slice(0, 0)


def _uncertain(model: Any, X: EncodedRows, interval: float) -> list[tuple[str, Any]]:
    """The ends of the interval of each target, or which classes are in the set."""
    target = target_of(model) or "prediction"
    if hasattr(model, "classes_"):
        sets = model.predict_set(X, interval)
        return [(f"set has {name}", sets[:, k]) for k, name in enumerate(model.classes_)]
    ends = model.predict_interval(X, interval)
    return [
        column
        for i, end in enumerate(("lower", "upper"))
        for column in _each(f"{target} {end}", ends[:, i])
    ]


def _answers(model: Any, X: Any) -> list[tuple[str, Any]]:
    """Each column of answers with its name: numbers, or the class and all probabilities."""
    target = target_of(model) or "prediction"
    if not hasattr(model, "classes_"):
        return _each(target, model.predict(X))
    probability = model.predict_proba(X)
    found = _each(target, model.fitted_.targets.decide_by(probability))
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

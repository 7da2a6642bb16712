"""`shoal predict`: answers for new rows, however many there are."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import typer

from shoal.cli.answers import answering, err
from shoal.cli.tables import model_types, needed_columns

MODEL = typer.Argument(help="Model file (.shoal).", metavar="MODEL")
TABLE = typer.Argument(help="CSV or Parquet file, or - for standard input.", metavar="TABLE")


@answering
def predict(
    model: Annotated[str, MODEL],
    table: Annotated[str, TABLE],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="CSV or .parquet file to write; - for standard output."
        ),
    ] = "-",
    keep: Annotated[
        list[str] | None, typer.Option(help="Copy this column of the table too. Repeatable.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a row instead of CSV.")
    ] = False,
) -> None:
    """Predict for every row of a table; it streams, so the table may be larger than memory.

    Columns are matched by name, in any order. Example:
    shoal predict late.shoal new.csv -o answers.csv
    """
    import shoal
    from shoal.data.files import stream_tables

    fitted = shoal.load(model)
    rows = 0
    with _writer(output, as_json) as write:
        for part in stream_tables(table, types=_types(fitted)):
            write(answers(fitted, part, table, keep or []))
            rows += part.num_rows
    if output != "-":
        err.print(f"{rows:,} answers written to {output}", markup=False)


def answers(model: Any, part: pa.Table, file: str, keep: list[str]) -> pa.Table:
    """The model's answers for a part of a table, with the columns to keep in front."""
    from shoal.data.files import unknown_column
    from shoal.errors import SettingError

    for name in keep:
        if name not in part.column_names:
            raise SettingError(unknown_column(file, name, part.column_names))
    X = inputs(model, part, file)
    kept = {name: part[name] for name in keep}
    target = model.record_.get("target") or "prediction"
    if not hasattr(model, "classes_"):
        return pa.table(kept | _columns(target, model.predict(X)))
    probability = model.predict_proba(X)
    if model._labels_ > 1:
        chosen = _columns(target, (probability > 0.5).astype(np.int64))
    else:
        chosen = {target: pa.array(model.classes_[probability.argmax(axis=1)])}
    names = [f"probability of {c}" for c in model.classes_]
    return pa.table(
        kept | chosen | {n: pa.array(p) for n, p in zip(names, probability.T, strict=True)}
    )


def inputs(model: Any, part: pa.Table, file: str) -> pa.Table:
    """The columns that the model was trained on."""
    from shoal.errors import ModelFileError

    if not hasattr(model, "feature_names_in_"):
        raise ModelFileError(
            "the model was trained on an array without column names, so no column of a table can "
            "be matched. Train it on a table, or predict in Python."
        )
    return needed_columns(part, list(model.feature_names_in_), file)


def _types(model: Any) -> dict[str, pa.DataType]:
    if model.encoding_ is not None:
        return model_types(model.encoding_)
    return {name: pa.float64() for name in getattr(model, "feature_names_in_", ())}


def _columns(name: str, values: Any) -> dict[str, Any]:
    if values.ndim == 1:
        return {name: pa.array(values)}
    return {f"{name} {i}": pa.array(column) for i, column in enumerate(values.T)}


@contextmanager
def _writer(output: str, as_json: bool) -> Iterator[Callable[[pa.Table], None]]:
    """A function that takes table after table; a file appears only when all is written."""
    from shoal.files.atomic import atomic_write

    if output == "-":
        with _format("-", as_json, sys.stdout.buffer) as write:
            yield write
        sys.stdout.flush()
        return
    with atomic_write(output) as file, _format(output, as_json, file) as write:
        yield write


@contextmanager
def _format(output: str, as_json: bool, sink: Any) -> Iterator[Callable[[pa.Table], None]]:
    import pyarrow.csv
    import pyarrow.parquet

    if as_json:

        def write_lines(table: pa.Table) -> None:
            for row in table.to_pylist():
                sink.write(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n")
            sink.flush()

        yield write_lines
        return
    writer: Any = None
    make = pyarrow.parquet.ParquetWriter if output.endswith(".parquet") else pyarrow.csv.CSVWriter
    # Arrow closes what it writes to; the file is not ours to close.
    guarded = pa.PythonFile(_Open(sink), mode="w")

    def write_table(table: pa.Table) -> None:
        nonlocal writer
        if writer is None:
            writer = make(guarded, table.schema)
        writer.write_table(table)
        sink.flush()

    yield write_table
    if writer is not None:
        writer.close()


class _Open:
    """A file that is not closed by the one who writes to it."""

    closed = False

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: Any) -> int:
        return int(self._file.write(data))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.flush()

"""`shoal export`: a model as a program of another language."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from shoal import load
from shoal.cli.columns import needed, types_of, verbatim_of
from shoal.cli.endings import fail
from shoal.cli.options import Export
from shoal.cli.refuse import refuse_output
from shoal.cli.screen.printing import print_json
from shoal.cli.screen.screen import Screen
from shoal.data.read.column_types import Wanted as WantedColumns
from shoal.data.read.files import stream
from shoal.estimators.exporting import described
from shoal.exports.checking import Check, checked
from shoal.exports.writing import Wanted, format_of, texts_of, write


def export(asked: Export) -> None:
    """Write the export, run it where possible, and print how far it is from the model."""
    output, rows = asked.output, asked.rows
    wanted = Wanted(asked.to, asked.main, asked.dialect, asked.table, asked.integer)
    form = format_of(output, wanted.to)
    wanted.check(form)
    refuse_output(output, (asked.model, *([rows] if rows else [])))
    fitted = load(asked.model)
    table = rows_of(fitted, rows) if rows else None
    description = described(fitted.fitted_, wanted.integer, table)
    texts = texts_of(description, output, wanted)
    write(texts)
    screen = Screen.of(asked.as_json)
    for i, (file, text) in enumerate(texts.items()):
        screen.line("" if i else "written", f"{file}     {len(text) / 1000:,.0f} kB")
    try:
        check = checked(description, texts, form)
    except RuntimeError as error:
        fail(f"{output} was written, but does not run here: {error}")
    screen.line("check", str(check))
    if description.note:
        screen.line("integers", description.note)
    if asked.as_json:
        print_json(_report(form, list(texts), check) | {"note": description.note})
    screen.done()


def rows_of(model: Any, table: str) -> pa.Table:
    """A table's rows as the model reads them."""
    wanted = WantedColumns(types=types_of(model), verbatim=verbatim_of(model))
    pieces = [needed(model, piece.table, piece.origin.file) for piece in stream(table, wanted)]
    return pa.concat_tables(pieces)


def _report(form: str, files: list[Path], check: Check) -> dict[str, Any]:
    return {"format": form, "files": [str(file) for file in files], "check": check._asdict()}

"""`shoal explain`: what each column contributes to the predictions of a table's rows."""

from typing import Any

import numpy as np
import pyarrow as pa

from shoal import load
from shoal.cli.columns import needed, wanted_by
from shoal.cli.options import Reasons
from shoal.cli.screen.comparison import score
from shoal.cli.screen.lines import count, short
from shoal.cli.screen.printing import print_json, report_news
from shoal.cli.screen.progress import waiting
from shoal.cli.screen.screen import Screen
from shoal.cli.typed import named
from shoal.data.encode.novelty import collected
from shoal.data.read.files import stream
from shoal.data.read.messages import nothing_in
from shoal.errors import SettingError
from shoal.estimators.explanation import Explanation

MOST_ROWS = 100  # of a background


def explain(asked: Reasons) -> None:
    """Print the mean absolute Shapley value of each column, or with --json those of each row."""
    model = load(asked.model)
    with waiting(f"reading {named(asked.tables)}"), collected() as told:
        X = _rows(model, asked.tables, asked.rows, asked)
        others = _rows(model, (asked.background,), MOST_ROWS, asked) if asked.background else None
    report_news(told.lines)
    if others is None and X.num_rows < 2:
        raise SettingError(
            "one row has no background: give the rows that it is compared with, --background TABLE."
        )
    how = {"background": others, "space": asked.space, "permutations": asked.permutations}
    with waiting(f"explaining {count(X.num_rows, 'row')}"):
        found = model.explain(X, **how)
    if asked.as_json:
        print_json({"model": asked.model, "fingerprint": model.fingerprint_} | found.to_dict())
        return
    screen = Screen.of(asked.as_json)
    screen.line("model", f"{asked.model}     fingerprint {model.fingerprint_}")
    compared = named((asked.background,)) if asked.background else "themselves"
    screen.line(
        "rows",
        f"{count(X.num_rows, 'row')}, compared with {count(found.background, 'row')} of {compared}",
    )
    screen.line("values", f"{found.method} Shapley values of the {found.space}")
    for k, name in enumerate(found.outputs):
        _show(found, k, name, screen)
    screen.done()


def _rows(model: Any, tables: tuple[str, ...], most: int, asked: Reasons) -> pa.Table:
    """At most this many rows of the tables, evenly spread."""
    wanted = wanted_by(model, strict=asked.strict, files=asked.files)
    pieces = [needed(model, piece.table, piece.origin.file) for piece in stream(tables, wanted)]
    table = pa.concat_tables(pieces, promote_options="permissive")
    if not table.num_rows:
        raise nothing_in(named(tables), table.column_names)
    chosen = np.unique(np.linspace(0, len(table) - 1, min(len(table), most)).astype(np.int64))
    return table.take(chosen)


def _show(found: Explanation, k: int, name: str, screen: Screen) -> None:
    """One output: its base value, and the columns, the most important first."""
    values, base = (
        (found.values, found.base_value)
        if len(found.outputs) == 1
        else (found.values[..., k], found.base_value[k])
    )
    errors = (
        found.errors if found.errors is None or values is found.values else found.errors[..., k]
    )
    screen.line(short(name), f"mean {score(float(base))}")
    worth = np.abs(values).mean(axis=0)
    width = max(len(short(column)) for column in found.columns) + 2
    lines = []
    for j in np.argsort(-worth, kind="stable"):
        error = "" if errors is None else f" ± {score(float(errors[:, j].mean()))}"
        lines.append(f"  {short(found.columns[j]):<{width}}{score(float(worth[j])):>14}{error}")
    screen.block([f"  {'column':<{width}}{'mean |value|':>14}", *lines])

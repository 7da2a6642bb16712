"""`shoal evaluate`: how good a model is on rows whose answers are known."""

from typing import Annotated

import numpy as np
import typer

from shoal.cli.answers import answering, out, print_json
from shoal.cli.predict import MODEL, TABLE, inputs
from shoal.cli.scores import classification, regression
from shoal.cli.show import score_table
from shoal.cli.tables import model_types, rows_with_target, target_values


@answering
def evaluate(
    model: Annotated[str, MODEL],
    table: Annotated[str, TABLE],
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help="Column with the answers; the model's own by default."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Machine-readable result on standard output.")
    ] = False,
) -> None:
    """Compare a model's answers with the true ones.

    Example:  shoal evaluate late.shoal test.csv
    """
    import shoal
    from shoal.data.files import shown, stream_tables
    from shoal.errors import DataError, SettingError

    fitted = shoal.load(model)
    target = target or fitted.record_.get("target")
    if target is None:
        raise SettingError(
            "the model does not say what its target is called: give --target COLUMN."
        )
    classes = getattr(fitted, "classes_", None)
    if classes is not None and fitted._labels_ > 1:
        raise SettingError(
            "a model with several labels cannot be evaluated by one column. Use Python."
        )
    task = "regression" if classes is None else "classification"
    types = model_types(fitted.encoding_, target, classes) if fitted.encoding_ is not None else None
    truth, said, left_out = [], [], 0
    where = f'{shown(table)}, target "{target}"'
    for part in stream_tables(table, types=types):
        known, skipped = rows_with_target(part, table, target)
        left_out += skipped
        if known.num_rows:
            truth.append(target_values(known[target], task, where))
            X = inputs(fitted, known, table)
            said.append(fitted.predict(X) if classes is None else fitted.predict_proba(X))
    if not truth:
        raise DataError(f'{shown(table)}: every value of the target "{target}" is missing.')
    y, answers = np.concatenate(truth), np.concatenate(said)
    if classes is not None and not np.isin(y, classes).all():
        strange = sorted({str(v) for v in y[~np.isin(y, classes)]})
        raise DataError(
            f'{shown(table)}: the target "{target}" has classes that the model does not know: '
            f"{', '.join(strange[:5])}. It knows {', '.join(map(str, classes[:20]))}."
        )
    scores = regression(answers, y) if classes is None else classification(classes, answers, y)
    if as_json:
        print_json(
            {"rows": len(y), "rows_without_target": left_out, "target": target, "scores": scores}
        )
        return
    more = f", {left_out:,} rows without it left out" if left_out else ""
    out.print(f"{shown(table)}: {len(y):,} rows, target {target}{more}", markup=False)
    out.print(score_table({model: scores}))

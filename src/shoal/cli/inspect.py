"""`shoal inspect`: what is in a model file."""

from typing import Annotated, Any

import typer

from shoal.cli.answers import answering, out, print_json
from shoal.cli.predict import MODEL
from shoal.cli.show import columns_of, score_table, size_of


@answering
def inspect(
    model: Annotated[str, MODEL],
    as_json: Annotated[
        bool, typer.Option("--json", help="Machine-readable result on standard output.")
    ] = False,
) -> None:
    """Show what a model is, how it was trained, and what it does with each column.

    Example:  shoal inspect late.shoal
    """
    import shoal

    fitted = shoal.load(model)
    shape, record = fitted.networks_[0].architecture, fitted.record_
    columns = columns_of(fitted)
    if as_json:
        print_json(
            {
                "kind": type(fitted).__name__, "architecture": shape._asdict(), "members": len(fitted.networks_),
                "fingerprint": fitted.fingerprint_, "record": record, "columns": columns.plain,
                "settings": {k: v for k, v in fitted.get_params().items() if k != "verbose"},
                "epochs": fitted.n_iter_, "best_epoch": fitted.best_epoch_, "endings": fitted.endings_,
                "loss_curve": fitted.loss_curve_, "validation_loss_curve": fitted.validation_loss_curve_,
            }
        )  # fmt: skip
        return
    _line(model, f"{type(fitted).__name__}   fingerprint {fitted.fingerprint_}")
    if record.get("target"):
        _line(
            "target",
            f"{record['target']}   trained on {record['rows']:,} rows of {record['table'] or 'standard input'}",
        )
    if hasattr(fitted, "classes_"):
        shown = ", ".join(map(str, fitted.classes_[:10]))
        _line(
            "classes",
            shown + (f" and {len(fitted.classes_) - 10} more" if len(fitted.classes_) > 10 else ""),
        )
    _line(
        "network",
        f"{size_of(fitted)}   {shape.n_x} → {shape.n_h} {shape.activation} → {shape.n_y} {shape.output}",
    )
    _line(
        "training",
        f"{fitted.n_iter_} epochs, best {fitted.best_epoch_}, {fitted.endings_[0]}, solver {fitted.solver}, {fitted.dtype}",
    )
    _line("columns", columns.summary.replace(" (--explain says why)", ""))
    for line in columns.lines:
        _line("", line)
    if record.get("scores"):
        _line("test", f"{record['test_rows']:,} rows that it had not seen")
        out.print(score_table(dict(record["scores"])))


def _line(name: str, text: Any) -> None:
    out.print(f"{name:<16} {text}", markup=False)

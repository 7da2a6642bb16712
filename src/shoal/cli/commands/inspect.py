"""`shoal inspect`: what is in a model file."""

import shlex
from typing import Any

from shoal import load
from shoal.cli.record import Record, by_role
from shoal.cli.screen.comparison import score_lines, verdict
from shoal.cli.screen.lines import (
    count,
    encoded_columns,
    encoding_lines,
    ending_line,
    epochs_line,
    importance_line,
    importance_of,
    listed,
    short,
    size_of,
    summary_of,
    threshold_line,
)
from shoal.cli.screen.printing import print_json
from shoal.cli.screen.screen import Screen
from shoal.cli.screen.search import search_lines, search_of, search_report


def inspect(model: str, *, as_json: bool) -> None:
    """Show what a model is, how it was trained, and what it does with each column."""
    fitted = load(model)
    if as_json:
        print_json(_report(fitted))
        return
    screen = Screen.of(as_json)
    _show_model(fitted, model, screen)
    _show_training(fitted, model, screen)
    screen.line("columns", summary_of(fitted.encoding_, fitted.networks_[0].architecture.n_x))
    for line in encoding_lines(fitted.encoding_):
        screen.line("", line)
    if line := importance_line(fitted):
        screen.line("importance", line)
    screen.done()


def _show_model(fitted: Any, model: str, screen: Screen) -> None:
    shape = fitted.networks_[0].architecture
    screen.line(
        "model", f"{model}     {type(fitted).__name__}     fingerprint {fitted.fingerprint_}"
    )
    if hasattr(fitted, "classes_"):
        names = [short(name) for name in fitted.classes_[:10]]
        screen.line("classes", listed(names, len(fitted.classes_)))
        if line := threshold_line(fitted):
            screen.line("threshold", line)
    hidden = f"{shape.n_h:,} {shape.activation} → " if shape.n_h else ""
    screen.line("network", f"{size_of(fitted)}     {shape.n_parameters:,} parameters each")
    screen.line(
        "", f"{count(shape.n_x, 'input')} → {hidden}{shape.n_y:,} {shape.output}, {fitted.dtype}"
    )


def _show_training(fitted: Any, model: str, screen: Screen) -> None:
    screen.line("training", f"{epochs_line(fitted)}, solver {fitted.fitted_.trained.solver}")
    screen.line("", ending_line(fitted))
    if search := search_of(fitted):
        screen.lines("search", search_lines(search))
    screen.lines("diagnosis", fitted.diagnosis_.lines())
    record = Record.of(fitted)
    if record is None:  # trained in Python
        return
    rows = f"{count(record.rows, 'row')} for training"
    screen.line("table", f"{record.table or 'standard input'}: {rows}")
    screen.line("target", record.target)
    screen.line("task", f"{record.task}, as {record.reason}")
    screen.line("repeat", f"{shlex.join(record.command)} -o {shlex.quote(model)}")
    if record.scores:
        how = f"held out in turn, in {record.folds} folds" if record.folds else "held out"
        screen.line("test", f"{count(record.test_rows, 'row')}, {how}")
        screen.block(score_lines(record.scores, record.standard_errors))
    if record.verdicts:
        screen.line("verdict", verdict(record.verdicts, record.scores))


def _report(fitted: Any) -> dict[str, Any]:
    """What --json says."""
    record = Record.of(fitted)
    columns = [
        {"column": name, "encoding": what} for name, what in encoded_columns(fitted.encoding_)
    ]
    return {
        "kind": type(fitted).__name__,
        "architecture": fitted.networks_[0].architecture._asdict(),
        "members": len(fitted.networks_),
        "threshold": getattr(fitted, "threshold_", None),
        "fingerprint": fitted.fingerprint_,
        "record": record
        and record.plain()
        | {
            "scores": by_role(record.scores),
            "standard_errors": by_role(record.standard_errors),
        },
        "columns": columns,
        "importance": importance_of(fitted),
        "search": search_report(fitted),
        "settings": {k: v for k, v in fitted.get_params().items() if k != "verbose"},
        "diagnosis": fitted.diagnosis_.to_dict(),
        "epochs": fitted.n_iter_,
        "best_epoch": fitted.best_epoch_,
        "endings": fitted.endings_,
        "seconds": fitted.training_seconds_,
        "loss_curve": fitted.loss_curve_,
        "validation_loss_curve": fitted.validation_loss_curve_,
    }

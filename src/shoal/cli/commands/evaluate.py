"""`shoal evaluate`: how good a model is on rows whose answers are known."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shoal import load
from shoal.cli.columns import needed, type_of_target, verbatim_target, wanted_by
from shoal.cli.record import target_of
from shoal.cli.scores import answers_of, constant, scores_of, usual_of
from shoal.cli.screen.comparison import score_lines
from shoal.cli.screen.lines import count
from shoal.cli.screen.printing import print_json
from shoal.cli.screen.progress import waiting
from shoal.cli.screen.screen import Screen
from shoal.compute.pool import room_to_read
from shoal.data.read.files import stream
from shoal.data.read.messages import nothing_in, shown
from shoal.data.rows.target import check_target, has_target, truth_of
from shoal.errors import DataError, SettingError
from shoal.estimators.targets import ClassTargets


class Compared(NamedTuple):
    """The true answers and the model's, row by row."""

    truth: NDArray[Any]
    answers: NDArray[Any]
    left_out: int  # rows without a target


def evaluate(
    model: str, table: str, target: str | None, *, as_json: bool, strict: bool = False
) -> None:
    """Compare a model's answers with the true ones, beside what needs no model."""
    fitted = load(model)
    target = _target(fitted, target)
    with waiting(f"reading {shown(table)}"):
        found = _compared(fitted, table, target, strict)
    classes = getattr(fitted, "classes_", None)
    name, trivial = constant(usual_of(found.truth, classes), found.truth, classes)
    scores = scores_of(found.answers, found.truth, classes)
    if as_json:
        print_json(
            {
                "target": target,
                "rows": len(found.truth),
                "rows_without_target": found.left_out,
                "scores": scores,
                "constant": {"answer": name, "scores": trivial},
                "fingerprint": fitted.fingerprint_,
            }
        )
        return
    screen = Screen.of(as_json)
    left = f"; {found.left_out:,} without the target are left out" if found.left_out else ""
    screen.line("table", f"{shown(table)}: {count(len(found.truth), 'row')}{left}")
    screen.line("target", target)
    screen.block(score_lines([(model, scores), (name, trivial)]))
    screen.done()


def _target(model: Any, wanted: str | None) -> str:
    targets = model.fitted_.targets
    answers = targets.labels if isinstance(targets, ClassTargets) else len(targets.mean)
    if answers > 1:
        raise SettingError(
            f"the model gives {answers} answers a row, and evaluate compares one column. Use "
            "Python: model.score(X, y)."
        )
    target: str | None = wanted or target_of(model)
    if target is None:
        raise SettingError("the model does not name its target: give --target COLUMN.")
    return target


def _compared(model: Any, table: str, target: str, strict: bool) -> Compared:
    classes = getattr(model, "classes_", None)
    wanted = wanted_by(model, strict=strict)
    wanted = wanted._replace(
        types={**(wanted.types or {}), target: type_of_target(classes)},
        verbatim=wanted.verbatim | verbatim_target(target, classes),
    )
    truth, answers, left_out, rows = [], [], 0, 0
    room_to_read()
    for part, origin in stream(table, wanted):
        check_target(target, part.column_names, origin.file)
        if not part.num_rows:
            continue
        known = has_target(part, target)
        with origin.placing():
            answers.append(answers_of(model, needed(model, part, origin.file))[known])
            if known.any():
                truth.append(truth_of(part[target].filter(pa.array(known)), classes, target))
        left_out += int((~known).sum())
        rows += part.num_rows
    if not rows:
        raise nothing_in(shown(table), [target])
    if not truth:
        raise DataError(
            "the target is missing in every row. Expected a value in some.",
            file=shown(table), column=target,
        )  # fmt: skip
    return Compared(np.concatenate(truth), np.concatenate(answers), left_out)

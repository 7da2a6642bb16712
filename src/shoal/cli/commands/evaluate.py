"""`shoal evaluate`: how good a model is on rows whose answers are known."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shoal import load
from shoal.cli.columns import needed, type_of_target, verbatim_target, wanted_by
from shoal.cli.record import target_of
from shoal.cli.scores import answers_of, constant, judged
from shoal.cli.screen.comparison import score_lines, verdict
from shoal.cli.screen.lines import count, importance_line, importance_of, percent
from shoal.cli.screen.printing import note, print_json, report_news
from shoal.cli.screen.progress import waiting
from shoal.cli.screen.screen import Screen
from shoal.cli.testing import of_rates, tested, threshold_of
from shoal.cli.typed import named
from shoal.cli.usual import usual_of
from shoal.compute.pool import room_to_read
from shoal.data.encode.novelty import collected
from shoal.data.read.file_options import FileOptions
from shoal.data.read.files import stream
from shoal.data.read.messages import nothing_in
from shoal.data.rows.target import check_target, has_target, truth_of
from shoal.errors import DataError, SettingError
from shoal.estimators.columns import EncodedRows
from shoal.estimators.targets import ClassTargets

MOSTLY = 0.5  # of the rows were trained on: then it is a test of memory


class Compared(NamedTuple):
    """The true answers and the model's, row by row."""

    truth: NDArray[Any]
    answers: NDArray[Any]
    left_out: int  # rows without a target
    seen: float | None  # the share that was trained on, if it is known


def evaluate(
    model: str,
    tables: Sequence[str],
    target: str | None,
    *,
    as_json: bool,
    strict: bool = False,
    files: FileOptions = FileOptions(),  # noqa: B008
) -> None:
    """Compare a model's predictions with the true values, and with what needs no model."""
    fitted = load(model)
    target = _target(fitted, target)
    with waiting(f"reading {named(tables)}"), collected() as told:
        found = _compared(fitted, tables, target, strict, files)
    report_news(told.lines)
    classes = getattr(fitted, "classes_", None)
    rates = of_rates(fitted)
    ours = judged(model, found.answers, found.truth, classes, threshold_of(fitted), rates=rates)
    trivial = constant(usual_of(found.truth, classes), found.truth, classes, rates=rates)
    shown_by = tested([ours, trivial], None)
    if as_json:
        print_json(
            {
                "target": target,
                "rows": len(found.truth),
                "rows_without_target": found.left_out,
                "trained_on": found.seen,
                "scores": ours.scores,
                "constant": {"answer": trivial.who, "scores": trivial.scores},
                "drift": told.drift,
                "importance": importance_of(fitted),
                "verdicts": [one.plain() for one in shown_by.verdicts],
                "fingerprint": fitted.fingerprint_,
            }
        )
        return
    screen = Screen.of(as_json)
    left = f"; {found.left_out:,} without the target are left out" if found.left_out else ""
    screen.line("table", f"{named(tables)}: {count(len(found.truth), 'row')}{left}")
    screen.line("target", target)
    if found.seen:
        note(_known_again(found.seen))
    screen.block(score_lines(shown_by.scores))
    if line := importance_line(fitted):
        screen.line("importance", line)
    screen.line("verdict", verdict(shown_by.verdicts, shown_by.scores))
    screen.done()


def _known_again(share: float) -> str:
    """What to say of rows that were trained on."""
    n = percent(share)
    if share < MOSTLY:
        return f"about {n} of these rows have the inputs of rows that the model was trained on."
    return (
        f"the model was trained on these rows (about {n} of them): the scores do not say how well "
        "it predicts new ones."
    )


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


def _compared(
    model: Any, tables: Sequence[str], target: str, strict: bool, files: FileOptions
) -> Compared:
    classes = getattr(model, "classes_", None)
    wanted = wanted_by(model, strict=strict, files=files)
    wanted = wanted._replace(
        types={**(wanted.types or {}), target: type_of_target(classes)},
        verbatim=wanted.verbatim | verbatim_target(target, classes),
    )
    truth, answers, hashes, left_out, rows = [], [], list[Any](), 0, 0
    room_to_read()
    for part, origin in stream(tables, wanted):
        check_target(target, part.column_names, origin.file)
        if not part.num_rows:
            continue
        known = has_target(part, target)
        with origin.placing():
            matrix = model.fitted_.matrix(needed(model, part, origin.file))
            answers.append(answers_of(model, EncodedRows(matrix))[known])
            hashes.append(model.fitted_.hashes(matrix)[known])
            if known.any():
                truth.append(truth_of(part[target].filter(pa.array(known)), classes, target))
        left_out += int((~known).sum())
        rows += part.num_rows
    if not rows:
        raise nothing_in(named(tables), [target])
    if not truth:
        raise DataError(
            "the target is missing in every row. Expected a value in some.",
            file=named(tables), column=target,
        )  # fmt: skip
    return Compared(
        np.concatenate(truth), np.concatenate(answers), left_out,
        model.fitted_.seen_share(np.concatenate(hashes)),
    )  # fmt: skip

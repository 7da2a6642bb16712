"""`shoal train`: from a table to a model file."""

import os
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from sklearn.base import clone

from shoal import ShoalClassifier, ShoalRegressor
from shoal.cli.classes import class_settings
from shoal.cli.columns import placed
from shoal.cli.config import save_config
from shoal.cli.endings import end, exit_code
from shoal.cli.folds import check_folds, folds_of
from shoal.cli.options import Order, Parameters
from shoal.cli.overview import suspects
from shoal.cli.record import Record, by_role
from shoal.cli.refuse import refuse
from shoal.cli.screen.comparison import score_lines, verdict
from shoal.cli.screen.lines import (
    count,
    encoded_columns,
    encoding_lines,
    ending_line,
    short,
    summary_of,
    threshold_line,
    training_line,
)
from shoal.cli.screen.printing import note, print_json, report_news
from shoal.cli.screen.progress import progress, waiting
from shoal.cli.screen.screen import Screen
from shoal.cli.screen.search import search_lines, search_of, search_report
from shoal.cli.signals import undisturbed
from shoal.cli.split import (
    Parts,
    first_problem,
    not_inputs,
    parts_of,
    question_for,
    source_for,
    target_line_of,
    ties,
)
from shoal.cli.testing import (
    NO_HIDDEN_LAYER,
    OURS,
    Part,
    Tested,
    groups_in,
    judgements,
    tested,
    tested_in_folds,
)
from shoal.cli.typed import arguments, file_name
from shoal.compute.builds import BUILD
from shoal.compute.memory import in_words
from shoal.compute.scratch import usual_folder
from shoal.data.encode.novelty import collected
from shoal.data.read.in_memory import written_in
from shoal.data.read.messages import shown
from shoal.data.read.writing import Written
from shoal.data.rows.question import Problem, Question, held
from shoal.data.rows.selection import Rows
from shoal.data.rows.target import CLASSIFICATION, REGRESSION
from shoal.errors import DataError, SettingError, wording
from shoal.estimators.fitted import Fitted
from shoal.settings import POISSON, Settings

ESTIMATORS: dict[str, Any] = {CLASSIFICATION: ShoalClassifier, REGRESSION: ShoalRegressor}
READ_BY = ("decimal", "date_order", "missing")  # parameters of how text is read
# With the linear model.
SHARED = (
    "dtype", "random_state", "n_jobs", "memory", "scratch", "words", "numbers", "drop", *READ_BY,
    "fold", "class_weight", "threshold", "loss",
)  # fmt: skip


class Run(NamedTuple):
    """A training and its test; without scores if it was not tested."""

    model: Any
    test: Tested
    interruption: BaseException | None


class Asked(NamedTuple):
    """The task, and the table in two parts."""

    task: str
    reason: str
    told: str  # how the target is distributed
    parts: Parts
    question: Question
    classes: dict[str, Any]  # parameters of a classifier
    written: dict[str, Written]  # how the target was written as text


def train(order: Order, parameters: Parameters) -> None:
    """Train, test and save, and print each step."""
    settings = refuse(order, parameters)
    if settings.loss == POISSON:  # of counts, which may have few values
        order = replace(order, task=REGRESSION)
    if order.save_config:
        save_config(order.save_config, order, parameters)
    screen = Screen.of(order.as_json)
    asked = _asked(order, settings, screen)
    run = _trained(order, parameters, asked)
    _show_training(run, asked.parts.rows, order.explain, screen)
    with collected() as told:
        run = _tested(run, order, parameters, asked, screen)
    if order.test:
        report_news(told.lines)
    with undisturbed():
        record = _record(order, parameters, asked, run)
        run.model._keep(_with_target(run.model.fitted_, asked).replaced(record=record))
        _save(run.model, order.output, screen)
    if order.report and not run.interruption:
        with collected():  # of which the test has told
            run = _reported(order, asked, run, screen)
    if order.as_json:
        print_json(_report(order, run))
    if run.interruption:
        where = f"is in {order.output}" if order.output else "is lost, as no -o FILE was given"
        epochs = f"after {run.model.n_iter_:,} epochs"
        page = " There is no report." if order.report else ""
        kept = parameters["checkpoint"]
        more = f" To go on: --checkpoint {shlex.quote(kept)} --resume." if kept else ""
        end(run.interruption, f"{epochs}: the best network so far {where}.{page}{more}")
    screen.done()


def _asked(order: Order, settings: Settings, screen: Screen) -> Asked:
    """Read the table, or what must be known to stream it, and hold the test part out."""
    in_memory = settings.memory is None
    found = _question(order, screen, settings.scratch or usual_folder(), in_memory=in_memory)
    with waiting("drawing the test part"):
        if order.cv is not None:
            check_folds(order, found, settings.random_state)
        classes = class_settings(order, found)
        parts = parts_of(order, found, settings.random_state, in_memory=in_memory)
    screen.line("test part", parts.told)
    for remark in (*_remarks(order), *suspects(first_problem(parts, found))):
        note(remark)
    written = written_in(next(found.source.tables(0, 1, [order.target])))
    return Asked(found.task, found.reason, target_line_of(found), parts, found, classes, written)


def _remarks(order: Order) -> Iterator[str]:
    """What was asked for and may cost accuracy."""
    if order.time is not None and order.time not in order.drop:
        column = shlex.quote(order.time)
        yield (
            f"{short(order.time)} is an input too, and later rows lie beyond the values that are "
            f"trained on. Compare with --drop {column}; --time {column} still orders the rows."
        )
    if order.class_weight:
        yield (
            "--class-weight shifts the probabilities: the log-loss suffers, the order of the rows "
            "(AUC) does not. To move the decision alone, use --threshold."
        )


def question(order: Order, screen: Screen) -> Problem:
    """Read the table, and show what is asked of it."""
    found = _question(order, screen, None, in_memory=True)
    return held(found, found.rows)


def _question(order: Order, screen: Screen, folder: str | None, *, in_memory: bool) -> Question:
    with waiting(f"reading {shown(order.table)}"):
        source = source_for(order, folder, in_memory=in_memory)
        found = question_for(order, source)
    told, columns = target_line_of(found), len(source.columns)
    _show_question(source.name, source.m, columns, told, found, screen)
    return found


def _show_question(
    name: str, rows: int, columns: int, told: str, found: Any, screen: Screen
) -> None:
    others = count(columns - 1, "column")
    screen.line("table", f"{name}: {count(rows, 'row')}, {others} and the target")
    screen.line("target", told)
    screen.line("task", f"{found.task}, as {found.reason}")


def estimator_of(
    task: str, order: Order, parameters: Parameters, classes: Parameters | None = None
) -> Any:
    """The unfitted estimator for a task."""
    others = {
        name: [column for column in getattr(order, name) if column != order.target] or None
        for name in ("words", "numbers", "fold")
    }
    aside = sorted(not_inputs(order)) or None
    how = {name: getattr(order, name) or None for name in READ_BY}
    if task == CLASSIFICATION:
        parameters = {name: value for name, value in parameters.items() if name != "loss"}
    return ESTIMATORS[task](**parameters, **others, **how, **(classes or {}), drop=aside)


def _trained(order: Order, parameters: Parameters, asked: Asked) -> Run:
    parts = asked.parts
    model = estimator_of(asked.task, order, parameters, asked.classes)
    try:
        with progress(parameters["max_iter"]) as report:
            model.set_params(verbose=report).fit(parts.X, parts.y, **ties(order))
    except DataError as error:
        raise placed(error, order.table) from None
    model.set_params(verbose=False)
    if model.interruption_ and not model.n_iter_:
        end(model.interruption_, "before the first epoch was done: no file was written.")
    return Run(model, Tested(), model.interruption_)


def _show_training(run: Run, rows: int, explain: bool, screen: Screen) -> None:
    encoding = run.model.encoding_
    screen.line("columns", summary_of(encoding, run.model.networks_[0].architecture.n_x))
    for line in encoding_lines(encoding) if explain else ():
        screen.line("", line)
    if hasattr(run.model, "scratch_"):
        folder, size = run.model.scratch_
        screen.line("scratch", f"{in_words(size)} of encoded rows in {folder}, removed again")
    screen.line("training", training_line(run.model, rows))
    screen.line("", ending_line(run.model))
    if (seconds := run.model.time_budget) is not None:
        effort = run.model.fitted_.settings.effort
        told = f"--time-budget {seconds:g} is --effort {effort}, which gives the same model again"
        screen.line("effort", told)
    if search := search_of(run.model):
        screen.lines("search", search_lines(search))
    if line := threshold_line(run.model):
        screen.line("threshold", line)
    screen.lines("diagnosis", run.model.diagnosis_.lines())


def _tested(run: Run, order: Order, parameters: Parameters, asked: Asked, screen: Screen) -> Run:
    """The run with its scores; an interruption loses the scores, but not the network."""
    parts = asked.parts
    if run.interruption or not (len(parts.y_test) or order.cv):
        return run
    try:
        test = _test_of(run.model, order, parameters, asked)
    except (DataError, SettingError) as error:  # of the test alone: the network is kept
        at = placed(error, parts.file) if isinstance(error, DataError) else error
        note(wording("there is no test: ", at.wording))
        return run
    except KeyboardInterrupt as interruption:
        return run._replace(interruption=interruption)
    screen.block(score_lines(test.scores, test.errors))
    screen.line("verdict", verdict(test.verdicts, test.scores))
    return run._replace(test=test)


def _test_of(model: Any, order: Order, parameters: Parameters, asked: Asked) -> Tested:
    """The network on the rows held out, or others like it in folds."""
    parts = asked.parts
    if order.cv is None:
        with waiting("comparing with a linear model"):
            models = {OURS: model} | _linear(model, order, parameters, parts.X, parts.y)
            groups = groups_in(parts.X_test, order.group)
            part = Part(parts.X_test, parts.y_test, parts.usual, groups)
            return tested(judgements(models, part), groups)
    found = []
    in_memory = model.memory is None
    folds = folds_of(order, asked.question, parameters["random_state"], in_memory=in_memory)
    for number, fold in enumerate(folds, 1):
        with waiting(f"cross-validation: fold {number} of {order.cv}"):
            # The seconds of a search are translated once.
            effort = model.fitted_.settings.effort
            again = clone(model).set_params(checkpoint=None, effort=effort, time_budget=None)
            ours = _fitted(again, order, fold.X, fold.y)
            models = {OURS: ours} | _linear(model, order, parameters, fold.X, fold.y)
            found.append((judgements(models, fold.test), fold.test))
    return tested_in_folds(found)


def _linear(model: Any, order: Order, parameters: Parameters, X: Any, y: Any) -> dict[str, Any]:
    """A linear model of the same rows, unless the network is one."""
    if not parameters["hidden"]:
        return {}
    # With shoal's defaults: a poor choice for the network must not spoil the comparison.
    kept = {name: getattr(model, name) for name in SHARED if hasattr(model, name)}
    return {NO_HIDDEN_LAYER: _fitted(type(model)(hidden=0, **kept), order, X, y)}


def _fitted(model: Any, order: Order, X: Any, y: Any) -> Any:
    """The model fitted. Raises what interrupted it."""
    model.fit(X, y, **ties(order))
    if model.interruption_:
        raise model.interruption_
    return model


def _record(order: Order, parameters: Parameters, asked: Asked, run: Run) -> dict[str, Any]:
    return Record(
        target=order.target,
        task=asked.task,
        reason=asked.reason,
        table=file_name(order.table),
        rows=asked.parts.rows,
        test_rows=run.test.rows or len(asked.parts.y_test),
        command=("shoal", "train", *arguments(order, parameters)),
        **run.test.fields(),
    ).plain()


def _with_target(fitted: Fitted, asked: Asked) -> Fitted:
    """The fitted model, which also knows how its target was written: `evaluate` reads it."""
    return fitted.replaced(
        inputs=replace(fitted.inputs, written={**fitted.inputs.written, **asked.written})
    )


def _save(model: Any, output: str | None, screen: Screen) -> None:
    # Without the kernel, results can differ between machines.
    promise = "" if BUILD == "plain" else "     the same on any machine"
    fingerprint = f"fingerprint {model.fingerprint_}{promise}"
    if output is None:
        screen.line("not saved", f"-o FILE keeps the model     {fingerprint}")
        return
    model.save(output)
    screen.line("saved", f"{output} ({in_words(os.path.getsize(output))})     {fingerprint}")
    screen.line("next", f"shoal predict {shlex.quote(output)} NEW.csv -o predictions.csv")


def _reported(order: Order, asked: Asked, run: Run, screen: Screen) -> Run:
    """Write the page. An interruption is reported, and loses nothing else."""
    from shoal.cli.report.report import Facts, write_report

    assert order.report is not None
    parts = asked.parts
    held_out = bool(run.test.scores) and not run.test.folds
    X: Any = parts.X_test if held_out else parts.X
    y: Any = parts.y_test if held_out else parts.y
    if isinstance(X, Rows):
        from shoal.cli.split import first_rows

        X, y = first_rows(X, order.target, run.model)
    facts = Facts(
        run.model, run.test, tuple(run.model.record_["command"]),
        shown(order.table), order.target, asked.task, asked.told,
        parts.rows, parts.told, X, y, held_out,
    )  # fmt: skip
    try:
        with waiting("writing the report"):
            write_report(order.report, facts)
    except KeyboardInterrupt as interruption:
        return run._replace(interruption=interruption)
    screen.line("report", order.report)
    return run


def _report(order: Order, run: Run) -> dict[str, Any]:
    """What --json says."""
    model = run.model
    return model.record_ | {
        "scores": by_role(run.test.scores),
        "standard_errors": by_role(run.test.errors),
        "columns": [
            {"column": name, "encoding": what} for name, what in encoded_columns(model.encoding_)
        ],
        "inputs": model.networks_[0].architecture.n_x,
        "epochs": model.n_iter_,
        "best_epoch": model.best_epoch_,
        "ending": model.endings_[0],
        "seconds": model.training_seconds_,
        "threshold": getattr(model, "threshold_", None),
        "search": search_report(model),
        "diagnosis": model.diagnosis_.to_dict(),
        "fingerprint": model.fingerprint_,
        "saved": order.output,
        "report": order.report if not run.interruption else None,
        "interrupted": bool(exit_code(run.interruption)),
    }

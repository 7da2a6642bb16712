"""`shoal train`: from a table to a model file."""

import os
import shlex
import time
from typing import Any, NamedTuple

from shoal import ShoalClassifier, ShoalRegressor
from shoal.cli.answers import end, exit_code, note, print_json, undisturbed
from shoal.cli.columns import placed
from shoal.cli.progress import progress, waiting
from shoal.cli.record import Compared, Record, by_role
from shoal.cli.refuse import refuse
from shoal.cli.scores import answers_of, constant, scores_of
from shoal.cli.settings import Order, Settings, arguments, file_name
from shoal.cli.show import (
    Screen,
    count,
    diagnosis_lines,
    ending_line,
    summary_of,
    told,
    told_lines,
    training_line,
    verdict,
)
from shoal.cli.split import Parts, parts_of, question_for, source_for, target_line_of
from shoal.compute.builds import BUILD
from shoal.compute.memory import in_words
from shoal.compute.scratch import usual_folder
from shoal.data.read.messages import shown
from shoal.data.rows.question import Problem, Question, held
from shoal.data.rows.selection import Rows
from shoal.data.rows.target import CLASSIFICATION, REGRESSION
from shoal.errors import DataError

ESTIMATORS: dict[str, Any] = {CLASSIFICATION: ShoalClassifier, REGRESSION: ShoalRegressor}
OURS, LINEAR = "shoal", "linear (no hidden layer)"


class Run(NamedTuple):
    """A training and its test; without scores if it was not tested."""

    model: Any
    seconds: float
    scores: Compared
    interruption: BaseException | None


class Asked(NamedTuple):
    """What is asked of a table, and the table in two parts."""

    task: str
    reason: str
    told: str  # how the answers are spread
    parts: Parts


def train(order: Order, settings: Settings, *, explain: bool, as_json: bool) -> None:
    """Train, test and save, and say on the way what is done."""
    refuse(order, settings)
    screen = Screen.beside(as_json)
    asked = _asked(order, settings, screen)
    run = _trained(order, settings, asked)
    _show_training(run, asked.parts.rows, explain, screen)
    run = _tested(run, settings, asked, screen)
    with undisturbed():
        record = _record(order, settings, asked, run)
        run.model._keep(run.model.fitted_.replaced(record=record))
        _save(run.model, order.output, screen)
    if order.report and not run.interruption:
        run = _reported(order, asked, run, screen)
    if as_json:
        print_json(_report(order, run))
    if run.interruption:
        where = f"is in {order.output}" if order.output else "is lost, as no -o FILE was given"
        epochs = f"after {run.model.n_iter_:,} epochs"
        page = " There is no report." if order.report else ""
        kept = settings.checkpoint
        more = f" To go on: --checkpoint {shlex.quote(kept)} --resume." if kept else ""
        end(run.interruption, f"{epochs}: the best network so far {where}.{page}{more}")
    screen.done()


def _asked(order: Order, settings: Settings, screen: Screen) -> Asked:
    """Read the table, or what must be known to stream it, and hold the test part out."""
    in_memory = settings.memory is None
    found = _question(order, screen, settings.scratch or usual_folder(), in_memory=in_memory)
    with waiting("drawing the test part"):
        parts = parts_of(order, found, settings.random_state, in_memory=in_memory)
    screen.line("test part", parts.told)
    return Asked(found.task, found.reason, target_line_of(found), parts)


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
    beside = count(columns - 1, "column")
    screen.line("table", f"{name}: {count(rows, 'row')}, {beside} beside the target")
    screen.line("target", told)
    screen.line("task", f"{found.task}, as {found.reason}")


def estimator_of(task: str, order: Order, settings: Settings) -> Any:
    """The unfitted estimator that answers such a question."""
    others = {
        name: [column for column in getattr(order, name) if column != order.target] or None
        for name in ("words", "numbers")
    }
    return ESTIMATORS[task](**settings.parameters(), **others)


def _trained(order: Order, settings: Settings, asked: Asked) -> Run:
    model, parts = estimator_of(asked.task, order, settings), asked.parts
    began = time.perf_counter()
    try:
        with progress(settings.max_iter) as report:
            model.set_params(verbose=report).fit(parts.X, parts.y)
    except DataError as error:
        raise placed(error, order.table, None) from None
    model.set_params(verbose=False)
    if model.interruption_ and not model.n_iter_:
        end(model.interruption_, "before the first epoch was done: no file was written.")
    # A training that was kept has begun earlier.
    seconds = max(time.perf_counter() - began, model.training_seconds_)
    return Run(model, seconds, [], model.interruption_)


def _show_training(run: Run, rows: int, explain: bool, screen: Screen) -> None:
    encoding = run.model.encoding_
    why = "" if explain else " (--explain says why)"
    screen.line("columns", summary_of(encoding, run.model.networks_[0].architecture.n_x, why))
    for line in told_lines(encoding) if explain else ():
        screen.line("", line)
    if hasattr(run.model, "scratch_"):
        folder, size = run.model.scratch_
        screen.line("scratch", f"{in_words(size)} of encoded rows in {folder}, removed again")
    screen.line("training", training_line(run.model, rows, run.seconds))
    screen.line("", ending_line(run.model))
    screen.lines("diagnosis", diagnosis_lines(run.model))


def _tested(run: Run, settings: Settings, asked: Asked, screen: Screen) -> Run:
    """The run with its scores; an interruption costs the scores, and not the network."""
    parts = asked.parts
    if run.interruption or not len(parts.y_test):
        return run
    try:
        with waiting("comparing with a linear model"):
            scores = _compared(run.model, settings, asked.task, parts)
    except DataError as error:  # of rows that were not trained on: no reason to lose the network
        note(f"there is no test: {placed(error, parts.file, None)}")
        return run
    except KeyboardInterrupt as interruption:
        return run._replace(interruption=interruption)
    screen.scores(scores)
    screen.line("verdict", verdict(scores, len(parts.y_test)))
    return run._replace(scores=scores)


def _compared(model: Any, settings: Settings, task: str, parts: Parts) -> Compared:
    classes, truth = getattr(model, "classes_", None), parts.y_test
    scores = [(OURS, scores_of(answers_of(model, parts.X_test), truth, classes))]
    if settings.hidden:
        # With shoal's own settings: what was tried on the network shall not spoil its measure.
        usual = Settings(
            hidden=0,
            dtype=settings.dtype,
            random_state=settings.random_state,
            n_jobs=settings.n_jobs,
            memory=settings.memory,
            scratch=settings.scratch,
        )
        linear = ESTIMATORS[task](**usual.parameters(), words=model.words, numbers=model.numbers)
        linear.fit(parts.X, parts.y)
        if linear.interruption_:
            raise linear.interruption_
        scores.append((LINEAR, scores_of(answers_of(linear, parts.X_test), truth, classes)))
    return [*scores, constant(parts.usual, truth, classes)]


def _record(order: Order, settings: Settings, asked: Asked, run: Run) -> dict[str, Any]:
    return Record(
        target=order.target,
        task=asked.task,
        reason=asked.reason,
        table=file_name(order.table),
        rows=asked.parts.rows,
        test_rows=len(asked.parts.y_test),
        command=("shoal", "train", *arguments(order, settings)),
        scores=run.scores,
    ).plain()


def _save(model: Any, output: str | None, screen: Screen) -> None:
    # The plain equations, which serve where no kernel can, promise less.
    promise = "" if BUILD == "plain" else "     the same on any machine"
    fingerprint = f"fingerprint {model.fingerprint_}{promise}"
    if output is None:
        screen.line("not saved", f"-o FILE keeps the model     {fingerprint}")
        return
    model.save(output)
    screen.line("saved", f"{output} ({in_words(os.path.getsize(output))})     {fingerprint}")
    screen.line("next", f"shoal predict {shlex.quote(output)} NEW.csv -o answers.csv")


def _reported(order: Order, asked: Asked, run: Run, screen: Screen) -> Run:
    """Write the page. Its failure or interruption is told, and costs nothing else."""
    from shoal.cli.report.report import Facts, write_report

    assert order.report is not None
    parts, tested = asked.parts, bool(run.scores)
    X: Any = parts.X_test if tested else parts.X
    y: Any = parts.y_test if tested else parts.y
    if isinstance(X, Rows):
        from shoal.cli.split import first_rows

        X, y = first_rows(X, order.target, run.model)
    facts = Facts(
        run.model, run.scores, tuple(run.model.record_["command"]),
        shown(order.table), order.target, asked.task, asked.told,
        parts.rows, parts.told, run.seconds, X, y, tested,
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
        "scores": by_role(run.scores),
        "columns": [{"column": name, "encoding": what} for name, what in told(model.encoding_)],
        "inputs": model.networks_[0].architecture.n_x,
        "epochs": model.n_iter_,
        "best_epoch": model.best_epoch_,
        "ending": model.endings_[0],
        "seconds": round(run.seconds, 3),
        "diagnosis": model.diagnosis_.to_dict(),
        "fingerprint": model.fingerprint_,
        "saved": order.output,
        "report": order.report if not run.interruption else None,
        "interrupted": bool(exit_code(run.interruption)),
    }

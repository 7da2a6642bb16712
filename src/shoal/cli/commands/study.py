"""`shoal study`: how often, and how fast, each initialisation learns from a table."""

import io
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.checks import check_number, check_whole
from shoal.cli.columns import placed
from shoal.cli.commands.train import estimator_of, question
from shoal.cli.endings import end
from shoal.cli.options import Order, Parameters, Study
from shoal.cli.refuse import refuse_output, refuse_question
from shoal.cli.screen.lines import count, summary_of
from shoal.cli.screen.printing import print_json
from shoal.cli.screen.progress import counting
from shoal.cli.screen.screen import Screen
from shoal.cli.signals import undisturbed
from shoal.data.rows.examples import Examples
from shoal.data.rows.question import Problem
from shoal.data.rows.split import hold_out
from shoal.data.rows.target import CLASSIFICATION
from shoal.diagnosis.study import SCHEMES, InitStudy, study_of
from shoal.diagnosis.trials import Descent
from shoal.errors import DataError, SettingError
from shoal.estimators.automatic import rate_of
from shoal.estimators.base import settings_of
from shoal.estimators.inputs import examples_of
from shoal.estimators.prepare import ArrayFeed, prepare
from shoal.files.atomic import atomic_write
from shoal.kinds import check_init
from shoal.network.architecture import Architecture
from shoal.pictures import canvas
from shoal.pictures.study import InitStudyDisplay

PICTURES = (".png", ".svg", ".pdf")


class Ready(NamedTuple):
    """A table as the kernel wants it."""

    architecture: Architecture
    examples: Examples
    held: Examples | None  # rows that no training sees
    learning_rate: float
    columns: str  # what was done with them


def study(asked: Study, parameters: Parameters) -> None:
    """Study a table, and print each step."""
    order: Order = asked.order
    parameters = parameters | {"solver": "gd"}
    _refuse(asked, parameters)
    screen = Screen.of(asked.as_json)
    part, held = _parted(question(order, screen), asked.rows)
    others = f", {len(held.y):,} others held out" if held else ""
    screen.line("part", f"{count(len(part.y), 'row')} of the table{others}")
    ready = _ready(order, parameters, part, held)
    screen.line("columns", ready.columns)
    with counting("studying", "trainings") as progress:
        found = study_of(
            Descent(
                ready.architecture, ready.examples, ready.learning_rate, asked.iterations, ready.held
            ),
            schemes=asked.schemes or SCHEMES, seeds=asked.seeds, goal=asked.goal,
            n_jobs=parameters["n_jobs"], progress=progress,
        )  # fmt: skip
    with undisturbed():
        screen.block(str(found).splitlines())
        if asked.plot:
            _draw(found, asked.plot)
            screen.line("plot", asked.plot)
        if asked.as_json:
            print_json({"table": order.table, "target": order.target} | found.to_dict())
    if found.interruption:
        end(found.interruption, f"{len(found.trials):,} trainings were done, and are shown.")
    screen.done()


def _refuse(asked: Study, parameters: Parameters) -> None:
    """Raise SettingError or FileError for a study that cannot be."""
    for scheme in asked.schemes:
        check_init("schemes", scheme)
    for name in ("seeds", "iterations"):
        check_whole(name, getattr(asked, name), least=1)
    check_whole("rows", asked.rows, least=2)
    if asked.goal is not None:
        check_number("goal", asked.goal, open_at=(0.0,))
    refuse_question(asked.order, parameters)
    if asked.plot is None:
        return
    if not asked.plot.lower().endswith(PICTURES):
        raise SettingError(
            f"--plot {asked.plot}: expected a name that ends with {', '.join(PICTURES)}, such as "
            "study.png."
        )
    canvas.library()
    refuse_output(asked.plot, (asked.table,), "--plot")


def _parted(problem: Problem, rows: int) -> tuple[Problem, Problem | None]:
    """As many rows of the table, drawn at random, and as many others; every class keeps its share."""
    m = len(problem.y)
    if m <= rows:
        return problem, None
    drawn = _drawn(problem, rows)
    rest = _of(problem, np.setdiff1d(np.arange(m), drawn))
    if len(rest.y) > rows:
        rest = _of(rest, _drawn(rest, rows))
    return _of(problem, drawn), rest


def _drawn(problem: Problem, rows: int) -> NDArray[np.integer]:
    classes = problem.task == CLASSIFICATION
    labels = np.unique(problem.y, return_inverse=True)[1] if classes else None
    return hold_out(len(problem.y), rows / len(problem.y), 0, labels)[1]


def _of(problem: Problem, rows: NDArray[np.integer]) -> Problem:
    return problem._replace(X=problem.X.take(rows), y=problem.y[rows])


def _ready(order: Order, parameters: Parameters, part: Problem, held: Problem | None) -> Ready:
    model: Any = estimator_of(part.task, order, parameters)
    s, who = settings_of(model), type(model).__name__
    try:
        feed = ArrayFeed(part.X, part.y, None, s, who)
        prepared = prepare(s, feed, model._targets, who)
        examples = feed.examples(prepared.inputs)
        others = None
        if held is not None and np.isin(held.y, part.y).all() | (part.task != CLASSIFICATION):
            y = prepared.targets.arrays(held.y, None, None)
            others = examples_of(prepared.inputs.matrix(prepared.inputs.read(held.X)), y)
    except DataError as error:
        raise placed(error, order.table) from None
    shape = prepared.architecture
    return Ready(
        shape,
        examples,
        others,
        rate_of(s, shape.output),  # as `shoal train --solver gd` has it
        summary_of(prepared.inputs.encoding, shape.n_x),
    )


def _draw(found: InitStudy, file: str) -> None:
    figure = canvas.blank((6.4, 1.2 + 0.26 * len(found.schemes)))
    InitStudyDisplay(found).plot(ax=figure.subplots())
    picture = io.BytesIO()
    figure.savefig(picture, format=file.rpartition(".")[2].lower(), dpi=160)
    with atomic_write(file) as out:
        out.write(picture.getvalue())

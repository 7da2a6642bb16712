"""`shoal study`: how often, and how fast, each initialisation learns from a table."""

import io
from typing import Any, NamedTuple

import numpy as np

from shoal.checks import check_number, check_whole
from shoal.cli.answers import end, print_json, undisturbed
from shoal.cli.columns import placed
from shoal.cli.progress import counting
from shoal.cli.refuse import refuse, refuse_output
from shoal.cli.settings import Draws, Order, Settings
from shoal.cli.show import Screen, count, summary_of
from shoal.cli.train import estimator_of, question
from shoal.data.rows.examples import Examples
from shoal.data.rows.question import Problem
from shoal.data.rows.split import hold_out
from shoal.data.rows.target import CLASSIFICATION
from shoal.diagnosis.study import SCHEMES, InitStudy, study_of
from shoal.errors import DataError, SettingError
from shoal.estimators.automatic import rate_of
from shoal.estimators.base import settings_of
from shoal.estimators.prepare import ArrayFeed, prepare
from shoal.files.atomic import atomic_write
from shoal.network.architecture import Architecture
from shoal.pictures import canvas
from shoal.pictures.study import InitStudyDisplay
from shoal.settings import check_init

PICTURES = (".png", ".svg", ".pdf")


class Ready(NamedTuple):
    """A table as the kernel wants it."""

    architecture: Architecture
    examples: Examples
    learning_rate: float
    columns: str  # what was done with them


def study(
    order: Order, settings: Settings, draws: Draws, *, plot: str | None, as_json: bool
) -> None:
    """Study a table, and say on the way what is done."""
    _refuse(order, settings, draws, plot)
    screen = Screen.beside(as_json)
    problem = question(order, screen)
    part = _part(problem, draws.rows)
    screen.line("part", f"{count(len(part.y), 'row')} of the table")
    ready = _ready(order, settings, part)
    screen.line("columns", ready.columns)
    with counting("studying", "trainings") as progress:
        found = study_of(
            ready.architecture, ready.examples,
            schemes=draws.schemes or SCHEMES, seeds=draws.seeds, iterations=draws.iterations,
            learning_rate=ready.learning_rate, goal=draws.goal, n_jobs=settings.n_jobs,
            progress=progress,
        )  # fmt: skip
    with undisturbed():
        screen.block(str(found).splitlines())
        if plot:
            _draw(found, plot)
            screen.line("picture", plot)
        if as_json:
            print_json({"table": order.table, "target": order.target} | found.to_dict())
    if found.interruption:
        end(found.interruption, f"{len(found.trials):,} trainings were done, and are shown.")
    screen.done()


def _refuse(order: Order, settings: Settings, draws: Draws, plot: str | None) -> None:
    """Raise SettingError or FileError for a study that cannot be."""
    for scheme in draws.schemes:
        check_init("schemes", scheme)
    for name in ("seeds", "iterations"):
        check_whole(name, getattr(draws, name), least=1)
    check_whole("rows", draws.rows, least=2)
    if draws.goal is not None:
        check_number("goal", draws.goal, open_at=(0.0,))
    refuse(order, settings)
    if plot is None:
        return
    if not plot.lower().endswith(PICTURES):
        raise SettingError(
            f"--plot {plot}: expected a name that ends with {', '.join(PICTURES)}, such as study.png."
        )
    canvas.library()
    refuse_output(plot, (order.table,), "--plot")


def _part(problem: Problem, rows: int) -> Problem:
    """So many rows of the table, drawn at random; every class keeps its share."""
    m = len(problem.y)
    if m <= rows:
        return problem
    classes = problem.task == CLASSIFICATION
    labels = np.unique(problem.y, return_inverse=True)[1] if classes else None
    _, drawn = hold_out(m, rows / m, 0, labels)
    return problem._replace(X=problem.X.take(drawn), y=problem.y[drawn])


def _ready(order: Order, settings: Settings, part: Problem) -> Ready:
    model: Any = estimator_of(part.task, order, settings)
    s, who = settings_of(model), type(model).__name__
    try:
        feed = ArrayFeed(part.X, part.y, None, s, who)
        prepared = prepare(s, feed, model._targets, who)
        examples = feed.examples(prepared.inputs)
    except DataError as error:
        raise placed(error, order.table, None) from None
    shape = prepared.architecture
    return Ready(
        shape,
        examples,
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

"""Why a model predicts as it does: what its columns are worth, and how predictions follow them."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shoal.cli.report import charts
from shoal.cli.report.importance import REPEATS, ROWS, Worth, importance
from shoal.cli.report.page import Html, paragraph, table, tag
from shoal.cli.scores import answers_of, scores_of
from shoal.cli.screen.comparison import TITLES
from shoal.cli.screen.lines import count, importance_of
from shoal.data.encode.encoding import Number, SetAside, Time, Words
from shoal.estimators.explanation import PartialDependence
from shoal.pictures.explanation import PartialDependenceDisplay

Values = NDArray[Any]

COLUMNS = 15  # that have a bar
SHUFFLED = 200  # at most: each costs five predictions
DEPENDENCES, LINES, CATEGORIES = 4, 200, 12  # columns with curves, rows that have one, categories


def reasons(model: Any, X: pa.Table, y: Values) -> Html:
    """What each column is worth, and the curves of the most important ones, for rows X with truth y."""
    kept = [
        Worth(one["column"], one["loss_added"], one["standard_error"])
        for one in importance_of(model)
    ]
    if kept:
        return Html(_kept(kept, model) + _dependences(model, X, kept))
    used = [plan.name for plan in model.encoding_.columns if not isinstance(plan, SetAside)]
    if len(used) > SHUFFLED:
        return paragraph(f"{len(used):,} columns are too many to shuffle each of them in turn.")
    found = _measured(model, X, y, used)
    return Html(_shown(found, *_words(model, len(y))) + _dependences(model, X, found))


# --- importance -------------------------------------------------------------------------


def _kept(found: list[Worth], model: Any) -> Html:
    """The importance that the file keeps."""
    unit = "loss (the mean negative logarithm of the probability of the true class)"
    if not hasattr(model, "classes_"):
        unit = "loss (half the squared error, in squared standard deviations of the target)"
        if model.fitted_.architecture.output == "poisson":
            unit = "loss (half the Poisson deviance)"
    return _shown(
        found,
        f"By how much the {unit} of a network grows when a column is shuffled among the rows that were "
        "held out from it: the mean and its standard error. The model file keeps these numbers.",
        "Loss added by shuffling a column",
        "loss added",
    )


def _measured(model: Any, X: pa.Table, y: Values, used: list[str]) -> list[Worth]:
    """The importance on rows X."""
    classes = getattr(model, "classes_", None)

    def loss(X: pa.Table, y: Values) -> float:
        return scores_of(answers_of(model, X), y, classes)[_loss_of(model)] or 0.0

    return importance(loss, X, y, used)


def _loss_of(model: Any) -> str:
    return "log_loss" if hasattr(model, "classes_") else "rmse"


def _words(model: Any, m: int) -> tuple[str, str, str]:
    """Of what was measured on m rows the caption, the table's heading, and the name of the axis."""
    title = TITLES[_loss_of(model)]
    return (
        f"By how much the {title} grows when a column is shuffled among {count(min(m, ROWS), 'row')}: the "
        f"mean of {REPEATS} shuffles and its standard error.",
        f"{title} added by shuffling a column",
        f"{title} added",
    )


def _shown(found: list[Worth], caption: str, heading: str, axis: str) -> Html:
    first = found[:COLUMNS]
    picture = charts.bars(
        "importance", caption, [w.column for w in first], np.array([w.mean for w in first]),
        np.array([w.error for w in first]), axis,
    )  # fmt: skip
    rows = [(w.column, f"{w.mean:.4g}", f"{w.error:.2g}") for w in found]
    numbers = table(heading, ["column", "mean", "standard error"], rows, class_="numbers plain")
    remark = paragraph(
        "Information that two columns share is credited to neither: shuffling one leaves the other. A "
        "mean of less than twice its error may be chance.",
        class_="quiet",
    )
    return Html(tag("div", picture, numbers, class_="figures") + remark)


# --- partial dependence -----------------------------------------------------------------


def _dependences(model: Any, X: pa.Table, found: list[Worth]) -> Html:
    """How predictions follow the most important columns."""
    some = X.take(np.unique(np.linspace(0, len(X) - 1, min(len(X), LINES)).astype(np.int64)))
    plans = {plan.name: plan for plan in model.encoding_.columns}
    drawn = [w.column for w in found if isinstance(plans[w.column], Number | Words | Time)]
    figures = [
        _dependence(f"dependence-{i}", model, some, plans[name])
        for i, name in enumerate(drawn[:DEPENDENCES])
    ]
    if not figures:
        return Html("")
    intro = paragraph(
        f"How the prediction follows {'this column' if len(figures) == 1 else 'these columns'}: each of "
        f"{count(len(some), 'row')} is predicted with other values of the column, and its own values of all "
        "others. A thin line is a row, the thick one the mean of all. Where thin lines are not parallel, "
        "what the column does depends on other columns. This is what the model does, not what causes what."
    )
    return Html(
        tag("h3", "How predictions follow a column")
        + intro
        + tag("div", *figures, class_="figures")
    )


def _dependence(name: str, model: Any, X: pa.Table, plan: Any) -> Html:
    """The curves of one column, with what they say in words."""
    grid = list(plan.words[:CATEGORIES]) if isinstance(plan, Words) else None
    found = model.partial_dependence(X, plan.name, grid=grid)
    output = _output(found)
    caption = _told(found, output)
    return charts.figure(
        name,
        caption,
        caption,
        lambda ax: PartialDependenceDisplay(found, output=output).plot(ax=ax),
    )


def _output(found: PartialDependence) -> int:
    """Which output is drawn: of many classes the one that is predicted with the highest probability."""
    return int(found.mean.mean(axis=0).argmax()) if len(found.outputs) > 1 else 0


def _told(found: PartialDependence, output: int) -> str:
    """Where the mean is lowest and highest, and how far rows differ in that."""
    curves = found.curves if len(found.outputs) == 1 else found.curves[..., output]
    mean = curves.mean(axis=0)
    low, high = int(mean.argmin()), int(mean.argmax())
    gains = curves[:, high] - curves[:, low]
    few, many = np.quantile(gains, [0.1, 0.9])
    what = found.space if found.space == "target" else f"{found.space} of {found.outputs[output]}"
    return (
        f"{found.column}: the mean {what} is lowest ({mean[low]:.3g}) at {found.named(low)} and highest "
        f"({mean[high]:.3g}) at {found.named(high)}. Between the two it changes by {mean[high] - mean[low]:+.3g}; for eight "
        f"of ten rows by {few:+.3g} to {many:+.3g}."
    )

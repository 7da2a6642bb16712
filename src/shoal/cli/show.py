"""How results look on the screen."""

from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from shoal.cli.scores import Scores
from shoal.cli.tables import Problem
from shoal.data.encoding import Number, SetAside, Time, Words

TITLES = {"log_loss": "log-loss", "auc": "AUC", "accuracy": "accuracy", "rmse": "RMSE", "r2": "R²"}


class Columns(NamedTuple):
    """What was done with the columns, in short, in full, and as data."""

    summary: str
    lines: list[str]
    plain: list[dict[str, str]]


def columns_of(model: Any) -> Columns:
    """What the model's encoding did with each column."""
    if model.encoding_ is None:
        return Columns(f"{model.n_features_in_} numbers, taken as they are", [], [])
    told = [(plan.name, _told(plan)) for plan in model.encoding_.columns]
    aside = sum(isinstance(plan, SetAside) for plan in model.encoding_.columns)
    width = max(len(name) for name, _ in told)
    more = f", {aside} set aside (--explain says why)" if aside else ""
    return Columns(
        f"{len(told) - aside} used, as {len(model.encoding_.features)} inputs{more}",
        [f"{name:<{width}}  {what}" for name, what in told],
        [{"column": name, "encoding": what} for name, what in told],
    )


def _told(plan: Number | Words | Time | SetAside) -> str:
    holes = ", holes filled and marked" if getattr(plan, "holes", False) else ""
    if isinstance(plan, Words):
        n = len(plan.words)
        rare = ", rare and unknown ones together" if plan.rare else ""
        return f"words: {n} frequent one{'s' * (n != 1)}{rare}{holes}"
    if isinstance(plan, Time):
        parts = f", {' and '.join(plan.parts)} as words" if plan.parts else ""
        return f"a time: position as a number{parts}{holes}"
    if isinstance(plan, Number):
        what = "yes or no" if plan.kind == "boolean" else "a number"
        return f"{what}: mean {plan.mean:.4g}, standard deviation {plan.scale:.4g}{holes}"
    return f"set aside: {plan.reason}"


def target_line(problem: Problem, target: str) -> str:
    """What is asked, why it is taken so, and how the answers are spread."""
    y = problem.y
    left = f"; {problem.left_out:,} rows without it left out" if problem.left_out else ""
    if problem.task == "regression":
        return f"{target}: regression ({problem.reason}), from {y.min():.4g} to {y.max():.4g}, mean {y.mean():.4g}{left}"
    values, counts = np.unique(y, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    shares = ", ".join(f"{values[i]} {counts[i] / len(y):.1%}" for i in order[:4])
    more = f" and {len(values) - 4} more" if len(values) > 4 else ""
    return f"{target}: classification ({problem.reason}), {shares}{more}{left}"


def size_of(model: Any) -> str:
    """8 networks × 64 units, 3,393 parameters each."""
    shape = model.networks_[0].architecture
    n = len(model.networks_)
    units = f"{shape.n_h} units" if shape.n_h else "no hidden layer"
    return f"{n} network{'s' * (n != 1)} × {units}, {shape.n_parameters:,} parameters"


def score_table(results: dict[str, Scores]) -> Table:
    """The scores of several models, one a line."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("")
    names = [name for name in TITLES if name in next(iter(results.values()))]
    for name in names:
        table.add_column(TITLES[name], justify="right")
    for who, scores in results.items():
        cells = [
            "–"
            if (value := scores[name]) is None
            else f"{value:.4f}"
            if abs(value) < 1e4
            else f"{value:,.0f}"
            for name in names
        ]
        table.add_row(who, *cells)
    return table

"""What is printed of a table, a model and its training, each on a line."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from shoal.data.encode.encoding import Encoding, Number, Plan, SetAside, Time, Words
from shoal.data.rows.target import REGRESSION

Values = NDArray[Any]

MOST_ASIDE = 5  # columns that are named in the line of all columns
ENDINGS = {
    "finished": "all epochs used: --max-iter allows more",
    "plateau": "later ones were no better",
    "converged": "converged",
    "diverged": "then the loss grew",
    "interrupted": "then it was interrupted",
}


def target_line(y: Values, task: str, left_out: int, target: str) -> str:
    """How the target is distributed."""
    if task == REGRESSION:
        return numbers_line(y.min(), y.max(), y.mean(), left_out, target)
    values, counts = np.unique(y, return_counts=True)
    return classes_line(values, counts, left_out, target)


def numbers_line(low: float, high: float, mean: float, left_out: int, target: str) -> str:
    """late: from 0 to 17, mean 3.2."""
    return f"{target}: from {low:.4g} to {high:.4g}, mean {mean:.4g}{_without(left_out)}"


def classes_line(values: Values, counts: Values, left_out: int, target: str) -> str:
    """late: no 75 %, yes 25 %."""
    order = np.argsort(-counts, kind="stable")
    shares = [f"{short(values[i])} {percent(counts[i] / counts.sum())}" for i in order[:4]]
    return f"{target}: {listed(shares, len(values))}{_without(left_out)}"


def _without(left_out: int) -> str:
    return f"; {left_out:,} rows without it are left out" if left_out else ""


def training_line(model: Any, rows: int) -> str:
    """31 epochs, 4.2 s     8 networks × 64 units     1.9 million rows/s."""
    seconds = model.training_seconds_
    if model.fitted_.search:  # whose networks are mostly others
        return f"{epochs_line(model)}     {size_of(model)}"
    speed = per_second(rows * len(model.loss_curve_) * len(model.networks_) / max(seconds, 1e-3))
    return f"{epochs_line(model)}     {size_of(model)}     {speed}"


def importance_of(model: Any) -> list[dict[str, Any]]:
    """What each used column is worth on the rows held out in training, the most important first."""
    fitted = model.fitted_
    plans = fitted.inputs.encoding.columns if fitted.inputs.encoding else ()
    names = [plan.name for plan in plans] or list(fitted.inputs.names or ())
    found = [
        {"column": name, "loss_added": one.mean, "standard_error": one.error}
        for j, (name, one) in enumerate(zip(names, fitted.importance, strict=False))
        if not plans or not isinstance(plans[j], SetAside)
    ]
    return sorted(found, key=lambda one: -one["loss_added"])


def importance_line(model: Any) -> str:
    """Distance +0.12, carrier +0.03 (loss added by shuffling a column, on rows held out in training)."""
    found = importance_of(model)
    if not found:
        return ""
    shown = [f"{short(one['column'])} {one['loss_added']:+.3g}" for one in found[:MOST_ASIDE]]
    what = "loss added by shuffling a column of the rows held out in training"
    return f"{listed(shown, len(found))}     ({what})"


def epochs_line(model: Any) -> str:
    """31 epochs, 4.2 s."""
    return f"{count(model.n_iter_, 'epoch')}, {model.training_seconds_:.1f} s"


def ending_line(model: Any) -> str:
    """Which epoch was kept, and why no other."""
    ending, best = model.endings_[0], model.best_epoch_
    why = ENDINGS.get(ending, ending)
    if ending == "plateau" and best == len(model.loss_curve_):
        why = "it had stopped getting better"
    which = "of the first network, epoch" if len(model.networks_) > 1 else "epoch"
    return f"{which} {best:,} is kept; {why}"


def threshold_line(model: Any) -> str:
    """Which class is predicted above which probability; nothing for the likeliest."""
    threshold = getattr(model, "threshold_", None)
    if threshold is None:
        return ""
    asked = model.fitted_.settings.threshold
    line = f'"{short(model.classes_[1])}" is predicted above {threshold:.4g}'
    if isinstance(asked, str):
        return f"{line}, the best for {asked} on the validation rows"
    return f"{line}, the cheapest on the validation rows" if isinstance(asked, dict) else line


def size_of(model: Any) -> str:
    """8 networks × 64 units."""
    units = model.networks_[0].architecture.n_h
    layer = count(units, "unit") if units else "no hidden layer"
    return f"{count(len(model.networks_), 'network')} × {layer}"


def summary_of(encoding: Encoding | None, n_inputs: int) -> str:
    """How many columns are used, as how many inputs, and which are not."""
    if encoding is None:
        return f"{count(n_inputs, 'number')}, used as they are"
    aside = [plan for plan in encoding.columns if isinstance(plan, SetAside)]
    shown = [f"{short(plan.name)} ({in_brief(plan.reason)})" for plan in aside[:MOST_ASIDE]]
    more = f", {len(aside):,} set aside: {listed(shown, len(aside))}" if aside else ""
    return f"{len(encoding.columns) - len(aside):,} used, as {count(n_inputs, 'input')}{more}"


def in_brief(reason: str) -> str:
    """Why a column is set aside, without the evidence and the cure behind it."""
    return re.split(r" \(|: ", reason)[0]


def encoded_columns(encoding: Encoding | None) -> list[tuple[str, str]]:
    """Each column, and how it is encoded."""
    return [(plan.name, _encoded(plan)) for plan in encoding.columns] if encoding else []


def encoding_lines(encoding: Encoding | None) -> list[str]:
    """The same, below each other."""
    columns = encoded_columns(encoding)
    width = max((cell_len(name) for name, _ in columns), default=0)
    return [f"{name}{' ' * (width - cell_len(name))}  {what}" for name, what in columns]


def short(value: Any, most: int = 40) -> str:
    """A value on one line, not too long."""
    text = " ".join(str(value).split())
    return text if len(text) <= most else f"{text[:most]}…"


def listed(words: list[str], n: int) -> str:
    """The words, and how many more there are of n in all."""
    return ", ".join(words) + (f" and {n - len(words):,} more" if n > len(words) else "")


def count(n: int, thing: str) -> str:
    """1 row, 2 rows."""
    return f"{n:,} {thing}{'s' * (n != 1)}"


def percent(share: float) -> str:
    """0.245 as 24.5 %."""
    return f"{100 * share:.1f} %"


def per_second(rows: float) -> str:
    """1.9 million rows/s."""
    return f"{rows / 1e6:,.1f} million rows/s" if rows >= 1e5 else f"{rows:,.0f} rows/s"


def _encoded(plan: Plan) -> str:
    missing = ", missing values filled and marked" if getattr(plan, "holes", False) else ""
    if isinstance(plan, Words):
        rare = ", rare and unknown ones combined" if plan.rare else ""
        return f"categorical: {count(len(plan.words), 'frequent value')}{rare}{missing}"
    if isinstance(plan, Time):
        parts = f", {' and '.join(plan.parts)} as categories" if plan.parts else ""
        return f"time: position as a number{parts}{missing}"
    if isinstance(plan, Number):
        what = "true or false" if plan.kind == "boolean" else "numeric"
        bins = f", {len(plan.edges) - 1} bins" if plan.edges else ""
        spread = f"mean {plan.mean:.4g}, standard deviation {plan.scale:.4g}"
        return f"{what}: {spread}{bins}{missing}"
    return f"set aside: {plan.reason}"

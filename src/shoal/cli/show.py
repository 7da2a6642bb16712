"""How results look on the screen: a label, what it says, and scores in columns."""

import sys
from collections.abc import Sequence
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from shoal.cli.record import Compared
from shoal.cli.scores import Scores
from shoal.data.encode.encoding import Encoding, Number, Plan, SetAside, Time, Words
from shoal.data.rows.target import REGRESSION

Values = NDArray[Any]

LABEL = 17  # cells, with the space after it
TITLES = {"log_loss": "log-loss", "auc": "AUC", "accuracy": "accuracy", "rmse": "RMSE", "r2": "R²"}
ENDINGS = {
    "finished": "all epochs used: --max-iter allows more",
    "plateau": "later ones were no better",
    "converged": "nothing moved any more",
    "diverged": "then the loss grew",
    "interrupted": "then it was interrupted",
}


class Screen:
    """Where results are shown: standard output, or standard error beside --json.

    A log that is full, or a reader who has gone, shall not cost a trained network: what cannot
    be shown is passed over, and only `done` tells of it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._failure: OSError | None = None

    @classmethod
    def beside(cls, as_json: bool) -> "Screen":
        """The stream that is for people."""
        return cls(sys.stderr if as_json else sys.stdout)

    def line(self, label: str, text: str) -> None:
        """One line, at once."""
        self._print(f"{label:<{LABEL}}{text}")

    def lines(self, label: str, texts: Sequence[str]) -> None:
        """Several lines under one label."""
        for i, text in enumerate(texts):
            self.line("" if i else label, text)

    def block(self, texts: Sequence[str]) -> None:
        """Lines that begin at the margin."""
        for text in texts:
            self._print(text)

    def scores(self, scores: Compared) -> None:
        """The scores of several models, one a line."""
        for line in score_lines(scores):
            self._print(line)

    def done(self) -> None:
        """Raise the OSError of results that were asked for and could not be written."""
        if self._failure and self._stream is sys.stdout:
            raise self._failure

    def _print(self, text: str) -> None:
        try:
            print(text, file=self._stream, flush=True)
        except OSError as error:
            self._failure = error


def diagnosis_lines(model: Any) -> list[str]:
    """What the diagnosis says, with the names of options."""
    from shoal.cli.answers import in_options

    return [in_options(line) for line in model.diagnosis_.lines()]


def target_line(y: Values, task: str, left_out: int, target: str) -> str:
    """How the answers are spread."""
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


def training_line(model: Any, rows: int, seconds: float) -> str:
    """31 epochs, 4.2 s     8 networks × 64 units     1.9 million rows/s."""
    speed = per_second(rows * len(model.loss_curve_) * len(model.networks_) / max(seconds, 1e-3))
    return f"{model.n_iter_:,} epochs, {seconds:.1f} s     {size_of(model)}     {speed}"


def ending_line(model: Any) -> str:
    """Which epoch was kept, and why no other."""
    ending, best = model.endings_[0], model.best_epoch_
    why = ENDINGS.get(ending, ending)
    if ending == "plateau" and best == len(model.loss_curve_):
        why = "it had stopped getting better"
    which = "of the first network, epoch" if len(model.networks_) > 1 else "epoch"
    return f"{which} {best:,} is kept; {why}"


def size_of(model: Any) -> str:
    """8 networks × 64 units."""
    units = model.networks_[0].architecture.n_h
    layer = count(units, "unit") if units else "no hidden layer"
    return f"{count(len(model.networks_), 'network')} × {layer}"


def verdict(scores: Compared, rows: int) -> str:
    """What the comparison means."""
    (_, ours), *linear, (constant, trivial) = scores
    loss = next(iter(ours))
    here = f"on {'these' if rows > 1 else 'this'} {count(rows, 'row')}"
    if not _below(ours, trivial, loss):
        return f"no better than {constant} {here}"
    if linear and not _below(ours, linear[0][1], loss):
        return f"the linear model is as good {here}, and simpler: --hidden 0"
    other, found = ("the linear model", linear[0][1]) if linear else (constant, trivial)
    less = score((found[loss] or 0.0) - (ours[loss] or 0.0))
    return f"better than {other}: {TITLES[loss]} {less} lower"


def score_lines(scores: Compared) -> list[str]:
    """A heading, then the scores of each."""
    names = [name for name in TITLES if name in scores[0][1]]
    width = max(cell_len(short(who)) for who, _ in scores) + 2
    lines = [" " * width + "".join(f"{TITLES[name]:>11}" for name in names)]
    for who, found in scores:
        cells = "".join(f"{score(found.get(name)):>11}" for name in names)
        lines.append(f"  {short(who)}{' ' * (width - 2 - cell_len(short(who)))}{cells}")
    return lines


def summary_of(encoding: Encoding | None, n_inputs: int, why: str = "") -> str:
    """How many columns are used, as how many inputs, and where one learns why others are not."""
    if encoding is None:
        return f"{count(n_inputs, 'number')}, taken as they are"
    aside = sum(isinstance(plan, SetAside) for plan in encoding.columns)
    more = f", {aside:,} set aside{why}" if aside else ""
    return f"{len(encoding.columns) - aside:,} used, as {count(n_inputs, 'input')}{more}"


def told(encoding: Encoding | None) -> list[tuple[str, str]]:
    """Each column, and what was done with it."""
    return [(plan.name, _told(plan)) for plan in encoding.columns] if encoding else []


def told_lines(encoding: Encoding | None) -> list[str]:
    """The same, below each other."""
    columns = told(encoding)
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


def _told(plan: Plan) -> str:
    holes = ", holes filled and marked" if getattr(plan, "holes", False) else ""
    if isinstance(plan, Words):
        rare = ", rare and unknown ones together" if plan.rare else ""
        return f"words: {count(len(plan.words), 'frequent one')}{rare}{holes}"
    if isinstance(plan, Time):
        parts = f", {' and '.join(plan.parts)} as words" if plan.parts else ""
        return f"a time: position as a number{parts}{holes}"
    if isinstance(plan, Number):
        what = "true or false" if plan.kind == "boolean" else "a number"
        bins = f", {len(plan.edges) - 1} bins" if plan.edges else ""
        spread = f"mean {plan.mean:.4g}, standard deviation {plan.scale:.4g}"
        return f"{what}: {spread}{bins}{holes}"
    return f"set aside: {plan.reason}"


def _below(ours: Scores, others: Scores, name: str) -> bool:
    one, other = ours.get(name), others.get(name)
    return one is not None and other is not None and one < other


def score(value: float | None) -> str:
    """0.4747; – for none."""
    if value is None:
        return "–"
    if abs(value) >= 1e4:
        return f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.3g}"
    return f"{round(value, 4) + 0.0:.4f}"  # + 0.0: there is no -0.0000

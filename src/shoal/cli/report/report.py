"""What the report of a training says, section by section."""

import datetime
import platform
import shlex
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import shoal
from shoal.cli.report import charts
from shoal.cli.report.page import Html, page, paragraph, table, tag
from shoal.cli.report.reasons import reasons
from shoal.cli.scores import answers_of
from shoal.cli.screen.comparison import TITLES, verdict, with_error
from shoal.cli.screen.lines import (
    count,
    encoded_columns,
    ending_line,
    epochs_line,
    percent,
    size_of,
    summary_of,
)
from shoal.cli.screen.printing import printable
from shoal.cli.testing import Tested
from shoal.compute.builds import BUILD
from shoal.errors import SettingError
from shoal.estimators.intervals import check_coverage
from shoal.files.atomic import atomic_write
from shoal.pictures.loss_curve import LossCurveDisplay
from shoal.pictures.units import COLOURS, SOUND, UnitsDisplay

Values = NDArray[Any]

COVERAGE = 0.9  # of intervals and sets
UNITS = 6  # that are drawn
CLASSES = 20  # of a confusion table
LIBRARIES = ("numpy", "scipy", "scikit-learn", "pyarrow", "matplotlib")
WORDS = {
    "log_loss": "mean negative logarithm of the probability of the true class; 0 is perfect",
    "auc": "probability that a positive row is ranked above a negative one; 1 is perfect, 0.5 is chance",
    "accuracy": "share of correct predictions",
    "precision": "share of true ones among the rows that are predicted as the second class",
    "recall": "share of the rows of the second class that are predicted as such",
    "deviance": "mean Poisson deviance of the target from its predicted rate; 0 is perfect",
    "rmse": "root of the mean squared error, in the target's own units; 0 is perfect",
    "r2": "share of the target's variance that is explained; 1 is perfect",
}


class Facts(NamedTuple):
    """What a report is made of."""

    model: Any
    test: Tested
    command: tuple[str, ...]
    table: str  # how the table is called
    target: str
    task: str
    target_line: str
    rows: int  # for training
    test_line: str
    X: pa.Table  # rows that the sections look at
    y: Values
    tested: bool  # whether those were held out; else they are the training's own


def write_report(file: str, facts: Facts) -> None:
    """Write the page, whole or not at all. Raises FileError when it cannot be written."""
    whole = html(facts).encode("utf-8")
    with atomic_write(file) as out:
        out.write(whole)


def html(facts: Facts) -> str:
    """The page as text."""
    answers = answers_of(facts.model, facts.X)
    sections = [
        ("findings", "Findings", _findings(facts)),
        ("scores", "Scores", _scores(facts)),
        ("predictions", "Predictions and true values", _predictions(facts, answers)),
        ("data", "Data", _data(facts)),
        ("reasons", "Why these predictions", reasons(facts.model, facts.X, facts.y)),
        ("training", "Training", _training(facts)),
        ("units", "Hidden units", _units(facts)),
        ("repeat", "How to repeat this", _repeat(facts)),
    ]
    return page(f"“{facts.target}” from {facts.table}", _lead(facts), sections)


# --- the sections ---------------------------------------------------------------------


def _lead(facts: Facts) -> Html:
    model = facts.model
    what = f"A {facts.task} by {size_of(model)}, trained on {count(facts.rows, 'row')}. "
    judged = ""
    if facts.test.scores:
        judged = f"Tested on rows {_where(facts.test)}: "
        judged += verdict(facts.test.verdicts, facts.test.scores) + "."
    day = datetime.date.today()
    return Html(
        paragraph(what, judged, class_="lead")
        + paragraph(
            f"Made on {day.day} {day:%B %Y} by shoal {shoal.__version__}. Fingerprint of the model: ",
            tag("code", model.fingerprint_), ".", class_="quiet",
        )
    )  # fmt: skip


def _findings(facts: Facts) -> Html:
    found = getattr(facts.model, "diagnosis_", None)
    if found is None:
        return Html("")
    said = []
    if found.healthy:
        said.append(tag("div", paragraph(printable(found.lines()[0])), class_="finding"))
    for finding in found.findings:
        heading = tag("h3", f"{finding.severity}: {finding.name}")
        texts = (paragraph(printable(text)) for text in (finding.what, finding.advice))
        said.append(tag("div", heading, *texts, class_=f"finding {finding.severity}"))
    return Html("".join(said))


def _scores(facts: Facts) -> Html:
    test = facts.test
    if not test.scores:
        return paragraph("No rows were held out for a test, so there are no scores.")
    names = [name for name in TITLES if name in test.scores[0][1]]
    errors = [found for _, found in test.errors] or [{}] * len(test.scores)
    rows = [
        (who, *(with_error(found, error, name) for name in names))
        for (who, found), error in zip(test.scores, errors, strict=True)
    ]
    seen = table(
        f"Scores on {count(test.rows, 'row')} {_where(test)}",
        ["model", *(TITLES[name] for name in names)],
        rows,
        class_="numbers",
    )
    means = "; ".join(f"{TITLES[name]}: {WORDS[name]}" for name in names)
    return Html(seen + paragraph(f"{means}.", class_="quiet"))


def _where(test: Tested) -> str:
    """Which rows were tested."""
    if test.folds:
        return f"held out in turn, in {test.folds} folds: means and their standard errors"
    return "held out from training"


def _predictions(facts: Facts, answers: Values) -> Html:
    where = Html("")
    if not facts.tested:
        where = paragraph(
            "No rows were held out: these are the rows that the model was trained on, on which "
            "any model looks better than it is."
        )
    classes = getattr(facts.model, "classes_", None)
    if classes is None:
        answers = answers.reshape(-1)
        pictures = charts.residuals("residuals", facts.y, answers) + charts.tenths(
            "calibration", facts.y, answers
        )
        return Html(where + tag("div", Html(pictures), class_="figures") + _covered(facts))
    names = [str(name) for name in classes.tolist()]
    codes = np.searchsorted(classes, facts.y)
    p = np.asarray(answers, np.float64)
    drawn = "".join(
        draw(name, codes, p, names)
        for name, draw in (
            ("roc", charts.roc),
            ("precision", charts.precision_recall),
            ("calibration", charts.calibration),
        )
    )
    few = ""
    if len(names) > charts.CURVES:
        few = paragraph(f"Curves are shown for the first {charts.CURVES} of {len(names)} classes.")
    predicted = np.searchsorted(classes, facts.model.fitted_.targets.decide_by(answers))
    confusion = _confusion(codes, predicted, names)
    return Html(
        where + tag("div", Html(drawn), confusion, class_="figures") + few + _covered(facts)
    )


def _covered(facts: Facts) -> Html:
    """How often intervals or sets hold the true value; nothing where the model has none."""
    model = facts.model
    try:
        check_coverage(model.fitted_, COVERAGE)
    except SettingError:
        return Html("")
    where = f"{count(len(facts.y), 'row')} {'of the test' if facts.tested else 'of the training'}"
    asked = percent(COVERAGE)
    if not hasattr(model, "classes_"):
        low, high = model.predict_interval(facts.X, COVERAGE).reshape(-1, 2).T
        inside = percent(float(((low <= facts.y) & (facts.y <= high)).mean()))
        return paragraph(
            f"Intervals for {asked} of the values (predict --interval {COVERAGE:g}) hold {inside} of them on "
            f"{where}; on average they are {float((high - low).mean()):.4g} wide."
        )
    sets = model.predict_set(facts.X, COVERAGE)
    places = np.searchsorted(model.classes_, facts.y)
    inside = percent(float(sets[np.arange(len(sets)), places].mean()))
    return paragraph(
        f"Sets for {asked} of the rows (predict --interval {COVERAGE:g}) hold the true class of {inside} of "
        f"them on {where}; on average they have {float(sets.sum(axis=1).mean()):.2f} classes."
    )


def _confusion(codes: Values, predicted: Values, names: list[str]) -> Html:
    if len(names) > CLASSES:
        return paragraph(f"A confusion matrix of {len(names)} classes would be too large to read.")
    counts = np.zeros((len(names), len(names)), np.int64)
    np.add.at(counts, (codes, predicted), 1)
    rows = []
    for name, line in zip(names, counts, strict=True):
        total = max(int(line.sum()), 1)
        cells = [
            tag("td", f"{n:,} ({percent(n / total)})", style=f"--share: {round(70 * n / total)}%")
            for n in line.tolist()
        ]
        rows.append((f"true {name}", *cells))
    headings = ["", *(f"predicted {name}" for name in names)]
    return table(
        "Confusion matrix: rows by true and predicted class, with shares of each true class", headings, rows,
        class_="confusion",
    )  # fmt: skip


def _data(facts: Facts) -> Html:
    encoding = facts.model.encoding_
    inputs = facts.model.networks_[0].architecture.n_x
    lines = [
        ("table", facts.table),
        ("target", facts.target_line),
        ("rows for training", f"{facts.rows:,}"),
        ("test part", facts.test_line),
        ("columns", summary_of(encoding, inputs)),
    ]
    return Html(
        table("The data", ["what", "how much"], lines)
        + table("How each column is encoded", ["column", "encoding"], encoded_columns(encoding))
    )


def _training(facts: Facts) -> Html:
    model = facts.model
    lines = [
        ("networks", size_of(model)),
        ("epochs", f"{epochs_line(model)}; {ending_line(model)}"),
        ("solver", model.fitted_.trained.solver),
    ]
    figures = table("The training", ["what", "how"], lines)
    curve = next(filter(None, model.loss_curves_), None)
    if curve is None:  # a fit that diverged at once has no loss that is a number
        return tag("div", figures, class_="figures")
    alt = f"Loss curves: the training loss goes from {curve[0]:.4g} to {curve[-1]:.4g}"
    if model.validation_loss_curve_:
        on_rest = model.validation_loss_curve_
        alt += f", that of rows held out from {on_rest[0]:.4g} to {on_rest[-1]:.4g}"
    picture = charts.figure(
        "loss", "The loss of each epoch.", f"{alt}, in {count(len(curve), 'epoch')}.",
        lambda ax: LossCurveDisplay.from_estimator(model, ax=ax),
    )  # fmt: skip
    return tag("div", picture, figures, class_="figures")


def _units(facts: Facts) -> Html:
    model = facts.model
    n = model.networks_[0].architecture.n_h
    if not n:
        return paragraph("The model has no hidden layer.")
    every = UnitsDisplay.measured(model, facts.X, facts.y, units=n)
    states = [unit.state for unit in every.units]
    spread = ", ".join(f"{states.count(s)} {s}" for s in COLOURS if s in states)
    few = UnitsDisplay.measured(model, facts.X, facts.y, units=UNITS)
    order = "those" if set(states) <= set(SOUND) else "faulty ones first, then those"
    caption = (
        f"Of {count(n, 'unit')}{' of the first network' if len(model.networks_) > 1 else ''}: "
        f"{spread}. Shown are {len(few.units)}: {order} that change the prediction "
        "most. Left: the inputs with the largest effect, by weight × deviation. Right: how the unit's "
        "activations spread over the rows."
    )
    tall = 0.85 * len(few.units) + (3.2 if few.plane else 0) + 0.3
    picture = charts.figure("units", caption, caption, lambda ax: few.plot(columns=1, ax=ax), tall)
    rows = [
        (
            unit.number + 1,
            unit.state,
            ", ".join(f"{name} {pull:+.2f}" for name, pull in unit.inputs),
        )
        for unit in few.units
    ]
    listed = table(
        "The same units in numbers", ["unit", "state", "inputs with the largest effect"], rows
    )
    return tag("div", picture, listed, class_="figures")


def _repeat(facts: Facts) -> Html:
    model = facts.model
    versions = [("shoal", shoal.__version__), ("kernel", BUILD)]
    versions += [("Python", platform.python_version())]
    versions += [(name, version(name)) for name in LIBRARIES]
    versions += [("machine", f"{platform.system()} {platform.machine()}")]
    settings = [
        (name, repr(value))
        for name, value in model.get_params().items()
        if name not in ("verbose", "n_jobs")
    ]
    intro = paragraph(
        "The same table, command and version of shoal give a model with the same fingerprint, ",
        tag("code", model.fingerprint_), ", with any number of threads:",
    )  # fmt: skip
    return Html(
        intro
        + tag("pre", tag("code", shlex.join(facts.command)))
        + tag(
            "div",
            table("Versions", ["what", "version"], versions),
            table("Settings", ["parameter", "value"], settings),
            class_="figures",
        )
    )

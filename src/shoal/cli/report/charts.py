"""The report's pictures: what is drawn, and how a drawing becomes a part of the page."""

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from shoal.cli.report.page import Html, tag, text
from shoal.pictures import canvas

Values = NDArray[Any]

# The colours of the pictures follow the page's, which differ by day, by night and on paper.
COLOURS = {
    canvas.INK: "ink", "#000000": "ink", canvas.GREY: "grey", canvas.FAINT: "faint",
    canvas.BLUE: "blue", canvas.RED: "red", canvas.GREEN: "green", canvas.PURPLE: "purple",
    canvas.SKY: "sky", canvas.ORANGE: "orange",
}  # fmt: skip
STYLES = ("-", "--", "-.", ":")
CURVES = 6  # classes that have a curve of their own
POINTS = 300  # of a curve or a cloud: more cannot be seen


def figure(
    name: str, caption: str, alt: str, draw: Callable[[Any], object], height: float = 2.6
) -> Html:
    """What `draw` draws on axes, as a figure of the page; `alt` says in words what it shows."""
    drawing = canvas.blank((4.1, height))
    draw(drawing.subplots())
    return tag("figure", svg(name, alt, drawing), tag("figcaption", caption))


def svg(name: str, alt: str, drawing: Any) -> Html:
    """A matplotlib figure as SVG: no prolog, no metadata, names of its own, the page's colours."""
    out = io.StringIO()
    settings = {"svg.fonttype": "none", "svg.hashsalt": name}
    with canvas.library().rc_context(settings):
        drawing.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    picture = out.getvalue()
    picture = picture[picture.index("<svg") :]
    picture = re.sub(r"<metadata>.*?</metadata>", "", picture, flags=re.DOTALL)
    picture = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", picture)
    picture = re.sub(r"<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>", _opening(alt), picture, count=1)
    for colour, variable in COLOURS.items():
        picture = picture.replace(colour, f"var(--{variable})")
    return Html(picture)


def _opening(alt: str) -> Callable[[re.Match[str]], str]:
    return lambda found: f'<svg {found[1]} role="img" aria-label="{text(alt)}">'


# --- classes --------------------------------------------------------------------------


def roc(name: str, codes: Values, p: Values, classes: list[str]) -> Html:
    """True positive rate over false positive rate, of each class."""
    texts, curves = [], []
    for k in _shown(classes):
        hits = codes == k
        if hits.all() or not hits.any():
            continue
        false, true, _ = roc_curve(hits, p[:, k])
        curves.append((classes[k], _thin(false), _thin(true)))
        texts.append(f"{classes[k]}: area {roc_auc_score(hits, p[:, k]):.4f}")

    def draw(ax: Any) -> None:
        ax.plot([0, 1], [0, 1], color=canvas.GREY, linewidth=0.8, linestyle=":")
        _curves(ax, curves, "false positive rate", "true positive rate")

    return _if(curves, name, "ROC curve", texts, draw)


def precision_recall(name: str, codes: Values, p: Values, classes: list[str]) -> Html:
    """Precision over recall, of each class."""
    texts, curves = [], []
    for k in _shown(classes):
        hits = codes == k
        if not hits.any():
            continue
        precision, recall, _ = precision_recall_curve(hits, p[:, k])
        curves.append((classes[k], _thin(recall), _thin(precision)))
        average = average_precision_score(hits, p[:, k])
        texts.append(
            f"{classes[k]}: average precision {average:.4f}, where chance gives {hits.mean():.4f}"
        )

    def draw(ax: Any) -> None:
        _curves(ax, curves, "recall", "precision")

    return _if(curves, name, "Precision and recall", texts, draw)


def calibration(name: str, codes: Values, p: Values, classes: list[str]) -> Html:
    """Observed frequency over predicted probability, of each class."""
    texts, curves = [], []
    for k in _shown(classes):
        hits = codes == k
        if not hits.any():
            continue
        true, given = calibration_curve(hits, p[:, k], n_bins=10, strategy="quantile")
        curves.append((classes[k], given, true))
        texts.append(f"{classes[k]}: on average {np.abs(true - given).mean():.3f} apart")

    def draw(ax: Any) -> None:
        ax.plot([0, 1], [0, 1], color=canvas.GREY, linewidth=0.8, linestyle=":")
        _curves(ax, curves, "predicted probability, in tenths of the rows", "observed share", "o")

    return _if(curves, name, "Calibration: the dotted line is perfect", texts, draw)


def _shown(classes: list[str]) -> list[int]:
    """Which classes have a curve: of two the second, which says all of the first."""
    return [1] if len(classes) == 2 else list(range(min(len(classes), CURVES)))


def _if(
    curves: list[Any], name: str, caption: str, texts: list[str], draw: Callable[[Any], None]
) -> Html:
    if not curves:
        return Html("")
    words = "; ".join(texts)
    return figure(name, f"{caption}. {words}.", f"{caption}. {words}.", draw)


def _curves(ax: Any, curves: list[Any], across: str, up: str, marker: str | None = None) -> None:
    for i, (name, x, y) in enumerate(curves):
        ax.plot(
            x, y, STYLES[i % len(STYLES)], color=canvas.CYCLE[i % len(canvas.CYCLE)],
            linewidth=1.4, label=canvas.plain(name), marker=marker, markersize=3.5,
        )  # fmt: skip
    ax.set(xlabel=across, ylabel=up, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    canvas.calm(ax)
    canvas.legend(ax)


def _thin(values: Values) -> Values:
    keep = np.linspace(0, len(values) - 1, min(len(values), POINTS)).astype(int)
    return values[keep]


# --- numbers --------------------------------------------------------------------------


def residuals(name: str, truth: Values, predictions: Values) -> Html:
    """How far off the predictions are, and whether that depends on the prediction."""
    off = truth - predictions
    low, middle, high = np.quantile(off, [0.05, 0.5, 0.95])
    texts = (
        f"Residuals: true value minus prediction. Nine of ten lie between {low:.4g} and {high:.4g}, the "
        f"median is {middle:.4g}."
    )

    def draw(ax: Any) -> None:
        some = np.linspace(0, len(off) - 1, min(len(off), 2 * POINTS)).astype(int)
        ax.axhline(0, color=canvas.GREY, linewidth=0.8, linestyle=":")
        ax.plot(predictions[some], off[some], "o", color=canvas.BLUE, ms=2.2, mew=0, alpha=0.6)
        ax.set(xlabel="prediction", ylabel="true value minus prediction")
        canvas.calm(ax)

    return figure(name, texts, texts, draw)


def tenths(name: str, truth: Values, predictions: Values) -> Html:
    """The mean true value of each tenth of the rows, by their predictions."""
    parts = np.array_split(np.argsort(predictions, kind="stable"), min(10, len(predictions)))
    given = np.array([predictions[part].mean() for part in parts])
    true = np.array([truth[part].mean() for part in parts])
    texts = (
        "Calibration: mean true value in each tenth of the rows, by their predictions; the dotted line is "
        f"perfect. On average they are {np.abs(true - given).mean():.4g} apart."
    )

    def draw(ax: Any) -> None:
        ends = [min(given.min(), true.min()), max(given.max(), true.max())]
        ax.plot(ends, ends, color=canvas.GREY, linewidth=0.8, linestyle=":")
        ax.plot(given, true, "o-", color=canvas.BLUE, ms=3.5, linewidth=1.4)
        ax.set(xlabel="mean prediction", ylabel="mean true value")
        canvas.calm(ax)

    return figure(name, texts, texts, draw)


# --- columns --------------------------------------------------------------------------


def bars(
    name: str, caption: str, names: list[str], means: Values, errors: Values, axis: str
) -> Html:
    """One bar a column, the longest above, with its standard error."""
    alt = f"{caption} " + "; ".join(
        f"{who} {mean:.4g}" for who, mean in zip(names, means, strict=True)
    )

    def draw(ax: Any) -> None:
        places = range(len(names))
        ax.barh(places, means, color=canvas.BLUE, height=0.65)
        ax.errorbar(means, places, xerr=errors, fmt="none", ecolor=canvas.GREY, elinewidth=1)
        shown = [canvas.plain(n if len(n) <= 22 else f"{n[:21]}…") for n in names]
        ax.set_yticks(places, shown)
        ax.set_ylim(len(names) - 0.4, -0.6)
        ax.axvline(0, color=canvas.GREY, linewidth=0.8)
        ax.set_xlabel(axis)
        canvas.calm(ax, grid="x")
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)

    return figure(name, caption, alt, draw, 0.9 + 0.22 * len(names))

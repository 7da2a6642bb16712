"""What all pictures share: where they are drawn, in which colours, how calm they are.

The colours are those of Okabe and Ito, "Color universal design" (2008), which people with
any common kind of colour vision tell apart. No picture says a thing by colour alone.
"""

import importlib
from typing import Any

from shoal.errors import SettingError

BLUE, RED, GREEN = "#0072b2", "#d55e00", "#009e73"
PURPLE, SKY, ORANGE = "#cc79a7", "#56b4e9", "#e69f00"
GREY, FAINT, INK = "#808080", "#d9d9d9", "#333333"
CYCLE = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY)
SMALL = 8.0  # points: legible where a picture is printed at half its size


def library(name: str = "matplotlib") -> Any:
    """Return matplotlib or a part of it. Raises SettingError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SettingError(
            f"a picture needs matplotlib, which cannot be imported ({error}). Install it: "
            "pip install 'shoal[plot]'"
        ) from None


def axes(ax: Any, size: tuple[float, float] = (5.0, 3.2)) -> Any:
    """`ax`, or the only one of a new figure of this size in inches."""
    if ax is not None:
        return ax
    return library("matplotlib.pyplot").subplots(figsize=size, layout="constrained")[1]


def blank(size: tuple[float, float]) -> Any:
    """A new figure that belongs to no window, for files."""
    return library("matplotlib.figure").Figure(figsize=size, layout="constrained")


def calm(ax: Any, *, grid: str = "y") -> None:
    """Take away what says nothing: two sides of the frame, dark ticks, a loud grid."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(GREY)
    ax.tick_params(labelsize=SMALL, color=GREY, labelcolor=INK, length=3)
    ax.tick_params(which="minor", color=GREY, length=2)
    if grid:
        ax.grid(axis=grid, color=FAINT, linewidth=0.6)
        ax.set_axisbelow(True)
    for text in (ax.xaxis.label, ax.yaxis.label):
        text.set_size(SMALL + 1)
        text.set_color(INK)


def heading(ax: Any, text: str) -> None:
    """A small title at the left."""
    ax.set_title(text, fontsize=SMALL, loc="left", pad=2, color=INK)


def legend(ax: Any, **options: Any) -> None:
    """A legend without a frame, if there is anything to tell apart."""
    if len(ax.get_legend_handles_labels()[1]) > 1:
        ax.legend(frameon=False, fontsize=SMALL, labelcolor=INK, **options)


def plain(text: str) -> str:
    """The text on one line, in which matplotlib finds no formula."""
    return " ".join(text.split()).replace("$", r"\$")

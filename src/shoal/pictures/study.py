"""`InitStudyDisplay`: what a study of initialisations has found."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from shoal.diagnosis.study import InitStudy, init_study
from shoal.errors import SettingError
from shoal.pictures import canvas

KINDS = ("costs", "curves")
WIDE = 30.0  # costs that differ by such a factor are drawn on a logarithmic scale
OTHERS = {"glorot": canvas.RED, "he": canvas.ORANGE, "auto": canvas.PURPLE}


class InitStudyDisplay:
    """The final cost of every training, or the costs on the way, scheme by scheme.

    Made by `from_study` or `from_data`.

    Parameters
    ----------
    study : InitStudy
        What `init_study` has returned.

    Attributes
    ----------
    ax_, figure_ :
        Of matplotlib, after `plot`.
    """

    def __init__(self, study: InitStudy) -> None:
        self.study = study

    @classmethod
    def from_study(cls, study: InitStudy, *, kind: str = "costs", ax: Any = None) -> Self:
        """Draw a study that `init_study` has made.

        Parameters
        ----------
        study : InitStudy
            The study.
        kind, ax :
            As of `plot`.

        Returns
        -------
        InitStudyDisplay
        """
        return cls(study).plot(kind=kind, ax=ax)

    @classmethod
    def from_data(
        cls, X: ArrayLike, y: ArrayLike, *, kind: str = "costs", ax: Any = None, **options: Any
    ) -> Self:
        """Make a study and draw it.

        Parameters
        ----------
        X, y : arrays
            As of `init_study`.
        kind, ax :
            As of `plot`.
        **options :
            As of `init_study`.

        Returns
        -------
        InitStudyDisplay
        """
        return cls.from_study(init_study(X, y, **options), kind=kind, ax=ax)

    def plot(self, *, kind: str = "costs", ax: Any = None) -> Self:
        """Draw the study.

        Parameters
        ----------
        kind : {"costs", "curves"}
            "costs" shows each training's final cost as a dot, medians and quartiles as bars, and
            how many have learnt; "curves" the median cost after each number of iterations.
        ax : axes of matplotlib, optional
            Where to draw; by default a figure of its own.

        Returns
        -------
        self

        Raises
        ------
        SettingError
            For another `kind`.
        """
        if kind not in KINDS:
            raise SettingError(f"kind={kind!r}: expected one of {', '.join(KINDS)}.")
        height = 1.0 + 0.24 * len(self.study.schemes) if kind == "costs" else 3.4
        self.ax_ = ax = canvas.axes(ax, (5.6, height))
        self.figure_ = ax.figure
        (_costs if kind == "costs" else _curves)(ax, self.study)
        return self


def _costs(ax: Any, study: InitStudy) -> None:
    names = [scheme.scheme for scheme in study.schemes]
    finite = [t.final_cost for t in study.trials if np.isfinite(t.final_cost)] or [1.0]
    low, high = max(min(finite), 1e-12), max([*finite, study.constant, 1e-12])
    off = 1.1 * high  # where those that diverged are put
    for place, scheme in enumerate(study.schemes):
        some = [t for t in study.trials if t.scheme == scheme.scheme]
        costs = np.array([t.final_cost for t in some])
        away = ~np.isfinite(costs)
        # By the golden ratio: spread evenly, and the same at every drawing.
        height = place + 0.5 * ((np.arange(len(some)) * 0.618) % 1 - 0.5)
        ax.plot(costs[~away], height[~away], "o", color=canvas.SKY, ms=2.2, alpha=0.7, mew=0)
        ax.plot(np.full(away.sum(), off), height[away], "x", color=canvas.RED, ms=3)
        quartiles = np.minimum([scheme.cost_lower, scheme.cost_upper], off)
        ax.plot(quartiles, [place, place], color=canvas.BLUE, linewidth=2, solid_capstyle="butt")
        ax.plot([min(scheme.cost, off)], [place], "|", color=canvas.BLUE, ms=10, mew=2)
        n = round(scheme.learnt * scheme.trials)
        ax.annotate(
            f"{n} of {scheme.trials}", (1.02, place), xycoords=("axes fraction", "data"),
            va="center", fontsize=canvas.SMALL, color=canvas.INK if n else canvas.RED,
        )  # fmt: skip
    ax.annotate(
        "learnt", (1.02, 1), xycoords="axes fraction", xytext=(0, 3), textcoords="offset points",
        fontsize=canvas.SMALL, fontweight="bold", color=canvas.INK,
    )  # fmt: skip
    ax.axvline(study.goal, color=canvas.GREEN, linewidth=1, linestyle="--")
    ax.annotate(
        "goal", (study.goal, 1), xycoords=("data", "axes fraction"), xytext=(0, 3),
        textcoords="offset points", ha="center", fontsize=canvas.SMALL, color=canvas.GREEN,
    )  # fmt: skip
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    if high / low > WIDE:
        ax.set_xscale("log")
    else:
        ax.set_xlim(left=0)
    after = study.settings["iterations"]
    ax.set_xlabel(f"cost after {after:,} iterations: each training, quartiles, median")
    canvas.calm(ax, grid="x")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _curves(ax: Any, study: InitStudy) -> None:
    scales = [name for name in study.curves if name not in ("zeros", *OTHERS)]
    colours = canvas.library().colormaps["cividis"](np.linspace(0, 0.9, len(scales)))
    of_scale = dict(zip(scales, colours, strict=True))
    for name, curve in study.curves.items():
        colour = canvas.GREY if name == "zeros" else OTHERS.get(name, of_scale.get(name))
        style = ":" if name == "zeros" else "--" if name in OTHERS else "-"
        after = curve.iterations + 1  # on a logarithmic scale there is no 0
        ax.plot(after, curve.median, style, color=colour, linewidth=1.4, label=name)
    ax.axhline(study.goal, color=canvas.GREEN, linewidth=0.8, linestyle="--")
    ax.annotate(
        "goal", (0, study.goal), xycoords=("axes fraction", "data"), xytext=(3, 2),
        textcoords="offset points", fontsize=canvas.SMALL, color=canvas.GREEN,
    )  # fmt: skip
    top = max(1.4 * study.constant, study.goal)
    if top > 0:
        ax.set_ylim(0, top)
    ax.set_xscale("log")
    ax.set(xlabel="iteration", ylabel="cost (median)")
    canvas.calm(ax)
    canvas.legend(ax, loc="center left", bbox_to_anchor=(1.0, 0.5), title="scale of the draw",
                  title_fontsize=canvas.SMALL)  # fmt: skip

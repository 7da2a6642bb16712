"""`ExplanationDisplay`: which columns matter, or how one prediction came about."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shoal.errors import SettingError
from shoal.estimators.explanation import Explanation, PartialDependence
from shoal.pictures import canvas

COLUMNS = 12  # that are drawn; the others are added up
CURVES = 50  # of rows, evenly spread


class ExplanationDisplay:
    """Bars of Shapley values: of one row with their signs, or of all rows their mean size.

    Made by `from_estimator`, or of an `Explanation`. After `plot`: `ax_`, `figure_`, `bars_`.
    """

    def __init__(
        self, explanation: Explanation, *, row: int | None = None, output: int = 0
    ) -> None:
        self.explanation = explanation
        self.row = row
        self.output = output

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, row: int | None = None, output: int = 0, ax: Any = None,
        **how: Any,
    ) -> Self:  # fmt: skip
        """Explain rows of X and draw; `how` goes to `explain`. Raises NotFittedError before a fit."""
        return cls(estimator.explain(X, **how), row=row, output=output).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw the bars, on `ax` or on a figure of its own."""
        found, k = self.explanation, _checked(self.output, self.explanation.outputs)
        values = found.values if len(found.outputs) == 1 else found.values[..., k]
        if self.row is None:
            sizes, label = np.abs(values).mean(axis=0), f"mean |value| ({found.space})"
        else:
            sizes, label = values[self.row], f"value ({found.space})"
        names, sizes = _largest(found.columns, sizes)
        self.ax_ = ax = canvas.axes(ax, (5.0, 0.9 + 0.25 * len(names)))
        self.figure_, places = ax.figure, range(len(names))
        colours = [canvas.BLUE if size >= 0 else canvas.RED for size in sizes]
        self.bars_ = ax.barh(places, sizes, color=colours, height=0.65)
        ax.set_yticks(places, names)
        ax.set_ylim(len(names) - 0.4, -0.6)
        ax.axvline(0, color=canvas.GREY, linewidth=0.8)
        name = found.outputs[k]
        is_named = len(name) < 30 and name != found.space  # a single target is called so
        ax.set_xlabel(f"{label} of {canvas.plain(name)}" if is_named else label)
        canvas.calm(ax, grid="x")
        return self


def _largest(names: tuple[str, ...], sizes: NDArray[np.float64]) -> tuple[list[str], Any]:
    """The columns with the largest values, and the sum of the others."""
    order = np.argsort(-np.abs(sizes), kind="stable")
    first, others = order[:COLUMNS], order[COLUMNS:]
    shown = [canvas.plain(n if len(n) <= 22 else f"{n[:21]}…") for n in (names[j] for j in first)]
    if not len(others):
        return shown, sizes[first]
    return [*shown, f"{len(others)} others"], np.append(sizes[first], sizes[others].sum())


def _checked(output: int, outputs: tuple[str, ...]) -> int:
    if not 0 <= output < len(outputs):
        raise SettingError(f"output={output}: expected one of 0 to {len(outputs) - 1}.")
    return output


def _unit(space: str, output: str) -> str:
    """What is drawn: "probability of late", or "target" where there is a single one."""
    return space if output == space or len(output) >= 30 else f"{space} of {canvas.plain(output)}"


class PartialDependenceDisplay:
    """The predictions of rows over the values of one column: one thin line a row, and their mean.

    Made by `from_estimator`, or of a `PartialDependence`. After `plot`: `ax_`, `figure_`, `lines_`.
    """

    def __init__(self, dependence: PartialDependence, *, output: int = 0) -> None:
        self.dependence = dependence
        self.output = output

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, column: str | int, *, output: int = 0, ax: Any = None,
        **how: Any,
    ) -> Self:  # fmt: skip
        """Compute the curves of rows of X and draw; `how` goes to `partial_dependence`."""
        found = estimator.partial_dependence(X, column, **how)
        return cls(found, output=output).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw one line a row and their mean, on `ax` or on a figure of its own."""
        found, k = self.dependence, _checked(self.output, self.dependence.outputs)
        curves = found.curves if len(found.outputs) == 1 else found.curves[..., k]
        self.ax_ = ax = canvas.axes(ax)
        self.figure_ = ax.figure
        is_text = found.grid.dtype.kind == "O"
        x = np.arange(len(found.grid)) if is_text else found.grid
        if found.times:
            x = found.grid.astype("M8[s]")
        some = np.linspace(0, len(curves) - 1, min(len(curves), CURVES)).astype(int)
        ax.plot(x, curves[some].T, color=canvas.SKY, linewidth=0.6, alpha=0.5)
        self.lines_ = ax.plot(x, curves.mean(axis=0), color=canvas.BLUE, linewidth=1.8)
        if is_text:
            ax.set_xticks(
                x, [canvas.plain(word[:12]) for word in found.grid], rotation=45, ha="right"
            )
        ax.set(
            xlabel=canvas.plain(found.column),
            ylabel=_unit(found.space, found.outputs[k]),
        )
        canvas.calm(ax)
        if found.times:
            ax.tick_params(axis="x", rotation=45)
        return self

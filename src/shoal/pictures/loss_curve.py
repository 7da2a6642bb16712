"""`LossCurveDisplay`: the loss of each epoch, in training and on rows held out."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from shoal.pictures import canvas

Curve = Sequence[float]
# What the loss is called, by the activation of the output; of all others cross-entropy.
LOSS_NAMES = {"identity": "half squared error", "poisson": "Poisson loss (nats)"}


class LossCurveDisplay:
    """The loss of each epoch; several members are a line (the median) in a band (all of them).

    Made by `from_estimator`.

    Parameters
    ----------
    training, validation : lists of lists of float
        Loss by epoch, one list for each member.
    best_epoch : int, optional
        The epoch to mark as kept, counted from 1.
    loss_name : str
        What the vertical axis is called.

    Attributes
    ----------
    ax_, figure_, lines_ :
        Of matplotlib, after `plot`.
    """

    def __init__(
        self,
        training: Sequence[Curve],
        validation: Sequence[Curve] = (),
        *,
        best_epoch: int | None = None,
        loss_name: str = "loss",
    ) -> None:
        self.training = training
        self.validation = validation
        self.best_epoch = best_epoch
        self.loss_name = loss_name

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Draw the loss curves of a fitted estimator.

        Parameters
        ----------
        estimator : ShoalClassifier or ShoalRegressor
            Fitted; others with a `loss_curve_` serve too.
        ax : axes of matplotlib, optional
            Where to draw; by default a figure of its own.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        NotFittedError
            Before a fit.
        SettingError
            Where matplotlib is not installed.
        """
        check_is_fitted(estimator)
        alone = [estimator.loss_curve_], [estimator.validation_loss_curve_ or []]
        # A network whose first loss was no number has none in its file.
        display = cls(
            [c for c in getattr(estimator, "loss_curves_", alone[0]) if c],
            [c for c in getattr(estimator, "validation_loss_curves_", alone[1]) if c],
            best_epoch=estimator.best_epoch_ if len(estimator.networks_) == 1 else None,
            loss_name=LOSS_NAMES.get(estimator.out_activation_, "cross-entropy (nats)"),
        )
        return display.plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : axes of matplotlib, optional
            Where to draw; by default a figure of its own.

        Returns
        -------
        self
        """
        self.ax_ = ax = canvas.axes(ax)
        self.figure_ = ax.figure
        self.lines_ = []
        for curves, name, colour, style in (
            (self.training, "training", canvas.BLUE, "-"),
            (self.validation, "validation", canvas.RED, "--"),
        ):
            if curves:
                self.lines_.append(_band(ax, curves, name, colour, style))
        if self.best_epoch:
            ax.axvline(self.best_epoch, color=canvas.GREY, linewidth=0.8, linestyle=":")
            ax.annotate(
                f"epoch {self.best_epoch:,} is kept", (self.best_epoch, 1),
                xycoords=("data", "axes fraction"), xytext=(-3, -2), textcoords="offset points",
                ha="right", va="top", rotation=90, fontsize=canvas.SMALL - 1, color=canvas.GREY,
            )  # fmt: skip
        ax.set(xlabel="epoch", ylabel=self.loss_name)
        ax.xaxis.get_major_locator().set_params(integer=True)
        canvas.calm(ax)
        canvas.legend(ax)
        return self


def _band(ax: Any, curves: Sequence[Curve], name: str, colour: str, style: str) -> Any:
    table = _table(curves)
    epochs = np.arange(1, table.shape[1] + 1)
    alone = len(curves) == 1
    label = name if alone else f"{name}, {len(curves)} networks"
    # (A training of one epoch is a point.)
    dot = "o" if table.shape[1] == 1 else None
    if not alone:
        low, high = table.min(axis=0), table.max(axis=0)
        ax.fill_between(epochs, low, high, color=colour, alpha=0.2, linewidth=0)
    middle = np.median(table, axis=0)
    (line,) = ax.plot(epochs, middle, style, color=colour, label=label, linewidth=1.4, marker=dot)
    return line


def _table(curves: Sequence[Curve]) -> NDArray[np.float64]:
    """One row a curve; a network that has stopped stays at its last loss."""
    longest = max(map(len, curves))
    return np.array([np.pad(curve, (0, longest - len(curve)), mode="edge") for curve in curves])

"""What explains predictions, as values: see `explaining.py`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Explanation:
    """What each column contributed to the predictions of some rows: their Shapley values.

    Attributes
    ----------
    values : array of shape (rows, columns), or (rows, columns, outputs)
        In the unit of `space`. Of two classes they are those of the second.
    base_value : array of shape (), or (outputs,)
        The mean prediction of the background; with the values of a row it adds up to its prediction.
    predictions : array of shape (rows,), or (rows, outputs)
        What was explained.
    columns : tuple of str
        The names of the columns; those that the model sets aside have the value 0.
    outputs : tuple of str
        The classes or targets, one for each output.
    space : str
        "probability", "log-odds" or "target" (the unit of y).
    method : str
        "exact", or "permutations" where orders of the columns were drawn.
    background : int
        Rows of the background.
    errors : array like `values`, or None
        Standard errors of drawn values, from pairs of orders; None for exact ones.
    """

    values: Array
    base_value: Array
    predictions: Array
    columns: tuple[str, ...]
    outputs: tuple[str, ...]
    space: str
    method: str
    background: int
    errors: Array | None = None

    @property
    def importance(self) -> Array:
        """The mean of the absolute values of each column, (columns,) or (columns, outputs)."""
        return np.asarray(np.abs(self.values).mean(axis=0), np.float64)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "space": self.space, "method": self.method, "background": self.background,
            "columns": list(self.columns), "outputs": list(self.outputs),
            "base_value": self.base_value.tolist(), "predictions": self.predictions.tolist(),
            "values": self.values.tolist(),
            "errors": None if self.errors is None else self.errors.tolist(),
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Slopes:
    """How predictions change with the numbers of their rows.

    Attributes
    ----------
    values : array of shape (rows, columns) or (rows, columns, outputs); of interactions (rows, columns, columns …)
        Per unit of the column (of both columns). NaN where a column is no number, or is missing.
    steps : array of shape (columns,)
        0 where the value is a derivative; else the difference that stood for it, to both sides.
    columns, outputs, space :
        As those of `Explanation`.
    """

    values: Array
    steps: Array
    columns: tuple[str, ...]
    outputs: tuple[str, ...]
    space: str


@dataclass(frozen=True, eq=False)
class PartialDependence:
    """The predictions of rows in which one column has the same value, for some values.

    Attributes
    ----------
    column : str
    grid : array of shape (points,)
        Numbers, categories, or of dates and times the seconds since 1970.
    times : bool
        Whether the grid is of dates and times.
    curves : array of shape (rows, points) or (rows, points, outputs)
        One curve a row (individual conditional expectation).
    outputs, space :
        As those of `Explanation`.
    """

    column: str
    grid: NDArray[Any]
    curves: Array
    outputs: tuple[str, ...]
    space: str
    times: bool = False

    @property
    def mean(self) -> Array:
        """The mean curve, (points,) or (points, outputs): the partial dependence."""
        return np.asarray(self.curves.mean(axis=0), np.float64)

    def named(self, point: int) -> str:
        """A point of the grid in words."""
        if self.times:
            return str(self.grid[point].astype("M8[s]").astype("M8[m]")).replace("T", " ")
        value = self.grid[point]
        return str(value) if isinstance(value, str) else f"{value:.6g}"

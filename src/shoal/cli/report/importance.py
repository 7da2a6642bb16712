"""Permutation importance: what each column is worth to a trained model.

How much the loss grows when one column is shuffled, so that it says nothing any more (Breiman,
"Random forests", Machine Learning 45, 2001). scikit-learn's `permutation_importance` does the
same for arrays and pandas; this is for Arrow tables, with shoal's own random numbers.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shoal.network.draws import child, permutation

Values = NDArray[Any]
REPEATS = 5
ROWS = 2000


class Worth(NamedTuple):
    """What the loss gained by shuffling a column: the mean, and its standard error."""

    column: str
    mean: float
    error: float


def importance(
    loss: Callable[[pa.Table, Values], float],
    X: pa.Table,
    y: Values,
    columns: Sequence[str],
) -> list[Worth]:
    """The worth of each column on rows X with truth y, the largest first."""
    rows = np.linspace(0, len(y) - 1, min(len(y), ROWS)).astype(np.int64)
    X, y = X.take(rows), y[rows]
    usual = loss(X, y)
    found = []
    for j, name in enumerate(X.column_names):
        if name not in columns:
            continue
        gains = []
        for repeat in range(REPEATS):
            order = permutation(child(j, repeat), 0, len(y))
            gains.append(loss(X.set_column(j, X.field(j), X[name].take(order)), y) - usual)
        found.append(
            Worth(name, float(np.mean(gains)), float(np.std(gains, ddof=1)) / REPEATS**0.5)
        )
    return sorted(found, key=lambda worth: -worth.mean)

"""Counts and rates, which are from 0 on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import DataError, Setting, wording
from shoal.network.outputs import LARGEST_RATE


def check_rates(Y: NDArray[Any], before: int = 0) -> None:
    """Raise DataError for a target, in one dimension or (rows, targets), that is no count or rate."""
    good = (Y >= 0) & (Y <= LARGEST_RATE)
    if good.all():
        return
    by_row = good if good.ndim == 1 else good.all(axis=1)
    row = int(np.argmin(by_row))
    found = Y[row] if good.ndim == 1 else Y[row][~good[row]][0]
    raise DataError(
        wording(
            f"y has the value {found:g}: expected counts or rates from 0 to {LARGEST_RATE:.0e} with ",
            Setting("loss", "poisson"), ". Correct such rows, leave them out, or use ",
            Setting("loss", "squared_error"), ".",
        ),
        row=before + row + 1,
    )  # fmt: skip

"""What a column is worth to a model, as a value: see `importance.py`, which measures it."""

from typing import NamedTuple


class Importance(NamedTuple):
    """What the loss gains by shuffling a column, and the standard error of it over shuffles."""

    mean: float
    error: float

"""Sources that workers import by name: they are started with this folder on their path."""

import os
import weakref
from typing import NamedTuple

import numpy as np
import pandas as pd

from shoal.cluster.worker import Here
from shoal.data.rows.examples import Examples
from shoal.errors import DataError


class Unreadable(NamedTuple):
    """Rows of which a worker can read all but the last, and a note of every try."""

    rows: Examples
    tries: str

    @property
    def m(self):
        return self.rows.m

    def examples(self, first_block, last_block):
        if last_block > 58:  # the last of 30,000 rows
            with open(self.tries, "a", encoding="ascii") as file:
                file.write("x")
            raise DataError("t.parquet, row group 3 of 4: cannot be read")
        return Here(self.rows).examples(first_block, last_block)


ALIVE = weakref.WeakValueDictionary()
STARTS = (0, 700, 701, 701, 4000, 7777, 9000)  # an empty one, and one of a single row


def partition(first, last, log):
    """Some rows of the table, and a note of how many partitions this process holds by now."""
    draw = np.random.default_rng(3)
    whole = pd.DataFrame(
        {
            "x": np.where(draw.random(9000) < 0.1, np.nan, draw.normal(size=9000)),
            "n": draw.integers(0, 9, 9000),
            "word": draw.choice(["red", "blue", "green"], 9000),
            "y": draw.choice(["no", "yes"], 9000),
        }
    )
    frame = whole.iloc[first:last].copy()
    ALIVE[id(frame)] = frame
    if log:
        with open(f"{log}/{os.getpid()}", "a", encoding="ascii") as file:
            file.write(f"{len(ALIVE)}\n")
    return frame

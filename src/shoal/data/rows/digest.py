"""A short name for the rows that a network is trained on: other rows, another name.

The name is the SHA-256 of the names of runs of 65,536 rows, so that whoever holds a part of
the rows can name it, and a file is named as it is read.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from shoal.data.encode.coded import Coded
from shoal.data.rows.examples import Examples
from shoal.data.rows.sparse import Sparse

RUN = 1 << 16


def digest(parts: Iterable[Examples]) -> dict[str, str | None]:
    """Names of X, y and sample_weight; None for what is not there.

    The rows may come in several parts, each of whole runs but for the last.
    """
    names = {"X": hashlib.sha256(), "y": hashlib.sha256(), "sample_weight": hashlib.sha256()}
    weighted = False
    for X, Y, labels, weights, _ in parts:
        weighted = weights is not None
        _add(names["y"], (labels if Y is None else Y,))
        if weights is not None:
            _add(names["sample_weight"], (weights,))
        if isinstance(X, Sparse):
            for V in (X.values, X.columns, X.starts):
                _add(names["X"], (V,))
        else:
            _add(names["X"], (X.numbers, X.codes, X.places) if isinstance(X, Coded) else (X,))
    found = {name: whole.hexdigest() for name, whole in names.items()}
    return {**found, "sample_weight": found["sample_weight"] if weighted else None}


def _add(whole: Any, arrays: Sequence[Any]) -> None:
    for first in range(0, len(arrays[0]), RUN):
        run = hashlib.sha256()
        for array in arrays:
            part = np.ascontiguousarray(array[first : first + RUN])
            run.update(f"{part.dtype.str} {part.shape};".encode())
            run.update(part.reshape(-1).view(np.uint8).data)
        whole.update(run.digest())

"""A short name for the rows that a network is trained on: other rows, another name.

The name is the SHA-256 of the names of runs of 65,536 rows, so that whoever holds a part of
the rows can name it.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.data.examples import Coded, Examples, Matrix
from shoal.data.sparse import Sparse

RUN = 1 << 16


def digest(examples: Examples) -> dict[str, str | None]:
    """Names of X, y and sample_weight; None for what is not there."""
    X, Y, labels, weights, _ = examples
    targets = labels if Y is None else Y
    assert targets is not None
    return {
        "X": _name_of_matrix(X),
        "y": _name([targets]),
        "sample_weight": None if weights is None else _name([weights]),
    }


def _name_of_matrix(X: Matrix) -> str:
    if isinstance(X, Sparse):
        parts = (_name([V]) for V in (X.values, X.columns, X.starts))
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()
    return _name((X.numbers, X.codes, X.places) if isinstance(X, Coded) else (X,))


def _name(arrays: Sequence[NDArray[Any]]) -> str:
    whole = hashlib.sha256()
    for first in range(0, len(arrays[0]), RUN):
        run = hashlib.sha256()
        for array in arrays:
            part = np.ascontiguousarray(array[first : first + RUN])
            run.update(f"{part.dtype.str} {part.shape};".encode())
            run.update(part.reshape(-1).view(np.uint8).data)
        whole.update(run.digest())
    return whole.hexdigest()

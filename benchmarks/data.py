"""The data of a case, and the parameters that every contender starts from."""

import numpy as np

from benchmarks import cases
from benchmarks.cases import Case, Data, Start
from benchmarks.with_shoal import first_parameters


def make_data(case: Case) -> Data:
    """The data of a case, and the parameters to start from."""
    X, y = getattr(cases, case.data)(case)
    X = np.ascontiguousarray(X, case.dtype)
    if case.data == "planar":  # as the exercise draws them
        rng = np.random.RandomState(2)
        W1, W2 = rng.randn(case.n_h, 2) * 0.01, rng.randn(1, case.n_h) * 0.01
        matrices = (W1, np.zeros((case.n_h, 1)), W2, np.zeros((1, 1)))
        return Data(X, y, Start(*(V.astype(case.dtype) for V in matrices)))
    return Data(X, y, first_parameters(case, X, y))

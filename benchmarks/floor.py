"""The floor of a case: its fewest operations and bytes, at the speeds measured on this machine.

    operations   the products [1] [3] [6] [8] [9], and the hidden units' activation [2]
    bytes        the rows and their classes, read once; all else fits into the caches

Both can be done at the same time, so the floor is the longer of the two. Gathering rows, the
output, the sums of biases, the update and the waiting for each other come on top of it.
"""

import numpy as np

from benchmarks.cases import Case

# Of a hidden unit and example: tanh takes 17 multiply-adds (kernel/functions.hpp), relu one choice.
OF_ACTIVATION = {"tanh": 2 * 17, "relu": 1}


def rows(case: Case) -> int:
    """The examples of a step, or of a call."""
    return min(case.batch or case.m, case.m)


def bare_operations(case: Case) -> float:
    """Of the large products alone: [1], and where it trains [9]."""
    large = 1 if case.unit == "call" else 2
    return 2.0 * rows(case) * large * case.n_x * case.n_h


def operations(case: Case) -> float:
    """The fewest operations of a step."""
    small = 1 if case.unit == "call" else 3
    of_row = small * 2 * case.n_h * case.n_y + OF_ACTIVATION[case.activation] * case.n_h
    return bare_operations(case) + rows(case) * of_row


def bytes_read(case: Case) -> float:
    """The fewest bytes that a step fetches from memory."""
    return rows(case) * (case.n_x * np.dtype(case.dtype).itemsize + 4.0)


def seconds(case: Case, flops: float, bandwidth: float) -> float:
    """The least that a step can take, with so many operations and bytes a second."""
    return max(operations(case) / flops, bytes_read(case) / bandwidth)

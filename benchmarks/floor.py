"""The floor of a case: its fewest operations and bytes, at the speeds measured on this machine.

    operations   the products [1] [3] [6] [8] [9], the activation [2], the output [4] with its loss,
                 and the update; an operation is half a multiply-add
    bytes        the rows and their classes, read once; all else fits into the caches

Both can be done at the same time, so the floor is the longer of the two. Gathering and turning rows,
the sums of biases, the order of an epoch and the waiting for each other come on top of it.
"""

import numpy as np

from benchmarks.cases import Case

# Multiply-adds, products, divisions and roots of a hidden unit and example, of an output of it, and of a
# parameter, as kernel/functions.hpp, activations.hpp and optimisers.hpp write them; a choice is half of one.
OF_ACTIVATION = {"tanh": 17.0, "relu": 0.5}
OF_SIGMOID, OF_SOFTMAX = 13.0, 11.0
LOSS_OF_SIGMOID, LOSS_OF_SOFTMAX = 13.0, 1.0  # of softmax there is also a logarithm of the row
OF_UPDATE = {"gd": 5.0, "sgd": 5.0, "adam": 13.0}


def rows(case: Case) -> int:
    """The examples of a step, or of a call."""
    return min(case.batch or case.m, case.m)


def multiply_adds(case: Case) -> dict[str, float]:
    """The fewest of a step, or of a call that predicts, by equation."""
    m, trains = rows(case), case.unit == "step"
    large, small = float(m * case.n_x * case.n_h), float(m * case.n_h * case.n_y)
    output, loss = (OF_SIGMOID, LOSS_OF_SIGMOID) if case.n_y == 1 else (OF_SOFTMAX, LOSS_OF_SOFTMAX)
    forward = {
        "[1]": large,
        "[2]": m * case.n_h * OF_ACTIVATION[case.activation],
        "[3]": small,
        "[4] and the loss": m * case.n_y * (output + (loss if trains else 0)),
    }
    if not trains:
        return forward
    parameters = case.n_h * (case.n_x + 1) + case.n_y * (case.n_h + 1)
    update = parameters * OF_UPDATE[case.solver]
    return forward | {"[5] [8]": small, "[6]": small, "[9]": large, "update": update}


def bare_operations(case: Case) -> float:
    """Of the large products alone: [1], and where it trains [9]."""
    found = multiply_adds(case)
    return 2 * (found["[1]"] + found.get("[9]", 0))


def operations(case: Case) -> float:
    """The fewest operations of a step."""
    return 2 * sum(multiply_adds(case).values())


def bytes_read(case: Case) -> float:
    """The fewest bytes that a step fetches from memory."""
    return rows(case) * (case.n_x * np.dtype(case.dtype).itemsize + 4.0)


def seconds(case: Case, flops: float, bandwidth: float) -> float:
    """The least that a step can take, with so many operations and bytes a second."""
    return max(operations(case) / flops, bytes_read(case) / bandwidth)

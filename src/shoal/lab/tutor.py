"""The page's tutor: a learner's text, judged by `check_backward`; and a right one to plant mistakes in."""

from typing import Any

from shoal.diagnosis.tutor import check_backward
from shoal.errors import SettingError
from shoal.lab.formulas import functions_of

RIGHT = """\
def backward(parameters, cache, X, Y):
    m = X.shape[1]
    W2 = parameters["W2"]
    A1, A2 = cache["A1"], cache["A2"]

    dZ2 = A2 - Y                                       # [5]
    dW2 = dZ2 @ A1.T / m                               # [6]
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m       # [7]
    dZ1 = W2.T @ dZ2 * (1 - A1**2)                     # [8]
    dW1 = dZ1 @ X.T / m                                # [9]
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m       # [10]
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def update(parameters, gradients, learning_rate):
    W1 = parameters["W1"] - learning_rate * gradients["dW1"]
    b1 = parameters["b1"] - learning_rate * gradients["db1"]
    W2 = parameters["W2"] - learning_rate * gradients["dW2"]
    b2 = parameters["b2"] - learning_rate * gradients["db2"]
    return {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
"""
# What may be written in place of what in the right text, the array that is then wrong, and the mistake.
MISTAKES = (
    ("A2 - Y", "Y - A2", "dZ2", "wrong-sign"),
    ("A2 - Y", "(A2 - Y) * A2 * (1 - A2)", "dZ2", "output-slope"),
    ("dZ2 @ A1.T / m", "dZ2 @ A1.T", "dW2", "not-divided-by-m"),
    ("dZ2 @ A1.T / m", "dZ2 * A1 / m", "dW2", "elementwise-for-product"),
    ("np.sum(dZ2, axis=1, keepdims=True)", "np.sum(dZ2, axis=1)", "db2", "keepdims-lost"),
    ("np.sum(dZ2, axis=1, keepdims=True)", "np.sum(dZ2, axis=0, keepdims=True)", "db2", "wrong-axis"),
    ("W2.T @ dZ2", "W2 @ dZ2", "dZ1", "W2-not-transposed"),
    ("(1 - A1**2)", '(1 - cache["Z1"]**2)', "dZ1", "slope-of-Z1"),
    ("(1 - A1**2)", "(1 - A1)", "dZ1", "not-squared"),
    ("dZ1 @ X.T / m", "dZ1 @ A1.T / m", "dW1", "A1-for-X"),
    ("dZ1 @ X.T / m", "dZ1 @ X.T / m / m", "dW1", "divided-by-m-twice"),
    ("np.sum(dZ1, axis=1", "np.sum(dZ2, axis=1", "db1", "dZ2-for-dZ1"),
    ('parameters["W1"] - ', 'parameters["W1"] + ', "W1", "plus-for-minus"),
    ('learning_rate * gradients["dW2"]', 'gradients["dW2"]', "W2", "no-learning-rate"),
)  # fmt: skip


def lesson() -> dict[str, Any]:
    """A right text, and what may be planted in it."""
    return {"text": RIGHT, "mistakes": [[old, new] for old, new, _, _ in MISTAKES]}


def judged(text: str) -> dict[str, Any]:
    """What is right and wrong in a text; of one that is not understood why."""
    try:
        found = functions_of(text)
    except SettingError as error:
        return {"error": str(error)}
    check = check_backward(found.backward, found.update)
    return {"summary": check.summary, **check.to_dict()}

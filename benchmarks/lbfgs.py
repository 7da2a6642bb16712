"""L-BFGS beside scikit-learn's: the same start, the same cost, the same number of iterations.

One hidden layer of tanh units, penalty alpha 0.0001, at most 200 iterations, no stopping before,
columns standardised once for both. What is printed is the cost at the end (with the penalty, in
scikit-learn's unit), the seconds of `fit` (the shortest of three), and how long shoal, given
four times the iterations, takes to come below scikit-learn's end.

    python -m benchmarks.lbfgs
"""

import time
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from benchmarks.tables import duration, table, tick
from shoal import ShoalClassifier
from shoal.network.equations import Parameters

ALPHA, ITERATIONS, RUNS = 1e-4, 200, 3
UNITS = (32, 100)
Data = tuple[NDArray[np.float64], NDArray[np.int_]]


def data_sets() -> dict[str, Data]:
    """Real and made tables of 569 to 10,000 rows, which come with scikit-learn."""
    made = make_classification(10_000, 20, n_informative=10, random_state=0)
    few = make_classification(3000, 50, n_informative=20, n_classes=5, random_state=1)
    return {
        "breast cancer": load_breast_cancer(return_X_y=True),
        "digits": load_digits(return_X_y=True),
        "made, 5 classes": few,
        "made, 10,000 rows": made,
    }


def cost_of(model: Any, X: NDArray[np.float64], y: NDArray[np.int_]) -> float:
    """Cross-entropy and ½ α Σ W² / m, in float64, from scikit-learn's shapes."""
    proba = model.predict_proba(X).astype(np.float64)
    proba /= proba.sum(axis=1, keepdims=True)  # float32 rows sum to 1 to seven digits only
    penalty = sum(float((W.astype(np.float64) ** 2).sum()) for W in model.coefs_)
    return float(log_loss(y, proba)) + 0.5 * ALPHA * penalty / len(X)


def theirs(units: int, X: Any, y: Any) -> tuple[MLPClassifier, Parameters, float]:
    """scikit-learn's network, where it began, and the seconds it took."""
    common = {"hidden_layer_sizes": (units,), "activation": "tanh", "random_state": 1}
    # Steps so short that they move nothing leave the start.
    begun = MLPClassifier(**common, solver="sgd", learning_rate_init=1e-300, max_iter=1).fit(X, y)
    start = Parameters(
        begun.coefs_[0].T, begun.intercepts_[0][:, np.newaxis],
        begun.coefs_[1].T, begun.intercepts_[1][:, np.newaxis],
    )  # fmt: skip
    model = MLPClassifier(
        **common, solver="lbfgs", alpha=ALPHA, max_iter=ITERATIONS, max_fun=10**6, tol=1e-12
    )
    return model, start, fastest(model, X, y)


def ours(units: int, start: Parameters, dtype: str, iterations: int = ITERATIONS) -> Any:
    """shoal's, from the same start."""
    return ShoalClassifier(
        hidden=units, init=start, solver="lbfgs", alpha=ALPHA, max_iter=iterations, tol=0.0,
        n_iter_no_change=iterations, encode=None, early_stopping=False, members=1, dtype=dtype,
    )  # fmt: skip


def fastest(model: Any, X: Any, y: Any) -> float:
    """Seconds of the fastest of some fits."""
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        model.fit(X, y)
        taken.append(time.perf_counter() - began)
    return min(taken)


def until_below(cost: float, units: int, start: Parameters, X: Any, y: Any) -> float | None:
    """Seconds until shoal's cost is below; None when four times the iterations do not get there."""
    for iterations in (*range(40, ITERATIONS, 40), ITERATIONS, 2 * ITERATIONS, 4 * ITERATIONS):
        model = ours(units, start, "float32", iterations)
        seconds = fastest(model, X, y)
        if cost_of(model, X, y) < cost:
            return seconds
    return None


def main() -> None:
    """Measure and print."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = []
    for name, (X, y) in data_sets().items():
        X = StandardScaler().fit_transform(X)
        for units in UNITS:
            model, start, seconds = theirs(units, X, y)
            cost = cost_of(model, X, y)
            cells = [f"{name}, {units} units", f"{cost:.3g}", duration(seconds)]
            for dtype in ("float32", "float64"):
                own = ours(units, start, dtype)
                took = fastest(own, X, y)
                cells += [f"{cost_of(own, X, y):.3g}", duration(took)]
            below = until_below(cost, units, start, X, y)
            cells.append("never" if below is None else duration(below))
            rows.append([*cells, tick(below is not None and below < seconds)])
            print(table(("", "scikit-learn", "", "float32", "", "float64", "", "below it in", ""), rows[-1:]).split("\n")[-1], flush=True)  # fmt: skip
    head = ("cost, seconds", "scikit-learn", "", "float32", "", "float64", "", "below it in", "")
    print("\n" + table(head, rows))


if __name__ == "__main__":
    main()

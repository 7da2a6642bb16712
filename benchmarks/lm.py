"""Levenberg–Marquardt beside MINPACK's, scikit-learn's L-BFGS and shoal's own, from the same starts.

The protocol, fixed before its first run:

problems   30 with more residuals than parameters (`problems`); columns and target standardised once
network    tanh units, one output, cost Σ ½ e² + ½ α Σ W² with α = 0.0001; float64
starts     ten of each problem, drawn by shoal's "glorot" with the keys 0 … 9, the same for all
ends       lm and MINPACK at relative changes of 1e-10, or after 1,000 steps (MINPACK: evaluations);
           L-BFGS at slopes of 1e-8 (scikit-learn's also at its own bound of the cost) or 5,000 steps
MINPACK    scipy's least_squares(method="lm") with the exact Jacobian, written in NumPy
time       processor time of one thread for all ten starts; shoal's and MINPACK's of the solver alone
           (scikit-learn's of `fit`)

Printed: the best and the median cost of the ten, as excess over MINPACK's; times of MINPACK, over
lm's; and, over the starts at which both end within 0.1 % of the lower of the two costs, times of
the two L-BFGS over lm's. A problem is lost when the best cost is above MINPACK's by more than 1e-6.

    python -m benchmarks.lm
"""

import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    load_linnerud,
    load_wine,
    make_friedman1,
    make_friedman2,
    make_friedman3,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_limits

from shoal.compute.steps import Budget, Rule
from shoal.compute.terms import InMemory
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture
from shoal.network.initialisers import initialise
from shoal.training import lbfgs, lm

Array = NDArray[np.float64]

ALPHA, STARTS, STEPS, TOLERANCE = 1e-4, 10, 1000, 1e-10
SLOPE, LBFGS_STEPS = 1e-8, 5000
SAME_COST, LOST = 1e-3, 1e-6


class Problem(NamedTuple):
    """Rows, and the number of hidden units."""

    X: Array
    y: Array
    hidden: int

    @property
    def shape(self) -> Architecture:
        """The network."""
        return Architecture(self.X.shape[1], self.hidden, 1, "tanh", "identity")


class Run(NamedTuple):
    """Where a solver ended, and the seconds it took."""

    cost: float
    seconds: float


def problems() -> dict[str, Problem]:
    """The thirty: curves, planes, Friedman's three, and columns of small real tables."""
    rng = np.random.default_rng(22)
    found: dict[str, Problem] = {}

    def add(name: str, X: Array, y: Array, hidden: int, noise: float = 0.0) -> None:
        y = y + noise * y.std() * rng.standard_normal(len(y))
        X = X.reshape(len(y), -1)
        found[name] = Problem(
            np.ascontiguousarray((X - X.mean(axis=0)) / X.std(axis=0)),
            (y - y.mean()) / y.std(), hidden,
        )  # fmt: skip

    x = np.linspace(-1, 1, 94)
    add("sin 3x + ½ cos 9x", x, np.sin(3 * x) + 0.5 * np.cos(9 * x), 5)
    add("sin 3x + ½ cos 9x, noise", x, np.sin(3 * x) + 0.5 * np.cos(9 * x), 4, 0.1)
    add("sin πx", x, np.sin(np.pi * x), 2)
    add("sin 2πx, noise", x, np.sin(2 * np.pi * x), 3, 0.1)
    add("bump", x, np.exp(-10 * x**2), 2)
    add("Runge", x, 1 / (1 + 25 * x**2), 3, 0.02)
    add("|x|", x, np.abs(x), 3, 0.05)
    add("step", x, np.sign(x), 2, 0.1)
    add("sin exp 2x", x, np.sin(np.exp(2 * x)), 4, 0.05)
    add("damped", x, np.exp(-2 * x) * np.sin(8 * x), 4, 0.02)
    P = rng.uniform(-1, 1, (200, 2))
    u, v = P.T
    add("product", P, u * v, 3, 0.05)
    add("saddle", P, u**2 - v**2, 4, 0.05)
    add("bell", P, np.exp(-3 * (u**2 + v**2)), 3, 0.05)
    add("ridge of a plane", P, np.tanh(4 * (u + v)), 2, 0.1)
    add("waves", P, np.sin(3 * u) * np.cos(2 * v), 5, 0.05)
    add("two steps", P, np.tanh(5 * u) + np.tanh(5 * v), 3, 0.1)
    add("plane alone", P, u - 2 * v, 2, 0.1)
    add("angle", P, np.arctan2(v, u + 1.5), 4, 0.05)
    for name, make in (("1", make_friedman1), ("2", make_friedman2), ("3", make_friedman3)):
        for hidden in (2, 4):
            X, y = make(n_samples=250, noise=0.0, random_state=22)
            add(f"Friedman {name}, {hidden} units", X, y, hidden, 0.2)
    iris, wine = load_iris(return_X_y=True)[0], load_wine(return_X_y=True)[0]
    cancer, (diabetes, sick) = load_breast_cancer().data, load_diabetes(return_X_y=True)
    linnerud = load_linnerud()
    add("iris: petal width", iris[:, :3], iris[:, 3], 3)
    add("wine: alcohol", wine[:, 1:6], wine[:, 0], 3)
    add("wine: proline", wine[:, :5], wine[:, -1], 4)
    add("cancer: fractal dimension", cancer[:, :5], cancer[:, 9], 3)
    add("diabetes", diabetes, sick, 2)
    add("linnerud: weight", linnerud.data[:, :2], linnerud.target[:, 0], 1)
    return found


def timed(call: Callable[[], float]) -> Run:
    """Its cost, and the processor time it took."""
    began = time.process_time()
    return Run(call(), time.process_time() - began)


def cost_of(problem: Problem, parameters: Array) -> float:
    """The cost, by NumPy for everybody."""
    r = residuals(problem, parameters)
    return 0.5 * float(r @ r)


def penalised(problem: Problem) -> NDArray[np.int_]:
    """Places of the weights, which have a penalty; biases have none."""
    views = problem.shape.unflatten(mask := np.zeros(problem.shape.n_parameters))
    views.W1[:] = views.W2[:] = 1
    return np.flatnonzero(mask)


def residuals(problem: Problem, parameters: Array) -> Array:
    """The errors, then √α times each weight."""
    W1, b1, W2, b2 = problem.shape.unflatten(parameters)
    errors = np.tanh(problem.X @ W1.T + b1.T) @ W2[0] + b2[0, 0] - problem.y
    return np.concatenate([errors, np.sqrt(ALPHA) * parameters[penalised(problem)]])


def jacobian(problem: Problem, parameters: Array) -> Array:
    """Its derivatives."""
    W1, b1, W2, _ = problem.shape.unflatten(parameters)
    X, (n_h, n_x), n = problem.X, W1.shape, len(parameters)
    A1 = np.tanh(X @ W1.T + b1.T)
    through = (1 - A1 * A1) * W2[0]
    J = np.empty((len(X), n))
    J[:, : n_h * n_x] = (through[:, :, np.newaxis] * X[:, np.newaxis]).reshape(len(X), -1)
    J[:, n_h * n_x : -n_h - 1], J[:, -n_h - 1 : -1], J[:, -1] = through, A1, 1
    places = penalised(problem)
    below = np.zeros((len(places), n))
    below[np.arange(len(places)), places] = np.sqrt(ALPHA)
    return np.vstack([J, below])


def minpack(problem: Problem, start: Array) -> float:
    """MINPACK's cost."""
    bounds = {"ftol": TOLERANCE, "xtol": TOLERANCE, "gtol": TOLERANCE}
    found = least_squares(
        lambda x: residuals(problem, x), start, lambda x: jacobian(problem, x), method="lm",
        max_nfev=STEPS, **bounds,
    )  # fmt: skip
    return float(found.cost)


def ours(solver: Any, name: str, budget: Budget, problem: Problem, start: Array) -> float:
    """The cost of one of shoal's solvers."""
    terms = InMemory(Examples(problem.X, np.ascontiguousarray(problem.y[:, np.newaxis])))
    rule = Rule(name, 1.0, alpha=ALPHA)
    outcome = solver.iterate(problem.shape, rule, budget, terms, solver.start(start), 1)
    return cost_of(problem, outcome.state.parameters)


def sklearns(problem: Problem, start: Array) -> tuple[Any, Callable[[], float]]:
    """scikit-learn's network at this start, and what fits it and gives the cost."""
    W1, b1, W2, b2 = problem.shape.unflatten(start)
    model = MLPRegressor(
        hidden_layer_sizes=(problem.hidden,), activation="tanh", solver="lbfgs", alpha=ALPHA, warm_start=True,
        max_iter=1, max_fun=10**6, tol=SLOPE,
    )  # fmt: skip
    model.fit(problem.X, problem.y)
    model.coefs_, model.intercepts_ = [W1.T.copy(), W2.T.copy()], [b1[:, 0].copy(), b2[:, 0].copy()]
    model.max_iter = LBFGS_STEPS

    def fit() -> float:
        model.fit(problem.X, problem.y)
        first, second = model.coefs_
        theirs = first.T, model.intercepts_[0][:, None], second.T, model.intercepts_[1][:, None]
        return cost_of(problem, np.concatenate([V.reshape(-1) for V in theirs]))

    return model, fit


def measured(problem: Problem) -> dict[str, list[Run]]:
    """Every solver from every start."""
    runs: dict[str, list[Run]] = {"minpack": [], "lm": [], "lbfgs": [], "sklearn": []}
    by_lm, by_lbfgs = Budget(0, STEPS, converged=TOLERANCE), Budget(0, LBFGS_STEPS, converged=SLOPE)
    shape = problem.shape
    for key in range(STARTS):
        drawn = initialise(*shape[:3], key=key, init="glorot", activation="tanh")
        start = shape.flatten(drawn, np.float64)
        runs["minpack"].append(timed(lambda x=start: minpack(problem, x)))
        runs["lm"].append(timed(lambda x=start: ours(lm, "lm", by_lm, problem, x)))
        runs["lbfgs"].append(timed(lambda x=start: ours(lbfgs, "lbfgs", by_lbfgs, problem, x)))
        runs["sklearn"].append(timed(sklearns(problem, start)[1]))
    return runs


def where_both_arrive(one: list[Run], other: list[Run]) -> list[float]:
    """Times of the first over the second, at the starts where their costs are about the same."""
    return [
        a.seconds / b.seconds
        for a, b in zip(one, other, strict=True)
        if max(a.cost, b.cost) <= (1 + SAME_COST) * min(a.cost, b.cost)
    ]


def main() -> None:
    """Measure and print."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    print("| problem | rows | parameters | MINPACK's best | best | median | MINPACK's time |")
    print("|---|---|---|---|---|---|---|")
    best, median, speed = [], [], []
    ratios: dict[str, list[float]] = {"lbfgs": [], "sklearn": []}
    with threadpool_limits(1):
        for name, problem in problems().items():
            runs = measured(problem)
            theirs, own = ([r.cost for r in runs[who]] for who in ("minpack", "lm"))
            best.append(min(own) / min(theirs) - 1)
            median.append(float(np.median(own) / np.median(theirs) - 1))
            speed.append(
                sum(r.seconds for r in runs["minpack"]) / sum(r.seconds for r in runs["lm"])
            )
            for who, found in ratios.items():
                found += where_both_arrive(runs[who], runs["lm"])
            print(
                f"| {name} | {len(problem.y)} | {problem.shape.n_parameters} | {min(theirs):.6g} "
                f"| {best[-1]:+.1e} | {median[-1]:+.1e} | × {speed[-1]:.1f} |",
                flush=True,
            )
    held = sum(excess <= LOST for excess in best)
    print(f"\nbest cost no worse than MINPACK's by more than {LOST:g}: {held} of {len(best)}")
    print(
        f"median cost no higher (1e-6): {sum(e <= LOST for e in median)}; median of the ratios {np.median(median):+.1e}"
    )
    print(
        f"MINPACK's time over lm's: median {np.median(speed):.1f}, from {min(speed):.1f} to {max(speed):.1f}"
    )
    for who, found in ratios.items():
        print(f"{who}'s time over lm's: median {np.median(found):.1f} over {len(found)} starts")


if __name__ == "__main__":
    main()

"""What can be proved on this machine: right equations, same bits, and how fast.

The proofs use numbers from shoal's own generator, so that they are the same everywhere.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.builds import BUILD
from shoal.compute.engine import engine
from shoal.compute.steps import Budget, Rule, start
from shoal.data.rows.examples import Examples
from shoal.diagnosis.gradients import EQUATIONS, GradientCheck, gradient_check
from shoal.network.activations import ACTIVATIONS
from shoal.network.architecture import Architecture
from shoal.network.draws import normal, uniform
from shoal.network.initialisers import initialise
from shoal.network.outputs import OUTPUTS
from shoal.training.network import Network

THREADS = (1, 2, 3, 8)
SOLVERS = ("gd", "sgd", "adam")
DTYPES = ("float32", "float64")
SECONDS = 60  # a build that has not answered by then never will


class Speed(NamedTuple):
    """How long a mini-batch step takes on one thread."""

    what: str
    microseconds: float
    gflops: float  # of the matrix products alone, 2 operations a multiply-add


def gradient_checks() -> Iterator[tuple[str, str, GradientCheck]]:
    """Every activation with every output, small: (activation, output, its check)."""
    n_x, n_h, n_y, m = 5, 7, 3, 520
    X = normal(1, 0, n_x * m).reshape(n_x, m)
    chosen = (uniform(1, 1, m) * n_y).astype(int)
    for output in OUTPUTS:
        Y = np.eye(n_y)[chosen].T if output != "identity" else normal(1, 2, n_y * m).reshape(n_y, m)
        for activation in ACTIVATIONS:
            shape = Architecture(n_x, n_h, n_y, activation, output)
            network = Network._of(shape, 0.7 * normal(1, 3, shape.n_parameters))
            yield activation, output, gradient_check(network, X, Y)


def worst_lines(checks: list[GradientCheck]) -> dict[tuple[str, str], float]:
    """The largest error of each (equation's name, dtype) over several checks."""
    lines = [line for check in checks for line in check.lines]
    return {
        (name, dtype): float(
            np.max([line.error for line in lines if (line.name, line.dtype) == (name, dtype)])
        )
        for name in EQUATIONS
        for dtype in DTYPES
    }


def fingerprints() -> dict[str, str]:
    """What each solver and dtype gives on this build, for each number of threads.

    The keys are such as "adam float32 2"; equal bits have equal words.
    """
    found = {}
    for dtype in DTYPES:
        for solver in SOLVERS:
            for threads in THREADS:
                vector = _trained(solver, dtype, threads)
                found[f"{solver} {dtype} {threads}"] = hashlib.sha256(vector.tobytes()).hexdigest()[
                    :16
                ]
    return found


def fingerprints_of(build: str) -> dict[str, str]:
    """The same by another build of the kernel, in a process of its own."""
    if build == BUILD:
        return fingerprints()
    answer = subprocess.run(
        [sys.executable, "-m", __name__],
        capture_output=True, text=True, timeout=SECONDS, check=True,
        env=os.environ | {"SHOAL_ISA": build},
    )  # fmt: skip
    found: dict[str, str] = json.loads(answer.stdout)
    return found


def _trained(solver: str, dtype: str, threads: int) -> NDArray[np.floating]:
    m, n_x = 3000, 11
    shape = Architecture(n_x, 13, 1, "tanh", "sigmoid")
    X = normal(2, 0, m * n_x).reshape(m, n_x).astype(dtype)
    labels = (X[:, 0] * X[:, 1] > 0).astype(np.int32)
    first = shape.flatten(initialise(n_x, 13, 1, key=2), dtype)
    rule = Rule(
        solver,
        0.01,
        0.9 if solver == "sgd" else 0.0,
        batch_size=0 if solver == "gd" else 100,
        key=2,
    )
    outcome = engine.train(
        shape, rule, Budget(0, 5), Examples(X, None, labels), start(first, solver), threads
    )
    return outcome.state.parameters


def speeds() -> list[Speed]:
    """Two usual mini-batch steps, one thread, float32: the fastest of several epochs."""
    return [
        _speed("256 rows, 28 → 32 → 1, tanh, sgd", 32, 256, "sgd"),
        _speed("200 rows, 28 → 100 → 1, tanh, adam", 100, 200, "adam"),
    ]


def _speed(what: str, n_h: int, batch: int, solver: str) -> Speed:
    m, n_x = 100 * batch, 28
    shape = Architecture(n_x, n_h, 1, "tanh", "sigmoid")
    X = normal(3, 0, m * n_x).reshape(m, n_x).astype(np.float32)
    examples = Examples(X, None, (X[:, 0] > 0).astype(np.int32))
    rule = Rule(solver, 0.001, 0.9 if solver == "sgd" else 0.0, batch_size=batch)
    state = start(shape.flatten(initialise(n_x, n_h, 1, key=3), np.float32), solver)
    best = float("inf")
    for _ in range(10):
        began = time.perf_counter()
        engine.train(shape, rule, Budget(0, 1), examples, state, 1)
        best = min(best, (time.perf_counter() - began) / 100)
    # [1] and [9], [3] and [6], [8]: each product takes rows · n · k multiply-adds.
    operations = 2 * batch * n_h * (2 * n_x + 3)
    return Speed(what, best * 1e6, operations / best / 1e9)


if __name__ == "__main__":
    print(json.dumps(fingerprints()))

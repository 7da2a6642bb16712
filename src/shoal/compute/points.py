"""Where a descent of Levenberg and Marquardt stands, and when it ends: values, never changed."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.steps import Judgement

Exact = NDArray[np.float64]
Triple = tuple[float, float, float]


class Point(NamedTuple):
    """Parameters, and what is known of the cost there; sums, not means."""

    x: Exact
    f: float = float("inf")  # with the penalty
    loss: float = float("inf")
    weight: float = 0.0
    mu: float = 0.0  # the damping; 0 before the first step
    fell: float = float("inf")  # by how much f fell in the last step
    promise: float = float("inf")  # by how much the model said that it would


class Penalties(NamedTuple):
    """What the evidence has chosen."""

    a: Triple = (0.0, 0.0, 0.0)  # of W1, b1 and W2; all 0 before the first step
    settled: bool = False  # after that they may change
    moved: float = float("inf")  # by what share one changed last, at the most


class Known(NamedTuple):
    """What the evidence of a fit is made of."""

    determined: Triple  # of W1, b1 and W2: how many parameters the data determine
    squares: Triple  # of each its Σ w²
    log_determinant: float  # of A
    loss: float  # a sum
    weight: float


class Descent(NamedTuple):
    """Where it stands, the best seen, and the steps so far."""

    point: Point
    best: Exact
    best_cost: float = float("inf")  # the mean cost there
    waited: int = 0  # steps since the cost was lower
    losses: tuple[float, ...] = ()  # the mean loss after each step of this call
    ending: str = "finished"
    interruption: BaseException | None = None
    penalties: Penalties | None = None  # by the evidence; None: they are fixed
    judgement: Judgement | None = None  # by rows that are held out


class Limits(NamedTuple):
    """When a descent ends; gains are shares of the cost."""

    steps: int
    converged: float  # a step that gains and promises no more has converged
    tol: float  # a cost is lower when it gains more
    patience: int  # this many steps without a lower cost end it; 0 means never

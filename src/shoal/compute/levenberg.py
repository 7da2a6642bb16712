"""Levenberg and Marquardt's descent, from sums that anybody has added up.

    x        the parameters; float64
    f        Σ loss + ½ Σ a x², with a penalty a of each parameter
    g, G     its slope, and the Gauss–Newton matrix JᵀΛJ of the loss
    d        the step: (G + diag a + μ I) d = -g
    promise  ½ dᵀ(μ d - g), by which f would fall if it were as curved as the matrix says
    ρ        how much f fell, as a share of the promise
    μ, ν     the damping, and its factor after a trial that led up

A step that leads up is tried again with more damping. The loss, the curvature and the solution have
the same bits whoever computed them, and so has the step.

Sources: K. Madsen, H. B. Nielsen and O. Tingleff, *Methods for Non-Linear Least Squares Problems*
(2004), algorithm 3.16, for the damping; N. N. Schraudolph (Neural Computation 14, 2002) for the
Gauss–Newton matrix of other losses than squares.
"""

from typing import Protocol

import numpy as np

from shoal.compute.engine import engine
from shoal.compute.points import Descent, Exact, Limits, Point
from shoal.sums import GradientSums

FIRST_DAMPING = 1e-3  # of the largest curvature (τ in Madsen, Nielsen and Tingleff)
SMALLEST_DAMPING = 1e-15  # of the same: no matrix need be singular
MOST_DAMPING = 1e15  # of the same: a step so small changes nothing any more
LEAST_SHARE = 1e-4  # of the promise that a step must keep
ROUNDING = 1e-15  # of f: a promise below it is none


class Sums(Protocol):
    """The sums of the rows at some parameters."""

    def __call__(self, x: Exact, *, curvature: bool) -> GradientSums:
        """Loss and weight; with `curvature` the triangle of JᵀΛJ and the gradient as well."""
        ...


def descend(sums: Sums, a: Exact, limits: Limits, start: Descent) -> Descent:
    """Steps until the limits end them: kernel/levenberg.hpp, for sums from anywhere."""
    after = start._replace(losses=(), ending="finished", interruption=None)
    try:
        while after.ending == "finished" and len(after.losses) < limits.steps:
            after = judged(after, step(sums, a, after.point), limits)
    except KeyboardInterrupt as signal:
        return after._replace(ending="interrupted", interruption=signal)
    return after


def judged(before: Descent, point: Point, limits: Limits) -> Descent:
    """The descent one step later: is it the best, and is it the last?"""
    cost, loss = (v / point.weight if point.weight else np.nan for v in (point.f, point.loss))
    waited = 0 if cost < before.best_cost * (1 - limits.tol) else before.waited + 1
    after = before._replace(point=point, waited=waited, losses=(*before.losses, loss))
    if cost < before.best_cost:
        after = after._replace(best=point.x, best_cost=cost)
    return after._replace(ending=_ending(after, limits))


def _ending(after: Descent, limits: Limits) -> str:
    point = after.point
    if not np.isfinite(point.f) or not point.weight:
        return "diverged"
    if max(point.fell, point.promise) <= max(limits.converged, 0.0) * point.f:
        return "converged"
    return "plateau" if limits.patience and after.waited >= limits.patience else "finished"


def step(sums: Sums, a: Exact, start: Point, curved: GradientSums | None = None) -> Point:
    """The point one step later; the same with `fell` 0 when no step leads down.

    `curved` are the sums at the start, where they are known.
    """
    curved = curved or sums(start.x, curvature=True)
    n, x = len(a), start.x
    triangle, g = curved.gradient[:-n], curved.gradient[-n:] + a * x
    start = start._replace(f=penalised(curved, a, x), loss=curved.loss, weight=curved.weight)
    largest = float(diagonal_of(triangle, n).max())
    mu, nu = start.mu or FIRST_DAMPING * largest, 2.0
    while np.isfinite(start.f) and mu <= MOST_DAMPING * largest:
        mu = max(mu, SMALLEST_DAMPING * largest)
        found = _trial(sums, a, start, (triangle, g), mu)
        if found is not None:
            return found
        mu, nu = mu * nu, 2 * nu
    return start._replace(fell=0.0, promise=0.0)


def _trial(
    sums: Sums, a: Exact, start: Point, curved: tuple[Exact, Exact], mu: float
) -> Point | None:
    """The point after a step with this damping, if that leads down."""
    triangle, g = curved
    factor = engine.factor(triangle, a + mu)
    if factor is None:
        return None
    d = engine.solve(factor, -g)
    promise = 0.5 * engine.dot(d, mu * d - g)
    x = start.x + d
    if not promise > ROUNDING * start.f:
        return start._replace(fell=0.0, promise=0.0)
    there = sums(x, curvature=False)
    f = penalised(there, a, x)
    share = (start.f - f) / promise
    if not share > LEAST_SHARE:
        return None
    less = 2 * share - 1
    eased = mu * max(1 / 3, 1 - less * less * less)
    return Point(x, f, there.loss, there.weight, eased, start.f - f, promise)


def penalised(total: GradientSums, a: Exact, x: Exact) -> float:
    """f, from the sums at x."""
    return total.loss + 0.5 * engine.dot(a * x, x)


def diagonal_of(triangle: Exact, n: int) -> Exact:
    """The diagonal of a packed triangle."""
    rows = np.arange(n)
    return triangle[rows * (rows + 3) // 2]

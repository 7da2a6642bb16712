"""What the hidden units of a network do on some examples.

    Z1, A1 (n_h, m) of m examples; slope g'(Z1), known from A1

A unit is     a twin      when another has the same weights in and out: equal gradients keep
                          them equal for ever (Ng, week 3)
              dead        when it answers 0 to every example, as relu can: its slope is 0 too
              saturated   on an example, when its slope is below 1 % of the largest
              straight    when g is as good as linear where the examples lie
              idle        when what it adds to Z2 hardly varies: it can be removed

A good training leads many units to the flat part of tanh, where they answer yes or no. So a saturated
unit is no fault by itself: `states_of` calls one faulty where the diagnosis has found that it is.
"""

from collections.abc import Collection
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import product
from shoal.network.architecture import Architecture
from shoal.network.equations import Parameters

Array = NDArray[np.floating]
Exact = NDArray[np.float64]

FLAT = 0.01  # of the largest slope
LARGEST_SLOPE = {"tanh": 1.0, "sigmoid": 0.25}
SAME = 1e-6  # of the largest weight: rounding of float32
STRAIGHT = 0.02  # of a unit's spread is not linear in Z1
IDLE = 1e-3  # of the spread of Z2
SAME_ANSWERS = 0.01  # of the spread of Z2
ROUNDING = 1e-12  # of the squares of a unit's answers, in float64
MOSTLY = 0.95  # of the examples: a unit that is flat there is saturated
SATURATED = "saturated-units"  # the finding that makes such a unit a faulty one


class Units:
    """Figures of one network's hidden layer, n_h > 0 units, on at least one example.

    Each is measured when it is asked for: a rule wants one or two of them.
    """

    def __init__(self, shape: Architecture, parameters: Parameters, Z1: Array, A1: Array) -> None:
        self.n = shape.n_h
        self._shape, self._parameters, self._Z1, self._A1 = shape, parameters, Z1, A1

    @cached_property
    def twins(self) -> tuple[tuple[int, ...], ...]:
        """Groups of units with equal weights, from 0; what answers 0 like another is no twin of it."""
        return tuple(g for g in twins_of(self._parameters) if not set(g) <= set(self.dead))

    @cached_property
    def dead(self) -> tuple[int, ...]:
        """Units of relu that answer 0 to every example."""
        if self._shape.activation != "relu":
            return ()
        return tuple(np.flatnonzero(self._A1.max(axis=1) <= 0).tolist())

    @cached_property
    def flat(self) -> tuple[float, ...]:
        """Of each unit the share of the examples at which its slope is next to nothing."""
        largest = LARGEST_SLOPE.get(self._shape.activation)
        if largest is None:
            return (0.0,) * self.n
        slopes = self._shape.g.slope(self._A1.astype(np.float64))
        return tuple((slopes < FLAT * largest).mean(axis=1).tolist())

    @property
    def saturated(self) -> float:
        """The share of (unit, example) pairs."""
        return sum(self.flat) / self.n

    @cached_property
    def straight(self) -> int:
        """How many units answer by a straight line, to a small rest."""
        zz, za, aa = self._squares
        rest = np.sqrt(np.maximum(aa - za * za / np.maximum(zz, 1e-300), 0))
        return int((rest <= STRAIGHT * np.sqrt(aa)).sum())

    @cached_property
    def idle(self) -> tuple[int, ...]:
        """Units, neither dead nor twins, that add next to nothing to Z2."""
        A1, W2 = self._A1, self._parameters.W2
        Z2 = product(W2.astype(A1.dtype, copy=False), A1.T)  # but for b2
        total = float(Z2.std(axis=1, dtype=np.float64).max())
        adds = np.sqrt(self._squares[2]) * np.abs(W2).max(axis=0)
        known = {*self.dead, *(unit for group in self.twins for unit in group)}
        return tuple(j for j in np.flatnonzero(adds < IDLE * total).tolist() if j not in known)

    @property
    def spread(self) -> float:
        """The largest standard deviation of Z1 over the units."""
        return float(np.sqrt(self._squares[0].max()))

    @cached_property
    def _squares(self) -> tuple[Exact, Exact, Exact]:
        """Of each unit the variance of Z1, its covariance with A1, and the variance of A1."""
        V = np.concatenate([self._Z1, self._A1], dtype=np.float64)
        V -= V.mean(axis=1, keepdims=True)
        m, n = V.shape[1], self.n
        squares = np.einsum("ij,ij->i", V, V) / m
        return squares[:n], np.einsum("ij,ij->i", V[:n], V[n:]) / m, squares[n:]


def states_of(units: Units, findings: Collection[str]) -> list[str]:
    """Of each unit: healthy, dead, twin, saturated or idle, as the findings of these names say.

    The laboratory, the report and the pictures call units by this function alone.
    """
    twins = {unit for group in units.twins for unit in group}
    blamed = SATURATED in findings
    return [
        "dead" if j in units.dead
        else "twin" if j in twins
        else "saturated" if blamed and units.flat[j] > MOSTLY
        else "idle" if j in units.idle
        else "healthy"
        for j in range(units.n)
    ]  # fmt: skip


def twins_of(parameters: Parameters) -> tuple[tuple[int, ...], ...]:
    """Groups of units with the same W1, b1 and W2, to rounding."""
    W1, b1, W2, _ = parameters
    rows = np.concatenate([W1, b1, W2.T], axis=1, dtype=np.float64)
    if len(rows) < 2:
        return ()
    grain = SAME * max(float(np.abs(rows).max()), 1e-300)
    # Twins lie side by side once the rows are sorted by a sum that mixes all columns.
    mix = rows @ np.cos(np.arange(rows.shape[1]) + 1.0)
    order = np.argsort(mix, kind="stable")
    rows = rows[order]
    close = np.abs(rows[1:] - rows[:-1]).max(axis=1) <= grain
    if not close.any():
        return ()
    groups, group = [], [int(order[0])]
    for unit, same in zip(order[1:].tolist(), close.tolist(), strict=True):
        if same:
            group.append(unit)
            continue
        groups.append(group)
        group = [unit]
    groups.append(group)
    return tuple(sorted(tuple(sorted(g)) for g in groups if len(g) > 1))


def enough_units(A1: Array, Z2: Array) -> int:
    """How many units suffice, with new weights out of them, for nearly the same Z2.

    Doubles the number from 1 on, taking the units that differ most first, until the rest of a
    least-squares fit is small: Cholesky's decomposition of the products with diagonal pivoting
    (Higham 2002, section 10.3), with the outputs, which are no pivots, in the last rows.
    """
    V = np.concatenate([A1, Z2]).astype(np.float64)
    V -= V.mean(axis=1, keepdims=True)
    G, n = product(V, V), len(A1)
    rests = G.diagonal()  # a view: squares of what the units taken so far leave of each row
    enough, nothing = SAME_ANSWERS**2 * rests[n:].sum(), ROUNDING * rests[:n].max()
    for k in range(1, n):
        j = int(rests[:n].argmax())
        if rests[j] <= nothing:
            return k
        G -= np.outer(G[j] / rests[j], G[j])
        if k & (k - 1) == 0 and rests[n:].sum() <= enough:
            return k
    return n

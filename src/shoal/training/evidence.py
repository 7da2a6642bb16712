"""Penalties from the data alone: the evidence of a fit, and the penalties that raise it.

    W1, b1, W2   the groups of parameters; α_g is the penalty of one, P_g its size, b2 has none
    β            1 / the variance of the noise; 1 for classes
    n            rows (or the sum of their weights) times outputs
    G            Gauss–Newton matrix of the loss; A = β G + diag α
    γ_g          P_g - α_g tr(A⁻¹)_g, how many parameters of a group the data determine; γ their sum

A fit minimises Σ loss + ½ Σ a w² with a = α/β. When it has settled,

    α_g := γ_g / ‖w_g‖²         β := (n - γ) / ‖e‖²        ‖e‖² = 2 Σ loss

and with Laplace's approximation the logarithm of the evidence is

    ½ Σ P_g log α_g - β Σ loss - ½ Σ α_g ‖w_g‖² - ½ log |A| + ½ n_y log 2π   (b2 has n_y numbers,
    of which softmax needs n_y - 1)   + ½ n log (β / 2π) for numbers.

Sources: D. J. C. MacKay (Neural Computation 4, 1992, pages 415 and 448); F. D. Foresee and M. T.
Hagan (ICNN 1997) for the Gauss–Newton matrix in place of the second derivatives.
"""

import math
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.compute.points import Known, Triple
from shoal.network.architecture import Architecture
from shoal.sums import GradientSums

Exact = NDArray[np.float64]

FIRST = 0.01  # of a penalty a, before the first settled fit; inputs and targets are standardised
# Of a penalty a. Beyond them a group is as good as free, or 0, and the matrix loses its digits.
LEAST, MOST = 1e-8, 1e6


class Evidence(NamedTuple):
    """What the data say of a fit."""

    alpha: Triple  # of W1, b1 and W2
    beta: float
    gamma: float  # the effective number of parameters
    log_evidence: float

    @property
    def is_known(self) -> bool:
        """Whether the matrix has an inverse, by which it is found."""
        return not math.isnan(self.log_evidence)


UNKNOWN = Evidence((math.nan, math.nan, math.nan), math.nan, math.nan, math.nan)


class Penalties(NamedTuple):
    """a = α/β of each group, and what was found when they were chosen."""

    a: Triple
    found: Evidence


def groups_of(architecture: Architecture) -> list[slice]:
    """Where W1, b1 and W2 lie in the vector of parameters."""
    ends = accumulate((rows * columns for rows, columns in architecture.shapes[:3]), initial=0)
    return [slice(first, last) for first, last in pairwise(ends)]


def sizes_of(architecture: Architecture) -> list[int]:
    """How many parameters W1, b1 and W2 have."""
    return [group.stop - group.start for group in groups_of(architecture)]


def spread(architecture: Architecture, a: Triple) -> Exact:
    """The penalty of each parameter."""
    out = np.zeros(architecture.n_parameters)
    for group, value in zip(groups_of(architecture), a, strict=True):
        out[group] = value
    return out


def improved(
    architecture: Architecture, x: Exact, a: Triple, curved: GradientSums
) -> Penalties | None:
    """Penalties that raise the evidence of a settled fit; None where the matrix has no inverse."""
    known = known_of(architecture, x, a, curved)
    if known is None:
        return None
    found = of_known(architecture, a, known)
    pairs = zip(known.determined, known.squares, strict=True)
    alphas = [g / s if s > 0 else np.inf for g, s in pairs]
    bounded = [min(max(alpha / found.beta, LEAST), MOST) for alpha in alphas]
    sizes = sizes_of(architecture)
    first, second, third = [v if size else 0.0 for v, size in zip(bounded, sizes, strict=True)]
    return Penalties((first, second, third), found)


def known_of(architecture: Architecture, x: Exact, a: Triple, curved: GradientSums) -> Known | None:
    """What the evidence is made of, of sums at x; None where the matrix has no inverse."""
    n = architecture.n_parameters
    triangle = grounded(architecture, curved.gradient[:-n])
    factor = engine.factor(triangle, spread(architecture, a))
    if factor is None:
        return None
    inverse, log_determinant = engine.inverse_diagonal(factor, n)
    groups = groups_of(architecture)
    g1, g2, g3 = (
        min(max(size - value * engine.dot(inverse[group], np.ones(size)), 0.0), float(size))
        for size, value, group in zip(sizes_of(architecture), a, groups, strict=True)
    )
    s1, s2, s3 = (engine.dot(x[group], x[group]) for group in groups)
    return Known((g1, g2, g3), (s1, s2, s3), log_determinant, curved.loss, curved.weight)


def of_known(architecture: Architecture, a: Triple, known: Known) -> Evidence:
    """The evidence of penalties a."""
    first, second, third = known.determined
    gamma = first + second + third  # `sum` of Python 3.12 rounds elsewhere
    beta = _noise(architecture, known, gamma)
    return _evidence(architecture, known, a, beta)._replace(gamma=gamma)


def grounded(architecture: Architecture, triangle: Exact) -> Exact:
    """The matrix plus vvᵀ for softmax, v the direction in which b2 may move without any effect.

    It is the only one with neither curvature nor penalty; now it has the factor 1 in |A|.
    """
    if architecture.output != "softmax":
        return triangle
    out, n, n_y = triangle.copy(), architecture.n_parameters, architecture.n_y
    for row in range(n - n_y, n):
        start = row * (row + 1) // 2
        out[start + n - n_y : start + row + 1] += 1 / n_y
    return out


def _noise(architecture: Architecture, known: Known, gamma: float) -> float:
    """β."""
    if architecture.output != "identity":
        return 1.0
    n = known.weight * architecture.n_y
    eps = float(
        np.finfo(np.float64).eps
    )  # errors smaller than that, of targets of size 1, are rounding
    return max(n - gamma, eps * n) / max(2 * known.loss, eps * eps * n)


def _evidence(architecture: Architecture, known: Known, a: Triple, beta: float) -> Evidence:
    """The evidence of penalties a and of β."""
    alpha = [value * beta for value in a]
    log = -beta * known.loss - 0.5 * (
        known.log_determinant + architecture.n_parameters * float(np.log(beta))
    )
    for size, value, square in zip(sizes_of(architecture), alpha, known.squares, strict=True):
        log += 0.5 * (size * float(np.log(value)) - value * square) if size else 0.0
    free = architecture.n_y - (architecture.output == "softmax")
    log += 0.5 * free * float(np.log(2 * np.pi))
    if architecture.output == "identity":
        n = known.weight * architecture.n_y
        log += 0.5 * n * float(np.log(beta / (2 * np.pi)))
    return Evidence((alpha[0], alpha[1], alpha[2]), beta, 0.0, log)


def symmetries(architecture: Architecture) -> float:
    """Log of how many vectors of parameters are the same network: h! 2^h, or h!.

    Add it to the log evidence to compare widths. Odd activations allow to change the signs of a
    unit.
    """
    h = architecture.n_h
    signs = h * float(np.log(2)) if architecture.activation in ("tanh", "identity") else 0.0
    return float(np.log(np.arange(1, h + 1)).sum()) + signs

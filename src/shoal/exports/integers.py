"""Weights as whole numbers of 8 or 16 bits times a power of two, one for each input of a layer's row.

    W[i, j] ≈ q[i, j] 2^e[i],   |q| ≤ 2^(bits - 1) - 1

The product is exact in the network's precision. So a network of such weights is an ordinary one: its
predictions are measured by the kernel, and a program that multiplies in C has the same bits.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.exports.model import PlacedGroup
from shoal.network.equations import Parameters

BITS = (8, 16)
SMALLEST = {4: -120, 8: -1000}  # exponents, by bytes of the precision: far above its subnormals


class Whole(NamedTuple):
    """Rows of whole numbers, and the exponent of each row."""

    q: NDArray[np.integer]  # (..., rows, columns)
    e: NDArray[np.integer]  # (..., rows)


def whole(W: NDArray[Any], bits: int) -> Whole:
    """The nearest whole numbers, in the finest unit that the largest of a row allows."""
    most = 2 ** (bits - 1) - 1
    largest = np.abs(W).max(axis=-1).astype(np.float64)
    with np.errstate(divide="ignore"):
        e = np.ceil(np.log2(largest / most))
    e = np.maximum(np.where(np.isfinite(e), e, 0), SMALLEST[W.dtype.itemsize]).astype(np.int16)
    # The logarithm is rounded: half a unit beyond the largest number is still rounded to it.
    q = np.rint(np.ldexp(W.astype(np.float64), -e[..., None].astype(np.int64)))
    return Whole(np.clip(q, -most, most).astype(f"i{bits // 8}"), e)


def reals(numbers: Whole, dtype: Any) -> NDArray[Any]:
    """The weights that they stand for, exactly."""
    scaled = np.ldexp(numbers.q.astype(np.float64), numbers.e[..., None].astype(np.int64))
    return scaled.astype(dtype)


def nearest(W: NDArray[Any], bits: int) -> NDArray[Any]:
    """The nearest weights that are such numbers."""
    return reals(whole(W, bits), W.dtype) if W.size else W


def rounded(p: Parameters, bits: int, groups: Sequence[PlacedGroup] = ()) -> Parameters:
    """The parameters with such weights: of the first layer by inputs, of the second by outputs."""

    def first(W: NDArray[Any]) -> NDArray[Any]:
        found = nearest(W.T, bits)
        for group in groups:
            own = slice(group.first, group.first + group.bins)
            found[own] = _diffused(W.T[own], bits)
        return found.T

    if len(p.W1):
        return p._replace(W1=first(p.W1), W2=nearest(p.W2, bits))
    return p._replace(W2=first(p.W2))


def _diffused(W: NDArray[Any], bits: int) -> NDArray[Any]:
    """Of bins: the error of each is added to the next, as a value sums the weights of all below it.

    Without it the errors of dozens of bins add up (Floyd and Steinberg, "An adaptive algorithm for
    spatial greyscale", 1976).
    """
    found, carried = np.empty_like(W), np.zeros_like(W[:1])
    for i in range(len(W)):
        wanted = W[i : i + 1] + carried
        found[i : i + 1] = nearest(wanted, bits)
        carried = wanted - found[i : i + 1]
    return found

"""Sums over blocks of examples: the one algebra that threads, files and clusters share.

A gradient is a mean over examples, so it is a sum over blocks divided once by m. The
blocks depend on the data only (`BLOCK_ROWS`), never on the number of workers, and
`add_in_order` adds them along one fixed tree: the result is the same to the last bit
whoever computed the terms. A worker may add its own blocks first if it holds an
aligned run of 2**k of them, for that is a subtree.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

BLOCK_ROWS = 512  # A power of two. It fixes every bit of a result: never change it lightly.


class GradientSums(NamedTuple):
    """Sums over examples, not means, in float64."""

    gradient: Vector  # dW1, db1, dW2, db2 as one vector
    loss: float
    weight: float  # the number of examples, or the sum of their weights


def blocks(n_examples: int) -> Iterator[slice]:
    """Cut 0 … n_examples into slices of `BLOCK_ROWS`; the last may be shorter."""
    for start in range(0, n_examples, BLOCK_ROWS):
        yield slice(start, min(start + BLOCK_ROWS, n_examples))


def add_in_order(terms: Sequence[GradientSums]) -> GradientSums:
    """Add neighbours, then neighbours of these, until one is left."""
    if not terms:
        raise ValueError("no block to add: the data has no rows")
    while len(terms) > 1:
        # An odd last term has no neighbour; it waits for the next round.
        pairs = zip(terms[::2], terms[1::2], strict=False)
        last = terms[len(terms) - len(terms) % 2 :]
        terms = [*(_add(a, b) for a, b in pairs), *last]
    return terms[0]


def _add(a: GradientSums, b: GradientSums) -> GradientSums:
    return GradientSums(a.gradient + b.gradient, a.loss + b.loss, a.weight + b.weight)

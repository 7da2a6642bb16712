"""Sums over blocks of examples: the one algebra that threads, files and clusters share.

A gradient is a mean over examples, so it is a sum over blocks divided once by m. The
blocks depend on the data only (`BLOCK_ROWS`), never on the number of workers, and
`add_in_order` adds them along one fixed tree: the result is the same to the last bit
whoever computed the terms. A worker may add its own blocks first if it holds an
aligned run of 2**k of them, for that is a subtree:

    level 2    0───────────────1                node (level, place) holds the 2**level
    level 1    0───────1───────2                blocks from place * 2**level on; at the
    level 0    0───1───2───3───4                end of the data there may be fewer
"""

from collections.abc import Iterable, Iterator, Sequence
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


class Node(NamedTuple):
    """The sums of an aligned run of blocks: a subtree of the one tree."""

    level: int
    place: int
    sums: GradientSums


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


def aligned(first: int, stop: int, n_blocks: int) -> Iterator[tuple[int, int]]:
    """The (level, place) of the fewest nodes that together hold blocks first … stop - 1.

    >>> list(aligned(3, 8, n_blocks=11)), list(aligned(8, 11, n_blocks=11))
    ([(0, 3), (2, 1)], [(2, 2)])
    """
    while first < stop:
        level = 0
        # It grows to its parent while that begins here too, holds more, and holds nothing beyond.
        while (
            first >> level & 1 == 0
            and first + (1 << level) < stop
            and (first + (2 << level) <= stop or stop == n_blocks)
        ):
            level += 1
        yield level, first >> level
        first += 1 << level


def rows_of(level: int, place: int, n_examples: int) -> slice:
    """The rows that a node adds up."""
    length = BLOCK_ROWS << level
    return slice(place * length, min((place + 1) * length, n_examples))


def join(nodes: Iterable[Node]) -> list[Node]:
    """The same nodes, in the order of the blocks, each pair of siblings added to its parent."""
    joined: list[Node] = []
    for node in sorted(nodes, key=lambda node: node.place << node.level):
        joined.append(node)
        while len(joined) > 1 and _siblings(*joined[-2:]):
            joined.append(_parent(joined.pop(-2), joined.pop()))
    return joined


def total(nodes: Iterable[Node], n_blocks: int) -> GradientSums:
    """What `add_in_order` gives of all blocks, from nodes that hold each of them once.

    Raises ValueError for nodes that do not.
    """
    joined = join(nodes)
    _check_cover(joined, n_blocks)
    last = joined.pop()
    while joined:
        # The last node has no neighbour; as in `add_in_order` it waits until it meets one.
        up = joined[-1].level - last.level
        last = _parent(joined.pop(), Node(last.level + up, last.place >> up, last.sums))
    return last.sums


def _siblings(a: Node, b: Node) -> bool:
    return a.level == b.level and a.place ^ 1 == b.place and not a.place & 1


def _parent(a: Node, b: Node) -> Node:
    return Node(a.level + 1, a.place >> 1, _add(a.sums, b.sums))


def _check_cover(nodes: Sequence[Node], n_blocks: int) -> None:
    starts = [node.place << node.level for node in nodes]
    stops = [node.place + 1 << node.level for node in nodes]
    if [0, *stops[:-1]] != starts or not starts[-1] < n_blocks <= stops[-1]:
        raise ValueError(f"expected each of {n_blocks} blocks once, got {[n[:2] for n in nodes]}")


def _add(a: GradientSums, b: GradientSums) -> GradientSums:
    return GradientSums(a.gradient + b.gradient, a.loss + b.loss, a.weight + b.weight)

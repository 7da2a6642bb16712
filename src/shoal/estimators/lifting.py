"""Networks of several encodings and widths as networks of one: the same answers, but for rounding.

A bin [a, b] of a number is the sum of the bins that it is cut into, each with its share of b - a; so the
weights of a network with few bins are those of one with more, multiplied by these shares. A network
without bins has weights 0 there. Units that are added have weights 0, and add nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shoal.data.encode.encoding import Encoding, Number, Plan
from shoal.estimators.columns import Inputs
from shoal.network.architecture import Architecture
from shoal.network.equations import Parameters
from shoal.training.network import Network

Exact = NDArray[np.float64]


def joined(inputs: Sequence[Inputs]) -> Inputs:
    """The inputs whose numbers have the bins of all; they differ in their bins alone."""
    first = inputs[0]
    if first.encoding is None:
        return first
    columns = zip(*(one.encoding.columns for one in inputs if one.encoding), strict=True)
    return replace(first, encoding=Encoding(tuple(map(_with_all_edges, columns))))


def _with_all_edges(plans: Sequence[Plan]) -> Plan:
    first = plans[0]
    if not isinstance(first, Number):
        return first
    edges = {edge for plan in plans if isinstance(plan, Number) for edge in plan.edges}
    return first._replace(edges=tuple(sorted(edges)))


def lifted(network: Network, own: Inputs, into: Inputs, n_h: int) -> Network:
    """The network with other inputs, `joined` from its own, and with more units."""
    shape, p = network.architecture, network.parameters
    wide = Architecture(into.width, n_h, shape.n_y, shape.activation, shape.output)
    units = ((0, n_h - shape.n_h), (0, 0))
    first = p.W1 if shape.n_h else p.W2
    first = first if own.encoding == into.encoding else _spread(first, own, into)
    if not shape.n_h:
        found = Parameters(np.zeros((0, into.width)), p.b1, first, p.b2)
    else:
        W2 = np.pad(p.W2, units[::-1])
        found = Parameters(np.pad(first, units), np.pad(p.b1, units), W2, p.b2)
    return Network._of(wide, wide.flatten(found, network.dtype))


def _spread(W: NDArray[np.floating], own: Inputs, into: Inputs) -> Exact:
    """The weights of the first layer for the other inputs."""
    assert own.encoding is not None
    assert into.encoding is not None
    out = np.zeros((len(W), into.width))
    for few, many, here, there in zip(
        own.encoding.columns, into.encoding.columns,
        own.encoding.places, into.encoding.places, strict=True,
    ):  # fmt: skip
        if not (isinstance(few, Number) and isinstance(many, Number)) or few.edges == many.edges:
            out[:, there] = W[:, here]
            continue
        out[:, there[0]] = W[:, here[0]]
        if few.holes:
            out[:, there[-1]] = W[:, here[-1]]
        bins = slice(1, len(many.edges)), slice(1, max(len(few.edges), 1))
        out[:, there[bins[0]]] = W[:, here[bins[1]]] @ _shares(few.edges, many.edges)
    return out


def _shares(few: Sequence[float], many: Sequence[float]) -> Exact:
    """Of each bin the shares of the bins that it is cut into, (few bins, many bins)."""
    a, b = np.array(few[:-1])[:, np.newaxis], np.array(few[1:])[:, np.newaxis]
    low, high = np.array(many[:-1]), np.array(many[1:])
    inside = (low >= a) & (high <= b)
    return np.where(inside, (high - low) / np.where(b > a, b - a, 1), 0.0)

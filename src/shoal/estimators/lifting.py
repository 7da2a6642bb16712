"""Networks of several encodings and widths as networks of one: the same answers, but for rounding.

A bin [a, b] of a number is the sum of the bins that it is cut into, each with its share of b - a; so the
weights of a network with few bins are those of one with more, multiplied by these shares. A network
without bins has weights 0 there. Units that are added have weights 0, and add nothing.

A linear model is a network too: relu(z) - relu(-z) = z, and c tanh(z / c) is z but for z (z / c)² / 3.
With c = 4096 ‖w‖ that is 2e-8 of z where the inputs have the length 1, and 2e-4 where it is 100.
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

UNITS = {"tanh": 1, "relu": 2}  # with these activations: of each output of a linear model
FLAT = 4096.0  # how many times ‖w‖ its z must be before tanh bends it: a power of two


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


def lifted(network: Network, own: Inputs, into: Inputs, shape: Architecture) -> Network:
    """The network in this shape: with other inputs, `joined` from its own, and with more units."""
    p, width = network.parameters, network.architecture.n_h
    exact = Parameters(*(each.astype(np.float64) for each in p))
    if own.encoding != into.encoding:
        first = _spread(exact.W1 if width else exact.W2, own, into)
        exact = exact._replace(**{"W1" if width else "W2": first})
    if shape.n_h and not width:
        exact = _as_units(exact, shape.activation)
    if shape.n_h:
        more = (0, shape.n_h - len(exact.W1))
        W1, b1 = (np.pad(each, (more, (0, 0))) for each in (exact.W1, exact.b1))
        exact = Parameters(W1, b1, np.pad(exact.W2, ((0, 0), more)), exact.b2)
    return Network._of(shape, shape.flatten(exact, network.dtype))


def _as_units(linear: Parameters, activation: str) -> Parameters:
    """A linear model as units of this activation."""
    W, n_y = linear.W2, len(linear.W2)
    if activation == "relu":
        W1, W2 = np.concatenate([W, -W]), np.concatenate([np.eye(n_y), -np.eye(n_y)], axis=1)
    else:
        lengths = np.sqrt((W**2).sum(axis=1, keepdims=True))
        c = FLAT * np.exp2(np.ceil(np.log2(np.where(lengths > 0, lengths, 1))))
        W1, W2 = W / c, np.diag(c[:, 0])
    return Parameters(W1, np.zeros((len(W1), 1)), W2, linear.b2)


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

"""Toy data by counting: the same points on every machine, at every size, for every seed.

A toy is drawn in the plane, x1 and x2 from about -4 to 4. `noise` is the standard deviation
of what is added to both, as a share of 4. Training and validation points are two streams.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.lab.waves import TURN, cosine, counted, sine
from shoal.network.draws import child, normal, uniform

Array = NDArray[np.float64]

REACH = 4.0  # of the data; the plane that is shown is a little larger
PLANE = 5.0
FEW = 90  # points of a thumbnail


class Draws:
    """Numbers for n points; each call takes a stream of its own."""

    def __init__(self, seed: int, n: int, noise: float, part: int) -> None:
        self.n, self.noise = n, noise
        self._key, self._stream = child(seed, part), 0

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Array:
        """Uniform between low and high."""
        self._stream += 1
        return low + (high - low) * uniform(self._key, self._stream, self.n)

    def normal(self) -> Array:
        """Standard normal."""
        self._stream += 1
        return normal(self._key, self._stream, self.n)

    def label(self, classes: int) -> NDArray[np.int64]:
        """0, 1, … by turns: equally many of each."""
        return np.arange(self.n) % classes

    def along(self, classes: int) -> Array:
        """How far along its class each point is, evenly from 0 to 1."""
        return (self.label_index(classes) + 0.5) / max(1, -(-self.n // classes))

    def label_index(self, classes: int) -> Array:
        """The place of each point among those of its class."""
        return (np.arange(self.n) // classes).astype(np.float64)


Points = tuple[Array, Array, NDArray[np.generic]]  # x1, x2, y


class Toy(NamedTuple):
    """One toy: how it is drawn, and of how many classes it is (0: a number to predict)."""

    title: str
    classes: int
    draw: Callable[[Draws], Points]
    counts: bool = False  # whether the number is a count


def _circle(d: Draws) -> Points:
    y = d.label(2)
    u = d.uniform()
    r = np.where(y == 1, np.sqrt(u) * 0.5, np.sqrt(0.49 + 0.51 * u)) * REACH
    t = d.uniform(0, TURN)
    return r * cosine(t), r * sine(t), y


def _xor(d: Draws) -> Points:
    x1, x2 = d.uniform(-REACH, REACH), d.uniform(-REACH, REACH)
    gap = 0.3
    x1, x2 = x1 + np.where(x1 > 0, gap, -gap), x2 + np.where(x2 > 0, gap, -gap)
    return x1, x2, (x1 * x2 < 0).astype(np.int64)


def _gaussians(d: Draws) -> Points:
    y = d.label(2)
    centre = np.where(y == 1, 1.8, -1.8)
    return centre + 0.7 * d.normal(), centre + 0.7 * d.normal(), y


def _spiral(d: Draws) -> Points:
    y = d.label(2)
    s = d.along(2)
    t = 1.75 * TURN * s + np.where(y == 1, TURN / 2, 0.0)
    return REACH * s * sine(t), REACH * s * cosine(t), y


def _moons(d: Draws) -> Points:
    y = d.label(2)
    t = TURN / 2 * d.along(2)
    upper, lower = (2 * cosine(t), 2 * sine(t)), (2 - 2 * cosine(t), 1 - 2 * sine(t))
    x1, x2 = np.where(y == 0, upper[0], lower[0]), np.where(y == 0, upper[1], lower[1])
    return 1.25 * (x1 - 1), 1.25 * (x2 - 0.5), y


def _flower(d: Draws) -> Points:
    """The planar exercise of the course (Ng, week 3), whose own noise is 0.2: 5 % here."""
    y = d.label(2)
    t = 3.12 * (d.along(2) + y) + REACH * d.noise * d.normal()
    r = REACH * sine(4 * t) + REACH * d.noise * d.normal()
    d.noise = 0.0  # it is in there
    return r * sine(t), r * cosine(t), y


def _tangent(d: Draws) -> Points:
    x1, x2 = d.uniform(-TURN / 2, TURN / 2), d.uniform(-REACH, REACH)
    return x1, x2, (sine(x1) * cosine(x1) > 0).astype(np.int64)


def _three(d: Draws) -> Points:
    y = d.label(3)
    t = TURN * (y / 3 + 1 / 12)
    return 2.4 * cosine(t) + 0.75 * d.normal(), 2.4 * sine(t) + 0.75 * d.normal(), y


def _pinwheel(d: Draws) -> Points:
    y = d.label(5)
    s = 0.15 + 0.85 * d.along(5)
    t = TURN * (y / 5 + 0.22 * s)
    side = 0.12 * d.normal()
    return REACH * s * cosine(t + side), REACH * s * sine(t + side), y


def _rings(d: Draws) -> Points:
    y = d.label(4)
    r, t = REACH * (0.12 + 0.28 * y + 0.05 * d.normal()), d.uniform(0, TURN)
    return r * cosine(t), r * sine(t), y


def _plane(d: Draws) -> Points:
    x1, x2 = d.uniform(-REACH, REACH), d.uniform(-REACH, REACH)
    return x1, x2, (x1 + x2) / REACH


def _hills(d: Draws) -> Points:
    x1, x2 = d.uniform(-REACH, REACH), d.uniform(-REACH, REACH)
    y = np.zeros(d.n)
    for c1, c2, height in ((-2, 2, 2.0), (2, 2, -2.0), (-1.5, -2, -1.5), (2, -1.5, 1.5)):
        y = y + height / (1 + ((x1 - c1) * (x1 - c1) + (x2 - c2) * (x2 - c2)) / 2)
    return x1, x2, y


def _counts(d: Draws) -> Points:
    """Whole numbers from 0 on, drawn from Poisson's distribution around a rate with one peak."""
    x1, x2 = d.uniform(-REACH, REACH), d.uniform(-REACH, REACH)
    rate = 0.3 + 6.0 / (1 + ((x1 - 1) * (x1 - 1) + (x2 + 0.5) * (x2 + 0.5)) / 3)
    return x1, x2, counted(rate, d.uniform())


TOYS = {
    "circle": Toy("Circle", 2, _circle),
    "xor": Toy("Exclusive or", 2, _xor),
    "gaussians": Toy("Two clouds", 2, _gaussians),
    "spiral": Toy("Spiral", 2, _spiral),
    "moons": Toy("Moons", 2, _moons),
    "flower": Toy("Course flower", 2, _flower),
    "tangent": Toy("Sign of tan x", 2, _tangent),
    "three": Toy("Three clouds", 3, _three),
    "rings": Toy("Four rings", 4, _rings),
    "pinwheel": Toy("Pinwheel", 5, _pinwheel),
    "plane": Toy("Plane, a number", 0, _plane),
    "hills": Toy("Hills, a number", 0, _hills),
    "counts": Toy("Counts, a rate", 0, _counts, counts=True),
}

# What a network may be shown of a point. Products are divided by 4, to be no larger than x1.
FEATURES: dict[str, Callable[[Array, Array], Array]] = {
    "x1": lambda x1, x2: x1,
    "x2": lambda x1, x2: x2,
    "x1²": lambda x1, x2: x1 * x1 / REACH,
    "x2²": lambda x1, x2: x2 * x2 / REACH,
    "x1x2": lambda x1, x2: x1 * x2 / REACH,
    "sin x1": lambda x1, x2: sine(x1),
    "sin x2": lambda x1, x2: sine(x2),
}


USUAL = ("x1", "x2")


def points(
    name: str, rows: int, noise: float = 0.0, seed: int = 0, *, validation: bool = False
) -> tuple[Array, NDArray[np.generic]]:
    """As many points (rows, 2) of a toy, and their classes or numbers (rows,).

    >>> X, y = points("circle", 4)
    >>> X.shape, y.tolist()
    ((4, 2), [0, 1, 0, 1])
    """
    draws = Draws(seed, rows, noise, int(validation))
    x1, x2, y = TOYS[name].draw(draws)
    if draws.noise:
        x1, x2 = (
            x1 + REACH * draws.noise * draws.normal(),
            x2 + REACH * draws.noise * draws.normal(),
        )
    return np.column_stack([x1, x2]), y


def features(plane: Array, names: Sequence[str]) -> Array:
    """What a network is shown of points (rows, 2): a column for each name."""
    return np.column_stack([FEATURES[name](plane[:, 0], plane[:, 1]) for name in names])


@cache
def thumbnails() -> dict[str, list[list[float]]]:
    """Some points of every toy, in tenths: x1, x2, class, or a number from -1 to 1."""
    found = {}
    for name, toy in TOYS.items():
        plane, y = points(name, FEW, 0.02, 0)
        if not toy.classes:  # as a page shows numbers, in parts of their range
            y = 0.8 * (y - y.mean()) / y.std()
        found[name] = np.column_stack([plane, y]).round(1).tolist()
    return found

"""No cliff: time of a multiply-add over a grid of shapes.

A point is suspicious when its multiply-adds cost more than twice those of a neighbour on the
grid, one width larger or smaller. Three kinds are told apart:

    cliff    dearer than the next smaller width: growing made a multiply-add slower
    upside   dearer than the next larger width by so much that even its whole step takes longer:
             the larger network would be the better choice
    fixed    dearer than the next larger width otherwise: the fixed cost of a step, or of a
             vector that is filled in part, is not paid off yet

A suspicious point is measured again before it is believed.
"""

import time
from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.cases import SEED
from benchmarks.tables import duration, table
from shoal.compute.engine import engine
from shoal.compute.steps import Budget, Rule, start
from shoal.data.rows.examples import Examples
from shoal.training.network import Network

AXES = {
    "hidden": (1, 2, 3, 4, 7, 8, 12, 13, 16, 17, 32, 33, 64, 100, 128, 200, 256, 300, 512),
    "batch": (1, 2, 4, 8, 16, 17, 32, 64, 100, 128, 256, 500, 512, 513, 1000, 1024, 2048, 4096),
    "features": (1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 28, 31, 32, 33, 64, 100, 300, 784, 1000),
    "outputs": (1, 2, 3, 10, 17, 100),
}
THIN = {
    "hidden": (1, 4, 16, 17, 64, 256, 512),
    "batch": (1, 16, 128, 512, 513, 4096),
    "features": (1, 7, 8, 28, 100, 1000),
    "outputs": (1, 10, 100),
}
LAID_THROUGH = {"hidden": 32, "batch": 256, "features": 28, "outputs": 1}  # for the tables
WORK = 10_000_000  # multiply-adds of one try
MOST_STEPS = 2000
SUSPICIOUS = 2.0
UPSIDE = 1.1  # times a step takes longer than a larger one: less is noise
NUMBERS = 1 << 22  # of the widest data that are kept


class Shape(NamedTuple):
    """A point of the grid."""

    hidden: int
    batch: int
    features: int
    outputs: int

    @property
    def multiply_adds(self) -> int:
        """Of one step: [1] [3] forward, [6] [8] [9] backward."""
        layers = 2 * self.features * self.hidden + 3 * self.hidden * self.outputs
        return self.batch * layers


Times = dict[Shape, float]  # seconds of a step


def run(
    *,
    quick: bool,
    plot: Path | None,
    show: Callable[[str], None],
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Measure the grid, show tables through its middle and every suspicious point."""
    axes = THIN if quick else AXES
    times: Times = {}
    shapes = [Shape(*widths) for widths in product(*axes.values())]
    for i, shape in enumerate(shapes):
        if i % 20 == 0:
            tell(f"widths: {i:,} of {len(shapes):,} shapes")
        times[shape] = step_seconds(shape, tries=3)
    tell("widths: measuring suspicious shapes again")
    for shape in {s for pair in suspicious(times, axes) for s in pair}:
        times[shape] = min(times[shape], step_seconds(shape, tries=10))
    show(text(times, axes))
    if plot:
        draw(times, axes, plot)
    return {
        "axes": axes,
        "points": [[*shape, seconds] for shape, seconds in times.items()],
        "suspicious": [
            {"dear": dear, "cheap": cheap, "kind": kind(times, dear, cheap)}
            for dear, cheap in suspicious(times, axes)
        ],
    }


def step_seconds(shape: Shape, tries: int) -> float:
    """The shortest time of a mini-batch step (tanh, momentum, float32, one thread).

    It is this thread's time on a processor, which other programs disturb less.
    """
    steps = min(MOST_STEPS, max(4, WORK // shape.multiply_adds))
    m = shape.batch * max(1, min(steps, NUMBERS // (shape.batch * shape.features)))
    epochs = max(1, steps * shape.batch // m)
    output = "sigmoid" if shape.outputs == 1 else "softmax"
    network = Network.initialise(
        shape.features, shape.hidden, shape.outputs, output=output, dtype=np.float32
    )
    rng = np.random.default_rng(SEED)
    X = rng.standard_normal((m, shape.features), dtype=np.float32)
    labels = rng.integers(0, max(2, shape.outputs), m, dtype=np.int32)
    rule = Rule("sgd", 0.01, 0.9, batch_size=shape.batch)
    state = start(network.vector, "sgd")
    best = float("inf")
    for _ in range(tries + 1):  # the first one warms up, if there is more than one
        began = time.thread_time()
        engine.train(
            network.architecture, rule, Budget(0, epochs), Examples(X, labels=labels), state, 1
        )
        best = min(best, time.thread_time() - began)
    return best / (epochs * m // shape.batch)


def cost(times: Times, shape: Shape) -> float:
    """Seconds of a multiply-add."""
    return times[shape] / shape.multiply_adds


def neighbours(shape: Shape, axes: dict[str, tuple[int, ...]]) -> Iterator[Shape]:
    """The points one width away."""
    for name, widths in axes.items():
        at = widths.index(getattr(shape, name))
        for near in (at - 1, at + 1):
            if 0 <= near < len(widths):
                yield shape._replace(**{name: widths[near]})


def suspicious(times: Times, axes: dict[str, tuple[int, ...]]) -> list[tuple[Shape, Shape]]:
    """Pairs (dear, cheap) of neighbours, the worst first."""
    pairs = [
        (dear, cheap)
        for dear in times
        for cheap in neighbours(dear, axes)
        if cost(times, dear) > SUSPICIOUS * cost(times, cheap)
    ]
    return sorted(pairs, key=lambda pair: -cost(times, pair[0]) / cost(times, pair[1]))


def kind(times: Times, dear: Shape, cheap: Shape) -> str:
    """Which of the three kinds a suspicious pair is."""
    if prod(dear) > prod(cheap):
        return "cliff"
    return "upside" if times[dear] > UPSIDE * times[cheap] else "fixed"


# --- showing -------------------------------------------------------------------------


def text(times: Times, axes: dict[str, tuple[int, ...]], most: int = 20) -> str:
    """Tables through the middle of the grid, then the worst suspicious pairs of each kind."""
    parts = [_lines_through_the_middle(times, axes)]
    pairs = suspicious(times, axes)
    for name in ("cliff", "upside", "fixed"):
        chosen = [pair for pair in pairs if kind(times, *pair) == name]
        points = len({dear for dear, _ in chosen})
        parts.append(f"{name}: {points} of {len(times):,} points are dearer than {SUSPICIOUS:g} ×")
        if chosen:
            rows = [
                (
                    _name(dear),
                    _difference(dear, cheap),
                    f"{cost(times, dear) / cost(times, cheap):.2f} ×",
                    duration(cost(times, dear)),
                    duration(times[dear]),
                    duration(times[cheap]),
                )
                for dear, cheap in chosen[:most]
            ]
            head = ("point", "than", "by", "a multiply-add", "a step", "the other's")
            parts.append(table(head, rows))
    return "\n\n".join(parts)


def _name(shape: Shape) -> str:
    return f"{shape.features} → {shape.hidden} → {shape.outputs}, batch {shape.batch}"


def _difference(dear: Shape, cheap: Shape) -> str:
    return next(f"{n} {w}" for n, w in cheap._asdict().items() if w != getattr(dear, n))


def _middle(axes: dict[str, tuple[int, ...]]) -> Shape:
    return Shape(*(min(axes[name], key=lambda w: abs(w - at)) for name, at in LAID_THROUGH.items()))


def _lines_through_the_middle(times: Times, axes: dict[str, tuple[int, ...]]) -> str:
    middle = _middle(axes)
    marked = {dear for dear, _ in suspicious(times, axes)}
    parts = [f"time of a multiply-add, through {_name(middle)} (* marks a suspicious point)"]
    for name, widths in axes.items():
        shapes = [middle._replace(**{name: width}) for width in widths]
        rows = [
            (str(width), duration(cost(times, shape)), duration(times[shape]),
             "*" if shape in marked else "")
            for width, shape in zip(widths, shapes, strict=True)
        ]  # fmt: skip
        parts.append(table((name, "a multiply-add", "a step", ""), rows))
    return "\n\n".join(parts)


def draw(times: Times, axes: dict[str, tuple[int, ...]], path: Path) -> None:
    """A picture: a panel for each width, a line for each number of hidden units or batch."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    middle = _middle(axes)
    figure, panels = pyplot.subplots(2, 2, figsize=(12, 9), sharey=True)
    for panel, (name, widths) in zip(panels.flat, axes.items(), strict=True):
        other = "batch" if name == "hidden" else "hidden"
        for width in axes[other][:: max(1, len(axes[other]) // 6)]:
            shapes = [middle._replace(**{name: w, other: width}) for w in widths]
            costs = [1e12 * cost(times, shape) for shape in shapes]
            panel.loglog(widths, costs, marker=".", label=f"{other} {width}")
        panel.set(xlabel=name, ylabel="picoseconds a multiply-add")
        panel.grid(alpha=0.3)
        panel.legend(fontsize="small")
    figure.suptitle(f"one thread, float32; widths not shown: {_name(middle)}")
    figure.tight_layout()
    figure.savefig(path, dpi=120)

"""The figures of docs/explanation/lessons.md: prints the table, and draws the picture beside this file.

python docs/explanation/lessons.py          some seconds
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "measured"))

from study import planar  # noqa: E402

from shoal import Network  # noqa: E402
from shoal.pictures import canvas  # noqa: E402

SCALES = (0.01, 0.1, 1.0, 3.0, 10.0, 30.0)
SEEDS = range(15)
FLAT = {"tanh": 0.01, "sigmoid": 0.01 * 0.25}  # 1 % of the largest slope


def figures(activation, scale):
    """Share of flat pairs, mean slope, and median costs at the start, after 100 and 2,000 steps."""
    X, y = planar()
    X, Y = X.T, y[np.newaxis].astype(float)
    networks = [
        Network.initialise(2, 8, 1, seed=seed, scale=scale, activation=activation) for seed in SEEDS
    ]
    slopes = np.array([net.architecture.g.slope(net.forward(X).A1) for net in networks])
    costs = [[net.cost(X, Y) for net in networks]]
    for iterations in (100, 2000):
        trained = [
            net.descend(X, Y, learning_rate=0.5, iterations=iterations)[0] for net in networks
        ]
        costs.append([net.cost(X, Y) for net in trained])
    flat = (slopes < FLAT[activation]).mean()
    return [flat, slopes.mean(), *(np.median(each) for each in costs)]


if __name__ == "__main__":
    print("| g | scale | flat pairs | mean slope | J at first | after 100 | after 2,000 |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    figure = canvas.blank((6.4, 3.2))
    left, right = figure.subplots(1, 2)
    for activation in FLAT:
        found = np.array([figures(activation, scale) for scale in SCALES])
        for scale, (flat, slope, *costs) in zip(SCALES, found, strict=True):
            cells = " | ".join(f"{cost:.3f}" for cost in costs)
            print(f"| {activation} | {scale:g} | {flat:.0%} | {slope:.3f} | {cells} |")
        left.plot(SCALES, 100 * found[:, 0], "o-", label=activation)
        right.plot(SCALES, found[:, 3], "o-", label=f"{activation}, 100 steps")
        right.plot(SCALES, found[:, 4], "s--", label=f"{activation}, 2,000 steps")
    for axes, title in ((left, "flat (unit, example) pairs, %"), (right, "median cost")):
        axes.set_xscale("log")
        axes.set_xlabel("standard deviation of the draw")
        axes.set_title(title, fontsize=9)
        axes.legend(fontsize=7, frameon=False)
    right.set_yscale("log")
    right.set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    right.minorticks_off()
    figure.savefig(HERE / "lessons-scale.png", dpi=110)

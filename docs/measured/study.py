"""The studies of docs/measured/study.md: prints their tables, and draws their pictures beside this file.

python docs/measured/study.py          about two minutes on two cores
"""

from pathlib import Path

import numpy as np

from shoal import InitStudyDisplay, init_study
from shoal.diagnosis.study import DEFAULT
from shoal.pictures import canvas

HERE = Path(__file__).parent
FRESH = range(1000, 1100)  # seeds that no advice has seen


def planar(m=400, seed=1):
    """The flower of two colours of the planar exercise (Ng's course, week 3)."""
    random, half = np.random.RandomState(seed), m // 2
    X, y = np.zeros((m, 2)), np.repeat([0, 1], half)
    for j in range(2):
        t = np.linspace(j * 3.12, (j + 1) * 3.12, half) + random.randn(half) * 0.2
        r = 4 * np.sin(4 * t) + random.randn(half) * 0.2
        X[j * half : (j + 1) * half] = np.c_[r * np.sin(t), r * np.cos(t)]
    return X, y


def tangent(x):
    """The sign of tan x: four stretches of the line, by turns -1 and 1."""
    return x[:, np.newaxis], np.sign(np.tan(x))


def draw(study, kind, name):
    """Write docs/study-NAME.png."""
    figure = canvas.blank((6.4, 4.0))
    InitStudyDisplay(study).plot(kind=kind, ax=figure.subplots())
    figure.savefig(HERE / f"study-{name}.png", dpi=120)


def show(title, study):
    """Print the table of a study under a title."""
    print(f"\n{title}\n\n{study}", flush=True)
    return study


if __name__ == "__main__":
    even = (np.arange(200) + 0.5) / 200 * 2 * np.pi - np.pi  # no point where tan is 0 or endless
    drawn = np.random.RandomState(0).uniform(-np.pi, np.pi, 200)
    others = dict(zip(("X_val", "y_val"), planar(seed=2), strict=True))
    study = show("planar data", init_study(*planar(), **others))
    draw(study, "costs", "planar")
    advised = ["glorot", "he", 1.0, DEFAULT]
    show("the same, fresh seeds", init_study(*planar(), **others, schemes=advised, seeds=FRESH))
    show("sign of tan x, evenly spaced", init_study(*tangent(even), iterations=3_000))
    study = show("sign of tan x, evenly spaced", init_study(*tangent(even)))
    draw(study, "curves", "tangent")
    study = init_study(*tangent(drawn), iterations=3_000)
    show("sign of tan x, drawn at random", study)
    draw(study, "curves", "tangent-random")

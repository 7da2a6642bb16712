"""An experiment is a value with one link; toy data are functions of their seed."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from shoal.errors import SettingError
from shoal.lab import toys
from shoal.lab.experiment import CONTROLS, Experiment
from shoal.lab.waves import cosine, counted, sine

names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
numbers = st.floats(-1e6, 1e6).map(lambda v: v + 0.0)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "data": st.sampled_from([*toys.TOYS, "table"]),
        "rows": st.integers(10, 20_000),
        "points": st.lists(st.tuples(numbers, numbers, st.integers(0, 3)), max_size=4),
        "features": st.lists(names, max_size=4, unique=True),
        "axes": st.lists(names, max_size=2, unique=True),
        "held": st.lists(st.tuples(names, names), max_size=3, unique=True),
        "target": names,
        "hidden": st.integers(0, 64),
        "init": st.sampled_from(["auto", "zeros", 0.0, 0.25, 1e-7, 1000]),
        "learning_rate": st.sampled_from(["auto", 1e-9, 0.1, 1.2]),
        "alpha": st.floats(0, 1000) | st.just("evidence"),
        "loss": st.sampled_from(["auto", "squared_error", "poisson"]),
        "edits": st.lists(
            st.tuples(
                st.integers(0, 9), st.just("W1"), st.integers(0, 9), st.integers(0, 9), numbers
            ),
            max_size=3,
            unique=True,
        ),
        "hide": st.lists(st.sampled_from(CONTROLS), unique=True),
        "epoch": st.integers(0, 10_000),
    },
)


@given(CHANGES)
def test_a_link_is_its_experiment(changes):
    experiment = Experiment().changed(changes)
    assert Experiment.of(experiment.fragment) == experiment
    assert Experiment.of(f"http://127.0.0.1:9/?token=x#{experiment.fragment}") == experiment


def test_the_usual_experiment_has_an_empty_link():
    assert Experiment().fragment == ""
    assert Experiment.of("#") == Experiment()


@given(st.text(max_size=60))
def test_any_text_is_a_link_or_a_refusal(text):
    told = ""
    try:
        found = Experiment.of(f"#{text}")
    except SettingError as refusal:
        told = str(refusal)
    assert "expected" in told if told else Experiment.of(found.fragment) == found


def test_waves_are_those_of_the_library_to_rounding():
    x = np.linspace(-200, 200, 40_001)
    np.testing.assert_allclose(sine(x), np.sin(x), atol=3e-16)
    np.testing.assert_allclose(cosine(x), np.cos(x), atol=3e-16)


def test_toys_have_the_same_bits_everywhere():
    found = hashlib.sha256()
    for name in toys.TOYS:
        if name == "counts":  # it came later
            assert found.hexdigest()[:16] == "8967af6f67cf94c5"
        plane, y = toys.points(name, 101, 0.1, 7)
        found.update(plane.tobytes() + np.asarray(y, float).tobytes())
    assert found.hexdigest()[:16] == "fb36033ed6409825"


@pytest.mark.parametrize("rate", [0.0, 0.3, 2.0, 6.3, 20.0])
def test_counts_have_poissons_distribution(rate):
    n = 100_000
    found = np.bincount(
        counted(np.full(n, rate), (np.arange(n) + 0.5) / n).astype(int), minlength=60
    )
    np.testing.assert_allclose(found / n, poisson.pmf(np.arange(60), rate), atol=1.5 / n)


@pytest.mark.parametrize("name", toys.TOYS)
def test_a_toy_is_what_it_says(name):
    plane, y = toys.points(name, 240, 0.0, 1)
    assert np.abs(plane).max() <= toys.PLANE + 1
    if toys.TOYS[name].classes:
        assert np.bincount(y).min() > 30
        assert len(np.bincount(y)) == toys.TOYS[name].classes
    held, _ = toys.points(name, 240, 0.0, 1, validation=True)
    again, _ = toys.points(name, 240, 0.0, 1)
    assert (plane == again).all()
    if name not in ("moons", "spiral", "flower"):  # those lie evenly along their curves
        assert not (plane == held).all()


def test_the_flower_is_the_courses():
    plane, y = toys.points("flower", 400, 0.0)
    t = np.concatenate([np.linspace(j * 3.12, (j + 1) * 3.12, 200) for j in (0, 1)])
    r = 4 * np.sin(4 * t)
    course = np.c_[r * np.sin(t), r * np.cos(t)]
    far = [np.abs(course - point).sum(axis=1).min() for point in plane]
    assert max(far) < 0.2
    assert (np.abs(course - plane[y == 0][7]).sum(axis=1).argmin() < 200) == (y[y == 0][7] == 0)

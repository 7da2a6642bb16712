"""The lessons: every step leads to what its sentence says."""

import json
import re
from importlib.resources import files

import pytest

from shoal.errors import SettingError
from shoal.lab.experiment import Experiment
from shoal.lab.frames import accuracy
from shoal.lab.session import Session
from shoal.lab.stories import built_in, opened, plain, story_of
from shoal.lab.tables import Tables
from shoal.lab.trouble import trouble
from shoal.lab.units import units

from . import served

STEPS = [
    (name, number, step)
    for name, story in built_in().items()
    for number, step in enumerate(story.steps, 1)
]


def shown(name, number):
    """The session of a step, as it is when the page shows it."""
    step = built_in()[name].steps[number - 1]
    tables, experiment = Tables(), Experiment.of(step.link)
    if step.table:
        known = tables.open(str(files("shoal.lab") / "page" / step.table))
        experiment = experiment.changed({"table": known.digest})
    session = Session(experiment, tables)
    try:
        return session.wait(lambda view: view.position.place >= experiment.place, served.PATIENCE)
    finally:
        session.close()


@pytest.mark.parametrize(("name", "number", "step"), STEPS)
def test_every_step_is_one_short_sentence_about_something_that_is_there(name, number, step):
    assert len(re.findall(r"[.?!](?: |$)", step.say)) == 1
    assert step.look
    assert shown(name, number).position.ending == ""


def test_there_are_six_to_ten_steps():
    assert {name: 6 <= len(story.steps) <= 10 for name, story in built_in().items()} == {
        "gradient-descent": True, "random-initialisation": True, "your-own-table": True,
    }  # fmt: skip


def test_equal_units_stay_equal_and_random_ones_do_not():
    for number, states in ((1, "twin"), (2, "twin"), (3, "twin"), (4, "healthy"), (6, "saturated")):
        view = shown("random-initialisation", number)
        told = [each["state"] for each in units(view, (0, 1))["units"]]
        assert states in told, (number, told)
        assert number == 6 or set(told) == {states}
    assert trouble(shown("random-initialisation", 3)).startswith("2 of 2 units have the same")


@pytest.mark.parametrize(
    ("name", "number", "low", "high"),
    [
        ("random-initialisation", 8, 0.99, 1.0),
        ("random-initialisation", 9, 0.605, 0.615),
        ("random-initialisation", 10, 0.945, 0.955),
    ],
)
def test_the_figures_in_the_sentences_are_so(name, number, low, high):
    view = shown(name, number)
    found = accuracy(view.ready, view.position.state.parameters, view.ready.examples)
    assert low <= found <= high


def test_the_table_leaks_and_overfits_as_told():
    leaking = shown("your-own-table", 2)
    found = accuracy(leaking.ready, leaking.position.state.parameters, leaking.ready.validation)
    assert round(100 * found) == 94
    wide = shown("your-own-table", 6)
    assert wide.curve[-1].loss < 0.05 < 0.5 < wide.curve[-1].validation
    assert "overfitting" in [each["name"] for each in units(wide, (0, 1))["findings"]]
    calm = shown("your-own-table", 7)
    assert abs(calm.curve[-1].loss - calm.curve[-1].validation) < 0.05


def test_a_teacher_writes_one(tmp_path):
    path = tmp_path / "My Lesson 1.json"
    path.write_text(json.dumps({"title": "Mine", "steps": [{"say": "Look.", "link": "data=xor"}]}))
    name, story = opened(str(path))
    assert name == "my-lesson-1"
    (told,) = plain({name: story})
    assert told["title"] == "Mine"
    assert list(told["steps"]) == [{"say": "Look.", "link": "data=xor"}]
    with pytest.raises(SettingError, match=r"nested too deeply|not JSON"):
        story_of('{"steps": ' + "[" * 100_000, "deep.json")

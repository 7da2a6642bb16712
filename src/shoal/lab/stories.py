"""Guided stories: steps of one sentence each, with a link to what is then on the screen.

    {"title": "…", "steps": [{"say": "One sentence.", "link": "data=xor&hidden=2", "do": "play",
                              "look": ["network", "[8]"], "table": "voyages.csv"}, …]}

`link` is an experiment, without `story` and `at`. `do` begins the training; `look` marks parts of the
page; `table` is a table of this package that the link is about. The schema is strict: an unknown
name is refused, and an error names the step.
"""

import json
import os
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated, Any, Literal

import msgspec

from shoal.errors import SettingError
from shoal.lab.experiment import MOST_NAME, MOST_STEPS, STORY, TABLE, Experiment

MOST_BYTES = 256 << 10
LOOK = (
    "network", "plane", "loss", "play", "step", "trouble", "data", "features", "hidden", "initialisation",
    "learning-rate", "starts", "units", "diagnosis", "update", "figures",
    *(f"[{k}]" for k in range(1, 11)), "J",
)  # fmt: skip
TABLES = ("voyages.csv",)

Sentence = Annotated[str, msgspec.Meta(min_length=1, max_length=240)]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One sentence, and what is on the screen."""

    say: Sentence
    link: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    do: Literal["", "play"] = ""
    look: Annotated[tuple[str, ...], msgspec.Meta(max_length=6)] = ()
    table: str = ""


class Story(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A title and the steps."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1, max_length=MOST_STEPS)]


def built_in() -> dict[str, Story]:
    """The stories of the package, by the names that links give them."""
    folder = files("shoal.lab") / "lessons"
    names = ("gradient-descent", "random-initialisation", "your-own-table")
    return {
        name: story_of((folder / f"{name}.json").read_text(encoding="utf-8"), f"{name}.json")
        for name in names
    }


def is_story(path: str) -> bool:
    """Whether a file is a story and no table: a JSON object with steps."""
    if not path.lower().endswith(".json") or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        head = file.read(MOST_BYTES)
    return head.lstrip().startswith(b"{") and b'"steps"' in head


def opened(path: str) -> tuple[str, Story]:
    """A teacher's own story: its name in links, and the story. Raises SettingError."""
    name = os.path.basename(path)
    with open(path, "rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise SettingError(f"{name}: a story has at most {MOST_BYTES >> 10} KiB.")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise SettingError(f"{name}: byte {error.start} is not UTF-8: save it as UTF-8.") from None
    short = re.sub(r"[^a-z0-9]+", "-", os.path.splitext(name)[0].lower()).strip("-")[:MOST_NAME]
    return short or "story", story_of(text, name)


def story_of(text: str, name: str) -> Story:
    """A story, checked to its last link. Raises SettingError that names the step."""
    try:
        plain = json.loads(text)
    except RecursionError:
        raise SettingError(f"{name}: it is nested too deeply.") from None
    except ValueError as error:
        raise SettingError(f"{name}: it is not JSON: {error}.") from None
    try:
        story: Story = msgspec.convert(plain, Story)
    except msgspec.ValidationError as error:
        raise SettingError(f"{name}: {_in_words(str(error))}") from None
    for number, step in enumerate(story.steps, 1):
        try:
            _check(step)
        except SettingError as error:
            raise SettingError(f"{name}, step {number}: {error}") from None
    return story


def _check(step: Step) -> None:
    unknown = [place for place in step.look if place not in LOOK]
    if unknown:
        raise SettingError(f'look: expected some of {", ".join(LOOK)}, found "{unknown[0][:40]}".')
    if step.table and step.table not in TABLES:
        raise SettingError(
            f'table: expected one of {", ".join(TABLES)}, found "{step.table[:40]}".'
        )
    experiment = Experiment.of(step.link)
    if any(getattr(experiment, field) != getattr(Experiment(), field) for field in STORY):
        raise SettingError("link: expected an experiment alone, without story and at.")
    if (experiment.data == TABLE) != bool(step.table or experiment.table):
        raise SettingError("link: expected data=table with a table, and a table with data=table.")


def plain(stories: Mapping[str, Story]) -> list[dict[str, Any]]:
    """Plain data, for the page."""
    return [{"name": name, **msgspec.to_builtins(story)} for name, story in stories.items()]


def _in_words(message: str) -> str:
    """The words of msgspec, with steps counted from 1, as the page does."""
    message = re.sub(r" - at `\$\.?(.*)`$", r", in \1", message, flags=re.DOTALL)
    message = re.sub(r"\[(\d+)\]", lambda found: f" {int(found[1]) + 1}", message, count=1)
    return message[:1].lower() + message[1:300].replace("`", '"') + "."

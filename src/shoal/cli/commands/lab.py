"""`shoal lab`: open the laboratory, or train the network of a link."""

import html
import importlib
import os
import tempfile
import webbrowser
from collections.abc import Mapping
from pathlib import Path

from shoal.cli.endings import TERMINATED, exit_code
from shoal.cli.refuse import refuse_name_of_model, refuse_output
from shoal.cli.screen.printing import note, print_json
from shoal.cli.screen.screen import Screen
from shoal.compute.pool import NO_THREADS, startable
from shoal.data.read.file_options import FileOptions
from shoal.errors import SettingError, ShoalError
from shoal.lab.experiment import Experiment
from shoal.lab.steps import reached
from shoal.lab.stories import Story, is_story, opened
from shoal.lab.tables import Known, Tables
from shoal.lab.takeaway import model_of
from shoal.lab.training import prepare

PORTS = 65_535
THREADS_OF_A_SERVER = 4  # of each page a listener, and some that wait for its process


def lab(
    things: list[str], *, chosen: Mapping[str, str], port: int, browser: bool, output: str | None, as_json: bool,
    files: FileOptions = FileOptions(),  # noqa: B008
) -> None:  # fmt: skip
    """Open the page of an experiment; with `output` train it here and save it.

    `chosen` are fields of the experiment that options name, "" where one is not given.
    """
    target = chosen["target"]
    story, table, link = _told_apart(things)
    if not 0 <= port <= PORTS:
        raise SettingError(f"--port {port}: expected a number from 0 (any) to {PORTS:,}.")
    if target and table is None:
        raise SettingError(f"--target {target}: expected a TABLE too, with that column.")
    refuse_name_of_model(output)
    refuse_output(output, (table,))
    tables = Tables()
    own = [opened(story)] if story else []
    if story and not link:
        link = _first(*own[0])
    experiment = Experiment.of(link)  # a bad link is reported before a table is read
    if table is not None:
        experiment = _about(link, tables.open(table, target, files))
    experiment = experiment.changed({name: value for name, value in chosen.items() if value})
    if table is not None or not experiment.table:  # else the page asks for the table
        prepare(experiment, tables)  # errors are reported here, not on the page
    if output is None:
        _serve(experiment, tables, port, browser, as_json, dict(own))
        return
    _train(experiment, tables, output, as_json)


def _first(name: str, story: Story) -> str:
    """The link of a story's first step; a table of the package is brought by the page."""
    step = story.steps[0]
    experiment = Experiment.of("" if step.table else step.link)
    return "#" + experiment.changed({"story": name}).fragment


def _told_apart(things: list[str]) -> tuple[str | None, str | None, str]:
    links = [
        thing
        for thing in things
        if "#" in thing
        and not (thing.lower().endswith((".csv", ".parquet")) or os.path.exists(thing))
    ]
    stories = [thing for thing in things if is_story(thing)]
    tables = [thing for thing in things if thing not in (*links, *stories)]
    if len(links) > 1 or len(tables) > 1 or len(stories) > 1:
        raise SettingError(
            "expected at most one TABLE, one LESSON.json and one LINK (which has a #)."
        )
    return next(iter(stories), None), next(iter(tables), None), next(iter(links), "")


def _about(link: str, known: Known) -> Experiment:
    experiment = Experiment.about(link, known.digest)
    if experiment.table != known.digest:
        note(
            f"the link is about a table with hash {experiment.table}, and {known.name} has "
            f"{known.digest}: another table, or changed since."
        )
    return experiment.changed({"table": known.digest})


def _train(experiment: Experiment, tables: Tables, output: str, as_json: bool) -> None:
    ready = prepare(experiment, tables)
    position = reached(ready, experiment.place)
    model = model_of(ready, position)
    model.save(output)
    screen = Screen.of(as_json)
    more = f" and {position.step:,} of {ready.steps:,} steps" if position.step else ""
    screen.line("trained", f"{position.epoch:,} epochs{more}")
    screen.line("saved", f"{output}     fingerprint {model.fingerprint_}")
    screen.done()
    if as_json:
        done = {"epochs": position.epoch, "steps": position.step}
        print_json({"model": output, **done, "fingerprint": model.fingerprint_})


def _door(folder: str, address: str) -> str:
    """A page that redirects to the address: other users can see a program's arguments."""
    path = Path(folder) / "open.html"
    path.write_text(f'<meta http-equiv="refresh" content="0;url={html.escape(address)}">\n')
    return path.as_uri()  # in a folder that only its owner can read


def _serve(
    experiment: Experiment, tables: Tables, port: int, browser: bool, as_json: bool,
    stories: Mapping[str, Story],
) -> None:  # fmt: skip
    try:
        served = importlib.import_module("shoal.lab.server")
    except ImportError as error:
        raise SettingError(
            f"the laboratory needs a web server, which cannot be imported ({error}). Install it: "
            "pip install 'shoal[lab]'"
        ) from None
    if startable(THREADS_OF_A_SERVER) < THREADS_OF_A_SERVER:
        raise ShoalError(f"the laboratory needs threads, and {NO_THREADS}")
    server = served.Server(tables, opening=experiment.fragment, port=port, stories=stories)
    address = f"{server.address}#{experiment.fragment}".removesuffix("#")

    def ready() -> None:
        screen = Screen.of(as_json)
        screen.line("laboratory", address)
        screen.line("", "open it on this machine; Ctrl-C ends it")
        screen.done()
        if as_json:
            print_json({"address": address})
        if browser:
            webbrowser.open(_door(folder, address))

    try:
        with tempfile.TemporaryDirectory(prefix="shoal-lab-") as folder:
            server.run(ready)
    except KeyboardInterrupt as interruption:
        if exit_code(interruption) == TERMINATED:
            raise
        note("the laboratory is closed.")

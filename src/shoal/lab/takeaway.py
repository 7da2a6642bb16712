"""What can be taken away: the model, and the Python and the command that repeat the screen."""

import dataclasses
import os
import shlex
import tempfile
import textwrap
import warnings
from typing import Any

import numpy as np

from shoal.data.rows.target import CLASSIFICATION
from shoal.errors import ShoalWarning
from shoal.estimators.fitted import Fitted
from shoal.estimators.learnt import fingerprint as fingerprint_of
from shoal.lab.experiment import STORY, TABLE, Experiment
from shoal.lab.steps import Position, batch_of, reached
from shoal.lab.tables import Tables
from shoal.lab.training import Ready, estimator_of, prepare, settings_of
from shoal.training.network import Network


def repeat(link: str, table: str | None = None) -> Any:
    """Train what a link of the laboratory shows, and return the ordinary estimator.

    `link` is what stands after # in the page's address; `table` is the file, if the link is
    about one. The fingerprint is the one on the screen. Raises SettingError or DataError.

    >>> repeat("#data=xor&epoch=50").n_iter_
    50
    """
    return model_of(*_reached(link, table))


def lecture(link: str, table: str | None = None) -> tuple[Network, Any, Any]:
    """The network of a link, with X and Y as the lecture has them: one column is one example.

    X and Y are what the next step takes: all rows for gd, lbfgs and lm, a mini-batch for sgd and adam.

    >>> net, X, Y = lecture("#data=xor&epoch=50")
    >>> net, X.shape, Y.shape
    (Network(n_x=2, n_h=4, n_y=1, tanh → sigmoid, 17 parameters, float64), (2, 300), (1, 300))
    """
    ready, position = _reached(link, table)
    X, Y, _ = batch_of(ready, position.place).columns(ready.shape.n_y)
    return ready.network(position.state.parameters), X, Y


def _reached(link: str, table: str | None) -> tuple[Ready, Position]:
    tables = Tables()
    experiment = (
        Experiment.of(link) if table is None else Experiment.about(link, tables.open(table).digest)
    )
    ready = prepare(experiment, tables)
    return ready, reached(ready, experiment.place)


def model_of(ready: Ready, position: Position) -> Any:
    """The ordinary estimator with the network on the screen, fitted by its own `fit`.

    Where `fit` alone does not lead there (weights were changed by hand, or an epoch is under way
    or none done, or the loss went uphill, of which fit keeps the best epoch), it gets the
    screen's network.
    """
    question = ready.question
    model = estimator_of(ready.experiment, question.task, position.epoch)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)  # the page tells the diagnosis
        model.fit(question.X, question.y)
    network = ready.network(position.state.parameters)
    if model.networks_[0] != network:
        model._keep(model.fitted_.replaced(networks=(network,)))
    if question.asked is not None:
        model._keep(_with_target(ready, position, model.fitted_))
    return model


def _with_target(ready: Ready, position: Position, fitted: Fitted) -> Fitted:
    """The fitted model, which also knows what it predicts: `evaluate` and `inspect` read it."""
    question = ready.question
    assert question.asked is not None
    table, target, reason, _, written = question.asked
    record = {
        "target": target,
        "task": question.task,
        "reason": reason,
        "table": table,
        "rows": ready.examples.m,
        "test_rows": 0,
        "command": ["shoal", "lab", table, link_of(ready, position)],
        "scores": [],
    }
    inputs = dataclasses.replace(fitted.inputs, written={**fitted.inputs.written, **written})
    return fitted.replaced(record=record, inputs=inputs)


def file_of(ready: Ready, position: Position) -> bytes:
    """The bytes of the `.shoal` file of the network on the screen."""
    with tempfile.TemporaryDirectory(prefix="shoal-lab-") as folder:
        path = os.path.join(folder, "model.shoal")
        model_of(ready, position).save(path)
        with open(path, "rb") as file:
            return file.read()


def fingerprint(ready: Ready, position: Position) -> str:
    """The fingerprint of the network on the screen."""
    return fingerprint_of([ready.network(position.state.parameters)])


def link_of(ready: Ready, position: Position) -> str:
    """What opens this screen again, in the view that trains."""
    usual = {name: getattr(Experiment(), name) for name in ("view", *STORY)}
    shown = {"epoch": position.epoch, "step": position.step, **usual}
    return "#" + ready.experiment.changed(shown).fragment


def command(ready: Ready, position: Position, name: str = "") -> str:
    """The command line that trains this and saves it."""
    link = link_of(ready, position)
    if name.startswith("-"):  # a file, and no option
        name = f"./{name}"
    table = [shlex.quote(name)] if name else []
    return " ".join(["shoal lab", *table, shlex.quote(link), "-o model.shoal"])


def python(ready: Ready, position: Position, name: str = "") -> str:
    """The Python that trains this; printed in the end is the screen's fingerprint."""
    experiment = ready.experiment
    word = fingerprint(ready, position)
    if experiment.edits or position.step or not position.epoch or position.ending == "diverged":
        return _by_link(ready, position, name, word)
    lines = _own(ready, name) if experiment.data == TABLE else _toy(ready)
    kind = "ShoalClassifier" if ready.question.task == CLASSIFICATION else "ShoalRegressor"
    settings = settings_of(experiment, position.epoch)
    wrapped = textwrap.wrap(", ".join(f"{name}={value!r}" for name, value in settings.items()), 76)
    return "\n".join(
        [
            *lines,
            f"model = shoal.{kind}(",
            *(f"    {line}" for line in wrapped),
            ").fit(X, y)",
            f"print(model.fingerprint_)  # {word}",
        ]
    )


def _by_link(ready: Ready, position: Position, name: str, word: str) -> str:
    link = link_of(ready, position)
    table = f", {name!r}" if name else ""
    return "\n".join(
        [
            "from shoal.lab import repeat",
            "",
            f"model = repeat({link!r}{table})",
            f"print(model.fingerprint_)  # {word}",
        ]
    )


def _toy(ready: Ready) -> list[str]:
    e = ready.experiment
    lines = ["import shoal", "from shoal.lab.toys import features, points", ""]
    lines.append(f"plane, y = points({e.data!r}, {e.rows}, {e.noise / 100!r}, {e.data_seed})")
    if e.points:
        lines[:1] = ["import numpy as np", "import shoal"]
        places = [[p.x1, p.x2] for p in e.points]
        classes = ready.question.task == CLASSIFICATION
        values = [int(p.y) if classes else p.y for p in e.points]
        lines.append(f"plane, y = np.vstack([plane, {places}]), np.append(y, {values})")
    lines.append(f"X = features(plane, {list(ready.question.used)!r})")
    return lines


def _own(ready: Ready, name: str) -> list[str]:
    question, link = ready.question, link_of(ready, Position(0, ready.first))
    return [
        "import shoal",
        "from shoal.lab.takeaway import data_of",
        "",
        f"X, y = data_of({link!r}, {name!r})  # {len(question.y):,} rows for training",
    ]


def data_of(link: str, table: str) -> tuple[Any, Any]:
    """The training rows of a link about a table: what an estimator's `fit` is given."""
    question = _reached(link, table)[0].question
    return question.X, question.y

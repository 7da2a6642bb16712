"""An experiment made ready for training, as the ordinary estimator would be.

What is prepared here is what `fit` prepares, by the same functions: the same draw, the same
rule, the same order of the rows. So after n epochs the parameters have the bits, and the
fingerprint, of an estimator with `settings_of` fitted with max_iter=n.
"""

from typing import Any, NamedTuple

import numpy as np

from shoal.compute.engine import threads
from shoal.compute.steps import Rule, State, Vector
from shoal.compute.terms import InMemory
from shoal.data.rows.examples import Examples, Matrix
from shoal.data.rows.target import CLASSIFICATION
from shoal.errors import SettingError
from shoal.estimators.automatic import plan_of
from shoal.estimators.base import settings_of as checked_settings_of
from shoal.estimators.classifier import ShoalClassifier
from shoal.estimators.fitted import Fitted
from shoal.estimators.prepare import ArrayFeed
from shoal.estimators.prepare import prepare as prepare_fit
from shoal.estimators.regressor import ShoalRegressor
from shoal.estimators.starts import begin, parameters_of
from shoal.estimators.targets import first_biases
from shoal.lab.experiment import MATRICES, TABLE, Edit, Experiment
from shoal.lab.question import Question, question_of
from shoal.lab.tables import Tables
from shoal.network.architecture import Architecture
from shoal.settings import POISSON
from shoal.training.network import Network

MOST_PARAMETERS = 100_000  # of a network that is drawn
SIDE, MAP = 120, 24  # points along the plane: of the surface, of a unit's map


class Ready(NamedTuple):
    """An experiment that can be trained: everything `fit` would have prepared."""

    experiment: Experiment
    question: Question
    learnt: Fitted  # columns and targets, without networks
    shape: Architecture
    examples: Examples
    validation: Examples | None
    rule: Rule
    first: State
    inputs: tuple[str, ...]  # names of the network's inputs
    surface: Matrix  # SIDE × SIDE places in the plane, rows from the top
    maps: Matrix  # MAP × MAP

    @property
    def linear(self) -> bool:
        """Whether there is no hidden layer."""
        return not self.shape.n_h

    @property
    def steps(self) -> int:
        """The steps of an epoch: 1 where each takes all rows."""
        return -(-self.examples.m // (self.rule.batch_size or self.examples.m))

    def network(self, vector: Vector) -> Network:
        """The lecture's object with these parameters."""
        shape = self.shape
        return Network(*shape.unflatten(vector), activation=shape.activation, output=shape.output)


def settings_of(experiment: Experiment, epochs: int) -> dict[str, Any]:
    """The parameters of the ordinary estimator that trains so: exactly this many epochs."""
    own = experiment.data == TABLE
    return {
        "hidden": experiment.hidden,
        "activation": experiment.activation,
        "init": experiment.init,
        "solver": experiment.solver,
        "learning_rate": experiment.learning_rate,
        "batch_size": experiment.batch_size,
        "max_iter": max(epochs, 1),
        "alpha": experiment.alpha,
        "members": 1,
        "early_stopping": False,
        "n_iter_no_change": max(epochs, 1),
        "tol": 0.0,
        **({"encode": "auto", "bins": 0} if own else {"encode": None}),
        **({"loss": POISSON} if experiment.counts else {}),
        "dtype": "float64",
        "random_state": experiment.seed,
    }


def estimator_of(experiment: Experiment, task: str, epochs: int) -> Any:
    """The estimator, not yet fitted."""
    kind = ShoalClassifier if task == CLASSIFICATION else ShoalRegressor
    return kind(**settings_of(experiment, epochs))


def prepare(experiment: Experiment, tables: Tables) -> Ready:
    """Do all that `fit` does before its first epoch. Raises DataError or SettingError."""
    question = question_of(experiment, tables)
    model = estimator_of(experiment, question.task, 1)
    s, who = checked_settings_of(model), type(model).__name__
    feed = ArrayFeed(question.X, question.y, None, s, who)
    prepared = prepare_fit(s, feed, model._targets, who)
    shape = prepared.architecture
    learnt = Fitted(s, prepared.inputs, prepared.targets, ())
    if shape.n_parameters > MOST_PARAMETERS:
        raise SettingError(
            f"hidden: {shape.n_x:,} inputs and {shape.n_h} units make {shape.n_parameters:,} "
            f"weights, more than the {MOST_PARAMETERS:,} that can be shown. Choose fewer units or columns."
        )
    examples = feed.examples(prepared.inputs)
    validation = None
    if question.X_val is not None:
        validation = learnt.examples(question.X_val, question.y_val)
    inputs = tuple(prepared.inputs.features) if prepared.inputs.encoding else question.used
    ready = Ready(
        experiment, question, learnt, shape, examples, validation,
        plan_of(s, shape.output, examples.m, experiment.seed).rule,
        begin(parameters_of(s, shape, 0, experiment.seed, first_biases(prepared.targets)), s.solver),
        inputs,
        _grid(experiment, question, learnt, SIDE), _grid(experiment, question, learnt, MAP),
    )  # fmt: skip
    refuse_step("step", ready, experiment.step)
    for edit in experiment.edits:
        refuse_edit(ready, edit)
    return ready


def _grid(experiment: Experiment, question: Question, learnt: Fitted, side: int) -> Matrix:
    """Places in the plane as the network's inputs, rows from the top."""
    plane = question.plane
    x1, x2 = np.linspace(*plane.x1, side), np.linspace(*plane.x2[::-1], side)
    rows = question.rows_at(np.tile(x1, side), np.repeat(x2, side), experiment)
    return learnt.matrix(rows)


def refuse_step(name: str, ready: Ready, step: int) -> None:
    """Raise SettingError for a step that an epoch does not have."""
    if step >= ready.steps:
        raise SettingError(
            f"{name}: expected less than {ready.steps}, the steps of an epoch, found {step}."
        )


def refuse_edit(ready: Ready, edit: Edit) -> None:
    """Raise SettingError for an edit of an entry, or at a step, that is not there."""
    refuse_step("edits", ready, edit.step)
    rows, columns = ready.shape.shapes[MATRICES.index(edit.matrix)]
    if edit.row >= rows or edit.column >= columns:
        raise SettingError(
            f"edits: {edit.matrix} has shape {(rows, columns)}, and no entry ({edit.row}, {edit.column})."
        )


def loss_of(ready: Ready, vector: Vector, examples: Examples | None) -> float | None:
    """The mean loss on some examples, without the penalty."""
    if examples is None:
        return None
    total = InMemory(examples).sums(ready.shape, vector, threads(), gradients=False)
    loss = total.loss / total.weight
    return float(loss) if np.isfinite(loss) else None

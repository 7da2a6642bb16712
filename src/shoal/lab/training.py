"""The training of an experiment: the ordinary estimator's, epoch for epoch, in short calls.

What is prepared here is what `fit` prepares, by the same functions: the same draw, the same
rule, the same order of the rows. So after n epochs the parameters have the bits, and the
fingerprint, of an estimator with `settings_of` fitted with max_iter=n.
"""

from typing import Any, NamedTuple

import numpy as np

from shoal.compute.builds import Stop
from shoal.compute.engine import threads
from shoal.compute.steps import Budget, Rule, State, Vector
from shoal.compute.terms import InMemory
from shoal.data.examples import Examples, Matrix
from shoal.data.target import CLASSIFICATION
from shoal.errors import SettingError
from shoal.estimators.base import check
from shoal.estimators.classifier import ShoalClassifier
from shoal.estimators.reading import (
    examples_of,
    learn_encoding,
    matrix_of,
    read,
    validation_of,
)
from shoal.estimators.regressor import ShoalRegressor
from shoal.estimators.settings import plan_of
from shoal.estimators.starts import begin, parameters_of
from shoal.lab.experiment import MATRICES, TABLE, Edit, Experiment
from shoal.lab.question import Question, question_of
from shoal.lab.tables import Tables
from shoal.network.architecture import Architecture
from shoal.training import lbfgs
from shoal.training.network import Network

MOST_PARAMETERS = 100_000  # of a network that is drawn
SIDE, MAP = 120, 24  # points along the plane: of the surface, of a unit's map


class Ready(NamedTuple):
    """An experiment that can be trained: everything `fit` would have prepared."""

    experiment: Experiment
    question: Question
    model: Any  # the estimator, with its encoding and targets learnt, without networks
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

    def network(self, vector: Vector) -> Network:
        """The lecture's object with these parameters."""
        shape = self.shape
        return Network(*shape.unflatten(vector), activation=shape.activation, output=shape.output)


class Standing(NamedTuple):
    """Where a training stands."""

    epoch: int
    state: State
    ending: str = ""  # "diverged", "converged" or "failed" when there is nothing to go on with


def settings_of(experiment: Experiment, epochs: int) -> dict[str, Any]:
    """The parameters of the ordinary estimator that trains so: exactly so many epochs."""
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
    check(model)
    table = read(model, question.X, reset=True)
    targets = model._learn_targets(question.y, None)
    matrix = learn_encoding(model, table, None)
    model.n_outputs_, model.out_activation_ = model._outputs()
    shape = Architecture(
        matrix.shape[1], model.hidden, model.n_outputs_, model.activation, model.out_activation_
    )
    if shape.n_parameters > MOST_PARAMETERS:
        raise SettingError(
            f"hidden: {shape.n_x:,} inputs and {shape.n_h} units make {shape.n_parameters:,} "
            f"weights, more than the {MOST_PARAMETERS:,} that can be shown. Choose fewer units or columns."
        )
    for edit in experiment.edits:
        refuse_edit(shape, edit)
    examples = examples_of(model, matrix, targets)
    validation = None
    if question.X_val is not None:
        validation = validation_of(model, question.X_val, question.y_val, None)
    inputs = tuple(model.encoding_.features) if model.encoding_ else question.used
    return Ready(
        experiment, question, model, shape, examples, validation,
        plan_of(model, examples.m, experiment.seed).rule,
        begin(parameters_of(model, shape, 0, experiment.seed), model.solver), inputs,
        _grid(experiment, question, model, SIDE), _grid(experiment, question, model, MAP),
    )  # fmt: skip


def _grid(experiment: Experiment, question: Question, model: Any, side: int) -> Matrix:
    """Places in the plane as the network's inputs, rows from the top."""
    plane = question.plane
    x1, x2 = np.linspace(*plane.x1, side), np.linspace(*plane.x2[::-1], side)
    rows = question.rows_at(np.tile(x1, side), np.repeat(x2, side), experiment)
    matrix: Matrix = matrix_of(model, read(model, rows, reset=False))
    return matrix


def beginning(ready: Ready) -> Standing:
    """Where every training of this experiment begins, to the bit."""
    return edited(ready, Standing(0, ready.first))


def advance(ready: Ready, standing: Standing, epochs: int, stop: Stop | None = None) -> Standing:
    """Where it stands so many epochs later, or at the next edit if that comes sooner.

    Interrupted by `stop`, it stands where it stood.
    """
    later = [edit.epoch for edit in ready.experiment.edits if edit.epoch > standing.epoch]
    n = min([epochs, *(epoch - standing.epoch for epoch in later)])
    terms, state = InMemory(ready.examples), standing.state
    # L-BFGS ends where no step leads down; the others go on for ever, as in a fit with tol=0.
    descends = ready.rule.solver == "lbfgs"
    budget = Budget(standing.epoch, n, converged=0.0 if descends else -1.0)
    call = (ready.shape, ready.rule, budget)
    if descends:
        outcome = lbfgs.iterate(*call, terms, state, threads(), stop)
    else:
        outcome = terms.train(*call, state, threads(), stop)
    if outcome.ending == "interrupted":
        return standing
    if outcome.ending == "diverged":
        state = outcome.state._replace(parameters=outcome.state.best)
        return Standing(standing.epoch + len(outcome.losses), state, "diverged")
    done = standing.epoch + len(outcome.losses)
    return edited(ready, Standing(done, outcome.state, outcome.ending.replace("finished", "")))


def edited(ready: Ready, standing: Standing) -> Standing:
    """The same with the weights that were changed by hand at this epoch.

    The solver's memory starts anew from them, as it belongs to the way that led elsewhere.
    """
    edits = [edit for edit in ready.experiment.edits if edit.epoch == standing.epoch]
    if not edits:
        return standing
    vector = standing.state.parameters.copy()
    parameters = ready.shape.unflatten(vector)
    for edit in edits:
        getattr(parameters, edit.matrix)[edit.row, edit.column] = edit.value
    return standing._replace(state=begin(vector, ready.model.solver))


def refuse_edit(shape: Architecture, edit: Edit) -> None:
    """Raise SettingError for an edit of an entry that is not there."""
    rows, columns = shape.shapes[MATRICES.index(edit.matrix)]
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

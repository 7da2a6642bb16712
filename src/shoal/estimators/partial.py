"""`partial_fit`: one epoch over the given rows, from where the last call ended.

The first call learns what a fit learns before its first epoch: columns and their encoding,
classes or the size of the targets, the members and their draws. Every call goes on with the
same optimisers, in an order of the rows that follows from the seed and the number of epochs.
"""

import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.compute.builds import Stop
from shoal.compute.engine import threads as threads_of
from shoal.compute.steps import Budget
from shoal.compute.terms import InMemory
from shoal.diagnosis.findings import Diagnosis, Finding
from shoal.errors import DataError, SettingError, ShoalWarning
from shoal.estimators.fitted import keep
from shoal.estimators.members import first_states, go_on, refuse_what_cannot_fit
from shoal.estimators.reading import (
    check_lengths,
    examples_of,
    learn_encoding,
    matrix_of,
    read,
    weights_of,
)
from shoal.estimators.settings import architecture_of, plan_of
from shoal.estimators.starts import begin
from shoal.training.loop import Report, Trained
from shoal.training.members import train_all

if TYPE_CHECKING:
    from shoal.estimators.base import ShoalBase

SOLVERS = ("adam", "sgd")
NOT_LOOKED_AT = Finding(
    "not-looked-at",
    "warning",
    "partial_fit does not diagnose, as it sees some rows only.",
    "Ask with shoal.diagnose(model, X, y).",
    {},
    {},
)


def goes_on(model: "ShoalBase") -> bool:
    """Whether the estimator has `partial_fit`: its solver takes some rows at a time."""
    if model.solver not in SOLVERS:
        raise AttributeError(
            f"partial_fit is for solver adam or sgd, not {model.solver!r}, which takes all rows "
            "at every step. Use fit, with warm_start=True to go on."
        )
    return True


def one_epoch(model: "ShoalBase", X: Any, y: Any, sample_weight: Any, classes: Any = None) -> None:
    """Train every member on these rows once; the estimator's settings are checked already."""
    _refuse(model)
    first = not hasattr(model, "networks_")
    if y is None:
        raise DataError(
            f"{type(model).__name__} requires y to be passed, but the target y is None."
        )
    table = read(model, X, reset=first)
    weights = weights_of(sample_weight, table)
    model._check_classes(y, classes, first=first)
    targets = model._learn_targets(y, weights, classes) if first else model._targets(y, weights)
    check_lengths(len(table), targets, "y")
    matrix = learn_encoding(model, table, weights) if first else matrix_of(model, table)
    examples = examples_of(model, matrix, targets)
    if first:
        model.n_outputs_, model.out_activation_ = model._outputs()
    architecture = architecture_of(model, matrix.shape[1])
    if first:
        seeds, states = first_states(model, architecture, examples.m)
        refuse_what_cannot_fit(model, architecture, len(states))
        curves: list[list[float]] = [[] for _ in states]
        epoch = 0
    else:
        seeds, states = model.member_seeds_, go_on(model, architecture)
        curves, epoch = model.loss_curves_, model.n_iter_

    def job(i: int, threads: int, stop: Stop, report: Callable[[Report], None] | None) -> Trained:
        began = time.perf_counter()
        # Of these epochs none is the last: no rate that falls towards one.
        rule = plan_of(model, examples.m, seeds[i]).rule._replace(horizon=0)
        # Other rows have other losses: which of them was the lowest says nothing.
        state = states[i]._replace(best_loss=np.inf, waited=0)
        outcome = InMemory(examples).train(
            architecture, rule, Budget(epoch, 1), state, threads, stop
        )
        after = outcome.state
        if outcome.ending == "diverged":
            after = begin(state.parameters, model.solver)
        losses = (*curves[i], *outcome.losses.tolist())
        return Trained(
            after.parameters, after, losses, (), outcome.ending, len(losses),
            time.perf_counter() - began, outcome.interruption,
        )  # fmt: skip

    trained = train_all(
        [lambda *a, i=i: job(i, *a) for i in range(len(states))], threads_of(model.n_jobs)
    )
    for member in trained:
        if member.ending == "interrupted":  # then nothing has happened
            raise member.interruption or KeyboardInterrupt
    model.member_seeds_ = seeds
    keep(model, architecture, trained)
    model.n_iter_ = epoch + 1
    model.diagnosis_ = Diagnosis(
        (NOT_LOOKED_AT,), architecture.n_h * len(model.networks_), len(model.networks_)
    )
    if "diverged" in model.endings_:
        warnings.warn(
            "the loss was no number any more: the network before this call is kept, and its "
            "optimiser begins anew. Use a lower learning_rate, or look at the rows.",
            ShoalWarning,
            stacklevel=3,
        )


def _refuse(model: "ShoalBase") -> None:
    if model.early_stopping is True or model.scoring is not None:
        raise SettingError(
            "partial_fit goes over the rows once and stops there: expected early_stopping "
            '"auto" or False, and no scoring.'
        )
    if model.checkpoint:
        raise SettingError("partial_fit keeps no checkpoint: save the model instead.")
    if getattr(model, "class_weight", None) == "balanced":
        raise SettingError(
            'class_weight="balanced" would weigh each call\'s rows by themselves. Give partial_fit '
            "a dict of weights, or sample_weight."
        )

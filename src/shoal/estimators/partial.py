"""`partial_fit`: one epoch over the given rows, continuing from the last call.

The first call learns what a fit learns before its first epoch: columns and their encoding,
classes or the size of the targets, the members and their draws. Every call continues with the
same optimisers, in an order of the rows that follows from the seed and the number of epochs.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from shoal.compute.builds import Stop
from shoal.compute.engine import threads as threads_of
from shoal.compute.steps import Budget, State
from shoal.compute.terms import InMemory
from shoal.data.rows.examples import Examples
from shoal.diagnosis.findings import Diagnosis, Finding
from shoal.errors import DataError, Setting, SettingError, wording
from shoal.estimators.automatic import plan_of
from shoal.estimators.fitted import Fitted
from shoal.estimators.labels import distinct, refusing
from shoal.estimators.prepare import ArrayFeed, Prepared
from shoal.estimators.starts import begin
from shoal.estimators.targets import ClassTargets
from shoal.estimators.threshold import fixed, is_chosen
from shoal.estimators.train import Starts, continued, first_states, fitted_of
from shoal.kinds import EVIDENCE
from shoal.settings import AUTO, MINI_BATCH, Settings
from shoal.training.loop import Report, Trained
from shoal.training.members import train_all
from shoal.warn import warn

NOT_LOOKED_AT = Finding(
    "not-looked-at",
    "warning",
    "partial_fit does not diagnose, as it sees only some of the rows.",
    "Use shoal.diagnose(model, X, y).",
    {},
    {},
)


def continues(model: Any) -> bool:
    """Whether the estimator has `partial_fit`: its solver takes some rows at a time."""
    if model.alpha == EVIDENCE:
        raise AttributeError('partial_fit needs alpha as a number, not "evidence". Use fit.')
    if model.solver not in (AUTO, *MINI_BATCH):
        raise AttributeError(
            f"partial_fit is for solver adam or sgd, not {model.solver!r}, which takes all rows "
            "at every step. Use fit, with warm_start=True to continue."
        )
    return True


def one_epoch(prepared: Prepared, feed: ArrayFeed) -> Fitted:
    """Train every member on these rows once."""
    s, previous = prepared.settings, prepared.previous
    examples = feed.examples(prepared.inputs)
    epoch = previous.history.epochs if previous else 0
    if previous:
        starts = Starts(list(previous.history.seeds), continued(prepared))
    else:
        starts = first_states(prepared, examples.m)
    curves = previous.history.losses if previous else ((),) * len(starts.states)

    def job(i: int, threads: int, stop: Stop, report: Callable[[Report], None] | None) -> Trained:
        began = time.perf_counter()
        trained = _trained(prepared, examples, starts, i, epoch, (threads, stop))
        losses = (*curves[i], *trained.losses)
        seconds = time.perf_counter() - began
        return trained._replace(losses=losses, best_epoch=len(losses), seconds=seconds)

    jobs = [lambda *a, i=i: job(i, *a) for i in range(len(starts.states))]
    trained = train_all(jobs, threads_of(s.n_jobs))
    for member in trained:
        if member.ending == "interrupted":  # then nothing has happened
            raise member.interruption or KeyboardInterrupt
    fitted = fitted_of(prepared, trained, starts.seeds)
    n = len(fitted.networks)
    if isinstance(fitted.targets, ClassTargets):
        fitted = fitted.replaced(targets=fixed(fitted.targets, s.threshold, s.dtype))
    # What is usual in the rows of all calls is known of the first one alone.
    inputs = replace(fitted.inputs, usual=()) if previous else fitted.inputs
    return fitted.replaced(
        inputs=inputs,
        history=fitted.history._replace(epochs=epoch + 1),
        diagnosis=Diagnosis((NOT_LOOKED_AT,), prepared.architecture.n_h * n, n),
    )


def _trained(
    prepared: Prepared, examples: Examples, starts: Starts, i: int, epoch: int,
    run: tuple[int, Stop],
) -> Trained:  # fmt: skip
    s, architecture = prepared.settings, prepared.architecture
    # No epoch of these is the last one: no rate that falls towards one.
    plan = plan_of(s, architecture.output, examples.m, starts.seeds[i])
    rule = plan.rule._replace(horizon=0)
    # Other rows have other losses: which of them was the lowest says nothing.
    state = starts.states[i]._replace(best_loss=np.inf, waited=0)
    outcome = InMemory(examples).train(architecture, rule, Budget(epoch, 1), state, *run)
    after = _after(outcome.state, state, outcome.ending, s)
    return Trained(
        after.parameters, after, tuple(outcome.losses.tolist()), (), outcome.ending, 0, 0.0,
        outcome.interruption,
    )  # fmt: skip


def _after(after: State, before: State, ending: str, s: Settings) -> State:
    """The state to continue from; after a divergence that before the call."""
    return begin(before.parameters, s.solver) if ending == "diverged" else after


def warn_of_divergence(fitted: Fitted) -> None:
    """Warn when the rows of a call have led nowhere."""
    if "diverged" in fitted.history.endings:
        warn(
            wording(
                "the loss was not finite: the network before this call is kept, and its optimiser "
                "starts again. Use a lower ", Setting("learning_rate"), ", or look at the rows.",
            )
        )  # fmt: skip


def check_partial(s: Settings) -> None:
    """Raise SettingError for settings that single calls cannot have."""
    if s.early_stopping is True or s.scoring is not None:
        raise SettingError(
            wording(
                "partial_fit goes over the rows once: expected ", Setting("early_stopping", "auto"),
                " or False, and ", Setting("scoring", None), ".",
            )
        )  # fmt: skip
    if is_chosen(s):
        raise SettingError(
            wording(
                "partial_fit holds no rows out: expected ", Setting("threshold", 0.3),
                " (or another number) or None.",
            )
        )  # fmt: skip
    if s.search:
        raise SettingError(
            wording(
                s.search, ": partial_fit searches nothing. Use ",
                Setting("effort", 1), ", or fit.",
            ),
            setting=s.search.name,
        )  # fmt: skip
    if s.checkpoint:
        raise SettingError("partial_fit keeps no checkpoint: save the model instead.")
    if s.class_weight == "balanced":
        raise SettingError(
            wording(
                Setting("class_weight", "balanced"), " would weight the rows of each call by "
                "themselves. Give partial_fit a dict of weights, or sample_weight.",
            )
        )  # fmt: skip


def check_classes(y: Any, classes: Any, previous: Fitted | None) -> None:
    """Raise DataError unless the first call names all classes, and later ones no others."""
    with refusing():
        several = np.ndim(y) == 2 and np.shape(y)[1] > 1
    if previous is None:
        if classes is None and not several:
            raise DataError(
                "partial_fit needs classes=[…] in its first call: all the classes that will ever "
                "occur, as these rows may not have them all."
            )
        return
    assert isinstance(previous.targets, ClassTargets)
    known = previous.targets.classes
    if classes is not None and not np.array_equal(distinct(np.asarray(classes)), known):
        raise DataError(
            f"classes={np.asarray(classes)[:20].tolist()} differ from those of the first call, "
            f"{known[:20].tolist()}. Leave classes out, or fit again."
        )

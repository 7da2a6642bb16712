"""Train one network: epochs, the validation part, when to stop, which parameters to keep.

training ends with    parameters kept
"finished"            the last ones: the budget of epochs is used up
"plateau"             the loss stood still for n_iter_no_change epochs: best epoch by
                      validation, or without a validation part the last ones
"converged"           no parameter moved any more, or with lbfgs or lm no step led further down: the
                      last ones, or with a validation part the best
"diverged"            the loss grew, or was no number: the best seen
"stopped"             a callback wanted it: the best epoch by validation, or without a validation
                      part the last ones
"interrupted"         by a signal, or by another thread: the best seen
"""

import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from shoal.compute.builds import BUILD, Stop
from shoal.compute.steps import Budget, HeldOut, Judge, Rule, State, Vector
from shoal.compute.terms import InMemory, Terms, windowed
from shoal.errors import ClusterError
from shoal.network.architecture import Architecture
from shoal.training import lbfgs, lm
from shoal.training.evidence import Evidence

# A training whose last loss is this many times its first one has gone uphill.
UPHILL = 2.0
# Seconds between two calls of `report`. The kernel looks for signals by itself.
REPORT_EVERY = 0.1
SECOND_ORDER = {"lbfgs": lbfgs.iterate, "lm": lm.iterate}
MOST_EPOCHS_OF_A_CALL = 1 << 16  # a call asks for memory for all their losses


class Plan(NamedTuple):
    """How to train, and when to stop."""

    rule: Rule
    max_iter: int
    tol: float = 1e-4
    n_iter_no_change: int = 10
    converged: float = -1.0
    # Shares of the rate: each plateau but the last is answered by the next, from the best epoch on.
    rates: tuple[float, ...] = (1.0,)


class Report(NamedTuple):
    """What is reported while a training runs."""

    epoch: int  # epochs done
    loss: float
    validation_loss: float | None
    seconds: float
    validation_score: float | None = None
    note: str = ""  # what is done, where it is not the training of the first network


class TrainingState(NamedTuple):
    """Where a training stands between two epochs: all that is needed to go on with it."""

    state: State
    best: Vector  # with a validation part: the parameters that had the lowest loss there
    # That loss, or with a scorer the score below 0; the start is a candidate as well.
    best_loss: float = float("inf")
    best_epoch: int = 0
    lowest: float = float("inf")  # the lowest of an epoch
    waited: int = 0  # epochs since it was lower by tol
    losses: tuple[float, ...] = ()
    validation_losses: tuple[float, ...] = ()
    validation_scores: tuple[float, ...] = ()
    seconds: float = 0.0
    ending: str = ""  # empty while there is something to go on with
    plateaus: int = 0  # that a lower rate has answered


# Of parameters, on the validation part: more is better.
Score = Callable[[Vector], float]


class Keep(Protocol):
    """Is given where a training stands, and keeps it when it is time to, or `now`."""

    def __call__(self, training: TrainingState, *, now: bool = False) -> None:
        """Keep it."""
        ...


class Trained(NamedTuple):
    """A trained network, and how it went."""

    parameters: Vector
    state: State
    losses: tuple[float, ...]
    validation_losses: tuple[float, ...]
    ending: str
    best_epoch: int  # counted from 1; the epoch whose parameters were kept
    seconds: float
    interruption: BaseException | None = None
    validation_scores: tuple[float, ...] = ()
    evidence: Evidence | None = None  # with penalties by the evidence

    @property
    def epochs(self) -> int:
        """How many epochs were run to their end."""
        return len(self.losses)


class Job(NamedTuple):
    """One training: of what, on which rows, by which plan, with how many threads."""

    architecture: Architecture
    plan: Plan
    terms: Terms
    validation: Terms | None = None
    score: Score | None = None  # judges instead of the validation loss
    threads: int = 1
    stop: Stop | None = None

    @property
    def judged_by_engine(self) -> bool:
        """Whether many epochs can be run and judged by one call: then no one else looks at each."""
        return (
            isinstance(self.terms, InMemory)
            and isinstance(self.validation, InMemory)
            and self.score is None
            and (self.plan.rule.solver not in SECOND_ORDER or self._is_judged_lm)
            and not windowed(self.plan.rule, self.terms.m)
        )

    @property
    def _is_judged_lm(self) -> bool:
        return self.plan.rule.solver == "lm" and BUILD != "plain"

    def loss(self, parameters: Vector) -> float:
        """The validation loss of some parameters."""
        assert self.validation is not None
        total = self.validation.sums(
            self.architecture, parameters, self.threads, gradients=False, stop=self.stop
        )
        return total.loss / total.weight


def train(
    job: Job,
    training: TrainingState,
    *,
    report: Callable[[Report], None] | None = None,
    keep: Keep | None = None,
    each: Callable[[TrainingState], bool] | None = None,
) -> Trained:
    """Run epochs until the plan is fulfilled. The result does not depend on the number of threads.

    With a validation part its loss says which epoch was the best, or the `score` of the
    parameters there, where more is better; tol and n_iter_no_change are of the same. `each`
    is called after every epoch, and answers whether to stop.
    Nor does it depend on where `training` was kept: it ends as if it had never stopped.
    """
    began = reported = time.perf_counter()
    earlier, interruption = training.seconds, None
    validated = job.validation is not None
    # Epochs of one call: grows until a call takes a moment.
    singly = each is not None or (validated and not job.judged_by_engine)
    size = 1 if report or keep or singly else MOST_EPOCHS_OF_A_CALL
    last, begun = training, bool(training.losses)
    try:
        if validated and not training.losses and not job.judged_by_engine:
            last = training = _first_judged(job, training)
        while not training.ending:
            called = time.perf_counter()
            last, interruption = _advance(job, training, size)
            now = time.perf_counter()
            if now - called < REPORT_EVERY / 2 and not singly:
                size = min(2 * size, MOST_EPOCHS_OF_A_CALL)
            last = last._replace(seconds=earlier + now - began)
            if last.ending == "interrupted":
                break
            training = last
            if each and each(training) and not training.ending:
                last = training = training._replace(ending="stopped")
            # The first and the last epoch are reported in any case.
            due = now - reported >= REPORT_EVERY or not begun or bool(training.ending)
            if report and due and training.losses:
                reported, begun = now, True
                report(_report(training))
            if keep:
                keep(training, now=bool(training.ending))
    except ClusterError:
        if keep:
            keep(training, now=True)
        raise
    except KeyboardInterrupt as signal:  # between two calls of the kernel
        last, interruption = training._replace(ending="interrupted"), signal
    if keep and last.ending == "interrupted":
        # The epoch that was under way is left out: it is done again as a whole.
        keep(training, now=True)
    trained = _trained(last, validated, interruption)
    return trained if interruption else trained._replace(evidence=_evidence(job, trained.state))


def _evidence(job: Job, state: State) -> Evidence | None:
    """What the data say of a fit whose penalties they have chosen."""
    if not job.plan.rule.evidence:
        return None
    return lm.evidence_of(job.architecture, job.terms, state, job.threads)


def _first_judged(job: Job, training: TrainingState) -> TrainingState:
    """The same with the loss, or score, of the parameters before the first epoch."""
    first = training.state.parameters
    loss = job.loss(first)
    return training._replace(best_loss=-_score(job.score, first) if job.score else loss)


def _advance(
    job: Job, training: TrainingState, size: int
) -> tuple[TrainingState, BaseException | None]:
    """Where the training stands some epochs later, and what interrupted them."""
    plan, done = job.plan, len(training.losses)
    n = min(size, plan.max_iter - done)
    budget = Budget(done, n, converged=plan.converged)
    if job.validation is None:
        budget = Budget(done, n, plan.tol, plan.n_iter_no_change, plan.converged)
    rate = plan.rule.learning_rate * plan.rates[training.plateaus]
    call = (job.architecture, plan.rule._replace(learning_rate=rate), budget)
    if job.judged_by_engine:
        return _advanced_and_judged(job, training, call)
    if plan.rule.solver in SECOND_ORDER:
        iterate = SECOND_ORDER[plan.rule.solver]
        outcome = iterate(*call, job.terms, training.state, job.threads, job.stop)
    else:
        outcome = job.terms.train(*call, training.state, job.threads, job.stop)
    losses = (*training.losses, *outcome.losses.tolist())
    after = training._replace(state=outcome.state, losses=losses, ending=outcome.ending)
    if after.ending == "interrupted":
        return after, outcome.interruption
    if after.ending == "finished" and len(losses) < plan.max_iter:
        after = after._replace(ending="")
    new = len(losses) > len(training.losses)
    if after.ending in ("", "finished", "converged") and job.validation is not None and new:
        after = _validated(job, after)
    # By the evidence a loss may rise, as a fit is too close to noisy targets.
    return (after if plan.rule.evidence else _unless_uphill(after)), None


def _advanced_and_judged(
    job: Job, training: TrainingState, call: tuple[Architecture, Rule, Budget]
) -> tuple[TrainingState, BaseException | None]:
    """The same where the engine judges each epoch by the validation part."""
    terms, held, plan = job.terms, job.validation, job.plan
    assert isinstance(terms, InMemory)
    assert isinstance(held, InMemory)
    lower = tuple(plan.rule.learning_rate * share for share in plan.rates[training.plateaus + 1 :])
    # Before the first epoch the call judges the start, too.
    best_loss = training.best_loss if training.losses else np.nan
    judge = Judge(
        training.best, training.lowest, best_loss, plan.tol, training.waited,
        plan.n_iter_no_change, lower,
    )  # fmt: skip
    state, threads = training.state, job.threads
    if plan.rule.solver in SECOND_ORDER:
        out = HeldOut(held.examples, judge)
        found = lm.iterate_judged(*call, terms, state, threads, out, job.stop)
    else:
        found = terms.train_judged(*call, state, threads, held, judge, job.stop)
    outcome, (judged, judge, best_epoch, plateaus) = found
    after = training._replace(
        state=outcome.state, losses=(*training.losses, *outcome.losses.tolist()), ending=outcome.ending,
        validation_losses=(*training.validation_losses, *judged.tolist()),
        best=judge.best, best_loss=judge.best_loss, lowest=judge.lowest, waited=judge.waited,
        plateaus=training.plateaus + plateaus,
    )  # fmt: skip
    if best_epoch:
        after = after._replace(best_epoch=len(training.losses) + best_epoch)
    if after.ending in ("finished", "plateau"):  # whether it is one is said below
        ended = len(after.losses) == plan.max_iter
        after = after._replace(ending="finished" if ended else "")
    after = _at_plateau(after, plan)
    return (after if plan.rule.evidence else _unless_uphill(after)), outcome.interruption


def _validated(job: Job, after: TrainingState) -> TrainingState:
    """The same with what the validation part says of one more epoch."""
    loss = job.loss(after.state.parameters)
    after = after._replace(validation_losses=(*after.validation_losses, loss))
    if job.score is None:
        return _judged(after, job.plan, loss)
    found = _score(job.score, after.state.parameters)
    after = after._replace(validation_scores=(*after.validation_scores, found))
    return _judged(after, job.plan, -found)


def _judged(training: TrainingState, plan: Plan, loss: float) -> TrainingState:
    """The same, when the last epoch is judged by this loss (or score below 0)."""
    waited = 0 if loss < training.lowest - plan.tol else training.waited + 1
    if loss < training.best_loss:
        training = training._replace(
            best=training.state.parameters, best_loss=loss, best_epoch=len(training.losses)
        )
    training = training._replace(waited=waited, lowest=min(training.lowest, loss))
    return _at_plateau(training, plan)


def _at_plateau(training: TrainingState, plan: Plan) -> TrainingState:
    """The same; a plateau ends it, or is answered by a lower rate from the best epoch on."""
    if training.ending in ("interrupted", "diverged"):
        return training
    if not plan.n_iter_no_change or training.waited < plan.n_iter_no_change:
        return training
    if training.plateaus + 1 == len(plan.rates):
        return training._replace(ending="plateau")
    if training.ending == "finished":
        return training
    again = training.state._replace(parameters=training.best)
    return training._replace(state=again, waited=0, plateaus=training.plateaus + 1)


def _unless_uphill(training: TrainingState) -> TrainingState:
    """The same; what ended far above where it began has diverged."""
    if training.ending in ("finished", "plateau") and _uphill(training.losses):
        return training._replace(ending="diverged")
    return training


def _score(score: Score, parameters: Vector) -> float:
    found = score(parameters)
    return found if np.isfinite(found) else float("-inf")


def _report(training: TrainingState) -> Report:
    validation = training.validation_losses[-1] if training.validation_losses else None
    score = training.validation_scores[-1] if training.validation_scores else None
    return Report(len(training.losses), training.losses[-1], validation, training.seconds, score)


def _trained(
    training: TrainingState, validated: bool, interruption: BaseException | None
) -> Trained:
    state, losses, ending = training.state, training.losses, training.ending
    parameters, best_epoch = state.parameters, len(losses)
    if validated:
        parameters, best_epoch = training.best, training.best_epoch
    elif ending in ("diverged", "interrupted"):
        finite = [loss if np.isfinite(loss) else np.inf for loss in losses]
        best_epoch = int(np.argmin(finite)) + 1 if any(np.isfinite(losses)) else 0
        parameters = state.best
    return Trained(
        parameters, state, losses, training.validation_losses, ending, best_epoch,
        training.seconds, interruption, training.validation_scores,
    )  # fmt: skip


def _uphill(losses: tuple[float, ...]) -> bool:
    return len(losses) > 1 and losses[-1] > UPHILL * losses[0] and losses[-1] > UPHILL * min(losses)

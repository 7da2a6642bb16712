"""Small tables: whether members of second order predict better than the usual ones.

The usual members bend a network of 64 units step by step, and stop by the rows held out. The others
have few units, numbers without bins, steps of second order and penalties by the evidence. Each
holds out the rows that the usual member of its seed held out, and on these rows the two are
compared: first the better of two with the mean of the usual ones, then all. What predicts better is the fit. Where there
are too few rows to hold some out, those of second order are the fit for classes, as the others would
learn the noise; for numbers they are not, as what they find of so few rows is too certain.
"""

from dataclasses import replace

from shoal.compute.engine import engine
from shoal.compute.engine import threads as threads_of
from shoal.estimators.automatic import architecture_of
from shoal.estimators.fitted import Fitted
from shoal.estimators.host import Host
from shoal.estimators.noise import constant_unless_better
from shoal.estimators.prepare import Feed, Prepared
from shoal.estimators.rows import Place, RowProvider
from shoal.estimators.train import Learnt, examined, train_members
from shoal.kinds import EVIDENCE
from shoal.settings import FIELDS, Settings
from shoal.warn import warn

# All that was chosen by the tables of benchmarks/small_defaults.py, see docs/measured/practice.md.
ROWS, PARAMETERS = 2_000, 200  # fewer rows, and at most so many parameters: the steps' time
HIDDEN = 6
# Penalties settle slowly, and predictions long before. Of classes the rows held out end the training.
SETTLED = {"tol": 1e-3, "n_iter_no_change": 3}
FIRST = 2  # members that are trained before the others
# With these, and what belongs to the machine, the table may be small; any other setting is a wish.
FREE = (
    "class_weight", "threshold", "words", "numbers", "drop", "decimal", "date_order", "missing", "fold",
    "dtype", "random_state", "effort", "time_budget", "max_predict_cost", "n_jobs", "checkpoint", "memory", "scratch",
    "verbose",
)  # fmt: skip


def second_order(s: Settings, *, settles: bool) -> Settings:
    """The settings of the members of second order."""
    return s.replaced(
        solver="lm", alpha=EVIDENCE, hidden=HIDDEN, bins=0, effort=1, checkpoint=None,
        verbose=False,
        **(SETTLED if settles else {}),
    )  # fmt: skip


def better_of(
    asked: Settings, usual: Learnt, prepared: Prepared, feed: Feed, host: Host, place: Place
) -> Fitted:
    """The usual members, or where they predict better those of second order; examined."""
    n_jobs = prepared.settings.n_jobs
    if usual.rows.m >= ROWS or not is_free(asked):
        return examined(usual, place, n_jobs)
    threads = threads_of(n_jobs)
    held = usual.rows.shown(usual.starts.seeds[0])[1] is not None
    other = _of_second_order(usual.fitted, prepared, held=held)
    if other is None:
        return examined(constant_unless_better(usual, threads), place, n_jobs)
    # The rows are held out as they are with a penalty that is a number.
    s = other.settings.replaced(alpha=prepared.settings.alpha)
    with feed.rows(s, other.inputs, other.targets, other.architecture) as same:
        found, interruption = _trained_better(usual, other, same, host, place, held=held)
        if found is not None:
            return examined(constant_unless_better(found, threads), place, n_jobs)
    fitted = examined(constant_unless_better(usual, threads), place, n_jobs)
    return fitted if interruption is None else _interrupted(fitted, interruption)


def _trained_better(
    usual: Learnt, other: Prepared, rows: RowProvider, host: Host, place: Place, *, held: bool
) -> tuple[Learnt | None, BaseException | None]:
    """Members of second order, if they are better than the usual ones, and what interrupted them."""
    members = len(usual.fitted.networks)
    wanted = _losses(usual) if held else []
    found: Learnt | None = None
    for n in (FIRST, members) if held else (members,):
        some = other._replace(settings=other.settings.replaced(members=n))
        earlier = found.trained if found else ()
        found = train_members(some, rows, host, place, earlier=earlier, told=False)
        if found.fitted.history.interruption:
            return None, found.fitted.history.interruption
        if held and not _promises(_losses(found), wanted):
            return None, None
    return found, None


def _of_second_order(usual: Fitted, prepared: Prepared, *, held: bool) -> Prepared | None:
    """What the members of second order are trained with; None where they are not wanted."""
    encoding, output = usual.inputs.encoding, usual.architecture.output
    if encoding is None or not (held or output != "identity"):
        return None
    if set(usual.history.endings) & {"interrupted", "stopped"}:
        return None
    s = second_order(prepared.settings, settles=not held or output == "identity")
    s = s.replaced(random_state=usual.history.seeds[0])
    inputs = replace(usual.inputs, encoding=encoding.without_bins())
    architecture = architecture_of(s, inputs.width, *usual.targets.outputs)
    if architecture.n_parameters > PARAMETERS:
        return None
    return Prepared(s, inputs, usual.targets, architecture)


def _promises(losses: list[float], wanted: list[float]) -> bool:
    """Whether members with these losses are better; of a few the best, as single starts may fail."""
    own = sum(losses) / len(losses) if len(losses) == len(wanted) else min(losses)
    return own < sum(wanted) / len(wanted)


def warn_of_noise(asked: Settings, fitted: Fitted) -> None:
    """Warn of a constant answer that stands, after a search if there was one."""
    if is_free(asked) and fitted.is_constant:
        warn(
            "on rows held out the fit is not clearly better than a constant answer, so that this is the "
            "answer for every row: the columns say little of y, or there are too few rows to learn it."
        )


def is_free(asked: Settings) -> bool:
    """Whether nothing of the training was wished for."""
    return all(
        getattr(asked, name) == field.default for name, field in FIELDS.items() if name not in FREE
    )


def _losses(learnt: Learnt) -> list[float]:
    """Of each member the loss on the rows held out of it."""
    fitted, rows, found = learnt.fitted, learnt.rows, []
    for network, seed in zip(fitted.networks, fitted.history.seeds, strict=True):
        sums = [
            engine.sums(fitted.architecture, network.vector, held, 1, gradients=False)
            for held in rows.held(seed)
        ]
        found.append(sum(one.loss for one in sums) / sum(one.weight for one in sums))
    return found


def _interrupted(usual: Fitted, interruption: BaseException) -> Fitted:
    """The usual members, with the signal that ended the training of the others."""
    h = usual.history
    endings = ("interrupted",) * len(h.endings)
    return usual.replaced(history=h._replace(endings=endings, interruption=interruption))

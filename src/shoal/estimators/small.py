"""Small tables: whether members of second order predict better than the usual ones.

The usual members bend a network of 64 units step by step, and stop by the rows held out. The others
have few units, numbers without bins, steps of second order and penalties by the evidence. Each
holds out the rows that the usual member of its seed held out, and on these rows the two are
compared: first the better of two with the mean of the usual ones, then what all say that did not see a row.
Those of second order are the fit if that is better by more than the standard error of the difference.

Where no row is held out, as there are too few, they are the fit for classes, as the usual ones would
learn the noise; for numbers they are not, as what they find of so few rows is too certain. The same
holds for a truth table that the usual members do not learn: it has every row that there can be, so
that nothing need be held out.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from shoal.compute.engine import engine
from shoal.estimators.automatic import architecture_of
from shoal.estimators.fitted import Fitted
from shoal.estimators.host import Host
from shoal.estimators.noise import constant_of, constant_unless_better
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
ERRORS = 1.0  # standard errors by which all of them must be better than the usual ones
# With these, and what belongs to the machine, the table may be small; any other setting is a wish.
FREE = (
    "class_weight", "threshold", "words", "numbers", "drop", "decimal", "date_order", "missing", "fold",
    "dtype", "random_state", "effort", "time_budget", "max_predict_cost", "n_jobs", "checkpoint", "memory", "scratch",
    "verbose",
)  # fmt: skip


def second_order(s: Settings, *, settles: bool) -> Settings:
    """The settings of the members of second order."""
    return s.replaced(
        solver="lm", alpha=EVIDENCE, hidden=HIDDEN, bins=0, effort=1, time_budget=None, checkpoint=None,
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
    held = usual.rows.shown(usual.starts.seeds[0])[1] is not None
    if held and is_truth_table(usual.rows) and constant_of(usual) is not None:
        held = False
    other = _of_second_order(usual.fitted, prepared, held=held)
    if other is None:
        return examined(constant_unless_better(usual), place, n_jobs)
    # The rows are held out as they are with a penalty that is a number.
    s = other.settings.replaced(alpha=prepared.settings.alpha) if held else other.settings
    with feed.rows(s, other.inputs, other.targets, other.architecture) as same:
        found, interruption = _trained_better(usual, other, same, host, place, held=held)
        if found is not None:
            return examined(constant_unless_better(found), place, n_jobs)
    fitted = examined(constant_unless_better(usual), place, n_jobs)
    return fitted if interruption is None else _interrupted(fitted, interruption)


def _trained_better(
    usual: Learnt, other: Prepared, rows: RowProvider, host: Host, place: Place, *, held: bool
) -> tuple[Learnt | None, BaseException | None]:
    """Members of second order, if they are better than the usual ones, and what interrupted them."""
    members = len(usual.fitted.networks)
    first, all_ = (FIRST, _promises), (members, _predicts_better if held else None)
    found: Learnt | None = None
    for n, is_better in (first, all_) if held else (all_,):
        some = other._replace(settings=other.settings.replaced(members=n))
        earlier = found.trained if found else ()
        found = train_members(some, rows, host, place, earlier=earlier, told=False)
        if found.fitted.history.interruption:
            return None, found.fitted.history.interruption
        if is_better and not is_better(found, usual):
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


def _promises(some: Learnt, usual: Learnt) -> bool:
    """Whether one of a few members is better than the usual ones, as single starts may fail."""
    wanted = _losses(usual)
    return min(_losses(some)) < sum(wanted) / len(wanted)


def _predicts_better(found: Learnt, usual: Learnt) -> bool:
    """Whether what members say of rows that they did not see is better, by more than its error."""
    output = usual.fitted.architecture.output
    own = found.unseen
    gain = usual.unseen.losses(output) - own.losses(output)
    mean = own.mean(gain)  # not finite where members diverged
    return mean > 0 and mean > ERRORS * own.error(gain)


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


def is_truth_table(rows: RowProvider) -> bool:
    """Whether the rows are every combination of columns of two values, once each."""
    given = rows.given()
    if given is None or given.validated or not isinstance(given.table, np.ndarray | pa.Table):
        return False
    table = given.table
    if not rows.m == len(table) == 2 ** table.shape[1]:
        return False
    if isinstance(table, np.ndarray):
        table = pa.table({str(j): column for j, column in enumerate(table.T.copy())})
    distinct = table.group_by(table.column_names).aggregate([])
    return len(distinct) == rows.m and all(len(column.unique()) == 2 for column in table.columns)


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

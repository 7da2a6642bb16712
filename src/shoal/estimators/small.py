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
from shoal.estimators.automatic import architecture_of
from shoal.estimators.fitted import Fitted
from shoal.estimators.host import Host
from shoal.estimators.prepare import Feed, Prepared
from shoal.estimators.rows import RowProvider
from shoal.estimators.train import train_members
from shoal.settings import EVIDENCE, FIELDS, Settings

# All that was chosen by the tables of benchmarks/small_defaults.py, see docs/measured/practice.md.
ROWS, PARAMETERS = 2_000, 200  # fewer rows, and at most so many parameters: the steps' time
HIDDEN = 6
# Penalties settle slowly, and predictions long before. Of classes the rows held out end the training.
SETTLED = {"tol": 1e-3, "n_iter_no_change": 3}
FIRST = 2  # members that are trained before the others
# With these, and what belongs to the machine, the table may be small; any other setting is a wish.
FREE = (
    "class_weight", "threshold", "words", "numbers", "drop", "decimal", "date_order", "missing", "fold",
    "dtype", "random_state", "effort", "max_predict_cost", "n_jobs", "checkpoint", "memory", "scratch", "verbose",
)  # fmt: skip


def second_order(s: Settings, *, settles: bool) -> Settings:
    """The settings of the members of second order."""
    return s.replaced(
        solver="lm", alpha=EVIDENCE, hidden=HIDDEN, bins=0, effort=1, checkpoint=None,
        verbose=False,
        **(SETTLED if settles else {}),
    )  # fmt: skip


def better_of(
    asked: Settings, usual: Fitted, prepared: Prepared, rows: RowProvider, feed: Feed, host: Host
) -> Fitted:
    """The usual members, or where they predict better those of second order."""
    if rows.m >= ROWS or not is_free(asked):
        return usual
    held = rows.shown(usual.history.seeds[0])[1] is not None
    other = _of_second_order(usual, prepared, held=held)
    if other is None:
        return usual
    found, members = usual, len(usual.networks)
    wanted = _losses(usual, rows) if held else []
    # The rows are held out as they are with a penalty that is a number.
    s = other.settings.replaced(alpha=prepared.settings.alpha)
    with feed.rows(s, other.inputs, other.targets, other.architecture) as same:
        for n in (FIRST, members) if held else (members,):
            few = other._replace(settings=other.settings.replaced(members=n))
            found = train_members(few, same, host, told=False)
            if found.history.interruption:
                return _interrupted(usual, found)
            if held and not _promises(_losses(found, same), wanted):
                return usual
    return found


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


def is_free(asked: Settings) -> bool:
    """Whether nothing of the training was wished for."""
    return all(
        getattr(asked, name) == field.default for name, field in FIELDS.items() if name not in FREE
    )


def _losses(fitted: Fitted, rows: RowProvider) -> list[float]:
    """Of each member the loss on the rows held out of it."""
    found = []
    for network, seed in zip(fitted.networks, fitted.history.seeds, strict=True):
        sums = [
            engine.sums(fitted.architecture, network.vector, held, 1, gradients=False)
            for held in rows.held(seed)
        ]
        found.append(sum(one.loss for one in sums) / sum(one.weight for one in sums))
    return found


def _interrupted(usual: Fitted, found: Fitted) -> Fitted:
    """The usual members, with the signal that ended the training of the others."""
    h = usual.history
    endings = ("interrupted",) * len(h.endings)
    return usual.replaced(
        history=h._replace(endings=endings, interruption=found.history.interruption)
    )

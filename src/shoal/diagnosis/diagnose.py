"""From a model to findings with cures: what is wrong, what shows it, and what to change."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from shoal.compute.engine import threads as threads_of
from shoal.data.rows.examples import Examples
from shoal.diagnosis.case import FEWEST_JUDGED, Case, Seen
from shoal.diagnosis.findings import SEVERITIES, Diagnosis, Finding
from shoal.diagnosis.rules import CAUSES, FACTS, HINTS, LAST, RARE, REMARKS
from shoal.diagnosis.rules.stepping import diverged
from shoal.diagnosis.suspect import cause_of, finding_of
from shoal.training.network import Network


def diagnose(model: Any, X: ArrayLike, y: Any) -> Diagnosis:
    """Say what is wrong with a trained model, what shows it, and what to change.

    Parameters
    ----------
    model : fitted estimator or Network
        What is examined.
    X, y : as for `fit` of the estimator, or the lecture's columns for a `Network`
        Examples, some thousand of which are looked at. With rows that were not trained on,
        overfitting and rows of another kind can be seen too.

    Returns
    -------
    Diagnosis
        Prints as a line or a few. Its `findings`, the cause first, have names, severities, figures and
        cures; `healthy` says that nothing is wrong, and `cured(estimator)` is an unfitted
        estimator with the cures applied.

    Raises
    ------
    DataError
        When X or y do not fit the model.

    Notes
    -----
    It may take as long as the fit, as cures are tried in short trainings.

    See Also
    --------
    gradient_check : Whether the equations are right, on this machine.

    Examples
    --------
    >>> zeros = Network.initialise(2, 4, 1, scale="zeros")
    >>> print(diagnose(zeros, [[0.5, -1.0, 2.0], [1.0, 0.0, -1.0]], [[0, 1, 1]]))
    error: symmetric-units: 4 of 4 hidden units are duplicates, with equal weights in and out: \
equal gradients keep them equal for ever, and they do the work of one. Use \
init="auto".
    """
    if isinstance(model, Network):
        case = Case((model,), model._examples(X, y, None), {})
        return findings_of(case, threads=threads_of())
    case = model._case_of(X, y)
    return findings_of(case, threads=threads_of())


@np.errstate(all="ignore")  # what is not finite in a network is a finding
def findings_of(
    case: Case, held: Examples | None = None, *, thorough: bool = True, threads: int = 1
) -> Diagnosis:
    """The diagnosis of a case; after a fit not `thorough`, but with the examples `held` out."""
    seen = Seen(case, held, thorough=thorough, threads=threads)
    found = list(_found(seen))
    # The cause comes first, whatever is graver; of the others the gravest.
    cause = [f for f in found[:1] if f.severity != "remark"]
    others = sorted(found[len(cause) :], key=lambda f: -SEVERITIES.index(f.severity))
    n = len(case.networks)
    return Diagnosis(tuple(cause + others), seen.shape.n_h * n, n)


def _found(seen: Seen) -> Iterator[Finding]:
    case = seen.case
    facts = [finding for rule in FACTS for finding in rule(seen)]
    earlier = [f for f in case.earlier.findings if f.severity != "remark"] if case.earlier else []
    named = {fact.name for fact in facts}
    # What overfits gets worse in a longer training.
    worse = {"not-converged"} if "overfitting" in named else set()
    causes = [f for f in earlier if f.name not in named | worse]
    # On rows of another kind every network is poor: a fit that was healthy on its own rows has no other cause.
    moved = case.earlier is not None and any(fact.name == "shift" for fact in facts)
    # So few new rows say nothing of a cause that the rows of the fit have not said.
    few = case.earlier is not None and case.new and seen.judged.m < FEWEST_JUDGED
    if not causes and not (moved or few) and case.ending != "interrupted":
        # What a fact says already, with the same cure, needs no trial.
        known = [fact.cure for fact in facts if fact.cure]
        suspects = (
            one for rule in CAUSES for one in rule(seen)
            if one.changes not in known and one.name not in worse
        )  # fmt: skip
        causes = list(cause_of(seen, suspects))
    if all(f.severity == "remark" for f in causes) and not any(f.name in EXPLAIN for f in facts):
        causes = [finding for rule in LAST for finding in rule(seen)] + causes
    if not any(f.cure and f.severity != "remark" for f in causes):
        causes += [finding for rule in RARE for finding in rule(seen)]
    if case.ending == "diverged" and "diverged" not in {finding.name for finding in causes}:
        facts += [finding_of(seen, suspect, None) for suspect in diverged(seen)]
    facts_of = {finding.name for finding in facts}
    causes = [finding for finding in causes if finding.name not in facts_of]
    yield from causes
    yield from facts
    named = facts_of | {finding.name for finding in causes}
    hints = () if causes or facts else HINTS
    remarks = (finding for rule in (*REMARKS, *hints) for finding in rule(seen))
    yield from (remark for remark in remarks if remark.name not in named)


EXPLAIN = (
    "shift",
    "overfitting",
    "codes-as-numbers",
    "noise-columns",
    "contradicting-labels",
    "outliers",
)

"""From a model to findings with cures: what is wrong, what shows it, and what to change."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from shoal.compute.engine import engine
from shoal.compute.steps import Budget, Rule, start
from shoal.data.rows.examples import Examples
from shoal.diagnosis.case import Case, Seen, look, mean_loss, sample_of
from shoal.diagnosis.findings import SEVERITIES, Diagnosis, Finding
from shoal.diagnosis.rules import FEWEST_EPOCHS, NOTHING_LEARNT, RULES, SLOW
from shoal.diagnosis.units import enough_units
from shoal.network.architecture import Architecture
from shoal.network.initialisers import initialise
from shoal.training.network import Network

# So much of a fit's multiply-adds may go into each short training, unasked: its small steps
# cost some forty times their multiply-adds, so a hundredth of the time.
SHARE_OF_FIT = 0.0002
FEW_ROWS = 10_000  # of more, 1,000 examples show too little to say what could be reached
TRIAL_STEPS, TRIAL_ROWS = 2000, 32  # of a short training


def diagnose(model: Any, X: ArrayLike, y: Any) -> Diagnosis:
    """Say what is wrong with a trained model, what shows it, and what to change.

    Parameters
    ----------
    model : fitted estimator or Network
        What is examined.
    X, y : as for `fit` of the estimator, or the lecture's columns for a `Network`
        Examples, at most 1,000 of which are looked at. With rows that were not trained on,
        overfitting can be seen too.

    Returns
    -------
    Diagnosis
        Prints as a line or a few. Its `findings`, the gravest first, have names, severities, figures and
        cures; `healthy` says that nothing is wrong, and `cured(estimator)` is an unfitted
        estimator with the cures applied.

    Raises
    ------
    DataError
        When X or y do not fit the model.

    See Also
    --------
    gradient_check : Whether the equations are right, on this machine.

    Examples
    --------
    >>> zeros = Network.initialise(2, 4, 1, scale="zeros")
    >>> print(diagnose(zeros, [[0.5, -1.0, 2.0], [1.0, 0.0, -1.0]], [[0, 1, 1]]))
    error: symmetric-units: 4 of 4 hidden units are twins, with equal weights in and out: \
equal gradients keep them equal for ever, and they do the work of one. Draw W at random: \
init="auto".
    """
    if isinstance(model, Network):
        return findings_of(Case((model,), model._examples(X, y, None), {}))
    case: Case = model._case_of(X, y)
    return findings_of(case)


@np.errstate(all="ignore")  # what is not finite in a network is a finding
def findings_of(case: Case, held: Examples | None = None, *, thorough: bool = True) -> Diagnosis:
    """The diagnosis of a case; after a fit not `thorough`, but with the examples `held` out."""
    found: list[Finding] = []
    # Squares of outputs beyond 1e154 are infinite, and their differences NaN: no threshold is met.
    with np.errstate(over="ignore", invalid="ignore"):
        seen = _tried(look(case), held, thorough)
        for rule, explained_by in RULES:
            if not any(f.name in explained_by and f.severity != "remark" for f in found):
                found.extend(rule(seen))
    found.sort(key=lambda finding: -SEVERITIES.index(finding.severity))
    return Diagnosis(tuple(found), seen.shape.n_h * len(case.networks), len(case.networks))


def _tried(seen: Seen, held: Examples | None, thorough: bool) -> Seen:
    """With what two short trainings tell, where they cost little beside the fit.

    The one with the usual settings is made as well when this network has learnt nothing, or a
    straight line, or hardly began. Both learn from some examples and are measured on others:
    those `held` out, or every second one. Work is counted in multiply-adds for each input, so
    that a diagnosis does not depend on the speed of a machine.
    """
    shape, case = seen.shape, seen.case
    network, some = case.networks[0], sample_of(case.examples)
    loss = mean_loss(shape, network.vector, some)
    work = SHARE_OF_FIT * len(case.losses) * case.examples.m * shape.n_h
    straight = all(units.straight == units.n for units in seen.units)
    poor = (
        loss > NOTHING_LEARNT * seen.baseline
        or (straight and shape.activation != "identity")
        or (case.few_epochs and case.examples.m <= FEW_ROWS)
        or (
            case.ending == "finished"
            and len(case.losses) >= FEWEST_EPOCHS
            and case.rate <= SLOW * case.usual_rate
        )
    )
    wanted_usual = thorough or poor
    wanted_linear = thorough or work > TRIAL_STEPS * TRIAL_ROWS
    if not shape.n_h or case.ending == "interrupted" or not (wanted_usual or wanted_linear):
        return seen._replace(loss=loss)
    if held is None:
        rows = np.arange(some.m)
        some, held = some.take(rows[::2]), some.take(rows[1::2])
    if not held.m:
        return seen._replace(loss=loss)
    held = sample_of(held)
    wanted_width = thorough or work * shape.n_x > some.m * shape.n_h**2
    return seen._replace(
        loss=mean_loss(shape, network.vector, held),
        linear_loss=_trial(shape._replace(n_h=0), some, held) if wanted_linear else None,
        usual_loss=_trial(shape, some, held) if wanted_usual else None,
        enough=_enough(network, some) if wanted_width else None,
    )


def _enough(network: Network, examples: Examples) -> int:
    X = examples.columns(network.architecture.n_y)[0]
    _, A1, Z2, _ = engine.forward(
        network.architecture, network.vector, np.ascontiguousarray(X.T), 1
    )
    return enough_units(A1, Z2)


def _trial(shape: Architecture, examples: Examples, held: Examples) -> float:
    """The lowest loss on `held` of a short training with the usual settings."""
    shape = shape._replace(n_h=min(shape.n_h, 32))
    first = initialise(*shape[:3], key=0, activation=shape.activation)
    state = start(shape.flatten(first, examples.X.dtype), "adam")
    rule = Rule("adam", 0.01, batch_size=min(TRIAL_ROWS, examples.m))
    best = np.inf
    for epoch in range(0, TRIAL_STEPS * rule.batch_size // examples.m, 10):
        state = engine.train(shape, rule, Budget(epoch, 10), examples, state, 1).state
        best = min(best, mean_loss(shape, state.parameters, held))
    return float(best)

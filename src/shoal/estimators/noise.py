"""Members that have learnt noise: of a small table the answer is then the constant one.

On rows that members did not see, their mean must be better than the best constant answer by one and a half
standard errors of the difference. By less it may be chance, the more so as these rows have chosen the epochs:
of targets without any relation to the columns nearly every fit seems to be a little better
(docs/measured/practice.md). Then W2 becomes 0, and b2 the output of the constant answer.
"""

from dataclasses import replace

import numpy as np

from shoal.estimators.answers import LEAST_PROBABILITY, loss_of, truth_of
from shoal.estimators.calibration import Exact
from shoal.estimators.fitted import Fitted
from shoal.estimators.targets import SMALLEST_RATE
from shoal.estimators.train import Learnt
from shoal.training.network import Network

ERRORS = 1.5  # standard errors by which a fit must be better than a constant answer


def constant_unless_better(learnt: Learnt) -> Learnt:
    """The same, or the constant answer where rows held out do not show that the members are better."""
    return constant_of(learnt) or learnt


def constant_of(learnt: Learnt) -> Learnt | None:
    """The constant answer; None where rows held out show that the members are better, or say nothing."""
    fitted, rows = learnt.fitted, learnt.rows
    shape, seeds = fitted.architecture, learnt.starts.seeds
    first, held = rows.shown(seeds[0])
    if held is None or set(fitted.history.endings) & {"interrupted", "stopped", "diverged"}:
        return None
    both = [truth_of(part, shape.n_y) for part in (first, held)]
    Y, w = (np.concatenate(parts, axis=-1) for parts in zip(*both, strict=True))
    found = learnt.unseen
    if not (w.sum() > 0 and found.w.sum() > 0):
        return None
    mean = (Y * w).sum(axis=1, keepdims=True) / w.sum()
    usual = loss_of(shape.output, np.repeat(mean, len(found.w), axis=1), found.Y)
    gain = usual - loss_of(shape.output, found.A2, found.Y)
    if found.mean(gain) > ERRORS * found.error(gain):
        return None
    return replace(learnt, fitted=_constant(fitted, _output_of(mean, shape.output)))


def _output_of(mean: Exact, output: str) -> Exact:
    """Z2 of the answer `mean`, (n_y, 1)."""
    if output == "identity":
        return mean
    least = SMALLEST_RATE if output == "poisson" else LEAST_PROBABILITY
    logs = np.log(np.maximum(mean, least))
    return np.asarray(logs - np.log(np.maximum(1 - mean, least)) if output == "sigmoid" else logs)


def _constant(fitted: Fitted, output: Exact) -> Fitted:
    """The same, with this Z2 for every row."""
    shape, networks = fitted.architecture, list[Network]()
    for network in fitted.networks:
        p = network.parameters
        vector = shape.flatten(p._replace(W2=np.zeros_like(p.W2), b2=output), network.dtype)
        networks.append(Network._of(shape, vector))
    return fitted.replaced(networks=tuple(networks))

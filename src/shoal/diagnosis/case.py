"""What a diagnosis may look at, and what it measures there, once for all rules."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.data.rows.examples import Examples, rows_of
from shoal.diagnosis.curves import Curve, curve_of
from shoal.diagnosis.units import Units
from shoal.diagnosis.units import look as look_at_units
from shoal.network.architecture import Architecture
from shoal.training.network import Network

Numbers = NDArray[np.floating]

SAMPLE = 1000  # examples that are looked at, evenly spread; fewer of so many numbers
NUMBERS, FEWEST = 1 << 22, 64
MEMBERS = 4  # networks that are looked at
FEW_EPOCHS = 20  # a budget below this may be too small for anything to show


class Case(NamedTuple):
    """All that a diagnosis may look at."""

    networks: tuple[Network, ...]
    examples: Examples  # of the training, or new ones
    settings: Mapping[str, Any]  # the estimator's parameters
    rate: float = 0.0  # the learning rate that was used
    usual_rate: float = 0.0  # the solver's default
    patience: int = 10  # epochs without improvement after which it ended
    losses: tuple[float, ...] = ()  # one an epoch, of the first member
    validation_losses: tuple[float, ...] = ()
    ending: str = ""  # see shoal.training.loop
    best_epoch: int = 0
    starts: tuple[Network, ...] = ()  # where the members began
    columns: tuple[str, ...] = ()  # names of the inputs
    new: bool = False  # the examples may be ones that were not trained on
    weight: float = 0.0  # of all training rows together; 0 if that is not known

    @property
    def alpha(self) -> float:
        """The penalty on the weights; 0 where the data have chosen it."""
        alpha = self.settings.get("alpha", 0.0)
        return 0.0 if isinstance(alpha, str) else float(alpha)

    @property
    def few_epochs(self) -> bool:
        """Whether the budget was so small that no curve can show anything."""
        return self.ending == "finished" and len(self.losses) < FEW_EPOCHS


class Seen(NamedTuple):
    """What was measured, once for all rules."""

    case: Case
    X: Numbers  # (n_x, m)
    Y: Numbers  # (n_y, m)
    A2: Numbers  # (n_y, m): the members' mean
    baseline: float
    units: tuple[Units, ...]
    starts: tuple[Units, ...]
    curve: Curve | None
    validation: Curve | None
    loss: float = 0.0  # of the first member: on examples held out from the two below
    linear_loss: float | None = None  # of a short training without hidden layer
    usual_loss: float | None = None  # of a short training with the usual settings
    enough: int | None = None  # units that can do the work of all, if that was looked at

    @property
    def shape(self) -> Architecture:
        """Of every member."""
        return self.case.networks[0].architecture


def look(case: Case) -> Seen:
    """Measure networks, units and curves on some of the examples."""
    n_x = case.networks[0].architecture.n_x
    some = sample_of(case.examples, min(SAMPLE, max(FEWEST, NUMBERS // n_x)))
    rows = rows_of(some.X, some.rows)
    shape = case.networks[0].architecture
    X, Y, w = some.columns(shape.n_y)
    baseline = baseline_of(shape, Y, w)
    outputs, units = [], []
    for network in case.networks[:MEMBERS]:
        Z1, A1, _, A2 = engine.forward(shape, network.vector, rows, 1)
        outputs.append(A2)
        if shape.n_h:
            units.append(look_at_units(shape, network.parameters, Z1, A1))
    starts = []
    for network in case.starts[:MEMBERS] if shape.n_h else ():
        Z1, A1, _, _ = engine.forward(shape, network.vector, rows, 1)
        starts.append(look_at_units(shape, network.parameters, Z1, A1))
    # Of a constant target nothing is a share.
    losses, later = (
        curve_of(some, baseline) if baseline > 1e-12 and any(np.isfinite(some)) else None
        for some in (case.losses, case.validation_losses)
    )
    return Seen(
        case, X, Y, np.mean(outputs, axis=0), baseline,
        tuple(units), tuple(starts),
        losses, later if losses else None,
    )  # fmt: skip


def sample_of(examples: Examples, most: int = SAMPLE) -> Examples:
    """At most so many of the examples, evenly spread."""
    if examples.m <= most:
        return examples
    return examples.take(np.linspace(0, examples.m - 1, most).astype(np.uint32))


def mean_loss(shape: Architecture, vector: Numbers, examples: Examples) -> float:
    """The mean loss of a network on some examples."""
    total = engine.sums(shape, vector, examples, 1, gradients=False)
    return total.loss / max(total.weight, 1e-300)


def baseline_of(shape: Architecture, Y: Numbers, w: Numbers | None = None) -> float:
    """The loss of the best constant answer: the mean of Y, on these examples."""
    weights = np.ones((1, Y.shape[1])) if w is None else w.astype(np.float64)
    mean = (weights * Y).sum(axis=1, keepdims=True) / weights.sum()
    if shape.output == "identity":
        return float((weights * 0.5 * (Y - mean) ** 2).sum() / weights.sum())
    if shape.output == "poisson":
        usual = np.log(np.maximum(mean, np.finfo(np.float64).tiny))
        return float((weights * shape.sigma.loss(usual, Y)).sum() / weights.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = np.where(mean > 0, -mean * np.log(mean), 0.0)
        no = np.where(mean < 1, -(1 - mean) * np.log(1 - mean), 0.0)
    return float((yes + (no if shape.output == "sigmoid" else 0.0)).sum())

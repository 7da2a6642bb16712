"""What a diagnosis may look at, and what it measures there, once for all rules.

Two sets of examples are kept apart: short trainings `learn` from some, and everything is judged on
others, that the network was not trained on where such are known.
"""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.data.encode.coded import Coded
from shoal.data.rows.examples import Examples, dense, rows_of
from shoal.data.rows.seen import Hashes, hashes_of
from shoal.data.rows.sparse import Sparse
from shoal.diagnosis.curves import Curve, curve_of
from shoal.diagnosis.findings import Diagnosis
from shoal.diagnosis.reference import ASKED, LEARNT, NOTHING, Reference, explained
from shoal.diagnosis.trial import Recipes, Trials, losses_from, losses_of, work_of
from shoal.diagnosis.units import Units
from shoal.network.architecture import Architecture
from shoal.training.network import Network

Numbers = NDArray[np.floating]

SAMPLE = 1000  # examples that are looked at, evenly spread; fewer of so many numbers
NUMBERS, FEWEST = 1 << 22, 64
HASHED = 10_000  # rows whose repetitions are counted
AT_START = 256  # of them where a training began: enough for shares
MEMBERS, AFTER_FIT = 4, 1  # networks that are looked at
CAN_HOLD_OUT = 50  # rows, from where on some can be held out
PATIENCE = 4  # epochs: less is worth a try
PATIENCE_OF_LM = (
    3  # steps of second order, which are few and long; what small tables are trained with
)
FEW_EPOCHS = 20  # a budget below this may be too small for anything to show
# Of the baseline: no better than a constant answer, and far better.
NOTHING_LEARNT, FAR_DOWN = 0.98, 0.5
# Of the work of the fit: what short trainings may take after it, when something is suspicious; of a
# long fit a smaller share, but always so many multiply-adds, some 20 ms.
AFTER_A_FIT, AFTER_A_LONG_FIT, ALWAYS = 0.16, 0.05, 1e9
ASKED_FOR = 4e9  # multiply-adds of all short trainings, where nothing is known of the fit


class Given(NamedTuple):
    """The rows of a fit as they were given, and encoded."""

    table: Any  # a table of pyarrow, or an array
    examples: Examples
    validated: bool = False  # whether the rows of the validation part were given beside them
    rows: NDArray[np.int64] | None = None  # which of the examples the table has; None: all of them


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
    m: int = 0  # training rows of a member; 0 if that is not known
    held: int = 0  # rows held out of it
    batch: int = 0  # rows of a step; 0 means all
    recipes: Recipes | None = None  # how the estimator trains with other settings
    given: Given | None = None  # the rows as they were given
    earlier: Diagnosis | None = None  # what was found after the fit

    @property
    def alpha(self) -> float:
        """The penalty on the weights; 0 where the data have chosen it."""
        alpha = self.settings.get("alpha", 0.0)
        return 0.0 if isinstance(alpha, str) else float(alpha)

    @property
    def few_epochs(self) -> bool:
        """Whether the budget was so small that no curve can show anything."""
        return self.ending == "finished" and len(self.losses) < FEW_EPOCHS

    @property
    def impatient(self) -> bool:
        """Whether so little patience was asked for: of very many rows an epoch is a thousand steps."""
        s = self.settings
        enough = PATIENCE_OF_LM if s.get("solver") == "lm" else PATIENCE
        return self.patience < enough and s.get("n_iter_no_change", "auto") != "auto"

    @property
    def unwatched(self) -> bool:
        """Whether all rows can be learnt by heart, and none is held out, as was asked for."""
        can = self.m >= CAN_HOLD_OUT and self.networks[0].architecture.n_parameters >= self.m / 2
        return can and self.settings.get("early_stopping") is False

    @property
    def steps(self) -> int:
        """How many steps the first member has made."""
        return len(self.losses) * (-(-self.m // self.batch) if self.batch else 1)

    @property
    def work(self) -> float:
        """What the fit has cost, in multiply-adds; 0 where nothing is known of it."""
        if not (self.losses and self.m):
            return 0.0
        each = work_of(self.networks[0].architecture, self.m, self.batch)
        return len(self.networks) * len(self.losses) * each


class Tried(NamedTuple):
    """What a short training with other settings has shown."""

    before: float  # mean loss with the settings as they are
    after: float
    clear: bool  # whether it is lower by as much as matters
    errors: float  # by how many standard errors it is lower

    @property
    def helped(self) -> bool:
        """Whether it is clearly lower, and not by chance."""
        return self.clear and self.errors >= ERRORS

    @property
    def helped_as_expected(self) -> bool:
        """The same where there is strong reason to expect it."""
        return self.clear and self.errors >= ERRORS_EXPECTED


class Seen:
    """What is measured, each once and when a rule asks for it."""

    def __init__(
        self, case: Case, held: Examples | None, *, thorough: bool, threads: int = 1
    ) -> None:
        self.case, self.thorough = case, thorough
        self.held_out = held is not None and held.m > 0
        n_x = case.networks[0].architecture.n_x
        most = min(SAMPLE, max(FEWEST, NUMBERS // n_x))
        self.some = sample_of(case.examples, most)
        if held is not None and held.m:
            self.learnt, self.judged = sample_of(case.examples, 4 * most), sample_of(held, most)
        else:
            # Drawn: rows may come by turns, one class after the other.
            every = sample_of(case.examples, 2 * most)
            rows = np.random.default_rng(0).permutation(every.m)
            half = -(-every.m // 2)
            self.learnt, self.judged = (
                every.take(np.sort(part)) for part in (rows[:half], rows[half:])
            )
        work = case.work
        after = min(AFTER_A_FIT * work, max(AFTER_A_LONG_FIT * work, ALWAYS))
        allowance = max(ASKED_FOR, work) if thorough else after
        self.trials = Trials(case, self.learnt, self.judged, allowance, threads)

    @property
    def shape(self) -> Architecture:
        """Of every member."""
        return self.case.networks[0].architecture

    # --- on some of the examples ---------------------------------------------------------

    @cached_property
    def X(self) -> Numbers:
        """(n_x, m)."""
        return dense(rows_of(self.some.X, self.some.rows)).T

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """Of each input."""
        return np.asarray(self.X.mean(axis=1, dtype=np.float64))

    @cached_property
    def deviation(self) -> NDArray[np.float64]:
        """The standard deviation of each input."""
        centred = self.X - self.mean[:, np.newaxis]
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", centred, centred) / centred.shape[1]))

    @cached_property
    def Y(self) -> Numbers:
        """(n_y, m)."""
        return self.some.truth(self.shape.n_y)[0]

    @cached_property
    def baseline(self) -> float:
        """The loss of the best constant answer."""
        return baseline_of(self.shape, *self.some.truth(self.shape.n_y))

    @cached_property
    def _looked(self) -> tuple[Numbers, tuple[Units, ...]]:
        rows, outputs, units = rows_of(self.some.X, self.some.rows), [], []
        for network in self.case.networks[: MEMBERS if self.thorough else AFTER_FIT]:
            Z1, A1, _, A2 = engine.forward(self.shape, network.vector, rows, 1)
            outputs.append(A2)
            if self.shape.n_h:
                units.append(Units(self.shape, network.parameters, Z1, A1))
        return sum(outputs[1:], outputs[0]) / len(outputs), tuple(units)

    @property
    def A2(self) -> Numbers:
        """(n_y, m): the members' mean."""
        return self._looked[0]

    @property
    def units(self) -> tuple[Units, ...]:
        """Of each member."""
        return self._looked[1]

    @property
    def inputs_usual(self) -> bool:
        """Whether they are of the usual size, as the encoding makes them."""
        return self.case.settings.get("encode") is not None

    @cached_property
    def starts(self) -> tuple[Units, ...]:
        """Of each member where it began."""
        some, found = sample_of(self.some, AT_START), []
        rows = rows_of(some.X, some.rows)
        for network in self.case.starts[:AFTER_FIT] if self.shape.n_h else ():
            Z1, A1, _, _ = engine.forward(self.shape, network.vector, rows, 1)
            found.append(Units(self.shape, network.parameters, Z1, A1))
        return tuple(found)

    @cached_property
    def curve(self) -> Curve | None:
        """Of the training's losses. Of a constant target nothing is a share."""
        return self._curve(self.case.losses)

    @cached_property
    def validation(self) -> Curve | None:
        """Of the validation part's losses."""
        return self._curve(self.case.validation_losses) if self.curve else None

    def _curve(self, losses: tuple[float, ...]) -> Curve | None:
        usable = self.baseline > 1e-12 and any(np.isfinite(losses))
        return curve_of(losses, self.baseline) if usable else None

    @cached_property
    def every(self) -> Examples:
        """All that are known, those held out among them, of very many some."""
        given = self.case.given
        return sample_of(given.examples if given else self.case.examples, HASHED)

    @cached_property
    def hashes(self) -> Hashes:
        """Of each of their rows of inputs."""
        return hashes_of(rows_of(self.every.X, self.every.rows))

    @cached_property
    def distinct(self) -> int:
        """How many of these differ."""
        hashes = np.sort(self.hashes)
        return 1 + int(np.count_nonzero(hashes[1:] != hashes[:-1]))

    # --- on the examples that are judged --------------------------------------------------

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """The first member's loss on each example that is judged."""
        return losses_from(self._said[0], self.shape, self.judged)

    @cached_property
    def loss(self) -> float:
        """Their mean."""
        return float(self.losses.mean()) if len(self.losses) else np.inf

    @cached_property
    def explained(self) -> float:
        """The share of the variance on these examples that the first member explains."""
        if not self.judged.m:
            return 0.0
        truth = self.judged.truth(self.shape.n_y)[0].astype(np.float64)
        found = explained(self.answers.astype(np.float64), truth, truth.mean(axis=1, keepdims=True))
        return found if np.isfinite(found) else -1.0

    @property
    def answers(self) -> Numbers:
        """What the first member predicts, (n_y, m)."""
        return self._said[1]

    @cached_property
    def _said(self) -> tuple[Numbers, Numbers]:
        """Its Z2 and A2."""
        rows = rows_of(self.judged.X, self.judged.rows)
        _, _, Z2, A2 = engine.forward(self.shape, self.case.networks[0].vector, rows, 1)
        return Z2, A2

    @property
    def looked_at(self) -> bool:
        """Whether the rows can be compared with their neighbours."""
        return self.judged.m >= FEWEST_JUDGED and not isinstance(self.case.examples.X, Sparse)

    @property
    def _to_learn(self) -> int:
        """Of how many rows neighbours are sought: of new ones of no more than the network was trained on."""
        return min(LEARNT, self.case.m) if self.case.new and self.case.m else LEARNT

    @cached_property
    def reference(self) -> Reference:
        """What neighbours or random features explain; nothing where it is not looked at."""
        if not self.looked_at:
            return NOTHING
        learnt, asked = sample_of(self.learnt, self._to_learn), sample_of(self.judged, ASKED)
        (X, Y), (V, T) = ((_numbers(some), _targets(some, self.shape)) for some in (learnt, asked))
        return Reference(X, Y, V, T)

    @cached_property
    def order(self) -> Reference:
        """The same of the number of the class, in their order."""
        learnt, asked = sample_of(self.learnt, self._to_learn), sample_of(self.judged, ASKED)
        (X, y), (V, t) = (
            (_numbers(some), some.truth(self.shape.n_y)[0].argmax(axis=0)[:, np.newaxis] * 1.0)
            for some in (learnt, asked)
        )
        return Reference(X, y, V, t)

    @cached_property
    def comparable(self) -> bool:
        """Whether shares of the variance tell how good the network is.

        With weights it answers another question than neighbours do, and where a few targets are
        far out the variance is theirs.
        """
        weights = self.judged.weights
        unequal = weights is not None and weights.max() > UNEQUAL * weights.min()
        return not unequal and self.carried.max(initial=0.0) < CARRIED

    @cached_property
    def carried(self) -> NDArray[np.float64]:
        """Of each target of a regression, the share of the variance that its outermost rows carry."""
        if self.shape.output != "identity" or not self.learnt.m:
            return np.zeros(0)
        Y = self.learnt.truth(self.shape.n_y)[0].astype(np.float64)
        squares = np.sort((Y - np.median(Y, axis=1, keepdims=True)) ** 2, axis=1)
        outermost = squares[:, -outermost_of(self.learnt.m) :].sum(axis=1)
        return np.asarray(outermost / np.maximum(squares.sum(axis=1), 1e-300))

    @cached_property
    def behind(self) -> bool:
        """Whether the network leaves twice as much unexplained as neighbours or random features."""
        if not self.comparable or self.explained > GOOD:
            return False
        if not self.reference.reaches(self.explained + SOMETHING):
            return False
        return self.poor or self.reference.reaches((1 + self.explained) / 2)

    @cached_property
    def below(self) -> bool:
        """Whether these explain clearly more than the network does, on enough rows."""
        enough = self.judged.m >= FEWEST_COMPARED and self.explained <= GOOD
        return enough and self.comparable and self.reference.reaches(self.explained + SOMETHING)

    @cached_property
    def by_heart(self) -> bool:
        """Whether it explains far more of the rows that it was trained on than these do of other rows."""
        own = self.looked_at and not (self.held_out or self.case.new)
        return own and not self.reference.reaches(self.explained - LEARNT_BY_HEART)

    @cached_property
    def poor(self) -> bool:
        """Whether these explain twice as much as the network does."""
        if not self.comparable or self.explained > GOOD:
            return False
        return self.reference.reaches(max(SOMETHING, 2 * self.explained))

    @cached_property
    def new_loss(self) -> float:
        """The first member's mean loss on all examples that are looked at: the curves are its own."""
        return float(np.mean(self._all_losses))

    @property
    def new_error(self) -> float:
        """The standard error of that."""
        return float(np.std(self._all_losses)) / max(len(self._all_losses), 1) ** 0.5

    @cached_property
    def _all_losses(self) -> NDArray[np.float64]:
        return losses_of(self.shape, self.case.networks[0].vector, self.some)

    @cached_property
    def over_constant(self) -> tuple[float, float]:
        """By how much the loss on the examples that are judged is below a constant answer's, and the error of that."""
        gain = losses_of_constant(self.shape, self.judged.truth(self.shape.n_y)[0]) - self.losses
        return float(gain.mean()), float(gain.std()) / max(len(gain), 1) ** 0.5

    @cached_property
    def share(self) -> float:
        """The loss as a share of a constant answer's."""
        return self.loss / max(self.baseline, 1e-300)

    def tried(self, changes: Mapping[str, Any], **how: Any) -> Tried | None:
        """Whether a short training with these settings is clearly better; None if it cannot be tried.

        Where no rows are held out the settings as they are, if they are known, have to be tried
        again on the same rows: on its own training rows a network is better than on others.
        """
        if self.judged.m < FEWEST_JUDGED:
            return None
        known = self.held_out or self.case.recipes is None
        before = self.losses if known else self.trials.losses({})
        after = None if before is None else self.trials.losses(changes, **how)
        if before is None or after is None:
            return None
        first, gain = float(before.mean()), before - after
        mean, error = float(gain.mean()), float(gain.std()) / len(gain) ** 0.5
        clear = mean >= max(CLEARLY * self.baseline, CLEARLY_LESS * first)
        if not clear and self.trials.was_cut(changes):
            return None  # a longer training might have shown more
        return Tried(first, float(after.mean()), clear, mean / max(error, 1e-300))


GOOD = 0.9  # of the variance: a network that explains so much is not poor
SOMETHING = 0.15  # of the variance: less may be chance
LEARNT_BY_HEART = 0.4  # of the variance, more than neighbours of a row say of it
UNEQUAL = 1.5  # times the smallest weight of a row is the largest
FEWEST_COMPARED = 50  # rows, on which SOMETHING is no chance
OUTERMOST, CARRIED = 0.01, 0.5  # of the rows, and the share of the variance that they carry
FEWEST_JUDGED = 12  # examples
CLEARLY = 0.03  # of the baseline
CLEARLY_LESS = 0.1  # of the loss
ERRORS, ERRORS_EXPECTED = 1.5, 0.5  # standard errors of the mean difference


def outermost_of(m: int) -> int:
    """How many of so many rows are the outermost."""
    return 1 + math.ceil(OUTERMOST * m)


def _numbers(examples: Examples) -> NDArray[np.float64]:
    """The inputs, (m, n_x); of coded ones the numbers alone, which are their first columns."""
    X = rows_of(examples.X, examples.rows)
    if isinstance(X, Coded) and X.numbers.shape[1]:
        X = X.numbers
    return np.asarray(dense(X), np.float64)


def _targets(examples: Examples, shape: Architecture) -> NDArray[np.float64]:
    """The targets, (m, n_y)."""
    if examples.labels is None:
        assert examples.Y is not None
        Y = examples.Y if examples.rows is None else examples.Y[examples.rows]
        return np.asarray(Y, np.float64)
    labels = examples.labels if examples.rows is None else examples.labels[examples.rows]
    if shape.n_y == 1:
        return labels[:, np.newaxis].astype(np.float64)
    return np.asarray(np.eye(shape.n_y)[labels], np.float64)


def sample_of(examples: Examples, most: int = SAMPLE) -> Examples:
    """At most so many of the examples, evenly spread."""
    if examples.m <= most:
        return examples
    return examples.take((np.arange(most) * (examples.m - 1)) // max(most - 1, 1))


def baseline_of(shape: Architecture, Y: Numbers, w: Numbers | None = None) -> float:
    """The loss of the best constant answer: the mean of Y, on these examples."""
    if shape.output in ("identity", "poisson"):
        losses = losses_of_constant(shape, Y, w)
        return float(losses.mean() if w is None else np.average(losses, weights=w[0]))
    # The loss is linear in Y.
    p = np.average(Y, axis=1, weights=None if w is None else w[0].astype(np.float64)).tolist()
    if shape.output == "sigmoid":
        p += [1 - one for one in p]
    return -sum(one * math.log(one) for one in p if one > 0)


def losses_of_constant(
    shape: Architecture, Y: Numbers, w: Numbers | None = None
) -> NDArray[np.float64]:
    """The loss of that answer on each example."""
    weights = np.ones((1, Y.shape[1])) if w is None else w.astype(np.float64)
    mean = (weights * Y).sum(axis=1, keepdims=True) / weights.sum()
    if shape.output == "identity":
        return np.asarray((0.5 * (Y - mean) ** 2).sum(axis=0), np.float64)
    if shape.output == "poisson":
        usual = np.log(np.maximum(mean, np.finfo(np.float64).tiny))
        return np.asarray(shape.sigma.loss(usual, Y)[0], np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = np.where(Y > 0, -Y * np.log(mean), 0.0)
        no = np.where(Y < 1, -(1 - Y) * np.log(1 - mean), 0.0)
    return np.asarray((yes + (no if shape.output == "sigmoid" else 0.0)).sum(axis=0), np.float64)

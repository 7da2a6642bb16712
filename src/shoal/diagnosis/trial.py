"""Short trainings of other settings on the same rows: what they reach, and what they cost.

A cure is offered when such a training was clearly better. Work is counted in multiply-adds, so that
a diagnosis does not depend on the speed of a machine, nor on what else it does.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.compute.steps import Rule, State, start
from shoal.compute.terms import InMemory
from shoal.data.rows.examples import Examples, dense, rows_of
from shoal.errors import ShoalError
from shoal.network.architecture import Architecture
from shoal.network.initialisers import initialise
from shoal.training.loop import Job, Plan, TrainingState, train
from shoal.training.network import Network

# What an epoch and a step cost besides their rows: 20 µs and 1 µs at 20 billion multiply-adds a second.
EPOCH, STEP = 400_000, 20_000
FEWEST_STEPS = 100  # fewer show nothing
LARGEST = 1e300  # of a loss: means and differences of so many stay finite
USUAL_STEPS, USUAL_ROWS, USUAL_WIDTH, USUAL_RATE = 2000, 32, 32, 0.01


Kept = NDArray[np.bool_] | None  # of each input whether it is used; None: all of them


class Recipe(NamedTuple):
    """How a network is trained with some settings."""

    architecture: Architecture
    plan: Plan
    begin: Callable[[Kept], State]  # where it starts, drawn when asked for; with these inputs alone
    validated: bool  # whether a validation part says when to stop


# From changed settings and a number of rows. Raises ShoalError for settings that exclude each other, as
# `begin` does for an `init` that does not fit.
Recipes = Callable[[Mapping[str, Any], int], Recipe]


class Trainable(Protocol):
    """What short trainings have to know of a case."""

    @property
    def networks(self) -> tuple[Network, ...]:
        """The members."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters of the estimator."""
        ...

    @property
    def batch(self) -> int:
        """Rows of a step; 0 means all."""
        ...

    @property
    def recipes(self) -> Recipes | None:
        """How the estimator trains with other settings."""
        ...


class Trials:
    """The short trainings of one diagnosis; none is made twice, and all share an allowance."""

    def __init__(
        self,
        case: Trainable,
        learnt: Examples,
        judged: Examples,
        allowance: float,
        threads: int = 1,
    ) -> None:
        self._case, self._learnt, self._judged = case, learnt, judged
        self.allowance = allowance  # multiply-adds that are left
        self._threads = threads
        self._known: dict[str, NDArray[np.float64] | None] = {}
        self._cut: set[str] = set()

    def losses(
        self,
        changes: Mapping[str, Any],
        *,
        keep: Kept = None,
        epochs: int = 0,
    ) -> NDArray[np.float64] | None:
        """The loss on each example that is judged; None if there is nothing left to try it with.

        `keep` says of each column whether it is used. `epochs` is the most, if it is not 0.
        """
        name = repr((sorted(changes.items()), None if keep is None else keep.tobytes(), epochs))
        if name not in self._known:
            self._known[name] = self._losses(changes, keep, epochs)
        return self._known[name]

    def _losses(
        self, changes: Mapping[str, Any], keep: Kept, most: int
    ) -> NDArray[np.float64] | None:
        learnt, judged = self._learnt, self._judged
        if not (learnt.m and judged.m) or self._too_little(learnt.m, keep):
            return None
        try:
            recipe = self._recipe(changes, learnt.m)
        except ShoalError:
            return None
        scaled = changes.get("encode") == "auto" and self._case.settings.get("encode") is None
        if scaled or keep is not None:
            learnt, judged = _changed(learnt, judged, scaled=scaled, keep=keep)
        shape, plan = _with_inputs(recipe.architecture, keep), recipe.plan
        batch = min(plan.rule.batch_size, learnt.m)
        each = work_of(shape, learnt.m, batch)
        if most:
            plan = plan._replace(max_iter=min(plan.max_iter, most))
        whole = plan.max_iter
        epochs = min(whole, int(self.allowance / each))
        steps = epochs * (-(-learnt.m // batch) if batch else 1)
        if epochs < plan.max_iter and steps < FEWEST_STEPS:
            return None
        plan = plan._replace(max_iter=epochs, rule=plan.rule._replace(batch_size=batch))
        try:
            state = recipe.begin(keep)
        except ShoalError:
            return None
        validation = InMemory(judged) if recipe.validated else None
        job = Job(shape, plan, InMemory(learnt), validation, threads=self._threads)
        trained = train(job, TrainingState(state, state.parameters))
        self.allowance -= each * trained.epochs
        if epochs < whole and trained.ending == "finished":
            self._cut.add(repr(sorted(changes.items())))
        return losses_of(shape, trained.parameters, judged)

    def _too_little(self, m: int, keep: Kept) -> bool:
        """Whether what is left allows next to no steps of the network as it is; it costs nothing to ask."""
        batch = min(self._case.batch, m)
        each = work_of(_with_inputs(self._case.networks[0].architecture, keep), m, batch)
        steps = self.allowance / each * (-(-m // batch) if batch else 1)
        return self.allowance <= 0 or (steps < FEWEST_STEPS / 4 and self._case.recipes is not None)

    def was_cut(self, changes: Mapping[str, Any]) -> bool:
        """Whether a training with these settings ended as the allowance did."""
        return repr(sorted(changes.items())) in self._cut

    def _recipe(self, changes: Mapping[str, Any], m: int) -> Recipe:
        if self._case.recipes is not None:
            return self._case.recipes(changes, m)
        return usual_recipe(self._case.networks[0], m, **changes)


def usual_recipe(network: Network, m: int, hidden: int | str | None = None, **_: Any) -> Recipe:
    """How a network is trained of which no settings are known: by adam, and not long."""
    shape = network.architecture
    if hidden is not None:
        shape = shape._replace(n_h=USUAL_WIDTH if isinstance(hidden, str) else hidden)
    first = shape.flatten(initialise(*shape[:3], key=0, activation=shape.activation), network.dtype)
    batch = min(USUAL_ROWS, m)
    rule = Rule("adam", USUAL_RATE, batch_size=batch)
    plan = Plan(rule, max(1, USUAL_STEPS * batch // m), n_iter_no_change=0)
    return Recipe(shape, plan, lambda _: start(first, "adam"), True)


def _with_inputs(shape: Architecture, keep: Kept) -> Architecture:
    return shape if keep is None else shape._replace(n_x=int(keep.sum()))


def work_of(shape: Architecture, m: int, batch: int) -> float:
    """The multiply-adds of an epoch over m examples; those of one number of an input count as one."""
    inner = shape.n_h * (shape.n_x + shape.n_y + 10) or shape.n_x * shape.n_y
    return EPOCH + STEP * (-(-m // batch) if batch else 1) + 3.0 * inner * m


def losses_of(
    shape: Architecture, vector: NDArray[np.floating], examples: Examples
) -> NDArray[np.float64]:
    """The loss of a network on each of some examples, times its weight."""
    Z2 = engine.forward(shape, vector, rows_of(examples.X, examples.rows), 1)[2]
    return losses_from(Z2, shape, examples)


def losses_from(
    Z2: NDArray[np.floating], shape: Architecture, examples: Examples
) -> NDArray[np.float64]:
    """The same of a network's Z2."""
    Y, w = examples.truth(shape.n_y)
    losses = shape.sigma.loss(Z2.astype(np.float64), Y.astype(np.float64))[0]
    if w is not None:
        losses = losses * (w[0] / max(float(w.mean()), 1e-300))
    return np.where(losses < LARGEST, losses, LARGEST)  # what is not a number, too


def _changed(
    learnt: Examples, judged: Examples, *, scaled: bool, keep: Kept
) -> tuple[Examples, Examples]:
    """The same examples with standardised columns, or with some of them alone."""
    X = dense(rows_of(learnt.X, learnt.rows)).astype(np.float64)
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    deviation = np.where(deviation > 1e-12 * np.abs(mean), deviation, np.inf)

    def changed(examples: Examples) -> Examples:
        X = dense(rows_of(examples.X, examples.rows))
        if scaled:
            X = np.ascontiguousarray((X - mean) / deviation, X.dtype)
        if keep is not None:
            X = np.ascontiguousarray(X[:, keep])
        Y, labels, weights = examples[1:4]
        rows = slice(None) if examples.rows is None else examples.rows
        return Examples(
            X,
            None if Y is None else np.ascontiguousarray(Y[rows]),
            None if labels is None else labels[rows],
            None if weights is None else np.ascontiguousarray(weights[rows]),
        )

    return changed(learnt), changed(judged)

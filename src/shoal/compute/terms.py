"""The seam: rows, and whoever adds up their terms. A trainer knows no more of either."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.compute import kernel, levenberg
from shoal.compute.builds import BUILD, Stop
from shoal.compute.engine import engine
from shoal.compute.points import Descent, Limits
from shoal.compute.steps import Budget, Judge, Judged, Outcome, Rule, State, Vector
from shoal.compute.windows import Windows, train_in_windows
from shoal.data.rows.examples import Examples, exact
from shoal.network.architecture import Architecture
from shoal.sums import GradientSums


class Terms(Protocol):
    """The rows of a training or of its validation part, wherever they are."""

    @property
    def m(self) -> int:
        """How many rows there are."""
        ...

    def sums(
        self,
        architecture: Architecture,
        parameters: Vector,
        threads: int,
        *,
        gradients: bool = True,
        stop: Stop | None = None,
    ) -> GradientSums:
        """Loss, weight and gradients over all rows, added along the fixed tree."""
        ...

    def exact(self) -> "ExactTerms":
        """The same rows in float64, of which there is the curvature as well."""
        ...

    def train(
        self,
        architecture: Architecture,
        rule: Rule,
        budget: Budget,
        state: State,
        threads: int,
        stop: Stop | None = None,
    ) -> Outcome:
        """Epochs, or iterations of full-batch descent."""
        ...


class ExactTerms(Protocol):
    """Rows in float64."""

    def sums(
        self,
        architecture: Architecture,
        parameters: Vector,
        threads: int,
        *,
        gradients: bool = True,
        curvature: bool = False,
        stop: Stop | None = None,
    ) -> GradientSums:
        """Loss, weight and gradients; with `curvature` the triangle of JᵀΛJ before the gradient."""
        ...

    def descend(
        self,
        architecture: Architecture,
        a: NDArray[np.float64],
        limits: Limits,
        start: Descent,
        threads: int,
        stop: Stop | None = None,
    ) -> Descent:
        """Levenberg and Marquardt's descent with a penalty of each parameter."""
        ...


def exact_sums(
    architecture: Architecture,
    parameters: Vector,
    examples: Examples,
    threads: int,
    *,
    gradients: bool = True,
    curvature: bool = False,
    stop: Stop | None = None,
) -> GradientSums:
    """The sums of rows in float64, dense."""
    if curvature:
        return engine.curvature(architecture, parameters, examples, threads, stop=stop)
    return engine.sums(architecture, parameters, examples, threads, gradients=gradients, stop=stop)


def sums_of(
    terms: ExactTerms, architecture: Architecture, threads: int, stop: Stop | None
) -> levenberg.Sums:
    """What a descent asks of the rows."""

    def sums(x: NDArray[np.float64], *, curvature: bool) -> GradientSums:
        total = terms.sums(
            architecture, x, threads, gradients=False, curvature=curvature, stop=stop
        )
        if stop is not None and stop.requested:
            raise stop.exception or KeyboardInterrupt
        return total

    return sums


class ExactInMemory(NamedTuple):
    """All rows are here, in float64."""

    examples: Examples

    def descend(
        self,
        architecture: Architecture,
        a: NDArray[np.float64],
        limits: Limits,
        start: Descent,
        threads: int,
        stop: Stop | None = None,
    ) -> Descent:
        """Levenberg and Marquardt's descent, in the kernel where there is one."""
        if BUILD == "plain":
            return levenberg.descend(sums_of(self, architecture, threads, stop), a, limits, start)
        return kernel.levenberg(architecture, a, limits, self.examples, start, threads, stop)

    def sums(
        self, architecture: Architecture, parameters: Vector, threads: int, **wanted: Any
    ) -> GradientSums:
        """Loss, weight and gradients; with `curvature` the triangle of JᵀΛJ before the gradient."""
        return exact_sums(architecture, parameters, self.examples, threads, **wanted)


class InMemory(NamedTuple):
    """All rows are here: the engine takes them as they are."""

    examples: Examples

    @property
    def m(self) -> int:
        """How many rows there are."""
        return self.examples.m

    def sums(
        self,
        architecture: Architecture,
        parameters: Vector,
        threads: int,
        *,
        gradients: bool = True,
        stop: Stop | None = None,
    ) -> GradientSums:
        """Loss, weight and gradients over all rows, added along the fixed tree."""
        return engine.sums(
            architecture, parameters, self.examples, threads, gradients=gradients, stop=stop
        )

    def exact(self) -> ExactTerms:
        """The same rows in float64, of which there is the curvature as well."""
        return ExactInMemory(exact(self.examples))

    def train(
        self,
        architecture: Architecture,
        rule: Rule,
        budget: Budget,
        state: State,
        threads: int,
        stop: Stop | None = None,
    ) -> Outcome:
        """Epochs, or iterations of full-batch descent, in the engine."""
        if windowed(rule, self.m):
            cut = Windows(self.m, rule.shuffle_rows)
            return train_in_windows(architecture, rule, budget, cut, self, state, threads, stop)
        return engine.train(architecture, rule, budget, self.examples, state, threads, stop)

    def train_judged(
        self,
        architecture: Architecture,
        rule: Rule,
        budget: Budget,
        state: State,
        threads: int,
        held: "InMemory",
        judge: Judge,
        stop: Stop | None = None,
    ) -> Judged:
        """The same, each epoch judged by its loss on rows that are held out; not in windows."""
        return engine.train_judged(
            architecture, rule, budget, (self.examples, held.examples), state, threads, judge, stop
        )

    def windows(self, windows: list[list[slice]]) -> Iterator[Examples]:
        """The rows of each window: those of its slices, one behind the other."""
        for slices in windows:
            yield self.examples.take(np.concatenate([np.arange(s.start, s.stop) for s in slices]))


def windowed(rule: Rule, m: int) -> bool:
    """Whether an epoch over m rows goes through several windows."""
    return rule.batch_size > 0 and 0 < rule.shuffle_rows < m

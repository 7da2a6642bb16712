"""L-BFGS: steps of about Newton's length from the gradients of the last few steps.

    x, g      parameters, and the slope of the cost there; float64, whatever the precision of
              the network, which sees x rounded to its own
    s, y      how a step changed x and g; the last HISTORY pairs are remembered
    d         direction of a step, -H g with H an inverse curvature made from the pairs
    a         length of a step: x + a d
    f, slope  cost at x + a d, and its derivative dᵀg by a

The cost is (Σ loss + ½ α Σ W²) / m. Whoever adds up the terms of a gradient, the bits are the
same; products of vectors are added in one order too (`engine.dot`), and nothing else is a sum.

Sources: the recursion, Nocedal and Wright, *Numerical Optimization* (2006), algorithm 7.4; the
line search, algorithms 3.5 and 3.6 there in one loop; what it accepts near the end, where the
cost is known to fewer digits than its slope, Hager and Zhang (SIAM J. Optim. 16, 2005), (4.1).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.builds import Stop
from shoal.compute.engine import engine
from shoal.compute.steps import Budget, Outcome, Rule, State, Vector
from shoal.compute.terms import Terms
from shoal.network.architecture import Architecture

Exact = NDArray[np.float64]

HISTORY = 10  # pairs; 3 to 20 are usual (Nocedal and Wright, page 179)
WOLFE_C1 = 1e-4  # of the fall that the slope promises (c1 there)
WOLFE_C2 = 0.9  # the slope at the end is at most this share of the first (c2 there)
NOISE = 1e-6  # of the cost, in which it may be wrong (Hager and Zhang's ε)
MOST = 20  # trials of one line search
GROW = 4.0  # how much longer the next trial is while the cost still falls
INSIDE = 0.1  # a trial keeps this share of a bracket away from its ends
GRADIENT_TOLERANCE = (
    1e-5  # no slope above it: converged (as in L-BFGS-B: Zhu et al., ACM TOMS 23, 1997)
)


class Pair(NamedTuple):
    """What one step says of the curvature."""

    s: Exact
    y: Exact
    curvature: float  # sᵀy, above 0


class Point(NamedTuple):
    """A trial of the line search."""

    a: float
    f: float
    slope: float
    x: Exact
    g: Exact
    loss: float  # mean loss: f without the penalty


class Memory(NamedTuple):
    """What is remembered between two steps; in `State` it is one vector, see `_packed`."""

    x: Exact
    g: Exact
    f: float
    loss: float
    pairs: tuple[Pair, ...]  # the oldest first

    @property
    def started(self) -> bool:
        """Whether f and g are known."""
        return bool(np.isfinite(self.f))


def start(parameters: Vector) -> State:
    """The state before the first step."""
    x = parameters.astype(np.float64)
    return State(parameters, _packed(Memory(x, np.zeros_like(x), np.inf, np.inf, ())), parameters)


def memory_bytes(n_parameters: int) -> int:
    """What a member needs in addition to its parameters: the pairs, twice while they are packed."""
    return 8 * 2 * (2 * HISTORY + 2) * n_parameters


def iterate(
    architecture: Architecture,
    rule: Rule,
    budget: Budget,
    terms: Terms,
    state: State,
    threads: int,
    stop: Stop | None = None,
) -> Outcome:
    """Run this many iterations, each a step downhill; ends "converged" where there is none.

    An iteration's loss is that of the parameters behind its step. What is remembered of a
    first iteration's cost is not trusted: the rows may be new.
    """
    cost = _cost_of(architecture, rule, terms, state.parameters.dtype, threads, stop)
    memory = _unpacked(state.memory, len(state.parameters))
    losses: list[float] = []
    ending, interruption = "finished", None
    try:
        if budget.first_epoch == 0 or not memory.started:
            memory = memory._replace(**cost(memory.x)._asdict())
        for _ in range(budget.n_epochs):
            if not np.isfinite(memory.f):
                losses.append(memory.loss)
                ending = "diverged"
                break
            after = None if _level(memory.g, budget.converged) else _step(memory, cost)
            if after is None:
                losses += [] if losses or budget.first_epoch else [memory.loss]
                ending = "converged"
                break
            memory = after
            losses.append(memory.loss)
            state = _judged(state, memory, budget.tol)
            if budget.patience and state.waited >= budget.patience:
                ending = "plateau"
                break
    except KeyboardInterrupt as signal:
        # The kernel keeps what a signal raised; a cluster lets it through.
        ending, interruption = "interrupted", stop.exception if stop and stop.requested else signal
    rounded = memory.x.astype(state.parameters.dtype)
    state = state._replace(parameters=rounded, memory=_packed(memory))
    return Outcome(state, np.array(losses), ending, interruption)


# --- the cost -------------------------------------------------------------------------


class Cost(NamedTuple):
    """Cost and slope at x."""

    f: float
    g: Exact
    loss: float


def _cost_of(
    architecture: Architecture,
    rule: Rule,
    terms: Terms,
    dtype: np.dtype[np.floating],
    threads: int,
    stop: Stop | None,
) -> Callable[[Exact], Cost]:
    alpha = np.zeros(architecture.n_parameters)
    views = architecture.unflatten(alpha)
    views.W1[:] = views.W2[:] = rule.alpha  # biases are not penalised

    def cost(x: Exact) -> Cost:
        total = terms.sums(architecture, x.astype(dtype), threads, stop=stop)
        pull = alpha * x
        f = (total.loss + 0.5 * engine.dot(pull, x)) / total.weight
        return Cost(f, (total.gradient + pull) / total.weight, total.loss / total.weight)

    return cost


def _level(g: Exact, converged: float) -> bool:
    return bool(np.abs(g).max() <= converged)


def _judged(state: State, memory: Memory, tol: float) -> State:
    # By the cost: near its lowest point the loss alone may rise again, as the penalty falls.
    waited = 0 if memory.f < state.best_loss - tol else state.waited + 1
    if memory.f < state.best_loss:
        best = memory.x.astype(state.parameters.dtype)
        state = state._replace(best_loss=memory.f, best=best)
    return state._replace(waited=waited)


# --- a step ---------------------------------------------------------------------------


def _step(memory: Memory, cost: Callable[[Exact], Cost]) -> Memory | None:
    """The memory one step later; None when no step leads down.

    A direction that leads nowhere is tried again without the pairs, which may be wrong.
    """
    for pairs in (memory.pairs, ()) if memory.pairs else ((),):
        d = _direction(memory.g, pairs)
        slope = engine.dot(memory.g, d)
        # Without pairs nothing is known of lengths: a step as long as 1 at the most.
        square = engine.dot(d, d)
        first = 1.0 if pairs or square <= 1.0 else 1.0 / np.sqrt(square)
        start = Point(0.0, memory.f, slope, memory.x, memory.g, memory.loss)
        found = search(_trial(start, d, cost), start, first) if slope < 0 else None
        if found is not None:
            return Memory(found.x, found.g, found.f, found.loss, _remembered(pairs, start, found))
    return None


def _direction(g: Exact, pairs: tuple[Pair, ...]) -> Exact:
    """-H g by the two loops."""
    d = -g
    alphas = []
    for s, y, curvature in reversed(pairs):
        alphas.append(engine.dot(s, d) / curvature)
        d = d - alphas[-1] * y
    if pairs:
        s, y, curvature = pairs[-1]
        d = d * (curvature / engine.dot(y, y))
    for (s, y, curvature), alpha in zip(pairs, reversed(alphas), strict=True):
        d = d + (alpha - engine.dot(y, d) / curvature) * s
    return d


def _remembered(pairs: tuple[Pair, ...], start: Point, end: Point) -> tuple[Pair, ...]:
    s, y = end.x - start.x, end.g - start.g
    curvature, square = engine.dot(s, y), engine.dot(y, y)
    if not curvature > np.finfo(np.float64).eps * square:
        return pairs  # it curves the other way: H would not lead down
    if min(curvature, square) < np.finfo(np.float64).tiny:
        return pairs  # they have underflowed: H would divide by nothing
    return (*pairs, Pair(s, y, curvature))[-HISTORY:]


# --- the line search ------------------------------------------------------------------


def _trial(start: Point, d: Exact, cost: Callable[[Exact], Cost]) -> Callable[[float], Point]:
    def trial(a: float) -> Point:
        x = start.x + a * d
        f, g, loss = cost(x)
        return Point(a, f, engine.dot(g, d), x, g, loss)

    return trial


@np.errstate(over="ignore", invalid="ignore")  # what overflows is no good point
def search(trial: Callable[[float], Point], start: Point, first: float) -> Point | None:
    """A point along a line that leads down, by the strong Wolfe conditions; None without one.

    `low` is the best point so far, `high` the other end of what holds a good one.
    """
    low, high, a = start, None, first
    for _ in range(MOST):
        point = trial(a)
        if _good(start, point):
            return point
        fell = point.f <= start.f + WOLFE_C1 * point.a * start.slope and point.f < low.f
        if not fell:
            high = point
        else:
            beyond = point.slope * ((high.a if high else np.inf) - low.a) >= 0
            high, low = (low if beyond else high), point
        a = GROW * a if high is None else _between(low, high)
    return low if low.f < start.f else None


def _good(start: Point, point: Point) -> bool:
    if not np.isfinite(point.f):
        return False
    fell = point.f <= start.f + WOLFE_C1 * point.a * start.slope
    if fell and abs(point.slope) <= -WOLFE_C2 * start.slope:
        return True
    # Costs that differ by less than they may be wrong say nothing: the slopes decide alone. Of
    # a parabola the right bound is the fall above, given by its slope.
    level = abs(point.f - start.f) <= NOISE * abs(start.f)
    return level and WOLFE_C2 * start.slope <= point.slope <= (2 * WOLFE_C1 - 1) * start.slope


def _between(low: Point, high: Point) -> float:
    """Where the cubic through both ends has its minimum; (3.59) in Nocedal and Wright."""
    width = high.a - low.a
    share = 0.5
    if width and np.isfinite(high.f) and np.isfinite(high.slope):
        d1 = low.slope + high.slope - 3 * (high.f - low.f) / width
        square = d1 * d1 - low.slope * high.slope
        if square >= 0:
            d2 = np.copysign(np.sqrt(square), width)
            divisor = high.slope - low.slope + 2 * d2
            if divisor != 0:
                share = 1 - (high.slope + d2 - d1) / divisor
    if not np.isfinite(share):
        share = 0.5
    return low.a + min(max(share, INSIDE), 1 - INSIDE) * width


# --- one vector -----------------------------------------------------------------------


def _packed(memory: Memory) -> Exact:
    """f, loss, how many pairs, their curvatures; x, g, then s and y of each pair."""
    n, k = len(memory.x), len(memory.pairs)
    out = np.zeros(3 + HISTORY + (2 + 2 * HISTORY) * n)
    out[:3] = memory.f, memory.loss, k
    out[3 : 3 + k] = [pair.curvature for pair in memory.pairs]
    vectors = out[3 + HISTORY :].reshape(-1, n)
    for row, V in enumerate((memory.x, memory.g, *(V for p in memory.pairs for V in p[:2]))):
        vectors[row] = V
    return out


def _unpacked(vector: Vector, n: int) -> Memory:
    exact = vector.astype(np.float64, copy=False)
    f, loss, k = exact[:3].tolist()
    k = k if 0 <= k <= HISTORY else 0  # a checkpoint may say anything
    vectors = exact[3 + HISTORY :].reshape(-1, n)
    pairs = tuple(
        Pair(vectors[2 + 2 * i], vectors[3 + 2 * i], float(exact[3 + i])) for i in range(int(k))
    )
    return Memory(vectors[0], vectors[1], f, loss, pairs)

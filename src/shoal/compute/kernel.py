"""The only caller of the compiled kernel: what it needs is made ready here.

The kernel converts nothing. Arrays of another number type, rank or layout raise TypeError, lengths
that do not fit and indices out of range ValueError: kernel/arguments.hpp says which. Only arrays
whose memory is not aligned, as those that arrive over a wire may be, are copied here.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from shoal.compute.builds import Stop
from shoal.compute.builds import compiled as _k
from shoal.compute.coalitions import Background
from shoal.compute.points import Descent, Known, Limits, Penalties, Point, Triple
from shoal.compute.steps import (
    Budget,
    HeldOut,
    Judge,
    Judged,
    Judgement,
    Outcome,
    Rule,
    State,
    Vector,
    not_finite,
)
from shoal.data.encode.coded import Coded, Group
from shoal.data.encode.encoding import Constant, Encoding, Number, Place, SetAside
from shoal.data.rows.examples import Examples, Matrix, Numbers
from shoal.data.rows.sparse import Sparse
from shoal.network.architecture import Architecture
from shoal.sums import GradientSums

Exact = NDArray[np.float64]
Groups = tuple[Group, ...]
ROWS_TO_ENCODE = 1 << 14  # at a time: a copy of them in float64 takes some MB


def _run(function: Callable[..., Any], *given: Any) -> Any:
    """Call a function of the kernel; the TypeError for arrays that it does not take describes them."""
    try:
        return function(*given)
    except TypeError as error:
        found = ", ".join(_described(x) for x in given)
        raise TypeError(
            f"{function.__name__}: expected C-contiguous arrays of native byte order, all numbers of one dtype (float32 or "
            f"float64), and results that can be written. Found: {found}."
        ) from error


def _aligned(x: Any) -> Any:
    """The array, or a copy of it if its memory is not aligned to its numbers; None stays None."""
    return x if x is None or x.flags.aligned else x.copy(order="K")


def _described(x: Any) -> str:
    if not isinstance(x, np.ndarray):
        return type(x).__name__
    order = "" if x.flags.c_contiguous else ", not C-contiguous"
    return f"{x.dtype} array of shape {x.shape}{order}{'' if x.flags.writeable else ', read-only'}"


def _shape(architecture: Architecture, X: Matrix) -> Any:
    if isinstance(X, Sparse):
        entries = max(1, len(X.values) // max(1, len(X)))
        return _shape_of(architecture, (Group(architecture.n_x),), entries)
    return _shape_of(architecture, X.groups if isinstance(X, Coded) else (), 0)


@lru_cache(maxsize=64)  # the members of a fit have the same
def _shape_of(architecture: Architecture, groups: Groups, entries: int) -> Any:
    n_x, n_h, n_y, activation, output = architecture
    names = getattr(_k.Activation, activation), getattr(_k.Output, output)
    return _k.Shape(n_x, n_h, n_y, *names, groups, entries)


def _settings(rule: Rule, budget: Budget) -> Any:
    return _k.Settings(
        solver=_k.Solver.adam if rule.solver == "adam" else _k.Solver.momentum,
        learning_rate=rule.learning_rate,
        momentum=rule.momentum,
        beta1=rule.beta1,
        beta2=rule.beta2,
        epsilon=rule.epsilon,
        penalty=rule.alpha,
        batch_size=rule.batch_size,
        key=rule.key,
        first_epoch=budget.first_epoch,
        n_epochs=budget.n_epochs,
        plateau_tol=budget.tol,
        patience=budget.patience,
        converged_tol=budget.converged,
        decay=rule.decay,
        horizon=rule.horizon,
        dropout=rule.dropout,
    )


def _progress(state: State) -> Any:
    return _k.Progress(state.best_loss, state.waited, state.power1, state.power2)


def _parts(X: Matrix) -> tuple[Numbers, NDArray[np.uint16] | None, Numbers | None, Any]:
    """Dense columns, codes, places, and sparse rows."""
    if isinstance(X, Sparse):
        table = _k.SparseFloat if X.dtype == np.float32 else _k.SparseDouble
        none = np.empty((len(X), 0), X.dtype)
        return none, None, None, _run(table, *map(_aligned, (X.starts, X.columns, X.values)))
    if isinstance(X, Coded):
        return _aligned(X.numbers), _aligned(X.codes), _aligned(X.places), None
    return _aligned(X), None, None, None


def train(
    architecture: Architecture,
    rule: Rule,
    budget: Budget,
    examples: Examples,
    state: State,
    threads: int,
    stop: Stop | None = None,
) -> Outcome:
    """Run epochs (or, with batch_size 0, iterations of full-batch descent) in the kernel."""
    stop = stop or Stop()
    parameters, memory, best = state.parameters.copy(), state.memory.copy(), state.best.copy()
    losses = np.empty(budget.n_epochs)
    progress = _progress(state)
    ending, epochs, progress = _run(
        _k.train, _shape(architecture, examples.X), _settings(rule, budget), *_parts(examples.X), *map(_aligned, examples[1:]), parameters, memory, best, losses, progress,
        threads, stop.flag,
    )  # fmt: skip
    after = State(
        parameters, memory, best, progress.best_loss, progress.waited,
        progress.power1, progress.power2,
    )  # fmt: skip
    # A signal that came with the last step is no reason to forget it.
    name = ending.name if stop.exception is None else "interrupted"
    return Outcome(after, losses[:epochs], name, stop.exception)


def train_judged(
    architecture: Architecture,
    rule: Rule,
    budget: Budget,
    parts: tuple[Examples, Examples],
    state: State,
    threads: int,
    judge: Judge,
    stop: Stop | None = None,
) -> Judged:
    """Run epochs of the first part in the kernel, each judged by its loss on the other, held out."""
    examples, held = parts
    stop = stop or Stop()
    parameters, memory, best = state.parameters.copy(), state.memory.copy(), state.best.copy()
    losses, held_losses = np.empty(budget.n_epochs), np.empty(budget.n_epochs)
    best_held = judge.best.copy()
    ending, epochs, progress, says, plateaus = _run(
        _k.train_judged, _shape(architecture, examples.X), _settings(rule, budget), _part(examples), _part(held),
        parameters, memory, best, losses, _progress(state), judge[1:-1], judge.lower, best_held, held_losses, threads, stop.flag,
    )  # fmt: skip
    after = State(
        parameters, memory, best, progress.best_loss, progress.waited,
        progress.power1, progress.power2,
    )  # fmt: skip
    name = ending.name if stop.exception is None else "interrupted"
    outcome = Outcome(after, losses[:epochs], name, stop.exception)
    judgement = _judgement(judge, best_held, held_losses, says)
    return Judged(outcome, judgement._replace(plateaus=plateaus))


def _judgement(
    before: Judge, best: Vector, losses: Exact, says: tuple[int, int, float, float, int]
) -> Judgement:
    judged, best_epoch, lowest, best_loss, waited = says
    after = before._replace(best=best, lowest=lowest, best_loss=best_loss, waited=waited)
    return Judgement(losses[:judged], after, best_epoch)


def _part(examples: Examples) -> Any:
    kind = _k.PartFloat if examples.X.dtype == np.float32 else _k.PartDouble
    return _run(kind, *_parts(examples.X), *map(_aligned, examples[1:]))


def step(architecture: Architecture, rule: Rule, total: GradientSums, state: State) -> State:
    """One step of the optimiser, from sums that are already added up."""
    parameters, memory = state.parameters.copy(), state.memory.copy()
    shape = _k.Shape(*architecture[:3], _k.Activation.identity, _k.Output.identity, (), 0)
    after = _run(
        _k.step, shape, _settings(rule, Budget(0, 1)), _aligned(np.ascontiguousarray(total.gradient)), total.weight,
        parameters, memory, _progress(state),
    )  # fmt: skip
    return state._replace(
        parameters=parameters, memory=memory, power1=after.power1, power2=after.power2
    )


def sums(
    architecture: Architecture,
    parameters: Vector,
    examples: Examples,
    threads: int,
    *,
    gradients: bool = True,
    stop: Stop | None = None,
) -> GradientSums:
    """Add loss, weight and gradients over all examples, along the fixed tree."""
    stop = stop or Stop()
    n = architecture.n_parameters if gradients else 0
    out = np.empty(n + 2)
    X, *others = examples
    complete = _run(
        _k.sums, _shape(architecture, X), _aligned(parameters), *_parts(X), *map(_aligned, others), out,
        gradients, threads, stop.flag,
    )  # fmt: skip
    if not complete or stop.exception is not None:
        raise stop.exception or KeyboardInterrupt
    return GradientSums(out[:n], float(out[n]), float(out[n + 1]))


def sums_of_shuffled(
    architecture: Architecture,
    parameters: Vector,
    examples: Examples,
    places: Sequence[Place],
    orders: NDArray[np.int64],
    threads: int,
) -> Exact:
    """Loss and weight, (places, 2), where the columns at each place have the values of other rows."""
    out, flag = np.empty((len(places), 2)), _k.StopFlag()
    columns = [
        [end for part in (place.numbers, place.codes, place.places) for end in (part.start, part.stop)]
        for place in places
    ]  # fmt: skip
    complete = _run(
        _k.sums_of_shuffled, _shape(architecture, examples.X), _aligned(parameters), _part(examples),
        np.array(columns, np.int64).reshape(-1, 6), np.ascontiguousarray(orders, np.int64), out, threads, flag,
    )  # fmt: skip
    if not complete or flag.exception is not None:
        raise flag.exception or KeyboardInterrupt
    return out


def curvature(
    architecture: Architecture,
    parameters: Vector,
    examples: Examples,
    threads: int,
    *,
    stop: Stop | None = None,
) -> GradientSums:
    """The sums with the triangle of the Gauss–Newton matrix before the gradient; float64, dense."""
    stop = stop or Stop()
    n = architecture.n_parameters
    out = np.empty(n * (n + 1) // 2 + n + 2)
    X, *others = examples
    complete = _run(
        _k.curvature, _shape(architecture, X), _aligned(parameters), _aligned(X), *map(_aligned, others), out, threads, stop.flag,
    )  # fmt: skip
    if not complete or stop.exception is not None:
        raise stop.exception or KeyboardInterrupt
    return GradientSums(out[:-2], float(out[-2]), float(out[-1]))


def levenberg(
    architecture: Architecture,
    a: Exact,
    limits: Limits,
    examples: Examples,
    start: Descent,
    threads: int,
    stop: Stop | None = None,
    held: HeldOut | None = None,
) -> Descent:
    """The descent of `levenberg.descend`, or with penalties by the evidence that of `lm.py`, to the bit.

    The rows are in float64, dense. Each step can be judged by rows that are `held` out.
    """
    stop = stop or Stop()
    x, best, point = start.point.x.copy(), start.best.copy(), np.array(start.point[1:])
    losses, chosen = np.empty(limits.steps), None
    if start.penalties is not None:
        chosen = np.array([*start.penalties.a, *start.penalties[1:]], np.float64)
    given = (
        _shape(architecture, examples.X), _part(examples), _aligned(a), chosen, x, point, best,
        start.best_cost, start.waited, limits[1:], losses,
    )  # fmt: skip
    judgement = None
    if held is None:
        ending, steps, best_cost, waited = _run(_k.levenberg, *given, threads, stop.flag)
    else:
        best_held, held_losses = held.judge.best.copy(), np.empty(limits.steps)
        ending, steps, best_cost, waited, says = _run(
            _k.levenberg_judged, *given, _shape(architecture, held.examples.X), _part(held.examples),
            held.judge[1:-1], best_held, held_losses, threads, stop.flag,
        )  # fmt: skip
        judgement = _judgement(held.judge, best_held, held_losses, says)
    name = ending if stop.exception is None else "interrupted"
    signal = stop.exception or KeyboardInterrupt() if name == "interrupted" else None
    after = Descent(
        Point(x, *point.tolist()), best, best_cost, waited, tuple(losses[:steps].tolist()), name,
        signal, judgement=judgement,
    )  # fmt: skip
    if chosen is None:
        return after
    first, second, third, settled, moved = chosen.tolist()
    return after._replace(penalties=Penalties((first, second, third), bool(settled), moved))


def evidence(
    architecture: Architecture, x: Exact, a: Triple, examples: Examples, threads: int
) -> Known | None:
    """What the evidence of penalties a of W1, b1 and W2 is made of; None where the matrix has no inverse."""
    out, flag = np.empty(9), _k.StopFlag()
    given = _part(examples), np.array(a), _aligned(np.ascontiguousarray(x))
    if not _run(_k.evidence, _shape(architecture, examples.X), *given, out, threads, flag):
        return None
    first, second, third, *others = out.tolist()
    return Known((first, second, third), (others[0], others[1], others[2]), *others[3:])


def factor(triangle: Exact, diagonal: Exact) -> Exact | None:
    """L of A = L Lᵀ, packed, of a packed triangle with this added to its diagonal; None if not positive."""
    out = triangle.copy()
    return out if _run(_k.factor, out, _aligned(diagonal)) else None


def solve(factor: Exact, b: Exact) -> Exact:
    """X of L Lᵀ x = b."""
    x = b.copy()
    _run(_k.solve, factor, x)
    return x


def inverse_diagonal(factor: Exact, n: int) -> tuple[Exact, float]:
    """The diagonal of the inverse of A = L Lᵀ, and log det A."""
    out = np.empty(n)
    determinant: float = _run(_k.inverse_diagonal, factor, out)
    return out, determinant


def forward(
    architecture: Architecture, parameters: Vector, X: Matrix, threads: int
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Z1, A1, Z2, A2 of rows of X, in the lecture's shapes (units, m)."""
    m, dtype = len(X), X.dtype
    Z1, A1 = np.empty((architecture.n_h, m), dtype), np.empty((architecture.n_h, m), dtype)
    Z2, A2 = np.empty((architecture.n_y, m), dtype), np.empty((architecture.n_y, m), dtype)
    _predict(architecture, parameters, X, Z1, A1, Z2, A2, threads)
    return Z1, A1, Z2, A2


def predict(architecture: Architecture, parameters: Vector, X: Matrix, threads: int) -> Numbers:
    """A2 of rows of X, shape (n_y, m). Raises DataError for a number that is not finite."""
    A2 = np.empty((architecture.n_y, len(X)), X.dtype)
    _predict(architecture, parameters, X, None, None, None, A2, threads)
    return A2


def _predict(
    architecture: Architecture,
    parameters: Vector,
    X: Matrix,
    Z1: Numbers | None,
    A1: Numbers | None,
    Z2: Numbers | None,
    A2: Numbers,
    threads: int,
) -> None:
    flag = _k.StopFlag()
    shape = _shape(architecture, X)
    bad = _run(_k.predict, shape, _aligned(parameters), *_parts(X), Z1, A1, Z2, A2, threads, flag)
    if flag.exception is not None:
        raise flag.exception
    if bad >= 0:
        raise not_finite(_parts(X)[0], bad)


class Ensemble:
    """Networks of one architecture, made ready to be asked again and again for the mean of their A2."""

    def __init__(
        self, architecture: Architecture, vectors: Sequence[Vector], groups: Groups
    ) -> None:
        n_x, n_h, self._n_y, activation, output = architecture
        names = getattr(_k.Activation, activation), getattr(_k.Output, output)
        shape = _k.Shape(n_x, n_h, self._n_y, *names, groups, 0)
        self.dtype = vectors[0].dtype
        kind = _k.EnsembleFloat if self.dtype == np.float32 else _k.EnsembleDouble
        self._members = _run(kind, shape, np.stack(vectors))

    def mean(self, X: Numbers | Coded, threads: int) -> Numbers | None:
        """Of rows as the networks see them, (n_y, m); None where something is not finite."""
        A2, flag = np.empty((self._n_y, len(X)), self.dtype), _k.StopFlag()
        good = _run(self._members.answer, *_parts(X)[:3], A2, threads, flag)
        if flag.exception is not None:
            raise flag.exception
        return A2 if good else None

    def mean_of_numbers(
        self, columns: Any, X: Exact, threads: int
    ) -> tuple[Numbers, NDArray[np.int64]] | None:
        """Of rows of a table, with how many values of each column are missing.

        None where a number is infinite, too large or far outside, or an output is not finite.
        """
        A2, flag = np.empty((self._n_y, len(X)), self.dtype), _k.StopFlag()
        missing = np.zeros(X.shape[1], np.int64)
        good = _run(self._members.answer_numbers, columns, _aligned(X), A2, missing, threads, flag)
        if flag.exception is not None:
            raise flag.exception
        return (A2, missing) if good else None


def number_columns(encoding: Encoding, low: Exact, high: Exact) -> Any:
    """The columns as `Ensemble.mean_of_numbers` takes them; None unless all are numbers."""
    plans = encoding.columns
    if not all(isinstance(plan, Number | SetAside | Constant) for plan in plans):
        return None
    numbers = [
        plan if isinstance(plan, Number) else Number(plan.name, 0.0, 1.0, False) for plan in plans
    ]
    kinds = [1 if isinstance(plan, Number) else 2 * isinstance(plan, Constant) for plan in plans]
    starts = np.cumsum([0, *(len(one.edges) for one in numbers)])
    return _run(
        _k.NumberColumns, np.array(kinds, np.int64), np.array([one.mean for one in numbers]),
        np.array([one.scale for one in numbers]), np.array([one.holes for one in numbers], np.int64),
        starts.astype(np.int64), np.array([edge for one in numbers for edge in one.edges], np.float64),
        np.ascontiguousarray(low, np.float64), np.ascontiguousarray(high, np.float64),
    )  # fmt: skip


def encoded(
    encoding: Encoding, rows: Callable[[slice], NDArray[Any]], m: int, dtype: DTypeLike
) -> Coded | Numbers | None:
    """The matrix of m rows of numbers, of which `rows` gives some.

    None for a column that is no number, and where a number is infinite or too large.
    """
    columns = number_columns(encoding, np.empty(0), np.empty(0))
    if columns is None:
        return None
    out = encoding.empty(m, dtype)
    for begin in range(0, m, ROWS_TO_ENCODE):
        part = slice(begin, begin + ROWS_TO_ENCODE)
        X = _aligned(np.ascontiguousarray(rows(part), np.float64))
        written = (out.numbers[part], out.codes[part], out.places[part])
        if not _run(_k.encode_numbers, columns, X, *written):
            return None
    return out if out.groups else out.numbers


def ready(architecture: Architecture, vectors: Sequence[Vector], groups: Groups) -> Ensemble | None:
    """The networks, ready for predictions."""
    return Ensemble(architecture, vectors, groups)


def means_of_coalitions(
    architecture: Architecture,
    vectors: Sequence[Vector],
    background: Background,
    P: NDArray[Any],
    moves: NDArray[np.int32],
    threads: int,
    *,
    log_odds: bool,
) -> Exact:
    """Of each row the mean over the background after each move, (rows, moves, n_y).

    P is what each column of the rows adds to the first layer, (members, rows, columns, units).
    """
    n_x, n_h, n_y, activation, output = architecture
    names = getattr(_k.Activation, activation), getattr(_k.Output, output)
    _, rows, columns, units = P.shape
    out, flag = np.zeros((rows, len(moves) * n_y)), _k.StopFlag()
    if rows and columns and len(moves):
        _run(
            _k.means_of_coalitions, _k.Shape(n_x, n_h, n_y, *names, (), 0), np.stack(vectors),
            *(np.ascontiguousarray(each.reshape(-1, units)) for each in (*background, P)),
            moves, log_odds, out, threads, flag,
        )  # fmt: skip
    if flag.exception is not None:
        raise flag.exception
    return out.reshape(rows, len(moves), n_y)


def sums_about(
    shift: float, x: NDArray[np.float64], weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Σ w, Σ w d and Σ w d² of d = x - shift, over the values that are not NaN."""
    out = np.zeros(3)
    x = _aligned(np.ascontiguousarray(x, np.float64))
    weights = None if weights is None else _aligned(np.ascontiguousarray(weights, np.float64))
    _run(_k.sums_about, shift, x, weights, out)
    return out


def dot(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """xᵀy, added in one order."""
    product: float = _run(_k.dot, _aligned(x), _aligned(y))
    return product


def child(key: int, index: int) -> int:
    """A key of its own for member, split or purpose `index` of whatever has `key`."""
    found: int = _run(_k.child, key, index)
    return found


def hold_out(
    m: int, fraction: float, key: int, labels: NDArray[np.int32] | None = None
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Rows 0 … m - 1 as (kept, held out), each in ascending order; of each class of `labels` its share."""
    out = np.empty(m, np.uint32)
    kept = _run(_k.hold_out, fraction, key, _aligned(labels), out)
    return out[:kept], out[kept:]


def shuffles(key: int, n: int, m: int) -> NDArray[np.int64]:
    """Rows 0 … m - 1 in n random orders, (n, m)."""
    out = np.empty((n, m), np.int64)
    _run(_k.shuffles, key, out)
    return out


def normal(key: int, stream: int, n: int) -> Exact:
    """The first n numbers of a stream, from the standard normal distribution."""
    out = np.empty(n)
    _run(_k.normal, key, stream, out)
    return out


def normals(key: int, *sizes: int) -> list[Exact]:
    """The first numbers of streams 0, 1, … from the standard normal distribution, so many of each."""
    return [normal(key, stream, n) for stream, n in enumerate(sizes)]


def order(m: int, key: int, epoch: int) -> NDArray[np.uint32]:
    """The order in which an epoch takes m rows."""
    out = np.empty(m, np.uint32)
    _run(_k.order, m, key, epoch, out)
    return out


def apply(name: str, x: Vector) -> Vector:
    """One of the kernel's own functions (exp, tanh, log …) of each number."""
    out = np.empty_like(x)
    _run(_k.apply, name, _aligned(x), out)
    return out

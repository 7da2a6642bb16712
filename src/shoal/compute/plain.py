"""The kernel's twin in plain NumPy: every door of `kernel.py`, through `equations.py`.

It serves processors without fused multiply-add, and the tests that hold the kernel to the
specification. The same blocks, the same tree, the same order of the rows; the bits differ
from the kernel's, as NumPy rounds elsewhere, but the numbers agree.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from shoal.compute.builds import Stop
from shoal.compute.coalitions import Background
from shoal.compute.steps import (
    Budget,
    Judge,
    Judged,
    Judgement,
    Outcome,
    Rule,
    State,
    Vector,
    judge,
    not_finite,
)
from shoal.data.encode.coded import Coded, Group
from shoal.data.encode.encoding import Encoding, Place
from shoal.data.rows.examples import Examples, Matrix, Numbers, dense
from shoal.data.rows.sparse import Sparse
from shoal.data.rows.split import hold_out as hold_out
from shoal.lazily import linalg
from shoal.network import shapley
from shoal.network.activations import Activation
from shoal.network.architecture import Architecture
from shoal.network.draws import child as child
from shoal.network.draws import children, permutation, philox
from shoal.network.draws import normals as normals
from shoal.network.equations import Parameters, backward
from shoal.network.equations import forward as _forward
from shoal.sums import GradientSums, add_in_order, blocks

Exact = NDArray[np.float64]

ROUNDS = 6  # of the order of an epoch, see kernel/random.hpp
DUST = 1e-30  # below it, an optimiser's memory counts as 0, see kernel/optimisers.hpp
GRAIN = 1 << 16  # a chance of dropout is this many parts, see kernel/dropout.hpp


def sums(
    architecture: Architecture,
    parameters: Vector,
    examples: Examples,
    threads: int = 1,
    *,
    gradients: bool = True,
    stop: Stop | None = None,
    kept: Numbers | None = None,
) -> GradientSums:
    """Add loss, weight and gradients over all examples, along the fixed tree.

    `kept` (n_h, m) are the factors of dropout: 0, or 1 / share.
    """
    matrices = architecture.unflatten(parameters)

    def block_sums(part: slice) -> GradientSums:
        X, Y, w = examples.take(part).columns(architecture.n_y)
        g = architecture.g
        if kept is not None:
            g = dropped(g, np.asarray(kept[:, part], X.dtype))
        A = _forward(matrices, X, g, architecture.sigma)
        losses = architecture.sigma.loss(A.Z2, Y)
        weight = X.shape[1] if w is None else w.sum()
        loss = losses.sum() if w is None else (w * losses).sum()
        if not gradients:
            return GradientSums(np.empty(0), float(loss), float(weight))
        # The equations give means, with 1/Σw; what is wanted are sums.
        if not weight > 0:
            return GradientSums(np.zeros(architecture.n_parameters), float(loss), float(weight))
        slopes = backward(matrices, A, X, Y, g, w)[:4]
        flat = np.concatenate([np.asarray(dV, np.float64).reshape(-1) for dV in slopes])
        return GradientSums(flat * float(weight), float(loss), float(weight))

    # OpenBLAS's float32 products with a single column may look at lanes that they do not use, and
    # then raise the flag of an invalid number although all are finite. What is not finite shows.
    with np.errstate(invalid="ignore"):
        return add_in_order([block_sums(part) for part in blocks(examples.m)])


def sums_of_shuffled(
    architecture: Architecture,
    parameters: Vector,
    examples: Examples,
    places: Sequence[Place],
    orders: NDArray[np.int64],
    threads: int = 1,
) -> Exact:
    """Loss and weight, (places, 2), where the columns at each place have the values of other rows."""
    out = np.empty((len(places), 2))
    for row, place, order in zip(out, places, orders, strict=True):
        X: Any = place.shuffled(examples.X, order)  # type: ignore[arg-type]
        total = sums(architecture, parameters, examples._replace(X=X), gradients=False)
        row[:] = total.loss, total.weight
    return out


def curvature(
    architecture: Architecture,
    parameters: Vector,
    examples: Examples,
    threads: int = 1,
    *,
    stop: Stop | None = None,
) -> GradientSums:
    """The sums with the triangle of JᵀΛJ before the gradient: see kernel/curvature.hpp.

    A row of J is ∂Z2/∂θ of one output of one example; Λ is the second derivative of the loss by Z2.
    """
    matrices, n = architecture.unflatten(parameters), architecture.n_parameters

    def block_sums(part: slice) -> GradientSums:
        X, _, w = examples.take(part).columns(architecture.n_y)
        A = _forward(matrices, X, architecture.g, architecture.sigma)
        J, lambdas = jacobian(architecture, matrices, X, A.A1), curved(architecture.output, A.A2)
        w = np.ones((1, X.shape[1])) if w is None else w
        G = np.einsum("kpm,klm,lqm->pq", J, lambdas * w, J, optimize=True)
        packed = sums(architecture, parameters, examples.take(part))
        return packed._replace(gradient=np.concatenate([G[np.tril_indices(n)], packed.gradient]))

    return add_in_order([block_sums(part) for part in blocks(examples.m)])


def jacobian(architecture: Architecture, W: Parameters, X: Numbers, A1: Numbers) -> Numbers:
    """∂Z2/∂θ, of shape (n_y, parameters, m)."""
    n_h, n_y, m = architecture.n_h, architecture.n_y, X.shape[1]
    inner = A1 if n_h else X
    through = W.W2[:, :n_h, np.newaxis] * architecture.g.slope(A1[:n_h])  # dZ2[k] / dZ1[j]
    own = np.eye(n_y)[:, :, np.newaxis]
    parts = (
        (through[:, :, np.newaxis] * X).reshape(n_y, -1, m),
        through,
        (own[:, :, np.newaxis] * inner).reshape(n_y, -1, m),
        np.broadcast_to(own, (n_y, n_y, m)),
    )
    return np.concatenate(parts[2 * (n_h == 0) :], axis=1)


def curved(output: str, A2: Numbers) -> Numbers:
    """∂²L/∂Z2², of shape (n_y, n_y, m)."""
    own = np.eye(len(A2))[:, :, np.newaxis]
    if output == "softmax":
        return own * A2 - A2[:, np.newaxis] * A2
    own_curvature = {"sigmoid": A2 * (1 - A2), "poisson": A2}.get(output, np.ones_like(A2))
    return own * own_curvature


def factor(triangle: Exact, diagonal: Exact) -> Exact | None:
    """L of A = L Lᵀ, packed, of a packed triangle with this added to its diagonal; None if not positive."""
    A = _unpacked(triangle, len(diagonal))
    A[np.diag_indices(len(diagonal))] += diagonal
    try:
        L = np.linalg.cholesky(A) if np.isfinite(A).all() else None
    except np.linalg.LinAlgError:
        return None
    return None if L is None else np.asarray(L[np.tril_indices(len(L))], np.float64)


def solve(factor: Exact, b: Exact) -> Exact:
    """X of L Lᵀ x = b."""
    return np.asarray(linalg.cho_solve((_unpacked(factor, len(b)), True), b))


def inverse_diagonal(factor: Exact, n: int) -> tuple[Exact, float]:
    """The diagonal of the inverse of A = L Lᵀ, and log det A."""
    L = _unpacked(factor, n)
    inverse = linalg.solve_triangular(L, np.eye(n), lower=True)
    return (inverse**2).sum(axis=0), 2 * float(np.log(np.diag(L)).sum())


def _unpacked(triangle: Exact, n: int) -> Exact:
    L = np.zeros((n, n))
    L[np.tril_indices(n)] = triangle
    return L


def train(
    architecture: Architecture,
    rule: Rule,
    budget: Budget,
    examples: Examples,
    state: State,
    threads: int = 1,
    stop: Stop | None = None,
) -> Outcome:
    """Run epochs, one step after another."""
    losses: list[float] = []
    ending = "finished"
    for epoch in range(budget.first_epoch, budget.first_epoch + budget.n_epochs):
        before = state
        try:
            state, loss = _epoch(architecture, rule, examples, state, epoch)
        except KeyboardInterrupt as interruption:
            return Outcome(state, np.array(losses), "interrupted", interruption)
        if stop is not None and stop.requested:
            return Outcome(before, np.array(losses), "interrupted")
        losses.append(loss)
        if not np.isfinite(loss):
            ending = "diverged"
            break
        # Full batch: the loss is that of the parameters before the step.
        judged = before if rule.batch_size == 0 else state
        state = judge(state, judged.parameters, loss, budget.tol)
        if budget.patience and state.waited >= budget.patience:
            state = state._replace(parameters=judged.parameters)
            ending = "plateau"
            break
        moved = np.abs(np.subtract(state.parameters, before.parameters, dtype=np.float64)).max()
        if rule.batch_size == 0 and budget.converged >= 0 and moved <= budget.converged:
            ending = "converged"
            break
    return Outcome(state, np.array(losses), ending)


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
    """Run epochs of the first part, each judged by its loss on the other, held out."""
    examples, held = parts
    ran, losses, best_epoch, plateaus, ending = list[float](), list[float](), 0, 0, "finished"

    def loss_of(parameters: Vector) -> float:
        total = sums(architecture, parameters, held, threads, gradients=False)
        return total.loss / total.weight

    if np.isnan(judge.best_loss):
        judge = judge._replace(best_loss=loss_of(judge.best))
    for epoch in range(budget.first_epoch, budget.first_epoch + budget.n_epochs):
        one = budget._replace(first_epoch=epoch, n_epochs=1)
        outcome = train(architecture, rule, one, examples, state, threads, stop)
        state, ending = outcome.state, outcome.ending
        ran += outcome.losses.tolist()
        if ending in ("interrupted", "diverged"):
            break
        losses.append(loss := loss_of(state.parameters))
        waited = 0 if loss < judge.lowest - judge.tol else judge.waited + 1
        if loss < judge.best_loss:
            judge, best_epoch = judge._replace(best=state.parameters, best_loss=loss), len(losses)
        judge = judge._replace(waited=waited, lowest=min(judge.lowest, loss))
        if ending == "converged":
            break
        if not judge.patience or waited < judge.patience:
            continue
        if plateaus == len(judge.lower):
            ending = "plateau"
            break
        if len(ran) < budget.n_epochs:
            rule = rule._replace(learning_rate=judge.lower[plateaus])
            state, judge = state._replace(parameters=judge.best), judge._replace(waited=0)
            plateaus += 1
    signal = None if stop is None else stop.exception
    judgement = Judgement(np.array(losses), judge, best_epoch, plateaus)
    return Judged(Outcome(state, np.array(ran), ending, signal), judgement)


def _epoch(
    architecture: Architecture, rule: Rule, examples: Examples, state: State, epoch: int
) -> tuple[State, float]:
    loss = weight = 0.0
    if rule.batch_size == 0:
        batches = [examples]
    else:
        shuffled = examples.take(order(examples.m, rule.key, epoch))
        starts = range(0, examples.m, rule.batch_size)
        batches = [shuffled.take(slice(i, i + rule.batch_size)) for i in starts]
    for i, batch in enumerate(batches):
        kept = None
        if rule.dropout and architecture.n_h:
            kept = factors_of_dropout(rule, epoch, i, architecture.n_h, batch.m)
        total = sums(architecture, state.parameters, batch, kept=kept)
        loss, weight = loss + total.loss, weight + total.weight
        now = rule.at(epoch * len(batches) + i, len(batches))
        state = step(architecture, now, total, state)
    return state, loss / weight if weight else float("nan")


def dropped(g: Activation, kept: Numbers) -> Activation:
    """The same activation times the factors of dropout; its slope, from A1 after dropout."""
    share = 1 / kept.max(initial=1)
    return Activation(g.name, lambda Z: g.of(Z) * kept, lambda A: kept * g.slope(A * share))


def factors_of_dropout(rule: Rule, epoch: int, step: int, n_h: int, m: int) -> Numbers:
    """The factor of each hidden unit for each of m examples: see kernel/dropout.hpp."""
    threshold = int(rule.dropout * GRAIN + 0.5)
    places, high = np.arange(m, dtype=np.uint64), (epoch | 1 << 31) << 32 | step
    rows: list[Numbers] = []
    for group in range(0, n_h, 8):
        for word in philox(rule.key, places | np.uint64(group // 8 << 32), high):
            rows += [word & 0xFFFF, word >> 16]
    return np.where(np.stack(rows[:n_h]) < threshold, 0, 1 / (1 - threshold / GRAIN))


def step(architecture: Architecture, rule: Rule, total: GradientSums, state: State) -> State:
    """One step of the optimiser, from sums that someone else has added up."""
    W, memory = state.parameters, state.memory
    power1, power2 = state.power1 * rule.beta1, state.power2 * rule.beta2
    state = state._replace(power1=power1, power2=power2)
    if not total.weight > 0:
        return state  # a batch of weight 0 says nothing
    T = W.dtype.type
    penalised = np.concatenate(
        [np.full(rows * columns, columns_are) for (rows, columns), columns_are in zip(
            architecture.shapes, (True, False, True, False), strict=True)]
    )  # fmt: skip
    alpha = np.where(penalised, T(rule.alpha), T(0))
    shrunk = W * np.where(penalised, T(1 - rule.learning_rate * rule.decay), T(1))
    g = (total.gradient.astype(W.dtype) + alpha * W) * T(1 / total.weight)
    if rule.solver != "adam":
        v = _without_dust(T(rule.momentum) * memory + g)
        return state._replace(parameters=shrunk - T(rule.learning_rate) * v, memory=v)
    first, second = np.split(memory, 2)
    first = _without_dust(T(rule.beta1) * first + (1 - T(rule.beta1)) * g)
    second = _without_dust(T(rule.beta2) * second + (1 - T(rule.beta2)) * g * g)
    length = np.sqrt(second * T(1 / (1 - power2))) + T(rule.epsilon)
    step = T(rule.learning_rate) * ((first * T(1 / (1 - power1))) / length)
    return state._replace(parameters=shrunk - step, memory=np.concatenate([first, second]))


def _without_dust(x: Vector) -> Vector:
    return np.where(np.abs(x) > DUST, x, x.dtype.type(0))


def forward(
    architecture: Architecture, parameters: Vector, X: Matrix, threads: int = 1
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Z1, A1, Z2, A2 of rows of X, in the lecture's shapes (units, m)."""
    matrices = architecture.unflatten(parameters)
    Z1, A1, Z2, A2 = _forward(matrices, dense(X).T, architecture.g, architecture.sigma)
    return Z1, A1 if architecture.n_h else Z1, Z2, A2


def predict(architecture: Architecture, parameters: Vector, X: Matrix, threads: int = 1) -> Numbers:
    """A2 of rows of X, shape (n_y, m). Raises DataError for a number that is not finite."""
    if not isinstance(X, Sparse):  # which was looked at when it was made
        numbers = X.numbers if isinstance(X, Coded) else X
        bad = ~np.isfinite(numbers).all(axis=1)
        if bad.any():
            raise not_finite(numbers, int(np.flatnonzero(bad)[0]))
    # Block by block, so that memory stays bounded.
    parts = [forward(architecture, parameters, X[part])[3] for part in blocks(len(X))]
    return np.concatenate(parts, axis=1) if parts else np.empty((architecture.n_y, 0), X.dtype)


def means_of_coalitions(
    architecture: Architecture,
    vectors: Sequence[Vector],
    background: Background,
    P: Numbers,
    moves: NDArray[np.int32],
    threads: int = 1,
    *,
    log_odds: bool,
) -> Exact:
    """Of each row the mean over the background after each move, (rows, moves, n_y)."""
    out = np.empty((P.shape[1], len(moves), architecture.n_y))
    networks = [architecture.unflatten(vector) for vector in vectors]
    for i, means in enumerate(out):
        # Of each member what is kept at each place.
        kept = [{0: Z1} for Z1 in background.Z1]
        for mean, (first, place, column) in zip(means, moves.tolist(), strict=True):
            A2 = []
            for own, W, Q, p in zip(kept, networks, background.Q, P[:, i], strict=True):
                own[place] = own[first] + (p[column] - Q[:, column])
                Z1 = own[place].T
                Z2 = W.W2 @ architecture.g.of(Z1) + W.b2 if architecture.n_h else Z1
                A2.append(architecture.sigma.of(Z2))
            found = np.asarray(np.mean(A2, axis=0, dtype=A2[0].dtype))
            mean[:] = (shapley.log_odds(found) if log_odds else found).mean(axis=1)
    return out


def sums_about(
    shift: float, x: NDArray[np.float64], weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Σ w, Σ w d and Σ w d² of d = x - shift, over the values that are not NaN, along the fixed tree."""
    w = np.ones_like(x) if weights is None else weights
    w, d = np.where(~np.isnan(x) & (w > 0), [w, x - shift], 0.0)
    if not len(x):
        return np.zeros(3)
    first, second = w * d, w * (d * d)
    sums, _, weight = add_in_order(
        [
            GradientSums(
                np.array([first[part].sum(), second[part].sum()]), 0.0, float(w[part].sum())
            )
            for part in blocks(len(x))
        ]
    )
    return np.array([weight, *sums])


def dot(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """xᵀy, added in the order of kernel/vectors.hpp: to the bit what the kernel gives."""
    products = np.zeros(-(-len(x) // 32) * 32)
    products[: len(x)] = x * y
    lanes = np.zeros(32)
    for some in products.reshape(-1, 32):
        lanes = lanes + some
    first, second, third, fourth = lanes.reshape(4, 8)
    sums = (first + second) + (third + fourth)
    while len(sums) > 1:
        sums = sums[: len(sums) // 2] + sums[len(sums) // 2 :]
    return float(sums[0])


def ready(architecture: Architecture, vectors: Sequence[Vector], groups: tuple[Group, ...]) -> None:
    """Nothing: `predict` is asked each time."""


def encoded(
    encoding: Encoding, rows: Callable[[slice], NDArray[Any]], m: int, dtype: DTypeLike
) -> None:
    """Nothing: Encoding.encode is the plain way."""


def shuffles(key: int, n: int, m: int) -> NDArray[np.int64]:
    """Rows 0 … m - 1 in n random orders, (n, m)."""
    return permutation(children(key, n), 0, m)


def order(m: int, key: int, epoch: int) -> NDArray[np.uint32]:
    """The order in which an epoch takes m rows: see kernel/random.hpp."""
    bits = max(m - 1, 0).bit_length()
    mask, fold = np.uint32((1 << bits) - 1), np.uint32((bits + 1) // 2)
    x = np.arange(1 << bits, dtype=np.uint32)
    for r in range(ROUNDS):
        random = philox(key, np.array([epoch], np.uint64), (1 << 32) + r)[:, 0]
        x = ((x + (random[0] & mask)) * (random[1] | np.uint32(1))) & mask
        x ^= x >> fold
    return x[x < m]

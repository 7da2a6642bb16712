"""How large the errors are on rows that were not seen: what intervals and sets are made of.

Each member holds out rows of its own to stop early, so that many rows were not seen by some members:
their mean is the prediction that the row is compared with. Few members err more than all of them;
on the other hand these rows have chosen the epoch at which their members stopped. The first makes
errors too large and the second too small, by about as much (docs/how-to/intervals.md): neither is
corrected.

Where the evidence chose the penalties, and no row is held out: without row i, one step of Newton's from
the fit leads to the outputs

    Z2 + H (I - Λ H)⁻¹ (A2 - Y)      H = J A⁻¹ Jᵀ, of the row's own J = ∂Z2/∂θ
                                     A = Σ JᵀΛJ + penalties, Λ = ∂²L/∂Z2²

which for a linear model of numbers is exact (then H is the row's leverage). Sources: R. F. Barber,
E. J. Candès, A. Ramdas and R. J. Tibshirani (Annals of Statistics 49, 2021) and B. Kim, C. Xu and
R. F. Barber (NeurIPS 2020) for errors of rows left out; J. Lei, M. G'Sell, A. Rinaldo, R. J.
Tibshirani and L. Wasserman (JASA 113, 2018) for widths that follow the row.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.compute.engine import threads as threads_of
from shoal.compute.plain import curved, jacobian
from shoal.compute.terms import sums_of
from shoal.data.rows.examples import Examples, Matrix, dense, exact, one_behind_the_other, rows_of
from shoal.data.rows.sparse import Sparse
from shoal.diagnosis.case import sample_of
from shoal.errors import DataError
from shoal.estimators.calibration import Calibration, Exact, Spread, of_values
from shoal.estimators.fitted import Fitted
from shoal.estimators.rows import Place, RowProvider
from shoal.estimators.targets import ClassTargets
from shoal.network.architecture import Architecture
from shoal.sums import GradientSums
from shoal.training.evidence import Evidence, grounded, spread
from shoal.training.network import Network

MOST_ROWS = 8192  # of a table that are looked at: quantiles are then known to half a percent
# Of the widths: a linear model with one of these penalties (of the mean square), chosen in folds.
FOLDS, PENALTIES = 3, (0.03, 0.3)
LEAST_ROWS, MOST_OF_SPREAD, MOST_INPUTS = 60, 1024, 400
SMALL = 0.05  # of the mean error: the logarithms of smaller ones say little
TINY = 1e-100  # of a size: where all are 0, widths are nearly that
SURE = 1.0  # standard errors by which widths must be better than none


class Held(NamedTuple):
    """Rows that were not seen, and what members say of them that did not see them."""

    examples: Examples  # all rows of it count
    A2: Exact  # (n_y, rows): the mean of those members
    members: NDArray[np.integer]  # how many they are, of each row


def with_calibration(fitted: Fitted, rows: RowProvider, place: Place, n_jobs: int | None) -> Fitted:
    """The same with what rows that were not seen say of it, if there are any."""
    threads, found_by = threads_of(n_jobs), fitted.history.evidence
    by_evidence = bool(found_by) and all(one.is_known for one in found_by)
    try:
        held = _held_out(fitted, rows, threads)
        if held is None and by_evidence:
            held = _left_out(fitted, rows, place, threads)
        held = _counting(held) if held else None
        found = _calibrated(fitted, held, threads) if held else None
    except (DataError, np.linalg.LinAlgError):  # an output is not finite: nothing is known
        return fitted
    known = found is not None and np.isfinite([found.values.sum(), found.deviation.sum()]).all()
    return fitted.replaced(calibration=found if known else None)


def _calibrated(fitted: Fitted, held: Held, threads: int) -> Calibration | None:
    examples, targets = held.examples, fitted.targets
    weights = None if examples.weights is None else examples.weights.astype(np.float64)
    if isinstance(targets, ClassTargets):
        if targets.labels > 1:
            return None
        # Weights of classes are no numbers of rows.
        own = None if fitted.settings.class_weight is not None else weights
        return of_values(_scores(targets, held)[np.newaxis], own)
    Y, _ = examples.truth(len(held.A2))
    errors = Y.astype(np.float64) - held.A2
    widths, found = _widths(examples, errors, weights, fitted.networks[0].dtype, threads)
    return of_values(errors / widths, weights, found)


def _scores(targets: ClassTargets, held: Held) -> Exact:
    """1 where the predicted class is the true one, else the probability of the true one."""
    labels = held.examples.labels
    assert labels is not None
    p = targets.probabilities(held.A2)[np.arange(len(labels)), labels]
    return np.where(targets.places(held.A2) == labels, 1.0, p)


# --- rows that members held out -------------------------------------------------------------


def _held_out(fitted: Fitted, rows: RowProvider, threads: int) -> Held | None:
    """The rows that members held out, each once."""
    found, parts, numbers = list[Exact](), list[Examples](), list[NDArray[np.int64]]()
    for network, seed in zip(fitted.networks, fitted.history.seeds, strict=True):
        for which, part in rows.held_rows(seed, MOST_ROWS):
            X = rows_of(part.X, part.rows)
            A2 = engine.predict(network.architecture, network.vector, X, threads)
            found.append(A2.astype(np.float64))
            parts.append(_own(part, X))
            numbers.append(which)
    if not sum(len(which) for which in numbers):
        return None
    which, A2 = np.concatenate(numbers), np.concatenate(found, axis=1)
    _, first, row, members = np.unique(
        which, return_index=True, return_inverse=True, return_counts=True
    )
    mean = np.array([np.bincount(row, one) for one in A2]) / members
    return Held(_own(one_behind_the_other(parts), None, first), mean, members)


def _counting(held: Held) -> Held | None:
    """The rows whose weight is not 0."""
    w = held.examples.weights
    if w is None or (w > 0).all():
        return held
    part = np.flatnonzero(w)
    if not len(part):
        return None
    return Held(_own(held.examples, None, part), held.A2[:, part], held.members[part])


def _own(examples: Examples, X: Any = None, part: Any = None) -> Examples:
    """A copy of the rows that count, or of a part of all."""
    part = examples.rows if part is None else part
    X = rows_of(examples.X, part) if X is None else X
    chosen = slice(None) if part is None else part
    arrays: list[Any] = [None if V is None else V[chosen].copy() for V in examples[1:4]]
    return Examples(X, *arrays)


# --- rows left out of a fit by the evidence, one at a time ------------------------------------


def _left_out(fitted: Fitted, rows: RowProvider, place: Place, threads: int) -> Held | None:
    """Some rows, each with what every member would say without it, by a step of Newton's."""
    part = sample_of(rows.shown(fitted.history.seeds[0])[0])
    found = list[Exact]()
    for network, seed, evidence in zip(
        fitted.networks, fitted.history.seeds, fitted.history.evidence, strict=True
    ):
        terms, x = rows.terms(seed, place)[0], network.vector.astype(np.float64)
        G = sums_of(terms.exact(), network.architecture, threads, None)(x, curvature=True)
        factor = _factor(network.architecture, G.gradient[: -len(x)], evidence)
        if factor is None:
            return None
        found.append(_without_own_row(network.architecture, x, exact(part), factor, threads))
    own = _own(part)
    return Held(own, np.mean(found, axis=0), np.full(own.m, len(found)))


def _factor(architecture: Architecture, triangle: Exact, evidence: Evidence) -> Exact | None:
    """Of A; None where it has no inverse."""
    first, second, third = (alpha / evidence.beta for alpha in evidence.alpha)
    return engine.factor(grounded(architecture, triangle), spread(architecture, (first, second, third)))  # fmt: skip


def _without_own_row(
    architecture: Architecture, x: Exact, examples: Examples, factor: Exact, threads: int
) -> Exact:
    """A2 of each row by the fit without it, (n_y, rows)."""
    W = architecture.unflatten(x)
    Y, w = examples.truth(architecture.n_y)
    _, A1, Z2, A2 = engine.forward(architecture, x, examples.X, threads)
    weight = np.ones(Y.shape[1]) if w is None else w[0]
    curvature = curved(architecture.output, A2) * weight
    out, one = np.empty_like(Z2), np.eye(architecture.n_y)
    for i in range(Y.shape[1]):
        columns = slice(i, i + 1)
        J = jacobian(architecture, W, dense(examples.X[columns]).T, A1[:, columns])[:, :, 0]
        through = [engine.solve(factor, np.ascontiguousarray(row)) for row in J]
        H = np.array([[engine.dot(np.ascontiguousarray(row), s) for s in through] for row in J])
        slope = weight[i] * (A2[:, i] - Y[:, i])
        out[:, i] = Z2[:, i] + H @ np.linalg.solve(one - curvature[:, :, i] @ H, slope)
    return np.asarray(architecture.sigma.of(out), np.float64)


# --- widths that follow the row ---------------------------------------------------------------


class Sizes(NamedTuple):
    """Rows, and how large the errors on them are."""

    X: Matrix
    e: Exact  # (targets, rows)
    w: Exact  # (rows,)

    def take(self, part: NDArray[np.integer]) -> "Sizes":
        """Some of the rows."""
        return Sizes(rows_of(self.X, part), self.e[:, part], self.w[part])

    def sums(self, X: Exact, threads: int) -> list[GradientSums]:
        """Of each target the normal equations of the logarithms of sizes; X are the rows written out."""
        shape = Architecture(self.X.shape[1], 0, 1, "tanh", "identity")
        logs = np.log(np.maximum(self.e / np.maximum(self.usual, TINY), SMALL))
        zeros = np.zeros(shape.n_parameters)
        each = (Examples(X, np.ascontiguousarray(y[:, np.newaxis]), None, self.w) for y in logs)
        return [engine.curvature(shape, zeros, one, threads) for one in each]

    @property
    def usual(self) -> Exact:
        """The mean size of each target's errors, (targets, 1)."""
        return np.average(self.e, axis=1, weights=self.w)[:, np.newaxis]


def _widths(
    examples: Examples, errors: Exact, weights: Exact | None, dtype: Any, threads: int
) -> tuple[Exact, Spread | None]:
    """The width of each row, by a model that did not see it, and the model of all; ones and None
    where folds do not show that widths help.
    """
    n, ones = errors.shape[1], np.ones_like(errors)
    if isinstance(examples.X, Sparse) or examples.X.shape[1] > MOST_INPUTS or n < LEAST_ROWS:
        return ones, None
    rows = Sizes(examples.X, np.abs(errors), np.ones(n) if weights is None else weights)
    some = np.linspace(0, n - 1, min(n, MOST_OF_SPREAD)).astype(np.int64)
    known, fold = rows.take(some), np.arange(n) % FOLDS
    if not (known.usual > 0).all():
        return ones, None
    fold[some] = np.arange(len(some)) % FOLDS
    X = np.ascontiguousarray(dense(known.X), np.float64)
    tried = _in_folds(rows, known, X, (fold, some), dtype, threads)
    gains = [_gain(rows, apart, usual) for apart, usual in tried]
    best = np.argmax([mean for mean, _ in gains], axis=0)  # of each target
    better = np.array([gains[b][0][k] > SURE * gains[b][1][k] for k, b in enumerate(best)])
    if not better.any():
        return ones, None
    apart = np.array([tried[b][0][k] for k, b in enumerate(best)])
    apart[~better] = np.broadcast_to(known.usual, errors.shape)[~better]
    penalties = np.where(better, np.array(PENALTIES)[best], np.inf)
    return apart, _spread(known, known.sums(X, threads), penalties, dtype, threads)


def _in_folds(
    rows: Sizes, known: Sizes, X: Exact, folds: tuple[Any, Any], dtype: Any, threads: int
) -> list[tuple[Exact, Exact]]:
    """For each penalty the width of each row, and the mean size, by rows of other folds; X are the known ones."""
    (fold, some), targets = folds, len(rows.e)
    apart = [np.empty_like(rows.e) for _ in PENALTIES]
    usual = np.empty_like(rows.e)
    for k in range(FOLDS):
        of_others, own = np.flatnonzero(fold[some] != k), np.flatnonzero(fold == k)
        others, asked = known.take(of_others), rows_of(rows.X, own)
        sums = others.sums(X[of_others], threads)
        for widths, penalty in zip(apart, PENALTIES, strict=True):
            model = _spread(others, sums, np.full(targets, penalty), dtype, threads)
            widths[:, own] = model.widths(asked, threads)
        usual[:, own] = others.usual
    return [(widths, usual) for widths in apart]


def _gain(rows: Sizes, apart: Exact, usual: Exact) -> tuple[Exact, Exact]:
    """By how much more likely the errors are by the widths `apart` than by the usual one, and its error.

    By Laplace's density, where a width is the mean of an error's size.
    """
    gain = (np.log(usual) + rows.e / usual) - (np.log(apart) + rows.e / apart)
    mean = np.average(gain, axis=1, weights=rows.w)
    squares = (rows.w * (gain - mean[:, np.newaxis])) ** 2
    return mean, np.sqrt(squares.sum(axis=1)) / rows.w.sum()


def _spread(
    rows: Sizes, sums: list[GradientSums], penalties: Exact, dtype: Any, threads: int
) -> Spread:
    """A linear model of the logarithms of sizes, with a penalty of each target; constant where it is infinite."""
    shape = Architecture(rows.X.shape[1], 0, len(sums), "tanh", "identity")
    V = shape.unflatten(np.zeros(shape.n_parameters))
    for k, (total, penalty) in enumerate(zip(sums, penalties, strict=True)):
        n = shape.n_x + 1
        diagonal = np.full(n, penalty * total.weight)
        diagonal[-1] = 0  # of the bias
        factor = engine.factor(total.gradient[:-n], diagonal) if np.isfinite(penalty) else None
        if factor is not None:
            found = engine.solve(factor, -total.gradient[-n:])
            V.W2[k], V.b2[k] = found[:-1], found[-1]
    logs = engine.predict(shape, shape.flatten(V, dtype), rows.X, threads).astype(np.float64)
    # A width is the mean of an error's size, and the mean of logarithms is lower.
    shift = np.log(np.maximum(np.average(rows.e / np.exp(logs), axis=1, weights=rows.w), TINY))
    V.b2[:, 0] += shift
    bounds = np.array([logs.min(axis=1), logs.max(axis=1)]) + shift
    return Spread(Network._of(shape, shape.flatten(V, dtype)), bounds)

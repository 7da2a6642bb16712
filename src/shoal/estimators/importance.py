"""Permutation importance: what each column is worth to the members on rows that they hold out.

By how much the loss of a member grows when one column of its validation part is shuffled (Breiman,
"Random forests", Machine Learning 45, 2001). Counted by the kernel, so that a file has the same bits
on any number of threads.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.data.encode.encoding import Place
from shoal.data.rows.examples import Examples, one_behind_the_other, rows_of
from shoal.data.rows.sparse import Sparse
from shoal.estimators.learnt import Learnt
from shoal.estimators.rows import RowProvider
from shoal.estimators.worth import Importance
from shoal.training.network import Network

Orders = NDArray[np.int64]

ROWS = 2000  # of a member, about; the report takes as many
MOST_COLUMNS = 200  # beyond them it would take long
SHUFFLES = 8  # of all members together, at least: eight members shuffle once each
SHUFFLED = 1 << 40  # what tells this purpose of a seed from others


def importance_of(fitted: Learnt, rows: RowProvider, threads: int) -> tuple[Importance, ...]:
    """Of each column of the table; empty where no rows are held out, or they are sparse."""
    encoding, n = fitted.inputs.encoding, fitted.inputs.n
    seeds = fitted.history.seeds
    if n > MOST_COLUMNS:
        return ()
    stored = encoding.stored if encoding else [Place.of_number(j) for j in range(n)]
    places = [place for place in stored if not place.is_empty]
    there = np.array([not place.is_empty for place in stored])
    gains = []
    for seed, network in zip(seeds, fitted.networks, strict=True):
        held = _some(rows, seed, fitted.settings.validation_fraction)
        if held is None or isinstance(held.X, Sparse):
            return ()
        usual = _loss(network, held, threads)
        for repeat in range(max(1, SHUFFLES // len(seeds))):
            gain = np.zeros(n)
            orders = engine.shuffles(engine.child(seed, SHUFFLED + repeat), n, held.m)
            gain[there] = _losses(network, held, places, orders[there], threads) - usual
            gains.append(gain)
    found = np.array(gains)
    if not np.isfinite(found).all():
        return ()
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found)) if len(found) > 1 else np.zeros(n)
    return tuple(map(Importance, found.mean(axis=0).tolist(), error.tolist()))


def _loss(network: Network, held: Examples, threads: int) -> float:
    """The mean loss of the rows."""
    total = engine.sums(network.architecture, network.vector, held, threads, gradients=False)
    return total.loss / total.weight if total.weight > 0 else np.nan


def _losses(
    network: Network, held: Examples, places: Sequence[Place], orders: Orders, threads: int
) -> NDArray[np.float64]:
    """The same where the columns at each place have the values of other rows."""
    loss, weight = engine.sums_of_shuffled(
        network.architecture, network.vector, held, places, orders, threads
    ).T
    return loss / weight if (weight > 0).all() else np.full(len(loss), np.nan)


def _some(rows: RowProvider, seed: int, share: float) -> Examples | None:
    """Rows that are held out of a member, evenly spread; the same of a stream and in memory."""
    stride = max(1, int(rows.m * share) // ROWS)
    first, parts, taken = 0, list[Examples](), 0
    for part in rows.held(seed):
        chosen = np.arange(-first % stride, part.m, stride)
        first += part.m
        if len(chosen) and taken < 2 * ROWS:
            parts.append(_alone(part.take(chosen[: 2 * ROWS - taken])))
            taken += parts[-1].m
    return _joined(parts) if parts else None


def _alone(part: Examples) -> Examples:
    """The rows that count, without the others."""
    if part.rows is None:
        return part
    Y, labels, weights = (None if array is None else array[part.rows] for array in part[1:4])
    return Examples(rows_of(part.X, part.rows), Y, labels, weights)  # type: ignore[arg-type]


def _joined(parts: Sequence[Examples]) -> Examples:
    return parts[0] if len(parts) == 1 else one_behind_the_other(parts)

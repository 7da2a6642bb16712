"""Which rows are held out: a random part, the same for the same key on every machine."""

import numpy as np
from numpy.typing import NDArray

from shoal.network.draws import permutation

Rows = NDArray[np.uint32]


def hold_out(
    m: int, fraction: float, key: int, labels: NDArray[np.integer] | None = None
) -> tuple[Rows, Rows]:
    """Cut rows 0 … m - 1 into (kept, held out), each in ascending order.

    With `labels` every class gives its own share, at least one row where it has two.
    """
    order = permutation(key, 0, m)
    groups = [order] if labels is None else _by_class(order, labels)
    held = [group[: _share(len(group), fraction)] for group in groups]
    mask = np.zeros(m, bool)
    mask[np.concatenate(held)] = True
    rows = np.arange(m, dtype=np.uint32)
    return rows[~mask], rows[mask]


def _by_class(order: NDArray[np.int64], labels: NDArray[np.integer]) -> list[NDArray[np.int64]]:
    by_label = order[np.argsort(labels[order], kind="stable")]
    return np.split(by_label, np.cumsum(np.bincount(labels))[:-1])


def _share(n: int, fraction: float) -> int:
    return min(max(round(n * fraction), 1), n - 1) if n > 1 else 0

"""What members say of the rows that they hold out, and the loss of any mixture of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.data.rows.examples import Examples, rows_of
from shoal.estimators.rows import RowProvider
from shoal.network.outputs import OUTPUTS
from shoal.training.network import Network

Exact = NDArray[np.float64]

MOST_ROWS = 8192  # of a table that are looked at: a loss is then known to a percent of its spread
LEAST_GAIN = 1e-9  # as a share: less is rounding, which is not the same on every machine
LEAST_PROBABILITY = float(np.finfo(np.float32).eps)  # as scikit-learn's log_loss bounds it


class Answers(NamedTuple):
    """Rows that were held out, in rising order, and the mean of what members say that did not see them."""

    numbers: NDArray[np.int64]  # (rows,): which rows of the table
    A2: Exact  # (n_y, rows)
    Y: Exact  # (n_y, rows)
    w: Exact  # (rows,)

    def losses(self, output: str, A2: Exact | None = None) -> Exact:
        """The loss of each row by these outputs, or by others."""
        return loss_of(output, self.A2 if A2 is None else A2, self.Y)

    def mean(self, values: Exact) -> float:
        """Their weighted mean over the rows."""
        return float((values * self.w).sum() / self.w.sum())

    def error(self, values: Exact) -> float:
        """The standard error of that mean."""
        apart = self.w * (values - self.mean(values))
        return float(np.sqrt((apart**2).sum()) / self.w.sum())

    def take(self, part: NDArray[np.bool_]) -> "Answers":
        """Some of the rows."""
        return Answers(self.numbers[part], self.A2[:, part], self.Y[:, part], self.w[part])


def answers_of(network: Network, rows: RowProvider, seed: int, threads: int) -> Answers:
    """What one member says of the rows held out of it."""
    n_y, parts = network.architecture.n_y, list[Answers]()
    for numbers, part in rows.held_rows(seed, MOST_ROWS):
        X = rows_of(part.X, part.rows)
        A2 = engine.predict(network.architecture, network.vector, X, threads)
        parts.append(Answers(numbers, A2.astype(np.float64), *truth_of(part, n_y)))
    return Answers(*(np.concatenate(arrays, axis=-1) for arrays in zip(*parts, strict=True)))


def truth_of(part: Examples, n_y: int) -> tuple[Exact, Exact]:
    """Y and w of the rows."""
    chosen = slice(None) if part.rows is None else part.rows
    m = part.m
    w = np.ones(m) if part.weights is None else part.weights[chosen].astype(np.float64)
    if part.labels is None:
        assert part.Y is not None
        return part.Y[chosen].T.astype(np.float64), w
    labels = part.labels[chosen]
    if n_y == 1:
        return labels[np.newaxis].astype(np.float64), w
    Y = np.zeros((n_y, m))
    Y[labels, np.arange(m)] = 1
    return Y, w


def pooled(members: Sequence[Answers]) -> Answers:
    """Each row once, with the mean of the members that held it out."""
    numbers = np.concatenate([one.numbers for one in members])
    A2, Y = (np.concatenate([each[k] for each in members], axis=1) for k in (1, 2))
    w = np.concatenate([one.w for one in members])
    found, first, row, count = np.unique(
        numbers, return_index=True, return_inverse=True, return_counts=True
    )
    mean = np.array([np.bincount(row, one) for one in A2]) / count
    return Answers(found, mean, Y[:, first], w[first])


class Deviations(NamedTuple):
    """By how much the members that held the same row out differ from their mean, for some candidates.

    The square of a mean's error is that of infinitely many members, and their variance over their
    number. A row is judged by the one or two members that did not see it, and answered by all: without
    a correction what mixes several networks would gain by that alone.
    """

    row: NDArray[np.int64]  # (answers,): the place of each answer's row
    apart: Exact  # (candidates, n_y, answers)
    holders: Exact  # (rows,): how many members held it out
    w: Exact  # (rows,)

    @classmethod
    def of(cls, candidates: Sequence[Sequence[Answers]]) -> "Deviations":
        """Of candidates that each have the same number of members."""
        numbers = np.concatenate([one.numbers for one in candidates[0]])
        w = np.concatenate([one.w for one in candidates[0]])
        _, first, row, count = np.unique(
            numbers, return_index=True, return_inverse=True, return_counts=True
        )
        apart = [
            np.concatenate([one.A2 for one in members], axis=1) - pooled(members).A2[:, row]
            for members in candidates
        ]
        return cls(row, np.array(apart), count.astype(np.float64), w[first])

    def excess(self, part: NDArray[np.bool_], n: int) -> Exact:
        """C, so that on these rows the loss of a mixture of shares s is too high by s C s.

        By half the covariance of the answers, times what the mean 1 / holders is above 1 / n, of n members in all.
        """
        known = float(((self.holders - 1) * self.w)[part].sum())
        above = float((self.w / self.holders)[part].sum() / self.w[part].sum()) - 1 / n
        if known <= 0 or above <= 0:
            return np.zeros((len(self.apart), len(self.apart)))
        inside = part[self.row]
        D = self.apart[:, :, inside]
        weighted = D * self.w[self.row[inside]]
        products = np.array([[float((a * b).sum()) for b in weighted] for a in D])
        return 0.5 * above * products / known


def excess_of(C: Exact, counts: Sequence[int]) -> float:
    """S C s of the shares of these counts."""
    shares = np.array(counts) / sum(counts)
    return float((shares[:, np.newaxis] * C * shares).sum())


def loss_of(output: str, A2: Exact, Y: Exact) -> Exact:
    """The loss of each row by A2, the mean of what members answer."""
    if output == "identity":
        return np.asarray(0.5 * ((A2 - Y) ** 2).sum(axis=0))
    if output == "poisson":
        logarithm = np.log(np.maximum(A2, np.finfo(np.float64).tiny))
        return np.asarray(OUTPUTS["poisson"].loss(logarithm, Y)[0])
    p = np.clip(A2, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    sure = -(Y * np.log(p))
    if output == "sigmoid":
        sure -= (1 - Y) * np.log1p(-p)
    return np.asarray(sure.sum(axis=0))


def mixture(parts: Sequence[Exact], counts: Sequence[int]) -> Exact:
    """The mean of some A2, each counted so often."""
    total = np.zeros_like(parts[0])
    for A2, count in zip(parts, counts, strict=True):
        total += count * A2
    return total / sum(counts)


def greedy(
    parts: Sequence[Answers], output: str, most: int, C: Exact | None = None, first: int = 0
) -> list[int]:
    """How often each of them is in the mixture that is built step by step, of `most` or fewer.

    It begins with the first part, so often. A loss counts less by s C s, see `Deviations`.
    Each step adds the one with which the loss is lowest, again and again the same if it is; the
    shortest mixture with the lowest loss of all steps is taken. Source: R. Caruana, A. Niculescu-Mizil, G. Crew and
    A. Ksikes, "Ensemble selection from libraries of models" (ICML 2004), with replacement.
    """
    truth, outputs = parts[0], [part.A2 for part in parts]

    def loss(counts: list[int]) -> float:
        mean = truth.mean(truth.losses(output, mixture(outputs, counts)))
        mean -= 0.0 if C is None else excess_of(C, counts)
        return mean if np.isfinite(mean) else np.inf

    counts = [first] + [0] * (len(parts) - 1)
    best, found = loss(counts) if first else np.inf, counts
    for _ in range(most - first):
        longer = (np.array(counts) + np.eye(len(parts), dtype=int)).tolist()
        losses = [loss(each) for each in longer]
        k = int(np.argmin(losses))
        counts = longer[k]
        if losses[k] < best - LEAST_GAIN * abs(losses[k]):
            best, found = losses[k], counts
    return found

"""Cross-validation: the rows in folds by scikit-learn's splitters, the same in memory and streamed.

classes   StratifiedKFold        groups    StratifiedGroupKFold, or GroupKFold for numbers
numbers   KFold                  times     TimeSeriesSplit: each fold is later than what is trained on
"""

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)

from shoal.cli.options import Order
from shoal.cli.screen.lines import short
from shoal.cli.split import targets_of
from shoal.cli.testing import Part
from shoal.cli.usual import usual_of
from shoal.data.rows.question import Question, held
from shoal.data.rows.selection import STRIDE, Chosen, Rows
from shoal.data.rows.ties import Groups, Ties, Times, ties_of
from shoal.errors import DataError

Places = NDArray[np.integer]


class Fold(NamedTuple):
    """The rows to train on, with their targets or the name of these, and those to test."""

    X: Any
    y: Any
    test: Part


def check_folds(order: Order, found: Question, seed: int) -> None:
    """Raise DataError for rows that cannot be divided so, before anything is trained."""
    assert order.cv is not None
    labels, _ = targets_of(found)
    for kept, _ in _places(order.cv, found, labels, _ties(order, found), seed):
        _refuse_new_classes(found, labels[kept])


def folds_of(order: Order, found: Question, seed: int, *, in_memory: bool) -> Iterator[Fold]:
    """The folds, one after the other."""
    assert order.cv is not None
    labels, truth = targets_of(found)
    ties = _ties(order, found)
    for kept, test in _places(order.cv, found, labels, ties, seed):
        X, X_test = (Rows(found.source, _chosen(found, rows)) for rows in (kept, test))
        groups = ties.codes[test] if isinstance(ties, Groups) else None
        usual = usual_of(truth[kept], found.classes)
        part = Part(held(found, X_test).X if in_memory else X_test, truth[test], usual, groups)
        yield Fold(*held(found, X)[:2], part) if in_memory else Fold(X, found.target, part)


def _ties(order: Order, found: Question) -> Ties | None:
    return ties_of(found.rows, order.group, order.time)


def _places(
    n: int, found: Question, labels: Places, ties: Ties | None, seed: int
) -> Iterator[tuple[Places, Places]]:
    """The rows to train on and to test in each fold, among those with a target."""
    if isinstance(ties, Times):
        folds = _in_time(n, ties)
    else:
        codes = None if ties is None else ties.codes
        splitter = _splitter(n, found.classes is not None, ties is not None, seed)
        folds = splitter.split(labels, labels, codes)
    folds = iter(folds)
    while (fold := _next(folds, n)) is not None:
        yield fold


def _next(folds: Iterator[tuple[Places, Places]], n: int) -> tuple[Places, Places] | None:
    """The next fold; its errors in our words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of classes of few rows: too few are refused below
            fold = next(folds, None)
    except ValueError as error:
        raise DataError(f"--cv {n}: {str(error).rstrip('.')}. Choose fewer folds.") from None
    if fold and not all(map(len, fold)):  # which scikit-learn 1.6 lets pass
        raise DataError(f"--cv {n}: there are fewer groups than folds. Choose fewer folds.")
    return fold


def _splitter(n: int, classes: bool, grouped: bool, seed: int) -> Any:
    if grouped:
        return (
            StratifiedGroupKFold(n, shuffle=True, random_state=seed) if classes else GroupKFold(n)
        )
    return (StratifiedKFold if classes else KFold)(n, shuffle=True, random_state=seed)


def _in_time(n: int, ties: Times) -> Iterator[tuple[Places, Places]]:
    """Folds of later rows; of rows with the time of the first that is tested none is trained on."""
    order = np.argsort(ties.values, kind="stable")
    for _, test in TimeSeriesSplit(n).split(order):
        first = ties.values[order[test[0]]]
        yield np.flatnonzero(ties.values < first), np.sort(order[test])


def _chosen(found: Question, places: Places) -> Chosen:
    """Rows that are numbered among those with a target, as rows of the source."""
    wanted = np.zeros(found.known.m, bool)
    wanted[places] = True

    def masks() -> Iterator[NDArray[np.bool_]]:
        done = 0
        for first in range(0, found.source.m, STRIDE):
            mask = found.known.mask(first, min(first + STRIDE, found.source.m)).copy()
            n = int(np.count_nonzero(mask))
            mask[mask] = wanted[done : done + n]
            done += n
            yield mask

    return Chosen.of(masks())


def _refuse_new_classes(found: Question, labels: Places) -> None:
    """Raise DataError for a class of a fold that is not in the others."""
    if found.classes is None:
        return
    new = np.setdiff1d(np.arange(len(found.classes)), labels)
    if len(new):
        raise DataError(
            f'the class "{short(found.classes[new[0]])}" has no rows to train on in a fold of --cv: '
            "expected some in each. Choose fewer folds, or leave its rows out.",
            file=found.source.name, column=found.target,
        )  # fmt: skip

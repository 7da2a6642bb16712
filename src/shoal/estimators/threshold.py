"""The probability above which the second of two classes is predicted.

A number is taken as it is. The name of one of scikit-learn's scorers, or the cost of each class, is
answered by the threshold that is best on the validation rows, each predicted by the member that
it was held out of. A row counts once for each such member, whatever its weight is.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from shoal.checks import check_choice
from shoal.compute.engine import engine
from shoal.compute.engine import threads as threads_of
from shoal.data.rows.examples import rows_of
from shoal.errors import Setting, SettingError, wording
from shoal.estimators.automatic import stops_early
from shoal.estimators.fitted import Fitted
from shoal.estimators.rows import RowProvider
from shoal.estimators.targets import ClassTargets, Targets
from shoal.settings import Settings

TRIED = 200  # thresholds at most, evenly spread over the ranks: scikit-learn tries 100

Floats = NDArray[np.floating]
Labels = NDArray[np.integer]
Score = Callable[[Labels, Labels], float]


def is_chosen(s: Settings) -> bool:
    """Whether the validation rows choose it."""
    return isinstance(s.threshold, str | Mapping)


def check_threshold(s: Settings, targets: Targets) -> None:
    """Raise SettingError for targets that have no threshold, and for what is no score of classes."""
    if s.threshold is None:
        return
    if not isinstance(targets, ClassTargets) or targets.labels > 1 or len(targets.classes) != 2:
        raise SettingError.of(
            "threshold", s.threshold, "expected None, as y has not two classes: the likeliest class "
            "is predicted.",
        )  # fmt: skip
    if is_chosen(s):
        _score_of(s, targets)


def check_threshold_name(threshold: Any) -> None:
    """Raise SettingError for what is no scorer."""
    if isinstance(threshold, str):
        from sklearn.metrics import get_scorer_names

        check_choice("threshold", threshold, get_scorer_names())


def check_held(s: Settings, rows: RowProvider, given: bool) -> None:
    """Raise SettingError where no rows are held out to choose by."""
    if is_chosen(s) and not (given or stops_early(s, rows.m)):
        raise SettingError(
            wording(
                Setting("threshold", s.threshold), " is chosen on validation rows: expected ",
                Setting("early_stopping", True), " (and enough rows), X_val and y_val, or a number.",
            ),
            setting="threshold",
        )  # fmt: skip


def with_threshold(fitted: Fitted, rows: RowProvider, n_jobs: int | None) -> Fitted:
    """The same with the threshold that its settings ask for."""
    s, targets = fitted.settings, fitted.targets
    if not isinstance(targets, ClassTargets) or (s.threshold is None and not targets.threshold):
        return fitted
    found = s.threshold
    if is_chosen(s):
        found = best(*_held_out(fitted, rows, threads_of(n_jobs)), _score_of(s, targets))
    return fitted.replaced(targets=fixed(targets, found, fitted.networks[0].dtype))


def fixed(targets: ClassTargets, threshold: float | None, dtype: Any) -> ClassTargets:
    """The targets with a threshold, in the precision of the probabilities."""
    value = None if threshold is None else float(np.dtype(dtype).type(threshold))
    return replace(targets, threshold=value)


def best(p: Floats, labels: Labels, score: Score) -> float:
    """The threshold of the best score; of equally good ones the nearest to a half."""
    tried = _between(np.unique(p))
    scores = np.array([score(labels, (p > t).astype(labels.dtype)) for t in tried])
    if np.isnan(scores).all():
        raise SettingError(
            wording(Setting("threshold"), ": the score is undefined on the validation rows.")
        )
    good = tried[scores == np.nanmax(scores)]
    return float(good[np.argmin(np.abs(good - 0.5))])


def _between(p: Floats) -> NDArray[np.float64]:
    """Values between neighbours, evenly spread over the ranks; a half if there are no two."""
    middles = (p[:-1].astype(np.float64) + p[1:]) / 2
    if not len(middles):
        return np.array([0.5])
    return middles[np.unique(np.linspace(0, len(middles) - 1, TRIED).astype(int))]


def _held_out(fitted: Fitted, rows: RowProvider, threads: int) -> tuple[Floats, Labels]:
    """Of each member the probabilities of the rows held out of it, with their labels."""
    p, labels = list[Floats](), list[Labels]()
    for network, seed in zip(fitted.networks, fitted.history.seeds, strict=True):
        for held in rows.held(seed):
            assert held.labels is not None
            X = rows_of(held.X, held.rows)
            p.append(engine.predict(network.architecture, network.vector, X, threads)[0])
            # A copy: the next run of a stream takes the memory of this one.
            labels.append(held.labels[slice(None) if held.rows is None else held.rows].copy())
    return np.concatenate(p), np.concatenate(labels)


def _minus_cost(first: float, second: float) -> Score:
    """Minus the mean cost: of a row of each class that is predicted as the other."""

    def score(truth: Labels, predicted: Labels) -> float:
        missed = np.bincount(truth[truth != predicted], minlength=2)
        return -float(missed[0] * first + missed[1] * second) / len(truth)

    return score


class _Known(ClassifierMixin, BaseEstimator):
    """A classifier whose predictions are known, for scikit-learn's scorers."""

    classes_ = np.array([0, 1])

    def __init__(self, predicted: Any = None) -> None:
        self.predicted = predicted

    def predict(self, X: Any) -> Any:
        return self.predicted

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _score_of(s: Settings, targets: ClassTargets) -> Score:
    """What is made as large as possible."""
    if isinstance(s.threshold, Mapping):
        costs = [float(s.threshold.get(c, 1.0)) for c in targets.classes.tolist()]
        strange = [key for key in s.threshold if key not in targets.classes.tolist()]
        if strange:
            raise SettingError.of(
                "threshold", s.threshold, f"y has no class {strange[0]!r}. Expected classes of y."
            )
        return _minus_cost(*costs)
    from sklearn.metrics import get_scorer

    scorer = get_scorer(s.threshold)

    def score(truth: Labels, predicted: Labels) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of precision where no row is predicted so
            return float(scorer(_Known(predicted), truth[:, np.newaxis], truth))

    try:
        score(np.array([0, 1]), np.array([0, 1]))
    except (AttributeError, TypeError, ValueError) as error:
        raise SettingError.of(
            "threshold", s.threshold,
            "expected a score of predicted classes, such as f1 or balanced_accuracy; this one does "
            "not depend on the threshold.",
        ) from error  # fmt: skip
    return score

"""Scores of predictions on rows held out from training, and of a constant prediction."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    mean_squared_error,
    precision_score,
    r2_score,
    recall_score,
    roc_auc_score,
)

from shoal.cli.usual import Usual
from shoal.data.rows.rates import check_rates
from shoal.data.rows.selection import Rows
from shoal.estimators.scores import deviances

Scores = dict[str, float | None]


def answers_of(model: Any, X: Any) -> NDArray[Any]:
    """What is compared with the true values: probabilities of a classifier, else the numbers."""
    if isinstance(X, Rows):
        names = model.feature_names_in_.tolist()
        return np.concatenate(
            [answers_of(model, part) for part in X.tables(columns=names) if len(part)]
        )
    answers: NDArray[Any] = (
        model.predict_proba(X) if hasattr(model, "classes_") else model.predict(X)
    )
    return answers


class Judged(NamedTuple):
    """A predictor on some rows."""

    who: str
    scores: Scores
    losses: NDArray[
        np.float64
    ]  # one a row: minus the log-probability of the true class, or the squared error


def judged(
    who: str, answers: NDArray[Any], truth: NDArray[Any], classes: NDArray[Any] | None,
    threshold: float | None = None, *, rates: bool = False,
) -> Judged:  # fmt: skip
    """log-loss, AUC and accuracy for classes; RMSE and R² for numbers, of rates the deviance first."""
    if rates:
        check_rates(truth)
        apart = deviances(truth, np.asarray(answers, np.float64))
        scores = {"deviance": float(apart.mean()), **regression(answers, truth)}
        return Judged(who, scores, apart)
    if classes is None:
        squares = (np.asarray(answers, np.float64) - truth) ** 2
        return Judged(who, regression(answers, truth), squares)
    p, codes = proper(answers), np.searchsorted(classes, truth)
    losses = -np.log(p[np.arange(len(p)), codes])
    if threshold is None:
        return Judged(who, classification(p, codes, answers.argmax(axis=1)), losses)
    predicted = (answers[:, 1] > threshold).astype(int)
    scores = classification(p, codes, predicted)
    # Of the second class.
    scores["precision"] = float(precision_score(codes, predicted, zero_division=0))
    scores["recall"] = float(recall_score(codes, predicted, zero_division=0))
    return Judged(who, scores, losses)


def scores_of(answers: NDArray[Any], truth: NDArray[Any], classes: NDArray[Any] | None) -> Scores:
    """The scores alone."""
    return judged("", answers, truth, classes).scores


def proper(p: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities (rows, classes) that are not 0 and add up to 1."""
    clipped = np.clip(np.asarray(p, np.float64), 1e-15, 1.0)
    return clipped / clipped.sum(axis=1, keepdims=True)


def classification(
    p: NDArray[np.float64], codes: NDArray[np.integer], predicted: NDArray[np.integer]
) -> Scores:
    """Scores of probabilities. AUC is None where the truth has not every class."""
    every = np.arange(p.shape[1])
    auc: float | None = None
    if len(np.unique(codes)) == len(every):
        likely = p[:, 1] if len(every) == 2 else p
        auc = float(roc_auc_score(codes, likely, multi_class="ovr", labels=every))
    return {
        "log_loss": float(log_loss(codes, p, labels=every)),
        "auc": auc,
        "accuracy": float(accuracy_score(codes, predicted)),
    }


def regression(answers: NDArray[Any], truth: NDArray[Any]) -> Scores:
    """Root mean squared error and R² (None for a single row)."""
    r2 = float(r2_score(truth, answers)) if len(truth) > 1 else None
    return {"rmse": float(np.sqrt(mean_squared_error(truth, answers))), "r2": r2}


def constant(
    usual: Usual, truth: NDArray[Any], classes: NDArray[Any] | None, *, rates: bool = False
) -> Judged:
    """The prediction that needs no inputs: the distribution of the classes, or the mean."""
    if classes is None:
        return judged(f"always {usual:.4g}", np.full(len(truth), usual), truth, None, rates=rates)
    counts = np.asarray(usual)
    share = np.tile(counts / counts.sum(), (len(truth), 1))
    return judged(f'always "{classes[counts.argmax()]}"', share, truth, classes)

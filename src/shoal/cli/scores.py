"""Scores of predictions on rows held out from training, and of a constant prediction."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, r2_score, roc_auc_score

from shoal.data.rows.selection import Rows

Scores = dict[str, float | None]
Usual = float | NDArray[Any]


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


def scores_of(answers: NDArray[Any], truth: NDArray[Any], classes: NDArray[Any] | None) -> Scores:
    """log-loss, AUC and accuracy for classes; RMSE and R² for numbers."""
    if classes is None:
        return regression(answers, truth)
    return classification(answers, truth, classes)


def classification(p: NDArray[Any], truth: NDArray[Any], classes: NDArray[Any]) -> Scores:
    """Scores of probabilities (rows, classes). AUC is None where the truth has not every class."""
    p = np.clip(np.asarray(p, np.float64), 1e-15, 1.0)
    p /= p.sum(axis=1, keepdims=True)
    codes = np.searchsorted(classes, truth)
    every = np.arange(len(classes))
    auc: float | None = None
    if len(np.unique(codes)) == len(classes):
        likely = p[:, 1] if len(classes) == 2 else p
        auc = float(roc_auc_score(codes, likely, multi_class="ovr", labels=every))
    return {
        "log_loss": float(log_loss(codes, p, labels=every)),
        "auc": auc,
        "accuracy": float(accuracy_score(codes, p.argmax(axis=1))),
    }


def regression(answers: NDArray[Any], truth: NDArray[Any]) -> Scores:
    """Root mean squared error and R² (None for a single row)."""
    r2 = float(r2_score(truth, answers)) if len(truth) > 1 else None
    return {"rmse": float(np.sqrt(mean_squared_error(truth, answers))), "r2": r2}


def usual_of(y: NDArray[Any], classes: NDArray[Any] | None) -> Usual:
    """The distribution of the target: how many rows each class has, or the mean."""
    if classes is None:
        return float(y.mean())
    return np.bincount(np.searchsorted(classes, y), minlength=len(classes))


def constant(usual: Usual, truth: NDArray[Any], classes: NDArray[Any] | None) -> tuple[str, Scores]:
    """The prediction that needs no inputs, and its scores: the most frequent class, or the mean."""
    if classes is None:
        return f"always {usual:.4g}", regression(np.full(len(truth), usual), truth)
    counts = np.asarray(usual)
    share = np.tile(counts / counts.sum(), (len(truth), 1))
    return f'always "{classes[counts.argmax()]}"', classification(share, truth, classes)

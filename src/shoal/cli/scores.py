"""How good answers are on rows that a model has not seen, beside what costs nothing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, r2_score, roc_auc_score

Scores = dict[str, float | None]


def answers_of(model: Any, X: Any) -> NDArray[Any]:
    """What is compared with the truth: probabilities of a classifier, else the numbers."""
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


def constant(
    y: NDArray[Any], truth: NDArray[Any], classes: NDArray[Any] | None
) -> tuple[str, Scores]:
    """What one can say without looking at a row, knowing y: the commonest class, or the mean."""
    if classes is None:
        mean = float(y.mean())
        return f"always {mean:.4g}", regression(np.full(len(truth), mean), truth)
    counts = np.bincount(np.searchsorted(classes, y), minlength=len(classes))
    share = np.tile(counts / len(y), (len(truth), 1))
    return f'always "{classes[counts.argmax()]}"', classification(share, truth, classes)

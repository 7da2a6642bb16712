"""How good a model is on rows that it has not seen, beside a linear one and a constant."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, r2_score, roc_auc_score

Scores = dict[str, float | None]


def scores_of(model: Any, X: Any, y: NDArray[Any]) -> Scores:
    """log-loss, AUC and accuracy of a classifier; RMSE and R² of a regressor."""
    if hasattr(model, "classes_"):
        return classification(model.classes_, model.predict_proba(X), y)
    return regression(model.predict(X), y)


def classification(classes: NDArray[Any], probability: NDArray[Any], y: NDArray[Any]) -> Scores:
    """Scores of probabilities (rows, classes). AUC is None where y has not every class."""
    p = np.asarray(probability, np.float64)
    p = np.clip(p / p.sum(axis=1, keepdims=True), 1e-15, 1.0)
    right = classes[p.argmax(axis=1)]
    auc: float | None = None
    if len(np.unique(y)) == len(classes):
        if len(classes) == 2:
            auc = float(roc_auc_score(y == classes[1], p[:, 1]))
        else:
            p1 = p / p.sum(axis=1, keepdims=True)
            auc = float(roc_auc_score(y, p1, multi_class="ovr", labels=classes))
    codes = np.searchsorted(classes, y)
    loss = float(log_loss(codes, p / p.sum(axis=1, keepdims=True), labels=np.arange(len(classes))))
    return {"log_loss": loss, "auc": auc, "accuracy": float(accuracy_score(y, right))}


def regression(predicted: NDArray[Any], y: NDArray[Any]) -> Scores:
    """Root mean squared error and R² (None for a single row)."""
    r2 = float(r2_score(y, predicted)) if len(y) > 1 else None
    return {"rmse": float(np.sqrt(mean_squared_error(y, predicted))), "r2": r2}


def constant(
    y_train: NDArray[Any], y: NDArray[Any], classes: NDArray[Any] | None
) -> tuple[str, Scores]:
    """The best that one can say without looking: the commonest class, or the mean."""
    if classes is None:
        mean = float(y_train.mean())
        return f"always {mean:.4g}", regression(np.full(len(y), mean), y)
    share = np.array([(y_train == c).mean() for c in classes])
    scores = classification(classes, np.tile(share, (len(y), 1)), y)
    return f'always "{classes[share.argmax()]}"', scores

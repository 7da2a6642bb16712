"""
Overfitting, and what early stopping does
=========================================

Without a validation part the loss of the training rows falls and falls, while that of other rows rises.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.metrics import log_loss

from shoal import ShoalClassifier, ShoalWarning

X, y = make_moons(800, noise=0.35, random_state=0)
X, y, X_test, y_test = X[:200], y[:200], X[200:], y[200:]
epochs = [1, 2, 5, 10, 20, 50, 100, 200, 400]
seen, unseen = [], []
settings = {
    "hidden": 64,
    "alpha": 0.0,
    "schedule": "constant",
    "learning_rate": 0.02,
    "random_state": 0,
}
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ShoalWarning)  # the diagnosis says what this page shows
    for n in epochs:
        model = ShoalClassifier(
            **settings, members=1, early_stopping=False, n_iter_no_change=10_000, max_iter=n
        ).fit(X, y)
        seen.append(log_loss(y, model.predict_proba(X)))
        unseen.append(log_loss(y_test, model.predict_proba(X_test)))
    stopped = [
        log_loss(y_test, ShoalClassifier(**settings, members=k).fit(X, y).predict_proba(X_test))
        for k in (1, 8)
    ]

figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.semilogx(epochs, seen, "o-", color="#0072b2", label="rows that were trained on")
ax.semilogx(epochs, unseen, "s-", color="#d55e00", label="other rows")
ax.axhline(stopped[0], color="#009e73", lw=1, ls="--", label="other rows, with early stopping")
ax.axhline(stopped[1], color="#cc79a7", lw=1, ls=":", label="and 8 members")
ax.set(xlabel="epochs", ylabel="log-loss", ylim=(0, float(np.max(unseen)) * 1.05))
ax.legend(frameon=False)

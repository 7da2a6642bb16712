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
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ShoalWarning)  # the diagnosis says what this page shows
    for n in epochs:
        model = ShoalClassifier(
            hidden=64,
            members=1,
            alpha=0.0,
            early_stopping=False,
            schedule="constant",
            learning_rate=0.02,
            n_iter_no_change=10_000,
            max_iter=n,
            random_state=0,
        ).fit(X, y)
        seen.append(log_loss(y, model.predict_proba(X)))
        unseen.append(log_loss(y_test, model.predict_proba(X_test)))
usual = log_loss(y_test, ShoalClassifier(members=1, random_state=0).fit(X, y).predict_proba(X_test))

figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.semilogx(epochs, seen, "o-", color="#0072b2", label="rows that were trained on")
ax.semilogx(epochs, unseen, "s-", color="#d55e00", label="other rows")
ax.axhline(usual, color="#009e73", lw=1, ls="--", label="other rows, with the defaults")
ax.set(xlabel="epochs", ylabel="log-loss", ylim=(0, float(np.max(unseen)) * 1.05))
ax.legend(frameon=False)

"""
A threshold is a question of costs
==================================

One network, all thresholds: the best for F1 and the best where a missed case costs five false alarms lie apart.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import confusion_matrix, f1_score

from shoal import ShoalClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(4000, 3))
y = (X[:, 0] + X[:, 1] ** 2 + rng.normal(size=4000) > 3.5).astype(int)
model = ShoalClassifier(random_state=0, members=2).fit(X[:3000], y[:3000])
probability, true = model.predict_proba(X[3000:])[:, 1], y[3000:]

limits = np.linspace(0.02, 0.9, 60)
f1 = [f1_score(true, probability > limit) for limit in limits]
cost = []
for limit in limits:
    (_, alarms), (missed, _) = confusion_matrix(true, probability > limit)
    cost.append((5 * missed + alarms) / len(true))

figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for ax, values, best, title in (
    (axes[0], f1, np.argmax(f1), "F1"),
    (axes[1], cost, np.argmin(cost), "cost a row: missed 5, alarm 1"),
):
    ax.plot(limits, values, color="#0072b2")
    ax.axvline(limits[best], color="#d55e00", lw=1)
    ax.set(title=f"{title}: best at {limits[best]:.2f}", xlabel="threshold")

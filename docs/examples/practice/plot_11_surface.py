"""
What one, two, four and sixteen units can say
=============================================

A hidden unit bends the answer along one line. Two classes that lie in each other like moons need a few of them.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay

from shoal import ShoalClassifier

X, y = make_moons(300, noise=0.2, random_state=0)
figure, axes = plt.subplots(1, 4, figsize=(11, 2.8), layout="constrained", sharey=True)
for ax, hidden in zip(axes, (1, 2, 4, 16)):
    model = ShoalClassifier(hidden=hidden, bins=0, members=1, random_state=0).fit(X, y)
    DecisionBoundaryDisplay.from_estimator(
        model, X, ax=ax, cmap="RdBu", alpha=0.7, response_method="predict_proba"
    )
    ax.scatter(*X.T, c=y, cmap="RdBu", edgecolor="k", s=12)
    ax.set_title(f"{hidden} units: {model.score(X, y):.0%}")

"""
Zeros: right for logistic regression, wrong with a hidden layer
===============================================================

Without a hidden layer descent from zeros learns. With one, all units stay one and the same, and the cost stands still; a small random draw learns.
"""

import matplotlib.pyplot as plt
import numpy as np

from shoal import Network

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 300))
line, ring = (
    (X[:1] + X[1:] > 0.3).astype(float),
    ((X**2).sum(axis=0, keepdims=True) > 1.4).astype(float),
)

figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
_, costs = Network.initialise(2, 0, 1, scale=0.0).descend(
    X, line, learning_rate=1.2, iterations=300
)
axes[0].plot(costs, color="#0072b2")
axes[0].set(title="no hidden layer, a line", xlabel="iteration", ylabel="cost", ylim=(0, 0.8))
for scale, colour in ((0.0, "#d55e00"), (0.01, "#0072b2")):
    net = Network.initialise(2, 4, 1, seed=3, scale=scale)
    trained, costs = net.descend(X, ring, learning_rate=1.2, iterations=4000)
    axes[1].plot(costs, color=colour, label=f"drawn with {scale:g}")
    axes[2].plot(trained.W1[:, 0], trained.W1[:, 1], "o", ms=8, alpha=0.6, color=colour)
    assert (trained.W1 == trained.W1[0]).all() == (scale == 0.0)
axes[1].set(title="four units, a ring", xlabel="iteration", ylim=(0, 0.8))
axes[1].legend(frameon=False)
axes[2].set(title="rows of W1 at the end", xlabel="weight of x1", ylabel="weight of x2")

"""
Why W2ᵀ: a unit is asked by every output
========================================

Column j of W2 holds the weights from unit j to all outputs. Backwards, unit j adds up what these outputs ask, each times the weight
between them: that is row j of W2ᵀ.
"""

import matplotlib.pyplot as plt
import numpy as np

from shoal import Network

net = Network.initialise(n_x=2, n_h=3, n_y=2, seed=4, scale=1.0)
X, Y = np.array([[0.5], [-1.0]]), np.array([[1.0], [0.0]])
dZ2 = net.gradients(X, Y).dZ2
by_hand = [sum(net.W2[k, j] * dZ2[k, 0] for k in range(2)) for j in range(3)]
assert np.allclose(by_hand, (net.W2.T @ dZ2)[:, 0])

figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for ax, title, forwards in (
    (axes[0], "[3]  Z2 = W2 A1 + b2", True),
    (axes[1], "[8]  W2ᵀ dZ2", False),
):
    for j in range(3):
        for k in range(2):
            chosen = k == 0 if forwards else j == 0
            ax.plot(
                [0, 1],
                [j, k + 0.5],
                color="#0072b2" if chosen else "#cccccc",
                lw=2 if chosen else 1,
            )
    ax.scatter([0] * 3, range(3), s=500, color="white", edgecolor="#333333", zorder=3)
    ax.scatter([1] * 2, [0.5, 1.5], s=500, color="white", edgecolor="#333333", zorder=3)
    for j in range(3):
        ax.text(0, j, f"unit {j}", ha="center", va="center", fontsize=7, zorder=4)
    for k in range(2):
        ax.text(1, k + 0.5, f"out {k}", ha="center", va="center", fontsize=7, zorder=4)
    ax.set_title(title)
    ax.set(xlim=(-0.3, 1.3), ylim=(2.5, -0.5))
    ax.axis("off")
axes[0].text(0.5, 2.6, "output 0 takes row 0 of W2", ha="center", fontsize=8)
axes[1].text(0.5, 2.6, "unit 0 takes column 0 of W2", ha="center", fontsize=8)

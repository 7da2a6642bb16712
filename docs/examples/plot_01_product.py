"""
Why * in [8]: each unit and example has its own slope
=====================================================

[8] is dZ1 = W2ᵀ dZ2 ∗ g'(Z1). The first factor says how much the outputs ask of a unit on an example; the second, how much
the unit can move there. Both have one number for each unit and example, and so has their product.
"""

import matplotlib.pyplot as plt
import numpy as np

from shoal import Network

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 12))
Y = (X[:1] * X[1:] > 0).astype(float)
net = Network.initialise(n_x=2, n_h=4, n_y=1, seed=1, scale=1.5)
A1, slopes = net.forward(X).A1, net.gradients(X, Y)

asked = net.W2.T @ slopes.dZ2
slope = 1 - A1**2
assert np.allclose(asked * slope, slopes.dZ1)

figure, axes = plt.subplots(1, 3, figsize=(9, 2.4), layout="constrained")
for ax, V, title in zip(
    axes, (asked, slope, slopes.dZ1), ("W2ᵀ dZ2", "g'(Z1)", "their product, dZ1")
):
    reach = np.abs(V).max()
    ax.imshow(V, cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto")
    ax.set(title=title, xlabel="example", ylabel="unit", yticks=range(4))

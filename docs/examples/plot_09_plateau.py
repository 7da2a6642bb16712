"""
The cost stands still: a plateau is not the end
===============================================

From a small draw the gradient is small, as dW1 has the factor W2 and dW2 the factor A1: both are near 0. The weights grow slowly at first, unseen
in the cost.
"""

import matplotlib.pyplot as plt
import numpy as np

from shoal import Network

rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, size=(2, 400))
Y = (X[:1] * X[1:] > 0).astype(float)
net = Network.initialise(2, 6, 1, seed=0, scale=0.01)
costs, sizes, steps = [], [], range(0, 9000, 100)
for _ in steps:
    costs.append(net.cost(X, Y))
    sizes.append(np.linalg.norm(net.W1))
    net, _ = net.descend(X, Y, learning_rate=1.2, iterations=100)

figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.plot(steps, costs, color="#0072b2")
ax.set(xlabel="iteration", ylabel="cost (blue)")
right = ax.twinx()
right.semilogy(steps, sizes, "--", color="#d55e00")
right.set_ylabel("size of W1 (orange)")

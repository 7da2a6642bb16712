"""
Is g' a factor? What happens without it
=======================================

Leave g'(Z1) out of [8], and what is followed is no longer the slope of the cost: `gradient_check` finds it, and the training ends elsewhere.
"""

import matplotlib.pyplot as plt
import numpy as np

from shoal import Network

rng = np.random.default_rng(1)
X = rng.normal(size=(2, 300))
Y = ((X**2).sum(axis=0, keepdims=True) > 1.4).astype(float)
m = X.shape[1]


def trained(with_slope):
    net = Network.initialise(2, 4, 1, seed=3, scale=1.0)
    W1, b1, W2, b2, costs = net.W1, net.b1, net.W2, net.b2, []
    for _ in range(600):
        net = Network(W1, b1, W2, b2)
        A1, dZ2 = net.forward(X).A1, net.gradients(X, Y).dZ2
        costs.append(net.cost(X, Y))
        dZ1 = W2.T @ dZ2 * ((1 - A1**2) if with_slope else 1.0)
        W1, b1 = W1 - 1.2 * dZ1 @ X.T / m, b1 - 1.2 * dZ1.mean(axis=1, keepdims=True)
        W2, b2 = W2 - 1.2 * dZ2 @ A1.T / m, b2 - 1.2 * dZ2.mean(axis=1, keepdims=True)
    return costs


figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.plot(trained(True), color="#0072b2", label="with g'(Z1)")
ax.plot(trained(False), color="#d55e00", label="without")
ax.set(xlabel="iteration", ylabel="cost")
ax.legend(frameon=False)

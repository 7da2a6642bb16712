"""
Where 1/m goes: into the sums, and nowhere else
===============================================

dZ2 and dZ1 belong to single examples. dW and db are sums over examples: with 1/m their size does not depend on how many
examples there are, and one learning rate serves for all.
"""

import matplotlib.pyplot as plt
import numpy as np

from shoal import Network

net = Network.initialise(n_x=3, n_h=5, n_y=1, seed=0, scale=0.5)
rng = np.random.default_rng(0)
counts = [10, 30, 100, 300, 1000, 3000, 10000]
means, sums, each = [], [], []
for m in counts:
    X = rng.normal(size=(3, m))
    slopes = net.gradients(X, (X[:1] > 0).astype(float))
    means.append(np.linalg.norm(slopes.dW1))
    sums.append(m * np.linalg.norm(slopes.dW1))
    each.append(np.abs(slopes.dZ1).mean())

figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.loglog(counts, sums, "s--", color="#d55e00", label="dW1 without 1/m")
ax.loglog(counts, means, "o-", color="#0072b2", label="dW1 with 1/m")
ax.loglog(counts, each, "^-", color="#009e73", label="dZ1 of an example")
ax.set(xlabel="examples m", ylabel="size")
ax.legend(frameon=False)

"""
Why g'(Z1) comes from A1
========================

For tanh g' = 1 − A1², for the sigmoid A1 (1 − A1): what the forward pass has kept is enough, and Z1 need not be kept. The points are
differences of g.
"""

import matplotlib.pyplot as plt
import numpy as np

z = np.linspace(-5, 5, 101)
curves = {
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0).astype(float)),
}
figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
for ax, (name, (g, slope)) in zip(axes, curves.items()):
    a = g(z)
    ax.plot(z, a, color="#808080", label="A1 = g(Z1)")
    ax.plot(z, slope(a), color="#0072b2", label="g'(Z1), from A1")
    ax.plot(
        z[1:-1:8],
        ((a[2:] - a[:-2]) / (z[2:] - z[:-2]))[::8],
        "o",
        ms=4,
        color="#d55e00",
        label="differences",
    )
    ax.set(title=name, xlabel="Z1", ylim=(-1.1, 1.6))
axes[0].legend(frameon=False, fontsize=8)

"""
Why dZ2 = A2 − Y: the slope of σ cancels
========================================

The loss as a function of Z2, for Y = 1 and Y = 0, and its slope: measured by differences (points), and A2 − Y (line).
"""

import matplotlib.pyplot as plt
import numpy as np

z = np.linspace(-6, 6, 121)
a = 1 / (1 + np.exp(-z))
figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for y, colour in ((1, "#0072b2"), (0, "#d55e00")):
    loss = np.logaddexp(0, z) - y * z  # cross-entropy, from Z2 itself
    measured = np.gradient(loss, z)
    assert np.allclose(measured[1:-1], (a - y)[1:-1], atol=2e-3)
    axes[0].plot(z, loss, color=colour, label=f"Y = {y}")
    axes[1].plot(z, a - y, color=colour, label=f"A2 − {y}")
    axes[1].plot(z[::6], measured[::6], "o", ms=4, color=colour)
axes[0].set(title="loss", xlabel="Z2")
axes[1].set(title="its slope", xlabel="Z2")
for ax in axes:
    ax.legend(frameon=False)

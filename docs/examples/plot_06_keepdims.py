"""
Why keepdims: (n_y, 1) is a column, (n_y,) is spread over the examples
======================================================================

b2 has shape (n_y, 1). If db2 loses its second axis, NumPy adds it along the examples, without an error wherever n_y = m.
"""

import matplotlib.pyplot as plt
import numpy as np

dZ2 = np.array([[0.1, 0.2, 0.3], [-0.5, -0.4, -0.6], [0.8, 0.7, 0.9]])
b2 = np.zeros((3, 1))
right = b2 - dZ2.mean(axis=1, keepdims=True)
wrong = b2 - dZ2.mean(axis=1)
assert right.shape == (3, 1)
assert wrong.shape == (3, 3)  # b2 has become a matrix

figure, axes = plt.subplots(1, 2, figsize=(6, 2.8), layout="constrained", width_ratios=[1, 2.2])
for ax, V, title in ((axes[0], right, "keepdims: (3, 1)"), (axes[1], wrong, "without: (3, 3)")):
    ax.imshow(V, cmap="RdBu", vmin=-1, vmax=1)
    for (i, j), v in np.ndenumerate(V):
        ax.text(j, i, f"{v:.1f}", ha="center", va="center")
    ax.set(title=title, xticks=[], yticks=range(3), ylabel="output")

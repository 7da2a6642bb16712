"""
Second-order steps on a small table
===================================

The same small network, the same start: cost by the number of passes over the rows, for gradient descent, L-BFGS and Levenberg–Marquardt.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

from shoal import ShoalRegressor, ShoalWarning

x = np.linspace(-1, 1, 94)[:, np.newaxis]
y = np.sin(3 * x[:, 0]) + 0.5 * np.cos(9 * x[:, 0])
figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ShoalWarning)
    for solver in ("gd", "lbfgs", "lm"):
        model = ShoalRegressor(
            hidden=10,
            bins=0,
            solver=solver,
            members=1,
            early_stopping=False,
            max_iter=300,
            alpha=0.0,
            tol=0.0,
            n_iter_no_change=300,
            dtype="float64",
            random_state=0,
        ).fit(x, y)
        curve = model.loss_curve_
        ax.loglog(np.arange(1, len(curve) + 1), curve, label=solver)
ax.set(xlabel="iteration", ylabel="cost")
ax.legend(frameon=False)

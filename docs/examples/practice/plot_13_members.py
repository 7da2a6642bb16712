"""
Members: several networks, and their average
============================================

Each member is trained from its own draw, with its own validation part. Where the data say much they agree; where there are none they
do not.
"""

import matplotlib.pyplot as plt
import numpy as np

from shoal import ShoalRegressor

rng = np.random.default_rng(0)
x = np.concatenate([rng.uniform(-3, -0.5, 60), rng.uniform(1, 3, 60)])
y = np.sin(2 * x) + 0.15 * rng.normal(size=len(x))
model = ShoalRegressor(members=8, bins=0, hidden=24, random_state=0).fit(x[:, np.newaxis], y)

grid = np.linspace(-3.5, 3.5, 300)[:, np.newaxis]
each = []
for net in model.networks_:
    scaled = (grid.T - x.mean()) / x.std()
    each.append(net.predict(scaled)[0] * model.target_scale_ + model.target_mean_)

figure, ax = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
ax.plot(grid, np.array(each).T, color="#808080", lw=0.8)
ax.plot(grid, model.predict(grid), color="#0072b2", lw=2.5, label="average of 8 members")
ax.plot(x, y, "o", ms=3, color="#d55e00", label="rows")
ax.legend(frameon=False)

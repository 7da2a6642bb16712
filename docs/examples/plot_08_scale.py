"""
When 0.01 fails
===============

The sign of tan x has four stretches. At a budget of 3,000 iterations a draw of 0.01 has hardly begun to bend; a draw of 1 has learnt.
"""

import matplotlib.pyplot as plt
import numpy as np

from shoal import init_study

x = (np.arange(200) + 0.5) / 200 * 2 * np.pi - np.pi
study = init_study(
    x[:, np.newaxis], np.sign(np.tan(x)), schemes=[0.01, 0.1, 1.0, 10.0], seeds=8, iterations=3000
)

figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
for i, scheme in enumerate(study.schemes):
    finals = [trial.final_cost for trial in study.trials if trial.scheme == scheme.scheme]
    ax.plot([i] * len(finals), finals, "o", color="#0072b2", alpha=0.5)
    ax.text(i, 0.72, f"{scheme.learnt:.0%} learn", ha="center", fontsize=9)
ax.axhline(study.goal, color="#d55e00", lw=1)
ax.set_xticks(range(len(study.schemes)), [scheme.scheme for scheme in study.schemes])
ax.set(xlabel="standard deviation of the draw", ylabel="final cost", ylim=(0, 0.78))

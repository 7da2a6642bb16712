"""
Which initialisations learn, and how fast
=========================================

`init_study` trains the same network from many draws; `InitStudyDisplay` shows the final costs.
"""

from sklearn.datasets import make_circles

from shoal import InitStudyDisplay, init_study

X, y = make_circles(200, noise=0.08, factor=0.5, random_state=0)
study = init_study(
    X, y, schemes=["zeros", "lecture", 0.1, "glorot", 1.0, 10.0], seeds=10, iterations=2000
)
display = InitStudyDisplay.from_study(study)
print(study)

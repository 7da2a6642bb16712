"""
What each hidden unit responds to
=================================

`UnitsDisplay`: the line of each unit in the plane, its strongest inputs, and how its activations spread.
"""

from sklearn.datasets import make_moons

from shoal import ShoalClassifier, UnitsDisplay

X, y = make_moons(300, noise=0.2, random_state=0)
model = ShoalClassifier(hidden=6, bins=0, members=1, random_state=0).fit(X, y)
display = UnitsDisplay.from_estimator(model, X, y)

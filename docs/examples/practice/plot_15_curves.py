"""
A plateau is answered by a lower rate
=====================================

The default schedule lowers the learning rate when the validation loss stands still, twice, and goes back to the best epoch each time.
"""

from sklearn.datasets import load_digits

from shoal import LossCurveDisplay, ShoalClassifier

X, y = load_digits(return_X_y=True)
model = ShoalClassifier(members=1, random_state=0).fit(X, y)
display = LossCurveDisplay.from_estimator(model)

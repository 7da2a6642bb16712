"""The first thing that anybody does with an installed shoal; prints what must be the same everywhere."""

import sysconfig
from pathlib import Path

from sklearn.datasets import load_breast_cancer

import shoal

assert Path(shoal.__file__).is_relative_to(sysconfig.get_paths()["purelib"]), shoal.__file__
X, y = load_breast_cancer(return_X_y=True)
print(shoal.ShoalClassifier(random_state=0).fit(X, y).fingerprint_)

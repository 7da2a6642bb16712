"""Shallow neural networks: one hidden layer, gradient descent, the same bits everywhere.

    model = ShoalClassifier(random_state=0).fit(table, y)
    model.predict_proba(more)
    model.save("m.shoal"); shoal.load("m.shoal")

    net = Network.initialise(n_x=2, n_h=4, n_y=1, seed=3)
    net, costs = net.descend(X, Y, learning_rate=1.2, iterations=10_000)

Names are looked up when they are first used, so that `import shoal` costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

# The public names, and the rooms they live in.
_ROOMS = {
    "ClusterError": "shoal.errors",
    "DataError": "shoal.errors",
    "Explanation": "shoal.estimators.explanation",
    "ExplanationDisplay": "shoal.pictures.explanation",
    "FileError": "shoal.errors",
    "Files": "shoal.data.read.file_options",
    "InitStudyDisplay": "shoal.pictures.study",
    "LossCurveDisplay": "shoal.pictures.loss_curve",
    "MemoryRefused": "shoal.errors",
    "ModelFileError": "shoal.errors",
    "Network": "shoal.training.network",
    "Parameters": "shoal.network.equations",
    "PartialDependence": "shoal.estimators.explanation",
    "PartialDependenceDisplay": "shoal.pictures.explanation",
    "SettingError": "shoal.errors",
    "ShoalClassifier": "shoal.estimators.classifier",
    "ShoalError": "shoal.errors",
    "ShoalRegressor": "shoal.estimators.regressor",
    "ShoalWarning": "shoal.errors",
    "Slopes": "shoal.estimators.explanation",
    "UnitsDisplay": "shoal.pictures.units",
    "check_backward": "shoal.diagnosis.tutor",
    "diagnose": "shoal.diagnosis.diagnose",
    "gradient_check": "shoal.diagnosis.gradients",
    "init_study": "shoal.diagnosis.study",
    "load": "shoal.estimators.loading",
    "load_fitted": "shoal.estimators.runtime",
    "search_space": "shoal.estimators.portfolio",
}

if TYPE_CHECKING:
    from shoal.data.read.file_options import Files
    from shoal.diagnosis.diagnose import diagnose
    from shoal.diagnosis.gradients import gradient_check
    from shoal.diagnosis.study import init_study
    from shoal.diagnosis.tutor import check_backward
    from shoal.errors import (
        ClusterError,
        DataError,
        FileError,
        MemoryRefused,
        ModelFileError,
        SettingError,
        ShoalError,
        ShoalWarning,
    )
    from shoal.estimators.classifier import ShoalClassifier
    from shoal.estimators.explanation import Explanation, PartialDependence, Slopes
    from shoal.estimators.loading import load
    from shoal.estimators.portfolio import search_space
    from shoal.estimators.regressor import ShoalRegressor
    from shoal.estimators.runtime import load_fitted
    from shoal.network.equations import Parameters
    from shoal.pictures.explanation import ExplanationDisplay, PartialDependenceDisplay
    from shoal.pictures.loss_curve import LossCurveDisplay
    from shoal.pictures.study import InitStudyDisplay
    from shoal.pictures.units import UnitsDisplay
    from shoal.training.network import Network

__all__ = [
    "ClusterError",
    "DataError",
    "Explanation",
    "ExplanationDisplay",
    "FileError",
    "Files",
    "InitStudyDisplay",
    "LossCurveDisplay",
    "MemoryRefused",
    "ModelFileError",
    "Network",
    "Parameters",
    "PartialDependence",
    "PartialDependenceDisplay",
    "SettingError",
    "ShoalClassifier",
    "ShoalError",
    "ShoalRegressor",
    "ShoalWarning",
    "Slopes",
    "UnitsDisplay",
    "check_backward",
    "diagnose",
    "gradient_check",
    "init_study",
    "load",
    "load_fitted",
    "search_space",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'shoal' has no attribute {name!r}")
    value = getattr(importlib.import_module(_ROOMS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)

"""Early stopping by any scorer of scikit-learn, on the validation part."""

import copy
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.compute.steps import Vector
from shoal.data.examples import Examples, rows_of
from shoal.errors import SettingError
from shoal.estimators.reading import Ready
from shoal.network.architecture import Architecture
from shoal.training.loop import Score
from shoal.training.network import Network, check_choice

if TYPE_CHECKING:
    from shoal.estimators.base import ShoalBase


def check_scoring_name(scoring: Any) -> None:
    """Raise SettingError for what is no scorer."""
    if scoring is None or callable(scoring):
        return
    from sklearn.metrics import get_scorer_names

    check_choice("scoring", scoring, get_scorer_names())


def score_of(
    model: "ShoalBase", architecture: Architecture, held: Examples | None, threads: int
) -> Score | None:
    """What `scoring` says of parameters, on the rows held out; None when the loss is to judge.

    The scorer is given this estimator with one network, the rows as the network sees them, and
    the targets as they were in `fit`; with weights also these, if it takes them.
    """
    if model.scoring is None:
        return None
    if held is None:
        raise SettingError(
            f"scoring={model.scoring!r} needs a validation part: expected early_stopping=True (and "
            "rows enough), or X_val and y_val."
        )
    from sklearn.metrics import check_scoring

    scorer = check_scoring(model, scoring=model.scoring)
    candidate = copy.copy(model)
    candidate.n_jobs = threads
    rows = Ready(rows_of(held.X, held.rows))
    y = model._targets_back(held)
    weights = {} if held.weights is None or not _takes_weights(scorer) else {
        "sample_weight": held.weights[slice(None) if held.rows is None else held.rows]
    }  # fmt: skip

    def score(parameters: Vector) -> float:
        candidate.networks_ = [Network._of(architecture, parameters)]
        try:
            found = scorer(candidate, rows, y, **weights)
        except (TypeError, ValueError, AttributeError) as error:
            if callable(model.scoring):
                raise
            raise SettingError(
                f"scoring={model.scoring!r} cannot judge this target: {error} Choose a score that "
                "fits it."
            ) from None
        if not np.isscalar(found) or isinstance(found, str):
            raise SettingError(f"scoring={model.scoring!r} gave {found!r}: expected one number.")
        return float(found)  # type: ignore[arg-type]

    return score


def _takes_weights(scorer: Any) -> bool:
    function = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in inspect.signature(function).parameters

"""Early stopping by any scorer of scikit-learn, on the validation part."""

import copy
import inspect
from typing import Any

import numpy as np

from shoal.checks import check_choice
from shoal.compute.steps import Vector
from shoal.data.rows.examples import Examples, rows_of
from shoal.errors import Setting, SettingError, wording
from shoal.estimators.host import Host
from shoal.estimators.inputs import EncodedRows
from shoal.estimators.prepare import Prepared
from shoal.training.loop import Score
from shoal.training.network import Network


def check_scoring_name(scoring: Any) -> None:
    """Raise SettingError for what is no scorer."""
    if scoring is None or callable(scoring):
        return
    from sklearn.metrics import get_scorer_names

    check_choice("scoring", scoring, get_scorer_names())


def score_of(prepared: Prepared, host: Host, held: Examples | None, threads: int) -> Score | None:
    """What `scoring` says of parameters, on the rows held out; None when the loss is used.

    The scorer is given this estimator with one network, the rows as the network sees them, and
    the targets as they were in `fit`; with weights also these, if it takes them.
    """
    scoring = prepared.settings.scoring
    if scoring is None:
        return None
    if held is None:
        raise SettingError(
            wording(
                Setting("scoring", scoring), " needs a validation part: expected ",
                Setting("early_stopping", True), " (and enough rows), or X_val and y_val.",
            ),
            setting="scoring",
        )  # fmt: skip
    from sklearn.metrics import check_scoring

    scorer = check_scoring(host.estimator, scoring=scoring)
    candidate = copy.copy(host.estimator)
    candidate.n_jobs = threads
    rows = EncodedRows(rows_of(held.X, held.rows))
    y = prepared.targets.back(held)
    weights = {} if held.weights is None or not _takes_weights(scorer) else {
        "sample_weight": held.weights[slice(None) if held.rows is None else held.rows]
    }  # fmt: skip

    def score(parameters: Vector) -> float:
        network = Network._of(prepared.architecture, parameters)
        vars(candidate).update(host.with_networks(prepared, [network]))
        try:
            found = scorer(candidate, rows, y, **weights)
        except (TypeError, ValueError, AttributeError) as error:
            if callable(scoring):
                raise
            raise SettingError(
                wording(
                    Setting("scoring", scoring),
                    f" cannot judge this target: {error} Choose a score that fits it.",
                ),
                setting="scoring",
            ) from None
        if not np.isscalar(found) or isinstance(found, str):
            raise SettingError.of(
                "scoring", scoring, f"it returned {found!r}: expected one number."
            )
        return float(found)  # type: ignore[arg-type]

    return score


def _takes_weights(scorer: Any) -> bool:
    function = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in inspect.signature(function).parameters

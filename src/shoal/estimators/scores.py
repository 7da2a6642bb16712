"""Early stopping by any scorer of scikit-learn, on the validation part."""

import copy
import inspect
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.checks import check_choice
from shoal.compute.steps import Vector
from shoal.data.rows.examples import Examples, rows_of
from shoal.errors import DataError, Setting, SettingError, wording
from shoal.estimators.columns import EncodedRows
from shoal.estimators.host import Host
from shoal.estimators.labels import listed
from shoal.estimators.prepare import Prepared
from shoal.estimators.targets import ClassTargets
from shoal.network.outputs import OUTPUTS
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
        except DataError:  # An output is not finite: the worst score that there is.
            return float("-inf")
        except (TypeError, ValueError, AttributeError) as error:
            if callable(scoring):
                raise
            lacking = _lacking(prepared, y)
            raise SettingError(
                wording(
                    Setting("scoring", scoring),
                    f" cannot judge this target: {error} Choose a score that fits it{lacking}.",
                ),
                setting="scoring",
            ) from None
        if not np.isscalar(found) or not np.isrealobj(found) or isinstance(found, str):
            raise SettingError.of(
                "scoring", scoring, f"it returned {found!r}: expected one number."
            )
        return float(found)  # type: ignore[arg-type]

    if not callable(scoring):
        _refuse_no_score(scoring, score, prepared, len(y))
    return score


def explained_deviance(
    y: NDArray[Any], predicted: NDArray[np.float64], weights: Any = None
) -> float:
    """D² of rates: 1 - their Poisson deviance over that of their mean; of several targets the mean."""
    truth = y.reshape(len(y), -1).T
    usual = np.average(truth, axis=1, weights=weights)[:, np.newaxis]
    shares = []
    for one, given, mean in zip(truth, predicted.reshape(len(y), -1).T, usual, strict=True):
        found, trivial = (
            np.average(deviances(one, np.broadcast_to(rate, one.shape)), weights=weights)
            for rate in (given, mean)
        )
        shares.append(1 - found / trivial if trivial > 0 else float(found == 0))
    return float(np.mean(shares))


def deviances(y: NDArray[Any], rate: NDArray[Any]) -> NDArray[np.float64]:
    """The Poisson deviance of each target from its predicted rate."""
    logarithm = np.log(np.maximum(rate, np.finfo(np.float64).tiny))
    return 2 * OUTPUTS["poisson"].loss(logarithm[np.newaxis], y[np.newaxis])[0]


def _refuse_no_score(scoring: str, score: Score, prepared: Prepared, rows: int) -> None:
    """Raise DataError for a validation part on which the score is no number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = score(np.zeros(prepared.architecture.n_parameters, prepared.settings.dtype))
    if np.isnan(first):
        raise DataError(
            wording(
                Setting("scoring", scoring),
                f" is undefined on the {rows} row(s) of the validation part. Use more rows, a larger ",
                Setting("validation_fraction"), ", or ", Setting("scoring", None), ".",
            ),
            setting="scoring",
        )  # fmt: skip


def _lacking(prepared: Prepared, y: NDArray[Any]) -> str:
    """What to say of classes that the validation part lacks."""
    targets = prepared.targets
    if not isinstance(targets, ClassTargets) or targets.labels > 1:
        return ""
    missing = targets.classes[~np.isin(targets.classes, y)]
    if not len(missing):
        return ""
    return f", or give more rows of the classes that the validation part lacks: {listed(missing)}"


def _takes_weights(scorer: Any) -> bool:
    function = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in inspect.signature(function).parameters

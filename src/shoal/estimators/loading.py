"""`shoal.load`: the estimator of a model file."""

import os
from typing import Any

from shoal.errors import ModelFileError, SettingError
from shoal.estimators.classifier import ShoalClassifier
from shoal.estimators.reading import from_document
from shoal.estimators.regressor import ShoalRegressor
from shoal.estimators.saving import CLASSIFIER
from shoal.estimators.scores import check_scoring_name
from shoal.estimators.threshold import check_threshold_name
from shoal.files.container import read
from shoal.files.typed import refused
from shoal.settings import Settings


def load(path: str | os.PathLike[str]) -> Any:
    """Return the estimator that was saved.

    Parameters
    ----------
    path : str or path
        A model file, as `save` writes it.

    Returns
    -------
    ShoalClassifier or ShoalRegressor
        Fitted, with the parameters of its fit. Parameters of the machine that trained it (n_jobs,
        checkpoint, engine, memory, scratch, verbose) have their defaults.

    Raises
    ------
    ModelFileError
        When the file is damaged, or is something else.
    FileError
        When it cannot be read.
    """
    document, tensors = read(path)
    try:
        kind, parameters, fitted = from_document(document, tensors)
        _check_scorers(fitted.settings)
    except ModelFileError as error:
        raise error.at(file=os.fspath(path)) from None
    model: ShoalClassifier | ShoalRegressor
    model = (ShoalClassifier if kind == CLASSIFIER else ShoalRegressor)(**parameters)
    model._keep(fitted)
    return model


def _check_scorers(s: Settings) -> None:
    """Raise ModelFileError for names that scikit-learn does not have."""
    try:
        check_scoring_name(s.scoring)
        check_threshold_name(s.threshold)
    except SettingError as error:
        raise refused(f"in settings, {error.message.rstrip('.')}") from None

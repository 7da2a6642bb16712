"""`shoal.load`: the estimator of a model file."""

import os
from typing import Any

from shoal.errors import ModelFileError
from shoal.estimators.classifier import ShoalClassifier
from shoal.estimators.plain import settings_again
from shoal.estimators.regressor import ShoalRegressor
from shoal.estimators.saving import CLASSIFIER, from_document
from shoal.files.container import read


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
        kind, fitted = from_document(document, tensors)
        estimator = ShoalClassifier if kind == CLASSIFIER else ShoalRegressor
        kept = document["settings"].items()
        model = estimator(**settings_again(dict(kept)))
    except ModelFileError as error:
        raise error.at(file=os.fspath(path)) from None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ModelFileError(
            "the description of the model is not what shoal writes "
            f"({type(error).__name__}: {error}). Copy the file again, or train the model again.",
            file=os.fspath(path),
        ) from None
    model._keep(fitted)
    return model

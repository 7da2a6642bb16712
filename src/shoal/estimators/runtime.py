"""`shoal.load_fitted`: a model file as a fitted value, without scikit-learn, Arrow and SciPy."""

import os

from shoal.errors import ModelFileError
from shoal.estimators.fitted import Fitted
from shoal.estimators.reading import from_document
from shoal.files.container import read


def load_fitted(path: str | os.PathLike[str]) -> Fitted:
    """Return the fitted value of a model file, which predicts with NumPy alone.

    For web servers and functions that start cold: no other library is imported as long as rows come
    as an array of numbers, a dict of columns or a list of dicts. Other tables are read as by the
    estimator. The value never changes: threads may share it, it can be pickled, and forked
    processes may use it.

    Parameters
    ----------
    path : str or path
        A model file, as `save` and `shoal train` write it.

    Returns
    -------
    Fitted
        With `predict`, and of classes `predict_proba`, to the bits of the estimator.

    Raises
    ------
    ModelFileError
        When the file is damaged, or is something else.
    FileError
        When it cannot be read.

    See Also
    --------
    shoal.load : Returns the estimator.
    """
    document, tensors = read(path)
    try:
        return from_document(document, tensors)[2]
    except ModelFileError as error:
        raise error.at(file=os.fspath(path)) from None

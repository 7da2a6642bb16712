"""`MLPClassifier` and `MLPRegressor` by name, shoal's estimators inside.

Names and messages are translated, values are not touched. What cannot be translated raises TypeError.
"""

import re
import warnings
from contextlib import contextmanager

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if

from shoal import ShoalClassifier, ShoalError, ShoalRegressor, ShoalWarning

SCHEDULES = {"constant": "constant", "adaptive": "plateau"}
ENDLESS = 10**9  # our whole number for infinity
# What shoal says, and what scikit-learn says of the same.
MESSAGES = {
    r"undefined on the 1 row": "The validation set is too small.",
    r"class \d+, which was not there": "warm_start can only be used where `y` has the same classes "
    "as in the previous call to fit. Previously got {known}, `y` has {found}",
    r"too large to be squared": "Solver produced non-finite parameter weights. The input data may "
    "contain large values and need to be preprocessed.",
    r"early_stopping.*partial_fit|partial_fit.*early_stopping": "partial_fit does not support "
    "early_stopping=True",
}


class Names(BaseEstimator):
    """The parameters of scikit-learn, as shoal's."""

    def __init__(
        self, hidden_layer_sizes=(100,), activation="relu", *, loss=None, solver="adam", alpha=1e-4,
        batch_size="auto", learning_rate="constant", learning_rate_init=0.001, power_t=0.5,
        max_iter=200, shuffle=True, random_state=None, tol=1e-4, verbose=False, warm_start=False,
        momentum=0.9, nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1,
        beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10, max_fun=15000,
    ):  # fmt: skip
        for name, value in locals().items():
            if name != "self":
                setattr(self, name, value)

    def _translated(self, X):
        if not self.shuffle or self.learning_rate not in SCHEDULES:
            raise TypeError("shoal has no such parameter")
        units = np.ravel(self.hidden_layer_sizes)
        dtype = getattr(X, "dtype", np.dtype(float))
        return {
            "hidden": int(units[0]),
            "activation": "sigmoid" if self.activation == "logistic" else self.activation,
            "solver": self.solver,
            "alpha": self.alpha,
            "batch_size": self.batch_size,
            "schedule": SCHEDULES[self.learning_rate],
            "learning_rate": self.learning_rate_init,
            "max_iter": self.max_iter,
            "random_state": self.random_state,
            # Of "lbfgs" theirs bounds the gradient, and ours the improvement of the loss.
            "tol": self.tol / 10 if self.solver == "lbfgs" else self.tol,
            "verbose": self.verbose,
            "warm_start": self.warm_start,
            "momentum": self.momentum,
            "early_stopping": self.early_stopping,
            "scoring": self.SCORE if self.early_stopping else None,
            "validation_fraction": self.validation_fraction,
            "n_iter_no_change": min(self.n_iter_no_change, ENDLESS),
            "encode": None,
            "members": 1,
            "dtype": "float32" if dtype == np.float32 else "float64",
            **({"loss": self.loss} if self.loss is not None else {}),
        }

    def _ready(self, X):
        settings = self._translated(X)
        if "_model" not in vars(self):
            self._model = self.KIND(**settings)
        return self._model.set_params(**settings)

    def fit(self, X, y, sample_weight=None):
        with _their_messages(getattr(self, "classes_", None), y):
            self._ready(X).fit(X, y, sample_weight)
        if self._model.endings_ == ["finished"]:
            warnings.warn("Maximum iterations reached", ConvergenceWarning, stacklevel=2)
        return self

    def _can_continue(self):
        return self.solver in ("adam", "sgd")

    @available_if(_can_continue)
    def partial_fit(self, X, y, **others):
        with _their_messages():
            self._ready(X).partial_fit(X, y, **others)
        return self

    def predict(self, X):
        return self._model.predict(X)

    def __getattr__(self, name):
        if name.startswith("_") or "_model" not in vars(self):
            raise AttributeError(name)
        return getattr(self._model, name)

    @property
    def validation_scores_(self):
        return self._model.validation_score_curve_ if self.early_stopping else None

    @property
    def best_validation_score_(self):
        return max(self.validation_scores_) if self.early_stopping else None

    @property
    def best_loss_(self):
        return None if self.early_stopping else min(self._model.loss_curve_)


@contextmanager
def _their_messages(known=None, y=None):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ShoalWarning)
            yield
    except ShoalError as error:
        for ours, theirs in MESSAGES.items():
            if re.search(ours, str(error)):
                text = theirs.format(known=known, found=np.unique(y)) if y is not None else theirs
                raise ValueError(text) from error
        raise


class MLPClassifier(ClassifierMixin, Names):
    KIND = ShoalClassifier
    SCORE = "accuracy"

    def predict_proba(self, X):
        return self._model.predict_proba(X)

    def predict_log_proba(self, X):
        return self._model.predict_log_proba(X)


class MLPRegressor(RegressorMixin, Names):
    KIND = ShoalRegressor
    SCORE = "r2"

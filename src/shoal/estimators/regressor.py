"""`ShoalRegressor`: one or several numbers for each row."""

import warnings
from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array
from sklearn.utils.metaestimators import available_if

from shoal.compute.engine import engine
from shoal.data.examples import Examples, Numbers
from shoal.data.moments import moments
from shoal.errors import DataError
from shoal.estimators.base import ShoalBase, check
from shoal.estimators.fitted import answers
from shoal.estimators.partial import goes_on, one_epoch
from shoal.estimators.reading import Targets
from shoal.estimators.settings import MAX_ITER, SHUFFLE_ROWS


class ShoalRegressor(RegressorMixin, ShoalBase):
    """A network with one hidden layer that predicts numbers.

    The parameters are those of `ShoalClassifier`, without `class_weight`; learning_rate="auto" is
    0.005 for adam, 0.003 for sgd, 0.025 for gd. The targets are
    standardised inside, so they may be millions or millionths; losses (`loss_curve_` …) are
    half squared errors of the standardised targets, summed over the targets of a row.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ShoalRegressor(random_state=0, hidden=8, max_iter=30).fit(X, y).score(X, y) > 0.4
    True
    """

    def __init__(
        self,
        *,
        hidden: int | str = "auto",
        activation: str = "tanh",
        init: Any = "auto",
        solver: str = "adam",
        learning_rate: float | str = "auto",
        momentum: float = 0.9,
        batch_size: int | str = "auto",
        shuffle_rows: int = SHUFFLE_ROWS,
        schedule: str = "plateau",
        max_iter: int = MAX_ITER,
        alpha: float = 1e-4,
        weight_decay: float = 0.0,
        dropout: float = 0.0,
        members: int | str = "auto",
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.15,
        n_iter_no_change: int = 6,
        tol: float = 1e-4,
        scoring: Any = None,
        encode: str | None = "auto",
        bins: int | str = "auto",
        words: Any = None,
        numbers: Any = None,
        drop: Any = None,
        dtype: str = "float32",
        random_state: Any = None,
        n_jobs: int | None = None,
        warm_start: bool = False,
        checkpoint: Any = None,
        engine: Any = None,
        replicas: int = 1,
        local_steps: int | None = None,
        memory: Any = None,
        scratch: Any = None,
        verbose: Any = False,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.init = init
        self.solver = solver
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.batch_size = batch_size
        self.shuffle_rows = shuffle_rows
        self.schedule = schedule
        self.max_iter = max_iter
        self.alpha = alpha
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.members = members
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.scoring = scoring
        self.encode = encode
        self.bins = bins
        self.words = words
        self.numbers = numbers
        self.drop = drop
        self.dtype = dtype
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.engine = engine
        self.replicas = replicas
        self.local_steps = local_steps
        self.memory = memory
        self.scratch = scratch
        self.verbose = verbose

    @available_if(goes_on)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go once over these rows and numbers, from where the last call ended; for adam and sgd.

        The first call learns the encoding of the columns, and mean and spread of the targets,
        by which all calls standardise them; give it rows enough to show them.
        """
        check(self)
        one_epoch(self, X, y, sample_weight)
        return self

    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> NDArray[np.float64]: ...

    @overload
    def predict(
        self, X: Any, return_std: Literal[True]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

    def predict(
        self, X: Any, return_std: bool = False
    ) -> NDArray[np.float64] | tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The numbers of each row: shape (rows,), or (rows, targets) if y had two dimensions.

        With `return_std` also, in the same shape and unit, the standard deviation of the members'
        answers around their mean: how far they differ, not how far they are from the truth.
        One member alone gives 0.
        """
        if not return_std:
            return self._in_units(self._average(X).astype(np.float64), self.target_mean_)
        each = list(answers(self, X))
        mean = sum(each[1:], each[0]) / each[0].dtype.type(len(each))
        square = sum((A2.astype(np.float64) - mean) ** 2 for A2 in each) / len(each)
        spread = np.sqrt(np.asarray(square, np.float64))
        return self._in_units(mean.astype(np.float64), self.target_mean_), self._in_units(spread, 0)

    def _in_units(self, A2: Numbers, mean: Any) -> NDArray[np.float64]:
        numbers: NDArray[np.float64] = A2.T * self.target_scale_ + mean
        return numbers if self._columns_ else numbers[:, 0]

    # --- what y means -----------------------------------------------------------------

    def _check_classes(self, y: Any, classes: Any, *, first: bool) -> None:
        pass  # numbers have none

    def _learn_targets(
        self, y: Any, weights: NDArray[np.float64] | None, classes: Any = None
    ) -> Targets:
        numbers = _as_numbers(y)
        if numbers.ndim == 2 and numbers.shape[1] == 1:
            warnings.warn(
                "A column-vector y was passed when a 1d array was expected. Please change the "
                "shape of y to (n_samples,), for example using ravel().",
                DataConversionWarning,
                stacklevel=3,
            )
            numbers = numbers[:, 0]
        self._columns_ = numbers.shape[1] if numbers.ndim == 2 else 0
        columns = numbers.reshape(len(numbers), -1)
        if weights is not None and len(weights) != len(numbers):
            raise DataError(f"y has {len(numbers)} rows, and sample_weight {len(weights)}.")
        found = [moments(np.ascontiguousarray(c), weights, engine.sums_about) for c in columns.T]
        self._learn_scale([one.mean for one in found], [one.variance for one in found])
        return self._targets(numbers, weights)

    def _learn_scale(self, means: list[float], variances: list[float]) -> None:
        self.target_mean_ = np.array(means)
        deviations = np.sqrt(variances)
        if not np.isfinite(deviations).all():
            raise DataError("y is too large to be squared: divide it by its size.")
        self.target_scale_ = np.where(deviations > 0, deviations, 1.0)

    def _targets(self, y: Any, weights: NDArray[np.float64] | None) -> Targets:
        numbers = _as_numbers(y)
        columns = numbers.reshape(len(numbers), -1)
        if columns.shape[1] != len(self.target_mean_):
            raise DataError(
                f"y must have {len(self.target_mean_)} columns, but has {columns.shape[1]}."
            )
        return Targets((columns - self.target_mean_) / self.target_scale_, None, weights)

    def _targets_back(self, examples: Examples) -> NDArray[Any]:
        """The targets in their own unit, of the rows that count."""
        assert examples.Y is not None
        rows = slice(None) if examples.rows is None else examples.rows
        return self._in_units(examples.Y[rows].T.astype(np.float64), self.target_mean_)

    def _outputs(self) -> tuple[int, str]:
        return len(self.target_mean_), "identity"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _as_numbers(y: Any) -> Numbers:
    numbers: Numbers = check_array(
        y, ensure_2d=False, dtype=np.float64, input_name="y", ensure_min_samples=1
    )
    return numbers

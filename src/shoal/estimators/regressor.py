"""`ShoalRegressor`: one or several numbers for each row."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from shoal.estimators.attributes import NumberAttributes
from shoal.estimators.base import ShoalBase
from shoal.estimators.fitted import spread_of
from shoal.estimators.partial import continues
from shoal.estimators.saving import REGRESSOR
from shoal.estimators.targets import NumberTargets, Targets


@dataclass(kw_only=True, eq=False, repr=False)
class ShoalRegressor(RegressorMixin, NumberAttributes, ShoalBase):
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

    _targets: ClassVar[type[Targets]] = NumberTargets
    _kind: ClassVar[str] = REGRESSOR

    @available_if(continues)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go once over these rows and numbers, from where the last call ended; for adam and sgd.

        The first call learns the encoding of the columns, and mean and spread of the targets,
        by which all calls standardise them; give it rows enough to show them.
        """
        return self._partial_fit(X, y, sample_weight)

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
        numbers, known = self._numbers, self.fitted_
        if not return_std:
            return numbers.in_units(known.average(X, self.n_jobs).astype(np.float64))
        mean, spread = spread_of(list(known.outputs(X, self.n_jobs)))
        return numbers.in_units(mean), numbers.spread_in_units(spread)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

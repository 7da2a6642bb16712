"""What classifier and regressor share: scikit-learn's contract, one concept a file.

    settings.py   every parameter checked; what "auto" means
    reading.py    X and y → rows of numbers
    streamed.py   the same of files larger than memory
    partial.py    partial_fit
    callbacks.py  scikit-learn's callbacks
    starts.py     what each member starts from
    scores.py     early stopping by a scorer
    members.py    seeds, parts, checkpoints: the members trained
    fitted.py     what a fit leaves behind, and answers to new rows
    saving.py     the .shoal file

Throughout the estimators one *row* is one example, as in scikit-learn; below this floor
one column is.
"""

import copy
import os
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _clone_parametrized
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from shoal.data.examples import Examples, Matrix, Numbers
from shoal.data.frames import is_frame
from shoal.diagnosis.case import Case
from shoal.errors import DataError, SettingError
from shoal.estimators.callbacks import CallbackSupportMixin, with_callbacks
from shoal.estimators.fitted import activations, answers, case_of, fingerprint
from shoal.estimators.members import Held, members_of, refuse_what_cannot_fit, train_members
from shoal.estimators.reading import (
    Table,
    Targets,
    check_lengths,
    computed,
    examples_of,
    learn_encoding,
    matrix_of,
    read,
    validation_of,
    weights_of,
)
from shoal.estimators.scores import check_scoring_name
from shoal.estimators.settings import architecture_of, check_settings
from shoal.estimators.starts import check_start, parameters_of
from shoal.estimators.streamed import fit_streamed, is_source, rows_of_frame
from shoal.training.network import Network


def check(model: "ShoalBase") -> None:
    """Raise SettingError for a parameter that cannot be."""
    check_settings(model)
    check_start(model)
    check_scoring_name(model.scoring)


class ShoalBase(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """The estimator's contract, but for what y means."""

    # --- what the two estimators fill in ---------------------------------------------

    def _learn_targets(
        self, y: Any, weights: NDArray[np.float64] | None, classes: Any = None
    ) -> Targets:
        raise NotImplementedError

    def _check_classes(self, y: Any, classes: Any, *, first: bool) -> None:
        raise NotImplementedError

    def _targets(self, y: Any, weights: NDArray[np.float64] | None) -> Targets:
        raise NotImplementedError

    def _targets_back(self, examples: Examples) -> NDArray[Any]:
        raise NotImplementedError

    def _outputs(self) -> tuple[int, str]:
        raise NotImplementedError

    # --- fit --------------------------------------------------------------------------

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Learn from a table X (rows are examples) and its targets y.

        X is a data frame (pandas, polars, pyarrow, Dask), an array of shape (rows, columns), or a
        matrix of scipy.sparse, which is taken as it is, whatever `encode` says. Or it names files
        of any size (CSV or Parquet: one, several, a folder, a glob), or is a pyarrow dataset; then
        y is the name of a column, and the rows are streamed; with an `engine` or `memory` so are
        the partitions of a Dask DataFrame, y then being a name or a Dask Series.
        `sample_weight` counts row i as so many rows. With `X_val`, `y_val` training stops by
        these rows; else with `early_stopping` by a part of X. Ctrl-C ends the training: the
        best network so far is kept, with a warning. Raises DataError for data, SettingError
        for parameters, that cannot be used; both are ValueErrors.
        """
        check(self)
        if is_frame(X) and (self.engine is not None or self.memory is not None):
            X, y = rows_of_frame(X, y)
        X, y, sample_weight, X_val, y_val, sample_weight_val = computed(
            X, y, sample_weight, X_val, y_val, sample_weight_val
        )
        if y is None:
            raise DataError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        if is_source(X):
            others = (sample_weight, X_val, y_val, sample_weight_val)
            if any(one is not None for one in others):
                raise SettingError(
                    "sample_weight, X_val and y_val go with tables in memory, not with files or "
                    "the partitions of a Dask DataFrame: leave them out, or read the table first."
                )
            fit_streamed(self, X, y)
            return self
        table = read(self, X, reset=True)
        m = len(table)
        if m >= 1 << 32:
            raise DataError(f"{m:,} rows: expected fewer than 4,294,967,296 in memory.")
        weights = weights_of(sample_weight, table)
        targets = self._learn_targets(y, weights)
        check_lengths(m, targets, "y")
        matrix = learn_encoding(self, table, weights)
        self.n_outputs_, self.out_activation_ = self._outputs()
        architecture = architecture_of(self, matrix.shape[1])
        refuse_what_cannot_fit(self, architecture, members_of(self, m))
        examples = examples_of(self, matrix, targets)
        validation = None
        if (X_val is None) != (y_val is None):
            raise SettingError("X_val and y_val belong together: expected both or none.")
        if X_val is not None:
            validation = validation_of(self, X_val, y_val, sample_weight_val)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        given = {"X": X, "y": y, "metadata": metadata}
        train_members(self, architecture, Held(self, examples, validation), given)
        return self

    # --- diagnosis and pictures -------------------------------------------------------

    def _read(self, X: Any, *, reset: bool) -> Table:
        return read(self, X, reset=reset)

    def _matrix(self, table: Table) -> Matrix:
        return matrix_of(self, table)

    def _case_of(self, X: Any, y: Any) -> Case:
        """What `shoal.diagnose` may look at, with a table that may be new."""
        check_is_fitted(self)
        case = case_of(self, validation_of(self, X, y, None))
        began: tuple[Network, ...] = ()
        if not self.warm_start:
            shape = self.networks_[0].architecture
            began = tuple(
                Network._of(shape, parameters_of(self, shape, i, seed))
                for i, seed in enumerate(self.member_seeds_)
            )
        return case._replace(new=True, starts=began)

    # --- afterwards -------------------------------------------------------------------

    @property
    def fingerprint_(self) -> str:
        """A short hash of the learnt parameters: the same bits, the same word."""
        check_is_fitted(self)
        return fingerprint(self.networks_)

    @property
    def coefs_(self) -> list[Numbers]:
        """Weights of the first member in scikit-learn's shapes: (n_x, n_h), (n_h, n_y)."""
        p = self.networks_[0].parameters
        return [p.W1.T, p.W2.T] if len(p.W1) else [p.W2.T]

    @property
    def intercepts_(self) -> list[Numbers]:
        """Biases of the first member, of shapes (n_h,), (n_y,)."""
        p = self.networks_[0].parameters
        return [p.b1[:, 0], p.b2[:, 0]] if len(p.W1) else [p.b2[:, 0]]

    def _average(self, X: Any) -> Numbers:
        """The members' mean of A2, of shape (n_outputs, rows)."""
        total: Numbers | None = None
        for A2 in answers(self, X):
            total = A2 if total is None else total + A2
        assert total is not None
        return total / total.dtype.type(len(self.networks_)) if len(self.networks_) > 1 else total

    def transform(self, X: Any) -> Numbers:
        """The hidden activations A1 of each row, all members side by side: (rows, members × hidden).

        With hidden=0 the input takes their place: the columns as the network sees them.
        `set_output(transform="pandas")` names them, see `get_feature_names_out`.
        """
        return activations(self, X)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """The names of what `transform` returns: member0_unit0, member0_unit1 …

        `input_features` is there for scikit-learn; it has to be the names seen in `fit`.
        """
        check_is_fitted(self)
        given = _check_feature_names_in(self, input_features)
        names = [
            f"member{i}_unit{k}"
            for i, net in enumerate(self.networks_)
            for k in range(net.architecture.n_h)
        ]
        if not self.networks_[0].architecture.n_h:
            names = list(self.encoding_.features if self.encoding_ else given)
        return np.array(names, object)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to a .shoal file: atomically, and without pickle."""
        from shoal.estimators.saving import save

        check_is_fitted(self)
        save(self, path)

    # A Dask client cannot be copied: a clone shares it, a pickle keeps its address.

    def __sklearn_clone__(self) -> Self:
        without = copy.copy(self)
        without.engine = None
        cloned: Self = _clone_parametrized(without)
        cloned.engine = self.engine
        return cloned

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = {**super().__getstate__()}
        if hasattr(state.get("engine"), "scheduler"):
            state["engine"] = state["engine"].scheduler.address
        return state

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "networks_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.encode is not None
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = []  # activations have the precision of the network
        return tags

"""A fitted model as a value: what was learnt, and the answers that follow from it.

It is made by `train.py`, `partial.py` and `saving.py`; everything that looks at a fitted estimator reads it here.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.compute.steps import State
from shoal.data.rows.examples import Examples, Numbers
from shoal.estimators.learnt import Learnt
from shoal.estimators.targets import ClassTargets, first_biases
from shoal.training.network import Network

if TYPE_CHECKING:
    from shoal.diagnosis.case import Case
    from shoal.diagnosis.trial import Kept, Recipe
    from shoal.estimators.explanation import Explanation, PartialDependence, Slopes

KNOWN = 0.5  # of the rows were trained on: then they are not new


class Fitted(Learnt):
    """What was learnt, with the answers that users ask for."""

    def predict(self, X: Any, n_jobs: int | None = None) -> NDArray[Any]:
        """Classes or numbers, as the estimator's `predict` gives them.

        Parameters
        ----------
        X : like X of the estimator's `fit`, in memory
            The rows. An array of numbers, a dict of columns and a list of dicts need NumPy alone.
        n_jobs : int or None
            Number of threads; None for all. Results do not depend on it.

        Returns
        -------
        array of shape (rows,), or (rows, targets or labels)
        """
        return self.targets.answers(self.average(X, n_jobs))

    def predict_proba(self, X: Any, n_jobs: int | None = None) -> Numbers:
        """The probability of each class, as the estimator's `predict_proba` gives it.

        Parameters
        ----------
        X : as in `predict`
            The rows.
        n_jobs : int or None
            Number of threads.

        Returns
        -------
        array of shape (rows, classes or labels)

        Raises
        ------
        AttributeError
            When the model predicts numbers.
        """
        if not isinstance(self.targets, ClassTargets):
            raise AttributeError("predict_proba: the model predicts numbers. Use predict.")
        return self.targets.probabilities(self.average(X, n_jobs))

    def predict_interval(
        self, X: Any, coverage: float = 0.9, n_jobs: int | None = None
    ) -> NDArray[np.float64]:
        """An interval for the target of each row, as the regressor's `predict_interval` gives it."""
        from shoal.estimators.intervals import interval_of

        return interval_of(self, X, coverage, n_jobs)

    def predict_quantiles(
        self, X: Any, quantiles: Sequence[float], n_jobs: int | None = None
    ) -> NDArray[np.float64]:
        """Quantiles of the target of each row, as the regressor's `predict_quantiles` gives them."""
        from shoal.estimators.intervals import checked_levels, quantiles_of

        return quantiles_of(self, X, checked_levels(self, quantiles), n_jobs)

    def predict_set(
        self, X: Any, coverage: float = 0.9, n_jobs: int | None = None
    ) -> NDArray[np.bool_]:
        """The classes that each row may have, as the classifier's `predict_set` gives them."""
        from shoal.estimators.intervals import set_of

        return set_of(self, X, coverage, n_jobs)

    # --- why these answers, see `explaining.py` and the estimator's methods of the same names ------

    def explain(
        self, X: Any, *, background: Any = None, space: str | None = None,
        permutations: int | None = None, random_state: int = 0, n_jobs: int | None = None,
    ) -> "Explanation":  # fmt: skip
        """The Shapley values of each row, as the estimator's `explain` gives them."""
        from shoal.estimators.explaining import explain

        return explain(self, X, background, space, permutations, random_state, n_jobs)

    def slopes(self, X: Any, *, space: str | None = None) -> "Slopes":
        """How the predictions change with each number."""
        from shoal.estimators.explaining import slopes

        return slopes(self, X, space)

    def interactions(self, X: Any, *, space: str | None = None) -> "Slopes":
        """How the slope along one number changes with another."""
        from shoal.estimators.explaining import interactions

        return interactions(self, X, space)

    def partial_dependence(
        self, X: Any, column: str | int, *, grid: Any = None, space: str | None = None
    ) -> "PartialDependence":
        """The predictions of the rows with other values of one column."""
        from shoal.estimators.explaining import partial_dependence

        return partial_dependence(self, X, column, grid, space)

    # --- other rows, and the diagnosis --------------------------------------------------

    def examples(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        names: tuple[str, str] = ("y", "sample_weight"),
    ) -> Examples:
        """Rows with their targets; `names` are what errors call the targets and the weights."""
        from shoal.estimators.inputs import check_lengths, examples_of, weights_of

        table = self.inputs.read(X)
        weights = weights_of(sample_weight, table, names[1])
        targets = self.targets.arrays(y, weights, self.settings.class_weight)
        check_lengths(len(table), targets, names[0])
        return examples_of(self.inputs.matrix(table), targets)

    def case(self, examples: Examples, m: int = 0) -> "Case":
        """What a diagnosis looks at, with these examples; m rows were trained on, where that is known."""
        from shoal.diagnosis.case import Case
        from shoal.estimators.automatic import batch_of, patience_of, rate_of, usual_rate_of

        h, s, output = self.history, self.trained, self.architecture.output
        rows = m or examples.m
        # Those of the first kind: they have no units that were added to the width of others.
        networks = self.networks[: self.search.first_members] if self.search else self.networks
        return Case(
            networks, examples, vars(s),
            rate=rate_of(s, output),
            usual_rate=usual_rate_of(s.solver, output),
            patience=patience_of(s, rows, held=any(h.validation_losses)),
            losses=h.losses[0] if h.losses else (),
            validation_losses=h.validation_losses[0] if h.validation_losses else (),
            ending=h.endings[0] if h.endings else "", best_epoch=h.best_epoch,
            columns=tuple(self.inputs.features), recipes=self.recipe,
            batch=batch_of(s, rows), m=m,
        )  # fmt: skip

    def recipe(self, changes: Mapping[str, Any], m: int) -> "Recipe":
        """How a member is trained on m rows, encoded as they are, with some settings changed.

        Raises SettingError for settings that exclude each other.
        """
        from shoal.diagnosis.trial import Recipe
        from shoal.estimators.automatic import architecture_of, plan_of, stops_early
        from shoal.estimators.starts import begin, parameters_of

        s, seeds = self.trained.replaced(**changes).resolved(), self.history.seeds
        n_x, _, n_y, _, output = self.architecture
        shape, seed = architecture_of(s, n_x, n_y, output), seeds[0] if seeds else 0
        held = stops_early(s, m)

        def drawn(keep: "Kept") -> State:
            vector = parameters_of(s, shape, 0, seed, first_biases(self.targets))
            if keep is not None:  # what an input of 0 would do
                first = "W1" if shape.n_h else "W2"
                P = shape.unflatten(vector)
                P = P._replace(**{first: getattr(P, first)[:, keep]})
                vector = shape._replace(n_x=int(keep.sum())).flatten(P, vector.dtype)
            return begin(vector, s.solver)

        return Recipe(shape, plan_of(s, output, m, seed, held=held), drawn, held)

    def case_of_new(self, X: Any, y: Any) -> "Case":
        """The same, with rows that may not have been trained on."""
        from shoal.estimators.starts import parameters_of

        starts: tuple[Network, ...] = ()
        if not self.settings.warm_start:
            shape, b2 = self.architecture, first_biases(self.targets)
            starts = tuple(
                Network._of(shape, parameters_of(self.settings, shape, i, seed, b2))
                for i, seed in enumerate(self.history.seeds)
            )
        examples = self.examples(X, y)
        share = self.seen_share(self.hashes(examples.X))
        return self.case(examples, self.seen.m if self.seen else 0)._replace(
            new=share is None or share < KNOWN, starts=starts, earlier=self.diagnosis
        )

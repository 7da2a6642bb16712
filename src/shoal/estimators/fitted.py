"""A fitted model as a value: what was learnt, and the answers that follow from it.

Nothing here can be changed, and nothing depends on what is set on an estimator later. It is made by
`train.py`, `partial.py` and `saving.py`; everything that looks at a fitted estimator reads it here.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.compute.engine import threads as threads_of
from shoal.compute.steps import State
from shoal.data.rows.examples import Examples, Matrix, Numbers, dense
from shoal.data.rows.seen import Hashes, Seen, hashes_of
from shoal.data.rows.sparse import Sparse
from shoal.diagnosis.findings import Diagnosis
from shoal.estimators.calibration import Calibration
from shoal.estimators.columns import EncodedRows, Inputs
from shoal.estimators.ready import Ready
from shoal.estimators.search import Search
from shoal.estimators.targets import ClassTargets, Targets, finite, first_biases
from shoal.estimators.worth import Importance
from shoal.kinds import EVIDENCE
from shoal.network.architecture import Architecture
from shoal.settings import Settings
from shoal.training.evidence import Evidence
from shoal.training.network import Network

if TYPE_CHECKING:
    from shoal.diagnosis.case import Case
    from shoal.diagnosis.trial import Recipe
    from shoal.estimators.explanation import Explanation, PartialDependence, Slopes
    from shoal.training.loop import Trained

KNOWN = 0.5  # of the rows were trained on: then they are not new
Curves = tuple[tuple[float, ...], ...]  # of each member, one number an epoch


class History(NamedTuple):
    """How the training of the members went; curves and endings are one for each of them."""

    seeds: tuple[int, ...] = ()
    losses: Curves = ()
    validation_losses: Curves = ()
    validation_scores: Curves = ()
    endings: tuple[str, ...] = ()
    best_epoch: int = 0  # of the first member
    epochs: int = 0
    seconds: float = 0.0
    evidence: tuple[Evidence, ...] = ()  # of each member; none without alpha="evidence"
    states: tuple[State, ...] = ()  # of the optimisers; not kept in files
    interruption: BaseException | None = None
    scratch: tuple[str, int] | None = None  # the folder and bytes of a streamed fit

    @classmethod
    def of(cls, trained: "Sequence[Trained]", seeds: Sequence[int]) -> Self:
        """Of members that have just been trained."""
        return cls(
            seeds=tuple(seeds[: len(trained)]),
            losses=tuple(tuple(t.losses) for t in trained),
            validation_losses=tuple(tuple(t.validation_losses) for t in trained),
            validation_scores=tuple(tuple(t.validation_scores) for t in trained),
            endings=tuple(t.ending for t in trained),
            best_epoch=trained[0].best_epoch,
            epochs=max(t.epochs for t in trained),
            seconds=max(t.seconds for t in trained),
            evidence=tuple(found for t in trained if (found := t.evidence)),
            states=tuple(t.state for t in trained),
            interruption=next((t.interruption for t in trained if t.interruption), None),
        )

    @property
    def loss(self) -> float:
        """The training loss of the epoch that was kept, of the first member.

        Where no epoch was better than the start (0), that of the first epoch, the nearest to it.
        """
        losses = self.losses[0] if self.losses else ()
        kept = max(self.best_epoch, 1)
        return losses[kept - 1] if kept <= len(losses) else np.nan


@dataclass(frozen=True, eq=False)
class Fitted:
    """All that a fit has learnt."""

    settings: Settings  # of the fit
    inputs: Inputs
    targets: Targets
    networks: tuple[Network, ...]
    history: History = field(default_factory=History)
    diagnosis: Diagnosis = field(default_factory=lambda: Diagnosis(()))
    record: Mapping[str, Any] = field(default_factory=dict)  # what a program adds for its own use
    seen: Seen | None = None  # hashes of some rows of the training
    importance: tuple[Importance, ...] = ()  # of each column, on rows held out, if it was measured
    calibration: Calibration | None = None  # what rows that were not seen say of predictions
    search: Search | None = None  # what a search has tried

    @property
    def architecture(self) -> Architecture:
        """Of every member."""
        return self.networks[0].architecture

    @property
    def is_constant(self) -> bool:
        """Whether every row gets the same answer, as what was learnt seemed to be noise: see `noise.py`."""
        return not any(network.parameters.W2.any() for network in self.networks)

    @property
    def trained(self) -> Settings:
        """The settings of the training, with what "auto" has become of the solver."""
        s = self.settings.resolved()
        if s.effort > 1:
            s = s.replaced(**{"effort": 1, **(self.search.first.settings if self.search else {})})
        if self.history.evidence and s.alpha != EVIDENCE:
            return s.replaced(solver="lm", alpha=EVIDENCE)
        return s

    @property
    def fingerprint(self) -> str:
        """A short hash of the learnt parameters."""
        return fingerprint(self.networks)

    def replaced(self, **values: Any) -> Self:
        """The same with other values."""
        return replace(self, **values)

    # --- answers ----------------------------------------------------------------------

    def matrix(self, X: Any) -> Matrix:
        """The rows as the networks see them; what is new in them is told."""
        if isinstance(X, EncodedRows):
            return X.matrix
        if self.inputs.is_ready(X):
            return X
        plain = self.inputs.plain_matrix(X)
        if plain is not None:
            return plain
        return self.inputs.matrix(self.inputs.read(X), watched=True)

    def hashes(self, matrix: Matrix) -> Hashes:
        """Of each row what `seen_share` takes."""
        if self.seen is None or isinstance(matrix, Sparse):
            return np.zeros(len(matrix), np.uint64)
        return hashes_of(matrix)

    def seen_share(self, hashes: Hashes) -> float | None:
        """What share of the rows was trained on, as far as it is known."""
        return None if self.seen is None else self.seen.share(hashes)

    def outputs(self, X: Any, n_jobs: int | None) -> Iterator[Numbers]:
        """Each member's A2, of shape (n_outputs, rows)."""
        matrix, threads = self.matrix(X), threads_of(n_jobs)
        for network in self.networks:
            A2 = engine.predict(network.architecture, network.vector, matrix, threads)
            yield finite(A2)

    def average(self, X: Any, n_jobs: int | None) -> Numbers:
        """The members' mean of A2, of shape (n_outputs, rows)."""
        threads, ready = threads_of(n_jobs), self._ready
        if ready is not None:
            found = ready.average(self.inputs, X, threads)
            if found is not None:
                return found
        matrix = self.matrix(X)
        if ready is not None and not isinstance(matrix, Sparse):
            found = ready.ensemble.mean(matrix, threads)
            if found is not None:
                return found
        members = self.outputs(EncodedRows(matrix), n_jobs)
        total, n = next(members), len(self.networks)
        if n == 1:
            return total
        with np.errstate(over="ignore"):  # what overflows is infinite, and named by `finite`
            for A2 in members:
                total = total + A2
        return finite(total / total.dtype.type(n))

    @cached_property
    def _ready(self) -> Ready | None:
        """The same for the kernel, made when it is first needed; no part of the value."""
        return Ready.of(self.inputs, self.networks)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_ready"}

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

    def activations(self, X: Any, n_jobs: int | None) -> Numbers:
        """The members' A1 side by side, (rows, members × n_h); with no hidden layer the matrix itself."""
        matrix, threads = self.matrix(X), threads_of(n_jobs)
        if not self.architecture.n_h:
            return dense(matrix).copy()
        parts = [
            finite(engine.forward(network.architecture, network.vector, matrix, threads)[1]).T
            for network in self.networks
        ]
        return np.concatenate(parts, axis=1)

    def activation_names(self) -> list[str]:
        """The names of what `activations` returns; none where the inputs have none."""
        if not self.architecture.n_h:
            return self.inputs.features
        return [
            f"member{i}_unit{k}"
            for i in range(len(self.networks))
            for k in range(self.architecture.n_h)
        ]

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

    def case(self, examples: Examples) -> "Case":
        """What a diagnosis looks at, with these examples."""
        from shoal.diagnosis.case import Case
        from shoal.estimators.automatic import batch_of, patience_of, rate_of, usual_rate_of

        h, s, output = self.history, self.trained, self.architecture.output
        # Those of the first kind: they have no units that were added to the width of others.
        networks = self.networks[: self.search.first_members] if self.search else self.networks
        return Case(
            networks, examples, vars(s),
            rate=rate_of(s, output),
            usual_rate=usual_rate_of(s.solver, output),
            patience=patience_of(s, examples.m, held=any(h.validation_losses)),
            losses=h.losses[0] if h.losses else (),
            validation_losses=h.validation_losses[0] if h.validation_losses else (),
            ending=h.endings[0] if h.endings else "", best_epoch=h.best_epoch,
            columns=tuple(self.inputs.features), recipes=self.recipe,
            batch=batch_of(s, examples.m),
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
        state = begin(parameters_of(s, shape, 0, seed, first_biases(self.targets)), s.solver)
        held = stops_early(s, m)
        return Recipe(shape, plan_of(s, output, m, seed, held=held), state, held)

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
        return self.case(examples)._replace(
            new=share is None or share < KNOWN,
            starts=starts,
            earlier=self.diagnosis,
            m=len(self.seen.hashes) if self.seen else 0,
        )


def fingerprint(networks: Sequence[Network]) -> str:
    """A short hash of the parameters: the same bits, the same text."""
    digest = hashlib.sha256()
    for network in networks:
        vector = network.vector
        digest.update(f"{tuple(network.architecture)} {vector.dtype.name};".encode())
        digest.update(vector.astype(vector.dtype.newbyteorder("<")).tobytes())
    word = digest.hexdigest()
    return f"{word[:4]}-{word[4:8]}"

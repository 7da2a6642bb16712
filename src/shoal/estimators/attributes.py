"""The attributes of a fitted estimator, all read from the one value that the fit has left.

Nothing writes them: an estimator keeps a `Fitted`, and `_keep` is the only place that sets it.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

from shoal.data.encode.encoding import Encoding
from shoal.data.rows.examples import Numbers
from shoal.diagnosis.findings import Diagnosis
from shoal.estimators.fitted import Fitted
from shoal.estimators.targets import ClassTargets, NumberTargets
from shoal.training.network import Network


class EvidenceOfMembers(NamedTuple):
    """What the data say of each member: one entry, or row, a member."""

    alpha: NDArray[np.float64]  # (members, 3): the penalties of W1, b1 and W2
    beta: NDArray[np.float64]  # 1 / the variance of the noise of the standardised targets
    gamma: NDArray[np.float64]  # the effective number of parameters
    log_evidence: NDArray[np.float64]


class FittedAttributes:
    """Everything that ends in an underscore. Each raises NotFittedError before the fit."""

    def _keep(self, fitted: Fitted) -> None:
        """Make the estimator fitted: the only place where this is done."""
        vars(self)["_fitted"] = fitted

    @property
    def fitted_(self) -> Fitted:
        """All that the fit has learnt, as a value that nothing can change."""
        fitted: Fitted | None = vars(self).get("_fitted")
        if fitted is None:
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with "
                "appropriate arguments before using this estimator."
            )
        return fitted

    @property
    def networks_(self) -> list[Network]:
        """The members, each a `Network`."""
        return list(self.fitted_.networks)

    @property
    def fingerprint_(self) -> str:
        """A short hash of the learnt parameters: the same bits, the same text."""
        return self.fitted_.fingerprint

    @property
    def encoding_(self) -> Encoding | None:
        """What was learnt of each column; None where columns are taken as numbers."""
        return self.fitted_.inputs.encoding

    @property
    def diagnosis_(self) -> Diagnosis:
        """What the fit found to be wrong or worth knowing."""
        return self.fitted_.diagnosis

    @property
    def record_(self) -> dict[str, Any]:
        """What the program that trained the model has added."""
        return dict(self.fitted_.record)

    @property
    def search_results_(self) -> list[dict[str, Any]]:
        """What a search has tried, one entry a candidate; no such attribute with effort=1.

        Each has `candidate` (its name), `settings` in which it differs, `members` that it has trained, `loss` on the
        rows that they held out, its `difference` from the fit without a search on the same rows and the standard
        `error` of that, how many rows were `judged`, its `weight` in the result and its `work` in multiply-adds.
        """
        search = self.fitted_.search
        if search is None:
            raise AttributeError("search_results_: there is none without a search, with effort=1.")
        return [
            {"candidate": one.name, **one._asdict(), "settings": dict(one.settings)}
            for one in search.tried
        ]

    @property
    def coefs_(self) -> list[Numbers]:
        """Weights of the first member in scikit-learn's shapes: (n_x, n_h), (n_h, n_y)."""
        p = self.fitted_.networks[0].parameters
        return [p.W1.T, p.W2.T] if len(p.W1) else [p.W2.T]

    @property
    def intercepts_(self) -> list[Numbers]:
        """Biases of the first member, of shapes (n_h,), (n_y,)."""
        p = self.fitted_.networks[0].parameters
        return [p.b1[:, 0], p.b2[:, 0]] if len(p.W1) else [p.b2[:, 0]]

    # --- columns and shapes -----------------------------------------------------------

    @property
    def n_features_in_(self) -> int:
        """The number of columns seen in `fit`."""
        return self.fitted_.inputs.n

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:
        """The names of the columns seen in `fit`; there is no such attribute if they had none."""
        names = self.fitted_.inputs.names
        if names is None:
            raise AttributeError("feature_names_in_: the columns seen in fit had no names.")
        return np.array(names, object)

    @feature_names_in_.setter
    def feature_names_in_(self, names: None) -> None:
        # shap sets None on its copy of an estimator, to give arrays without a warning.
        if names is not None:
            raise AttributeError(
                "feature_names_in_ was learnt by fit. It can be set to None alone, so that columns "
                "are taken by position without a warning."
            )
        fitted = self.fitted_
        self._keep(fitted.replaced(inputs=replace(fitted.inputs, names=None)))

    @property
    def n_outputs_(self) -> int:
        """The number of outputs of a network."""
        return self.fitted_.architecture.n_y

    @property
    def out_activation_(self) -> str:
        """The function of the output layer."""
        return self.fitted_.architecture.output

    @property
    def n_layers_(self) -> int:
        """The number of layers, the input included."""
        return 3 if self.fitted_.architecture.n_h else 2

    # --- how the training went ----------------------------------------------------------

    @property
    def n_iter_(self) -> int:
        """The number of epochs, of the member that was trained longest."""
        return self.fitted_.history.epochs

    @property
    def best_epoch_(self) -> int:
        """The epoch, counted from 1, whose parameters the first member kept."""
        return self.fitted_.history.best_epoch

    @property
    def loss_(self) -> float:
        """The training loss of that epoch."""
        return self.fitted_.history.loss

    @property
    def loss_curve_(self) -> list[float]:
        """The training loss of each epoch, of the first member."""
        return self.loss_curves_[0]

    @property
    def loss_curves_(self) -> list[list[float]]:
        """The same of every member."""
        return [list(curve) for curve in self.fitted_.history.losses]

    @property
    def validation_loss_curve_(self) -> list[float] | None:
        """The validation loss of each epoch, of the first member; None without a validation part."""
        return self.validation_loss_curves_[0] or None

    @property
    def validation_loss_curves_(self) -> list[list[float]]:
        """The same of every member; empty without a validation part."""
        return [list(curve) for curve in self.fitted_.history.validation_losses]

    @property
    def validation_score_curve_(self) -> list[float] | None:
        """The validation score of each epoch, of the first member; None without `scoring`."""
        return self.validation_score_curves_[0] or None

    @property
    def validation_score_curves_(self) -> list[list[float]]:
        """The same of every member; empty without `scoring`."""
        return [list(curve) for curve in self.fitted_.history.validation_scores]

    @property
    def endings_(self) -> list[str]:
        """Why the training of each member ended, see `shoal.training.loop`."""
        return list(self.fitted_.history.endings)

    @property
    def evidence_(self) -> EvidenceOfMembers:
        """What the data say of the members, with alpha="evidence"; no such attribute without."""
        found = self.fitted_.history.evidence
        if not found:
            raise AttributeError(
                'evidence_: there is none without alpha="evidence", nor after an interruption.'
            )
        return EvidenceOfMembers(*(np.array(column) for column in zip(*found, strict=True)))

    @property
    def member_seeds_(self) -> list[int]:
        """The seed of each member."""
        return list(self.fitted_.history.seeds)

    @property
    def training_seconds_(self) -> float:
        """How long the training of all members took."""
        return self.fitted_.history.seconds

    @property
    def interruption_(self) -> BaseException | None:
        """The exception of the signal that ended the training, if one did."""
        return self.fitted_.history.interruption

    @property
    def scratch_(self) -> tuple[str, int]:
        """The folder and the bytes of the scratch file of a streamed fit."""
        scratch = self.fitted_.history.scratch
        if scratch is None:
            raise AttributeError("scratch_: the fit was not streamed.")
        return scratch


class ClassAttributes(FittedAttributes):
    """What a classifier has in addition."""

    @property
    def _classes(self) -> ClassTargets:
        targets = self.fitted_.targets
        assert isinstance(targets, ClassTargets)
        return targets

    @property
    def classes_(self) -> NDArray[Any]:
        """The classes in rising order; with several labels their numbers."""
        return self._classes.classes

    @property
    def threshold_(self) -> float | None:
        """The probability above which the second class is predicted; None: the likeliest class."""
        return self._classes.threshold

    @property
    def n_classes_(self) -> int:
        """The number of classes, or of labels."""
        return len(self._classes.classes)


class NumberAttributes(FittedAttributes):
    """What a regressor has in addition."""

    @property
    def _numbers(self) -> NumberTargets:
        targets = self.fitted_.targets
        assert isinstance(targets, NumberTargets)
        return targets

    @property
    def target_mean_(self) -> NDArray[np.float64]:
        """The mean of each target, by which it is standardised."""
        return self._numbers.mean

    @property
    def target_scale_(self) -> NDArray[np.float64]:
        """The standard deviation of each target."""
        return self._numbers.scale

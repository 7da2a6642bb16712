"""`ShoalClassifier`: two classes, many classes, or several labels at once."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from shoal.data.rows.examples import Numbers
from shoal.estimators.attributes import ClassAttributes
from shoal.estimators.base import ShoalBase
from shoal.estimators.partial import continues
from shoal.estimators.targets import ClassTargets, Targets
from shoal.settings import DeclaredForClasses


@dataclass(kw_only=True, eq=False, repr=False)
class ShoalClassifier(ClassifierMixin, ClassAttributes, ShoalBase, DeclaredForClasses):
    """A network with one hidden layer that tells classes apart.

    All parameters are keyword-only; those of scikit-learn's `MLPClassifier` keep their meaning.

    Parameters
    ----------
    hidden : int or "auto" (64, or 128 for nine classes and more)
        Units of the hidden layer; 0 leaves logistic regression.
    activation : {"tanh", "relu", "leaky_relu", "sigmoid", "identity"}
    init : {"auto", "lecture", "glorot", "he", "zeros"}, a standard deviation, or networks
        To start from given parameters: a `Network`, `Parameters`, or a list with one for each
        member (as `networks_` of another estimator, or that estimator itself).
    solver : {"adam", "sgd", "gd", "lbfgs"}
        "gd" is the lecture's: all rows at every step. "lbfgs" takes all rows too, and finds
        directions and lengths of its steps itself, without learning_rate, schedule and
        weight_decay: for up to some 10,000 rows.
    learning_rate : number or "auto" (adam 0.005, sgd 0.03, gd 0.25)
    momentum : number, for sgd
    batch_size : int or "auto" (some 50 steps an epoch, 32 to 256 rows)
    shuffle_rows : int
        Rows that are shuffled together: beyond so many an epoch goes through windows of these,
        each made of 128 chunks from all over the table.
    schedule : {"plateau", "constant", "cosine"}
        Of the learning rate (adam and sgd). "plateau": with a validation part, when its loss has
        stood still for `n_iter_no_change` epochs, it falls to 0.3 times, and training goes on from
        the best epoch; the third time it ends. "cosine": it falls to 0 over `max_iter` epochs.
    max_iter : int
        Epochs at the most.
    alpha : number
        L2 penalty, ½ alpha Σ W² / m.
    weight_decay : number
        Every step takes (rate · weight_decay) W off W, whatever the gradient (as AdamW does).
    dropout : number from 0 to below 1
        The chance of a hidden unit to count as 0 for an example, in each step of the training; the
        others count for more, so that the mean stays. Nothing is dropped in predictions.
    members : int or "auto" (8 below 2,000 rows, 6 below 20,000, 4 below 100,000, else 2)
        Networks trained side by side, each from its own draw, with its own validation part;
        their mean is predicted.
    class_weight : dict, "balanced" or None
    early_stopping : bool or "auto" (from 50 rows on)
        Hold out a part, stop when its loss has not fallen by `tol` for `n_iter_no_change`
        epochs, and keep the best epoch.
    validation_fraction, n_iter_no_change, tol : numbers
    scoring : name of one of scikit-learn's scorers, function of (model, X, y), or None
        Stop early, and choose the best epoch, by this score of the validation part instead of
        its loss. A function is given X as the networks see it, encoded.
    encode : {"auto", None}
        None takes the numbers as they are; else see `shoal.data.encoding`.
    bins : int or "auto" (32, or 8 below 1,000 rows; fewer, to 4, with more than 16 columns; none with more than 1,024)
        In which a number is placed as well as standardised; 0 for none.
    words, numbers, drop : lists of columns, or None
        Override what is guessed of a column: take it as words, as numbers, or leave it out. A
        column named in `words` has a column for every word of 20 rows or more.
    dtype : {"float32", "float64"}
    random_state : int, RandomState or None
    n_jobs : int or None
        Threads; None means all. The result does not depend on it.
    warm_start : bool
        Go on from the fitted networks at the next `fit`, with the encoding and the classes that
        the first one learnt.
    checkpoint : folder or None
        Keep there where the training stands, every epoch or 30 seconds, whichever is longer. A
        `fit` with the same data and settings goes on from there, to the same bits.
    engine : Dask client, address of a scheduler, "local", or None
        Who computes: a cluster, see docs/cluster.md, or this machine. The result does not
        depend on it.
    replicas, local_steps : int; int or None
        adam and sgd as so many replicas, each with its share of the rows, that meet in their mean
        after so many steps (None: an epoch). Another training than that of one network; a
        cluster needs them, and the same ones have the same result without it.
    memory : "2GiB", a number of bytes, or None (half of what is available)
    scratch : folder or None (TMPDIR, else /var/tmp)
        For fits of files: how much memory may be used at the most, and where the encoded rows
        are kept meanwhile. The result does not depend on them.
    verbose : bool, or a function that is given each `Report`

    Attributes
    ----------
    classes_, n_classes_, n_features_in_, feature_names_in_, n_iter_, loss_, loss_curve_,
    validation_loss_curve_, validation_score_curve_, coefs_, intercepts_, n_layers_, n_outputs_, out_activation_ :
        as in scikit-learn. Losses are mean cross-entropies in nats, without the penalty.
    networks_ : list of Network
    fingerprint_ : str
    member_seeds_, endings_, best_epoch_, training_seconds_, encoding_

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = ShoalClassifier(random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    """

    _targets: ClassVar[type[Targets]] = ClassTargets

    @classmethod
    def classic(
        cls,
        *,
        hidden: int = 4,
        learning_rate: float = 1.2,
        max_iter: int = 10_000,
        random_state: Any = 3,
        **others: Any,
    ) -> Self:
        """The lecture, exactly: tanh, 0.01 × normal, full-batch descent, and nothing else.

        No scaling of the inputs, no penalty, no early stopping, float64, all iterations.
        """
        lecture: dict[str, Any] = {
            "activation": "tanh",
            "init": "lecture",
            "solver": "gd",
            "alpha": 0.0,
            "early_stopping": False,
            "n_iter_no_change": max_iter,
            "tol": 0.0,
            "encode": None,
            "members": 1,
            "dtype": "float64",
        }
        return cls(
            hidden=hidden,
            learning_rate=learning_rate,
            max_iter=max_iter,
            random_state=random_state,
            **(lecture | others),
        )

    @available_if(continues)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go once over these rows, continuing from the last call; for adam and sgd.

        Parameters
        ----------
        X, y, sample_weight : as in `fit`, in memory
            The first call learns the encoding of the columns: give it enough rows.
        classes : array, optional
            All classes that will ever occur; needed in the first call, but not with several labels.

        Returns
        -------
        self

        Raises
        ------
        DataError, SettingError
            As `fit`.

        Examples
        --------
        >>> model = ShoalClassifier(random_state=0, hidden=4)
        >>> for part in range(3):
        ...     X = np.random.default_rng(part).normal(size=(200, 2))
        ...     model = model.partial_fit(X, X[:, 0] > 0, classes=[False, True])
        >>> model.n_iter_
        3
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class of each row.

        Parameters
        ----------
        X : like X of `fit`, in memory
            The rows.

        Returns
        -------
        array of shape (rows,), or (rows, labels)
            Classes of `classes_`; with several labels a 0 or 1 for each.
        """
        A2 = self._average(X)
        return self._classes.decide(A2)

    def predict_proba(self, X: Any) -> Numbers:
        """Return the probability of each class, in the order of `classes_`.

        Parameters
        ----------
        X : like X of `fit`, in memory
            The rows.

        Returns
        -------
        array of shape (rows, n_classes)
            With several labels the probability of each label, of shape (rows, labels).
        """
        A2 = self._average(X)
        return self._classes.probabilities(A2)

    def predict_log_proba(self, X: Any) -> Numbers:
        """The logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            logarithms: Numbers = np.log(self.predict_proba(X))
        return logarithms

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

"""`ShoalClassifier`: two classes, many classes, or several labels at once."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from shoal.data.examples import Examples, Numbers
from shoal.errors import DataError, SettingError
from shoal.estimators.base import ShoalBase, check
from shoal.estimators.partial import goes_on, one_epoch
from shoal.estimators.reading import Targets
from shoal.estimators.settings import MAX_ITER, SHUFFLE_ROWS

PIECE = 1 << 20  # targets that are looked up at once


class ShoalClassifier(ClassifierMixin, ShoalBase):
    """A network with one hidden layer that tells classes apart.

    Parameters (all keyword-only; those of scikit-learn's `MLPClassifier` keep their meaning)
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
        Go on from the fitted networks at the next `fit`.
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
        class_weight: Any = None,
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
        self.class_weight = class_weight
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

    @available_if(goes_on)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go once over these rows, from where the last call ended; for adam and sgd.

        The first call needs all `classes` that will ever come (with several labels there is
        nothing to name), and learns the encoding of the columns; give it rows enough to show
        them. `sample_weight` counts row i as so many rows. Raises as `fit` does.

        >>> model = ShoalClassifier(random_state=0, hidden=4)
        >>> for part in range(3):
        ...     X = np.random.default_rng(part).normal(size=(200, 2))
        ...     model = model.partial_fit(X, X[:, 0] > 0, classes=[False, True])
        >>> model.n_iter_
        3
        """
        check(self)
        one_epoch(self, X, y, sample_weight, classes)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest class of each row; with several labels a 0 or 1 for each, (rows, labels)."""
        A2 = self._average(X)
        if self._labels_ > 1:
            return (A2.T > 0.5).astype(np.int64)
        chosen = (A2[0] > 0.5).astype(np.intp) if len(A2) == 1 else A2.argmax(axis=0)
        labels: NDArray[Any] = self.classes_[chosen]
        return labels

    def predict_proba(self, X: Any) -> Numbers:
        """The probability of each class, of shape (rows, n_classes), in the order of `classes_`.

        With several labels: the probability of each label, of shape (rows, labels).
        """
        A2 = self._average(X)
        if len(A2) > 1 or self._labels_ > 1:
            return A2.T
        both = np.empty((A2.shape[1], 2), A2.dtype)
        both[:, 1] = A2[0]
        np.subtract(1, A2[0], out=both[:, 0])
        return both

    def predict_log_proba(self, X: Any) -> Numbers:
        """The logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            logarithms: Numbers = np.log(self.predict_proba(X))
        return logarithms

    # --- what y means -----------------------------------------------------------------

    def _check_classes(self, y: Any, classes: Any, *, first: bool) -> None:
        several = np.ndim(y) == 2 and np.shape(y)[1] > 1
        if first and classes is None and not several:
            raise DataError(
                "partial_fit needs classes=[…] in its first call: all the classes that will ever "
                "come, as these rows may not have them all."
            )
        if (
            not first
            and classes is not None
            and not np.array_equal(_distinct(np.asarray(classes)), self.classes_)
        ):
            raise DataError(
                f"classes={list(classes)[:20]} differ from those of the first call, "
                f"{list(self.classes_[:20])}. Leave classes out, or fit anew."
            )

    def _learn_targets(
        self, y: Any, weights: NDArray[np.float64] | None, classes: Any = None
    ) -> Targets:
        y = _as_array(y)
        whole = (
            y.ndim == 1 and y.dtype.kind in "bui"
        )  # then scikit-learn need not look at all of it
        if not whole:
            check_classification_targets(y)
        if not whole and type_of_target(y) == "multilabel-indicator":
            self._labels_ = y.shape[1]
            self.classes_ = np.arange(y.shape[1])
            self.n_classes_ = y.shape[1]
        else:
            y = column_or_1d(y, warn=True)
            self._labels_ = 1
            self.classes_ = _distinct(y if classes is None else _as_array(classes))
            self.n_classes_ = len(self.classes_)
            if self.n_classes_ < 2:
                raise DataError(
                    f"y has one class only, {self.classes_[0]!r}: expected at least two to tell apart."
                )
        return self._targets(y, weights)

    def _targets(self, y: Any, weights: NDArray[np.float64] | None) -> Targets:
        y = _as_array(y)
        weights = self._with_class_weight(y, weights)
        if self._labels_ > 1:
            if y.ndim != 2 or y.shape[1] != self._labels_:
                raise DataError(f"y must have shape (rows, {self._labels_}), but has {y.shape}.")
            return Targets(np.asarray(y, np.float64), None, weights)
        y = column_or_1d(y)
        labels = np.empty(len(y), np.int32)
        for piece in _pieces(len(y)):
            labels[piece] = self._labels_of(y[piece])
        return Targets(None, labels, weights)

    def _labels_of(self, y: NDArray[Any]) -> NDArray[np.integer]:
        """The place of each target among the classes."""
        if len(self.classes_) == 2:
            labels = (y == self.classes_[1]).astype(np.intp)
        else:
            labels = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        unknown = self.classes_[labels] != y
        if unknown.any():
            raise DataError(
                f"y has the class {y[np.flatnonzero(unknown)[0]]!r}, which was not there in fit. "
                f"Classes: {list(self.classes_[:20])}."
            )
        return labels

    def _targets_back(self, examples: Examples) -> NDArray[Any]:
        """The targets as they were given, of the rows that count."""
        rows = slice(None) if examples.rows is None else examples.rows
        if examples.labels is None:
            assert examples.Y is not None
            return examples.Y[rows].astype(np.int64)
        labels: NDArray[Any] = self.classes_[examples.labels[rows]]
        return labels

    def _with_class_weight(
        self, y: NDArray[Any], weights: NDArray[np.float64] | None
    ) -> NDArray[np.float64] | None:
        if self.class_weight is None:
            return weights
        by_class: NDArray[np.float64] = compute_sample_weight(self.class_weight, y)
        if not (np.isfinite(by_class) & (by_class >= 0)).all():
            raise SettingError(
                f"class_weight={self.class_weight!r}: expected finite numbers from 0 on."
            )
        return by_class if weights is None else weights * by_class

    def _outputs(self) -> tuple[int, str]:
        if self._labels_ > 1:
            return self._labels_, "sigmoid"
        return (1, "sigmoid") if self.n_classes_ == 2 else (self.n_classes_, "softmax")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _as_array(y: Any) -> NDArray[Any]:
    """Y as an array of one type, without holes."""
    values = np.asarray(y)
    if values.dtype.kind == "f":
        missing = np.isnan(values)
    elif values.dtype.kind == "O":
        missing = np.array([_is_missing(v) for v in values.reshape(-1)], bool).reshape(values.shape)
    else:
        return values
    if missing.any():
        row = int(np.argwhere(missing)[0][0])
        raise DataError(
            f"y contains NaN or None (first in row {row}, {int(missing.sum())} in all): expected "
            "a target for every row. Leave such rows out."
        )
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise DataError("y contains infinity: expected finite numbers or labels.")
    return values


def _distinct(y: NDArray[Any]) -> NDArray[Any]:
    """`np.unique(y)`; whole numbers that lie close together are counted, which is faster."""
    if y.dtype.kind in "ui" and len(y):
        low, high = int(y.min()), int(y.max())
        if high - low < min(len(y), PIECE) and high < 1 << 62 and low > -(1 << 62):
            there = np.zeros(high - low + 1, bool)
            for piece in _pieces(len(y)):
                there |= np.bincount(y[piece].astype(np.int64) - low, minlength=len(there)) > 0
            return (np.flatnonzero(there) + low).astype(y.dtype)
    return np.unique(y)


def _pieces(m: int) -> Iterator[slice]:
    """Rows 0 … m in pieces, so that what is made of a piece is small."""
    return (slice(begin, begin + PIECE) for begin in range(0, m, PIECE))


def _is_missing(value: object) -> bool:
    # pandas' NA is neither equal to itself nor unequal.
    return value is None or type(value).__name__ == "NAType" or bool(value != value)

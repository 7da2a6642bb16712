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
from shoal.estimators.intervals import set_of
from shoal.estimators.labels import as_array, refuse_other_kinds, refusing
from shoal.estimators.partial import continues
from shoal.estimators.saving import CLASSIFIER
from shoal.estimators.targets import ClassTargets, Targets
from shoal.settings import DeclaredForClasses


@dataclass(kw_only=True, eq=False, repr=False)
class ShoalClassifier(ClassifierMixin, ClassAttributes, ShoalBase, DeclaredForClasses):
    """A network with one hidden layer that predicts classes.

    All parameters are keyword-only. Those that scikit-learn's `MLPClassifier` has too:

    * `activation` ("logistic" is "sigmoid" here), `solver`, `alpha`, `batch_size`, `max_iter`,
      `validation_fraction`, `n_iter_no_change`, `random_state`, `verbose` and `warm_start` keep
      their meaning. Some have other defaults.
    * `hidden_layer_sizes=(n,)` is `hidden=n`, `learning_rate_init` is `learning_rate`, and
      `learning_rate` is `schedule` ("adaptive" resembles "plateau").
    * `momentum` is that of `nesterovs_momentum=False`.
    * `early_stopping` watches the loss of the validation part; there it watches the accuracy, as
      here with `scoring="accuracy"`.
    * `tol` is always the smallest improvement that counts; there it bounds the gradient of "lbfgs".
    * `shuffle`, `power_t`, `nesterovs_momentum`, `beta_1`, `beta_2`, `epsilon` and `max_fun` do not
      exist.

    Parameters
    ----------
    hidden : int or "auto"
        Number of hidden units; 0 leaves logistic regression. "auto" is 64, or 128 from nine classes on;
        with "lm" it is 10.
    activation : {"tanh", "relu", "leaky_relu", "sigmoid", "identity"}
        Function of the hidden units.
    init : {"auto", "lecture", "glorot", "he", "zeros"}, float, or networks
        How the weights are drawn: a scheme, or a standard deviation from 0 to 1e6. To start from
        given parameters: a `Network`, `Parameters`, a list with one for each member (as
        `networks_` of another estimator), or that estimator itself.
    solver : {"auto", "adam", "sgd", "gd", "lbfgs", "lm"}
        "auto" is "adam". On small tables, where no other parameter of the training is set, it is "lm" with
        alpha="evidence" and 6 units where that predicts the rows held out better: below 2,000 rows, for at
        most 200 parameters. "adam" and "sgd" take mini-batches. "gd" is the lecture's full-batch gradient descent.
        "lbfgs" takes all rows too and finds direction and length of each step itself, without
        learning_rate, schedule and weight_decay: for up to some 10,000 rows. "lm" is
        Levenberg–Marquardt, with steps from the Gauss–Newton matrix: for up to some 2,000
        parameters. There `tol` is a share of the cost.
    learning_rate : float or "auto"
        Above 0. "auto" is 0.005 for adam, 0.03 for sgd, 0.25 for gd.
    momentum : float
        From 0 to below 1; of "sgd" alone.
    batch_size : int or "auto"
        Rows of a mini-batch. "auto" makes some 50 steps an epoch, in batches of 32 to 256 rows;
        from 524,288 training rows on batches have 512.
    shuffle_rows : int
        Rows that are shuffled together. Longer tables are shuffled in windows of this size, each
        made of 128 chunks from all over the table.
    schedule : {"plateau", "constant", "cosine"}
        Of the learning rate, for "adam" and "sgd". "plateau": when the validation loss has not
        improved for `n_iter_no_change` epochs, the rate is reduced to 0.3 times, and training
        continues from the best epoch; the third time it ends. "cosine": the rate falls to 0 over
        `max_iter` epochs.
    max_iter : int
        Maximum number of epochs.
    alpha : float or "evidence"
        L2 penalty: ½ alpha Σ W² / m is added to the cost of m rows. "evidence" finds one for each
        of W1, b1 and W2 from all rows, with nothing held out; it needs solver="lm" or hidden=0.
    weight_decay : float
        Every step subtracts rate · weight_decay · W from W, apart from the gradient, as in AdamW.
    dropout : float
        Probability, from 0 to below 1, that a hidden unit counts as 0 for an example in a training
        step; the others are scaled up so that the mean stays. Predictions drop nothing.
    members : int or "auto"
        Ensemble size: networks trained side by side, each from its own draw and with its own
        validation part; their predictions are averaged. "auto" is 8 below 2,000 rows, 6 below
        20,000, 4 below 100,000, else 2.
    effort : int
        From 1 (no search) to 5: work that is spent on a search for a better model, up to 6, 20, 60 and 160 times
        that of the fit without. Other settings are tried side by side on the rows that members hold out, the
        weaker ones stop early, and the others are mixed where that predicts better. What is set is kept.
    time_budget : float or None
        Seconds for a search, instead of `effort`: the seconds of the fit without one say which effort is expected to fit
        in. It is kept with the model (`get_params` after `load`), and gives the same result on any machine.
    max_predict_cost : float
        With a search: the most work that a prediction may take, as a multiple of what it takes without.
    class_weight : dict, "balanced" or None
        Weight of each class.
    threshold : float, str, dict or None
        Of two classes: `predict` gives the second where its probability is above this; None for the
        likeliest. The name of one of scikit-learn's scorers of classes ("f1", "balanced_accuracy"),
        or a dict with the cost of a row of each class that is predicted as the other (1 by default),
        chooses the threshold that is best on the validation rows, which count alike.
    early_stopping : bool or "auto"
        Hold out a validation part, stop when its loss has not fallen by `tol` for
        `n_iter_no_change` epochs, and keep the best epoch. "auto" is True from 50 rows on.
    validation_fraction : float
        Share of the rows in the validation part, between 0 and 1.
    n_iter_no_change : int or "auto"
        Epochs without improvement after which training stops. "auto" is 6; where a
        validation part stops the training, below 800 rows so many that they are 150 steps, and
        from 524,288 rows on 2.
    tol : float
        Smallest decrease of the loss that counts as an improvement.
    scoring : str, callable or None
        Stop early, and choose the best epoch, by this score of the validation part instead of
        its loss: the name of one of scikit-learn's scorers, or a function of (model, X, y), which
        is given X encoded, as the networks see it.
    encode : {"auto", None}
        "auto" encodes the columns of a table (see `shoal.data.encode`); None takes them as numbers.
    bins : int or "auto"
        Number of bins of the encoding of a number, besides its standardised value; 0 for none.
        "auto" is 32, or 8 below 1,000 rows; fewer, down to 4, with more than 16 columns, and none
        with more than 1,024.
    words : list of str or None
        Columns to treat as categorical. Each category of 20 rows or more has an input.
    numbers : list of str or None
        Columns to treat as numeric.
    drop : list of str or None
        Columns to leave out.
    decimal : {".", ","} or None
        The decimal mark of numbers in text. None takes what fits a column, and asks where 1,234 may
        be either.
    date_order : {"dmy", "mdy", "ymd"} or None
        The order of day, month and year of dates in text. None takes what fits a column, and asks
        where 01/02/2011 may be either.
    missing : list of str or None
        Texts that stand for a missing value in columns of numbers and dates, besides the usual ones
        (NA, n/a, -, ., ?, NULL, None, nan and a blank).
    fold : list of str or None
        Columns of text in whose categories capitals and blanks do not count.
    dtype : {"float32", "float64"}
        Precision of the networks.
    random_state : int, RandomState or None
        Random seed; same seed, same result.
    n_jobs : int or None
        Number of threads; None for all. Results do not depend on it.
    warm_start : bool
        Continue from the fitted networks at the next `fit`, with the encoding and the classes
        that the first one learnt.
    checkpoint : path or None
        Folder in which the state of the training is saved, every epoch or 30 seconds, whichever
        is longer. A `fit` with the same data and settings continues from there, with the same result.
    engine : Dask client, str or None
        Where to train: None for this machine; a cluster by its client, its address, or "local",
        see docs/how-to/cluster.md. Results do not depend on it.
    replicas : int
        Local SGD for "adam" and "sgd": that many replicas of a network train on shares of the
        rows, and their parameters are averaged. The result is another than that of one network;
        clusters need it, and give the same result as one machine.
    local_steps : int or None
        Steps of a replica between two averages; None for an epoch.
    memory : str, int or None
        For fits of files: most memory to use, as "2GiB" or a number of bytes. None for half of what
        is available. Results do not depend on it.
    scratch : path or None
        For fits of files: folder for the encoded rows. None for TMPDIR, else /var/tmp.
    verbose : bool or callable
        Print the loss while training, or call a function with each `Report`.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        The classes in rising order; with several labels their numbers.
    threshold_ : float or None
        The threshold that is used; None for the likeliest class.
    n_classes_ : int
        Number of classes, or of labels.
    networks_ : list of Network
        The members.
    fingerprint_ : str
        A short hash of the learnt parameters: the same bits, the same text.
    evidence_ : EvidenceOfMembers
        With alpha="evidence": `alpha` (members, 3) of W1, b1 and W2, and one number a member each
        of `beta` (1 / the variance of the noise), `gamma` (the effective number of parameters)
        and `log_evidence`.
    search_results_ : list of dict
        After a search: what it has tried, one entry a candidate.
    diagnosis_ : Diagnosis
        What the fit found to be wrong or worth knowing.
    fitted_ : Fitted
        All that was learnt, as a value that nothing can change.
    encoding_ : Encoding or None
        What was learnt of each column.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : array of str
        Their names, if they had any.
    loss_, loss_curve_, validation_loss_curve_, validation_score_curve_ :
        As in scikit-learn, of the first member; `loss_curves_` and so on of every member. Losses
        are mean cross-entropies in nats, without the penalty.
    n_iter_, best_epoch_, endings_, member_seeds_, training_seconds_ :
        Epochs, the epoch that was kept, why each member ended, its seed, and the time.
    coefs_, intercepts_, n_layers_, n_outputs_, out_activation_ :
        As in scikit-learn, of the first member.

    See Also
    --------
    ShoalRegressor : Predicts numbers.
    shoal.Network : The lecture's objects: one network, one column per example.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = ShoalClassifier(random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    """

    _targets: ClassVar[type[Targets]] = ClassTargets
    _kind: ClassVar[str] = CLASSIFIER

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
        """Return the class of each row: the likeliest, or by `threshold_`.

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

    def predict_set(self, X: Any, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Return for each row the classes of which one is the true one with this probability.

        The predicted class, and those as probable as the true classes of rows that members did not
        see; docs/how-to/intervals.md says what is guaranteed, and what was measured.

        Parameters
        ----------
        X : like X of `fit`, in memory
            The rows.
        coverage : float
            Between 0 and 1. Where predictions are right more often, a set is the predicted class alone.

        Returns
        -------
        array of bool of shape (rows, n_classes)
            Which classes are in the set, in the order of `classes_`. No set is empty.

        Raises
        ------
        SettingError
            With several labels; where no row was held out (a fit without `early_stopping`, X_val or
            alpha="evidence"; after `partial_fit`), or too few: n rows allow up to n / (n + 1).

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> X, y = load_wine(return_X_y=True)
        >>> model = ShoalClassifier(random_state=0, max_iter=3).fit(X[::2], y[::2])
        >>> sets = model.predict_set(X[1::2], coverage=0.95)
        >>> bool(sets[np.arange(len(sets)), y[1::2]].mean() > 0.85)
        True
        """
        return set_of(self.fitted_, X, coverage, self.n_jobs)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of rows whose class is predicted.

        Parameters
        ----------
        X : like X of `fit`, in memory
            The rows.
        y : like y of `fit`
            Their classes; with several labels a row counts where all are right.
        sample_weight : array of shape (rows,), optional
            Row i counts as that many rows.

        Returns
        -------
        float
            From 0 to 1.
        """
        from sklearn.metrics import accuracy_score

        predicted, truth = self.predict(X), as_array(y)
        refuse_other_kinds(truth, predicted)
        with refusing():
            return float(accuracy_score(truth, predicted, sample_weight=sample_weight))

    def predict_log_proba(self, X: Any) -> Numbers:
        """The logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            logarithms: Numbers = np.log(self.predict_proba(X))
        return logarithms

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

"""`ShoalRegressor`: one or several numbers for each row."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from shoal.data.rows.rates import check_rates
from shoal.estimators.attributes import NumberAttributes
from shoal.estimators.base import ShoalBase
from shoal.estimators.intervals import checked_levels, deviation_of, interval_of, quantiles_of
from shoal.estimators.labels import refusing
from shoal.estimators.partial import continues
from shoal.estimators.saving import REGRESSOR
from shoal.estimators.scores import explained_deviance
from shoal.estimators.targets import NumberTargets, Targets, as_numbers
from shoal.settings import POISSON, DeclaredForNumbers


@dataclass(kw_only=True, eq=False, repr=False)
class ShoalRegressor(RegressorMixin, NumberAttributes, ShoalBase, DeclaredForNumbers):
    """A network with one hidden layer that predicts numbers.

    The targets are standardised inside, so they may be millions or millionths. All parameters are
    keyword-only; they are those of `ShoalClassifier`, without `class_weight` and `threshold` and with
    `loss`, and so is what they share with scikit-learn's `MLPRegressor`. `alpha` and `tol` count in
    units of the standardised targets.

    Parameters
    ----------
    hidden : int or "auto"
        Number of hidden units; 0 leaves linear regression. "auto" is 64, or 128 from nine targets on;
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
        Above 0. "auto" is 0.005 for adam, 0.003 for sgd, 0.025 for gd.
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
    loss : {"squared_error", "poisson"}
        "poisson" is for counts and rates, from 0 on: the logarithm of their mean is learnt, and the
        loss is half the Poisson deviance. The targets are then not standardised.
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
        Continue from the fitted networks at the next `fit`, with the encoding and the scale of the targets
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
    target_mean_, target_scale_ : arrays of shape (n_targets,)
        Mean and standard deviation of each target, by which it is standardised; with loss="poisson"
        the scale is 1, and the logarithm of the mean is where training starts.
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
        are half squared errors of the standardised targets, summed over the targets of a row, without the penalty.
    n_iter_, best_epoch_, endings_, member_seeds_, training_seconds_ :
        Epochs, the epoch that was kept, why each member ended, its seed, and the time.
    coefs_, intercepts_, n_layers_, n_outputs_, out_activation_ :
        As in scikit-learn, of the first member.

    See Also
    --------
    ShoalClassifier : Predicts classes.
    shoal.Network : The lecture's objects: one network, one column per example.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ShoalRegressor(random_state=0, hidden=8, max_iter=30).fit(X, y).score(X, y) > 0.4
    True
    """

    _targets: ClassVar[type[Targets]] = NumberTargets
    _kind: ClassVar[str] = REGRESSOR

    @available_if(continues)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go once over these rows and numbers, continuing from the last call; for adam and sgd.

        Parameters
        ----------
        X, y, sample_weight : as in `fit`, in memory
            The first call learns the encoding of the columns, and mean and deviation of the
            targets, by which all calls standardise them: give it enough rows.

        Returns
        -------
        self

        Raises
        ------
        DataError, SettingError
            As `fit`.
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
        """Return the predicted numbers of each row.

        Parameters
        ----------
        X : like X of `fit`, in memory
            The rows.
        return_std : bool
            Also return the predictive standard deviation: how far the target is from the prediction,
            as rows that members did not see show. (`predict_members` has each member's prediction.)

        Returns
        -------
        array of shape (rows,), or (rows, targets)
            In the unit of y; two-dimensional if y was. With `return_std` a pair of these.

        Raises
        ------
        SettingError
            With `return_std`, where no row was held out: see `predict_interval`.
        """
        if return_std:
            return deviation_of(self.fitted_, X, self.n_jobs)
        return self._numbers.in_units(self._average(X).astype(np.float64))

    def predict_interval(self, X: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Return an interval for the target of each row, which holds it with this probability.

        Made from the errors on rows that members did not see; docs/how-to/intervals.md says what is
        guaranteed, and what was measured.

        Parameters
        ----------
        X : like X of `fit`, in memory
            The rows.
        coverage : float
            Between 0 and 1. The target is below and above the interval with equal probability.

        Returns
        -------
        array of shape (rows, 2), or (rows, 2, targets)
            The lower and the upper end, in the unit of y.

        Raises
        ------
        SettingError
            Where no row was held out (a fit without `early_stopping`, X_val or alpha="evidence"; after
            `partial_fit`), or too few for this coverage: n rows allow up to 1 - 2 / (n + 1).

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = ShoalRegressor(random_state=0, hidden=8, max_iter=30).fit(X[::2], y[::2])
        >>> low, high = model.predict_interval(X[1::2], coverage=0.8).T
        >>> bool(0.7 < ((low <= y[1::2]) & (y[1::2] <= high)).mean() < 0.9)
        True
        """
        return interval_of(self.fitted_, X, coverage, self.n_jobs)

    def predict_quantiles(self, X: Any, quantiles: Any) -> NDArray[np.float64]:
        """Return quantiles of the target of each row; a higher one is never lower than another.

        Parameters
        ----------
        X : like X of `fit`, in memory
            The rows.
        quantiles : list of float
            Between 0 and 1, in any order.

        Returns
        -------
        array of shape (rows, quantiles), or (rows, quantiles, targets)
            In the unit of y. `predict_interval(X, 0.9)` is that of 0.05 and 0.95.

        Raises
        ------
        SettingError
            As `predict_interval`.
        """
        levels = checked_levels(self.fitted_, quantiles)
        return quantiles_of(self.fitted_, X, levels, self.n_jobs)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², or with loss="poisson" D²: the share of the Poisson deviance that is explained.

        Parameters
        ----------
        X : like X of `fit`, in memory
            The rows.
        y : array of shape (rows,), or (rows, targets)
            Their targets; of several the mean score.
        sample_weight : array of shape (rows,), optional
            Row i counts as that many rows.

        Returns
        -------
        float
            1 for perfect predictions, 0 for those of the mean of y. D² is that of scikit-learn's
            `PoissonRegressor`.
        """
        predicted, truth = self.predict(X), as_numbers(y)
        if self._numbers.loss != POISSON:
            from sklearn.metrics import r2_score

            with refusing():
                return float(r2_score(truth, predicted, sample_weight=sample_weight))
        check_rates(truth)
        return explained_deviance(truth, predicted, sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

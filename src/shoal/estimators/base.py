"""What classifier and regressor share: scikit-learn's contract, one concept a file.

    automatic.py   what "auto" means
    targets.py     what y means: classes or numbers
    inputs.py      what a fit learns of X; given.py the forms that X may have
    columns.py     how new rows become a matrix
    rows.py        the rows of a training, and how members divide them
    prepare.py     the one sequence from X and y to a training
    streamed.py    the same of files larger than memory; clustered.py of files that workers read
    starts.py      what each member starts from
    scores.py      early stopping by a scorer
    effort.py      the search for a better model: portfolio.py what it tries, entrants.py the candidates with
                   their members, answers.py what these say of rows held out, choice.py the mixture, lifting.py
                   how one model comes out of it, search.py what is told of it
    small.py       of small tables: whether members of second order predict better
    threshold.py   the probability above which the second class is predicted
    callbacks.py   scikit-learn's callbacks
    train.py       the members trained; partial.py one epoch of them
    held_out.py    the errors on rows that were not seen; calibration.py what is kept of them
    intervals.py   intervals, quantiles and sets from it
    learnt.py      what a fit has learnt, as a value, and what its networks compute
    fitted.py      the same with the answers that users ask for
    attributes.py  the fitted attributes that scikit-learn's users expect, read from it
    explaining.py  why these answers; explanation.py as values
    saving.py      the .shoal file; schema.py what it may say, reading.py how it is read
    runtime.py     the fitted value of a file alone, for programs that only predict
    exporting.py   what shoal.exports is given, to write programs of other languages

    parameters → Settings → Prepared → Fitted → answers

Throughout the estimators one *row* is one example, as in scikit-learn; below this floor
one column is.
"""

import copy
import os
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _clone_parametrized
from sklearn.utils.validation import _check_feature_names_in

from shoal.data.read.frames import is_frame
from shoal.data.rows.examples import Numbers
from shoal.diagnosis.case import Case
from shoal.errors import Setting, SettingError, wording
from shoal.estimators.attributes import FittedAttributes
from shoal.estimators.callbacks import CallbackSupportMixin, end_of_fit, with_callbacks
from shoal.estimators.effort import in_time, searched
from shoal.estimators.explanation import Explanation, PartialDependence, Slopes
from shoal.estimators.exporting import described
from shoal.estimators.host import Host
from shoal.estimators.inputs import computed
from shoal.estimators.intervals import members_of
from shoal.estimators.partial import check_classes, check_partial, one_epoch, warn_of_divergence
from shoal.estimators.prepare import ArrayFeed, Feed, prepare
from shoal.estimators.saving import save
from shoal.estimators.scores import check_scoring_name
from shoal.estimators.small import better_of, warn_of_noise
from shoal.estimators.starts import check_start, starts_given
from shoal.estimators.streamed import FileFeed, is_source, rows_of_frame
from shoal.estimators.targets import Targets
from shoal.estimators.threshold import check_threshold_name
from shoal.estimators.train import place_of, progress_of, train_members, warn_of
from shoal.settings import Declared, Settings
from shoal.training.loop import Report
from shoal.warn import warn


def settings_of(model: Any) -> Settings:
    """The checked parameters of an estimator. Raises SettingError for one that is not allowed."""
    if model.engine is not None:
        from shoal.cluster.connect import check_engine

        check_engine(model.engine)
    s = Settings.of(model)
    check_start(s)
    check_scoring_name(s.scoring)
    check_threshold_name(s.threshold)
    given = starts_given(s.init)
    return s.replaced(init=tuple(given)) if given else s


class ShoalBase(FittedAttributes, CallbackSupportMixin, TransformerMixin, BaseEstimator, Declared):
    """The estimator's contract, except for what y means."""

    _targets: ClassVar[type[Targets]]  # what y means
    _kind: ClassVar[str]  # in a model file
    # scikit-learn's metadata routing: groups are passed on to fit unless `set_fit_request` says no.
    __metadata_request__fit: ClassVar[dict[str, bool]] = {"groups": True}

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
        groups: Any = None,
        times: Any = None,
    ) -> Self:
        """Learn from a table X (rows are examples) and its targets y.

        Parameters
        ----------
        X : data frame, array of shape (rows, columns), sparse matrix, or files
            A data frame of pandas, polars, pyarrow or Dask; an array; a matrix of scipy.sparse,
            which is taken as it is, whatever `encode` says; or the names of files of any size (CSV
            or Parquet: one, several, a folder, a glob) or a pyarrow dataset, whose rows are then
            streamed. With `engine` or `memory` so are the partitions of a Dask DataFrame.
        y : array of shape (rows,) or (rows, targets), or str
            The targets; of files the name of a column.
        sample_weight : array of shape (rows,), optional
            Row i counts as that many rows.
        X_val, y_val, sample_weight_val : like X, y and sample_weight, optional
            Rows to stop by. Without them `early_stopping` holds out a part of X.
        groups : array of shape (rows,), or str, optional
            The group of each row, or the name of its column, which is then no input. No group is
            both trained on and held out to stop early. Routed as metadata without a request, so that
            `cross_validate(…, params={"groups": …})` passes it on.
        times : array of shape (rows,), or str, optional
            The date, time or number of each row, or the name of its column: the latest rows are
            held out to stop early, of the same time all or none.

        Returns
        -------
        self
            The fitted estimator. Ctrl-C ends the training with a warning; the best network so far
            is kept.

        Raises
        ------
        DataError
            For data that cannot be used. It is a ValueError.
        SettingError
            For a parameter that is not allowed. It is a ValueError. After any error the estimator
            is as it was before.

        Notes
        -----
        With `warm_start` a fitted estimator continues: with its networks, and with the columns'
        encoding, the classes and the scale of the targets that its first fit learnt.
        """
        asked = settings_of(self)
        s = asked.resolved()
        previous = vars(self).get("_fitted") if s.warm_start else None
        if is_frame(X) and (s.engine is not None or s.memory is not None):
            X, y = rows_of_frame(X, y)
        X, y, *others = computed(X, y, sample_weight, X_val, y_val, sample_weight_val)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        host = Host(self, {"X": X, "y": y, "metadata": metadata})
        who = type(self).__name__
        _refuse_two_orders(groups, times)
        if isinstance(groups, str) and groups not in s.drop:
            asked = asked.replaced(drop=(*s.drop, groups))  # new rows belong to other groups
            s = asked.resolved()
        feed: Feed
        if is_source(X) and y is not None:
            _refuse_beside_files(others)
            _refuse_search_of_files(s)
            feed = FileFeed(X, y, s, previous).tied_by(groups, times)
        else:
            weights, *validation = others
            feed = ArrayFeed(X, y, weights, s, who, previous).validated_by(*validation)
            feed.tied_by(groups, times)
        prepared = prepare(s, feed, self._targets, who, previous)
        learnt = prepared.inputs, prepared.targets, prepared.architecture
        with feed.rows(s, *learnt) as rows, place_of(s) as place:
            usual = train_members(prepared, rows, host, place)
            fitted = better_of(asked, usual, prepared, feed, host, place)
            asked = in_time(asked, fitted)
            fitted = searched(asked, fitted, prepared, rows, feed, host, place)
        scratch = feed.scratch if isinstance(feed, FileFeed) else None
        history = fitted.history._replace(scratch=scratch)
        self._keep(fitted.replaced(history=history, settings=asked.without_machine()))
        end_of_fit(self, host.data)
        warn_of_noise(asked, fitted)
        warn_of(fitted)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        """One epoch over the rows."""
        asked = settings_of(self)
        s = asked.resolved()
        check_partial(s)
        previous, who = vars(self).get("_fitted"), type(self).__name__
        if hasattr(self, "predict_proba") and y is not None:
            check_classes(y, classes, previous)
        feed = ArrayFeed(X, y, sample_weight, s, who, previous, classes)
        fitted = one_epoch(prepare(s, feed, self._targets, who, previous), feed)
        self._keep(fitted.replaced(settings=asked.without_machine()))
        h = fitted.history
        if report := progress_of(s.verbose, h.epochs):
            report(Report(h.epochs, h.losses[0][-1], None, h.seconds))
        warn_of_divergence(fitted)
        return self

    # --- afterwards -------------------------------------------------------------------

    def _average(self, X: Any) -> Numbers:
        """The members' mean of A2, of shape (n_outputs, rows)."""
        return self.fitted_.average(X, self.n_jobs)

    def predict_members(self, X: Any) -> Numbers:
        """Return what each member alone predicts; `predict` and `predict_proba` give their means.

        Parameters
        ----------
        X : like X of `fit`, in memory
            The rows.

        Returns
        -------
        array of shape (members, rows), (members, rows, targets) or (members, rows, n_classes)
            Numbers in the unit of y, or the probability of each class or label.
        """
        return members_of(self.fitted_, X, self.n_jobs)

    def transform(self, X: Any) -> Numbers:
        """Return the hidden activations A1 of each row, all members side by side.

        Parameters
        ----------
        X : like X of `fit`, in memory
            The rows.

        Returns
        -------
        array of shape (rows, members × hidden)
            With hidden=0 the columns as the network sees them. `set_output(transform="pandas")`
            names them, see `get_feature_names_out`.
        """
        return self.fitted_.activations(X, self.n_jobs)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of what `transform` returns: member0_unit0, member0_unit1, …

        Parameters
        ----------
        input_features : list of str, optional
            There for scikit-learn; the names seen in `fit`.

        Returns
        -------
        array of str
        """
        names = self.fitted_.activation_names()
        given = _check_feature_names_in(self, input_features)
        return np.array(names or list(given), object)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to a .shoal file: atomically, and without pickle.

        Parameters
        ----------
        path : str or path
            The file. An existing file is replaced when the new one is complete.

        Raises
        ------
        FileError
            When the file cannot be written.
        """
        save(self.fitted_, self._kind, path)

    def export(
        self,
        path: str | os.PathLike[str],
        to: str | None = None,
        *,
        main: bool = False,
        dialect: str = "sqlite",
        table: str = "input",
        integer: int | None = None,
        rows: Any = None,
    ) -> list[Path]:
        """Write the fitted model as a program of another language, from raw values to predictions.

        Parameters
        ----------
        path : str or path
            The file. Other files that belong to it, as the header of a C file, get its name.
        to : {"c", "sql", "js", "onnx"}, optional
            The language; by default the suffix of the path says it. "c" is C99 and "js" a module
            of JavaScript, both without any library, and give the very bits of `predict_proba` or
            `predict`; "sql" is one SELECT; "onnx" is one graph, and needs the package onnx.
        main : bool
            With "c": add a program that reads CSV from standard input and prints predictions.
        dialect : {"sqlite", "duckdb", "postgres"}
            With "sql": the database.
        table : str
            With "sql": the name of the table that has the rows.
        integer : {8, 16}, optional
            With "c": weights as whole numbers of so many bits, a quarter or half the size. A
            warning, and a comment in the files, say how far predictions on `rows` are from the model's.
        rows : table or array
            With `integer`: rows as those of `predict`, to measure that.

        Returns
        -------
        list of Path
            The files that were written.

        Raises
        ------
        SettingError
            When the format or the dialect is not known, or the format cannot hold the model; when
            `integer` is given without `rows`.
        FileError
            When a file cannot be written.
        """
        from shoal.exports.writing import Wanted, format_of, texts_of, write

        wanted = Wanted(to, main, dialect, table, integer)
        wanted.check(format_of(path, to))
        model = described(self.fitted_, integer, rows)
        files = write(texts_of(model, path, wanted))
        if model.note:
            warn(model.note)
        return files

    def explain(
        self, X: Any, *, background: Any = None, space: str | None = None,
        permutations: int | None = None, random_state: int = 0,
    ) -> Explanation:  # fmt: skip
        """Share each prediction out among the columns of the table: its Shapley values.

        The value of a column is what it adds to the prediction when it becomes known, averaged over
        all orders in which the columns may become known; a column that is not known has the values
        of the background's rows.

        Parameters
        ----------
        X : like X of `fit`, in memory
            The rows.
        background : like X, or None
            The rows that they are compared with: some hundred of the training, say. None takes at
            most 100 rows of X itself, evenly spread.
        space : {"probability", "log-odds", "target"} or None
            What is shared out: of classes probabilities (None) or their log-odds, of numbers the
            target in its unit.
        permutations : int or None
            None for exact values with up to 10 columns, else 10. With a number of 2 or more so
            many orders of the columns are drawn, and each is taken forwards and backwards.
        random_state : int
            What orders are drawn.

        Returns
        -------
        Explanation
            `values`, `base_value` (the mean prediction of the background), `columns`, `outputs`,
            `space`, and `errors` where orders were drawn.

        Raises
        ------
        SettingError
            For one row without a background, or a space that the model does not have.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from shoal import ShoalClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = ShoalClassifier(random_state=0, members=1, max_iter=20).fit(X, y)
        >>> found = model.explain(X[:3], background=X[::10])
        >>> found.values.shape
        (3, 4, 3)
        >>> bool(np.allclose(found.base_value + found.values.sum(axis=1), found.predictions))
        True
        """
        return self.fitted_.explain(
            X, background=background, space=space, permutations=permutations,
            random_state=random_state, n_jobs=self.n_jobs,
        )  # fmt: skip

    def slopes(self, X: Any, *, space: str | None = None) -> Slopes:
        """Return ∂ŷ/∂x of each row and each column that is a number.

        Parameters
        ----------
        X : like X of `fit`, in memory
            The rows.
        space : str or None
            As in `explain`.

        Returns
        -------
        Slopes
            Derivatives for columns without bins (`bins=0`); else central differences over 0.1
            standard deviations of the column to both sides, which `steps` states.
        """
        return self.fitted_.slopes(X, space=space)

    def interactions(self, X: Any, *, space: str | None = None) -> Slopes:
        """Return ∂²ŷ/∂x∂x' of each row and each pair of columns that are numbers.

        Parameters
        ----------
        X : like X of `fit`, in memory
            The rows.
        space : str or None
            As in `explain`.

        Returns
        -------
        Slopes
            Derivatives or differences, as those of `slopes`.
        """
        return self.fitted_.interactions(X, space=space)

    def partial_dependence(
        self, X: Any, column: str | int, *, grid: Any = None, space: str | None = None
    ) -> PartialDependence:
        """Return the predictions of the rows with other values of one column.

        Parameters
        ----------
        X : like X of `fit`, in memory
            The rows.
        space : str or None
            As in `explain`.
        column : str or int
            Its name or its place.
        grid : list or None
            Its values. None for those of X, or 40 between their 1 % and 99 % quantiles; of
            categories the first 40.

        Returns
        -------
        PartialDependence
            One curve a row, and their mean.
        """
        return self.fitted_.partial_dependence(X, column, grid=grid, space=space)

    def _case_of(self, X: Any, y: Any) -> Case:
        """What `shoal.diagnose` looks at, with a table that may be new."""
        return self.fitted_.case_of_new(X, y)

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
        return "_fitted" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.encode is not None
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = []  # activations have the precision of the network
        return tags


def _refuse_two_orders(groups: Any, times: Any) -> None:
    if groups is not None and times is not None:
        raise SettingError(
            "groups and times: each chooses the rows that are held out to stop early. Give one of "
            "them."
        )


def _refuse_search_of_files(s: Settings) -> None:
    if s.search:
        raise SettingError(
            wording(
                s.search, " needs a table in memory, and files are streamed. Read "
                "them into a table first, or use ", Setting("effort", 1), ".",
            ),
            setting=s.search.name,
        )  # fmt: skip


def _refuse_beside_files(others: list[Any]) -> None:
    if any(one is not None for one in others):
        raise SettingError(
            "sample_weight, X_val and y_val belong to tables in memory, not to files or the "
            "partitions of a Dask DataFrame: leave them out, or read the table first."
        )

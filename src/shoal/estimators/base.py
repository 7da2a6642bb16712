"""What classifier and regressor share: the way from a table to trained networks.

Throughout the estimators one *row* is one example, as in scikit-learn; below this floor
one column is.
"""

import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from shoal.compute.builds import BUILD, Stop
from shoal.compute.engine import engine
from shoal.compute.engine import threads as threads_of
from shoal.compute.memory import refuse_if_too_large
from shoal.compute.steps import Rule, State, not_finite, start
from shoal.compute.terms import InMemory
from shoal.data.digest import digest
from shoal.data.encoding import Encoding, SetAside, learn
from shoal.data.examples import Examples, Matrix, Numbers
from shoal.data.split import hold_out
from shoal.data.tables import as_table, from_objects, is_table
from shoal.diagnosis.case import Case
from shoal.diagnosis.diagnose import findings_of
from shoal.errors import DataError, SettingError, ShoalWarning
from shoal.files.checkpoint import Checkpoint
from shoal.network.activations import ACTIVATIONS
from shoal.network.architecture import Architecture
from shoal.network.draws import child
from shoal.network.initialisers import initialise
from shoal.training.loop import Plan, Report, Standing, Trained, train
from shoal.training.members import train_all
from shoal.training.network import Network, check_choice, check_init, check_positive, check_whole

NUMERICS_VERSION = 3  # changes when the same data and settings give other bits than before
SOLVERS = ("adam", "sgd", "gd")
# By solver, and by the curvature of the loss: half squares are far steeper than cross-entropy.
LEARNING_RATES = {"adam": 0.005, "sgd": 0.05, "gd": 0.5}
SQUARES_LEARNING_RATES = {"adam": 0.005, "sgd": 0.005, "gd": 0.05}
MAX_ITER = 1000  # far more than are needed as a rule: the stopping rules end a training
EARLY_STOPPING_ROWS = 50  # "auto": from here on some rows can be spared
# "auto": so many members up to so many rows. They cost time, and gain less the more rows there are.
MEMBERS = ((20_000, 8), (100_000, 4))
MOST_ROWS_MEMBERS = 2
# "auto": the bins of a number; fewer for few rows, and none for very many columns.
MOST_BINS = 16
FEW_ROWS, FEW_ROWS_BINS = 1000, 8
MOST_BINS_IN_ALL, LEAST_BINS = 2048, 4
# Settings that no bit of a result depends on.
BITLESS = ("n_jobs", "verbose", "warm_start", "checkpoint")

# Purposes of the keys that are made from a member's seed.
DRAW, ORDER, SPLIT, MEMBER = 1, 2, 3, 1000


class Targets(NamedTuple):
    """y as the kernel wants it, with the weights of the rows."""

    Y: Numbers | None
    labels: NDArray[np.int32] | None
    weights: NDArray[np.float64] | None


class ShoalBase(BaseEstimator):
    """The estimator's contract, but for what y means."""

    # --- what the two estimators fill in ---------------------------------------------

    def _learn_targets(self, y: Any, weights: NDArray[np.float64] | None) -> Targets:
        raise NotImplementedError

    def _targets(self, y: Any, weights: NDArray[np.float64] | None) -> Targets:
        raise NotImplementedError

    def _outputs(self) -> tuple[int, str]:
        raise NotImplementedError

    # --- fit --------------------------------------------------------------------------

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

        X is a data frame (pandas, polars, pyarrow) or an array of shape (rows, columns).
        `sample_weight` counts row i as so many rows. With `X_val`, `y_val` training stops by
        these rows; else with `early_stopping` by a part of X. Ctrl-C ends the training: the
        best network so far is kept, with a warning. Raises DataError for data, SettingError
        for parameters, that cannot be used; both are ValueErrors.
        """
        self._check_settings()
        if y is None:
            raise DataError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        table = self._read(X, reset=True)
        m = len(table)
        if m >= 1 << 32:
            raise DataError(f"{m:,} rows: expected fewer than 4,294,967,296 in memory.")
        weights = None
        if sample_weight is not None:
            weights = np.ascontiguousarray(
                _check_sample_weight(
                    sample_weight, table, dtype=np.float64, ensure_non_negative=True
                )
            )
            if not weights.sum() > 0:
                raise DataError("sample_weight is 0 for every row: nothing is left to learn from.")
        targets = self._learn_targets(y, weights)
        check_lengths(m, targets, "y")
        matrix = self._learn_encoding(table, weights)
        self.n_outputs_, self.out_activation_ = self._outputs()
        architecture = Architecture(
            matrix.shape[1], self.hidden, self.n_outputs_, self.activation, self.out_activation_
        )
        self._refuse_what_cannot_fit(architecture, self._members(m))
        examples = self._examples(matrix, targets)
        validation = None
        if (X_val is None) != (y_val is None):
            raise SettingError("X_val and y_val belong together: expected both or none.")
        if X_val is not None:
            validation = self._validation(X_val, y_val, sample_weight_val)
        self._train(architecture, examples, validation)
        return self

    def _check_settings(self) -> None:
        check_whole("hidden", self.hidden, least=0)
        check_choice("activation", self.activation, ACTIVATIONS)
        check_init("init", self.init)
        check_choice("solver", self.solver, SOLVERS)
        if self.learning_rate != "auto":
            check_positive("learning_rate", self.learning_rate)
        check_positive("momentum", self.momentum, or_zero=True)
        if self.momentum >= 1:
            raise SettingError(f"momentum={self.momentum!r}: expected a number from 0 to below 1.")
        if self.batch_size != "auto":
            check_whole("batch_size", self.batch_size, least=1)
        check_whole("max_iter", self.max_iter, least=1)
        check_positive("alpha", self.alpha, or_zero=True)
        if self.members != "auto":
            check_whole("members", self.members, least=1)
        if self.bins != "auto":
            check_whole("bins", self.bins, least=0)
        if self.early_stopping not in (True, False, "auto"):
            raise SettingError(
                f'early_stopping={self.early_stopping!r}: expected True, False or "auto".'
            )
        check_positive("validation_fraction", self.validation_fraction)
        if self.validation_fraction >= 1:
            raise SettingError(
                f"validation_fraction={self.validation_fraction!r}: expected a number between 0 and 1."
            )
        check_whole("n_iter_no_change", self.n_iter_no_change, least=1)
        check_positive("tol", self.tol, or_zero=True)
        if self.encode not in ("auto", None):
            raise SettingError(f'encode={self.encode!r}: expected "auto" or None.')
        if self.n_jobs is not None:
            check_whole("n_jobs", self.n_jobs, least=-(1 << 20))
        if self.checkpoint and self.warm_start:
            raise SettingError(
                "checkpoint and warm_start=True: a checkpoint goes on with a fit that was cut "
                "short, warm_start with one that ended. Choose one."
            )
        try:
            good = np.dtype(self.dtype) in (np.float32, np.float64)
        except TypeError:
            good = False
        if not good:
            raise SettingError(f'dtype={self.dtype!r}: expected "float32" or "float64".')

    def _read(self, X: Any, *, reset: bool) -> "pa.Table | NDArray[Any]":
        """X as an Arrow table, or as an array of numbers; names and widths checked."""
        if is_table(X):
            validate_data(self, X, skip_check_array=True, reset=reset)
            if not (len(X) if not isinstance(X, pa.Table) else X.num_rows):
                raise DataError("the table has no rows: expected at least one example.")
            return as_table(X)
        array = check_array(X, dtype=None, ensure_all_finite=False, estimator=self, input_name="X")
        validate_data(self, array, skip_check_array=True, reset=reset)
        # In the byte order of this machine, as Arrow and the kernel want it.
        return np.asarray(array, array.dtype.newbyteorder("="))

    def _learn_encoding(
        self, table: "pa.Table | NDArray[Any]", weights: NDArray[np.float64] | None
    ) -> Matrix:
        overrides = {
            name: () if (value := getattr(self, name)) is None else tuple(value)
            for name in ("words", "numbers", "drop")
        }
        if self.encode is None:
            if any(overrides.values()):
                raise SettingError('words, numbers and drop need encode="auto".')
            self.encoding_: Encoding | None = None
            return self._matrix(table)
        arrow = self._arrow(table)
        bins = self._bins(arrow) if self.bins == "auto" else self.bins
        self.encoding_ = learn(arrow, weights, engine.moments, **overrides, bins=bins)
        if not self.encoding_.features:
            reasons = "; ".join(
                f"{c.name}: {c.reason}"
                for c in self.encoding_.columns[:5]
                if isinstance(c, SetAside)
            )
            raise DataError(
                f"no column of X can be used, in {len(table)} sample(s) ({reasons}). Expected at "
                "least one column that varies: add one, or take columns as words or numbers with "
                "words=[…], numbers=[…] (on the command line --words and --numbers)."
            )
        return self._matrix(table)

    def _bins(self, table: pa.Table) -> int:
        most = FEW_ROWS_BINS if table.num_rows < FEW_ROWS else MOST_BINS
        bins = min(most, MOST_BINS_IN_ALL // max(table.num_columns, 1))
        return bins if bins >= LEAST_BINS else 0

    def _arrow(self, table: "pa.Table | NDArray[Any]") -> pa.Table:
        if isinstance(table, pa.Table):
            return table
        names = [f"x{j}" for j in range(table.shape[1])]
        if table.dtype.kind in "OUS":
            return from_objects(table.astype(object), names)
        return pa.table(
            [pa.array(np.ascontiguousarray(table[:, j])) for j in range(len(names))], names
        )

    def _matrix(self, table: "pa.Table | NDArray[Any]") -> Matrix:
        """Rows of numbers in the working precision, as the networks see them."""
        if self.encoding_ is not None:
            arrow = self._arrow(table)
            refuse_if_too_large(
                arrow.num_rows * self.encoding_.row_bytes(self.dtype),
                f"{arrow.num_rows:,} rows × {len(self.encoding_.features)} encoded columns",
                "Use fewer rows, or drop columns.",
            )
            return self.encoding_.encode(arrow, self.dtype)
        if isinstance(table, pa.Table):
            table = np.column_stack([np.asarray(column) for column in table.columns])
        try:
            with np.errstate(over="ignore"):  # what overflows is infinite, and named below
                matrix = np.ascontiguousarray(table, self.dtype)
        except ValueError as error:
            raise DataError(
                f'encode=None expects numbers alone: {error}. Use encode="auto".'
            ) from None
        bad = first_not_finite(matrix)
        if bad is not None:
            raise not_finite(matrix, bad)
        return matrix

    def _examples(self, matrix: Matrix, targets: Targets) -> Examples:
        Y, labels, weights = targets
        T = np.dtype(self.dtype)
        return Examples(
            matrix,
            None if Y is None else np.ascontiguousarray(Y, T),
            labels,
            None if weights is None else np.ascontiguousarray(weights, T),
        )

    def _validation(self, X: Any, y: Any, sample_weight: Any) -> Examples:
        table = self._read(X, reset=False)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(
                sample_weight, table, dtype=np.float64, ensure_non_negative=True
            )
        targets = self._targets(y, weights)
        check_lengths(len(table), targets, "y_val")
        return self._examples(self._matrix(table), targets)

    def _refuse_what_cannot_fit(self, architecture: Architecture, members: int) -> None:
        size = np.dtype(self.dtype).itemsize
        # Parameters, best, gradient, two of adam, and the float64 sums of the tree.
        each = architecture.n_parameters * (5 * size + 8)
        refuse_if_too_large(
            each * members,
            f"hidden={self.hidden:,} with {architecture.n_x} inputs and {members} member(s)",
            "Choose a smaller hidden.",
        )

    # --- training ---------------------------------------------------------------------

    def _train(
        self, architecture: Architecture, examples: Examples, validation: Examples | None
    ) -> None:
        checkpoint = self._checkpoint(examples, validation) if self.checkpoint else None
        seed = seed_of(self.random_state)
        if checkpoint and checkpoint.seed is not None:
            seed = checkpoint.seed  # the one that was drawn, if none was given
        members = self._members(examples.m)
        seeds = [seed if i == 0 else child(seed, MEMBER + i) for i in range(members)]
        states = self._go_on(architecture)[:members] if self.warm_start else []
        states += [start(self._draw(architecture, s), self.solver) for s in seeds[len(states) :]]

        def job(
            i: int, threads: int, stop: Stop, report: Callable[[Report], None] | None
        ) -> Trained:
            part, held = self._parts(examples, validation, seeds[i])
            state = states[i]._replace(best_loss=float("inf"), waited=0, best=states[i].parameters)
            begun = Standing(state, state.parameters)
            if checkpoint:
                begun = checkpoint.standing(i, begun) or begun
            return train(
                architecture, self._plan(part.m, seeds[i]), InMemory(part), begun,
                validation=None if held is None else InMemory(held),
                threads=threads, stop=stop, report=report,
                keep=checkpoint.keeper(i, seed) if checkpoint else None,
            )  # fmt: skip

        report = progress_of(self.verbose, self.max_iter)
        trained = train_all(
            [lambda *a, i=i: job(i, *a) for i in range(members)],
            threads_of(self.n_jobs),
            report,
        )
        self.member_seeds_ = seeds[: len(trained)]
        self._keep(architecture, trained)
        began = [Network._of(architecture, state.parameters.copy()) for state in states]
        part, held = self._parts(examples, validation, seeds[0])
        case = self._case(part)._replace(starts=tuple(began))
        self.diagnosis_ = findings_of(case, held, thorough=False)
        self._warn(trained)

    def _checkpoint(self, examples: Examples, validation: Examples | None) -> Checkpoint:
        """The folder that keeps the training with these settings on these rows."""
        from shoal.estimators.saving import plain_settings

        held = {} if validation is None else digest(validation)
        question = {
            **{k: v for k, v in plain_settings(self).items() if k not in BITLESS},
            "examples": examples.m,
            "inputs": examples.X.shape[1],
            **digest(examples),
            **{f"{name}_val": value for name, value in held.items()},
            "numerics_version": NUMERICS_VERSION,
            "equations": "plain" if BUILD == "plain" else "kernel",
        }
        return Checkpoint(self.checkpoint, question)

    def _members(self, m: int) -> int:
        if self.members != "auto":
            return int(self.members)
        if self.warm_start and hasattr(self, "networks_"):
            return len(self.networks_)
        return next((n for rows, n in MEMBERS if m < rows), MOST_ROWS_MEMBERS)

    def _go_on(self, architecture: Architecture) -> list[State]:
        """Where each member's last fit ended, for `warm_start`; none before the first."""
        if not hasattr(self, "networks_"):
            return []
        if self.networks_[0].architecture != architecture:
            raise SettingError(
                "warm_start=True goes on with the network that is there, but the data or the "
                f"settings want another one: {self.networks_[0].architecture} there, "
                f"{architecture} wanted. Use warm_start=False."
            )
        fresh = [start(network.vector.copy(), self.solver) for network in self.networks_]
        states: list[State] = getattr(self, "_states", fresh)  # a loaded model has no memory
        same_solver = all(
            len(a.memory) == len(b.memory) for a, b in zip(states, fresh, strict=True)
        )
        return states if same_solver else fresh

    def _draw(self, architecture: Architecture, seed: int) -> NDArray[np.floating]:
        drawn = initialise(
            *architecture[:3], key=child(seed, DRAW), init=self.init, activation=self.activation
        )
        return architecture.flatten(drawn, self.dtype)

    def _parts(
        self, examples: Examples, validation: Examples | None, seed: int
    ) -> tuple[Examples, Examples | None]:
        early = self.early_stopping
        if early == "auto":
            early = examples.m >= EARLY_STOPPING_ROWS
        if validation is not None or not early:
            return examples, validation
        rows, held = hold_out(
            examples.m, self.validation_fraction, child(seed, SPLIT), examples.labels
        )
        if not len(held) or not len(rows):
            raise DataError(
                f"{examples.m} rows are too few for early stopping: no row could be held out. "
                "Use early_stopping=False."
            )
        part, kept = examples.take(rows), examples.take(held)
        if kept.weights is not None and not kept.weights[kept.rows].sum() > 0:
            raise DataError(
                "all rows held out for early stopping have weight 0. Use another random_state, a "
                "larger validation_fraction, or early_stopping=False."
            )
        return part, kept

    def _plan(self, m: int, seed: int) -> Plan:
        batch = (
            0
            if self.solver == "gd"
            else auto_batch(m)
            if self.batch_size == "auto"
            else self.batch_size
        )
        rule = Rule(
            self.solver,
            self._rate(),
            float(self.momentum) if self.solver == "sgd" else 0.0,
            alpha=float(self.alpha),
            batch_size=min(batch, m),
            key=child(seed, ORDER),
        )
        return Plan(rule, self.max_iter, float(self.tol), self.n_iter_no_change)

    def _rate(self) -> float:
        auto = self.learning_rate == "auto"
        return self._usual_rate() if auto else float(self.learning_rate)

    def _usual_rate(self) -> float:
        squares = self.out_activation_ == "identity"
        return (SQUARES_LEARNING_RATES if squares else LEARNING_RATES)[self.solver]

    def _keep(self, architecture: Architecture, trained: Sequence[Trained]) -> None:
        self.networks_ = [Network._of(architecture, t.parameters.copy()) for t in trained]
        self._states = [t.state for t in trained]
        first = trained[0]
        self.n_iter_ = max(t.epochs for t in trained)
        self.n_layers_ = 3 if architecture.n_h else 2
        self.loss_curve_ = list(first.losses)
        self.validation_loss_curve_ = list(first.validation_losses) or None
        self.loss_curves_ = [list(t.losses) for t in trained]
        self.validation_loss_curves_ = [list(t.validation_losses) for t in trained]
        self.loss_ = (
            first.losses[first.best_epoch - 1] if first.losses and first.best_epoch else np.nan
        )
        self.best_epoch_ = first.best_epoch
        self.endings_ = [t.ending for t in trained]
        self.training_seconds_ = max(t.seconds for t in trained)
        self.interruption_ = next((t.interruption for t in trained if t.interruption), None)
        self.record_: dict[str, Any] = {}

    def _warn(self, trained: Sequence[Trained]) -> None:
        if any(t.ending == "interrupted" for t in trained):
            message = (
                f"training was interrupted after {trained[0].epochs} epochs: the best network so "
                f"far (epoch {trained[0].best_epoch}) is kept."
            )
        else:
            grave = [f for f in self.diagnosis_.findings if f.severity == "error"]
            if not grave:
                return
            message = str(grave[0])
        warnings.warn(message, ShoalWarning, stacklevel=4)

    # --- diagnosis --------------------------------------------------------------------

    def _case(self, examples: Examples) -> Case:
        """What a diagnosis may look at, with these examples."""
        # As get_params, which takes as long as the rest of the diagnosis.
        settings = {k: v for k, v in vars(self).items() if k[0] != "_" and k[-1] != "_"}
        names = (
            self.encoding_.features if self.encoding_ else getattr(self, "feature_names_in_", ())
        )
        return Case(
            tuple(self.networks_), examples, settings,
            rate=self._rate(), usual_rate=self._usual_rate(),
            losses=tuple(self.loss_curve_),
            validation_losses=tuple(self.validation_loss_curve_ or ()),
            ending=self.endings_[0], best_epoch=self.best_epoch_,
            columns=tuple(str(name) for name in names),
        )  # fmt: skip

    def _case_of(self, X: Any, y: Any) -> Case:
        """The same for a table, which may be new: for `shoal.diagnose`."""
        check_is_fitted(self)
        case = self._case(self._validation(X, y, None))
        began: tuple[Network, ...] = ()
        if not self.warm_start:
            shape = self.networks_[0].architecture
            began = tuple(
                Network._of(shape, self._draw(shape, seed)) for seed in self.member_seeds_
            )
        return case._replace(new=True, starts=began)

    # --- afterwards -------------------------------------------------------------------

    @property
    def fingerprint_(self) -> str:
        """A short hash of the learnt parameters: the same bits, the same word."""
        check_is_fitted(self)
        digest = hashlib.sha256()
        for network in self.networks_:
            vector = network.vector
            digest.update(f"{tuple(network.architecture)} {vector.dtype.name};".encode())
            digest.update(vector.astype(vector.dtype.newbyteorder("<")).tobytes())
        word = digest.hexdigest()
        return f"{word[:4]}-{word[4:8]}"

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
        for A2 in self._answers(X):
            total = A2 if total is None else total + A2
        assert total is not None
        return total / total.dtype.type(len(self.networks_)) if len(self.networks_) > 1 else total

    def _answers(self, X: Any) -> Iterator[Numbers]:
        """Each member's A2, of shape (n_outputs, rows)."""
        if not hasattr(self, "networks_"):
            check_is_fitted(self)
        matrix = X
        plain = (
            self.encoding_ is None
            and type(X) is np.ndarray
            and X.dtype == self.dtype
            and X.ndim == 2
            and X.shape[1] == self.n_features_in_
            and len(X) > 0
            and X.flags.c_contiguous
            and not hasattr(self, "feature_names_in_")
        )
        if not plain:
            matrix = self._matrix(self._read(X, reset=False))
        threads = threads_of(self.n_jobs)
        for network in self.networks_:
            yield engine.predict(network.architecture, network.vector, matrix, threads)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to a .shoal file: atomically, and without pickle."""
        from shoal.estimators.saving import save

        check_is_fitted(self)
        save(self, path)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "networks_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.encode is not None
        tags.target_tags.required = True
        return tags


def seed_of(random_state: Any) -> int:
    """A seed from an int, a RandomState, or None (which draws one)."""
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        if random_state < 0:
            raise SettingError(f"random_state={random_state}: expected a whole number from 0 on.")
        return int(random_state) % (1 << 64)
    return int(check_random_state(random_state).randint(1 << 31))


def auto_batch(m: int) -> int:
    """Some 50 steps an epoch, in batches from 32 to 256 rows."""
    return int(min(max(1 << max(m // 50, 1).bit_length() - 1, 32), 256))


def check_lengths(m: int, targets: Targets, name: str) -> None:
    """Raise DataError unless there is a target for each row."""
    found = len(targets.labels if targets.labels is not None else targets.Y)  # type: ignore[arg-type]
    if found != m:
        raise DataError(
            f"Found input variables with inconsistent numbers of samples: {[m, found]} (X, {name})."
        )


def first_not_finite(matrix: Numbers) -> int | None:
    """The first row with a NaN or an infinite number, looked for in pieces of a cache's size."""
    rows = 1 + 65_536 // matrix.shape[1]
    for begin in range(0, len(matrix), rows):
        good = np.isfinite(matrix[begin : begin + rows])
        if not good.all():
            return begin + int(np.flatnonzero(~good.all(axis=1))[0])
    return None


def progress_of(verbose: Any, max_iter: int) -> Callable[[Report], None] | None:
    """What `verbose` asks for: nothing, lines on standard output, or a function to call."""
    if callable(verbose):
        return verbose
    if not verbose:
        return None

    def tell(report: Report) -> None:
        validation = (
            "" if report.validation_loss is None else f", validation {report.validation_loss:.6f}"
        )
        print(f"epoch {report.epoch} of {max_iter}: loss {report.loss:.6f}{validation}")

    return tell

"""Every parameter of the estimators, described once.

    Declared    names, types and defaults, as an editor shows them; the estimators inherit them
    FIELDS      of each parameter: kind and bounds, one line of help, its option on the command
                line, whether a result depends on it, whether a model file keeps it
    Settings    the checked parameters of one fit: frozen, made once at the estimator's door

Whoever needs a parameter below the estimators takes `Settings`. The command line's options, the table in the
documentation, and the checks come from `FIELDS`; a test says that both name the same parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple

from shoal.errors import SettingError
from shoal.kinds import (
    EVIDENCE,
    INNER,
    SCHEDULES,
    WHOLE_32,
    Choice,
    ClassWeight,
    Columns,
    Draw,
    Dtype,
    Flag,
    Folder,
    Kind,
    Number,
    Other,
    Penalty,
    Rate,
    Seed,
    Size,
    Spellings,
    Threads,
    Threshold,
    Units,
    Verbose,
    Whole,
)  # fmt: skip
from shoal.network.activations import ACTIVATIONS
from shoal.wording import Setting, wording

Auto = Literal["auto"]

MINI_BATCH = ("adam", "sgd")  # a step takes some rows
FULL_BATCH = ("gd", "lbfgs", "lm")  # a step takes all rows
SOLVERS = MINI_BATCH + FULL_BATCH
AUTO = "auto"
POISSON = "poisson"  # counts and rates
LOSSES = ("squared_error", POISSON)
SHUFFLE_ROWS = 1 << 20  # hundreds of MB as a rule, and far more rows than a step has
MOST_EFFORT = 5
MAX_ITER = 1000  # far more than are needed as a rule: the stopping rules end a training
MOST_EPOCHS = 10**9  # a loss curve has one number an epoch
MOST_BINS = 65_000  # a code has 16 bits, and some codes are for missing values
LARGEST_DECAY = 1e6
LARGEST_DROPOUT = 1 - 2**-16  # drawn from 16 bits, see kernel/dropout.hpp; some units are kept
_SHARE = (1.0,)


# --- the parameters -----------------------------------------------------------------------


@dataclass(kw_only=True, eq=False, repr=False)
class Declared:
    """The parameters that both estimators have, with types and defaults."""

    hidden: int | Auto = "auto"
    activation: Literal["tanh", "relu", "leaky_relu", "sigmoid", "identity"] = "tanh"
    init: Any = "auto"
    solver: Literal["auto", "adam", "sgd", "gd", "lbfgs", "lm"] = "auto"
    learning_rate: float | Auto = "auto"
    momentum: float = 0.9
    batch_size: int | Auto = "auto"
    shuffle_rows: int = SHUFFLE_ROWS
    schedule: Literal["plateau", "constant", "cosine"] = "plateau"
    max_iter: int = MAX_ITER
    alpha: float | Literal["evidence"] = 1e-4
    weight_decay: float = 0.0
    dropout: float = 0.0
    members: int | Auto = "auto"
    effort: int = 1
    time_budget: float | None = None
    max_predict_cost: float = 8.0
    early_stopping: bool | Auto = "auto"
    validation_fraction: float = 0.15
    n_iter_no_change: int | Auto = "auto"
    tol: float = 1e-4
    scoring: Any = None
    encode: Literal["auto"] | None = "auto"
    bins: int | Auto = "auto"
    words: Any = None
    numbers: Any = None
    drop: Any = None
    decimal: Literal[".", ","] | None = None
    date_order: Literal["dmy", "mdy", "ymd"] | None = None
    missing: Any = None
    fold: Any = None
    dtype: Any = "float32"
    random_state: Any = None
    n_jobs: int | None = None
    warm_start: bool = False
    checkpoint: Any = None
    engine: Any = None
    replicas: int = 1
    local_steps: int | None = None
    memory: Any = None
    scratch: Any = None
    verbose: Any = False


@dataclass(kw_only=True, eq=False, repr=False)
class DeclaredForClasses(Declared):
    """The parameters of the classifier: those, and two more."""

    class_weight: Any = None
    threshold: Any = None


@dataclass(kw_only=True, eq=False, repr=False)
class DeclaredForNumbers(Declared):
    """The parameters of the regressor: those, and one more."""

    loss: Literal["squared_error", "poisson"] = "squared_error"


class Field(NamedTuple):
    """What is said of a parameter once, and read by everybody."""

    name: str
    kind: Kind
    help: str  # one line, in the words of the command line's help
    option: str | None = None  # on the command line, if it has one there
    metavar: str = ""
    panel: str = ""  # of the command line's help
    result: bool = True  # whether a bit of the result can depend on it
    kept: bool = True  # whether a model file keeps it
    rare: bool = False  # left out of the command line's --help, and in --help-all

    @property
    def default(self) -> Any:
        """The default of the estimators that have it."""
        there = DeclaredForNumbers if hasattr(DeclaredForNumbers, self.name) else DeclaredForClasses
        return getattr(there, self.name)


TRAINING, COLUMNS = "Network and training", "Columns and classes"  # panels of the help

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("hidden", Units(0, auto=True),
              "Hidden units; 0: linear. By default auto.",
              "--hidden", "UNITS", TRAINING),
        Field("activation", Choice(tuple(ACTIVATIONS)),
              "Hidden activation: tanh, relu, leaky_relu, sigmoid or identity.",
              "--activation", "NAME", TRAINING, rare=True),
        Field("init", Draw(),
              "Initial weights: auto, lecture, glorot, he, zeros, or a standard deviation.",
              "--init", "INIT", TRAINING, rare=True),
        Field("members", Whole(1, auto=True, most=100_000),
              "Ensemble size; predictions are averaged. A number, or auto.",
              "--members", "N", TRAINING, rare=True),
        Field("effort", Whole(1, most=MOST_EFFORT),
              "Search effort, 1 (none) to 5.",
              "--effort", "N", TRAINING),
        Field("time_budget", Number(open_at=(0.0,), none=True),
              "Seconds for a search: the effort that is expected to fit in, which is reported and kept.",
              "--time-budget", "SECONDS", TRAINING, rare=True),
        Field("max_predict_cost", Number(1.0),
              "With --effort: most work of a prediction, as a multiple of what it takes without.",
              "--max-predict-cost", "TIMES", TRAINING, rare=True),
        Field("bins", Whole(0, auto=True, most=MOST_BINS),
              "Number of bins of the encoding of a number; 0 for none. A number, or auto.",
              "--bins", "N", TRAINING, rare=True),
        Field("dtype", Dtype(),
              "Precision: float32 or float64.",
              "--dtype", "TYPE", TRAINING, rare=True),
        Field("random_state", Seed(),
              "Random seed: same seed, same result.",
              "--seed", "N", TRAINING),
        Field("solver", Choice((AUTO, *SOLVERS)),
              "Optimiser: auto, adam, sgd, gd (full-batch gradient descent), lbfgs (for few rows) or lm (for few parameters).",
              "--solver", "NAME", TRAINING, rare=True),
        Field("learning_rate", Rate(open_at=(0.0,), auto=True),
              "Learning rate. By default auto.",
              "--learning-rate", "RATE", TRAINING),
        Field("momentum", Number(most=1.0, open_at=_SHARE),
              "Momentum of sgd."),
        Field("batch_size", Whole(1, auto=True, most=WHOLE_32),
              "Rows of a mini-batch: a number, or auto.",
              "--batch-size", "ROWS", TRAINING, rare=True),
        Field("max_iter", Whole(1, most=MOST_EPOCHS),
              "Maximum number of epochs.",
              "--max-iter", "EPOCHS", TRAINING),
        Field("schedule", Choice(SCHEDULES),
              "Learning-rate schedule: plateau (reduced when validation loss stops improving), constant, or cosine.",
              "--schedule", "NAME", TRAINING, rare=True),
        Field("alpha", Penalty(),
              "L2 penalty on the weights: a number, or evidence (found from the data; needs lm).",
              "--alpha", "NUMBER", TRAINING, rare=True),
        Field("weight_decay", Number(most=LARGEST_DECAY),
              "Decoupled weight decay, as in AdamW.",
              "--weight-decay", "NUMBER", TRAINING, rare=True),
        Field("dropout", Number(most=LARGEST_DROPOUT),
              "Dropout probability of a hidden unit during training.",
              "--dropout", "NUMBER", TRAINING, rare=True),
        Field("class_weight", ClassWeight(),
              "Class weights: balanced, or CLASS=WEIGHT.",
              "--class-weight", "WEIGHT", COLUMNS),
        Field("threshold", Threshold(),
              "Limit for predicting the second class: 0.3, the best for f1, or for CLASS=COST.",
              "--threshold", "VALUE", COLUMNS),
        Field("loss", Choice(LOSSES),
              "Loss of numbers: squared_error, or poisson for counts and rates.",
              "--loss", "NAME", TRAINING, rare=True),
        Field("early_stopping", Flag(auto=True),
              "Whether to hold out a validation part and stop by it."),
        Field("validation_fraction", Number(most=1.0, open_at=INNER),
              "Share of the rows in the validation part."),
        Field("n_iter_no_change", Whole(1, auto=True, most=MOST_EPOCHS),
              "Epochs without improvement after which training stops. By default 6; more below 800 rows, 2 from 524,288 on."),
        Field("tol", Number(),
              "Smallest decrease of the loss that counts as an improvement."),
        Field("scoring", Other("str, callable or None"),
              "Stop by this score of the validation part instead of its loss: roc_auc, f1_macro, r2, …",
              "--scoring", "NAME", TRAINING, rare=True),
        Field("encode", Choice(("auto",), none=True),
              "Encode the columns of the table, or take them as numbers."),
        Field("words", Columns(),
              "Treat this column as categorical. Repeatable.",
              "--words", "COLUMN", COLUMNS),
        Field("numbers", Columns(),
              "Treat this column as numeric. Repeatable.",
              "--numbers", "COLUMN", COLUMNS),
        Field("drop", Columns(),
              "Leave this column out. Repeatable.",
              "--drop", "COLUMN", COLUMNS),
        Field("decimal", Choice((".", ","), none=True),
              "Decimal mark of numbers in text: . or , (by default what fits the column).",
              "--decimal", "MARK", COLUMNS, rare=True),
        Field("date_order", Choice(("dmy", "mdy", "ymd"), none=True),
              "Order of day, month and year of dates in text: dmy, mdy or ymd (by default what fits).",
              "--date-order", "ORDER", COLUMNS, rare=True),
        Field("missing", Spellings(),
              "Text that is a missing value in columns of numbers and dates. Repeatable.",
              "--missing", "WORD", COLUMNS, rare=True),
        Field("fold", Columns(),
              "Ignore capitals and blanks in the categories of this column. Repeatable.",
              "--fold", "COLUMN", COLUMNS, rare=True),
        Field("n_jobs", Threads(),
              "Number of threads. By default all.",
              "--threads", "N", TRAINING, result=False, kept=False),
        Field("warm_start", Flag(),
              "Continue from the fitted networks at the next fit.", result=False),
        Field("checkpoint", Folder(),
              "Save the state of the training in this folder every 30 seconds, and at Ctrl-C.",
              "--checkpoint", "FOLDER", TRAINING, result=False, kept=False, rare=True),
        Field("engine", Other("Dask client, address or None"),
              "Train on a Dask cluster: tcp://…, tls://…, or local to start workers.",
              "--cluster", "ADDRESS", TRAINING, result=False, kept=False, rare=True),
        Field("replicas", Whole(1, most=1_000_000),
              "Local SGD for adam and sgd: number of replicas that train on shares of the rows and are averaged.",
              "--replicas", "N", TRAINING, rare=True),
        Field("local_steps", Whole(1, none=True, most=WHOLE_32),
              "Steps of a replica between two averages; by default an epoch.",
              "--local-steps", "N", TRAINING, rare=True),
        Field("shuffle_rows", Whole(1, most=WHOLE_32),
              "Rows that are shuffled together; a longer epoch is shuffled in windows of this size.",
              "--shuffle-rows", "ROWS", TRAINING, rare=True),
        Field("memory", Size(),
              "Memory limit, such as 2GiB: stream the table.",
              "--memory", "SIZE", TRAINING, result=False, kept=False),
        Field("scratch", Folder(),
              "With --memory: folder for the encoded rows. By default TMPDIR, else /var/tmp.",
              "--scratch", "FOLDER", TRAINING, result=False, kept=False, rare=True),
        Field("verbose", Verbose(),
              "Print the loss while training.", result=False, kept=False),
    )
}  # fmt: skip

_DEFAULTS = {name: field.kind.check(name, field.default) for name, field in FIELDS.items()}
_OF_NO_MACHINE = {name: _DEFAULTS[name] for name, field in FIELDS.items() if not field.kept}


class Settings(DeclaredForClasses, DeclaredForNumbers):
    """The checked parameters of one fit. Frozen: no attribute can be set."""

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"Settings are frozen: {name} cannot be set.")

    def __init__(self, **given: Any) -> None:
        self._begin(_DEFAULTS, given)

    def _begin(self, others: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """Take what is given, once it is checked, and for the rest what was checked before."""
        unknown = set(given) - set(FIELDS)
        if unknown:
            raise SettingError(f"no parameter is called {sorted(unknown)[0]}.")
        checked = {n: field.kind.check(n, given[n]) for n, field in FIELDS.items() if n in given}
        self.__dict__.update({**others, **checked})
        if self.alpha == EVIDENCE and self.hidden == 0:
            self.__dict__["solver"] = "lm"  # a linear model has one minimum, whoever finds it
        _check_together(self.resolved())

    @classmethod
    def of(cls, estimator: Any) -> "Settings":
        """Those of an estimator, which may lack some that only the other one has."""
        there = [name for name in FIELDS if hasattr(estimator, name)]
        return cls(**{name: getattr(estimator, name) for name in there})

    @property
    def search(self) -> Setting | None:
        """The parameter that asks for a search for a better model, if one does."""
        if self.time_budget is not None:
            return Setting("time_budget", self.time_budget)
        return Setting("effort", self.effort) if self.effort > 1 else None

    def replaced(self, **values: Any) -> "Settings":
        """The same with other values."""
        found = Settings.__new__(Settings)
        found._begin(self.__dict__, values)
        return found

    def resolved(self) -> "Settings":
        """The same with a solver for "auto": adam, or lm for penalties by the evidence."""
        if self.solver != AUTO:
            return self
        return self._with({"solver": "lm" if self.alpha == EVIDENCE else "adam"})

    def without_machine(self) -> "Settings":
        """The same without what belongs to the machine of the fit: threads, folders, a cluster."""
        return self._with(_OF_NO_MACHINE)

    def _with(self, values: Mapping[str, Any]) -> "Settings":
        """The same with values that need no check."""
        found = Settings.__new__(Settings)
        found.__dict__.update({**self.__dict__, **values})
        return found

    def __reduce__(self) -> Any:
        return _settings_again, (dict(self.__dict__),)


def _settings_again(values: dict[str, Any]) -> Settings:
    return Settings(**values)


def names_of(declared: type) -> list[str]:
    """The names of an estimator's parameters."""
    return [field.name for field in fields(declared)]


def _check_together(s: Settings) -> None:
    """Raise SettingError for values that exclude each other."""
    _check_evidence(s)
    _check_search(s)
    if s.weight_decay and s.solver == "lm":
        raise _conflict(
            s, "weight_decay", "solver", "lm has no learning rate by which weights decay. Use ",
            Setting("alpha"), ".",
        )  # fmt: skip
    if s.dropout and s.solver not in MINI_BATCH:
        raise _conflict(
            s, "dropout", "solver", "dropout needs steps on mini-batches. Use ",
            Setting("solver", "adam"), ' or "sgd", or ', Setting("dropout", 0), ".",
        )  # fmt: skip
    if s.replicas > 1 and s.solver not in MINI_BATCH:
        raise _conflict(
            s, "replicas", "solver", "expected ", Setting("solver", "adam"),
            ' or "sgd". A solver that takes all rows at every step needs no replicas.',
        )  # fmt: skip
    if s.engine is not None and s.solver in MINI_BATCH and s.replicas == 1:
        raise SettingError(
            wording(
                Setting("solver", s.solver),
                " on a cluster: the steps of mini-batches depend on each other and cannot be "
                "distributed. Use ",
                Setting("replicas", 8),
                " (or another number), which train in parallel and are averaged, or ",
                Setting("solver", "lbfgs"),
                ".",
            ),
            setting="solver",
        )
    if s.checkpoint and s.warm_start:
        raise SettingError(
            wording(
                Setting("checkpoint"), " and ", Setting("warm_start", True),
                ": a checkpoint continues a fit that was interrupted, warm_start one that "
                "ended. Choose one.",
            ),
            setting="checkpoint",
        )  # fmt: skip


def _check_search(s: Settings) -> None:
    """Raise SettingError for what a search for a better model cannot respect."""
    if s.search is None:
        return
    name = s.search.name
    if name == "time_budget" and s.effort > 1:
        raise _conflict(s, name, "effort", "the first chooses the other. Leave one of the two out.")
    if name == "time_budget" and s.checkpoint:
        raise _conflict(
            s, name, "checkpoint", "the speed is measured anew when a training goes on. Use ",
            Setting("effort", 3), " instead, or another one.",
        )  # fmt: skip
    if s.warm_start:
        raise _conflict(
            s, name, "warm_start", "a search begins anew. Leave one of the two out.",
        )  # fmt: skip
    if s.engine is not None:
        raise SettingError(
            wording(
                s.search, " on a cluster: candidates are trained on one "
                "machine. Use ", Setting("effort", 1), ".",
            ),
            setting=name,
        )  # fmt: skip
    if s.memory is not None:
        raise _conflict(
            s, name, "memory", "a search needs the table in memory. Leave one of the two out.",
        )  # fmt: skip
    off = "early_stopping" if s.early_stopping is False else "alpha" if s.alpha == EVIDENCE else ""
    if off:
        raise _conflict(
            s, name, off, "candidates are compared on rows that are held out. Leave one of the "
            "two out.",
        )  # fmt: skip


def _check_evidence(s: Settings) -> None:
    """Raise SettingError for what the penalty from the data excludes."""
    if s.alpha != EVIDENCE:
        return
    if s.solver != "lm":
        raise _conflict(
            s, "alpha", "solver", "expected ", Setting("solver", "lm"), " or ",
            Setting("hidden", 0), ". The evidence needs steps of second order.",
        )  # fmt: skip
    if s.early_stopping is True:
        raise _conflict(
            s, "alpha", "early_stopping", "the evidence holds no rows out. Use ",
            Setting("early_stopping", False), " or leave it out.",
        )  # fmt: skip


def _conflict(s: Settings, first: str, second: str, *expected: str | Setting) -> SettingError:
    pair = Setting(first, getattr(s, first)), " with ", Setting(second, getattr(s, second)), ": "
    return SettingError(wording(*pair, *expected), setting=first)

"""Every parameter of the estimators, described once.

    Declared    names, types and defaults, as an editor shows them; the estimators inherit them
    FIELDS      of each parameter: kind and bounds, one line of help, its option on the command
                line, whether a result depends on it, whether a model file keeps it
    Settings    the checked parameters of one fit: frozen, made once at the estimator's door

Whoever needs a parameter below the estimators takes `Settings`. The command line's options, the table in the
documentation, and the checks come from `FIELDS`; a test says that both name the same parameters.
"""

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from shoal.checks import check_choice, check_number, check_whole, is_number, meant_by
from shoal.errors import SettingError
from shoal.network.activations import ACTIVATIONS
from shoal.network.initialisers import SCHEMES
from shoal.wording import Setting, wording

Auto = Literal["auto"]

MINI_BATCH = ("adam", "sgd")  # a step takes some rows
FULL_BATCH = ("gd", "lbfgs", "lm")  # a step takes all rows
EVIDENCE = "evidence"  # the penalty that the data choose
SOLVERS = MINI_BATCH + FULL_BATCH
AUTO = "auto"
SCHEDULES = ("plateau", "constant", "cosine")
DTYPES = ("float32", "float64")
POISSON = "poisson"  # counts and rates
LOSSES = ("squared_error", POISSON)
SHUFFLE_ROWS = 1 << 20  # hundreds of MB as a rule, and far more rows than a step has
MOST_EFFORT = 5
MAX_ITER = 1000  # far more than are needed as a rule: the stopping rules end a training
MOST_EPOCHS = 10**9  # a loss curve has one number an epoch
MOST_BINS = 65_000  # a code has 16 bits, and some codes are for missing values
# Beyond this a draw is of no use, and its products overflow in float32.
LARGEST_DEVIATION = 1e6
LARGEST_DECAY = 1e6
LARGEST_DROPOUT = 1 - 2**-16  # drawn from 16 bits, see kernel/dropout.hpp; some units are kept
MOST_COLUMNS = 1_000_000  # that can be named
WHOLE_32 = (1 << 32) - 1
_SHARE = (1.0,)
_INNER = (0.0, 1.0)
UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
UNITS |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}


def _is_text(value: Any, text: str) -> bool:
    return isinstance(value, str) and value == text


# --- what a value may be ----------------------------------------------------------------


class Kind(Protocol):
    """What values a parameter takes."""

    @property
    def words(self) -> str:
        """The same for the documentation."""
        ...

    def check(self, name: str, value: Any) -> Any:
        """The value as the code below the estimators wants it; SettingError if it is none."""
        ...

    def parse(self, text: str) -> Any:
        """The value that a text on the command line means; ValueError if it means none."""
        ...


class Whole(NamedTuple):
    """A whole number; also "auto", or None, where these are allowed."""

    least: int
    most: int | None = None
    auto: bool = False
    none: bool = False

    @property
    def words(self) -> str:
        """The kind in words."""
        return f"int from {self.least}" + ' or "auto"' * self.auto + " or None" * self.none

    def check(self, name: str, value: Any) -> Any:
        """The value as int, "auto" or None."""
        if (self.auto and _is_text(value, "auto")) or (self.none and value is None):
            return value
        return check_whole(name, value, least=self.least, most=self.most)

    def parse(self, text: str) -> Any:
        """The number, or auto."""
        if self.auto and text == "auto":
            return text
        try:
            return int(text)
        except ValueError:
            auto = " or auto" if self.auto else ""
            raise ValueError(f'expected a whole number{auto}, found "{text}"') from None


class Number(NamedTuple):
    """A finite number from `least` to `most`, without the ends that are `open`."""

    least: float = 0.0
    most: float = float("inf")
    open_at: tuple[float, ...] = ()
    auto: bool = False

    @property
    def words(self) -> str:
        """The kind in words."""
        low = "above" if self.least in self.open_at else "from"
        return f"float {low} {self.least:g}" + ' or "auto"' * self.auto

    def check(self, name: str, value: Any) -> Any:
        """The value as float, or "auto"."""
        if self.auto and _is_text(value, "auto"):
            return value
        return check_number(name, value, least=self.least, most=self.most, open_at=self.open_at)

    def parse(self, text: str) -> Any:
        """The number, or auto."""
        if self.auto and text == "auto":
            return text
        try:
            return float(text)
        except ValueError:
            auto = " or auto" if self.auto else ""
            raise ValueError(f'expected a number{auto}, found "{text}"') from None


class Units(Whole):
    """A number of hidden units."""

    def check(self, name: str, value: Any) -> Any:
        """The value; of scikit-learn's tuple of sizes the error names ours."""
        if isinstance(value, list | tuple) and len(value) == 1 and is_number(value[0]):
            use = Setting(name, value[0])
            raise SettingError.of(
                name, value, "expected a whole number, as there is one layer. Use ", use, "."
            )
        return super().check(name, value)


class Rate(Number):
    """A learning rate."""

    def check(self, name: str, value: Any) -> Any:
        """The value; of scikit-learn's schedules the error names ours."""
        if isinstance(value, str) and (meant := meant_by(value, SCHEDULES)):
            use = Setting("schedule", meant)
            raise SettingError.of(name, value, "expected a number above 0. Use ", use, ".")
        return super().check(name, value)


class Penalty(Number):
    """A penalty, or "evidence"."""

    @property
    def words(self) -> str:
        """The kind in words."""
        return f'{super().words} or "{EVIDENCE}"'

    def check(self, name: str, value: Any) -> Any:
        """The value as float, or "evidence"."""
        return value if _is_text(value, EVIDENCE) else super().check(name, value)

    def parse(self, text: str) -> Any:
        """The number, or evidence."""
        return text if text == EVIDENCE else super().parse(text)


class Choice(NamedTuple):
    """One of some words; also None where that is allowed."""

    choices: tuple[str, ...]
    none: bool = False

    @property
    def words(self) -> str:
        """The kind in words."""
        quoted = ", ".join(f'"{choice}"' for choice in self.choices)
        return f"{{{quoted}{', None' * self.none}}}"

    def check(self, name: str, value: Any) -> str | None:
        """The value, if it is one of them."""
        if self.none and value is None:
            return None
        if self.none and not (isinstance(value, str) and value in self.choices):
            quoted = ", ".join(f'"{choice}"' for choice in self.choices)
            raise SettingError.of(name, value, f"expected {quoted} or None.")
        return check_choice(name, value, self.choices)

    def parse(self, text: str) -> str:
        """The word; `check` says whether it is one of them."""
        return text


class Flag(NamedTuple):
    """True or False; also "auto" where that is allowed."""

    auto: bool = False

    @property
    def words(self) -> str:
        """The kind in words."""
        return "bool" + ' or "auto"' * self.auto

    def check(self, name: str, value: Any) -> Any:
        """The value as bool, or "auto"."""
        if isinstance(value, bool | np.bool_):
            return bool(value)
        if self.auto and _is_text(value, "auto"):
            return value
        raise SettingError.of(
            name,
            value,
            'expected True, False or "auto".' if self.auto else "expected True or False.",
        )

    def parse(self, text: str) -> Any:
        """A flag is an option without a value."""
        return text


class Columns(NamedTuple):
    """Names of columns of the table, or None."""

    words: str = "list of str or None"

    def check(self, name: str, value: Any) -> tuple[Any, ...]:
        """The names as a tuple; none for None."""
        if value is None:
            return ()
        names = value.tolist() if hasattr(type(value), "tolist") else value
        if (
            not isinstance(names, list | tuple | set | frozenset)
            or len(names) > MOST_COLUMNS
            or not all(isinstance(each, Hashable) for each in names)
        ):
            example = wording("such as ", Setting(name, ["city"]))
            raise SettingError.of(
                name, value, "expected a list of names of columns, ", example, "."
            )
        return tuple(names)

    def parse(self, text: str) -> str:
        """One name: the option is repeated for more."""
        return text


class Spellings(NamedTuple):
    """Texts, or None."""

    words: str = "list of str or None"

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """The texts as a tuple; none for None."""
        if value is None:
            return ()
        texts = value if isinstance(value, list | tuple | set | frozenset) else [None]
        if len(texts) > MOST_COLUMNS or not all(isinstance(each, str) for each in texts):
            example = wording("such as ", Setting(name, ["unknown"]))
            raise SettingError.of(name, value, "expected a list of texts, ", example, ".")
        return tuple(texts)

    def parse(self, text: str) -> str:
        """One text: the option is repeated for more."""
        return text


class Other(NamedTuple):
    """What is checked where it is used, as only that place knows what it may be."""

    words: str

    def check(self, name: str, value: Any) -> Any:
        """The value as it is."""
        return value

    def parse(self, text: str) -> Any:
        """The text as it is."""
        return text


class Draw(NamedTuple):
    """A scheme of drawing weights, a standard deviation, or what `starts.py` knows."""

    words: str = "str, float, Network, Parameters or a list of these"

    def check(self, name: str, value: Any) -> Any:
        """A scheme or a number is checked here."""
        if isinstance(value, str):
            return check_choice(name, value, SCHEMES)
        if value is None or isinstance(value, bool) or is_number(value):
            return check_init(name, value)
        return value

    def parse(self, text: str) -> Any:
        """A number, or a scheme."""
        try:
            return float(text)
        except ValueError:
            return text


class Dtype(NamedTuple):
    """A precision, by name or as NumPy's dtype."""

    words: str = '{"float32", "float64"}'

    def check(self, name: str, value: Any) -> str:
        """Its name."""
        try:
            found = np.dtype(value).name if value is not None else ""
        except Exception:  # NumPy raises whatever an odd object makes it raise
            found = ""
        if found not in DTYPES:
            raise SettingError.of(name, value, 'expected "float32" or "float64".')
        return found

    def parse(self, text: str) -> str:
        """The name."""
        return text


class Verbose(NamedTuple):
    """True, False, a level as other estimators have it, or a function."""

    words: str = "bool or callable"

    def check(self, name: str, value: Any) -> Any:
        """The value, a level as True or False."""
        if callable(value):
            return value
        if isinstance(value, bool | np.bool_ | int | np.integer):
            return bool(value)
        raise SettingError.of(name, value, "expected True, False, or a function of a Report.")

    def parse(self, text: str) -> Any:
        """Not an option."""
        return text


class Threads(NamedTuple):
    """A number of threads, or -1 for all and -2 for all but one, as in joblib."""

    words: str = "int or None"

    def check(self, name: str, value: Any) -> int | None:
        """The value; 0 is none."""
        if value is None:
            return None
        threads = check_whole(name, value, least=-WHOLE_32, most=WHOLE_32)
        if threads == 0:
            raise SettingError.of(
                name, value, "expected a number of threads from 1 on, or -1 for all."
            )
        return threads

    def parse(self, text: str) -> int:
        """The number."""
        return int(Whole(0).parse(text))


class Size(NamedTuple):
    """An amount of memory."""

    words: str = '"2GiB", a number of bytes, or None'

    def check(self, name: str, value: Any) -> int | None:
        """The bytes."""
        if value is None:
            return None
        found = re.fullmatch(r"\s*(\d{1,18}(?:\.\d{1,18})?)\s*([A-Za-z]{0,3})\s*", str(value))
        size = float(found[1]) * UNITS.get(found[2].lower(), 0) if found else 0
        if isinstance(value, bool) or size < 1:
            raise SettingError.of(
                name, value, 'expected a size such as "2GiB" or "500MB", or a number of bytes.'
            )
        return int(size)

    def parse(self, text: str) -> str:
        """The text."""
        return text


class Seed(NamedTuple):
    """A seed, or a source of one."""

    words: str = "int, RandomState or None"

    def check(self, name: str, value: Any) -> Any:
        """The value; a whole number from 0 on."""
        if isinstance(value, int | np.integer):  # (a look at np.random would import it)
            return check_whole(name, value, least=0)
        if value is None or value is np.random or isinstance(value, np.random.RandomState):
            return value
        return check_whole(name, value, least=0)

    def parse(self, text: str) -> int:
        """The number."""
        return int(Whole(0).parse(text))


class ClassWeight(NamedTuple):
    """A weight for each class."""

    words: str = 'dict, "balanced" or None'

    def check(self, name: str, value: Any) -> Any:
        """The value; each weight is a finite number from 0 on."""
        if value is None or _is_text(value, "balanced"):
            return value
        if not isinstance(value, Mapping) or not value:
            raise SettingError.of(
                name, value, 'expected "balanced", None, or a dict of class: weight.'
            )
        return {key: check_number(f"{name}[{key!r}]", weight) for key, weight in value.items()}

    def parse(self, text: str) -> Any:
        """The word."""
        return text


class Threshold(NamedTuple):
    """A probability, the name of a score, or the cost of each class."""

    words: str = "float between 0 and 1, str, dict or None"

    def check(self, name: str, value: Any) -> Any:
        """The value; a score is looked up where scikit-learn is known."""
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, Mapping) and value:
            return {key: check_number(f"{name}[{key!r}]", cost) for key, cost in value.items()}
        if not is_number(value):
            raise SettingError.of(
                name, value, "expected a number between 0 and 1, the name of a score such as "
                '"f1", a dict of class: cost, or None.',
            )  # fmt: skip
        return check_number(name, value, most=1.0, open_at=_INNER)

    def parse(self, text: str) -> Any:
        """The text; what it means depends on the classes."""
        return text


def check_init(name: str, init: Any) -> str | float:
    """A scheme, or a standard deviation from 0 on."""
    if isinstance(init, str):
        return check_choice(name, init, SCHEMES)
    if is_number(init):
        try:
            if 0 <= float(init) <= LARGEST_DEVIATION:
                return float(init)
        except OverflowError:
            pass
    raise SettingError.of(
        name, init,
        f"expected one of {', '.join(SCHEMES)}, or a number from 0 to {LARGEST_DEVIATION:g}.",
    )  # fmt: skip


REPEATED = (Columns, Spellings, ClassWeight, Threshold)  # whose option can be given several times


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
              "Work spent on a search for a better model, from 1 (none) to 5.",
              "--effort", "N", TRAINING),
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
        Field("validation_fraction", Number(most=1.0, open_at=_INNER),
              "Share of the rows in the validation part."),
        Field("n_iter_no_change", Whole(1, auto=True, most=MOST_EPOCHS),
              "Epochs without improvement after which training stops. By default 6, and more below 800 rows."),
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
        Field("checkpoint", Other("folder or None"),
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
        Field("scratch", Other("folder or None"),
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
        unknown = set(given) - set(FIELDS)
        if unknown:
            raise SettingError(f"no parameter is called {sorted(unknown)[0]}.")
        own = self.__dict__
        for name, field in FIELDS.items():
            own[name] = field.kind.check(name, given[name]) if name in given else _DEFAULTS[name]
        if self.alpha == EVIDENCE and self.hidden == 0:
            self.__dict__["solver"] = "lm"  # a linear model has one minimum, whoever finds it
        _check_together(self.resolved())

    @classmethod
    def of(cls, estimator: Any) -> "Settings":
        """Those of an estimator, which may lack some that only the other one has."""
        there = [name for name in FIELDS if hasattr(estimator, name)]
        return cls(**{name: getattr(estimator, name) for name in there})

    def replaced(self, **values: Any) -> "Settings":
        """The same with other values."""
        return Settings(**(self.__dict__ | values))

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
    if s.effort == 1:
        return
    if s.checkpoint:
        raise _conflict(
            s, "effort", "checkpoint", "the state of a search is not saved. Use ",
            Setting("effort", 1), ", or leave the checkpoint out.",
        )  # fmt: skip
    if s.warm_start:
        raise _conflict(
            s, "effort", "warm_start", "a search begins anew. Leave one of the two out.",
        )  # fmt: skip
    if s.engine is not None:
        raise SettingError(
            wording(
                Setting("effort", s.effort), " on a cluster: candidates are trained on one machine. "
                "Use ", Setting("effort", 1), ".",
            ),
            setting="effort",
        )  # fmt: skip
    if s.memory is not None:
        raise _conflict(
            s, "effort", "memory", "a search needs the table in memory. Leave one of the two out.",
        )  # fmt: skip
    off = "early_stopping" if s.early_stopping is False else "alpha" if s.alpha == EVIDENCE else ""
    if off:
        raise _conflict(
            s, "effort", off, "candidates are compared on rows that are held out. Leave one of the "
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

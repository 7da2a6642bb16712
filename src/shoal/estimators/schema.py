"""What the document of a model file may say: every field, its type and its bounds.

`model_of` turns plain data into a `Model`, or raises ModelFileError. Fields that are not listed
here are refused, and so are values of another type. What depends on the arrays of the file is
checked where they are read, in `reading.py`.

A field that a later version adds needs a default, so that earlier files can still be read.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, to_builtins

from shoal.data.encode.encoding import MOST_WORDS, Constant, Number, Plan, SetAside, Time, Words
from shoal.data.read.writing import Written
from shoal.diagnosis.findings import Diagnosis
from shoal.errors import ModelFileError, SettingError
from shoal.estimators.plain import settings_again
from shoal.estimators.search import Search, Tried
from shoal.files.layout import MAX_HEADER, MAX_SIDE, MAX_TENSORS
from shoal.files.typed import refused, typed
from shoal.network.activations import ACTIVATIONS
from shoal.network.outputs import OUTPUTS
from shoal.settings import FIELDS, MOST_BINS, Settings
from shoal.wording import shown

FORMAT_VERSION = 1
MOST_TRIED = 1000  # candidates of a search
MOST_TEXT = 1 << 26  # bytes that classes take as NumPy's text
MOST_UNIT = 64  # characters of the unit of a column
MOST = 1 << 53  # of a count; above it, float64 does not tell neighbours apart

Count: TypeAlias = Annotated[int, Meta(ge=0, le=MOST)]
Positive: TypeAlias = Annotated[int, Meta(ge=1, le=MOST)]
Side: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_SIDE)]
Above0: TypeAlias = Annotated[float, Meta(gt=0)]
From0: TypeAlias = Annotated[float, Meta(ge=0)]
Name: TypeAlias = Annotated[str, Meta(max_length=MAX_HEADER)]
Scalar: TypeAlias = bool | int | float | str
# In a message: [name] or [name, value].
Parameter: TypeAlias = Annotated[tuple[Any, ...], Meta(min_length=1, max_length=2)]


class _Strict(Struct, frozen=True, forbid_unknown_fields=True):
    """A value without fields that are not listed."""


class Shape(_Strict, frozen=True):
    """The architecture of each member."""

    n_x: Annotated[int, Meta(ge=1, le=MAX_SIDE)]
    n_h: Side
    n_y: Annotated[int, Meta(ge=1, le=MAX_SIDE)]
    activation: Literal[tuple(ACTIVATIONS)]  # type: ignore[valid-type]
    output: Literal[tuple(OUTPUTS)]  # type: ignore[valid-type]


# --- what was learnt of each column -----------------------------------------------------


class NumberColumn(_Strict, frozen=True, tag_field="kind", tag="number"):
    """A number; its bins have none or at least three edges."""

    name: Name
    mean: float
    scale: Above0
    holes: bool
    edges: Annotated[tuple[float, ...], Meta(max_length=MOST_BINS + 1)] = ()


class BooleanColumn(_Strict, frozen=True, tag_field="kind", tag="boolean"):
    """True and false as a number, without bins."""

    name: Name
    mean: float
    scale: Above0
    holes: bool
    edges: Annotated[tuple[float, ...], Meta(max_length=0)] = ()


class WordsColumn(_Strict, frozen=True, tag_field="kind", tag="words"):
    """Categories; the words themselves are in an array of the file."""

    name: Name
    words: Annotated[int, Meta(ge=1, le=MOST_WORDS)]
    rare: bool
    holes: bool


class TimeColumn(_Strict, frozen=True, tag_field="kind", tag="time"):
    """A date or a time of day, in seconds."""

    name: Name
    mean: float
    scale: Above0
    parts: Annotated[tuple[Literal["month", "weekday", "hour"], ...], Meta(max_length=3)]
    holes: bool
    zoned: bool


class UnusedColumn(_Strict, frozen=True, tag_field="kind", tag="set aside"):
    """A column that is not used."""

    name: Name
    reason: str


class ConstantColumn(_Strict, frozen=True, tag_field="kind", tag="constant"):
    """A column whose input is always 0."""

    name: Name
    reason: str


Column: TypeAlias = (
    NumberColumn | BooleanColumn | WordsColumn | TimeColumn | UnusedColumn | ConstantColumn
)


class WrittenColumn(_Strict, frozen=True):
    """How the values of a column were written as text."""

    decimal: Literal[".", ","] = "."
    unit: Annotated[str, Meta(max_length=MOST_UNIT)] = ""
    order: Literal["dmy", "mdy", "ymd"] = "ymd"
    fold: bool = False
    kind: Literal["", "clock", "span"] = ""


def written_of(column: WrittenColumn) -> Written:
    """The same as the columns are read by."""
    return Written(column.decimal, column.unit, column.order, column.fold, column.kind)


def plan_of(column: Column, words: tuple[str, ...]) -> Plan:
    """The column as the encoding has it."""
    match column:
        case NumberColumn(name, mean, scale, holes, edges):
            return Number(name, mean, scale, holes, "number", edges)
        case BooleanColumn(name, mean, scale, holes):
            return Number(name, mean, scale, holes, "boolean")
        case WordsColumn(name, _, rare, holes):
            return Words(name, words, rare, holes)
        case TimeColumn(name, mean, scale, parts, holes, zoned):
            return Time(name, mean, scale, parts, holes, zoned)
        case UnusedColumn(name, reason):
            return SetAside(name, reason)
        case ConstantColumn(name, reason):
            return Constant(name, reason)


# --- how the training went --------------------------------------------------------------


class EvidenceOfMember(_Strict, frozen=True):
    """The penalties that the data chose for a member, and what they are worth."""

    alpha: tuple[From0, From0, From0]
    beta: Above0
    gamma: float
    log_evidence: float


class Numbers(_Strict, frozen=True):
    """The numbers of the training; lists have one entry for each member."""

    n_iter_: Count
    n_features_in_: Positive
    n_layers_: Literal[2, 3]
    n_outputs_: Positive
    best_epoch_: Count
    training_seconds_: From0
    endings_: tuple[
        Literal["finished", "plateau", "converged", "diverged", "stopped", "interrupted"], ...
    ]
    member_seeds_: tuple[Annotated[int, Meta(ge=0)], ...]
    evidence_: tuple[EvidenceOfMember | None, ...] = ()  # None: it could not be found


class CalibrationOfModel(_Strict, frozen=True):
    """What is known of the errors on rows that were not seen; the numbers are in arrays of the file."""

    rows: Positive
    widths: bool


class TriedOfModel(_Strict, frozen=True):
    """A candidate of a search, and how it was judged."""

    settings: dict[str, Scalar]
    members: Positive
    loss: float
    difference: float
    error: From0
    judged: Positive
    weight: Annotated[float, Meta(ge=0, le=1)]
    work: From0


class SearchOfModel(_Strict, frozen=True):
    """What a search has tried, and what rows that were left out of its choice say."""

    tried: Annotated[tuple[TriedOfModel, ...], Meta(min_length=1, max_length=MOST_TRIED)]
    loss: float
    usual_loss: float
    error: From0
    predict_cost: From0
    usual_work: From0
    kind: Count
    first_members: Positive


class FindingOfModel(_Strict, frozen=True):
    """One finding of the diagnosis."""

    name: str
    severity: Literal["remark", "warning", "error"]
    what: str
    advice: str
    cure: dict[str, Scalar | tuple[str, ...] | None]
    evidence: dict[str, Any]
    advice_parts: list[str | Parameter] | UnsetType = UNSET  # the same; parameters are told apart


class DiagnosisOfModel(_Strict, frozen=True):
    """The findings of the training."""

    healthy: bool
    findings: list[FindingOfModel]
    units: Count
    members: Positive


Scores: TypeAlias = dict[str, float | None]


class ComparisonOfModel(_Strict, frozen=True):
    """The network compared with a simpler predictor, on the rows of the test."""

    than: Literal["linear", "constant"]
    outcome: Literal["better", "worse", "no difference"]
    loss: Literal["log_loss", "rmse", "deviance"]
    difference: float
    standard_error: From0 | None
    rows: Positive


class Record(_Strict, frozen=True):
    """What `shoal train` adds: the command and its test."""

    target: str
    task: Literal["classification", "regression"]
    reason: str
    table: str
    rows: Count
    test_rows: Count
    command: tuple[str, ...]
    scores: list[tuple[str, Scores]]
    verdicts: tuple[ComparisonOfModel, ...] = ()
    standard_errors: list[tuple[str, Scores]] = []
    folds: Count = 0


class PlainSettings(Struct, frozen=True):
    """The parameters that `plain.py` writes in a form of their own; the kinds check all others."""

    init: str | int | float = "auto"
    class_weight: Literal["balanced"] | tuple[tuple[Scalar, float], ...] | None = None
    threshold: float | str | tuple[tuple[Scalar, float], ...] | None = None
    scoring: str | None = None
    words: tuple[str, ...] | None = None
    numbers: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None
    missing: tuple[str, ...] | None = None
    fold: tuple[str, ...] | None = None
    random_state: int | None = None


# --- the model ----------------------------------------------------------------------------


class Model(_Strict, frozen=True, kw_only=True):
    """What both kinds of model have."""

    format_version: int
    numerics_version: Count
    shoal_version: str
    architecture: Shape
    members: Annotated[int, Meta(ge=1, le=MAX_TENSORS)]
    fingerprint: str
    settings: dict[str, Any]
    encoding: list[Column] | None
    fitted: Numbers
    record: dict[str, Any]
    diagnosis: DiagnosisOfModel
    calibration: CalibrationOfModel | None = None
    search: SearchOfModel | None = None
    written: dict[Name, WrittenColumn] = {}  # columns that are text of a form of their own


class Classifier(Model, frozen=True, kw_only=True, tag_field="kind", tag="classifier"):
    """Classes, or several labels for each row."""

    labels: Positive
    class_type: Literal[
        "words", "text", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
        "float16", "float32", "float64",
    ]  # fmt: skip
    classes: tuple[bool | int | float, ...] | None = None  # None: they are words, in an array
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None  # None: the likeliest class


class Regressor(Model, frozen=True, kw_only=True, tag_field="kind", tag="regressor"):
    """Numbers."""

    columns: Count


def _check_record(record: Record) -> None:
    """Raise ModelFileError for verdicts that belong to no scores."""
    if record.verdicts and len(record.verdicts) != len(record.scores) - 1:
        raise refused(f"{len(record.verdicts)} verdicts on {len(record.scores)} scores, in record")


def model_of(document: Mapping[str, Any]) -> Classifier | Regressor:
    """The document of a model, checked field by field. Raises ModelFileError."""
    version = document.get("format_version")
    if document.get("kind") == "checkpoint":
        raise ModelFileError(
            "this is a checkpoint of a training, not yet a model. Continue the training: "
            "--checkpoint FOLDER --resume, or fit with checkpoint=FOLDER."
        )
    if type(version) is int and version != FORMAT_VERSION:
        raise ModelFileError(
            f"the file has format version {shown(version)}, and this shoal reads version "
            f"{FORMAT_VERSION}. Install the shoal that wrote it "
            f"({shown(document.get('shoal_version'))})."
        )
    model: Classifier | Regressor = typed(document, Classifier | Regressor)
    if model.record:
        _check_record(typed(model.record, Record))
    return model


def settings_of(plain: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """The parameters of an estimator that has those `names`. Raises ModelFileError."""
    for name in plain:
        if name not in names:
            raise refused(f"no parameter is called {shown(name)}, in settings")
    typed(plain, PlainSettings)
    found = settings_again(plain)
    try:
        Settings(**found)
    except SettingError as error:
        raise refused(f"in settings, {error.message.rstrip('.')}") from None
    return found


def search_of(model: Model) -> Search | None:
    """What a search has tried. Raises ModelFileError where its parts do not fit the model."""
    if model.search is None:
        return None
    plain = to_builtins(model.search)
    search = Search(**plain | {"tried": tuple(Tried(**one) for one in plain["tried"])})
    if search.kind >= len(search.tried) or search.first_members > model.members:
        raise refused("the first members are none that a search has tried, in search")
    for one in search.tried:
        try:
            Settings(**one.settings)
        except SettingError as error:
            raise refused(f"in search, {error.message.rstrip('.')}") from None
    return search


def diagnosis_of(model: Model) -> Diagnosis:
    """The findings. Raises ModelFileError for a cure that no estimator would take."""
    plain = to_builtins(model.diagnosis)
    for finding in plain["findings"]:
        for name, value in finding["cure"].items():
            try:
                FIELDS[name].kind.check(name, value)
            except (KeyError, SettingError):
                raise refused(f"{shown(name)}={shown(value)} cures nothing, in diagnosis") from None
            if not FIELDS[name].kept:
                raise refused(f"{shown(name)} cures nothing, in diagnosis")
        parts = finding.get("advice_parts", ())
        if not all(isinstance(part, str) or isinstance(part[0], str) for part in parts):
            raise refused("a parameter has no name, in diagnosis")
    return Diagnosis.from_dict(plain)

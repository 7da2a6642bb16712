"""Every argument and option of the program, and what a call asks for, as values.

Parameters of the estimators are described in `settings.FIELDS`: name, kind, help and default come from there.
What is no parameter of an estimator (which table, which files) is described here, in the
fields of `Order` and `Study`.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from shoal.data.read.file_options import FileOptions
from shoal.kinds import Columns as ColumnNames
from shoal.kinds import Kind, Number, Spellings, Whole
from shoal.settings import COLUMNS, FIELDS, TRAINING, Field

FILES, TEST = "Files", "Test"
PANELS = (None, FILES, TEST, COLUMNS, TRAINING)  # of the help, in this order
Parameters = dict[str, Any]  # of an estimator, by name

# What differs from Python on the command line: the same call gives the same result there.
SEED = 0
STUDIED_UNITS = 16


def parsed(kind: Kind) -> Callable[[Any], Any]:
    """The kind's parser, whose refusals typer prints. An unset variable of the shell is no value."""

    def parse(text: Any) -> Any:
        if text == "" and not isinstance(kind, ColumnNames | Spellings):
            raise typer.BadParameter('expected a value, found ""')
        try:
            return kind.parse(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return parse


def file(text: str) -> str:
    """The name of a file, or -. An unset variable of the shell is no name."""
    if not text:
        raise typer.BadParameter('expected the name of a file, found ""')
    return text


def option(
    *names: str,
    help: str,
    metavar: str = " ",
    panel: str | None = None,
    rare: bool = False,
    **more: Any,
) -> Any:
    """An option for typer; one without a value has a blank as its metavar. --help leaves rare ones out."""
    return typer.Option(
        *names, help=help, metavar=metavar, rich_help_panel=panel, hidden=rare,
        show_default="By default" not in help, **more,
    )  # fmt: skip


def option_of(field: Field) -> Any:
    """The option of a parameter of the estimators."""
    assert field.option is not None
    return option(
        field.option, help=field.help, metavar=field.metavar, panel=field.panel,
        rare=field.rare, parser=parsed(field.kind),
    )  # fmt: skip


WHOLE, NUMBER = parsed(Whole(0)), parsed(Number())

Model = Annotated[str, typer.Argument(metavar="MODEL", help="Model file (.shoal).", parser=file)]
Table = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="CSV, JSON, Parquet, spreadsheet or database; - for standard input.",
        parser=file,
    ),
]
_TABLES = typer.Argument(
    metavar="TABLE",
    help="Files, a folder or a glob; - is standard input.",
    parser=file,
)
Tables = Annotated[tuple[str, ...], _TABLES]
TableList = Annotated[list[str], _TABLES]  # of commands that are not generated from an order
Things = Annotated[
    list[str] | None,
    typer.Argument(metavar="TABLE|LINK", help="A table, a link, or both.", parser=file),
]
Json = Annotated[bool, option("--json", help="Machine-readable result on standard output.")]
JsonLines = Annotated[bool, option("--json", help="Write one JSON object a row instead of CSV.")]
Target = Annotated[str, option("--target", "-t", metavar="COLUMN", help="Column to predict.")]
Task = Annotated[
    str | None,
    option(
        "--task",
        metavar="TASK",
        help="classification or regression; by default determined from the target.",
        rare=True,
    ),
]
ModelFile = Annotated[
    str | None, option("--output", "-o", metavar="FILE", help="Model file to write (.shoal).")
]
Report = Annotated[
    str | None,
    option(
        "--report",
        metavar="FILE",
        help="Report to write (.html): data, scores, plots.",
        parser=file,
    ),
]
SaveConfig = Annotated[
    str | None,
    option(
        "--save-config",
        metavar="FILE",
        help="Write these options to a file for --config (.toml).",
        rare=True,
        parser=file,
    ),
]
Explain = Annotated[bool, option("--explain", help="Show how each column is encoded.")]
Test = Annotated[
    str | None,
    option("--test", metavar="TABLE", help="Test on this table.", panel=TEST, parser=file),
]
TestPart = Annotated[
    float,
    option(
        "--test-part",
        metavar="SHARE",
        help="Share of the rows to test on.",
        panel=TEST,
        parser=NUMBER,
    ),
]
Folds = Annotated[
    int | None,
    option(
        "--cv",
        metavar="N",
        help="Test by cross-validation in N folds.",
        panel=TEST,
        parser=WHOLE,
    ),
]
Group = Annotated[
    str | None,
    option(
        "--group",
        metavar="COLUMN",
        help="Keep the rows of a group together in every split.",
        panel=TEST,
    ),
]
Time = Annotated[
    str | None,
    option(
        "--time",
        metavar="COLUMN",
        help="Test on the latest rows by this column.",
        panel=TEST,
    ),
]
Resume = Annotated[
    bool,
    option(
        "--resume",
        help="Continue the training saved by --checkpoint, with the same result.",
        panel=TRAINING,
        rare=True,
    ),
]
Strict = Annotated[
    bool,
    option(
        "--strict",
        help="Refuse a value that does not fit its column, instead of reading it as missing.",
        panel=COLUMNS,
        rare=True,
    ),
]
Interval = Annotated[
    float | None,
    option(
        "--interval",
        metavar="COVERAGE",
        help="Add the interval that holds the target with this probability, such as 0.9; of classes the set.",
    ),
]
Separator = Annotated[
    str | None,
    option(
        "--separator",
        metavar="CHARACTER",
        help='CSV: what stands between values, or "tab"; found in the first rows by default.',
        panel=FILES,
        rare=True,
    ),
]
Encoding = Annotated[
    str | None,
    option(
        "--encoding",
        metavar="NAME",
        help="CSV, JSON: encoding of the text, such as latin-1. Default: UTF-8, or its mark.",
        panel=FILES,
        rare=True,
    ),
]
Sheet = Annotated[
    str | None,
    option(
        "--sheet",
        metavar="NAME",
        help="Spreadsheet: the sheet. Default: the first that is not empty.",
        panel=FILES,
        rare=True,
    ),
]
TableName = Annotated[
    str | None,
    option(
        "--table",
        metavar="NAME",
        help="SQLite, DuckDB: the table. Default: the only one.",
        panel=FILES,
        rare=True,
    ),
]
Query = Annotated[
    str | None,
    option(
        "--query",
        metavar="SQL",
        help="SQLite, DuckDB: a SELECT instead of a table; its order is that of the rows.",
        panel=FILES,
        rare=True,
    ),
]
PredictionsFile = Annotated[
    str,
    option("--output", "-o", metavar="FILE", help="Write a .csv, .parquet or .jsonl file instead."),
]
Keep = Annotated[
    list[str] | None,
    option(
        "--keep",
        metavar="COLUMN",
        help="Copy this column of the table in front, as it was read; all for every column. Repeatable.",
    ),
]
ExportFile = Annotated[
    str,
    option("--output", "-o", metavar="FILE", help="File to write.", parser=file),
]
ExportFormat = Annotated[
    str | None,
    option(
        "--to", metavar="FORMAT", help="c, sql, js or onnx. By default, the suffix of FILE says it."
    ),
]
Dialect = Annotated[
    str,
    option("--dialect", metavar="NAME", help="SQL: sqlite, duckdb or postgres. Default: sqlite."),
]
InputTable = Annotated[
    str, option("--table", metavar="NAME", help="SQL: the table with the rows. Default: input.")
]
Integer = Annotated[
    int | None,
    option(
        "--integer",
        metavar="BITS",
        help="C: weights as whole numbers of 8 or 16 bits; --rows says what that costs.",
    ),
]
MeasuredRows = Annotated[
    str | None,
    option("--rows", metavar="TABLE", help="With --integer: rows to measure the difference on."),
]
WithMain = Annotated[bool, option("--main", help="C: add a program that reads CSV.")]
Background = Annotated[
    str | None,
    option(
        "--background",
        metavar="TABLE",
        help="Rows to compare with, such as those of the training. By default the rows themselves.",
        parser=file,
    ),
]
Space = Annotated[
    str | None,
    option(
        "--space",
        metavar="NAME",
        help="probability, log-odds or target: what is shared out. By default what is predicted.",
    ),
]
Permutations = Annotated[
    int | None,
    option(
        "--permutations",
        metavar="N",
        help="Draw N orders of the columns. By default exact up to 10 columns, else 10.",
        parser=WHOLE,
    ),
]
ExplainedRows = Annotated[
    int,
    option("--rows", metavar="N", help="Explain at most N rows, evenly spread.", parser=WHOLE),
]
KnownTarget = Annotated[
    str | None,
    option(
        "--target",
        "-t",
        metavar="COLUMN",
        help="Column of the true values; by default the model's target.",
    ),
]
KnownColumn = Annotated[
    str,
    option("--target", "-t", metavar="COLUMN", help="Column to predict later, if it is known."),
]
LookReport = Annotated[
    str | None,
    option(
        "--report",
        metavar="FILE",
        help="Page to write (.html), with a picture of each column.",
        parser=file,
    ),
]
LabTarget = Annotated[
    str,
    option(
        "--target", "-t", metavar="COLUMN", help="Column to predict; by default the last column."
    ),
]
LabLoss = Annotated[
    str,
    option(
        "--loss",
        metavar="NAME",
        help=f"{FIELDS['loss'].help} By default as the data are.",
    ),
]
Port = Annotated[int, option("--port", metavar="PORT", help="Port; 0 for any.", parser=WHOLE)]
Browser = Annotated[
    bool, option("--browser/--no-browser", help="Open the page, or only print its address.")
]
Plot = Annotated[
    str | None,
    option("--plot", metavar="FILE", help="Plot to write (.png, .svg, .pdf).", parser=file),
]
Schemes = Annotated[
    tuple[str | float, ...],
    option(
        "--init",
        metavar="INIT",
        help="Compare this: lecture, glorot, he, zeros, or a standard deviation. Repeatable.",
        panel=TRAINING,
        parser=parsed(FIELDS["init"].kind),
    ),
]
Seeds = Annotated[
    int,
    option(
        "--seeds",
        metavar="N",
        help="Random seeds for each initialisation.",
        panel=TRAINING,
        parser=WHOLE,
    ),
]
Iterations = Annotated[
    int,
    option(
        "--iterations",
        metavar="N",
        help="Iterations of full-batch gradient descent.",
        panel=TRAINING,
        parser=WHOLE,
    ),
]
Rows = Annotated[
    int,
    option(
        "--rows",
        metavar="N",
        help="Maximum number of rows, drawn at random from the table.",
        panel=TRAINING,
        parser=WHOLE,
    ),
]
Goal = Annotated[
    float | None,
    option(
        "--goal",
        metavar="COST",
        help="A network has learnt if its final cost is at most this. By default half way between "
        "the best constant prediction and the lowest cost of the study.",
        panel=TRAINING,
        parser=NUMBER,
    ),
]


# --- what a call asks for -----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How files are read."""

    separator: Separator = None
    encoding: Encoding = None
    sheet: Sheet = None
    table_name: TableName = None
    query: Query = None

    @property
    def files(self) -> FileOptions:
        """The same as the readers take it."""
        return FileOptions(**{name: getattr(self, name) for name in FileOptions._fields})


@dataclass(frozen=True, kw_only=True)
class Columns(Reading):
    """How files, and the columns in them, are read.

    A field that is called like a parameter is described there: the reading of the table needs it.
    """

    words: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    decimal: str | None = None
    date_order: str | None = None
    missing: tuple[str, ...] = ()
    fold: tuple[str, ...] = ()
    strict: Strict = False

    @property
    def as_columns(self) -> dict[str, Any]:
        """All of it by name."""
        return {field.name: getattr(self, field.name) for field in fields(Columns)}


@dataclass(frozen=True, kw_only=True)
class Order(Columns):
    """What `shoal train` is asked for, but for the parameters of the estimator."""

    tables: Tables
    target: Target
    output: ModelFile = None
    report: Report = None
    task: Task = None
    explain: Explain = False
    save_config: SaveConfig = None
    as_json: Json = False
    test: Test = None
    test_part: TestPart = 0.2
    cv: Folds = None
    group: Group = None
    time: Time = None
    class_weight: tuple[str, ...] = ()
    threshold: tuple[str, ...] = ()
    resume: Resume = False

    @property
    def table(self) -> str:
        """The first table."""
        return self.tables[0]

    @property
    def more(self) -> tuple[str, ...]:
        """Further tables, whose rows follow those of the first."""
        return self.tables[1:]


@dataclass(frozen=True, kw_only=True)
class Study(Columns):
    """What `shoal study` is asked for, but for the parameters of the estimator."""

    table: Table
    target: Target
    task: Task = None
    as_json: Json = False
    plot: Plot = None
    schemes: Schemes = ()  # none: those of `init_study`
    seeds: Seeds = 10
    iterations: Iterations = 1000
    rows: Rows = 1000
    goal: Goal = None

    @property
    def order(self) -> Order:
        """How the table is read."""
        return Order(tables=(self.table,), target=self.target, task=self.task, **self.as_columns)


@dataclass(frozen=True, kw_only=True)
class Look(Columns):
    """What `shoal look` is asked for."""

    tables: Tables
    target: KnownColumn = ""
    report: LookReport = None
    as_json: Json = False

    @property
    def order(self) -> Order:
        """How the table is read."""
        return Order(tables=self.tables, target=self.target, **self.as_columns)


@dataclass(frozen=True, kw_only=True)
class Export:
    """What `shoal export` is asked for."""

    model: Model
    output: ExportFile
    to: ExportFormat = None
    main: WithMain = False
    dialect: Dialect = "sqlite"
    table: InputTable = "input"
    integer: Integer = None
    rows: MeasuredRows = None
    as_json: Json = False


@dataclass(frozen=True, kw_only=True)
class Reasons(Reading):
    """What `shoal explain` is asked for."""

    model: Model
    tables: Tables
    background: Background = None
    space: Space = None
    permutations: Permutations = None
    rows: ExplainedRows = 100
    strict: Strict = False
    as_json: Json = False


def _parameters_of(asked: type, **others: Any) -> Parameters:
    """The parameters with an option, and their defaults, that are no field of `asked`."""
    there = {field.name for field in fields(asked)}
    given = {name: f.default for name, f in FIELDS.items() if f.option and name not in there}
    return given | others


TRAINED = _parameters_of(Order, random_state=SEED)
STUDIED = {
    "hidden": STUDIED_UNITS,
    **{name: FIELDS[name].default for name in ("activation", "dtype", "learning_rate", "n_jobs")},
}

"""Every argument and option: its name, its form, and what `--help` says of it."""

from typing import Annotated, Any

import typer

NETWORK, TRAINING, COLUMNS, TEST = "The network", "The training", "The columns", "The test"
LARGE = "A table larger than memory"


def file(text: str) -> str:
    """The name of a file, or -. An unset variable of the shell is no name."""
    if not text:
        raise typer.BadParameter('expected the name of a file, found ""')
    return text


def whole(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f'expected a whole number, found "{text}"') from None


def number(text: str) -> float:
    """A number."""
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f'expected a number, found "{text}"') from None


def number_or_auto(text: str) -> str | float:
    """A number, or the word auto."""
    if text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f'expected a number or auto, found "{text}"') from None


def whole_or_auto(text: str) -> str | int:
    """A whole number, or the word auto."""
    if text == "auto":
        return text
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f'expected a whole number or auto, found "{text}"') from None


def number_or_word(text: str) -> str | float:
    """A number, or a word that somebody else knows."""
    try:
        return float(text)
    except ValueError:
        return text


def _option(*names: str, help: str, metavar: str, panel: str | None = None, **more: Any) -> Any:
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel, **more)


Model = Annotated[str, typer.Argument(metavar="MODEL", help="Model file (.shoal).", parser=file)]
Table = Annotated[
    str,
    typer.Argument(metavar="TABLE", help="CSV or Parquet file; - for standard input.", parser=file),
]
Tables = Annotated[
    list[str],
    typer.Argument(
        metavar="TABLE...",
        help="CSV or Parquet: a file, several, a folder, or a glob in quotes; - for standard input.",
        parser=file,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", metavar=" ", help="Machine-readable result on standard output."),
]

# --- train ----------------------------------------------------------------------------

Target = Annotated[str, _option("--target", "-t", metavar="COLUMN", help="What to predict.")]
ModelFile = Annotated[
    str | None,
    _option("--output", "-o", metavar="FILE", help="Model file to write (.shoal)."),
]
Task = Annotated[
    str | None,
    _option(
        "--task",
        metavar="TASK",
        help="classification or regression. Follows from the target if not given.",
    ),
]
Report = Annotated[
    str | None,
    _option(
        "--report",
        metavar="FILE",
        help="Page to write (.html): data, scores, pictures, findings.",
        parser=file,
    ),
]
Explain = Annotated[
    bool, typer.Option("--explain", metavar=" ", help="Say what was done with each column.")
]

Test = Annotated[
    str | None,
    _option("--test", metavar="TABLE", help="Test on this table.", panel=TEST, parser=file),
]
TestPart = Annotated[
    float,
    _option(
        "--test-part",
        metavar="SHARE",
        help="Share of the rows that is held out for the test; 0 for no test.",
        panel=TEST,
        parser=number,
    ),
]

Words = Annotated[
    list[str] | None,
    _option("--words", metavar="COLUMN", help="Take as words. Repeatable.", panel=COLUMNS),
]
Numbers = Annotated[
    list[str] | None,
    _option("--numbers", metavar="COLUMN", help="Take as numbers. Repeatable.", panel=COLUMNS),
]
Drop = Annotated[
    list[str] | None,
    _option("--drop", metavar="COLUMN", help="Leave out. Repeatable.", panel=COLUMNS),
]

Units = Annotated[
    int,
    _option(
        "--hidden", metavar="UNITS", help="Units of the hidden layer.", panel=NETWORK, parser=whole
    ),
]
Hidden = Annotated[
    str,
    _option(
        "--hidden",
        metavar="UNITS",
        help="Units of the hidden layer; 0 for a linear model. A number, or auto.",
        panel=NETWORK,
        parser=whole_or_auto,
    ),
]
Activation = Annotated[
    str,
    _option(
        "--activation",
        metavar="NAME",
        help="tanh, relu, leaky_relu, sigmoid or identity.",
        panel=NETWORK,
    ),
]
Init = Annotated[
    str,
    _option(
        "--init",
        metavar="INIT",
        help="How weights are drawn: auto, lecture, glorot, he, zeros, or a standard deviation.",
        panel=NETWORK,
        parser=number_or_word,
    ),
]
Members = Annotated[
    str,
    _option(
        "--members",
        metavar="N",
        help="Networks to train side by side; their mean answers. A number, or auto.",
        panel=NETWORK,
        parser=whole_or_auto,
    ),
]
Bins = Annotated[
    str,
    _option(
        "--bins",
        metavar="N",
        help="Bins in which a number is placed; 0 for none. A number, or auto.",
        panel=NETWORK,
        parser=whole_or_auto,
    ),
]
Dtype = Annotated[
    str, _option("--dtype", metavar="TYPE", help="float32 or float64.", panel=NETWORK)
]

Seed = Annotated[
    int,
    _option(
        "--seed",
        metavar="N",
        help="Of every draw: the same seed, the same bits.",
        panel=TRAINING,
        parser=whole,
    ),
]
Solver = Annotated[
    str,
    _option(
        "--solver",
        metavar="NAME",
        help="adam, sgd, gd (the lecture's: all rows at every step) or lbfgs (likewise, for few rows).",
        panel=TRAINING,
    ),
]
LearningRate = Annotated[
    str,
    _option(
        "--learning-rate",
        metavar="RATE",
        help="A number, or auto.",
        panel=TRAINING,
        parser=number_or_auto,
    ),
]
BatchSize = Annotated[
    str,
    _option(
        "--batch-size",
        metavar="ROWS",
        help="Rows of a step: a number, or auto.",
        panel=TRAINING,
        parser=whole_or_auto,
    ),
]
MaxIter = Annotated[
    int,
    _option(
        "--max-iter",
        metavar="EPOCHS",
        help="Epochs at the most; training may stop before.",
        panel=TRAINING,
        parser=whole,
    ),
]
Schedule = Annotated[
    str,
    _option(
        "--schedule",
        metavar="NAME",
        help="Of the learning rate: plateau (lower when it brings nothing more), constant, or cosine.",
        panel=TRAINING,
    ),
]
Alpha = Annotated[
    float,
    _option(
        "--alpha",
        metavar="NUMBER",
        help="Penalty on large weights (L2).",
        panel=TRAINING,
        parser=number,
    ),
]
Scoring = Annotated[
    str | None,
    _option(
        "--scoring",
        metavar="NAME",
        help="Stop by this score of the validation part, not its loss: roc_auc, f1_macro, r2 …",
        panel=TRAINING,
    ),
]
WeightDecay = Annotated[
    float,
    _option(
        "--weight-decay",
        metavar="NUMBER",
        help="Share of the weights that a step of rate 1 would take off, as in AdamW.",
        panel=TRAINING,
        parser=number,
    ),
]
Dropout = Annotated[
    float,
    _option(
        "--dropout",
        metavar="CHANCE",
        help="Of a hidden unit to count as 0 for a row, while training.",
        panel=TRAINING,
        parser=number,
    ),
]
Threads = Annotated[
    int | None,
    _option(
        "--threads",
        metavar="N",
        help="All by default. No bit depends on it.",
        panel=TRAINING,
        parser=whole,
    ),
]
Checkpoint = Annotated[
    str | None,
    _option(
        "--checkpoint",
        metavar="FOLDER",
        help="Keep there where the training stands: every epoch or 30 seconds, and at Ctrl-C.",
        panel=TRAINING,
        parser=file,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        metavar=" ",
        help="Go on with the training that --checkpoint keeps, to the same bits.",
        rich_help_panel=TRAINING,
    ),
]

Cluster = Annotated[
    str | None,
    _option(
        "--cluster",
        metavar="ADDRESS",
        help="Compute on a Dask cluster: tcp://…, tls://…, or local for workers of its own.",
        panel=TRAINING,
    ),
]
ShuffleRows = Annotated[
    int,
    _option(
        "--shuffle-rows",
        metavar="ROWS",
        help="Rows that are shuffled together; an epoch of more goes through windows.",
        panel=TRAINING,
        parser=whole,
    ),
]
Memory = Annotated[
    str | None,
    _option(
        "--memory",
        metavar="SIZE",
        help="Stream the table and use so much memory at the most, as 2GiB. No bit depends on it. "
        "Without it the table is read into memory.",
        panel=LARGE,
        parser=file,
    ),
]
Scratch = Annotated[
    str | None,
    _option(
        "--scratch",
        metavar="FOLDER",
        help="With --memory: where the encoded rows are kept meanwhile. TMPDIR, else /var/tmp.",
        panel=LARGE,
        parser=file,
    ),
]

Replicas = Annotated[
    int,
    _option(
        "--replicas",
        metavar="N",
        help="adam and sgd: so many networks walk alone over shares of the rows, and meet in "
        "their mean. For a cluster.",
        panel=TRAINING,
        parser=whole,
    ),
]
LocalSteps = Annotated[
    int | None,
    _option(
        "--local-steps",
        metavar="N",
        help="Steps of a replica between two meetings; an epoch if not given.",
        panel=TRAINING,
        parser=whole,
    ),
]

# --- study ----------------------------------------------------------------------------

Schemes = Annotated[
    list[str] | None,
    _option(
        "--init",
        metavar="INIT",
        help="Compare this: lecture, glorot, he, zeros, or a standard deviation. Repeatable.",
        panel=NETWORK,
        parser=number_or_word,
    ),
]
Seeds = Annotated[
    int,
    _option(
        "--seeds", metavar="N", help="Draws of each initialisation.", panel=TRAINING, parser=whole
    ),
]
Iterations = Annotated[
    int,
    _option(
        "--iterations",
        metavar="N",
        help="Steps of descent, each with all rows.",
        panel=TRAINING,
        parser=whole,
    ),
]
Rows = Annotated[
    int,
    _option(
        "--rows",
        metavar="N",
        help="Rows of the table that are drawn for the study, at the most.",
        panel=TRAINING,
        parser=whole,
    ),
]
Goal = Annotated[
    float | None,
    _option(
        "--goal",
        metavar="COST",
        help="Has learnt what ends at this cost or below. By default half way between the best "
        "constant answer and the lowest cost of the study.",
        panel=TRAINING,
        parser=number,
    ),
]
Plot = Annotated[
    str | None,
    _option("--plot", metavar="FILE", help="Picture to write (.png, .svg, .pdf).", parser=file),
]

# --- lab ------------------------------------------------------------------------------

Things = Annotated[
    list[str] | None,
    typer.Argument(metavar="[TABLE] [LINK]", help="A table, a link, or both.", parser=file),
]
LabTarget = Annotated[
    str,
    _option("--target", "-t", metavar="COLUMN", help="What to predict; the last column if unsaid."),
]
Port = Annotated[
    int, _option("--port", metavar="PORT", help="Where to listen; 0 for any.", parser=whole)
]
Browser = Annotated[
    bool,
    typer.Option("--browser/--no-browser", metavar=" ", help="Open the page, or only say where."),
]

# --- predict, evaluate ----------------------------------------------------------------

JsonLines = Annotated[
    bool, typer.Option("--json", metavar=" ", help="Write one JSON object a row instead of CSV.")
]

AnswersFile = Annotated[
    str,
    _option(
        "--output", "-o", metavar="FILE", help="Write a .csv, .parquet or .jsonl file instead."
    ),
]
Keep = Annotated[
    list[str] | None,
    _option("--keep", metavar="COLUMN", help="Copy this column of the table in front. Repeatable."),
]
KnownTarget = Annotated[
    str | None,
    _option(
        "--target", "-t", metavar="COLUMN", help="The true answers; by default the model's target."
    ),
]

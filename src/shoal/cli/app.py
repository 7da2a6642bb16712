"""The commands in the order of use, as a caller sees them: arguments, options and help."""

from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from shoal.cli import options as o
from shoal.cli.endings import ending
from shoal.cli.signature import asking, reading
from shoal.data.read.file_options import FileOptions


class _Plain:
    """Help without the types of Python, such as <list[str]>, which newer versions of typer add."""

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.metavar = " "
        return option

    def get_params(self, ctx: Any) -> Any:
        params = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if isinstance(param, TyperArgument):
                vars(param)["display_type_rich"] = lambda ctx: None
            if param.name in ("install_completion", "show_completion"):
                param.metavar = " "
        return params


class _Command(_Plain, TyperCommand):
    """A command."""


class _Commands(_Plain, TyperGroup):
    """The program."""


app = typer.Typer(
    name="shoal",
    cls=_Commands,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)


@app.command(cls=_Command)
@ending
@asking(o.Look, {})
def look(asked: o.Look, _: o.Parameters) -> None:
    """Look at a table before anything is trained: what each column would be taken for.

    Example:  shoal look flights.csv --target late
              shoal look flights.csv --target late --report flights.html

    Shows missing values, cells that do not fit, ids, columns that give the target
    away, and how the target is distributed. Nothing is written but the report.
    """
    from shoal.cli.commands.look import look as run

    run(asked)


@app.command(cls=_Command)
@ending
@asking(o.Order, o.TRAINED)
def train(order: o.Order, parameters: o.Parameters) -> None:
    """Train a network on a table, test it, and save it.

    Example:  shoal train flights.csv --target late -o late.shoal
              cat flights.csv | shoal train - --target late --json
              shoal train 'years/*.parquet' --target late --memory 2GiB

    Text, true or false, and whole numbers with at most 20 distinct values are
    classified; other targets are numbers. Ctrl-C keeps the best network so far.
    """
    from shoal.cli.commands.train import train as run

    run(order, parameters)


@app.command(cls=_Command)
@ending
@reading
def predict(
    model: o.Model,
    tables: o.TableList,
    output: o.PredictionsFile = "-",
    keep: o.Keep = None,
    as_json: o.JsonLines = False,
    interval: o.Interval = None,
    strict: o.Strict = False,
    files: FileOptions = FileOptions(),  # noqa: B008
) -> None:
    """Predict the target for every row of a table, of any size.

    Example:  shoal predict late.shoal new.csv -o predictions.csv
              shoal predict late.shoal monday.csv tuesday.csv --keep all
              cat new.csv | shoal predict late.shoal - --keep flight --json
              shoal predict price.shoal new.csv --interval 0.9

    Rows of several tables follow each other. Columns are matched by name, in any order. Predictions are written to
    standard output as CSV, or with --json as one JSON object a row.
    """
    from shoal.cli.commands.predict import predict as run

    run(
        model, tables, output, keep or [], as_json=as_json, interval=interval, strict=strict,
        files=files,
    )  # fmt: skip


@app.command(cls=_Command)
@ending
@reading
def evaluate(
    model: o.Model,
    tables: o.TableList,
    target: o.KnownTarget = None,
    as_json: o.Json = False,
    strict: o.Strict = False,
    files: FileOptions = FileOptions(),  # noqa: B008
) -> None:
    """Compare predictions with the true values.

    Example:  shoal evaluate late.shoal test.csv
    """
    from shoal.cli.commands.evaluate import evaluate as run

    run(model, tables, target, as_json=as_json, strict=strict, files=files)


@app.command(cls=_Command)
@ending
@asking(o.Reasons, {})
def explain(asked: o.Reasons, parameters: o.Parameters) -> None:
    """Show what each column contributes to predictions.

    Example:  shoal explain late.shoal new.csv --background flights.csv
              shoal explain late.shoal new.csv --space log-odds --json

    Shapley values: what a column adds to a prediction when it becomes known, averaged
    over the orders in which columns become known. Those of a row add up to its prediction
    less the mean prediction of the background. --json gives them for each row.
    """
    from shoal.cli.commands.explain import explain as run

    run(asked)


@app.command(cls=_Command)
@ending
def inspect(model: o.Model, as_json: o.Json = False) -> None:
    """Show what is in a model file, and how to train it again.

    Example:  shoal inspect late.shoal
    """
    from shoal.cli.commands.inspect import inspect as run

    run(model, as_json=as_json)


@app.command(cls=_Command)
@ending
@asking(o.Export, {})
def export(asked: o.Export, parameters: o.Parameters) -> None:
    """Write a model as a program of another language, from raw values to predictions.

    Example:  shoal export late.shoal -o late.c
              shoal export late.shoal -o late.c --main && cc -O2 late.c -o late
              shoal export late.shoal -o late.sql --dialect postgres --table flights
              shoal export late.shoal -o late.c --integer 8 --rows flights.csv
              shoal export late.shoal -o late.js
              shoal export late.shoal -o late.onnx

    The export is run on some rows where that is possible, and compared with the model.
    """
    from shoal.cli.commands.export import export as run

    run(asked)


@app.command(cls=_Command)
@ending
def check(as_json: o.Json = False) -> None:
    """Verify this installation: gradients, reproducibility, speed.

    Example:  shoal check

    Each of the ten equations is compared with finite differences of the cost,
    in both precisions. Trainings are compared across numbers of threads and builds of
    the kernel. The time of a step is measured. Takes some seconds.
    """
    from shoal.cli.commands.check import check as run

    run(as_json=as_json)


@app.command(cls=_Command)
@ending
@asking(o.Study, o.STUDIED)
def study(asked: o.Study, parameters: o.Parameters) -> None:
    """Compare initialisations: how often, and how fast, each of them learns.

    Example:  shoal study flights.csv --target late
              shoal study flights.csv --target late --init 0.01 --init glorot --plot study.png

    Each is trained with the same seeds, by full-batch gradient descent on a part
    of the table. Ctrl-C shows the trainings that are done.
    """
    from shoal.cli.commands.study import study as run

    run(asked, parameters)


@app.command(cls=_Command)
@ending
@reading
def lab(
    things: o.Things = None,
    target: o.LabTarget = "",
    loss: o.LabLoss = "",
    port: o.Port = 0,
    browser: o.Browser = True,
    output: o.ModelFile = None,
    as_json: o.Json = False,
    files: FileOptions = FileOptions(),  # noqa: B008
) -> None:
    """Watch a network learn, in a browser on this machine.

    Example:  shoal lab
              shoal lab flights.csv --target late
              shoal lab '#data=flower&hidden=8'
              shoal lab '#data=xor&epoch=500' -o xor.shoal
              shoal lab lesson.json

    TABLE is a file of any format. LINK is the part of the page's address from # on.
    LESSON.json is a lesson of your own (docs/how-to/lab.md).
    With -o no page is opened: the network is trained as the link says, and saved.
    """
    from shoal.cli.commands.lab import lab as run

    run(
        things or [], chosen={"target": target, "loss": loss}, port=port, browser=browser,
        output=output, as_json=as_json, files=files,
    )  # fmt: skip


def _version(wanted: bool) -> None:
    if wanted:
        import shoal

        print(f"shoal {shoal.__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: bool = typer.Option(
        False, "--version", "-V", metavar=" ", callback=_version, is_eager=True,
        help="Print the version.",
    ),
) -> None:  # fmt: skip
    """Shallow neural networks: from a table to a trained, tested, saved model.

    Example:  shoal train flights.csv --target late -o late.shoal
    """

"""The program `shoal`: its commands, in the order of use."""

import typer

from shoal.cli.evaluate import evaluate
from shoal.cli.inspect import inspect
from shoal.cli.predict import predict
from shoal.cli.train import train

app = typer.Typer(
    name="shoal",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Shallow neural networks: from a table to a trained, saved, trusted model.\n\n"
    "Example:  shoal train flights.csv --target late -o late.shoal",
)
app.command()(train)
app.command()(predict)
app.command()(evaluate)
app.command()(inspect)


def _version(wanted: bool) -> None:
    if wanted:
        import shoal

        print(f"shoal {shoal.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Shallow neural networks."""

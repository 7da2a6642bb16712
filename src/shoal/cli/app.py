"""The program `shoal`: its commands, in the order of use, as a caller sees them."""

import typer

from shoal.cli import options as o
from shoal.cli.answers import answering
from shoal.cli.settings import Draws, Order, Settings

app = typer.Typer(
    name="shoal",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)


@app.command()
@answering
def train(
    tables: o.Tables,
    target: o.Target,
    output: o.ModelFile = None,
    report: o.Report = None,
    task: o.Task = None,
    explain: o.Explain = False,
    as_json: o.Json = False,
    test: o.Test = None,
    test_part: o.TestPart = Order.test_part,
    words: o.Words = None,
    numbers: o.Numbers = None,
    drop: o.Drop = None,
    hidden: o.Hidden = str(Settings.hidden),
    activation: o.Activation = Settings.activation,
    init: o.Init = str(Settings.init),
    members: o.Members = str(Settings.members),
    bins: o.Bins = str(Settings.bins),
    dtype: o.Dtype = Settings.dtype,
    seed: o.Seed = Settings.random_state,
    solver: o.Solver = Settings.solver,
    learning_rate: o.LearningRate = str(Settings.learning_rate),
    batch_size: o.BatchSize = str(Settings.batch_size),
    max_iter: o.MaxIter = Settings.max_iter,
    schedule: o.Schedule = Settings.schedule,
    alpha: o.Alpha = Settings.alpha,
    weight_decay: o.WeightDecay = Settings.weight_decay,
    dropout: o.Dropout = Settings.dropout,
    scoring: o.Scoring = None,
    threads: o.Threads = None,
    checkpoint: o.Checkpoint = None,
    resume: o.Resume = False,
    cluster: o.Cluster = None,
    replicas: o.Replicas = 1,
    local_steps: o.LocalSteps = None,
    shuffle_rows: o.ShuffleRows = Settings.shuffle_rows,
    memory: o.Memory = None,
    scratch: o.Scratch = None,
) -> None:
    """Train a network on a table, test it, and save it.

    Example:  shoal train flights.csv --target late -o late.shoal
              cat flights.csv | shoal train - --target late --json
              shoal train 'years/*.parquet' --target late --memory 2GiB

    Words, true or false, and whole numbers with at most 20 values are
    classified; any other target is a number to predict (regression).
    Ctrl-C keeps the best network so far.
    """
    from shoal.cli.train import train as run

    order = Order(
        tables[0], target, output, test, test_part, task,
        tuple(words or ()), tuple(numbers or ()), tuple(drop or ()), report,
        resume, tuple(tables[1:]),
    )  # fmt: skip
    settings = Settings(
        hidden, activation, init, solver, learning_rate, batch_size,
        max_iter, schedule, alpha, weight_decay, dropout, scoring, members, bins, dtype, seed, threads,
        checkpoint, cluster, replicas, local_steps,
        shuffle_rows, memory, scratch,
    )  # fmt: skip
    run(order, settings, explain=explain, as_json=as_json)


@app.command()
@answering
def predict(
    model: o.Model,
    table: o.Table,
    output: o.AnswersFile = "-",
    keep: o.Keep = None,
    as_json: o.JsonLines = False,
) -> None:
    """Answer for every row of a table, of any size.

    Example:  shoal predict late.shoal new.csv -o answers.csv
              cat new.csv | shoal predict late.shoal - --keep flight --json

    Columns are found by name, in any order. The answers go to standard
    output as CSV; with --json as one JSON object a row.
    """
    from shoal.cli.predict import predict as run

    run(model, table, output, keep or [], as_json=as_json)


@app.command()
@answering
def evaluate(
    model: o.Model, table: o.Table, target: o.KnownTarget = None, as_json: o.Json = False
) -> None:
    """Compare a model's answers with the true ones.

    Example:  shoal evaluate late.shoal test.csv
    """
    from shoal.cli.evaluate import evaluate as run

    run(model, table, target, as_json=as_json)


@app.command()
@answering
def inspect(model: o.Model, as_json: o.Json = False) -> None:
    """Show what a model is, and how to train it again.

    Example:  shoal inspect late.shoal
    """
    from shoal.cli.inspect import inspect as run

    run(model, as_json=as_json)


@app.command()
@answering
def check(as_json: o.Json = False) -> None:
    """Prove on this machine what shoal promises: right gradients, same bits.

    Example:  shoal check

    Each of the ten equations is held against finite differences of the cost,
    in both precisions; trainings are compared over threads and builds of the
    kernel; the time of a step is shown. Takes some seconds.
    """
    from shoal.cli.check import check as run

    run(as_json=as_json)


@app.command()
@answering
def study(
    table: o.Table,
    target: o.Target,
    task: o.Task = None,
    as_json: o.Json = False,
    plot: o.Plot = None,
    words: o.Words = None,
    numbers: o.Numbers = None,
    drop: o.Drop = None,
    init: o.Schemes = None,
    hidden: o.Units = 16,
    activation: o.Activation = Settings.activation,
    dtype: o.Dtype = Settings.dtype,
    seeds: o.Seeds = Draws.seeds,
    iterations: o.Iterations = Draws.iterations,
    rows: o.Rows = Draws.rows,
    goal: o.Goal = Draws.goal,
    learning_rate: o.LearningRate = str(Settings.learning_rate),
    threads: o.Threads = None,
) -> None:
    """Compare initialisations: how often, and how fast, each of them learns.

    Example:  shoal study flights.csv --target late
              shoal study flights.csv --target late --init 0.01 --init glorot --plot study.png

    Each is tried with the same seeds, by full-batch gradient descent on a part
    of the table. Ctrl-C ends with the trainings that are done.
    """
    from shoal.cli.study import study as run

    order = Order(
        table, target, task=task,
        words=tuple(words or ()), numbers=tuple(numbers or ()), drop=tuple(drop or ()),
    )  # fmt: skip
    settings = Settings(
        hidden, activation, solver="gd", learning_rate=learning_rate, dtype=dtype, n_jobs=threads
    )
    draws = Draws(tuple(init or ()), seeds, iterations, rows, goal)
    run(order, settings, draws, plot=plot, as_json=as_json)


@app.command()
@answering
def lab(
    things: o.Things = None,
    target: o.LabTarget = "",
    port: o.Port = 0,
    browser: o.Browser = True,
    output: o.ModelFile = None,
    as_json: o.Json = False,
) -> None:
    """See a network learn, on a page of this machine.

    Example:  shoal lab
              shoal lab flights.csv --target late
              shoal lab '#data=flower&hidden=8'
              shoal lab '#data=xor&epoch=500' -o xor.shoal

    TABLE is a CSV or Parquet file, LINK what the page's address says from its # on.
    With -o no page is opened: the network is trained as the link says, and saved.
    """
    from shoal.cli.lab import lab as run

    run(things or [], target=target, port=port, browser=browser, output=output, as_json=as_json)


def _version(wanted: bool) -> None:
    if wanted:
        import shoal

        print(f"shoal {shoal.__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Shallow neural networks: from a table to a trained, tested, saved model.

    Example:  shoal train flights.csv --target late -o late.shoal
    """

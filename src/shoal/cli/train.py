"""`shoal train`: from a table to a model file."""

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from shoal.cli.answers import answering, err, exit_code, out, print_json
from shoal.cli.scores import Scores, constant, scores_of
from shoal.cli.show import columns_of, score_table, size_of, target_line
from shoal.cli.tables import Problem, needed_columns, split_target

TABLE = typer.Argument(help="CSV or Parquet file, or - for standard input.", metavar="TABLE")


@answering
def train(
    table: Annotated[str, TABLE],
    target: Annotated[str, typer.Option("--target", "-t", help="Column to be predicted.")],
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="Model file to write (.shoal).")
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="File with rows to test on, instead of a held-out part.")
    ] = None,
    test_part: Annotated[
        float, typer.Option(help="Share of the rows held out to test on; 0 for none.")
    ] = 0.2,
    task: Annotated[
        str | None, typer.Option(help="classification or regression; found out by itself.")
    ] = None,
    seed: Annotated[
        int,
        typer.Option(help="Of the split, the draw and the order: the same seed, the same bits."),
    ] = 0,
    words: Annotated[
        list[str] | None, typer.Option(help="Take this column as words. Repeatable.")
    ] = None,
    numbers: Annotated[
        list[str] | None, typer.Option(help="Take this column as numbers. Repeatable.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="Leave this column out. Repeatable.")
    ] = None,
    hidden: Annotated[
        int, typer.Option(help="Units of the hidden layer; 0 for a linear model.")
    ] = 64,
    activation: Annotated[
        str, typer.Option(help="tanh, relu, leaky_relu, sigmoid or identity.")
    ] = "tanh",
    init: Annotated[
        str, typer.Option(help="auto, lecture, glorot, he, zeros, or a standard deviation.")
    ] = "auto",
    solver: Annotated[
        str, typer.Option(help="adam, sgd or gd (the lecture's full-batch descent).")
    ] = "adam",
    learning_rate: Annotated[str, typer.Option(help="A number, or auto.")] = "auto",
    batch_size: Annotated[str, typer.Option(help="Rows of a step, or auto.")] = "auto",
    max_iter: Annotated[int, typer.Option(help="Epochs at the most.")] = 200,
    alpha: Annotated[float, typer.Option(help="L2 penalty.")] = 1e-4,
    members: Annotated[int, typer.Option(help="Networks trained side by side and averaged.")] = 1,
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    threads: Annotated[
        int | None, typer.Option(help="Threads; all by default. No bit depends on it.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what was done with each column.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Machine-readable result on standard output.")
    ] = False,
) -> None:
    """Train a network on a table, test it on rows held out, and save it.

    Example:  shoal train flights.csv --target late -o late.shoal
    """
    from shoal.data.files import read_table, shown
    from shoal.errors import SettingError
    from shoal.files.atomic import check_writable

    if task not in (None, "classification", "regression"):
        raise SettingError(f"--task {task}: expected classification or regression.")
    if not 0 <= test_part < 1:
        raise SettingError(f"--test-part {test_part}: expected a share from 0 to below 1.")
    if output is not None:
        check_writable(output)
    overrides = {"words": words or (), "numbers": numbers or (), "drop": drop or ()}
    settings = {
        "hidden": hidden, "activation": activation, "init": _number_or_word("--init", init),
        "solver": solver, "learning_rate": _number_or_word("--learning-rate", learning_rate),
        "batch_size": _number_or_word("--batch-size", batch_size, whole=True), "max_iter": max_iter,
        "alpha": alpha, "members": members, "dtype": dtype, "random_state": seed, "n_jobs": threads,
    }  # fmt: skip
    say = err if as_json else out
    whole = read_table(table, **overrides)
    problem = split_target(whole, table, target, task)
    X_train, y_train, X_test, y_test, held = _test_rows(
        problem, test, test_part, seed, target, overrides
    )
    say.print(
        f"{shown(table):<16} {whole.num_rows:,} rows, {len(whole.column_names) - 1} columns beside the target"
    )
    say.print(f"{'':<16} {target_line(problem, target)}", markup=False)
    say.print(f"{'':<16} {held}", markup=False)

    classes = _estimators()[problem.task]
    unspoken = (
        [name for name in (words or []) if name != target],
        [name for name in (numbers or []) if name != target],
    )
    model = classes(words=unspoken[0] or None, numbers=unspoken[1] or None, **settings)
    with _progress(max_iter, quiet=as_json) as report:
        began = time.perf_counter()
        model.set_params(verbose=report).fit(X_train, y_train)
        seconds = time.perf_counter() - began
        model.set_params(verbose=False)
    columns = columns_of(model)
    say.print(f"{'columns':<16} {columns.summary}", markup=False)
    if explain:
        for line in columns.lines:
            say.print(f"{'':<16} {line}", markup=False)
    say.print(
        f"{'training':<16} {model.n_iter_} epochs, {seconds:.1f} s     {size_of(model)}     {model.endings_[0]}",
        markup=False,
    )
    interrupted = exit_code(model.interruption_)
    results: dict[str, Scores] = {}
    if len(y_test) and not interrupted:
        results["shoal"] = scores_of(model, X_test, y_test)
        linear = classes(
            words=unspoken[0] or None,
            numbers=unspoken[1] or None,
            **(settings | {"hidden": 0, "members": 1}),
        )
        results["linear (no hidden layer)"] = scores_of(
            linear.fit(X_train, y_train), X_test, y_test
        )
        name, scores = constant(y_train, y_test, getattr(model, "classes_", None))
        results[name] = scores
        say.print(score_table(results))
    model.record_ = {
        "target": target,
        "task": problem.task,
        "table": "" if table == "-" else Path(table).name,
        "rows": len(y_train),
        "test_rows": len(y_test),
        "scores": [[who, scores] for who, scores in results.items()],  # in this order
    }
    if output is not None:
        model.save(output)
        size = Path(output).stat().st_size
        say.print(
            f"{'saved':<16} {output} ({max(1, round(size / 1000)):,} kB)   fingerprint {model.fingerprint_}",
            markup=False,
        )
        say.print(f"{'next':<16} shoal predict {output} NEW.csv -o answers.csv", markup=False)
    else:
        say.print(
            f"{'not saved':<16} give -o MODEL.shoal to keep the model   fingerprint {model.fingerprint_}",
            markup=False,
        )
    if as_json:
        print_json(
            {
                "task": problem.task, "reason": problem.reason, "target": target, "rows": len(y_train),
                "test_rows": len(y_test), "epochs": model.n_iter_, "ending": model.endings_[0],
                "seconds": round(seconds, 3), "scores": results, "fingerprint": model.fingerprint_,
                "saved": output, "columns": columns.plain, "interrupted": bool(interrupted),
            }
        )  # fmt: skip
    if interrupted:
        where = f"it is in {output}" if output else "it was not saved, as -o was not given"
        err.print(
            f"interrupted after {model.n_iter_} epochs: the best network so far was kept, and {where}.",
            markup=False,
        )
        raise typer.Exit(interrupted)


def _estimators() -> dict[str, Any]:
    from shoal import ShoalClassifier, ShoalRegressor

    return {"classification": ShoalClassifier, "regression": ShoalRegressor}


def _test_rows(
    problem: Problem,
    test: str | None,
    part: float,
    seed: int,
    target: str,
    overrides: dict[str, Any],
) -> tuple[Any, Any, Any, Any, str]:
    from shoal.data.files import read_table, shown
    from shoal.data.split import hold_out

    X, y = problem.X, problem.y
    if test is not None:
        other = split_target(read_table(test, **overrides), test, target, problem.task)
        chosen = needed_columns(other.X, X.column_names, test)
        return X, y, chosen, other.y, f"test part: {len(other.y):,} rows of {shown(test)}"
    if part == 0 or len(y) < 2:
        return X, y, X.slice(0, 0), y[:0], "no test part"
    labels = np.unique(y, return_inverse=True)[1] if problem.task == "classification" else None
    train_rows, test_rows = hold_out(len(y), part, seed, labels)
    return (
        X.take(train_rows), y[train_rows], X.take(test_rows), y[test_rows],
        f"test part: {part:.0%} of the rows, {len(test_rows):,}, held out",
    )  # fmt: skip


def _number_or_word(option: str, text: str, *, whole: bool = False) -> Any:
    from shoal.errors import SettingError

    try:
        return int(text) if whole else float(text)
    except ValueError:
        if text[:1].isalpha() and text != "nan":
            return text
        raise SettingError(
            f"{option} {text}: expected a {'whole ' if whole else ''}number or a word."
        ) from None


def _progress(max_iter: int, *, quiet: bool) -> Any:
    """A bar on standard error while the network trains, where somebody can see it."""
    from contextlib import contextmanager

    from rich.progress import BarColumn, Progress, TextColumn

    @contextmanager
    def shown() -> Any:
        columns = (TextColumn("training        "), BarColumn(), TextColumn("{task.fields[told]}"))
        with Progress(
            *columns, console=err, transient=True, disable=quiet or not err.is_terminal
        ) as bar:
            task = bar.add_task("", total=max_iter, told="")

            def report(r: Any) -> None:
                validation = (
                    "" if r.validation_loss is None else f", validation {r.validation_loss:.4f}"
                )
                told = f"epoch {r.epoch}, {r.seconds:.1f} s, loss {r.loss:.4f}{validation}"
                bar.update(task, completed=r.epoch, told=told)

            yield report

    return shown()

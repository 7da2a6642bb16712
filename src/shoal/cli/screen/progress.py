"""Progress of a training: a bar on a terminal, an occasional line in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from shoal.cli.screen.printing import err, one_line
from shoal.cli.screen.screen import LABEL
from shoal.training.loop import Report

FIRST_LINE = 1.0  # seconds; the next one after twice that, and so on: a log stays short


@contextmanager
def progress(max_iter: int) -> Iterator[Callable[[Report], None]]:
    """A function that is given the reports of a training, and shows them on standard error."""
    if not err.is_terminal:
        yield _lines()
        return
    columns = (
        TextColumn("training".ljust(LABEL - 1)),
        BarColumn(20),
        TextColumn("{task.fields[status]}"),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=max_iter, status="")
        yield lambda report: bar.update(task, completed=report.epoch, status=_status(report))


@contextmanager
def counting(what: str, things: str) -> Iterator[Callable[[int, int], None]]:
    """A function that is given how many things are done, of how many, and shows it."""
    began = time.monotonic()

    def status(done: int, n: int) -> str:
        return f"{done:,} of {n:,} {things}, {time.monotonic() - began:.0f} s"

    if not err.is_terminal:
        due = FIRST_LINE

        def show(done: int, n: int) -> None:
            nonlocal due
            if time.monotonic() - began >= due and done < n:
                due = 2 * (time.monotonic() - began)
                err.print(f"{what:<{LABEL}}{status(done, n)} …")

        yield show
        return
    columns = (
        TextColumn(what.ljust(LABEL - 1)),
        BarColumn(20),
        TextColumn("{task.fields[status]}"),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=None, status="")
        yield lambda done, n: bar.update(task, completed=done, total=n, status=status(done, n))


def waiting(what: str) -> AbstractContextManager[object]:
    """A message while there is nothing to count; only on a terminal."""
    return err.status(Text(one_line(what))) if err.is_terminal else nullcontext()


def _lines() -> Callable[[Report], None]:
    due = FIRST_LINE

    def show(report: Report) -> None:
        nonlocal due
        if report.seconds >= due:
            due = 2 * report.seconds
            err.print(f"{'training':<{LABEL}}{_status(report)} …")

    return show


def _status(report: Report) -> str:
    validation = (
        "" if report.validation_loss is None else f", validation {report.validation_loss:.4f}"
    )
    if report.note:
        return f"{report.note}, {report.seconds:.0f} s"
    return f"epoch {report.epoch:,}, {report.seconds:.0f} s, loss {report.loss:.4f}{validation}"

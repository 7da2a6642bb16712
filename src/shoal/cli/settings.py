"""What `shoal train` is asked for, as values: nothing here imports anything heavy."""

from dataclasses import asdict, dataclass, fields
from pathlib import PurePath
from typing import Any


@dataclass(frozen=True)
class Settings:
    """The estimator's parameters that have an option, with the estimator's own defaults."""

    hidden: int | str = "auto"
    activation: str = "tanh"
    init: str | float = "auto"
    solver: str = "adam"
    learning_rate: str | float = "auto"
    batch_size: str | int = "auto"
    max_iter: int = 1000
    schedule: str = "plateau"
    alpha: float = 1e-4
    weight_decay: float = 0.0
    dropout: float = 0.0
    scoring: str | None = None
    members: int | str = "auto"
    bins: int | str = "auto"
    dtype: str = "float32"
    random_state: int = 0
    n_jobs: int | None = None
    checkpoint: str | None = None
    engine: str | None = None
    replicas: int = 1
    local_steps: int | None = None
    shuffle_rows: int = 1 << 20
    memory: str | None = None
    scratch: str | None = None

    def parameters(self) -> dict[str, Any]:
        """As an estimator takes them."""
        return asdict(self)


@dataclass(frozen=True)
class Order:
    """Which table, which question, which test."""

    table: str
    target: str
    output: str | None = None
    test: str | None = None
    test_part: float = 0.2
    task: str | None = None
    words: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    report: str | None = None
    resume: bool = False
    more: tuple[str, ...] = ()  # tables beside the first, which are one with it


@dataclass(frozen=True)
class Draws:
    """Which initialisations `shoal study` compares, on what, and for how long."""

    schemes: tuple[str | float, ...] = ()  # none: those of `init_study`
    seeds: int = 10
    iterations: int = 1000
    rows: int = 1000
    goal: float | None = None


SHORTER = {
    "schemes": "--init",
    "random_state": "--seed",
    "n_jobs": "--threads",
    "engine": "--cluster",
}
# What an option is called on the command line.
OPTIONS = {
    field.name: SHORTER.get(field.name, "--" + field.name.replace("_", "-"))
    for part in (Settings, Order, Draws)
    for field in fields(part)
}
# Names of the machine, not of the question.
LOCAL = (
    "table", "more", "output", "report", "n_jobs", "checkpoint", "resume", "memory", "scratch",
    "engine",
)  # fmt: skip


def arguments(order: Order, settings: Settings) -> list[str]:
    """The arguments that order this again, without folders: how to repeat a training.

    >>> arguments(Order("data/flights.csv", "late"), Settings(hidden=8))
    ['flights.csv', '--target', 'late', '--hidden', '8', '--seed', '0']
    """
    given = [file_name(table) or "-" for table in (order.table, *order.more)]
    for part in (order, settings):
        for field in fields(part):
            value = getattr(part, field.name)
            wanted = value != field.default or field.name == "random_state"
            if field.name in LOCAL or not wanted:
                continue
            if field.name == "test":
                value = file_name(value)
            for one in value if isinstance(value, tuple) else (value,):
                given += [OPTIONS[field.name], str(one)]
    return given


def file_name(path: str) -> str:
    """The name without its folders; "" for standard input."""
    return "" if path == "-" else PurePath(path).name

"""What a search tries: settings that help some tables, the most promising first.

Learnt on the tables that benchmarks/effort.py names in LEARNT, see docs/measured/effort.md. Every candidate keeps
what was set: of its own settings those are left out for which there is a wish.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shoal.estimators.small import is_free, second_order
from shoal.settings import Settings

Changes = Mapping[str, Any]

# No candidate has more bins than there are without a search. Edges are values of the table, of rows that are held out too: on
# these a network with many bins looks better than on new rows, which lie between the edges.
PORTFOLIO: tuple[Changes, ...] = (
    {"bins": 4},
    {"learning_rate": 0.002},
    {"hidden": 128},
    {"hidden": 0},
    {"alpha": 0.01},
    {"bins": 0, "alpha": 0.1},
    {"hidden": 0, "bins": 0},
    {"hidden": 128, "dropout": 0.2},
    {"activation": "relu", "hidden": 256},
    {"bins": 0},
    {"bins": 16},
    {"activation": "relu", "hidden": 256, "dropout": 0.3},
    {"activation": "relu", "hidden": 256, "bins": 0},
    {"activation": "relu", "hidden": 256, "bins": 4, "dropout": 0.2},
    {"learning_rate": 0.012},
    {"activation": "relu", "hidden": 256, "bins": 0, "alpha": 0.1},
    {"weight_decay": 0.3},
    {"hidden": 256},
    {"activation": "relu", "hidden": 256, "learning_rate": 0.002},
    {"alpha": 0.1},
    {"activation": "relu", "hidden": 128, "bins": 16},
    {"hidden": 256, "bins": 16, "dropout": 0.3},
    {"activation": "relu"},
    {"hidden": 32},
    {"activation": "relu", "hidden": 512, "dropout": 0.5},
)


SPACE: Mapping[str, tuple[Any, ...]] = {
    "hidden": (32, 64, 128, 256, 512),
    "activation": ("tanh", "relu"),
    "bins": ("auto", 16, 4, 0),
    "learning_rate": (0.002, 0.005, 0.012),
    "alpha": (1e-4, 1e-2, 0.1),
    "dropout": (0.0, 0.2, 0.3, 0.5),
    "weight_decay": (0.0, 0.3),
}


def search_space() -> dict[str, list[Any]]:
    """Return the values of each parameter that are worth trying, for a search of your own.

    They are those of which `effort` makes its candidates: each has helped on some tables, and harmed on
    others. `hidden=0`, a linear model, is left out, as some of the others mean nothing there.

    Returns
    -------
    dict of str to list
        For `RandomizedSearchCV` as it is; some of its entries for `GridSearchCV`; in optuna
        `trial.suggest_categorical(name, values)` for each of them.

    See Also
    --------
    ShoalClassifier : With `effort` it searches by itself.

    Examples
    --------
    >>> from shoal import search_space
    >>> search_space()["activation"]
    ['tanh', 'relu']
    """
    return {name: list(values) for name, values in SPACE.items()}


def candidates(asked: Settings, *, numbers: bool) -> Iterator[Changes]:
    """What may be tried beside what was asked for; no two are the same, and a wish is kept.

    The first are what is fitted without a search, and members of second order (`small.py`); `numbers`
    says what the target is.
    """
    usual, seen = Settings(), set[str]()
    first = list[Changes]()
    if is_free(asked):
        first = [changes_of(asked, second_order(asked.resolved(), settles=numbers))]
    for changes in ({}, *first, *PORTFOLIO):
        free = {k: v for k, v in changes.items() if getattr(asked, k) == getattr(usual, k)}
        if (name := repr(sorted(free.items()))) not in seen:
            seen.add(name)
            yield free


def changes_of(asked: Settings, found: Settings) -> Changes:
    """The settings of a training in which it differs from what was asked for."""
    there = asked.resolved()
    return {
        name: value
        for name, value in vars(found).items()
        if value != getattr(there, name) and name not in _OF_NO_CANDIDATE
    }


_OF_NO_CANDIDATE = (
    "effort", "time_budget", "random_state", "members", "checkpoint", "verbose", "n_jobs",
)  # fmt: skip

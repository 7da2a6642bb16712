"""Absurd numbers through small fits: finite answers, or an error or a warning of shoal's."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from tests.fuzz.judge import Judge, Offence

import shoal
from shoal import ShoalClassifier, ShoalRegressor
from shoal.errors import ModelFileError, SettingError
from shoal.kinds import SCHEDULES
from shoal.network.activations import ACTIVATIONS
from shoal.settings import SOLVERS

NAME, CASES = "numbers", 1500
LIMIT = 20.0
ODD = (1e300, -1e300, 1e-300, 5e-324, 1e-310, 1e154, 1e155, 3e38, 3.5e38, 1e-40, 1e16, 0.0, -0.0,
            1.7e308, -1.7e308, 1.0, 2.0**53)  # fmt: skip
NOT_FINITE = (np.nan, np.inf, -np.inf)


class Part:
    """Fits of columns of odd numbers."""

    def __init__(self, judge: Judge, scratch: Path, seed: int) -> None:
        self.judge, self.path = judge, scratch / "m.shoal"
        self.input = scratch / "input.txt"
        ShoalClassifier(max_iter=1).fit(np.arange(20.0)[:, None], np.arange(20) % 2)

    def run(self, name: str, rng: np.random.Generator) -> None:
        m = int(rng.choice([2, 5, 12, 40, 90]))
        X = np.column_stack([_odd(m, rng) for _ in range(rng.integers(1, 4))])
        classifier = rng.random() < 0.4
        if classifier:
            y: Any = (
                np.arange(m) % int(rng.choice([2, 2, 3])) if rng.random() < 0.8 else _odd(m, rng)
            )
        else:
            y = (
                _odd(m, rng)
                if rng.random() < 0.7
                else np.column_stack([_odd(m, rng), _odd(m, rng)])
            )
        weight = None if rng.random() < 0.7 else np.abs(_odd(m, rng))
        settings = _settings(rng)
        kind = ShoalClassifier if classifier else ShoalRegressor
        if np.abs(X).max() < 1e38 and rng.random() < 0.1:
            X = X.astype(np.float32)
        new = np.column_stack([_odd(9, rng) for _ in range(X.shape[1])])
        with np.printoptions(threshold=10**6, floatmode="unique"):
            told = f"{kind.__name__}(**{settings}).fit(\nX={X!r},\ny={y!r},\nsample_weight={weight!r})\nnew={new!r}"
        self.input.write_text(told)
        self.judge.count("fits", 1)
        model = kind(**settings)
        if self.judge.case(name, self.input, LIMIT, lambda: self.fit(model, X, y, weight)):
            self.judge.count("fits that ended well", 1)
            self.judge.case(f"{name}-new", self.input, LIMIT, lambda: self.ask(model, new))
            self.judge.case(f"{name}-save", self.input, LIMIT, lambda: self.saved(model, X))

    def fit(self, model: Any, X: Any, y: Any, weight: Any) -> None:
        model.fit(X, y, sample_weight=weight)
        self.all_answers(model, X)
        self.judge.finite(model.loss_curve_)
        self.judge.finite(model.loss_)

    def ask(self, model: Any, new: Any) -> None:
        self.all_answers(model, new)

    def all_answers(self, model: Any, X: Any) -> None:
        self.judge.finite(model.predict(X))
        if hasattr(model, "predict_proba"):
            self.judge.finite(model.predict_proba(X))
        else:
            with suppress(SettingError):  # the fit held no rows out
                self.judge.finite(model.predict(X, return_std=True)[1])
        self.judge.finite(model.transform(X))

    def saved(self, model: Any, X: Any) -> None:
        try:
            model.save(self.path)
        except ModelFileError:
            return
        if not np.array_equal(shoal.load(self.path).predict(X), model.predict(X), equal_nan=True):
            raise Offence("not finite", "a saved model gives other answers")


def _odd(m: int, rng: np.random.Generator) -> np.ndarray:
    """A column: usual, or of one of many odd kinds."""
    usual = rng.normal(size=m)
    match rng.integers(9):
        case 0 | 1:
            return usual
        case 2:
            return np.full(m, rng.choice(ODD))
        case 3:
            return usual * rng.choice(ODD[:9])
        case 4:  # an outlier
            usual[rng.integers(m)] = rng.choice(ODD)
            return usual
        case 5:  # a tiny spread around something large
            return rng.choice(ODD) * (1 + usual * rng.choice([1e-16, 1e-8]))
        case 6:
            return rng.choice(ODD, m)
        case 7:
            usual[rng.integers(m, size=max(1, m // 10))] = rng.choice(NOT_FINITE)
            return usual
        case _:
            return usual * 10.0 ** rng.integers(-300, 300, m)


def _settings(rng: np.random.Generator) -> dict[str, Any]:
    solver = str(rng.choice(SOLVERS))
    found: dict[str, Any] = {
        "solver": solver,
        "dtype": str(rng.choice(["float32", "float64"])),
        "activation": str(rng.choice(list(ACTIVATIONS))),
        "hidden": int(rng.choice([0, 1, 4])),
        "members": int(rng.choice([1, 2])),
        "max_iter": int(rng.choice([1, 5, 30])),
        "schedule": str(rng.choice(SCHEDULES)),
        "random_state": 0,
        "encode": None if rng.random() < 0.4 else "auto",
    }
    odd = {
        "alpha": [0.0, 1e-300, 1e10, 1e300], "tol": [0.0, 1e300], "learning_rate": [1e-300, 1e3, 1e300],
        "init": ["zeros", "lecture", 1e6, 1e-300], "bins": [0, 2, 32], "momentum": [0.0, 0.9999999],
        "weight_decay": [1e6, 1e-300], "early_stopping": [True, False], "batch_size": [1, 10**9],
    }  # fmt: skip
    for name, values in odd.items():
        if rng.random() < 0.2:
            found[name] = values[rng.integers(len(values))]
    return found

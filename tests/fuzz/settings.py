"""Absurd settings, drawn by hypothesis: refused in under a second, or the fit ends."""

import time
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
from hypothesis import strategies as st
from tests.fuzz.judge import Judge, Offence

from shoal import ShoalClassifier, ShoalRegressor
from shoal.errors import SettingError
from shoal.settings import FIELDS, Settings

NAME, CASES, EACH = "settings", 40, 100  # a case is so many settings
LIMIT, REFUSAL = 20.0, 1.0
FOLDERS = ("checkpoint", "scratch", "engine", "memory")  # of machines: with sane values alone

NUMBERS = st.one_of(
    st.integers(-3, 70),
    st.integers(),
    st.sampled_from([2**31 - 1, 2**31, 2**32, 2**53, 2**63, 2**64, 10**12, 10**18, 10**400, -(10**400)]),
    st.floats(),
    st.sampled_from([1e308, -1e308, 1e-320, 5e-324, 1e30, 1e15, 0.5, 1.0, 0.999999999999]),
    st.sampled_from([np.int8(3), np.uint64(2**64 - 1), np.float16(1e-7), np.float32("inf"),
                     np.longdouble("1e4000"), np.float64("nan"), np.bool_(True), np.array(3),
                     np.array([3]), np.datetime64("NaT"), complex(1, 1)]),
)  # fmt: skip
OBJECTS = st.sampled_from([
    None, True, False, "auto", "", "3", "nan", "\x00", "\x1b[2J", "x" * 10**6, b"auto", [], (), {}, [1],
    ["a"], ["x0"], ["x0", "x0"], [["x0"]], [None], {"a": 1}, {0: 1e308, 1: 1e308}, {0: 0, 1: 0},
    {0: -1}, {None: 1}, {(1,): 2}, {0: "a"}, {0: 10**400}, {0: 1.0, 1: np.float32(2)}, range(10**12),
    range(3), set("ab"), object(), object, len, lambda *a: None, lambda: 1, np.zeros(3), np.zeros((2, 2)),
    np.zeros(0), np.random, np.random.default_rng(0), np.random.RandomState(0), np.float32, "float16",
    np.dtype("O"), "f4", "<f8", ">f8", iter([1]), Exception("x"), type("T", (), {}), "tanh", "sgd",
    "balanced", "zeros", "r2", "accuracy", "roc_auc", 1 + 0j, "lbfgs", "plateau", ["zeros", 0.1], ...,
])  # fmt: skip
WORDS = st.text(max_size=20) | st.lists(st.text(max_size=3) | st.integers(), max_size=3)
VALUES = st.one_of(NUMBERS, NUMBERS, OBJECTS, WORDS)
# Some that fit together with others, to reach what is behind the checks.
WITH = st.fixed_dictionaries({}, optional={
    "solver": st.sampled_from(["sgd", "gd", "lbfgs", "lm"]),
    "dtype": st.just("float64"),
    "hidden": st.sampled_from([0, 1, 5]),
    "activation": st.sampled_from(["relu", "sigmoid", "identity"]),
    "encode": st.none(),
    "early_stopping": st.booleans(),
    "replicas": st.just(2),
})  # fmt: skip
# A fit that is honestly asked to do so much takes as long; it is only checked.
LONG = {"hidden": (3000, 10**11), "members": (30, 10**5), "replicas": (50, 10**6)}


class Part:
    """Twelve to forty rows, and all settings that can be thought of."""

    def __init__(self, judge: Judge, scratch: Path, seed: int) -> None:
        self.judge, self.scratch = judge, scratch
        rng = np.random.default_rng(0)
        self.X = rng.normal(size=(40, 3))
        self.number = self.X[:, 0] * 3 + 1
        self.fit({}, "hidden", 3)

    def run(self, name: str, rng: np.random.Generator) -> None:
        tried = 0

        @hypothesis.seed(int(rng.integers(2**32)))
        @hypothesis.settings(
            max_examples=EACH, database=None, deadline=None, phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck), print_blob=False,
        )  # fmt: skip
        @hypothesis.given(st.sampled_from(list(FIELDS)), VALUES, WITH)
        def all_of_them(field: str, value: Any, others: dict[str, Any]) -> None:
            nonlocal tried
            tried += 1
            self.judge.count("settings", 1)
            shown = f"{field}={value!r:.200} with {others}"
            (self.scratch / "input.txt").write_text(shown, "utf-8", "backslashreplace")
            ended = self.judge.case(
                f"{name}-{tried}", shown, LIMIT, lambda: self.fit(others, field, value)
            )
            if ended:
                self.judge.count("accepted", 1)

        all_of_them()

    def fit(self, others: dict[str, Any], field: str, value: Any) -> None:
        """Fit, or be refused in time. Raises Offence."""
        quick = {"hidden": 3, "members": 1, "max_iter": 3, "random_state": 0} | others
        began = time.process_time()
        try:
            Settings(**quick | {field: value})
            if not self._fitted(field, value):
                return
            kind = (
                ShoalClassifier
                if field in ("class_weight", "threshold") or "dtype" in others
                else ShoalRegressor
            )
            y = (self.number > 1).astype(int) if kind is ShoalClassifier else self.number
            model = kind(**quick | {field: value}).fit(self.X, y)
            self.judge.finite(model.predict(self.X))
        except SettingError:
            if time.process_time() - began > REFUSAL:
                raise Offence(
                    "hang", f"refused after {time.process_time() - began:.1f} s"
                ) from None
            raise

    def _fitted(self, field: str, value: Any) -> bool:
        if field in FOLDERS:
            return value is None or field == "memory"
        if field == "verbose":
            return not value
        low, high = LONG.get(field, (0, 0))
        return not (isinstance(value, int | np.integer) and low < value < high)

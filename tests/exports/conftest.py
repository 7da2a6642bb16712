"""Models of every kind, and C files as functions of many rows."""

import ctypes
import dataclasses
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shoal import ShoalClassifier, ShoalRegressor
from shoal.data.encode.encoding import Words
from shoal.estimators.exporting import described, exported, predicted, with_whole_weights
from shoal.exports import header as headers
from shoal.exports.checking import checked
from shoal.exports.golden import golden_rows
from shoal.exports.model import Classes, Golden
from shoal.exports.source import Target, source
from shoal.exports.writing import Wanted, texts_of

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
LOOP = """
#include "m.h"
long run(const m_row *rows, m_prediction *out, long n);
long run(const m_row *rows, m_prediction *out, long n)
{
    long i;
    for (i = 0; i < n; ++i)
        if (m_predict(&rows[i], &out[i])) return i;
    return -1;
}
"""


def needed(*programs):
    """The first of these programs that is here. Without one the test is skipped, or fails where
    SHOAL_EXPORTS says that all of them are wanted (`make test-exports`)."""
    found = next(filter(None, map(shutil.which, programs)), None)
    if found is None:
        missing = pytest.fail if os.environ.get("SHOAL_EXPORTS") == "all" else pytest.skip
        missing(f"none of {', '.join(programs)} is here")
    return found


@pytest.fixture
def program():
    return needed


def compiler():
    return needed("gcc", "clang")


class Compiled:
    """A model in C, as a library."""

    def __init__(self, estimator, folder, flags=("-O2", *STRICT), cc=None, integer=None, rows=None):
        self.fitted = estimator.fitted_
        self.model = described(self.fitted, integer, rows)
        if integer:
            self.fitted = with_whole_weights(self.fitted, integer)
        folder = Path(tempfile.mkdtemp(dir=folder))  # a library is loaded once from a path
        (folder / "m.c").write_text(source(self.model, Target("m", "m.h")), "utf-8")
        (folder / "m.h").write_text(headers.header(self.model, "m"), "utf-8")
        (folder / "loop.c").write_text(LOOP)
        command = [cc or compiler(), *flags, "-shared", "-fPIC", "-o", "m.so", "m.c", "loop.c"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        self.library = ctypes.CDLL(str(folder / "m.so"))
        self.library.run.restype = ctypes.c_long
        self.library.run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long]

    def selftest(self):
        return self.library.m_selftest()

    def classes(self):
        """The names of the classes as C has them."""
        n = len(self.model.answer.names)
        pairs = (ctypes.c_uint64 * (2 * n)).in_dll(self.library, "m_classes")
        texts = [ctypes.string_at(pairs[2 * i], pairs[2 * i + 1]) for i in range(n)]
        return [text.decode() for text in texts]

    def rows(self, values):
        """The rows as the struct of C has them; and what must live as long."""
        names = headers.fields_of(self.model)
        fields = [
            (name, [("bytes", "u8"), ("length", "u8")] if isinstance(p.plan, Words) else "f8")
            for name, p in zip(names, self.model.placed, strict=True)
        ]
        rows, kept = np.zeros(len(values), fields or [("unused", "i1")]), []
        for name, placed in zip(names, self.model.placed, strict=True):
            cells = [row[placed.plan.name] for row in values]
            if not isinstance(placed.plan, Words):
                rows[name] = [np.nan if cell is None else cell for cell in cells]
                continue
            for i, cell in enumerate(cells):
                if cell is not None:
                    data = cell.encode()
                    kept.append(ctypes.create_string_buffer(data, len(data) + 1))
                    rows[name][i] = ctypes.addressof(kept[-1]), len(data)
        return rows, kept

    def predict(self, values):
        rows, _kept = self.rows(values)
        out = np.zeros(len(rows), self._prediction())
        bad = self.library.run(rows.ctypes.data, out.ctypes.data, len(rows))
        assert bad == -1, values[bad]
        return out[out.dtype.names[0]]

    def _prediction(self):
        n, answer = self.model.golden.answers.shape[1], self.model.answer
        if not isinstance(answer, Classes):
            return np.dtype([("values", "f8", n)])
        second = ("labels", "i4", n) if answer.labels else ("class_index", "i4")
        return np.dtype([("probabilities", self.model.dtype, n), second], align=True)

    def values(self, n):
        return golden_rows(self.model.columns, n)

    def predicted(self, values):
        return predicted(self.fitted, values, self.model.columns)


@pytest.fixture
def in_c(tmp_path):
    return lambda estimator, **more: Compiled(estimator, tmp_path, **more)


# --- models ----------------------------------------------------------------------------------

SETTINGS = dict(max_iter=3, random_state=1, n_jobs=1, early_stopping=False)


def table(m=400, seed=0):
    """Every kind of column, with missing values, and words that break whatever executes them."""
    rng = np.random.default_rng(seed)
    words = [
        "Paris",
        'Ber"lin',
        "*/ int x;",
        "??/",
        "日本\n",
        "a\\",
        "😀",
        "--",
        "</script>",
        "%s",
        "nul\0nul",
    ]
    start = pd.Timestamp("1969-06-01 10:00")
    when = start + pd.to_timedelta(rng.integers(0, 900 * 86400, m), "s")
    return pd.DataFrame(
        {
            "age": np.where(rng.random(m) < 0.1, np.nan, rng.normal(40, 12, m)),
            "class": rng.lognormal(3, 2, m),
            'a "quoted" */ name\n': rng.choice(words, m),
            "when": pd.Series(when).where(pd.Series(rng.random(m) > 0.1)),
            "ok": rng.random(m) < 0.5,
        }
    )


def target(X, n_classes=2):
    score = np.nan_to_num(X["age"].to_numpy(), nan=30) + 8 * X["ok"] + np.log(X["class"])
    return np.digitize(score, np.quantile(score, np.linspace(0, 1, n_classes + 1)[1:-1]))


def of_kind(kind, X, **settings):
    """A fitted model: of classes, labels, one or more numbers, or rates."""
    settings = {**SETTINGS, **settings}
    size = X["class"].to_numpy()
    if kind in ("number", "numbers"):
        y = np.column_stack([size, 2 * size + 1e3, -size])
        return ShoalRegressor(**settings).fit(X, y if kind == "numbers" else size)
    if kind == "rates":
        return ShoalRegressor(**settings, loss="poisson").fit(X, np.minimum(size, 40).round())
    y = {
        "two": target(X),
        "three": np.array(["x", "*/", "q'q"])[target(X, 3)],
        "labels": np.column_stack([target(X), X["ok"], size > 20]).astype(int),
    }[kind]
    return ShoalClassifier(**settings).fit(X, y)


@pytest.fixture
def a_table():
    return table


@pytest.fixture
def fitted():
    return of_kind


def with_rows(estimator, n):
    """The model that is exported, with that many golden rows."""
    fitted = estimator.fitted_
    model = exported(fitted)
    rows = golden_rows(model.columns, n)
    return dataclasses.replace(model, golden=Golden(rows, predicted(fitted, rows, model.columns)))


def checked_as(estimator, form, rows=None, **wanted):
    """What an export gives when it is run on its golden rows, or on so many others."""
    model = exported(estimator.fitted_) if rows is None else with_rows(estimator, rows)
    return checked(model, texts_of(model, f"m.{form}", Wanted(**wanted)), form)


@pytest.fixture
def check_of():
    return checked_as

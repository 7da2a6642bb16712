"""Plain rows are predicted without Arrow, to the bits that Arrow's path gives of the same values."""

import datetime
import pickle
import threading
import warnings
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import shoal
from shoal import ShoalClassifier, ShoalRegressor
from shoal.compute.builds import BUILD
from shoal.data.encode.novelty import collected
from shoal.data.encode.plain_rows import plain_table
from shoal.errors import DataError
from shoal.estimators.columns import EncodedRows

FILES = sorted((Path(__file__).parents[1] / "pins" / "files").glob("*.shoal"))
UTC = datetime.UTC

pytestmark = pytest.mark.filterwarnings("ignore")


def through_arrow(fitted, X):
    """The matrix as tables are read."""
    return fitted.inputs.matrix(fitted.inputs.read(X))


def same_bits(one, other):
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.tobytes() == other.tobytes()
    parts = [(a.tobytes(), b.tobytes()) for a, b in zip(arrays(one), arrays(other), strict=True)]
    return all(a == b for a, b in parts) and one.groups == other.groups


def arrays(matrix):
    return matrix.numbers, matrix.codes, matrix.places


def check(fitted, X):
    """That X is plain, and what Arrow makes of it; returns the matrix."""
    plain = fitted.inputs.plain_matrix(X)
    assert plain is not None
    assert same_bits(plain, through_arrow(fitted, X))
    return plain


def columns_like(fitted, m=40, seed=0):
    """Columns with values as in the training, others, and missing ones."""
    draw, found = np.random.default_rng(seed), {}
    names = fitted.inputs.names or [f"x{j}" for j in range(fitted.inputs.n)]
    plans = fitted.inputs.encoding.columns if fitted.inputs.encoding else [None] * len(names)
    for name, plan in zip(names, plans, strict=True):
        kind = getattr(plan, "kind", "number")
        if kind == "words":
            values = [
                draw.choice([*plan.words[:20], "never seen", "1.0", "TRUE"]) for _ in range(m)
            ]
            found[name] = [None if draw.random() < 0.1 else str(v) for v in values]
        elif kind == "time":
            when = datetime.datetime(2024, 2, 28, tzinfo=UTC if plan.zoned else None)
            found[name] = [when + datetime.timedelta(hours=7.3 * i) for i in range(m)]
        elif kind == "boolean":
            found[name] = [bool(v) for v in draw.random(m) < 0.5]
        else:
            values = draw.normal(getattr(plan, "mean", 0), 3 * getattr(plan, "scale", 1), m)
            holes = draw.random(m) < (0.1 if plan is not None else 0)
            found[name] = [None if h else float(v) for v, h in zip(values, holes, strict=True)]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_pinned_model_reads_plain_rows_as_arrow_does(file):
    fitted = shoal.load_fitted(file)
    if file.stem == "sparse":
        X = np.random.default_rng(1).normal(size=(9, fitted.inputs.n))
        check(fitted, X)
        return
    columns = columns_like(fitted)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if fitted.inputs.names is None:
        X = np.array(list(columns.values()), float).T
        for array in (
            X,
            np.asfortranarray(X),
            X.astype(np.float32),
            np.round(X).astype(np.int64) if np.isfinite(X).all() else X,
        ):
            check(fitted, array)
    for X in (columns, rows, rows[:1], {name: np.array(v, object) for name, v in columns.items()}):
        check(fitted, X)
    assert np.array_equal(fitted.predict(rows), shoal.load(file).predict(pd.DataFrame(columns)))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_fitted_value_answers_as_the_estimator(file):
    fitted, model = shoal.load_fitted(file), shoal.load(file)
    assert fitted.fingerprint == model.fingerprint_
    X = np.random.default_rng(2).normal(size=(30, fitted.inputs.n))
    if fitted.inputs.names is not None:
        X = columns_like(fitted, 30)
    assert np.array_equal(fitted.predict(X), model.predict(X))
    if hasattr(model, "predict_proba"):
        assert fitted.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    else:
        with pytest.raises(AttributeError, match="predicts numbers"):
            fitted.predict_proba(X)


N = 60
WHEN = [
    datetime.datetime(2023, 11, 5, 3, 4, 5) + datetime.timedelta(days=3 * i, minutes=7 * i)
    for i in range(N)
]
KINDS = {
    "floats": [0.5 * i for i in range(N)],
    "floats with holes": [None if i % 7 == 0 else 0.25 * i * i for i in range(N)],
    "nan": [float("nan") if i % 5 == 0 else 1.5 * i for i in range(N)],
    "whole": [i * i for i in range(N)],
    "whole with holes": [None if i % 6 == 0 else i - 30 for i in range(N)],
    "mixed numbers": [i if i % 2 else i + 0.5 for i in range(N)],
    "truth": [i % 3 == 0 for i in range(N)],
    "truth with holes": [None if i % 8 == 0 else i % 3 == 0 for i in range(N)],
    "text": [["red", "green", "blue"][i % 3] for i in range(N)],
    "text with holes": [None if i % 9 == 0 else ["ä", "b ", "C"][i % 3] for i in range(N)],
    "spellings": [["1", "2", "true", "2020-01-01"][i % 4] for i in range(N)],
    "times": WHEN,
    "times with holes": [None if i % 10 == 0 else t for i, t in enumerate(WHEN)],
    "zoned": [t.replace(tzinfo=UTC) for t in WHEN],
    "days": [t.date() for t in WHEN],
    "numbers in text": [str(i * 1.25) for i in range(N)],
    "times in text": [t.isoformat(sep=" ") for t in WHEN],
}  # fmt: skip
NEW = {
    "text": ["green", "no such colour", None],
    "spellings": ["1.0", "True", "2020-01-01 00:00:00"],
    "whole": [3, None, 10**6],
    "numbers in text": ["1", "-2.50", "NA"],
    "times in text": ["2024-02-29", "2024-03-01T10:00:00", "n/a"],
    "truth": [True, False, None],
    "floats": [np.float64(2.5), 1, None],
    "whole with holes": [np.int64(3), None, None],
    "days": [datetime.date(2024, 2, 29), None, datetime.date(1969, 12, 31)],
}


@pytest.fixture(scope="module")
def of_kinds():
    found = {}
    for kind, values in KINDS.items():
        y = np.arange(N) % 2
        model = ShoalClassifier(
            random_state=0, members=1, hidden=2, max_iter=2, bins=4, words=["spellings"]
        )
        table = {kind: values, "other": list(np.linspace(0, 1, N)), "spellings": KINDS["spellings"]}
        found[kind] = model.fit(table, y).fitted_
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_column_is_read_as_arrow_reads_it(of_kinds, kind):
    fitted = of_kinds[kind]
    table = {
        kind: KINDS[kind],
        "other": list(np.linspace(0, 1, N)),
        "spellings": KINDS["spellings"],
    }
    check(fitted, table)
    for row in range(0, N, 7):
        check(fitted, [{name: values[row] for name, values in table.items()}])
    new = NEW.get(kind, KINDS[kind][:3])
    for value in new:
        check(fitted, [{kind: value, "other": 0.5, "spellings": "1"}])
    check(fitted, {kind: list(new), "other": [0.1, 0.2, 0.3], "spellings": NEW["spellings"]})


@pytest.mark.parametrize("kind", KINDS)
def test_frames_of_few_rows_are_read_as_arrow_reads_them(of_kinds, kind):
    fitted = of_kinds[kind]
    table = {
        kind: KINDS[kind],
        "other": list(np.linspace(0, 1, N)),
        "spellings": KINDS["spellings"],
    }
    new = {kind: list(NEW.get(kind, KINDS[kind][:3])), "other": [0.1, 0.2, 0.3]}
    for rows in (table, new | {"spellings": NEW["spellings"]}):
        frame = pd.DataFrame(rows)
        parts = [frame, *(frame[row : row + 1] for row in range(0, len(frame), 7))]
        plain = [part for part in parts if plain_table(part) is not None]
        for part in plain:
            check(fitted, part)
        if kind in ("floats", "text", "numbers in text"):
            assert len(plain) == len(parts)


def test_folded_text_is_read_as_arrow_reads_it():
    values = ["Red  Green", "red green", "BLUE", "blue "] * 15
    table = {"colour": values, "x": list(np.linspace(0, 1, N))}
    fitted = (
        ShoalRegressor(random_state=0, members=1, hidden=2, max_iter=2, fold=["colour"])
        .fit(table, np.arange(N) * 1.0)
        .fitted_
    )
    check(fitted, table)
    check(fitted, [{"colour": "  rED gREEN", "x": 0.5}])


@pytest.mark.parametrize(
    "column",
    [["a", 1, 2.0], [object(), 1, 2], ["\ud800", "a", "b"], [1 << 60, 2, 3], [True, 2, 3], [[1], [2], [3]], [1 + 2j, 1, 2]],
    ids=["text", "objects", "half a pair", "large", "truth", "lists", "complex"],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_arrow(column):
    assert plain_table({"x": column}) is None


def test_frames_of_numbers_and_text_are_plain_and_others_are_not():
    assert plain_table(pd.DataFrame({"a": [1.0, 2.0], "b": [1, 2]})) is not None
    few = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    assert [column.kind for column in plain_table(few).columns] == ["float", "text"]
    assert plain_table(few.astype({"b": "category"})) is None
    assert plain_table(few.astype({"a": "Int64"})) is None
    assert plain_table(few.assign(b=[1, "y"])) is None
    assert plain_table(few.rename(columns={"b": "a"})) is None
    assert plain_table(pd.concat([few] * 200)) is None  # Arrow is as fast
    assert plain_table(pd.DataFrame(np.zeros((2, 2)))) is None  # names that are numbers


def test_errors_are_those_of_tables():
    X = np.random.default_rng(0).normal(size=(80, 3))
    frame = pd.DataFrame(X, columns=list("abc"))
    model = ShoalClassifier(random_state=0, members=1, hidden=2, max_iter=2).fit(frame, X[:, 0] > 0)
    for wrong in (
        {"a": [1.0], "b": [2.0]},
        {"a": [1.0], "c": [1.0], "b": [1.0]},
        {"a": [float("inf")], "b": [0.0], "c": [0.0]},
    ):
        with pytest.raises(DataError) as plain:
            model.fitted_.inputs.plain_matrix(wrong)
        with pytest.raises(DataError) as arrow:
            through_arrow(model.fitted_, wrong)
        assert str(plain.value) == str(arrow.value)


def test_what_is_new_in_plain_rows_is_told_in_the_same_words():
    table = {"x": list(np.linspace(0, 1, N)), "colour": KINDS["text"]}
    fitted = (
        ShoalClassifier(random_state=0, members=1, hidden=2, max_iter=2)
        .fit(table, np.arange(N) % 2)
        .fitted_
    )
    odd = {"x": [99.0, None] * 15, "colour": ["mauve", "red"] * 15}
    told = []
    for read in (
        fitted.inputs.plain_matrix,
        lambda X: fitted.inputs.matrix(fitted.inputs.read(X), watched=True),
    ):
        with collected() as found:
            read(odd)
        told.append((found.lines, found.drift))
    assert told[0] == told[1]
    assert any("far outside" in line for line in told[0][0])


def test_columns_that_are_set_aside_may_be_left_out():
    table = {"x": list(np.linspace(0, 1, N)), "same": [1] * N}
    fitted = (
        ShoalClassifier(random_state=0, members=1, hidden=2, max_iter=2)
        .fit(table, np.arange(N) % 2)
        .fitted_
    )
    check(fitted, {"x": [0.5, 0.7]})


def _answer(arguments):
    fitted, X = arguments
    return fitted.predict_proba(X, 1).tobytes()


def test_threads_forks_and_copies_give_the_same_bits():
    fitted = shoal.load_fitted(next(file for file in FILES if file.stem == "members"))
    X = np.random.default_rng(3).normal(size=(50, fitted.inputs.n))
    expected, found = fitted.predict_proba(X).tobytes(), []
    threads = [
        threading.Thread(target=lambda: found.append(fitted.predict_proba(X, 1).tobytes()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4
    assert pickle.loads(pickle.dumps(fitted)).predict_proba(X).tobytes() == expected
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 warns of forks beside threads
        with get_context("fork").Pool(2) as pool:
            assert pool.map(_answer, [(fitted, X)] * 2) == [expected] * 2


@pytest.fixture(scope="module", params=["float32", "float64"])
def of_numbers(request):
    draw = np.random.default_rng(8)
    X = draw.normal(size=(300, 5)) * [1, 100, 1e-3, 1, 1] + [0, 5, 0, 0, 0]
    X[::7, 1] = np.nan  # with bins and holes
    X[:, 3] = draw.random(300) < 0.5  # few values
    X[:, 4] = 2.0  # set aside
    how = {"random_state": 0, "members": 3, "hidden": 5, "max_iter": 3, "dtype": request.param}
    return X, [
        ShoalClassifier(**how).fit(X, X[:, 0] > 0),
        ShoalRegressor(**how, bins=0).fit(X, np.nan_to_num(X)),
    ]


def member_by_member(fitted, X):
    """The members' mean without the kernel's one call."""
    outputs = list(fitted.outputs(EncodedRows(through_arrow(fitted, X)), 1))
    total = sum(outputs[1:], outputs[0])
    return total / total.dtype.type(len(outputs))


def test_one_call_of_the_kernel_has_the_bits_of_all_steps(of_numbers):
    X, models = of_numbers
    for model in models:
        fitted = model.fitted_
        assert BUILD == "plain" or fitted._ready.columns is not None
        edges = [
            plan.edges for plan in fitted.inputs.encoding.columns if getattr(plan, "edges", ())
        ]
        at_edges = np.tile(X[:1], (40, 1))
        if edges:
            at_edges[:, 0] = np.resize([*edges[0], np.nan, -3.5, 3.5], 40)
        many = np.tile(X, (110, 1))  # more than are encoded at a time
        for rows in (X, X[:1], X[3:7], at_edges, X.astype(np.float32), np.asfortranarray(X), many):
            expected = member_by_member(fitted, rows)
            assert fitted.average(rows, 2).tobytes() == expected.tobytes()
            assert fitted.average(rows, 1).tobytes() == expected.tobytes()


def test_one_call_leaves_errors_and_warnings_to_the_steps(of_numbers):
    X, (model, _) = of_numbers
    too_far = [(1e300, "near those of the training")] * (model.dtype == "float32")
    for value, message in [(np.inf, "infinity"), *too_far]:
        bad = X[:4].copy()
        bad[2, 0] = value
        with pytest.raises(DataError, match=message) as error:
            model.predict(bad)
        assert error.value.row == 3
    far = X[:4].copy()
    far[1, 0] = 1e4
    with pytest.warns(shoal.ShoalWarning, match="far outside"):
        model.predict(far)
    gone = X[:40].copy()
    gone[:, 1] = np.nan
    with pytest.warns(shoal.ShoalWarning, match="of the values are missing"):
        model.predict(gone)

"""Columns of every type: taken as what they are, or refused by name; never another exception."""

import datetime
import pickle
import uuid
import warnings
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shoal import Files, ShoalClassifier, ShoalRegressor, load
from shoal.data.encode.learning import TOO_CLOSE
from shoal.data.read import texts
from shoal.data.read.objects import column_of, is_missing
from shoal.data.read.words import as_words, places_among
from shoal.errors import DataError, SettingError, ShoalWarning
from shoal.estimators.exporting import exported

N = 60
Z = np.random.default_rng(0).normal(size=N)
Y = (Z > 0).astype(int)
DAYS = pd.date_range("2020-01-01", periods=N)
DAY = datetime.date(2020, 1, 1)


def few(**more):
    return ShoalClassifier(hidden=2, members=1, n_jobs=1, random_state=0, max_iter=2, **more)


def objects(values):
    return pd.Series((list(values) * N)[:N], dtype=object)


def frame(column):
    return pd.DataFrame({"a": column, "z": Z})


def plan(X, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return few(**more).fit(X, Y).encoding_.columns[0]


NUMBERS = {
    "pandas' NA among numbers": objects([1.5, pd.NA, None, float("nan")]),
    "long floats": Z.astype(np.longdouble),
    "half floats": Z.astype(np.float16),
    "decimals": objects([Decimal("1.5"), Decimal("2")]),
    "decimals among floats": objects([Decimal("1.5"), 2.5, 3]),
    "decimals that are no number": objects([Decimal("NaN"), Decimal("sNaN"), Decimal("1"), 2]),
    "truth values among numbers": objects([True, 0, 2.5]),
    "numbers as text among numbers": objects(["1", 2]),
    "nanoseconds": pd.to_timedelta(np.arange(N), unit="ns"),
    "durations": objects([datetime.timedelta(1), np.timedelta64(3, "s"), pd.Timedelta(5)]),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_every_type_are_numbers(name):
    assert plan(frame(NUMBERS[name])).kind == "number"


WORDS = {
    "text with holes": (objects(["x", pd.NA, None]), ("x",)),
    "numbers among text": (objects([1, "a", 2.0, pd.NA]), ("1", "2", "a")),
    "intervals": (pd.cut(np.arange(N), [-1, 9, 99]), ("(9, 99]", "(-1, 9]")),
    "names of their own": (objects([uuid.UUID(int=1), uuid.UUID(int=2)]), None),
    "categories of whole numbers": (pd.Categorical([1, 2, 3] * 20), ("1", "2", "3")),
    "categories of numbers": (pd.Categorical([1.0, 2.5] * 30), ("1", "2.5")),
    "categories of decimals": (pd.Categorical([Decimal("1.50"), Decimal("2")] * 30), ("1.5", "2")),
    "categories of truth values": (pd.Categorical([True, False] * 30), ("false", "true")),
    "categories of dates": (pd.Categorical([DAY, None] * 30), ("2020-01-01",)),
    "categories of tuples": (
        pd.Categorical.from_codes([0, 1] * 30, pd.Index([(1, 2), (3, 4)], tupleize_cols=False)),
        ("(1, 2)", "(3, 4)"),
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_categories_and_names_are_words(name):
    column, words = WORDS[name]
    found = plan(frame(column))
    assert found.kind == "words"
    assert words is None or found.words == words


REFUSED = {
    "an infinite decimal": (objects([Decimal("Infinity"), 1.5]), "finite number"),
    "a number beyond 1e308": (objects([10**400, 1.5]), "1.8e308"),
    "lists": (objects([[1]]), "not 'list'"),
    "tuples": (objects([(1, 2)]), "not 'tuple'"),
    "complex numbers": (objects([1j]), "not 'complex'"),
    "bytes among text": (objects([b"a", "b"]), "one type, found bytes, str"),
    "half a character": (objects(["\ud800", "b"]), "surrogate"),
    "zoned times among others": (objects([DAYS[0], DAYS[0].tz_localize("UTC")]), "time zone"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_column_is_refused_by_name(name):
    column, said = REFUSED[name]
    with pytest.raises(DataError, match=f'column "a": .*{said}'):
        few().fit(frame(column), Y)


def test_whole_numbers_that_float64_cannot_tell_apart_are_not_called_constant():
    for ids in (np.arange(N) + 2**60, np.arange(N, dtype=np.uint64) + np.uint64(2**63)):
        with pytest.warns(ShoalWarning, match='column "a" is set aside: its numbers differ only'):
            model = few().fit(frame(ids), Y)
        assert model.encoding_.columns[0].reason == TOO_CLOSE
        assert plan(frame(ids % 2 + 2**60), words=["a"]).kind == "words"
    # Beyond 64 bits they are text: an id of which none comes twice, or two words.
    assert plan(frame(objects([10**30 + i for i in range(N)]))).kind == "set aside"
    assert plan(frame(objects([10**30, 10**30 + 1]))).words == (str(10**30), str(10**30 + 1))


def test_numbers_whose_squares_are_0_are_not_called_alike():
    with pytest.warns(ShoalWarning, match='"a" is set aside: its numbers are too small'):
        few().fit(frame(Z * 1e-300), Y)


def test_a_path_is_for_fit(tmp_path):
    path = tmp_path / "t.csv"
    frame(Z).assign(y=Y).to_csv(path, index=False)
    model = few().fit(str(path), "y")
    for X in (path, str(path), [str(path), str(path)], Files(str(path))):
        with pytest.raises(DataError, match=r"X is a path, .*only `fit` reads files"):
            model.predict(X)
    with pytest.raises(SettingError, match="y=ndarray with files: expected the name of the column"):
        few().fit(str(path), Y)


def test_a_date_that_is_one_value_or_missing_is_kept_for_that():
    dates = pd.Series(pd.to_datetime(np.where(Y, "2020-01-01", None)))
    model = few().fit(frame(dates), Y)
    assert model.encoding_.columns[0].kind == "time"
    assert model.encoding_.features[:1] == ["a"]
    assert "a is missing" in model.encoding_.features


@pytest.mark.parametrize("every", ["D", "M", "Q", "Y"])
def test_periods_are_dates_by_their_first_moment(every):
    periods = pd.Series(pd.period_range("1990-01", periods=N, freq=every))
    found = few().fit(frame(periods), Y)
    dates = few().fit(frame(periods.dt.start_time), Y)
    assert found.encoding_.columns[0].kind == "time"
    assert found.fingerprint_ == dates.fingerprint_
    index = pd.PeriodIndex(periods)
    assert few().fit({"a": index, "z": Z}, Y).fingerprint_ == dates.fingerprint_
    with pytest.raises(DataError, match=r"y has values that are no numbers: .*Period"):
        ShoalRegressor(max_iter=2).fit(frame(Z), periods)
    objects_of = periods.astype(object).where(np.arange(N) > 2)  # with missing ones
    assert plan(frame(objects_of)).kind == "time"
    arrow = pa.Table.from_pandas(frame(periods))
    assert few().fit(arrow, Y).fingerprint_ == dates.fingerprint_


@pytest.mark.parametrize("names", [[0, 1], [("a", "x"), ("a", "y")], [2.5, 3.5]])
def test_columns_are_named_as_the_table_names_them(names):
    table = pd.DataFrame({0: Z, 1: np.arange(N) % 3})
    table.columns = pd.Index(names)
    of_text = (
        table.rename(columns=str) if names[0] == 0 else table.set_axis(map(str, names), axis=1)
    )
    for kind in ("words", "numbers", "drop"):
        model = few(**{kind: [names[1]]}).fit(table, Y)
        assert model.fingerprint_ == few(**{kind: [str(names[1])]}).fit(of_text, Y).fingerprint_
        assert model.fingerprint_ != few().fit(table, Y).fingerprint_ or kind == "numbers"


def test_intervals_of_pandas_are_the_same_words_in_arrow():
    cut = pd.cut(Z, 4)
    for intervals in (cut, pd.Series(cut).astype(object).astype(cut.categories.dtype)):
        table = frame(intervals)
        model = few().fit(table, Y)
        arrow = pa.Table.from_pandas(table)
        assert isinstance(arrow.schema.field("a").type, pa.DictionaryType | pa.BaseExtensionType)
        assert (model.predict_proba(arrow) == model.predict_proba(table)).all()


@pytest.mark.parametrize("fitted", [None, "UTC"])
def test_times_with_and_without_a_time_zone_are_not_mixed(fitted):
    naive, zoned = frame(DAYS), frame(DAYS.tz_localize("Asia/Tokyo"))
    one, other = (naive, zoned) if fitted is None else (zoned, naive)
    model = few().fit(one, Y)
    with pytest.raises(DataError, match='column "a": expected times with'):
        model.predict(other)
    with pytest.raises(DataError, match='column "a": expected'):
        model.predict(other.astype({"a": str}))
    assert (model.predict(one) == model.predict(pl.from_pandas(one))).all()


SAME = {
    "truth values": (Y > 0, ["object", "str", "category"]),
    "whole numbers": (np.arange(N) % 3, ["float64", "str", "category", "object"]),
    "dates": (DAYS.repeat(6)[:N], ["datetime64[us]", "object", "category"]),
}


@pytest.mark.parametrize("name", SAME)
def test_a_value_is_the_same_word_in_every_type(name):
    column, kinds = SAME[name]
    X = frame(column)
    model = few(words=["a"]).fit(X, Y)
    for kind in kinds:
        assert (model.predict_proba(X.astype({"a": kind})) == model.predict_proba(X)).all(), kind


def test_words_of_values():
    values = [Decimal("1.50"), Decimal("200")]
    assert as_words(pa.chunked_array([values])).to_pylist() == ["1.5", "200"]
    floats = as_words(pa.chunked_array([[1.0, float("inf"), None, 1e20, 0.1]]))
    assert floats.to_pylist() == ["1", "inf", None, str(10**20), "0.1"]
    for unit in ("s", "ms", "us", "ns"):
        column = pa.chunked_array(
            [pa.array([0, 500], pa.timestamp("s")).cast(f"timestamp[{unit}]")]
        )
        assert as_words(column).to_pylist() == ["1970-01-01", "1970-01-01 00:08:20"]


def test_a_word_is_known_in_other_spellings_of_its_value():
    words = ("1", "2.5", "007", "true", "2020-01-01", "10", "x")
    spelt = [
        "1.0",
        "2.50",
        "007",
        "7",
        "True",
        "2020-01-01 00:00:00",
        "10.00",
        "100",
        "X",
        None,
        "1.",
    ]
    found = places_among(pa.chunked_array([spelt]), words).to_pylist()
    assert found == [0, 1, 2, None, 3, 4, 5, None, None, None, None]
    # Words that differ in their spelling alone are kept apart.
    assert places_among(pa.chunked_array([["1.0", "1", "1.00"]]), ("1", "1.0")).to_pylist() == [
        1,
        0,
        None,
    ]
    assert places_among(pa.chunked_array([["2"]]), ("1.0", "2.0")).to_pylist() == [1]


class Relation:
    """What DuckDB's relations are to others: columns, a shape, and a stream of Arrow."""

    def __init__(self, table):
        self._table, self.columns, self.shape = table, table.column_names, table.shape

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


class Streamed:
    """What Hugging Face's streamed data sets are: columns can be named, rows not counted."""

    def __init__(self, table):
        self._table, self.features, self.column_names = table, {}, table.column_names

    def with_format(self, form):
        assert form == "arrow"
        return self._table

    def __getitem__(self, key):
        return self._table.to_pydict()[key]


class Set(Streamed):
    """What Hugging Face's data sets are to others."""

    def __len__(self):
        return self._table.num_rows


TABLE = pa.table({"a": ["x", "y"] * 30, "z": Z})
FORMS = {
    "a dict of lists": TABLE.to_pydict(),
    "a dict of arrays": {"a": np.array(["x", "y"] * 30), "z": Z},
    "a dict of columns": {"a": pl.Series(["x", "y"] * 30), "z": pd.Series(Z)},
    "rows as dicts": TABLE.to_pylist(),
    "a record array": np.rec.fromarrays([np.array(["x", "y"] * 30), Z], names="a,z"),
    "swapped bytes": np.array(
        list(zip(["x", "y"] * 30, Z, strict=True)), [("a", "O"), ("z", ">f8")]
    ),
    "a record batch": TABLE.to_batches()[0],
    "a relation": Relation(TABLE),
    "a relation of DuckDB": duckdb.from_arrow(TABLE),
    "a data set": Set(TABLE),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_a_table_is_the_table(name):
    assert few().fit(FORMS[name], Y).fingerprint_ == few().fit(TABLE, Y).fingerprint_


def test_targets_may_be_a_relation_of_one_column():
    y = duckdb.from_arrow(pa.table({"y": Y}))
    assert few().fit(TABLE, y).fingerprint_ == few().fit(TABLE, Y).fingerprint_
    with pytest.raises(DataError, match="y has 2 columns: expected one"):
        few().fit(TABLE, duckdb.from_arrow(TABLE))


def test_a_name_of_the_target_is_for_files():
    with pytest.raises(DataError, match='y="z" is the name of a column'):
        few().fit(TABLE, "z")


NO_TABLES = {
    "a lazy frame": (pl.DataFrame({"z": Z}).lazy(), r"\.collect\(\)"),
    "columns of different length": ({"a": [1, 2], "z": Z}, "different numbers of rows"),
    "a number for a column": ({"a": 1, "z": Z}, 'column "a": expected a list'),
    "a column of rows": ({"a": np.zeros((N, 2)), "z": Z}, 'column "a": expected one value'),
    "several data sets": ({"train": Set(TABLE), "test": Set(TABLE)}, "several data sets"),
    "a streamed data set": (Streamed(TABLE), "Load it without streaming"),
    "one column": (pa.array(Z), "one column"),
}


@pytest.mark.parametrize("name", NO_TABLES)
def test_what_is_no_table_is_refused_with_the_cure(name):
    X, said = NO_TABLES[name]
    with pytest.raises(DataError, match=said):
        few().fit(X, Y)


def test_rows_as_dicts_may_lack_names():
    rows = [{"z": z} if i % 2 else {"z": z, "late": 1.5} for i, z in enumerate(Z)]
    assert few().fit(rows, Y).feature_names_in_.tolist() == ["z", "late"]


@pytest.mark.parametrize(("odd", "kind"), [(3, "number"), (4, "words")])
def test_text_among_numbers_in_memory_follows_the_rule_of_files(odd, kind):
    column = objects(Z)
    column.iloc[:odd] = "abc"
    if kind == "number":
        with pytest.warns(ShoalWarning, match='"a": 3 of 60 values are not a number .*"abc"'):
            model = few().fit(frame(column), Y)
        assert model.encoding_.columns[0].holes
    else:
        assert plan(frame(column)).kind in ("words", "set aside")


def test_types_of_parquet_that_are_finer_or_rarer(tmp_path):
    rare = {
        "duration": pa.array(np.arange(N) * 1000 + 1, pa.duration("ns")),
        "clock": pa.array(np.arange(N) * 10**9 + 1, pa.time64("ns")),
        "wide": pa.array([Decimal("1e40") * i for i in range(1, N + 1)], pa.decimal256(60, 2)),
    }
    pq.write_table(pa.table(rare | {"y": Y}), tmp_path / "t.parquet")
    model = few().fit(tmp_path / "t.parquet", "y")
    kinds = [column.kind for column in model.encoding_.columns]
    assert kinds == ["number", "time", "number"]
    assert few().fit(pa.table(rare), Y).fingerprint_ == model.fingerprint_


def test_missing_values_of_every_library_are_missing():
    nothing = [
        None,
        float("nan"),
        np.float32("nan"),
        pd.NA,
        pd.NaT,
        np.datetime64("NaT"),
        Decimal("sNaN"),
    ]
    assert all(is_missing(value) for value in nothing)
    assert not any(is_missing(value) for value in ["", "NA", 0, False, (), [], np.zeros(2)])
    assert column_of([None, pd.NA, 7], "a").to_pylist() == [None, None, 7]


@pytest.mark.parametrize(
    ("values", "types", "found"),
    [
        (["1", "x", None, "+2.5", " 3 ", "1e3", ".5"], texts.NUMBERS, [1, None, None, 2.5, 3, 1e3, 0.5]),
        (["+1", "-1"], texts.NUMBERS, [1, -1]),
        (["true", "FALSE", "maybe"], texts.TRUTH, [True, False, None]),
        (["2020-02-29", "2021-02-29", "2020-13-01"], texts.DATES, [datetime.date(2020, 2, 29), None, None]),
    ],
)  # fmt: skip
def test_texts_that_cannot_be_read_are_missing(values, types, found):
    column = texts.some(pa.chunked_array([pa.array(values, pa.string())]), texts.Reading(types))
    assert column.to_pylist() == found


def test_the_columns_of_a_wide_table_are_looked_up_at_once():
    """A list of names that is searched for each column took 14 times as long for 4 times as many."""
    columns = 3000
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(4, columns))).add_prefix("c")
    model = few(early_stopping=False).partial_fit(X, [0, 1, 0, 1], classes=[0, 1])
    asked = []

    class Table:
        """A table that counts how often its names are listed."""

        def __init__(self, table):
            self._table = table

        def __getattr__(self, name):
            asked.append(name)
            return getattr(self._table, name)

    model.encoding_.encode(Table(pa.Table.from_pandas(X)), "float32")
    assert asked.count("column_names") < 5


@pytest.mark.parametrize("names", [[0, 1, 2], [("a", 1), ("a", 2), ("b", 1)]])
@pytest.mark.parametrize("kept", ["", "pickle", "file"])
def test_columns_whose_names_are_no_text_keep_their_order(names, kept, tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(80, 3)))
    X.columns = pd.MultiIndex.from_tuples(names) if isinstance(names[0], tuple) else names
    y = X.iloc[:, 0] > 0
    settings = dict(random_state=0, members=1, max_iter=3, hidden=2)
    model = ShoalClassifier(**settings).fit(X, y)
    if kept == "pickle":
        model = pickle.loads(pickle.dumps(model))
    elif kept == "file":
        model.save(tmp_path / "model.shoal")
        model = load(tmp_path / "model.shoal")
    turned = X.iloc[:, ::-1]
    for call in (
        model.predict,
        model.predict_proba,
        model.transform,
        lambda Z: model.score(Z, y),
        lambda Z: model.explain(Z[:1], background=X),
        lambda Z: ShoalClassifier(**settings).fit(X, y, X_val=Z, y_val=y),
    ):
        call(X)
        with pytest.raises(DataError, match="in another order than in the fit"):
            call(turned)
    exported(model.fitted_)  # names that are no text hinder no export
    others = X.set_axis([5, 6, 7], axis=1)  # other names are taken by position, as by scikit-learn
    assert (model.predict(others) == model.predict(X)).all()
    assert (model.predict(X.to_numpy()) == model.predict(X)).all()


@pytest.mark.parametrize("kind", ["M8[25s]", "m8[10ms]", "M8[7us]", "M8[2D]"])
def test_units_of_several_seconds_are_no_seconds(kind):
    values = np.arange(80).astype(kind)
    plain = values.astype(f"{kind[0]}8[us]")
    for X, same in ((values[:, None], plain[:, None]), ({"t": values}, {"t": plain})):
        found, expected = (
            ShoalClassifier(members=1, max_iter=2, random_state=0).fit(one, np.arange(80) > 40)
            for one in (X, same)
        )
        assert found.encoding_.columns[0].mean == expected.encoding_.columns[0].mean
        assert (found.predict_proba(same) == expected.predict_proba(X)).all()


def test_bytes_of_no_type_are_refused():
    with pytest.raises(DataError, match="bytes of no type"):
        ShoalClassifier().fit(np.zeros((60, 1), "V4"), np.arange(60) % 2)


SECONDS = 60.0 * np.arange(N)


@pytest.mark.parametrize("as_kept", [False, True])
def test_a_number_is_no_duration_and_a_duration_no_number(tmp_path, as_kept):
    spans = frame(pd.to_timedelta(SECONDS, unit="s"))
    settings = {"hidden": 2, "members": 1, "random_state": 0, "max_iter": 2}
    model = ShoalRegressor(**settings).fit(spans, Z)
    expected = model.predict(spans)
    numbers = ShoalRegressor(**settings).fit(frame(SECONDS), Z)
    if as_kept:
        model.save(tmp_path / "model.shoal")
        model = load(tmp_path / "model.shoal")
    assert np.array_equal(model.predict(spans), expected)
    for given in (frame(SECONDS), frame(SECONDS.astype(int)), frame(SECONDS > 0)):
        with pytest.raises(DataError, match=r'"a": expected a duration, .* found a number') as said:
            model.predict(given)
        assert said.value.row == 1
    without_names = ShoalRegressor(**settings).fit(spans.to_numpy(), Z)
    with pytest.raises(DataError, match=r"expected a duration, .* found a number"):
        without_names.predict(np.c_[SECONDS, Z])
    with pytest.raises(DataError, match=r'"a": expected a number, .* found a duration'):
        numbers.predict(spans)
    hole = [{"a": None, "z": 0.0}]
    assert np.isfinite(model.predict(hole)).all()
    assert np.isfinite(numbers.predict(hole)).all()


def told(model, X):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model.predict(X)
    return " ".join(str(one.message) for one in said)


@pytest.mark.parametrize("learnt", [".", ","])
def test_another_decimal_mark_than_in_the_training_is_reported(learnt):
    other = "," if learnt == "." else "."

    def column(texts):
        return frame([text.replace(".", "!").replace("!", learnt) for text in texts])

    model = few(numbers=["a"]).fit(column([f"{i / 1000 + 0.5:.3f}" for i in range(N)]), Y)
    turned = frame([f"0{other}{500 + i}" for i in range(N - 1)] + [f"1{other}304"])
    kind = "comma" if other == "," else "point"
    assert f'can only be read with a decimal {kind}, and "1{other}304" is read as 1304' in told(
        model, turned
    )
    thousands = frame([f"1{other}304"] * N)  # which may well be meant
    both = frame([f"0{learnt}5", f"0{other}5", f"1{other}304"] * (N // 3))
    for given in (thousands, both, column(["0.5"] * N)):
        assert "only be read" not in told(model, given)


@pytest.mark.parametrize("form", [frame, lambda b: np.c_[b, Z], lambda b: [{"a": b[0], "z": 0.0}]])
def test_a_number_that_is_neither_true_nor_false_is_refused_where_these_were_learnt(form):
    truth = np.arange(N) % 3 > 0
    model = few().fit(frame(truth), Y)
    for number in (2, 0.5, -1):
        given = form(np.full(N, number))
        with (
            warnings.catch_warnings(action="ignore"),  # the array has no names
            pytest.raises(DataError, match=rf'"a": expected true or false, found {number}\.'),
        ):
            model.predict(given)
    assert (model.predict(frame(truth * 1.0)) == model.predict(frame(truth))).all()
    assert (model.predict(frame(truth.astype(int))) == model.predict(frame(truth))).all()


TIMES = pd.date_range("2020", periods=N)


@pytest.mark.parametrize(
    "times", [TIMES, TIMES.tz_localize("UTC"), TIMES - TIMES[0], TIMES.date], ids=range(4)
)
def test_times_are_no_numbers_as_they_are(times):
    plain = few(encode=None).fit(frame(Z), Y)
    for call in (plain.predict, lambda X: few(encode=None).fit(X, Y)):
        with pytest.raises(
            DataError, match='"a": encode=None expects numbers only: found '
        ) as said:
            call(frame(times))
        assert said.value.column == "a"
    ticks = np.c_[TIMES.to_numpy(), TIMES.to_numpy()]
    with pytest.raises(DataError, match="expects numbers only: found datetime64"):
        few(encode=None).fit(ticks, Y)


@pytest.mark.parametrize("names", [[1, 1], [1.5, 1.5], [None, None], [("a", 1), ("a", 1)]])
def test_two_columns_of_one_name_that_is_no_text_are_refused(names):
    X = pd.DataFrame(np.c_[Z, Z])
    X.columns = pd.MultiIndex.from_tuples(names) if isinstance(names[0], tuple) else names
    with pytest.raises(DataError, match="more than one column is named"):
        few().fit(X, Y)

"""Words, numbers, booleans, dates and holes: any table, the same fingerprint."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from shoal import DataError, SettingError, ShoalClassifier, ShoalRegressor, ShoalWarning
from shoal.data.rows.examples import dense

M = 400


def table():
    """Houses, with a hole in every tenth place."""
    rng = np.random.default_rng(0)

    def holes(values):
        gaps = rng.random(M) < 0.1
        return [None if gap else value for value, gap in zip(values, gaps, strict=True)]

    first = dt.datetime(2024, 1, 1)
    hours = rng.integers(0, 20_000, M).tolist()
    return pa.table(
        {
            "size": pa.array(holes(rng.standard_normal(M).tolist()), pa.float64()),
            "rooms": pa.array(holes(rng.integers(1, 9, M).tolist()), pa.int64()),
            "city": pa.array(holes(rng.choice(["Rome", "Oslo", "Bern"], M).tolist())),
            "garden": pa.array(holes((rng.random(M) < 0.5).tolist()), pa.bool_()),
            "sold": pa.array(
                holes([first + dt.timedelta(hours=h) for h in hours]), pa.timestamp("us")
            ),
            "built": pa.array([(first - dt.timedelta(hours=h)).date() for h in hours]),
            "kind": pa.array(rng.choice(["flat", "house"], M)).dictionary_encode(),
            "always": pa.array([1] * M),
            "never": pa.array([None] * M, pa.float64()),
        }
    )


@pytest.fixture(scope="module")
def houses():
    """The table, and whether the house was sold quickly."""
    t = table()
    sizes = np.nan_to_num(t["size"].to_numpy())
    in_rome = np.array([city == "Rome" for city in t["city"].to_pylist()])
    return t, (sizes + 2 * in_rome > 0.6).astype(int)


def fit(X, y, **settings):
    return ShoalClassifier(random_state=0, **{"max_iter": 3, **settings}).fit(X, y)


WORLDS = {
    "pandas": lambda t: t.to_pandas(),
    "pandas with arrow types": lambda t: t.to_pandas(types_mapper=pd.ArrowDtype),
    "pandas with nullable types": lambda t: t.to_pandas().convert_dtypes(),
    "polars": pl.from_arrow,
    "pyarrow in pieces": lambda t: pa.concat_tables([t.slice(0, 7), t.slice(7, 200), t.slice(207)]),
    "large strings": lambda t: t.set_column(2, "city", t["city"].cast(pa.large_string())),
    "categories": lambda t: t.set_column(2, "city", t["city"].dictionary_encode()),
}


@pytest.mark.parametrize("world", WORLDS)
def test_a_table_is_the_same_table_in_every_world(houses, world):
    t, y = houses
    model, other = fit(t, y), WORLDS[world](t)
    again = fit(other, y)
    assert again.encoding_ == model.encoding_
    assert again.fingerprint_ == model.fingerprint_
    np.testing.assert_array_equal(model.predict_proba(other), model.predict_proba(t))
    assert again.feature_names_in_.tolist() == t.column_names


def test_an_array_of_objects_is_a_table_without_names(houses):
    t, y = houses
    objects = t.to_pandas().to_numpy(dtype=object)
    assert fit(objects, y).fingerprint_ == fit(t, y).fingerprint_


def test_every_kind_of_column_is_told_from_its_values(houses):
    t, y = houses
    columns = {plan.name: plan for plan in fit(t, y).encoding_.columns}
    kinds = {name: plan.kind for name, plan in columns.items()}
    assert kinds == {
        "size": "number",
        "rooms": "number",
        "city": "words",
        "garden": "boolean",
        "sold": "time",
        "built": "time",
        "kind": "words",
        "always": "set aside",
        "never": "set aside",
    }
    assert columns["always"].reason == "constant"
    assert columns["never"].reason == "empty"
    assert set(columns["city"].words) == {"Rome", "Oslo", "Bern"}


def test_numbers_are_standardised_and_holes_are_marked(houses):
    t, y = houses
    encoding = fit(t, y).encoding_
    matrix, names = dense(encoding.encode(t, np.float64)), encoding.features
    size = matrix[:, names.index("size")]
    missing = matrix[:, names.index("size is missing")]
    np.testing.assert_array_equal(missing, t["size"].is_null().to_numpy())
    assert size[missing == 0].mean() == pytest.approx(0, abs=1e-12)
    assert size[missing == 0].std() == pytest.approx(1)
    assert not size[missing == 1].any()


def test_a_word_is_one_column_of_ones(houses):
    t, y = houses
    encoding = fit(t, y).encoding_
    matrix, names = dense(encoding.encode(t, np.float32)), encoding.features
    for city in ("Rome", "Oslo", "Bern"):
        expected = [c == city for c in t["city"].to_pylist()]
        np.testing.assert_array_equal(matrix[:, names.index(f"city = {city}")], expected)
    expected = [c is None for c in t["city"].to_pylist()]
    np.testing.assert_array_equal(matrix[:, names.index("city is missing")], expected)


def test_what_was_learnt_of_the_table_helps(houses):
    t, y = houses
    assert fit(t, y, max_iter=100).score(t, y) > 0.9
    assert (
        fit(t.select(["always", "rooms"]), y, max_iter=100).score(t.select(["always", "rooms"]), y)
        < 0.9
    )


# --- at predict -----------------------------------------------------------------------


def change(t, name, values, kind=None):
    return t.set_column(t.column_names.index(name), name, pa.array(values, kind))


def test_unknown_words_are_served(houses):
    t, y = houses
    model = fit(t, y, max_iter=60)
    unknown = change(t, "city", ["Atlantis"] * M)
    with pytest.warns(ShoalWarning, match="texts are unknown"):
        proba = model.predict_proba(unknown)
    assert np.isfinite(proba).all()
    # No word of Rome, no sign of Rome; and every unknown word is as unknown as another.
    with pytest.warns(ShoalWarning, match="texts are unknown"):
        another = model.predict_proba(change(t, "city", ["Ys"] * M))
    np.testing.assert_array_equal(proba, another)
    rome = model.predict_proba(change(t, "city", ["Rome"] * M))
    assert (rome[:, 1] > proba[:, 1]).mean() > 0.9


def test_rare_words_share_a_column_with_unknown_ones():
    words = ["common"] * 50 + ["usual"] * 50 + [f"rare {i}" for i in range(50)]
    t = pa.table({"word": words})
    y = np.array([0] * 100 + [1] * 50)
    model = fit(t, y, max_iter=100)
    (plan,) = model.encoding_.columns
    assert plan.words == ("common", "usual")
    assert plan.rare
    assert model.predict(pa.table({"word": ["rare 3", "never seen", "usual"]})).tolist() == [
        1,
        1,
        0,
    ]


def test_holes_where_there_were_none_are_served(houses):
    t, y = houses
    model = fit(t, y)
    nothing = change(change(t, "kind", [None] * M, pa.string()), "built", [None] * M, pa.date32())
    everything_missing = pa.table({n: pa.nulls(M, t.schema.field(n).type) for n in t.column_names})
    with pytest.warns(ShoalWarning, match="values are missing"):
        assert np.isfinite(model.predict_proba(nothing)).all()
    with pytest.warns(ShoalWarning, match="values are missing"):
        proba = model.predict_proba(everything_missing)
    assert (proba == proba[0]).all()


def test_a_column_that_was_set_aside_may_hold_anything(houses):
    t, y = houses
    model = fit(t, y)
    strange = change(change(t, "never", ["x"] * M), "always", [np.inf] * M)
    np.testing.assert_array_equal(model.predict_proba(strange), model.predict_proba(t))


@pytest.mark.parametrize("world", ["pandas", "polars", "pyarrow in pieces"])
def test_columns_in_another_order_are_refused(houses, world):
    # As scikit-learn's contract asks; `shoal predict` matches them by name.
    t, y = houses
    model = fit(t, y)
    turned = WORLDS[world](t.select(t.column_names[::-1]))
    with pytest.raises(ValueError, match="same order"):
        model.predict(turned)


@pytest.mark.parametrize("world", ["pandas", "polars", "pyarrow in pieces"])
def test_a_column_that_is_not_there_is_named(houses, world):
    t, y = houses
    model = fit(t, y)
    with pytest.raises(ValueError, match=r"now missing:\n- city"):
        model.predict(WORLDS[world](t.drop_columns(["city"])))


def test_letters_in_a_column_of_numbers_are_named(houses):
    """As at fit: one value in twenty is missing, and reported; more are refused."""
    t, y = houses
    model = fit(t, y)
    few = [*["1.5"] * 399, "many"]
    with pytest.warns(ShoalWarning, match='"rooms": 1 of 400 values .* first "many" in row 400'):
        found = model.predict_proba(change(t, "rooms", few))
    assert (found == model.predict_proba(change(t, "rooms", [*[1.5] * 399, None]))).all()
    letters = ["1.5"] * 199 + ["many"] * 201
    with pytest.raises(DataError, match='row 200, column "rooms": expected a number, found "many"'):
        model.predict(change(t, "rooms", letters))


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_number_is_named_with_its_row_and_column(houses, value):
    t, y = houses
    model = fit(t, y)
    sizes = t["size"].to_pylist()
    sizes[41] = value
    infinite = change(t, "size", sizes)
    for job in (lambda: fit(infinite, y), lambda: model.predict(infinite)):
        with pytest.raises(DataError, match=r'row 42, column "size": .* found infinity'):
            job()


def test_an_infinite_number_behind_words_is_named_by_its_own_column():
    # Encoded, the words take three columns: a count of those would name nothing.
    t = pa.table({"word": ["a", "b", "c"] * 20, "x": np.arange(60.0)})
    model = fit(t, np.arange(60) % 2)
    with pytest.raises(DataError, match='row 60, column "x"'):
        model.predict(change(t, "x", [*range(59), np.inf], pa.float64()))


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table, dict])
def test_text_of_a_frame_that_stays_as_it_is_written_is_not_called_missing(kind, recwarn):
    t = {"town": ["Rome", "NA", "null", "Oslo"] * 20, "n": ["1", "NA", "3", "4"] * 20}
    model = fit(kind(t), [0, 1, 1, 0] * 20)
    assert model.encoding_.columns[0].words == ("NA", "Oslo", "Rome", "null")
    told = [str(w.message) for w in recwarn if "read as missing" in str(w.message)]
    assert told == ['read as missing besides blank cells: 20 × "NA" in n.']


# --- words=, numbers=, drop= ----------------------------------------------------------


def test_a_column_can_be_taken_as_words(houses):
    t, y = houses
    plan = fit(t, y, words=["rooms"]).encoding_.columns[1]
    assert plan.kind == "words"
    assert set(plan.words) == {str(n) for n in range(1, 9)}


def test_whole_numbers_are_the_same_words_with_and_without_a_point(houses):
    # A hole makes floats of pandas' integers.
    t, y = houses
    model = fit(t, y, words=["rooms"])
    assert fit(t.to_pandas(), y, words=["rooms"]).fingerprint_ == model.fingerprint_


def test_a_column_of_text_can_be_taken_as_numbers(houses):
    t, y = houses
    text = change(t, "rooms", [None if n is None else f" {n}.0" for n in t["rooms"].to_pylist()])
    with pytest.warns(ShoalWarning, match=r"text that is read as numbers or dates: rooms"):
        assert fit(text, y).encoding_.columns[1].kind == "number"
    assert fit(text, y, words=["rooms"]).encoding_.columns[1].kind == "words"
    model = fit(text, y, numbers=["rooms"])
    assert model.encoding_.columns[1].kind == "number"
    assert model.fingerprint_ == fit(t, y).fingerprint_


def test_letters_in_a_column_taken_as_numbers_name_the_cure(houses):
    t, y = houses
    with pytest.raises(
        DataError, match=r"column \"city\": expected a number.*words=\['city'\].*drop=\['city'\]"
    ):
        fit(t, y, numbers=["city"])


def test_a_column_can_be_left_out(houses):
    t, y = houses
    model = fit(t, y, drop=["city", "sold"])
    assert (
        model.fingerprint_
        == fit(t.set_column(2, "city", pa.nulls(M)), y, drop=["sold"]).fingerprint_
    )
    assert not any("city" in feature or "sold" in feature for feature in model.encoding_.features)
    assert "left out, as asked" in {getattr(c, "reason", "") for c in model.encoding_.columns}


@pytest.mark.parametrize("option", ["words", "numbers", "drop"])
def test_a_column_that_no_table_has_is_refused(houses, option):
    t, y = houses
    with pytest.raises(SettingError, match=f'{option}: the table has no column "town"'):
        fit(t, y, **{option: ["town"]})


def test_a_column_named_twice_is_refused(houses):
    t, y = houses
    with pytest.raises(SettingError, match='column "city" is named in two'):
        fit(t, y, words=["city"], drop=["city"])


def test_overrides_need_an_encoding():
    with pytest.raises(SettingError, match='need encode="auto"'):
        fit(np.eye(4), [0, 1, 0, 1], encode=None, drop=["x0"])


def test_columns_of_an_array_are_called_x0_and_so_on():
    X = np.random.default_rng(0).integers(0, 3, (60, 3)).astype(float)
    model = fit(X, X[:, 1] > 0, words=["x1"], drop=["x2"])
    assert [plan.kind for plan in model.encoding_.columns] == ["number", "words", "set aside"]


# --- tables that are no tables --------------------------------------------------------


def test_two_columns_of_one_name_are_refused():
    frame = pd.DataFrame(np.eye(4), columns=["a", "a", "b", "c"])
    for X in (frame, pa.table([[1, 2, 3, 4]] * 2, names=["a", "a"])):
        with pytest.raises(ValueError, match=r'more than one column is named "a"'):
            fit(X, [0, 1, 0, 1])


def test_a_column_of_lists_is_refused():
    t = pa.table({"l": [[1, 2]] * 4})
    with pytest.raises(DataError, match=r"list.*Take it apart"):
        fit(t, [0, 1, 0, 1])


@pytest.mark.parametrize("kind", [ShoalClassifier, ShoalRegressor])
def test_a_table_without_rows_is_refused(houses, kind):
    t, _ = houses
    for nothing in (t.slice(0, 0), t.to_pandas()[:0], pl.from_arrow(t)[:0]):
        with pytest.raises(DataError, match="no rows"):
            kind().fit(nothing, [])


def test_one_row_teaches_nothing_and_says_so(houses):
    t, _ = houses
    with pytest.warns(ShoalWarning) as caught:
        model = ShoalRegressor(random_state=0).fit(t.slice(0, 1), [1.0])
    assert [str(one.message).partition(" (")[0] for one in caught] == [
        "y is constant",
        "no column of X varies",
    ]
    assert model.predict(t.slice(0, 1)) == [1.0]
    with pytest.raises(DataError, match="one class only"):
        ShoalClassifier().fit(t.slice(0, 1), [1])


def test_a_table_where_nothing_varies_gives_a_constant_answer_and_says_so(houses):
    t, y = houses
    table = t.select(["always", "never"])
    with pytest.warns(ShoalWarning, match=r"no column of X varies.*always: constant; never: empty"):
        model = fit(table, y)
    assert len(set(model.predict(table).tolist())) == 1


def test_weights_count_when_the_table_is_learnt(houses):
    t, y = houses
    w = np.arange(M) % 3
    rows = np.repeat(np.arange(M), w)
    settings = {"solver": "gd", "dtype": "float64", "early_stopping": False}
    weighted = ShoalClassifier(random_state=0, max_iter=5, **settings).fit(t, y, w)
    repeated = ShoalClassifier(random_state=0, max_iter=5, **settings).fit(t.take(rows), y[rows])
    assert weighted.encoding_.features == repeated.encoding_.features
    np.testing.assert_allclose(weighted.predict_proba(t), repeated.predict_proba(t), rtol=1e-9)

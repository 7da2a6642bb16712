"""Columns that are no features: row counters, ids and free text are set aside, and said to be."""

import re
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from shoal import ShoalClassifier, ShoalRegressor, ShoalWarning
from shoal.data.encode.encoding import SetAside
from shoal.data.encode.roles import of_text, of_whole_numbers

M = 200
rng = np.random.default_rng(0)
NUMBERS = rng.normal(size=M)
WORDS = rng.choice(["oak", "elm", "ash"], M)
y = (NUMBERS + (WORDS == "oak") > 0).astype(int)
QUICK = {"max_iter": 3, "members": 1, "random_state": 0}


def fitted(more, kind=ShoalClassifier, **settings):
    """A model of a table with one more column in front, what it warned of, and that column's plan."""
    table = pd.DataFrame({**more, "x": NUMBERS, "tree": WORDS})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ShoalWarning)
        model = kind(**QUICK, **settings).fit(table, y)
    told = [str(w.message) for w in caught if "set aside" in str(w.message)]
    return model, told, model.encoding_.columns[0]


SENTENCE = "the gate at the lower end of the garden was open when we came home, and number {} rang"
NO_FEATURES = {
    "an index of pandas": ("Unnamed: 0", np.arange(M), "row counter"),
    "a second index of pandas": ("Unnamed: 0.1", np.arange(M), "row counter"),
    "an index that was reset twice": ("level_0", np.arange(M), "row counter"),
    "a column without a name in R": ("...1", np.arange(1, M + 1), "row counter"),
    "a serial number": ("S.No", np.arange(1, M + 1), "row counter"),
    "a number in German": ("Kundennummer", rng.permutation(10**6)[:M], "an id"),
    "one that begins at 1": ("index", np.arange(1, M + 1), "row counter"),
    "a counter in steps": ("row number", np.arange(M) * 10, "row counter"),
    "shuffled": ("Unnamed: 0", rng.permutation(M), "row counter"),
    "of which a fifth was held out": ("", np.sort(rng.choice(250, M, False)), "row counter"),
    "a number of a customer": ("customer_id", rng.permutation(10**6)[:M], "an id"),
    "in one word": ("CustomerID", rng.permutation(10**6)[:M], "an id"),
    "id first": ("id_person", rng.permutation(10**6)[:M], "an id"),
    "an index of a table in Parquet": (
        "__index_level_0__",
        np.sort(rng.choice(10**6, M, False)),
        "an index of pandas",
    ),
    "text": ("key", [f"K-{i:05d}" for i in rng.permutation(M)], "an id"),
    "text that nearly always differs": ("who", [f"w{i % 195}" for i in range(M)], "an id"),
    "codes": ("plate", [f"0{i:04d}" for i in range(M)], "an id"),
    "sentences": ("note", [SENTENCE.format(i) for i in range(M)], "free text.*TfidfVectorizer"),
}


@pytest.mark.parametrize("case", NO_FEATURES)
def test_what_is_no_feature_is_set_aside_and_said_to_be(case):
    name, values, what = NO_FEATURES[case]
    model, told, plan = fitted({name: values})
    assert isinstance(plan, SetAside)
    assert len(told) == 1
    assert re.search(what, told[0])
    without, _, _ = fitted({})
    assert model.fingerprint_ == without.fingerprint_


FEATURES = {
    "fractions": ("id", NUMBERS + np.arange(M)),
    "whole numbers without such a name": ("area", rng.permutation(10**6)[:M]),
    "a word that only contains id": ("width", rng.permutation(10**6)[:M]),
    "a number of something": ("number_of_visits", rng.permutation(10**6)[:M]),
    "an index that repeats": ("index", np.arange(M) // 2),
    "an id with a second row each": ("customer_id", np.arange(M) // 2),
    "days": ("id", pd.date_range("2020-01-01", periods=M)),
    "an unnamed measurement": ("Unnamed: 0", rng.permutation(10**6)[:M]),
    "names of which some repeat": ("name", [f"n{i % 150}" for i in range(M)]),
}


@pytest.mark.parametrize("case", FEATURES)
def test_what_may_be_a_feature_is_used(case):
    name, values = FEATURES[case]
    _, told, plan = fitted({name: values})
    assert not isinstance(plan, SetAside) or plan.reason == "hardly any word comes twice"
    assert told == []


def test_words_and_numbers_bring_it_back():
    _, told, plan = fitted({"customer_id": np.arange(M)}, numbers=["customer_id"])
    assert (plan.kind, told) == ("number", [])
    _, told, plan = fitted({"key": [f"K{i // 2}" for i in range(M)]}, words=["key"])
    assert (plan.kind, told) == ("words", [])


def test_the_last_column_is_never_set_aside():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = ShoalRegressor(**QUICK).fit(pd.DataFrame({"id": np.arange(M)}), NUMBERS)
    assert model.encoding_.columns[0].kind == "number"


def test_columns_of_an_array_have_no_names_that_could_say_so():
    X = np.column_stack([np.arange(M), rng.integers(0, 5, M)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = ShoalClassifier(**QUICK).fit(X, y)
    assert [plan.kind for plan in model.encoding_.columns] == ["number", "number"]


def test_a_streamed_table_has_the_same_columns(tmp_path):
    table = pd.DataFrame({"Unnamed: 0": range(M), "customer_id": np.arange(M) * 7, "x": NUMBERS})
    table.assign(y=y).to_parquet(tmp_path / "t.parquet")
    with pytest.warns(ShoalWarning, match="set aside"):
        held = ShoalClassifier(**QUICK).fit(table, y)
    with pytest.warns(ShoalWarning, match="set aside"):
        streamed = ShoalClassifier(**QUICK, memory="1 GB").fit(tmp_path / "t.parquet", "y")
    assert held.encoding_ == streamed.encoding_
    assert [plan.kind for plan in held.encoding_.columns] == ["set aside", "set aside", "number"]


def test_what_is_set_aside_need_not_be_there_at_predict():
    table = pd.DataFrame({"id": np.arange(M), "x": NUMBERS, "tree": WORDS})
    with pytest.warns(ShoalWarning, match="row counter"):
        model = ShoalClassifier(**QUICK).fit(table, y)
    expected = model.predict_proba(table)
    np.testing.assert_array_equal(model.predict_proba(table.drop(columns="id")), expected)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(table.drop(columns="x"))


def test_many_such_columns_are_reported_in_a_few_lines():
    ids = {f"{word}_id": rng.permutation(10**6)[:M] for word in "abcdefgh"}
    _, told, _ = fitted(ids)
    assert len(told) == 4
    assert "5 more columns" in told[-1]


def test_too_few_values_prove_nothing():
    assert of_whole_numbers("customer_id", np.arange(10.0) * 7) is None
    assert of_text("key", pa.array([f"k{i}" for i in range(10)])) is None
    assert of_whole_numbers("index", np.arange(10.0)) is not None


def test_a_model_of_an_array_in_which_nothing_varies_takes_no_table_without_columns():
    with pytest.warns(ShoalWarning, match="varies"):
        model = ShoalRegressor(**QUICK).fit(np.ones((M, 2)), NUMBERS)
    with pytest.raises(ValueError, match="has 0 features"):
        model.predict(pd.DataFrame(index=range(3)))

"""A column that gives the target away, or repeats another, is reported, and no honest one is."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn import datasets

from shoal.data.encode.suspects import ROWS, counters, leaks, lines, may_leak, sample, twins

M = 2000
rng = np.random.default_rng(0)
X = rng.normal(size=M)
YES = (X + rng.normal(size=M) > 0).astype(int)
AMOUNT = np.exp(X) + rng.exponential(size=M)

LEAKS_OF_CLASSES = {
    "a copy": YES.astype(float),
    "in words": np.where(YES == 1, "won", "lost"),
    "with some noise": YES + rng.normal(0, 0.05, M),
    "only there for one class": [float(x) if yes else None for x, yes in zip(X, YES, strict=True)],
    "a date that is only there for one": [17000 if yes else None for yes in YES],
}
LEAKS_OF_NUMBERS = {
    "a copy": AMOUNT,
    "in another unit": 2.54 * AMOUNT + 1,
    "its logarithm": np.log(AMOUNT),
    "rounded": np.round(AMOUNT, 1),
}
HONEST = {
    "a good feature": X,
    "noise": rng.normal(size=M),
    "words": rng.choice(list("abc"), M),
    "an id": [f"k{i}" for i in range(M)],
    "a counter": np.arange(M),
    "one value": np.ones(M),
    "nothing": pa.nulls(M),
}


def told_of(values, y, *, classes):
    table = pa.table({"asked": pa.array(values), "other": rng.normal(size=M)})
    return [leak.column for leak in leaks(table, y, classes=classes)]


@pytest.mark.parametrize("case", LEAKS_OF_CLASSES)
def test_what_gives_a_class_away_is_found(case):
    assert told_of(LEAKS_OF_CLASSES[case], YES, classes=True) == ["asked"]


@pytest.mark.parametrize("case", LEAKS_OF_NUMBERS)
def test_what_gives_a_number_away_is_found(case):
    assert told_of(LEAKS_OF_NUMBERS[case], AMOUNT, classes=False) == ["asked"]


@pytest.mark.parametrize("m", [60, 400, M])
@pytest.mark.parametrize("kind", ["copy", "noisy", "codes", "rounded", "square"])
def test_the_quick_look_lets_every_leak_through_and_not_many_others(kind, m):
    some = np.random.default_rng(1)
    y, values = AMOUNT[:m], max(m // 12, 2)
    code = some.integers(0, values, m)  # each with its own answer
    columns = {
        "copy": (y, y), "noisy": (y + 0.05 * y.std() * some.normal(size=m), y),
        "codes": (some.permutation(values)[code], (some.permutation(values) % 2)[code]),
        "rounded": (np.round(y, 1), y), "square": (some.normal(size=m), None),
    }  # fmt: skip
    column, target = columns[kind]
    target = column**2 if target is None else target
    noise = some.normal(size=(m, 8))
    for classes in {target.dtype.kind == "i", False}:
        found = may_leak(np.c_[column, noise], target, classes=classes)
        assert found[0]
        assert not found[1:].any()
        if not classes:
            found = may_leak(np.c_[column, noise], (target > np.median(target)) + 0, classes=True)
            assert found[0]


@pytest.mark.parametrize("case", HONEST)
def test_what_is_honest_is_not_suspected(case):
    assert told_of(HONEST[case], YES, classes=True) == []
    assert told_of(HONEST[case], AMOUNT, classes=False) == []


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes", "digits"])
def test_no_column_of_a_well_known_table_is_suspected(name):
    data = getattr(datasets, f"load_{name}")(as_frame=True)
    table = pa.Table.from_pandas(data.data, preserve_index=False)
    assert leaks(table, data.target.to_numpy(), classes=name != "diabetes") == []


COUNTERS = {
    "in order": ("case", list(range(100)), True),
    "in any order, in steps": ("ticket", [10 * int(i) for i in rng.permutation(100)], True),
    "an id with a hole": ("customer_id", [1000 + i * i if i else None for i in range(100)], True),
    "a counter that is set aside": ("index", list(range(100)), False),
    "a measurement": ("people", [i * i * 977 for i in range(100)], False),
    "a number that repeats": ("case", [i // 2 for i in range(100)], False),
    "fractions": ("case", [i + 0.5 for i in range(100)], False),
}


@pytest.mark.parametrize("case", COUNTERS)
def test_a_column_that_may_count_the_rows_is_found(case):
    name, values, is_found = COUNTERS[case]
    found = counters(pa.table({name: values}))
    assert [one.column for one in found] == [name] * is_found
    assert all("row counter or an id" in line for line in lines(found))


def test_where_one_class_is_nearly_all_nothing_is_shown():
    rare = (np.arange(M) % 200 == 0).astype(int)
    assert told_of(rare.astype(float), rare, classes=True) == []


def test_of_rare_classes_most_of_the_error_must_go():
    rare = (np.arange(M) % 33 == 0).astype(int)  # a constant answer is right in 97 %
    wrong = np.arange(M) % 120 == 7
    assert told_of(np.where(wrong, 1 - rare, rare).astype(float), rare, classes=True) == []


def test_the_only_column_is_the_question_itself():
    assert leaks(pa.table({"x": AMOUNT}), AMOUNT, classes=False) == []


def test_columns_with_the_same_values_are_found_and_others_are_not():
    table = pa.table(
        {"a": X, "b": X + 0.0, "c": np.where(np.arange(M) == 7, 9.0, X), "d": YES, "e": pa.nulls(M),
         "f": pa.nulls(M)}
    )  # fmt: skip
    assert [(found.column, found.first) for found in twins(table)] == [("b", "a")]
    assert lines(twins(table)) == ['column "b" has the same values as "a".']


def test_the_sample_is_spread_over_the_rows():
    table, numbers = sample(pa.table({"i": np.arange(5 * ROWS)}), np.arange(5 * ROWS))
    assert table["i"].to_pylist() == numbers.tolist()
    assert (numbers // 5 == np.arange(ROWS)).all()  # one of each five, and not always the same
    assert set(numbers % 5) == set(range(5))


def test_tables_whose_kinds_come_by_turns_are_judged_by_all_kinds():
    turns = np.arange(M) % 2
    # A copy of the target in every second row alone says nothing of the others.
    half = np.where(turns == 1, YES, rng.integers(0, 2, M)).astype(float)
    assert told_of(half, YES, classes=True) == []
    assert told_of(np.where(turns == 0, YES, 1 - YES).astype(float), YES, classes=True) == []
    # Two kinds, of which each has its own class: the column says which, and is a leak.
    assert told_of(turns + rng.normal(0, 0.05, M), turns, classes=True) == ["asked"]
    _, numbers = sample(pa.table({"i": np.arange(2 * ROWS)}), np.arange(2 * ROWS))
    assert 0.4 < (numbers % 2).mean() < 0.6

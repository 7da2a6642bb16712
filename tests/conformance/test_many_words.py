"""Columns of very many words: none that has rows enough is thrown away, and memory stays small."""

import numpy as np
import pyarrow as pa
import pytest

import shoal
from shoal import ShoalClassifier
from shoal.data.encode import learning

QUICK = {"hidden": 3, "members": 1, "random_state": 0, "max_iter": 1, "batch_size": 4096}


def table(words, rows):
    word = np.random.default_rng(0).permutation(np.repeat(np.arange(words), rows))
    names = pa.array([f"word {i}" for i in range(words)])
    return pa.table({"w": pa.DictionaryArray.from_arrays(word.astype(np.int32), names)}), word


def words_of(model):
    (column,) = model.encoding_.columns
    return column.words


@pytest.mark.slow
def test_ten_thousand_words_are_learnt_saved_and_told_apart(tmp_path):
    rows, word = table(10_000, 100)
    y = word % 2
    model = ShoalClassifier(**QUICK | {"max_iter": 2, "learning_rate": 0.05}, words=["w"])
    model.fit(rows, y)
    # (Of a million rows 100,000 are looked at: of a hundred of a word hardly ever fewer than two.)
    assert len(words_of(model)) > 9950
    assert model.score(rows, y) > 0.9
    model.save(tmp_path / "m.shoal")
    few = rows.slice(0, 1000)
    np.testing.assert_array_equal(
        shoal.load(tmp_path / "m.shoal").predict_proba(few), model.predict_proba(few)
    )


@pytest.mark.parametrize(("rows", "expected"), [(299, 128), (300, 200)])
def test_beyond_the_first_words_only_those_of_many_rows(rows, expected):
    X, word = table(200, rows)
    assert len(words_of(ShoalClassifier(**QUICK).fit(X, word % 2))) == expected
    asked = ShoalClassifier(**QUICK, words=["w"]).fit(X, word % 2)
    assert len(words_of(asked)) == 200


def test_weights_count_as_rows():
    X, word = table(200, 150)
    w = np.where(word < 150, 2.0, 1.0)
    assert len(words_of(ShoalClassifier(**QUICK).fit(X, word % 2, w))) == 150


def test_no_code_is_larger_than_there_is_room(monkeypatch):
    assert learning.MOST_WORDS + 2 < 1 << 16
    monkeypatch.setattr(learning, "MOST_WORDS", 200)
    X, word = table(300, 30)
    model = ShoalClassifier(**QUICK, words=["w"]).fit(X, word % 2)
    assert len(words_of(model)) == 200
    assert words_of(model)[0] == "word 0"  # of equal frequency the first of the alphabet

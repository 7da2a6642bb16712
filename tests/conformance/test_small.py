"""Small tables: members of second order are the fit where they predict held out rows better."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import shoal
from shoal import ShoalClassifier, ShoalRegressor
from shoal.diagnosis.case import Given
from shoal.errors import ShoalWarning
from shoal.estimators import small
from shoal.estimators import train as base_train
from shoal.estimators.answers import Answers
from shoal.network.draws import normal

SEED = 5
x = np.linspace(-1, 1, 94)[:, np.newaxis]
CURVE = np.sin(3 * x[:, 0]) + 0.5 * np.cos(9 * x[:, 0])


def steps(m=300):
    """Numbers with jumps, which bins see better than a few smooth units."""
    X = normal(SEED, 0, 2 * m).reshape(m, 2)
    return X, np.floor(2 * X[:, 0]) % 2 + 0.1 * normal(SEED, 1, m)


def by_second_order(model):
    return model.fitted_.trained.solver == "lm"


def test_a_smooth_curve_is_learnt_by_members_of_second_order():
    model = ShoalRegressor(random_state=0).fit(x, CURVE)
    assert by_second_order(model)
    assert np.mean((model.predict(x) - CURVE) ** 2) < 1e-4 * CURVE.var()
    assert model.evidence_.alpha.shape == (8, 3)
    assert model.get_params()["solver"] == "auto"
    assert model.networks_[0].architecture[:3] == (1, 6, 1)


def test_jumps_are_left_to_the_usual_members():
    X, y = steps()
    model = ShoalRegressor(random_state=0).fit(X, y)
    assert not by_second_order(model)
    assert (
        model.fingerprint_ == ShoalRegressor(random_state=0, solver="adam").fit(X, y).fingerprint_
    )
    assert not hasattr(model, "evidence_")


@pytest.mark.parametrize(
    "wish",
    [{"solver": "adam"}, {"hidden": 64}, {"early_stopping": False}, {"alpha": 1e-3}, {"members": 8},
     {"warm_start": True}, {"n_iter_no_change": 15}, {"validation_fraction": 0.2}, {"encode": None}],
    ids=str,
)  # fmt: skip
def test_a_wish_for_the_training_is_met(wish):
    assert not by_second_order(ShoalRegressor(random_state=0, **wish).fit(x, CURVE))


def test_many_parameters_and_many_rows_are_left_to_the_usual_members(monkeypatch):
    monkeypatch.setattr(small, "PARAMETERS", 18)  # one less than 1 → 6 → 1 has
    assert not by_second_order(ShoalRegressor(random_state=0).fit(x, CURVE))
    monkeypatch.setattr(small, "PARAMETERS", 19)
    assert by_second_order(ShoalRegressor(random_state=0).fit(x, CURVE))
    monkeypatch.setattr(small, "ROWS", 94)
    assert not by_second_order(ShoalRegressor(random_state=0).fit(x, CURVE))


def test_files_threads_and_a_checkpoint_change_no_bit(tmp_path):
    table = pd.DataFrame({"x": x[:, 0], "y": CURVE})
    table.to_csv(tmp_path / "curve.csv", index=False)
    wanted = ShoalRegressor(random_state=0, n_jobs=1).fit(table[["x"]], table["y"])
    assert by_second_order(wanted)
    for given in (
        {"n_jobs": 2},
        {"checkpoint": tmp_path / "kept"},
        {"checkpoint": tmp_path / "kept"},
    ):
        model = ShoalRegressor(random_state=0, **given).fit(table[["x"]], table["y"])
        assert model.fingerprint_ == wanted.fingerprint_
    streamed = ShoalRegressor(random_state=0, memory="1GiB").fit(tmp_path / "curve.csv", "y")
    assert streamed.fingerprint_ == wanted.fingerprint_


def test_a_saved_model_knows_how_it_was_trained(tmp_path):
    model = ShoalRegressor(random_state=0).fit(x, CURVE)
    model.save(tmp_path / "m.shoal")
    again = shoal.load(tmp_path / "m.shoal")
    assert by_second_order(again)
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert shoal.diagnose(again, x, CURVE).healthy


def test_both_kinds_of_members_hold_out_the_same_rows(monkeypatch):
    seen = []

    def listen(*both):
        for learnt in both:
            seeds, rows = learnt.starts.seeds, learnt.rows
            seen.append([list(held.rows) for seed in seeds for held in rows.held(seed)])
        return predicts_better(*both)

    predicts_better = small._predicts_better
    monkeypatch.setattr(small, "_predicts_better", listen)
    model = ShoalRegressor().fit(x, CURVE)  # a seed that was drawn
    assert by_second_order(model)
    second, usual = seen
    assert usual == second
    assert len(usual) == 8
    assert len(usual[0]) == 14


def test_weights_labels_and_several_targets():
    w = np.where(x[:, 0] > 0, 2.0, 0.5)
    assert by_second_order(ShoalRegressor(random_state=0).fit(x, CURVE, sample_weight=w))
    two = ShoalRegressor(random_state=0).fit(x, np.column_stack([CURVE, -CURVE]))
    assert two.predict(x).shape == (94, 2)
    labels = np.column_stack([CURVE > 0, x[:, 0] > 0]).astype(int)
    assert ShoalClassifier(random_state=0).fit(x, labels).predict(x).shape == (94, 2)
    tied = ShoalRegressor(random_state=0).fit(x, CURVE, groups=np.arange(94) // 5)
    assert by_second_order(tied)


def test_what_a_fit_has_learnt_can_be_continued():
    labels = CURVE > 0
    model = ShoalClassifier(random_state=0).fit(x, labels)
    units = model.networks_[0].architecture.n_h
    model.partial_fit(x, labels)
    assert model.networks_[0].architecture.n_h == units
    model.set_params(warm_start=True).fit(x, labels)
    assert model.networks_[0].architecture.n_h == units
    regressor = ShoalRegressor(random_state=0).fit(x, CURVE)
    regressor.set_params(warm_start=True).fit(x, CURVE)
    assert regressor.networks_[0].architecture.n_h == 6


def test_an_interruption_of_the_others_leaves_the_usual_members(monkeypatch):
    real = small.train_members

    def interrupted(*given, **more):
        found = real(*given, **more)
        history = found.fitted.history._replace(interruption=KeyboardInterrupt())
        return replace(found, fitted=found.fitted.replaced(history=history))

    monkeypatch.setattr(small, "train_members", interrupted)
    with pytest.warns(shoal.ShoalWarning, match="interrupted"):
        model = ShoalRegressor(random_state=0).fit(x, CURVE)
    assert not by_second_order(model)
    assert isinstance(model.interruption_, KeyboardInterrupt)
    assert set(model.endings_) == {"interrupted"}


def noise(kind, m=200):
    """Columns, and a target that has nothing to do with them."""
    X = normal(SEED, 2, 5 * m).reshape(m, 5)
    y = normal(SEED, 3, m)
    return X, y if kind is ShoalRegressor else (y > 0.3).astype(int)


@pytest.mark.parametrize("kind", [ShoalClassifier, ShoalRegressor])
def test_of_noise_the_answer_is_constant_and_this_is_said(kind, tmp_path):
    X, y = noise(kind)
    with pytest.warns(ShoalWarning, match="not clearly better than a constant answer"):
        model = kind(random_state=0).fit(X, y)
    answers = model.predict_proba(X)[:, 1] if kind is ShoalClassifier else model.predict(X)
    np.testing.assert_allclose(answers, y.mean(), rtol=1e-5)
    assert model.diagnosis_.healthy
    assert model.diagnosis_.names == ("constant-answer",)
    assert str(model.diagnosis_).startswith("healthy: a constant answer")
    model.save(tmp_path / "m.shoal")
    assert shoal.load(tmp_path / "m.shoal").fingerprint_ == model.fingerprint_


def test_constant_answers_follow_weights_and_labels():
    X, y = noise(ShoalClassifier)
    weights = np.where(y == 1, 3.0, 1.0)
    labels = np.column_stack([y, 1 - y])
    with pytest.warns(ShoalWarning, match="constant answer"):
        model = ShoalClassifier(random_state=0).fit(X, y, sample_weight=weights)
    with pytest.warns(ShoalWarning, match="constant answer"):
        several = ShoalClassifier(random_state=0).fit(X, labels)
    p = np.average(y, weights=weights)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], p, rtol=1e-5)
    np.testing.assert_allclose(
        several.predict_proba(X), [[y.mean(), 1 - y.mean()]] * 200, rtol=1e-5
    )


def test_a_weak_relation_is_not_taken_for_noise():
    X, _ = noise(ShoalRegressor)
    y = X[:, 0] + normal(SEED, 3, 200)
    model = ShoalRegressor(random_state=0).fit(X, y)
    assert np.corrcoef(model.predict(X), X[:, 0])[0, 1] > 0.8


def parity(bits):
    X = np.indices((2,) * bits).reshape(bits, -1).T.astype(float)
    return X, X.sum(axis=1) % 2


def test_classes_of_fewer_than_50_rows_are_left_to_the_evidence():
    X, y = parity(5)
    model = ShoalClassifier(random_state=0).fit(X, y)
    assert by_second_order(model)
    assert (model.predict(X) == y).all()
    numbers = ShoalRegressor(random_state=0).fit(x[:49], CURVE[:49])
    assert not by_second_order(numbers)


@pytest.mark.parametrize(("words", "seed"), [(False, 1), (True, 0)])  # not all seeds learn it
def test_a_truth_table_is_learnt_without_rows_held_out(words, seed):
    X, y = parity(6)
    table = pd.DataFrame(X, columns=list("abcdef"))
    if words:
        table = table.replace({0.0: "no", 1.0: "yes"})
    model = ShoalClassifier(random_state=seed).fit(table, y)
    assert by_second_order(model)
    assert (model.predict(table) == y).all()


def test_what_the_usual_members_learn_of_a_truth_table_is_theirs():
    X, _ = parity(6)
    model = ShoalClassifier(random_state=0).fit(X, X[:, 0])
    assert not hasattr(model, "evidence_")


def is_truth_table(table, **more):
    return small.is_truth_table(
        SimpleNamespace(m=len(table), given=lambda: Given(table, None, **more))
    )


def test_a_truth_table_has_every_combination_of_two_values_once():
    X, _ = parity(6)
    words = pa.table(
        {name: np.where(column, "yes", "no") for name, column in zip("abcdef", X.T, strict=True)}
    )
    assert is_truth_table(X)
    assert is_truth_table(words)
    assert not is_truth_table(X, validated=True)  # there are other rows
    assert not is_truth_table(X[:-1])
    assert not is_truth_table(np.vstack([X[:-1], X[:1]]))  # one row twice, and one missing
    assert not is_truth_table(np.arange(64.0).reshape(64, 1) * np.ones(6))


def test_of_the_first_members_the_better_one_counts(monkeypatch):
    monkeypatch.setattr(small, "_losses", lambda losses: losses)
    usual = [4.0, 4.0, 4.0]
    assert small._promises([9.0, 3.9], usual)
    assert not small._promises([4.0, 9.0], usual)


@pytest.mark.parametrize(
    ("second", "better"),
    [([0, 0, 1, 1], True),  # half squares: 0.25 better, with an error of 0.125
     ([0, 0, 0, 1.7], False),  # 0.14, with an error of 0.2
     ([0, 0, 0, np.inf], False), ([1, 1, 1, 1], False)],
)  # fmt: skip
def test_all_members_must_be_better_by_more_than_the_standard_error(second, better):
    def says(A2):
        A2 = np.array([A2], float)
        return Answers(np.arange(4), A2, np.zeros_like(A2), np.ones(4))

    shape = SimpleNamespace(architecture=SimpleNamespace(output="identity"))
    found = SimpleNamespace(unseen=says(second))
    usual = SimpleNamespace(unseen=says([1, 1, 1, 1]), fitted=shape)
    assert small._predicts_better(found, usual) is better


def test_what_is_not_kept_is_not_examined_and_no_member_is_trained_twice(monkeypatch):
    examined, trained = [], []
    examine, train = base_train.findings_of, base_train.train
    monkeypatch.setattr(
        base_train, "findings_of", lambda *a, **k: examined.append(0) or examine(*a, **k)
    )
    monkeypatch.setattr(base_train, "train", lambda *a, **k: trained.append(0) or train(*a, **k))
    model = ShoalRegressor(random_state=0).fit(x, CURVE)
    assert by_second_order(model)
    assert (len(examined), len(trained)) == (1, 16)


def test_the_first_members_are_those_of_a_fit_that_trains_all_at_once(monkeypatch):
    model = ShoalRegressor(random_state=0).fit(x, CURVE)
    monkeypatch.setattr(small, "FIRST", 8)
    assert model.fingerprint_ == ShoalRegressor(random_state=0).fit(x, CURVE).fingerprint_


def test_a_member_whose_evidence_cannot_be_found_has_its_place_in_the_file(tmp_path):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=200), rng.normal(size=200)])[:24]
    model = ShoalClassifier(random_state=0, n_jobs=1).fit(X, X[:, 0] > 0)
    found = model.evidence_.log_evidence
    assert len(found) == len(model.fitted_.networks)
    model.save(tmp_path / "model.shoal")
    again = shoal.load(tmp_path / "model.shoal")
    assert np.array_equal(again.evidence_.log_evidence, found, equal_nan=True)
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert np.isnan(found).any()  # else this case shows nothing

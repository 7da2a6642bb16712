"""The study of initialisations: its trials are the lecture's trainings, whatever runs beside them."""

import dataclasses
import importlib
import json

import numpy as np
import pytest

import shoal
from shoal import Network, init_study
from shoal.diagnosis import trials
from shoal.errors import DataError, SettingError

# An even number of points, so that none is where tan is 0 or endless.
X = ((np.arange(40) + 0.5) / 40 * 2 * np.pi - np.pi)[:, np.newaxis]
SIGN = np.sign(np.tan(X[:, 0]))
SOME = {"schemes": ["zeros", "lecture", 1.0], "seeds": 4, "iterations": 400}


@pytest.fixture(scope="module")
def study():
    return init_study(X, SIGN, **SOME)


def test_the_bits_do_not_depend_on_threads(study):
    for n_jobs in (1, 3):
        other = init_study(X, SIGN, **SOME, n_jobs=n_jobs)
        assert other.trials == study.trials
        assert other.schemes == study.schemes
        assert other.goal == study.goal


def test_a_trial_is_a_training_of_the_lecture(study):
    net = Network.initialise(1, 4, 1, seed=2, scale="lecture")
    Y = (SIGN > 0).astype(float)[np.newaxis]
    trained, costs = net.descend(X.T, Y, learning_rate=1.2, iterations=400)
    trial = next(t for t in study.trials if (t.scheme, t.seed) == ("0.01 (lecture)", 2))
    assert trial.start_cost == costs[0]
    assert trial.final_cost == trained.cost(X.T, Y)
    below = np.append(costs, trained.cost(X.T, Y)) <= study.goal
    assert trial.until == (int(below.argmax()) if below.any() else None)


def test_zeros_never_learn_and_stay_one_unit(study):
    zeros = study.schemes[0]
    assert zeros.scheme == "zeros"
    assert (zeros.learnt, zeros.until, zeros.distinct) == (0.0, None, 1.0)
    assert zeros.cost == pytest.approx(study.constant)
    alone = init_study(X, SIGN, schemes=["zeros"], seeds=2, iterations=50)
    assert alone.schemes[0].learnt == 0


def test_a_large_draw_saturates():
    some = init_study(X, SIGN, schemes=[0.01, 1.0, 30.0], seeds=5, iterations=1)
    start = [scheme.saturated_start for scheme in some.schemes]
    assert start == sorted(start)
    assert start[0] == 0
    assert start[-1] > 0.5
    relu = init_study(X, SIGN, schemes=[30.0], seeds=2, iterations=1, activation="relu")
    assert relu.schemes[0].saturated_start == 0


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "y", [SIGN, np.sin(X[:, 0]), np.arange(40) // 14], ids=["two", "number", "three"]
)
def test_any_question(y, dtype):
    some = init_study(X, y, schemes=["zeros", 1.0], seeds=2, iterations=50, dtype=dtype)
    zeros, ones = some.schemes
    assert ones.cost < zeros.cost == pytest.approx(some.constant, rel=0.02)
    assert some.settings["dtype"] == dtype


def test_what_diverges_has_not_learnt():
    some = init_study(
        X, 100 * X[:, 0] + 0.5, schemes=[1.0], seeds=2, iterations=200, learning_rate=9.0
    )
    assert some.schemes[0].learnt == 0
    assert some.schemes[0].cost == np.inf
    assert some.to_dict()["schemes"][0]["cost"] is None


def test_a_study_is_a_table(study):
    text = str(study)
    assert text == repr(study)
    assert "0.01 (lecture)" in text
    assert "0 of 4" in text
    frame = study.frame()
    assert list(frame["scheme"]) == ["zeros", "0.01 (lecture)", "1"]
    assert len(study.frame(trials=True)) == len(study.trials) == 12
    plain = json.loads(json.dumps(study.to_dict(), allow_nan=False))
    assert plain["goal"] == study.goal
    assert len(plain["trials"]) == 12


def test_a_frame_comes_from_what_is_installed(study, monkeypatch):
    whole = importlib.import_module

    def without(name, *more):
        if name in ("pandas", "polars"):
            raise ImportError(name)
        return whole(name, *more)

    monkeypatch.setattr("shoal.diagnosis.study.importlib.import_module", without)
    assert study.frame().column_names[0] == "scheme"


def test_progress_is_told():
    told = []
    init_study(X, SIGN, **SOME, progress=lambda done, n: told.append((done, n)))
    assert told == [(i, 12) for i in range(1, 13)]


def test_an_interruption_keeps_what_is_there():
    def impatient(done, n):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.warns(shoal.ShoalWarning, match="interrupted"):
        some = init_study(X, SIGN, **SOME, progress=impatient, n_jobs=1)
    assert 5 <= len(some.trials) < 12
    assert isinstance(some.interruption, KeyboardInterrupt)
    assert some.to_dict()["interrupted"] is True
    # What is there is what would have been there.
    whole = init_study(X, SIGN, **SOME, goal=some.goal)
    assert set(some.trials) <= set(whole.trials)


def test_an_interruption_before_anything_is_one(monkeypatch):
    def impatient(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(trials, "as_completed", impatient)
    with pytest.raises(KeyboardInterrupt):
        init_study(X, SIGN, schemes=[1.0], seeds=1, iterations=10**8)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"schemes": []}, SettingError, "at least one"),
        ({"schemes": "lecture"}, SettingError, "a list"),
        ({"schemes": ["xavier"]}, SettingError, "xavier"),
        ({"schemes": [1, 1.0]}, SettingError, "twice"),
        ({"seeds": 0}, SettingError, "seeds=0"),
        ({"seeds": []}, SettingError, "at least one"),
        ({"iterations": 0}, SettingError, "iterations=0"),
        ({"iterations": 10**15}, SettingError, "memory"),
        ({"goal": -1}, SettingError, "goal"),
        ({"dtype": "int8"}, SettingError, "dtype"),
        ({"task": "rank"}, SettingError, "task"),
        ({"learning_rate": 0}, SettingError, "learning_rate"),
        ({"X": X[:3]}, DataError, "3 rows"),
        ({"X": X * np.nan}, DataError, "NaN"),
        ({"X": [["a"]]}, DataError, "shoal study"),
        ({"X": X[:, 0]}, DataError, "shape"),
        ({"y": np.ones(40)}, DataError, "one class"),
        ({"y": SIGN * np.inf}, DataError, "infinity"),
        ({"y": ["a"] * 40, "task": "regression"}, DataError, "numbers"),
    ],
    ids=str,
)  # fmt: skip
def test_a_study_that_cannot_be(changes, error, said):
    given = {"X": X, "y": SIGN} | SOME | changes
    with pytest.raises(error, match=said):
        init_study(given.pop("X"), given.pop("y"), **given)


# --- rows held out ------------------------------------------------------------------------


def halves(m=120):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(2 * m, 2))
    return X[:m], X[m:], (X[:, 0] * X[:, 1] > 0).astype(int)


def test_costs_of_rows_held_out_are_those_of_the_trained_networks():
    X, V, y = halves()
    how = {"schemes": [1.0, "auto"], "seeds": 2, "iterations": 50}
    study = init_study(X, y[:120], X_val=V, y_val=y[120:], **how)
    for trial in study.trials:
        scheme = "auto" if trial.scheme == "auto" else 1.0
        net = Network.initialise(2, 4, 1, seed=trial.seed, scale=scheme)
        net, _ = net.descend(X.T, y[np.newaxis, :120], learning_rate=1.2, iterations=50)
        assert trial.held_cost == pytest.approx(net.cost(V.T, y[np.newaxis, 120:]), rel=1e-12)
    without = init_study(X, y[:120], **how)
    assert [t.final_cost for t in without.trials] == [t.final_cost for t in study.trials]
    assert "held-out cost" in str(study)
    assert "held-out cost" not in str(without)
    assert (without.trials[0].held_cost, study.settings["held_rows"]) == (None, 120)


def test_an_advice_that_rows_held_out_contradict_is_not_given():
    X, V, y = halves()
    study = init_study(
        X, y[:120], X_val=V, y_val=y[120:], schemes=["zeros", "auto"], seeds=8, iterations=60
    )
    worse = [row._replace(held_cost=9.0) if row.scheme == "auto" else row for row in study.schemes]
    low = [t._replace(final_cost=1e-3) if t.scheme == "zeros" else t for t in study.trials]
    won = dataclasses.replace(study, trials=tuple(low), schemes=tuple(worse))
    assert won.advice.startswith("advice: init='zeros'")
    assert "on rows held out the median costs are" in won.advice
    better = [row._replace(held_cost=0.1) if row.scheme == "auto" else row for row in study.schemes]
    lost = dataclasses.replace(won, schemes=tuple(better))
    assert lost.advice.startswith('advice: keep the default, init="auto".')


def test_rows_held_out_that_do_not_fit_are_refused():
    X, V, y = halves()
    for wrong, said in (
        ({"X_val": V}, "y_val"),
        ({"X_val": V[:, :1], "y_val": y[120:]}, "2 columns"),
        ({"X_val": V, "y_val": y[120:] + 7}, "a class that is not in y"),
    ):
        with pytest.raises(DataError, match=said):
            init_study(X, y[:120], seeds=1, iterations=1, **wrong)

"""A search for a better model: the same bits anywhere, wishes kept, and one ordinary model."""

import json
import pickle
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import shoal
from shoal import ModelFileError, SettingError, ShoalClassifier, ShoalRegressor, ShoalWarning
from shoal.compute.builds import Stop
from shoal.estimators import choice, effort, entrants, noise, search, small
from shoal.estimators.answers import (
    Answers,
    Deviations,
    excess_of,
    greedy,
    loss_of,
    mixture,
    pooled,
)  # fmt: skip
from shoal.estimators.portfolio import PORTFOLIO, candidates
from shoal.estimators.prepare import Prepared
from shoal.estimators.reading import from_document
from shoal.estimators.saving import to_document
from shoal.network.draws import normal
from shoal.settings import FIELDS, Settings
from shoal.training.members import train_all

QUICK = {"members": 4, "max_iter": 12, "random_state": 0, "effort": 2}
M = 160


def table(m=M):
    """Numbers with holes, words, and a target with jumps."""
    x = normal(5, 0, 3 * m).reshape(m, 3)
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    frame["a"] = frame["a"].where(np.arange(m) % 9 > 0)
    frame["word"] = np.where(x[:, 2] > 0, "high", "low")
    y = np.floor(2 * x[:, 1]) % 2 + 0.3 * x[:, 2] + 0.1 * normal(5, 1, m)
    return frame, y


@pytest.fixture(scope="module")
def numbers():
    X, y = table()
    return ShoalRegressor(**QUICK).fit(X, y), X, y


@pytest.fixture(scope="module")
def classes():
    X, y = table()
    return ShoalClassifier(**QUICK).fit(X, np.where(y > 0.5, "yes", "no")), X, y > 0.5


def test_the_same_bits_on_any_number_of_threads(numbers):
    model, X, y = numbers
    again = ShoalRegressor(**QUICK, n_jobs=1).fit(X, y)
    assert again.fingerprint_ == model.fingerprint_
    assert again.search_results_ == model.search_results_
    assert (
        ShoalRegressor(**{**QUICK, "random_state": 1}).fit(X, y).fingerprint_ != model.fingerprint_
    )


@pytest.mark.parametrize("which", ["numbers", "classes"])
def test_one_ordinary_model_comes_out(which, request, tmp_path):
    model, X, _ = request.getfixturevalue(which)
    assert len({network.architecture for network in model.networks_}) == 1
    assert len(model.networks_) == len(model.member_seeds_) >= 4
    model.save(tmp_path / "m.shoal")
    again = shoal.load(tmp_path / "m.shoal")
    assert np.array_equal(again.predict(X), model.predict(X))
    assert again.search_results_ == model.search_results_
    assert again.fitted_.search == model.fitted_.search
    assert again.get_params() == model.get_params()
    assert model.export(tmp_path / "m.sql")
    assert model.explain(X[:3], background=X[3:30]).values.shape[0] == 3
    assert model.diagnosis_.healthy or model.diagnosis_.findings
    assert shoal.diagnose(model, X, model.predict(X)) is not None
    if which == "numbers":
        low, high = model.predict_interval(X, 0.8).T
        assert (low < high).all()


@pytest.mark.parametrize(
    "damage",
    [{"kind": 99}, {"first_members": 10**6}, {"tried": []}, {"loss": "low"}, {"work": 1.0},
     {"tried": [{"settings": {"hidden": -1}}]}, {"tried": [{"settings": {"width": 3}}]}],
    ids=str,
)  # fmt: skip
def test_a_search_that_fits_no_model_is_refused(numbers, damage):
    document, tensors = to_document(numbers[0].fitted_, "regressor")
    document = json.loads(json.dumps(document))
    assert from_document(document, tensors)[2].search == numbers[0].fitted_.search
    tried = [{**document["search"]["tried"][0], **one} for one in damage.get("tried", ())]
    document["search"] |= damage | ({"tried": tried} if "tried" in damage else {})
    with pytest.raises(ModelFileError):
        from_document(document, tensors)


def test_what_is_told_of_a_search(numbers):
    model, _, _ = numbers
    search = model.fitted_.search
    first, *others = model.search_results_
    assert first["candidate"] == "default"
    assert first["difference"] == first["error"] == 0
    assert others
    assert sum(one["weight"] for one in model.search_results_) == pytest.approx(1)
    assert all(one["work"] > 0 and one["members"] >= 2 for one in others)
    assert search.usual_work < search.work <= effort.BUDGETS[2] * search.usual_work
    assert 0 < search.predict_cost <= 8
    with pytest.raises(AttributeError, match="effort=1"):
        _ = ShoalRegressor(hidden=2, members=1, max_iter=2).fit(*table()).search_results_


def test_the_result_is_no_worse_on_the_rows_that_judge(numbers):
    model, _, _ = numbers
    search = model.fitted_.search
    weights = {one["candidate"]: one["weight"] for one in model.search_results_ if one["weight"]}
    if search.loss >= search.usual_loss:
        assert weights == {"default": 1.0}
    else:
        assert search.first.weight > 0


@pytest.mark.parametrize(
    "wish",
    [{"hidden": 5}, {"activation": "relu"}, {"bins": 3}, {"learning_rate": 0.02}, {"early_stopping": True}],
    ids=str,
)  # fmt: skip
def test_a_wish_is_kept_by_every_candidate(wish):
    X, y = table()
    model = ShoalRegressor(**QUICK, **wish).fit(X, y)
    (name, value), *_ = wish.items()
    assert all(name not in one["settings"] for one in model.search_results_)
    if name in ("hidden", "activation"):
        shape = model.networks_[0].architecture
        assert {"hidden": shape.n_h, "activation": shape.activation}[name] == value
    assert getattr(model.fitted_.trained, name) == value


def test_more_members_of_the_fit_without_a_search_are_work_and_cost_of_the_search(monkeypatch):
    X, y = table()
    monkeypatch.setattr(choice, "SURE", 1e9)
    monkeypatch.setattr(choice, "SURER", 1e9)
    model = ShoalRegressor(**{**QUICK, "effort": 4, "hidden": 5}).fit(X, y)
    search = model.fitted_.search
    assert len(model.networks_) == search.tried[0].members == 12
    assert search.predict_cost == 3
    assert search.usual_work < search.tried[0].work
    again = ShoalRegressor(**{**QUICK, "effort": 2, "hidden": 5}).fit(X, y).fitted_.search
    assert search.usual_work == again.usual_work == again.tried[0].work


def test_candidates_are_allowed_and_no_two_are_the_same():
    for asked in (Settings(), Settings(hidden=16), Settings(bins=8)):
        found = [repr(sorted(one.items())) for one in candidates(asked, numbers=True)]
        assert len(set(found)) == len(found)
    assert all(Settings(**one) and set(one) <= set(FIELDS) for one in PORTFOLIO)


def test_a_search_of_ones_own_has_the_values_of_the_candidates():
    space = shoal.search_space()
    assert all(FIELDS[name].kind.check(name, v) == v for name in space for v in space[name])
    usual = Settings()
    for one in PORTFOLIO:
        assert all(
            value in space[name] or (name, value) == ("hidden", 0) for name, value in one.items()
        )
    assert all(getattr(usual, n) in (*space[n], "auto") for n in space)
    space["hidden"].clear()
    assert shoal.search_space()["hidden"]


def test_no_candidate_has_more_bins_than_there_are_without_a_search(numbers):
    model, _, _ = numbers
    assert all(one["settings"].get("bins", 0) < 8 for one in model.search_results_)


@pytest.mark.parametrize("encode", ["auto", None])
def test_where_no_column_has_bins_no_candidate_has_others(encode):
    X, y = table()
    words = X[["word"]].assign(other=np.where(X["b"] > 0, "x", "z"))
    model = ShoalRegressor(**QUICK, encode=encode).fit(words if encode else X[["b", "c"]], y)
    assert not any("bins" in one["settings"] for one in model.search_results_)


def test_a_prediction_costs_no_more_than_it_may():
    X, y = table()
    model = ShoalRegressor(**QUICK, max_predict_cost=1.0).fit(X, y)
    assert model.fitted_.search.predict_cost <= 1.0
    assert model.networks_[0].architecture.n_h * len(model.networks_) <= 64 * 4


def test_groups_stay_on_one_side_of_every_choice(monkeypatch):
    X, y = table()
    groups = np.arange(M) // 4
    seen = []
    real = choice._halves

    def watched(ground, base, n):
        halves = real(ground, base, n)
        seen.append((pooled(base.answers[:n]).numbers, halves))
        return halves

    monkeypatch.setattr(choice, "_halves", watched)
    ShoalRegressor(**QUICK).fit(X, y, groups=groups)
    (held, (odd, even)), *_ = seen
    assert odd.any()
    assert even.any()
    assert not set(groups[held[odd]]) & set(groups[held[even]])


def test_a_score_that_is_asked_for_chooses_one_candidate(classes):
    _, X, y = classes
    model = ShoalClassifier(**QUICK, scoring="accuracy").fit(X, y)
    assert sorted(one["weight"] for one in model.search_results_)[-2:] == [0.0, 1.0]
    assert model.search_results_[0]["judged"] == 4  # members, not rows
    assert -1 <= model.search_results_[0]["loss"] <= 0  # minus the accuracy


def test_an_interruption_keeps_the_fit_without_a_search(numbers, monkeypatch):
    _, X, y = numbers
    usual = ShoalRegressor(**{**QUICK, "effort": 1}).fit(X, y)

    def interrupted(jobs, threads, *more):
        trained = train_all(jobs[:1], threads)
        return [trained[0]._replace(ending="interrupted", interruption=KeyboardInterrupt())]

    monkeypatch.setattr(entrants, "train_all", interrupted)
    with pytest.warns(ShoalWarning, match="interrupted"):
        model = ShoalRegressor(**QUICK).fit(X, y)
    assert model.fingerprint_ == usual.fingerprint_
    assert isinstance(model.interruption_, KeyboardInterrupt)
    assert len(model.search_results_) == 1


@pytest.mark.parametrize("after", ["in a training", "between trainings"])
def test_an_interruption_keeps_what_rounds_before_have_found(numbers, monkeypatch, after):
    _, X, y = numbers
    rounds = []

    def interrupted(jobs, threads, *more):
        rounds.append(len(jobs))
        if len(rounds) == 1:
            return train_all(jobs, threads)
        if after == "between trainings":
            raise KeyboardInterrupt
        done = train_all(jobs[:1], threads)[0]
        return [done._replace(ending="interrupted", interruption=KeyboardInterrupt())]

    monkeypatch.setattr(entrants, "train_all", interrupted)
    with pytest.warns(ShoalWarning, match="interrupted"):
        model = ShoalRegressor(**QUICK).fit(X, y)
    assert len(rounds) == 2
    assert isinstance(model.interruption_, KeyboardInterrupt)
    tried = model.search_results_
    assert [one["members"] for one in tried] == [4] + [2] * (len(tried) - 1)
    assert len(tried) > 2
    assert sum(one["weight"] for one in tried) == pytest.approx(1)
    assert np.isfinite(model.predict(X)).all()


def test_seconds_become_the_largest_effort_that_fits_in(numbers):
    usual = numbers[0].fitted_.replaced(history=numbers[0].fitted_.history._replace(seconds=2.0))
    for seconds, expected in ((12.0, 2), (39.9, 2), (40.0, 3), (320.0, 5), (1e6, 5)):
        found = effort.in_time(Settings(time_budget=seconds), usual)
        assert (found.effort, found.time_budget) == (expected, None)
    with pytest.warns(ShoalWarning, match=r"time_budget=11\.9 is too short.*up to 12 seconds"):
        assert effort.in_time(Settings(time_budget=11.9), usual).effort == 1
    asked = Settings(effort=4)
    assert effort.in_time(asked, usual) is asked


def test_a_search_by_seconds_keeps_the_effort_that_repeats_it(numbers, monkeypatch, tmp_path):
    wanted, X, y = numbers
    monkeypatch.setattr(effort, "BUDGETS", {2: effort.BUDGETS[2]})
    model = ShoalRegressor(**{**QUICK, "effort": 1}, time_budget=1e6).fit(X, y)
    assert model.fingerprint_ == wanted.fingerprint_
    assert model.get_params()["time_budget"] == 1e6
    model.save(tmp_path / "m.shoal")
    again = shoal.load(tmp_path / "m.shoal").get_params()
    assert (again["effort"], again["time_budget"]) == (2, None)


def test_a_search_by_seconds_of_a_small_table_tries_the_same_as_one_by_effort(monkeypatch):
    monkeypatch.setattr(effort, "BUDGETS", {2: effort.BUDGETS[2]})
    x = np.linspace(-1, 1, 94)[:, np.newaxis]
    for y in (np.sin(3 * x[:, 0]) + 0.5 * np.cos(9 * x[:, 0]), x[:, 0] + normal(4, 0, 94)):
        found, wanted = (
            ShoalRegressor(random_state=0, max_predict_cost=4, **how).fit(x, y)
            for how in ({"time_budget": 1e6}, {"effort": 2})
        )
        assert found.fingerprint_ == wanted.fingerprint_
        assert found.search_results_ == wanted.search_results_


@pytest.mark.parametrize(
    "other",
    [{"effort": 2}, {"checkpoint": "folder"}, {"warm_start": True}, {"engine": "local"},
     {"memory": "1GiB"}, {"early_stopping": False}],
    ids=str,
)  # fmt: skip
def test_what_a_search_by_seconds_cannot_respect_is_refused_by_name(other):
    with pytest.raises(SettingError, match="time_budget") as caught:
        ShoalRegressor(time_budget=60, **other).fit(*table(60))
    assert caught.value.setting == "time_budget"
    with pytest.raises(SettingError, match=r"time_budget=60.* partial_fit searches nothing"):
        ShoalRegressor(time_budget=60).partial_fit(*table(60))


@pytest.mark.parametrize("networks", [2, 7])
def test_a_search_that_was_interrupted_goes_on_to_the_same_bits(numbers, networks, tmp_path):
    usual, X, y = numbers
    told = []

    def interrupt(report):
        told.append(report)
        if report.note and sum(bool(one.note) for one in told) == networks:
            raise KeyboardInterrupt

    kept = {**QUICK, "checkpoint": tmp_path / "kept"}
    with pytest.warns(ShoalWarning, match="interrupted"):
        model = ShoalRegressor(**kept, n_jobs=1, verbose=interrupt).fit(X, y)
    assert isinstance(model.interruption_, KeyboardInterrupt)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.checkpoint")}
    assert len(files) >= 4 + networks - 1
    again = ShoalRegressor(**kept).fit(X, y)
    assert again.fingerprint_ == usual.fingerprint_
    assert again.search_results_ == usual.search_results_
    assert all(path.stat().st_mtime_ns == then for path, then in files.items())  # none again


@pytest.mark.parametrize("after", [1, 2])
def test_a_search_goes_on_where_single_networks_were_interrupted(
    numbers, after, tmp_path, monkeypatch
):
    usual, X, y = numbers
    kept, rounds = {**QUICK, "checkpoint": tmp_path / "kept"}, []

    def interrupted(jobs, threads, *more):
        rounds.append(len(jobs))
        if len(rounds) < after:
            return train_all(jobs, threads)
        stop = Stop()
        stop.request()
        done = train_all([lambda threads, _, report: jobs[0](threads, stop, report)], 1)
        assert done[0].ending == "interrupted"
        return done

    with monkeypatch.context() as patched:
        patched.setattr(entrants, "train_all", interrupted)
        with pytest.warns(ShoalWarning, match="interrupted"):
            ShoalRegressor(**kept).fit(X, y)
    assert ShoalRegressor(**kept).fit(X, y).fingerprint_ == usual.fingerprint_


def test_another_effort_goes_on_with_the_networks_that_are_there(numbers, tmp_path):
    usual, X, y = numbers
    kept = {**QUICK, "checkpoint": tmp_path / "kept"}
    ShoalRegressor(**{**kept, "effort": 1}).fit(X, y)
    assert ShoalRegressor(**kept).fit(X, y).fingerprint_ == usual.fingerprint_
    with pytest.raises(SettingError, match="keeps another training"):
        ShoalRegressor(**{**kept, "tol": 0.5}).fit(X, y)


@pytest.mark.parametrize(("rows", "first"), [(1999, 2), (2000, 1)])
def test_the_first_round_trains_one_network_where_many_rows_judge_it(monkeypatch, rows, first):
    rounds, train = [], effort.with_members

    def counted(ground, entrants, members):
        rounds.append(members[0])
        return train(ground, entrants, members)

    monkeypatch.setattr(effort, "with_members", counted)
    x = normal(13, 0, rows)
    quick = {**QUICK, "max_iter": 1, "early_stopping": True}
    ShoalRegressor(**quick, hidden=2, activation="tanh").fit(x[:, np.newaxis], x)
    assert rounds[:3] == ([1, 2, 4] if first == 1 else [2, 4, 4])


def test_without_rows_held_out_nothing_is_changed():
    X, y = table(40)
    with pytest.warns(ShoalWarning, match="no rows are held out"):
        model = ShoalRegressor(**QUICK).fit(X, y)
    assert model.fingerprint_ == ShoalRegressor(**{**QUICK, "effort": 1}).fit(X, y).fingerprint_


def test_noise_is_answered_by_a_constant_with_a_search_as_without():
    X, _ = table()
    y = normal(21, 0, M)
    with pytest.warns(ShoalWarning, match="constant answer"):
        model = ShoalRegressor(random_state=0, effort=2).fit(X, y)
    found = model.predict(X)
    assert found == pytest.approx(np.full(M, y.mean()), abs=1e-5)
    assert len(model.networks_) == 8
    assert len(model.search_results_) > 1


def test_what_a_search_replaces_is_not_warned_of(monkeypatch):
    X, y = table()
    taken = small.constant_unless_better

    def constant(learnt):
        shape = learnt.fitted.architecture
        fitted = noise._constant(learnt.fitted, np.zeros((shape.n_y, 1)))
        return replace(taken(learnt), fitted=fitted)

    monkeypatch.setattr(small, "constant_unless_better", constant)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = ShoalRegressor(random_state=0, effort=2).fit(X, y)
    assert np.ptp(model.predict(X)) > 0.5
    with pytest.warns(ShoalWarning, match="constant answer"):
        ShoalRegressor(random_state=0).fit(X, y)


def test_small_tables_keep_members_of_second_order_where_they_are_better():
    x = np.linspace(-1, 1, 94)[:, np.newaxis]
    y = np.sin(3 * x[:, 0]) + 0.5 * np.cos(9 * x[:, 0])
    model = ShoalRegressor(random_state=0, effort=2).fit(x, y)
    assert model.search_results_[0]["settings"]["solver"] == "lm"
    assert model.fitted_.trained.solver == "lm"
    assert np.mean((model.predict(x) - y) ** 2) < 2e-4 * y.var()


@pytest.mark.parametrize(
    "other",
    [{"warm_start": True}, {"engine": "local"}, {"memory": "1GiB"},
     {"early_stopping": False}, {"solver": "lm", "alpha": "evidence"}],
    ids=str,
)  # fmt: skip
def test_what_a_search_cannot_respect_is_refused_by_name(other):
    with pytest.raises(SettingError, match="effort=2") as caught:
        ShoalRegressor(effort=2, **other).fit(*table(60))
    assert caught.value.setting == "effort"


def test_other_refusals(tmp_path):
    X, y = table(60)
    with pytest.raises(SettingError, match="partial_fit searches nothing"):
        ShoalRegressor(effort=2).partial_fit(X, y)
    start = ShoalRegressor(hidden=2, members=1, max_iter=2).fit(X, y).networks_
    with pytest.raises(SettingError, match="cannot start from them"):
        ShoalRegressor(effort=2, init=start).fit(X, y)
    X.assign(y=y).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(SettingError, match="files are streamed"):
        ShoalRegressor(effort=2).fit(str(tmp_path / "t.csv"), "y")
    for value in (0, 6, "3", 1.5):
        with pytest.raises(SettingError, match=r"^effort="):
            ShoalRegressor(effort=value).fit(X, y)


# --- mixtures -----------------------------------------------------------------------------


def drawn(k, n_y=3, m=50, w=None):
    """What k candidates answer to the same rows."""
    raw = np.exp(normal(7, k, n_y * m).reshape(n_y, m))
    Y = np.eye(n_y)[:, np.arange(m) % n_y]
    return Answers(np.arange(m), raw / raw.sum(axis=0), Y, np.ones(m) if w is None else w)


def loss_of_mixture(parts, counts):
    mixed = mixture([one.A2 for one in parts], counts)
    return parts[0].mean(parts[0].losses("softmax", mixed))


def test_a_mixture_is_no_worse_than_its_best_part():
    parts = [drawn(k) for k in range(5)]
    alone = [one.mean(one.losses("softmax")) for one in parts]
    losses = [loss_of_mixture(parts, greedy(parts, "softmax", n)) for n in (1, 4, 16)]
    assert losses[0] == pytest.approx(min(alone))
    assert losses == sorted(losses, reverse=True)
    assert sum(greedy(parts, "softmax", 16)) <= 16
    perfect = drawn(0)._replace(A2=drawn(0).Y)
    assert greedy([*parts, perfect], "softmax", 16) == [0] * 5 + [1]


def test_a_mixture_begins_with_its_first_part():
    parts = [drawn(k) for k in range(4)]
    perfect = drawn(0)._replace(A2=drawn(0).Y)
    assert greedy([*parts, perfect], "softmax", 16, first=8) == [8, 0, 0, 0, 8]
    assert greedy([perfect, *parts], "softmax", 16, first=8) == [8, 0, 0, 0, 0]
    assert greedy(parts, "softmax", 5, first=5) == [5, 0, 0, 0]


def test_half_of_a_mixture_is_the_fit_without_a_search_and_it_must_be_better(monkeypatch):
    X = normal(6, 0, 3 * M).reshape(M, 3)
    y = X[:, 0] + X[:, 1] * X[:, 2] + normal(6, 1, M)
    weights = {}
    for sure in (-1e9, 1e9):
        monkeypatch.setattr(choice, "SURE", sure)
        monkeypatch.setattr(choice, "SURER", 1e9)
        tried = ShoalRegressor(**{**QUICK, "effort": 3}, hidden=9).fit(X, y).search_results_
        weights[sure] = [one["weight"] for one in tried]
    assert 0.5 <= weights[-1e9][0] < 1
    assert weights[1e9][0] == 1


def test_partial_fit_goes_on_with_each_network_at_its_own_width(monkeypatch):
    def wide_and_narrow(ground, finalists, *_):
        return [int(one.changes.get("hidden", 64) in (64, 128)) for one in finalists]

    monkeypatch.setattr(choice, "SURE", -1e9)
    monkeypatch.setattr(choice, "_mixed", wide_and_narrow)
    monkeypatch.setattr(entrants, "candidates", lambda *_, **__: [{"hidden": 128}])
    X, y = table()
    model = ShoalRegressor(**QUICK).fit(X, y).set_params(effort=1, hidden=128)
    before = [network.parameters.W1.any(axis=1).sum() for network in model.networks_]
    assert sorted(set(before)) == [64, 128]
    answers = model.predict(X)
    model.partial_fit(X, y)
    assert not np.array_equal(model.predict(X), answers)
    after = [network.parameters for network in model.networks_]
    assert [p.W1.any(axis=1).sum() for p in after] == before
    assert [p.W2.any(axis=0).sum() for p in after] == before
    with pytest.raises(SettingError, match="another one"):
        model.set_params(hidden=64).partial_fit(X, y)


@pytest.fixture(scope="module", params=["tanh", "relu"])
def with_linear(request):
    """Half of the networks of a mixture are linear; and the two halves by themselves."""
    X, y = table()
    asked = {**QUICK, "activation": request.param}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(choice, "SURE", -1e9)
        patched.setattr(choice, "_mixed", lambda *_: [1, 1])
        patched.setattr(entrants, "candidates", lambda *_, **__: [{"hidden": 0, "bins": 0}])
        mixed = ShoalRegressor(**asked).fit(X, y)
    alone = {**asked, "effort": 1, "members": len(mixed.networks_) // 2}
    halves = [ShoalRegressor(**alone), ShoalRegressor(**{**alone, "hidden": 0, "bins": 0})]
    return mixed, [half.fit(X, y) for half in halves], X, y


@pytest.mark.filterwarnings("ignore:X differs")
def test_linear_models_are_mixed_with_networks(with_linear, tmp_path):
    mixed, halves, X, _ = with_linear
    assert [one["weight"] for one in mixed.search_results_] == [0.5, 0.5]
    far = X.assign(b=30 * X["b"])
    for rows, close in ((X, 2e-6), (far, 1e-3)):
        found, (bent, straight) = mixed.predict(rows), (half.predict(rows) for half in halves)
        assert np.abs(found - (bent + straight) / 2).max() < close * np.abs(found).max()
    mixed.save(tmp_path / "m.shoal")
    assert np.array_equal(shoal.load(tmp_path / "m.shoal").predict(X), mixed.predict(X))
    why = mixed.explain(X[:5], background=X[:20])
    sums = why.base_value + why.values.sum(axis=1)
    assert sums == pytest.approx(mixed.predict(X[:5]), abs=1e-5)


@pytest.mark.parametrize("go_on", ["fit", "partial_fit"])
def test_training_does_not_go_on_with_linear_models_among_networks(with_linear, go_on):
    mixed, halves, X, y = with_linear
    assert mixed.fitted_.mixes_linear
    assert not halves[1].fitted_.mixes_linear
    other = pickle.loads(pickle.dumps(mixed)).set_params(effort=1, warm_start=True)
    with pytest.raises(SettingError, match="a search has put linear models among these"):
        getattr(other, go_on)(X, y)


def test_which_candidates_are_in_one_model(with_linear):
    _, halves, *_ = with_linear
    fitted = halves[0].fitted_
    p = Prepared(fitted.settings, fitted.inputs, fitted.targets, fitted.architecture)

    def entrant(activation, n_h):
        shape = p.architecture._replace(activation=activation, n_h=n_h)
        return entrants.Entrant({}, p._replace(architecture=shape), None)

    wide, linear, relu = entrant("tanh", 9), entrant("tanh", 0), entrant("relu", 2)
    assert choice._kinds([wide, linear, relu]) == [[0, 1], [1], [1, 2]]
    assert choice._kinds([relu, entrant("relu", 1), linear]) == [[0, 1], [2]]  # it needs two units
    assert choice._kinds([entrant("sigmoid", 9), linear]) == [[0], [1]]


def test_what_has_nothing_of_the_fit_without_a_search_must_be_surely_better(monkeypatch):
    x = normal(8, 0, 2 * M).reshape(M, 2)
    y = x @ [1.0, 2.0] + 0.1 * normal(8, 1, M)
    parts = {}
    for surer in (-1e9, 1e9):
        monkeypatch.setattr(choice, "SURER", surer)
        monkeypatch.setattr(choice, "_mixed", lambda _, each, *__: [0, 1] + [0] * (len(each) - 2))
        model = ShoalRegressor(**{**QUICK, "effort": 3}).fit(x, y)
        parts[surer] = model.search_results_[0]["weight"]
    assert parts == {-1e9: 0.0, 1e9: 1.0}


def finalists_of(kind, X, y):
    """What a search chooses from, all of the kind of the first, and what it chooses with."""
    seen, real = [], effort.chosen
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(effort, "chosen", lambda *given: seen.append(given) or real(*given))
        kind(**QUICK, hidden=9).fit(X, y)
    (ground, finalists, n), = seen  # fmt: skip
    return ground, [one for one in finalists if one.joins(finalists[:1])][:3], n


def answering(one, spoil):
    """The candidate with the truth as its answers, each row's spoilt by a function of its number."""

    def spoilt(rows):
        wrong = spoil(rows.numbers)
        A2 = rows.Y + wrong if one.shape.output == "identity" else abs(rows.Y - wrong)
        return rows._replace(A2=A2)

    return one._replace(answers=tuple(map(spoilt, one.answers)))


def test_what_is_chosen_is_judged_by_rows_that_have_not_chosen_it(numbers):
    _, X, y = numbers
    ground, (usual, *others), n = finalists_of(ShoalRegressor, X, y)
    judged = pooled(usual.answers[:n]).numbers
    halves = [lambda i, p=p: 2.0 * (np.searchsorted(judged, i) % 2 == p) for p in (0, 1)]
    # Each of the others is right on one half alone: what a half chooses fails on the other.
    by_parity = [answering(one, half) for one, half in zip(others, halves, strict=True)]
    finalists = [answering(usual, lambda i: 0.5 + 0 * i), *by_parity]
    parts, verdict = choice.chosen(ground, finalists, n)
    assert verdict.loss > verdict.usual_loss
    assert [part.members for part in parts] == [1]


def test_luck_makes_no_candidate_of_classes_the_better_one(classes):
    _, X, truth = classes
    ground, (usual, other, *_), n = finalists_of(ShoalClassifier, X, truth)
    every = np.ones(len(pooled(usual.answers[:n]).w), bool)
    shares = []
    for epochs in ((1.0, 1.0, 1.0), (9.0, 1.0, 9.0)):  # no luck, and much
        lucky = tuple(one._replace(validation_losses=epochs) for one in other.trained)
        calm = tuple(one._replace(validation_losses=(1.0,)) for one in usual.trained)
        pair = [
            answering(usual._replace(trained=calm), lambda i: 0.3 + 0 * i),
            answering(other._replace(trained=lucky), lambda i: 0.1 + 0 * i),
        ]
        choose, _, _ = choice._by_losses(ground, pair, n)
        shares.append(choose(every)[1])
    assert shares[0] > 0 == shares[1]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [((), 0.0), ((2.0,), 0.0), ((3.0, 1.0, 2.0), 1.0), ((1.0, 2.0), 0.5), ((5.0, 5.0, 5.0), 0.0),
     ((9.0, 4.0, 1.0, 2.5, 9.0), 1.5), ((3.0, float("nan"), 1.0, 2.0), 1.0)],
    ids=str,
)  # fmt: skip
def test_the_lowest_loss_is_too_low_by_what_its_neighbours_lie_above(losses, expected):
    assert entrants._above_lowest(losses) == pytest.approx(expected)


def test_the_luck_of_members_is_counted_in_every_comparison(numbers):
    model, X, y = numbers
    found = []
    real = effort.chosen

    def watched(ground, finalists, n):
        found.append((finalists, n))
        return real(ground, finalists, n)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(effort, "chosen", watched)
        model = ShoalRegressor(**QUICK).fit(X, y)
    ((finalists, n),) = found
    told = {one["candidate"]: one["loss"] for one in model.search_results_}
    for one in finalists:
        rows = pooled(one.answers[:n])
        luck = entrants.luck_of(one, n)
        assert luck == pytest.approx(
            np.mean([entrants._above_lowest(t.validation_losses) for t in one.trained[:n]])
        )
        expected = rows.mean(rows.losses("identity")) + luck
        assert entrants.mean_loss(one, n) == pytest.approx(expected)
        assert told[search.name_of(one.changes)] == pytest.approx(expected)
    assert any(entrants.luck_of(one, n) > 0 for one in finalists)


def test_a_weight_of_two_counts_as_two_rows():
    parts = [drawn(k) for k in range(4)]
    w = 1.0 + (np.arange(50) % 2)
    twice = np.repeat(np.arange(50), w.astype(int))
    weighted = [one._replace(w=w) for one in parts]
    repeated = [Answers(twice, one.A2[:, twice], one.Y[:, twice], np.ones(75)) for one in parts]
    assert greedy(weighted, "softmax", 9) == greedy(repeated, "softmax", 9)


def test_rows_are_pooled_once_with_the_mean_of_those_that_held_them_out():
    one = Answers(
        np.array([1, 3]), np.array([[0.0, 2.0]]), np.array([[5.0, 6.0]]), np.array([1.0, 2])
    )
    two = Answers(
        np.array([3, 8]), np.array([[4.0, 8.0]]), np.array([[6.0, 7.0]]), np.array([2.0, 1])
    )
    found = pooled([one, two])
    assert found.numbers.tolist() == [1, 3, 8]
    assert found.A2.tolist() == [[0.0, 3.0, 8.0]]
    assert found.Y.tolist() == [[5.0, 6.0, 7.0]]
    assert found.w.tolist() == [1.0, 2.0, 1.0]


def test_what_few_members_are_worse_by_is_their_variance():
    rows, variances = np.arange(3000), (0.5, 2.0)
    noise = normal(11, 0, 2 * 2 * 3000).reshape(2, 2, 3000)  # candidates, members, rows
    zeros, ones = np.zeros((1, 3000)), np.ones(3000)
    members = [
        [Answers(rows, v**0.5 * noise[k, i][np.newaxis], zeros, ones) for i in range(2)]
        for k, v in enumerate(variances)
    ]
    C = Deviations.of(members).excess(np.ones(3000, bool), 8)
    for k, v in enumerate(variances):
        seen = pooled(members[k])
        excess = excess_of(C, [int(k == 0), int(k == 1)])
        assert excess == pytest.approx(0.5 * v * (1 / 2 - 1 / 8), rel=0.1)
        assert seen.mean(seen.losses("identity")) - excess == pytest.approx(0.5 * v / 8, rel=0.3)
    # Independent candidates in equal shares: the variances of halves.
    assert excess_of(C, [3, 3]) == pytest.approx(0.5 * 2.5 / 4 * (1 / 2 - 1 / 8), rel=0.1)
    assert not Deviations.of(members).excess(np.ones(3000, bool), 2).any()  # all are known


@pytest.mark.parametrize("output", ["sigmoid", "softmax", "identity", "poisson"])
def test_the_loss_of_an_answer_is_that_of_the_network(output):
    from shoal.network.outputs import OUTPUTS

    Z2 = normal(9, 0, 6).reshape(2, 3)
    Y = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    wanted = OUTPUTS[output].loss(Z2, Y)[0]
    assert loss_of(output, OUTPUTS[output].of(Z2), Y) == pytest.approx(wanted)


def test_nothing_is_warned_of(numbers):
    _, X, y = numbers
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ShoalRegressor(**QUICK).fit(X, y)

"""What is found in data and settings that mislead a training, and that good work is let be.

The lecture's exercise is drawn as in the laboratory. How often the findings are right over many trainings is
measured by `benchmarks/diagnosis.py`.
"""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_diabetes, load_iris, load_wine, make_circles, make_moons

from shoal import Network, ShoalClassifier, ShoalRegressor, diagnose
from shoal.diagnosis.suspect import times
from shoal.diagnosis.units import Units, states_of
from shoal.lab.toys import TOYS, Draws

pytestmark = pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")
FAST = {"random_state": 0, "members": 2, "n_jobs": 1}
RNG = np.random.default_rng(0)


def flower(m=400, seed=0):
    x1, x2, y = TOYS["flower"].draw(Draws(seed, m, 0.05, 0))
    return np.c_[x1, x2], y


def wrong(diagnosis):
    return [finding.name for finding in diagnosis.findings if finding.severity != "remark"]


# --- good work ----------------------------------------------------------------------------


def test_the_lecture_is_healthy_after_the_fit_and_when_it_is_looked_at_again():
    X, y = flower()
    model = ShoalClassifier.classic(max_iter=3000).fit(X, y)
    assert model.score(X, y) > 0.85
    assert wrong(model.diagnosis_) == []
    assert wrong(diagnose(model, X, y)) == []


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("n_h", [4, 5, 20])
def test_the_networks_of_the_exercise_are_healthy(n_h, activation):
    X, y = flower()
    net = Network.initialise(2, n_h, 1, seed=3, scale=0.01, activation=activation)
    net, _ = net.descend(X.T, y[np.newaxis], learning_rate=1.2, iterations=4000)
    found = diagnose(net, X.T, y[np.newaxis])
    assert found.healthy, str(found)


def healthy_data():
    wide, noise = RNG.standard_normal((200, 120)), RNG.standard_normal((400, 8))
    yield "iris", ShoalClassifier, *load_iris(return_X_y=True)
    yield "wine", ShoalClassifier, *load_wine(return_X_y=True)
    yield "moons", ShoalClassifier, *make_moons(300, noise=0.2, random_state=0)
    yield "diabetes", ShoalRegressor, *load_diabetes(return_X_y=True)
    yield "wide", ShoalClassifier, wide, (wide[:, 0] + RNG.standard_normal(200) > 0).astype(int)
    yield "random", ShoalClassifier, noise, RNG.integers(0, 2, 400)
    yield "noisy", ShoalRegressor, noise, noise[:, 0] + 3 * RNG.standard_normal(400)


@pytest.mark.parametrize(
    ("kind", "X", "y"), [pytest.param(*case[1:], id=case[0]) for case in healthy_data()]
)
def test_good_work_raises_no_alarm_with_new_rows_either(kind, X, y):
    order = np.random.default_rng(1).permutation(len(y))
    trained, new = order[: len(y) * 7 // 10], order[len(y) * 7 // 10 :]
    model = kind(**FAST).fit(X[trained], y[trained])
    assert wrong(model.diagnosis_) == []
    assert wrong(diagnose(model, X[new], y[new])) == []


# --- settings -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings", "cure"),
    [
        ("weight-decay-too-strong", {"weight_decay": 30.0}, {"weight_decay": 0.0}),
        ("dropout-too-high", {"dropout": 0.99}, {"dropout": 0.0}),
        ("penalty-outweighs-loss", {"alpha": 3000.0}, {"alpha": 1e-4}),
        ("underfitting", {"hidden": 1, "bins": 0}, {"hidden": "auto"}),
        ("stopped-too-early", {"n_iter_no_change": 1, "tol": 0.05, "bins": 0}, {"tol": 1e-4}),
        ("validation-part-too-large", {"validation_fraction": 0.9}, {"validation_fraction": 0.15}),
        ("learning-rate-too-high", {"learning_rate": 6.88}, {"learning_rate": 0.005}),
    ],
)
def test_what_was_set_far_from_usual_is_the_first_finding(name, settings, cure):
    X, y = flower(600)
    model = ShoalClassifier(**FAST | settings).fit(X, y)
    first = model.diagnosis_.findings[0]
    assert first.name == name, str(model.diagnosis_)
    assert cure.items() <= first.cure.items()
    names = model.diagnosis_.names
    assert not {"learning-rate-too-high", "learning-rate-too-low"} <= set(names)
    better = model.diagnosis_.cured(model).fit(X, y)
    assert better.score(X, y) >= model.score(X, y)


def test_a_ratio_is_printed_plainly():
    assert times(1376.2) == "1,376 times"
    assert times(3.21) == "3.2 times"
    X, y = flower(600)
    text = str(ShoalClassifier(**FAST, learning_rate=6.88).fit(X, y).diagnosis_)
    assert "the learning rate is 6.88, 1,376 times the usual 0.005" in text


def test_unscaled_inputs_come_before_what_they_bring_about():
    X, y = load_wine(return_X_y=True)
    model = ShoalClassifier(**FAST, encode=None).fit(X, y)
    assert model.diagnosis_.names[0] == "unscaled-inputs"
    assert "saturated-units" not in model.diagnosis_.names


def test_a_stop_on_the_slope_is_not_healthy():
    X, y = make_moons(500, noise=0.15, random_state=0)
    model = ShoalClassifier(random_state=0, n_jobs=1, encode=None).fit(X, y)
    assert model.score(X, y) < 0.95
    assert wrong(model.diagnosis_)[0] == "stopped-too-early"
    assert model.diagnosis_.cured(model).fit(X, y).score(X, y) > model.score(X, y)


def test_zeros_are_the_cause_of_dead_units():
    X, y = flower(600)
    model = ShoalClassifier(**FAST, init="zeros", activation="relu").fit(X, y)
    assert model.diagnosis_.names[0] == "dead-units"
    assert model.diagnosis_.cure["init"] == "auto"
    assert model.diagnosis_.cured(model).fit(X, y).score(X, y) > 0.8


def test_rows_that_are_learnt_by_heart_with_nothing_held_out_are_no_good_fit():
    X, y = load_wine(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    y = np.where(np.arange(len(y)) % 5 == 0, (y[order] + 1) % 3, y[order])
    few, new = (X[order[:80]], y[:80]), (X[order[80:]], y[80:])
    settings = {"hidden": 256, "early_stopping": False, "alpha": 0.0, "n_iter_no_change": 500}
    model = ShoalClassifier(**FAST, **settings, max_iter=500).fit(*few)
    first = model.diagnosis_.findings[0]
    assert (first.name, first.severity) == ("overfitting", "warning")
    assert "neighbouring rows" in first.what
    assert model.diagnosis_.cure["early_stopping"] is True
    assert diagnose(model, *new).names[0] == "overfitting"


def test_what_overfits_is_not_trained_longer():
    X, y = make_circles(380, noise=0.08, factor=0.5, random_state=1)
    y = np.where(np.random.default_rng(0).random(380) < 0.2, 1 - y, y)
    settings = {"hidden": 256, "early_stopping": False, "alpha": 0.0, "learning_rate": 0.01}
    model = ShoalClassifier(**FAST, **settings, max_iter=100, n_iter_no_change=100)
    found = diagnose(model.fit(X[:80], y[:80]), X[80:], y[80:])
    assert found.names[0] == "overfitting"
    assert "not-converged" not in found.names
    assert "max_iter" not in found.cure


def test_constant_columns_are_a_cause_where_they_make_a_bias_of_long_steps():
    X, y = make_moons(490, noise=0.15, random_state=2)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    model = ShoalClassifier(**FAST, encode=None).fit(np.c_[X, np.full((len(X), 20), 5.0)], y)
    first = model.diagnosis_.findings[0]
    assert (first.name, first.severity) == ("useless-columns", "warning")
    assert "500 times" in first.what
    assert model.diagnosis_.cure["encode"] == "auto"
    found = ShoalClassifier(**FAST, encode=None).fit(np.c_[X, np.full(len(X), 0.5)], y).diagnosis_
    assert "useless-columns" not in wrong(found)


# --- units --------------------------------------------------------------------------------


def test_a_saturated_unit_is_faulty_where_the_diagnosis_says_so():
    X = np.linspace(-1, 1, 101)[np.newaxis]
    net = Network([[1.0], [1e3]], [[0.1], [1e3 * 2]], [[1, 1]], [[0]])
    step = net.forward(X)
    units = Units(net.architecture, net.parameters, step.Z1, step.A1)
    assert units.flat == (0, 1)
    assert states_of(units, ())[0] == states_of(units, ("saturated-units",))[0] == "healthy"
    assert states_of(units, ())[1] != "saturated"
    assert states_of(units, ("saturated-units",))[1] == "saturated"


# --- data ---------------------------------------------------------------------------------


def test_a_column_that_gives_the_target_away_is_named_and_left_out():
    X, y = flower(600)
    X = np.c_[X, y + 0.001 * RNG.standard_normal(len(y))]
    model = ShoalClassifier(**FAST).fit(X, y)
    assert model.diagnosis_.names[0] == "leak"
    assert model.diagnosis_.cure == {"drop": ["x2"]}
    cured = model.diagnosis_.cured(model).fit(X, y)
    assert "leak" not in cured.diagnosis_.names


def test_rows_of_another_kind_are_a_shift():
    X, y = flower(600)
    model = ShoalClassifier(**FAST).fit(X, y)
    assert "shift" in diagnose(model, X[:, ::-1] + 3, y).names


def test_rare_classes_that_are_never_predicted_are_named():
    y = (RNG.random(1500) < 0.05).astype(int)
    X = RNG.standard_normal((1500, 3)) + 0.3 * y[:, None]
    model = ShoalClassifier(**FAST).fit(X, y)
    assert {"one-class-predicted", "rare-classes"} & set(model.diagnosis_.names)
    assert model.diagnosis_.cure["class_weight"] == "balanced"


def test_copies_across_the_validation_split_and_rows_that_repeat_by_chance():
    X, y = flower(300)
    copies = RNG.permutation(np.repeat(np.arange(300), 3))
    model = ShoalClassifier(**FAST).fit(X[copies], y[copies])
    assert "duplicates-across-split" in model.diagnosis_.names
    few = RNG.integers(0, 3, (600, 3)).astype(float)  # 27 different rows
    model = ShoalClassifier(**FAST).fit(few, (few.sum(axis=1) > 3).astype(int))
    assert "duplicates-across-split" not in model.diagnosis_.names


def test_contradicting_labels_bound_the_error():
    X, y = flower(300)
    model = ShoalClassifier(**FAST).fit(np.r_[X, X[:90]], np.r_[y, 1 - y[:90]])
    found = {f.name: f for f in model.diagnosis_.findings}["contradicting-labels"]
    assert found.evidence["lowest_error"] == pytest.approx(90 / 390)


def test_outliers_in_target_and_inputs_are_named():
    X = RNG.standard_normal((400, 3))
    y = X.sum(axis=1)
    far = y.copy()
    far[::100] += 300
    assert "outliers" in ShoalRegressor(**FAST).fit(X, far).diagnosis_.names
    V = X.copy()
    V[::100, 1] = 1e6
    found = ShoalRegressor(**FAST).fit(V, y).diagnosis_
    assert [f.evidence["columns"] for f in found.findings if f.name == "outliers"] == [["x1"]]


def test_codes_taken_as_numbers_and_numbers_taken_as_text():
    answers = RNG.permutation(30) % 3
    code = RNG.integers(0, 30, 900)
    y = np.where(RNG.random(900) < 0.9, answers[code], RNG.integers(0, 3, 900))
    X = np.c_[code, RNG.standard_normal((900, 2))].astype(float)
    found = ShoalClassifier(**FAST, encode=None).fit(X, y).diagnosis_
    assert "codes-as-numbers" in found.names
    smooth = np.digitize(code, [10, 20])  # neighbours say as much as the code itself
    smooth = np.where(RNG.random(900) < 0.6, smooth, RNG.integers(0, 3, 900))
    found = ShoalClassifier(**FAST, encode=None).fit(X, smooth).diagnosis_
    assert "codes-as-numbers" not in found.names
    size = RNG.integers(100, 900, 400)
    table = pa.table({"size": [f"about {n} m²" for n in size], "x": RNG.standard_normal(400)})
    found = (
        ShoalRegressor(**FAST).fit(table, np.sin(size / 50.0) + table["x"].to_numpy()).diagnosis_
    )
    assert "numbers-as-text" in found.names
    letters = [f"{a}{b}" for a in "ABCDE" for b in "FGHIJ"]
    for codes in (
        [f"N{n}{letters[n % 25]}" for n in size],  # of aeroplanes
        [f"K{n}" for n in size],
        [f"{n}-{letters[n % 25]}" for n in size],
    ):
        table = pa.table({"code": codes, "x": RNG.standard_normal(400)})
        assert ShoalRegressor(**FAST).fit(table, table["x"].to_numpy()).diagnosis_.healthy


def test_noise_columns_without_encoding():
    X, y = make_moons(400, noise=0.2, random_state=0)
    wide = np.c_[X, RNG.standard_normal((400, 200))]
    found = {
        f.name: f for f in ShoalClassifier(**FAST, encode=None).fit(wide, y).diagnosis_.findings
    }
    assert {"x0", "x1"} <= set(found["noise-columns"].evidence["columns"])


def test_columns_that_count_only_together_are_told_from_noise():
    X = RNG.standard_normal((900, 150))
    y = (X[:, 3] * X[:, 70] > 0).astype(int)  # exclusive or: neither says anything by itself
    found = {f.name: f for f in ShoalClassifier(**FAST, encode=None).fit(X, y).diagnosis_.findings}
    assert {"x3", "x70"} <= set(found["noise-columns"].evidence["columns"])
    assert len(found["noise-columns"].evidence["columns"]) < 8


def test_noise_is_told_where_what_is_left_has_not_learnt_everything_either():
    X, y = make_moons(490, noise=0.15, random_state=1)
    wide = np.c_[(X - X.mean(axis=0)) / X.std(axis=0), RNG.standard_normal((490, 100))]
    found = ShoalClassifier(**FAST, encode=None).fit(wide, y).diagnosis_.findings[0]
    assert found.name == "noise-columns"
    assert found.evidence["columns"] == ["x0", "x1"]


def test_squares_are_told_from_three_hundred_columns_of_noise():
    X = RNG.standard_normal((490, 302))
    y = (X[:, 0] ** 2 + X[:, 1] ** 2 > 1.4).astype(int)
    model = ShoalClassifier(**FAST, encode=None).fit(X, y)
    found = {f.name: f for f in model.diagnosis_.findings}["noise-columns"]
    assert {"x0", "x1"} <= set(found.evidence["columns"])
    again = {f.name: f for f in diagnose(model, X[:90], y[:90]).findings}["noise-columns"]
    assert again.evidence == found.evidence  # fewer rows say less


def test_weights_of_a_few_rows_alone():
    X, y = flower(600)
    w = np.full(600, 1e-6)
    w[:6] = 1
    model = ShoalClassifier(**FAST).fit(X, y, sample_weight=w)
    first = model.diagnosis_.findings[0]
    assert first.name == "unequal-weights"
    assert "of 600 rows carry" in first.what
    usual = np.random.default_rng(0).lognormal(0, 1, 600)
    found = ShoalClassifier(**FAST).fit(X, y, sample_weight=usual).diagnosis_
    assert "unequal-weights" not in found.names


@pytest.mark.parametrize(("weight", "named"), [(2000.0, True), (5.0, False)])
def test_a_class_of_next_to_no_weight(weight, named):
    y = (RNG.random(800) < 0.3).astype(int)
    X = RNG.standard_normal((800, 3)) + 0.5 * y[:, None]
    model = ShoalClassifier(**FAST, class_weight={0: 1.0, 1: weight}).fit(X, y)
    assert ("unequal-weights" in wrong(model.diagnosis_)) == named
    if named:
        assert model.diagnosis_.cure == {"class_weight": "balanced"}


def test_a_target_of_many_classes_is_likely_to_be_a_number():
    X, y = load_diabetes(return_X_y=True)
    model = ShoalClassifier(**FAST, max_iter=20).fit(X, y.astype(int))
    found = model.diagnosis_.findings[0]
    assert found.name == "many-classes"
    assert "ShoalRegressor" in found.advice
    assert found.evidence == {"classes": len(np.unique(y)), "rows": len(y)}


def test_a_shuffled_target_is_told_and_no_smaller_network_recommended():
    X, y = load_diabetes(return_X_y=True)
    model = ShoalRegressor(**FAST | {"hidden": 64}).fit(X, np.random.default_rng(0).permutation(y))
    told = {"nothing-to-learn", "constant-answer"} & set(model.diagnosis_.names)
    assert told
    assert model.diagnosis_.healthy
    assert not {"too-wide", "linear-is-enough"} & set(model.diagnosis_.names)


def test_classes_of_a_few_rows_are_told():
    X, y = load_iris(return_X_y=True)
    rows = np.r_[0:104]  # four of the last class
    found = {f.name: f for f in ShoalClassifier(**FAST).fit(X[rows], y[rows]).diagnosis_.findings}
    assert "1 of 3 classes has 4 of 104 rows" in found["rare-classes"].what
    assert "rare-classes" not in ShoalClassifier(**FAST).fit(X, y).diagnosis_.names


def test_a_small_class_is_missed_in_a_large_validation_part():
    rng = np.random.default_rng(0)
    y = np.r_[np.arange(800) % 30, np.arange(300) % 29]
    X = np.c_[np.cos(y), np.sin(y)] + 0.05 * rng.standard_normal((len(y), 2))
    model = ShoalClassifier(**FAST, max_iter=20).fit(X[:800], y[:800], X_val=X[800:], y_val=y[800:])
    assert "validation-part-lacks-a-class" in model.diagnosis_.names


def test_a_validation_part_without_a_class():
    X, y = load_iris(return_X_y=True)
    model = ShoalClassifier(**FAST).fit(X, y, X_val=X[:20], y_val=y[:20])
    assert "validation-part-lacks-a-class" in model.diagnosis_.names

"""The diagnosis: each finding where it is true, and silence where nothing is wrong.

How often it is right over many trainings is measured by `benchmarks/diagnosis.py`.
"""

import json
import warnings
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_friedman1

import shoal
from shoal import Network, ShoalClassifier, ShoalRegressor, diagnose
from shoal.compute.engine import product
from shoal.diagnosis.case import Case, Seen, Tried
from shoal.diagnosis.curves import curve_of
from shoal.diagnosis.findings import Diagnosis, Finding
from shoal.diagnosis.rules import drawing, ending, stepping
from shoal.diagnosis.rules.capacity import linear_is_enough
from shoal.diagnosis.rules.table import said as said_of
from shoal.diagnosis.suspect import Suspect, cause_of
from shoal.diagnosis.trial import Trials
from shoal.diagnosis.units import Units, enough_units, twins_of

IRIS = load_iris(return_X_y=True)
CANCER = load_breast_cancer(return_X_y=True)
FRIEDMAN = make_friedman1(900, random_state=0)
SGD = {"solver": "sgd"}


def circle(m=400):
    X = np.random.default_rng(0).uniform(-2, 2, (m, 2))
    return X, ((X**2).sum(axis=1) < 2).astype(int)


def rare(m=1500):
    rng = np.random.default_rng(0)
    y = (rng.random(m) < 0.1).astype(int)
    return rng.standard_normal((m, 3)) + 0.1 * y[:, None], y


def far(data):
    X, y = data
    return X / X.std(axis=0) + 50, y


def with_constant(data):
    X, y = data
    return np.c_[X, np.full(len(X), 300.0)], y


def asleep():
    """A network whose units of relu answer 0 to every example."""
    net = Network.initialise(4, 8, 3, seed=0, scale=0.1, activation="relu")
    W1, b1, W2, b2 = net.parameters
    return Network(W1, b1 - 100, W2, b2, activation="relu", output="softmax")


SICK = {
    "symmetric-units": (ShoalClassifier, {"init": "zeros"}, IRIS, {"init": "auto"}),
    "dead-units": (
        ShoalClassifier, {"activation": "relu", "init": asleep(), "hidden": 8, "encode": None}, IRIS,
        {"init": "auto"},
    ),
    "saturated-units": (ShoalClassifier, {"init": 30.0}, CANCER, {"init": "auto"}),
    "still-linear": (ShoalClassifier, {"activation": "identity", "bins": 0}, circle(), {"activation": "tanh"}),
    "stuck-on-plateau": (
        ShoalClassifier, {"solver": "gd", "init": 1e-4, "max_iter": 60, "encode": None}, circle(),
        {"init": "auto", "solver": "adam"},
    ),
    "learning-rate-too-high": (ShoalClassifier, {"learning_rate": 1.0}, CANCER, {"learning_rate": 0.005}),
    "learning-rate-too-low": (ShoalClassifier, {"learning_rate": 1e-6, "max_iter": 100}, CANCER, {"learning_rate": 0.005}),
    "diverged": (ShoalRegressor, {**SGD, "learning_rate": 1e3}, FRIEDMAN, {"learning_rate": 0.003}),
    "not-converged": (ShoalClassifier, {"max_iter": 3}, CANCER, {"max_iter": 1000}),
    "unscaled-inputs": (ShoalClassifier, {"encode": None}, CANCER, {"encode": "auto"}),
    "useless-columns": (ShoalClassifier, {"encode": None}, with_constant(IRIS), {"encode": "auto"}),
    "one-class-predicted": (ShoalClassifier, {}, rare(), {"class_weight": "balanced"}),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")
@pytest.mark.parametrize("name", SICK)
def test_a_sick_training_is_named_with_its_cure(name):
    kind, settings, (X, y), cure = SICK[name]
    model = kind(random_state=0, **settings).fit(X, y)
    found = {finding.name: finding for finding in model.diagnosis_.findings}
    assert name in found, str(model.diagnosis_)
    assert cure.items() <= found[name].cure.items()
    assert found[name].evidence
    cured = model.diagnosis_.cured(model)
    assert not hasattr(cured, "networks_")
    assert type(cured) is kind
    if found[name].severity != "remark":
        changed = {k: v for k, v in cured.get_params().items() if v != model.get_params()[k]}
        assert cure.items() <= changed.items()


def test_new_rows_show_overfitting():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 10)), rng.integers(0, 2, 300)
    model = ShoalClassifier(hidden=256, early_stopping=False, learning_rate=0.01, random_state=0)
    model.fit(X[:100], y[:100])
    assert model.diagnosis_.names[0] == "overfitting"  # by a short training on half of the rows
    found = diagnose(model, X[100:], y[100:])
    assert "overfitting" in found.names
    assert found.cure["early_stopping"] is True


def test_every_training_loss_is_below_that_of_new_rows_and_a_little_is_no_overfitting():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((21_000, 6))
    y = 2 * X[:, 0] + np.sin(2 * X[:, 1]) + 0.7 * rng.standard_normal(len(X))
    model = ShoalRegressor(
        hidden=10, early_stopping=False, random_state=0, bins=0, members=1, max_iter=150
    ).fit(X[:250], y[:250])
    new = slice(1000, None)
    own, others = (np.mean((model.predict(X[s]) - y[s]) ** 2) for s in (slice(250), new))
    assert own < 0.8 * others  # by much more than its error, but by 5 % of the variance alone
    assert "overfitting" not in diagnose(model, X[new], y[new]).names


def test_a_network_wider_than_its_work_and_one_that_is_linear():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 3))
    y = (X[:, 0] + rng.logistic(size=2000) > 0).astype(int)
    model = ShoalClassifier(hidden=256, random_state=0, members=1, bins=0).fit(X, y)
    found = diagnose(model, X, y)
    assert found.healthy
    assert {"too-wide", "linear-is-enough"} <= set(found.names)
    assert found.cure["hidden"] < 128


@pytest.mark.parametrize("scale", [0.01, 3.0, 30.0])
def test_a_linear_network_is_not_enough_where_this_one_has_learnt_nothing(scale):
    rng = np.random.default_rng(0)
    X = rng.uniform(-4, 4, (2, 300))
    Y = (X[:1] * X[1:] < 0).astype(float)  # exclusive or
    net = Network.initialise(n_x=2, n_h=4, n_y=1, seed=3, scale=scale)
    assert not list(
        linear_is_enough(Seen(Case((net,), net._examples(X, Y, None), {}), None, thorough=True))
    )


@pytest.mark.parametrize("data", [IRIS, CANCER])
def test_a_healthy_network_gets_one_reassuring_line(data):
    model = ShoalClassifier(random_state=0, members=1).fit(*data)
    assert model.diagnosis_.healthy
    assert str(model.diagnosis_).startswith("healthy: 64 hidden units, nothing to repair")


def test_a_fit_warns_of_what_is_grave_and_of_nothing_else():
    with pytest.warns(shoal.ShoalWarning, match=r"symmetric-units: 64 of 64 .*init=\"auto\""):
        ShoalClassifier(init="zeros", random_state=0, members=1).fit(*IRIS)
    ShoalClassifier(max_iter=3, random_state=0).fit(*IRIS)  # warnings are errors in these tests


def test_a_network_of_the_lecture():
    X, y = circle()
    Y = y[np.newaxis]
    zeros = Network.initialise(2, 4, 1, scale="zeros")
    trained, _ = zeros.descend(X.T, Y, iterations=1000)
    found = diagnose(trained, X.T, Y)
    assert found.names[0] == "symmetric-units"
    assert found.findings[0].evidence["twins"] == [[0, 1, 2, 3]]
    large = Network.initialise(2, 4, 1, scale=100.0)
    assert "saturated-units" in diagnose(large, X.T, Y).names


def test_the_bits_of_a_diagnosis_do_not_depend_on_threads():
    X, y = circle(3000)
    found = [
        ShoalClassifier(random_state=0, n_jobs=n, members=2, max_iter=5).fit(X, y).diagnosis_
        for n in (1, 3)
    ]
    assert found[0] == found[1]


def test_weights_and_several_outputs_are_welcome():
    X, _ = circle(200)
    labels = np.c_[X[:, 0] > 0, X[:, 1] > 0].astype(int)
    weights = np.random.default_rng(0).random(200)
    model = ShoalClassifier(random_state=0, members=8).fit(X, labels, weights)
    assert model.diagnosis_.n_units == 8 * 64
    assert ShoalRegressor(random_state=0).fit(X, X @ [[1, 2], [3, 4]]).diagnosis_.healthy
    assert ShoalRegressor(random_state=0, hidden=0).fit(X, X.sum(axis=1)).diagnosis_.healthy


def test_it_is_plain_data_and_comes_back(tmp_path):
    model = ShoalClassifier(max_iter=4, random_state=0).fit(*CANCER)
    plain = model.diagnosis_.to_dict()
    assert Diagnosis.from_dict(json.loads(json.dumps(plain))).names == model.diagnosis_.names
    model.save(tmp_path / "m.shoal")
    assert str(shoal.load(tmp_path / "m.shoal").diagnosis_) == str(model.diagnosis_)


def test_the_graver_cure_wins_and_three_are_shown():
    findings = [
        Finding(f"f{i}", severity, "what.", "do.", {"alpha": i}, {})
        for i, severity in enumerate(("error", "warning", "warning", "warning", "remark"))
    ]
    found = Diagnosis(tuple(findings))
    assert found.cure == {"alpha": 0}
    assert not found.healthy
    assert str(found).count("\n") == 3
    assert "and 1 more" in str(found)
    assert clone(found.cured(ShoalClassifier())).alpha == 0


# --- the measures ---------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_twins_are_the_equal_rows(n_h, n_x, seed):
    rng = np.random.default_rng(seed)
    net = Network.initialise(n_x, n_h, 2, seed=seed, scale=1.0)
    who = rng.integers(0, n_h, n_h)  # unit i gets the weights of who[i]
    W1, b1, W2, _ = net.parameters
    twins = twins_of(net.parameters._replace(W1=W1[who], b1=b1[who], W2=W2[:, who]))
    groups = {tuple(np.flatnonzero(who == w).tolist()) for w in who}
    assert set(twins) == {g for g in groups if len(g) > 1}


def test_saturated_dead_and_straight_by_hand():
    X = np.linspace(-1, 1, 101)[np.newaxis]
    tanh = Network([[1e-3], [1e3]], [[0], [0]], [[1, 1]], [[0]])
    step = tanh.forward(X)
    units = Units(tanh.architecture, tanh.parameters, step.Z1, step.A1)
    assert units.straight == 1
    assert units.saturated == pytest.approx(0.5, abs=0.02)  # one of the two, but near 0
    relu = Network([[1], [1]], [[-5], [5]], [[1, 1]], [[0]], activation="relu")
    step = relu.forward(X)
    units = Units(relu.architecture, relu.parameters, step.Z1, step.A1)
    assert units.dead == (0,)
    assert units.straight == 2


def test_a_curve_that_bounces_and_one_that_creeps():
    bouncing = curve_of([1, 0.5] * 20, 1.0)
    assert bouncing.bounce == pytest.approx(0.25, abs=0.02)
    creeping = curve_of(np.linspace(1, 0.9, 50), 1.0)
    assert creeping.bounce == 0
    assert creeping.late_share == pytest.approx(0.5, abs=0.05)


def test_copies_of_three_units_are_three():
    rng = np.random.default_rng(0)
    three = rng.standard_normal((3, 500))
    A1 = np.vstack([three * s for s in (1, -2, 0.5, 3)])
    assert enough_units(A1, rng.standard_normal((1, 12)) @ A1) in (3, 4)


def fallen_asleep(before, rate, init="auto"):
    """Six of ten units of relu that are dead, and so many before the first step."""

    def units(dead):
        return SimpleNamespace(n=10, dead=tuple(range(dead)))

    case = SimpleNamespace(rate=rate, usual_rate=0.005, settings={"init": init})
    starts = () if before is None else (units(before),)
    return SimpleNamespace(units=(units(6),), starts=starts, case=case)


@pytest.mark.parametrize(
    ("before", "rate", "suspected"),
    [(2, 0.005, False), (4, 0.005, True), (2, 0.05, True), (None, 0.005, True)],
)
def test_units_that_good_steps_have_put_to_sleep_are_no_fault(before, rate, suspected):
    seen = fallen_asleep(before, rate)
    assert [one.name for one in drawing.dead_units(seen)] == ["dead-units"] * suspected
    assert [one.severity for one in drawing.some_dead_units(seen)] == ["remark"]


@pytest.mark.parametrize(
    ("before", "rate", "init", "cure"),
    [
        (4, 0.005, "auto", {"activation": "leaky_relu"}),
        (4, 0.05, "auto", {"activation": "leaky_relu"}),
        (2, 0.05, "auto", {"learning_rate": 0.005}),
        (2, 0.05, asleep(), {"learning_rate": 0.005}),
        (4, 0.005, (asleep(),), {"init": "auto"}),
    ],
)
def test_dead_units_are_cured_of_what_has_killed_them(before, rate, init, cure):
    [found] = drawing.dead_units(fallen_asleep(before, rate, init))
    assert found.changes == cure


@pytest.mark.parametrize(
    ("rate", "usual", "lower"),
    [(1.0, 0.005, 0.005), (0.02, 0.005, 0.002), (0.005, 0.005, 0.0005), (0.1, 0.0, 0.01)],
)
def test_shorter_steps_are_a_tenth_as_long_or_as_long_as_usual(rate, usual, lower):
    case = SimpleNamespace(rate=rate, usual_rate=usual)
    assert stepping.lower_rate(case) == pytest.approx(lower)


@pytest.mark.parametrize("activation", ["relu", "identity", "tanh"])
@pytest.mark.parametrize("scale", [1e153, 1e-200])
def test_columns_of_absurd_numbers_are_looked_at_without_a_numpy_warning(activation, scale):
    X = np.random.default_rng(0).normal(size=(60, 2)) * [1, scale]
    settings = {"encode": None, "dtype": "float64", "activation": activation, "max_iter": 2}
    y = (X[:, 0] > 0).astype(int)
    model = ShoalClassifier(**settings, members=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", shoal.ShoalWarning)  # NumPy's are errors in these tests
        model.fit(X, y)
    assert isinstance(model.diagnosis_, Diagnosis)
    assert isinstance(diagnose(model, X, y), Diagnosis)


def test_products_of_the_kernel_are_those_of_numpy():
    rng = np.random.default_rng(0)
    for dtype, error in ((np.float32, 1e-5), (np.float64, 1e-13)):
        A, B = (rng.standard_normal((m, 7)).astype(dtype) for m in (5, 3))
        assert product(A, B).dtype == dtype
        np.testing.assert_allclose(product(A, B), A @ B.T, atol=error)


def test_balanced_classes_are_not_compared_with_neighbours_that_are_not():
    X, y = rare()
    model = ShoalClassifier(class_weight="balanced", random_state=0, members=2).fit(X, y)
    assert model.diagnosis_.healthy, str(model.diagnosis_)


def test_a_column_that_is_left_out_is_no_leak():
    X, y = CANCER
    table = pa.table({f"x{j}": X[:, j] for j in range(4)} | {"answer": y.astype(float)})
    leaking = ShoalClassifier(random_state=0, members=2).fit(table, y)
    assert leaking.diagnosis_.names[0] == "leak"
    assert "leak" not in leaking.diagnosis_.cured(leaking).fit(table, y).diagnosis_.names


def test_far_targets_are_the_finding_and_not_what_they_bring():
    X, y = FRIEDMAN
    y = y.copy()
    y[[3, 50, 120]] += 100 * y.std()
    model = ShoalRegressor(**SGD, random_state=0, members=2).fit(X, y)
    assert model.diagnosis_.names[0] == "outliers"


def test_a_healthy_fit_on_rows_of_another_kind_is_no_worse_a_fit():
    X, y = circle()
    model = ShoalClassifier(random_state=0, members=2).fit(X, y)
    assert model.diagnosis_.healthy
    wrong = [f.name for f in diagnose(model, X * 0.3 + 2, y).findings if f.severity != "remark"]
    assert wrong == ["shift"]


def test_what_is_far_from_usual_and_cannot_be_tried_is_cured_together():
    X, y = CANCER
    model = ShoalClassifier(random_state=0, members=1, learning_rate=1e-6, max_iter=5).fit(X, y)
    assert model.diagnosis_.cure == {"learning_rate": 0.005, "max_iter": 1000}


def test_ages_are_no_codes_however_few_rows_a_value_has():
    rng = np.random.default_rng(0)
    x = np.minimum(rng.gamma(9, 4, 1000), 90).astype(int)  # many rows at 30, single ones at 80
    values, places = np.unique(x, return_inverse=True)

    def said(y):
        sums = np.bincount(places, y)[:, None]
        return said_of(np.bincount(places), sums, np.square(y).sum())

    own, near = said(0.05 * x + rng.standard_normal(1000))
    assert own > 0.2
    assert near > 0.9 * own
    own, near = said(rng.permutation(len(values))[places] + rng.standard_normal(1000))
    assert own > 0.9
    assert near < 0.3 * own


@pytest.mark.parametrize(("share", "named"), [(0.01, True), (0.2, False)])
def test_a_value_is_far_out_where_few_are(share, named):
    rng = np.random.default_rng(0)
    X, y = rng.uniform(0, 1, (600, 3)), rng.integers(0, 2, 600)
    bright = rng.random(600) < share
    X[bright, 0] = rng.uniform(1000, 2550, bright.sum())
    model = ShoalClassifier(random_state=0, members=1, max_iter=30).fit(X, y)
    assert ("outliers" in model.diagnosis_.names) is named


def flower():
    """The planar exercise: two classes on the petals of a flower."""
    rng = np.random.default_rng(1)
    y = np.arange(300) % 2
    t = 3.12 * (np.arange(300) // 2 / 150 + y) + 0.2 * rng.standard_normal(300)
    r = 4 * np.sin(4 * t) + 0.2 * rng.standard_normal(300)
    return np.c_[r * np.sin(t), r * np.cos(t)], y


@pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")
@pytest.mark.parametrize(
    ("settings", "name", "cure"),
    [
        ({"init": "zeros"}, "symmetric-units", {"init": "auto"}),
        ({"learning_rate": 1e-4}, "learning-rate-too-low", {"learning_rate": 0.25}),
        ({"learning_rate": 500.0}, "diverged", {"learning_rate": 0.25}),
        ({"max_iter": 3}, "not-converged", {"max_iter": 1000}),
        ({"hidden": 1}, "underfitting", {"hidden": "auto"}),
        ({"activation": "identity"}, "still-linear", {"activation": "tanh"}),
        ({"alpha": 1200.0}, "penalty-outweighs-loss", {"alpha": 1e-4, "learning_rate": 0.12}),
    ],
    ids=str,
)
def test_a_fault_of_the_lecture_s_training_is_the_cause_and_not_its_small_draw(
    settings, name, cure
):
    X, y = flower()
    usual = ShoalClassifier.classic(random_state=0, max_iter=2000).get_params()
    found = ShoalClassifier(**(usual | settings)).fit(X, y).diagnosis_
    assert (found.names[0], found.cure) == (name, cure)


def test_a_network_of_one_unit_is_too_narrow():
    X, y = flower()
    one = Network.initialise(2, 1, 1, scale=0.01)
    one, _ = one.descend(X.T, y[np.newaxis], iterations=500)
    assert diagnose(one, X.T, y[np.newaxis]).names[0] == "underfitting"


def test_a_leak_of_any_target_is_found():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 4))
    Y = np.c_[X[:, 0] * X[:, 1], X[:, 2] - X[:, 3]]
    model = ShoalRegressor(random_state=0, members=1).fit(np.c_[X, Y[:, 0]], Y)
    leaks = [f for f in model.diagnosis_.findings if f.name == "leak"]
    assert [f.evidence["column"] for f in leaks] == ["x4"]


@pytest.mark.parametrize(("m", "patience"), [(100, 38), (600_000, 2)])
def test_the_patience_is_that_of_the_rows_that_were_trained_on(m, patience):
    fitted = ShoalClassifier(random_state=0, members=1, max_iter=2).fit(*CANCER).fitted_
    case = fitted.case(fitted.examples(*CANCER), m)
    assert (case.patience, case.m) == (patience, m)


@pytest.mark.parametrize(("asked", "suspected"), [("auto", False), (2, True)])
def test_little_patience_is_a_fault_where_it_was_asked_for(asked, suspected):
    case = Case((asleep(),), None, {"n_iter_no_change": asked}, ending="plateau", patience=2)
    curve = SimpleNamespace(epochs=9, late_fall=0.0)
    seen = SimpleNamespace(case=case, curve=curve, validation=curve, share=0.3, behind=False)
    assert [one.name for one in ending.stopped_too_early(seen)] == ["stopped-too-early"] * suspected
    seen.behind = True
    [found] = ending.stopped_too_early(seen)
    assert "when 2 in a row were not better" in found.what


@pytest.mark.parametrize("hidden", [0, 6])
def test_a_short_training_of_some_columns_is_one_of_the_others_at_zero(hidden):
    X, y = CANCER
    keep = np.arange(X.shape[1]) % 3 == 0
    fitted = ShoalClassifier(
        hidden=hidden, encode=None, dtype="float64", random_state=0, members=1, max_iter=3,
        init=0.1, alpha=0.0,
    ).fit(X / X.std(axis=0), y).fitted_  # fmt: skip
    some = fitted.examples(X / X.std(axis=0), y)
    zeros = some._replace(X=np.ascontiguousarray(some.X * keep))
    case = fitted.case(some)._replace(held=1)
    alone = Trials(case, some, some, 1e9).losses({}, keep=keep)
    np.testing.assert_allclose(alone, Trials(case, zeros, zeros, 1e9).losses({}), rtol=1e-9)


@pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")
def test_what_a_fact_cures_is_not_tried_again(monkeypatch):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 40, 900)
    X, y = np.c_[codes, rng.standard_normal((900, 2))], rng.integers(0, 2, 40)[codes]
    tried, losses = [], Trials.losses
    monkeypatch.setattr(
        Trials, "losses", lambda self, changes, **how: tried.append(changes) or losses(self, changes, **how)
    )  # fmt: skip
    model = ShoalClassifier(encode=None, max_iter=20, random_state=0, members=1).fit(X, y)
    assert model.diagnosis_.names[0] == "codes-as-numbers"
    assert {"encode": "auto"} not in tried


def test_the_lecture_s_long_steps_overshoot_where_the_loss_rises_and_not_where_it_falls():
    def suspected(solver="gd", rate=1.2, bounce=1e-4, last=0.2):
        case = SimpleNamespace(rate=rate, usual_rate=0.25, settings={"solver": solver})
        curve = SimpleNamespace(epochs=1000, bounce=bounce, last=last)
        return bool(list(stepping.rate_too_high(SimpleNamespace(case=case, curve=curve))))

    assert not suspected()
    assert suspected(bounce=0.01)
    assert suspected(last=0.9)
    assert suspected(rate=12.0)
    assert suspected(solver="sgd")


@pytest.mark.parametrize("seed", [40, 42])
def test_the_lecture_s_training_of_many_units_is_healthy_when_looked_at_again(seed):
    rng = np.random.default_rng(seed)
    y = np.arange(400) % 2
    t = 3.12 * (np.arange(400) // 2 / 200 + y) + 0.2 * rng.standard_normal(400)
    r = 4 * np.sin(4 * t) + 0.2 * rng.standard_normal(400)
    X = np.c_[r * np.sin(t), r * np.cos(t)]
    model = ShoalClassifier.classic(hidden=20, random_state=seed).fit(X, y)
    assert diagnose(model, X, y).healthy


def test_a_batch_of_one_row_is_named_where_it_costs_little_too():
    model = ShoalClassifier(batch_size=1, max_iter=40, random_state=0, members=1).fit(*CANCER)
    [found] = [f for f in model.diagnosis_.findings if f.name == "batch-too-small"]
    assert found.cure in ({"batch_size": "auto"}, {})


def test_the_first_of_what_is_far_from_usual_is_a_remark_whatever_was_suspected_before():
    seen = SimpleNamespace(
        case=SimpleNamespace(settings={}), explained=0.95, share=0.1, tried=lambda _: Tried(1.0, 0.99, False, 0.1)
    )  # fmt: skip
    suspects = [
        Suspect(name, "what.", {name: 0}, {}, sure=name != "likely")
        for name in ("likely", "far", "farther")
    ]
    assert [(f.name, f.severity) for f in cause_of(seen, suspects)] == [("far", "remark")]


@pytest.mark.parametrize("kind", [ShoalClassifier, ShoalRegressor])
def test_a_leak_in_a_sparse_matrix_is_found(kind):
    rng = np.random.default_rng(0)
    X = sparse.random(400, 300, density=0.03, random_state=0, format="csr")
    z = X @ rng.standard_normal(300)
    y = (z > 0.3).astype(int) if kind is ShoalClassifier else np.where(z > 0.3, z, 0.0)
    assert "leak" not in kind(random_state=0, members=1, max_iter=60).fit(X, y).diagnosis_.names
    leaking = sparse.hstack([X[:, :200], y[:, np.newaxis], X[:, 200:]]).tocsr()
    [found] = [
        f for f in kind(random_state=0, members=1, max_iter=60).fit(leaking, y).diagnosis_.findings
        if f.name == "leak"
    ]  # fmt: skip
    assert found.evidence["column"] == "x200"
    assert not found.cure  # columns of a sparse matrix have no names to leave out

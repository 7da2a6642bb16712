"""What is named as the cause, and what is offered as its cure, in trainings of the fourth blind trial's kinds."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import (
    load_digits,
    load_linnerud,
    load_wine,
    make_circles,
    make_friedman3,
    make_hastie_10_2,
    make_sparse_uncorrelated,
)
from sklearn.model_selection import train_test_split

from shoal import Network, ShoalClassifier, ShoalRegressor, diagnose
from shoal.diagnosis.case import Case, Seen, baseline_of, losses_of_constant
from shoal.diagnosis.diagnose import findings_of
from shoal.diagnosis.rules import capacity, ending, rows
from shoal.diagnosis.rules.table import _code as code_of
from shoal.diagnosis.suspect import Suspect, cause_of
from shoal.network.architecture import Architecture

pytestmark = pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")
FAST = {"random_state": 0, "members": 2, "n_jobs": 1}
NET = Network.initialise(4, 8, 1, seed=0)


def wrong(diagnosis):
    return [finding.name for finding in diagnosis.findings if finding.severity != "remark"]


def hills(m, seed=6):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, (m, 3))
    return X, np.sin(3 * X[:, 0]) * X[:, 1] + X[:, 2] ** 2 + rng.normal(0, 0.1, m)


def spirals(m=630):
    rng, y = np.random.default_rng(4), np.arange(m) % 2
    t = np.sqrt(rng.uniform(0.03, 1, m)) * 9
    return np.c_[t * np.cos(t + np.pi * y), t * np.sin(t + np.pi * y)] / 3, y


# --- when a training ended ------------------------------------------------------------------


def stopped(settings, *, epochs=300, behind=False, share=0.6, patience=6, m=0):
    """What `stopped_too_early` says of a training with full batches."""
    case = Case(
        (NET,), None, settings, ending="plateau", patience=patience, losses=(1.0,) * epochs, m=m
    )
    curve = SimpleNamespace(epochs=epochs, late_fall=0.0)
    seen = SimpleNamespace(case=case, curve=curve, validation=None, share=share, behind=behind)
    return list(ending.stopped_too_early(seen))


def test_little_patience_is_cured_by_the_usual_one_which_few_rows_need_more_of():
    [found] = stopped({"n_iter_no_change": 1, "tol": 0.05}, patience=1)
    assert found.changes == {"n_iter_no_change": "auto", "tol": 1e-4}


@pytest.mark.parametrize(("solver", "suspected"), [("lm", False), ("adam", True)])
def test_three_steps_of_second_order_are_patience(solver, suspected):
    found = stopped({"n_iter_no_change": 3, "solver": solver}, patience=3)
    assert bool(found) == suspected


def test_more_patience_has_a_budget_in_which_it_counts():
    [found] = stopped({"max_iter": 310}, behind=True)
    assert found.changes == {"n_iter_no_change": 50, "max_iter": 3100}
    [found] = stopped({"max_iter": 1000}, behind=True)
    assert found.changes == {"n_iter_no_change": 50}


def test_a_few_steps_of_descent_show_nothing():
    how = {"behind": True, "share": 1.0, "m": 600}
    [found] = stopped({"solver": "gd"}, epochs=15, **how)
    assert found.sure
    assert found.changes == {
        "n_iter_no_change": 50,
        "solver": "adam",
        "learning_rate": "auto",
    }
    [found] = stopped({"solver": "gd"}, epochs=300, **how)
    assert not found.sure


def test_the_second_order_of_a_small_table_does_not_stop_too_early():
    X, y = make_sparse_uncorrelated(630, 15, random_state=1)
    model = ShoalRegressor(random_state=0, n_jobs=1).fit(X, y)
    assert model.fitted_.trained.solver == "lm"
    assert wrong(model.diagnosis_) == []


# --- what else a cure needs -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("unwatched", "ending", "more"),
    [
        (True, "finished", {"early_stopping": True}),
        (True, "diverged", {}),  # it has not shown that it would learn them by heart
        (False, "finished", {}),
    ],
)
def test_a_cure_that_lets_a_wide_network_learn_holds_rows_out(unwatched, ending, more):
    case = SimpleNamespace(settings={"learning_rate": 0.3}, unwatched=unwatched, ending=ending)
    seen = SimpleNamespace(case=case, explained=0.1, share=0.9, tried=lambda changes: None)
    high = Suspect("learning-rate-too-high", "…", {"learning_rate": 0.005}, {}, sure=True)
    [found] = cause_of(seen, [high])
    assert found.cure == {"learning_rate": 0.005} | more


@pytest.mark.parametrize(
    ("m", "settings", "unwatched"),
    [
        (60, {"early_stopping": False}, True),  # 49 parameters
        (40, {"early_stopping": False}, False),
        (200, {"early_stopping": False}, False),
        (60, {"early_stopping": "auto"}, False),
    ],
)
def test_rows_that_can_all_be_learnt_with_none_held_out(m, settings, unwatched):
    assert Case((NET,), None, settings, m=m).unwatched == unwatched


def test_long_steps_that_kill_units_are_made_shorter():
    X, y = make_circles(900, noise=0.08, factor=0.5, random_state=2)
    how = {"activation": "relu", "solver": "sgd", "learning_rate": 5.0, "hidden": 40}
    model = ShoalClassifier(**FAST, **how).fit(X, y)
    first = model.diagnosis_.findings[0]
    assert first.name in ("dead-units", "diverged")
    assert first.cure == {"learning_rate": 0.03}


def test_constant_columns_that_do_no_harm_are_no_reason_to_scale_the_others():
    X, y = load_digits(return_X_y=True)
    found = ShoalClassifier(**FAST, encode=None, hidden=64).fit(X / 16, y).diagnosis_
    assert found.names[0] == "useless-columns"
    assert found.cure == {}


# --- too little said ------------------------------------------------------------------------


def test_three_units_that_have_come_to_rest_are_too_few_and_not_impatient():
    X, y = spirals()
    found = ShoalClassifier(**FAST, hidden=3, bins=0).fit(X, y).diagnosis_
    assert wrong(found)[0] == "underfitting"
    assert found.cure["hidden"] == "auto"


def narrow(n_h, *, explained=0.65, ending="plateau", fall=0.0, thorough=False):
    curve = SimpleNamespace(late_fall=fall)
    case = SimpleNamespace(
        settings={"hidden": n_h}, few_epochs=False, ending=ending, impatient=False
    )
    seen = SimpleNamespace(
        shape=SimpleNamespace(n_h=n_h), case=case, explained=explained, curve=curve, validation=None,
        behind=explained < 0.7, below=False, poor=False, thorough=thorough,
        reference=SimpleNamespace(known=0.85),
    )  # fmt: skip
    return [one.sure for one in capacity.too_narrow(seen)]


def test_a_narrow_network_is_the_cause_unless_its_loss_still_fell():
    assert narrow(4) == [True]
    assert narrow(4, ending="finished") == [True]
    assert narrow(4, ending="finished", fall=0.05) == [False]
    assert narrow(4, explained=0.8) == []
    assert narrow(8) == []


def test_no_hidden_layer_is_no_fault_of_a_network_that_explains_nearly_everything():
    assert narrow(0, explained=0.8, thorough=True) == [False]
    assert narrow(0, explained=0.93, thorough=True) == []


@pytest.mark.parametrize(("activation", "sure"), [("identity", True), ("tanh", False)])
def test_an_activation_that_is_linear_by_choice_comes_before_patience(activation, sure):
    units = SimpleNamespace(n=20, dead=(), twins=(), straight=20)
    seen = SimpleNamespace(
        units=(units,), shape=SimpleNamespace(activation=activation), behind=True, poor=False,
        case=SimpleNamespace(few_epochs=False, ending="plateau", settings={"hidden": 20}),
    )  # fmt: skip
    [found] = capacity.linear_activation(seen)
    assert found.sure == sure


@pytest.mark.parametrize("output", ["identity", "poisson", "sigmoid", "softmax"])
def test_the_loss_of_a_constant_answer_is_the_mean_of_its_losses(output):
    rng = np.random.default_rng(0)
    Y = rng.poisson(2.0, (1, 40)).astype(float)
    if output == "softmax":
        Y = np.eye(3)[:, rng.integers(0, 3, 40)]
    elif output == "sigmoid":
        Y = (Y > 1) * 1.0
    shape, w = Architecture(2, 4, len(Y), "tanh", output), rng.uniform(0, 2, (1, 40))
    assert baseline_of(shape, Y) == pytest.approx(losses_of_constant(shape, Y).mean())
    repeated = np.repeat(Y, 3, axis=1), np.repeat(w, 3, axis=1)
    assert baseline_of(shape, *repeated) == pytest.approx(baseline_of(shape, Y, w))
    if output in ("sigmoid", "softmax"):
        p = Y.mean(axis=1)
        p = np.r_[p, 1 - p] if output == "sigmoid" else p
        assert baseline_of(shape, Y) == pytest.approx(-(p * np.log(p)).sum())


@pytest.mark.parametrize(
    ("gain", "error", "told"),
    [
        (-0.2, 0.01, True),
        (0.01, 0.0, True),
        (0.04, 0.03, True),
        (0.04, 0.01, False),
        (0.09, 0.2, False),
    ],
)
def test_a_gain_by_chance_is_none_where_nothing_else_is_known(gain, error, told):
    network = SimpleNamespace(parameters=SimpleNamespace(W2=np.ones(3)))
    seen = SimpleNamespace(
        case=SimpleNamespace(new=False, networks=(network,)), held_out=True, looked_at=True, explained=0.03,
        share=1 - gain, baseline=1.0, comparable=True, over_constant=(gain, error),
        Y=np.array([[0.0, 1.0]]), reference=SimpleNamespace(known=0.0, reaches=lambda share: False),
    )  # fmt: skip
    assert bool(list(capacity.nothing_to_learn(seen))) == told


def test_a_shuffled_target_is_told_of_new_rows_too():
    X, y = hills(900)
    y = np.random.default_rng(2).permutation(np.exp(y / 4))
    model = ShoalRegressor(**FAST).fit(X[:600], y[:600])
    told = {"nothing-to-learn", "constant-answer"}
    assert told & set(model.diagnosis_.names)
    assert told & set(diagnose(model, X[600:], y[600:]).names)


# --- rows and columns -----------------------------------------------------------------------


def new_rows(*, m, members=1, n_test=450):
    """Two blobs that overlap, and a fit of m rows."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, m + n_test)
    X = rng.standard_normal((m + n_test, 4)) + 1.2 * y[:, np.newaxis]
    model = ShoalClassifier(**FAST | {"members": members}).fit(X[:m], y[:m])
    return model, X[m:], y[m:]


def test_a_member_that_has_not_learnt_makes_no_rows_of_another_kind():
    model, X, y = new_rows(m=600, members=2)
    case = model.fitted_.case_of_new(X, y)
    broken = case.networks[1]
    P = broken.parameters
    broken = Network._of(
        broken.architecture, broken.architecture.flatten(P._replace(W2=-3 * P.W2), broken.dtype)
    )
    findings = findings_of(case._replace(networks=(case.networks[0], broken)))
    assert "shift" not in findings.names


def test_a_few_rows_held_out_expect_nothing_for_sure():
    losses = (0.6, 0.15)  # of 22 rows that were kinder than others
    for m, named in ((150, False), (6000, True)):
        case = SimpleNamespace(
            new=True, ending="plateau", earlier=None, validation_losses=losses, m=m,
            settings={"encode": "auto"}, alpha=0.0,
        )  # fmt: skip
        seen = SimpleNamespace(
            case=case, curve=SimpleNamespace(last=0.1, first=1.0), some=SimpleNamespace(m=450, X=np.zeros((450, 0)), rows=None),
            new_loss=0.45, new_error=0.03, baseline=0.65, loss=0.45,
            trials=SimpleNamespace(losses=lambda changes: None),
        )  # fmt: skip
        assert [one.name for one in rows.new_rows(seen)] == ["shift"] * named


def test_columns_that_have_moved_are_a_shift_of_few_rows_too():
    X, y = load_wine(return_X_y=True)
    X, new, y, truth = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
    model = ShoalClassifier(**FAST).fit(X, y)
    assert wrong(diagnose(model, new, truth)) == []
    assert wrong(diagnose(model, 1.5 * new, truth)) == ["shift"]


def test_numbers_as_classes_are_told_by_their_order():
    X, y = hills(980)
    numbers = np.round(20 * y).astype(int)
    model = ShoalClassifier(**FAST, max_iter=30).fit(X, numbers)
    found = model.diagnosis_
    assert len(X) > 5 * len(model.classes_)
    assert wrong(found)[:1] == ["many-classes"]
    assert "rare-classes" not in found.names
    assert "order" in found.findings[0].what


def test_classes_of_which_nothing_is_learnt_are_no_numbers():
    X = hills(980)[0]
    letters = np.random.default_rng(0).permutation(np.repeat(np.arange(28), 35))
    model = ShoalClassifier(**FAST, max_iter=30).fit(X, letters)
    assert "many-classes" not in model.diagnosis_.names


def test_a_column_that_tells_copies_from_one_another_is_no_leak():
    X, y = hills(100)
    rows_of_copies = np.random.default_rng(1).permutation(np.repeat(np.arange(100), 12))
    names = ShoalRegressor(**FAST).fit(X[rows_of_copies], y[rows_of_copies]).diagnosis_.names
    assert "leak" not in names
    assert "duplicates-across-split" in names
    leaking = np.c_[X, 2 * y + 1][rows_of_copies]
    assert "leak" in ShoalRegressor(**FAST).fit(leaking, y[rows_of_copies]).diagnosis_.names


def test_counts_contradict_each_other_too():
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 2, (300, 3))[rng.integers(0, 300, 900)]
    y = rng.poisson(np.exp(X[:, 0])).astype(float)
    found = ShoalRegressor(**FAST, loss="poisson").fit(X, y).diagnosis_
    assert "contradicting-labels" in found.names


@pytest.mark.parametrize(("text", "named"), [("{:.1f} m2", True), ("{:.0f}B{:.0f}", False)])
def test_square_metres_are_a_number_with_something_beside_it(text, named):
    X, y = hills(400)
    x = 40 + 10 * X[:, 0]
    texts = [text.format(v, v) if i % 3 else f"{v:.1f}" for i, v in enumerate(x)]
    table = pa.table({"size": texts, "b": X[:, 1], "c": X[:, 2]})
    found = ShoalRegressor(**FAST).fit(table, np.sin(x / 5) + 0.01 * y).diagnosis_
    assert ("numbers-as-text" in found.names) == named


def test_what_chance_says_of_a_column_s_values_makes_no_codes():
    for seed in range(300):
        rng = np.random.default_rng(seed)
        places, y = rng.integers(0, 38, 200), rng.standard_normal(200)
        seen = SimpleNamespace(
            case=SimpleNamespace(settings={"encode": None}),
            shape=SimpleNamespace(output="identity"),
        )
        column = pa.chunked_array([places.astype(float)])
        assert not list(code_of(seen, "x", column, y)), seed
        told = y + 3 * np.random.default_rng(9).standard_normal(38)[places]
        assert [one.name for one in code_of(seen, "x", column, told)] == ["codes-as-numbers"]


@pytest.mark.parametrize("activation", ["leaky_relu", "relu", "tanh"])
def test_a_draw_next_to_0_is_a_plateau_of_every_activation(activation):
    X, y = make_circles(600, noise=0.08, factor=0.5, random_state=2)
    how = {"solver": "gd", "init": 1e-5, "max_iter": 200, "bins": 0, "early_stopping": False}
    found = ShoalClassifier(**FAST | how, activation=activation, hidden=16).fit(X, y).diagnosis_
    assert wrong(found)[0] == "stuck-on-plateau"
    assert found.cure["init"] == "auto"


def test_a_handful_of_new_rows_names_no_cause_that_the_fit_has_not():
    X, Y = load_linnerud(return_X_y=True)
    model = ShoalRegressor(**FAST, hidden=16, bins=0, alpha=0.1).fit(X[:14], Y[:14])
    assert wrong(model.diagnosis_) == []
    assert wrong(diagnose(model, X[14:], Y[14:])) == []


@pytest.mark.parametrize(
    ("own", "held", "named"),
    [
        ((8, 20), (1, 6), True),
        ((16, 20), (1, 6), False),
        ((8, 20), (1, 4), False),
        ((8, 20), (2, 6), False),
    ],
)
def test_a_rare_class_is_judged_by_the_rows_held_out_where_half_is_missed(own, held, named):
    def answered(right, of, m):
        true = (np.arange(m) < of).astype(int)
        return np.where(np.arange(m) < right, 1, 0) * true, true

    first, second = answered(*own, 400), answered(*held, 100)
    seen = SimpleNamespace(
        shape=SimpleNamespace(n_y=1, output="sigmoid"), case=SimpleNamespace(new=False, settings={}, m=400, held=100),
        some=SimpleNamespace(m=400), A2=first[0][np.newaxis], Y=first[1][np.newaxis], held_out=True,
        judged=SimpleNamespace(truth=lambda n_y: (second[1][np.newaxis], None)), answers=second[0][np.newaxis],
    )  # fmt: skip
    found = list(rows.rare_classes(seen))
    assert bool(found) == named
    if named:
        assert found[0].evidence["recall"] == pytest.approx(1 / 6)


@pytest.mark.parametrize(("m", "carried", "named"), [(51, 0.63, False), (51, 0.97, True), (400, 0.63, True)])  # fmt: skip
def test_two_of_some_dozens_of_rows_may_carry_half_of_the_variance(m, carried, named):
    seen = SimpleNamespace(
        learnt=SimpleNamespace(m=m, X=np.zeros((m, 0)), rows=None), carried=np.array([carried]),
        shape=SimpleNamespace(output="identity"),
    )  # fmt: skip
    assert bool(list(rows.outliers(seen))) == named


def test_new_rows_are_no_more_to_learn_from_than_the_fit_had():
    X, y = make_hastie_10_2(700, random_state=3)
    y = (y > 0).astype(int)
    model = ShoalClassifier(**FAST, bins=0).fit(X[:80], y[:80])
    case = model.fitted_.case_of_new(X[80:], y[80:])
    fair, unfair = Seen(case, None, thorough=True), Seen(case._replace(m=600), None, thorough=True)
    assert fair.reference.best < unfair.reference.best
    assert "underfitting" not in diagnose(model, X[80:], y[80:]).names


@pytest.mark.parametrize("bins", ["auto", 0])
def test_columns_that_have_moved_are_named_with_bins_and_without(bins):
    X, y = make_friedman3(1000, noise=0.1, random_state=2)
    X, new, y, truth = train_test_split(X, y, test_size=0.3, random_state=0)
    model = ShoalRegressor(**FAST, bins=bins, solver="adam").fit(X, y)
    found = diagnose(model, 1.7 * new + 1.5 * new.std(axis=0), truth)
    assert found.names[0] == "shift"
    assert "x3" in found.findings[0].evidence["moved"]
    assert "shift" not in diagnose(model, new, truth).names


@pytest.mark.parametrize(
    ("explained", "share", "severity"),
    [(0.95, 0.1, "remark"), (0.95, 300.0, "warning"), (0.6, 0.4, "warning")],
)
def test_a_network_of_a_loss_above_half_a_constant_s_is_not_good_all_the_same(
    explained, share, severity
):
    case = SimpleNamespace(settings={"learning_rate": 3.0}, unwatched=False)
    seen = SimpleNamespace(case=case, explained=explained, share=share, tried=lambda changes: None)
    high = Suspect("learning-rate-too-high", "…", {"learning_rate": 0.005}, {}, sure=True)
    [found] = cause_of(seen, [high])
    assert found.severity == severity

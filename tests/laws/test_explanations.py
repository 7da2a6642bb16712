"""Explanations: Shapley values by their definition, slopes by differences, curves by predictions."""

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest

import shoal
from shoal import SettingError, ShoalClassifier, ShoalRegressor
from shoal.errors import DataError
from shoal.estimators import explaining
from shoal.network import shapley

pytestmark = pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")

M, TOLERANCE = 160, {"float64": 1e-10, "float32": 1e-5}
DRAW = np.random.default_rng(5)
TABLE = pd.DataFrame(
    {
        "x": DRAW.normal(size=M),
        "wide": 100 * DRAW.normal(size=M) + 7,
        "colour": DRAW.choice(["red", "green", "blue"], M),
        "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(DRAW.integers(0, 9000, M), unit="h"),
        "holes": np.where(DRAW.random(M) < 0.2, np.nan, DRAW.normal(size=M)),
    }
)
SCORE = TABLE["x"] * np.where(TABLE["colour"] == "red", 1, -1) + TABLE["wide"] / 100
TARGETS = {
    "two classes": (ShoalClassifier, SCORE > 0),
    "three classes": (ShoalClassifier, np.digitize(SCORE, [-1, 1])),
    "labels": (ShoalClassifier, np.stack([SCORE > 0, SCORE > 1], axis=1).astype(int)),
    "number": (ShoalRegressor, 1000 * SCORE + 5),
    "numbers": (ShoalRegressor, np.stack([SCORE, 30 * SCORE**2], axis=1)),
}


def fitted(target, **settings):
    estimator, y = TARGETS[target]
    usual = {"hidden": 5, "members": 2, "max_iter": 8, "random_state": 1, "dtype": "float64"}
    return estimator(**usual | settings).fit(TABLE, y)


@pytest.fixture(scope="module")
def model():
    return fitted("two classes")


def answers(model, X, space):
    """What is explained, by the estimator's own predictions: (rows, outputs)."""
    if space == "target":
        return model.predict(X).reshape(len(X), -1).astype(np.float64)
    p = model.predict_proba(X).astype(np.float64)
    p = (
        p[:, 1:]
        if p.shape[1] == 2 and len(model.classes_) == 2 and model.fitted_.targets.labels == 1
        else p
    )
    return p if space == "probability" else np.log(p / (1 - p))


def by_definition(model, X, background, space):
    """The Shapley values of rows, from predictions of every mixture of rows."""
    names = list(X.columns)
    d, found = len(names), []
    for i in range(len(X)):
        v = {}
        for size in range(d + 1):
            for known in combinations(range(d), size):
                mixed = background.copy()
                for j in known:
                    mixed[names[j]] = X[names[j]].iloc[i]
                mixed = mixed.astype(X.dtypes)
                v[known] = answers(model, mixed, space).mean(axis=0)
        row = []
        for j in range(d):
            others = [k for k in range(d) if k != j]
            total = 0
            for size in range(d):
                share = factorial(size) * factorial(d - size - 1) / factorial(d)
                for known in combinations(others, size):
                    total = total + share * (v[tuple(sorted((*known, j)))] - v[known])
            row.append(total)
        found.append(row)
    return np.array(found)


@pytest.mark.parametrize("space", ["first", "log-odds"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_exact_values_are_those_of_the_definition(target, dtype, space):
    is_number = TARGETS[target][0] is ShoalRegressor
    if space == "log-odds" and is_number:
        pytest.skip("numbers have no log-odds")
    model = fitted(
        target, dtype=dtype, hidden=0 if target == "number" and dtype == "float32" else 5
    )
    space = "target" if is_number else "probability" if space == "first" else space
    X, background = TABLE.iloc[:2], TABLE.iloc[100:107]
    found = model.explain(X, background=background, space=space)
    assert (found.method, found.space, found.background, found.errors) == ("exact", space, 7, None)
    expected = by_definition(model, X, background, space)
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(
        found.values.reshape(expected.shape), expected, atol=TOLERANCE[dtype] * scale, rtol=0
    )
    np.testing.assert_allclose(
        found.predictions.reshape(2, -1),
        answers(model, X, space),
        atol=10 * TOLERANCE[dtype] * scale,
        rtol=0,
    )


@pytest.mark.parametrize("permutations", [None, 4])
@pytest.mark.parametrize("target", TARGETS)
def test_values_add_up_to_the_prediction(target, permutations):
    found = fitted(target).explain(TABLE[:6], background=TABLE[50:80], permutations=permutations)
    total = found.base_value + found.values.sum(axis=1)
    np.testing.assert_allclose(total, found.predictions, rtol=1e-12, atol=1e-12)


def test_drawn_values_approach_the_exact_ones_within_their_errors(model):
    exact = model.explain(TABLE[:5], background=TABLE[50:90])
    drawn = model.explain(TABLE[:5], background=TABLE[50:90], permutations=200)
    assert drawn.method == "permutations"
    assert (np.abs(drawn.values - exact.values) <= 5 * drawn.errors + 1e-12).all()
    assert 0 < drawn.errors.max() < 0.01
    again = model.explain(TABLE[:5], background=TABLE[50:90], permutations=200)
    other = model.explain(TABLE[:5], background=TABLE[50:90], permutations=200, random_state=1)
    assert np.array_equal(again.values, drawn.values)
    assert not np.array_equal(other.values, drawn.values)


def test_more_columns_than_ten_are_drawn():
    X = DRAW.normal(size=(90, 12))
    model = ShoalClassifier(random_state=0, members=1, hidden=3, max_iter=3).fit(X, X[:, 0] > 0)
    found = model.explain(X[:2], background=X[10:20])
    assert (found.method, found.errors.shape, found.columns[11]) == ("permutations", (2, 12), "x11")


def test_a_column_without_influence_has_the_value_0_and_one_set_aside_is_listed():
    table = TABLE.assign(same=1)
    model = ShoalClassifier(random_state=0, members=1, hidden=3, max_iter=3).fit(table, SCORE > 0)
    found = model.explain(table[:3], background=table[20:40])
    assert found.columns[-1] == "same"
    assert (found.values[:, -1] == 0).all()
    assert (found.values[:, :-1] != 0).any()


def test_the_background_is_the_rows_themselves_by_default(model):
    found = model.explain(TABLE[:7])
    np.testing.assert_allclose(
        found.values, model.explain(TABLE[:7], background=TABLE[:7]).values, atol=1e-14
    )
    assert model.explain(TABLE).background == explaining.MOST_BACKGROUND


def test_what_cannot_be_explained_is_refused(model):
    for how, message in (
        ({}, "one row has no background"),
        ({"background": TABLE, "space": "target"}, "space"),
        ({"background": TABLE, "permutations": 1}, "permutations"),
    ):
        with pytest.raises(SettingError, match=message):
            model.explain(TABLE[:1], **how)
    with pytest.raises(SettingError, match="space"):
        fitted("number").explain(TABLE, space="log-odds")
    with pytest.raises(SettingError, match="no column 'size'"):
        model.partial_dependence(TABLE, "size")
    with pytest.raises(DataError, match="finite"):
        model.partial_dependence(TABLE, "x", grid=["red"])


def test_weights_of_coalitions_share_out_a_known_game():
    v = np.array([0.0, 1, 2, 6])  # none, a, b, both
    np.testing.assert_allclose(shapley.exact_weights(2) @ v, [2.5, 3.5])
    orders, ways = shapley.paths(5, 3, 7)
    assert (ways[:, 0] == 0).all()
    assert (ways[:, -1] == 1).all()
    assert (orders[1] == orders[0][::-1]).all()


# --- slopes, interactions, partial dependence -------------------------------------------

X3 = DRAW.normal(size=(M, 3)) * [1, 20, 0.1]
SMOOTH = X3[:, 0] * X3[:, 1] / 20 + np.sin(10 * X3[:, 2])
LAYERS = {"tanh": 4, "sigmoid": 4, "relu": 4, "leaky_relu": 4, "identity": 4, "linear": 0}
OUTPUTS = {"two": SMOOTH > 0, "three": np.digitize(SMOOTH, [-0.5, 0.5]), "number": SMOOTH}


@pytest.fixture(scope="module", params=LAYERS)
def smooth(request):
    n_h = LAYERS[request.param]
    how = {
        "hidden": n_h,
        "activation": request.param if n_h else "tanh",
        "bins": 0,
        "dtype": "float64",
    }
    how |= {"members": 2, "max_iter": 20, "random_state": 0}
    return {
        name: (ShoalRegressor if name == "number" else ShoalClassifier)(**how).fit(X3, y)
        for name, y in OUTPUTS.items()
    }


@pytest.mark.parametrize("space", ["probability", "log-odds"])
@pytest.mark.parametrize("output", OUTPUTS)
def test_slopes_and_interactions_are_limits_of_differences(smooth, output, space):
    model, h = smooth[output], 1e-5 * X3.std(axis=0)
    space = "target" if output == "number" else space
    rows = X3[:20]
    slopes, second = model.slopes(rows, space=space), model.interactions(rows, space=space)
    assert (slopes.steps == 0).all()
    shape = (20, 3, -1)
    for j in range(3):
        step = np.eye(3)[j] * h
        up, down = answers(model, rows + step, space), answers(model, rows - step, space)
        scale = 1 / X3.std(axis=0)[j]
        np.testing.assert_allclose(
            slopes.values.reshape(shape)[:, j],
            (up - down) / (2 * h[j]),
            atol=2e-6 * scale,
            rtol=1e-5,
        )
        changed = (
            model.slopes(rows + step, space=space).values
            - model.slopes(rows - step, space=space).values
        ) / (2 * h[j])
        per = np.outer(scale / X3.std(axis=0), np.ones(changed[0].size // 3)).reshape(1, 3, -1)
        apart = np.abs(second.values.reshape(20, 3, 3, -1)[:, j] - changed.reshape(shape))
        assert (apart / per < 1e-4).all()


def test_slopes_over_bins_are_differences_over_the_step_that_is_stated(model):
    rows = TABLE[:10]
    slopes = model.slopes(rows)
    step = slopes.steps[1]
    np.testing.assert_allclose(step, 0.1 * TABLE["wide"].std(ddof=0), rtol=1e-9)
    up, down = (
        answers(model, rows.assign(wide=rows["wide"] + s), "probability") for s in (step, -step)
    )
    np.testing.assert_allclose(slopes.values[:, 1:2], (up - down) / (2 * step), atol=1e-12)
    assert np.isnan(slopes.values[:, 2:4]).all()  # text and times have none
    assert np.array_equal(np.isnan(slopes.values[:, 4]), rows["holes"].isna())
    pairs = model.interactions(rows).values
    changed = [model.slopes(rows.assign(wide=rows["wide"] + s)).values[:, 0] for s in (step, -step)]
    np.testing.assert_allclose(pairs[:, 0, 1], (changed[0] - changed[1]) / (2 * step), atol=1e-12)
    np.testing.assert_allclose(pairs[:, 0, 1], pairs[:, 1, 0], atol=1e-14)


@pytest.mark.parametrize("column", ["wide", "colour"])
@pytest.mark.parametrize("target", TARGETS)
def test_partial_dependence_is_what_is_predicted_with_the_value_everywhere(target, column):
    model, rows = fitted(target), TABLE[:12]
    found = model.partial_dependence(rows, column)
    space = found.space
    for i in (0, len(found.grid) // 2, len(found.grid) - 1):
        expected = answers(model, rows.assign(**{column: found.grid[i]}), space)
        np.testing.assert_allclose(
            found.curves[:, i].reshape(12, -1), expected, rtol=1e-9, atol=1e-9
        )
    assert np.array_equal(found.mean, found.curves.mean(axis=0))
    chosen = model.partial_dependence(rows, column, grid=found.grid[:2])
    np.testing.assert_allclose(chosen.curves, found.curves[:, :2])


def test_the_fitted_value_of_a_file_explains_alike(model, tmp_path):
    model.save(tmp_path / "m.shoal")
    fitted_value = shoal.load_fitted(tmp_path / "m.shoal")
    one, other = (m.explain(TABLE[:3], background=TABLE[30:40]) for m in (model, fitted_value))
    assert np.array_equal(one.values, other.values)
    assert np.array_equal(
        model.slopes(TABLE[:3]).values, fitted_value.slopes(TABLE[:3]).values, equal_nan=True
    )

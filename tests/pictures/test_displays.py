"""The displays draw what they were given, and say what they cannot draw."""

import sys

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import shoal
from shoal import (
    ExplanationDisplay,
    InitStudyDisplay,
    LossCurveDisplay,
    Network,
    PartialDependenceDisplay,
    ShoalClassifier,
    ShoalRegressor,
    UnitsDisplay,
)
from shoal.data.rows.examples import dense

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

# Some of these trainings are sick on purpose, and all are short.
pytestmark = pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 3))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
X[::9, 2] = np.nan  # holes, which make an input of their own


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def fitted(kind=ShoalClassifier, y=Y, X=X, **settings):
    return kind(**{"hidden": 5, "random_state": 0, "max_iter": 20, "members": 1} | settings).fit(
        X, y
    )


def drawn(display):
    """What is on the figure, once it was really drawn."""
    display.figure_.canvas.draw()
    return [text.get_text() for text in display.figure_.findobj(matplotlib.text.Text)]


def test_the_loss_curves_are_the_estimators():
    model = fitted(early_stopping=True)
    display = LossCurveDisplay.from_estimator(model)
    training, validation = display.lines_
    np.testing.assert_array_equal(training.get_ydata(), model.loss_curve_)
    np.testing.assert_array_equal(validation.get_ydata(), model.validation_loss_curve_)
    assert f"epoch {model.best_epoch_:,} is kept" in drawn(display)
    assert display.ax_.get_ylabel() == "cross-entropy (nats)"


def test_many_members_are_a_band():
    display = LossCurveDisplay.from_estimator(fitted(members=3, early_stopping=False))
    assert "training, 3 networks" in display.lines_[0].get_label()
    assert len(display.ax_.collections) == 1
    several = LossCurveDisplay.from_estimator(fitted(members=3, early_stopping=True))
    assert not any("is kept" in text for text in drawn(several))  # each keeps an epoch of its own


@pytest.mark.parametrize(
    ("curves", "middle"),
    [([[4, 3], [2, 1], [9, 9]], [4, 3]), ([[4, 3, 2], [5]], [4.5, 4, 3.5])],
)
def test_the_line_is_the_median_and_who_has_stopped_stays(curves, middle):
    model = fitted(members=len(curves), max_iter=2, early_stopping=False)
    history = model.fitted_.history._replace(losses=tuple(map(tuple, curves)))
    model._keep(model.fitted_.replaced(history=history))
    (line,) = LossCurveDisplay.from_estimator(model).lines_
    assert line.get_ydata().tolist() == middle


@pytest.mark.parametrize("curves", [[[], [2.0, 1.0]], [[], []]])
def test_networks_without_a_loss_are_left_out(curves):
    X = np.linspace(0, 1, 60)[:, None]
    model = ShoalRegressor(members=2, max_iter=2, early_stopping=False, random_state=0)
    model.fit(X, X[:, 0])
    history = model.fitted_.history._replace(losses=tuple(map(tuple, curves)))
    model._keep(model.fitted_.replaced(history=history))
    display = LossCurveDisplay.from_estimator(model)
    assert len(display.lines_) == len([curve for curve in curves if curve])


@pytest.mark.parametrize(
    ("loss", "named"), [("squared_error", "half squared error"), ("poisson", "Poisson loss (nats)")]
)
def test_the_axis_names_the_loss(loss, named):
    counts = np.arange(len(X)) % 4
    display = LossCurveDisplay.from_estimator(fitted(ShoalRegressor, counts, loss=loss))
    assert display.ax_.get_ylabel() == named


def test_a_display_uses_the_axes_it_is_given():
    figure, ax = plt.subplots()
    display = LossCurveDisplay.from_estimator(fitted(ShoalRegressor, X[:, 0]), ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert ax.get_ylabel() == "half squared error"
    figure, (left, right) = plt.subplots(1, 2)
    UnitsDisplay.from_estimator(fitted(), X, ax=right)
    figure.canvas.draw()
    assert left.axison


@pytest.mark.parametrize("activation", ["tanh", "relu", "leaky_relu", "sigmoid", "identity"])
def test_units_say_what_they_respond_to(activation):
    model = fitted(activation=activation)
    display = UnitsDisplay.from_estimator(model, X)
    assert [unit.number for unit in display.units] == list(range(5))
    spread = dense(model.fitted_.matrix(X)).std(axis=0)
    for unit in display.units:
        strongest = np.argmax(np.abs(model.networks_[0].W1[unit.number] * spread))
        assert unit.inputs[0][0] == model.encoding_.features[strongest]
    told = drawn(display)
    assert any(text.startswith("unit 5: ") for text in told)


def test_sick_units_are_named_and_shown_first():
    zeros = fitted(init="zeros", hidden=6)
    assert {u.state for u in UnitsDisplay.from_estimator(zeros, X, units=2).units} == {"twin"}
    large = fitted(init=300.0, max_iter=1)
    assert {u.state for u in UnitsDisplay.from_estimator(large, X).units} == {"saturated"}
    few = UnitsDisplay.from_estimator(fitted(hidden=30), X, units=4)
    assert (len(few.units), few.n_units) == (4, 30)
    start = Network.initialise(3, 5, 1, seed=0)
    W1, b1, W2, b2 = (matrix.copy() for matrix in start.parameters)
    W1[3], b1[3], W2[:, 3] = W1[1], b1[1], W2[:, 1]  # equal units, which stay so
    model = fitted(X=np.nan_to_num(X), init=Network(W1, b1, W2, b2), encode=None)
    few = UnitsDisplay.from_estimator(model, np.nan_to_num(X), units=2)
    assert [(unit.number, unit.state) for unit in few.units] == [(1, "twin"), (3, "twin")]


@pytest.mark.parametrize(
    ("kind", "y"),
    [
        (ShoalClassifier, Y),
        (ShoalClassifier, np.arange(120) % 3),
        (ShoalRegressor, X[:, 0]),
        (ShoalClassifier, np.array(["no", "yes"])[Y]),
    ],
)
@pytest.mark.parametrize("encode", ["auto", None])
def test_two_inputs_are_a_plane_in_their_own_units(kind, y, encode):
    some = 100 + 10 * X[:, :2]
    display = UnitsDisplay.from_estimator(fitted(kind, y, some, encode=encode), some, y)
    assert "unit 1: " in " ".join(drawn(display))
    low, high = display.ax_.get_xlim()
    assert low < some[:, 0].min() < some[:, 0].max() < high


def test_the_plane_answers_as_the_model_does():
    some = 100 + 10 * X[:, :2]
    model = fitted(X=some)
    plane = UnitsDisplay.from_estimator(model, some, Y).plane
    across, up = plane.edges
    rows = np.array([[across[3], up[5]], [across[100], up[20]]])
    expected = model.predict_proba(rows)[:, 1]
    np.testing.assert_allclose(
        [plane.answers[0][5, 3], plane.answers[0][20, 100]], expected, atol=1e-5
    )
    # A unit's line is where its Z1 changes its sign.
    Z1 = model.networks_[0].forward(dense(model.fitted_.inputs.matrix(rows)).T).Z1
    np.testing.assert_allclose(plane.Z1[:, 5, 3], Z1[:, 0], atol=1e-5)
    np.testing.assert_allclose(plane.Z1[:, 20, 100], Z1[:, 1], atol=1e-5)


def test_names_are_no_formulas():
    import pandas as pd

    table = pd.DataFrame({"$\\bad{": X[:, 0], "a_b^": X[:, 1]})
    drawn(UnitsDisplay.from_estimator(fitted(X=table), table, Y))


@pytest.mark.parametrize("kind", ["costs", "curves"])
def test_a_study_is_drawn(kind):
    some = {"schemes": ["zeros", 0.1, "glorot", 1.0], "seeds": 3, "iterations": 60}
    display = InitStudyDisplay.from_data(X[:, :2], Y, kind=kind, **some)
    told = drawn(display)
    assert {"zeros", "0.1", "glorot", "1", "goal"} <= set(told)
    again = InitStudyDisplay.from_study(display.study, kind=kind)
    assert again.study is display.study
    if kind == "costs":
        each = [len(line.get_xdata()) for line in display.ax_.lines if line.get_marker() == "o"]
        assert each == [some["seeds"]] * len(some["schemes"])


def test_a_study_that_diverged_is_drawn():
    y = 100 * X[:, 0]
    some = {"schemes": [1.0, "zeros"], "seeds": 2, "iterations": 300, "learning_rate": 50.0}
    for kind in ("costs", "curves"):
        display = InitStudyDisplay.from_data(X[:, :2], y, kind=kind, **some)
        drawn(display)
        if kind == "costs":
            marks = [line.get_xdata() for line in display.ax_.lines if line.get_marker() == "x"]
            places = np.concatenate(marks)
            assert len(places)
            assert np.isfinite(places).all()


# --- reasons ------------------------------------------------------------------------------


def test_bars_are_the_mean_sizes_of_the_values_the_largest_above():
    model = fitted(ShoalRegressor, X[:, 0] - 2 * X[:, 1])
    display = ExplanationDisplay.from_estimator(model, X[:40])
    expected = np.sort(np.abs(display.explanation.values).mean(axis=0))[::-1]
    np.testing.assert_allclose([bar.get_width() for bar in display.bars_], expected)
    assert display.ax_.get_yticklabels()[0].get_text() == "x1"
    assert display.ax_.get_ylim()[0] > display.ax_.get_ylim()[1]
    assert "mean |value| (target)" in drawn(display)


def test_bars_of_a_row_have_their_signs_by_place_and_colour():
    model = fitted(y=np.arange(120) % 3)
    display = ExplanationDisplay.from_estimator(model, X[:5], background=X, row=3, output=1)
    values = display.explanation.values[3, :, 1]
    order = np.argsort(-np.abs(values), kind="stable")
    np.testing.assert_allclose([bar.get_width() for bar in display.bars_], values[order])
    colours = {(bar.get_width() > 0, bar.get_facecolor()) for bar in display.bars_}
    assert len(colours) == len({sign for sign, _ in colours})
    assert "value (probability) of 1" in drawn(display)


def test_columns_beyond_twelve_are_added_up():
    wide = rng.normal(size=(60, 15))
    model = fitted(X=wide, y=Y[:60], max_iter=3)
    display = ExplanationDisplay.from_estimator(model, wide[:4], permutations=2)
    assert len(display.bars_) == 13
    assert "3 others" in drawn(display)
    total = np.abs(display.explanation.values).mean(axis=0).sum()
    np.testing.assert_allclose(sum(bar.get_width() for bar in display.bars_), total)


def test_partial_dependence_is_a_line_a_row_and_their_mean():
    model = fitted()
    display = PartialDependenceDisplay.from_estimator(model, X[:70], 0)
    (mean,) = display.lines_
    found = model.partial_dependence(X[:70], 0)
    np.testing.assert_allclose(mean.get_xdata(), found.grid)
    np.testing.assert_allclose(mean.get_ydata(), found.mean)
    thin = [line for line in display.ax_.lines if line is not mean]
    assert len(thin) == 50
    np.testing.assert_allclose(thin[-1].get_ydata(), found.curves[-1])
    assert {"x0", "probability of 1"} <= set(drawn(display))


def test_partial_dependence_of_categories_and_of_times():
    import pandas as pd

    hours = pd.Timestamp("2024-05-01") + pd.to_timedelta(np.arange(120) * 7, unit="h")
    table = pd.DataFrame({"$word": np.array(["red", "blue"])[Y], "when": hours})
    model = fitted(X=table, y=hours.hour > 12)
    words = PartialDependenceDisplay.from_estimator(model, table, "$word")
    told = set(drawn(words))
    assert {"red", "blue", r"\$word", "probability of True"} <= told
    times = PartialDependenceDisplay.from_estimator(model, table, "when")
    x = times.lines_[0].get_xdata()
    assert x.dtype.kind == "M"
    drawn(times)
    # The hours of one day: at other distances the curve would mix hours and weekdays.
    assert (np.diff(times.dependence.grid) == 3600).all()
    assert len(x) == 24
    assert times.dependence.named(5).endswith("05:00")
    days = fitted(X=table.assign(when=hours.normalize()), y=Y).partial_dependence(table, "when")
    assert set(np.diff(days.grid) / 86400) == {1.0}


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(ShoalClassifier())
    with pytest.raises(shoal.SettingError, match="no hidden layer"):
        UnitsDisplay.from_estimator(fitted(hidden=0), X)
    with pytest.raises(shoal.SettingError, match="member=1"):
        UnitsDisplay.from_estimator(fitted(), X, member=1)
    with pytest.raises(shoal.SettingError, match="output=1"):
        ExplanationDisplay.from_estimator(fitted(), X[:9], output=1)
    with pytest.raises(shoal.SettingError, match="output=2"):
        PartialDependenceDisplay.from_estimator(fitted(), X[:9], 0, output=2)
    study = shoal.init_study(X[:, :2], Y, schemes=[1.0], seeds=1, iterations=2)
    with pytest.raises(shoal.SettingError, match="kind='pie'"):
        InitStudyDisplay.from_study(study, kind="pie")


def test_without_matplotlib_one_is_told_what_to_install(monkeypatch):
    model = fitted()
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(shoal.SettingError, match=r"pip install 'shoal\[plot\]'"):
        LossCurveDisplay.from_estimator(model)

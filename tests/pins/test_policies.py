"""What training and encoding decide by themselves, each by an example that can be done by hand.

In every test a fault of one token changes the outcome: the wrong one of two names, a comparison
that is strict or not, a number that is off by one.
"""

import datetime
import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest

import shoal
from shoal import Network, ShoalClassifier, ShoalRegressor
from shoal.cli import main
from shoal.compute.engine import engine
from shoal.compute.steps import Budget, Outcome, Rule, State, start
from shoal.compute.windows import Windows
from shoal.data.rows.examples import Examples
from shoal.estimators.automatic import batch_of, patience_of
from shoal.network.draws import child, normal, permutation
from shoal.network.initialisers import initialise
from shoal.settings import Settings
from shoal.sums import GradientSums
from shoal.training.loop import Job, Plan, TrainingState, train

pytestmark = pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")

SEED = 21
# One member on all rows, whose numbers are taken as they are.
BARE = {"encode": None, "dtype": "float64", "members": 1, "random_state": SEED}
BARE |= {"alpha": 0.0, "early_stopping": False}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def zeros(n_x, n_y=1, output="sigmoid"):
    return linear(np.zeros((n_y, n_x)), output)


def linear(W2, output="sigmoid"):
    """A network with no hidden layer, and no biases."""
    n_y, n_x = np.shape(W2)
    return Network(
        np.zeros((0, n_x)), np.zeros((0, 1)), np.array(W2, float), np.zeros((n_y, 1)), output=output
    )


def drawn(m, columns):
    return normal(SEED, 0, m * columns).reshape(m, columns)


# --- the plateau schedule -------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "batch", "epochs"), [(524_287, 256, 6), (524_288, 512, 2), (10**7, 512, 2)]
)
def test_of_very_many_rows_batches_are_larger_and_the_patience_is_two_epochs(rows, batch, epochs):
    s = Settings(solver="adam")
    assert batch_of(s, rows) == batch
    assert patience_of(s, rows, held=True) == epochs
    assert patience_of(s, rows, held=False) == 6
    assert patience_of(Settings(n_iter_no_change=9), rows, held=True) == 9


@pytest.mark.parametrize(
    # Batches of 32 rows: 1, 4, 10, 25 and 26 steps an epoch.
    ("rows", "epochs"), [(10, 150), (105, 38), (319, 15), (800, 6), (801, 6), (2000, 6)],
)  # fmt: skip
def test_the_patience_of_few_rows_is_150_steps(rows, epochs):
    assert patience_of(Settings(solver="adam"), rows, held=True) == epochs
    assert patience_of(Settings(solver="adam"), rows, held=False) == 6
    assert patience_of(Settings(n_iter_no_change=9), rows, held=True) == 9
    assert patience_of(Settings(solver="gd"), rows, held=True) == 6


class Script:
    """Rows whose training moves one parameter to the next number of a script."""

    m = 1

    def __init__(self, numbers):
        self.numbers, self.begun, self.rates = list(numbers), [], []

    def train(self, architecture, rule, budget, state, threads, stop=None):
        self.begun.append(float(state.parameters[0]))
        self.rates.append(rule.learning_rate)
        after = state._replace(parameters=np.array([self.numbers[len(self.begun) - 1]]))
        return Outcome(after, np.array([1.0]), "finished")


class Judge:
    """A validation part whose loss is the parameter."""

    m = 1

    def sums(self, architecture, parameters, threads, *, gradients=True, stop=None):
        return GradientSums(np.empty(0), float(parameters[0]), 1.0)


def scripted(numbers, **plan):
    script, state = Script(numbers), State(np.array([9.0]), np.zeros(1), np.array([9.0]))
    plan = Plan(Rule("sgd", 1.0), len(script.numbers), **plan)
    return script, train(Job(None, plan, script, Judge()), TrainingState(state, state.parameters))


def test_a_lower_rate_goes_on_from_the_best_epoch():
    script, trained = scripted(
        [5, 6, 7, 4, 8, 8.5, 3, 3.5, 3.6], n_iter_no_change=2, rates=(1.0, 0.3, 0.09)
    )
    #                9  →5 →6 →7 | 5 →4 →8 →8.5 | 4 →3 →3.5 →3.6
    assert script.begun == [9, 5, 6, 5, 4, 8, 4, 3, 3.5]
    assert script.rates == [1] * 3 + [0.3] * 3 + [0.09] * 3
    assert trained.ending == "plateau"
    assert trained.best_epoch == 7
    assert trained.parameters == [3]
    assert trained.state.parameters == [3.6]  # warm_start goes on from the last


def test_epochs_without_a_loss_that_is_lower_by_tol_are_counted_anew_at_a_lower_rate():
    _, trained = scripted([8, 8, 8, 8, 8, 8, 8], n_iter_no_change=3, rates=(1.0, 0.3))
    assert (trained.ending, trained.epochs, trained.best_epoch) == ("plateau", 7, 1)
    # 7.75 is lower than 8 by as much as tol, which does not count, and 7.5 counts.
    for second, epochs in ((7.75, 3), (7.5, 4)):
        _, trained = scripted([8, second, 8, 8, 8], n_iter_no_change=2, tol=0.25)
        assert (trained.ending, trained.epochs) == ("plateau", epochs)


def test_a_training_that_is_used_up_at_a_plateau_keeps_its_last_parameters_to_go_on_from():
    script, trained = scripted([5, 6, 7], n_iter_no_change=2, rates=(1.0, 0.3))
    assert script.begun == [9, 5, 6]
    assert (trained.ending, trained.parameters, trained.state.parameters) == ("finished", 5, 7)


def test_of_two_epochs_with_the_same_loss_the_first_is_the_best():
    assert scripted([5, 4, 6, 4])[1].best_epoch == 2


@pytest.mark.parametrize("solver", ["sgd", "adam", "gd"])
def test_the_rate_falls_to_three_tenths_and_to_nine_hundredths(solver):
    """Every epoch is a plateau, as none is better by a tol so large; each is one step."""
    X, y = drawn(8, 2), np.array([0, 1, 1, 0, 1, 0, 1, 1])
    settings = BARE | {"solver": solver, "hidden": 0, "init": zeros(2), "momentum": 0.0}
    settings |= {"learning_rate": 0.125, "n_iter_no_change": 1, "tol": 9.0, "batch_size": 8}
    model = ShoalClassifier(**settings).fit(X, y, X_val=X, y_val=y)
    # The start is not judged, and so the first epoch counts as better.
    rates = [0.125] * 2 + ([] if solver == "gd" else [0.0375, 0.01125])
    assert (model.n_iter_, model.endings_) == (len(rates), ["plateau"])
    if solver == "adam":
        return
    W, b = np.zeros(2), 0.0
    for rate in rates:
        dZ = sigmoid(X @ W + b) - y
        W, b = W - rate * (dZ @ X) / 8, b - rate * dZ.mean()
    np.testing.assert_allclose(model.coefs_[0][:, 0], W, rtol=1e-12)
    np.testing.assert_allclose(model.intercepts_[0], b, rtol=1e-12)


# --- the penalty and the decay --------------------------------------------------------


@pytest.mark.parametrize("solver", ["gd", "sgd"])
@pytest.mark.parametrize("hidden", [0, 3])
def test_alpha_and_weight_decay_each_have_their_own_first_step(solver, hidden):
    m, rate = 5, 0.25
    X, y = drawn(m, 2), np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    net = Network.initialise(n_x=2, n_h=hidden, n_y=1, seed=SEED, scale=0.5)
    slopes = net.gradients(X.T, y[np.newaxis])
    settings = BARE | {"hidden": hidden, "init": net, "solver": solver, "momentum": 0.0}
    settings |= {"learning_rate": rate, "max_iter": 1, "batch_size": m}

    def stepped(**more):
        return ShoalClassifier(**settings | more).fit(X, y.astype(int)).networks_[0]

    for more, pull in (
        ({}, lambda W: 0 * W),
        ({"alpha": 0.7}, lambda W: rate * 0.7 * W / m),  # the penalty is divided by the rows
        ({"weight_decay": 0.3}, lambda W: rate * 0.3 * W),
        ({"alpha": 0.7, "weight_decay": 0.3}, lambda W: rate * (0.7 / m + 0.3) * W),
    ):
        found = stepped(**more)
        for name in ("W1", "b1", "W2", "b2"):
            V, dV = getattr(net.parameters, name), getattr(slopes, f"d{name}")
            expected = V - rate * dV - (pull(V) if name[0] == "W" else 0)  # biases are free
            np.testing.assert_allclose(
                getattr(found.parameters, name), expected, rtol=1e-12, atol=1e-15
            )


def test_adam_takes_the_penalty_into_its_slope_and_the_decay_beside_it():
    # No row says anything of the weights, so that only the penalty or the decay moves them.
    X, y = np.zeros((4, 2)), np.array([0, 1, 0, 1])
    settings = BARE | {"hidden": 0, "init": linear([[0.5, -2.0]]), "learning_rate": 0.125}
    settings |= {"max_iter": 1, "batch_size": 4}
    decayed = ShoalClassifier(**settings, weight_decay=0.5).fit(X, y)
    np.testing.assert_allclose(decayed.coefs_[0][:, 0], [0.46875, -1.875], rtol=1e-12)
    # The first step of adam is as long as the rate, whatever the slope.
    penalised = ShoalClassifier(**settings | {"alpha": 0.5}).fit(X, y)
    np.testing.assert_allclose(penalised.coefs_[0][:, 0], [0.375, -1.875], rtol=1e-6)


def test_lbfgs_has_the_penalty_and_no_decay():
    X, y = drawn(40, 2), (drawn(40, 2)[:, 0] + normal(SEED, 1, 40) > 0).astype(int)
    settings = BARE | {"hidden": 0, "solver": "lbfgs", "tol": 0.0, "max_iter": 200}
    model = ShoalClassifier(**settings | {"alpha": 2.0}, weight_decay=9.0).fit(X, y)
    W, b = model.coefs_[0][:, 0], model.intercepts_[0]
    slope = (sigmoid(X @ W + b) - y) @ X / 40
    np.testing.assert_allclose(slope, -2.0 * W / 40, atol=1e-6)


# --- rates that fall like a cosine ----------------------------------------------------


def decayed(m, **settings):
    """What weight decay leaves of a weight of 1 that no row says anything of."""
    X, y = np.zeros((m, 1)), np.arange(m) % 2
    settings = {"weight_decay": 0.5, "learning_rate": 0.25, "momentum": 0.0} | settings
    model = ShoalClassifier(
        **BARE | {"hidden": 0, "init": linear([[1.0]]), "solver": "sgd"} | settings
    ).fit(X, y)
    return float(model.coefs_[0][0, 0])


def along_a_cosine(steps):
    shares = [0.5 * (1 + math.cos(math.pi * t / steps)) for t in range(steps)]
    return math.prod(1 - 0.25 * 0.5 * share for share in shares)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_cosine_falls_to_zero_over_all_epochs(solver):
    found = decayed(400, schedule="cosine", max_iter=5, batch_size=40, solver=solver)
    assert found == pytest.approx(along_a_cosine(50), rel=1e-12)
    constant = decayed(400, schedule="constant", max_iter=5, batch_size=40)
    assert constant == pytest.approx((1 - 0.125) ** 50, rel=1e-12)


def test_the_cosine_of_full_batches_falls_over_all_iterations():
    found = decayed(400, schedule="cosine", max_iter=7, solver="gd", tol=0.0, n_iter_no_change=9)
    assert found == pytest.approx(along_a_cosine(7), rel=1e-12)


def test_a_cosine_over_windows_falls_as_over_one():
    # Five windows of eight chunks of 10 rows, each of two steps.
    found = decayed(400, schedule="cosine", max_iter=3, batch_size=40, shuffle_rows=80)
    assert found == pytest.approx(along_a_cosine(30), rel=1e-12)


@pytest.mark.parametrize("local_steps", [None, 4])
def test_a_cosine_of_replicas_falls_over_all_epochs(local_steps):
    # Two replicas of 1,024 rows: 16 steps an epoch, between which they meet 4 times.
    found = decayed(
        2048, schedule="cosine", max_iter=3, batch_size=64, replicas=2, local_steps=local_steps
    )
    assert found == pytest.approx(along_a_cosine(48), rel=1e-12)


def test_a_cosine_has_no_end_in_partial_fit():
    X, y = np.zeros((80, 1)), np.arange(80) % 2
    settings = BARE | {"hidden": 0, "init": linear([[1.0]]), "solver": "sgd", "momentum": 0.0}
    settings |= {"schedule": "cosine", "max_iter": 2, "batch_size": 40}
    model = ShoalClassifier(**settings, weight_decay=0.5, learning_rate=0.25)
    for _ in range(3):
        model.partial_fit(X, y, classes=[0, 1])
    assert float(model.coefs_[0][0, 0]) == pytest.approx((1 - 0.125) ** 6, rel=1e-12)


# --- what "auto" means ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("m", "batch"),
    [(32, 32), (33, 32), (3199, 32), (3200, 64), (6399, 64), (6400, 128), (12_799, 128), (12_800, 256), (99_999, 256)],
)  # fmt: skip
def test_a_batch_is_a_fiftieth_of_the_rows_from_32_to_256(m, batch):
    found = decayed(m, max_iter=1, schedule="constant", learning_rate=0.03125)
    assert found == pytest.approx((1 - 0.015625) ** math.ceil(m / batch), rel=1e-9)


@pytest.mark.parametrize(
    ("m", "members"),
    [(1999, 8), (2000, 6), (19_999, 6), (20_000, 4), (99_999, 4), (100_000, 2)],
)
def test_fewer_members_for_more_rows(m, members):
    settings = {"hidden": 0, "max_iter": 1, "early_stopping": False, "encode": None}
    model = ShoalClassifier(**settings, random_state=SEED).fit(np.zeros((m, 1)), np.arange(m) % 2)
    assert len(model.networks_) == members


@pytest.mark.parametrize(("m", "early"), [(49, False), (50, True)])
def test_rows_are_held_out_from_fifty_on(m, early):
    settings = BARE | {"hidden": 0, "max_iter": 2, "early_stopping": "auto"}
    model = ShoalRegressor(**settings).fit(drawn(m, 1), drawn(m, 2)[:, 1])
    assert (model.validation_loss_curve_ is not None) == early


@pytest.mark.parametrize(("n_y", "units"), [(1, 64), (8, 64), (9, 128)])
def test_more_units_from_nine_outputs_on(n_y, units):
    y = drawn(20, n_y)
    model = ShoalRegressor(**BARE, max_iter=1).fit(drawn(20, 1), y if n_y > 1 else y[:, 0])
    assert model.networks_[0].architecture.n_h == units


@pytest.mark.parametrize(
    ("m", "columns", "bins"),
    [(999, 1, 8), (1000, 1, 32), (1000, 16, 32), (1000, 17, 30), (999, 17, 8), (999, 64, 8),
     (999, 65, 7), (60, 128, 4), (60, 129, 4), (60, 1024, 4), (60, 1025, 0)],
)  # fmt: skip
def test_bins_by_rows_and_columns(m, columns, bins):
    """All but one column are left out: they count as well."""
    others = [f"x{i}" for i in range(1, columns)]
    settings = BARE | {"encode": "auto", "hidden": 0, "max_iter": 1, "drop": others}
    model = ShoalRegressor(**settings).fit(drawn(m, columns), drawn(m, 1)[:, 0])
    assert model.networks_[0].architecture.n_x == 1 + bins


# --- words ----------------------------------------------------------------------------


def kept_words(counts, **settings):
    """The words that get columns of their own."""
    w = [word for word, n in counts.items() for _ in range(n)]
    table, y = pa.table({"w": pa.array(w, pa.string())}), np.arange(len(w), dtype=float)
    model = ShoalRegressor(**BARE | {"encode": "auto", "hidden": 0, "max_iter": 1} | settings)
    return [name.removeprefix("w = ") for name in model.fit(table, y).get_feature_names_out()]


@pytest.mark.parametrize(
    ("m", "least"), [(100, 2), (2000, 2), (2001, 3), (3000, 3), (3001, 4), (19_000, 19), (30_000, 20)]
)  # fmt: skip
def test_a_word_is_kept_from_a_thousandth_of_the_rows_on_but_two_and_twenty_suffice(m, least):
    counts = {"common": m - 2 * least + 1, "just": least, "nearly": least - 1}
    assert kept_words(counts) == ["common", "just", "another word"]


def test_behind_128_words_only_those_of_300_rows_are_kept():
    counts = {f"word {i:03}": 310 for i in range(128)}
    found = kept_words(counts | {"just": 300, "nearly": 299})
    assert found == [*counts, "just", "another word"]
    assert kept_words(counts | {"nearly": 299}) == [*counts, "another word"]
    fewer = dict(list(counts.items())[:127])
    assert kept_words(fewer | {"nearly": 299}) == [*fewer, "nearly"]
    asked = {"just": 20, "nearly": 19}
    assert kept_words(counts | asked, words=["w"]) == [*counts, "just", "another word"]


def test_the_most_frequent_words_come_first_and_those_as_frequent_by_the_alphabet():
    assert kept_words({"b": 20, "c": 30, "a": 20}) == ["c", "a", "b"]


# --- dates ----------------------------------------------------------------------------

TIMES = {
    "1970-01-01T00:00:00": "Thursday",
    "1970-01-01T23:59:59": "Thursday",
    "1969-12-31T23:59:59.5": "Wednesday",
    "1969-12-29T00:00:00": "Monday",
    "1968-02-29T01:00:00": "Thursday",
    "1899-12-31T12:00:00": "Sunday",
    "2000-02-29T11:59:59": "Tuesday",
    "2000-03-01T00:59:59": "Wednesday",
    "2023-11-30T13:00:00": "Thursday",
    "2023-12-31T22:30:00": "Sunday",
    "2024-02-29T06:00:00": "Thursday",
    "2024-03-02T17:00:00": "Saturday",
    "2024-04-05T18:00:00": "Friday",
}


def test_months_weekdays_and_hours_are_those_of_the_calendar():
    times = pa.array(np.array(list(TIMES), "datetime64[us]"))
    settings = BARE | {"encode": "auto", "hidden": 0, "max_iter": 1}
    model = ShoalRegressor(**settings).fit(pa.table({"t": times}), np.arange(13.0))
    names = model.get_feature_names_out().tolist()
    rows = model.transform(pa.table({"t": times}))
    assert names == [
        "t",
        *(f"t month {i}" for i in range(12)),
        *(f"t weekday {i}" for i in range(7)),
        *(f"t hour {i}" for i in range(24)),
    ]
    for (text, weekday), row in zip(TIMES.items(), rows, strict=True):
        time = datetime.datetime.fromisoformat(text)
        assert time.strftime("%A") == weekday
        ones = [name for name, value in zip(names[1:], row[1:], strict=True) if value == 1]
        assert ones == [
            f"t month {time.month - 1}", f"t weekday {time.weekday()}", f"t hour {time.hour}"
        ]  # fmt: skip
        assert row[1:].sum() == 3
    order = np.argsort(list(TIMES), kind="stable")
    assert all(a < b for a, b in pairwise(rows[order, 0]))


def test_a_part_of_the_calendar_that_never_varies_has_no_columns():
    days = pa.array([datetime.date(2024, 2, 1), datetime.date(2024, 2, 29), None] * 2)
    settings = BARE | {"encode": "auto", "hidden": 0, "max_iter": 1}
    model = ShoalRegressor(**settings).fit(pa.table({"d": days}), np.arange(6.0))
    # Both are Thursdays in February, at midnight.
    assert model.get_feature_names_out().tolist() == ["d", "d is missing"]
    np.testing.assert_allclose(
        model.transform(pa.table({"d": days}))[:3], [[-1, 0], [1, 0], [0, 1]]
    )


# --- windows --------------------------------------------------------------------------


def test_the_chunks_of_windows_are_drawn_anew_for_each_epoch_from_a_stream_of_their_own():
    cut = Windows(10, 4)  # chunks of a row
    found = [[window.tolist() for window in cut.of(7, epoch)] for epoch in range(3)]
    assert found == [
        [[4, 6, 7, 8], [0, 1, 5, 9], [2, 3]],
        [[1, 5, 6, 7], [3, 4, 8, 9], [0, 2]],
        [[1, 3, 5, 7], [0, 2, 4, 6], [8, 9]],
    ]
    for epoch in range(3):
        drawn = permutation(7, 1 + epoch, 10)
        assert found[epoch] == [sorted(drawn[at : at + 4].tolist()) for at in (0, 4, 8)]
        rows = engine.order(10, 7, epoch)
        assert found[epoch] != [sorted(rows[at : at + 4].tolist()) for at in (0, 4, 8)]


@pytest.mark.parametrize(
    ("m", "rows", "chunk", "chunks", "windows"),
    [(10, 4, 1, 10, 3), (1000, 255, 1, 1000, 4), (1000, 256, 2, 500, 4), (1001, 300, 2, 501, 4),
     (100_000, 1280, 10, 10_000, 79), (5000, 1000, 7, 715, 6)],
)  # fmt: skip
def test_a_window_has_128_chunks(m, rows, chunk, chunks, windows):
    cut = Windows(m, rows)
    assert (cut.chunk, cut.chunks, cut.n) == (chunk, chunks, windows)
    slices = [one for window in cut.of(3, 0) for one in cut.slices(window)]
    seen = np.sort(np.concatenate([np.arange(one.start, one.stop) for one in slices]))
    assert np.array_equal(seen, np.arange(m))


# --- the seeds ------------------------------------------------------------------------


def test_the_members_and_purposes_have_the_keys_that_they_always_had():
    settings = BARE | {"hidden": 0, "max_iter": 1, "members": 4}
    model = ShoalClassifier(**settings).fit(np.zeros((4, 1)), [0, 1, 0, 1])
    assert model.member_seeds_ == [SEED, *(child(SEED, 1000 + i) for i in (1, 2, 3))]
    assert [SEED, *(child(SEED, i) for i in (1001, 1002, 1, 2, 3))] == [
        21,
        1_608_201_560_458_440_518,
        12_204_026_785_308_962_916,
        11_753_119_113_301_943_649,
        5_370_090_896_510_035_772,
        10_272_645_895_705_142_591,
    ]


def test_each_member_is_drawn_from_the_first_key_of_its_seed():
    settings = BARE | {"members": 2, "hidden": 3, "max_iter": 1, "learning_rate": 1e-300}
    model = ShoalClassifier(**settings).fit(drawn(20, 2), np.arange(20) % 2)
    for seed, network in zip(model.member_seeds_, model.networks_, strict=True):
        expected = initialise(2, 3, 1, key=child(seed, 1))
        for found, V in zip(network.parameters, expected, strict=True):
            np.testing.assert_allclose(found, V, rtol=0, atol=1e-290)


def test_each_member_takes_its_rows_in_the_order_of_the_second_key_of_its_seed():
    X, y = drawn(90, 2), np.arange(90) % 2
    settings = BARE | {"members": 2, "hidden": 0, "max_iter": 3, "solver": "sgd", "batch_size": 4}
    model = ShoalClassifier(**settings, learning_rate=0.125).fit(X, y)
    for seed, network in zip(model.member_seeds_, model.networks_, strict=True):
        shape = network.architecture
        rule = Rule("sgd", 0.125, 0.9, batch_size=4, key=child(seed, 2))
        begun = start(np.zeros(shape.n_parameters), "sgd")
        rows = Examples(np.ascontiguousarray(X), None, y.astype(np.int32))
        expected = engine.train(shape, rule, Budget(0, 3), rows, begun, 1)
        np.testing.assert_array_equal(network.vector, expected.state.parameters)


def test_each_member_holds_out_rows_by_the_third_key_of_its_seed():
    """Each row has a weight of its own, which the rows that are held out leave at 0."""
    m = 60
    y = (np.arange(m) % 3 > 0).astype(int)
    settings = BARE | {"members": 3, "hidden": 0, "max_iter": 1, "solver": "gd"}
    model = ShoalClassifier(**settings | {"early_stopping": True}).fit(np.eye(m), y)
    held = [np.flatnonzero(net.parameters.W2[0] == 0).tolist() for net in model.networks_]
    assert held == [
        [4, 16, 18, 23, 33, 35, 44, 51, 59],
        [9, 10, 14, 25, 31, 39, 48, 50, 59],
        [5, 12, 19, 21, 26, 37, 46, 56, 57],
    ]
    # Of 20 and of 40 rows 15 % are held out.
    assert [[int((y[rows] == c).sum()) for c in (0, 1)] for rows in held] == [[3, 6]] * 3


# --- which epoch, and which class -----------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "best"),
    [([0.1, 0.5, 0.9, 0.2, 0.9], 2), ([0.9, 0.5, 0.8, 0.2, 0.9], 0), ([0.1, 0.5, float("nan"), 0.4, 0.6], 4)],
)  # fmt: skip
def test_the_best_epoch_has_the_highest_score_and_the_start_is_a_candidate(scores, best):
    told = iter(scores)
    settings = BARE | {"early_stopping": True, "hidden": 2, "max_iter": 4}
    model = ShoalClassifier(**settings, scoring=lambda *_: next(told))
    assert model.fit(drawn(40, 2), np.arange(40) % 2).best_epoch_ == best


X_TIE = pa.table({"x": [-1.0, 1.0, -1.0, 1.0]})
WORDS_TIE = np.array(["no", "no", "yes", "yes"], object)
LABELS_TIE = np.array([[0, 1], [0, 1], [1, 0], [1, 0]])


def undecided(y):
    """A model that gives 0.5 exactly if x says nothing of y."""
    settings = {"hidden": 0, "solver": "gd", "members": 2, "early_stopping": False, "max_iter": 3}
    return ShoalClassifier(**settings, alpha=0.0, random_state=SEED).fit(X_TIE, y)


def test_a_probability_of_one_half_is_the_first_class():
    model = undecided(WORDS_TIE)
    assert np.array_equal(model.predict_proba(X_TIE), np.full((4, 2), 0.5))
    assert model.predict(X_TIE).tolist() == ["no"] * 4


def test_a_label_of_probability_one_half_is_not_given():
    model = undecided(LABELS_TIE)
    assert np.array_equal(model.predict_proba(X_TIE), np.full((4, 2), 0.5))
    assert np.array_equal(model.predict(X_TIE), np.zeros((4, 2)))


def test_of_classes_with_the_same_probability_the_first_is_predicted():
    given = Network(
        np.zeros((0, 1)), np.zeros((0, 1)), np.zeros((3, 1)), np.ones((3, 1)), output="softmax"
    )
    settings = BARE | {"hidden": 0, "init": given, "learning_rate": 1e-300, "max_iter": 1}
    model = ShoalClassifier(**settings).fit(drawn(9, 1), np.arange(9) % 3 + 5)
    assert model.predict(drawn(9, 1)).tolist() == [5] * 9


def test_a_network_gives_no_label_at_one_half():
    assert zeros(2).predict(np.ones((2, 3))).tolist() == [[0, 0, 0]]


def test_the_program_answers_ties_as_the_estimator_does(tmp_path):
    model, rows, out = (str(tmp_path / name) for name in ("m.shoal", "rows.csv", "out.csv"))
    pa.csv.write_csv(X_TIE, rows)
    undecided(WORDS_TIE).save(model)
    assert main(["predict", model, rows, "-o", out]) == 0
    assert pd.read_csv(out).iloc[:, 0].tolist() == ["no"] * 4
    undecided(np.array(["no", "yes", "no", "yes"])).save(model)  # to which x says all
    assert main(["predict", model, rows, "-o", out]) == 0
    assert pd.read_csv(out).iloc[:, 0].tolist() == ["no", "yes", "no", "yes"]
    undecided(LABELS_TIE).save(model)
    assert main(["predict", model, rows, "-o", out]) == 0
    assert pd.read_csv(out).iloc[:, :2].to_numpy().tolist() == [[0, 0]] * 4


def test_what_is_saved_and_loaded_answers_ties_as_before(tmp_path):
    undecided(WORDS_TIE).save(tmp_path / "m.shoal")
    assert shoal.load(tmp_path / "m.shoal").predict(X_TIE).tolist() == ["no"] * 4

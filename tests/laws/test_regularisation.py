"""Dropout, decay and the falling rate: what they promise, whoever computes them."""

import numpy as np
import pytest

from shoal import SettingError, ShoalClassifier, ShoalRegressor
from shoal.compute.engine import engine
from shoal.compute.plain import factors_of_dropout
from shoal.compute.steps import Budget, Rule, half_cosine, start
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture

RNG = np.random.default_rng(5)
X = RNG.standard_normal((300, 4))
SIGN = (X[:, 0] * X[:, 1] > 0).astype(int)
ARCHITECTURE = Architecture(4, 9, 1, "tanh", "sigmoid")
DRAWN = 0.4 * RNG.standard_normal(ARCHITECTURE.n_parameters)
RULE = Rule("adam", 0.01, batch_size=50, key=11)


def trained(rule, first_epoch=0, epochs=2, state=None):
    examples = Examples(X, labels=SIGN.astype(np.int32))
    begun = state or start(DRAWN, rule.solver)
    return engine.train(ARCHITECTURE, rule, Budget(first_epoch, epochs), examples, begun, 1).state


def test_the_factors_of_dropout_have_mean_one_and_the_chance_that_was_asked_for():
    rule = RULE._replace(dropout=0.3)
    drawn = np.concatenate(
        [factors_of_dropout(rule, epoch, step, 40, 64) for epoch in range(5) for step in range(8)]
    )
    values = np.unique(drawn)
    assert len(values) == 2
    assert values[0] == 0
    # 102,400 draws: five standard deviations of their share are 0.007.
    assert np.mean(drawn == 0) == pytest.approx(0.3, abs=0.007)
    assert drawn.mean() == pytest.approx(1, abs=0.011)
    share = 1 - np.mean(drawn == 0, axis=1)
    assert share.std() < 0.08, "some units are dropped more often than others"


def test_every_epoch_step_place_and_unit_has_factors_of_its_own():
    rule = RULE._replace(dropout=0.5)
    one = factors_of_dropout(rule, 3, 4, 24, 64)
    others = [
        factors_of_dropout(rule, 4, 4, 24, 64),
        factors_of_dropout(rule, 3, 5, 24, 64),
        factors_of_dropout(rule._replace(key=12), 3, 4, 24, 64),
        np.roll(one, 1, axis=0),
        np.roll(one, 1, axis=1),
    ]
    for other in others:  # half of 1,536 agree by chance: five deviations are 0.064
        assert np.mean(one == other) == pytest.approx(0.5, abs=0.064)


def test_the_factors_of_an_example_do_not_depend_on_how_many_there_are():
    rule = RULE._replace(dropout=0.2)
    few, many = factors_of_dropout(rule, 1, 2, 8, 10), factors_of_dropout(rule, 1, 2, 16, 600)
    np.testing.assert_array_equal(few, many[:8, :10])


def test_an_epoch_with_dropout_and_a_falling_rate_can_be_replayed_alone():
    rule = RULE._replace(dropout=0.2, horizon=3, decay=0.1)
    whole = trained(rule, 0, 2)
    parts = trained(rule, 1, 1, trained(rule, 0, 1))
    np.testing.assert_array_equal(parts.parameters, whole.parameters)
    np.testing.assert_array_equal(parts.memory, whole.memory)


def test_the_rate_falls_from_one_to_nothing_as_a_cosine_does():
    u = np.linspace(0, 1, 101)
    found = [half_cosine(float(v)) for v in u]
    np.testing.assert_allclose(found, (1 + np.cos(np.pi * u)) / 2, atol=5e-16)
    assert half_cosine(1.0) == half_cosine(7.0) == 0
    still = trained(RULE._replace(horizon=2), 2, 1)
    np.testing.assert_array_equal(still.parameters, DRAWN)


def test_decay_takes_its_part_off_the_weights_and_nothing_off_the_biases():
    # Examples of weight 0 but for one whose gradient is 0: only the decay moves anything.
    rule = Rule("sgd", 0.1, batch_size=50, key=1, decay=0.5)
    linear = Architecture(4, 0, 1, "tanh", "identity")
    begun = np.array([1.0, -2.0, 0.5, 4.0, 3.0])
    examples = Examples(np.zeros((1, 4)), np.full((1, 1), 3.0))
    after = engine.train(linear, rule, Budget(0, 1), examples, start(begun, "sgd"), 1).state
    np.testing.assert_allclose(after.parameters, [*begun[:4] * 0.95, 3.0], rtol=1e-15)


@pytest.mark.parametrize("kind", [ShoalClassifier, ShoalRegressor])
@pytest.mark.parametrize("solver", ["gd", "lbfgs"])
def test_dropout_without_batches_is_refused(kind, solver):
    with pytest.raises(SettingError, match=r"dropout=0.1 with solver=.*mini-batches"):
        kind(dropout=0.1, solver=solver).fit(X, SIGN)


def test_predictions_drop_nothing():
    model = ShoalClassifier(dropout=0.5, max_iter=5, random_state=0, hidden=8).fit(X, SIGN)
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X))
    alone = np.vstack([model.predict_proba(X[i : i + 1]) for i in range(20)])
    np.testing.assert_array_equal(alone, model.predict_proba(X)[:20])


def test_a_plateau_is_answered_by_a_lower_rate_from_the_best_epoch_on():
    settings = {"members": 1, "random_state": 3, "n_iter_no_change": 3, "learning_rate": 0.05}
    constant = ShoalClassifier(schedule="constant", **settings).fit(X, SIGN)
    falling = ShoalClassifier(schedule="plateau", **settings).fit(X, SIGN)
    first = constant.n_iter_
    assert falling.loss_curve_[:first] == constant.loss_curve_
    assert falling.n_iter_ >= first + 2 * 3, "each of the two lower rates has its own patience"
    assert falling.endings_ == ["plateau"]
    # The first epoch at the lower rate begins at the best one: its loss is below the last one's.
    assert falling.validation_loss_curve_[first] < falling.validation_loss_curve_[first - 1]
    assert min(falling.validation_loss_curve_) <= min(constant.validation_loss_curve_)
    # What is kept is that epoch's network, found again by a shorter training.
    shorter = ShoalClassifier(schedule="plateau", max_iter=falling.best_epoch_, **settings)
    assert shorter.fit(X, SIGN).fingerprint_ == falling.fingerprint_


def test_without_a_validation_part_a_plateau_ends_the_training():
    settings = {"members": 1, "random_state": 3, "n_iter_no_change": 3, "early_stopping": False}
    fits = [ShoalClassifier(schedule=s, **settings).fit(X, SIGN) for s in ("plateau", "constant")]
    assert fits[0].fingerprint_ == fits[1].fingerprint_

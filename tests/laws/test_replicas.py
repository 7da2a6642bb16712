"""Replicas: every row has one, they meet in their mean, and who computes them changes no bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal import SettingError, ShoalClassifier
from shoal.compute.engine import engine
from shoal.compute.replicas import Replicated, share, stripe_level, turns_of
from shoal.compute.steps import Budget, Rule, start
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture
from shoal.network.draws import child
from shoal.network.initialisers import initialise

RNG = np.random.default_rng(2)
M = 5000
X = RNG.normal(size=(M, 5))
SIGN = (X[:, 0] * X[:, 1] + 0.3 * RNG.normal(size=M) > 0).astype(int)
QUICK = {"hidden": 6, "max_iter": 4, "random_state": 4, "members": 1}

ARCHITECTURE = Architecture(5, 6, 1, "tanh", "sigmoid")
ROWS = Examples(X.astype(np.float32), None, SIGN.astype(np.int32))


def begun(solver):
    drawn = initialise(5, 6, 1, key=1, init=0.5)
    return start(ARCHITECTURE.flatten(drawn, "float32"), solver)


@given(st.integers(1, 200_000), st.integers(1, 40))
def test_every_row_has_one_replica_and_the_first_has_most(m, replicas):
    if -(-m // 512) < replicas:
        with pytest.raises(SettingError, match=f"replicas={replicas} on"):
            stripe_level(m, replicas)
        return
    shares = [share(m, replicas, i) for i in range(replicas)]
    assert np.array_equal(np.sort(np.concatenate(shares)), np.arange(m))
    assert all((np.diff(rows.astype(int)) > 0).all() for rows in shares)
    assert max(map(len, shares)) == len(shares[0])
    assert min(map(len, shares)) > 0


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_one_replica_is_the_ordinary_training(solver):
    rule = Rule(solver, 0.01, momentum=0.9, alpha=0.1, batch_size=64, key=7)
    alone = engine.train(ARCHITECTURE, rule, Budget(0, 3), ROWS, begun(solver), 1)
    found = Replicated(ROWS, 1, 0).train(ARCHITECTURE, rule, Budget(0, 3), begun(solver), 2)
    assert found.losses.tolist() == pytest.approx(alone.losses.tolist(), rel=1e-12)
    for name in ("parameters", "memory", "best", "power1", "power2", "waited"):
        np.testing.assert_array_equal(getattr(found.state, name), getattr(alone.state, name))


def test_they_meet_in_the_mean_of_what_each_does_alone():
    rule = Rule("adam", 0.01, batch_size=64, key=7)
    parts = [ROWS.take(share(M, 3, i)) for i in range(3)]
    keys = [7, child(7, 10_001), child(7, 10_002)]
    alone = [
        engine.train(ARCHITECTURE, rule._replace(key=key), Budget(0, 1), part, begun("adam"), 1)
        for key, part in zip(keys, parts, strict=True)
    ]
    found = Replicated(ROWS, 3, 0).train(ARCHITECTURE, rule, Budget(0, 1), begun("adam"), 2)
    for name in ("parameters", "memory"):
        mean = np.mean([getattr(one.state, name) for one in alone], axis=0, dtype=np.float64)
        np.testing.assert_allclose(getattr(found.state, name), mean, rtol=1e-6, atol=1e-12)
    loss = np.average([one.losses[0] for one in alone], weights=[part.m for part in parts])
    assert found.losses[0] == pytest.approx(loss)


def test_an_epoch_takes_every_row_once_however_often_they_meet():
    rule = Rule("sgd", 0.0, batch_size=32, key=7)  # nobody moves, so the loss is that of all rows
    assert turns_of(M, 3, 5, 32) == -(-len(share(M, 3, 0)) // 160)
    whole = engine.sums(ARCHITECTURE, begun("sgd").parameters, ROWS, 1, gradients=False)
    for steps in (0, 1, 5, 1000):
        found = Replicated(ROWS, 3, steps).train(ARCHITECTURE, rule, Budget(0, 1), begun("sgd"), 1)
        assert found.losses[0] == pytest.approx(whole.loss / M, rel=1e-5)


@pytest.mark.parametrize("local_steps", [None, 3])
def test_one_fingerprint_for_any_number_of_threads(local_steps):
    settings = QUICK | {"replicas": 4, "local_steps": local_steps, "class_weight": "balanced"}
    settings |= {"schedule": "cosine", "dropout": 0.2, "weight_decay": 0.01}
    models = [ShoalClassifier(**settings, n_jobs=n).fit(X, SIGN) for n in (1, 2, 5)]
    assert len({model.fingerprint_ for model in models}) == 1
    others = [{"replicas": 3}, {"local_steps": 4}]
    different = [ShoalClassifier(**settings | more).fit(X, SIGN) for more in others]
    assert len({model.fingerprint_ for model in [models[0], *different]}) == 3


def test_what_cannot_be_is_refused():
    with pytest.raises(
        SettingError, match=r"replicas=11 on 5,000 rows: .* replicas=10 at the most"
    ):
        ShoalClassifier(**QUICK, replicas=11, early_stopping=False).fit(X, SIGN)
    with pytest.raises(SettingError, match="needs no replicas"):
        ShoalClassifier(**QUICK, replicas=2, solver="gd").fit(X, SIGN)
    with pytest.raises(SettingError, match="Use replicas=8"):
        ShoalClassifier(**QUICK, engine="local").fit(X, SIGN)

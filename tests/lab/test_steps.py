"""A step is one update, and an epoch of steps is the kernel's own epoch, to the bit."""

import numpy as np
import pytest

from shoal.compute.steps import Budget
from shoal.compute.terms import InMemory
from shoal.errors import SettingError
from shoal.lab import lecture, repeat
from shoal.lab.experiment import Experiment
from shoal.lab.steps import advance, batch_of, beginning, place_after, reached, steps_at
from shoal.lab.tables import Tables
from shoal.lab.training import prepare

LINKS = [
    "#",
    "#data=xor&solver=sgd&alpha=0.2&activation=relu",
    "#data=rings&solver=adam&hidden=7",
    "#data=hills&solver=adam&batch-size=64",  # 300 rows: the last batch has 44
    "#data=moons&solver=sgd&batch-size=1&rows=20",
    "#solver=adam&batch-size=700&rows=2000",  # batches of two blocks
    "#solver=sgd&batch-size=600&rows=1000&hidden=0",  # and a rest below one
]


def ready_of(link):
    return prepare(Experiment.of(link), Tables())


def step(ready, position):
    return advance(ready, position, place_after(ready, steps_at(ready, position.place) + 1))


@pytest.mark.parametrize("link", LINKS)
def test_an_epoch_of_steps_is_the_kernels_epoch(link):
    ready = ready_of(link)
    position = beginning(ready)
    for n in range(1, 3 * ready.steps + 1):
        position = step(ready, position)
        assert position.place == divmod(n, ready.steps)
    outcome = InMemory(ready.examples).train(
        ready.shape, ready.rule, Budget(0, 3, converged=-1.0), ready.first, 1
    )
    kernels, stepped = outcome.state, position.state
    assert stepped.parameters.tobytes() == kernels.parameters.tobytes()
    assert stepped.memory.tobytes() == kernels.memory.tobytes()
    assert stepped.best.tobytes() == kernels.best.tobytes()
    assert stepped[3:] == kernels[3:]  # the best loss, and adam's powers


def test_whole_epochs_may_begin_in_the_middle_of_one():
    ready = ready_of("#solver=adam&batch-size=32")
    once = reached(ready, (9, 2))
    position = reached(ready, (2, 5))
    assert (position.epoch, position.step) == (2, 5)
    while position.place < (9, 2):
        position = advance(ready, position, (9, 2), 3)
    assert position.state.parameters.tobytes() == once.state.parameters.tobytes()
    assert position.state.memory.tobytes() == once.state.memory.tobytes()


def test_batches_are_all_rows_once():
    ready = ready_of("#solver=sgd&batch-size=64")
    taken = [batch_of(ready, (3, k)).rows for k in range(ready.steps)]
    assert [len(rows) for rows in taken] == [64, 64, 64, 64, 44]
    assert sorted(np.concatenate(taken)) == list(range(300))
    assert batch_of(ready_of("#"), (3, 0)).m == 300


def test_a_link_leads_into_an_epoch():
    link = "#solver=adam&batch-size=50&epoch=4&step=3"
    ready = ready_of(link)
    position = reached(ready, (4, 3))
    assert repeat(link).networks_[0].vector.tobytes() == position.state.parameters.tobytes()
    net, X, Y = lecture(link)
    assert X.shape == (2, 50)
    slopes = net.gradients(X, Y)
    after = step(ready, position)
    first, _ = np.split(position.state.memory, 2)
    moved, _ = np.split(after.state.memory, 2)
    mean = 0.9 * first + 0.1 * np.concatenate(
        [np.ravel(dV) for dV in (slopes.dW1, slopes.db1, slopes.dW2, slopes.db2)]
    )
    np.testing.assert_allclose(moved, mean, rtol=1e-9)  # it trains on what is shown


def test_a_weight_that_is_changed_within_an_epoch():
    link = "#solver=sgd&batch-size=50&edits=1,W2,0,3,1.5,2;2,b2,0,0,-1&epoch=2&step=1"
    ready = ready_of(link)
    position = reached(ready, (1, 2))
    assert ready.shape.unflatten(position.state.parameters).W2[0, 3] == 1.5
    assert not position.state.memory.any()
    assert Experiment.of(link).fragment == link[1:]
    again = beginning(ready)
    while again.place < (2, 1):
        again = step(ready, again)
    assert again.state.parameters.tobytes() == reached(ready, (2, 1)).state.parameters.tobytes()


def test_a_training_that_diverges_within_an_epoch_ends_where_the_epochs_do():
    ready = ready_of("#data=hills&solver=sgd&learning-rate=1000&activation=identity&batch-size=32")
    whole, position = reached(ready, (50, 0)), beginning(ready)
    while not position.ending:
        position = step(ready, position)
    assert whole.ending == position.ending == "diverged"
    assert position.place == whole.place
    assert position.state.parameters.tobytes() == whole.state.parameters.tobytes()


@pytest.mark.parametrize("link", ["#step=1", "#solver=adam&batch-size=64&step=5",
                                  "#solver=adam&batch-size=64&edits=0,W1,0,0,1,5"])  # fmt: skip
def test_a_step_that_no_epoch_has_is_refused(link):
    with pytest.raises(SettingError, match="steps of an epoch"):
        ready_of(link)

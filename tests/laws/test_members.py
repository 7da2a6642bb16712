"""Members side by side: who reports, and how all of them end when one fails or a signal comes."""

import time

import numpy as np
import pytest

from shoal.compute.steps import start
from shoal.training import members
from shoal.training.loop import Trained

PATIENCE = 60  # seconds, that pass only when something is wrong


def trained(losses=(1.0,), ending="finished"):
    vector = np.zeros(1)
    return Trained(vector, start(vector, "sgd"), losses, (), ending, len(losses), 0.0)


def report(_):
    pass


@pytest.mark.parametrize("threads", [1, 3])
def test_the_first_member_alone_reports(threads):
    told = {}

    def job(i):
        def run(threads, stop, report):
            told[i] = report
            return trained((float(i),))

        return run

    found = members.train_all([job(i) for i in range(3)], threads, report)
    assert told == {0: report, 1: None, 2: None}
    assert [one.losses for one in found] == [(0,), (1,), (2,)]  # in the order of the jobs


@pytest.mark.parametrize(("threads", "most", "each"), [(7, None, 2), (7, 2, 3), (2, None, 1)])
def test_threads_left_over_go_into_the_jobs(threads, most, each):
    given = []

    def run(threads, stop, report):
        given.append(threads)
        return trained()

    members.train_all([run] * 3, threads, most=most)
    assert given == [each] * 3


def test_when_one_fails_the_others_end():
    seen = []

    def fails(threads, stop, report):
        raise ValueError("no memory")

    def waits(threads, stop, report):
        end = time.monotonic() + PATIENCE
        while not stop.requested and time.monotonic() < end:
            time.sleep(0.001)
        seen.append(stop.requested)
        return trained(ending="interrupted")

    with pytest.raises(ValueError, match="no memory"):
        members.train_all([waits, fails], 2)
    assert seen == [True]


def test_a_signal_ends_all_and_those_that_never_began_are_left_out(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(members, "wait", interrupted)
    jobs = [lambda *_, losses=losses: trained(losses) for losses in ((), (2.0,), ())]
    found = members.train_all(jobs, 3)
    assert [one.losses for one in found] == [(2.0,)]
    assert [one.ending for one in found] == ["interrupted"]
    assert isinstance(found[0].interruption, KeyboardInterrupt)
    (start_of_one,) = members.train_all(jobs[::2], 2)
    assert start_of_one.losses == ()

"""Workers die, hang, join, leave and are slow; data cannot be read; the scheduler dies.

In each case where training can go on it does, and ends with the bits of one machine.
"""

import resource
import signal
import threading
import time

import numpy as np
import pytest
from cluster_sources import Unreadable

from shoal import ClusterError, DataError, SettingError, ShoalClassifier
from shoal.cluster.driver import LONE_SECONDS, Task, Workers
from shoal.cluster.terms import OnCluster
from shoal.cluster.worker import VERSION, Here, Question, partials
from shoal.compute.builds import NUMERICS_VERSION
from shoal.compute.engine import engine
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture
from shoal.network.initialisers import initialise

RNG = np.random.default_rng(6)
X = RNG.normal(size=(9000, 5))
SIGN = (X[:, 0] * X[:, 1] > 0).astype(int)
GD = {"solver": "gd", "hidden": 6, "max_iter": 30, "members": 1, "random_state": 4}
ALONE = ShoalClassifier(**GD).fit(X, SIGN)

# Rows that a worker needs some tenths of a second for.
WIDE = Architecture(20, 600, 1, "tanh", "sigmoid")
LONG = RNG.normal(size=(30_000, 20)).astype(np.float32)
ROWS = Examples(LONG, None, (LONG[:, 0] > 0).astype(np.int32))
PARAMETERS = WIDE.flatten(initialise(20, 600, 1, key=1, init=0.3), "float32")


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr("shoal.training.loop.REPORT_EVERY", 0.0)


def at(epoch, what):
    def verbose(report):
        if report.epoch == epoch:
            what()

    return verbose


def assert_same(a, b):
    assert a.gradient.tobytes() == b.gradient.tobytes()
    assert a[1:] == b[1:]


def test_a_worker_that_is_killed_between_two_steps_costs_no_bit(cluster):
    name, _ = cluster.running()[0]
    model = ShoalClassifier(
        **GD, engine=cluster.client, verbose=at(5, lambda: cluster.kill(name))
    ).fit(X, SIGN)
    assert model.loss_curve_ == ALONE.loss_curve_
    assert model.fingerprint_ == ALONE.fingerprint_


def test_a_worker_that_is_killed_while_replicas_walk_costs_no_bit(cluster):
    settings = GD | {"solver": "adam", "replicas": 4, "max_iter": 8}
    name, _ = cluster.running()[0]
    kill = at(3, lambda: cluster.kill(name))
    model = ShoalClassifier(**settings, engine=cluster.client, verbose=kill).fit(X, SIGN)
    assert model.fingerprint_ == ShoalClassifier(**settings).fit(X, SIGN).fingerprint_


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_worker_that_ends_in_the_middle_of_a_step_costs_no_bit(end, cluster):
    terms = OnCluster(Workers(cluster.client), Here(ROWS))
    expected = engine.sums(WIDE, PARAMETERS, ROWS, 2)
    assert_same(terms.sums(WIDE, PARAMETERS, 1), expected)  # the rows are there from now on
    _, process = cluster.running()[0]
    threading.Timer(0.03, process.send_signal, [end]).start()
    for _ in range(4):
        assert_same(terms.sums(WIDE, PARAMETERS, 1), expected)


def test_workers_join_and_leave(cluster):
    first, second = (name for name, _ in cluster.running())
    cluster.kill(first)

    def grow():
        cluster.have(3)

    def shrink():
        cluster.kill(second)

    def verbose(report):
        {3: grow, 12: shrink}.get(report.epoch, lambda: None)()
        time.sleep(0.1)  # so that who joins is seen

    model = ShoalClassifier(**GD, engine=cluster.client, verbose=verbose).fit(X, SIGN)
    assert model.fingerprint_ == ALONE.fingerprint_


def test_a_worker_ten_times_slower_is_overtaken(cluster):
    workers = Workers(cluster.client)
    terms = OnCluster(workers, Here(ROWS))
    expected = engine.sums(WIDE, PARAMETERS, ROWS, 2)
    terms.sums(WIDE, PARAMETERS, 1)
    _, process = cluster.running()[0]
    over = threading.Event()

    def slow():
        while not over.wait(0.005):
            process.send_signal(signal.SIGSTOP)
            over.wait(0.095)
            process.send_signal(signal.SIGCONT)

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        for _ in range(3):
            assert_same(terms.sums(WIDE, PARAMETERS, 1), expected)
    finally:
        over.set()
        thread.join()


def limit_memory(process, more):
    """Let a process have so many bytes more than it has, and not one beyond."""
    with open(f"/proc/{process.pid}/statm", encoding="ascii") as pages:
        has = int(pages.read().split()[0]) * resource.getpagesize()
    resource.prlimit(process.pid, resource.RLIMIT_AS, (has + more, has + more))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux's way to limit a process")
def test_a_worker_out_of_memory_is_spared(cluster):
    name, process = cluster.running()[0]
    architecture = Architecture(400, 2, 1, "tanh", "sigmoid")
    wide = np.tile(LONG, (1, 20))  # 48 MB
    rows = Examples(wide, None, ROWS.labels)
    parameters = architecture.flatten(initialise(400, 2, 1, key=1, init=0.3), "float32")
    limit_memory(process, 12 << 20)
    terms = OnCluster(Workers(cluster.client), Here(rows))
    for _ in range(2):
        assert_same(
            terms.sums(architecture, parameters, 1), engine.sums(architecture, parameters, rows, 2)
        )
    if process.poll() is None:
        cluster.kill(name)


def test_a_block_that_cannot_be_read_is_told_after_three_tries(cluster, tmp_path):
    source = Unreadable(ROWS, str(tmp_path / "tries"))
    with pytest.raises(DataError, match=r"t\.parquet, row group 3 of 4: cannot be read"):
        OnCluster(Workers(cluster.client), source).sums(WIDE, PARAMETERS, 1)
    assert (tmp_path / "tries").read_text() == "xxx"


def test_a_scheduler_that_is_killed_is_told_at_once_and_the_checkpoint_resumes(
    other_cluster, tmp_path
):
    own = other_cluster
    own.start(1)
    model = ShoalClassifier(**GD, checkpoint=tmp_path / "kept", engine=own.client)
    killed = []

    def kill():
        killed.append(time.monotonic())
        own.scheduler.kill()

    with pytest.raises(ClusterError, match=r"the scheduler at tcp://.* is gone.*--resume"):
        model.set_params(verbose=at(5, kill)).fit(X, SIGN)
    # At once, and not after the half minute that Dask takes to give up.
    assert time.monotonic() - killed[0] < 15
    epochs = []
    resumed = model.set_params(engine=None, verbose=lambda r: epochs.append(r.epoch))
    assert resumed.fit(X, SIGN).fingerprint_ == ALONE.fingerprint_
    assert epochs[0] == 6


def test_a_worker_of_another_numerics_version_is_refused():
    here = f"numerics version {NUMERICS_VERSION}"
    assert VERSION.endswith(here)
    other = VERSION.replace(here, f"numerics version {NUMERICS_VERSION - 1}")
    question = Question("rows", 0, WIDE, True, version=other)
    with pytest.raises(SettingError, match=f"{here}, and the driver .*their bits may differ"):
        partials(question, PARAMETERS, (), {})


def test_without_a_worker_it_says_so(other_cluster, monkeypatch):
    monkeypatch.setattr("shoal.cluster.driver.WAIT_FOR_WORKERS", 0.3)
    with pytest.raises(ClusterError, match=f"no worker .* dask worker {other_cluster.address}"):
        ShoalClassifier(**GD, engine=other_cluster.client).fit(X, SIGN)


class Answer:
    """A task that is done; what a says cannot be fetched, and what d says takes long."""

    status = "finished"

    def __init__(self, worker):
        self.worker = worker

    def add_done_callback(self, call):
        call(self)

    def result(self, timeout):
        assert timeout >= LONE_SECONDS
        if self.worker == "a" or (self.worker == "d" and timeout < 3 * LONE_SECONDS):
            raise TimeoutError
        return f"{self.worker} says"

    def done(self):
        return True

    def release(self):
        pass


class Some(Workers):
    def __init__(self, names):
        super().__init__(None)
        self._names = tuple(names)

    def _look(self):
        return self._names

    def submit(self, task):
        self._there = self._look()
        return Answer(task.worker)


def test_an_answer_that_cannot_be_fetched_is_asked_of_another():
    tasks = [Task(worker, print, ()) for worker in ("c", "a")]
    assert Some("abc").answers(tasks) == [("c", "c says"), ("b", "b says")]


def test_an_answer_that_takes_long_to_fetch_is_waited_for_longer():
    assert Some("d").answers([Task("d", print, ())]) == [("d", "d says")]

"""Where threads cannot be started fewer do the work, to the same bits."""

import subprocess
import sys
import threading
from concurrent.futures import wait

import numpy as np
import pyarrow as pa
import pytest

from shoal import ClusterError, FileError, ShoalClassifier, init_study
from shoal.cli import main
from shoal.compute.pool import Pool, room_to_read, startable

RNG = np.random.default_rng(0)
X = RNG.normal(size=(1300, 3))
Y = X[:, 0] * X[:, 1] > 0


@pytest.fixture(params=[0, 1, 2])
def few(request, monkeypatch):
    """A system that gives so many threads, and no more."""
    start, left = threading.Thread.start, [request.param]

    def start_or_not(thread):
        if not left[0]:
            raise RuntimeError("can't start new thread")
        left[0] -= 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_not)
    return request.param


@pytest.fixture
def none(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)


def fingerprint(**settings):
    given = {"hidden": 4, "max_iter": 3, "random_state": 0, "n_jobs": 4, "members": 3}
    return ShoalClassifier(**given | settings).fit(X, Y).fingerprint_


KINDS = [{}, {"replicas": 2, "members": 1}, {"solver": "lbfgs"}, {"scoring": "accuracy"}]
EXPECTED = [fingerprint(**settings) for settings in KINDS]


@pytest.mark.parametrize("i", range(len(KINDS)))
def test_fewer_threads_give_the_same_bits(i, few):
    assert fingerprint(**KINDS[i]) == EXPECTED[i]


def test_a_study_needs_no_threads(few):
    asked = {"n_jobs": 2, "schemes": ["he"], "seeds": 2, "iterations": 20}
    study = init_study(X[:50], Y[:50], **asked)
    assert len(study.trials) == 2


def test_as_many_start_as_there_are(few):
    with Pool(3, "test") as pool:
        assert pool.threads == few
        futures = [pool.submit(divmod, i, 2) for i in range(5)]
        wait(futures)
    assert [future.result() for future in futures] == [divmod(i, 2) for i in range(5)]


def test_an_error_comes_back_and_the_next_job_is_done():
    for most in (0, 1):
        with Pool(most, "test") as pool:
            failed, done = pool.submit(divmod, 1, 0), pool.submit(divmod, 1, 1)
        with pytest.raises(ZeroDivisionError):
            failed.result()
        assert done.result() == (1, 0)


def test_what_is_cancelled_is_not_done():
    called = []
    go_on = threading.Event()
    with Pool(1, "test") as pool:
        pool.submit(go_on.wait)
        assert pool.submit(called.append, 1).cancel()
        go_on.set()
    assert called == []


def test_a_signal_while_threads_start_leaves_none(monkeypatch):
    start, began = threading.Thread.start, []

    def start_and_interrupt(thread):
        start(thread)
        began.append(thread)
        if len(began) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start_and_interrupt)
    with pytest.raises(KeyboardInterrupt), Pool(3, "test"):
        pass
    for thread in began:
        thread.join(10)
    assert not any(thread.is_alive() for thread in began)


def test_without_threads_files_are_refused_and_what_needs_none_works(none, tmp_path, capsys):
    file = tmp_path / "table.csv"
    file.write_text("a,y\n" + "1,0\n2,1\n" * 40)
    with pytest.raises(FileError, match="the system starts no more threads"):
        ShoalClassifier().fit(str(file), "y")
    for command in (["train", str(file), "--target", "y"], ["study", str(file), "--target", "y"]):
        assert main(command) == 1
        assert "the system starts no more threads" in capsys.readouterr().err


def test_where_there_are_some_pyarrow_takes_no_more(monkeypatch):
    before = pa.cpu_count(), pa.io_thread_count()
    try:
        monkeypatch.setattr("shoal.compute.pool.startable", lambda most: 2)
        room_to_read()
        assert (pa.cpu_count(), pa.io_thread_count()) == (1, 1)
    finally:
        pa.set_cpu_count(before[0])
        pa.set_io_thread_count(before[1])
    assert startable(2) == 2


def test_without_threads_a_cluster_is_refused(none):
    pytest.importorskip("distributed")
    with pytest.raises(ClusterError, match=r"a cluster needs threads .* the system starts no more"):
        ShoalClassifier(engine="local", solver="gd").fit(X, Y)


def test_without_threads_there_is_no_laboratory(none, capsys):
    pytest.importorskip("uvicorn")
    assert main(["lab", "--no-browser"]) == 1
    assert "the laboratory needs threads" in capsys.readouterr().err


INTERRUPTED = """
import signal, sys, threading, os
import numpy as np
from shoal import ShoalClassifier

def interrupt(number, frame):
    raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
X = np.random.default_rng(0).normal(size=(2000, 3))
sent = []
def report(told):
    if not sent and told.epoch >= 2:
        sent.append(told)
        os.kill(os.getpid(), signal.SIGINT)
model = ShoalClassifier(
    n_jobs=int(sys.argv[1]), members=2, max_iter=10**6, n_iter_no_change=10**6,
    early_stopping=False, solver=sys.argv[2], verbose=report,
).fit(X, X[:, 0] * X[:, 1] > 0)
print(model.endings_[0])
"""


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.slow
def test_an_interrupted_fit_leaves_nothing_of_the_kernel(threads, solver):
    call = [sys.executable, "-W", "ignore", "-c", INTERRUPTED, threads, solver]
    run = subprocess.run(call, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("interrupted\n", "")  # nanobind would tell what is left

"""A real scheduler and real workers on loopback, as processes that are ended by their ids."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from distributed import Client

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for `cluster_sources`, which the workers import as well


class Processes:
    """A scheduler and its workers."""

    def __init__(self, folder):
        self.folder = folder
        self.workers = {}  # process by name
        file = folder / "scheduler.json"
        # A silent worker is not to be noticed by the scheduler: the driver has to.
        self.scheduler = self._start(
            "scheduler", "--port", "0", "--scheduler-file", str(file), "--no-jupyter"
        )
        while not file.exists() or not file.read_bytes():
            assert self.scheduler.poll() is None
            time.sleep(0.02)
        self.address = json.loads(file.read_bytes())["address"]
        self.client = Client(self.address, set_as_default=False)

    def _start(self, what, *arguments):
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments,
             "--host", "127.0.0.1", "--no-dashboard"],
            cwd=self.folder, env=os.environ | {"PYTHONPATH": str(HERE)},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip

    def start(self, n=1):
        """Start so many workers more, and wait for none of them."""
        for _ in range(n):
            name = f"worker-{len(self.workers)}"
            self.workers[name] = self._start(
                "worker", self.address, "--nthreads", "1", "--no-nanny", "--name", name,
                "--local-directory", str(self.folder),
            )  # fmt: skip

    def have(self, n):
        """Exactly so many workers that answer."""
        for _, process in self.running():
            process.send_signal(signal.SIGCONT)
        end = time.monotonic() + 60
        # Looked at again and again: a worker that has said goodbye may still be about to end.
        while len(running := self.running()) != n or len(self.client.nthreads()) != n:
            assert time.monotonic() < end, f"expected {n} workers: {self.client.nthreads()}"
            self.start(max(n - len(running), 0))
            for name, _ in running[n:]:
                self.kill(name)
            time.sleep(0.02)

    def running(self):
        return [(name, p) for name, p in self.workers.items() if p.poll() is None]

    def kill(self, name):
        self.workers[name].kill()
        self.workers[name].wait()

    def end(self):
        with suppress(OSError, TimeoutError):
            self.client.close(timeout=2)
        for process in [*self.workers.values(), self.scheduler]:
            process.kill()
            process.wait()


@pytest.fixture
def other_cluster(tmp_path):
    """A scheduler of its own, which the test may kill."""
    processes = Processes(tmp_path)
    yield processes
    processes.end()


@pytest.fixture(scope="session")
def _cluster(tmp_path_factory):
    processes = Processes(tmp_path_factory.mktemp("cluster"))
    processes.start(2)
    yield processes
    processes.end()


@pytest.fixture
def cluster(_cluster):
    """Two workers, whatever the last test has done to them."""
    _cluster.have(2)
    return _cluster

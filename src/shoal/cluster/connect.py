"""The way to a cluster: someone's own client, an address, or "local" for workers of our own."""

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shoal.compute.engine import threads
from shoal.compute.pool import NO_THREADS, startable
from shoal.errors import ClusterError, SettingError

START_SECONDS = 60.0  # a laden machine may take long to import Dask
CONNECT_SECONDS = 10.0
MOST_LOCAL_WORKERS = 4
THREADS_OF_A_CLIENT = 4  # its loop, and those that (de)serialise and look up addresses
END_SECONDS = 5.0
# A silent worker is taken for dead after so long; Dask's own measure is 5 minutes.
WORKER_TTL = "10 s"
# Local workers whose program was killed end by themselves.
IDLE_SECONDS = 300


def library() -> Any:
    """Dask's distributed. Raises SettingError where it is not installed."""
    try:
        import distributed
    except ImportError as error:
        raise SettingError(
            f"a cluster needs Dask, which cannot be imported ({error}). Install it: "
            "pip install 'shoal[cluster]'"
        ) from None
    return distributed


@contextmanager
def connected(engine: Any, n_jobs: int | None = None) -> Iterator[Any]:
    """A client of the cluster; one that was given is left open, all others are closed."""
    distributed = library()
    if startable(THREADS_OF_A_CLIENT) < THREADS_OF_A_CLIENT:
        raise ClusterError(f"a cluster needs threads of this program, and {NO_THREADS}")
    if isinstance(engine, distributed.Client):
        yield engine
    elif engine == "local":
        with local(n_jobs) as address, _client(address) as client:
            yield client
    else:
        with _client(_checked(engine)) as client:
            yield client


@contextmanager
def _client(address: str) -> Iterator[Any]:
    # What goes wrong is told by our own errors, once.
    for name in ("distributed", "distributed.client"):  # Dask sets the level of both
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = library().Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise ClusterError(
            f"no scheduler answers at {address} ({error or type(error).__name__}). Start one, and "
            f"workers: dask scheduler --host 127.0.0.1; dask worker {address}"
        ) from None
    try:
        yield client
    finally:
        with suppress(OSError, TimeoutError):
            client.close(timeout=END_SECONDS)


def check_engine(engine: Any) -> None:
    """Raise SettingError for what is no cluster, without a look at it."""
    if engine is None or engine == "local":
        return
    if isinstance(engine, str):
        _checked(engine)
    elif not isinstance(engine, library().Client):
        raise SettingError.of(
            "engine",
            engine,
            'expected None, a Dask client, an address such as tcp://127.0.0.1:8786, or "local".',
        )


def _checked(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in ("tcp", "tls") or not parts.hostname:
        raise SettingError.of(
            "engine", address, 'expected an address such as tcp://127.0.0.1:8786, or "local".'
        )
    if parts.scheme == "tcp" and not _is_loopback(parts.hostname):
        raise SettingError(
            f"{address} is another machine, and tcp:// without TLS lets everybody who can reach "
            "the scheduler run programs on it. Use tls://, with certificates as the documentation shows."
        )
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# --- workers of our own ---------------------------------------------------------------


@contextmanager
def local(n_jobs: int | None = None) -> Iterator[str]:
    """The address of a scheduler with workers, on loopback, that end with the block."""
    library()
    available = threads(n_jobs)
    workers = min(available, MOST_LOCAL_WORKERS)
    with tempfile.TemporaryDirectory(prefix="shoal-cluster-") as folder:
        processes = []
        try:
            processes.append(_scheduler(folder))
            address = _address(processes[0], Path(folder, "scheduler.json"))
            for i in range(workers):
                n = available // workers + (i < available % workers)
                processes.append(_worker(folder, address, n))
            yield address
        finally:
            _end(processes[::-1])


def _scheduler(folder: str) -> "subprocess.Popen[bytes]":
    return _start(
        "scheduler", folder, "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter",
        "--scheduler-file", str(Path(folder, "scheduler.json")), "--idle-timeout", f"{IDLE_SECONDS} s",
    )  # fmt: skip


def _worker(folder: str, address: str, nthreads: int) -> "subprocess.Popen[bytes]":
    return _start(
        "worker", folder, address, "--host", "127.0.0.1", "--nthreads", str(nthreads),
        "--local-directory", folder, "--no-nanny", "--no-dashboard", "--death-timeout", str(int(START_SECONDS)),
    )  # fmt: skip


def _start(what: str, folder: str, *arguments: str) -> "subprocess.Popen[bytes]":
    with open(Path(folder, "log"), "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments],
            env=os.environ | {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": WORKER_TTL},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,  # Ctrl-C is for the program that started them
        )  # fmt: skip


def _address(scheduler: "subprocess.Popen[bytes]", file: Path) -> str:
    began = time.monotonic()
    while time.monotonic() - began < START_SECONDS and scheduler.poll() is None:
        with suppress(OSError, ValueError, KeyError):
            return str(json.loads(file.read_bytes())["address"])
        time.sleep(0.05)
    raise ClusterError(
        "no scheduler of our own came up on loopback. Its last words:\n"
        + file.with_name("log").read_text(errors="replace")[-2000:]
    )


def _end(processes: "Sequence[subprocess.Popen[bytes]]") -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

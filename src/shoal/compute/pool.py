"""Threads that run jobs: as many as the system gives; without any the caller's own runs them.

Python's ThreadPoolExecutor raises RuntimeError in the middle of its work where a thread cannot be
started (a container's limit of processes, say).
"""

import os
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, Self, TypeVar

from shoal.errors import FileError

R = TypeVar("R")
Job = Callable[[], None]

NO_THREADS = (
    "the system starts no more threads. Raise the limit of processes (ulimit -u, or that of the "
    "container), or end other programs."
)
IO_THREADS = 8  # of pyarrow; it has as many more as processors
FEWEST_TO_READ = 2  # one that reads, and one that decodes


class Pool:
    """At most this many threads, from the `with` to its end."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[Thread] = []

    @property
    def threads(self) -> int:
        """How many could be started. With 0 each job is run by `submit`."""
        return len(self._threads)

    def __enter__(self) -> Self:
        try:
            for i in range(self._most):
                thread = Thread(target=_work, args=(self._jobs,), name=f"{self._name}-{i}")
                self._threads.append(thread)
                try:
                    thread.start()
                except RuntimeError:  # the system has no more
                    self._threads.pop()
                    break
        except BaseException:  # a signal: the threads must not wait for ever
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        for thread in self._threads:
            thread.join()

    def submit(self, function: Callable[..., R], *args: Any) -> Future[R]:
        """Have it called; the future gets its result, or what it raises."""
        future: Future[R] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = function(*args)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        if self._threads:
            self._jobs.put(job)
        else:
            job()
        return future

    def _end(self) -> None:
        for _ in self._threads:
            self._jobs.put(None)


def _work(jobs: SimpleQueue[Job | None]) -> None:
    while (job := jobs.get()) is not None:
        job()
        del job  # it holds its arguments and its result


# --- whether there are any --------------------------------------------------------------


def startable(most: int) -> int:
    """How many threads the system gives at once, up to this many."""
    with Pool(most, "shoal-probe") as pool:
        return pool.threads


def room_to_read() -> None:
    """Let pyarrow ask for no more threads than there are, before it reads a file.

    It ends the program, or calls the file damaged, when one cannot be started. Raises FileError
    when it would.
    """
    usual = (os.cpu_count() or 1) + IO_THREADS
    there = startable(usual)
    if there < FEWEST_TO_READ:
        raise FileError(f"files cannot be read: {NO_THREADS}")
    if there < usual:
        import pyarrow as pa

        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)

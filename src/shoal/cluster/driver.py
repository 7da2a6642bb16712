"""Ask workers, and have an answer to every question, whoever dies, hangs or is slow.

what happens                        what is done
a worker dies                       Dask gives its task to another one
a worker is silent, or far slower   after a while another one is asked as well; who was overtaken
                                    rests for a while, then for twice as long, and so on
a worker is done, then silent       its answer cannot be fetched: likewise
a worker is out of memory           it rests in the same way, and another one is asked
data cannot be read                 another worker is asked, three times in all; then it is told
all workers are gone                some time is given to others to join
the scheduler is gone               it is told at once
"""

import pickle
import queue
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from shoal.cluster.worker import run
from shoal.compute.builds import Stop
from shoal.errors import ClusterError, DataError

TRIES = 3
# A task is late when it takes this many times as long as half of the others …
LATE = 4.0
LATE_SECONDS = 1.0  # … and longer than this
# With no others to go by: this many times as long as the longest task so far, and longer than this.
LONE_SECONDS = 5.0
POLL_SECONDS = 0.1
WORKERS_EVERY = 1.0  # seconds between two looks at who is there
# A worker that was killed, and is started again by its nanny, is back within seconds.
WAIT_FOR_WORKERS = 60.0
# A worker rests 2, 4, … 64 times as long as it was waited for: at last that costs 1 second in 64.
MOST_RESTS = 6
ANSWER_SECONDS = 5.0  # of the scheduler


class Task(NamedTuple):
    """A call, and the worker that is asked first."""

    worker: str
    call: Callable[..., Any]
    arguments: tuple[Any, ...]


class Workers:
    """The workers of a cluster, as the driver sees them from step to step."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._there: tuple[str, ...] = ()
        self._looked = float("-inf")
        self._rests: dict[str, tuple[float, int]] = {}  # until when, and how many so far
        self.longest = 0.0  # seconds that a task has taken

    def ready(self) -> list[str]:
        """Who is there and not at rest; waits while no one is there.

        Raises ClusterError when no one comes.
        """
        began = time.monotonic()
        while not self._look():
            if time.monotonic() - began > WAIT_FOR_WORKERS:
                raise ClusterError(
                    f"the cluster has had no worker for {WAIT_FOR_WORKERS:.0f} seconds. Start "
                    f"one: dask worker {_address(self.client)}"
                )
            time.sleep(POLL_SECONDS)
            self._looked = float("-inf")
        now = time.monotonic()
        return [w for w in self._there if self._rests.get(w, (0.0, 0))[0] <= now] or [*self._there]

    def rest(self, worker: str, waited: float) -> None:
        """Leave the worker out for a while, twice as long as the last time."""
        _, rests = self._rests.get(worker, (0.0, 0))
        rests = min(rests + 1, MOST_RESTS)
        self._rests[worker] = time.monotonic() + waited * 2**rests, rests

    def answers(self, tasks: Sequence[Task], stop: Stop | None = None) -> list[tuple[str, Any]]:
        """Who answered, and what, for each task.

        Raises what a task raises, and ClusterError for the cluster.
        """
        asking = _Asking(self, tasks)
        try:
            while asking.open:
                if stop is not None and stop.requested:
                    raise stop.exception or KeyboardInterrupt
                asking.go_on()
            return asking.results
        finally:
            asking.release()

    def _look(self) -> tuple[str, ...]:
        now = time.monotonic()
        if now - self._looked >= WORKERS_EVERY:
            self._looked = now
            self.check()
            try:
                ask = self.client.scheduler.ncores
                self._there = tuple(sorted(self.client.sync(ask, callback_timeout=ANSWER_SECONDS)))
            except (OSError, TimeoutError) as error:
                raise _lost(self.client) from error
        return self._there

    def tell(self, worker: str, call: Callable[..., Any], *arguments: Any) -> None:
        """Ask a worker for something, and wait for nothing."""
        if self.client.status == "running":
            self.submit(Task(worker, call, arguments))

    def submit(self, task: Task) -> Any:
        """Dask's future of a task."""
        worker, call, arguments = task
        return self.client.submit(
            run, pickle.dumps((call, arguments), 5),
            key=f"shoal-{call.__name__}-{uuid.uuid4().hex}",
            workers=[worker], allow_other_workers=True, pure=False,
        )  # fmt: skip

    def check(self) -> None:
        """Raise ClusterError when the scheduler is gone."""
        if self.client.status != "running":
            raise _lost(self.client)


class _Asking:
    """Some tasks under way, each asked of one worker or of several."""

    def __init__(self, workers: Workers, tasks: Sequence[Task]) -> None:
        self._workers, self._tasks = workers, tasks
        self._done: queue.SimpleQueue[tuple[int, str, Any]] = queue.SimpleQueue()
        self._asked: list[dict[str, Any]] = [{} for _ in tasks]  # futures by worker
        self._since = [0.0] * len(tasks)
        self._took: list[float] = []
        self._failures = [0] * len(tasks)
        self._unfetched = 0
        self.open = set(range(len(tasks)))
        self.results: list[tuple[str, Any]] = [("", None)] * len(tasks)
        for i, task in enumerate(tasks):
            self._ask(i, task.worker)

    def go_on(self) -> None:
        """Take an answer; if there is none for a moment, look for what is late."""
        try:
            i, worker, future = self._done.get(timeout=POLL_SECONDS)
        except queue.Empty:
            self._workers.check()
            self._overtake()
            return
        if i not in self.open:
            return
        if future.status == "finished":
            self._finished(i, worker, future)
        else:
            self._workers.check()
            error = future.exception() if future.status == "error" else OSError(future.status)
            self._failed(i, worker, error)

    def release(self) -> None:
        """Let go of what is still under way."""
        for asked in self._asked:
            for future in asked.values():
                future.release()

    def _ask(self, i: int, worker: str) -> None:
        self._since[i] = time.monotonic()
        future = self._workers.submit(self._tasks[i]._replace(worker=worker))
        self._asked[i][worker] = future
        future.add_done_callback(lambda done: self._done.put((i, worker, done)))

    def _finished(self, i: int, worker: str, future: Any) -> None:
        try:
            answer = future.result(timeout=self._alone() * 2**self._unfetched)
        except TimeoutError:
            # The next fetch may take longer: perhaps it is the network that is slow.
            self._unfetched += 1
            self._workers.rest(worker, time.monotonic() - self._since[i])
            self._ask_another(i)
            return
        self.results[i] = worker, answer
        self.open.discard(i)
        now = time.monotonic()
        took = now - self._since[i]
        self._took.append(took)
        self._workers.longest = max(self._workers.longest, took)
        for other, asked in self._asked[i].items():
            if other != worker and not asked.done():
                self._workers.rest(other, now - self._since[i])

    def _failed(self, i: int, worker: str, error: BaseException) -> None:
        self._failures[i] += 1
        last = self._failures[i] == TRIES
        if type(error).__name__ == "KilledWorker":
            raise ClusterError(
                f"one worker after another died at the same task ({error}). As a rule they have "
                "too little memory: give them more of it, or start more workers."
            )
        if isinstance(error, MemoryError):
            self._workers.rest(worker, LATE_SECONDS)
            if last:
                raise ClusterError(
                    f"{TRIES} workers in turn had too little memory for their share of the rows. "
                    "Give them more of it, or start more workers."
                )
        elif last or not isinstance(error, OSError | DataError):
            raise error
        self._ask_another(i)

    def _ask_another(self, i: int) -> None:
        ready = self._workers.ready()
        others = [other for other in ready if other not in self._asked[i]]
        self._ask(i, (others or ready)[0])

    def _alone(self) -> float:
        """Seconds to wait for a task with no others to go by."""
        return max(LATE * self._workers.longest, LONE_SECONDS)

    def _overtake(self) -> None:
        """What is late is asked of those who are idle as well."""
        took = sorted(self._took)
        patience = max(LATE * took[len(took) // 2], LATE_SECONDS) if took else self._alone()
        busy = {worker for i in self.open for worker in self._asked[i]}
        idle = [worker for worker in self._workers.ready() if worker not in busy]
        now = time.monotonic()
        for i in sorted(self.open):
            if idle and now - self._since[i] > patience:
                self._ask(i, idle.pop())


def _lost(client: Any) -> ClusterError:
    return ClusterError(
        f"the scheduler at {_address(client)} is gone, so nothing can go on. Start it and its "
        "workers again, and then this training; one with checkpoint=FOLDER (on the command line "
        "--checkpoint FOLDER, then --resume) goes on where it was."
    )


def _address(client: Any) -> str:
    with suppress(AttributeError):
        return str(client.scheduler.address)
    return "its address"

"""Contenders in processes of their own, which take turns.

Each program gets its number of threads by the variables it reads, and sees only so many
processors while it starts, by which some size their pools. Only one process works at a time.
"""

import gc
import importlib
import multiprocessing
import os
import statistics
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import NamedTuple

from benchmarks.cases import Case, Contender
from benchmarks.data import make_data


class Ready(NamedTuple):
    """A worker is prepared."""

    note: str
    units: int | None
    facts: Mapping[str, float]


class Run(NamedTuple):
    """One timed run."""

    seconds: float
    cpu_seconds: float
    loss: float


class Failed(NamedTuple):
    """What went wrong, on one line, and in full."""

    reason: str
    trace: str


@dataclass(frozen=True)
class Measured:
    """All runs of one contender, or why there are none."""

    contender: Contender
    runs: tuple[Run, ...] = ()
    note: str = ""
    units: int = 1
    facts: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""

    @property
    def seconds(self) -> float:
        """The median of the runs."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def spread(self) -> float:
        """The slowest run over the fastest: 1 on a quiet machine."""
        return max(r.seconds for r in self.runs) / min(r.seconds for r in self.runs)

    @property
    def cpu_seconds(self) -> float:
        """The median of the processor time, of all threads: steadier where others compute too."""
        return statistics.median(run.cpu_seconds for run in self.runs)

    @property
    def processors(self) -> float:
        """How many processors were kept busy."""
        return statistics.median(run.cpu_seconds / run.seconds for run in self.runs)

    @property
    def unit_seconds(self) -> float:
        """Time of one step (or call, or fit)."""
        return self.seconds / self.units

    @property
    def loss(self) -> float:
        """What the last run reached."""
        return self.runs[-1].loss


def environment(threads: int) -> dict[str, str]:
    """What the programs read when they start."""
    names = ("OMP", "OPENBLAS", "MKL", "VECLIB", "NUMEXPR")
    limits = {f"{name}_NUM_THREADS": str(threads) for name in names}
    eigen = "true" if threads > 1 else "false"
    return limits | {
        "SHOAL_THREADS": str(threads),
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={eigen}",
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # else its compilers stay, as processes
    }


@contextmanager
def environ(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for the processes that are started meanwhile."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def processors(n: int) -> Iterator[None]:
    """See only n processors meanwhile, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:n]))
    try:
        yield
    finally:
        # Threads that were started meanwhile keep the mask they were born with: free them too.
        for thread in os.listdir("/proc/self/task") if os.path.isdir("/proc/self/task") else ():
            with suppress(ProcessLookupError):  # a thread may have ended since
                os.sched_setaffinity(int(thread), before)


def serve(pipe: Connection, case: Case, maker: str) -> None:
    """Prepare a job; then run it each time when told so, until told to end."""
    try:
        module, function = maker.split(":")
        with processors(case.threads):
            make = getattr(importlib.import_module(f"benchmarks.{module}"), function)
            job = make(case, make_data(case))
        pipe.send(Ready(job.note, job.units, job.facts))
        while pipe.recv() == "run":
            gc.collect()
            gc.disable()
            cpu, began = time.process_time(), time.perf_counter()
            reached = job.run()
            seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
            gc.enable()
            pipe.send(Run(seconds, cpu_seconds, job.loss(reached)))
    except (EOFError, BrokenPipeError):
        return  # nobody listens any more
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        pipe.send(Failed(reason[:200], traceback.format_exc()))


class Worker:
    """The near end of a process that serves one contender."""

    def __init__(self, case: Case, contender: Contender) -> None:
        context = multiprocessing.get_context("spawn")
        self.contender, self.case = contender, case
        self._pipe, far = context.Pipe()
        case = case.with_dtype(contender.dtype)
        self._process = context.Process(target=serve, args=(far, case, contender.maker))
        with environ(environment(case.threads)):
            self._process.start()
        far.close()
        self.runs: list[Run] = []
        self.ready = self._answer()

    def _answer(self) -> object:
        try:
            return self._pipe.recv()
        except EOFError:
            self._process.join()
            return Failed(f"the process ended with {self._process.exitcode}", "")

    def run(self) -> None:
        """One more timed run, if nothing has gone wrong so far."""
        if isinstance(self.ready, Failed):
            return
        self._pipe.send("run")
        answer = self._answer()
        if isinstance(answer, Run):
            self.runs.append(answer)
        else:
            self.ready = answer

    def close(self) -> Measured:
        """End the process; everything that was measured."""
        with suppress(OSError):  # it may have ended already
            self._pipe.send("end")
        self._process.join()
        if not isinstance(self.ready, Ready):
            reason = getattr(self.ready, "reason", "unknown")
            return Measured(self.contender, failure=reason)
        note, units, facts = self.ready
        units = units or self.case.units
        return Measured(self.contender, tuple(self.runs), note, units, facts)


def measure(case: Case, runs: int, tell: Callable[[str], None] = lambda _: None) -> list[Measured]:
    """Run all contenders of a case in turns: the first, the second … and again."""
    workers = []
    try:
        for contender in case.contenders:
            tell(f"{case.letter}: preparing {contender.label}")
            workers.append(Worker(case, contender))
        for run in range(runs):
            for worker in workers:
                tell(f"{case.letter}: run {run + 1} of {runs}, {worker.contender.label}")
                worker.run()
    finally:
        measured = [worker.close() for worker in workers]
    return measured

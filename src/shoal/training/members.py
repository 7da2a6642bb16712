"""Several networks side by side, each as if it were trained alone."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait

from shoal.compute.builds import Stop
from shoal.compute.pool import Pool
from shoal.training.loop import Report, Trained

POLL_SECONDS = 0.05
Job = Callable[[int, Stop, Callable[[Report], None] | None], Trained]  # threads, stop, report


def train_all(
    jobs: Sequence[Job],
    threads: int,
    report: Callable[[Report], None] | None = None,
    most: int | None = None,
) -> list[Trained]:
    """Run every job, `most` at a time; the first one reports. Threads left over go into the jobs.

    A signal ends all of them: each then returns the best network it has seen, and the
    signal's exception comes back in `interruption`.
    """
    side_by_side = min(len(jobs), threads, most or len(jobs))
    if side_by_side > 1:
        with Pool(side_by_side, "shoal") as pool:
            if pool.threads:
                return _side_by_side(jobs, threads, report, pool)
    stop, trained = Stop(), []
    for i, job in enumerate(jobs):
        trained.append(job(threads, stop, report if i == 0 else None))
        if trained[-1].ending == "interrupted":
            break
    return trained


def _side_by_side(
    jobs: Sequence[Job], threads: int, report: Callable[[Report], None] | None, pool: Pool
) -> list[Trained]:
    stop = Stop()
    interruption: BaseException | None = None
    futures: list[Future[Trained]] = []
    try:
        for i, job in enumerate(jobs):
            each = threads // pool.threads
            futures.append(pool.submit(job, each, stop, None if i else report))
        while wait(futures, POLL_SECONDS).not_done:
            if any(future.done() and future.exception() for future in futures):
                stop.request()  # one has failed: the others need not go on
    except KeyboardInterrupt as signal:
        interruption = signal
        stop.request()
    except BaseException:
        stop.request()
        raise
    done = [future.result() for future in futures] or [jobs[0](1, stop, None)]
    if interruption is None:
        return done
    # Members that never began have nothing to give; if none did, one gives its start.
    begun = [t for t in done if t.losses] or done[:1]
    return [t._replace(interruption=interruption, ending="interrupted") for t in begun]

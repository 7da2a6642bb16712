"""Several networks side by side, each as if it were trained alone."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from shoal.compute.builds import Stop
from shoal.training.loop import Report, Trained

POLL_SECONDS = 0.05
Job = Callable[[int, Stop, Callable[[Report], None] | None], Trained]  # threads, stop, report


def train_all(
    jobs: Sequence[Job], threads: int, report: Callable[[Report], None] | None = None
) -> list[Trained]:
    """Run every job; the first one reports. Threads left over go into the jobs.

    A signal ends all of them: each then returns the best network it has seen, and the
    signal's exception comes back in `interruption`.
    """
    stop: Stop = Stop()
    if len(jobs) == 1 or threads == 1:
        trained = []
        for i, job in enumerate(jobs):
            trained.append(job(threads, stop, report if i == 0 else None))
            if trained[-1].ending == "interrupted":
                break
        return trained
    side_by_side = min(len(jobs), threads)
    with ThreadPoolExecutor(side_by_side, thread_name_prefix="shoal") as pool:
        futures = [
            pool.submit(job, threads // side_by_side, stop, report if i == 0 else None)
            for i, job in enumerate(jobs)
        ]
        interruption: BaseException | None = None
        waiting = set(futures)
        while waiting:
            try:
                waiting = wait(waiting, POLL_SECONDS).not_done
            except BaseException as exception:  # a signal: Ctrl-C, or a handler's own
                interruption = exception
                stop.request()
        done = [future.result() for future in futures]
    if interruption is None:
        return done
    # Members that never began have nothing to give; at least one has the start it was given.
    begun = [t for t in done if t.losses] or done[:1]
    return [t._replace(interruption=interruption, ending="interrupted") for t in begun]

"""Which engine computes: the kernel, or on a processor that cannot run it the plain equations."""

import os
import warnings

from shoal.compute import kernel, plain
from shoal.errors import SettingError, ShoalWarning

if kernel.BUILD == "plain":
    if os.environ.get("SHOAL_ISA") != "plain":
        warnings.warn(
            "this processor has no fused multiply-add, which shoal's kernel needs: the plain "
            "equations serve instead. They are right, but many times slower, and their last "
            "bits are not those of other machines.",
            ShoalWarning,
            stacklevel=2,
        )
    engine = plain
else:
    engine = kernel  # type: ignore[assignment]

BUILD = kernel.BUILD


def threads(n_jobs: int | None = None) -> int:
    """How many threads to use: `n_jobs`, or SHOAL_THREADS, or all that this process may use.

    As in joblib, -1 means all and -2 all but one.
    """
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if n_jobs is None:
        text = os.environ.get("SHOAL_THREADS") or str(available)
        if not text.isdigit() or int(text) < 1:
            raise SettingError(f"SHOAL_THREADS={text}: expected a whole number from 1 on.")
        return int(text)
    if n_jobs == 0:
        raise SettingError("n_jobs=0: expected a number of threads from 1 on, or -1 for all.")
    return n_jobs if n_jobs > 0 else max(1, available + 1 + n_jobs)

"""Which build of the kernel serves this processor, chosen once at import.

SHOAL_ISA (avx2, avx512, neon) forces one; SHOAL_ISA=plain asks for the plain equations, which
also serve a processor without fused multiply-add.
"""

import hashlib
import importlib
import os
import warnings
from pathlib import Path
from typing import Any

from shoal.compute._processor import builds
from shoal.errors import SettingError, ShoalWarning

NUMERICS_VERSION = 6  # changes when the same data and settings give other bits than before


def _choose() -> str:
    here = builds()
    wanted = os.environ.get("SHOAL_ISA")
    if wanted and wanted not in [*here, "plain"]:
        raise SettingError(
            f"SHOAL_ISA={wanted}: expected one of {', '.join([*here, 'plain'])}, which are what "
            "this processor can run. Unset it to let shoal choose."
        )
    if not wanted and not here:
        warnings.warn(
            "this processor has no fused multiply-add (or no AVX2), which shoal's kernel needs: "
            "the plain equations serve instead. They are right, but many times slower, and "
            "their last bits are not those of other machines.",
            ShoalWarning,
            stacklevel=2,
        )
    return wanted or (here[0] if here else "plain")


BUILD = _choose()
compiled: Any = (
    None if BUILD == "plain" else importlib.import_module(f"shoal.compute._kernel_{BUILD}")
)


def _refuse_other_sources(folder: Path) -> None:
    """A kernel of other sources than those beside it may answer wrongly, without a word."""
    built_of = getattr(compiled, "SOURCES", None)  # as CMakeLists.txt counts it
    sources = sorted(folder.glob("*.?pp"))
    if not sources or not built_of:
        return
    each = (hashlib.sha256(source.read_bytes()).hexdigest() for source in sources)
    if hashlib.sha256("".join(each).encode()).hexdigest() != built_of:
        raise ImportError(
            f"the kernel was built of other sources than those in {folder}. Build it again: "
            "`make .venv/installed`."
        )


_refuse_other_sources(Path(__file__).parents[3] / "kernel")  # there in a checkout alone


class _PlainFlag:
    """What the compiled module's flag is, where there is none."""

    raised = False
    exception: BaseException | None = None

    def raise_flag(self) -> None:
        self.raised = True


class Stop:
    """A flag that ends running calls: raised by another thread, or by a signal."""

    def __init__(self) -> None:
        self.flag: Any = compiled.StopFlag() if compiled else _PlainFlag()

    def request(self) -> None:
        """Ask the calls that hold this flag to end as soon as they can."""
        self.flag.raise_flag()

    @property
    def requested(self) -> bool:
        """Whether the end was requested."""
        return bool(self.flag.raised)

    @property
    def exception(self) -> BaseException | None:
        """What the signal's handler raised, if a signal was the reason."""
        exception: BaseException | None = self.flag.exception
        return exception

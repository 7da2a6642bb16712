"""What a case may do, and what counts as an offence.

A case may end well, or with an error or a warning of shoal's. Offences:

    foreign     another exception, or an error of shoal's that hides a MemoryError
    hang        more of the processors' time than its limit, or ten times as long by the clock
    memory      more than 500 MB above the process at rest
    warning     a warning that is not shoal's, nor one that scikit-learn's users know
    not finite  an answer that is not finite, without an error or a warning
    control     a control character in printed text
    ending      a command that ends with another code than 0, 1 or 2
"""

import contextlib
import faulthandler
import io
import re
import signal
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from shoal.cli import main
from shoal.errors import ShoalError, ShoalWarning

MOST_MB = 500
KNOWN = ("unique classes", "feature names", "column-vector y")  # in scikit-learn's own warnings
PLACE = re.compile(r"/shoal/([\w/]+\.py\", line \d+, in \w+)\n")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# A kernel that does not return to Python lets no alarm be raised: then the process ends.
BY_THE_CLOCK = 10  # so many times the limit


class Hang(BaseException):
    """The time limit of a case; no handler of errors may catch it."""


class Offence(Exception):
    """Something that must not happen: its kind, and what it was."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(kind, what)
        self.kind, self.what = kind, what


class Judge:
    """Counts, and keeps the offending inputs in a folder."""

    def __init__(self, folder: Path, count: Callable[[str, int], None]) -> None:
        self.folder, self.count = folder, count
        self.rest_mb = 0.0
        self.caught: list[tuple[Warning, str]] = []
        for name in (signal.SIGALRM, signal.SIGPROF):
            signal.signal(name, _raise)

    def at_rest(self) -> None:
        """The memory of now is that of the process at rest."""
        self.rest_mb = _memory("VmRSS")

    def case(self, name: str, kept: Path | str, limit: float, run: Callable[[], Any]) -> bool:
        """Run a case; `kept` is its input, as a file, a folder or in words. True if it ended well.

        An error of shoal's is no offence, and no good end.
        """
        found: Offence | None = None
        ended = False
        _reset_peak()
        self.caught.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = self._warned  # type: ignore[assignment]
            faulthandler.dump_traceback_later(limit * 2 * BY_THE_CLOCK, exit=True)
            _limit(limit)
            try:
                run()
                ended = True
            except Offence as offence:
                found = offence
            except ShoalError as error:
                if not str(error):
                    found = Offence("foreign", "an error without words")
                if hidden := _hidden(error):
                    found = Offence("foreign", f"a MemoryError became {error}\n{hidden}")
            except Hang:
                found = Offence("hang", f"more than {limit:g} s\n{traceback.format_exc()}")
            except (Exception, SystemExit):
                found = Offence("foreign", traceback.format_exc())
            finally:
                _limit(0)
                faulthandler.cancel_dump_traceback_later()
        leaked = [where for warning, where in self.caught if not _allowed(warning)]
        if found is None and leaked:
            found = Offence("warning", leaked[0])
        used = _memory("VmHWM") - self.rest_mb
        if found is None and used > MOST_MB:
            found = Offence("memory", f"{used:,.0f} MB above the process at rest")
        if found is not None:
            self.keep(name, kept, found)
        return ended and found is None

    def _warned(self, message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
        where = "".join(traceback.format_stack()[-12:-2])
        self.caught.append((message, f"{category.__name__}: {message}\n{where}"))

    def finite(self, answers: Any) -> None:
        """Raise an Offence for answers that are not finite, if the case has had no warning."""
        values = np.asarray(answers)
        warned = any(isinstance(warning, ShoalWarning) for warning, _ in self.caught)
        if values.dtype.kind == "f" and not np.isfinite(values).all() and not warned:
            raise Offence("not finite", f"{values[~np.isfinite(values)][:3]} of {values.shape}")

    def keep(self, name: str, kept: Path | str, offence: Offence) -> None:
        """Count an offence, and keep its input and its words."""
        self.count(offence.kind, 1)
        # The line of shoal's that is nearest, so that the same offence has the same first line.
        places = PLACE.findall(offence.what)
        first = places[-1] if places else offence.what.splitlines()[0][:120]
        text = f"{offence.kind}: {first}\n\n{name}: {offence.what}\n"
        if isinstance(kept, Path) and kept.suffix == ".txt":
            text += f"\ninput: {kept.read_text('utf-8', 'replace')}\n"
        elif isinstance(kept, Path):
            (self.folder / f"{name}{kept.suffix}").write_bytes(kept.read_bytes())
        else:
            text += f"\ninput: {kept}\n"
        (self.folder / f"{name}.txt").write_text(text, "utf-8", "backslashreplace")

    def command(self, *arguments: object) -> int:
        """Run a command of the program in this process. Raises Offence for what it printed."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([str(a) for a in arguments])
        printed = out.getvalue() + err.getvalue()
        if code not in (0, 1, 2):
            raise Offence("ending", f"{arguments} ended with {code}: {printed[-500:]}")
        if "there is not enough memory for this" in printed:
            raise Offence("foreign", f"{arguments}: a MemoryError")
        if found := CONTROL.search(printed):
            at = found.start()
            raise Offence("control", f"{arguments} printed {printed[max(0, at - 80) : at + 20]!r}")
        self.count("commands", 1)
        return code


def _limit(seconds: float) -> None:
    """Raise Hang after so much work; on a machine with other work the clock says little."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, BY_THE_CLOCK * seconds)


def _raise(*_: object) -> None:
    raise Hang


def _allowed(warning: Warning) -> bool:
    return isinstance(warning, ShoalWarning) or (
        isinstance(warning, UserWarning) and any(words in str(warning) for words in KNOWN)
    )


def _hidden(error: BaseException) -> str:
    """The traceback of a MemoryError, not shoal's own, that an error stands for."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) and not isinstance(seen, ShoalError):
            return "".join(traceback.format_exception(seen))
        seen = seen.__cause__ or seen.__context__
    return ""


def _reset_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _memory(what: str) -> float:
    """VmRSS, or VmHWM, the largest since `_reset_peak`; in MB, 0 where there is no /proc."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(x for x in lines if x.startswith(what)).split()[1]) / 1024
    return 0.0

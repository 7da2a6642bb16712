"""Run by `make fuzz`: `python -m tests.fuzz [--times N] [--seed S] [PART …]`.

Case i of a part depends on the seed, the part and i alone: `--first I --cases 1` runs it again.
The cases run in a child process, which goes on behind a case that kills it.
"""

import argparse
import faulthandler
import mmap
import os
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np
from tests.fuzz import models, numbers, settings, tables
from tests.fuzz.judge import Judge

PARTS = {part.NAME: part for part in (models, tables, settings, numbers)}
DONE = ("cases", "models loaded", "predicted", "inspected", "evaluated", "reported", "saved",
        "checkpoints", "continued", "tables", "read", "commands", "settings", "accepted", "fits",
        "fits that ended well")  # fmt: skip
OFFENCES = ("foreign", "hang", "memory", "warning", "not finite", "control", "ending", "crash")
SLOTS = (*DONE, *OFFENCES)
SHOWN = 10.0  # seconds between two lines of progress
ADDRESSES = 4 << 30  # bytes beyond those at rest: threads and pyarrow reserve, and do not use, 2


def main() -> int:
    """Run the parts, print the table; 1 if there was an offence."""
    asked = _arguments()
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="shoal-fuzz-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {asked.seed}; offending inputs are kept in {folder}", flush=True)
    figures = {}
    for name in asked.parts or PARTS:
        cases = asked.cases or PARTS[name].CASES * asked.times
        figures[name] = _run(name, asked.first, asked.first + cases, asked.seed, folder)
    _kinds(folder)
    return _table(figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument(
        "--times", type=int, default=1, help="as many cases as a usual run, times this"
    )
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--first", type=int, default=0, help="the first case")
    parser.add_argument("--cases", type=int, help="how many of each part, in place of --times")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for offending inputs")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}")
    return asked


def _run(name: str, first: int, end: int, seed: int, folder: Path) -> dict[str, int]:
    """The figures of a part; a child that dies is replaced by one that goes on behind the case."""
    shared: np.ndarray = np.frombuffer(mmap.mmap(-1, 8 * (len(SLOTS) + 1)), np.int64)
    shared[-1] = first  # the case at work
    told = began = time.monotonic()
    while shared[-1] < end:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _cases(name, end, seed, folder, shared)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            time.sleep(0.1)
            if time.monotonic() - told > SHOWN:
                told = time.monotonic()
                _progress(name, shared, end - first, told - began)
        if ended[1]:
            print(f"{name}: case {shared[-1]} ended the process (status {ended[1]})", flush=True)
            shared[SLOTS.index("crash")] += 1
            _keep_left(folder, name, int(shared[-1]))
            shared[-1] += 1
    _progress(name, shared, end - first, time.monotonic() - began)
    return {slot: int(n) for slot, n in zip(SLOTS, shared, strict=False)}


def _cases(name: str, end: int, seed: int, folder: Path, shared: np.ndarray) -> None:
    """Run the cases from the one at work on, in this process."""

    def count(slot: str, n: int) -> None:
        shared[SLOTS.index(slot)] += n

    faulthandler.enable()
    scratch = folder / f"now-{name}"
    scratch.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(scratch)
    judge = Judge(folder, count)
    part = PARTS[name].Part(judge, scratch, seed)
    judge.at_rest()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESSES, resource.RLIM_INFINITY))
    while shared[-1] < end:
        case = int(shared[-1])
        number = list(PARTS).index(name)
        part.run(f"{name}-{seed}-{case}", np.random.default_rng([seed, number, case]))
        count("cases", 1)
        shared[-1] += 1


def _keep_left(folder: Path, name: str, case: int) -> None:
    for left in (folder / f"now-{name}").glob("input*"):
        if left.is_file():
            left.replace(folder / f"{name}-crash-{case}{left.suffix}")


def _progress(name: str, shared: np.ndarray, cases: int, seconds: float) -> None:
    offences = shared[len(DONE) : -1].sum()
    done = f"{shared[0]:,} of {cases:,} cases, {offences} offences"
    print(f"{name:<9} {seconds:6.0f} s   {done}", flush=True)


def _kinds(folder: Path) -> None:
    """Print the different offences, how often they came, and one case of each."""
    cases: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.txt")):
        first = file.read_text("utf-8", "replace").partition("\n")[0]
        cases.setdefault(first, []).append(file.stem)
    for first, names in sorted(cases.items(), key=lambda item: -len(item[1])):
        print(f"{len(names):>6} x {first}   {names[0]}")


def _table(figures: dict[str, dict[str, int]]) -> int:
    """Print what was done and what was found, part by part; 1 if there was an offence."""
    print("\n" + " " * 22 + "".join(f"{name:>12}" for name in figures))
    for slot in SLOTS:
        numbers = [found[slot] for found in figures.values()]
        if any(numbers) or slot in OFFENCES:
            print(f"{slot:<22}" + "".join(f"{n or '-':>12}" for n in numbers))
    return int(any(found[slot] for found in figures.values() for slot in OFFENCES))


if __name__ == "__main__":
    sys.exit(main())

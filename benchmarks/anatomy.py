"""Where the time of a training step goes, piece by piece, beside the least that each piece can take.

    python -m benchmarks.anatomy              cases A to E
    python -m benchmarks.anatomy --case A E   two of them

Needs a C++ compiler: the kernel's own functions are compiled into a program that times them. It
counts processor time on one thread, the quickest of many rounds, so that other programs disturb it
little. The pieces work on data in the caches. What they leave of the whole step is waiting for memory,
and what stands between them; of a team of threads there is also the waiting for each other.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import floor
from benchmarks.cases import CASES, Case
from benchmarks.tables import machine, machine_text, table

HERE = Path(__file__).parent
KERNEL = HERE.parent / "kernel"
# As CMakeLists.txt and tests/kernel/flags.txt have them.
OPTIONS = ("-std=gnu++20", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi", "-pthread")  # fmt: skip
BUILDS = {
    "avx512": ("-march=x86-64-v4", "-mprefer-vector-width=512"),
    "avx2": ("-march=x86-64-v3",),
    "neon": ("-march=armv8-a",),
}
# The numbers of kernel/shape.hpp's and settings.hpp's enumerations.
ACTIVATIONS = {"tanh": 0, "relu": 1}
SIGMOID, SOFTMAX = 0, 1
SOLVERS = {"gd": 0, "sgd": 0, "adam": 1}
LETTERS = "ABCDE"
MOST_NUMBERS = 1 << 25  # of X: 128 MiB, more than caches hold


def compiled(folder: Path, build: str, *options: str) -> Path:
    """The program that times the pieces, for a build of the kernel."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        raise SystemExit("anatomy: expected a C++ compiler. Install one, or name it: CXX=g++-12")
    program = folder / "anatomy"
    command = [compiler, *OPTIONS, *BUILDS[build], *options, f"-I{KERNEL}", HERE / "anatomy.cpp"]
    subprocess.run([*command, "-o", program], check=True)
    return program


def measured(program: Path, case: Case) -> dict[str, float]:
    """Seconds of a step of each piece, and multiply-adds a second as "peak"."""
    rows = min(case.m, max(floor.rows(case), MOST_NUMBERS // case.n_x))
    given = (
        case.n_x, case.n_h, case.n_y, ACTIVATIONS[case.activation],
        SIGMOID if case.n_y == 1 else SOFTMAX, SOLVERS[case.solver], rows, case.batch,
    )  # fmt: skip
    answer = subprocess.run(
        [program, *map(str, given)], check=True, capture_output=True, text=True
    ).stdout
    pairs = (line.split("\t") for line in answer.splitlines())
    return {name: float(figure) for name, figure in pairs}


def anatomy_table(case: Case, found: Mapping[str, float]) -> str:
    """A case as people read it."""
    least = {name: n / found["peak"] for name, n in floor.multiply_adds(case).items()}
    whole = found["all of a step"]
    pieces = {name: s for name, s in found.items() if name not in ("peak", "all of a step")}
    pieces["the rest: memory, and what stands between"] = whole - sum(pieces.values())
    pieces["all of a step"], least["all of a step"] = whole, sum(least.values())
    rows = [
        (name, _microseconds(s), f"{s / whole:.0%}", _microseconds(least.get(name)),
         f"{s / least[name]:.2f} ×" if least.get(name) else "")
        for name, s in pieces.items()
    ]  # fmt: skip
    head = ("one thread, float32", "µs", "share", "least", "")
    return f"{case.letter}. {case.title}\n{table(head, rows)}"


def _microseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e6:.4g}"


def main(words: Sequence[str] | None = None) -> int:
    """Measure and show the cases that were asked for; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", nargs="+", choices=LETTERS, default=LETTERS, metavar="LETTER")
    asked = parser.parse_args(words)
    here = machine()
    if here["kernel"] not in BUILDS:
        raise SystemExit(f"anatomy: the kernel's build is {here['kernel']}: there is no kernel")
    print(machine_text(here), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Path(folder), here["kernel"])
        for number, case in enumerate(c for c in CASES if c.letter in asked.case):
            found = measured(program, case)
            if not number:
                print(f"the most in registers: {2 * found['peak'] / 1e9:.0f} GFLOP/s a thread")
            print(f"\n{anatomy_table(case, found)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

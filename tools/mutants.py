"""Plant faults one at a time, and see that a test finds each.

A fault is an entry of a table in `tools/mutants/`, one table for each area:

    [[mutant]]
    name  = "update-climbs"                         a word of its own
    file  = "src/shoal/network/equations.py"
    old   = "V - learning_rate * dV"                must stand there exactly once
    new   = "V + learning_rate * dV"
    tests = ["tests/laws/test_equations.py"]        what must find it: pytest's paths, or ids
    argued = "…"                                    optional: why no test can find it

Each is planted in a temporary copy of the checkout, so that the work tree is never touched. Of
the kernel one build is compiled, to look at its numbers and not at its speed (-O1). Before that
the tests must pass as they are. A table that no longer fits the source is stale, and fails.
"""

import argparse
import os
import queue
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import tomllib
import venv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
SITE = Path(sysconfig.get_path("purelib"))
LEFT_OUT = shutil.ignore_patterns(".*", "build", "dist", "__pycache__", "benchmarks", "*.so")
PAGE = "src/shoal/lab/page/"
SECONDS = 300  # of one test, after which it counts as hanging
MACHINE = os.uname().machine
ISA, OPTION = ("neon", "-march=armv8-a") if MACHINE == "aarch64" else ("avx2", "-march=x86-64-v3")


class Mutant(NamedTuple):
    """A fault: where it is planted, and who must find it."""

    name: str
    file: str
    old: str
    new: str
    tests: list[str]
    argued: str = ""

    @property
    def compiled(self) -> bool:
        """Whether the kernel must be built to see it."""
        return self.file.startswith("kernel/")


def tables() -> list[Mutant]:
    """The mutants of all areas."""
    found = [
        Mutant(**entry)
        for path in sorted((ROOT / "tools/mutants").glob("*.toml"))
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    ]
    names = [mutant.name for mutant in found]
    if twice := {name for name in names if names.count(name) > 1}:
        sys.exit(f"mutants: {', '.join(sorted(twice))}: a name must be used once")
    return found


def stale(mutant: Mutant) -> str | None:
    """Why a mutant does not fit the source any more; None if it does."""
    path = ROOT / mutant.file
    n = path.read_text(encoding="utf-8").count(mutant.old) if path.exists() else 0
    return None if n == 1 else f"STALE     {mutant.name}: {mutant.file} has its text {n} times"


class Copy:
    """A copy of the checkout with an interpreter of its own, which imports from there."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        shutil.copytree(ROOT, self.root, ignore=LEFT_OUT)
        venv.create(self.root / ".venv", symlinks=True)
        (site,) = (self.root / ".venv/lib").glob("python*/site-packages")
        # As a path in a .pth file: the .pth files there, with the work tree's shoal, are not read.
        (site / "copy.pth").write_text(f"{self.root / 'src'}\n{SITE}\n", encoding="utf-8")
        self.modules = self.root / "src/shoal/compute"
        self._given = list((SITE / "shoal/compute").glob("*.so"))
        self.restore()

    def restore(self) -> None:
        """Put the extensions there that the work tree has."""
        for module in self._given:
            shutil.copy2(module, self.modules)

    def run(self, tests: Sequence[str], more: Sequence[str] = ("-x",)) -> tuple[int, str]:
        """Pytest's exit code, and what it said."""
        python = self.root / ".venv/bin/python"
        ran = subprocess.run(
            [python, "-m", "pytest", "-q", "--tb=no", "-rfE", "-p", "no:cacheprovider",
             f"--timeout={SECONDS}", *more, *tests],
            cwd=self.root, env=os.environ | {"SHOAL_ISA": ISA, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        return ran.returncode, ran.stdout

    def build(self) -> str:
        """Compile the kernel here; what the compiler says if it refuses."""
        import nanobind

        nb = Path(nanobind.include_dir()).parent
        objects = self.root / "nanobind.o"
        common = [
            os.environ.get("CXX", "c++"), "-w", "-fPIC", "-fvisibility=hidden", "-DNB_COMPACT_ASSERTIONS",
            f"-I{sysconfig.get_path('include')}", f"-I{nb / 'include'}",
        ]  # fmt: skip
        flags = (ROOT / "tests/kernel/flags.txt").read_text(encoding="utf-8").split()
        flags = [flag for flag in flags if not flag.startswith(("-O", "-W"))]
        robin = f"-I{nb / 'ext/robin_map/include'}"
        calls = [[*common, "-std=gnu++17", "-O1", "-fno-strict-aliasing", robin, "-c",
                  nb / "src/nb_combined.cpp", "-o", objects]] * (not objects.exists())  # fmt: skip
        calls += [[*common, *flags, "-O1", OPTION, "-shared", f"-DSHOAL_MODULE=_kernel_{ISA}",
                   self.root / "kernel/bindings.cpp", objects, "-o", self.modules / f"_kernel_{ISA}.abi3.so"]]  # fmt: skip
        for call in calls:
            said = subprocess.run(call, capture_output=True, text=True, check=False)
            if said.returncode:
                return said.stderr
        return ""

    def verdict(self, mutant: Mutant) -> tuple[bool, str]:
        """Plant a fault, let its tests look for it, and take it out again."""
        path = self.root / mutant.file
        whole = path.read_text(encoding="utf-8")
        path.write_text(whole.replace(mutant.old, mutant.new), encoding="utf-8")
        try:
            if mutant.compiled and (refused := self.build()):
                return False, f"BROKEN    {mutant.name} does not compile:\n{refused}"
            return _judged(mutant, *self.run(mutant.tests))
        finally:
            path.write_text(whole, encoding="utf-8")
            self.restore()


def _judged(mutant: Mutant, code: int, said: str) -> tuple[bool, str]:
    if code == 0:
        if mutant.argued:
            return True, f"argued    {mutant.name}: {mutant.argued}"
        return False, f"SURVIVED  {mutant.name}: {' '.join(mutant.tests)} passed"
    if found := re.search(r"^(?:FAILED|ERROR) (\S+?::.*?)(?: - |$)", said, flags=re.MULTILINE):
        return True, f"killed    {mutant.name} by {found[1]}"
    if code < 0 or "Fatal Python error" in said:
        return True, f"killed    {mutant.name}: the tests crashed (exit code {code})"
    return False, f"BROKEN    {mutant.name}: pytest ended with {code}:\n{said[-2000:]}"


def main() -> int:
    """Run the mutants that are named, or all."""
    parser = argparse.ArgumentParser(description="Plant faults, and see that a test finds each.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a mutant; all by default")
    parser.add_argument("--list", action="store_true", help="name the mutants, and run none")
    parser.add_argument(
        "--jobs", type=int, default=min(2, os.cpu_count() or 1), help="side by side"
    )
    asked = parser.parse_args()
    mutants = tables()
    if unknown := set(asked.names) - {mutant.name for mutant in mutants}:
        parser.error(f"no mutant is called {', '.join(sorted(unknown))}; --list names them")
    mutants = [m for m in mutants if m.name in asked.names or not asked.names]
    if asked.list:
        print(*(f"{m.name:36} {m.file}" for m in mutants), sep="\n")
        return 0
    if lines := list(filter(None, map(stale, mutants))):
        print(*lines, sep="\n")
        return 1
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        skipped = [m for m in mutants if m.file.startswith(PAGE)]
        mutants = [m for m in mutants if m not in skipped]
        print(*(f"skipped   {m.name}: it needs chromium, which is not installed" for m in skipped), sep="\n")  # fmt: skip
    # The kernel's first: they take longest. Tests are run side by side only where that is asked.
    mutants.sort(key=lambda mutant: not mutant.compiled)
    began, bad = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="shoal-mutants-") as folder:
        copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()
        for i in range(max(1, min(asked.jobs, len(mutants)))):
            copies.put(Copy(Path(folder) / str(i)))
        first = copies.get()
        together = () if asked.jobs < 2 else (f"-n{asked.jobs}", "--dist=loadfile")
        code, said = first.run(sorted({test for m in mutants for test in m.tests}), together)
        copies.put(first)
        if mutants and code:
            print(f"The tests fail without any fault:\n{said[-4000:]}")
            return 1

        def judged(mutant: Mutant) -> tuple[bool, str]:
            copy = copies.get()
            try:
                return copy.verdict(mutant)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(max(1, asked.jobs)) as pool:
            for n, (good, line) in enumerate(pool.map(judged, mutants), 1):
                bad += not good
                print(f"{n:3} of {len(mutants)}  {line}", flush=True)
    print(f"{len(mutants)} mutants, {bad} not found, {(time.monotonic() - began) / 60:.1f} minutes")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())

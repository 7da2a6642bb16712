"""The kernel by programs of its own: its bits, plain and under the sanitizers, and its functions.

The programs are compiled here, as the extension was, with the same compiler and options.
"""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KERNEL = HERE.parents[1] / "kernel"
BUILDS = {
    "avx2": ["-march=x86-64-v3"],
    "avx512": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
    "neon": ["-march=armv8-a"],
}
COMPILER = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")


def builds() -> list[str]:
    """What this processor can run."""
    if platform.machine() == "aarch64":
        return ["neon"]
    from shoal.compute._processor import builds

    return [build for build in BUILDS if build in builds()]


@pytest.fixture(params=BUILDS)
def build(request):
    if request.param not in builds():
        pytest.skip(f"this processor cannot run {request.param}")
    return request.param


def built(build: str, folder: Path, *options: str, source: str = "golden.cpp") -> Path:
    program = folder / "program"
    flags = (HERE / "flags.txt").read_text().split()
    command = [COMPILER, *flags, *BUILDS[build], *options, f"-I{KERNEL}"]
    subprocess.run([*command, HERE / source, "-o", program], check=True, timeout=600)
    return program


def test_bits_are_those_that_people_have(build, tmp_path):
    answer = subprocess.run([built(build, tmp_path)], capture_output=True, text=True, timeout=600)
    assert answer.stdout == (HERE / "golden.txt").read_text()
    assert answer.returncode == 0


@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_no_bad_access_no_undefined_behaviour_and_no_race(tmp_path, sanitizer):
    # (Lines but no variables for the debugger: tracking those takes half of the compiling.)
    options = [
        "-O1",
        "-g1",
        "-fno-var-tracking",
        f"-fsanitize={sanitizer}",
        "-fno-sanitize-recover=all",
    ]
    program = built(builds()[0], tmp_path, *options)
    answer = subprocess.run([program], capture_output=True, text=True, timeout=600)
    if "unexpected memory mapping" in answer.stderr:
        pytest.skip("this compiler's thread sanitizer cannot cope with this system's addresses")
    assert answer.returncode == 0, answer.stderr[-4000:]
    assert answer.stdout == (HERE / "golden.txt").read_text()


def test_no_function_falls_between_any_two_floats(tmp_path):
    program = built(builds()[-1], tmp_path, source="ordered.cpp")
    answer = subprocess.run([program], capture_output=True, text=True, timeout=600)
    assert answer.returncode == 0, answer.stdout
    assert answer.stdout.count("falls 0 times") == 6


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="counts calls of glibc's malloc")
def test_no_epoch_allocates(tmp_path):
    program = built(builds()[-1], tmp_path, "-Wno-missing-attributes", source="allocations.cpp")
    lines = subprocess.run(
        [program], capture_output=True, text=True, timeout=60
    ).stdout.splitlines()
    first, *cases = [line.rpartition(": ")[::2] for line in lines]
    assert first == ("an array", "1")  # the counter counts
    assert len(cases) == 12
    for name, counts in cases:
        few, many = counts.split()
        assert few == many, name


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="stands before glibc's pthread_create"
)
def test_fewer_threads_than_asked_for_give_the_same_bits(tmp_path):
    program = built(builds()[-1], tmp_path, "-O1", source="few_threads.cpp")
    found = subprocess.run([program], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr
    cases = [line.rpartition(": ")[::2] for line in found.stdout.splitlines()]
    assert len(cases) == 21
    assert cases.pop() == ("no memory", "0 same")
    for number, (name, result) in enumerate(cases):
        assert result == f"{number % 4} same", name

"""The kernel's bits, by a program of its own: plain, and under the sanitizers.

The program is compiled here, as the extension was, with the same compiler and options.
"""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KERNEL = HERE.parents[1] / "kernel"
ISA = {"x86_64": ["-march=x86-64-v3"], "aarch64": ["-march=armv8-a"]}
COMPILER = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")


@pytest.fixture(scope="module", autouse=True)
def _runnable():
    if platform.machine() not in ISA:
        pytest.skip(f"the kernel has no build for {platform.machine()}")
    if platform.machine() == "x86_64":
        from shoal.compute._processor import builds

        if "avx2" not in builds():
            pytest.skip("this processor has no AVX2 with fused multiply-add")


def built(folder: Path, *options: str) -> Path:
    program = folder / "golden"
    flags = (HERE / "flags.txt").read_text().split()
    command = [COMPILER, *flags, *ISA[platform.machine()], *options, f"-I{KERNEL}"]
    subprocess.run([*command, HERE / "golden.cpp", "-o", program], check=True, timeout=600)
    return program


def test_bits_are_those_that_people_have(tmp_path):
    answer = subprocess.run([built(tmp_path)], capture_output=True, text=True, timeout=600)
    assert answer.stdout == (HERE / "golden.txt").read_text()
    assert answer.returncode == 0


def test_no_bad_access_and_no_undefined_behaviour(tmp_path):
    options = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    program = built(tmp_path, *options)
    answer = subprocess.run([program], capture_output=True, text=True, timeout=600)
    assert answer.returncode == 0, answer.stderr[-4000:]
    assert answer.stdout == (HERE / "golden.txt").read_text()

"""Law: C has the same bits on other processors, from other compilers, in other modes, and is clean.

What is cross-compiled runs under `make test-exports`: it needs gcc-aarch64-linux-gnu,
gcc-arm-linux-gnueabihf and qemu-user of Debian, and ziglang and wasmtime of PyPI.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from shoal.exports.compiling import FLAGS, HARNESS
from shoal.exports.model import Classes
from shoal.exports.writing import Wanted, texts_of

from .conftest import needed, with_rows

pytestmark = pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")
CROSS = pytest.mark.skipif(
    os.environ.get("SHOAL_EXPORTS") != "all", reason="make test-exports runs cross compilers"
)
ROWS = 200
ZIG = [sys.executable, "-m", "ziglang", "cc"]
# How it is compiled, and what runs the result.
TARGETS = {
    "aarch64": (["aarch64-linux-gnu-gcc", "-static"], ["qemu-aarch64"]),
    "armhf": (["arm-linux-gnueabihf-gcc", "-static"], ["qemu-arm"]),
    "armhf with fma": (
        ["arm-linux-gnueabihf-gcc", "-static", "-mfpu=neon-vfpv4", "-march=armv7-a", "-O3"],
        ["qemu-arm"],
    ),
    "x86 of 32 bits": ([*ZIG, "-target", "x86-linux-musl"], []),
    "x86 of 32 bits, optimised": ([*ZIG, "-target", "x86-linux-musl", "-O3"], []),
    "WebAssembly": ([*ZIG, "-target", "wasm32-wasi"], ["wasmtime"]),
    "WebAssembly, optimised": ([*ZIG, "-target", "wasm32-wasi", "-O2"], ["wasmtime"]),
}


def ready(folder, model):
    """The files of a model, with a program that prints the bits of its golden answers."""
    for path, data in texts_of(model, folder / "model.c", Wanted()).items():
        path.write_bytes(data)
    field = "probabilities" if isinstance(model.answer, Classes) else "values"
    (folder / "harness.c").write_text(HARNESS.format(prefix="model", field=field))


def assert_the_same_bits(folder, model, command, runner=()):
    ready(folder, model)
    program = folder / ("harness.wasm" if runner == ["wasmtime"] else "harness")
    strict = [flag for flag in FLAGS if flag not in ("-O2", "-std=c99")]
    done = subprocess.run(
        [*command, *strict, "-o", program.name, "harness.c"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    out = in_wasmtime(program) if runner == ["wasmtime"] else run([*runner, str(program)])
    found = np.array([float.fromhex(line) for line in out.split()])
    wanted = model.golden.answers.astype(np.float64).ravel()
    assert found.tobytes() == wanted.tobytes()


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def in_wasmtime(program: Path):
    import wasmtime

    engine = wasmtime.Engine()
    linker, store = wasmtime.Linker(engine), wasmtime.Store(engine)
    linker.define_wasi()
    settings = wasmtime.WasiConfig()
    settings.stdout_file = str(program.with_suffix(".txt"))
    store.set_wasi(settings)
    module = wasmtime.Module.from_file(engine, str(program))
    linker.instantiate(store, module).exports(store)["_start"](
        store
    )  # raises unless it ends with 0
    return program.with_suffix(".txt").read_text()


def models(fitted, table, dtype):
    """One of each kind of arithmetic: exp, tanh, softmax, bins, words, times, members."""
    yield with_rows(fitted("three", table, dtype=dtype, activation="tanh", members=2), ROWS)
    yield with_rows(fitted("numbers", table, dtype=dtype, activation="sigmoid", hidden=9), ROWS)


@CROSS
@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TARGETS)
def test_other_processors(a_table, fitted, tmp_path, name, dtype):
    command, runner = TARGETS[name]
    needed(command[0])
    if runner == ["wasmtime"]:
        pytest.importorskip("wasmtime")
    elif runner:
        needed(runner[0])
    for model in models(fitted, a_table(), dtype):
        assert_the_same_bits(tmp_path, model, command, runner)


@CROSS
@pytest.mark.slow
def test_x87_is_refused(a_table, fitted, tmp_path):
    ready(tmp_path, with_rows(fitted("two", a_table()), 3))
    command = [*ZIG, "-target", "x86-linux-musl", "-mcpu=i586", "-c", "model.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "x87" in done.stderr


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cc", ["gcc", "clang"])
@pytest.mark.parametrize("flags", [["-std=gnu17", "-O3", "-march=native"], ["-std=c11", "-Os"], []])
def test_other_standards(a_table, fitted, tmp_path, dtype, cc, flags):
    for model in models(fitted, a_table(), dtype):
        assert_the_same_bits(tmp_path, model, [needed(cc), *flags])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cc", ["gcc", "clang"])
def test_sanitizers_find_nothing(a_table, fitted, tmp_path, dtype, cc):
    sanitizers = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    for model in models(fitted, a_table(), dtype):
        assert_the_same_bits(tmp_path, model, [needed(cc), "-O1", *sanitizers])

"""C: the export compiled and run here, where there is a compiler."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from shoal.exports.model import Classes, Model
from shoal.exports.names import identifier

FLAGS = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
SECONDS = 120  # far more than any model needs

HARNESS = """\
#define main program_of_model
#include "model.c"
#undef main
#include <stdio.h>

int main(void)
{{
    int i, k;
    for (i = 0; i < LENGTH_OF_GOLDEN; ++i) {{
        {prefix}_prediction out;
        if ({prefix}_predict(&golden_rows[i], &out)) return 1;
        for (k = 0; k < ANSWERS; ++k) printf("%a\\n", (double)out.{field}[k]);
    }}
    return 0;
}}
"""


def compiler() -> str | None:
    """The C compiler of this machine: $CC, or the first of the usual ones."""
    named = os.environ.get("CC")
    return next(filter(None, map(shutil.which, [named] if named else ["cc", "gcc", "clang"])), None)


def golden_of_c(
    model: Model, texts: Mapping[Path, bytes], cc: str, flags: Sequence[str] = FLAGS
) -> NDArray[np.float64]:
    """The predictions for the golden rows, by the C file of `texts` (its header is the other one).

    Raises RuntimeError when it does not compile or run.
    """
    with TemporaryDirectory() as folder:
        file = next(path for path in texts if path.suffix != ".h")
        for path, text in texts.items():
            name = "model.c" if path == file else path.name
            Path(folder, name).write_bytes(text)
        harness = HARNESS.format(
            prefix=identifier(file.stem).lower(),
            field="probabilities" if isinstance(model.answer, Classes) else "values",
        )
        Path(folder, "harness.c").write_text(harness, "utf-8")
        run([cc, *flags, "-o", "harness", "harness.c"], folder)
        out = run([str(Path(folder, "harness"))], folder)
    numbers = np.array([float.fromhex(line) for line in out.split()])
    return numbers.reshape(model.golden.answers.shape)


def run(command: Sequence[str], folder: str) -> str:
    """What a program prints. Raises RuntimeError with its complaints when it fails."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip()[:2000] or f"exit {done.returncode}")
    return done.stdout

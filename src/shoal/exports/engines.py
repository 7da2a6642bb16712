"""JavaScript: the module run here, in Node.js."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from shoal.exports.compiling import run
from shoal.exports.model import Model

# The bits of each answer, as text: no digit is lost on the way.
HARNESS = """
const bits = new DataView(new ArrayBuffer(8));
for (const x of GOLDEN_ROWS.flatMap(answersOf)) {
  bits.setFloat64(0, x);
  console.log(bits.getBigUint64(0).toString(16).padStart(16, "0"));
}
"""


def node() -> str | None:
    """Node.js of this machine."""
    return shutil.which("node") or shutil.which("nodejs")


def golden_of_javascript(
    model: Model, texts: Mapping[Path, bytes], program: str
) -> NDArray[np.float64]:
    """The predictions for the golden rows. Raises RuntimeError when the module fails."""
    (text,) = texts.values()
    with TemporaryDirectory() as folder:
        Path(folder, "model.mjs").write_bytes(text + HARNESS.encode())
        out = run([program, "model.mjs"], folder)
    numbers = np.frombuffer(bytes.fromhex("".join(out.split())), ">f8").astype(np.float64)
    return numbers.reshape(model.golden.answers.shape)

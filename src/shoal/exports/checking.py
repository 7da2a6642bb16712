"""An export run here, on its golden rows, where the program that runs it is installed."""

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.exports.compiling import compiler, golden_of_c
from shoal.exports.databases import golden_of_sql, unusable
from shoal.exports.engines import golden_of_javascript, node
from shoal.exports.model import Model
from shoal.exports.runtime import golden_of_onnx, there

Texts = Mapping[Path, bytes]


class Check(NamedTuple):
    """How far an export's predictions for the golden rows are from the model's."""

    program: str  # that ran it
    rows: int
    difference: float | None  # the largest; None: it was not run
    same_bits: bool = False
    reason: str = ""  # why it was not run

    def __str__(self) -> str:
        if self.difference is None:
            return f"not run here: {self.reason}"
        same = "the same bits" if self.same_bits else f"largest difference {self.difference:.2g}"
        return f"{self.program}: {same} for {self.rows} rows"


def checked(model: Model, texts: Texts, form: str) -> Check:
    """Run an export of that format. Raises RuntimeError when the program fails."""
    program, run = RUNNERS[form](model, texts)
    n = len(model.golden.rows)
    if run is None:
        return Check("", n, None, reason=program)
    found, wanted = run(), model.golden.answers.astype(np.float64)
    difference = float(np.abs(found - wanted).max(initial=0.0))
    return Check(program, n, difference, found.tobytes() == wanted.tobytes())


Run = Callable[[], NDArray[np.float64]]


def _c(model: Model, texts: Texts) -> tuple[str, Run | None]:
    cc = compiler()
    if cc is None:
        return "there is no C compiler", None
    return Path(cc).name, lambda: golden_of_c(model, texts, cc)


def _sql(model: Model, texts: Texts) -> tuple[str, Run | None]:
    (query,) = texts.values()
    reason = "" if b"-- For sqlite." in query else "it is for another database than SQLite"
    reason = reason or unusable()
    if reason:
        return reason, None
    return f"SQLite {sqlite3.sqlite_version}", lambda: golden_of_sql(model, texts)


def _js(model: Model, texts: Texts) -> tuple[str, Run | None]:
    program = node()
    if program is None:
        return "Node.js is not here", None
    return "Node.js", lambda: golden_of_javascript(model, texts, program)


def _onnx(model: Model, texts: Texts) -> tuple[str, Run | None]:
    if not there():
        return "onnxruntime is not installed", None
    (data,) = texts.values()
    return "onnxruntime", lambda: golden_of_onnx(model, data)


RUNNERS: dict[str, Callable[[Model, Texts], tuple[str, Run | None]]] = {
    "c": _c,
    "sql": _sql,
    "js": _js,
    "onnx": _onnx,
}

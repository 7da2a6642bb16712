"""ONNX: the graph run here, in onnxruntime."""

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.data.encode.encoding import Words
from shoal.exports.model import Classes, Model
from shoal.exports.onnx_model import MATRIX, input_names


def there() -> bool:
    """Whether onnxruntime is installed."""
    return find_spec("onnxruntime") is not None


def golden_of_onnx(model: Model, data: bytes) -> NDArray[np.float64]:
    """The predictions for the golden rows. Raises RuntimeError when the graph fails."""
    import onnxruntime

    output = "probabilities" if isinstance(model.answer, Classes) else "prediction"
    try:
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        (found,) = session.run([output], feed(model))
    except Exception as error:  # onnxruntime's own have no common parent but this
        raise RuntimeError(str(error)) from None
    return found.astype(np.float64)


def feed(model: Model) -> dict[str, NDArray[Any]]:
    """The golden rows as the inputs of the graph."""
    rows, names = model.golden.rows, input_names(model)
    columns: dict[str, NDArray[Any]] = {}
    for placed, name in zip(model.placed, names, strict=True):
        missing = "" if isinstance(placed.plan, Words) else np.nan
        cells = [[missing if (cell := row[placed.plan.name]) is None else cell] for row in rows]
        columns[name] = np.array(cells, object if missing == "" else np.float64)
    if all(placed.plan.kind == "raw" for placed in model.placed):
        return {MATRIX: np.hstack([*columns.values()] or [np.zeros((len(rows), 1))])}
    return columns

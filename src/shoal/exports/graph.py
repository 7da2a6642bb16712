"""ONNX: a graph that grows node by node. The package `onnx` is imported when one is written."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import SettingError

OPSET, ML_OPSET, IR = 17, 3, 8  # of onnx 1.12, which every runtime since 2022 reads
ML = "ai.onnx.ml"
INTERNAL = "shoal "  # how names inside the graph begin; no input's does


def onnx() -> Any:
    """The package. Raises SettingError without it."""
    try:
        import onnx
    except ImportError as error:
        raise SettingError(
            f"an export to ONNX needs the package onnx, which cannot be imported ({error}). Install "
            "it: pip install 'shoal[onnx]'"
        ) from None
    return onnx


class Graph:
    """Nodes and constants; each method returns the name of what it has added."""

    def __init__(self) -> None:
        self.onnx = onnx()
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def _new(self) -> str:
        return f"{INTERNAL}{len(self.nodes) + len(self.constants)}"

    def constant(self, values: Any, dtype: Any = np.float64) -> str:
        """An array."""
        name = self._new()
        array: NDArray[Any] = np.ascontiguousarray(values, dtype)
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def texts(self, values: tuple[str, ...]) -> str:
        """A tensor of texts."""
        name, kind = self._new(), self.onnx.TensorProto.STRING
        data = [value.encode("utf-8", "surrogatepass") for value in values]
        self.constants.append(self.onnx.helper.make_tensor(name, kind, [len(data)], data))
        return name

    def node(self, kind: str, *inputs: str, name: str = "", domain: str = "", **more: Any) -> str:
        """An operator applied to these; `name` is that of an output of the whole graph."""
        out = name or self._new()
        made = self.onnx.helper.make_node(kind, list(inputs), [out], domain=domain, **more)
        self.nodes.append(made)
        return out

    def cast(self, x: str, dtype: Any, name: str = "") -> str:
        """The same in another type."""
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.node("Cast", x, to=kind, name=name)

    def added(self, terms: list[str]) -> str:
        """The sum of at least one term."""
        total = terms[0]
        for term in terms[1:]:
            total = self.node("Add", total, term)
        return total

    def beside(self, columns: list[str]) -> str:
        """Columns as one matrix."""
        return columns[0] if len(columns) == 1 else self.node("Concat", *columns, axis=1)

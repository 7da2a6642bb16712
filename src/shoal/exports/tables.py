"""Arrays and text as initialisers in C. Numbers are written in hexadecimal: exactly."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.exports.names import literal_of_c, utf8, wrapped


def number(x: float, single: bool = False) -> str:
    """A finite number, exactly."""
    mantissa, exponent = float(x).hex().split("p")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}{'f' if single else ''}"


def array(a: NDArray[Any], indent: str = "    ") -> str:
    """An initialiser with a brace for each dimension."""
    if a.ndim == 1:
        items = [number(x, a.dtype == np.float32) for x in a.tolist()]
        return f"{{\n{wrapped(items, indent + '    ')}\n{indent}}}"
    rows = ",\n".join(f"{indent}    {array(row, indent + '    ')}" for row in a)
    return f"{{\n{rows}\n{indent}}}"


def constant(name: str, a: NDArray[Any], sizes: str) -> str:
    """A table of reals."""
    return f"static const real {name}{sizes} = {array(a, '').lstrip()};\n"


def integers(name: str, a: NDArray[np.integer], kind: str, sizes: str) -> str:
    """A table of whole numbers."""
    items = [str(x) for x in a.ravel().tolist()]
    if a.ndim > 1:
        rows = a.reshape(-1, a.shape[-1]).tolist()
        items = ["{" + ", ".join(map(str, row)) + "}" for row in rows]
        for n in reversed(a.shape[1:-1]):
            items = ["{\n" + ",\n".join(items[i : i + n]) + "}" for i in range(0, len(items), n)]
    return f"static const {kind} {name}{sizes} = {{\n{f',{chr(10)}'.join(items)}\n}};\n"


def doubles(name: str, values: tuple[float, ...]) -> str:
    """A table of doubles."""
    return f"static const double {name}[] = {array(np.array(values, np.float64), '')};\n"


def text(value: str | None) -> str:
    """A text with its length; missing has no bytes."""
    return "{0, 0}" if value is None else f"{{{literal_of_c(value)}, {len(utf8(value))}}}"

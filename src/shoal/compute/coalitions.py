"""The rows that others are compared with, as `means_of_coalitions` of an engine takes them."""

from typing import Any, NamedTuple

from numpy.typing import NDArray


class Background(NamedTuple):
    """What the columns of m rows add to the first layer, see kernel/coalitions.hpp."""

    Z1: NDArray[Any]  # (members, m, units): with all of their own values
    Q: NDArray[Any]  # (members, m, columns, units): what each column adds

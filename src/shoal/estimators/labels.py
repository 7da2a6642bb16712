"""y as an array of one type: what users call labels, in all the forms that they come in."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import DataError, DataTypeError, ShoalError
from shoal.lazily import pa, sparse

PIECE = 1 << 20  # targets that are looked at together
SHOWN = 20  # classes that a message lists


@contextmanager
def refusing() -> Iterator[None]:
    """What scikit-learn's checks of data refuse becomes a DataError, in their words.

    Values of types that no column can have are a DataTypeError, which is a TypeError as theirs.
    """
    try:
        with np.errstate(all="ignore"):  # its sums and casts look for what is not finite
            yield
    except ShoalError:
        raise
    except ValueError as error:
        said, _, _ = str(error).partition("\n[")  # after which an array of any size may follow
        if said.startswith("setting an array element with a sequence"):
            raise DataError(
                "expected one value in each place, found a list, or rows of different lengths."
            ) from None
        known = " contains NaN" in said or " contains infinity" in said
        raise DataError(
            f"{said} Correct them, or leave such rows out." if known else said
        ) from None
    except TypeError as error:
        raise DataTypeError(str(error)) from None


def _only_column(y: Any) -> Any:
    """The column of a table that is not computed before it is read, such as DuckDB's relations."""
    table = pa.table(y)
    if table.num_columns != 1:
        raise DataError(f"y has {table.num_columns:,} columns: expected one.")
    return table.column(0)


def as_array(y: Any) -> NDArray[Any]:
    """Y as an array of one type, without missing values. Raises DataError."""
    from shoal.data.read.objects import is_missing

    if sparse.issparse(y):
        y = y.toarray()  # type: ignore[attr-defined]
    if hasattr(y, "__arrow_c_stream__") and not hasattr(y, "__array__"):
        y = _only_column(y)
    if isinstance(y, np.ma.MaskedArray) and np.ma.is_masked(y):
        raise DataError(
            "y is a masked array with masked values: expected a target for every row. Leave such "
            "rows out."
        )
    # (An array of text drops a NUL at the end of a text.)
    try:
        values = np.asarray(y, object) if _is_texts(y) else np.asarray(y)
    except ValueError:  # lists of different lengths
        raise _lists() from None
    if values.dtype.kind == "T":  # NumPy's own text
        values = values.astype(object)
    refuse_no_rows(y, values.shape)
    if values.dtype.kind == "S":
        raise _other_values("the type bytes")
    if values.dtype.kind == "V":
        raise _other_values(f"several fields ({values.dtype})")
    if values.dtype.kind == "f":
        missing = np.isnan(values)
    elif values.dtype.kind in "Mm":
        missing = np.isnat(values)
    elif values.dtype.kind == "O":
        missing = np.array([is_missing(v) for v in values.reshape(-1)], bool).reshape(values.shape)
    else:
        return values
    if missing.any():
        row = int(np.argwhere(missing)[0][0])
        raise DataError(
            f"y contains NaN or None ({int(missing.sum())} in all): expected a target for every row. "
            "Leave such rows out.",
            row=row + 1,
        )
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise DataError("y contains infinity: expected finite numbers or labels.")
    return _of_one_type(values) if values.dtype.kind == "O" and values.size else values


def refuse_no_rows(y: Any, shape: tuple[int, ...]) -> None:
    """Raise DataError unless y has a target at least."""
    if not shape:
        raise DataError(
            f"y is a {type(y).__name__}: expected a list or an array with a target for every row."
        )
    if not shape[0]:
        raise DataError("y has no values: expected a target for every row.")


def refuse_other_kinds(y: NDArray[Any], classes: NDArray[Any]) -> None:
    """Raise DataError where y has text and the classes are none, or the other way round."""
    found, known = ("text" if V.dtype.kind in "OU" else "numbers" for V in (y, classes))
    if found != known:
        raise DataError(f"y has {found}, and the classes of the fit are {known}: expected {known}.")


def _other_values(found: str) -> DataTypeError:
    return DataTypeError(
        f"y has values with {found}: expected text, whole numbers, numbers or booleans. Turn them "
        "into one of these, such as text with str."
    )


def _lists() -> DataError:
    return DataError(
        "y has a list for each row: expected one class, or a 0 or 1 for each label. "
        "MultiLabelBinarizer of scikit-learn makes these of lists of labels."
    )


def _is_texts(y: Any) -> bool:
    return isinstance(y, list | tuple) and any(isinstance(one, str) for one in y)


def _of_one_type(values: NDArray[Any]) -> NDArray[Any]:
    """Objects as booleans, whole numbers or numbers if all of them are; text stays as it is."""
    kinds = {type(v) for v in values.reshape(-1)}
    if any(issubclass(kind, list | tuple | np.ndarray) for kind in kinds):
        raise _lists()
    if all(issubclass(kind, str) for kind in kinds):
        return values
    if all(issubclass(kind, bool | np.bool_) for kind in kinds):
        return values.astype(bool)
    if all(issubclass(kind, int | np.integer) and kind is not bool for kind in kinds):
        low, high = min(values.reshape(-1)), max(values.reshape(-1))
        if low < -(1 << 63) or high >= 1 << 63:
            raise DataError(
                f"y has whole numbers beyond 64 bits, such as {high if high >= 1 << 63 else low}: "
                "expected smaller ones. Turn them into text with str."
            )
        return values.astype(np.int64)
    # (Databases give Decimals.)
    numbers = int | float | np.integer | np.floating | Decimal
    if all(issubclass(kind, numbers) and not issubclass(kind, bool) for kind in kinds):
        return values.astype(np.float64)
    if any(issubclass(kind, str) for kind in kinds) or len(kinds) > 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds)[:5])
        raise DataError(
            f"y has values of several types ({names}): expected one, such as text or whole numbers. "
            "Turn all of them into text with str, or into numbers."
        )
    # (A list for each row is several labels, and scikit-learn says what it expects of them.)
    kind = next(iter(kinds))
    if not issubclass(kind, list | tuple | complex | np.complexfloating):
        raise _other_values(f"the type {kind.__name__}")
    return values


def distinct(y: NDArray[Any]) -> NDArray[Any]:
    """`np.unique(y)`; whole numbers that lie close together are counted, which is faster."""
    if y.dtype.kind in "ui" and len(y):
        low, high = int(y.min()), int(y.max())
        if high - low < min(len(y), PIECE) and high < 1 << 62 and low > -(1 << 62):
            there = np.zeros(high - low + 1, bool)
            for piece in pieces(len(y)):
                there |= np.bincount(y[piece].astype(np.int64) - low, minlength=len(there)) > 0
            return (np.flatnonzero(there) + low).astype(y.dtype)
    return np.unique(y)


def pieces(m: int) -> Iterator[slice]:
    """Rows 0 … m in pieces, so that what is made of a piece is small."""
    return (slice(begin, begin + PIECE) for begin in range(0, m, PIECE))


def listed(classes: NDArray[Any]) -> str:
    """The classes for a message, not more than fit."""
    more = f" and {len(classes) - SHOWN:,} more" if len(classes) > SHOWN else ""
    return ", ".join(repr(c) for c in classes[:SHOWN].tolist()) + more

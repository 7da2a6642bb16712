"""What a fit learns of X and its columns, and rows with their targets as the kernel takes them."""

import importlib
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.utils.validation import _check_sample_weight

from shoal.compute.engine import engine
from shoal.data.encode.encoding import Constant, Encoding, SetAside
from shoal.data.encode.learning import check_overrides, learn
from shoal.data.read.column_types import Wanted
from shoal.data.read.in_memory import text_read, written_in
from shoal.data.read.messages import unknown_column
from shoal.data.rows.examples import Examples, Matrix, Numbers
from shoal.data.rows.sparse import Sparse
from shoal.errors import DataError, DataTypeError, Setting, SettingError, wording
from shoal.estimators.automatic import bins_of
from shoal.estimators.columns import Inputs
from shoal.estimators.given import Names, Table, arrow_of, width_of
from shoal.estimators.labels import refusing
from shoal.estimators.targets import TargetArrays, are_times
from shoal.settings import Settings
from shoal.warn import warn

EXTREME_WEIGHT = 1e30


def learn_inputs(
    table: Table, names: Names, s: Settings, weights: NDArray[np.float64] | None, who: str
) -> Inputs:
    """What a fit learns of its columns."""
    wanted = overrides(s, sparse=isinstance(table, Sparse))
    n = width_of(table)
    if s.encode is not None and not isinstance(table, Sparse):
        arrow = arrow_of(table)
        bins = bins_of(s, len(arrow), arrow.num_columns)
        named = names is not None
        learnt = learn(arrow, weights, engine.sums_about, **wanted, bins=bins, named=named)
        encoding, written = with_an_input(learnt.encoding, len(table)), written_in(arrow)
        return Inputs(who, n, names, encoding, s.dtype, written, s.missing, learnt.usual)
    return Inputs(who, n, names, None, s.dtype)


def with_text_read(table: Table, s: Settings) -> Table:
    """The table with its columns of text read, where they are to be encoded."""
    if s.encode is None or isinstance(table, Sparse):
        return table
    if isinstance(table, np.ndarray) and table.dtype.kind not in "OUS":
        return table
    arrow = arrow_of(table)
    check_overrides(arrow.column_names, **overrides(s))
    for name in s.fold:
        if name not in arrow.column_names:
            raise SettingError(unknown_column(name, arrow.column_names), setting="fold")
    return text_read(arrow, wanted_of(s))


def wanted_of(s: Settings, target: str | None = None) -> Wanted:
    """What is wanted of the columns of text, but for those that are dropped."""
    words, numbers = (frozenset(names) - {target} for names in (s.words, s.numbers))
    return Wanted(
        words, numbers, target=target, decimal=s.decimal, date_order=s.date_order, missing=s.missing,
        fold=frozenset(s.fold),
    )  # fmt: skip


def computed(*collections: Any) -> list[Any]:
    """Dask's frames and arrays as what they are made of; everything else as it is.

    They are computed together, so that a frame and one of its columns are read once.
    """
    lazy = [one for one in collections if hasattr(one, "__dask_graph__")]
    if not lazy:
        return list(collections)
    compute: Any = importlib.import_module("dask").compute
    found = iter(compute(*lazy))
    return [next(found) if hasattr(one, "__dask_graph__") else one for one in collections]


def overrides(s: Settings, *, sparse: bool = False) -> dict[str, tuple[str, ...]]:
    """The columns that are named in words, numbers and drop."""
    named = {"words": s.words, "numbers": s.numbers, "drop": s.drop}
    if (s.encode is None or sparse) and any(named.values()):
        raise SettingError(
            wording(
                Setting("words"), ", ", Setting("numbers"), " and ", Setting("drop"), " need ",
                Setting("encode", "auto"), ", and no sparse matrix.",
            )
        )  # fmt: skip
    return named


def with_an_input(encoding: Encoding, m: int) -> Encoding:
    """The encoding; where no column varies, with an input that is always 0, and a warning.

    Raises DataError when columns might be used if they were taken as something else.
    """
    if encoding.width:
        return encoding
    aside = [c for c in encoding.columns if isinstance(c, SetAside)]
    reasons = "; ".join(f"{c.name}: {c.reason}" for c in aside[:5])
    constant = [c.name for c in aside if c.reason in ("constant", "empty")]
    if len(constant) < len(aside):
        raise DataError(
            wording(
                f"no column of X can be used, in {m} sample(s) ({reasons}). Expected at least one "
                "column that varies: add one, or name columns in ",
                Setting("words"), " or ", Setting("numbers"), ".",
            )
        )  # fmt: skip
    warn(f"no column of X varies ({reasons}): the same answer is predicted for every row.")
    return Encoding(
        tuple(Constant(c.name) if c.name == constant[0] else c for c in encoding.columns)
    )


def examples_of(matrix: Matrix, targets: TargetArrays) -> Examples:
    """Rows with their targets, in the precision of the matrix."""
    Y, labels, weights = targets
    T = matrix.dtype
    return Examples(
        matrix,
        None if Y is None else _held_as(Y, T, "y, standardised,"),
        labels,
        None if weights is None else _held_as(weights, T, "sample_weight"),
    )


def _held_as(values: Numbers, T: DTypeLike, what: str) -> Numbers:
    """Numbers in the precision of the matrix. Raises DataError for what it cannot hold."""
    with np.errstate(over="ignore"):
        found: Numbers = np.ascontiguousarray(values, T)
    if found.size and not np.isfinite([found.min(), found.max()]).all():
        raise DataError(
            wording(
                f"{what} has a value that {found.dtype.name} cannot hold: it is too far from the "
                "others. Correct it, or use ", Setting("dtype", "float64"), ".",
            )
        )  # fmt: skip
    return found


def weights_of(
    sample_weight: Any, table: Table, name: str = "sample_weight"
) -> NDArray[np.float64] | None:
    """The weights of the rows, none negative, some positive; None if none are given."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, np.ma.MaskedArray) and np.ma.is_masked(sample_weight):
        raise DataError(
            f"{name} is a masked array with masked values: expected a number for every row. Use 0 "
            "for rows that do not count."
        )
    with refusing():
        if are_times(sample_weight):
            raise DataTypeError(f"{name} has times: expected numbers, such as days.")
        checked = _check_sample_weight(
            sample_weight, table, dtype=np.float64, ensure_non_negative=True
        )
    weights: NDArray[np.float64] = np.ascontiguousarray(checked)
    with np.errstate(over="ignore"):
        mean = float(weights.mean())
    if not mean > 0:
        raise DataError(f"{name} is 0 for every row: nothing is left to learn from.")
    if not 1 / EXTREME_WEIGHT <= mean <= EXTREME_WEIGHT:
        kind = "small" if mean < 1 else "large"
        raise DataError(
            f"{name} is too {kind} (its mean is {mean:.3g}): float32 cannot hold its sums, and the "
            "penalty alpha is divided by the sum of the weights. Scale the weights so that their "
            "mean is about 1."
        )
    return weights


def check_lengths(m: int, targets: TargetArrays, name: str) -> None:
    """Raise DataError unless there is a target for each row."""
    if len(targets) != m:
        raise DataError(
            "Found input variables with inconsistent numbers of samples: "
            f"{[m, len(targets)]} (X, {name})."
        )

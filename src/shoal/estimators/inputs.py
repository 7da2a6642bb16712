"""How X becomes a matrix: its columns and their encoding, learnt once by a fit."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight

from shoal.compute.engine import engine
from shoal.compute.memory import refuse_if_too_large
from shoal.compute.steps import not_finite
from shoal.data.encode.encoding import Constant, Encoding, SetAside
from shoal.data.encode.learning import check_overrides, learn
from shoal.data.encode.novelty import Usual, Watch, tell
from shoal.data.encode.written import as_learnt
from shoal.data.read.column_types import Wanted
from shoal.data.read.csv_text import distinct
from shoal.data.read.in_memory import text_read, written_in
from shoal.data.read.messages import unknown_column
from shoal.data.read.objects import as_supported, column_of, rows_of_records
from shoal.data.read.tables import as_table, from_objects, is_table
from shoal.data.read.texts import Written
from shoal.data.rows.examples import Examples, Matrix, Numbers
from shoal.data.rows.sparse import Sparse, from_scipy
from shoal.errors import DataError, Setting, SettingError, wording
from shoal.estimators.automatic import bins_of
from shoal.estimators.labels import refusing
from shoal.estimators.targets import TargetArrays
from shoal.settings import Settings
from shoal.warn import warn

EXTREME_WEIGHT = 1e30

Table: TypeAlias = "pa.Table | NDArray[Any] | Sparse"
Names: TypeAlias = tuple[str, ...] | None


class EncodedRows(NamedTuple):
    """Rows that need not be read: they are as the networks see them."""

    matrix: Matrix

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns); scikit-learn counts the rows by it."""
        return self.matrix.shape


@dataclass(frozen=True)
class Inputs:
    """The columns of X, and what was learnt of them."""

    who: str  # the estimator, as messages call it
    n: int  # columns of X
    names: Names  # None: X had none
    encoding: Encoding | None  # None: the columns are taken as numbers
    dtype: str  # of the matrix
    written: Mapping[str, Written] = field(default_factory=dict)  # how text of a column was written
    missing: tuple[str, ...] = ()  # texts that stand for a missing number or date
    usual: tuple[Usual, ...] = ()  # what the columns were like in the training, if it is known

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return self.n if self.encoding is None else len(self.encoding.features)

    @property
    def features(self) -> list[str]:
        """The names of the matrix's columns; none if X had none."""
        return list(self.names or ()) if self.encoding is None else self.encoding.features

    def read(self, X: Any) -> Table:
        """X as a table or an array with these columns."""
        X = as_given(X)
        if has_columns(X):
            n, names = columns_of(X)
            if self.names is not None and names != self.names and names == self._used:
                return self._completed(read(X, self.who, self.dtype))
            self.check_columns(n, names)
            return read(X, self.who, self.dtype)
        table = read(X, self.who, self.dtype)
        self.check_columns(*columns_of(table))
        return table

    @property
    def _used(self) -> Names:
        """The names of the columns that are not set aside."""
        plans = self.encoding.columns if self.encoding else ()
        return tuple(plan.name for plan in plans if not isinstance(plan, SetAside))

    def _completed(self, table: Table) -> pa.Table:
        """The table, with empty columns for those that are set aside."""
        arrow, found = arrow_of(table), dict[str, Any]()
        for name in self.names or ():
            there = name in arrow.column_names
            found[name] = arrow[name] if there else pa.nulls(arrow.num_rows)
        return pa.table(found)

    def check_columns(self, n: int, names: Names) -> None:
        """Raise DataError for other columns; warn, as scikit-learn does, where names are missing."""
        if self.names is None and names is not None:
            warn(
                f"X has feature names, but {self.who} was fitted without feature names", UserWarning
            )
        elif self.names is not None and names is None:
            warn(
                "X does not have valid feature names, but "
                f"{self.who} was fitted with feature names",
                UserWarning,
            )
        elif names != self.names:
            raise DataError(_other_names(self.names or (), names or ()))
        if n != self.n:
            raise DataError(
                f"X has {n} features, but {self.who} is expecting {self.n} features as input."
            )

    @cached_property
    def _watch(self) -> Watch | None:
        """Where something new is seen, if it is known what was usual."""
        return Watch(self.encoding, self.usual) if self.encoding and self.usual else None

    def matrix(self, table: Table, *, watched: bool = False) -> Matrix:
        """Rows of numbers in the working precision, as the networks see them.

        Of rows that are `watched` it is told what is new in them.
        """
        if isinstance(table, Sparse):
            if self.encoding is not None:
                raise DataError(
                    "the model learnt how to encode the columns of a table, and X is a sparse "
                    "matrix: expected a table. Use X.toarray(), or fit on a sparse matrix."
                )
            return table
        if self.encoding is None:
            return self._numbers(table)
        arrow = arrow_of(table)
        # By position: names were compared when the table was read, and may be missing.
        arrow = arrow.rename_columns([plan.name for plan in self.encoding.columns])
        arrow = as_learnt(arrow, self.encoding, self.written, self.missing)
        refuse_if_too_large(
            arrow.num_rows * self.encoding.row_bytes(self.dtype),
            f"{arrow.num_rows:,} rows × {len(self.encoding.features)} encoded columns",
            "Use fewer rows, or drop columns.",
        )
        matrix = self.encoding.encode(arrow, self.dtype)
        if watched and self._watch is not None:
            tell(self._watch, arrow, matrix)
        return matrix

    def _numbers(self, table: "pa.Table | NDArray[Any]") -> Numbers:
        if isinstance(table, pa.Table):
            table = np.column_stack([np.asarray(column) for column in table.columns])
        try:
            with np.errstate(over="ignore"):  # what overflows is infinite, and named below
                matrix = np.ascontiguousarray(table, self.dtype)
        except ValueError as error:
            use = Setting("encode", "auto")
            expected = Setting("encode", None)
            raise DataError(
                wording(expected, f" expects numbers only: {error}. Use ", use, ".")
            ) from None
        bad = first_not_finite(matrix)
        if bad is not None:
            raise not_finite(matrix, bad)
        return matrix

    def is_ready(self, X: Any) -> bool:
        """Whether X is an array that the networks take as it is."""
        return (
            self.encoding is None
            and self.names is None
            and type(X) is np.ndarray
            and X.dtype == self.dtype
            and X.ndim == 2
            and X.shape[1] == self.n
            and len(X) > 0
            and bool(X.flags.c_contiguous)
        )


def learn_inputs(
    table: Table, names: Names, s: Settings, weights: NDArray[np.float64] | None, who: str
) -> Inputs:
    """What a fit learns of its columns."""
    wanted = overrides(s, sparse=isinstance(table, Sparse))
    n = _width(table)
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


def read(X: Any, who: str, dtype: str) -> Table:
    """X as an Arrow table, an array, or sparse rows; DataError if it has no rows."""
    if is_table(X):
        table = as_table(X)
        if not table.num_columns:
            raise DataError("the table has no columns: expected at least one.")
        if not table.num_rows:
            raise DataError("the table has no rows: expected at least one example.")
        return table
    if issparse(X):
        matrix: Any = X
        if matrix.ndim != 2 or not matrix.shape[1] or matrix.dtype.kind not in "biuf":
            raise DataError(
                f"X is a sparse matrix of shape {matrix.shape} and type {matrix.dtype}: expected "
                "two dimensions, at least one column, and real numbers."
            )
        rows = from_scipy(matrix, dtype)
        if not len(rows):
            raise DataError("the matrix has no rows: expected at least one example.")
        return rows
    with refusing():
        array = check_array(X, dtype=None, ensure_all_finite=False, estimator=who, input_name="X")
    array = as_supported(array)
    # In the byte order of this machine, as Arrow and the kernel want it.
    return np.asarray(array, array.dtype.newbyteorder("="))


def as_given(X: Any) -> Any:
    """X in a form that can be read: whatever Arrow can take, records and dicts become tables."""
    if isinstance(X, np.ndarray):
        if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
            raise DataError(
                "X is a masked array with masked values: expected an array that has NaN there. Use "
                "X.astype(float).filled(numpy.nan)."
            )
        if X.dtype.names is None:
            return X
        return _table({name: X[name] for name in X.dtype.names}) if X.ndim == 1 else X
    if issparse(X):  # (one of its forms is a mapping)
        if getattr(X, "ndim", 2) != 2:
            raise DataError(
                f"X is a sparse array with {getattr(X, 'ndim', 2)} dimension(s): expected two."
            )
        return X
    if isinstance(X, list) and X and all(isinstance(row, Mapping) for row in X):
        return rows_of_records(X)
    if _is_data_set(X):
        return pa.table(X.with_format("arrow")[:])
    if isinstance(X, Mapping):
        return _table(X)
    if isinstance(X, pa.RecordBatch):
        return pa.Table.from_batches([X])
    if hasattr(X, "collect") and not hasattr(X, "shape"):
        raise _not_computed(X, "collect")
    if hasattr(X, "__arrow_c_stream__") and not has_columns(X):
        return _imported(X, pa.table)
    if hasattr(X, "__arrow_c_array__") and not has_columns(X) and not isinstance(X, pa.Array):
        return _imported(X, lambda one: pa.Table.from_batches([pa.record_batch(one)]))
    if isinstance(X, pa.ChunkedArray | pa.Array):
        raise DataError("X is one column: expected a table. Use pyarrow.table({name: X}).")
    return X


def _is_data_set(X: Any) -> bool:
    """Whether X is a data set of Hugging Face. Raises DataError for several, and for a stream."""
    if isinstance(X, Mapping) and X and all(hasattr(v, "with_format") for v in X.values()):
        raise DataError(
            f"X has several data sets ({', '.join(map(str, X))}): expected one. Choose it by its "
            "name."
        )
    if not (hasattr(X, "with_format") and hasattr(X, "features")):
        return False
    if not hasattr(X, "__len__"):  # (columns of one that is streamed can be named, too)
        raise DataError(
            f"X is a {type(X).__name__}, a data set that is not loaded: expected rows. Load it "
            "without streaming."
        )
    return True


def _not_computed(X: Any, method: str) -> DataError:
    return DataError(
        f"X is a {type(X).__name__}, a table that is not computed yet: expected rows. Use "
        f"X.{method}()."
    )


def _imported(X: Any, read: Callable[[Any], pa.Table]) -> pa.Table:
    """What another library gives as Arrow."""
    try:
        return read(X)
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError) as error:
        raise DataError(
            f"X is a {type(X).__name__}, and no table can be made of it ({error}). Turn it into a "
            "table of pyarrow, pandas or polars."
        ) from None


def _table(columns: Mapping[Any, Any]) -> pa.Table:
    """Columns by name, of the same length each."""
    found: dict[str, Any] = {}
    for given, values in columns.items():
        name = str(given)
        if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
            raise DataError(
                f"expected a list or an array of values, found {type(values).__name__}.",
                column=name,
            )
        if name in found:
            raise DataError("two columns have this name: expected different names.", column=name)
        found[name] = column_given(values, name)
    lengths = {name: len(column) for name, column in found.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f'"{name}" {n:,}' for name, n in list(lengths.items())[:5])
        raise DataError(f"the columns of X have different numbers of rows: {shown}.")
    return pa.table(found)


def column_given(values: Any, name: str) -> Any:
    """A column that is given by itself: an array, a list, or a Series of any library."""
    if hasattr(values, "__arrow_c_stream__") or type(values).__module__.startswith("pandas"):
        import narwhals as nw

        series = nw.from_native(values, series_only=True, pass_through=True)
        if isinstance(series, nw.Series):
            return as_table(series.alias(name).to_frame().to_native()).column(0)
        return pa.chunked_array(values)
    return column_of(values, name)


def has_columns(X: Any) -> bool:
    """Whether X is a table or a sparse matrix, and no array. Raises DataError for equal names."""
    names = getattr(X, "columns", None)
    if names is not None and not isinstance(X, pa.Table) and all(isinstance(n, str) for n in names):
        distinct("X", list(names))
    return issparse(X) or is_table(X)


def columns_of(X: Any) -> tuple[int, Names]:
    """How many columns X has, and their names if it has any: as scikit-learn counts and names them."""
    if isinstance(X, pa.Table):
        return X.num_columns, _distinct(X.column_names)
    names = list(X.columns) if hasattr(X, "columns") and not isinstance(X, Sparse) else []
    texts = [isinstance(name, str) for name in names]
    if any(texts) and not all(texts):
        kinds = sorted({type(name).__name__ for name in names})
        raise TypeError(
            "Feature names are only supported if all input features have string names, but your "
            f"input has {kinds} as feature name / column name types. If you want feature names to "
            "be stored and validated, you must convert them all to strings, by using X.columns = "
            "X.columns.astype(str) for example. Otherwise you can remove feature / column names "
            "from your input data, or convert them all to a non-string data type."
        )
    return int(X.shape[1]), _distinct(names) if any(texts) else None


def _distinct(names: list[str]) -> tuple[str, ...]:
    """The names. Raises DataError if two of them are the same."""
    distinct("X", names)
    return tuple(names)


def _width(table: Table) -> int:
    return table.num_columns if isinstance(table, pa.Table) else table.shape[1]


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
    if encoding.features:
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


def arrow_of(table: "pa.Table | NDArray[Any]") -> pa.Table:
    """An array as an Arrow table, its columns named x0, x1, …"""
    if isinstance(table, pa.Table):
        return table
    names = [f"x{j}" for j in range(table.shape[1])]
    if table.dtype.kind in "OUS":
        return from_objects(table.astype(object), names)
    return pa.table([pa.array(np.ascontiguousarray(table[:, j])) for j in range(len(names))], names)


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
    with refusing():
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


def first_not_finite(matrix: Numbers) -> int | None:
    """The first row with a NaN or an infinite number, looked for in pieces of a cache's size."""
    rows = 1 + 65_536 // matrix.shape[1]
    for begin in range(0, len(matrix), rows):
        good = np.isfinite(matrix[begin : begin + rows])
        if not good.all():
            return begin + int(np.flatnonzero(~good.all(axis=1))[0])
    return None


def _other_names(fitted: tuple[str, ...], found: tuple[str, ...]) -> str:
    """What scikit-learn says of other names."""
    unseen, missing = sorted(set(found) - set(fitted)), sorted(set(fitted) - set(found))

    def listed(names: list[str]) -> str:
        return "".join(f"- {name}\n" for name in names[:5]) + "- ...\n" * (len(names) > 5)

    message = "The feature names should match those that were passed during fit.\n"
    if unseen:
        message += "Feature names unseen at fit time:\n" + listed(unseen)
    if missing:
        message += "Feature names seen at fit time, yet now missing:\n" + listed(missing)
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    return message

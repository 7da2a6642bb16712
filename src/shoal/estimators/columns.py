"""The columns of X: what was learnt of them, and how rows become a matrix by it.

Plain rows (see `shoal.data.encode.plain_rows`) need NumPy alone; all others are read by `given.py`,
which is imported when the first of them come.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.compute.engine import engine
from shoal.compute.memory import refuse_if_too_large
from shoal.compute.steps import not_finite
from shoal.data.encode.coded import Coded
from shoal.data.encode.encoding import Encoding, Number, SetAside, as_numbers
from shoal.data.encode.novelty import ArrowRows, Usual, Watch, tell
from shoal.data.encode.plain_rows import plain_table, stacked
from shoal.data.encode.plain_rows import read as read_plain
from shoal.data.read.writing import Written
from shoal.data.rows.examples import Matrix, Numbers
from shoal.data.rows.sparse import Sparse
from shoal.errors import DataError, Setting, wording
from shoal.lazily import pa
from shoal.warn import warn

if TYPE_CHECKING:
    from shoal.estimators.given import Names, Table


FEW = 10_000  # rows that fit into any memory


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
    names: "Names"  # None: X had none
    encoding: Encoding | None  # None: the columns are taken as numbers
    dtype: str  # of the matrix
    written: Mapping[str, Written] = field(default_factory=dict)  # how text of a column was written
    missing: tuple[str, ...] = ()  # texts that stand for a missing number or date
    usual: tuple[Usual, ...] = ()  # what the columns were like in the training, if it is known
    labels: "Names" = None  # names of X that are no text, as Python writes them

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return self.n if self.encoding is None else self.encoding.width

    @property
    def features(self) -> list[str]:
        """The names of the matrix's columns; none if X had none."""
        return list(self.names or ()) if self.encoding is None else self.encoding.features

    def read(self, X: Any) -> "Table":
        """X as a table or an array with these columns."""
        from shoal.estimators.given import as_given, columns_of, has_columns, read

        self.check_order(X)
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
    def _used(self) -> "Names":
        """The names of the columns that are not set aside."""
        plans = self.encoding.columns if self.encoding else ()
        return tuple(plan.name for plan in plans if not isinstance(plan, SetAside))

    def _completed(self, table: "Table") -> "pa.Table":
        """The table, with empty columns for those that are set aside."""
        from shoal.estimators.given import arrow_of

        arrow, found = arrow_of(table), dict[str, Any]()
        for name in self.names or ():
            there = name in arrow.column_names
            found[name] = arrow[name] if there else pa.nulls(arrow.num_rows)
        return pa.table(found)

    def check_columns(self, n: int, names: "Names") -> None:
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

    def check_order(self, X: Any) -> None:
        """Raise DataError for the columns of the fit in another order, where no name is text.

        scikit-learn takes such columns by position; other ones are taken so here, too.
        """
        known = self.labels
        found = None if known is None else labels_of(X)
        if known is None or found is None or found == known or set(found) != set(known):
            return
        raise DataError(
            f"the columns of X are in another order than in the fit: expected {_few(known)}, "
            f"found {_few(found)}. Put them in that order."
        )

    def fits(self, n: int, names: "Names") -> bool:
        """Whether X with these columns is taken, be it with a warning."""
        return n == self.n and (None in (names, self.names) or names == self.names)

    def are_usual(self, missing: NDArray[np.int64], m: int) -> bool:
        """Whether of m rows with so many missing values nothing is to be told."""
        return self._watch is None or not self._watch.has_grown(missing, m)

    @property
    def refuses_numbers(self) -> bool:
        """Whether a column is one of durations, or of true and false, for which numbers are refused."""
        plans = self.encoding.columns if self.encoding else ()
        truth = any(isinstance(plan, Number) and plan.kind == "boolean" for plan in plans)
        return truth or any(written.kind == "span" for written in self.written.values())

    @property
    def bounds(self) -> tuple[Numbers, Numbers]:
        """Of each number of the matrix the values beyond which something is told; none if it is not known."""
        return self._watch.bounds if self._watch else (np.empty(0), np.empty(0))

    @cached_property
    def _watch(self) -> Watch | None:
        """Where something new is seen, if it is known what was usual."""
        return Watch(self.encoding, self.usual) if self.encoding and self.usual else None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_watch"}

    def matrix(self, table: "Table", *, watched: bool = False) -> Matrix:
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
        from shoal.data.encode.written import as_learnt
        from shoal.estimators.given import arrow_of

        if isinstance(table, np.ndarray) and not (watched or self.refuses_numbers):
            found = self._of_numbers(table, len(table))
            if found is not None:
                return found
        arrow = arrow_of(table)
        # By position: names were compared when the table was read, and may be missing.
        arrow = arrow.rename_columns([plan.name for plan in self.encoding.columns])
        arrow = as_learnt(arrow, self.encoding, self.written, self.missing)
        matrix: Coded | Numbers | None = self._of_numbers(arrow, arrow.num_rows)
        if matrix is None:
            matrix = self.encoding.encode(arrow, self.dtype)
        if watched and self._watch is not None:
            tell(self._watch, ArrowRows(arrow), matrix)
        return matrix

    def _of_numbers(self, table: "pa.Table | NDArray[Any]", m: int) -> Coded | Numbers | None:
        """The same of columns of numbers, by the kernel; None where they need another way."""
        assert self.encoding is not None
        self._refuse_if_too_large(m)
        if isinstance(table, np.ndarray):
            if table.dtype.kind not in "fiub" or table.dtype.itemsize > 8:
                return None
        elif not all(pa.types.is_integer(t) or pa.types.is_floating(t) for t in table.schema.types):
            return None

        def rows(part: slice) -> NDArray[Any]:
            if isinstance(table, np.ndarray):
                return table[part]
            return np.column_stack([as_numbers(column, "") for column in table[part].columns])

        return engine.encoded(self.encoding, rows, m, self.dtype)

    def plain_matrix(self, X: Any) -> Matrix | None:
        """The same of rows that need no Arrow, with what is new in them told; None of all others."""
        if self.encoding is None and type(X) is np.ndarray:
            if X.ndim != 2 or not X.size or X.dtype.kind not in "fiub" or X.dtype.itemsize > 8:
                return None
            self.check_columns(X.shape[1], None)
            return self._numbers(X)
        table = plain_table(X)
        if table is None:
            return None
        n, names = len(table.columns), table.names
        if None not in (self.names, names) and names != self.names and names == self._used:
            table, n, names = table.completed(self.names or ()), self.n, self.names
        elif n != self.n or (None not in (self.names, names) and names != self.names):
            self.check_columns(n, names)
        if self.encoding is None:
            numbers = stacked(table)
            if numbers is not None:
                self.check_columns(n, names)
            return None if numbers is None else self._numbers(numbers)
        read = read_plain(table, self.encoding, self.written, self.missing)
        if read is None:
            return None
        self.check_columns(n, names)
        if table.m > FEW:
            self._refuse_if_too_large(table.m)
        matrix = self.encoding.matrix(read, table.m, self.dtype)
        if self._watch is not None:
            tell(self._watch, table, matrix)
        return matrix

    def _refuse_if_too_large(self, m: int) -> None:
        assert self.encoding is not None
        refuse_if_too_large(
            m * self.encoding.row_bytes(self.dtype),
            f"{m:,} rows × {self.encoding.width} encoded columns",
            "Use fewer rows, or drop columns.",
        )

    def _numbers(self, table: "pa.Table | NDArray[Any]") -> Numbers:
        if not isinstance(table, np.ndarray):
            for name, column in zip(table.column_names, table.columns, strict=True):
                if pa.types.is_temporal(column.type):
                    raise _no_numbers(f"found {column.type}", name)
            table = np.column_stack([np.asarray(column) for column in table.columns])
        elif table.dtype.kind in "mM":  # counts of whatever unit they have
            raise _no_numbers(f"found {table.dtype}")
        try:
            with np.errstate(over="ignore"):  # what overflows is infinite, and named below
                matrix = np.ascontiguousarray(table, self.dtype)
        except ValueError as error:
            raise _no_numbers(str(error)) from None
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


def _no_numbers(what: str, column: str | None = None) -> DataError:
    """The error for rows that cannot be taken as they are."""
    use, expected = Setting("encode", "auto"), Setting("encode", None)
    return DataError(
        wording(expected, f" expects numbers only: {what}. Use ", use, "."), column=column
    )


def labels_of(X: Any) -> "Names":
    """The names of the columns of a frame of which none is text, such as 0, 1, …, as Python writes them; else None."""
    names = getattr(X, "columns", None)
    if names is None or not hasattr(X, "iloc"):  # only pandas has such names
        return None
    return None if any(isinstance(name, str) for name in names) else tuple(map(repr, names))


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + ", …" * (len(names) > 5)


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

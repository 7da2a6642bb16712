"""Rows that are tied to each other: those of a group, and those that follow each other in time.

A split by groups has every group on one side; a split by time holds the latest rows out. Which
rows are held out depends on the rows alone, so that a table in memory and files of any size are cut
alike. Four bytes are held of each row of a group, and eight of each time.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shoal.data.read.messages import unknown_column
from shoal.data.read.words import is_finer
from shoal.data.rows.selection import Rows
from shoal.errors import DataError, SettingError
from shoal.network.draws import philox

Mask = NDArray[np.bool_]
Labels = NDArray[np.integer]


class Groups(NamedTuple):
    """The group of each row."""

    codes: NDArray[np.int32]  # from 0, in the order of the groups' first rows
    unknown: int = 0  # rows without a group, which are one

    def held_out(self, fraction: float, key: int, labels: Labels | None = None) -> Mask:
        """Groups drawn at random that have about this share of the rows.

        With `labels` every class keeps a row on the other side. All False if no group can be held out.
        """
        sizes = np.bincount(self.codes)
        order = np.argsort(philox(key, np.arange(len(sizes), dtype=np.uint64), 0)[0], kind="stable")
        chosen = _filling(sizes, order, max(round(len(self.codes) * fraction), 1))
        if labels is not None:
            chosen = self._without_last_of_a_class(chosen, labels)
        held = np.zeros(len(sizes), bool)
        held[chosen] = True
        return held[self.codes]

    def _without_last_of_a_class(self, chosen: list[int], labels: Labels) -> list[int]:
        """The groups but for those without which a class would have no row on the other side."""
        groups_of = [np.unique(self.codes[labels == c]) for c in np.unique(labels)]
        for groups in groups_of:
            if np.isin(groups, chosen).all():
                back = next(g for g in reversed(chosen) if g in groups)
                chosen = [g for g in chosen if g != back]
        return chosen

    def among(self, mask: Mask) -> int:
        """How many groups these rows are of."""
        return len(np.unique(self.codes[mask]))

    @property
    def name(self) -> str:
        """A short name of all of it, for checkpoints."""
        return _name_of(self.codes)


class Times(NamedTuple):
    """The time of each row, as a number."""

    values: NDArray[Any]

    def held_out(self, fraction: float, key: int = 0, labels: Labels | None = None) -> Mask:
        """The latest rows, about this share of them; rows of the same time are on one side.

        All False if all rows have the same time.
        """
        m = len(self.values)
        first = np.sort(self.values)[m - min(max(round(m * fraction), 1), m)]
        held: Mask = self.values >= first
        return self.values > first if held.all() else held

    @property
    def name(self) -> str:
        """A short name of all of it, for checkpoints."""
        return _name_of(self.values)


Ties = Groups | Times


class HeldOut:
    """Hands a mask of all rows out as the rows come by, as `Split` does."""

    def __init__(self, mask: Mask) -> None:
        self._mask, self._seen = mask, 0
        self.held = int(np.count_nonzero(mask))

    def mask(self, labels: Labels) -> Mask:
        """Of the next rows, as many as there are labels, which are held out."""
        first = self._seen
        self._seen += len(labels)
        return self._mask[first : self._seen]


def _filling(sizes: NDArray[np.integer], order: NDArray[np.integer], room: int) -> list[int]:
    """In this order the groups that fit into this many rows; the smallest if none does."""
    chosen, left = list[int](), room
    for group in order.tolist():
        if sizes[group] <= left and len(chosen) + 1 < len(sizes):
            chosen.append(group)
            left -= int(sizes[group])
        if not left:
            break
    if not chosen and len(sizes) > 1:
        chosen = [int(order[np.argmin(sizes[order])])]
    return chosen


def _name_of(values: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).view(np.uint8).data).hexdigest()


# --- from values ----------------------------------------------------------------------------


def groups_of(columns: Iterable[Any]) -> Groups:
    """From a column that may come in parts; rows without a value are one group."""
    known, unknown, codes = dict[Any, int](), 0, [np.empty(0, np.int32)]
    for column in columns:
        array: Any = _array(column)
        if pa.types.is_floating(array.type):  # NaN differs from itself
            array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
        if is_finer(array.type):  # such times have no value in Python
            array = array.cast(pa.int64())
        encoded: Any = pc.dictionary_encode(array, null_encoding="encode")
        values = encoded.dictionary.to_pylist()
        numbers = np.array([known.setdefault(v, len(known)) for v in values], np.int32)
        codes.append(numbers[encoded.indices.to_numpy(zero_copy_only=False)])
        unknown += array.null_count
    return Groups(np.concatenate(codes), unknown)


def times_of(columns: Iterable[Any]) -> Times:
    """From a column that may come in parts. Raises DataError for missing values and for text."""
    found, m = list[NDArray[Any]](), 0
    for column in columns:
        found.append(_moments(_array(column), m))
        m += len(found[-1])
    return Times(np.concatenate(found))


def _array(column: Any) -> Any:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], whole.type)
    return whole.dictionary_decode() if pa.types.is_dictionary(whole.type) else whole


def _moments(column: Any, first: int) -> NDArray[Any]:
    missing = pc.is_null(column, nan_is_null=True).to_numpy(zero_copy_only=False)
    if missing.any():
        raise DataError(
            "the time is missing: expected one in every row. Fill it in, or leave the row out.",
            row=first + int(np.argmax(missing)) + 1,
        )
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = np.asarray(pc.cast(column, pa.float64()), np.float64)
        if np.isinf(numbers).any():
            raise DataError(
                "the time is infinite: expected a date, a time or a finite number.",
                row=first + int(np.argmax(np.isinf(numbers))) + 1,
            )
        return numbers
    if pa.types.is_date(kind):
        column = pc.cast(column, pa.timestamp("us"))
    elif not (pa.types.is_temporal(kind) or pa.types.is_integer(kind)):
        found = "text" if pa.types.is_string(kind) else kind
        raise DataError(
            f"expected dates, times or numbers in each row, found {found}. Name another column."
        )
    wide = pa.int32() if column.type.bit_width == 32 else pa.int64()
    whole = column if pa.types.is_integer(column.type) else column.view(wide)
    return np.asarray(pc.cast(whole, pa.int64()), np.int64)


# --- from columns of a table ----------------------------------------------------------------


def ties_of(rows: Rows, group: str | None, time: str | None) -> Ties | None:
    """What the column of groups, or of times, says of these rows; None without either.

    Raises SettingError for a column that is not there, DataError for times that are no times.
    """
    column = group if group is not None else time
    if column is None:
        return None
    if column not in rows.source.columns:
        raise SettingError(unknown_column(column, rows.source.columns), file=rows.source.name)
    parts = (table[column] for table in rows.tables(columns=[column]) if table.num_rows)
    if group is not None:
        return groups_of(parts)
    try:
        return times_of(parts)
    except DataError as error:
        place = {"file": rows.source.name} if error.row is None else rows.place(error.row - 1)
        raise error.at(**place, column=column) from None

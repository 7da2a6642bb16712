"""The columns of a new table that are text, read as those of the training were."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shoal.data.encode.encoding import Encoding, Number, Plan, Time, Words, as_numbers
from shoal.data.read import texts
from shoal.data.read.absent import ALL, without
from shoal.data.read.column_types import Noticed, Wanted
from shoal.data.read.origin import Origin
from shoal.data.read.spoilt import few, kind_in_words
from shoal.data.read.texts import TEXT, Reading
from shoal.data.read.writing import Written
from shoal.errors import DataError

Column = Any  # a pyarrow ChunkedArray: its stubs are too narrow for the functions of pc


def type_of(plan: Plan, written: Written) -> pa.DataType | None:
    """The type in which values of a column are read from text; None if they are not used."""
    if isinstance(plan, Words):
        return pa.string()
    if isinstance(plan, Time):
        if written.kind == "clock":
            return pa.time64("us")
        return pa.timestamp("us", "UTC" if plan.zoned else None)
    if not isinstance(plan, Number):
        return None
    if plan.kind == "boolean":
        return pa.bool_()
    return pa.duration("us") if written.kind == "span" else pa.float64()


def as_learnt(
    table: pa.Table, encoding: Encoding, written: Mapping[str, Written], missing: tuple[str, ...]
) -> pa.Table:
    """The table with its columns of text read as `written`; at most one value in twenty is missing.

    Raises DataError where more are of another type.
    """
    wanted = Wanted(types={}, missing=missing)
    noticed = Noticed(wanted)
    columns = []
    for plan, column in zip(encoding.columns, table.columns, strict=True):
        own = written.get(plan.name, Written())
        kind = type_of(plan, own)
        if kind is not None and pa.types.is_string(column.type):
            reading = Reading((kind,), own, missing, verbatim=True)
            column = _read(plan.name, column, reading, wanted, noticed)
        if isinstance(plan, Number):
            _check_spans(plan.name, column, spans=own.kind == "span")
            if plan.kind == "boolean":
                _check_truth(plan.name, column)
        columns.append(column)
    noticed.report()
    return pa.table(columns, table.column_names)


def _check_spans(name: str, column: Column, *, spans: bool) -> None:
    """Raise DataError for durations among numbers, and the reverse: a number does not say its unit."""
    found = pa.types.is_duration(column.type)
    if found == spans or column.null_count == len(column):
        return
    numbers = pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean
    if not found and not any(is_number(column.type) for is_number in numbers):
        return  # refused, or read, as what it is
    expected, instead = ("a duration", "a number") if spans else ("a number", "a duration")
    raise DataError(
        f"expected {expected}, as in the training, found {instead}. Give the column the type that it had.",
        row=1 + pc.index(pc.is_valid(column), True).as_py(), column=name,
    )  # fmt: skip


def _check_truth(name: str, column: Column) -> None:
    """Raise DataError for numbers that are neither true nor false; as text they are none, either."""
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return
    x = as_numbers(column, name)
    other = np.flatnonzero(~(np.isnan(x) | (x == 0) | (x == 1)))
    if len(other):
        raise DataError(
            f"expected true or false, found {x[other[0]]:g}. Correct the value, or leave it empty if it is "
            "not known.",
            row=1 + int(other[0]), column=name,
        )  # fmt: skip


def _read(name: str, text: Column, reading: Reading, wanted: Wanted, noticed: Noticed) -> Column:
    read = texts.some(text, reading)
    if reading.types == TEXT:
        return read
    there = without(without(text, reading.missing), ALL)
    bad = texts.misfits(there, read)
    count, origin = int(pc.sum(bad).as_py() or 0), Origin.numbered("")
    if not few(count, len(there) - there.null_count):
        first = pc.index(bad, True).as_py()
        expected = kind_in_words(reading.types)
        raise wanted.refused(origin, first, name, expected, text[first])
    noticed.add(name, reading, text, read, origin)
    return read

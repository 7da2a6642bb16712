"""The columns that a model needs: in which types they are read, and where they are found."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from shoal.data.encode.encoding import SetAside, Words
from shoal.data.encode.written import type_of
from shoal.data.read import absent
from shoal.data.read.column_types import Wanted
from shoal.data.read.file_options import FileOptions
from shoal.data.read.messages import shown, unknown_column
from shoal.data.read.writing import Written
from shoal.errors import DataError, ModelFileError

Types = Mapping[str, pa.DataType]
EXACT = 1 << 53  # larger whole numbers are not exact as floats
MISSING = frozenset(absent.MISSING)


def types_of(model: Any) -> dict[str, pa.DataType]:
    """The types in which a model's columns are read from a CSV file."""
    if model.encoding_ is None:
        return {name: pa.float64() for name in getattr(model, "feature_names_in_", ())}
    written = model.fitted_.inputs.written
    types = {
        plan.name: type_of(plan, written.get(plan.name, Written()))
        for plan in model.encoding_.columns
    }
    return {name: kind for name, kind in types.items() if kind is not None}


def wanted_by(model: Any, *, strict: bool, files: FileOptions = FileOptions()) -> Wanted:  # noqa: B008
    """What a model wants of the columns of a table: that they are read as in its training."""
    fitted = model.fitted_
    return Wanted(
        types=types_of(model), verbatim=verbatim_of(model), written=fitted.inputs.written,
        missing=fitted.settings.missing, strict=strict, files=files,
    )  # fmt: skip


def type_of_target(classes: NDArray[Any] | None) -> pa.DataType:
    """The type in which the true answers are read."""
    kind = "f" if classes is None else classes.dtype.kind
    if kind == "i" and max(abs(int(c)) for c in classes.tolist()) > EXACT:  # type: ignore[union-attr]
        return pa.int64()
    # A whole number may be written as 1.0.
    return {"b": pa.bool_(), "i": pa.float64(), "f": pa.float64()}.get(kind, pa.string())


def verbatim_of(model: Any) -> frozenset[str]:
    """The columns of a model in which NA and the like are words, as they were in its training."""
    if model.encoding_ is None:
        return frozenset()
    asked = model.fitted_.settings.words or ()
    return frozenset(
        plan.name
        for plan in model.encoding_.columns
        if isinstance(plan, Words) and (plan.name in asked or MISSING & set(plan.words))
    )


def verbatim_target(target: str, classes: NDArray[Any] | None) -> frozenset[str]:
    """The target, if NA or the like is a class."""
    names = set() if classes is None or classes.dtype.kind != "O" else set(classes.tolist())
    return frozenset([target] if MISSING & names else [])


def types_like(table: pa.Table) -> dict[str, pa.DataType]:
    """The types in which another table with the same columns is read."""
    return {field.name: _widest(field.type) for field in table.schema}


def _widest(kind: pa.DataType) -> pa.DataType:
    """The type in which later values of a column are read, too."""
    if pa.types.is_integer(kind):
        return pa.float64()
    return pa.timestamp("us") if pa.types.is_date(kind) else kind


def needed(model: Any, table: pa.Table, file: str) -> pa.Table:
    """The model's columns, found by name, in the model's order. DataError when one is absent."""
    if not hasattr(model, "feature_names_in_"):
        raise ModelFileError(
            "the model was trained on an array without column names, so no column of a table can "
            "be matched. Train it on a table, or predict in Python."
        )
    unused = {
        plan.name
        for plan in (model.encoding_.columns if model.encoding_ else ())
        if isinstance(plan, SetAside)
    }
    return chosen(table, model.feature_names_in_.tolist(), file, unused)


def chosen(
    table: pa.Table, names: list[str], file: str, unused: set[str] | frozenset[str] = frozenset()
) -> pa.Table:
    """The columns with these names, in this order; one that is not used may be absent."""
    there = dict(zip(table.column_names, table.columns, strict=True))
    columns: dict[str, Any] = {}
    for name in names:
        if name in there:
            columns[name] = there[name]
        elif name in unused:
            columns[name] = pa.nulls(table.num_rows)
        else:
            raise DataError(
                f"{unknown_column(name, table.column_names)} The model was trained with it: add "
                "it, empty where it is not known.",
                file=file,
            )
    return pa.table(columns)


def placed(error: DataError, file: str) -> DataError:
    """The error with the file that it is about; its row counts other rows than the file's."""
    return error if error.file else error.at(file=shown(file), row=None)

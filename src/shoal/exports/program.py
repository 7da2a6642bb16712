"""C: the program that reads CSV."""

from collections.abc import Callable, Iterator

from shoal.data.encode.encoding import Time, Words
from shoal.data.read import absent
from shoal.exports.header import fields_of
from shoal.exports.model import Classes, Column, Model
from shoal.exports.tables import text

MISSING = frozenset(absent.MISSING)


def program(model: Model, prefix: str, fragment: Callable[[str], str]) -> Iterator[str]:
    """`main`, and what it needs."""
    parts = fragment("program").replace("PREFIX", prefix)
    before, rest = parts.split("@columns@\n")
    between, after = rest.split("@printing@\n")
    yield before
    yield from _columns(model, prefix)
    yield between
    kind = "values"
    if isinstance(model.answer, Classes):
        kind = "labels" if model.answer.labels else "classes"
        yield fragment("put").replace("PREFIX", prefix)
    yield fragment(f"print_{kind}").replace("PREFIX", prefix)
    yield "\n" + after


def _columns(model: Model, prefix: str) -> Iterator[str]:
    single = model.dtype.itemsize == 4 and isinstance(model.answer, Classes)
    yield f"#define COLUMNS {len(model.placed)}\n#define DIGITS {9 if single else 17}\n"
    yield f"static const struct {{\n    {prefix}_text name;\n    int kind;\n    size_t offset;\n}} columns[] = {{\n"
    for placed, field in zip(model.placed, fields_of(model), strict=True):
        offset = f"offsetof({prefix}_row, {field})"
        yield f"    {{{text(placed.plan.name)}, {_kind(placed.plan)}, {offset}}},\n"
    if not model.placed:
        yield "    {{0, 0}, 0, 0},\n"
    yield "};\n"


def _kind(column: Column) -> str:
    match column:
        case Words():
            return "A_VERBATIM" if MISSING & set(column.words) else "A_TEXT"
        case Time():
            return "A_TIME"
        case _:
            return "A_BOOLEAN" if column.kind == "boolean" else "A_NUMBER"

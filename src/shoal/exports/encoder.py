"""C: from the values of a row to the network's inputs, one statement or two a column."""

from collections.abc import Callable, Iterator

from shoal.data.encode.encoding import PARTS, Number, Time, Words
from shoal.exports.header import fields_of
from shoal.exports.model import Model, Placed, Raw
from shoal.exports.names import utf8
from shoal.exports.tables import doubles, number, text

Fragment = Callable[[str], str]


def encoder(model: Model, prefix: str, fragment: Fragment) -> Iterator[str]:
    """The helpers, the tables of the columns, and the function `encode`."""
    yield from _helpers(model, prefix, fragment)
    for i, placed in enumerate(model.placed):
        yield from _table(placed, i)
    yield "\ntypedef struct {\n"
    if model.n_numbers:
        yield "    real numbers[NUMBERS];\n"
    if model.groups:
        yield "    uint16_t codes[GROUPS];\n"
    if model.n_binned:
        yield "    real places[BINNED];\n"
    yield "} input;\n\n/* 0, or the number of the first value, from 1, that cannot be used. */\n"
    yield f"static int encode(const {prefix}_row *row, input *in)\n{{\n"
    for i, (placed, field) in enumerate(zip(model.placed, fields_of(model), strict=True)):
        yield from _statements(model, placed, i, field)
    if not model.placed:
        yield "    (void)row;\n    in->numbers[0] = 0;\n"
    yield "    return 0;\n}\n"


def _helpers(model: Model, prefix: str, fragment: Fragment) -> Iterator[str]:
    plans = [placed.plan for placed in model.placed]
    times = [plan for plan in plans if isinstance(plan, Time)]
    if any(isinstance(plan, Raw) for plan in plans):
        yield fragment("as_it_is")
    if any(isinstance(plan, Number | Time) for plan in plans):
        yield fragment("standardise")
    if model.n_binned:
        yield fragment("bin")
    if any(isinstance(plan, Words) for plan in plans):
        yield fragment("word").replace("PREFIX", prefix)
    if any(plan.parts for plan in times):
        yield fragment("calendar")
    for part in PARTS:
        if any(part in plan.parts for plan in times):
            yield fragment(part)


def _table(placed: Placed, i: int) -> Iterator[str]:
    match placed.plan:
        case Number(edges=edges) if edges:
            yield "\n" + doubles(f"edges_{i}", edges)
        case Words(_, words):
            ordered = sorted(enumerate(words), key=lambda one: utf8(one[1]))
            rows = "".join(f"    {{{text(word)}, {code}}},\n" for code, word in ordered)
            yield f"\nstatic const word words_{i}[] = {{\n{rows}}};\n"


def _statements(model: Model, placed: Placed, i: int, field: str) -> Iterator[str]:
    value, plan = f"row->{field}", placed.plan
    codes = [f"in->codes[{g}]" for g in placed.groups]
    match plan:
        case Raw():
            yield f"    if (!as_it_is({value}, &in->numbers[{placed.number}])) return {i + 1};\n"
        case Words(_, words, rare, holes):
            none = len(words) + rare + holes
            unknown, missing = len(words) if rare else none, len(words) + rare if holes else none
            yield f"    {codes[0]} = code_of({value}, words_{i}, {len(words)}, {unknown}, {missing});\n"
        case Number(_, mean, scale) | Time(_, mean, scale):
            yield (
                f"    if (!standardise({value}, {number(mean)}, {number(scale)}, "
                f"&in->numbers[{placed.number}])) return {i + 1};\n"
            )
            yield from _codes(plan, value, codes, f"edges_{i}", placed.groups)


def _codes(
    plan: Number | Time, value: str, codes: list[str], edges: str, groups: tuple[int, ...]
) -> Iterator[str]:
    if isinstance(plan, Number) and plan.edges:
        bins = len(plan.edges) - 1
        missing = bins if plan.holes else 0
        yield f"    {codes[0]} = bin({value}, {edges}, {bins}, {missing}, &in->places[{groups[0]}]);\n"
        return
    parts = plan.parts if isinstance(plan, Time) else ()
    for part, code in zip(parts, codes, strict=False):
        none = PARTS[part]
        yield f"    {code} = (uint16_t)({value} != {value} ? {none} : {part}({value}));\n"
    if plan.holes:
        yield f"    {codes[-1]} = {value} == {value};\n"

"""JavaScript: one module, from the fragments in js/ and the tables of a model.

The module is text in ASCII. Names, classes and words are literals whose unusual characters are
escaped, so that neither a string, a comment nor a <script> ends where it should not.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.data.encode.encoding import Number, Time, Words
from shoal.exports.header import title_of
from shoal.exports.model import Classes, Model, Placed, Value, Values
from shoal.exports.names import literal_of_javascript, wrapped
from shoal.exports.numerics import LEAK, LOG2_E, TWICE_LOG2_E, precision_of
from shoal.network.outputs import LARGEST_LOGARITHM

USAGE = """\
// {title}
//
//     import {{ predict }} from "./model.js";
//     predict({{ {example} }}).prediction
//
// predict(row) takes an object with a value for each of `columns`; null and NaN are missing values.
// It throws a TypeError that names the column for a value that cannot be used.

"""


@cache
def fragment(name: str) -> str:
    """The text of a fragment."""
    return (files("shoal.exports") / "js" / f"{name}.js").read_text("utf-8")


def module(model: Model) -> str:
    """The text of the module."""
    parts = [
        USAGE.format(title=title_of(model), example="column: value"),
        *_public(model),
        *_sizes(model),
        *map(fragment, ("odd", f"fma_{model.dtype.name}")),
        *_constants(model),
        *map(fragment, ("functions", "encode", "network")),
        *_tables(model),
        *_answer(model),
        *_golden(model),
        fragment("selftest"),
    ]
    return "".join(parts)


def _public(model: Model) -> Iterator[str]:
    shown = [
        f"  {{ name: {literal_of_javascript(p.plan.name)}, kind: {_kind(p)!r} }},\n"
        for p in model.placed
    ]
    yield f'export const fingerprint = "{model.fingerprint}";\n'
    yield f"export const columns = [\n{''.join(shown)}];\n"
    if isinstance(model.answer, Classes):
        names = ", ".join(map(literal_of_javascript, model.answer.names))
        yield f"export const classes = [{names}];\n"


def _sizes(model: Model) -> Iterator[str]:
    shape, p = model.architecture, precision_of(model.dtype)
    lanes = p.lanes if model.groups else 1
    sizes = {
        "MEMBERS": len(model.members), "NUMBERS": model.n_numbers, "OUTPUTS": shape.n_y,
        "UNITS": shape.n_h or shape.n_y, "WIDTH": model.first_layer[0][0].shape[1], "LANES": lanes,
        "MANTISSA_BITS": p.mantissa_bits, "EXPONENT_BIAS": p.exponent_bias,
    }  # fmt: skip
    if isinstance(model.answer, Classes):
        sizes["THRESHOLD"] = repr(model.answer.threshold_in(model.dtype))
    yield "\n" + "".join(f"const {name} = {value};\n" for name, value in sizes.items())
    yield f"const HIDDEN = {'true' if shape.n_h else 'false'};\n"
    yield f'const ACTIVATION = "{shape.activation}";\nconst OUTPUT = "{shape.output}";\n'


def _constants(model: Model) -> Iterator[str]:
    p = precision_of(model.dtype)
    known = {
        "TO_INTEGER": p.to_integer, "LOG2_E": LOG2_E, "TWICE_LOG2_E": TWICE_LOG2_E,
        "LOG2_HIGH": p.log2_high, "LOG2_LOW": p.log2_low, "EXP_LOWEST": p.exp_lowest,
        "TANH_CEILING": p.tanh_ceiling, "ARTANH_HALF": p.artanh_half, "LEAK": LEAK,
        "LARGEST_LOGARITHM": LARGEST_LOGARITHM,
    }  # fmt: skip
    yield "\n"
    for name, value in known.items():
        yield f"const {name} = {float(model.dtype.type(value))!r};\n"
    terms = {"TANH_TERMS": p.tanh_near_zero, "EXP2_TERMS": p.two_to, "EXPM1_TERMS": p.expm1}
    for name, values in terms.items():
        yield _reals(name, np.array(values, model.dtype))


def _tables(model: Model) -> Iterator[str]:
    """The columns and the layers, in the order in which the network reads them."""
    yield "\n// --- what was learnt ---------------------------------------------------------------\n\n"
    yield f"const COLUMNS = [\n{''.join(_column(p) for p in model.placed)}];\n"
    groups = "".join(f"  {{ first: {a}, columns: {n}, bins: {k} }},\n" for a, n, k in model.groups)
    yield f"const GROUPS = [\n{groups}];\n"
    first = model.first_layer
    yield _reals("FIRST_WEIGHTS", np.stack([W.T for W, _ in first]))
    yield _reals("FIRST_BIASES", np.stack([b for _, b in first]))
    second = [(p.W2, p.b2) for p in model.members if model.architecture.n_h]
    yield _reals("SECOND_WEIGHTS", np.array([W for W, _ in second], model.dtype))
    yield _reals("SECOND_BIASES", np.array([b for _, b in second], model.dtype))


def _kind(placed: Placed) -> str:
    plan = placed.plan
    return "text" if isinstance(plan, Words) else plan.kind


def _column(placed: Placed) -> str:
    plan = placed.plan
    fields: dict[str, str] = {
        "name": literal_of_javascript(plan.name),
        "kind": f'"{_kind(placed)}"',
        "number": str(placed.number),
        "groups": str(list(placed.groups)),
        "edges": "[]",
        "parts": "[]",
        "holes": "false",
    }
    match plan:
        case Words(_, words, rare, holes):
            none = len(words) + rare + holes
            known = ", ".join(f"[{literal_of_javascript(w)}, {i}]" for i, w in enumerate(words))
            fields["words"] = f"new Map([{known}])"
            fields["unknown"] = str(len(words) if rare else none)
            fields["missing"] = str(len(words) + rare if holes else none)
        case Number(_, mean, scale, holes, _, edges):
            fields |= _standardising(mean, scale, holes)
            fields["edges"] = str(list(edges))
            fields["missing"] = str(len(edges) - 1 if holes else 0)
        case Time(_, mean, scale, parts, holes):
            fields |= _standardising(mean, scale, holes)
            fields["parts"] = str(list(parts))
    return "  { " + ", ".join(f"{name}: {value}" for name, value in fields.items()) + " },\n"


def _standardising(mean: float, scale: float, holes: bool) -> dict[str, str]:
    return {"mean": repr(mean), "scale": repr(scale), "holes": "true" if holes else "false"}


def _answer(model: Model) -> Iterator[str]:
    match model.answer:
        case Values(means, scales):
            yield f"const MEANS = {list(means)};\nconst SCALES = {list(scales)};\n"
            yield fragment("answer_values")
        case Classes(labels=labels):
            yield fragment("answer_labels" if labels else "answer_classes")


def _golden(model: Model) -> Iterator[str]:
    """Rows with what is predicted for them."""
    rows = "".join(f"  {{ {_cells(model, row)} }},\n" for row in model.golden.rows)
    answers = "".join(f"  [{', '.join(_digits(a))}],\n" for a in model.golden.answers)
    yield "\n// --- some rows with their predictions ---------------------------------------------\n\n"
    yield f"const GOLDEN_ROWS = [\n{rows}];\nconst GOLDEN_ANSWERS = [\n{answers}]"
    yield ".map((row) => Array.from(Reals.from(row)));\n" if _are_reals(model) else ";\n"


def _are_reals(model: Model) -> bool:
    """Whether answers have the precision of the network."""
    return isinstance(model.answer, Classes)


def _cells(model: Model, row: Mapping[str, Value]) -> str:
    # In brackets, as {"__proto__": …} would be no column but the object's prototype.
    names = [placed.plan.name for placed in model.placed]
    return ", ".join(f"[{literal_of_javascript(name)}]: {_cell(row[name])}" for name in names)


def _cell(value: Value) -> str:
    if value is None:
        return "null"
    return literal_of_javascript(value) if isinstance(value, str) else repr(float(value))


def _reals(name: str, a: NDArray[Any]) -> str:
    """A table in the precision of the network, in one dimension."""
    return f"const {name} = new Reals([\n{wrapped(_digits(a.ravel()), '  ')}\n]);\n"


def _digits(a: NDArray[Any]) -> Sequence[str]:
    """The fewest digits that JavaScript reads as these numbers, by way of a double."""
    return [_shortest(x) for x in a]


def _shortest(x: Any) -> str:
    text = str(x)
    return text if x.dtype.type(float(text)) == x else repr(float(x))

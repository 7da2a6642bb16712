"""C: the source, from the fragments in c/ and the tables of a model.

Nothing of the table's text is in the fragments when their placeholders are replaced.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.data.encode.encoding import Words
from shoal.exports.encoder import encoder
from shoal.exports.header import title_of
from shoal.exports.integers import Whole, reals, whole
from shoal.exports.model import Classes, Model, Value, Values
from shoal.exports.names import comment
from shoal.exports.numerics import LEAK, LOG2_E, TWICE_LOG2_E, precision_of
from shoal.exports.program import program
from shoal.exports.tables import array, constant, doubles, integers, number, text
from shoal.network.outputs import LARGEST_LOGARITHM


class Target(NamedTuple):
    """How a C file is to be."""

    prefix: str  # of every public name
    header: str  # the file's name
    main: bool = False  # with a program that reads CSV


@cache
def fragment(name: str) -> str:
    """The text of a fragment."""
    return (files("shoal.exports") / "c" / f"{name}.c").read_text("utf-8")


def source(model: Model, target: Target) -> str:
    """The text of the C file."""
    parts = [
        f"/* {title_of(model)} */\n",
        f'#include "{target.header}"\n\n#include <float.h>\n#include <stdint.h>\n\n',
        *_standing(target, "guard"),
        "\n/* --- sizes and numbers --- */\n\n",
        *_sizes(model),
        *_functions(model, target),
        *_weights(model),
        *encoder(model, target.prefix, fragment),
        *_network(model, target),
        *_answers(model, target),
        *_golden(model, target),
        *(program(model, target.prefix, fragment) if target.main else ()),
    ]
    return "".join(parts)


def _standing(target: Target, *names: str) -> Iterator[str]:
    for name in names:
        yield fragment(name).replace("PREFIX", target.prefix)


def _uses(model: Model) -> tuple[bool, bool]:
    """Whether it needs exp, and tanh."""
    shape = model.architecture
    hidden = shape.activation if shape.n_h else ""
    exp = shape.output in ("sigmoid", "softmax", "poisson") or hidden == "sigmoid"
    return exp, hidden == "tanh"


def _sizes(model: Model) -> Iterator[str]:
    single, p, shape = model.dtype == np.float32, precision_of(model.dtype), model.architecture
    yield f"typedef {'float' if single else 'double'} real;\n"
    yield f"#define OUTPUTS {shape.n_y}\n#define MEMBERS {len(model.members)}\n"
    yield f"#define UNITS {shape.n_h or shape.n_y}\n#define NUMBERS {model.n_numbers}\n"
    yield f"#define BINNED {model.n_binned}\n#define GROUPS {len(model.groups)}\n"
    yield f"#define LANES {p.lanes}\n#define HALF {number(0.5, single)}\n"
    if isinstance(model.answer, Classes):
        yield f"#define THRESHOLD {number(model.answer.threshold, single)}\n"
    yield f"#define MANTISSA_BITS {p.mantissa_bits}\n#define EXPONENT_BIAS {p.exponent_bias}u\n"
    yield f"#define SIGN_BIT ({'UINT32_C(1) << 31' if single else 'UINT64_C(1) << 63'})\n"
    reals = {
        "TO_INTEGER": p.to_integer, "LOG2_E": LOG2_E, "TWICE_LOG2_E": TWICE_LOG2_E,
        "LOG2_HIGH": p.log2_high, "LOG2_LOW": p.log2_low, "EXP_LOWEST": p.exp_lowest,
        "TANH_CEILING": p.tanh_ceiling, "ARTANH_HALF": p.artanh_half, "LEAK": LEAK,
        "LARGEST_LOGARITHM": LARGEST_LOGARITHM,
    }  # fmt: skip
    for name, value in reals.items():
        yield f"#define {name} {number(float(model.dtype.type(value)), single)}\n"


def _functions(model: Model, target: Target) -> Iterator[str]:
    exp, tanh = _uses(model)
    p, shape = precision_of(model.dtype), model.architecture
    kind = "float" if model.dtype == np.float32 else "double"
    if exp or tanh or model.integer or kind == "double":
        yield from _standing(target, f"bits_{kind}")
    yield from _standing(target, f"fma_{kind}")
    if exp or tanh:
        yield from _standing(target, "polynomial")
    if exp:
        yield "\n" + constant("expm1_terms", np.array(p.expm1, model.dtype), "[]")
        yield from _standing(target, "exp")
    if shape.output == "sigmoid" or (shape.n_h and shape.activation == "sigmoid"):
        yield from _standing(target, "logistic")
    if tanh:
        yield "\n" + constant("tanh_terms", np.array(p.tanh_near_zero, model.dtype), "[]")
        yield constant("exp2_terms", np.array(p.two_to, model.dtype), "[]")
    if shape.n_h:
        yield from _standing(target, shape.activation)


def _weights(model: Model) -> Iterator[str]:
    """The layers: of the first one input after another, of the second one output after another."""
    first = model.first_layer
    width = first[0][0].shape[1]
    yield "\n/* --- what was learnt --- */\n\n"
    W = np.stack([W.T for W, _ in first])
    yield from _matrices(model, "first", W, f"[MEMBERS][{width}]")
    yield constant("first_biases", np.stack([b.ravel() for _, b in first]), "[MEMBERS][UNITS]")
    if model.architecture.n_h:
        W2 = np.stack([p.W2 for p in model.members])
        yield from _matrices(model, "second", W2, "[MEMBERS][OUTPUTS]")
        b2 = np.stack([p.b2.ravel() for p in model.members])
        yield constant("second_biases", b2, "[MEMBERS][OUTPUTS]")


def _matrices(model: Model, layer: str, W: NDArray[Any], sizes: str) -> Iterator[str]:
    """A layer's weights; where they are whole numbers, with the exponent of each row."""
    if model.integer is None:
        yield constant(f"{layer}_weights", W, f"{sizes}[UNITS]")
        return
    q, e = whole(W, model.integer)
    assert (reals(Whole(q, e), W.dtype) == W).all()  # they were rounded before
    yield f"typedef int{model.integer}_t weight;\n" if layer == "first" else ""
    yield integers(f"{layer}_weights", q, "weight", f"{sizes}[UNITS]")
    yield integers(f"{layer}_exponents", e, "int8_t" if W.itemsize == 4 else "int16_t", sizes)


def _rows(model: Model, target: Target) -> Iterator[str]:
    kind = "real" if model.integer is None else "integer"
    hidden = [f"second_row_{kind}"] if model.architecture.n_h else []
    yield from _standing(target, f"rows_{kind}", *hidden)


def _network(model: Model, target: Target) -> Iterator[str]:
    if model.groups:
        rows = "".join(f"    {{{g.first}, {g.columns}, {g.bins}}},\n" for g in model.groups)
        yield f"\nstatic const struct {{\n    int first, columns, bins;\n}} groups[] = {{\n{rows}}};\n"
    yield from _rows(model, target)
    layer = fragment("first_layer")
    for name, there in (
        ("numbers", model.n_numbers),
        ("binned", model.n_binned),
        ("groups", len(model.groups) - model.n_binned),
    ):
        layer = layer.replace(f"@{name}@", fragment(name) if there else "")
    yield layer
    if model.architecture.n_h:
        yield from _standing(target, "second_layer_in_lanes" if model.groups else "second_layer")
    yield from _standing(target, f"output_{model.architecture.output}")
    yield from _standing(target, "member_hidden" if model.architecture.n_h else "member_linear")
    several = fragment("others") if len(model.members) > 1 else ""
    yield fragment("average").replace("@others@", several)


def _answers(model: Model, target: Target) -> Iterator[str]:
    yield "\n/* --- the prediction --- */\n"
    match model.answer:
        case Values(means, scales):
            yield "\n" + doubles("target_means", means) + doubles("target_scales", scales)
            yield from _standing(target, "decide_values")
        case Classes(names, labels):
            kind = "labels" if labels else "binary" if model.architecture.n_y == 1 else "classes"
            rows = "".join(f"    {text(name)}, /* {comment(name)} */\n" for name in names)
            yield f"\nconst {target.prefix}_text {target.prefix}_classes[{len(names)}] = {{\n{rows}}};\n"
            yield from _standing(target, f"decide_{kind}")
    yield from _standing(target, "predict")


def _golden(model: Model, target: Target) -> Iterator[str]:
    golden = model.golden
    kind = "double" if isinstance(model.answer, Values) else "real"
    answers = golden.answers.astype(np.float64 if kind == "double" else model.dtype)
    shown = ["    {" + ", ".join(_cells(model, row, target.prefix)) + "},\n" for row in golden.rows]
    yield f"\n#define LENGTH_OF_GOLDEN {len(shown)}\n#define ANSWERS {answers.shape[1]}\n"
    yield f"#define ANSWER {kind}\n"
    yield f"#define ANSWER_FIELD {'values' if kind == 'double' else 'probabilities'}\n"
    before, after = fragment("selftest").replace("PREFIX", target.prefix).split("@golden@\n")
    yield f"\n#ifndef {target.prefix}_NO_SELFTEST\n"
    yield before
    yield f"static const {target.prefix}_row golden_rows[] = {{\n{''.join(shown)}}};\n"
    yield f"static const {kind} golden_answers[][ANSWERS] = {array(answers, '')};\n"
    yield after
    yield "#endif\n"


def _cells(model: Model, row: Mapping[str, Value], prefix: str) -> Iterator[str]:
    for placed in model.placed:
        value = row[placed.plan.name]
        if isinstance(placed.plan, Words):
            assert not isinstance(value, float)
            yield text(value)
        elif value is None:
            yield f"{prefix}_MISSING"
        else:
            assert isinstance(value, float)
            yield number(value)
    if not model.placed:
        yield "0"

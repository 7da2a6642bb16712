"""C: the header, with the struct of a row, the prediction, and the functions."""

from shoal.data.encode.encoding import Time, Words
from shoal.exports.model import Classes, Column, Model
from shoal.exports.names import comment, identifiers

HEADER = """\
/* {title}

   {usage} */
#ifndef {guard}
#define {guard}

#include <stddef.h>

#ifdef __cplusplus
extern "C" {{
#endif

{missing}/* UTF-8 bytes; it may hold NUL. Without bytes it is missing. */
typedef struct {{
    const char *bytes;
    size_t length;
}} {prefix}_text;

/* The values of a row. */
typedef struct {{
{fields}
}} {prefix}_row;

typedef struct {{
{answer}
}} {prefix}_prediction;

{classes}/* 0, or what is wrong: the number of the first value in the row, from 1, that is infinite or too
   far from those of the training; or -1 when the network's output is not finite. */
int {prefix}_predict(const {prefix}_row *row, {prefix}_prediction *out);

/* The number of golden rows for which other bits are predicted than by shoal: 0 when all is well. */
int {prefix}_selftest(void);

#ifdef __cplusplus
}}
#endif

#endif
"""

MISSING = """\
/* A missing number. */
#ifdef __GNUC__
#define {prefix}_MISSING __builtin_nan("")
#else
#define {prefix}_MISSING (0.0 / 0.0)
#endif

"""


def title_of(model: Model) -> str:
    """What this is, in one line."""
    kind = "classifier" if isinstance(model.answer, Classes) else "regressor"
    said = f"A {kind} of shoal, fingerprint {model.fingerprint}, in {model.dtype.name}."
    return f"{said} {model.note}".rstrip()


def fields_of(model: Model) -> list[str]:
    """The name of each value in the struct."""
    return identifiers(placed.plan.name for placed in model.placed)


def header(model: Model, prefix: str) -> str:
    """The text of the header."""
    fields = [
        _field(placed.plan, name, prefix)
        for placed, name in zip(model.placed, fields_of(model), strict=True)
    ]
    return HEADER.format(
        title=title_of(model),
        usage=f"Fill a {prefix}_row, call {prefix}_predict, read the {prefix}_prediction.",
        guard=f"{prefix.upper()}_H",
        prefix=prefix,
        missing=MISSING.format(prefix=prefix),
        fields="\n".join(fields) or "    char unused; /* no column varies */",
        answer=_answer(model),
        classes=_classes(model, prefix),
    )


def _field(column: Column, name: str, prefix: str) -> str:
    said = comment(column.name)
    match column:
        case Words():
            return f"    {prefix}_text {name}; /* {said}: text */"
        case Time():
            return f"    double {name}; /* {said}: seconds since 1970 in UTC, or of the day */"
        case _ if column.kind == "boolean":
            return f"    double {name}; /* {said}: 1 for true, 0 for false */"
        case _:
            return f"    double {name}; /* {said}: a number */"


def _answer(model: Model) -> str:
    real = "float" if model.dtype.itemsize == 4 else "double"
    match model.answer:
        case Classes(names, labels=True):
            return f"    {real} probabilities[{len(names)}];\n    int labels[{len(names)}]; /* 0 or 1 */"
        case Classes(names):
            return f"    {real} probabilities[{len(names)}];\n    int class_index; /* the prediction */"
        case answer:
            return f"    double values[{len(answer.means)}];"


def _classes(model: Model, prefix: str) -> str:
    if not isinstance(model.answer, Classes):
        return ""
    return (
        "/* The names of the classes, in the order of the probabilities. */\n"
        f"extern const {prefix}_text {prefix}_classes[{len(model.answer.names)}];\n\n"
    )

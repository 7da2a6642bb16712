"""Law: the C of a model gives the very bits of its predictions."""

import itertools
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shoal import ShoalClassifier
from shoal.exports import numerics
from shoal.network.activations import ACTIVATIONS

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")


def assert_the_same_bits(compiled, n=2000):
    values = compiled.values(n)
    found, wanted = compiled.predict(values), compiled.predicted(values)
    assert found.dtype == wanted.dtype
    assert found.tobytes() == np.ascontiguousarray(wanted).tobytes()
    assert compiled.selftest() == 0


BOTH = pytest.mark.parametrize("dtype", ["float32", "float64"])
KINDS = ["two", "three", "labels", "number", "numbers", "rates"]


@BOTH
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(in_c, a_table, fitted, dtype, activation):
    model = fitted("two", a_table(), activation=activation, hidden=21, dtype=dtype)
    assert_the_same_bits(in_c(model))


@BOTH
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("hidden", "members", "bins"), list(itertools.product([0, 33], [1, 3], ["auto", 0]))
)
def test_every_kind_of_answer_members_and_layers(
    in_c, a_table, fitted, kind, dtype, hidden, members, bins
):
    model = fitted(kind, a_table(), hidden=hidden, members=members, bins=bins, dtype=dtype)
    assert_the_same_bits(in_c(model))


@BOTH
@pytest.mark.parametrize("hidden", [0, 17])
def test_numbers_without_an_encoding(in_c, dtype, hidden):
    X = np.random.default_rng(0).normal(size=(300, 7))
    model = ShoalClassifier(encode=None, hidden=hidden, dtype=dtype, max_iter=3, random_state=0)
    assert_the_same_bits(in_c(model.fit(X, X[:, 0] > X[:, 1] * X[:, 2])))


def test_a_table_in_which_nothing_varies(in_c):
    X = pd.DataFrame({"x": [1.0] * 10})
    assert_the_same_bits(in_c(ShoalClassifier(max_iter=3).fit(X, [0, 1] * 5)), n=1)


@BOTH
@pytest.mark.parametrize(
    "flags", [["-O0"], ["-O3", "-march=native"], ["-O2", "-ffp-contract=fast"]]
)
@pytest.mark.parametrize("cc", ["gcc", "clang"])
def test_any_compiler_and_any_optimisation(in_c, a_table, fitted, dtype, flags, cc):
    if not shutil.which(cc):
        pytest.skip(f"{cc} is not here")
    model = fitted("number", a_table(), dtype=dtype, members=2)
    assert_the_same_bits(in_c(model, flags=flags, cc=cc))


@pytest.mark.parametrize("flag", ["-ffast-math", "-ffinite-math-only", "-Ofast"])
def test_unsafe_arithmetic_is_refused(in_c, a_table, fitted, flag):
    with pytest.raises(AssertionError, match="change the results"):
        in_c(fitted("two", a_table()), flags=[flag])


# --- the constants, and fma ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "known"), [("float", numerics.FLOAT32), ("double", numerics.FLOAT64)]
)
def test_the_constants_are_those_of_the_kernel(kind, known):
    kernel = (ROOT / "kernel" / "functions.hpp").read_text("utf-8")
    part = kernel.split(f"struct Precision<{kind}> {{")[1].split("\n};")[0]
    part = re.sub(r"//.*", "", part)
    read = numerics.single if kind == "float" else float
    found = {}
    for name, _, value in re.findall(r"constexpr \w+ (\w+)(\[\])? = ([^;]+);", part):
        numbers = [
            float.fromhex(word) if "0x" in word else read(word)
            for word in re.findall(r"-?(?:0x[0-9a-f.]+p[+-]?\d+|[\d.]+(?:e-?\d+)?)", value)
        ]
        found[name] = tuple(numbers) if value.startswith("{") else numbers[0]
    shared = set(known._fields) & set(found)
    assert shared >= {
        "mantissa_bits",
        "to_integer",
        "tanh_near_zero",
        "two_to",
        "expm1",
        "log2_low",
    }
    assert {name: found[name] for name in shared} == {n: getattr(known, n) for n in shared}


FMA = """
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
typedef @real@ real;
typedef @bits@ word;
#undef __FMA__
#undef __FP_FAST_FMA
#undef __FP_FAST_FMAF
#define SIGN_BIT 0
@fragments@
static uint64_t state = 1;
static uint64_t draw(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
/* Any bits; or few bits set, exponents that are near each other, or the ends of the range. */
static real number(void)
{
    word bits = (word)draw();
    const word ones = ((word)1 << MANTISSA) - 1, sign = bits & (word)1 << (8 * sizeof(word) - 1);
    const word bias = ((word)1 << (8 * sizeof(word) - 2 - MANTISSA)) - 1;
    switch (draw() % 8) {
    case 0: return with_bits(bits);
    case 1: return with_bits(sign | bias << MANTISSA | ((word)1 << draw() % MANTISSA));
    case 2: return with_bits(sign | (bias + (word)(draw() % 60) - 30) << MANTISSA | (ones ^ ((word)1 << draw() % MANTISSA)));
    case 3: return with_bits(sign | (bits & ones));
    case 4: return with_bits(sign | (word)(draw() % 130) << MANTISSA | (bits & ones));
    case 5: return with_bits(sign | (bias / 2 + (word)(draw() % 80)) << MANTISSA | (bits & ones));
    case 6: return with_bits(sign | (draw() % 2 ? (word)(draw() % 4) : (2 * bias - (word)(draw() % 3)) << MANTISSA | ones));
    default: return with_bits(sign | (bias + (word)(draw() % 8)) << MANTISSA | (bits & ones));
    }
}
int main(void)
{
    long i, wrong = 0;
    for (i = 0; i < 3000000; ++i) {
        const real a = number(), b = number();
        const real c = i % 4 ? number() : with_bits(bits_of(-(a * b)) + (word)(draw() % 3) - 1);
        const real found = multiply_add(a, b, c), wanted = @fma@(a, b, c);
        const int same = bits_of(found) == bits_of(wanted) || (found != found && wanted != wanted);
        if (!same && wrong++ < 5) printf("%a %a %a: %a, not %a\\n", a, b, c, found, wanted);
    }
    return wrong != 0;
}
"""


@pytest.mark.parametrize("kind", ["float", "double"])
@pytest.mark.parametrize("flags", [["-O2"], ["-O3", "-mfma"]])
def test_a_written_out_fma_is_that_of_the_hardware(tmp_path, kind, flags):
    from shoal.exports.source import fragment

    single = kind == "float"
    text = FMA.replace("@real@", kind).replace("@bits@", "uint32_t" if single else "uint64_t")
    text = text.replace("MANTISSA", "23" if single else "52").replace(
        "@fma@", "fmaf" if single else "fma"
    )
    text = text.replace("@fragments@", fragment(f"bits_{kind}") + fragment(f"fma_{kind}"))
    (tmp_path / "t.c").write_text(text)
    built = subprocess.run(
        ["gcc", *flags, "-o", "t", "t.c", "-lm"], cwd=tmp_path, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([str(tmp_path / "t")], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout

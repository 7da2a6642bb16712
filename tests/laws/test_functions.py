"""The kernel's own exp, tanh, log …: beside exact arithmetic, at the edges, and in order."""

from typing import NamedTuple

import mpmath
import numpy as np
import pytest

from shoal.compute import kernel
from shoal.compute.builds import BUILD

pytestmark = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")

mpmath.mp.prec = 140  # more than twice a float64, so that its rounding does not count
ULPS = 2  # what kernel/functions.hpp promises
SAMPLES = 1000

f32, f64 = np.finfo(np.float32), np.finfo(np.float64)
# The largest x whose exp is finite, and the smallest whose exp is a normal number.
TOP = {"float32": np.log(float(f32.max)), "float64": np.log(float(f64.max))}
NORMAL = {"float32": np.log(float(f32.tiny)), "float64": np.log(float(f64.tiny))}
BOTTOM = {"float32": -104.0, "float64": -745.1}  # … is above half the smallest number
FLOOR = {"float32": -87.0, "float64": -708.0}  # below it exp_of_negative is 0


class Function(NamedTuple):
    """A function, its exact values, and where to look at it."""

    exact: object
    samples: object  # of a generator and a dtype


def signed(rng, x):
    return x * rng.choice([-1, 1], len(x))


def tiny_to_one(rng, dtype):
    """Numbers of every size from the smallest normal one to 1."""
    return 10.0 ** rng.uniform(np.log10(float(np.finfo(dtype).tiny)) + 0.01, 0, SAMPLES)


def for_exp(rng, dtype):
    wide = rng.uniform(BOTTOM[dtype], 0.999999 * TOP[dtype], 2 * SAMPLES)
    return [wide, signed(rng, tiny_to_one(rng, dtype))]


def for_exp_of_negative(rng, dtype):
    return [
        rng.uniform(FLOOR[dtype], 0, 2 * SAMPLES),
        -tiny_to_one(rng, dtype),
        [FLOOR[dtype], 0.0],
    ]


def for_tanh(rng, dtype):
    # Where the two formulas meet, and a little above, the errors are largest: found by trying all floats.
    worst = [np.float32(0.550985515), np.float32(0.549306144), 0.54930614433405484570]
    near = [rng.uniform(0.45, 0.5493, SAMPLES), rng.uniform(0.5493, 0.75, SAMPLES)]
    wide = signed(rng, rng.uniform(0, 25, SAMPLES))
    return [worst, *near, wide, signed(rng, tiny_to_one(rng, dtype)), [9.5, 20.0]]


def for_log(rng, dtype):
    f = np.finfo(dtype)
    low, high = np.log10(float(f.tiny)) + 0.001, np.log10(float(f.max)) - 0.001
    near = 1 + signed(rng, 10.0 ** rng.uniform(-9, -0.5, SAMPLES))
    return [
        10.0 ** rng.uniform(low, high, SAMPLES),
        near,
        rng.uniform(0.7, 1.42, SAMPLES),
        [f.tiny, f.max, 1],
    ]


def for_log1p(rng, dtype):
    worst = [np.float32(0.00095899601), 0.00093009063981872031]  # found by trying all floats
    return [worst, rng.random(SAMPLES), tiny_to_one(rng, dtype), [0.0, 1.0]]


def for_sigmoid(rng, dtype):
    wide = rng.uniform(0.999 * FLOOR[dtype], -0.9 * FLOOR[dtype], 2 * SAMPLES)
    worst = [np.float32(-4.8464551), -21.128276036895855]  # found by trying all floats
    return [worst, wide, signed(rng, tiny_to_one(rng, dtype)), rng.uniform(-20, 0, SAMPLES)]


FUNCTIONS = {
    "exp": Function(mpmath.exp, for_exp),
    "exp_of_negative": Function(mpmath.exp, for_exp_of_negative),
    "tanh": Function(mpmath.tanh, for_tanh),
    "log": Function(mpmath.log, for_log),
    "log1p_of_unit": Function(mpmath.log1p, for_log1p),
    "sigmoid": Function(lambda x: 1 / (1 + mpmath.exp(-x)), for_sigmoid),
}


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


def apply(name, x, dtype):
    return kernel.apply(name, np.ascontiguousarray(x, dtype))


def error_in_ulps(found, exact, f):
    """The distance in units of the last place of a number as large as the exact one."""
    exponent = max(mpmath.frexp(exact)[1] - 1, int(f.minexp)) if exact else int(f.minexp)
    return float(abs(mpmath.mpf(float(found)) - exact) / mpmath.mpf(2) ** (exponent - f.nmant))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_within_two_units_in_the_last_place(name, dtype):
    rng = np.random.default_rng(6)
    x = np.concatenate(FUNCTIONS[name].samples(rng, dtype)).astype(dtype)
    y = apply(name, x, dtype)
    assert np.isfinite(y).all()
    exact = FUNCTIONS[name].exact
    pairs = zip(x, y, strict=True)
    errors = [error_in_ulps(b, exact(mpmath.mpf(float(a))), np.finfo(dtype)) for a, b in pairs]
    worst = int(np.argmax(errors))
    assert errors[worst] <= ULPS, f"{name}({x[worst]!r}): {errors[worst]:.3f} ulp"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_nan_stays_a_nan(name, dtype):
    x = np.full(70, 0.5)
    x[[0, 17, 69]] = np.nan
    np.testing.assert_array_equal(np.isnan(apply(name, x, dtype)), np.isnan(x))


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("exp", -np.inf, 0.0),
        ("exp", np.inf, np.inf),
        ("exp", 0.0, 1.0),
        ("exp", -0.0, 1.0),
        ("exp", -1e30, 0.0),
        ("exp", 1e30, np.inf),
        ("exp_of_negative", -np.inf, 0.0),
        ("exp_of_negative", -1e30, 0.0),
        ("exp_of_negative", 0.0, 1.0),
        ("exp_of_negative", -0.0, 1.0),
        ("tanh", np.inf, 1.0),
        ("tanh", -np.inf, -1.0),
        ("tanh", 1e30, 1.0),
        ("tanh", -1e30, -1.0),
        ("log", 0.0, -np.inf),
        ("log", 1.0, 0.0),
        ("log", np.inf, np.inf),
        ("log1p_of_unit", 0.0, 0.0),
        ("sigmoid", np.inf, 1.0),
        ("sigmoid", -np.inf, 0.0),
        ("sigmoid", 0.0, 0.5),
        ("sigmoid", -1e30, 0.0),
        ("sigmoid", 1e30, 1.0),
    ],
)
def test_at_the_edges(name, x, y, dtype):
    assert apply(name, [x], dtype)[0] == y


def test_the_logarithm_of_a_negative_number_is_none(dtype):
    assert np.isnan(apply("log", [-1.0, -1e-30, -np.inf], dtype)).all()


def test_exp_below_the_normal_numbers(dtype):
    # exp gives them (with fewer digits, as they have); exp_of_negative gives 0.
    x = np.linspace(BOTTOM[dtype] + 0.2, NORMAL[dtype] - 1, 50)
    y = apply("exp", x, dtype)
    assert (y > 0).all()
    assert (y < np.finfo(dtype).tiny).all()
    assert not apply("exp_of_negative", x, dtype).any()
    assert apply("exp_of_negative", [FLOOR[dtype]], dtype)[0] > 0
    below = np.nextafter(np.dtype(dtype).type(FLOOR[dtype]), np.dtype(dtype).type(-np.inf))
    assert apply("exp_of_negative", [below], dtype)[0] == 0


def test_tanh_is_odd_and_below_one(dtype):
    rng = np.random.default_rng(7)
    x = np.concatenate([*for_tanh(rng, dtype), [0.0], 10.0 ** rng.uniform(-30, 30, SAMPLES)])
    y = apply("tanh", x, dtype)
    assert apply("tanh", -x, dtype).tobytes() == (-y).tobytes()
    assert (np.abs(y) <= 1).all()
    assert np.signbit(apply("tanh", [-0.0], dtype)[0])


def test_tanh_of_a_tiny_number_is_the_number(dtype):
    x = 10.0 ** np.random.default_rng(8).uniform(-37, -8.5, SAMPLES)
    x = x.astype(dtype)
    np.testing.assert_allclose(apply("tanh", x, dtype), x, rtol=np.finfo(dtype).eps)


def test_sigmoid_lies_between_zero_and_one(dtype):
    y = apply("sigmoid", np.linspace(-1000, 1000, 20_001), dtype)
    assert (y >= 0).all()
    assert (y <= 1).all()


WINDOWS = {
    "exp": [-104.0, -88.0, -50.0, -1.0, -0.35, -1e-4, 1e-4, 0.3466, 1.0, 20.0, 88.7],
    "exp_of_negative": [-87.1, -50.0, -1.0, -0.3466, -1e-4],
    "tanh": [-9.6, -0.5, 1e-4, 0.1, 0.1733, 0.25, 0.52, 1.0, 3.0, 8.0, 9.4],
    "log": [1.2e-38, 1e-10, 0.7, 0.9, 0.9999, 1.0, 1.4, 100.0, 1e38],
    "log1p_of_unit": [1e-30, 1e-4, 0.06, 0.25, 0.5, 0.9],
    "sigmoid": [-87.1, -50.0, -1.0, -0.6, 1e-4, 0.3, 1.0, 10.0],
}


@pytest.mark.parametrize("name", WINDOWS)
def test_it_never_falls_between_neighbouring_numbers(name):
    falls = {}
    for at in WINDOWS[name]:
        first = int(np.float32(at).view(np.int32))
        x = np.arange(first, first + 100_000, dtype=np.int32).view(np.float32)  # neighbours
        x = np.ascontiguousarray(x if at > 0 else x[::-1])
        assert (np.diff(x) > 0).all()
        y = kernel.apply(name, x)
        falls[at] = int((y[1:] < y[:-1]).sum())
    assert not any(falls.values()), f"falls among 100,000 numbers from …: {falls}"


def test_every_place_in_a_line_computes_the_same(dtype):
    # A number's neighbours in the vector register must not be seen in its result.
    x = np.random.default_rng(9).uniform(-3, 3, 200)
    for name in ("exp", "tanh", "sigmoid"):
        whole = apply(name, x, dtype)
        alone = np.array([apply(name, x[i : i + 1], dtype)[0] for i in range(len(x))])
        assert alone.tobytes() == whole.tobytes()


def test_the_compiler_fuses_nothing_by_itself(dtype):
    # x x - x, rounded twice as NumPy does: fused it would be rounded once. (No other result
    # tells: where a product is followed by a sum the kernel says fma itself.)
    x = np.random.default_rng(7).random(1000).astype(dtype)
    assert (apply("square_less_itself", x, dtype) == x * x - x).all()

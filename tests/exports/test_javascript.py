"""Law: the module of a model gives the very bits of its predictions."""

import itertools
import json
import subprocess
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoal import ShoalClassifier, ShoalRegressor
from shoal.exports.javascript import fragment
from shoal.exports.names import literal_of_javascript
from shoal.exports.numerics import precision_of
from shoal.network.activations import ACTIVATIONS

pytestmark = pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")
ROWS = 400
BOTH = pytest.mark.parametrize("dtype", ["float32", "float64"])
KINDS = ["two", "three", "labels", "number", "numbers", "rates"]


@pytest.fixture
def in_node(program, tmp_path):
    """Runs a module; what it prints."""
    node = program("node", "nodejs")

    def run(text, **standard):
        (tmp_path / "m.mjs").write_text(text, "utf-8")
        done = subprocess.run(
            [node, "m.mjs"], cwd=tmp_path, capture_output=True, text=True, **standard
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    return run


@pytest.fixture
def same_bits(program, check_of):
    program("node", "nodejs")

    def same(estimator, rows=ROWS):
        check = check_of(estimator, "js", rows=rows)
        return check.same_bits and check.rows == rows

    return same


@BOTH
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(same_bits, a_table, fitted, dtype, activation):
    assert same_bits(fitted("two", a_table(), activation=activation, hidden=21, dtype=dtype))


@BOTH
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("hidden", "members", "bins"), [(0, 1, 0), (0, 3, "auto"), (33, 1, 0), (33, 3, "auto")]
)
def test_every_kind_of_answer_members_and_layers(
    same_bits, a_table, fitted, kind, dtype, hidden, members, bins
):
    model = fitted(kind, a_table(), hidden=hidden, members=members, bins=bins, dtype=dtype)
    assert same_bits(model)


@BOTH
@pytest.mark.parametrize("hidden", [0, 17])
def test_numbers_without_an_encoding(same_bits, dtype, hidden):
    X = np.random.default_rng(0).normal(size=(300, 7))
    model = ShoalClassifier(encode=None, hidden=hidden, dtype=dtype, max_iter=3, random_state=0)
    assert same_bits(model.fit(X, X[:, 0] > X[:, 1] * X[:, 2]))


def test_a_table_in_which_nothing_varies(same_bits):
    X = pd.DataFrame({"x": [1.0] * 10})
    assert same_bits(ShoalClassifier(max_iter=3).fit(X, [0, 1] * 5), rows=1)


# --- the interface ----------------------------------------------------------------------------


def exported_text(estimator, folder):
    (file,) = estimator.export(folder / "model.js")
    return file.read_text("ascii")


def test_a_module_predicts_what_shoal_predicts(in_node, a_table, fitted, tmp_path):
    X = a_table().head(50)
    model = fitted("three", a_table())
    text = exported_text(model, tmp_path) + (
        "import { readFileSync } from 'node:fs';\n"
        "const rows = JSON.parse(readFileSync(0, 'utf-8'));\n"
        "for (const row of rows) if (row.when !== null) row.when = new Date(row.when);\n"
        "console.log(JSON.stringify([selftest(), classes, rows.map(predict)]));"
    )
    rows = X.assign(when=X["when"].astype(str).replace("NaT", None) + "Z")
    rows = rows.astype(object).where(X.notna(), None).to_dict("records")
    wrong, classes, found = json.loads(in_node(text, input=json.dumps(rows)))
    assert wrong == 0
    assert classes == model.classes_.tolist()
    assert [one["prediction"] for one in found] == model.predict(X).tolist()
    probabilities = np.array([one["probabilities"] for one in found], np.float32)
    assert probabilities.tobytes() == model.predict_proba(X).tobytes()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"age": "40"}, 'column "age": expected a number or null, found "40"'),
        ({"age": True}, 'column "age": expected a number or null, found true'),
        ({"age": float("inf")}, 'column "age": expected a finite number near those'),
        ({"ok": "yes"}, 'column "ok": expected true, false or null, found "yes"'),
        ({"when": "2020-01-01"}, 'column "when": expected a Date, seconds since 1970 or null'),
        ({'a "quoted" */ name\n': 3}, "expected text or null, found 3"),
        ({"age": ...}, 'the row has no column "age"'),
    ],
)
def test_a_value_that_cannot_be_used_is_named(in_node, a_table, fitted, tmp_path, changed, said):
    row = {"age": 40, "class": 3, 'a "quoted" */ name\n': "Paris", "when": 0, "ok": True}
    row = {name: value for name, value in (row | changed).items() if value is not ...}
    shown = json.dumps(row)  # which writes Infinity, as JavaScript does
    text = exported_text(fitted("two", a_table()), tmp_path) + (
        f"try {{ predict({shown}); }} catch (error) {{ console.log(`${{error.name}} ${{error.message}}`); }}"
    )
    assert in_node(text).startswith(f"TypeError {said}") or said in in_node(text)


def test_what_a_row_inherits_is_no_value(in_node, tmp_path):
    X = pd.DataFrame({"constructor": np.arange(60) % 7, "__proto__": np.arange(60) % 5})
    model = ShoalRegressor(max_iter=2, hidden=3).fit(X, X["constructor"])
    text = exported_text(model, tmp_path) + (
        "console.log(selftest());\n"
        "try { predict({}); } catch (error) { console.log(error.message); }"
    )
    assert in_node(text) == '0\nthe row has no column "constructor"\n'


# --- fma --------------------------------------------------------------------------------------


def bits_of(a):
    return a.view(f"u{a.itemsize}")


def numbers(rng, dtype, n):
    """Any bits; few bits set, exponents that are near each other, or the ends of the range."""
    word, digits = (
        np.dtype(f"u{np.dtype(dtype).itemsize}"),
        precision_of(np.dtype(dtype)).mantissa_bits,
    )
    bias, top = precision_of(np.dtype(dtype)).exponent_bias, 8 * word.itemsize - 1
    fraction = rng.integers(0, 1 << digits, n)
    few = 1 << rng.integers(0, digits, n)
    near = rng.integers(-30, 30, n) + bias
    low, high = rng.integers(0, 60, n), 2 * bias - rng.integers(0, 60, n)
    half = bias // 2 + rng.integers(0, 80, n)
    exponent = np.choose(rng.integers(0, 6, n), [near, near, near, low, high, half])
    digit = np.choose(rng.integers(0, 3, n), [fraction, few, (1 << digits) - few])
    sign = rng.integers(0, 2, n).astype(word) << word.type(top)
    return (sign | (exponent.astype(word) << word.type(digits)) | digit.astype(word)).view(dtype)


def nearest(exact, dtype):
    """The number nearest to a fraction, ties to even; infinite beyond the range."""
    p, size = precision_of(np.dtype(dtype)), abs(exact)
    e = size.numerator.bit_length() - size.denominator.bit_length()
    e -= size < Fraction(2) ** e
    unit = Fraction(2) ** (max(e, 1 - p.exponent_bias) - p.mantissa_bits)
    rounded = round(size / unit) * unit
    limit = Fraction(2) ** (p.exponent_bias + 1)
    found = float("inf") if rounded >= limit else float(rounded)
    return -found if exact < 0 else found


@BOTH
def test_a_written_out_fma_is_rounded_once(in_node, dtype):
    rng, n = np.random.default_rng(0), 20_000
    a, b, c = (numbers(rng, dtype, n) for _ in range(3))
    with np.errstate(over="ignore", under="ignore"):
        product = a * b
    near = bits_of(-product) + rng.integers(0, 3, n).astype(bits_of(a).dtype)
    c = np.where(rng.random(n) < 0.4, near.view(dtype), c)
    c = np.where(np.isfinite(c), c, 1).astype(dtype)
    p = precision_of(np.dtype(dtype))
    text = (
        f"const MANTISSA_BITS = {p.mantissa_bits};\nconst EXPONENT_BIAS = {p.exponent_bias};\n"
        + fragment("odd")
        + fragment(f"fma_{dtype}")
        + "import { readFileSync } from 'node:fs';\n"
        "const rows = JSON.parse(readFileSync(0, 'utf-8'));\n"
        "const said = (x) => (x === Infinity ? 'Infinity' : x === -Infinity ? '-Infinity' : x);\n"
        "console.log(JSON.stringify(rows.map((row) => said(multiplyAdd(...row)))));"
    )
    rows = np.stack([a, b, c], axis=1).astype(np.float64).tolist()
    found = np.array(json.loads(in_node(text, input=json.dumps(rows))), np.float64)
    exact = [Fraction(x) * Fraction(y) + Fraction(z) for x, y, z in rows]
    wanted = np.array([nearest(x, dtype) for x in exact])
    wrong = np.flatnonzero(found != wanted)
    assert not wrong.size, [(rows[i], found[i], wanted[i]) for i in wrong[:3]]
    assert np.count_nonzero(np.isfinite(wanted)) > n / 2


# --- anything in names, classes and words -------------------------------------------------------

ANYTHING = st.text(min_size=1, max_size=12) | st.sampled_from(
    ["*/", "\\", "😀", "--", "<!--", "</script>", "${x}", "`x`", 'q"q', "q'q", "\n", "\0", "\u2028",
     "__proto__", "constructor"]
)  # fmt: skip


@given(st.lists(ANYTHING, min_size=1, max_size=8))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.slow
def test_a_literal_is_its_text_and_ends_nothing(in_node, texts):
    shown = [literal_of_javascript(text) for text in texts]
    for one in shown:
        assert one.isascii()
        assert not set(one[1:-1]) & set("\"'`<>-$/\n\r")
    units = [np.frombuffer(t.encode("utf-16-le", "surrogatepass"), "<u2").tolist() for t in texts]
    out = in_node(
        f"const all = [{', '.join(shown)}];\n"
        "console.log(JSON.stringify(all.map((t) => t.split('').map((c) => c.charCodeAt(0)))));"
    )
    assert json.loads(out) == units


PLAIN = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.sampled_from(
    ["*/", "\\", "😀", "--", "</script>", "${x}", "`x`", 'q"q', "\n", "nul\0nul", "__proto__"]
)  # fmt: skip


@given(
    names=st.lists(PLAIN, min_size=2, max_size=4, unique=True),
    words=st.lists(PLAIN, min_size=2, max_size=5, unique=True),
    classes=st.lists(PLAIN, min_size=2, max_size=3, unique=True),
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.slow
def test_nothing_in_a_table_is_executed(same_bits, names, words, classes):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({name: rng.choice(np.array(words, object), 60) for name in names})
    y = np.array([classes[i % len(classes)] for i in range(60)], object)
    model = ShoalClassifier(words=names, hidden=3, max_iter=2, random_state=1, n_jobs=1)
    assert same_bits(model.fit(X, y), rows=50)


@BOTH
def test_digits_are_few_and_are_the_numbers(in_node, a_table, fitted, tmp_path, dtype):
    model = fitted("number", a_table(), dtype=dtype, hidden=40, members=1)
    text = exported_text(model, tmp_path)
    weights = list(itertools.chain(*(W.ravel() for W in model.coefs_)))
    assert len(text) < (14 if dtype == "float32" else 24) * len(weights) + 40_000
    out = in_node(text + "console.log(JSON.stringify(Array.from(SECOND_WEIGHTS)));")
    assert np.array(json.loads(out), dtype).tobytes() == model.coefs_[1].T.tobytes()

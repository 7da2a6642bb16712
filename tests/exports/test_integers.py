"""Law: C with weights as whole numbers has the bits of the model with such weights; the cost is said."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from shoal import ShoalClassifier, ShoalRegressor, ShoalWarning
from shoal.cli import main
from shoal.errors import SettingError
from shoal.estimators.exporting import measured, with_whole_weights
from shoal.exports.integers import nearest, reals, rounded, whole
from shoal.exports.model import PlacedGroup
from shoal.network.equations import Parameters

QUIET = pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")
BOTH = pytest.mark.parametrize("dtype", ["float32", "float64"])
BITS = pytest.mark.parametrize("bits", [8, 16])


@QUIET
@BOTH
@BITS
@pytest.mark.parametrize("kind", ["two", "three", "labels", "numbers"])
@pytest.mark.parametrize(("hidden", "bins", "activation"), [(0, "auto", "tanh"), (19, 0, "relu"),
                                                            (19, "auto", "sigmoid")])  # fmt: skip
def test_c_has_the_bits_of_the_rounded_model(
    in_c, a_table, fitted, dtype, bits, kind, hidden, bins, activation
):
    X = a_table()
    model = fitted(kind, X, dtype=dtype, hidden=hidden, bins=bins, activation=activation, members=2)
    compiled = in_c(model, integer=bits, rows=X)
    values = compiled.values(500)
    found, wanted = compiled.predict(values), compiled.predicted(values)
    assert found.tobytes() == np.ascontiguousarray(wanted).tobytes()
    assert compiled.selftest() == 0
    assert compiled.model.fingerprint == model.fingerprint_


@BOTH
@BITS
def test_a_weight_is_off_by_half_a_unit_at_most(dtype, bits):
    rng = np.random.default_rng(0)
    W = (rng.normal(size=(40, 30)) * 10.0 ** rng.integers(-6, 6, (40, 1))).astype(dtype)
    W[3], W[4, 0], W[5] = 0, 0, 1.0
    numbers = whole(W, bits)
    unit = np.ldexp(1.0, numbers.e.astype(np.int64))[:, None]
    most = 2 ** (bits - 1) - 1
    assert numbers.q.dtype.itemsize == bits // 8
    assert np.abs(numbers.q.astype(int)).max() <= most
    assert (np.abs(reals(numbers, dtype) - W.astype(np.float64)) <= unit / 2).all()
    used = np.abs(numbers.q.astype(int)).max(axis=1)[np.abs(W).max(axis=1) > 0]
    assert used.min() >= most // 2  # no bit is wasted
    again = nearest(W, bits)
    assert nearest(again, bits).tobytes() == again.tobytes()


def test_errors_of_bins_do_not_add_up():
    W = np.tile(np.float32([[127.0], [0.4]]), 64)  # the unit is 1, and 0.4 is rounded to 0
    p = Parameters(W, W[:, :1], W[:1, :2], W[:1, :1])
    alone = rounded(p, 8).W1
    carried = rounded(p, 8, [PlacedGroup(0, 64, 64)]).W1
    assert abs(np.cumsum(alone - W, axis=1)).max() > 25
    assert abs(np.cumsum(carried - W, axis=1)).max() < 1.01


@QUIET
@BITS
def test_the_difference_is_that_of_the_predictions(a_table, fitted, bits):
    X = a_table()
    model = fitted("three", X, hidden=9, members=2)
    found = measured(model.fitted_, X, bits)
    fits = (model.fitted_, with_whole_weights(model.fitted_, bits))
    exact, other = (fit.average(X, 1) for fit in fits)
    apart = np.abs(exact - other)
    assert found.largest == apart.max() > 0
    assert found.mean == pytest.approx(apart.mean())
    assert found.others == np.count_nonzero(exact.argmax(axis=0) != other.argmax(axis=0))
    assert found.rows == len(X)
    assert found.largest < {8: 0.1, 16: 1e-3}[bits]


def test_the_cost_is_said_unasked_and_stands_in_the_files(tmp_path):
    X = np.random.default_rng(0).normal(size=(300, 3))
    model = ShoalRegressor(hidden=5, max_iter=5, random_state=0).fit(X, 10 * X[:, 0])
    with pytest.warns(ShoalWarning, match=r"Weights are whole numbers of 8 bits: on 300 rows pred"):
        files = model.export(tmp_path / "m.c", integer=8, rows=X)
    for file in files:
        assert "Weights are whole numbers of 8 bits: on 300 rows" in file.read_text()


@pytest.mark.parametrize(
    ("path", "more", "said"),
    [
        ("m.c", dict(integer=8), "expected rows"),
        ("m.c", dict(integer=7, rows=[[0.0]]), "expected 8 or 16"),
        ("m.c", dict(rows=[[0.0]]), "expected integer as well"),
        ("m.js", dict(integer=8, rows=[[0.0]]), "only c has it, not js"),
        ("m.onnx", dict(main=True), "only c has it, not onnx"),
        ("m.c", dict(table="rows"), "only sql has it, not c"),
        ("m.js", dict(dialect="duckdb"), "only sql has it, not js"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, path, more, said):
    X = np.arange(40.0)[:, None]
    model = ShoalRegressor(hidden=2, max_iter=2).fit(X, X[:, 0])
    with pytest.raises(SettingError, match=said):
        model.export(tmp_path / path, **more)
    assert not list(tmp_path.iterdir())


@QUIET
def test_the_command_measures_on_a_table(tmp_path, a_table, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X = a_table().drop(columns='a "quoted" */ name\n')
    X.assign(y=X["ok"]).to_csv("t.csv", index=False)
    ShoalClassifier(hidden=5, max_iter=3, random_state=0).fit(X, X["ok"]).save("m.shoal")
    assert main(["export", "m.shoal", "-o", "m.c", "--integer", "8"]) == 2
    assert "--rows" in capsys.readouterr().err
    assert (
        main(["export", "m.shoal", "-o", "m.c", "--integer", "8", "--rows", "t.csv", "--json"]) == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert report["note"].startswith("Weights are whole numbers of 8 bits: on 400 rows")
    assert report["check"]["same_bits"]


@QUIET
def test_64_units_on_14_columns_are_small(tmp_path):
    if not shutil.which("gcc") or not shutil.which("size"):
        pytest.skip("gcc or size is not here")
    X = np.random.default_rng(0).normal(size=(300, 14))
    model = ShoalRegressor(hidden=64, bins=0, max_iter=1, members=6).fit(X, X[:, 0])
    for more, most in (({}, 60_000), (dict(integer=8, rows=X), 20_000)):
        model.export(tmp_path / "m.c", **more)
        subprocess.run(["gcc", "-Os", "-c", "m.c"], cwd=tmp_path, check=True)
        out = subprocess.run(["size", "m.o"], cwd=tmp_path, capture_output=True, text=True).stdout
        assert int(out.splitlines()[1].split()[3]) <= most

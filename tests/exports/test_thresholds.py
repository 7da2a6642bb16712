"""A model that decides by a threshold of its own decides by it in each of its exports."""

import json
import sqlite3
import subprocess

import numpy as np
import pandas as pd
import pytest

from shoal import ShoalClassifier
from shoal.exports.databases import unusable

M = 200
X = pd.DataFrame({"a": np.random.default_rng(0).normal(size=M), "b": np.arange(M) % 7 / 3})
y = np.where(X["a"] + X["b"] > 1, "yes", "no")


@pytest.fixture(params=["float32", "float64"])
def model(request):
    kind = ShoalClassifier(
        hidden=5, max_iter=20, members=2, threshold=0.2, dtype=request.param, random_state=0
    )
    fitted = kind.fit(X, y)
    usual = fitted.classes_[fitted.predict_proba(X).argmax(axis=1)]
    assert (fitted.predict(X) != usual).sum() > 5
    return fitted


def test_in_c(model, in_c):
    compiled = in_c(model)
    rows, _ = compiled.rows(X.to_dict("records"))
    out = np.zeros(M, compiled._prediction())
    assert compiled.library.run(rows.ctypes.data, out.ctypes.data, M) == -1
    assert model.classes_[out["class_index"]].tolist() == model.predict(X).tolist()


def test_in_javascript(model, program, tmp_path):
    node = program("node", "nodejs")
    model.export(tmp_path / "m.mjs")
    rows = json.dumps(X.to_dict("records"))
    call = f'import {{ predict }} from "./m.mjs";\nconst rows = {rows};\n'
    call += "console.log(JSON.stringify(rows.map((row) => predict(row).prediction)));"
    (tmp_path / "call.mjs").write_text(call, "utf-8")
    done = subprocess.run([node, "call.mjs"], cwd=tmp_path, capture_output=True, text=True)
    assert json.loads(done.stdout) == model.predict(X).tolist()


def test_in_onnx(model, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model.export(tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"))
    label, _ = session.run(None, {name: X[[name]].to_numpy(np.float64) for name in X})
    assert label.tolist() == model.predict(X).tolist()


@pytest.mark.skipif(bool(unusable()), reason=unusable())
def test_in_sql(model, tmp_path):
    model.export(tmp_path / "m.sql")
    connection = sqlite3.connect(":memory:")
    X.to_sql("input", connection, index=False)
    cursor = connection.execute((tmp_path / "m.sql").read_text("utf-8"))
    at = [column[0] for column in cursor.description].index("prediction")
    found = [row[at] for row in cursor]
    connection.close()
    assert found == model.predict(X).tolist()

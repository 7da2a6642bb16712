"""Law: the ONNX graph of a model gives its predictions, to rounding."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoal import ShoalClassifier, ShoalRegressor
from shoal.errors import SettingError
from shoal.estimators.exporting import exported
from shoal.exports.onnx_model import OUTPUTS, input_names
from shoal.network.activations import ACTIVATIONS

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.filterwarnings("ignore::shoal.ShoalWarning")
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
ROWS = 2000
BOTH = pytest.mark.parametrize("dtype", TOLERANCE)
KINDS = ["two", "three", "labels", "number", "numbers", "rates"]


@pytest.fixture
def difference(check_of):
    """The largest one; of numbers, relative to the deviation of the target, of rates to the largest."""

    def largest(estimator, rows=ROWS):
        model = exported(estimator.fitted_)
        scale = getattr(model.answer, "scales", (1.0,))
        if model.architecture.output == "poisson":
            largest = float(model.golden.answers.max())
            scale = (largest * max(1, np.log(largest)),)  # Z2 is rounded in parts of itself
        return check_of(estimator, "onnx", rows=rows).difference / max(1, *scale, 0)

    return largest


@BOTH
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model(difference, a_table, fitted, dtype, activation, kind):
    model = fitted(kind, a_table(), activation=activation, hidden=9, members=2, dtype=dtype)
    assert difference(model) <= TOLERANCE[dtype]


@BOTH
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("hidden", "bins"), [(0, "auto"), (0, 0), (7, 0)])
def test_layers_and_bins(difference, a_table, fitted, dtype, kind, hidden, bins):
    model = fitted(kind, a_table(), hidden=hidden, bins=bins, dtype=dtype)
    assert difference(model) <= TOLERANCE[dtype]


@BOTH
def test_numbers_without_an_encoding_are_one_matrix(difference, dtype, tmp_path):
    X = np.random.default_rng(0).normal(size=(300, 7))
    model = ShoalClassifier(encode=None, hidden=5, dtype=dtype, max_iter=3, random_state=0)
    model.fit(X, X[:, 0] > X[:, 1] * X[:, 2])
    assert difference(model) <= TOLERANCE[dtype]
    session = session_of(model, tmp_path)
    label, probabilities = session.run(None, {"X": X})
    assert np.abs(probabilities - model.predict_proba(X)).max() <= TOLERANCE[dtype]
    assert label.tolist() == [str(c) for c in model.predict(X)]


def test_a_table_in_which_nothing_varies(difference):
    X = pd.DataFrame({"x": [1.0] * 10})
    assert difference(ShoalClassifier(max_iter=3).fit(X, [0, 1] * 5), rows=1) <= 1e-6


# --- the file -----------------------------------------------------------------------------------


def session_of(estimator, folder):
    (file,) = estimator.export(folder / "m.onnx")
    onnx.checker.check_model(str(file), full_check=True)
    return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])


def fed(X):
    """A frame as the inputs of the graph."""
    return {
        name: (
            X[[name]].astype("int64").to_numpy() / 1e6
            if X[name].dtype.kind == "M"
            else X[[name]].astype(object).fillna("").to_numpy()
            if X[name].dtype.kind not in "bif"
            else X[[name]].to_numpy(np.float64)
        )
        for name in X
    }


@pytest.mark.parametrize("rows", [1, 7, 400])
def test_raw_rows_of_a_table_in_any_number(a_table, fitted, tmp_path, rows):
    X = a_table().rename(columns={'a "quoted" */ name\n': "label"})
    model = fitted("three", X, hidden=5, dtype="float64")
    X = X.head(rows)
    inputs = fed(X.assign(when=X["when"].astype("datetime64[us]")))
    inputs["when"][X[["when"]].isna().to_numpy()] = np.nan
    inputs["label_2"] = inputs.pop("label")  # the name of an output
    label, probabilities = session_of(model, tmp_path).run(None, inputs)
    assert np.abs(probabilities - model.predict_proba(X)).max() <= 1e-12
    assert label.tolist() == model.predict(X).tolist()


def test_the_file_says_what_it_is(a_table, fitted, tmp_path):
    model = fitted("three", a_table(), hidden=5)
    said = session_of(model, tmp_path).get_modelmeta()
    found = said.custom_metadata_map
    assert found["fingerprint"] == model.fingerprint_
    assert json.loads(found["classes"]) == model.classes_.tolist()
    columns = json.loads(found["columns"])
    assert [column["name"] for column in columns] == list(a_table())
    assert [column["kind"] for column in columns] == [
        "number", "number", "words", "time", "boolean",
    ]  # fmt: skip
    assert len(json.loads(found["golden_rows"])) == len(json.loads(found["golden_answers"])) == 24
    assert said.producer_name == "shoal"
    loaded = onnx.load(tmp_path / "m.onnx")
    assert {one.domain: one.version for one in loaded.opset_import} == {"": 17, "ai.onnx.ml": 3}
    used = {name for node in loaded.graph.node for name in node.input}
    assert {constant.name for constant in loaded.graph.initializer} <= used


def test_weights_keep_their_precision(tmp_path):
    X = np.random.default_rng(0).normal(size=(200, 14))
    sizes = {}
    for dtype in TOLERANCE:
        model = ShoalRegressor(hidden=64, members=1, bins=0, max_iter=2, dtype=dtype)
        (file,) = model.fit(X, X[:, 0]).export(tmp_path / f"{dtype}.onnx")
        sizes[dtype] = file.stat().st_size / np.dtype(dtype).itemsize
    weights = sum(W.size for W in model.coefs_)
    assert max(sizes.values()) < weights + 6000


def test_what_onnx_cannot_hold_is_refused(tmp_path, monkeypatch):
    X = pd.DataFrame({"w": ["", "a", "b", "c"] * 20})
    model = ShoalClassifier(words=["w"], max_iter=2, hidden=3)
    model.fit(X, [0, 1] * 40)
    with pytest.raises(SettingError, match="the empty text as a category"):
        model.export(tmp_path / "m.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(SettingError, match=r"pip install 'shoal\[onnx\]'"):
        model.export(tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


# --- anything in names, classes and words ---------------------------------------------------------

ANYTHING = st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12
) | st.sampled_from(["*/", "\\", "😀", "--", '"', "\n", "nul\0nul", " ", "shoal 3", *OUTPUTS])


@given(
    names=st.lists(ANYTHING, min_size=2, max_size=4, unique=True),
    words=st.lists(ANYTHING, min_size=2, max_size=5, unique=True),
    classes=st.lists(ANYTHING, min_size=2, max_size=3, unique=True),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.slow
def test_names_words_and_classes_hold_anything(difference, tmp_path, names, words, classes):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({name: rng.choice(np.array(words, object), 60) for name in names})
    y = np.array([classes[i % len(classes)] for i in range(60)], object)
    model = ShoalClassifier(words=names, hidden=3, max_iter=2, random_state=1, n_jobs=1).fit(X, y)
    assert difference(model, rows=50) <= 1e-5
    inputs = input_names(exported(model.fitted_))
    label, _ = session_of(model, tmp_path).run(
        None, {name: X[[column]].to_numpy() for name, column in zip(inputs, X, strict=True)}
    )
    assert label.tolist() == model.predict(X).tolist()

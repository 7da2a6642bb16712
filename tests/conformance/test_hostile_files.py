"""Model files with a right checksum that no version of shoal has written: ModelFileError."""

import copy
import time

import numpy as np
import pandas as pd
import pytest

import shoal
from shoal import ShoalClassifier
from shoal.errors import DataError, ModelFileError
from shoal.files.container import read, write


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """A model of two labels, on numbers, words and dates."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=60), "w": rng.choice(["x", "y"], 60)})
    X["d"] = pd.Timestamp("2013-01-01") + pd.to_timedelta(rng.integers(0, 3e7, 60), unit="s")
    Y = np.column_stack([X["a"] > 0, X["w"] == "x"]).astype(int)
    path = tmp_path_factory.mktemp("hostile") / "m.shoal"
    model = ShoalClassifier(hidden=3, members=2, max_iter=2, random_state=0).fit(X, Y)
    model.save(path)
    return read(path)


def edited(content, place, value):
    """The document with another value at a place such as "encoding.0.mean"."""
    document = copy.deepcopy(dict(content.document))
    *way, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    inner = document
    for step in way:
        inner = inner[step]
    inner[last] = value
    return document


EDITS = [
    ("members", 10**9), ("members", -1), ("members", True), ("members", "2"), ("labels", 2**31),
    ("labels", 0), ("labels", 3), ("classes", [1, 0]), ("classes", [0, 1, 2]), ("classes", [0.0, 1.0]),
    ("class_type", "words"), ("class_type", "object"), ("classes", None), ("kind", "regressor"),
    ("architecture.n_x", 10**12), ("architecture.n_h", 10**9), ("architecture.n_y", 1),
    ("architecture.activation", "logistic"), ("architecture.output", "softmax"),
    ("encoding.0.holes", 10**9), ("encoding.0.mean", "0"), ("encoding.0.scale", 0.0),
    ("encoding.0.scale", -1.0), ("encoding.0.edges", [1.0]), ("encoding.0.edges", [3.0, 2.0, 1.0]),
    ("encoding.0.kind", "words"), ("encoding.1.words", 10**9), ("encoding.1.words", 3),
    ("encoding.2.parts", ["month", "month"]), ("encoding.2.parts", ["year"]), ("encoding", []),
    ("encoding.0.name", "w"), ("settings.hidden", "wide"),
    ("settings.bins", 2**31), ("settings.colour", 1),
    ("format_version", 99), ("fitted", {}),
    ("fitted.n_features_in_", 10**9), ("fitted.n_iter_", -1), ("diagnosis.findings.0.what", 7),
    ("unknown", 1),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value"), EDITS, ids=lambda x: str(x)[:24])
def test_another_document_is_refused_at_once(content, tmp_path, place, value):
    path = tmp_path / "m.shoal"
    write(path, edited(content, place, value), content.tensors)
    began = time.monotonic()
    with pytest.raises(ModelFileError, match=r"m\.shoal"):
        shoal.load(path)
    assert time.monotonic() - began < 30  # that it ends: 10**9 members would take hours


RECORD = {
    "target": "y", "task": "classification", "reason": "", "table": "t.csv", "rows": 60, "test_rows": 0,
    "command": ["shoal", "train"], "scores": [["shoal", {"log_loss": 1.0}], ["always 0", {"log_loss": 2.0}]],
    "verdicts": [{"than": "constant", "outcome": "better", "loss": "log_loss", "difference": -1.0,
                  "standard_error": 0.1, "rows": 60}],
}  # fmt: skip


def test_a_verdict_belongs_to_a_score(content, tmp_path):
    path = tmp_path / "m.shoal"
    write(path, edited(content, "record", RECORD), content.tensors)
    assert shoal.load(path).record_["verdicts"]
    for scores in ([], RECORD["scores"][:1], [*RECORD["scores"], *RECORD["scores"]]):
        write(path, edited(content, "record", RECORD | {"scores": scores}), content.tensors)
        with pytest.raises(ModelFileError, match="verdicts on"):
            shoal.load(path)


@pytest.mark.parametrize("column", [[2, 0, 1, 0], [0, 1, 0, 0], [0, 0, 1, -1]])
def test_what_was_usual_has_shares_and_ranges(content, tmp_path, column):
    path = tmp_path / "m.shoal"
    usual = content.tensors["usual"].copy()
    usual[0] = column
    write(path, content.document, {**content.tensors, "usual": usual})
    with pytest.raises(ModelFileError, match="shares from 0 to 1"):
        shoal.load(path)


MACHINE = {
    "engine": "tcp://host:1",
    "n_jobs": 64,
    "checkpoint": "/etc",
    "scratch": "/",
    "verbose": True,
}


@pytest.mark.parametrize(("name", "value"), MACHINE.items())
def test_settings_of_another_machine_are_not_taken_over(content, tmp_path, name, value):
    path = tmp_path / "m.shoal"
    write(path, edited(content, f"settings.{name}", value), content.tensors)
    assert shoal.load(path).get_params()[name] == ShoalClassifier().get_params()[name]


def test_the_arrays_say_the_precision(content, tmp_path):
    path = tmp_path / "m.shoal"
    write(path, edited(content, "settings.dtype", "float64"), content.tensors)
    loaded = shoal.load(path)
    assert loaded.dtype == loaded.networks_[0].W1.dtype.name == "float32"


ARRAYS = {
    "of the other precision": lambda W: W.astype(np.float64),
    "of whole numbers": lambda W: W.astype(np.int64),
    "turned": lambda W: W.T.copy(),
    "too short": lambda W: W[:-1],
    "of one dimension": np.ravel,
}


@pytest.mark.parametrize("change", ARRAYS.values(), ids=ARRAYS)
def test_arrays_that_do_not_fit_the_architecture_are_refused(content, tmp_path, change):
    path = tmp_path / "m.shoal"
    W = content.tensors["network.1.W1"]
    write(path, content.document, {**content.tensors, "network.1.W1": change(W)})
    with pytest.raises(ModelFileError):
        shoal.load(path)


def test_weights_too_large_for_their_precision_give_an_error_and_no_nan(content, tmp_path):
    path = tmp_path / "m.shoal"
    huge = {
        name: np.full_like(array, 3e38) if name.endswith(("W1", "W2")) else array
        for name, array in content.tensors.items()
    }
    write(path, content.document, huge)
    table = pd.DataFrame({"a": [0.5], "w": ["x"], "d": [pd.Timestamp("2013-05-05")]})
    try:
        found = shoal.load(path).predict_proba(table)
    except (ModelFileError, DataError):
        return
    assert np.isfinite(found).all()

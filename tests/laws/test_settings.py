"""Each parameter is described once, checked once, and nothing depends on it after the fit."""

import importlib.util
import inspect
import io
import json
import pickle
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_diabetes, load_iris

import shoal
from shoal import SettingError, ShoalClassifier, ShoalRegressor
from shoal.settings import FIELDS, DeclaredForClasses, DeclaredForNumbers, Settings, names_of

ESTIMATORS = {ShoalClassifier: DeclaredForClasses, ShoalRegressor: DeclaredForNumbers}
X, Y = load_iris(return_X_y=True)
NUMBERS = load_diabetes(return_X_y=True)
QUICK = {"hidden": 3, "members": 2, "max_iter": 5, "random_state": 0}
# Of each parameter a value that differs from the default and from QUICK, and is allowed.
OTHERS = {
    "hidden": 7, "activation": "relu", "init": "zeros", "solver": "sgd", "learning_rate": 0.5,
    "momentum": 0.1, "batch_size": 3, "shuffle_rows": 50, "schedule": "cosine", "max_iter": 2,
    "alpha": 3.0, "effort": 2, "time_budget": 60.0, "max_predict_cost": 2.0, "weight_decay": 0.5, "dropout": 0.5, "members": 1, "early_stopping": False,
    "validation_fraction": 0.4, "n_iter_no_change": 1, "tol": 0.5, "scoring": "accuracy",
    "encode": None, "bins": 3, "words": ["x0"], "numbers": ["x1"], "drop": ["x2"],
    "decimal": ",", "date_order": "dmy", "missing": ["gone"], "fold": ["x0"],
    "dtype": "float64", "random_state": 7, "n_jobs": 1, "warm_start": True, "checkpoint": "folder",
    "engine": "local", "replicas": 2, "local_steps": 3, "memory": "1GiB", "scratch": "folder",
    "verbose": True, "class_weight": "balanced", "threshold": 0.3, "loss": "poisson",
}  # fmt: skip


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_signatures_and_fields_agree(estimator):
    signature = inspect.signature(estimator)
    assert all(p.kind is p.KEYWORD_ONLY for p in signature.parameters.values())
    others = {"loss"} if estimator is ShoalClassifier else {"class_weight", "threshold"}
    expected = set(FIELDS) - others
    assert set(signature.parameters) == expected == set(names_of(ESTIMATORS[estimator]))
    for name, parameter in signature.parameters.items():
        assert parameter.annotation is not parameter.empty
        assert parameter.default == FIELDS[name].default
        FIELDS[name].kind.check(name, parameter.default)
    assert set(estimator().get_params()) == expected


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_docstring_describes_every_parameter_and_no_other(estimator):
    text = inspect.getdoc(estimator)
    section = re.search(r"Parameters\n-+\n(.*?)\n\n?(Attributes|Notes|Examples)\n-", text, re.S)
    names = re.findall(r"^(\w+) : ", section[1], re.M)
    assert sorted(names) == sorted(names_of(ESTIMATORS[estimator]))


def test_every_field_says_what_it_is():
    for name, field in FIELDS.items():
        assert field.name == name
        assert field.help.endswith((".", "…"))
        assert field.kind.words
        assert (field.option is None) == (not field.metavar)
        assert field.kept or not field.result  # what a result depends on is kept in the file


def test_settings_are_frozen():
    s = Settings(hidden=3)
    with pytest.raises(AttributeError, match="frozen"):
        s.hidden = 4
    assert pickle.loads(pickle.dumps(s)).hidden == 3
    with pytest.raises(SettingError, match="no parameter is called width"):
        Settings(width=3)


COUNTS = [n for n, v in OTHERS.items() if type(v) is int]
SHARES = [n for n, v in OTHERS.items() if type(v) is float]


@pytest.mark.parametrize("name", COUNTS + SHARES)
def test_a_numpy_number_is_a_number(name):
    value = np.int8(OTHERS[name]) if name in COUNTS else np.float32(OTHERS[name])
    found = getattr(Settings(**{"solver": "sgd", name: value}), name)
    assert type(found) in (int, float)
    assert found == value


ABSURD = {
    "bins": 2**31, "weight_decay": 1e30, "alpha": 10**400, "class_weight": [1],
    "words": range(10**12), "numbers": "ab", "drop": [["a"]], "missing": np.float32, "fold": 1, "decimal": "x",
    "date_order": "ydm", "init": 1e308, "members": 10**9,
    "learning_rate": -(10**400), "tol": np.inf, "memory": "1" * 10**6, "random_state": -1,
    "n_jobs": 0, "max_iter": 10**10, "dropout": np.nan, "dtype": object(), "verbose": "yes",
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), ABSURD.items())
def test_absurd_values_are_refused_by_name_before_anything_is_done(name, value):
    with pytest.raises(SettingError, match=rf"^{name}=.*expected") as caught:
        ShoalClassifier(**{name: value}).fit(X, Y)
    assert caught.value.setting == name
    assert len(str(caught.value)) < 400


def answers(model, X, y):
    """All that a fitted model says."""
    file = io.BytesIO()
    found = [model.predict(X), model.transform(X), np.float64(model.score(X, y))]
    if hasattr(model, "predict_proba"):
        found += [model.predict_proba(X), model.predict_log_proba(X)]
    else:
        found += list(model.predict(X, return_std=True))
        found += [model.predict_interval(X, 0.8), model.predict_members(X)]
    for array in found:
        np.save(file, array)
    told = shoal.diagnose(model, X, y).to_dict(), model.diagnosis_.to_dict()
    return file.getvalue(), json.dumps(told, sort_keys=True), model.fingerprint_


def saved(model, folder):
    """The bytes of its file."""
    model.save(folder / "m.shoal")
    return (folder / "m.shoal").read_bytes()


@pytest.fixture(scope="module", params=["classes", "numbers", "text"])
def fitted(request, tmp_path_factory):
    """A model, rows for it, what it answers to them, and its file."""
    table = pa.table({"a": X[:, 0], "b": np.where(X[:, 1] > 3, "high", "low")})
    model, *rows = {
        "classes": (ShoalClassifier(**QUICK, encode=None), X, Y),
        "numbers": (ShoalRegressor(**QUICK), *NUMBERS),
        "text": (ShoalClassifier(**QUICK), table, Y > 0),
    }[request.param]
    model.fit(*rows)
    folder = tmp_path_factory.mktemp("models")
    return model, rows, answers(model, *rows), saved(model, folder), folder / "m.shoal"


@pytest.mark.parametrize("name", FIELDS)
def test_what_is_set_after_the_fit_changes_no_answer(fitted, name, tmp_path):
    model, rows, before, file, _ = fitted
    if name not in model.get_params():
        return  # the regressor has no class_weight
    for assign in (setattr, lambda model, name, value: model.set_params(**{name: value})):
        changed = pickle.loads(pickle.dumps(model))
        assign(changed, name, OTHERS[name])
        assert getattr(pickle.loads(pickle.dumps(changed)), name) == OTHERS[name]
        assert answers(changed, *rows) == before
        assert saved(changed, tmp_path) == file


def test_a_file_keeps_the_settings_of_the_fit(fitted):
    model, rows, before, _, path = fitted
    again = shoal.load(path)
    assert answers(again, *rows) == before
    assert again.get_params() == model.get_params()


def test_a_file_keeps_nothing_of_the_machine(tmp_path):
    X, y = load_iris(return_X_y=True)
    model = ShoalClassifier(solver="lbfgs", max_iter=2, random_state=0).fit(X, y)
    usual = model.get_params()
    own = {
        "n_jobs": 1, "checkpoint": "c", "engine": "tcp://here:8786", "memory": "1GiB", "scratch": "s",
        "verbose": True,
    }  # fmt: skip
    learnt = model.fitted_
    model._keep(learnt.replaced(settings=learnt.settings.replaced(**own)))
    model.save(tmp_path / "m.shoal")
    kept = shoal.load(tmp_path / "m.shoal").get_params()
    assert {name: kept[name] for name in own} == {name: usual[name] for name in own}


def test_the_table_of_the_documentation_is_that_of_the_fields():
    docs = Path(__file__).parents[2] / "docs" / "reference"
    spec = importlib.util.spec_from_file_location("parameters", docs / "parameters.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (docs / "parameters.md").read_text(encoding="utf-8") == module.table()

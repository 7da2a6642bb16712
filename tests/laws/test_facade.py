"""The public face: sorted, complete, documented, and cheap to look at."""

import json
import subprocess
import sys

import numpy as np
import pytest

import shoal

HEAVY = ("sklearn", "pyarrow", "typer", "rich", "pandas", "polars", "scipy", "narwhals", "joblib")


def loaded_after(code):
    """The modules that a fresh interpreter has loaded."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout))


def test_the_names_are_sorted_and_complete():
    assert shoal.__all__ == sorted(shoal.__all__)
    assert set(shoal.__all__) == set(shoal._ROOMS)
    assert dir(shoal) == shoal.__all__


def test_a_name_that_is_not_there_is_no_name():
    with pytest.raises(AttributeError, match="module 'shoal' has no attribute 'Shoal'"):
        shoal.Shoal  # noqa: B018


@pytest.mark.parametrize("name", shoal.__all__)
def test_every_name_lives_where_it_is_said_to(name):
    thing = getattr(shoal, name)
    assert thing.__name__ == name
    assert thing.__module__ == shoal._ROOMS[name]


def public_things():
    for name in shoal.__all__:
        thing = getattr(shoal, name)
        yield name, thing
        if isinstance(thing, type):
            for base in thing.__mro__:
                if base.__module__.startswith("shoal"):
                    for member, value in vars(base).items():
                        if not member.startswith("_") and (
                            callable(value) or hasattr(value, "__get__")
                        ):
                            yield f"{name}.{member}", getattr(thing, member)


THINGS = dict(public_things())


@pytest.mark.parametrize("name", THINGS)
def test_every_public_thing_says_what_it_is(name):
    doc = THINGS[name].__doc__
    assert doc, name
    first = doc.strip().splitlines()[0]
    assert 15 <= len(first) <= 100, first


def test_no_two_public_things_say_the_same():
    firsts = {}
    for thing in THINGS.values():
        firsts.setdefault(thing.__doc__.strip().splitlines()[0], set()).add(
            thing.__qualname__ if hasattr(thing, "__qualname__") else repr(thing)
        )
    assert [names for names in firsts.values() if len(names) > 1] == []


def test_import_shoal_loads_nothing_heavy():
    loaded = loaded_after("import shoal")
    assert "shoal" in loaded
    assert not [name for name in HEAVY if name in loaded]


def test_a_network_needs_no_scikit_learn_and_no_tables():
    loaded = loaded_after("import shoal; shoal.Network.initialise(2, 3, 1).W1")
    assert "numpy" in loaded
    assert not [name for name in HEAVY if name in loaded]


PREDICTIONS = {
    "array": ("binary-numbers", "fitted.predict_proba(np.zeros((1, 4)))"),
    "rows": ("words", "fitted.predict([{'x': 1.5, 'colour': 'red'}, {'x': None, 'colour': None}])"),
    "columns": ("words", "fitted.predict({'x': [1.5], 'colour': ['red']})"),
    "sets": ("binary-numbers", "fitted.predict_set(np.zeros((1, 4)), 0.5)"),
    "explanation": ("words", "fitted.explain({'x': [1.5, 2], 'colour': ['red', 'blue']})"),
}


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_the_fitted_value_of_a_file_needs_numpy_alone(kind, tmp_path):
    table, code = PREDICTIONS[kind]
    file = tmp_path / "m.shoal"
    y = [0, 1] * 30
    X = {"x": [0.5 * i for i in range(60)], "colour": ["red", "blue", "green"] * 20}
    if table == "binary-numbers":
        X = np.random.default_rng(0).normal(size=(60, 4))
    model = shoal.ShoalClassifier(
        random_state=0, members=2, max_iter=2, threshold="f1", scoring="accuracy"
    )
    model.fit(X, y).save(file)
    loaded = loaded_after(
        f"import shoal, numpy as np; fitted = shoal.load_fitted({str(file)!r}); {code}"
    )
    assert "numpy" in loaded
    assert not [name for name in HEAVY if name in loaded]


@pytest.mark.slow
def test_an_estimator_needs_no_program():
    loaded = loaded_after("import shoal; shoal.ShoalClassifier()")
    assert "sklearn" in loaded
    # From version 1.9 on scikit-learn's own estimators load rich, for its callbacks.
    theirs = loaded_after("import sklearn.linear_model")
    assert not [
        name for name in ("typer", "rich", "polars") if name in loaded and name not in theirs
    ]


def test_the_version_is_the_packages():
    from importlib.metadata import version

    assert shoal.__version__ == version("shoal")

"""Rules of the code's structure that no linter knows."""

import ast
from pathlib import Path

import pytest

import shoal

ROOT = Path(shoal.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
MOST_PARAMETERS = 8
# The public API keeps the parameters that it has.
PUBLIC = {"init_study", "initialise"}


def functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_function_has_more_than_eight_parameters(path):
    for function in functions(path):
        if function.name in PUBLIC or function.name == "__init__":
            continue
        a = function.args
        n = len(a.posonlyargs) + len(a.args) + len(a.kwonlyargs)
        n -= bool(a.args) and a.args[0].arg in ("self", "cls")
        assert n <= MOST_PARAMETERS, f"{function.name} has {n} parameters"


def attributes_written(path):
    """(attribute, object) of each assignment to an attribute of a fitted estimator."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Attribute) and target.attr.endswith("_"):
                yield target.attr


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_writes_a_fitted_attribute(path):
    written = {a for a in attributes_written(path) if not a.startswith("_")}
    # Displays are scikit-learn's: `plot` leaves what it drew.
    if path.parent.name == "pictures":
        written -= {"ax_", "axes_", "figure_", "lines_"}
    assert not written


def test_one_place_makes_an_estimator_fitted():
    places = [
        path.name
        for path in FILES
        if '["_fitted"] =' in path.read_text(encoding="utf-8")
        or "._fitted =" in path.read_text(encoding="utf-8")
    ]
    assert places == ["attributes.py"]

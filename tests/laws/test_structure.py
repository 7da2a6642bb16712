"""Rules of the code's structure that no linter knows."""

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
ROOT = TOP / "src/shoal"
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
        written -= {"ax_", "axes_", "bars_", "figure_", "lines_"}
    assert not written


def test_one_place_makes_an_estimator_fitted():
    places = [
        path.name
        for path in FILES
        if '["_fitted"] =' in path.read_text(encoding="utf-8")
        or "._fitted =" in path.read_text(encoding="utf-8")
    ]
    assert places == ["attributes.py"]


# --- what CONTRIBUTING says of the source ------------------------------------------------

GUIDE = (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8")


def how_to_add(what):
    """The files that a paragraph of "How to add" names."""
    paragraph = re.search(rf"^\*\*{what}\.\*\*(.*?)\n\n", GUIDE, re.M | re.S)[1]
    return set(re.findall(r"`((?:src|kernel)/[\w/.]+)`", paragraph))


def naming(word):
    """The files of the source that name something, or are called so."""
    found = [*ROOT.rglob("*.py"), *(TOP / "kernel").glob("*.?pp"), *ROOT.glob("exports/[cj]*/*.*")]
    pattern = re.compile(rf"\b{word}\b")
    named = [p for p in found if p.stem == word or pattern.search(p.read_text("utf-8"))]
    return {str(p.relative_to(TOP)) for p in named}


def test_every_path_of_the_guide_is_there():
    paths = re.findall(r"`((?:src|kernel|tests|tools)/[\w/.]*)`", GUIDE)
    assert len(paths) > 40
    assert [path for path in paths if not (TOP / path).exists()] == []


def test_the_guide_names_every_room():
    rooms = {p.name for p in ROOT.iterdir() if p.is_dir() and (p / "__init__.py").exists()} - {
        "data"
    }
    assert [room for room in rooms if f"`src/shoal/{room}/`" not in GUIDE] == []


def test_the_places_of_an_activation_are_those_of_the_guide():
    assert naming("leaky_relu") == how_to_add("An activation")


def test_the_laboratory_knows_the_solvers_of_the_estimators():
    from shoal.lab.experiment import SOLVERS as SHOWN
    from shoal.settings import SOLVERS

    assert set(SHOWN) == set(SOLVERS)

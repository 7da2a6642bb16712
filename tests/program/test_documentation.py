"""Documentation executes: what README shows runs, and so do the examples of docstrings."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from typer.main import get_command

import shoal
from shoal.cli.app import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_readme_has_examples():
    assert len(BLOCKS) >= 2


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
@pytest.mark.filterwarnings("ignore:symmetric-units:shoal.ShoalWarning")  # shown on purpose
def test_readme_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})


PAGES = sorted((ROOT / "docs").rglob("*.md"))
EXAMPLES = [
    pytest.param(block, id=f"{page.name}-{i}")
    for page in PAGES
    for i, block in enumerate(
        re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    )
]


@pytest.mark.parametrize("block", EXAMPLES)
@pytest.mark.filterwarnings("ignore:symmetric-units:shoal.ShoalWarning")  # shown on purpose
def test_pages_run(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "docs", "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_of_pages_are_there(page):
    for picture in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / picture).exists()


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_readme_links_lead_somewhere(link):
    assert (ROOT / link).exists()


COMMANDS = get_command(app).commands


def test_readme_has_every_command():
    assert re.findall(r"^\| `shoal (\w+)", README, flags=re.MULTILINE) == list(COMMANDS)


def test_readme_names_no_option_that_is_not_there():
    program = [*COMMANDS.values(), get_command(app)]
    known = {name for each in program for option in each.params for name in option.opts}
    text = re.sub(r"```python.*?```", "", README, flags=re.DOTALL)
    text = re.sub(r"^    dask .*$", "", text, flags=re.MULTILINE)  # another program's options
    assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text)) <= known | {"--help"}


def modules():
    found = pkgutil.walk_packages(shoal.__path__, "shoal.")
    return sorted(m.name for m in found if not m.name.rpartition(".")[2].startswith("_"))


@pytest.mark.parametrize("name", modules())
def test_docstring_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0

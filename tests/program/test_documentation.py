"""Documentation executes: what README shows runs, and so do the examples of docstrings."""

import doctest
import importlib
import importlib.util
import pkgutil
import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

import shoal
from shoal.cli.app import app
from shoal.lab.experiment import Experiment

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
EXAMPLES = {
    str(page.relative_to(ROOT / "docs")): blocks
    for page in PAGES
    if (blocks := re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL))
}


@pytest.mark.parametrize("page", EXAMPLES)
@pytest.mark.filterwarnings("ignore:symmetric-units:shoal.ShoalWarning")  # shown on purpose
@pytest.mark.filterwarnings("ignore:(read as missing|text that is read):shoal.ShoalWarning")
def test_pages_run(page, tmp_path, monkeypatch):
    """The examples of a page, one after the other, as a reader types them."""
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in EXAMPLES[page]:
        exec(compile(block, page, "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_and_links_of_pages_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "gallery/" in link:  # made when the site is built, from the example of this name
            name = re.search(r"plot_\d\d_\w+?(?=_\d{3}\.png|\.rst)|index(?=\.rst)", link)[0]
            assert name == "index" or list((ROOT / "docs/examples").rglob(f"{name}.py")), link
        else:
            assert (page.parent / link).exists(), link


LINKS = [
    pytest.param(link, id=f"{page.name}-{i}")
    for page in PAGES
    for i, link in enumerate(re.findall(r"'(#data=[^']+)'", page.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("link", LINKS)
def test_links_of_pages_open_the_laboratory(link):
    opened = Experiment.of(link)
    assert Experiment.of(f"#{opened.fragment}") == opened


def test_the_page_of_commands_is_that_of_the_program():
    page = ROOT / "docs/reference/commands.md"
    spec = importlib.util.spec_from_file_location("commands", page.with_suffix(".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert page.read_text(encoding="utf-8") == module.page()


def test_every_public_name_is_on_the_page_of_python():
    text = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^   (\w+)$", text, flags=re.MULTILINE)) == shoal.__all__


def test_every_finding_is_on_the_page_of_the_diagnosis():
    folder = ROOT / "src/shoal/diagnosis/rules"
    rules = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    page = (ROOT / "docs/reference/diagnosis.md").read_text(encoding="utf-8")
    named = set(re.findall(r'(?:Finding|Suspect)\(\s*"([a-z-]+)"', rules))
    assert len(named) > 20
    assert [name for name in sorted(named) if f"`{name}`" not in page] == []


def test_every_error_and_variable_is_on_its_page():
    errors = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    public = [name for name in shoal.__all__ if name.endswith(("Error", "Refused", "Warning"))]
    assert [name for name in public if name not in errors] == []
    page = (ROOT / "docs/reference/environment.md").read_text(encoding="utf-8")
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    used = set(re.findall(r'environ\.get\("(\w+)"', source))
    assert used
    assert used == set(re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE))


def test_the_version_is_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert project["version"] == shoal.__version__
    assert f"\nversion: {shoal.__version__}\n" in citation
    assert f"## [{shoal.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


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

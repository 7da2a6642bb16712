"""The markers: each is used, and the quick tests need no compiler, browser or cluster."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKE = (ROOT / "Makefile").read_text(encoding="utf-8")
(CHOICE,) = re.findall(r'^quick:.*\n.*-m "not \((.+)\)"$', MAKE, flags=re.MULTILINE)
NEEDS = CHOICE.split(" or ")
SCRIPT = """
import json
import pytest

class Seen:
    def pytest_collection_finish(self, session):
        self.found = [
            (item.path.relative_to(session.config.rootpath).as_posix(),
             sorted({mark.name for mark in item.iter_markers()}))
            for item in session.items
        ]

seen = Seen()
pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", "tests"], plugins=[seen])
print("\\n" + json.dumps(seen.found))
"""
COMPILED = ("c", "integers", "processors", "program", "round_trips", "thresholds")
PLACES = {
    "browser": ("tests/lab/test_page.py", "tests/exports/test_browser.py"),
    "cluster": ("tests/cluster/",),
    "compiler": (
        "tests/kernel/",
        *(f"tests/exports/test_{name}.py" for name in COMPILED),
    ),
}


@pytest.fixture(scope="module")
def collected():
    """Of every test its file and its markers."""
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [(file, set(marks)) for file, marks in json.loads(run.stdout.splitlines()[-1])]


@pytest.mark.parametrize("need", NEEDS)
@pytest.mark.slow
def test_every_marker_is_registered_and_used_where_it_belongs(need, collected, pytestconfig):
    assert any(line.startswith(f"{need}:") for line in pytestconfig.getini("markers"))
    files = {file for file, marks in collected if need in marks}
    assert files
    assert [file for file in files if not file.startswith(PLACES.get(need, "tests/"))] == []


@pytest.mark.slow
def test_the_quick_tests_are_of_every_kind_but_need_nothing(collected):
    quick = {file for file, marks in collected if not marks & set(NEEDS)}
    assert not [file for file in quick if file.startswith(sum(PLACES.values(), ()))]
    kinds = {file.split("/")[1] for file in quick}
    assert kinds >= {"conformance", "lab", "laws", "oracles", "pictures", "program", "twins"}

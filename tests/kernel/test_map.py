"""kernel/README.md names every file of the kernel, and includes go up its list only."""

import re
from pathlib import Path

KERNEL = Path(__file__).parents[2] / "kernel"
LISTED = re.findall(r"^\| `(\w+\.[ch]pp)` \|", (KERNEL / "README.md").read_text(), re.MULTILINE)


def test_every_file_is_on_the_map_once():
    assert sorted(LISTED) == sorted(path.name for path in KERNEL.glob("*.?pp"))


def test_a_file_includes_only_files_above_it():
    for number, name in enumerate(LISTED):
        included = re.findall(r'^#include "(.+)"$', (KERNEL / name).read_text(), re.MULTILINE)
        assert set(included) <= set(LISTED[:number]), name


def test_no_file_is_longer_than_300_lines():
    longest = max(KERNEL.glob("*.?pp"), key=lambda path: len(path.read_text().splitlines()))
    assert len(longest.read_text().splitlines()) <= 300, longest

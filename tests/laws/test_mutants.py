"""The tables of planted faults fit the source: each fault can be planted in exactly one place."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MUTANTS = [
    mutant
    for table in sorted((ROOT / "tools" / "mutants").glob("*.toml"))
    for mutant in tomllib.loads(table.read_text(encoding="utf-8"))["mutant"]
]


def test_every_fault_has_a_name_of_its_own():
    names = [mutant["name"] for mutant in MUTANTS]
    assert len(set(names)) == len(names) >= 50


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant["name"])
def test_a_fault_can_be_planted_in_one_place(mutant):
    text = (ROOT / mutant["file"]).read_text(encoding="utf-8")
    assert text.count(mutant["old"]) == 1
    assert mutant["new"] != mutant["old"]
    assert mutant["tests"]
    assert all((ROOT / test.partition("::")[0]).exists() for test in mutant["tests"])

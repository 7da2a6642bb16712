"""`python -m benchmarks.anatomy`: the program that times the pieces of a step, and what it is compared with."""

from dataclasses import replace

import pytest
from benchmarks import anatomy, floor
from benchmarks.cases import CASES

from shoal.compute.engine import BUILD

CASE = {letter: next(c for c in CASES if c.letter == letter) for letter in "ADEG"}


def test_the_fewest_multiply_adds_of_a_step_are_counted_by_equation():
    found = floor.multiply_adds(CASE["D"])  # 400 × 2 → 4 → 1
    assert found == {
        "[1]": 3200, "[2]": 1600 * 17, "[3]": 1600, "[4] and the loss": 400 * 26, "[5] [8]": 1600,
        "[6]": 1600, "[9]": 3200, "update": 17 * 5,
    }  # fmt: skip
    assert floor.operations(CASE["D"]) == 2 * sum(found.values())
    assert floor.bare_operations(CASE["D"]) == 2 * 6400


def test_a_prediction_has_no_backward_and_no_loss():
    found = floor.multiply_adds(replace(CASE["G"], m=1000))
    assert set(found) == {"[1]", "[2]", "[3]", "[4] and the loss"}
    assert found["[4] and the loss"] == 13_000
    assert floor.bare_operations(replace(CASE["G"], m=1000)) == 2 * 28 * 32 * 1000


@pytest.mark.skipif(BUILD not in anatomy.BUILDS, reason="there is no kernel")
def test_every_piece_that_is_counted_is_timed(tmp_path):
    program = anatomy.compiled(tmp_path, BUILD, "-O1")
    for letter, rows in (("A", 2000), ("D", 400), ("E", 300)):
        case = replace(CASE[letter], m=rows)
        found = anatomy.measured(program, case)
        assert set(floor.multiply_adds(case)) <= set(found)
        assert min(found.values()) > 0
        assert ("rows gathered and turned" in found) == (letter != "D")
        shown = anatomy.anatomy_table(case, found).splitlines()
        assert len(shown) == len(found) + 3  # title, head, line, the rest; without the peak
        assert shown[-1].split()[5] == "100%"

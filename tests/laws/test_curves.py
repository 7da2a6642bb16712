"""What a loss curve tells, by curves that were made to tell it."""

import numpy as np
import pytest

from shoal.diagnosis.curves import curve_of


def test_a_steady_fall_is_shared_by_both_halves():
    found = curve_of(np.linspace(2.0, 1.0, 11), 2.0)  # as shares of 2: from 1 to ½
    assert (found.epochs, found.first, found.last, found.lowest) == (11, 1, 0.5, 0.5)
    assert found.bounce == found.rise == 0
    assert found.late_share == pytest.approx(0.6)  # the middle is the fifth of eleven
    assert found.late_fall == pytest.approx(0.05)


def test_only_rises_of_the_second_half_bounce():
    early = [9.0, 1.0, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert curve_of(early, 1.0).bounce == 0
    late = [1.0] * 4 + [1.0, 2.0, 1.0, 1.5]  # up by 1, down, up by ½
    assert curve_of(late, 1.0).bounce == pytest.approx(0.5)
    assert curve_of(late, 1.0).rise == pytest.approx(0.5)


def test_the_late_fall_is_that_of_the_last_tenth_of_the_epochs():
    losses = [1.0] * 36 + [0.5] * 4
    assert curve_of(losses, 1.0).late_fall == pytest.approx(0.5)
    assert curve_of([1.0] * 30 + [0.5] * 10, 1.0).late_fall == 0
    assert curve_of([1.0] * 2 + [0.5] * 38, 1.0).late_share == 0


def test_what_is_not_finite_is_left_out_and_one_loss_is_a_curve():
    assert curve_of([2.0, 1.0, np.nan], 1.0).last == 1
    assert curve_of([3.0], 1.0)[:3] == (1, 3, 3)

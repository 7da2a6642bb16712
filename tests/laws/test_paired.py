"""The margin of a verdict: scipy's paired test, its coverage, and groups that count as one."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from shoal.cli.paired import BETTER, NONE, WORSE, compared, mean_and_error
from shoal.cli.scores import Judged, judged

RNG = np.random.default_rng(0)


def of(losses, loss="log_loss"):
    return Judged("one", {loss: float(np.mean(losses))}, np.asarray(losses, float))


@pytest.mark.parametrize("shift", [-0.5, -0.2, 0.0, 0.2, 0.5])
def test_outcomes_are_those_of_the_paired_t_test(shift):
    theirs = RNG.exponential(size=53)
    ours = theirs + shift + RNG.normal(size=53)
    found, oracle = compared("linear", of(ours), of(theirs)), ttest_rel(ours, theirs)
    assert found.difference == pytest.approx(np.mean(ours - theirs))
    assert found.difference / found.standard_error == pytest.approx(oracle.statistic)
    expected = NONE if oracle.pvalue > 0.05 else (BETTER if shift < 0 else WORSE)
    assert found.outcome == expected
    assert found.rows == 53


def test_equal_predictors_show_a_difference_once_in_twenty_times():
    d = RNG.normal(size=(4000, 40))
    shown = [compared("linear", of(row), of(np.zeros(40))).outcome != NONE for row in d]
    assert np.mean(shown) == pytest.approx(0.05, abs=0.012)


def test_the_difference_of_numbers_is_that_of_the_rmse():
    truth = RNG.normal(size=200)
    ours, theirs = (judged("m", truth + RNG.normal(0, s, 200), truth, None) for s in (0.5, 0.8))
    found = compared("constant", ours, theirs)
    assert found.loss == "rmse"
    assert found.difference == pytest.approx(ours.scores["rmse"] - theirs.scores["rmse"])
    assert found.outcome == BETTER


def test_one_row_shows_nothing():
    found = compared("linear", of([0.1]), of([5.0]))
    assert (found.outcome, found.standard_error) == (NONE, None)


def test_the_same_predictions_show_no_difference():
    assert compared("linear", of([1.0, 2.0]), of([1.0, 2.0])).outcome == NONE


def test_rows_that_are_there_twice_count_once_when_they_are_grouped():
    d = RNG.normal(size=60)
    _, error, n = mean_and_error(d)
    _, twice, _ = mean_and_error(np.repeat(d, 2))
    _, grouped, groups = mean_and_error(np.repeat(d, 2), np.repeat(np.arange(60), 2))
    assert groups == n
    assert grouped == pytest.approx(error)
    assert twice < 0.8 * error

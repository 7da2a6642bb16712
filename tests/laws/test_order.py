"""The order in which an epoch takes its rows: a permutation that leaves no trace.

The statistical laws have fixed keys, so they hold or fail for ever. Their bounds are five
standard deviations of what a fair shuffle would give, unless another is named.
"""

import math

import numpy as np
import pytest
from scipy import stats

from shoal.compute import kernel, plain
from shoal.compute.builds import BUILD

pytestmark = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")

POWERS = sorted({2**k + d for k in range(1, 15) for d in (-1, 0, 1)})
SIZES = [4, 5, 8, 13, 16, 31, 32, 33, 64, 100, 257, 400, 512, 1000, 1025, 4096]


def orders(m, n_keys):
    return np.array([kernel.order(m, key, 0) for key in range(n_keys)]).astype(np.int64)


def standard_errors(values, mean, variance):
    """How far the mean of values lies from what a fair shuffle gives."""
    return (np.mean(values) - mean) / math.sqrt(variance / len(values))


def n_keys_of(m):
    return 2000 if m < 500 else 400


def test_it_is_a_permutation():
    for m in [*range(1, 301), *POWERS, 100_000, 327_346]:
        for key, epoch in ((0, 0), ((1 << 64) - 1, 7)):
            seen = np.bincount(kernel.order(m, key, epoch), minlength=m)
            assert (seen == 1).all(), m


def test_it_is_the_order_of_the_plain_twin():
    for m in [*range(1, 301), *POWERS, 100_000]:
        key, epoch = 0x9E3779B97F4A7C15 * m % 2**64, m % 5
        found, expected = kernel.order(m, key, epoch), plain.order(m, key, epoch)
        assert found.dtype == expected.dtype == np.uint32
        np.testing.assert_array_equal(found, expected)


def test_every_epoch_and_every_key_has_its_own():
    seen = {
        kernel.order(100, key, epoch).tobytes()
        for key in (*range(50), *(k << 32 for k in range(1, 50)), 2**64 - 1)
        for epoch in (*range(10), 1 << 20, 1 << 40)
    }
    assert len(seen) == 100 * 12


@pytest.mark.parametrize("m", [4, 5])
def test_every_order_of_a_few_rows_turns_up(m):
    seen = orders(m, 6000) @ m ** np.arange(m)
    counts = np.unique(seen, return_counts=True)[1]
    assert len(counts) == math.factorial(m)
    # They are not equally likely, as six rounds are few for a handful of rows; but none is
    # twice as likely as it should be, or half.
    fair = 6000 / math.factorial(m)
    noise = 4 * math.sqrt(fair)
    assert counts.min() > fair / 2 - noise
    assert counts.max() < fair * 2 + noise


@pytest.mark.parametrize("m", SIZES)
def test_every_row_comes_in_every_place_as_often(m):
    found = orders(m, n_keys_of(m))
    cells = min(m, 16)  # of places and of rows
    places = np.broadcast_to(np.arange(m) * cells // m, found.shape)
    table = np.zeros((cells, cells))
    np.add.at(table, (places, found * cells // m), 1)
    margin = np.bincount(np.arange(m) * cells // m)
    expected = np.outer(margin, margin) / m * len(found)
    # A permutation fixes both margins: (cells - 1)² degrees of freedom, and a variance
    # that is smaller by (m - 1)/m.
    statistic = ((table - expected) ** 2 / expected).sum() * (m - 1) / m
    assert stats.chi2.sf(statistic, (cells - 1) ** 2) > 1e-4


@pytest.mark.parametrize("m", SIZES)
def test_a_place_does_not_tell_its_row(m):
    place = np.arange(m) - (m - 1) / 2
    correlations = (orders(m, n_keys_of(m)) @ place) / (place @ place)
    # Of a fair shuffle: mean 0, variance 1 / (m - 1).
    assert abs(standard_errors(correlations, 0, 1 / (m - 1))) < 5
    assert np.var(correlations) * (m - 1) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("m", SIZES)
def test_it_goes_up_as_often_as_down(m):
    up = (np.diff(orders(m, n_keys_of(m))) > 0).sum(axis=1)
    # Eulerian numbers: mean (m - 1)/2, variance (m + 1)/12.
    assert abs(standard_errors(up, (m - 1) / 2, (m + 1) / 12)) < 5
    assert np.var(up) * 12 / (m + 1) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("m", SIZES)
def test_neighbours_are_parted(m):
    steps = np.diff(orders(m, n_keys_of(m)))
    for step in (1, -1):
        kept = (steps == step).sum(axis=1)
        # Nearly Poisson: m - 1 pairs of neighbours, each together in this order with 1/m.
        assert abs(standard_errors(kept, (m - 1) / m, 1)) < 5


@pytest.mark.parametrize("m", SIZES)
def test_few_rows_stay_in_their_place(m):
    stayed = (orders(m, n_keys_of(m)) == np.arange(m)).sum(axis=1)
    assert abs(standard_errors(stayed, 1, 1)) < 5  # mean 1 and variance 1 for every m


@pytest.mark.parametrize("m", [m for m in SIZES if m >= 100])
def test_every_quarter_lands_in_every_quarter(m):
    quarter = np.arange(m) * 4 // m
    margin = np.bincount(quarter)
    expected = np.outer(margin, margin) / m
    statistics = []
    for order in orders(m, n_keys_of(m)):
        table = np.bincount(quarter * 4 + quarter[order], minlength=16).reshape(4, 4)
        statistics.append(((table - expected) ** 2 / expected).sum() * (m - 1) / m)
    # One order at a time, so a trace that differs from key to key shows as well: chi-squared
    # with 9 degrees of freedom has mean 9 and variance 18.
    assert abs(standard_errors(statistics, 9, 18)) < 5
    assert max(statistics) < stats.chi2.isf(1e-4 / len(statistics), 9)


@pytest.mark.parametrize("m", [4096, 65_536, 100_000])
@pytest.mark.parametrize("lag", [2**k for k in range(12)])
def test_a_row_does_not_tell_the_row_some_places_on(m, lag):
    # Powers of two are where an order made of shifts and multiplications would show.
    for key in range(3):
        order = kernel.order(m, key, 1).astype(np.int64)
        row = order - (m - 1) / 2
        serial = (row[:-lag] * row[lag:]).sum() / (row * row).mean() / math.sqrt(m - lag)
        assert abs(serial) < 5
        for bit in (0, 1, 4):
            sign = 1 - 2 * (order >> bit & 1)
            assert abs((sign[:-lag] * sign[lag:]).sum()) < 5 * math.sqrt(m - lag)


@pytest.mark.parametrize("m", [4096, 100_000])
def test_a_batch_has_rows_from_everywhere(m):
    statistics = []
    for key in range(8):
        batches = kernel.order(m, key, 0)[: m // 256 * 256].reshape(-1, 256).astype(np.int64)
        counts = np.array([np.bincount(batch * 16 // m, minlength=16) for batch in batches])
        statistics.extend(((counts - 16) ** 2 / 16).sum(axis=1))
    expected = 15 * (m - 256) / (m - 1)  # drawn without replacement
    assert abs(standard_errors(statistics, expected, 30)) < 5


def test_an_epoch_does_not_tell_the_next():
    m = 10_000
    for key in range(20):
        places = [np.argsort(kernel.order(m, key, epoch)) for epoch in (3, 4)]
        correlation = np.corrcoef(*places)[0, 1]
        assert abs(correlation) < 5 / math.sqrt(m)
        # Rows that shared a batch of 100 share the next one with probability 1/100.
        together = (places[0] // 100 == places[1] // 100).sum()
        assert abs(together - 100) < 5 * math.sqrt(100)

"""Held out rows and moments: the same from runs as from the whole, exact in their shares."""

from itertools import pairwise

import numpy as np
import pytest

from shoal.compute import plain
from shoal.compute.engine import engine
from shoal.data.encode.moments import Running, moments
from shoal.data.rows.split import Split, hold_out

LABELS = np.random.default_rng(0).choice(5, 3000, p=[0.5, 0.3, 0.15, 0.049, 0.001])


def cut(n, seed):
    inner = np.sort(np.random.default_rng(seed).choice(np.arange(1, n), 7, replace=False))
    return [slice(a, b) for a, b in zip([0, *inner], [*inner, n], strict=True)]


@pytest.mark.parametrize("fraction", [0.1, 0.15, 1 / 3, 0.9])
def test_each_class_gives_its_share(fraction):
    rows, held = hold_out(len(LABELS), fraction, 7, LABELS)
    np.testing.assert_array_equal(np.sort([*rows, *held]), np.arange(len(LABELS)))
    for c, n in enumerate(np.bincount(LABELS)):
        share = min(max(round(n * fraction), 1), n - 1)
        assert np.count_nonzero(LABELS[held] == c) == share


@pytest.mark.parametrize("seed", range(4))
def test_runs_hold_out_what_the_whole_does(seed):
    _, held = hold_out(len(LABELS), 0.15, seed, LABELS)
    split = Split(np.bincount(LABELS).tolist(), 0.15, seed)
    masks = [split.mask(LABELS[part]) for part in cut(len(LABELS), seed)]
    np.testing.assert_array_equal(np.flatnonzero(np.concatenate(masks)), held)


def test_each_cell_gives_one_row_and_each_of_its_rows_as_often():
    counts = np.zeros(40)
    for key in range(2000):
        counts[hold_out(40, 0.15, key)[1]] += 1
    ends = [-(-40 * t // 6) for t in range(7)]  # six cells, of 6 or 7 rows
    for a, b in pairwise(ends):
        assert counts[a:b].sum() == 2000
        p = 1 / (b - a)
        assert np.abs(counts[a:b] - 2000 * p).max() < 4 * np.sqrt(2000 * p * (1 - p))


@pytest.mark.parametrize("sums_about", [engine.sums_about, plain.sums_about])
@pytest.mark.parametrize("weighted", [False, True])
def test_moments_of_aligned_runs_have_the_bits_of_the_whole(weighted, sums_about):
    draw = np.random.default_rng(3)
    x = 1e6 + draw.normal(size=10_000)
    x[draw.random(len(x)) < 0.2] = np.nan
    x[:1500] = np.nan  # the first runs have no value to start from
    w = draw.integers(0, 3, len(x)).astype(float) if weighted else None
    whole = moments(x, w, sums_about)
    running = Running(sums_about)
    for at in range(0, len(x), 1024):
        running.add(x[at : at + 1024], None if w is None else w[at : at + 1024])
    assert running.moments() == whole
    there = ~np.isnan(x)
    usual = np.average(x[there], weights=None if w is None else w[there])
    assert whole.mean == pytest.approx(usual, rel=1e-13)
    spread = np.average((x[there] - usual) ** 2, weights=None if w is None else w[there])
    assert whole.variance == pytest.approx(spread, rel=1e-9)


def test_a_first_row_almost_without_weight_spoils_no_mean():
    x, weights = np.random.default_rng(0).normal(3, 1, 2000), np.ones(2000)
    x[0], weights[0] = 1e9, 1e-30
    found = moments(x, weights, engine.sums_about)
    np.testing.assert_allclose([found.mean, found.variance], [x[1:].mean(), x[1:].var()], rtol=1e-9)


def test_a_constant_has_no_variance_however_large():
    assert moments(np.full(5000, 1e15 + 1), None, engine.sums_about).variance == 0

"""Hashes of rows: rows of a training are known again, whoever held them and in what order."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from shoal import ShoalClassifier
from shoal.data.rows.seen import KEPT, hashes_of, seen_in

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30_000, 5)).astype(np.float32)
OTHERS = RNG.normal(size=(30_000, 5)).astype(np.float32)


def test_rows_in_parts_and_in_any_order_are_the_same_rows():
    whole = seen_in([X])
    parts = seen_in([X[20_000:], X[:7], X[7:20_000]])
    assert whole.limit == parts.limit
    np.testing.assert_array_equal(whole.hashes, parts.hashes)
    assert len(whole.hashes) == KEPT


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_share_that_was_trained_on_is_estimated(share):
    n = int(share * 20_000)
    found = seen_in([X]).share(hashes_of(np.concatenate([X[:n], OTHERS[: 20_000 - n]])))
    assert found == pytest.approx(share, abs=0.06)


def test_the_rows_are_counted():
    assert seen_in([X[:700]]).m == 700
    assert seen_in([X]).m == pytest.approx(len(X), rel=0.1)


@pytest.mark.parametrize("rows", [1, 50, KEPT])
def test_of_few_rows_the_share_is_exact(rows):
    assert seen_in([X[:rows]]).share(hashes_of(np.concatenate([X[:rows], OTHERS[:rows]]))) == 0.5


def test_rows_that_are_there_several_times_tell_nothing():
    assert seen_in([np.repeat(X[:10], 3, axis=0)]) is None
    twice = seen_in([np.concatenate([X[:100], X[:40]])])
    assert twice.share(hashes_of(X[:40])) == 0
    assert twice.share(hashes_of(X[40:100])) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_different_rows_have_different_hashes(dtype):
    grid = np.stack(np.meshgrid(*[np.arange(12)] * 5), axis=-1).reshape(-1, 5)
    assert len(np.unique(hashes_of(np.ascontiguousarray(grid, dtype)))) == len(grid)


def test_half_of_all_hashes_are_in_the_lower_half():
    assert (hashes_of(X) < 1 << 62).mean() == pytest.approx(0.5, abs=0.015)


def test_a_fit_keeps_them_and_a_file_too(tmp_path):
    import shoal

    y = X[:300, 0] > 0
    model = ShoalClassifier(hidden=2, members=1, max_iter=2, random_state=0).fit(X[:300], y)
    fitted = model.fitted_
    assert fitted.seen_share(fitted.hashes(fitted.matrix(X[:600]))) == 0.5
    model.save(tmp_path / "m.shoal")
    again = shoal.load(tmp_path / "m.shoal").fitted_.seen
    assert again.limit == fitted.seen.limit
    np.testing.assert_array_equal(again.hashes, fitted.seen.hashes)


def test_sparse_rows_are_not_known_again():
    model = ShoalClassifier(hidden=2, members=1, max_iter=2).fit(
        csr_matrix(X[:300]), X[:300, 0] > 0
    )
    assert model.fitted_.seen is None

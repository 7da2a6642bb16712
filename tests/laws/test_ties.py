"""Splits by groups and by time: a group is on one side, the latest rows on the other."""

import numpy as np
import pyarrow as pa
import pytest

from shoal import DataError
from shoal.data.rows.ties import Groups, HeldOut, groups_of, times_of

RNG = np.random.default_rng(0)
CODES = RNG.integers(0, 80, 3000).astype(np.int32)


@pytest.mark.parametrize("key", range(5))
def test_a_group_is_on_one_side_and_the_share_is_met(key):
    held = Groups(CODES).held_out(0.2, key)
    assert not np.intersect1d(CODES[held], CODES[~held]).size
    assert held.sum() == pytest.approx(600, abs=int(np.bincount(CODES).max()))


def test_other_keys_hold_other_groups_out():
    assert (Groups(CODES).held_out(0.2, 1) != Groups(CODES).held_out(0.2, 2)).any()


def test_one_large_group_is_not_held_out_where_a_small_one_will_do():
    codes = np.repeat(np.arange(3, dtype=np.int32), [900, 90, 10])
    for key in range(6):
        assert Groups(codes).held_out(0.2, key).sum() <= 200


def test_a_single_group_cannot_be_held_out():
    assert not Groups(np.zeros(50, np.int32)).held_out(0.2, 0).any()


@pytest.mark.parametrize("key", range(8))
def test_every_class_keeps_rows_to_train_on(key):
    labels = (CODES < 3).astype(int) + 2 * (CODES == 70)  # classes of few groups
    held = Groups(CODES).held_out(0.6, key, labels)
    assert set(labels[~held]) == set(labels)
    assert held.any()


def test_groups_in_parts_are_those_of_the_whole():
    names = [None if c == 7 else f"g{c}" for c in CODES]
    whole = groups_of([pa.array(names)])
    parts = groups_of([pa.array(names[:100]), pa.array(names[100:101]), pa.array(names[101:])])
    np.testing.assert_array_equal(whole.codes, parts.codes)
    assert whole.unknown == parts.unknown == (CODES == 7).sum() > 0


def test_missing_groups_of_numbers_are_one_group():
    found = groups_of([pa.array([1.0, np.nan, 2.0]), pa.array([np.nan, None, 1.0])])
    assert found.codes.tolist() == [0, 1, 2, 1, 1, 0]
    assert found.unknown == 3


def test_the_latest_rows_are_held_out():
    times = RNG.normal(size=500)
    held = times_of([pa.array(times)]).held_out(0.3)
    assert held.sum() == 150
    assert times[held].min() > times[~held].max()


def test_rows_of_one_time_are_on_one_side():
    years = np.repeat([2010, 2011, 2012, 2013], 25)
    held = times_of([pa.array(years)]).held_out(0.3)
    assert set(years[held]) == {2012, 2013}
    assert set(years[~held]) == {2010, 2011}


def test_one_time_holds_nothing_out():
    assert not times_of([pa.array([5, 5, 5])]).held_out(0.3).any()


@pytest.mark.parametrize("kind", ["M8[s]", "M8[ns]", "M8[D]", "int32", "float32", "m8[ms]"])
def test_times_of_any_type_have_one_order(kind):
    order = RNG.permutation(40)
    values = order.astype(kind)
    column = pa.array(values)
    held = times_of([column.slice(0, 13), column.slice(13)]).held_out(0.25)
    assert set(order[held]) == set(range(30, 40))


def test_text_is_no_time():
    with pytest.raises(DataError, match="expected dates, times or numbers"):
        times_of([pa.array(["early", "late"])])


def test_a_missing_time_is_refused_with_its_row():
    with pytest.raises(DataError, match=r"row 5.*the time is missing"):
        times_of([pa.array([1, 2, 3]), pa.array([4, None])])


def test_a_mask_is_handed_out_as_rows_come_by():
    mask = RNG.random(100) < 0.3
    split = HeldOut(mask)
    found = [split.mask(np.zeros(n)) for n in (10, 1, 60, 29)]
    np.testing.assert_array_equal(np.concatenate(found), mask)
    assert split.held == mask.sum()

"""Pieces of rows: every one is dealt to one worker, evenly, and stays where it is if it can."""

from hypothesis import given
from hypothesis import strategies as st

from shoal.cluster.pieces import PIECE_BYTES, PIECES_A_WORKER, count, deal, level_of
from shoal.sums import BLOCK_ROWS

NAMES = st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=8, unique=True)


@given(st.integers(1, 200), st.lists(NAMES, min_size=1, max_size=6))
def test_whoever_joins_and_leaves_every_piece_has_one_worker(n, days):
    held = {}
    for workers in days:
        dealt = deal(n, workers, held)
        assert sorted(dealt) == sorted(workers)
        assert sorted(piece for pieces in dealt.values() for piece in pieces) == list(range(n))
        sizes = [len(pieces) for pieces in dealt.values()]
        assert max(sizes) - min(sizes) <= 1
        assert deal(n, workers, held | dealt) == dealt  # nobody moves without a reason
        held |= dealt


@given(st.integers(2, 200), NAMES)
def test_who_comes_back_has_what_it_had(n, workers):
    whole = deal(n, workers, {})
    without = deal(n, workers[1:] or ["k"], whole)
    assert deal(n, workers, whole | without) == whole


@given(st.integers(1, 10**8), st.integers(1, 10**5), st.integers(1, 1000))
def test_pieces_are_small_enough_for_a_task_and_enough_for_all_workers(m, row_bytes, workers):
    level = level_of(m, row_bytes, workers)
    assert level == 0 or (BLOCK_ROWS << level) * row_bytes <= PIECE_BYTES
    blocks = count(m, 0)
    assert count(m, level) >= min(blocks, PIECES_A_WORKER * workers)

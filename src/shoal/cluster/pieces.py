"""Into which pieces the rows are cut, and which worker computes which of them.

m          rows
block      512 of them, see sums.py
piece      an aligned run of 2**level blocks: a node of the tree
"""

from collections.abc import Mapping, Sequence

from shoal.sums import BLOCK_ROWS

# A piece that a worker does not have travels with its task; Dask warns from 10 MB on.
PIECE_BYTES = 8 << 20
# This many a worker at least: then their shares differ by an eighth at the most.
PIECES_A_WORKER = 8


def level_of(m: int, row_bytes: int, workers: int) -> int:
    """The level of the pieces: as large as they may be, and enough of them for all workers."""
    largest = PIECE_BYTES // max(row_bytes * BLOCK_ROWS, 1)
    fewest = count(m, 0) // (PIECES_A_WORKER * max(workers, 1))
    return max(min(largest, fewest).bit_length() - 1, 0)


def count(m: int, level: int) -> int:
    """How many pieces there are."""
    return -(-m // (BLOCK_ROWS << level))


def deal(
    n: int, workers: Sequence[str], held: Mapping[str, Sequence[int]]
) -> dict[str, tuple[int, ...]]:
    """Give each of n pieces to one of the workers, evenly; what a worker holds it keeps.

    >>> deal(5, ["a", "b"], {})
    {'a': (0, 1, 2), 'b': (3, 4)}
    >>> deal(5, ["b", "c"], {"a": (0, 1, 2), "b": (3, 4)})
    {'b': (3, 4, 0), 'c': (1, 2)}
    """
    size, more = divmod(n, len(workers))
    free = dict.fromkeys(range(n))
    dealt = {}
    for i, worker in enumerate(workers):
        kept = [piece for piece in held.get(worker, ()) if piece in free][: size + (i < more)]
        dealt[worker] = kept
        for piece in kept:
            del free[piece]
    rest = iter(free)
    return {
        worker: (*kept, *(next(rest) for _ in range(size + (i < more) - len(kept))))
        for i, (worker, kept) in enumerate(dealt.items())
    }

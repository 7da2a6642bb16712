"""Rows in a scratch file: the sums of the rows in memory, whatever the disk and the runs are like."""

import errno
import os
from itertools import pairwise

import numpy as np
import pytest

from shoal.compute import scratch as scratch_files
from shoal.compute import stream
from shoal.compute.engine import engine
from shoal.compute.scratch import Scratch
from shoal.data.rows.examples import Examples
from shoal.errors import FileError
from shoal.network.architecture import Architecture
from shoal.network.initialisers import initialise
from shoal.sums import BLOCK_ROWS

RNG = np.random.default_rng(6)
M = 9 * BLOCK_ROWS + 100
X = RNG.normal(size=(M, 3)).astype(np.float32)
EXAMPLES = Examples(X, None, (X[:, 0] > 0).astype(np.int32), np.ones(M, np.float32))
SHAPE = Architecture(3, 4, 1)
PARAMETERS = SHAPE.flatten(initialise(3, 4, 1, key=1), "float32")


class Short:
    """A raw file that writes as little at once as a system may, and can fail."""

    error = 0

    def __init__(self, file):
        self.file, self.fileno, self.close = file, file.fileno, file.close

    def write(self, view):
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        return self.file.write(view[:1000])


@pytest.fixture
def short(monkeypatch):
    """A disk that does little at once."""
    whole, read = scratch_files.tempfile.TemporaryFile, os.preadv
    monkeypatch.setattr(
        scratch_files.tempfile, "TemporaryFile", lambda *a, **more: Short(whole(*a, **more))
    )
    monkeypatch.setattr(os, "preadv", lambda file, buffers, at: read(file, [buffers[0][:1000]], at))


@pytest.fixture
def scratch(tmp_path):
    scratch = Scratch(str(tmp_path))
    yield scratch
    scratch.close()


def fill(scratch):
    for first in range(0, M, 1000):
        rows = slice(first, first + 1000)
        scratch.append(
            EXAMPLES._replace(X=X[rows], labels=EXAMPLES.labels[rows], weights=EXAMPLES.weights[rows])
        )  # fmt: skip


def test_reads_and_writes_that_come_short_lose_nothing(short, scratch):
    fill(scratch)
    found = scratch.read([slice(10, 2000), slice(4000, M)], stream.Buffer())
    np.testing.assert_array_equal(found.X, np.concatenate([X[10:2000], X[4000:]]))
    np.testing.assert_array_equal(found.labels[-700:], EXAMPLES.labels[-700:])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
def test_a_disk_that_fails_is_told_with_what_to_do(number, short, scratch, monkeypatch):
    monkeypatch.setattr(Short, "error", number)
    told = os.strerror(number) if number == errno.EIO else "is full. Make room, or name another"
    with pytest.raises(FileError, match=told):
        fill(scratch)


def test_a_run_takes_no_more_than_it_may_and_changes_no_bit(scratch, monkeypatch):
    expected = engine.sums(SHAPE, PARAMETERS, EXAMPLES, 1)
    asked, windows = [], stream.Streamed.windows
    monkeypatch.setattr(
        stream.Streamed, "windows", lambda self, runs: windows(self, asked.append(runs) or runs)
    )
    fill(scratch)
    for blocks in (1, 2, 3, 4, 7, 100):
        most = blocks * BLOCK_ROWS * scratch.row_bytes
        found = stream.Streamed(scratch, run_bytes=most).sums(SHAPE, PARAMETERS, 1)
        assert (found.loss, found.weight) == (expected.loss, expected.weight)
        np.testing.assert_array_equal(found.gradient, expected.gradient)
        rows = [run.stop - run.start for (run,) in asked.pop()]
        assert sum(rows) == M
        assert max(rows) * scratch.row_bytes <= most
        assert max(rows) > min(M, blocks * BLOCK_ROWS) / 2  # and no less than needed


def test_what_is_read_ahead_does_not_lie_where_it_is_still_in_use():
    buffers = list(stream._ahead([lambda buffer: buffer] * 5))
    assert len({id(buffer) for buffer in buffers}) == 2
    assert all(a is not b for a, b in pairwise(buffers))

"""Kill a training a hundred times at random moments: no bit is lost, and little work.

Run by `make test-crash`. So that a hundred kills take minutes and not hours, the training is
kept every 0.3 seconds and not every 30; what may be lost shrinks with it.
"""

import random
import subprocess
import sys
import time

import numpy as np

from shoal import ShoalClassifier
from shoal.files.checkpoint import kept_in
from shoal.files.container import read

KILLS, EVERY = 100, 0.3
# A call of the kernel takes up to 0.1 s, a busy machine the rest.
SLACK = 0.7
SETTINGS = {
    "hidden": 48, "members": 2, "max_iter": 9000, "early_stopping": False, "n_iter_no_change": 10**6,
    "random_state": 0,
}  # fmt: skip
PROGRAM = f"""
import sys, time
import numpy as np
from shoal import ShoalClassifier
from shoal.files import checkpoint
checkpoint.EVERY = {EVERY}
data = np.load(sys.argv[1])
log = open(sys.argv[3], "w", buffering=1)
def verbose(report):
    print(time.monotonic(), report.epoch, file=log)
print(time.monotonic(), 0, file=log)
model = ShoalClassifier(**{SETTINGS!r}, checkpoint=sys.argv[2], n_jobs=int(sys.argv[4]), verbose=verbose)
print(model.fit(data["X"], data["y"]).fingerprint_)
"""


def epochs_kept(folder):
    return [len(read(path, finite=False).tensors["losses"]) for path in kept_in(folder)]


def test_no_bit_and_little_work_is_lost(tmp_path):
    random_numbers, moments = np.random.default_rng(6), random.Random(6)
    X = random_numbers.normal(size=(4000, 10)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    data, folder, log = tmp_path / "data.npz", tmp_path / "kept", tmp_path / "log.txt"
    np.savez(data, X=X, y=y)
    most_lost, over, epochs = 0.0, 0, []
    for i in range(KILLS):
        log.unlink(missing_ok=True)
        before = epochs_kept(folder)
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, data, folder, log, str(1 + i % 2)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while not log.exists() and process.poll() is None:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 1.2))
        process.kill()
        killed = time.monotonic()
        told = process.communicate()[1]
        assert process.returncode in (-9, 0), told
        over += process.returncode == 0
        after = epochs_kept(folder)  # reads, and so checks, every file
        assert all(a <= b for a, b in zip(before, after, strict=False))
        epochs.append(max(after, default=0))
        lines = [
            line.split() for line in log.read_text().splitlines(keepends=True) if line[-1] == "\n"
        ]
        reports = [(float(moment), int(epoch)) for moment, epoch in lines]
        # Up to what was kept nothing is lost: the first report beyond it tells since when.
        lost = [killed - moment for moment, epoch in reports if epoch >= after[0]] if after else []
        if process.returncode and after and len(reports) > 1:
            most_lost = max([most_lost, *lost])
    print(f"\n{KILLS} kills, {over} of them after the end: at most {most_lost:.2f} s of work lost")
    print("epochs kept after each kill:", *epochs)
    resumed = ShoalClassifier(**SETTINGS, checkpoint=folder).fit(X, y)
    whole = ShoalClassifier(**SETTINGS).fit(X, y)
    print(f"resumed {resumed.fingerprint_}, never interrupted {whole.fingerprint_}")
    assert resumed.fingerprint_ == whole.fingerprint_
    assert resumed.loss_curves_ == whole.loss_curves_
    assert most_lost <= EVERY + SLACK

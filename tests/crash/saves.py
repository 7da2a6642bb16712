"""Kill, or fail, a save at each of its file-system calls: the old file is there or the new one.

Run by `make test-crash`. strace stops a process on its way into a call, so that what is before
the call has happened and nothing behind it has.
"""

import os
import re
import shutil
import subprocess
import sys
import warnings
from collections import Counter

import numpy as np
import pytest

from shoal import ShoalClassifier
from shoal.compute.steps import start
from shoal.errors import FileError
from shoal.files import checkpoint
from shoal.training.loop import TrainingState

pytestmark = [
    pytest.mark.skipif(not shutil.which("strace"), reason="needs strace (apt-get install strace)"),
    pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux's"),
]

X = np.arange(80.0).reshape(20, 4)
DONE, REFUSED, STRANGE = 0, 3, 4


def model(folder, version):
    fitted = ShoalClassifier(random_state=version, max_iter=2).fit(X, np.arange(20) % 2)
    return folder / "m.shoal", lambda: fitted.save(folder / "m.shoal")


def member(folder, version):
    vector = np.full(1000, version, np.float32)
    keep = checkpoint.Checkpoint(folder, {"hidden": 4}).keeper(0, 7)
    training = TrainingState(start(vector, "adam"), vector)
    return folder / "member-0.checkpoint", lambda: keep(training, now=True)


def traced(save, log, *options):
    """How a process ends that saves under strace, and the names of the calls it made."""
    ready, go = os.pipe()
    child = os.fork()
    if child == 0:
        code = STRANGE
        try:
            warnings.simplefilter("ignore")
            os.read(ready, 1)
            save()
            code = DONE
        except FileError:
            code = REFUSED
        finally:
            os._exit(code)
    command = ["strace", "-p", str(child), "-o", log, "-e", "trace=%file,%desc", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert "attached" in tracer.stderr.readline()
        os.write(go, b"!")
        ending = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        tracer.communicate()
    os.close(ready)
    os.close(go)
    calls = re.findall(r"^(\w+)\(", log.read_text(errors="replace"), flags=re.MULTILINE)
    return ending, calls[calls[0] == "read" :]  # without the child's waiting


@pytest.mark.parametrize("kind", [model, member])
@pytest.mark.parametrize("fault", ["signal=KILL", "error=EIO", "error=ENOSPC"])
def test_the_old_file_is_there_or_the_new_one(kind, fault, tmp_path):
    folder, log = tmp_path / "kept", tmp_path / "calls.txt"
    folder.mkdir()
    path, save = kind(folder, 1)
    save()
    old = path.read_bytes()
    save = kind(folder, 2)[1]
    ending, calls = traced(save, log)
    new = path.read_bytes()
    assert ending == DONE
    assert old != new
    assert {"openat", "write", "fsync", "close"} < set(calls)
    seen, results = Counter(), Counter()
    for name in calls:
        seen[name] += 1
        path.write_bytes(old)
        ending, _ = traced(save, log, "-e", f"inject={name}:{fault}:when={seen[name]}")
        after = path.read_bytes()
        told = f"{name}, number {seen[name]}: {len(after)} bytes, ended with {ending}"
        assert after in (old, new), told
        if fault == "signal=KILL":
            assert ending == -9, told
        elif kind is model:  # what a training says of it, a warning, is not looked at here
            assert ending == (DONE if after == new else REFUSED), told
        else:
            assert ending == DONE, told
        results["new" if after == new else "old"] += 1
    assert results["old"]
    assert results["new"]
    print(f"\n{kind.__name__}, {fault}: killed or failed at {len(calls)} calls, {dict(results)}")
    print(*calls)

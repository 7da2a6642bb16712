"""`shoal train --memory`: beside the same in memory, interrupted, and on a full disk."""

import io
import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shoal.cli import main

FAST = ["--hidden", "4", "--members", "1", "--max-iter", "3"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three files with holes in the target."""
    folder, draw, m = tmp_path_factory.mktemp("files"), np.random.default_rng(0), 6000
    x = draw.normal(size=(m, 3))
    late = np.where(x[:, 0] + draw.normal(size=m) > 0, "yes", "no")
    table = pa.table(
        {
            "x": x[:, 0],
            "y": x[:, 1],
            "late": pa.array(late, mask=draw.random(m) < 0.1),
            "n": x[:, 2],
        }
    )
    for number, (first, last) in enumerate([(0, 1000), (1000, 1300), (1300, m)]):
        pq.write_table(table.slice(first, last - first), folder / f"{number}.parquet")
    return folder


def answer(capsys, *arguments):
    code = main([*map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    return json.loads(out)


@pytest.mark.parametrize("target", ["late", "n"])
def test_the_answer_is_that_of_the_table_in_memory(folder, capsys, target):
    drop = ["--drop", "n"] if target == "late" else ["--drop", "late"]
    call = ["train", folder, "--target", target, *FAST, *drop]
    expected, found = answer(capsys, *call), answer(capsys, *call, "--memory", "1GiB")
    for key in ("fingerprint", "rows", "test_rows", "task", "reason", "columns", "command"):
        assert found[key] == expected[key], key
    for who, scores in expected["scores"].items():
        assert found["scores"][who] == pytest.approx(scores), who
    files = [folder / f"{i}.parquet" for i in range(3)]
    several = answer(capsys, "train", *files, *call[2:], "--memory", "1GiB", "--test-part", "0")
    globbed = answer(capsys, "train", f"{folder}/*.parquet", *call[2:], "--test-part", "0")
    assert several["fingerprint"] == globbed["fingerprint"] != found["fingerprint"]


@pytest.mark.slow
def test_a_test_file_and_a_report(folder, capsys, tmp_path):
    call = ["train", folder, "--target", "late", *FAST, "--test", folder / "1.parquet"]
    call += ["--report", tmp_path / "r.html"]
    expected, found = answer(capsys, *call), answer(capsys, *call, "--memory", "1GiB")
    assert found["fingerprint"] == expected["fingerprint"]
    assert found["scores"]["shoal"] == pytest.approx(expected["scores"]["shoal"])
    assert (tmp_path / "r.html").exists()


def test_standard_input_is_kept_in_a_file_without_a_name(folder, capsys, tmp_path, monkeypatch):
    call = ["--target", "n", "--drop", "late", *FAST]
    expected = answer(capsys, "train", folder / "2.parquet", *call)
    for more in ([], ["--memory", "1GiB", "--scratch", tmp_path]):
        content = io.BytesIO((folder / "2.parquet").read_bytes())
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
        found = answer(capsys, "train", "-", *call, *more)
        assert found["fingerprint"] == expected["fingerprint"]
        assert not list(tmp_path.iterdir())


def test_a_mistyped_target(folder, capsys):
    assert main(["train", str(folder), "--target", "lat", "--memory", "1GiB"]) == 2
    assert 'there is no column "lat". Did you mean "late"' in capsys.readouterr().err


def program(*arguments, **more):
    code = "import sys; from shoal.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", code, "train", *map(str, arguments)], stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, **more,
    )  # fmt: skip


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_in_the_scratch_folder(folder, tmp_path):
    call = [folder, "--target", "late", "--memory", "1GiB", "--scratch", tmp_path]
    # Sixteen wide networks, half a minute on a fast machine: nobody is done before we signal.
    running = program(*call, "--hidden", 4096, "--members", 16, "--test-part", 0, "--solver", "gd",
                      preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))  # fmt: skip
    deadline = time.monotonic() + 60
    while not _files_of(running.pid, tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)  # until something is there
    assert _files_of(running.pid, tmp_path)
    time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate()
    assert running.returncode == 130, told
    assert not list(tmp_path.iterdir())


def _files_of(pid, folder):
    """Open files of a process that stand, with a name or without, in a folder."""
    links = f"/proc/{pid}/fd"
    try:
        return [t for fd in os.listdir(links) if str(folder) in (t := os.readlink(f"{links}/{fd}"))]
    except OSError:
        return []


@pytest.mark.slow
def test_a_disk_that_becomes_full_ends_it_and_keeps_nothing(folder, tmp_path):
    # Files of at most 10,000 bytes, as on a full disk: Python ignores SIGXFSZ and raises OSError.
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))  # noqa: E731
    running = program(folder, "--target", "late", "--memory", "1GiB", "--scratch", tmp_path,
                      preexec_fn=limit)  # fmt: skip
    _, told = running.communicate()
    assert running.returncode == 1
    assert "scratch space, and" in told
    assert "is full. Make room, or name another folder with --scratch" in told
    assert not list(tmp_path.iterdir())

"""Each page has a process of its own, which is bounded, can be lost, and never outlives its page."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

import shoal
from shoal.lab import process as lab_process
from shoal.lab import repeat

from . import served

PROGRAM = "from shoal.cli import main; raise SystemExit(main())"
SMALL = 300 << 20  # bytes that a process may take here


linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"),
    reason="only Linux bounds the memory of a process, and says in /proc which there are",
)


@pytest.fixture(scope="module")
def lab():
    with served.laboratory() as server:
        yield server


def upload(server, name, content):
    headers = {"Origin": f"http://127.0.0.1:{server.guard.port}"}
    status, _, body = served.ask(server, f"POST /table?name={name}", headers, content)
    assert status == 200
    return json.loads(body)


def is_there(pid):
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pids):
    end = time.monotonic() + served.PATIENCE
    while any(map(is_there, pids)):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def process_of(server, page, fragment="#"):
    name = page.asked("open", "scene", fragment=fragment)["session"]
    return name, server.laboratory.pages[name].process


def hostile(path):
    """A file of a few kilobytes with 200,000 values, each of 20 kB: 4 GB in all."""
    words = pa.DictionaryArray.from_arrays(np.zeros(200_000, np.int32), ["x" * 20_000])
    table = pa.table({"word": words, "y": np.arange(200_000) % 2})
    pyarrow.parquet.write_table(table, path, store_schema=False)
    content = path.read_bytes()
    assert len(content) < 1 << 20
    return content


@linux
def test_a_table_that_unpacks_to_more_than_it_says(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(lab_process, "MEMORY", SMALL)
    with served.Page(lab) as page:
        page.asked("open", "scene", fragment="#pace=0")
        page.say("play")
        told = upload(lab, "small.parquet", hostile(tmp_path / "small.parquet"))["error"]
        assert told == "The table needs more memory than a session may use (314.6 MB)."
        page.until(lambda frame: frame["playing"] and frame["epoch"] > 100)  # it trains on
    assert "table" in upload(lab, "good.csv", b"a,y\n1,no\n2,yes\n")


def test_a_table_of_too_many_columns_is_refused_for_its_width(lab):
    names = ",".join(f"c{i}" for i in range(100_000))
    row = ",".join("1" for _ in range(100_000))
    told = upload(lab, "wide.csv", f"{names}\n{row}\n".encode())["error"]
    assert "100,000 columns: an upload may have 10,000 at most" in told
    assert "memory" not in told


def test_a_table_is_kept_for_the_pages_that_come_later(lab):
    rows = "".join(f"{i % 7},{i % 5},{'no' if i % 2 else 'yes'}\n" for i in range(60))
    with served.Page(lab) as early:
        early.asked("open", "scene", fragment="#")
        known = upload(lab, "own.csv", f"a,b,y\n{rows}".encode())
        assert early.asked("set", "scene", changes={"hidden": 3})["tables"][-1]["name"] == "own.csv"
    with served.Page(lab) as page:
        scene = page.asked("open", "scene", fragment=f"#data=table&table={known['table']}")
        assert scene["name"] == "own.csv"
        assert scene["axes"] == ["a", "b"]
        assert [t["columns"] for t in scene["tables"] if t["name"] == "own.csv"] == [
            ["a", "b", "y"]
        ]


def test_tables_are_bounded_and_the_oldest_makes_room(lab, monkeypatch):
    monkeypatch.setattr("shoal.lab.app.MOST_TABLES", 2)
    first, *_, last = [upload(lab, "t.csv", b"a,y\n%d,no\n2,yes\n" % i) for i in range(3)]
    assert list(lab.laboratory.shelf)[-1] == last["table"]
    assert first["table"] not in lab.laboratory.shelf


def test_the_model_comes_from_the_process(lab, tmp_path):
    with served.Page(lab) as page:
        name, _ = process_of(lab, page, "#epoch=12")
        page.until(lambda frame: frame["epoch"] == 12)
        status, _, content = served.ask(lab, f"GET /model/{name}")
    assert status == 200
    (tmp_path / "m.shoal").write_bytes(content)
    assert shoal.load(tmp_path / "m.shoal").fingerprint_ == repeat("#epoch=12").fingerprint_


def test_a_page_whose_process_is_killed_is_told_and_goes_on(lab):
    with served.Page(lab) as page:
        name, first = process_of(lab, page, "#epoch=5")
        page.until(lambda frame: frame["epoch"] == 5)
        os.kill(first.pid, signal.SIGKILL)
        assert "ended unexpectedly" in page.hear("ended")["message"]
        assert served.ask(lab, f"GET /model/{name}")[0] == 422
        assert process_of(lab, page, "#epoch=7")[1].pid != first.pid
        assert page.until(lambda frame: frame["epoch"] == 7)["loss"] > 0


@linux
def test_a_process_that_does_not_answer_ends_with_its_page_all_the_same(lab):
    with served.Page(lab) as page:
        pid = process_of(lab, page)[1].pid
        os.kill(pid, signal.SIGSTOP)  # it hears nothing, and SIGTERM waits
        with served.Page(lab) as other:  # which the others do not feel
            other.asked("open", "scene", fragment="#epoch=3")
            other.until(lambda frame: frame["epoch"] == 3)
    assert gone([pid])


@linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.slow
def test_nothing_outlives_the_server(number):
    command = [sys.executable, "-c", PROGRAM, "lab", "--no-browser", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        told = b"".join(iter(program.stdout.readline, b"}\n")) + b"}"
        server = served.Elsewhere(json.loads(told)["address"])
        with served.Page(server) as page:
            page.asked("open", "scene", fragment="#pace=0")
            page.say("play")
            page.until(lambda frame: frame["epoch"] > 100)
            children = descendants(program.pid)
            assert len(children) >= 2  # one that begins sessions, and a session
            program.send_signal(number)
            assert (
                program.wait(served.PATIENCE)
                == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 0}[number]
            )
        assert gone(children)
        program.stdout.read()


def descendants(pid):
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = {pid}
    while new := {child for child, parent in parents.items() if parent in found} - found:
        found |= new
    return found - {pid}

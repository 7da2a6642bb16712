"""`shoal train --cluster …`: workers of its own, which end with it, and those of others."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from shoal.cli import main

ROWS = 3000
TABLE = "a,b,late\n" + "".join(
    f"{i * 7 % 31},{i * i % 17},{'yes' if i * i % 7 > 2 else 'no'}\n" for i in range(ROWS)
)
PROGRAM = "import sys; from shoal.cli import main; sys.exit(main())"
TRAIN = ["train", "t.csv", "--target", "late", "--solver", "lbfgs", "--members", "1"]


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(TABLE, encoding="utf-8")


def trained(*arguments, capsys):
    assert main([*TRAIN, "--max-iter", "4", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)["fingerprint"]


def test_a_cluster_that_is_there_gives_the_same_model(cluster, capsys):
    alone = trained(capsys=capsys)
    assert trained("--cluster", cluster.address, capsys=capsys) == alone


def test_its_own_workers_end_with_it_also_after_ctrl_c():
    # Short steps towards what can be learnt: they last for hundreds of epochs.
    rows = [f"{i % 100},{'yes' if i % 100 > 50 else 'no'}" for i in range(ROWS)]
    Path("t.csv").write_text("\n".join(["a,late", *rows]), encoding="utf-8")
    slow = ["--solver", "gd", "--learning-rate", "0.01", "--max-iter", "100000", "--members", "1"]
    command = [sys.executable, "-c", PROGRAM, "train", "t.csv", "--target", "late", *slow]
    with subprocess.Popen([*command, "--cluster", "local"], stderr=subprocess.PIPE) as process:
        while b"epoch" not in (told := process.stderr.read1()):
            assert process.poll() is None, told
        own = psutil.Process(process.pid).children(recursive=True)
        assert len(own) >= 2  # a scheduler, and a worker at least
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 130
    assert not psutil.wait_procs(own, timeout=120)[1]

"""`shoal train --checkpoint … --resume` as a process that is ended from outside."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shoal.cli import main

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of Unix")

ROWS = 4000
TABLE = "a,b,c,late\n" + "".join(
    f"{i * 7 % 31},{i * i % 17},{i % 5},{'yes' if i * i % 7 > 2 else 'no'}\n" for i in range(ROWS)
)
# Some seconds long; both members at once, also where one thread is what there is by default.
LONG = ["--members", "2", "--hidden", "2000", "--threads", "2"]
PROGRAM = """
import sys
from shoal.cli import main
from shoal.files import checkpoint
from shoal.training import loop
checkpoint.EVERY = loop.REPORT_EVERY = 0.01
sys.exit(main())
"""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(TABLE, encoding="utf-8")


def begun(*arguments):
    """A training under way, of which something has been kept."""
    command = ["train", "t.csv", "--target", "late", "--checkpoint", "kept", *arguments]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    while not any(Path().glob("kept/member-*")) and process.poll() is None:
        time.sleep(0.01)
    return process


def trained(*arguments, capsys):
    assert main(["train", "t.csv", "--target", "late", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.slow
def test_a_signal_keeps_what_there_is_and_names_the_way_on(number, code):
    process = begun(*LONG, "-o", "m.shoal")
    process.send_signal(number)
    told = process.communicate()[1].decode()
    assert process.returncode == code
    assert "the best network so far is in m.shoal. To go on: --checkpoint kept --resume." in told
    assert sorted(os.listdir("kept")) == ["member-0.checkpoint", "member-1.checkpoint"]


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_it_ends_as_if_never_killed(capsys):
    settings = ["--max-iter", "300", "--hidden", "16", "--members", "2"]
    whole = trained(*settings, capsys=capsys)
    moments = random.Random(6)
    for i in range(4):
        process = begun(*settings, *(["--resume"] if i else []), "--threads", str(1 + i % 2))
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        process.communicate()
    resumed = trained(*settings, "--checkpoint", "kept", "--resume", capsys=capsys)
    for what in ("fingerprint", "epochs", "best_epoch", "ending", "scores"):
        assert resumed[what] == whole[what]


QUICK = ["train", "t.csv", "--target", "late", "--max-iter", "2", "--checkpoint", "kept"]


def test_what_is_kept_is_not_begun_anew_by_accident(capsys):
    assert main(QUICK) == 0
    assert main(QUICK) == 2
    assert "a training is saved there. Add --resume to continue it" in capsys.readouterr().err
    assert main([*QUICK, "--resume"]) == 0


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--hidden", "3"], "--hidden auto there, 3 here"),
        (["--seed", "1"], "--seed 0 there, 1 here"),
        (["--test-part", "0.5"], "examples=3200 there, 2000 here"),
    ],
)
def test_other_options_are_refused_and_named(more, named, capsys):
    assert main(QUICK) == 0
    assert main([*QUICK, "--resume", *more]) == 2
    assert named in capsys.readouterr().err


def test_another_table_is_refused(capsys):
    assert main(QUICK) == 0
    Path("t.csv").write_text(TABLE.replace("30,", "31,"), encoding="utf-8")
    assert main([*QUICK, "--resume"]) == 2
    assert "kept keeps another training: X differs." in capsys.readouterr().err


def test_a_resume_without_anything_to_resume(capsys):
    assert main([*QUICK, "--resume"]) == 0
    assert "kept holds no training yet: this one begins" in capsys.readouterr().err
    assert main(["train", "t.csv", "--target", "late", "--resume"]) == 2
    assert "--resume: expected --checkpoint FOLDER too" in capsys.readouterr().err


def test_a_folder_that_is_a_file(capsys):
    Path("kept").write_text("")
    assert main(QUICK) == 2
    assert "--checkpoint kept: that is a file" in capsys.readouterr().err

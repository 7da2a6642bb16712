"""How the program ends when a stream fails or somebody interrupts: told, and nothing lost."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from rich.console import Console

import shoal
from shoal.cli import endings, main, signals
from shoal.cli.screen import progress

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")

TABLE = "x,late\n" + "".join(f"{i % 7},{'yes' if i % 3 else 'nö'}\n" for i in range(60))
TRAIN = ["train", "t.csv", "--target", "late", "--max-iter", "2", "-o"]
COMMANDS = {
    "help": ["--help"],
    "help of a command": ["train", "--help"],
    "inspect": ["inspect", "m.shoal"],
    "inspect --json": ["inspect", "m.shoal", "--json"],
    "evaluate": ["evaluate", "m.shoal", "t.csv"],
    "predict": ["predict", "m.shoal", "t.csv"],
    "predict --json": ["predict", "m.shoal", "t.csv", "--json"],
    "train": [*TRAIN, "new.shoal"],
    "train --json": [*TRAIN, "new.shoal", "--json"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("endings")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("t.csv").write_text(TABLE, encoding="utf-8")
        assert main([*TRAIN, "m.shoal"]) == 0
    return folder


@pytest.fixture(autouse=True)
def _here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    Path("new.shoal").unlink(missing_ok=True)


@contextmanager
def full():
    """A disk without space."""
    with suppress(OSError), open("/dev/full", "w", buffering=1, encoding="utf-8") as stream:
        yield stream


@contextmanager
def left():
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    with suppress(OSError), open(writer, "w", buffering=1, encoding="utf-8") as stream:
        yield stream


def ending(arguments, kind, name="stdout"):
    """The exit code when one of the streams fails."""
    with kind() as stream, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, name, stream)
        return main(arguments)


@pytest.mark.parametrize("command", COMMANDS)
def test_results_that_cannot_be_written_are_told(command, capsys):
    assert ending(COMMANDS[command], full) == 1
    told = capsys.readouterr().err
    assert "standard output cannot be written: No space left" in told


@pytest.mark.slow
def test_a_real_program_tells_it_too():
    # Python's own standard output forgets what it could not write: no later flush fails.
    here = [sys.executable, "-c", "import sys; from shoal.cli import main; sys.exit(main())"]
    with open("/dev/full", "w") as stream:
        ended = subprocess.run(
            [*here, *COMMANDS["train"]], stdout=stream, stderr=subprocess.PIPE, check=False
        )
    assert ended.returncode == 1
    assert b"standard output cannot be written" in ended.stderr
    assert shoal.load("new.shoal").fingerprint_ == shoal.load("m.shoal").fingerprint_


# Of help rich itself says that its reader has gone, and ends the process.
@pytest.mark.parametrize("command", [name for name in COMMANDS if "help" not in name])
def test_a_reader_who_has_gone_is_not_told(command, capsys):
    assert ending(COMMANDS[command], left) == 1
    assert "error:" not in capsys.readouterr().err


@pytest.mark.parametrize("kind", [full, left])
@pytest.mark.parametrize(("name", "code"), [("stdout", 1), ("stderr", 0)])
def test_a_trained_network_survives_its_log(kind, name, code):
    command = COMMANDS["train --json" if name == "stderr" else "train"]
    assert ending(command, kind, name) == code
    assert shoal.load("new.shoal").fingerprint_ == shoal.load("m.shoal").fingerprint_


def test_answers_do_not_need_standard_error():
    assert ending([*COMMANDS["predict"], "-o", "answers.csv"], full, "stderr") == 0
    assert Path("answers.csv").read_text(encoding="utf-8").count("\n") == 61


def test_json_is_json_whatever_the_terminal_can_show(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(COMMANDS["inspect --json"]) == 0
    assert json.loads(stream.buffer.getvalue())["record"]["target"] == "late"


@pytest.mark.parametrize("name", ["[/x].csv", "[red]t.csv", "a:x:b.csv"])
def test_file_names_are_shown_as_they_are(name, capsys, monkeypatch):
    terminal = Console(file=io.StringIO(), force_terminal=True, width=80)
    monkeypatch.setattr(progress, "err", terminal)
    with progress.waiting(f"reading {name}"):
        pass
    assert f"reading {name}" in terminal.file.getvalue()
    assert main(["train", name, "--target", "late"]) == 1
    assert f"error: {name}: the file does not exist" in capsys.readouterr().err


class Callback:
    """Something whose end runs code of which Python drops the exceptions."""

    def __init__(self, number):
        self.number = number

    def __del__(self):
        os.kill(os.getpid(), self.number)
        time.sleep(0.01)  # here the handler raises


@pytest.mark.parametrize(
    ("name", "kind"), [("SIGINT", KeyboardInterrupt), ("SIGTERM", signals.Terminated)]
)
def test_an_interruption_that_python_drops_comes_again(name, kind):
    def wait():
        Callback(getattr(signal, name))
        time.sleep(10)

    with signals.raised(), pytest.raises(kind) as caught:
        wait()
    assert type(caught.value) is kind


def test_after_the_end_a_signal_just_ends_the_program():
    before = signal.getsignal(signal.SIGINT)
    try:
        with signals.raised(for_good=True):
            assert signal.getsignal(signal.SIGINT) is not before
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_impatience_before_anything_was_begun_ends_quietly(monkeypatch, capsys):
    class Impatient:
        def find_spec(self, name, *_):
            if name == endings.__name__:
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, endings.__name__)
    monkeypatch.setattr(sys, "meta_path", [Impatient(), *sys.meta_path])
    assert main(["--version"]) == 130
    assert capsys.readouterr() == ("", "")

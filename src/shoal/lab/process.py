"""A process for each page: all that is computed, read and drawn for it happens there.

The server passes messages on and knows nothing of what they say. A message is bytes; the first
one says what it is:

    p  a page's message, or an answer in JSON for it         f  a frame for the page
    m  asks for the model as a file, or is one               r  refuses the model, in words
    t  a table to be read: its name, a line end, its bytes, or the answer in JSON
    s  which tables pages have brought: {digest: name}
    b  asks for the bytes of one, or are they

A process ends when its page closes, and when the server ends, however that ends: then the pipe
is at its end.
"""

import json
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

import pyarrow as pa

from shoal.compute.memory import in_words
from shoal.errors import ShoalWarning
from shoal.lab.messages import MessageHandler, reason_of
from shoal.lab.tables import Tables

PAGE, FRAME, MODEL, REFUSAL, TABLE, SHELF, BYTES = (b"p", b"f", b"m", b"r", b"t", b"s", b"b")
# What a process may take above its own start; four times the table of the command line is
# added, which is copied when its rows are drawn.
MEMORY = 2 << 30
GRACE = 2.0  # seconds between asking a process to end and ending it
# Seconds that a thread may keep the interpreter: the training comes back to it after each call of the
# kernel, and does not wait until a frame is made.
SWITCH = 0.0005

_forks = sys.platform.startswith("linux")  # elsewhere to fork what has threads is not safe
_context: Any = multiprocessing.get_context("forkserver" if _forks else "spawn")
_starting = threading.Lock()


def make_ready() -> None:
    """Let a process that has read all of this program stand by: to begin one more is then quick."""
    if _forks:
        _context.set_forkserver_preload([__name__])
        with _starting:
            forkserver.ensure_running()


class Process:
    """The server's end of a process. Its methods wait, so they belong into threads."""

    def __init__(self, tables: Tables, name: str = "", opening: str = "") -> None:
        self._pipe, there = _context.Pipe()
        self._writing = threading.Lock()
        with _starting:
            self._process = _context.Process(
                target=work, args=(there, tables, name, opening, MEMORY), daemon=True
            )
            self._process.start()
        there.close()

    @property
    def pid(self) -> int:
        """Its number in the system."""
        return int(self._process.pid)

    def send(self, kind: bytes, content: bytes = b"") -> None:
        """Raises OSError when it has ended."""
        with self._writing:
            self._pipe.send_bytes(kind + content)

    def receive(self, seconds: float | None = None) -> tuple[bytes, bytes]:
        """The kind and the content of its next message. Raises EOFError when it has ended."""
        if not self._pipe.poll(seconds):
            raise TimeoutError
        try:
            message = self._pipe.recv_bytes()
        except OSError:
            raise EOFError from None
        return message[:1], message[1:]

    def stop(self) -> None:
        """Ask it to end, without waiting."""
        self._process.terminate()

    def end(self) -> None:
        """End it, whatever it does."""
        self.stop()
        self._process.join(GRACE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


# --- in the process -----------------------------------------------------------------------


def work(pipe: Connection, tables: Tables, name: str, opening: str, memory: int) -> None:
    """Answer what comes through the pipe, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's, who ends this
    sys.setswitchinterval(SWITCH)
    pa.set_memory_pool(pa.system_memory_pool())  # which asks for no more than is wanted
    _bound_memory(memory + 4 * tables.size())
    questions: SimpleQueue[bytes] = SimpleQueue()
    contents: SimpleQueue[bytes] = SimpleQueue()
    writing = threading.Lock()

    def send(kind: bytes, content: bytes) -> None:
        with writing, suppress(OSError):  # the server has gone: so does this
            pipe.send_bytes(kind + content)

    def read() -> None:
        try:
            while True:
                message = pipe.recv_bytes()
                (contents if message[:1] == BYTES else questions).put(message)
        finally:
            os._exit(0)

    def fetch(digest: str) -> bytes:
        send(BYTES, digest.encode())
        return contents.get()[1:]

    def say(answer: str | bytes) -> None:
        send(*((PAGE, answer.encode()) if isinstance(answer, str) else (FRAME, answer)))

    tables.fetch = fetch
    handler = MessageHandler(say, tables, name, opening)
    threading.Thread(target=read, daemon=True).start()
    while True:
        message = questions.get()
        kind, content = message[:1], message[1:]
        if kind == PAGE:
            handler.answer(content.decode())
        elif kind == MODEL:
            send(*_model(handler))
        elif kind == SHELF:
            tables.shelf = json.loads(content)
        elif kind == TABLE:
            send(TABLE, json.dumps(_read(tables, content, memory)).encode())


def _model(handler: MessageHandler) -> tuple[bytes, bytes]:
    try:
        return MODEL, handler.model()
    except Exception as error:
        return REFUSAL, reason_of(error).encode()


def _read(tables: Tables, content: bytes, memory: int) -> dict[str, str]:
    name, _, content = content.partition(b"\n")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ShoalWarning)
            known = tables.drop(name.decode(), content)
    except MemoryError:
        return {"error": too_large(memory)}
    except Exception as error:
        return {"error": reason_of(error)}
    guessed = " ".join(str(each.message) for each in caught)
    return {"table": known.digest, "name": known.name, "notice": guessed}


def too_large(memory: int) -> str:
    """What is said of a table that fills the memory of a process."""
    return f"The table needs more memory than a session may use ({in_words(memory)})."


def _bound_memory(size: int) -> None:
    """Refuse this process more than this much above what it has, where the system can."""
    if not sys.platform.startswith("linux"):
        return
    import resource

    with open("/proc/self/status", encoding="ascii") as lines:
        fields = dict(line.split(":", 1) for line in lines)
    limit = int(fields["VmData"].split()[0]) * 1024 + size
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

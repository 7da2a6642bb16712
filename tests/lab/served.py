"""A laboratory that is served in a thread, and questions to it over bare sockets."""

import json
import socket
import struct
import threading
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, urlsplit

from websockets.sync.client import connect

from shoal.lab.guard import Guard
from shoal.lab.server import Server
from shoal.lab.tables import Tables

# Seconds after which something is taken to hang. A test never passes or fails by how long it took.
PATIENCE = 120


@contextmanager
def laboratory(tables=None, opening=""):
    """A server that runs until the block ends."""
    server, begun = Server(tables or Tables(), opening=opening), threading.Event()
    thread = threading.Thread(target=server.run, args=(begun.set,))
    thread.start()
    assert begun.wait(PATIENCE)
    try:
        yield server
    finally:
        server.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def ask(server, request, headers=None, body=b"", *, cookie=True, host=None):
    """(status, headers, body) of one request, with these headers over the usual ones."""
    port = server.guard.port
    usual = {"Host": host or f"127.0.0.1:{port}", "Connection": "close"}
    if cookie:
        usual["Cookie"] = f"{server.guard.cookie}={server.guard.token}"
    if body:
        usual["Content-Length"] = str(len(body))
    lines = [
        f"{name}: {value}" for name, value in (usual | (headers or {})).items() if value is not None
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall("\r\n".join([f"{request} HTTP/1.1", *lines, "", ""]).encode())
        with suppress(OSError):  # refused before it was read
            connection.sendall(body)
        answer = b""
        with suppress(ConnectionResetError):  # what was sent stays unread after a refusal
            while part := connection.recv(65_536):
                answer += part
    head, _, rest = answer.partition(b"\r\n\r\n")
    first, *told = head.decode("latin1").split("\r\n")
    found = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in told}
    return int(first.split()[1]), found, rest


class Elsewhere:
    """A server in another process, as far as a page knows it by the address."""

    def __init__(self, address):
        found = urlsplit(address)
        token = parse_qs(found.query)["token"][0]
        self.guard = Guard(None, found.port, token)


class Page:
    """The page's part of a conversation."""

    def __init__(self, server):
        origin = f"http://127.0.0.1:{server.guard.port}"
        cookie = f"{server.guard.cookie}={server.guard.token}"
        self.connection = connect(
            f"ws{origin[4:]}/socket", origin=origin, additional_headers={"Cookie": cookie},
            proxy=None, open_timeout=PATIENCE,
        )  # fmt: skip

    def __enter__(self):
        self.socket = self.connection.__enter__()
        return self

    def __exit__(self, *error):
        self.connection.__exit__(*error)

    def say(self, do, **message):
        self.socket.send(json.dumps({"do": do, **message}))

    def hear(self, what):
        """The next message that is this."""
        while True:
            message = self.socket.recv(timeout=PATIENCE)
            if isinstance(message, bytes):
                if what == "frame":
                    length = struct.unpack("<I", message[:4])[0]
                    return json.loads(message[4 : 4 + length]) | {"bytes": message[4 + length :]}
            elif (heard := json.loads(message))["is"] == what:
                return heard

    def asked(self, do, answer, **message):
        self.say(do, **message)
        return self.hear(answer)

    def until(self, condition):
        """The first frame that fulfils a condition."""
        seen = -1
        while True:
            frame = self.asked("frame", "frame", seen=seen)
            if condition(frame):
                return frame
            seen = frame["version"]

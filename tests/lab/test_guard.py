"""Who is refused: wrong names, other origins, no token, too much, and paths that lead out."""

import json
import math
import socket
import threading

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from shoal.lab import app as lab_app
from shoal.lab import server as lab_server
from shoal.lab.page_socket import MOST_MESSAGE

from . import served


@pytest.fixture(scope="module")
def lab():
    with served.laboratory() as server:
        yield server


def test_it_listens_on_the_loopback_alone(lab):
    assert lab._socket.getsockname()[0] == "127.0.0.1"


def test_the_token_becomes_a_cookie_and_leaves_the_address(lab):
    status, headers, _ = served.ask(lab, f"GET /?token={lab.guard.token}", cookie=False)
    assert (status, headers["location"]) == (303, "/")
    for word in ("HttpOnly", "SameSite=Strict", "Path=/", lab.guard.token):
        assert word in headers["set-cookie"]
    status, headers, body = served.ask(lab, "GET /")
    assert status == 200
    assert b"shoal" in body
    assert lab.guard.token.encode() not in body


def test_the_page_may_run_only_its_own_files(lab):
    for path in ("/", "/page/main.js", "/page/lab.css"):
        status, headers, _ = served.ask(lab, f"GET {path}")
        assert status == 200
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
    _, _, page = served.ask(lab, "GET /")
    assert b"<style" not in page
    assert b"style=" not in page
    assert b"onclick=" not in page


# What other programs on 127.0.0.1, at other ports, may have left in the same browser.
STRANGE = [
    'prefs={"a": 1}',
    "a[b]=1",
    "bare",
    "x=" + "a" * 9000,
    "OUR=guess",
    "OUR=",
    'OUR="',
    "=",
    ";;",
]


@pytest.mark.parametrize("strange", STRANGE, ids=[each[:12] for each in STRANGE])
def test_cookies_of_other_programs_lock_nobody_out(strange, lab):
    strange = strange.replace("OUR", lab.guard.cookie)
    own = f"{lab.guard.cookie}={lab.guard.token}"
    for both in (f"{strange}; {own}", f"{own}; {strange}"):
        assert served.ask(lab, "GET /page/main.js", {"Cookie": both})[0] == 200
    assert served.ask(lab, "GET /page/main.js", {"Cookie": strange})[0] == 403


def test_headers_are_bounded_whatever_is_installed(lab):
    status, _, _ = served.ask(lab, "GET /", {"X": "a" * 200_000})
    assert status == 400


def test_who_connects_and_does_not_ask_is_sent_away(lab, monkeypatch):
    address = ("127.0.0.1", lab.guard.port)
    with monkeypatch.context() as patch:
        patch.setattr(lab_server, "SECONDS_TO_ASK", 0.2)
        silent, slow = (socket.create_connection(address, served.PATIENCE) for _ in range(2))
        with silent, slow:
            slow.sendall(b"GET / HTTP/1.1\r\nHost: ")
            assert [connection.recv(1) for connection in (silent, slow)] == [b"", b""]


def test_who_has_asked_once_and_begins_again_is_sent_away_too(lab, monkeypatch):
    address = ("127.0.0.1", lab.guard.port)
    host = f"Host: 127.0.0.1:{lab.guard.port}\r\n"
    with monkeypatch.context() as patch:
        patch.setattr(lab_server, "SECONDS_TO_ASK", 0.2)
        with socket.create_connection(address, served.PATIENCE) as slow:
            slow.sendall(f"GET / HTTP/1.1\r\n{host}\r\n".encode())
            answer = b""
            while b"</html>" not in answer:
                answer += slow.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200")
            slow.sendall(b"GET / HTTP/1.1\r\nHost: ")
            assert slow.recv(1) == b""


@pytest.mark.slow
def test_a_socket_may_be_quiet_for_longer(lab, monkeypatch):
    connected, impatience = [], threading.Event()
    usual = lab_server.Prompt.connection_made

    def connection_made(prompt, transport):
        usual(prompt, transport)
        connected.append(prompt)

    monkeypatch.setattr(lab_server.Prompt, "connection_made", connection_made)
    with served.Page(lab) as page:
        (prompt,) = connected
        # What happens when its time to ask is over, without waiting until it is.
        prompt.loop.call_soon_threadsafe(lambda: (prompt._lose_patience(), impatience.set()))
        assert impatience.wait(served.PATIENCE)
        assert page.asked("open", "scene", fragment="#")["session"]


REFUSED = {
    "another token": ("GET /?token=guess", {}, {"cookie": False}),
    "no token": ("GET /page/main.js", {}, {"cookie": False}),
    "a wrong cookie": ("GET /page/main.js", {"Cookie": "shoal-lab=1"}, {}),
    "another name": ("GET /", {}, {"host": "evil.example"}),
    "another port": ("GET /", {}, {"host": "127.0.0.1:1"}),
    "no name": ("GET /", {"Host": None}, {}),
    "a cross-site script": ("GET /page/main.js", {"Sec-Fetch-Site": "cross-site"}, {}),
    "a same-site script": ("GET /page/main.js", {"Sec-Fetch-Site": "same-site"}, {}),
    "another origin": ("GET /page/main.js", {"Origin": "http://evil.example"}, {}),
    "the origin null": ("GET /page/main.js", {"Origin": "null"}, {}),
    "a frame of it": ("GET /", {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"}, {}),
    "a fetch of the page": ("GET /", {"Sec-Fetch-Mode": "no-cors"}, {}),
    "a form": ("POST /", {}, {"body": b"x"}),
    "an upload without origin": ("POST /table", {}, {"body": b"a,b\n1,2\n"}),
    "an upload from elsewhere": ("POST /table", {"Origin": "http://evil.example"}, {"body": b"a"}),
    "a model of nobody": ("GET /model/guess", {}, {}),
    "no such file": ("GET /page/none.js", {}, {}),
    "a path that leads out": ("GET /page/../guard.py", {}, {}),
    "the same in code": ("GET /page/..%2f..%2fguard.py", {}, {}),
    "a path of the disk": ("GET /page/%2fetc%2fpasswd", {}, {}),
    "coded twice": ("GET /page/%252e%252e%252fguard.py", {}, {}),
    "with backslashes": ("GET /page/..%5c..%5cguard.py", {}, {}),
    "with a nought": ("GET /page/main.js%00.py", {}, {}),
    "another address": (
        "GET http://evil.example/page/main.js",
        {"Origin": "http://evil.example"},
        {},
    ),
    "another method": ("DELETE /page/main.js", {"Origin": "http://evil.example"}, {}),
    "two names": ("GET /", {"Host": "127.0.0.1\r\nHost: evil.example"}, {}),
    "the lessons from elsewhere": ("GET /stories", {"Origin": "http://evil.example"}, {}),
    "no route": ("GET /table", {}, {}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_short(case, lab):
    request, headers, options = REFUSED[case]
    status, told, body = served.ask(lab, request, headers, **options)
    assert 400 <= status < 500
    assert len(body) < 200
    assert lab.guard.token.encode() not in body
    assert "set-cookie" not in told
    assert b"Traceback" not in body


def test_a_navigation_from_anywhere_opens_the_page_and_changes_nothing(lab):
    with served.Page(lab) as page:
        page.asked("open", "scene", fragment="#epoch=5")
        page.until(lambda frame: frame["epoch"] == 5)
        headers = {
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        }
        status, told, _ = served.ask(lab, "GET /", headers, cookie=False)
        assert status == 200
        assert "set-cookie" not in told
        assert page.until(lambda frame: True)["epoch"] == 5


SOCKETS = {
    "no cookie": {"Cookie": ""},
    "a wrong cookie": {"Cookie": "shoal-lab=1"},
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
}


def refused_socket(port, origin, headers):
    address = f"ws://127.0.0.1:{port}/socket"
    with (
        pytest.raises(InvalidStatus, match="403"),
        connect(address, origin=origin, additional_headers=headers, proxy=None),
    ):
        pass


@pytest.mark.parametrize("case", SOCKETS)
def test_a_socket_is_refused(case, lab):
    port = lab.guard.port
    usual = {"Cookie": f"{lab.guard.cookie}={lab.guard.token}"}
    refused_socket(port, f"http://127.0.0.1:{port}", usual | SOCKETS[case])


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://127.0.0.1"])
def test_a_socket_of_another_origin_is_refused(origin, lab):
    cookie = {"Cookie": f"{lab.guard.cookie}={lab.guard.token}"}
    refused_socket(lab.guard.port, origin, cookie)


def origin_of(lab):
    return {"Origin": f"http://127.0.0.1:{lab.guard.port}"}


def test_an_upload_is_bounded(lab, monkeypatch):
    monkeypatch.setattr(lab_app, "MOST_BYTES", 1000)
    status, _, body = served.ask(lab, "POST /table?name=a.csv", origin_of(lab), b"x" * 70_000)
    assert status == 413
    assert "error" in json.loads(body)


UPLOADS = {
    "nothing in it": b"",
    "no table": bytes(range(256)) * 4,
    "packed": b"\x1f\x8b" + b"0" * 100,
    "a broken Parquet file": b"PAR1" + b"0" * 100,
    "rows of other lengths": b"a,b\n" + b"1,2\n" * 120 + b"x,2,3\n",
}


@pytest.mark.parametrize("case", UPLOADS)
def test_a_bad_upload_is_told_in_one_line(case, lab):
    headers = origin_of(lab) | {"Content-Length": str(len(UPLOADS[case]))}
    name = "..%2F..%2Fetc%2Fnames.csv"
    status, _, body = served.ask(lab, f"POST /table?name={name}", headers, UPLOADS[case])
    assert status == 200
    told = json.loads(body)["error"]
    assert told.startswith("names.csv")
    assert "/" not in told.split()[0]
    assert "\n" not in told


def test_what_was_guessed_of_an_upload_is_told(lab):
    content = b"a,b\n" + b"1,2\n" * 120 + b"x,2\n"
    _, _, body = served.ask(lab, "POST /table?name=t.csv", origin_of(lab), content)
    told = json.loads(body)
    assert told["name"] == "t.csv"
    assert 'column "a": 1 of 121 values is not a number' in told["notice"]
    assert "(line 122) of t.csv" in told["notice"]


MESSAGES = {
    "no JSON": "{",
    "no object": "[1]",
    "deep": "[" * 20_000,
    "nothing to do": "{}",
    "unknown": '{"do": "system"}',
    "too early": '{"do": "play"}',
    "a repair of nothing": '{"do": "repair"}',
    "a text that is none": '{"do": "tutor", "text": ["import os"]}',
    "half a character": '{"do": "open", "fragment": "\\ud800"}',
    "a loss of classes": '{"do": "open", "fragment": "#loss=poisson"}',
    "evidence without its solver": '{"do": "open", "fragment": "#alpha=evidence"}',
    "a count below nought": '{"do": "open", "fragment": "#data=counts&points=0,0,-1"}',
    "no fragment": '{"do": "open"}',
    "a bad fragment": '{"do": "open", "fragment": "#data=/etc/passwd"}',
    "twice": '{"do": "open", "fragment": "#data=xor&data=circle"}',
    "endless": '{"do": "open", "fragment": "#learning-rate=1e999"}',
    "too wide": '{"do": "open", "fragment": "#hidden=100000"}',
    "a table of nobody": '{"do": "open", "fragment": "#data=table&table=0123456789abcdef"}',
}


@pytest.mark.parametrize("case", MESSAGES)
def test_a_bad_message_gets_a_short_answer_and_the_talk_goes_on(case, lab):
    with served.Page(lab) as page:
        page.socket.send(MESSAGES[case])
        assert len(page.hear("error")["message"]) < 400
        assert page.asked("open", "scene", fragment="#")["shape"] == [2, 4, 1]


BAD_CHANGES = [
    {"hidden": "4; rm"}, {"hidden": True}, {"hidden": 65}, {"init": -1}, {"init": "nan"}, {"rows": 10**9},
    {"features": ["x1"] * 300}, {"features": ["x9"]}, {"points": [[0, 0, 7]]}, {"points": [[1e99, 0, 0]]},
    {"edits": [[50, "W1", 900, 0, 1.0]]}, {"edits": [[0, "__class__", 0, 0, 1.0]]}, {"unknown": 1},
    {"loss": "absolute"}, {"loss": None}, {"alpha": "Evidence"}, {"alpha": "evidence"},
    {"pair": [0, 99]}, {"alpha": None}, {"alpha": 10**400}, {"alpha": math.nan}, {"alpha": math.inf}, {"epoch": -1}, {"target": "x" * 9999}, {"hide": ["all"]},
]  # fmt: skip


@pytest.mark.parametrize("changes", BAD_CHANGES, ids=str)
def test_a_bad_change_changes_nothing(changes, lab):
    with served.Page(lab) as page:
        before = page.asked("open", "scene", fragment="#hidden=3")
        message = page.asked("set", "error", changes=changes)["message"]
        assert len(message) < 400
        assert "could not be done" not in message  # it is told what was expected
        after = page.asked("set", "scene", changes={})
        assert after["fragment"] == before["fragment"]


def test_a_message_is_bounded(lab):
    with served.Page(lab) as page, pytest.raises(ConnectionClosed):
        page.asked("open", "scene", fragment="x" * (MOST_MESSAGE + 1))


def test_a_session_ends_with_its_page(lab):
    with served.Page(lab) as page:
        name = page.asked("open", "scene", fragment="#pace=0")["session"]
        page.say("play")
        page.until(lambda frame: frame["epoch"] > 100)
        process = lab.laboratory.pages[name].process
    process._process.join(served.PATIENCE)
    assert not process._process.is_alive()
    assert name not in lab.laboratory.pages


def test_pages_are_bounded(lab, monkeypatch):
    monkeypatch.setattr(lab_app, "MOST_PAGES", 1)
    with served.Page(lab) as page:
        page.asked("open", "scene", fragment="#")
        with served.Page(lab) as another, pytest.raises(ConnectionClosed, match="pages are open"):
            another.hear("scene")


def test_questions_that_come_faster_than_answers_do_no_harm(lab):
    with served.Page(lab) as page, served.Page(lab) as other:
        page.asked("open", "scene", fragment="#pace=0")
        page.say("play")
        for _ in range(3000):
            page.say("frame", seen=-1)
        for _ in range(30):
            page.say("tutor", text="(" * 20_000)
        assert other.asked("open", "scene", fragment="#data=xor")["shape"] == [2, 4, 1]
        assert "at most" in page.hear("tutor")["error"]
        page.say("pause")
        assert not page.until(lambda frame: not frame["playing"])["playing"]


def test_sockets_beyond_the_last_are_sent_away_and_the_others_stay(lab, monkeypatch):
    monkeypatch.setattr(lab_app, "MOST_PAGES", 2)
    with served.Page(lab) as first, served.Page(lab) as second:
        first.asked("open", "scene", fragment="#")
        second.asked("open", "scene", fragment="#")
        for _ in range(40):
            with (
                served.Page(lab) as another,
                pytest.raises(ConnectionClosed, match="pages are open"),
            ):
                another.hear("scene")
        first.say("step", steps=3)
        assert first.until(lambda frame: frame["epoch"] == 3)["loss"] > 0
    assert len(lab.laboratory.pages) <= 2


def test_500_idle_connections_do_no_harm(lab):
    idle = []
    try:
        for _ in range(500):
            idle.append(
                socket.create_connection(("127.0.0.1", lab.guard.port), timeout=served.PATIENCE)
            )
        with served.Page(lab) as page:
            page.asked("open", "scene", fragment="#")
            page.say("step", steps=10)
            assert page.until(lambda frame: frame["epoch"] == 10)["loss"] > 0
        assert served.ask(lab, "GET /")[0] == 200
    finally:
        for connection in idle:
            connection.close()

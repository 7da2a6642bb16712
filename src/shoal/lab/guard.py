"""Who may ask: this machine's own page, opened with the token that the terminal shows.

Everything is denied unless it is allowed here.

    Host             exactly ours: a page of another name that leads here is refused (DNS rebinding)
    token            random; in the address of the first opening alone, then a cookie of this port
    / (the page)     a navigation to it may come from anywhere: it shows nothing and changes nothing
    anything else    the cookie; the Origin, where one is sent and always for sockets and uploads;
                     Sec-Fetch-Site, where one is sent

A refusal is one short line and says nothing of what is here.
"""

import hmac
import secrets
from typing import Any
from urllib.parse import parse_qs

Scope = dict[str, Any]

HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self' ws://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
MOST_QUERY = 500


class Refused(Exception):
    """A request that is not allowed: its status, and what is said."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Guard:
    """An ASGI application that lets the right ones through to another."""

    def __init__(self, app: Any, port: int, token: str | None = None) -> None:
        self.app, self.port = app, port
        self.token = token or secrets.token_urlsafe(24)
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.cookie = f"shoal-lab-{port}"  # cookies do not tell ports apart

    @property
    def address(self) -> str:
        """What opens the page for the first time."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer for the application, or pass on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = _headers(scope)
        try:
            self._check_host(headers)
            if scope["path"] == "/" and scope["type"] == "http":
                token = self._navigation(scope, headers)
                if token is not None:
                    await self._take_token(token, send)
                    return
            else:
                self._check_own(scope, headers)
        except Refused as refusal:
            await _refuse(scope, send, refusal)
            return
        await self.app(scope, receive, self._adding(send, headers["host"][0]))

    def _check_host(self, headers: dict[str, list[str]]) -> None:
        host = headers.get("host", [])
        if len(host) != 1 or host[0] not in self.hosts:
            raise Refused(421, "This address is not the laboratory's.")

    def _navigation(self, scope: Scope, headers: dict[str, list[str]]) -> str | None:
        """The token of a first opening, None for any other opening of the page."""
        if scope["method"] not in ("GET", "HEAD"):
            raise Refused(405, "The page can be opened, and nothing else.")
        if headers.get("sec-fetch-mode", ["navigate"]) != ["navigate"]:
            raise Refused(403, "The page can be opened, and nothing else.")
        if headers.get("sec-fetch-dest", ["document"]) != ["document"]:
            raise Refused(403, "The page opens in a window of its own.")
        query = scope["query_string"]
        if len(query) > MOST_QUERY:
            raise Refused(414, "The address is too long.")
        tokens = parse_qs(query.decode("latin1")).get("token", [])
        return tokens[0] if tokens else None

    def _check_own(self, scope: Scope, headers: dict[str, list[str]]) -> None:
        if headers.get("sec-fetch-site", ["same-origin"]) != ["same-origin"]:
            raise Refused(403, "Only the laboratory's own page may ask this.")
        origin = headers.get("origin")
        needed = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        if (origin is None and needed) or (
            origin is not None and origin != [f"http://{headers['host'][0]}"]
        ):
            raise Refused(403, "Only the laboratory's own page may ask this.")
        if not self._knows(headers):
            raise Refused(403, "Open the address that shoal lab printed.")

    def _knows(self, headers: dict[str, list[str]]) -> bool:
        # Other programs on this machine share our cookies' host: theirs may be malformed, large, or
        # of our name. http.cookies would give up at the first one that it cannot read.
        cookies = ";".join(headers.get("cookie", [])).split(";")
        pairs = (cookie.strip().partition("=") for cookie in cookies)
        return any(name == self.cookie and self._is_token(value) for name, _, value in pairs)

    def _is_token(self, value: str) -> bool:
        return hmac.compare_digest(value.encode(), self.token.encode())

    async def _take_token(self, token: str, send: Any) -> None:
        """Turn the token into a cookie, and lead on to an address without it."""
        if not self._is_token(token):
            raise Refused(403, "This token is not of this laboratory: it may have been restarted.")
        cookie = f"{self.cookie}={self.token}; HttpOnly; SameSite=Strict; Path=/"
        headers = {**HEADERS, "location": "/", "set-cookie": cookie, "content-length": "0"}
        await send({"type": "http.response.start", "status": 303, "headers": _bytes(headers)})
        await send({"type": "http.response.body", "body": b""})

    def _adding(self, send: Any, host: str) -> Any:
        policy = {"content-security-policy": POLICY.format(host=host)}

        async def sending(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                added = _bytes(HEADERS | policy)
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        return sending


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin1").lower(), []).append(value.decode("latin1"))
    return found


def _bytes(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _refuse(scope: Scope, send: Any, refusal: Refused) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})  # before it was accepted: 403
        return
    body = f"{refusal.message}\n".encode()
    headers = {
        **HEADERS,
        "content-type": "text/plain; charset=utf-8",
        "content-length": str(len(body)),
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "connection": "close",
    }
    await send(
        {"type": "http.response.start", "status": refusal.status, "headers": _bytes(headers)}
    )
    await send({"type": "http.response.body", "body": body})

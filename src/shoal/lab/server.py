"""The server: on the loopback alone, on a port of its own, until Ctrl-C."""

import socket
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from shoal.errors import SettingError
from shoal.lab.app import Laboratory
from shoal.lab.guard import Guard
from shoal.lab.page_socket import MOST_MESSAGE
from shoal.lab.process import make_ready
from shoal.lab.stories import Story
from shoal.lab.tables import Tables

LOOPBACK = "127.0.0.1"
MOST_CONNECTIONS = 2000
SECONDS_TO_ASK = 10.0  # from the connection, or a question's first byte, to the end of its headers


class Prompt(H11Protocol):
    """Whoever connects, or begins to ask again, and does not ask in time is sent away.

    Of h11, as it bounds the headers; httptools, which uvicorn takes where it is installed, does not.
    """

    _waiting: Any = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first question."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait for the end of a question's headers, of the first one and of any later one."""
        super().data_received(data)
        if not self._is_idle():
            self._stop_waiting()
        elif self._waiting is None:
            self._wait()

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(SECONDS_TO_ASK, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _is_idle(self) -> bool:
        """Whether no question has been asked that is not answered."""
        return self.cycle is None or self.cycle.response_complete

    def _lose_patience(self) -> None:
        handed_on = self.transport.get_protocol() is not self  # to a socket's protocol
        if self._is_idle() and not handed_on:
            self.transport.close()


class Server:
    """A laboratory that can be served."""

    def __init__(
        self,
        tables: Tables,
        *,
        opening: str = "",
        port: int = 0,
        stories: Mapping[str, Story] | None = None,
    ) -> None:
        self._socket = _bound(port)
        self.laboratory = Laboratory(tables, opening, stories)
        self.guard = Guard(self.laboratory.app(), self._socket.getsockname()[1])
        config = uvicorn.Config(
            self.guard, http=Prompt, ws="websockets-sansio", ws_max_size=MOST_MESSAGE, ws_per_message_deflate=False,
            log_level="critical", access_log=False, lifespan="off", server_header=False,
            date_header=False, limit_concurrency=MOST_CONNECTIONS, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._server.capture_signals = _no_signals  # type: ignore[method-assign,assignment]

    @property
    def address(self) -> str:
        """What opens the page, with its token."""
        return self.guard.address

    def run(self, ready: Callable[[], None] | None = None) -> None:
        """Serve until `stop`, or KeyboardInterrupt."""
        import asyncio

        make_ready()

        async def serve() -> None:
            serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
            while not self._server.started and not serving.done():
                await asyncio.sleep(0.005)
            if ready and not serving.done():
                ready()
            await serving

        try:
            asyncio.run(serve())
        finally:
            self.laboratory.close()
            self._socket.close()

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._server.should_exit = True


def _no_signals() -> "_Nothing":
    """The program has handlers of its own for Ctrl-C; uvicorn's would hide it."""
    return _Nothing()


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def _bound(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
    except OSError as error:
        listening.close()
        raise SettingError(
            f"port={port}: it cannot be used ({error.strerror}). Choose another, or 0 for any."
        ) from None
    return listening

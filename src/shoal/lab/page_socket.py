"""Between a page and its process: passes on what the two say, and tells the page of an end."""

import asyncio
import json
import threading
from concurrent.futures import CancelledError
from contextlib import suppress

from anyio import to_thread
from starlette.websockets import WebSocket, WebSocketDisconnect

from shoal.lab.process import BYTES, FRAME, MODEL, PAGE, REFUSAL, SHELF, Process
from shoal.lab.tables import Tables

MOST_MESSAGE = 64 << 10  # bytes
MODEL_SECONDS = 120
LOST = "The training process of this page has ended unexpectedly"


class Ended(Exception):
    """There is no answer, and why."""


class PageSocket:
    """One socket, and the process behind it, which begins with the page's first message."""

    def __init__(
        self,
        socket: WebSocket,
        tables: Tables,
        name: str,
        opening: str,
        shelf: dict[str, tuple[str, bytes]],
    ) -> None:
        self.socket, self.tables, self.name, self.opening = socket, tables, name, opening
        self.shelf = shelf
        self.process: Process | None = None
        self._model: asyncio.Future[bytes] | None = None
        self._saving = asyncio.Lock()

    async def run(self) -> None:
        """Pass messages on until the page closes."""
        # Closed, or bytes where text was expected.
        with suppress(WebSocketDisconnect, KeyError, RuntimeError):
            while True:
                message = await self.socket.receive_text()
                if self.process is None:
                    await self._begin()
                await self._send(PAGE, message.encode())
        self._give_up("The page has closed.")

    async def model(self) -> bytes:
        """The model on the screen, as a file. Raises Ended."""
        async with self._saving:
            if self.process is None:
                raise Ended("There is no session yet.")
            self._model = asyncio.get_running_loop().create_future()
            await self._send(MODEL)
            try:
                return await asyncio.wait_for(self._model, MODEL_SECONDS)
            except TimeoutError:
                raise Ended(f"The model was not made within {MODEL_SECONDS} seconds.") from None

    def _give_up(self, why: str) -> None:
        if self._model and not self._model.done():
            self._model.set_exception(Ended(why))

    async def tell_shelf(self) -> None:
        """Let the process know which tables pages have brought."""
        names = {digest: name for digest, (name, _) in self.shelf.items()}
        await self._send(SHELF, json.dumps(names).encode())

    def end(self) -> None:
        """End the process: the page has closed. Its last moments are waited for elsewhere."""
        process, self.process = self.process, None
        if process is not None:
            process.stop()
            threading.Thread(target=process.end, name="shoal-lab-end").start()

    async def _begin(self) -> None:
        process = await to_thread.run_sync(Process, self.tables, self.name, self.opening)
        self.process = process
        listening = process, asyncio.get_running_loop()
        threading.Thread(target=self._listen, args=listening, daemon=True).start()
        await self.tell_shelf()

    async def _send(self, kind: bytes, content: bytes = b"") -> None:
        process = self.process
        if process is None:
            return
        with suppress(OSError):  # it has ended, which is told by whoever listens
            await to_thread.run_sync(process.send, kind, content)

    def _listen(self, process: Process, loop: asyncio.AbstractEventLoop) -> None:
        """Pass on what the process says, one after the other: a thread."""
        with suppress(EOFError, RuntimeError, WebSocketDisconnect, CancelledError):
            while True:
                kind, content = process.receive()
                asyncio.run_coroutine_threadsafe(self._pass_on(kind, content), loop).result()
        if process is self.process:  # it was not ended from here
            asyncio.run_coroutine_threadsafe(self._lost(process), loop)

    async def _pass_on(self, kind: bytes, content: bytes) -> None:
        if kind == PAGE:
            await self.socket.send_text(content.decode())
        elif kind == FRAME:
            await self.socket.send_bytes(content)
        elif kind == BYTES:
            found = self.shelf.get(content.decode())
            await self._send(BYTES, found[1] if found else b"")
        elif self._model and not self._model.done():
            if kind == MODEL:
                self._model.set_result(content)
            elif kind == REFUSAL:
                self._model.set_exception(Ended(content.decode()))

    async def _lost(self, process: Process) -> None:
        self.process = None
        await to_thread.run_sync(process.end)
        self._give_up(f"{LOST}.")
        with suppress(WebSocketDisconnect, RuntimeError):
            await self.socket.send_text(json.dumps({"is": "ended", "message": LOST}))

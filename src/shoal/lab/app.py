"""The routes: the page, its files, a socket for each page, uploads and the saved model."""

import asyncio
import os
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from shoal.errors import ShoalError
from shoal.lab.session import Session
from shoal.lab.socket import Conversation
from shoal.lab.tables import MOST_BYTES, Tables
from shoal.lab.takeaway import model_of

MOST_PAGES = 16
UPLOAD_SECONDS = 60
KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


class Laboratory:
    """What the routes share: the page's files, the tables, the sessions that are open."""

    def __init__(self, tables: Tables, opening: str = "") -> None:
        self.tables = tables
        self.opening = opening  # the fragment of a page that is opened without one
        self.sessions: dict[str, Session] = {}
        self.pages = 0  # that are open
        self.page = _page()

    def app(self) -> Starlette:
        """The application, not yet guarded."""
        return Starlette(
            routes=[
                Route("/", self.index),
                Route("/page/{name}", self.file),
                Route("/table", self.take_table, methods=["POST"]),
                Route("/model/{session}", self.model),
                WebSocketRoute("/socket", self.socket),
            ]
        )

    async def index(self, request: Request) -> Response:
        """The page itself, which holds nothing yet."""
        return Response(self.page["index.html"], media_type="text/html")

    async def file(self, request: Request) -> Response:
        """A file of the page, by its name among those that there are."""
        name = request.path_params["name"]
        if name not in self.page:
            return PlainTextResponse("There is no such file.\n", 404)
        return Response(self.page[name], media_type=KINDS[os.path.splitext(name)[1]])

    async def take_table(self, request: Request) -> Response:
        """The bytes of a table that somebody dropped."""
        content = bytearray()
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                async for part in request.stream():
                    content += part
                    if len(content) > MOST_BYTES:
                        message = (
                            f"A page may bring {MOST_BYTES >> 20} MiB at most: shoal lab TABLE."
                        )
                        return JSONResponse({"error": message}, 413)
        except (ClientDisconnect, TimeoutError):
            return PlainTextResponse("The table did not arrive.\n", 400)
        name = request.query_params.get("name", "")
        try:
            known = await to_thread.run_sync(self.tables.drop, name, bytes(content))
        except ShoalError as error:
            # The request was right, and the page tells the error: nothing for its console.
            return JSONResponse({"error": str(error)})
        return JSONResponse({"table": known.digest, "name": known.name})

    async def model(self, request: Request) -> Response:
        """The model of a session as a file."""
        session = self.sessions.get(request.path_params["session"])
        if session is None:
            return PlainTextResponse("There is no such session.\n", 404)
        view = session.view
        try:
            content = await to_thread.run_sync(_file_of, view.ready, view.standing)
        except ShoalError as error:
            return PlainTextResponse(f"{error}\n", 422)
        headers = {"content-disposition": 'attachment; filename="model.shoal"'}
        return Response(content, media_type="application/octet-stream", headers=headers)

    async def socket(self, socket: WebSocket) -> None:
        """One page, from its opening to its close."""
        await socket.accept()
        if self.pages >= MOST_PAGES:
            await socket.close(1013, f"{MOST_PAGES} pages are open already: close one.")
            return
        self.pages += 1
        try:
            await Conversation(socket, self.tables, self.sessions, self.opening).run()
        finally:
            self.pages -= 1


def _file_of(ready: Any, standing: Any) -> bytes:
    with tempfile.TemporaryDirectory(prefix="shoal-lab-") as folder:
        path = os.path.join(folder, "model.shoal")
        model_of(ready, standing).save(path)
        with open(path, "rb") as file:
            return file.read()


def _page() -> Mapping[str, bytes]:
    """All files of the page, read once: no name from outside ever reaches the disk."""
    folder = files("shoal.lab") / "page"
    found = [file for file in folder.iterdir() if os.path.splitext(file.name)[1] in KINDS]
    return {file.name: file.read_bytes() for file in found}

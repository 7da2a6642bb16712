"""The routes: the page, its files, a socket for each page, uploads and the saved model."""

import asyncio
import json
import os
import secrets
from collections.abc import Mapping
from importlib.resources import files

from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from shoal.lab import process, stories
from shoal.lab.page_socket import Ended, PageSocket
from shoal.lab.process import TABLE, Process
from shoal.lab.tables import MOST_BYTES, MOST_TABLES, Tables

MOST_PAGES = 16
MOST_UPLOADS = 4  # at one time
UPLOAD_SECONDS = 60  # to arrive, and once more to be read
KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".csv": "text/csv",
}


class Laboratory:
    """What the routes share: the page's files, the tables, the pages that are open."""

    def __init__(
        self, tables: Tables, opening: str = "", own: Mapping[str, stories.Story] | None = None
    ) -> None:
        self.tables = tables
        self.stories = stories.plain({**(own or {}), **stories.built_in()})
        self.opening = opening  # the fragment of a page that is opened without one
        self.pages: dict[str, PageSocket] = {}  # of the pages that are open
        self.shelf: dict[str, tuple[str, bytes]] = {}  # tables that pages brought: name, bytes
        self.uploads = 0  # that are under way
        self.page = _page()

    def app(self) -> Starlette:
        """The application, not yet guarded."""
        return Starlette(
            routes=[
                Route("/", self.index),
                Route("/page/{name}", self.file),
                Route("/stories", self.send_stories),
                Route("/table", self.take_table, methods=["POST"]),
                Route("/model/{session}", self.model),
                WebSocketRoute("/socket", self.socket),
            ]
        )

    def close(self) -> None:
        """End what the pages have begun."""
        for socket in list(self.pages.values()):
            socket.end()

    async def index(self, request: Request) -> Response:
        """The page itself, which holds nothing yet."""
        return Response(self.page["index.html"], media_type="text/html")

    async def file(self, request: Request) -> Response:
        """A file of the page, by its name among those that there are."""
        name = request.path_params["name"]
        if name not in self.page:
            return PlainTextResponse("There is no such file.\n", 404)
        return Response(self.page[name], media_type=KINDS[os.path.splitext(name)[1]])

    async def send_stories(self, request: Request) -> Response:
        """The lessons that there are."""
        return JSONResponse(self.stories)

    async def take_table(self, request: Request) -> Response:
        """The bytes of a table that someone dropped."""
        if self.uploads >= MOST_UPLOADS:
            return JSONResponse({"error": "Other tables are arriving: try again."}, 429)
        self.uploads += 1
        try:
            return await self._take_table(request)
        finally:
            self.uploads -= 1

    async def _take_table(self, request: Request) -> Response:
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
        name = request.query_params.get("name", "").replace("\n", " ")
        reply = await to_thread.run_sync(_read, name, bytes(content))
        # The request was right: the page tells an error, nothing is for its console.
        if "table" in reply:
            while len(self.shelf) >= MOST_TABLES:  # the oldest makes room
                del self.shelf[next(iter(self.shelf))]
            self.shelf[reply["table"]] = reply["name"], bytes(content)
            for socket in list(self.pages.values()):
                await socket.tell_shelf()
        return JSONResponse(reply)

    async def model(self, request: Request) -> Response:
        """The model of a session as a file."""
        socket = self.pages.get(request.path_params["session"])
        if socket is None:
            return PlainTextResponse("There is no such session.\n", 404)
        try:
            content = await socket.model()
        except Ended as ended:
            return PlainTextResponse(f"{ended}\n", 422)
        headers = {"content-disposition": 'attachment; filename="model.shoal"'}
        return Response(content, media_type="application/octet-stream", headers=headers)

    async def socket(self, websocket: WebSocket) -> None:
        """One page, from its opening to its close."""
        await websocket.accept()
        if len(self.pages) >= MOST_PAGES:
            await websocket.close(1013, f"{MOST_PAGES} pages are open already: close one.")
            return
        name = secrets.token_urlsafe(12)
        page = PageSocket(websocket, self.tables, name, self.opening, self.shelf)
        self.pages[name] = page
        try:
            await page.run()
        finally:
            del self.pages[name]
            page.end()


def _read(name: str, content: bytes) -> dict[str, str]:
    """Read a table in a process of its own, which it may fill, or end."""
    reader = Process(Tables())
    try:
        reader.send(TABLE, f"{name}\n".encode() + content)
        reply: dict[str, str] = json.loads(reader.receive(UPLOAD_SECONDS)[1])
    except TimeoutError:
        reply = {"error": f"The table could not be read within {UPLOAD_SECONDS} seconds."}
    except (EOFError, OSError):  # what else a table can do to a process is not known
        reply = {"error": process.too_large(process.MEMORY)}
    finally:
        reader.end()
    return reply


def _page() -> Mapping[str, bytes]:
    """All files of the page, read once: no name from outside ever reaches the disk."""
    folder = files("shoal.lab") / "page"
    found = [file for file in folder.iterdir() if os.path.splitext(file.name)[1] in KINDS]
    return {file.name: file.read_bytes() for file in found}

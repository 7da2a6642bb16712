"""What a page and its session say to each other: one JSON message, one answer.

    open set play pause step go rewind edit     change the experiment or its training
    frame                                       asks for the next frame; the page asks again when
                                                it has drawn it, so frames never queue up
    equations units starts take                 ask for what a view shows

An answer is JSON with "is", or the bytes of a frame. What is wrong with a message is answered
with {"is": "error"}, and changes nothing.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from shoal.errors import SettingError, ShoalError
from shoal.lab import experiment as fields
from shoal.lab.equations import equations
from shoal.lab.experiment import TABLE, Experiment
from shoal.lab.frames import frame, scene
from shoal.lab.session import Session
from shoal.lab.starts import starts
from shoal.lab.tables import Tables
from shoal.lab.takeaway import command, fingerprint, link_of, python
from shoal.lab.toys import FEATURES, TOYS
from shoal.lab.units import units
from shoal.network.activations import ACTIVATIONS
from shoal.network.initialisers import SCHEMES

MOST_MESSAGE = 64 << 10  # bytes
MOST_TOLD = 600  # characters of an error
LOOK = 0.008  # seconds between two looks for something new to draw
MOST_STEPS = 100_000  # of one message
MOST_GOAL = fields.MOST_EPOCHS * fields.MOST_ROWS

Message = dict[str, Any]


class Conversation:
    """One socket, and the session behind it."""

    def __init__(
        self, socket: WebSocket, tables: Tables, sessions: dict[str, Session], opening: str
    ) -> None:
        self.socket, self.tables, self.sessions, self.opening = socket, tables, sessions, opening
        self.name = secrets.token_urlsafe(12)
        self.session: Session | None = None
        self.drawing: asyncio.Task[None] | None = None
        self.studying: asyncio.Task[None] | None = None
        self.closed = False

    async def run(self) -> None:
        """Answer until the page closes; then the training ends."""
        try:
            while True:
                message = await self.socket.receive_text()
                try:
                    await self._answer(_message_of(message))
                except (WebSocketDisconnect, RuntimeError):
                    raise
                except Exception as error:  # whatever a table may bring: the talk goes on
                    await self._say_error(error)
        except (WebSocketDisconnect, KeyError, RuntimeError):
            pass  # closed, or bytes where text was expected
        finally:
            self.closed = True
            for task in (self.drawing, self.studying):
                if task:
                    task.cancel()
            self._end()

    async def _answer(self, message: Message) -> None:
        what = message.get("do")
        answers: dict[str, Callable[[Message], Awaitable[None]]] = {
            "open": self._open, "set": self._set, "step": self._step, "go": self._go,
            "edit": self._edit, "frame": self._frame, "equations": self._equations,
            "units": self._units, "starts": self._starts, "take": self._take,
            "play": self._play, "pause": self._pause, "rewind": self._rewind,
        }  # fmt: skip
        if not isinstance(what, str) or what not in answers:
            raise SettingError(f"do: expected one of {', '.join(answers)}.")
        if what != "open" and self.session is None:
            raise SettingError("do: expected open first.")
        await answers[what](message)

    async def _say(self, answer: Message) -> None:
        await self.socket.send_text(json.dumps(answer, separators=(",", ":"), allow_nan=False))

    async def _say_error(self, error: Exception) -> None:
        known = isinstance(error, ShoalError)
        text = str(error) if known else f"This could not be done ({type(error).__name__}: {error})."
        await self._say({"is": "error", "message": text[:MOST_TOLD]})

    @property
    def now(self) -> Session:
        """The session, once a page has opened an experiment."""
        assert self.session is not None
        return self.session

    def _name(self) -> str:
        """What the table is called, if the experiment is about one."""
        experiment = self.now.latest.ready.experiment
        return self.tables[experiment.table].name if experiment.data == TABLE else ""

    # --- the experiment -------------------------------------------------------------------

    async def _open(self, message: Message) -> None:
        fragment = message.get("fragment")
        if not isinstance(fragment, str):
            raise SettingError("fragment: expected a text.")
        opened = await asyncio.to_thread(self._opened, fragment or self.opening)
        self._end()
        self.session = self.sessions[self.name] = opened
        if self.drawing:
            self.drawing.cancel()
        await self._say_scene()

    def _opened(self, fragment: str) -> Session:
        return Session(Experiment.of(fragment), self.tables)

    def _end(self) -> None:
        if self.session:
            self.session.close()
        self.sessions.pop(self.name, None)

    async def _set(self, message: Message) -> None:
        changes = message.get("changes")
        if not isinstance(changes, dict):
            raise SettingError("changes: expected an object.")
        old = self.now.latest.ready.experiment
        experiment = old.changed(changes)
        if experiment.data != old.data:
            experiment = experiment.changed({"points": changes.get("points", [])})
        if experiment.start != old.start:  # weights of another network
            experiment = experiment.changed({"edits": changes.get("edits", [])})
        await asyncio.to_thread(self.now.change, experiment)
        await self._say_scene()

    async def _say_scene(self) -> None:
        ready = self.now.latest.ready
        described = await asyncio.to_thread(scene, ready)
        known = [
            {"name": t.name, "table": t.digest, "columns": t.table.column_names, "target": t.target}
            for t in self.tables.all()
        ]
        name = self._name()
        await self._say(
            {
                "is": "scene",
                "session": self.name,
                "tables": known,
                "name": name,
                **CHOICES,
                **described,
            }
        )

    # --- the training ----------------------------------------------------------------------

    async def _play(self, message: Message) -> None:
        self.now.play()

    async def _pause(self, message: Message) -> None:
        self.now.pause()

    async def _rewind(self, message: Message) -> None:
        await asyncio.to_thread(self.now.rewind)

    async def _step(self, message: Message) -> None:
        self.now.step(_whole(message, "steps", 1, MOST_STEPS))

    async def _go(self, message: Message) -> None:
        await asyncio.to_thread(self.now.go_to_step, _whole(message, "step", 0, MOST_GOAL))

    async def _edit(self, message: Message) -> None:
        place = message.get("place")
        if not isinstance(place, list) or len(place) != 3:
            raise SettingError("place: expected a matrix, a row and a column.")
        value = message.get("value")
        matrix, row, column = place  # checked as fields of the experiment, as the value is
        await asyncio.to_thread(self.now.edit, matrix, row, column, value)
        await self._say_scene()

    # --- what is shown ----------------------------------------------------------------------

    async def _frame(self, message: Message) -> None:
        seen = message.get("seen")
        if self.drawing:
            self.drawing.cancel()
        self.drawing = asyncio.create_task(self._next_frame(self.now, seen))

    async def _next_frame(self, session: Session, seen: Any) -> None:
        """Send a frame as soon as there is something new."""
        view = session.view
        while view.version == seen:
            await asyncio.sleep(LOOK)
            view = session.latest
        try:
            drawn = await asyncio.to_thread(frame, view)
        except Exception as error:
            await self._say_error(error)
            return
        await self.socket.send_bytes(drawn)

    async def _equations(self, message: Message) -> None:
        example = _whole(message, "example", 0, fields.MOST_ROWS)
        answer = await asyncio.to_thread(equations, self.now.view, example, self._name())
        await self._say({"is": "equations", **answer})

    async def _units(self, message: Message) -> None:
        view = self.now.view
        answer = await asyncio.to_thread(units, view, view.ready.experiment.pair)
        await self._say({"is": "units", **answer})

    async def _starts(self, message: Message) -> None:
        if self.studying and not self.studying.done():
            return
        self.studying = asyncio.create_task(self._study())

    async def _study(self) -> None:
        loop, ready = asyncio.get_running_loop(), self.now.view.ready

        def progress(done: int, n: int) -> None:
            if self.closed:
                raise KeyboardInterrupt  # as a study is interrupted
            if done % 10 == 0:
                say = self._say({"is": "progress", "done": done, "of": n})
                asyncio.run_coroutine_threadsafe(say, loop)

        try:
            answer = await asyncio.to_thread(starts, ready, progress)
            await self._say({"is": "starts", **answer})
        except Exception as error:
            await self._say_error(error)

    async def _take(self, message: Message) -> None:
        view = self.now.view
        ready, standing = view.ready, view.standing
        name = self._name()
        await self._say(
            {
                "is": "take",
                "epoch": standing.epoch,
                "step": standing.step,
                "fingerprint": fingerprint(ready, standing),
                "python": python(ready, standing, name),
                "command": command(ready, standing, name),
                "link": link_of(ready, standing),
            }
        )


CHOICES = {
    "toys": [[name, toy.title, toy.classes] for name, toy in TOYS.items()],
    "toy_features": list(FEATURES),
    "activations": list(ACTIVATIONS),
    "inits": list(SCHEMES),
    "solvers": fields.SOLVERS,
    "controls": fields.CONTROLS,
    "of_tables": fields.OF_TABLES,
}


def _message_of(text: str) -> Message:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise SettingError("the message is not JSON.") from None
    if not isinstance(message, dict):
        raise SettingError("the message is no object.")
    return message


def _whole(message: Message, name: str, low: int, high: int) -> int:
    value = message.get(name)
    if type(value) is not int or not low <= value <= high:
        raise SettingError(f"{name}: expected a whole number from {low} to {high:,}.")
    return value

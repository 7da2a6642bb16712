"""What a page asks, and what its session answers: one JSON message, one answer.

    open set play pause step go rewind edit     change the experiment or its training
    repair                                      applies the first cure of the diagnosis, and trains
    frame                                       asks for the next frame; the page asks again when
                                                it has drawn it, so frames never queue up
    equations units starts take tutor           ask for what a view shows

An answer is JSON with "is", or the bytes of a frame. What is wrong with a message is answered
with {"is": "error"}, and changes nothing.
"""

import json
import threading
from collections.abc import Callable
from typing import Any

from shoal.errors import SettingError, ShoalError
from shoal.lab import experiment as fields
from shoal.lab.drawing import Drawing
from shoal.lab.equations import equations
from shoal.lab.experiment import TABLE, Experiment
from shoal.lab.frames import scene
from shoal.lab.session import Session, View
from shoal.lab.starts import starts
from shoal.lab.tables import Tables
from shoal.lab.takeaway import command, file_of, fingerprint, link_of, python
from shoal.lab.toys import FEATURES, TOYS, thumbnails
from shoal.lab.tutor import judged, lesson
from shoal.lab.units import cure_of, units
from shoal.network.activations import ACTIVATIONS
from shoal.network.initialisers import SCHEMES

MOST_TOLD = 600  # characters of an error
MOST_STEPS = 100_000  # of one message
MOST_GOAL = fields.MOST_EPOCHS * fields.MOST_ROWS
FULL = "This needs more memory than a session may use: try fewer rows, columns or units."

Message = dict[str, Any]


class MessageHandler:
    """One page's session, and whoever draws it.

    `say` takes an answer for the page, a text or the bytes of a frame, from any thread. `name`
    is what the page calls the session; `opening` is the link of a page that comes without one.
    """

    def __init__(
        self, say: Callable[[str | bytes], None], tables: Tables, name: str = "", opening: str = ""
    ) -> None:
        self._send, self.tables, self.name, self.opening = say, tables, name, opening
        self.session: Session | None = None
        self._news = threading.Condition()  # a frame is wanted, or there is something to draw
        self._seen: Any = None  # the version that the page has drawn
        self._frame_wanted = False
        self._study = 0  # the number of the last one; earlier ones are given up
        threading.Thread(target=self._draw, name="shoal-lab-frames", daemon=True).start()

    def answer(self, text: str) -> None:
        """Answer one message of the page."""
        try:
            self._answer(_message_of(text))
        except Exception as error:  # whatever a table may bring: the talk goes on
            self._say_error(error)

    def model(self) -> bytes:
        """The model on the screen as a file. Raises ShoalError."""
        view = self.now.view
        return file_of(view.ready, view.position)

    def _answer(self, message: Message) -> None:
        what = message.get("do")
        answers: dict[str, Callable[[Message], None]] = {
            "open": self._open, "set": self._set, "step": self._step, "go": self._go,
            "edit": self._edit, "frame": self._frame, "equations": self._equations,
            "units": self._units, "starts": self._starts, "take": self._take,
            "play": self._play, "pause": self._pause, "rewind": self._rewind,
            "tutor": self._tutor, "repair": self._repair,
        }  # fmt: skip
        if not isinstance(what, str) or what not in answers:
            raise SettingError(f"do: expected one of {', '.join(answers)}.")
        answers[what](message)

    def _say(self, answer: Message) -> None:
        self._send(json.dumps(answer, separators=(",", ":"), allow_nan=False))

    def _say_error(self, error: Exception) -> None:
        self._say({"is": "error", "message": reason_of(error)})

    @property
    def now(self) -> Session:
        """The session, once a page has opened an experiment."""
        if self.session is None:
            raise SettingError("do: expected open first.")
        return self.session

    def _name(self) -> str:
        """What the table is called, if the experiment is about one."""
        experiment = self.now.latest.ready.experiment
        return self.tables[experiment.table].name if experiment.data == TABLE else ""

    # --- the experiment -------------------------------------------------------------------

    def _open(self, message: Message) -> None:
        fragment = message.get("fragment")
        if not isinstance(fragment, str):
            raise SettingError("fragment: expected a text.")
        experiment = Experiment.of(fragment or self.opening)
        opened = Session(experiment, self.tables, self._tell)
        if self.session:
            self.session.close()
        with self._news:
            self.session, self._frame_wanted = opened, False
        self._say({"is": "toys", "toys": thumbnails()})
        self._say_scene()

    def _set(self, message: Message) -> None:
        changes = message.get("changes")
        if not isinstance(changes, dict):
            raise SettingError("changes: expected an object.")
        old = self.now.latest.ready.experiment
        experiment = old.changed(changes)
        if experiment.data != old.data:
            experiment = experiment.changed({"points": changes.get("points", [])})
        if experiment.start != old.start:  # weights of another network
            experiment = experiment.changed({"edits": changes.get("edits", [])})
        self.now.change(experiment)
        self._say_scene()

    def _say_scene(self) -> None:
        ready = self.now.latest.ready
        described = scene(ready)
        name = self._name()
        known = self.tables.listed()
        self._say(
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

    def _play(self, message: Message) -> None:
        self.now.play()

    def _pause(self, message: Message) -> None:
        self.now.pause()

    def _rewind(self, message: Message) -> None:
        self.now.rewind()

    def _step(self, message: Message) -> None:
        self.now.step(_whole(message, "steps", 1, MOST_STEPS))

    def _go(self, message: Message) -> None:
        self.now.go_to_step(_whole(message, "step", 0, MOST_GOAL))

    def _edit(self, message: Message) -> None:
        place = message.get("place")
        if not isinstance(place, list) or len(place) != 3:
            raise SettingError("place: expected a matrix, a row and a column.")
        value = message.get("value")
        matrix, row, column = place  # checked as fields of the experiment, as the value is
        self.now.edit(matrix, row, column, value)
        self._say_scene()

    def _repair(self, message: Message) -> None:
        changes = cure_of(self.now.view)
        if not changes:
            raise SettingError("the diagnosis knows no setting that repairs this.")
        self._set({"changes": changes})
        self.now.play()
        self._say({"is": "repaired", "changes": changes})

    # --- what is shown ----------------------------------------------------------------------

    def _frame(self, message: Message) -> None:
        with self._news:
            self._seen, self._frame_wanted = message.get("seen"), True
            self._news.notify()

    def _tell(self) -> None:
        with self._news:
            self._news.notify()

    def _draw(self) -> None:
        """Send a frame as soon as one is wanted and there is something new: a thread."""
        drawing = Drawing()
        while True:
            with self._news:
                self._news.wait_for(self._is_news)
                view, self._frame_wanted = self.now.view, False
            try:
                self._send(drawing.frame(view))
            except Exception as error:
                self._say_error(error)

    def _is_news(self) -> bool:
        wanted = self._frame_wanted and self.session is not None
        return wanted and self.now.latest.version != self._seen

    def _equations(self, message: Message) -> None:
        example = _whole(message, "example", 0, fields.MOST_ROWS)
        answer = equations(self.now.view, example, self._name())
        self._say({"is": "equations", **answer})

    def _units(self, message: Message) -> None:
        view = self.now.view
        answer = units(view, view.ready.experiment.pair)
        self._say({"is": "units", **answer})

    def _starts(self, message: Message) -> None:
        self._study += 1
        about = self._study, self.now.view
        threading.Thread(target=self._run_study, args=about, daemon=True).start()

    def _run_study(self, number: int, view: View) -> None:
        def progress(done: int, n: int) -> None:
            if number != self._study:
                raise KeyboardInterrupt  # as a study is interrupted
            if done % 10 == 0:
                self._say({"is": "progress", "done": done, "of": n})

        try:
            answer = starts(view.ready, progress)
            if number == self._study:
                self._say({"is": "starts", **answer})
        except KeyboardInterrupt:
            pass
        except Exception as error:
            self._say_error(error)

    def _take(self, message: Message) -> None:
        view = self.now.view
        ready, position = view.ready, view.position
        name = self._name()
        self._say(
            {
                "is": "take",
                "epoch": position.epoch,
                "step": position.step,
                "fingerprint": fingerprint(ready, position),
                "python": python(ready, position, name),
                "command": command(ready, position, name),
                "link": link_of(ready, position),
            }
        )

    def _tutor(self, message: Message) -> None:
        text = message.get("text")
        if not isinstance(text, str | None):
            raise SettingError("text: expected a text.")
        self._say({"is": "tutor", **(lesson() if text is None else judged(text))})


CHOICES = {
    "toys": [[name, toy.title, toy.classes, toy.counts] for name, toy in TOYS.items()],
    "toy_features": list(FEATURES),
    "activations": list(ACTIVATIONS),
    "inits": list(SCHEMES),
    "solvers": fields.SOLVERS,
    "losses": fields.LOSSES,
    "controls": fields.CONTROLS,
    "of_tables": fields.OF_TABLES,
}


def reason_of(error: Exception) -> str:
    """What a page shows of an error."""
    if isinstance(error, ShoalError):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = FULL
    else:
        text = f"This could not be done ({type(error).__name__}: {error})."
    return text[:MOST_TOLD]


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

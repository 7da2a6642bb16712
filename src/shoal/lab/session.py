"""One page's training: a thread that goes on while the page draws, and ends with the page.

The thread knows nothing of the page. It trains in short calls and leaves where it stands; the
page takes the latest whenever it is ready for it. All values that pass between them are
immutable, so that no one waits.
"""

import math
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from shoal.compute.builds import Stop
from shoal.errors import SettingError
from shoal.lab.experiment import MOST_EPOCHS, Edit, Experiment, Place
from shoal.lab.steps import Position, advance, beginning, edited, place_after, steps_at
from shoal.lab.tables import Tables
from shoal.lab.training import Ready, loss_of, prepare, refuse_edit

# Seconds between two calls at a pace, and at most of a call at full speed: a screen shows sixty frames a second.
TICK = CALL = 1 / 60
UNSEEN = 60.0  # seconds without a question from the page, after which the training pauses
MOST_MARKS = 400  # of the loss curve; of more those are kept that its logarithmic axis shows


class Mark(NamedTuple):
    """A point of the loss curves."""

    epoch: float  # a part of the next one counts as that part
    loss: float | None
    validation: float | None


class View(NamedTuple):
    """Everything about a session at one moment."""

    ready: Ready
    position: Position
    before: Position  # where it stood before the last call
    curve: tuple[Mark, ...]
    playing: bool
    rate: float  # epochs a second
    version: int  # rises with every change


class Session:
    """A training that can be played, paused, stepped, rewound and changed."""

    def __init__(
        self, experiment: Experiment, tables: Tables, notify: Callable[[], None] = lambda: None
    ) -> None:
        self._tables, self._notify = (
            tables,
            notify,
        )  # `notify` is called when there is something new
        self._changed = threading.Condition()
        self._stop = Stop()
        self._goal, self._closed, self._asked = (0, 0), False, time.monotonic()
        ready = prepare(experiment, tables)
        first = beginning(ready)
        self._view = View(ready, first, first, (_mark(ready, first),), False, 0.0, 0)
        self._thread = threading.Thread(target=self._run, name="shoal-lab", daemon=True)
        self._thread.start()
        self.go_to(experiment.place)

    @property
    def view(self) -> View:
        """The latest, for a page that asks."""
        self._asked = time.monotonic()
        return self._view

    @property
    def latest(self) -> View:
        """The same for those who only look whether there is something new."""
        return self._view

    def change(self, experiment: Experiment) -> None:
        """Take another experiment. Its training begins anew unless only what is shown has changed.

        Raises DataError or SettingError, and then goes on as if nothing had been said.
        """
        now = self._view
        old = now.ready.experiment
        same = experiment.start == old.start and experiment.edits == old.edits
        plane = (experiment.axes, experiment.held) != (old.axes, old.held)
        if same and not plane:
            with self._changed:
                ready = now.ready._replace(experiment=experiment)
                self._show(self._view._replace(ready=ready, version=self._view.version + 1))
            return
        if not same:
            experiment = experiment.changed({"epoch": 0, "step": 0})
        ready = prepare(experiment, self._tables)
        if same:  # other columns span the plane: the training goes on
            with self._changed:
                self._show(self._view._replace(ready=ready, version=self._view.version + 1))
            return
        first = beginning(ready)
        self._replace(ready, first, (_mark(ready, first),))

    def edit(self, matrix: Any, row: Any, column: Any, value: Any) -> None:
        """Change a weight where the training stands; edits that would come later are dropped."""
        with self._changed:
            now = self._view
            (epoch, step), old = now.position.place, now.ready.experiment
            edit = Edit(epoch, matrix, row, column, value, step)
            kept = [
                e for e in old.edits
                if e.place <= edit.place and e._replace(value=value) != edit
            ]  # fmt: skip
            experiment = old.changed({"edits": [*kept, edit]})
            refuse_edit(now.ready, experiment.edits[-1])
            ready = now.ready._replace(experiment=experiment)
            position = edited(ready, now.position)
            self._show(now._replace(
                ready=ready, position=position, before=now.position, version=now.version + 1,
                curve=(*now.curve, _mark(ready, position)),
            ))  # fmt: skip

    def play(self) -> None:
        """Go on until paused."""
        self._set((MOST_EPOCHS, 0), playing=True)

    def pause(self) -> None:
        """Stand still at the end of the call that is under way."""
        self._set((0, 0), playing=False)

    def step(self, n: int) -> None:
        """Train this many steps further: an iteration, or a mini-batch, is one."""
        now = self._view
        self._set(
            place_after(now.ready, steps_at(now.ready, now.position.place) + n), playing=False
        )

    def go_to_step(self, n: int) -> None:
        """Train until this many steps are done since the start."""
        self.go_to(place_after(self._view.ready, n))

    def go_to(self, place: Place) -> None:
        """Train until this much is done; from the start, if more is done already."""
        if place < self._view.position.place:
            self.rewind()
        self._set(place, playing=False)

    def rewind(self) -> None:
        """Go back to the start, to the bit."""
        ready = self._view.ready
        first = beginning(ready)
        self._replace(ready, first, (_mark(ready, first),))
        self.pause()

    def close(self) -> None:
        """End the thread; a call that is under way is interrupted."""
        with self._changed:
            self._closed = True
            self._stop.request()
            self._changed.notify()

    def wait(self, condition: Callable[[View], bool], seconds: float = 60.0) -> View:
        """The view once it fulfils a condition; SettingError if it takes too long."""
        end = time.monotonic() + seconds
        while not condition(self.view):
            if time.monotonic() > end:
                raise SettingError(f"epoch: it was not reached within {seconds:g} seconds.")
            time.sleep(0.002)
        return self._view

    # --- the thread ---------------------------------------------------------------------

    def _show(self, view: View) -> None:
        """Take another view, with the lock held: the thread and whoever draws look again."""
        self._view = view
        self._changed.notify()
        self._notify()

    def _set(self, goal: Place, *, playing: bool) -> None:
        with self._changed:
            self._goal, self._asked = goal, time.monotonic()
            self._show(self._view._replace(playing=playing, rate=0.0))

    def _replace(self, ready: Ready, position: Position, curve: tuple[Mark, ...]) -> None:
        with self._changed:
            self._stop.request()  # what is under way is of no use any more
            self._stop = Stop()
            now = self._view
            if not now.playing:
                self._goal = (0, 0)
            self._show(View(ready, position, position, curve, now.playing, 0.0, now.version + 1))

    def _run(self) -> None:
        epochs, due = 1, 0.0
        while True:
            with self._changed:
                while not self._closed and not self._wanted():
                    self._changed.wait()
                    epochs = 1
                if self._closed:
                    return
                now, goal, stop = self._view, self._goal, self._stop
            pace = now.ready.experiment.pace if now.playing else 0
            if pace:
                epochs = max(1, int(pace * TICK))
                due = max(due + epochs / pace, time.monotonic() - 2 * TICK)
                self._pause_until(due - epochs / pace)
            began = time.perf_counter()
            try:
                after = advance(now.ready, now.position, goal, epochs, stop)
            except Exception:  # of memory, say: the page gets the error, and can go on with another
                after = now.position._replace(ending="failed")
            if after is now.position and not after.ending:
                continue  # interrupted
            took = time.perf_counter() - began
            self._leave(now, after, took)
            if not pace:
                epochs = max(
                    1, epochs * 2 if took < CALL / 2 else epochs // 2 if took > CALL else epochs
                )

    def _wanted(self) -> bool:
        now = self._view
        if time.monotonic() - self._asked > UNSEEN:
            self._view = now._replace(playing=False, rate=0.0)
            self._goal = (0, 0)
            return False
        return now.position.place < self._goal and not now.position.ending

    def _pause_until(self, moment: float) -> None:
        with self._changed:
            while not self._closed and (left := moment - time.monotonic()) > 0:
                self._changed.wait(left)
                if not self._view.playing:
                    return

    def _leave(self, now: View, after: Position, took: float) -> None:
        mark = _mark(now.ready, after)
        rate = (mark.epoch - now.curve[-1].epoch) / max(took, 1e-9)
        with self._changed:
            latest = self._view
            if latest.position is not now.position:
                return  # rewound or changed meanwhile
            playing = latest.playing and not after.ending
            pace = latest.ready.experiment.pace
            self._show(latest._replace(
                position=after, before=now.position, curve=_thinned((*latest.curve, mark)),
                playing=playing, version=latest.version + 1,
                rate=min(rate, pace) if pace and playing else rate,
            ))  # fmt: skip


def _mark(ready: Ready, position: Position) -> Mark:
    vector = position.state.parameters
    return Mark(
        position.epoch + position.step / ready.steps,
        loss_of(ready, vector, ready.examples),
        loss_of(ready, vector, ready.validation),
    )


def _thinned(curve: tuple[Mark, ...]) -> tuple[Mark, ...]:
    if len(curve) <= MOST_MARKS:
        return curve
    *past, last = curve
    whole = math.log1p(last.epoch) or 1.0
    cells = {int(MOST_MARKS / 2 * math.log1p(m.epoch) / whole): m for m in reversed(past)}
    return (*reversed(cells.values()), last)  # the first one in each cell

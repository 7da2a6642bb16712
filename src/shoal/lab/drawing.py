"""The frames of a page, one after another.

Every frame has the planes, the weights and the loss. The curve, accuracies and what is wrong take longer,
and no one reads them sixty times a second: while a network trains they come with some of the frames,
and the page keeps the last.
"""

import time
from typing import Any

from shoal.lab.frames import figures, frame
from shoal.lab.session import View
from shoal.lab.training import Ready
from shoal.lab.trouble import trouble

EVERY = 0.12  # seconds


class Drawing:
    """Makes frames, and remembers when the last one was complete."""

    def __init__(self) -> None:
        self._due = 0.0
        self._ready: Ready | None = None

    def frame(self, view: View) -> bytes:
        """One moment, ready to be sent."""
        now = time.monotonic()
        more: dict[str, Any] = {}
        if not view.playing or view.ready is not self._ready or now >= self._due:
            self._ready, self._due = view.ready, now + EVERY
            more = figures(view) | {"trouble": trouble(view)}
        return frame(view, more)

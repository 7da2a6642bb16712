"""Labelled lines of results."""

import sys
from collections.abc import Sequence
from typing import TextIO

from shoal.cli.screen.printing import one_line

LABEL = 17  # cells, with the space after it


class Screen:
    """Where results are printed: standard output, or standard error with --json.

    A full disk, or a reader that has closed the pipe, must not cost a trained network: what cannot
    be printed is skipped, and only `done` reports it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._failure: OSError | None = None

    @classmethod
    def of(cls, as_json: bool) -> "Screen":
        """The stream for people: standard output holds the document if there is one."""
        return cls(sys.stderr if as_json else sys.stdout)

    def line(self, label: str, text: str) -> None:
        """One line, at once."""
        self._print(f"{label:<{LABEL}}{one_line(text)}")

    def lines(self, label: str, texts: Sequence[str]) -> None:
        """Several lines under one label."""
        for i, text in enumerate(texts):
            self.line("" if i else label, text)

    def block(self, texts: Sequence[str]) -> None:
        """Lines that begin at the margin."""
        for text in texts:
            self._print(one_line(text))

    def done(self) -> None:
        """Raise the OSError of results that were asked for and could not be written."""
        if self._failure and self._stream is sys.stdout:
            raise self._failure

    def _print(self, text: str) -> None:
        try:
            print(text, file=self._stream, flush=True)
        except OSError as error:
            self._failure = error

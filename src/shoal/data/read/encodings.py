"""Text in any encoding, as UTF-8: what the caller says, or what a byte order mark says."""

import codecs
import re
from typing import Any

from shoal.data.read.packing import Read
from shoal.errors import DataError, Setting, wording
from shoal.warn import warn

BLOCK = 1 << 20  # bytes that are decoded at a time
UTF8 = ("utf-8", "utf-8-sig")  # by the names that Python gives them
# The longer marks first: that of UTF-32 begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
C1 = re.compile("[\x80-\x9f]")  # control characters that no text has: Windows has letters there


def encoding_of(head: bytes, wanted: str | None) -> str | None:
    """The encoding of a text with these first bytes; None for UTF-8."""
    if wanted is not None:
        name = codecs.lookup(wanted).name
        return None if name in UTF8 else name
    return next((name for mark, name in MARKS.items() if head.startswith(mark)), None)


class Decoded:
    """How to read text in an encoding as UTF-8. Raises DataError for bytes that are not in it."""

    def __init__(self, read: Read, encoding: str, name: str) -> None:
        self._read, self._encoding, self._name = read, encoding, name
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._held, self._lines, self._done = b"", 1, False

    def __call__(self, size: int) -> bytes:
        """At most this many bytes, none at the end."""
        while not self._held and not self._done:
            block = self._read(BLOCK)
            self._done = not block
            self._held = self._text_of(block).removeprefix("\ufeff").encode()
            self._lines += self._held.count(b"\n")
        found, self._held = self._held[:size], self._held[size:]
        return found

    def _text_of(self, block: bytes) -> str:
        try:
            text = self._decoder.decode(block, final=self._done)
        except UnicodeDecodeError as error:
            raise self._refused(error) from None
        except UnicodeError as error:  # that of a mark which is not there
            raise self._not_in_it(f"other text ({error})", self._lines) from None
        if self._encoding == "iso8859-1" and C1.search(text):
            warn(
                wording(
                    f"{self._name} has characters that ", Setting("encoding", "latin-1"),
                    " does not have: is it ", Setting("encoding", "cp1252"), "?",
                )
            )  # fmt: skip
        return text

    def _refused(self, error: UnicodeDecodeError) -> DataError:
        before: Any = error.object[: error.start]
        line = self._lines + before.decode(self._encoding, "replace").count("\n")
        return self._not_in_it(f"the byte 0x{error.object[error.start]:02x}", line)

    def _not_in_it(self, found: str, line: int) -> DataError:
        return DataError(
            wording(
                f"expected {self._encoding}, found {found}. Name another encoding, such as ",
                Setting("encoding", "utf-8"), ", or save the file as UTF-8.",
            ),
            file=self._name, line=line, setting="encoding",
        )  # fmt: skip

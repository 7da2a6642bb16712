"""Plain data as values of declared types, or a ModelFileError that says where it is not."""

import re
from typing import Any

import msgspec

from shoal.errors import ModelFileError

AGAIN = "Copy the file again, or train the model again."
MOST = 300  # characters of a message
_PLACE = re.compile(r" - at `\$\.?(.*)`$", re.DOTALL)


def typed(value: Any, kind: Any, what: str = "the description of the model") -> Any:
    """The value as `kind`: no conversions, no unknown fields, all bounds kept."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise refused(_in_words(str(error)), what) from None
    except UnicodeEncodeError:  # msgspec looks for a text that is half a surrogate pair
        raise refused("a text holds half a surrogate pair", what) from None


def refused(found: str, what: str = "the description of the model") -> ModelFileError:
    """The error for what shoal never writes."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in found[:MOST])
    return ModelFileError(f"{what} is not as shoal writes it: {shown}. {AGAIN}")


def _in_words(message: str) -> str:
    message = _PLACE.sub(r" in \1", message).replace("`", '"')
    return message[:1].lower() + message[1:]

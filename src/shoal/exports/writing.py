"""Which format a path asks for, and the files that it gets."""

import os
from pathlib import Path
from typing import NamedTuple

from shoal.errors import SettingError
from shoal.exports.header import header
from shoal.exports.model import Model
from shoal.exports.names import identifier
from shoal.exports.source import Target, source
from shoal.files.atomic import atomic_write

FORMATS = {".c": "c"}


class Wanted(NamedTuple):
    """How a model is to be exported."""

    to: str | None = None  # None: by the suffix of the path
    main: bool = False  # C: with a program that reads CSV


def format_of(path: str | os.PathLike[str], to: str | None) -> str:
    """The format: what was said, or what the suffix says. Raises SettingError."""
    known = sorted(set(FORMATS.values()))
    if to is not None and to not in known:
        raise SettingError(f"to is {to!r}: expected one of {', '.join(known)}.")
    found = to or FORMATS.get(Path(path).suffix.lower())
    if found is None:
        raise SettingError(
            f'the format of "{path}" is not known. Use a path that ends in {", ".join(FORMATS)}, or '
            f"say the format: {', '.join(known)}."
        )
    return found


def write(model: Model, path: str | os.PathLike[str], wanted: Wanted) -> list[Path]:
    """Write the model; the files that there are now. Raises SettingError and FileError."""
    written = texts(model, path, wanted)
    for file, text in written.items():
        with atomic_write(file) as out:
            out.write(text.encode())
    return list(written)


def texts(model: Model, path: str | os.PathLike[str], wanted: Wanted) -> dict[Path, str]:
    """The text of each file."""
    format_of(path, wanted.to)
    file = Path(path)
    head = file.with_suffix(".h")
    prefix = identifier(file.stem).lower()
    return {
        file: source(model, Target(prefix, head.name, wanted.main)),
        head: header(model, prefix),
    }

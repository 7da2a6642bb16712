"""Which format a path asks for, and the files that it gets."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from shoal.errors import SettingError
from shoal.exports.header import header
from shoal.exports.integers import BITS
from shoal.exports.javascript import module
from shoal.exports.model import Model
from shoal.exports.names import identifier
from shoal.exports.onnx_model import onnx_model
from shoal.exports.source import Target, source
from shoal.exports.sql import Query, Writer
from shoal.files.atomic import atomic_write

FORMATS = {".c": "c", ".sql": "sql", ".js": "js", ".mjs": "js", ".onnx": "onnx"}


class Wanted(NamedTuple):
    """How a model is to be exported."""

    to: str | None = None  # None: by the suffix of the path
    main: bool = False  # C: with a program that reads CSV
    dialect: str = "sqlite"  # SQL: for which database
    table: str = "input"  # SQL: the table that has the rows
    integer: int | None = None  # C: bits of the weights as whole numbers

    def check(self, form: str) -> None:
        """Raise SettingError for what the format does not have, so that nothing is left out in silence."""
        if self.integer is not None and self.integer not in BITS:
            raise SettingError.of("integer", self.integer, "expected 8 or 16.")
        only = {"main": "c", "integer": "c", "dialect": "sql", "table": "sql"}
        for name, language in only.items():
            value = getattr(self, name)
            if value != self._field_defaults[name] and form != language:
                raise SettingError.of(name, value, f"only {language} has it, not {form}.")


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


def texts_of(model: Model, path: str | os.PathLike[str], wanted: Wanted) -> dict[Path, bytes]:
    """The files and what is in them. Raises SettingError."""
    return WRITERS[format_of(path, wanted.to)](model, Path(path), wanted)


def write(texts: Mapping[Path, bytes]) -> list[Path]:
    """Write the files; their paths. Raises FileError."""
    for file, text in texts.items():
        with atomic_write(file) as out:
            out.write(text)
    return list(texts)


def _c(model: Model, file: Path, wanted: Wanted) -> dict[Path, bytes]:
    """The source, and a header that it can include: a quote in its name would end the #include."""
    if file.suffix == ".h":
        raise SettingError(f'"{file}" would be the header: expected a path that ends in .c.')
    plain = re.fullmatch(r"[A-Za-z0-9 ._+-]+", file.stem)
    head = file.with_name(f"{file.stem if plain else identifier(file.stem)}.h")
    prefix = identifier(file.stem).lower()
    target = Target(prefix, head.name, wanted.main)
    return {file: source(model, target).encode(), head: header(model, prefix).encode()}


def _sql(model: Model, file: Path, wanted: Wanted) -> dict[Path, bytes]:
    return {file: Writer(model, Query(wanted.table, wanted.dialect)).select().encode()}


def _js(model: Model, file: Path, wanted: Wanted) -> dict[Path, bytes]:
    return {file: module(model).encode()}


def _onnx(model: Model, file: Path, wanted: Wanted) -> dict[Path, bytes]:
    return {file: onnx_model(model)}


WRITERS: dict[str, Callable[[Model, Path, Wanted], dict[Path, bytes]]] = {
    "c": _c,
    "sql": _sql,
    "js": _js,
    "onnx": _onnx,
}

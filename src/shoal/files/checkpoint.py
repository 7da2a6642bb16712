"""Checkpoints: where each member of a training stands, in a folder, one file a member.

    FOLDER/member-0.checkpoint, member-1.checkpoint, …     containers, see layout.py

Each file appears whole or not at all. They need not be of the same moment, as no member knows
of another. A file also says what was asked: the settings, and the names of the data (see
data/digest.py), so that no training goes on with what belongs to another.
"""

import errno
import math
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from shoal.errors import FileError, ModelFileError, SettingError
from shoal.files.atomic import TEMPORARY, check_writable, file_name, in_words
from shoal.files.container import Container, read, write
from shoal.files.layout import JSON
from shoal.files.typed import typed
from shoal.settings import FIELDS, MOST_EPOCHS
from shoal.training.loop import Keep, Plan, TrainingState
from shoal.warn import warn
from shoal.wording import Setting, Wording, shown, wording

FORMAT_VERSION = 1
Count: TypeAlias = Annotated[int, Meta(ge=0, le=MOST_EPOCHS)]
# Seconds between two files of a member; an epoch that takes longer is the measure instead.
EVERY = 30.0
FILES = "member-*.checkpoint"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Counts(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"state_waited": "state.waited"},
):
    """The whole numbers and the words of a standing; its other numbers are arrays."""

    best_epoch: Count
    plateaus: Count
    waited: Count
    state_waited: Count
    ending: Literal["", "finished", "plateau", "converged", "diverged", "stopped", "interrupted"]


class Document(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="checkpoint"):
    """What the document of a file may say."""

    format_version: int
    seed: Annotated[int, Meta(ge=0)]
    question: dict[str, Any]
    standing: Counts


class Checkpoint:
    """The folder of one training, in which it is kept.

    Raises SettingError when it keeps another training, naming what differs; ModelFileError for
    a damaged file, FileError for a folder that cannot be written.
    """

    def __init__(self, folder: str | os.PathLike[str], question: Mapping[str, JSON]) -> None:
        self.folder = Path(file_name(folder))
        self._question = dict(question)
        self._found = {_member(path): read(path, finite=False) for path in kept_in(self.folder)}
        for member, found in self._found.items():
            self._refuse_another(self._path(member), found.document)
        self._warned = threading.Lock()  # taken for good by the first warning
        with in_words(str(self.folder), "used for checkpoints"):
            self.folder.mkdir(parents=True, exist_ok=True)
            for left in self.folder.glob(TEMPORARY.format("*")):  # by a training that was killed
                with suppress(OSError):
                    left.unlink()
        try:
            check_writable(self._path(0))
        except FileError as error:
            if error.errno not in FULL:  # a full disk stops no training
                raise

    @property
    def seed(self) -> int | None:
        """The seed of the training that is kept; None when none is."""
        return next((found.document["seed"] for found in self._found.values()), None)

    def state_of(self, member: int, like: TrainingState, plan: Plan) -> TrainingState | None:
        """Where the member stands, in the form of a state `like` this; None for its start."""
        if member not in self._found:
            return None
        return _state_from(self._path(member), self._found[member], like, plan)

    def keeper(self, member: int, seed: int) -> Keep:
        """What keeps the member; `seed` is the training's."""
        latest = time.monotonic()

        def keep(training: TrainingState, *, now: bool = False) -> None:
            nonlocal latest
            if now or time.monotonic() - latest >= EVERY:
                self._write(member, seed, training)
                latest = time.monotonic()

        return keep

    def _path(self, member: int) -> Path:
        return self.folder / FILES.replace("*", str(member))

    def _write(self, member: int, seed: int, training: TrainingState) -> None:
        values = dict(_leaves(training))
        document: dict[str, JSON] = {
            "kind": "checkpoint",
            "format_version": FORMAT_VERSION,
            "seed": seed,
            "question": self._question,
            "standing": {k: v for k, v in values.items() if isinstance(v, int | str)},
        }
        tensors = {k: np.asarray(v) for k, v in values.items() if not isinstance(v, int | str)}
        try:
            write(self._path(member), document, tensors, finite=False)
        except (FileError, ModelFileError) as error:
            if self._warned.acquire(blocking=False):
                warn(
                    f"no checkpoint: {error} Training continues, and the last good checkpoint stays."
                )

    def _refuse_another(self, path: Path, document: Mapping[str, Any]) -> None:
        if document.get("format_version") != FORMAT_VERSION:
            raise ModelFileError(
                "the checkpoint is of another version of shoal. Go on with that one, or name "
                "another folder.",
                file=str(path),
            )
        try:
            there = typed(document, Document, "the checkpoint").question
        except ModelFileError as error:
            raise error.at(file=str(path)) from None
        here = self._question
        names = [name for name in {**here, **there} if there.get(name) != here.get(name)]
        if names:
            told = [_difference(name, there.get(name), here.get(name)) for name in names]
            raise SettingError(
                wording(
                    f"{self.folder} keeps another training: ",
                    *[part for each in told for part in ("; ", each)][1:],
                    ". Go on with what it was begun with, name another folder, or delete this one.",
                )
            )


def kept_in(folder: str | os.PathLike[str]) -> list[Path]:
    """The files of the training that a folder keeps; none when it keeps none."""
    with in_words(os.fspath(folder), "read"):
        return sorted(path for path in Path(file_name(folder)).glob(FILES) if path.is_file())


def _member(path: Path) -> int:
    number = path.name.removeprefix("member-").removesuffix(".checkpoint")
    if not number.isdecimal():
        raise ModelFileError(
            f"the file is not shoal's: expected {FILES}. Move it away.", file=str(path)
        )
    return int(number)


def _difference(name: str, there: JSON, here: JSON) -> Wording | str:
    if any(isinstance(value, str) and len(value) == 64 for value in (there, here)):  # a digest
        return f"{name} differs"
    if name in FIELDS:
        return wording(Setting(name, there), f" there, {shown(here)} here")
    return f"{name}={there} there, {here} here"


# --- a state as named leaves ----------------------------------------------------------


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if not hasattr(value, "_fields"):
        yield name, value
        return
    for field in value._fields:
        yield from _leaves(getattr(value, field), f"{name}.{field}" if name else field)


def _state_from(path: Path, found: Container, like: TrainingState, plan: Plan) -> TrainingState:
    told = found.document["standing"] | found.tensors
    expected = dict(_leaves(like))
    if told.keys() != expected.keys():
        raise _strange(path, f"{sorted(expected)}, but it holds {sorted(told)}")
    standing: TrainingState = _rebuilt(path, told, like)
    for fact, good in _facts(standing, plan).items():
        if not good:
            raise _strange(path, fact)
    return standing


def _facts(s: TrainingState, plan: Plan) -> dict[str, bool]:
    """What is true of every state that a training by this plan has left."""
    rows = len(s.losses), len(s.validation_losses), len(s.validation_scores)
    trusted = s.losses[:-1] if s.ending == "diverged" else s.losses
    return {
        "losses that are finite, but for the last of a diverged training": _finite(trusted),
        "a time from 0 on": 0 <= s.seconds < math.inf,
        "powers from 0 to 1": 0 <= s.state.power1 <= 1 and 0 <= s.state.power2 <= 1,
        "a best epoch that was run": s.best_epoch <= rows[0],
        "no more validations than epochs": rows[2] <= rows[1] <= rows[0],
        f"at most {plan.max_iter} epochs": rows[0] <= plan.max_iter,
        f"less than {len(plan.rates)} plateaus": s.plateaus < len(plan.rates),
    }


def _finite(losses: tuple[float, ...]) -> bool:
    return all(map(math.isfinite, losses))


def _rebuilt(path: Path, told: Mapping[str, Any], like: Any, name: str = "") -> Any:
    if hasattr(like, "_fields"):
        fields = {
            field: _rebuilt(path, told, getattr(like, field), f"{name}.{field}" if name else field)
            for field in like._fields
        }
        return type(like)(**fields)
    value = told[name]
    if isinstance(like, int | str):
        if type(value) is not type(like):
            raise _strange(path, f"{name} of type {type(like).__name__}, but it is {value!r}")
        return value
    wanted: NDArray[Any] = np.asarray(like, None if np.size(like) else np.float64)
    shaped = value.ndim == 1 if isinstance(like, tuple) else value.shape == wanted.shape
    if value.dtype != wanted.dtype or not shaped:
        raise _strange(
            path,
            f"{name} as {wanted.dtype} of shape {wanted.shape}, but it is {value.dtype} of shape "
            f"{value.shape}",
        )
    if isinstance(like, tuple):
        return tuple(value.tolist())
    return float(value) if isinstance(like, float) else value.copy()


def _strange(path: Path, told: str) -> ModelFileError:
    return ModelFileError(
        f"the checkpoint is not as shoal writes it: expected {told}. Delete the file to begin this "
        "member anew.",
        file=str(path),
    )

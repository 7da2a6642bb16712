"""What runs on a worker: the sums of some pieces, and the rows that it keeps for the next step.

The functions are pure. What is kept can be lost at any moment, and is obtained again: a worker
that lacks something says so, and the driver sends it along with the same question.
"""

import pickle
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import shoal
from shoal.compute.builds import BUILD, NUMERICS_VERSION
from shoal.compute.engine import engine
from shoal.compute.replicas import ReplicaResult, ReplicaTask, run_task
from shoal.compute.terms import exact_sums
from shoal.data.encode.coded import Coded
from shoal.data.rows.examples import Examples, exact, one_behind_the_other, rows_of
from shoal.data.rows.selection import Source
from shoal.data.rows.sparse import Sparse
from shoal.errors import SettingError
from shoal.network.architecture import Architecture
from shoal.sums import BLOCK_ROWS, GradientSums, Node, join

# Workers must compute the same bits, so they run the same shoal.
VERSION = (
    f"shoal {shoal.__version__} with the {'plain equations' if BUILD == 'plain' else 'kernel'}, "
    f"numerics version {NUMERICS_VERSION}"
)
ALIGNMENT = 64  # bytes: a cache line, and the widest register
# The share of its memory limit that a worker fills with rows; Dask pauses it from 80 % on.
ROWS_SHARE = 0.5
# Pieces that are read together: a row group of a file is much longer than one of them.
READ_TOGETHER = 16


class Here(NamedTuple):
    """A source of rows that are in memory."""

    all: Examples

    @property
    def m(self) -> int:
        """How many rows there are."""
        return self.all.m

    def examples(self, first_block: int, last_block: int) -> Examples:
        """Blocks first … last - 1."""
        part = slice(first_block * BLOCK_ROWS, last_block * BLOCK_ROWS)
        X, Y, labels, weights, rows = self.all
        chosen = part if rows is None else rows[part]
        return Examples(
            rows_of(X, chosen),
            None if Y is None else np.ascontiguousarray(Y[chosen]),
            None if labels is None else np.ascontiguousarray(labels[chosen]),
            None if weights is None else np.ascontiguousarray(weights[chosen]),
        )


class Question(NamedTuple):
    """What a worker is given, besides the parameters: the same at every step."""

    name: str  # of the rows: the same name, the same rows
    level: int  # of the pieces
    architecture: Architecture
    gradients: bool
    exact: bool = False  # in float64
    curvature: bool = False
    version: str = VERSION


class Given(NamedTuple):
    """What is sent to a worker that lacks it: a source that it can read, or the rows."""

    source: Source | None
    rows: Mapping[int, Examples]


class Answer(NamedTuple):
    """The nodes that a worker has, and the pieces whose rows it lacks."""

    nodes: list[Node]
    missing: tuple[int, ...]


def run(packed: bytes) -> Any:
    """Call what the driver has packed: Dask would look for tasks in every argument."""
    call, arguments = pickle.loads(packed)
    return call(*arguments)


def partials(
    question: Question, parameters: NDArray[Any], pieces: Sequence[int], given: Given
) -> Answer:
    """The sums of some pieces, as the largest nodes."""
    _check(question)
    _read(question, pieces, given)
    W, nodes, missing = _aligned(parameters), [], []
    for piece in pieces:
        examples = _rows(question, piece, given)
        if examples is None:
            missing.append(piece)
            continue
        nodes.append(Node(question.level, piece, _sums(question, W, examples)))
    return Answer(join(nodes), tuple(missing))


def _sums(question: Question, W: NDArray[Any], examples: Examples) -> GradientSums:
    architecture, gradients = question.architecture, question.gradients
    if not question.exact:
        return engine.sums(architecture, W, examples, _threads(), gradients=gradients)
    return exact_sums(
        architecture, W, exact(examples), _threads(), gradients=gradients,
        curvature=question.curvature,
    )  # fmt: skip


def replica_results(
    question: Question, task: ReplicaTask, pieces: tuple[int, ...], given: Given
) -> ReplicaResult | tuple[int, ...]:
    """Where a replica is after some steps over these pieces; or the pieces whose rows lack."""
    _check(question)
    key = (question.name, "share", pieces)
    examples = _kept_as(key)
    if examples is None:
        _read(question, pieces, given)
        parts = [_rows(question, piece, given) for piece in pieces]
        there = [part for part in parts if part is not None]
        if len(there) < len(parts):
            return tuple(p for p, part in zip(pieces, parts, strict=True) if part is None)
        examples = _ready(one_behind_the_other(there))
        for piece in pieces:
            _drop((question.name, question.level, piece))
        _keep(key, examples)
    state = task.state._replace(
        parameters=_aligned(task.state.parameters), memory=_aligned(task.state.memory)
    )
    return run_task(question.architecture, examples, task._replace(state=state), _threads())


def fed(question: Question, pieces: Sequence[int], given: Given) -> None:
    """Keep the rows of these pieces."""
    _read(question, pieces, given)
    for piece in pieces:
        _rows(question, piece, given)


def _check(question: Question) -> None:
    if question.version != VERSION:
        raise SettingError(
            f"a worker runs {VERSION}, and the driver {question.version}: their bits may differ. "
            "Install the same shoal on both."
        )


# --- what is kept ---------------------------------------------------------------------

_sources: dict[str, Source] = {}
Key = tuple[str, int | str, int | tuple[int, ...]]
_kept: OrderedDict[Key, Examples] = OrderedDict()  # the latest used last
_lock = threading.Lock()


def _rows(question: Question, piece: int, given: Given) -> Examples | None:
    key = (question.name, question.level, piece)
    if (kept := _kept_as(key)) is not None:
        return kept
    examples = given.rows.get(piece)
    if examples is None and (source := _sources.get(question.name)) is not None:
        # It was read, and had to make room for another one: once more, alone.
        examples = source.examples(*_blocks(source, question.level, piece, piece))
    if examples is None:
        return None
    examples = _ready(examples)
    _keep(key, examples)
    return examples


def _read(question: Question, pieces: Sequence[int], given: Given) -> None:
    """Read what is not kept, where the worker can, in long runs."""
    name, level = question.name, question.level
    if given.source is not None:
        with _lock:
            _sources[name] = given.source
    source = _sources.get(name)
    if source is None:
        return
    for run in _runs([piece for piece in pieces if _kept_as((name, level, piece)) is None]):
        whole = Here(source.examples(*_blocks(source, level, run[0], run[-1])))
        for i, piece in enumerate(run):
            rows = whole.examples(i << level, i + 1 << level)
            _keep((name, level, piece), _ready(rows))


def _runs(pieces: Sequence[int]) -> list[list[int]]:
    """Consecutive numbers together, some at a time."""
    runs: list[list[int]] = []
    for piece in pieces:
        if runs and piece == runs[-1][-1] + 1 and len(runs[-1]) < READ_TOGETHER:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


def _blocks(source: Source, level: int, first: int, last: int) -> tuple[int, int]:
    """The blocks of pieces first … last."""
    return first << level, min(last + 1 << level, -(-source.m // BLOCK_ROWS))


def _kept_as(key: Key) -> Examples | None:
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
        return _kept.get(key)


def _keep(key: Key, examples: Examples) -> None:
    with _lock:
        _kept[key] = examples
        while len(_kept) > 1 and sum(map(size_of, _kept.values())) > _room():
            _kept.popitem(last=False)


def _drop(key: Key) -> None:
    with _lock:
        _kept.pop(key, None)


def forget(name: str) -> None:
    """Let go of these rows: their training is over."""
    with _lock:
        _sources.pop(name, None)
        for key in [key for key in _kept if key[0] == name]:
            del _kept[key]


def size_of(examples: Examples) -> int:
    """The memory that rows take."""
    return sum(array.nbytes for array in examples if array is not None)


def _ready(examples: Examples) -> Examples:
    """The same with arrays as the kernel likes them: what came over a wire lies anywhere."""
    X, *others = examples
    if isinstance(X, Coded):
        X = Coded(_aligned(X.numbers), _aligned(X.codes), _aligned(X.places), X.groups)
    elif isinstance(X, Sparse):
        X = Sparse(_aligned(X.values), _aligned(X.columns), _aligned(X.starts), X.n_x)
    else:
        X = _aligned(X)
    return Examples(X, *(None if array is None else _aligned(array) for array in others))


def _aligned(array: NDArray[Any]) -> NDArray[Any]:
    if array.flags.c_contiguous and array.ctypes.data % ALIGNMENT == 0:
        return array
    room = np.empty(array.nbytes + ALIGNMENT, np.uint8)
    first = -room.ctypes.data % ALIGNMENT
    copy: NDArray[Any] = room[first : first + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


# --- the worker itself ----------------------------------------------------------------


def _threads() -> int:
    worker = _worker()
    return 1 if worker is None else int(worker.state.nthreads)


def _room() -> float:
    worker = _worker()
    limit = worker.memory_manager.memory_limit if worker is not None else None
    return ROWS_SHARE * limit if limit else float("inf")


def _worker() -> Any:
    """Dask's worker that runs this task; None outside of one."""
    from distributed import get_worker

    try:
        return get_worker()
    except ValueError:
        return None

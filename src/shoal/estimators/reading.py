"""A model file as a fitted model: `saving.py` backwards, which believes nothing.

The document's fields and bounds are checked in `schema.py`. Here every array is asked for once,
by its name, type and shape, and what is left over is refused; then all parts must fit each other.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import to_builtins
from numpy.typing import DTypeLike, NDArray

from shoal.data.encode.encoding import PARTS, Encoding
from shoal.data.encode.novelty import Usual
from shoal.data.rows.seen import KEPT, Seen
from shoal.errors import ModelFileError
from shoal.estimators.calibration import KEPT as KEPT_VALUES
from shoal.estimators.calibration import Calibration, Spread
from shoal.estimators.columns import Inputs
from shoal.estimators.fitted import Fitted
from shoal.estimators.learnt import History
from shoal.estimators.saving import CURVES, DECLARED, NAMES, largest_weight
from shoal.estimators.schema import (
    MOST_TEXT,
    BooleanColumn,
    Classifier,
    Column,
    Model,
    NumberColumn,
    Regressor,
    TimeColumn,
    UnusedColumn,
    WordsColumn,
    diagnosis_of,
    model_of,
    plan_of,
    search_of,
    settings_of,
    written_of,
)
from shoal.estimators.targets import ClassTargets, NumberTargets, Targets
from shoal.estimators.worth import Importance
from shoal.files.typed import AGAIN, refused
from shoal.network.architecture import Architecture
from shoal.network.equations import Parameters
from shoal.settings import POISSON, Settings, names_of
from shoal.training.evidence import UNKNOWN, Evidence
from shoal.training.network import Network
from shoal.wording import shown

# Characters of the names of all encoded columns: those of a column are long if its name is.
MOST_CHARACTERS = 100_000_000
LARGEST_CODE = (1 << 16) - 1  # of a group of columns; it stands for none of them
LARGEST_LOGARITHM = 300.0  # of a width
LARGEST_SEED = (1 << 64) - 1
LARGEST_SCALE = 2e154  # A larger deviation cannot be squared, see `NumberTargets.of`.


class Arrays:
    """The arrays of a file; each is asked for once."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._left = dict(tensors)

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str, dtype: DTypeLike, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """The array of that name; a side of None may have any length."""
        array = self._left.pop(name, None)
        if array is None:
            raise refused(f"there is no array {shown(name)}")
        fits = len(array.shape) == len(shape) and all(
            wanted in (None, found) for wanted, found in zip(shape, array.shape, strict=True)
        )
        if array.dtype != dtype or not fits:
            sides = ", ".join("any" if side is None else str(side) for side in shape)
            raise refused(
                f"expected {shown(name)} as {np.dtype(dtype).name} of shape ({sides}), found "
                f"{array.dtype.name} of shape {array.shape}"
            )
        return array

    @property
    def precision(self) -> str:
        """Of the networks: that of the first array, which all others must have."""
        first = self._left.get("network.0.W1")
        return "float64" if first is not None and first.dtype == np.float64 else "float32"

    def words(self, name: str, *, half_pairs: bool = False) -> tuple[str, ...]:
        """Texts from their bytes, and the places where they end."""
        data = self.take(f"{name}.bytes", np.uint8, (None,)).tobytes()
        ends = self.take(f"{name}.ends", np.int64, (None,)).tolist()
        if any(a > b for a, b in pairwise([0, *ends])) or (ends[-1] if ends else 0) != len(data):
            raise refused(f"the words of {name} do not fit their bytes")
        try:
            return tuple(
                data[a:b].decode("utf-8", "surrogatepass" if half_pairs else "strict")
                for a, b in pairwise([0, *ends])
            )
        except UnicodeDecodeError:
            raise refused(f"the words of {name} are not UTF-8") from None

    def end(self) -> None:
        """Raise ModelFileError if some were not asked for."""
        if self._left:
            names = ", ".join(shown(name) for name in sorted(self._left)[:5])
            raise refused(f"it holds arrays that no model has: {names}")


def from_document(
    document: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
) -> tuple[str, dict[str, Any], Fitted]:
    """The kind, the estimator's parameters, and what it had learnt. Raises ModelFileError."""
    model, arrays = model_of(document), Arrays(tensors)
    kind = document["kind"]
    networks = _networks(model, arrays)
    shape, dtype = networks[0].architecture, networks[0].dtype.name
    parameters = settings_of(model.settings, names_of(DECLARED[kind])) | {"dtype": dtype}
    fitted = Fitted(
        Settings(**parameters),
        _inputs(model, arrays, NAMES[kind], dtype),
        _targets(model, arrays, shape),
        networks,
        _history(model, arrays),
        diagnosis_of(model),
        model.record,
        _seen(arrays),
        _importance(model, arrays),
        _calibration(model, arrays, networks[0]),
        search_of(model),
    )
    if isinstance(fitted.targets, NumberTargets) and fitted.targets.loss != fitted.settings.loss:
        raise refused(f"loss is {shown(fitted.settings.loss)}, and the output {shape.output}")
    arrays.end()
    if fitted.fingerprint != model.fingerprint:
        raise ModelFileError(
            f"the parameters have fingerprint {fitted.fingerprint}, and the file says "
            f"{shown(model.fingerprint)}. {AGAIN}"
        )
    return kind, parameters, fitted


def _networks(model: Model, arrays: Arrays) -> tuple[Network, ...]:
    a = model.architecture
    shape = Architecture(a.n_x, a.n_h, a.n_y, a.activation, a.output)
    names = [f"network.{i}" for i in range(model.members)]
    dtype = np.dtype(arrays.precision)
    networks = []
    for name in names:
        found = [
            arrays.take(f"{name}.{V}", dtype, sides)
            for V, sides in zip(Parameters._fields, shape.shapes, strict=True)
        ]
        if max(float(np.abs(V).max(initial=0)) for V in found) > largest_weight(dtype):
            raise refused(f"{name} has a weight beyond {largest_weight(dtype):.1e}")
        networks.append(Network(*found, activation=a.activation, output=a.output))
    return tuple(networks)


# --- columns ------------------------------------------------------------------------------


def _inputs(model: Model, arrays: Arrays, who: str, dtype: str) -> Inputs:
    names = arrays.words("features") if "features.bytes" in arrays else None
    n, width = model.fitted.n_features_in_, model.fitted.n_features_in_
    labels = arrays.words("labels") if "labels.bytes" in arrays else None
    if names is not None and (len(names) != n or len(set(names)) != n):
        raise refused(f"expected {n} different names of columns, found {len(set(names))}")
    if labels is not None and (names is not None or len(labels) != n):
        raise refused(f"expected {n} labels of columns without names, found {len(labels)}")
    encoding = None
    if model.encoding is not None:
        encoding = _encoding(model.encoding, arrays)
        width = sum(_n_numbers(c) + sum(_groups(c)) for c in model.encoding)
        if len(model.encoding) != n:
            raise refused(f"expected {n} columns in encoding, found {len(model.encoding)}")
    if width != model.architecture.n_x:
        raise refused(
            f"the columns make {width} inputs, and the network has {model.architecture.n_x}"
        )
    written = {name: written_of(column) for name, column in model.written.items()}
    missing = tuple(model.settings.get("missing") or ())
    usual = _usual(arrays, encoding)
    return Inputs(who, n, names, encoding, dtype, written, missing, usual, labels)


def _usual(arrays: Arrays, encoding: Encoding | None) -> tuple[Usual, ...]:
    """What the columns were like; nothing in files of versions that did not keep it."""
    if encoding is None or "usual" not in arrays:
        return ()
    found = arrays.take("usual", np.float64, (len(encoding.columns), len(Usual._fields)))
    usual = tuple(Usual(*row) for row in found.tolist())
    if any(not (0 <= u.missing <= 1 and 0 <= u.rare <= 1 and u.low <= u.high) for u in usual):
        raise refused("expected shares from 0 to 1 and ranges that rise, in usual")
    return usual


def _encoding(columns: list[Column], arrays: Arrays) -> Encoding:
    if len({column.name for column in columns}) < len(columns):
        raise refused("two columns have the same name, in encoding")
    plans = []
    for i, column in enumerate(columns):
        words = arrays.words(f"words.{i}") if isinstance(column, WordsColumn) else ()
        if isinstance(column, WordsColumn) and len(set(words)) != column.words:
            raise refused(
                f"expected {column.words} different words of column {i}, found {len(set(words))}"
            )
        _check_column(column)
        plans.append(plan_of(column, words))
    if sum(len(c.name) * sum(_groups(c)) for c in columns) > MOST_CHARACTERS:
        raise refused("the names of the columns are too long, in encoding")
    return Encoding(tuple(plans))


def _check_column(column: Column) -> None:
    """Raise ModelFileError for what no fit learns."""
    where = f"in encoding of {shown(column.name)}"
    try:
        column.name.encode()
    except UnicodeEncodeError:
        raise refused(f"a name is half a surrogate pair, {where}") from None
    edges = column.edges if isinstance(column, NumberColumn) else ()
    if len(edges) in (1, 2) or any(a >= b for a, b in pairwise(edges)):
        raise refused(f"expected none or at least three edges that rise, {where}")
    if isinstance(column, TimeColumn) and len(set(column.parts)) < len(column.parts):
        raise refused(f"a part of the time comes twice, {where}")
    if max(_groups(column), default=0) > LARGEST_CODE:
        raise refused(f"more than {LARGEST_CODE:,} inputs, {where}")


def _n_numbers(column: Column) -> int:
    """Inputs that are numbers."""
    return int(not isinstance(column, WordsColumn | UnusedColumn))


def _groups(column: Column) -> list[int]:
    """Inputs of each group that one code describes, counted without their names."""
    match column:
        case NumberColumn() | BooleanColumn():
            return [max(len(column.edges) - 1, 0) + column.holes]
        case WordsColumn():
            return [column.words + column.rare + column.holes]
        case TimeColumn():
            return [*(PARTS[part] for part in column.parts), int(column.holes)]
    return []


# --- targets, and how the training went ---------------------------------------------------


def _targets(model: Classifier | Regressor, arrays: Arrays, shape: Architecture) -> Targets:
    targets: Targets
    if isinstance(model, Regressor):
        mean, scale = (
            arrays.take(name, np.float64, (shape.n_y,)) for name in ("target_mean", "target_scale")
        )
        if ((scale < 0) | (scale > LARGEST_SCALE)).any():
            raise refused(f"expected target_scale from 0 to {LARGEST_SCALE:g}")
        if model.columns != (shape.n_y if shape.n_y > 1 else 0):
            raise refused(f"{model.columns} columns of y, and {shape.n_y} outputs")
        loss = POISSON if shape.output == "poisson" else NumberTargets.loss
        targets = NumberTargets(mean, scale, model.columns, loss)
    else:
        targets = ClassTargets(_classes(model, arrays), model.labels, model.threshold)
        n = len(targets.classes)
        if model.threshold is not None and (n, model.labels) != (2, 1):
            raise refused(f"a threshold of {n} classes: expected one of two classes alone")
        if model.labels > 1 and (n != model.labels or targets.classes.tolist() != [*range(n)]):
            raise refused(
                f"expected 0 to {model.labels - 1} as the classes of {model.labels} labels"
            )
    if targets.outputs != (shape.n_y, shape.output):
        n, function = targets.outputs
        raise refused(
            f"the targets need {n} outputs and {function}, and the network has {shape.n_y} and "
            f"{shape.output}"
        )
    return targets


def _classes(model: Classifier, arrays: Arrays) -> NDArray[Any]:
    """The classes, all of one type and in rising order."""
    is_text = model.class_type in ("words", "text")
    if is_text:
        words = arrays.words("classes", half_pairs=True)
        own = model.class_type == "text"
        if own and 4 * len(words) * max(map(len, words), default=0) > MOST_TEXT:
            raise refused("the classes are too long for NumPy's text")
        classes: NDArray[Any] = np.array(words, str if own else object)
        if classes.tolist() != list(words):
            raise refused("a class ends with characters that NumPy's text leaves out")
    else:
        classes = _of_type(model.classes or (), np.dtype(model.class_type))
    if len(classes) < 2 or (model.classes is None) != is_text:
        raise refused(f"expected at least two classes of the type {model.class_type}")
    if not all(a < b for a, b in pairwise(classes.tolist())):
        raise refused("expected different classes, in rising order")
    return classes


def _of_type(found: Sequence[bool | int | float], dtype: np.dtype[Any]) -> NDArray[Any]:
    kind = {"b": bool, "i": int, "u": int, "f": float}[dtype.kind]
    if any(type(value) is not kind for value in found):
        raise refused(f"expected classes of the type {dtype.name}")
    try:
        with np.errstate(over="ignore"):
            classes = np.array(found, dtype)
    except OverflowError:
        raise refused(f"a class is too large for {dtype.name}") from None
    if classes.tolist() != list(found):
        raise refused(f"a class is no {dtype.name}")
    return classes


def _seen(arrays: Arrays) -> Seen | None:
    if "rows_seen" not in arrays:
        return None
    limit, *hashes = arrays.take("rows_seen", np.int64, (None,)).tolist() or [-1]
    if not 0 < len(hashes) <= KEPT or any(a >= b for a, b in pairwise([-1, *hashes, limit + 1])):
        raise refused(f"expected 1 to {KEPT} rising hashes and their limit in rows_seen")
    return Seen(limit, np.array(hashes, np.uint64))


def _importance(model: Model, arrays: Arrays) -> tuple[Importance, ...]:
    """What the columns are worth; nothing in files of versions that did not keep it."""
    if "importance" not in arrays:
        return ()
    found = arrays.take("importance", np.float64, (model.fitted.n_features_in_, 2)).tolist()
    if any(error < 0 for _, error in found):
        raise refused("expected standard errors from 0 on, in importance")
    return tuple(Importance(*one) for one in found)


def _calibration(
    model: Classifier | Regressor, arrays: Arrays, member: Network
) -> Calibration | None:
    if model.calibration is None:
        return None
    shape, dtype = member.architecture, member.dtype
    n = shape.n_y if isinstance(model, Regressor) else 1
    values = arrays.take("calibration.values", np.float64, (n, None))
    deviation = arrays.take("calibration.deviation", np.float64, (n,))
    if not 0 < values.shape[1] <= KEPT_VALUES or (np.diff(values) < 0).any():
        raise refused(f"expected 1 to {KEPT_VALUES} rising values, in calibration")
    if (deviation < 0).any() or (n == 1 and isinstance(model, Classifier) and not 0 <= values[0, 0] <= values[0, -1] <= 1):  # fmt: skip
        raise refused("expected deviations from 0, and probabilities, in calibration")
    spread = None
    if model.calibration.widths:
        if isinstance(model, Classifier):
            raise refused("classes have no widths, in calibration")
        linear = Architecture(shape.n_x, 0, n, "tanh", "identity")
        W2, b2 = (
            arrays.take(f"calibration.{V}", dtype, sides)
            for V, sides in zip(("W2", "b2"), linear.shapes[2:], strict=True)
        )
        bounds = arrays.take("calibration.range", np.float64, (2, n))
        if (bounds[0] > bounds[1]).any() or np.abs(bounds).max() > LARGEST_LOGARITHM:
            raise refused("expected a range that rises, in calibration")
        if max(float(np.abs(V).max()) for V in (W2, b2)) > largest_weight(dtype):
            raise refused(f"calibration has a weight beyond {largest_weight(dtype):.1e}")
        empty = np.empty((0, shape.n_x), dtype), np.empty((0, 1), dtype)
        spread = Spread(Network(*empty, W2, b2, activation="tanh", output="identity"), bounds)
    return Calibration(values, deviation, model.calibration.rows, spread)


def _history(model: Model, arrays: Arrays) -> History:
    kept, members = model.fitted, model.members
    if not len(kept.endings_) == len(kept.member_seeds_) == members:
        raise refused(f"expected an ending and a seed of each of {members} members")
    if any(seed > LARGEST_SEED for seed in kept.member_seeds_):
        raise refused("a seed is beyond 64 bits")
    if len(kept.evidence_) not in (0, members):
        raise refused(f"expected the evidence of each of {members} members, or of none")
    if kept.n_layers_ != (3 if model.architecture.n_h else 2):
        raise refused(f"n_layers_ is {kept.n_layers_}")
    if kept.n_outputs_ != model.architecture.n_y:
        raise refused(f"n_outputs_ is {kept.n_outputs_}")
    losses, validation_losses, scores = (
        tuple(
            tuple(arrays.take(f"{name}.{i}", np.float64, (None,)).tolist()) for i in range(members)
        )
        for name in CURVES
    )
    return History(
        seeds=kept.member_seeds_,
        losses=losses,
        validation_losses=validation_losses,
        validation_scores=scores,
        endings=kept.endings_,
        best_epoch=kept.best_epoch_,
        epochs=kept.n_iter_,
        seconds=kept.training_seconds_,
        evidence=tuple(
            Evidence(*one.values()) if one else UNKNOWN for one in to_builtins(kept.evidence_)
        ),
    )

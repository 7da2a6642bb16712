"""A fitted model as a model file: plain data and arrays, no pickle. `reading.py` reads it back.

What a file holds is listed in `docs/reference/model-file.md` and declared in `schema.py`; what it looks
like, in `shoal.files.layout`.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from shoal.compute.builds import NUMERICS_VERSION
from shoal.data.encode.encoding import to_plain, vocabularies
from shoal.data.read.writing import Written
from shoal.errors import ModelFileError
from shoal.estimators.calibration import Calibration
from shoal.estimators.fitted import Fitted
from shoal.estimators.learnt import Curves
from shoal.estimators.plain import plain_settings
from shoal.estimators.schema import FORMAT_VERSION, MOST_TEXT
from shoal.estimators.targets import NumberTargets, Targets
from shoal.files.container import write
from shoal.network.equations import Parameters
from shoal.settings import DeclaredForClasses, DeclaredForNumbers, names_of
from shoal.training.evidence import Evidence
from shoal.training.network import Network

CLASSIFIER, REGRESSOR = "classifier", "regressor"
NAMES = {CLASSIFIER: "ShoalClassifier", REGRESSOR: "ShoalRegressor"}
DECLARED = {CLASSIFIER: DeclaredForClasses, REGRESSOR: DeclaredForNumbers}
# Of each member, one number an epoch; the last two are empty without a validation part, or a score.
CURVES = ("loss_curve", "validation_loss_curve", "validation_score_curve")


def save(fitted: Fitted, kind: str, path: str | os.PathLike[str]) -> None:
    """Write the fitted model, atomically. Raises FileError when that fails."""
    document, tensors = to_document(fitted, kind)
    write(path, document, tensors)


def to_document(fitted: Fitted, kind: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The model as JSON-able data and named arrays."""
    import shoal

    h, inputs = fitted.history, fitted.inputs
    tensors: dict[str, NDArray[Any]] = {}
    for i, network in enumerate(fitted.networks):
        _refuse_large(network)
        for name, V in zip(Parameters._fields, network.parameters, strict=True):
            tensors[f"network.{i}.{name}"] = np.ascontiguousarray(V)
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "numerics_version": NUMERICS_VERSION,
        "shoal_version": shoal.__version__,
        "kind": kind,
        "architecture": fitted.architecture._asdict(),
        "members": len(fitted.networks),
        "fingerprint": fitted.fingerprint,
        "settings": _settings(fitted, kind),
        "encoding": None if inputs.encoding is None else to_plain(inputs.encoding),
        "fitted": {
            "n_iter_": h.epochs,
            "n_features_in_": inputs.n,
            "n_layers_": 3 if fitted.architecture.n_h else 2,
            "n_outputs_": fitted.architecture.n_y,
            "best_epoch_": h.best_epoch,
            "training_seconds_": h.seconds,
            "endings_": list(h.endings),
            "member_seeds_": list(h.seeds),
            **({"evidence_": [_evidence(found) for found in h.evidence]} if h.evidence else {}),
        },
        "record": dict(fitted.record),
        "diagnosis": fitted.diagnosis.to_dict(),
    }
    if odd := {name: w._asdict() for name, w in inputs.written.items() if w != Written()}:
        document["written"] = odd
    if fitted.search is not None:
        tried = [one._asdict() for one in fitted.search.tried]
        document["search"] = fitted.search._asdict() | {"tried": tried}
    for i, vocabulary in vocabularies(inputs.encoding) if inputs.encoding else ():
        _put_words(tensors, f"words.{i}", vocabulary)
    if inputs.usual:
        tensors["usual"] = np.array(inputs.usual, np.float64)
    if inputs.names is not None:
        _put_words(tensors, "features", inputs.names)
    if inputs.labels is not None:
        _put_words(tensors, "labels", inputs.labels)
    for name, curves in zip(
        CURVES, (h.losses, h.validation_losses, h.validation_scores), strict=True
    ):
        _put_curves(tensors, name, curves, len(fitted.networks))
    _put_targets(fitted.targets, document, tensors)
    if fitted.importance:
        tensors["importance"] = np.array(fitted.importance, np.float64)
    if fitted.seen is not None:
        kept = [np.uint64(fitted.seen.limit), *fitted.seen.hashes]
        tensors["rows_seen"] = np.array(kept, np.uint64).astype(np.int64)
    if fitted.calibration is not None:
        _put_calibration(fitted.calibration, document, tensors)
    return document, tensors


def _settings(fitted: Fitted, kind: str) -> dict[str, Any]:
    """The settings of the fit; for a seed that was drawn the one that was drawn."""
    seed = None if fitted.settings.random_state is None else fitted.history.seeds[0]
    plain = plain_settings(fitted.settings, seed)
    return {name: value for name, value in plain.items() if name in names_of(DECLARED[kind])}


def largest_weight(dtype: DTypeLike) -> float:
    """The largest weight that a file may hold: the product of two of them is finite."""
    return float(np.sqrt(np.finfo(dtype).max))


def _refuse_large(network: Network) -> None:
    largest = float(np.abs(network.vector).max())
    if largest > largest_weight(network.dtype):
        raise ModelFileError(
            f"the model cannot be saved: it has a weight of {largest:.3g}, and expected are finite "
            f"ones up to {largest_weight(network.dtype):.1e}. A fit that diverged leaves such "
            "numbers: train again with a smaller learning rate."
        )


def _put_curves(tensors: dict[str, NDArray[Any]], name: str, curves: Curves, members: int) -> None:
    most = np.finfo(np.float64).max
    for i in range(members):
        curve = np.array(curves[i] if curves else (), np.float64)
        # A file holds finite numbers alone: the last loss of a fit that diverged may be
        # none, and a score that is none counts as below all others.
        if name != "validation_score_curve":
            curve = curve[np.isfinite(curve)]
        tensors[f"{name}.{i}"] = np.clip(curve, -most, most)


def _put_calibration(
    calibration: Calibration, document: dict[str, Any], tensors: dict[str, NDArray[Any]]
) -> None:
    document["calibration"] = {"rows": calibration.rows, "widths": calibration.spread is not None}
    tensors["calibration.values"] = calibration.values
    tensors["calibration.deviation"] = calibration.deviation
    if calibration.spread is not None:
        p = calibration.spread.network.parameters
        tensors["calibration.W2"], tensors["calibration.b2"] = map(np.ascontiguousarray, p[2:])
        tensors["calibration.range"] = calibration.spread.range


# --- words as bytes with offsets: 10,000 of them fit, and the header stays small ------


def _evidence(found: Evidence) -> dict[str, Any] | None:
    """What a file keeps of it; None where it could not be found."""
    return found._asdict() if found.is_known else None


def _put_words(tensors: dict[str, NDArray[Any]], name: str, words: Sequence[str]) -> None:
    encoded = [word.encode("utf-8", "surrogatepass") for word in words]
    tensors[f"{name}.bytes"] = np.frombuffer(b"".join(encoded), np.uint8)
    tensors[f"{name}.ends"] = np.cumsum([len(word) for word in encoded], dtype=np.int64)


# --- what y meant ---------------------------------------------------------------------


def _put_targets(
    targets: Targets, document: dict[str, Any], tensors: dict[str, NDArray[Any]]
) -> None:
    if isinstance(targets, NumberTargets):
        document["columns"] = targets.columns
        tensors["target_mean"], tensors["target_scale"] = targets.mean, targets.scale
        return
    classes = targets.classes
    document["labels"] = targets.labels
    if targets.threshold is not None:
        document["threshold"] = targets.threshold
    words = all(isinstance(c, str) for c in classes.tolist())
    if not words and classes.dtype.kind not in "biuf":
        raise ModelFileError(
            "the classes are neither text, whole numbers, numbers nor booleans: a model file "
            "cannot hold them. Turn y into one of these before fit."
        )
    # NumPy's own text takes the room of the longest for each.
    text = "text" if classes.dtype.kind == "U" and classes.nbytes <= MOST_TEXT else "words"
    document["class_type"] = text if words else classes.dtype.name
    if words:
        _put_words(tensors, "classes", classes.tolist())
    else:
        document["classes"] = classes.tolist()
